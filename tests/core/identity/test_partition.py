"""Identity as a function of evidence: laws, and the rebuild that applies it."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.core.identity.steps import Id, partition, subject, take_in, together, touch
from tests.factory import Touch, touches_batch
from zerodistance.core.identity import api, rebuild
from zerodistance.core.identity.connected import components
from zerodistance.core.identity.contracts import NoSuchPerson
from zerodistance.core.identity.recogniser import Recognition
from zerodistance.kernel import bulk
from zerodistance.kernel.access import Role, Who
from zerodistance.kernel.home import Home, create_home, open_home
from zerodistance.kernel.settings import load
from zerodistance.kernel.state import metadata

VALUES: list[Id] = [
    *(("member_id", f"M{i}") for i in range(3)),
    *(("user_id", f"u{i}") for i in range(4)),
    *(("phone", f"1391234800{i}") for i in range(4)),
    *(("email", f"m{i}@example.com") for i in range(9)),
    *(("openid", f"o{i}") for i in range(3)),
    *(("device_id", f"d{i}") for i in range(3)),
    *(("anonymous_id", f"c{i}") for i in range(5)),
]
ADMIN = Who(1, "admin", Role.ADMIN)

histories = st.lists(
    st.builds(
        Touch,
        ids=st.lists(st.sampled_from(VALUES), min_size=1, max_size=4, unique=True).map(tuple),
        at=st.integers(0, 100),
        rule=st.sampled_from(["login", "identify", "row"]),
    ),
    min_size=1,
    max_size=40,
)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty home; its copies have the same key, which orders what nothing else orders."""
    path = tmp_path_factory.mktemp("template") / "home"
    made = create_home(load(home=path))
    metadata.create_all(made.state.engine)
    made.close()
    return path


def fresh_home(template: Path, folder: str) -> Home:
    shutil.copytree(template, Path(folder) / "home")
    return open_home(load(home=Path(folder) / "home"))


