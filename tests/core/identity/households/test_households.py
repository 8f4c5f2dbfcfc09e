"""Households of a home: made by the command, shown, exported, kept through changes, forgotten."""

from __future__ import annotations

import csv
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.core.identity.steps import subject, take_in
from tests.factory import Touch, touches_batch
from zerodistance.core.identity import api, store
from zerodistance.core.identity.contracts import NoSuchPerson
from zerodistance.core.identity.recogniser import Recognition
from zerodistance.core.touchpoints import api as touchpoints
from zerodistance.core.touchpoints.digest import Digest
from zerodistance.kernel.access import Role, Who
from zerodistance.kernel.errors import Forbidden
from zerodistance.kernel.home import Home, create_home
from zerodistance.kernel.settings import load
from zerodistance.kernel.state import metadata
from zerodistance.kernel.text import Text

FLAT = "青岛市城阳区双山路250号双桥城4号楼2单元201"
SAME = "双桥4-2-201"
OTHER = "黄岛区明湖小区7#2单元901"


def said(record: str, year: int, name: str, address: str, phone: str = "") -> Touch:
    """Return a customer record of a year."""
    ids = {"record": record} | ({"phone": phone} if phone else {})
    return Touch(ids, datetime(year, 6, 1, tzinfo=UTC), facts={"name": name, "address": address})


FAMILY = (
    said("w1", 2016, "王伟", FLAT, "13912348001"),
    said("w2", 2019, "王伟", SAME, "13912348001"),
    said("n1", 2018, "李娜", SAME, "13912348002"),
    said("s1", 2018, "赵磊", OTHER, "13912348003"),
)


def person(home: Home, who: Who, record: str) -> api.Person:
    return api.lookup(home, who, "record", f"1:{record}")


def household(home: Home, who: Who, record: str) -> api.Household:
    return api.households_of_person(home, who, person(home, who, record).id)[0]


def persons_of(home: Home) -> list[dict[str, int]]:
    return api.subject_map(home).to_pylist()


def rows(home: Home) -> dict[str, int]:
    with home.state.read() as tx:
        return {
            table: tx.exec_driver_sql(f"select count(*) from {table}").scalar_one()
            for table in ("household_member", "household_home", "household_alias")
        }


def test_people_of_one_flat_are_a_household_however_they_write_it(home: Home, admin: Who) -> None:
    take_in(home, *FAMILY)
    found = api.rebuild_households(home, admin)
    assert (found.households, found.members, found.several, found.homes, found.joined) == (2, 3, 1, 2, 3)
    mine = household(home, admin, "w1")
    assert mine.id.startswith("h_")
    assert [m.person for m in mine.members] == [person(home, admin, record).id for record in ("w1", "n1")]
    assert [(h.district, h.estate, h.until) for h in mine.homes] == [("城阳", "双桥城", None)]
    assert api.show_household(home, admin, mine.id.lower().replace("h_", "H_")) == mine


def test_an_appliance_that_one_registers_and_another_has_repaired_stands_in_their_home(
    home: Home, admin: Who
) -> None:
    when = datetime(2021, 6, 1, tzinfo=UTC)
    take_in(
        home,
        *FAMILY,
        Touch({"record": "w1", "phone": "13912348001"}, when, facts={"serial": "S-1607 1816"}),
        Touch({"member_id": "M9"}, datetime(2016, 7, 1, tzinfo=UTC), facts={"serial": "ｓ16071816"}),
        Touch({"member_id": "M8"}, when, facts={"serial": "无"}),
        Touch({"record": "s1"}, when, facts={"serial": "无"}),
    )
    api.rebuild(home, admin)
    assert len({person(home, admin, "w1").id, api.lookup(home, admin, "member_id", "M9").id}) == 2
    api.rebuild_households(home, admin)
    member, other = (api.lookup(home, admin, "member_id", one).id for one in ("M9", "M8"))
    assert member in {m.person for m in household(home, admin, "w1").members}
    assert not api.households_of_person(home, admin, other)


def test_persons_are_never_changed_by_households(home: Home, admin: Who) -> None:
    take_in(home, *FAMILY)
    api.rebuild(home, admin)
    before = persons_of(home)
    api.rebuild_households(home, admin)
    assert persons_of(home) == before
    assert api.rebuild(home, admin).moved == 0


def test_the_same_again_changes_nothing(home: Home, admin: Who) -> None:
    take_in(home, *FAMILY)
    assert api.households_made_at(home) == 0
    api.rebuild_households(home, admin)
    assert api.households_made_at(home) > 0
    before = household(home, admin, "w1")
    again = api.rebuild_households(home, admin)
    assert (again.joined, again.left, again.merged) == (0, 0, 0)
    assert household(home, admin, "w1") == before


