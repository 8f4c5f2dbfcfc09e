"""What home, household and identifiers say of a person, as facts that profiles read: no address is in them."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np

from tests.core.identity.households.test_households import FAMILY, FLAT, OTHER, SAME, person, said
from tests.core.identity.steps import take_in
from tests.factory import Touch
from zerodistance.core.brand import api as brand
from zerodistance.core.brand.contracts import Change
from zerodistance.core.identity import api
from zerodistance.kernel.access import Who
from zerodistance.kernel.home import Home

NOW = datetime(2024, 6, 1, tzinfo=UTC)


def place(home: Home, code: str, name: str, kind: str, area: str, grade: str | None = None) -> None:
    at = {"lat": 36.3, "lon": 120.4}
    row = {"name_zh": name, "name_en": f"{code} in English", "kind": kind, "area": area, "grade": grade, **at}
    brand.upsert(home, Who.system(), "places", [Change((code,), row)])


def facts_of(home: Home, who: Who, record: str) -> dict[str, str]:
    """Return the facts of the person of a record, and hold them against those of everybody."""
    number = person(home, who, record).number
    some = api.People(home).facts(np.array([number])).to_pylist()
    everybody = api.People(home).facts(None).to_pylist()
    mine = {row["fact"]: row["value"] for row in some}
    assert mine == {row["fact"]: row["value"] for row in everybody if row["number"] == number}
    assert {row["number"] for row in some} == {number}
    return mine


def test_a_household_says_its_size_its_homes_and_its_community(home: Home, admin: Who) -> None:
    place(home, "D1", "城阳区", "district", "370214")
    place(home, "D2", "黄岛区", "district", "370211")
    place(home, "C1", "双桥城", "community", "370214", "B")
    place(home, "C2", "双桥花园", "community", "370211", "A")
    moved = [said("n3", year, "李娜", OTHER, "13912348002") for year in (2020, 2021, 2023)]
    stays = [said("w3", year, "王伟", SAME, "13912348001") for year in (2020, 2021, 2022, 2024)]
    take_in(home, *FAMILY[:3], *stays)
    assert "household_size" not in facts_of(home, admin, "w1")
    api.rebuild_households(home, admin)
    wei = facts_of(home, admin, "w1")
    assert {key: wei[key] for key in ("household_size", "household_homes", "community", "community_grade")} == {
        "household_size": "2", "household_homes": "1", "community": "C1", "community_grade": "B",
    }  # fmt: skip
    assert (wei["home_since"], wei["phones"], wei["records"]) == ("2016", "1", "3")
    take_in(home, *moved)
    api.rebuild_households(home, admin)
    na = facts_of(home, admin, "n1")
    assert (na["household_size"], "community" in na) == ("1", False), (
        "nobody listed the community of the other home"
    )
    assert facts_of(home, admin, "w1")["household_size"] == "1"
    assert not [value for value in [*wei.values(), *na.values()] if "双桥" in value or value == "201"]


def test_years_between_the_members_need_two_birthdays(home: Home, admin: Who) -> None:
    born = [
        Touch(
            {"record": f"b{n}", "phone": f"1391234800{n}"},
            NOW,
            facts={"name": name, "address": FLAT, "birthday": day},
        )
        for n, name, day in ((1, "王伟", "1960-05-01"), (2, "李娜", "1988-02-03"))
    ]
    take_in(home, *FAMILY[:3], born[0])
    api.rebuild_households(home, admin)
    assert "household_years" not in facts_of(home, admin, "w1")
    take_in(home, born[1])
    api.rebuild_households(home, admin)
    assert facts_of(home, admin, "w1")["household_years"] == "28"


def test_a_community_is_meant_only_where_one_alone_can_be(home: Home, admin: Who) -> None:
    place(home, "C1", "双桥里", "community", "370214")
    take_in(home, *FAMILY[:3])
    api.rebuild_households(home, admin)
    assert facts_of(home, admin, "w1")["community"] == "C1", "by the name without the word for its kind"
    place(home, "C2", "双桥新村", "community", "370211")
    assert "community" not in facts_of(home, admin, "w1"), "two are called so, and no district is known"
    place(home, "D1", "城阳区", "district", "370214")
    place(home, "D2", "黄岛区", "district", "370211")
    assert facts_of(home, admin, "w1")["community"] == "C1"


def test_what_a_person_said_comes_before_what_the_address_says(home: Home, admin: Who) -> None:
    place(home, "C1", "双桥城", "community", "370214")
    own = Touch({"record": "w9", "phone": "13912348001"}, NOW, facts={"name": "王伟", "community": "C7"})
    take_in(home, *FAMILY[:3], own)
    api.rebuild_households(home, admin)
    assert facts_of(home, admin, "w9")["community"] == "C7"
    assert facts_of(home, admin, "n1")["community"] == "C1"


def test_visitors_have_no_facts_of_identifiers(home: Home, admin: Who) -> None:
    take_in(home, Touch({"anonymous_id": "a1"}, NOW), Touch({"anonymous_id": "a2", "user_id": "u2"}, NOW))
    found = api.People(home).facts(None).to_pylist()
    assert [(row["fact"], row["value"]) for row in found] == [("cookies", "1")]


def test_who_shares_a_home_is_found_from_each_of_them(home: Home, admin: Who) -> None:
    take_in(home, *FAMILY[:3])
    wei, na = (person(home, admin, record).number for record in ("w1", "n1"))
    people = api.People(home)
    assert people.sharing(np.array([wei])).tolist() == [wei]
    api.rebuild_households(home, admin)
    assert facts_of(home, admin, "w1")["household"] == facts_of(home, admin, "n1")["household"]
    assert (
        people.sharing(np.array([wei])).tolist()
        == people.sharing(np.array([na])).tolist()
        == sorted((wei, na))
    )
