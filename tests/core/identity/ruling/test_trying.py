"""Rules tried, applied and undone over the stores."""

from __future__ import annotations

import csv
import os
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.core.identity.steps import partition, subject, take_in, together, touch
from tests.core.identity.test_partition import (  # noqa: F401  (a fixture)
    ADMIN,
    VALUES,
    earliest,
    fresh_home,
    histories,
    in_batches,
    template,
)
from tests.factory import Touch
from zerodistance.core.identity import api
from zerodistance.core.identity.contracts import Rebuilt
from zerodistance.core.identity.recogniser import Recognition
from zerodistance.core.identity.ruling.contracts import (
    NoSuchModel,
    NothingChanges,
    NothingToUndo,
    RulesMoved,
)
from zerodistance.kernel import bulk
from zerodistance.kernel.access import Role, Who
from zerodistance.kernel.errors import Forbidden, Invalid
from zerodistance.kernel.home import Home

SLOW = os.environ.get("ZERODISTANCE_TEST_SLOW") == "1"
CHANGES = (
    "email.cap=2", "device_id.cap=1/1", "phone.limit=1/ever", "user_id.limit=3/ever", "openid.limit=1/30", "anonymous_id.cap=1/ever",
    "member_id.limit=2/ever", "email.limit=1/1", "device_id.limit=1/1", "phone.records=1",
)  # fmt: skip
changed = st.lists(st.sampled_from(CHANGES), min_size=1, max_size=3, unique=True)


def as_said(found: Rebuilt) -> Rebuilt:
    """Return the difference without what a try can't know: number of the epoch, version, time."""
    return replace(found, epoch=0, rules=0, seconds=0.0)