def test_rooms_above_read_the_household_of_persons_now_and_at_a_moment(home: Home, admin: Who) -> None:
    moved = [said("n3", year, "李娜", OTHER, "13912348002") for year in (2020, 2021, 2023)]
    stays = [said("w3", year, "王伟", SAME, "13912348001") for year in (2020, 2021, 2022, 2024)]
    take_in(home, *FAMILY, said("n2", 2016, "李娜", FLAT, "13912348002"), *moved, *stays)
    api.rebuild_households(home, admin)
    wei, na = (person(home, admin, record).number for record in ("w1", "n1"))
    now = api.household_of(home, [wei, na, 999])
    then = api.household_of(home, [wei, na], at=int(datetime(2017, 1, 1, tzinfo=UTC).timestamp() * 1e6))
    assert now[0] and now[1] and now[0] != now[1] and now[2] == 0
    assert then[0] == then[1] == now[0]


def test_a_household_that_becomes_part_of_another_leads_to_it(home: Home, admin: Who) -> None:
    take_in(home, said("w1", 2016, "王伟", FLAT), said("n1", 2021, "李娜", FLAT))
    api.rebuild_households(home, admin)
    one, other = (household(home, admin, record) for record in ("w1", "n1"))
    assert one.id != other.id
    take_in(home, said("w1", 2023, "王伟", FLAT), said("n1", 2018, "李娜", SAME))
    assert api.rebuild_households(home, admin).merged == 1
    both = household(home, admin, "w1")
    assert len(both.members) == 2
    old = ({one.id, other.id} - {both.id}).pop()
    assert api.show_household(home, admin, old).asked == old
    assert api.show_household(home, admin, old).id == both.id


def test_persons_who_join_as_touches_come_in_are_followed_by_the_next_rebuild(home: Home, admin: Who) -> None:
    take_in(home, *FAMILY)
    api.rebuild_households(home, admin)
    take_in(home, Touch([("record", "s1"), ("record", "w1")], 1, rule="identify"))
    assert len(api.households_of_person(home, admin, person(home, admin, "s1").id)) == 2
    api.rebuild_households(home, admin)
    (mine,) = api.households_of_person(home, admin, person(home, admin, "s1").id)[:1]
    assert {m.person for m in mine.members} <= {person(home, admin, r).id for r in ("w1", "n1")}


def test_everybody_on_a_shared_device_is_of_a_household_without_a_home(home: Home, admin: Who) -> None:
    take_in(
        home, *(Touch({"user_id": name, "device_id": "tablet-77"}, n) for n, name in enumerate(("u1", "u2")))
    )
    api.rebuild_households(home, admin)
    first = api.lookup(home, admin, "user_id", "u1")
    (found,) = api.households_of_person(home, admin, first.id)
    assert len(found.members) == 2
    assert found.homes == ()


def test_who_is_parted_from_a_shared_device_by_a_revocation_is_of_no_household_there(
    home: Home, admin: Who
) -> None:
    take_in(
        home, *(Touch({"user_id": name, "device_id": "tablet-77"}, n) for n, name in enumerate(("u1", "u2")))
    )
    device = subject(home, "device_id", "tablet-77")
    api.revoke(home, admin, subject(home, "user_id", "u2"), device, "a guest")
    assert api.rebuild_households(home, admin).members == 0


def test_no_address_is_readable_in_the_state_and_the_flat_is_never_shown(home: Home, admin: Who) -> None:
    take_in(home, *FAMILY)
    api.rebuild_households(home, admin)
    with home.state.read() as tx:
        stored = b"".join(
            bytes(a) for a in tx.exec_driver_sql("select address from household_home").scalars()
        )
    assert (
        stored and "双桥".encode() not in stored and b"201" not in str(household(home, admin, "w1")).encode()
    )


def test_forgetting_everybody_leaves_nothing(home: Home, admin: Who) -> None:
    take_in(home, *FAMILY)
    api.rebuild_households(home, admin)
    gone = household(home, admin, "w1")
    everybody = [row["subject"] for row in persons_of(home)]
    api.forget(home, everybody)
    assert rows(home) == {"household_member": 0, "household_home": 0, "household_alias": 0}
    with pytest.raises(api.NoSuchHousehold):
        api.show_household(home, admin, gone.id)
    assert api.rebuild_households(home, admin).households == 0


