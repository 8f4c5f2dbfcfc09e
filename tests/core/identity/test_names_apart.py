"""Names under one phone: who has the same one is joined, others are not."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.core.identity.steps import partition, subject, take_in, together
from tests.core.identity.test_partition import ADMIN, fresh_home, template
from tests.factory import Touch
from zerodistance.core.identity import api
from zerodistance.core.identity.recogniser import Recognition
from zerodistance.kernel.access import Who
from zerodistance.kernel.home import Home

__all__ = ["template"]
PHONE = "13912348001"
RECORDS = [("record", f"1:r{n}") for n in range(6)]


def row(n: int, name: str | None, phone: str = PHONE, at: float | None = None) -> Touch:
    """Return a line of a shop's book: its number, a phone, a name."""
    facts = {"name": name} if name else {}
    return Touch({"record": f"r{n}", "phone": phone}, n if at is None else at, facts=facts)


def test_a_family_on_one_phone_is_one_person_for_each_name(home: Home, admin: Who) -> None:
    names = ["王伟", "李娜", "王伟", "李 娜", "王伟先生", "李娜"]
    take_in(home, *(row(n, name) for n, name in enumerate(names)))
    expected = {
        frozenset({*RECORDS[0::2], ("phone", PHONE)}),
        frozenset(RECORDS[1::2]),
    }
    assert partition(home, [*RECORDS, ("phone", PHONE)]) == expected
    found = api.rebuild(home, admin)
    assert partition(home, [*RECORDS, ("phone", PHONE)]) == expected
    assert (found.moved, found.vetoed) == (0, {"identity.name.phone": 3})


def test_names_that_come_one_batch_after_the_other_find_each_other(home: Home, admin: Who) -> None:
    recognition = Recognition(home)
    for n, name in enumerate(["王伟", "李娜", "王伟", "李娜"]):
        take_in(home, row(n, name), with_=recognition)
    assert together(home, RECORDS[1], RECORDS[3])
    assert not together(home, RECORDS[0], RECORDS[1])
    assert api.rebuild(home, admin).moved == 0


def test_a_dealers_phone_on_many_names_joins_nobody(home: Home, admin: Who) -> None:
    take_in(home, *(row(n, f"王{given}") for n, given in enumerate("伟芳娜敏静丽强磊军")))
    (shared,) = api.guards(home, admin).shared
    assert (shared.namespace, shared.persons, shared.by) == ("phone", 9, "record")
    api.rebuild(home, admin)
    assert len(partition(home, [("record", f"1:r{n}") for n in range(9)])) == 9


def test_thirty_orders_of_one_name_are_one_person(home: Home, admin: Who) -> None:
    take_in(home, *(row(n, "王伟") for n in range(30)))
    assert api.guards(home, admin).shared == ()
    assert together(home, *((("record", f"1:r{n}")) for n in range(30)))


def test_a_record_without_a_whole_name_goes_with_the_phone(home: Home, admin: Who) -> None:
    take_in(home, row(0, "王伟"), row(1, "李娜"), row(2, "王先生"), row(3, None))
    assert together(home, RECORDS[0], RECORDS[2], RECORDS[3], ("phone", PHONE))
    assert api.rebuild(home, admin).moved == 0


def test_the_phone_belongs_to_the_member_whose_name_it_has(home: Home, admin: Who) -> None:
    take_in(home, row(0, "王伟"), row(1, "王伟"))
    take_in(home, Touch({"member_id": "M1", "phone": PHONE}, 9, facts={"name": "李娜"}))
    api.rebuild(home, admin)
    assert together(home, ("member_id", "M1"), ("phone", PHONE))
    assert together(home, RECORDS[0], RECORDS[1])


def test_a_name_that_was_written_by_ear_is_no_other_name(home: Home, admin: Who) -> None:
    take_in(home, row(0, "王伟"), row(1, "王玮"), row(2, "王芳"))
    assert together(home, *RECORDS[:2], ("phone", PHONE))
    assert not together(home, RECORDS[0], RECORDS[2])
    assert api.rebuild(home, admin).moved == 0


def order(at: float, name: str | None, **ids: str) -> Touch:
    """Return an order of an account in a file."""
    return Touch(ids, at, rule="row", facts={"name": name} if name else {})


def test_an_order_without_a_phone_does_not_name_the_account_after_whom_it_is_for(
    home: Home, admin: Who
) -> None:
    take_in(home, row(0, "王伟"), order(1, "王伟", user_id="u1", phone=PHONE), order(2, "李娜", user_id="u1"))
    api.rebuild(home, admin)
    assert together(home, ("user_id", "u1"), RECORDS[0], ("phone", PHONE))


