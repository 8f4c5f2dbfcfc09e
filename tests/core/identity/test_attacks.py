"""What is done to recognition, by nature or on purpose, each with the right answer: after everything was matched and rebuilt."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from tests.core.identity.steps import Id, partition, take_in
from tests.factory import Touch
from zerodistance.core.identity import api
from zerodistance.core.identity.contracts import VISITORS_FROM, Kind
from zerodistance.core.identity.recogniser import Recognition
from zerodistance.core.identity.turns.history import MOST
from zerodistance.kernel import bulk
from zerodistance.kernel.access import Who
from zerodistance.kernel.home import Home

FLAT = "青岛市城阳区双山路250号双桥城4号楼2单元201"
YEAR = 365 * 24 * 60


def line(n: int, name: str | None = None, phone: str = "", at: float | None = None, **facts: str) -> Touch:
    """Return a line of a shop's book."""
    ids = {"record": f"r{n}"} | ({"phone": phone} if phone else {})
    return Touch(ids, n if at is None else at, facts={**({"name": name} if name else {}), **facts})


def record(*numbers: int) -> set[Id]:
    return {("record", f"1:r{n}") for n in numbers}


def persons(home: Home, touches: Iterable[Touch], ids: Iterable[Id]) -> set[frozenset[Id]]:
    """Return who is one person when all has come in, been matched and rebuilt."""
    take_in(home, *touches, with_=Recognition(home))
    api.match(home, Who.system())
    return partition(home, ids)


