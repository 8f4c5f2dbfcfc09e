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
    take_in(home, *(row(n, f"王{chr(0x4E00 + 7 * n)}") for n in range(9)))
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


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    rows=st.lists(
        st.builds(
            row,
            st.integers(0, 11),
            st.sampled_from(["王伟", "李娜", "赵敏", None]),
            st.sampled_from([PHONE, "13912348002", "13912348003"]),
            st.integers(0, 100),
        ),
        min_size=1,
        max_size=30,
    ),
    random=st.randoms(use_true_random=False),
    sizes=st.tuples(st.integers(1, 30), st.integers(1, 30)),
)
def test_any_order_of_named_rows_gives_the_same_persons(
    template: Path, rows: list[Touch], random: object, sizes: tuple[int, int]
) -> None:
    ids = [*(("record", f"1:r{n}") for n in range(12)), *(("phone", f"1391234800{n}") for n in (1, 2, 3))]
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
        Touch({"phone": PHONE, "user_id": "u"}, 10, facts={"name": "李娜"}),
    )
    subjects = found.subjects.tolist()
    assert subjects[0] == subjects[2] and len(set(subjects)) == 5
    assert subjects[4] == subject(home, "phone", PHONE)
    with home.state.read() as tx:
        person = api.person_of(tx, subjects).tolist()
    assert person[1] == person[4] == person[5] != person[0]  # the phone is whose account has it
    again = take_in(home, Touch({"phone": PHONE}, 11, facts={"name": "李娜"}), with_=Recognition(home))
    assert again.subjects.tolist() == [subjects[1]]
    assert api.rebuild(home, admin).moved == 0
    shown = api.show(home, admin, api.public_ids(home, [int(person[1])])[int(person[1])])
    assert [i.masked for i in shown.identifiers if i.namespace == "record"] == ["~"]