def test_the_name_on_the_member_number_comes_before_that_of_an_earlier_order(home: Home, admin: Who) -> None:
    take_in(
        home,
        order(1, "李娜", user_id="u1", phone="13912348002"),
        order(2, "王伟", member_id="M1", phone=PHONE),
        order(3, None, member_id="M1", user_id="u1"),
        row(4, "王伟"),
    )
    api.rebuild(home, admin)
    assert together(home, ("member_id", "M1"), ("user_id", "u1"), RECORDS[4])


def test_an_account_without_a_name_leaves_the_records_on_its_phone_to_the_account_that_has_their_name(
    home: Home, admin: Who
) -> None:
    take_in(
        home,
        order(1, None, user_id="u2", phone=PHONE),
        *(row(n, "王伟") for n in range(2, 4)),
        order(5, "王伟", user_id="u1", phone=PHONE),
    )
    api.rebuild(home, admin)
    assert together(home, ("user_id", "u1"), RECORDS[2], RECORDS[3])
    assert not together(home, ("user_id", "u2"), RECORDS[2])


def test_an_explanation_says_that_a_name_joins_records_on_somebody_elses_phone(
    home: Home, admin: Who
) -> None:
    take_in(home, row(0, "王伟"), row(1, "李娜"), row(2, "李娜"), row(3, "赵敏"))
    found = api.lookup(home, admin, "record", "1:r1")
    edges = api.explain(home, admin, found.id).edges
    assert {(e.state.value, e.reason) for e in edges} == {("active", "name")}
    alone = api.explain(home, admin, api.lookup(home, admin, "record", "1:r3").id)
    assert [(e.state.value, e.reason) for e in alone.edges] == [("vetoed", "name")]


def test_what_is_revoked_on_another_persons_phone_leaves_its_own_person(home: Home, admin: Who) -> None:
    take_in(home, row(0, "王伟"), *(row(n, "李娜") for n in range(1, 4)))
    phone = subject(home, "phone", PHONE)
    found = api.revoke(home, admin, subject(home, "record", "1:r2"), phone, "a colleague")
    assert (found.split, found.moved) == (1, 1)
    assert together(home, RECORDS[1], RECORDS[3])
    assert not together(home, RECORDS[1], RECORDS[2])
    assert api.rebuild(home, admin).moved == 0


NAMES = ["王伟", "王玮", "李娜", "赵敏", "王先生", "赵女士", None]
PHONES = [PHONE, "13912348002", "13912348003"]


@st.composite
def lines(draw: st.DrawFn) -> Touch:
    """Draw a line of a system: an account or a record or both, or neither, with phones and a name or without."""
    ids: dict[str, str] = {}
    if draw(st.booleans()):
        ids["record"] = f"r{draw(st.integers(0, 7))}"
    if draw(st.booleans()):
        ids["user_id"] = f"u{draw(st.integers(0, 2))}"
    if draw(st.booleans()) or not ids:
        ids["phone"] = draw(st.sampled_from(PHONES))
    if not draw(st.integers(0, 3)):
        ids["member_id"] = f"M{draw(st.integers(0, 1))}"
    name = draw(st.sampled_from(NAMES))
    at, rule = draw(st.integers(0, 100)) * 30_000, draw(st.sampled_from(["row", "identify"]))
    return Touch(ids, at, rule=rule, facts={"name": name} if name else {})


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    rows=st.lists(lines(), min_size=1, max_size=30),
    random=st.randoms(use_true_random=False),
    sizes=st.tuples(st.integers(1, 30), st.integers(1, 30)),
)
def test_any_order_of_named_rows_gives_the_same_persons(
    template: Path, rows: list[Touch], random: object, sizes: tuple[int, int]
) -> None:
    ids = [
        *(("record", f"1:r{n}") for n in range(8)),
        *(("phone", phone) for phone in PHONES),
        *(("user_id", f"u{n}") for n in range(3)),
        *(("member_id", f"M{n}") for n in range(2)),
    ]
    shuffled = list(rows)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    found = []
    for touches, size in zip((rows, shuffled), sizes, strict=True):
        with tempfile.TemporaryDirectory() as folder:
            home = fresh_home(template, folder)
            recognition = Recognition(home)
            for start in range(0, len(touches), size):
                take_in(home, *touches[start : start + size], with_=recognition)
            api.rebuild(home, ADMIN)
            found.append(partition(home, ids))
            home.close()
    assert found[0] == found[1]


