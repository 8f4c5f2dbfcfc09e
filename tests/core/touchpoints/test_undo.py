"""Undoing an import leaves everything as if it had never been taken in, whatever came later."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import timedelta
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

import zerodistance.compose as compose
from tests.core.touchpoints.undoing import (
    NAMES,
    NOW,
    START,
    WHO,
    File,
    Live,
    Said,
    Step,
    World,
    held,
    public_ids_follow_the_rule,
    tables,
    template,
)
from tests.postgres import stored
from zerodistance.core.identity import api as identity
from zerodistance.core.identity import archive
from zerodistance.core.identity import store as people
from zerodistance.core.touchpoints import api, forget, import_jobs, jobs, overview, store
from zerodistance.core.touchpoints.import_errors import ImportEnded, ImportUndoing
from zerodistance.core.touchpoints.undo import ImportMixed, ImportOpen, ImportUndone
from zerodistance.kernel import bus, clock
from zerodistance.kernel.access import Role, Who
from zerodistance.kernel.errors import Forbidden, Invalid, NotFound
from zerodistance.kernel.findings import Level

FOLDERS = count()
SLOW = os.environ.get("ZERODISTANCE_TEST_SLOW") == "1"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return template(tmp_path_factory.mktemp("undo"))


@pytest.fixture
def world(made: Path, tmp_path: Path) -> Iterator[World]:
    with World.copy_of(made, tmp_path / "world") as opened:
        yield opened


FACTS = st.dictionaries(
    st.sampled_from(["city", "gender", "name"]), st.sampled_from(["female", "Qingdao", "王小明"]), max_size=2
)


def said(names: list[str]) -> st.SearchStrategy[Said]:
    kinds = sorted({NAMES[name][0] for name in names})
    some = st.tuples(*(st.sampled_from([None, *(n for n in names if NAMES[n][0] == kind)]) for kind in kinds))
    ids = some.map(lambda found: tuple(n for n in found if n is not None))
    bad, ids_given = st.sampled_from([False] * 5 + [True]), st.sampled_from(["", "", "x1", "x2"])
    return st.builds(Said, ids, st.integers(0, 9), FACTS, bad, ids_given)


LIVE = said(["u1", "u2", "c1", "c2", "c3", "p1", "p2", "e1"])
CALLED = said(["m1", "m2", "p1", "p2", "p3", "c1", "c2", "c4"])
LIVES = st.lists(st.builds(Live, st.lists(LIVE, min_size=1, max_size=4)), max_size=2)


def file(name: str) -> st.SearchStrategy[File]:
    return st.builds(
        File,
        st.just(name),
        st.lists(CALLED, min_size=1, max_size=6),
        st.booleans(),
        st.sampled_from(["calls", "web"]),
    )


def law(made: Path, folder: Path, before: list[Step], undone: File, after: list[Step]) -> None:
    """Compare what is left when an import is undone with what there is without it."""
    at = folder / str(next(FOLDERS))
    with World.copy_of(made, at.with_suffix(".with")) as world:
        world.take(*before)
        number = world.load(undone)
        world.take(*after)
        world.undo(number)
        world.settle()
        found = held(world.home)
        assert public_ids_follow_the_rule(world.home)
    with World.copy_of(made, at.with_suffix(".without")) as other:
        other.take(*before, *after)
        other.settle()
        expected = held(other.home)
    for what, value in expected.items():
        assert found[what] == value, what


@settings(max_examples=60 if SLOW else 3)
@given(before=LIVES, undone=file("undone"), after=LIVES, another=st.none() | file("another"))
def test_what_is_left_is_what_there_is_without_it(
    made: Path, tmp_path: Path, before: list[Step], undone: File, after: list[Step], another: File | None
) -> None:
    law(made, tmp_path, before, undone, [*after, *([another] if another else [])])


@settings(max_examples=40 if SLOW else 2)
@given(before=LIVES, undone=file("undone"))
def test_directly_after_it_every_table_is_as_before(
    made: Path, tmp_path: Path, before: list[Step], undone: File
) -> None:
    with World.copy_of(made, tmp_path / str(next(FOLDERS))) as world:
        world.take(*before)
        world.settle()
        rows, knew = tables(world.home), held(world.home)
        world.undo(world.load(undone))
        world.work.seal()
        now = tables(world.home)
        left = set(now.pop("identity_match")) - set(rows.pop("identity_match"))
        assert not left, (
            "what was matched may have stood on the import: it goes, and the next pass finds it again"
        )
        assert now == rows
        assert held(world.home) == knew


CROWD = File("crowd", [Said((f"m{i}", "p1"), i) for i in range(1, 13)])
SOME = File(
    "some",
    [Said(("m1", "p1", "c1"), 3, {"city": "Qingdao", "name": "王伟"}), Said(("m2",), bad=True)],
    mend=True,
)


def test_a_phone_that_only_the_import_made_shared_links_again(made: Path, tmp_path: Path) -> None:
    family = Live([Said(("u1", "p1"), 1), Said(("c1", "p1"), 2), Said(("u2", "e1"), 3)])
    law(made, tmp_path, [family], CROWD, [Live([Said(("c2", "p1"), 5)])])


def test_what_others_said_too_stays_as_they_said_it(world: World) -> None:
    world.take(Live([Said(("u1", "p1", "c1"), 5, {"city": "Jinan"})]))
    number = world.load(SOME)
    world.take(
        Live([Said(("u1", "c1"), 1), Said(("u1", "p1"), 2)]),
        File("more", [Said(("m1", "p1"), 7, {"city": "Yantai"})]),
    )
    report = world.undo(number).report
    found = held(world.home)
    assert found["persons"] == {frozenset({"u1", "p1", "c1", "m1"})}
    assert found["subjects"]["m1"][:2] == (clock.to_micros(START) + 7 * 60_000_000, None)
    assert {(key[2:], at) for key, (at, _) in found["facts"].items()} == {
        (("live",), clock.to_micros(START) + 5 * 60_000_000),
        (("more.csv",), clock.to_micros(START) + 7 * 60_000_000),
    }
    assert ("p1", "phone", "live") in found["vault"] and ("m1", "member_id", "live") in found["vault"]
    assert report is not None and report["removed"]["touches"] == 2 and report["removed"]["quarantine"] == 1
    # m1 and who is named on p1; the three links between them, p1 and c1
    assert (report["removed"]["identity.subjects"], report["removed"]["identity.evidence"]) == (2, 3)
    assert (report["purpose"], report["asked_by"], report["file"]) == ("wrong file", "test", "some.csv")


def test_what_was_revoked_stays_revoked(world: World) -> None:
    number = world.load(File("some", [Said(("m1", "p1", "c1"), 3, {"city": "Qingdao"})]))
    a, b = (identity.lookup(world.home, WHO, *NAMES[name]) for name in ("m1", "p1"))
    assert a.number == b.number
    with world.home.state.read() as tx:
        pair = tx.execute(
            select(people.evidence.c.a, people.evidence.c.b).order_by(people.evidence.c.b)
        ).all()
    world.take(File("more", [Said(("m1", "p1"), 9)]))
    identity.revoke(world.home, WHO, *pair[0], "father and son")
    world.undo(number)
    assert held(world.home)["persons"] == {frozenset({"m1"}), frozenset({"p1"})}


def test_what_was_dropped_as_a_repeat_of_the_import_comes_back(world: World) -> None:
    number = world.load(
        File("wrong", [Said(("m1", "c1"), 1, id="x1"), Said(("m2",), 2, id="x2")], source="web")
    )
    live = Live([Said(("u1", "p1"), 3, {"name": "王伟"}, id="x1"), Said(("u2",), 4, id="x3")])
    world.take(
        live,
        File("right", [Said(("m1", "p1"), 5, {"city": "Jinan"}, id=f"x{i}") for i in (1, 2)], source="web"),
    )
    assert sorted(row[1] for row in held(world.home)["touches"]) == ["x1", "x2", "x3"]
    report = world.undo(number).report
    world.drain()
    found = held(world.home)
    assert sorted((row[1], row[4]) for row in found["touches"]) == [("x1", "u1"), ("x2", "m1"), ("x3", "u2")]
    assert report is not None and report["returned"] == 3
    assert found["persons"] == {frozenset({"u1", "p1", "m1"}), frozenset({"u2"})}
    right = api.get_import(world.home, WHO, number + 1)
    assert (right.accepted, right.duplicates, len(found["set_aside"])) == (1, 1, 0)


def test_what_is_set_aside_is_forgotten_with_the_person_and_goes_in_time(world: World) -> None:
    world.take(File("first", [Said(("m1",), 1, id="x1"), Said(("m2",), 1, id="x2")], source="web"))
    world.take(Live([Said(("u1", "e1"), 3, id="x1"), Said(("u2", "e2"), 3, id="x2")]))
    world.take(Live([Said(("u1", "e1"), 4)]))
    person = identity.lookup(world.home, WHO, *NAMES["u1"])
    with world.home.state.read() as tx:
        forget.ask(world.home, WHO, person.id, identity.subjects_of(tx, person.number), "asked by the person")
    world.drain()
    assert len(held(world.home)["set_aside"]) == 1
    with clock.freeze(NOW + timedelta(days=world.home.settings.quarantine_days + 1)):
        jobs.expire(world.home)
    assert held(world.home)["set_aside"] == []


def test_the_same_file_can_be_imported_again(world: World) -> None:
    world.take(Live([Said(("u1", "p1"), 1)]))
    number = world.load(SOME)
    before = held(world.home)
    world.undo(number)
    assert api.get_import(world.home, WHO, number).state == "undone"
    assert world.load(SOME) == number
    job = api.get_import(world.home, WHO, number)
    assert (job.state, job.accepted, job.duplicates, job.refused) == ("done", 1, 0, 1)
    again = held(world.home)
    assert [again[what] for what in ("touches", "persons", "evidence", "facts", "quarantine")] == [
        before[what] for what in ("touches", "persons", "evidence", "facts", "quarantine")
    ]
    world.undo(number)
    assert [row[1] for row in held(world.home)["touches"]] == ["live-1-0"]


def test_no_file_holds_what_only_the_import_said(world: World) -> None:
    world.take(Live([Said(("u1",), 1)]))
    number = world.load(SOME)
    world.work.seal()
    archive.seal(world.home)
    token = world.home.seal.token("member_id", "M00001")
    assert token in stored(world.home)
    world.undo(number)
    assert token not in stored(world.home)
    assert [files_with(world.home.root, secret) for secret in (token, b"some-0", b"ring 3")] == [[], [], []]


def files_with(root: Path, secret: bytes) -> list[str]:
    return [str(p.relative_to(root)) for p in root.rglob("*") if p.is_file() and secret in p.read_bytes()]


def test_what_was_counted_stays_and_is_counted_against(world: World) -> None:
    number = world.load(SOME)
    world.undo(number)
    with world.home.state.read() as tx:
        hours = tx.execute(select(store.source_hour.c.counter, store.source_hour.c.value)).all()
        said = bus.said(tx, "topic = 'identity.persons_changed'")
    assert {("accepted", 2), ("undone", 2), ("refused", 1)} <= {(c, v) for c, v in hours}
    assert all(item.body["reason"] in ("digest", "undo") for item in said)
    found = [f for f in compose.checks(world.home) if f.level is Level.DAMAGE]
    assert found == []
    assert overview.today(world.home, WHO).sources[0].last_at is None


def test_who_may_not_or_does_not_say_why_is_refused(world: World, analyst: Who) -> None:
    number = world.load(SOME)
    with pytest.raises(Forbidden):
        api.undo_import(world.home, analyst, number, "why not")
    with pytest.raises(Invalid, match="say why"):
        api.undo_import(world.home, WHO, number, "  ")
    with pytest.raises(NotFound, match="import 99"):
        api.undo_import(world.home, WHO, 99, "wrong file")
    with pytest.raises(Forbidden):
        api.stop_import(world.home, analyst, number)


def test_an_import_is_undone_once_and_nobody_imports_meanwhile(world: World) -> None:
    number = world.load(SOME)
    asked = api.undo_import(world.home, WHO, number, "wrong file")
    assert api.undo_import(world.home, WHO, number, "again").id == asked.id
    with pytest.raises(ImportUndoing, match="being undone"):
        world.load(SOME)
    world.drain()
    with pytest.raises(ImportUndone, match="was undone by test"):
        api.undo_import(world.home, WHO, number, "again")


def test_an_open_import_is_stopped_first_and_goes_on_where_it_stood(world: World) -> None:
    many = File("many", [Said(("m1",), i) for i in range(8)])
    number = world.load(many, drain=False)
    with pytest.raises(ImportOpen, match=f"import stop {number}"):
        api.undo_import(world.home, WHO, number, "wrong file")
    assert api.stop_import(world.home, WHO, number).state == "stopped"
    assert held(world.home)["staged"] == []
    with pytest.raises(ImportEnded, match="import undo"):
        api.stop_import(world.home, WHO, number)
    world.drain()
    assert held(world.home)["touches"] == []
    assert world.load(many) == number
    assert api.get_import(world.home, WHO, number).accepted == 8
    world.undo(number)
    assert held(world.home)["touches"] == []


def test_a_worker_that_is_at_it_does_not_reopen_what_was_stopped(world: World) -> None:
    number = world.load(CROWD, drain=False)
    api.stop_import(world.home, WHO, number)
    import_jobs.started(world.home, number)
    import_jobs.finished(world.home, number, rows=2)
    assert api.get_import(world.home, WHO, number).state == "stopped"


def test_an_import_of_an_earlier_version_is_not_undone_by_guess(world: World) -> None:
    number = world.load(SOME)
    with world.home.state.write() as tx:
        tx.execute(store.batch.update().values(origin=0))
    with pytest.raises(ImportMixed, match="earlier version"):
        api.undo_import(world.home, WHO, number, "wrong file")


def test_an_account_of_other_units_does_not_find_it(world: World) -> None:
    number = world.load(SOME)
    with world.home.state.write() as tx:
        tx.execute(store.source.update().values(unit="fridge"))
    with pytest.raises(NotFound, match="import"):
        api.undo_import(world.home, Who(3, "washer", Role.ADMIN, frozenset({1})), number, "wrong file")


def test_a_visitor_of_an_import_stays_as_long_as_it_was_brought_lately(world: World) -> None:
    world.take(File("visits", [Said(("c1",), 1)]))
    assert identity.expire_visitors(world.home) == 0
    with world.home.state.write() as tx:
        tx.execute(people.identity_sighting.update().values(seen_at=1))
    assert identity.expire_visitors(world.home) == 1