def test_forgetting_one_leaves_what_the_others_say(home: Home, admin: Who) -> None:
    take_in(home, *FAMILY)
    api.rebuild_households(home, admin)
    before = household(home, admin, "n1")
    api.forget(home, api.everybody(home, [subject(home, "record", "1:w1")]))
    left = household(home, admin, "n1")
    assert (left.id, len(left.members)) == (before.id, 1)
    assert [h.estate for h in left.homes] == ["双桥城"]
    assert api.rebuild_households(home, admin).left == 0


def test_whoever_is_forgotten_while_households_are_computed_does_not_come_back(
    home: Home, admin: Who, monkeypatch: pytest.MonkeyPatch
) -> None:
    take_in(home, *FAMILY)
    gone = api.everybody(home, [subject(home, "record", "1:w1")])
    monkeypatch.setattr(
        "zerodistance.kernel.fault.point", lambda name: name.endswith("solved") and api.forget(home, gone)
    )
    api.rebuild_households(home, admin)
    monkeypatch.undo()
    with home.state.read() as tx:
        assert set(tx.exec_driver_sql("select subject from household_member").scalars()).isdisjoint(gone)
        assert set(tx.exec_driver_sql("select subject from household_home").scalars()).isdisjoint(gone)


def test_an_undone_import_takes_its_households_along(home: Home, admin: Who) -> None:
    take_in(home, FAMILY[0])
    recognition = Recognition(home)
    found = recognition.recognise(replace(touches_batch(*FAMILY[2:], position=2), origin=5))
    with home.state.write() as tx:
        recognition.write(tx, found, store.numbers(tx)["batch"] + 1)
    assert api.rebuild_households(home, admin).members == 3
    api.undo(home, 5, [2])
    assert rows(home) == {"household_member": 1, "household_home": 1, "household_alias": 0}


def test_the_export_says_the_household_of_every_touch_at_its_time(
    home: Home, admin: Who, tmp_path: Path
) -> None:
    touchpoints.create_source(home, admin, key="crm", name=Text("客户", "customers"), kind="import")
    moved = [said("n3", year, "李娜", OTHER, "13912348002") for year in (2020, 2021, 2023)]
    stays = [said("w3", year, "王伟", SAME, "13912348001") for year in (2020, 2021, 2022, 2024)]
    lone = Touch({"user_id": "u9"}, 1)
    digest = Digest(home, Recognition(home), list)
    digest.commit(
        touches_batch(
            *FAMILY[:3], said("n2", 2016, "李娜", FLAT, "13912348002"), *moved, *stays, lone, Touch((), 2)
        )
    )
    api.rebuild_households(home, admin)
    path = tmp_path / "out" / "households.csv"
    assert api.export_households(home, admin, path) == 13
    with path.open(encoding="utf-8") as file:
        ids = [
            row["household_id"]
            for row in sorted(csv.DictReader(file), key=lambda row: int(row["source_id"].split("-")[-1]))
        ]
    w1, w2, n1, n2, *na = ids[:7]
    assert w1 == w2 == n1 == n2 and set(ids[7:11]) == {w1}
    assert len(set(na)) == 1 and na[0] != w1
    assert ids[11].startswith("p_") and ids[12] == ""


def test_only_who_operates_the_home_rebuilds_households(home: Home, admin: Who) -> None:
    take_in(home, *FAMILY)
    analyst = replace(admin, role=Role.ANALYST)
    with pytest.raises(Forbidden):
        api.rebuild_households(home, analyst)
    api.rebuild_households(home, admin)
    assert household(home, analyst, "w1").members


def test_it_does_not_matter_in_which_batches_touches_come(home: Home, admin: Who, tmp_path: Path) -> None:
    years = [said("w1", 2015 + n % 4, "王伟", FLAT) for n in range(8)] + [*FAMILY]
    for touch in years:
        take_in(home, touch)
    other = create_home(load(home=tmp_path / "other"))
    metadata.create_all(other.state.engine)
    take_in(other, *years)
    found = [api.rebuild_households(one, admin) for one in (home, other)]
    assert replace(found[0], seconds=0) == replace(found[1], seconds=0)
    times = [[(m.since, m.until) for m in household(one, admin, "w1").members] for one in (home, other)]
    assert times[0] == times[1]
    other.close()


@pytest.mark.parametrize("given", ["h_ZZZZZZZZ", "h_", "p_7Q2K9F3A", "x", ""])
def test_an_id_that_is_none_is_said_so(home: Home, admin: Who, given: str) -> None:
    with pytest.raises(api.NoSuchHousehold):
        api.show_household(home, admin, given)
    assert NoSuchPerson.status == 404