@settings(max_examples=60 if SLOW else 8, deadline=None, suppress_health_check=list(HealthCheck))
@given(touches=histories, first=changed, then=changed)
def test_applying_changes_what_the_try_said_and_undoing_it_ends_where_it_began(
    template: Path,  # noqa: F811
    touches: list[Touch],
    first: list[str],
    then: list[str],
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        home = fresh_home(template, folder)
        in_batches(home, touches, 7)
        api.rebuild(home, ADMIN)
        began = partition(home, VALUES), earliest(home)
        seen = []
        for change in (first, then):
            try:
                said = api.rules_try(home, ADMIN, change)
            except NothingChanges:
                continue
            before = partition(home, VALUES), earliest(home)
            done = api.rules_apply(home, ADMIN, change, "a law")
            assert as_said(done) == as_said(said.rebuilt)
            assert said.anyway == 0
            assert (done.persons, done.visitors) == (said.after.persons, said.after.visitors)
            assert api.rebuild(home, ADMIN).moved == 0
            seen.append(before)
        for before in reversed(seen):
            api.rules_undo(home, ADMIN)
            assert (partition(home, VALUES), earliest(home)) == before
        assert (partition(home, VALUES), earliest(home)) == began
        assert api.rules(home, ADMIN).version == 0
        home.close()


@settings(max_examples=60 if SLOW else 5, deadline=None, suppress_health_check=list(HealthCheck))
@given(touches=histories, change=changed, random=st.randoms(use_true_random=False), one=st.integers(1, 40))
def test_under_changed_rules_too_any_order_and_any_batches_give_the_same_persons(
    template: Path,  # noqa: F811
    touches: list[Touch],
    change: list[str],
    random: object,
    one: int,
) -> None:
    shuffled = list(touches)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    with tempfile.TemporaryDirectory() as x, tempfile.TemporaryDirectory() as y:
        first, second = fresh_home(template, x), fresh_home(template, y)
        take_in(first, touch(0, user_id="somebody"))
        take_in(second, touch(0, user_id="somebody"))
        api.rules_apply(first, ADMIN, change, "before")
        in_batches(first, touches, one)
        in_batches(second, shuffled, 7)
        api.rules_apply(second, ADMIN, change, "after")
        api.rebuild(first, ADMIN)
        assert partition(first, VALUES) == partition(second, VALUES)
        first.close()
        second.close()


def crowd(home: Home, phone: str = "13912348001", many: int = 9) -> None:
    take_in(home, *(touch(i, openid=f"o{i}", phone=phone) for i in range(many)))


def test_a_try_says_who_would_merge_and_why_and_writes_nothing(home: Home, admin: Who) -> None:
    crowd(home)
    api.rebuild(home, admin)
    with home.state.read() as tx:
        before = tx.exec_driver_sql("select number, person, shared from subject order by 1").all()
    said = api.rules_try(home, admin, ["phone.cap=12"])
    assert (said.before.persons, said.after.persons) == (10, 1)
    assert (said.before.largest, said.after.largest) == (1, 10)
    assert (said.rebuilt.merged, said.rebuilt.split, said.rebuilt.freed) == (9, 0, 1)
    assert [one.masked for one in said.freed] == ["+86139****8001"] and said.shared == ()
    example = said.examples[0]
    assert example.merged and example.why == "freed"
    assert example.left is not None and example.right is not None
    assert "+86139****8001" in (example.left.masked, example.right.masked)
    with home.state.read() as tx:
        assert tx.exec_driver_sql("select number, person, shared from subject order by 1").all() == before
    assert api.rules(home, admin).history == ()


def test_a_split_says_which_identifier_would_stop_linking(home: Home, admin: Who) -> None:
    crowd(home, many=5)
    api.rebuild(home, admin)
    said = api.rules_try(home, admin, ["phone.cap=3"], examples=2)
    assert (said.rebuilt.split, said.after.persons, said.rebuilt.shared) == (1, 6, 1)
    assert {one.why for one in said.examples} == {"shared"} and len(said.examples) == 1
    said = api.rules_try(home, admin, ["openid.limit=2/365"])
    assert {one.why for one in said.examples} == {"limit"}


def test_a_table_of_all_moves_names_ids_only(home: Home, admin: Who, tmp_path: Path) -> None:
    crowd(home)
    api.rebuild(home, admin)
    said = api.rules_try(home, admin, ["phone.cap=12"], moves=tmp_path / "moves.csv")
    rows = list(csv.reader((tmp_path / "moves.csv").read_text().splitlines()))
    assert rows[0] == ["subject", "namespace", "person", "would_be"]
    assert len(rows) - 1 == said.rebuilt.moved == 9
    assert {row[3] for row in rows[1:]} == {api.lookup(home, admin, "openid", "o0").id}
    assert {row[1] for row in rows[1:]} == {"openid", "phone"}


def test_live_recognition_follows_the_rules_of_the_day(home: Home, admin: Who) -> None:
    recognition = Recognition(home)
    take_in(home, touch(0, openid="o0", phone="13912348001"), with_=recognition)
    api.rules_apply(home, admin, ["phone.cap=2"], "a small brand")
    for n in (1, 2):
        take_in(home, touch(n, openid=f"o{n}", phone="13912348001"), with_=recognition)
    assert [one.persons for one in api.guards(home, admin).shared] == [3]
    assert not together(home, ("openid", "o2"), ("phone", "13912348001"))
    found = api.rules_undo(home, admin)
    assert (found.freed, found.rules) == (1, 0)
    assert together(home, *((("openid", f"o{n}")) for n in range(3)), ("phone", "13912348001"))


def test_rules_are_kept_by_version_and_every_epoch_says_which(home: Home, admin: Who) -> None:
    crowd(home)
    api.rebuild(home, admin)
    api.rules_apply(home, admin, ["phone.cap=12"], "many friends", seen=0)
    api.rules_apply(home, admin, ["phone.cap=shipped", "openid.limit=20"], "fewer friends")
    api.rules_undo(home, admin)
    api.rules_apply(home, admin, ["match.most=40"], "large families")
    found = api.rules(home, admin)
    assert found.version == 3
    assert found.values["phone.cap"] == "12/1095" and found.shipped["phone.cap"] == "8/1095"
    said = {v.version: [(c.key, c.old, c.new) for c in v.changes] for v in found.history}
    assert said == {
        1: [("phone.cap", "8/1095", "12/1095")],
        2: [("openid.limit", "12/365", "20/365"), ("phone.cap", "12/1095", "8/1095")],
        3: [("match.most", "50", "40")],
    }
    assert [(v.version, v.undone_by) for v in found.history] == [(3, ""), (2, "admin"), (1, "")]
    assert [e.rules for e in reversed(found.epochs)] == [0, 1, 2, 1, 3]
    assert api.rebuild(home, admin).rules == 3


def test_what_changes_nothing_is_not_a_version_and_what_somebody_has_not_seen_is_not_changed(
    home: Home, admin: Who
) -> None:
    crowd(home)
    with pytest.raises(NothingChanges):
        api.rules_try(home, admin, ["phone.cap=8"])
    with pytest.raises(NothingToUndo):
        api.rules_undo(home, admin)
    with pytest.raises(NoSuchModel, match="there are default"):
        api.rules_try(home, admin, ["model=home-2026-01-01-1"])
    with pytest.raises(Invalid, match="say why"):
        api.rules_apply(home, admin, ["phone.cap=9"], " ")
    api.rules_apply(home, admin, ["phone.cap=9"], "nine")
    with pytest.raises(RulesMoved):
        api.rules_apply(home, admin, ["phone.cap=10"], "ten", seen=0)


def test_who_may_not_decide_may_not_look_at_rules_either(home: Home) -> None:
    analyst = Who(2, "analyst", Role.ANALYST)
    for ask in (
        lambda: api.rules(home, analyst),
        lambda: api.rules_try(home, analyst, ["phone.cap=9"]),
        lambda: api.rules_apply(home, analyst, ["phone.cap=9"], "nine"),
        lambda: api.rules_undo(home, analyst),
        lambda: api.models(home, analyst),
    ):
        with pytest.raises(Forbidden):
            ask()


FLAT = "青岛市城阳区双山路250号双桥城4号楼2单元201"


def two_spellings(home: Home) -> None:
    """Take in one person who is written in two ways, and one family, for the matcher."""
    same = {"birthday": "1987-03-02", "address": FLAT, "gender": "女"}
    take_in(
        home,
        *(Touch({"record": f"r{n}"}, n, facts={"name": name, **same}) for n, name in enumerate(("欧阳晓辰", "欧阳晓晨"))),
        Touch({"record": "r2"}, 2, facts={"name": "欧阳建国", "birthday": "1957-11-20", "address": FLAT}),
        with_=Recognition(home),
    )  # fmt: skip


def test_thresholds_of_the_matcher_are_tried_with_the_matcher(home: Home, admin: Who) -> None:
    two_spellings(home)
    api.match(home, admin)
    r0, r1 = ("record", "1:r0"), ("record", "1:r1")
    assert together(home, r0, r1)
    stages = []
    said = api.rules_try(home, admin, ["match.join=60"], told=lambda stage, done, of: stages.append(stage.en))
    assert said.matched and said.links == 0 and said.rebuilt.split == 1
    (example,) = said.examples
    assert example.why == "match" and example.bits is not None and example.bits > 0
    assert list(dict.fromkeys(stages)) == ["reading", "comparing what was written", "joining persons", "counting what changes"]  # fmt: skip
    done = api.rules_apply(home, admin, ["match.join=60"], "certain only")
    assert as_said(done) == as_said(said.rebuilt)
    assert not together(home, r0, r1)
    assert api.reviews(home, admin).left >= 1
    api.match(home, admin)
    assert not together(home, r0, r1)
    api.rules_undo(home, admin)
    assert together(home, r0, r1)
    assert api.explain(home, admin, api.lookup(home, admin, "record", "1:r0").id).edges[0].weight


def test_a_night_asks_the_matcher_again_after_what_is_shared_changed(home: Home, admin: Who) -> None:
    from zerodistance.core.identity import match

    two_spellings(home)
    api.match(home, admin)
    with home.state.read() as tx:
        assert not match.stale(tx)
    api.rules_apply(home, admin, ["phone.cap=9"], "nine")
    with home.state.read() as tx:
        assert match.stale(tx)
    api.rules_apply(home, admin, ["phone.cap=10"], "ten", match=True)
    with home.state.read() as tx:
        assert not match.stale(tx)


def test_somebody_who_is_forgotten_while_rules_are_tried_comes_back_in_no_match(
    home: Home, admin: Who, monkeypatch: pytest.MonkeyPatch
) -> None:
    from zerodistance.core.identity.ruling import applying

    two_spellings(home)
    gone = subject(home, "record", "1:r0")

    def meanwhile(name: str) -> None:
        if name == "identity.match.found":
            api.forget(home, [gone])

    monkeypatch.setattr(applying.fault, "point", meanwhile)
    api.rules_apply(home, admin, ["match.most=40"], "meanwhile")
    monkeypatch.undo()
    with home.state.read() as tx:
        sql = "select count(*) from identity_match where a = ? or b = ?"
        assert bulk.value(tx, sql, (gone, gone)) == 0