def test_a_dealers_phone_on_thousands_of_records_joins_nobody(home: Home) -> None:
    given = [chr(0x4E00 + n) for n in range(2_000)]
    touches = [
        line(n, "赵钱孙李周吴郑王"[n % 8] + given[n % 2_000] + given[n // 8 % 2_000], "053288880001")
        for n in range(4_000)
    ]
    found = persons(home, touches, record(*range(4_000)))
    assert (
        max(map(len, found)) <= 8
    )  # the same name on one phone is rare among so many, and one person where it happens
    (shared,) = api.guards(home, Who.system()).shared
    assert shared.namespace == "phone" and shared.persons > 1_000


def test_a_kiosk_tablet_belongs_to_none_of_those_who_log_in_on_it(home: Home) -> None:
    users: list[Id] = [("user_id", f"u{n}") for n in range(40)]
    touches = [Touch({"user_id": f"u{n}", "device_id": "kiosk"}, n) for n in range(40)]
    found = persons(home, touches, [*users, ("device_id", "kiosk")])
    assert len(found) == 41


def test_what_is_done_on_a_kiosk_without_a_login_is_nobodys(home: Home) -> None:
    recognition, touched = Recognition(home), list[int]()
    for n in range(12):
        login = Touch({"user_id": f"u{n}", "device_id": "kiosk"}, 2 * n)
        found = take_in(home, login, Touch({"device_id": "kiosk"}, 2 * n + 1), with_=recognition)
        touched.append(int(found.subjects[1]))
    api.rebuild(home, Who.system())
    persons = {api.lookup(home, Who.system(), "user_id", f"u{n}").number for n in range(12)}
    with home.state.read() as tx:
        owners = api.person_of(tx, touched)
    assert len(persons) == 12
    assert (owners >= VISITORS_FROM).all() and len(set(touched[8:])) == 1
    later = take_in(
        home, Touch({"device_id": "kiosk"}, 100), Touch({"user_id": "u1", "device_id": "kiosk"}, 99)
    )
    assert not later.known[0]
    assert api.lookup(home, Who.system(), "device_id", "kiosk").kind is Kind.VISITOR


def test_a_tablet_that_a_family_shares_is_each_ones_in_turn(home: Home) -> None:
    recognition, family = Recognition(home), ("mother", "father", "child")
    subjects: list[int] = []
    for evening in range(12):
        who = family[evening % 3]
        login = Touch({"user_id": who, "device_id": "tablet", "anonymous_id": "app"}, evening * 1440)
        rest = [Touch({"device_id": "tablet", "anonymous_id": "app"}, evening * 1440 + n) for n in (1, 2, 3)]
        subjects += take_in(home, login, *rest, with_=recognition).subjects.tolist()
    api.rebuild(home, Who.system())
    number = {who: api.lookup(home, Who.system(), "user_id", who).number for who in family}
    with home.state.read() as tx:
        owners = api.person_of(tx, subjects).tolist()
    assert owners == [number[family[evening % 3]] for evening in range(12) for _ in range(4)]
    assert len(set(number.values())) == 3
    now = api.lookup(home, Who.system(), "device_id", "tablet")
    assert now.number == number["child"]
    assert now.earlier == tuple(
        api.lookup(home, Who.system(), "user_id", who).id for who in ("father", "mother")
    )


def test_a_robot_that_changes_accounts_with_every_touch_is_not_remembered_for_ever(home: Home) -> None:
    recognition = Recognition(home)
    for part in range(3):
        touches = [Touch({"user_id": f"u{n % 2}", "device_id": "robot"}, part * 200 + n) for n in range(200)]
        found = take_in(home, *touches, Touch({"device_id": "robot"}, part * 200 + 199.5), with_=recognition)
    with home.state.read() as tx:
        assert bulk.value(tx, "select count(*) from identity_turn") == MOST
        owner = api.person_of(tx, [int(found.subjects[-1])])
    assert owner.tolist() == [api.lookup(home, Who.system(), "user_id", "u1").number]


@pytest.mark.parametrize("value", ["111111", "00000000", "test", "13800138000", "18888888888"])
def test_a_tester_who_types_the_same_into_every_field_joins_nobody(home: Home, value: str) -> None:
    touches = [
        Touch({"user_id": f"u{n}", "phone": value, "member_id": value}, n, facts={"name": "测试"})
        for n in range(9)
    ]
    assert len(persons(home, touches, [("user_id", f"u{n}") for n in range(9)])) == 9


def test_twins_in_one_flat_are_two(home: Home) -> None:
    same = {"birthday": "2001-05-06", "address": FLAT, "gender": "男"}
    touches = [line(n, ("王小明", "王小亮")[n % 2], "13912348001", **same) for n in range(6)]
    assert persons(home, touches, record(*range(6))) == {
        frozenset(record(0, 2, 4)),
        frozenset(record(1, 3, 5)),
    }


def test_father_and_son_of_one_name_are_two_where_their_birthdays_are_known(home: Home) -> None:
    touches = [
        line(
            n,
            "王建国",
            ("13912348001", "18655120937")[n % 2],
            address=FLAT,
            birthday=("1955-03-02", "1985-11-20")[n % 2],
        )
        for n in range(6)
    ]
    assert persons(home, touches, record(*range(6))) == {
        frozenset(record(0, 2, 4)),
        frozenset(record(1, 3, 5)),
    }


def test_a_number_that_was_given_to_somebody_else_joins_nobody(home: Home) -> None:
    phone: Id = ("phone", "13912348001")
    touches = [
        *(line(n, "陈国强", phone[1], at=n * 60, address=FLAT) for n in range(3)),
        *(line(n, "赵霞", phone[1], at=6 * YEAR + n, address="海棠小区9号楼1单元302") for n in range(3, 6)),
    ]
    found = persons(home, touches, [*record(*range(6)), phone])
    assert found == {frozenset(record(0, 1, 2)), frozenset({*record(3, 4, 5), phone})}


OWNERS = [
    f"{surname}{given}" for surname, given in zip("赵钱孙李周吴郑王冯", "明亮强霞丽伟娜军燕", strict=True)
]


def test_a_number_with_nine_owners_in_fifteen_years_is_no_dealers(home: Home) -> None:
    touches = [
        line(2 * n + again, name, "13912348001", at=n * 600 * 24 * 60 + again)
        for n, name in enumerate(OWNERS)
        for again in range(2)
    ]
    found = persons(home, touches, record(*range(18)))
    assert found == {frozenset(record(2 * n, 2 * n + 1)) for n in range(9)}
    assert not api.guards(home, Who.system()).shared


def test_nine_names_in_one_year_are_a_dealers(home: Home) -> None:
    touches = [line(n, name, "13912348001", at=n * 40 * 24 * 60) for n, name in enumerate(OWNERS)]
    assert len(persons(home, touches, record(*range(9)))) == 9
    (shared,) = api.guards(home, Who.system()).shared
    assert (shared.namespace, shared.persons) == ("phone", 9)


def test_two_members_who_share_phone_and_first_name_are_two(home: Home) -> None:
    touches = [
        Touch({"member_id": f"M{n}", "phone": "13912348001"}, n, facts={"name": name})
        for n, name in enumerate(("王丽", "李丽"))
    ]
    assert len(persons(home, touches, [("member_id", "M0"), ("member_id", "M1")])) == 2


def test_a_marriage_with_a_new_name_stays_one_person_under_the_same_membership(home: Home) -> None:
    touches = [
        Touch(
            {"member_id": "M", "phone": "+447700900123"},
            0,
            facts={"name": "Mary Smith", "birthday": "1990-04-01"},
        ),
        Touch(
            {"member_id": "M", "email": "mary@example.org"},
            5 * YEAR,
            facts={"name": "Mary Jones", "birthday": "1990-04-01"},
        ),
    ]
    found = persons(
        home, touches, [("member_id", "M"), ("phone", "+447700900123"), ("email", "mary@example.org")]
    )
    assert len(found) == 1


def test_a_divorce_leaves_each_their_own_and_the_old_address_joins_nobody(home: Home) -> None:
    touches = [
        *(line(n, "王伟", "13912348001", address=FLAT) for n in (0, 1)),
        *(line(n, "李娜", "13912348002", address=FLAT) for n in (2, 3)),
        line(4, "李娜", "13912348002", at=3 * YEAR, address="海棠小区9号楼1单元302"),
        line(5, "王伟", "13912348001", at=3 * YEAR, address=FLAT),
    ]
    assert persons(home, touches, record(*range(6))) == {
        frozenset(record(0, 1, 5)),
        frozenset(record(2, 3, 4)),
    }