def in_batches(home: Home, touches: list[Touch], size: int) -> None:
    recognition = Recognition(home)
    for start in range(0, len(touches), size):
        take_in(home, *touches[start : start + size], with_=recognition)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    touches=histories,
    random=st.randoms(use_true_random=False),
    one=st.integers(1, 40),
    other=st.integers(1, 40),
)
def test_any_order_of_touches_and_any_batch_sizes_give_the_same_persons(
    template: Path, touches: list[Touch], random: object, one: int, other: int
) -> None:
    shuffled = list(touches)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    with tempfile.TemporaryDirectory() as x, tempfile.TemporaryDirectory() as y:
        first, second = fresh_home(template, x), fresh_home(template, y)
        in_batches(first, touches, one)
        in_batches(second, shuffled, other)
        api.rebuild(first, ADMIN)
        api.rebuild(second, ADMIN)
        assert partition(first, VALUES) == partition(second, VALUES)
        first.close()
        second.close()


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    touches=histories, link=st.lists(st.sampled_from(VALUES), min_size=2, max_size=2, unique=True).map(tuple)
)
def test_merge_then_revoke_is_identity_and_ids_come_back(
    template: Path, touches: list[Touch], link: tuple[Id, Id]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        home = fresh_home(template, folder)
        in_batches(home, [*touches, *(Touch((i,), 0) for i in link)], 7)
        api.rebuild(home, ADMIN)
        before, ids = partition(home, VALUES), earliest(home)
        a, b = (subject(home, *i) for i in link)
        linked = _linked(home, a, b)
        take_in(home, Touch(link, 200))
        if linked:
            return
        api.revoke(home, ADMIN, a, b, "not one")
        api.rebuild(home, ADMIN)
        assert partition(home, VALUES) == before
        now = earliest(home)  # the touch may have begun a turn on a device, which is a subject of its own
        assert {subject: now[subject] for subject in ids} == ids
        home.close()


def earliest(home: Home) -> dict[int, int]:
    """Return subject -> earliest subject of its person: what public ids are made of."""
    first: dict[int, int] = {}
    return {
        row["subject"]: first.setdefault(row["person"], row["subject"])
        for row in api.subject_map(home).to_pylist()
    }


def _linked(home: Home, a: int, b: int) -> bool:
    with home.state.read() as tx:
        sql = "select 1 from evidence where (a = ? and b = ?) or (a = ? and b = ?)"
        return bulk.value(tx, sql, (a, b, b, a)) is not None


@given(st.integers(1, 40), st.lists(st.tuples(st.integers(0, 39), st.integers(0, 39)), max_size=60))
def test_components_are_what_walking_finds(count: int, edges: list[tuple[int, int]]) -> None:
    edges = [(a % count, b % count) for a, b in edges]
    label = list(range(count))
    for _ in range(count):
        for a, b in edges:
            label[a] = label[b] = min(label[a], label[b])
    a, b = np.array(edges, dtype=np.int64).reshape(-1, 2).T
    assert components(count, a, b).tolist() == label


def test_live_and_rebuilt_agree_on_ordinary_days(home: Home, admin: Who) -> None:
    day = [
        touch(minute, **ids)
        for minute, ids in enumerate(
            [
                *({"anonymous_id": f"c{i}"} for i in range(40)),
                *({"anonymous_id": f"c{i}", "user_id": f"u{i // 2}"} for i in range(30)),
                *({"user_id": f"u{i}", "phone": f"139123480{i:02d}"} for i in range(15)),
                *({"member_id": f"M{i}", "phone": f"139123480{i:02d}"} for i in range(10)),
            ]
        )
    ]
    in_batches(home, day, 11)
    found = api.rebuild(home, admin)
    assert (found.moved, found.merged, found.split, found.persons, found.visitors) == (0, 0, 0, 15, 10)
    assert api.rebuild(home, admin).epoch == found.epoch + 1


def test_a_rebuild_frees_what_a_shared_phone_had_joined_and_old_ids_redirect(home: Home, admin: Who) -> None:
    take_in(home, *(touch(i, openid=f"o{i}", phone="13912348001") for i in range(8)))
    before = api.lookup(home, admin, "phone", "13912348001")
    assert before.counts == {"openid": 8, "phone": 1}
    take_in(home, touch(99, openid="o99", phone="13912348001"))
    assert [s.persons for s in api.guards(home, admin).shared] == [9]
    found = api.rebuild(home, admin)
    assert (found.split, found.moved, found.vetoed) == (1, 8, {"identity.shared.phone": 9})
    assert found.split_ids[0][0] == before.id
    phone = api.lookup(home, admin, "phone", "13912348001")
    assert phone.counts == {"phone": 1}
    assert api.show(home, admin, before.id).counts == {"openid": 1}
    edges = api.explain(home, admin, phone.id).edges
    assert {(e.state.value, e.reason) for e in edges} == {("vetoed", "shared")}


def test_when_persons_merge_the_earlier_id_stays_and_the_other_redirects(home: Home, analyst: Who) -> None:
    take_in(
        home,
        touch(0, anonymous_id="c1"),
        touch(1, user_id="u1"),
        touch(2, user_id="u1", email="a@example.com"),
    )
    cookie = api.lookup(home, analyst, "anonymous_id", "c1")
    user = api.lookup(home, analyst, "user_id", "u1")
    take_in(home, touch(3, user_id="u1", anonymous_id="c1"))
    now = api.show(home, analyst, user.id)
    assert (now.id, now.asked, now.number) == (cookie.id, user.id, user.number)
    assert api.show(home, analyst, cookie.id).asked is None


def test_an_earlier_touch_that_comes_late_decides_after_the_rebuild(home: Home, admin: Who) -> None:
    take_in(home, touch(50, member_id="M2", device_id="tablet"))
    take_in(home, touch(60, member_id="M1", device_id="tablet"))
    assert together(home, ("member_id", "M2"), ("device_id", "tablet"))
    take_in(home, touch(10, member_id="M1", device_id="tablet"))
    api.rebuild(home, admin)
    assert together(home, ("member_id", "M1"), ("device_id", "tablet"))


def test_a_rebuild_beside_digestion_changes_nobody_whom_digestion_changed(
    home: Home, admin: Who, monkeypatch: pytest.MonkeyPatch
) -> None:
    recognition = Recognition(home)
    for tablet in ("x", "y"):
        take_in(home, touch(50, member_id=f"M2{tablet}", device_id=tablet), with_=recognition)
        take_in(home, touch(60, member_id=f"M1{tablet}", device_id=tablet), with_=recognition)
        take_in(home, touch(10, member_id=f"M1{tablet}", device_id=tablet), with_=recognition)

    def meanwhile(name: str) -> None:
        if name == "identity.rebuild.solved":
            take_in(
                home, touch(99, member_id="M2x", anonymous_id="c"), touch(99, user_id="u"), with_=recognition
            )

    monkeypatch.setattr(rebuild.fault, "point", meanwhile)
    found = api.rebuild(home, admin)
    monkeypatch.undo()
    assert together(home, ("member_id", "M2x"), ("device_id", "x"), ("anonymous_id", "c"))
    assert together(home, ("member_id", "M1y"), ("device_id", "y"))
    assert found.moved == 1
    assert api.rebuild(home, admin).moved == 1
    assert together(home, ("member_id", "M1x"), ("device_id", "x"))
    numbers = api.subject_map(home)["person"].to_pylist()
    assert len(set(numbers)) == 5


def test_revoked_evidence_stays_revoked_whatever_comes_later(home: Home, admin: Who) -> None:
    take_in(home, touch(50, user_id="u1", phone="13912348001"))
    a, b = subject(home, "user_id", "u1"), subject(home, "phone", "13912348001")
    assert api.revoke(home, admin, b, a, "a friend's phone").split == 1
    take_in(home, touch(10, user_id="u1", phone="13912348001"))
    take_in(home, Touch({"user_id": "u1", "phone": "13912348001"}, 70, rule="row"))
    api.rebuild(home, admin)
    assert not together(home, ("user_id", "u1"), ("phone", "13912348001"))
    person = api.lookup(home, admin, "user_id", "u1")
    (edge,) = api.explain(home, admin, person.id).edges
    assert (edge.state.value, edge.reason, edge.rules) == (
        "revoked",
        "a friend's phone (admin)",
        ("login", "row"),
    )
    api.restore(home, admin, a, b)
    assert together(home, ("user_id", "u1"), ("phone", "13912348001"))


def test_the_map_as_of_a_time_is_that_of_then(home: Home) -> None:
    take_in(home, touch(0, anonymous_id="c1"))
    then = api.subject_map(home).to_pylist()
    with home.state.read() as tx:
        at = bulk.value(tx, "select max(person_from) from subject")
    take_in(home, touch(1, anonymous_id="c1", user_id="u1"))
    assert api.subject_map(home, at=at).to_pylist() == then
    assert api.subject_map(home).to_pylist() == [
        {"subject": 1, "person": 1, "visitor": False},
        {"subject": 2, "person": 1, "visitor": False},
    ]


def test_a_forgotten_person_is_nowhere_and_forgetting_again_does_nothing(home: Home, admin: Who) -> None:
    recognition = Recognition(home)
    facts = {"name": "王小明", "city": "青岛"}
    take_in(home, Touch({"user_id": "u1", "phone": "13912348001"}, 0, facts=facts), with_=recognition)
    take_in(home, touch(1, user_id="u2", phone="13912348002"), with_=recognition)
    person = api.lookup(home, admin, "user_id", "u1")
    api.reveal(home, admin, person.id, "name", "delivery", "case 7")
    with home.state.read() as tx:
        subjects = api.subjects_of(tx, person.number)
    hit = api.matcher(home, subjects)
    assert hit(b'{"traits":{"phone":"+86 139-1234-8001"}}')
    assert hit(b'{"userId":"u1"}') and not hit(b'{"userId":"u12"}')
    take_in(home, touch(2, member_id="会员7"), with_=recognition)
    escaped = api.matcher(home, [subject(home, "member_id", "会员7")])
    assert escaped(json.dumps({"memberId": "会员7"}).encode()) and escaped('{"memberId":"会员7"}'.encode())
    assert api.forget(home, subjects)["identity_vault"] == 4
    assert sum(api.forget(home, subjects).values()) == 0
    for ask in (lambda: api.show(home, admin, person.id), lambda: api.lookup(home, admin, "user_id", "u1")):
        with pytest.raises(NoSuchPerson):
            ask()
    assert take_in(home, touch(2, user_id="u1"), with_=recognition).subjects.tolist() == [6]
    assert recognition.recognise(touches_batch(touch(3, user_id="u2"))).subjects.tolist() == [3]
