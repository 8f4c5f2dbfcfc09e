"""A record that no identifier leads to finds its person as it comes in, and the pass over everything says the same."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.core.identity.steps import partition, subject, take_in, together
from tests.factory import Touch
from zerodistance.core.identity import api, mentions
from zerodistance.core.identity.contracts import MatchRunning, Verdict
from zerodistance.core.identity.match import match
from zerodistance.core.identity.placing import index, place
from zerodistance.core.identity.placing.place import Lookup, Placer, Said
from zerodistance.core.identity.recogniser import Recognition
from zerodistance.kernel import bulk
from zerodistance.kernel import home as homes
from zerodistance.kernel.access import Who
from zerodistance.kernel.home import Home
from zerodistance.kernel.settings import load

FLAT = "青岛市城阳区双山路250号双桥城4号楼2单元201"
SHORT = "双桥城4-2-201"
CROWD = tuple(f"{one}{two}" for one in "赵钱孙李周吴郑" for two in ("小芳", "建国", "子涵"))


def row(n: int, name: str, phone: str = "", **facts: str) -> Touch:
    ids = {"record": f"r{n}"} | ({"phone": phone} if phone else {})
    return Touch(ids, n, facts={"name": name, **facts})


def record(n: int) -> tuple[str, str]:
    return "record", f"1:r{n}"


def crowd() -> list[Touch]:
    return [row(100 + n, name, address=f"海棠小区{n}号楼1单元{301 + n}") for n, name in enumerate(CROWD)]


def placed(home: Home, recognition: Recognition | None = None) -> int:
    return Placer(home, (recognition or Recognition(home)).moved).step(60)


@pytest.mark.parametrize("passed", [True, False], ids=["after a pass", "before the first pass"])
def test_a_record_without_a_common_identifier_is_placed_as_it_comes_in(
    home: Home, admin: Who, passed: bool
) -> None:
    take_in(home, row(0, "欧阳晓辰", "13912348001", address=FLAT), *crowd())
    api.match(home, admin) if passed else None
    take_in(home, row(1, "欧阳晓辰先生", "13912348007", address=SHORT))
    assert not together(home, record(0), record(1))
    assert placed(home) > 0
    assert together(home, record(0), record(1))
    assert placed(home) == 0, "nothing is placed twice"
    found, rebuilt = api.match(home, admin)
    assert (found.new, found.gone, rebuilt.moved) == (0, 0, 0), "the pass over everything says the same"


def test_a_family_member_is_not_placed_with_another(home: Home, admin: Who) -> None:
    take_in(home, row(0, "王建国", "13912348001", address=FLAT), *crowd())
    api.match(home, admin)
    take_in(home, row(1, "李秀英", "13912348002", address=FLAT), row(2, "王小雨", address=FLAT))
    placed(home)
    assert len(partition(home, [record(n) for n in range(3)])) == 3


def test_two_members_are_never_placed_together_but_somebody_is_asked(home: Home, admin: Who) -> None:
    same = {"name": "欧阳晓辰", "address": FLAT, "birthday": "1987-03-02"}
    take_in(home, Touch({"member_id": "M0"}, 0, facts=same), *crowd())
    api.match(home, admin)
    take_in(home, Touch({"member_id": "M1"}, 1, facts=same))
    placed(home)
    assert not together(home, ("member_id", "M0"), ("member_id", "M1"))
    with home.state.read() as tx:
        assert bulk.rows(tx, "select linked from identity_match") == [(0,)]


def test_what_somebody_decided_holds_for_what_is_placed(home: Home, admin: Who) -> None:
    take_in(home, row(0, "欧阳晓辰", address=FLAT), row(1, "欧阳晓辰", "13912348007"), *crowd())
    api.match(home, admin)
    api.decide(home, admin, subject(home, *record(0)), subject(home, *record(1)), Verdict.DIFFERENT)
    take_in(home, row(1, "欧阳晓辰", "13912348007", address=SHORT))
    placed(home)
    assert not together(home, record(0), record(1))


def test_a_phone_of_many_people_says_nothing_of_who_somebody_is(home: Home, admin: Who) -> None:
    dealer, own = "13812348000", "13912348001"
    take_in(home, *(row(n, name, dealer) for n, name in enumerate(CROWD)))
    api.rebuild(home, admin)
    take_in(home, row(50, CROWD[0], dealer), row(51, CROWD[1], own))
    with home.state.read() as tx:
        last = bulk.value(tx, "select max(batch) from identity_mention")
        said = place.faces(home, tx, mentions.of_batch(tx, home.seal, last))
    assert {one.face.phone for one in said} == {"", f"+86{own}"}


def test_whoever_recognises_knows_who_was_moved(home: Home, admin: Who) -> None:
    recognition = Recognition(home)
    take_in(home, row(0, "欧阳晓辰", "13912348001", address=FLAT), *crowd(), with_=recognition)
    api.match(home, admin)
    take_in(home, row(1, "欧阳晓辰", "13912348007", address=SHORT), with_=recognition)
    placed(home, recognition)
    take_in(home, Touch({"record": "r1", "user_id": "u1"}, 5), Touch({"record": "r0"}, 6), with_=recognition)
    assert together(home, record(0), record(1), ("user_id", "u1"))
    assert api.rebuild(home, admin).moved == 0


def test_a_forgotten_person_is_wiped_from_the_index(home: Home, admin: Who) -> None:
    take_in(home, row(0, "欧阳晓辰", "13912348001", address=FLAT), *crowd())
    api.match(home, admin)
    gone = subject(home, *record(0))
    with home.state.read() as tx:
        known = Lookup(home).refresh(tx)
    assert known.of([gone])
    assert api.forget(home, [gone])["matcher"] == 1
    assert not known.of([gone])
    (faces,) = home.path(index.FOLDER).glob("*/faces")
    assert b"\0" * 40 in faces.read_bytes()
    take_in(home, row(1, "欧阳晓辰", "13912348007", address=SHORT))
    placed(home)
    with home.state.read() as tx:
        assert bulk.value(tx, "select count(*) from identity_match") == 0


def test_somebody_forgotten_since_the_pass_is_not_kept_in_memory(home: Home, admin: Who) -> None:
    take_in(home, *crowd())
    api.match(home, admin)
    lookup = Lookup(home)
    take_in(home, row(0, "欧阳晓辰", "13912348001", address=FLAT))
    gone = subject(home, *record(0))
    with home.state.read() as tx:
        assert lookup.refresh(tx).of([gone])
    api.forget(home, [gone])
    with home.state.read() as tx:
        known = lookup.refresh(tx)
    assert not known.of([gone]) and not any(one.face.surname == "ouyang" for one in known.fresh.kept)


def test_a_large_batch_is_left_to_the_pass(home: Home, admin: Who, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(place, "LARGE", 3)
    take_in(home, row(0, "欧阳晓辰", "13912348001", address=FLAT), *crowd())
    take_in(home, row(1, "欧阳晓辰", "13912348007", address=SHORT))
    assert placed(home) == 1
    assert not together(home, record(0), record(1))
    api.match(home, admin)
    assert together(home, record(0), record(1))


def test_a_failure_is_logged_and_digestion_goes_on(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    take_in(home, row(0, "欧阳晓辰", address=FLAT))
    placer = Placer(home, Recognition(home).moved)

    def broken(*_: object) -> Said:
        raise RuntimeError("broken")

    monkeypatch.setattr(place, "place", broken)
    assert placer.step(60) == 0 and placer.step(60) == 0
    monkeypatch.undo()
    assert placed(home) == 1


def test_whoever_was_moved_before_something_failed_is_known_to_recognition(
    home: Home, admin: Who, monkeypatch: pytest.MonkeyPatch
) -> None:
    recognition = Recognition(home)
    take_in(home, row(0, "欧阳晓辰", "13912348001", address=FLAT), *crowd(), with_=recognition)
    api.match(home, admin)
    take_in(
        home,
        row(1, "欧阳晓辰", "13912348007", address=SHORT),
        row(2, "李秀英", address=FLAT),
        with_=recognition,
    )
    done, real = list[Said](), place.place

    def once(home: Home, lookup: Lookup, said: Said) -> place.Placed:
        assert not done, "broken"
        done.append(said)
        return real(home, lookup, said)

    monkeypatch.setattr(place, "place", once)
    Placer(home, recognition.moved).step(60)
    take_in(home, Touch({"record": "r1", "user_id": "u1"}, 5), with_=recognition)
    assert together(home, record(0), record(1), ("user_id", "u1"))
    assert api.rebuild(home, admin).moved == 0


def test_what_was_placed_while_persons_were_computed_stays(
    home: Home, admin: Who, monkeypatch: pytest.MonkeyPatch
) -> None:
    take_in(home, row(0, "欧阳晓辰", "13912348001", address=FLAT), *crowd())
    api.match(home, admin)
    take_in(home, row(1, "欧阳晓辰", "13912348007", address=SHORT))

    def meanwhile(name: str) -> None:
        if name == "identity.rebuild.solved":
            monkeypatch.undo()
            placed(home)

    monkeypatch.setattr("zerodistance.core.identity.rebuild.fault.point", meanwhile)
    api.rebuild(home, admin)
    assert together(home, record(0), record(1))
    assert api.rebuild(home, admin).moved == 0


def test_what_was_placed_while_a_pass_ran_is_not_taken_away_by_it(
    home: Home, admin: Who, monkeypatch: pytest.MonkeyPatch
) -> None:
    take_in(home, row(0, "欧阳晓辰", "13912348001", address=FLAT), *crowd())
    api.match(home, admin)

    def meanwhile(name: str) -> None:
        if name == "identity.match.found":
            monkeypatch.undo()
            take_in(home, row(1, "欧阳晓辰", "13912348007", address=SHORT))
            placed(home)

    monkeypatch.setattr("zerodistance.core.identity.match.fault.point", meanwhile)
    api.match(home, admin)
    assert together(home, record(0), record(1))


def test_one_pass_at_a_time_makes_an_index(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zerodistance.core.identity.match._PATIENCE", 0.0)
    with index.alone(home), pytest.raises(MatchRunning):
        match(home)


def test_what_a_killed_pass_left_half_written_goes_with_whoever_is_forgotten(home: Home, admin: Who) -> None:
    take_in(home, row(0, "欧阳晓辰", "13912348001", address=FLAT), *crowd())
    api.match(home, admin)
    half = home.path(index.FOLDER, "99")
    half.mkdir()
    (half / "faces").write_bytes(b"half")
    api.forget(home, [subject(home, *record(0))])
    assert not half.exists()


def test_an_index_of_which_a_file_is_gone_is_no_index(home: Home, admin: Who) -> None:
    take_in(home, row(0, "欧阳晓辰", "13912348001", address=FLAT), *crowd())
    api.match(home, admin)
    next(home.path(index.FOLDER).glob("*/ends")).unlink()
    with home.state.read() as tx:
        assert Lookup(home).refresh(tx).index is None


def test_a_pass_leaves_one_index_and_an_undone_import_none(home: Home, admin: Who) -> None:
    take_in(home, *crowd())
    api.match(home, admin)
    api.match(home, admin)
    assert len(list(home.path(index.FOLDER).glob("*/index.json"))) == 1
    index.drop(home)
    assert not list(home.path(index.FOLDER).glob("*/*"))
    with home.state.read() as tx:
        known = Lookup(home).refresh(tx)
    assert known.index is None and len(known.fresh.kept) == len(CROWD)


WAYS = (
    ("欧阳晓辰", FLAT),
    ("欧阳晓晨", SHORT),
    ("欧阳先生", FLAT),
    ("李秀英", FLAT),
    ("李秀瑛", SHORT),
    ("王小雨", ""),
)


@settings(max_examples=15, deadline=None)
@given(st.permutations(range(6)), st.integers(1, 6))
def test_the_pass_says_the_same_whatever_order_and_batches_records_came_in(
    tmp_path_factory: pytest.TempPathFactory, order: list[int], size: int
) -> None:
    said = []
    for rows, step in ((list(range(6)), 6), (order, size)):
        home = homes.create_home(load(home=tmp_path_factory.mktemp("order") / "home"))
        for first in range(0, 6, step):
            take_in(home, *(row(n, WAYS[n][0], address=WAYS[n][1]) for n in rows[first : first + step]))
        match(home)
        api.rebuild(home, Who.system("test"))
        said.append(partition(home, [record(n) for n in range(6)]))
        home.close()
    assert said[0] == said[1]


def test_faces_are_sealed_on_disk(home: Home, admin: Who) -> None:
    take_in(home, row(0, "欧阳晓辰", "13912348001", address=FLAT), *crowd())
    api.match(home, admin)
    raw = b"".join(path.read_bytes() for path in home.path(index.FOLDER).rglob("*") if path.is_file())
    for word in ("ouyang", "晓辰", "双桥", "13912348001", "xiaochen"):
        assert word.encode() not in raw
