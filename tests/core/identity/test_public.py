"""A person's public id stays with most of those who were known by it, and comes back when what was joined is parted again."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tests.core.identity.steps import subject, take_in, touch
from zerodistance.core.identity import api, public, settling, store
from zerodistance.core.identity.contracts import Verdict
from zerodistance.core.identity.recogniser import Recognition
from zerodistance.kernel.access import Who
from zerodistance.kernel.home import Home

PARTITIONS = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 9)), min_size=1, max_size=12)
"""Of each subject the person, and what it is settled for: one of those before it or that are gone, or nothing."""


def columns(given: list[tuple[int, int]]) -> tuple[list[int], list[int], list[int]]:
    """Return label, number and settled of subjects numbered 2, 4, ...: odd numbers are gone."""
    person = [one for one, _ in given]
    return (
        [person.index(one) for one in person],
        [2 * n + 2 for n in range(len(given))],
        [s for _, s in given],
    )


def straightforward(label: list[int], number: list[int], settled: list[int]) -> list[int]:
    found = []
    for own in label:
        mine = [(number[row], settled[row]) for row in range(len(label)) if label[row] == own]
        many = Counter(stands for _, stands in mine if stands)
        gives = {
            stands: stands if (stands, stands) in mine else min(n for n, s in mine if s == stands)
            for stands in many
        }
        best = min(many, key=lambda stands: (-many[stands], gives[stands]), default=0)
        found.append(gives[best] if best else mine[0][0])
    return found


@given(PARTITIONS)
def test_columns_counts_and_the_plain_rule_say_the_same(given: list[tuple[int, int]]) -> None:
    label, number, settled = columns(given)
    expected = straightforward(label, number, settled)
    gives, _ = public.chosen(np.array(label), np.array(number), np.array(settled))
    assert gives.tolist() == expected
    rows = list(zip(label, number, settled, strict=True))
    groups = sorted({(own, stands) for own, _, stands in rows})
    counts = [
        (own, stands, len(mine), min(mine), int(stands in mine))
        for own, stands in groups
        for mine in [[n for at, n, s in rows if (at, s) == (own, stands)]]
    ]
    assert dict(public.counted(counts)) == dict(zip(label, expected, strict=True))


@given(PARTITIONS, st.integers(0, 4))
def test_who_is_new_changes_no_id_and_is_settled_for_it(given: list[tuple[int, int]], person: int) -> None:
    label, number, settled = columns(given)
    before, stands = public.chosen(np.array(label), np.array(number), np.array(settled))
    own = [one for one, _ in given]
    label.append(own.index(person) if person in own else len(own))
    more = np.append(number, 2 * len(number) + 2)
    after, _ = public.chosen(np.array(label), more, np.array([*settled, 0]))
    assert after[:-1].tolist() == before.tolist()
    later = (np.array(number) > before) & (np.array(number) != stands)
    new = (np.array(settled) == 0) & ((stands == before) | later)
    again, _ = public.chosen(np.array(label), more, np.append(np.where(new, stands, settled), 0))
    assert again[:-1].tolist() == before.tolist()


@given(st.integers(1, 5), st.integers(1, 5))
def test_who_is_joined_has_the_id_of_the_larger_part_and_of_equals_the_earlier(few: int, many: int) -> None:
    both = few + many
    number = np.arange(1, both + 1)
    settled = np.array([1] * few + [few + 1] * many)
    gives, _ = public.chosen(np.zeros(both, np.int64), number, settled)
    assert set(gives.tolist()) == {1 if few >= many else few + 1}


def joined(home: Home, admin: Who) -> tuple[str, str, list[int]]:
    """Return the ids of an early phone and of a member with several identifiers, and their subjects."""
    take_in(home, touch(0, phone="13912348001", email="small@example.com"))
    large = {"member_id": "M1", "email": "a@example.com", "device_id": "d1"}
    take_in(home, touch(1, **large))
    api.rebuild(home, admin)
    ids = [subject(home, "phone", "13912348001"), subject(home, "member_id", "M1")]
    small, big = (home.seal.public_id("p", one) for one in ids)
    assert api.show(home, admin, small).id == small and api.show(home, admin, big).id == big
    return small, big, ids


def test_the_larger_part_keeps_its_id_however_early_the_other_was_and_the_old_one_leads_there(
    home: Home, admin: Who
) -> None:
    small, big, ids = joined(home, admin)
    api.decide(home, admin, *ids, Verdict.SAME)
    found = api.show(home, admin, small)
    assert (found.id, found.asked) == (big, small)
    assert api.lookup(home, admin, "phone", "13912348001").id == big
    assert set(api.public_ids(home, [found.number]).values()) == {big}


def test_parted_again_both_have_the_ids_they_had_whatever_nights_were_between(home: Home, admin: Who) -> None:
    small, big, ids = joined(home, admin)
    api.decide(home, admin, *ids, Verdict.SAME)
    take_in(home, touch(9, phone="13912348001", anonymous_id="c9"), with_=Recognition(home))
    api.rebuild(home, admin)
    assert api.show(home, admin, small).id == big
    api.withdraw(home, admin, api.decisions(home, admin, 1)[0].number)
    api.rebuild(home, admin)
    assert [api.show(home, admin, one).id for one in (small, big)] == [small, big]


def test_the_export_has_the_same_ids(home: Home, admin: Who, tmp_path: Path) -> None:
    small, big, ids = joined(home, admin)
    api.decide(home, admin, *ids, Verdict.SAME)
    with home.state.read() as tx:
        found = settling.renamed(tx)
    assert {home.seal.public_id("p", gives) for gives in found.values()} == {big}
    api.export(home, admin, tmp_path / "ids.csv")
    with (tmp_path / "ids.csv").open(newline="") as file:
        assert small not in {row["person_id"] for row in csv.DictReader(file)}


def test_the_rebuild_says_under_which_ids_it_merged_and_split(home: Home, admin: Who) -> None:
    small, big, ids = joined(home, admin)
    with home.state.write() as tx:
        store.UPSERT_MATCH.run(tx, [(*ids, 9_000_000, 1, "by hand", 1)])
    assert api.rebuild(home, admin).merged_ids == ((small, big),)
    with home.state.write() as tx:
        store.DELETE_MATCH.run(tx, [tuple(ids)])
    found = api.rebuild(home, admin)
    assert found.split_ids == ((big, small),) and found.moved == 2


def test_also_where_the_number_of_the_person_stays_with_the_other_part(home: Home, admin: Who) -> None:
    small, big, ids = joined(home, admin)
    for n in range(3):  # new ones count for the number, and not for the id
        take_in(home, touch(2 + n, phone="13912348001", email=f"new{n}@example.com"))
    with home.state.write() as tx:
        store.UPSERT_MATCH.run(tx, [(*ids, 9_000_000, 1, "by hand", 1)])
    assert api.rebuild(home, admin).merged_ids == ((small, big),)


def test_forgetting_whom_an_id_named_leaves_nobody_standing_for_it(home: Home, admin: Who) -> None:
    _, _, ids = joined(home, admin)
    api.decide(home, admin, *ids, Verdict.SAME)
    take_in(home, touch(9, member_id="M1", anonymous_id="c9"), with_=Recognition(home))
    api.rebuild(home, admin)
    api.forget(home, ids[1:])
    with home.state.read() as tx:
        rows = tx.exec_driver_sql("select number, settled from subject").all()
    assert rows and ids[1] not in {value for row in rows for value in row}
