"""The matcher joins what nobody's identifier joins, and leaves the doubtful to somebody."""

from __future__ import annotations

import pytest

from tests.core.identity.steps import partition, subject, take_in, together
from tests.factory import Touch, touches_batch
from zerodistance.core.identity import api
from zerodistance.core.identity import match as match_module
from zerodistance.core.identity.contracts import Verdict
from zerodistance.core.identity.match import match, stale
from zerodistance.core.identity.recogniser import Recognition
from zerodistance.kernel import bulk
from zerodistance.kernel.access import Who
from zerodistance.kernel.home import Home

FLAT = "青岛市城阳区双山路250号双桥城4号楼2单元201"


def row(n: int, name: str, phone: str = "", **facts: str) -> Touch:
    ids = {"record": f"r{n}"} | ({"phone": phone} if phone else {})
    return Touch(ids, n, facts={"name": name, **facts})


def record(n: int) -> tuple[str, str]:
    return "record", f"1:r{n}"


def test_one_person_written_in_two_ways_without_a_common_identifier_is_found(home: Home, admin: Who) -> None:
    take_in(
        home,
        row(0, "欧阳晓辰", "13912348001", address=FLAT, birthday="1987-03-02"),
        row(1, "欧阳晓晨先生", "13912348007", address="双桥城4-2-201", birthday="1987/3/2"),
        row(2, "李娜", "13912348002", address="海棠小区9号楼1单元302"),
    )
    assert not together(home, record(0), record(1))
    found, rebuilt = api.match(home, admin)
    assert (found.mentions, found.links, found.new, found.gone, rebuilt.merged) == (3, 1, 1, 0, 1)
    assert together(home, record(0), record(1)) and not together(home, record(0), record(2))
    again, rebuilt = api.match(home, admin)
    assert (again.links, again.new, again.gone, rebuilt.moved) == (1, 0, 0, 0)


def test_a_family_in_one_flat_stays_a_family(home: Home, admin: Who) -> None:
    names = ("王建国", "李秀英", "王小雨")
    take_in(home, *(row(n, name, "13912348001", address=FLAT) for n, name in enumerate(names)))
    api.match(home, admin)
    assert len(partition(home, [record(n) for n in range(3)])) == 3


def test_two_members_are_never_matched_however_alike_they_are(home: Home, admin: Who) -> None:
    same = {"name": "王伟", "address": FLAT, "birthday": "1987-03-02"}
    take_in(home, *(Touch({"member_id": f"M{n}"}, n, facts=same) for n in range(2)))
    api.match(home, admin)
    assert not together(home, ("member_id", "M0"), ("member_id", "M1"))


def test_a_match_goes_when_what_it_stood_on_is_forgotten_or_decided(home: Home, admin: Who) -> None:
    same = {"address": FLAT, "birthday": "1987-03-02"}
    take_in(home, row(0, "欧阳晓辰", **same), row(1, "欧阳晓晨", **same), row(2, "欧阳小辰", **same))
    api.match(home, admin)
    assert together(home, record(0), record(1), record(2))
    api.decide(home, admin, subject(home, *record(0)), subject(home, *record(1)), Verdict.DIFFERENT)
    assert not together(home, record(0), record(1))
    api.match(home, admin)
    assert not together(home, record(0), record(1))
    api.forget(home, [subject(home, *record(2))])
    with home.state.read() as tx:
        assert bulk.value(tx, "select count(*) from identity_match") <= 1
    assert match(home).mentions == 2


def test_a_home_without_mentions_has_nothing_to_match(home: Home, admin: Who) -> None:
    found, _ = api.match(home, admin)
    assert (found.mentions, found.links, found.doubts) == (0, 0, 0)


def test_somebody_who_is_forgotten_while_it_is_matched_is_in_no_match(
    home: Home, admin: Who, monkeypatch: pytest.MonkeyPatch
) -> None:
    same = {"address": FLAT, "birthday": "1987-03-02"}
    take_in(home, row(0, "欧阳晓辰", **same), row(1, "欧阳晓晨", **same))

    def meanwhile(name: str) -> None:
        if name == "identity.match.found":
            api.forget(home, [subject(home, *record(1))])

    monkeypatch.setattr(match_module.fault, "point", meanwhile)
    match(home)
    with home.state.read() as tx:
        assert bulk.value(tx, "select count(*) from identity_match") == 0


def test_what_was_matched_goes_with_the_import_it_stood_on_and_is_looked_for_again(
    home: Home, admin: Who
) -> None:
    same = {"address": FLAT, "birthday": "1987-03-02"}
    take_in(home, row(0, "欧阳晓辰", **same), row(1, "欧阳晓晨"))
    batch = touches_batch(row(1, "欧阳晓晨", **same), position=2)
    batch.origin = 7
    recognition = Recognition(home)
    found = recognition.recognise(batch)
    with home.state.write() as tx:
        recognition.write(tx, found, 2)
    api.match(home, admin)
    assert together(home, record(0), record(1))
    api.undo(home, 7, [2])
    assert not together(home, record(0), record(1))
    with home.state.read() as tx:
        assert stale(tx)