def test_a_line_without_a_number_of_its_own_is_about_whom_it_names(home: Home, admin: Who) -> None:
    """A list that only has names and phones, as a dealer keeps it: his phone on everybody is nobody's."""
    lines = [("王伟", PHONE), ("李娜", PHONE), ("王 伟", "139 1234 8001"), ("王伟", "13912348002")]
    found = take_in(
        home,
        *(Touch({"phone": phone}, n, facts={"name": name}) for n, (name, phone) in enumerate(lines)),
        Touch({"phone": PHONE}, 9),
        Touch({"phone": PHONE, "user_id": "u"}, 10, facts={"name": "李娜"}, rule="row"),
    )
    subjects = found.subjects.tolist()
    assert subjects[0] == subjects[2] and len(set(subjects)) == 5
    assert subjects[4:] == [subject(home, "phone", PHONE), subject(home, "user_id", "u")]
    again = take_in(home, Touch({"phone": PHONE}, 11, facts={"name": "李娜"}), with_=Recognition(home))
    assert again.subjects.tolist() == [subjects[1]]
    api.rebuild(home, admin)
    with home.state.read() as tx:
        person = api.person_of(tx, subjects).tolist()
    assert person[1] == person[4] == person[5] != person[0]  # the phone is whose account has it
    counts = api.show(home, admin, api.public_ids(home, [int(person[1])])[int(person[1])]).counts
    assert counts == {"user_id": 1, "phone": 1}


def test_what_somebody_orders_for_another_does_not_join_the_two(home: Home, admin: Who) -> None:
    def order(n: int, name: str, phone: str) -> Touch:
        return Touch({"user_id": "son", "phone": phone}, n, facts={"name": name}, rule="row")

    take_in(home, row(0, "王桂秀", "13912348002"), row(1, "王桂秀", "13912348002"))
    take_in(home, order(2, "王伟", PHONE), order(3, "王桂秀", "13912348002"), order(4, "王伟", "13912348003"))
    son = [("user_id", "son"), ("phone", PHONE), ("phone", "13912348003")]
    mother = [*RECORDS[:2], ("phone", "13912348002")]
    assert together(home, *son) and together(home, *mother) and not together(home, son[0], mother[0])
    assert api.rebuild(home, admin).moved == 0


def test_a_surname_with_a_title_goes_with_the_name_it_fits(home: Home, admin: Who) -> None:
    take_in(home, row(0, "陈国"), row(1, "赵霞"), row(2, "赵女士"), row(3, "周先生"))
    api.rebuild(home, admin)
    assert together(home, RECORDS[1], RECORDS[2])
    assert {frozenset({one}) for one in (RECORDS[3],)} <= partition(home, RECORDS)


def test_a_phone_that_went_to_somebody_else_leaves_the_first_what_was_theirs(home: Home, admin: Who) -> None:
    year = 365 * 24 * 60
    take_in(
        home,
        row(0, "陈国", at=0),
        row(1, "陈国", at=year),
        row(2, "赵霞", at=9 * year),
        row(3, "赵霞", at=10 * year),
    )
    take_in(home, row(4, None, at=year + 60), row(5, None, at=9 * year + 60))
    api.rebuild(home, admin)
    assert partition(home, [*RECORDS, ("phone", PHONE)]) == {
        frozenset({RECORDS[0], RECORDS[1], RECORDS[4]}),
        frozenset({RECORDS[2], RECORDS[3], RECORDS[5], ("phone", PHONE)}),
    }


def test_a_ticket_without_a_name_on_two_phones_joins_no_two_people(home: Home, admin: Who) -> None:
    other = "13912348002"
    take_in(home, row(0, "陈国"), row(1, "赵霞", other), row(2, None), row(2, None, other, at=3))
    api.rebuild(home, admin)
    assert partition(home, RECORDS) == {frozenset({RECORDS[0], RECORDS[2]}), frozenset({RECORDS[1]})}


def test_an_account_that_says_its_name_itself_has_it_whatever_is_ordered_with_it(
    home: Home, admin: Who
) -> None:
    for n, name in enumerate(["王桂秀", "王桂秀", "王桂秀"]):
        take_in(home, Touch({"user_id": "son", "phone": "13912348002"}, n, facts={"name": name}, rule="row"))
    take_in(home, Touch({"user_id": "son", "phone": PHONE}, 5, facts={"name": "王伟"}, rule="identify"))
    take_in(home, Touch({"user_id": "son"}, 6, facts={"name": "王小伟", "city": "青岛"}, rule="identify"))
    api.rebuild(home, admin)
    assert together(home, ("user_id", "son"), ("phone", PHONE))
    assert not together(home, ("user_id", "son"), ("phone", "13912348002"))
