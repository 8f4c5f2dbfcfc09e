"""The fast answer is that of the straightforward one, over whatever columns."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.core.identity import former
from zerodistance.core.identity import calling, connected, grouped, partition, walking
from zerodistance.core.identity.naming import MATCHED, SAID, SEEN, Ints, Pairs, mark
from zerodistance.core.identity.partition import Partition, Subjects
from zerodistance.core.identity.rules import NAMESPACES, RECORD, Limit, RuleSet

LOW = RuleSet(
    tuple(
        replace(
            n,
            limit=n.limit if n.unique else Limit(2, n.limit.days),
            cap=Limit(3, 300),
            records=n.records and 4,
        )
        for n in NAMESPACES
    )
)
"""Limits that a few rows break."""
NAMES = [0, *(mark(surname, name) for surname in (1, 2) for name in (0, 1, 2))]
DAY = 86_400_000_000


@dataclass(frozen=True)
class Case:
    """Columns, and what somebody decided."""

    subjects: Subjects
    pairs: Pairs
    apart: tuple[Ints, Ints]
    known: list[bool]


def _tokens(rows: Ints) -> list[bytes]:
    return [(row * 7919 % 1009).to_bytes(16, "big") for row in rows.tolist()]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Draw subjects of few phones and many records, and pairs of them, some at one time."""
    kinds = draw(st.sampled_from([[0, 1, 1, 2, 3, 3, 3, 4, 5, 5, 6, 7, 8, 9], [1, 1, 3, 3, 3, 3, 5, 5]]))
    ranks = draw(st.lists(st.sampled_from(kinds), min_size=2, max_size=18))
    count, rank = len(ranks), np.array(ranks, dtype=np.int8)
    latest = draw(st.sampled_from([0, 2, 12]))
    when = st.integers(0, latest).map(lambda n: n * 90 * DAY)
    named = [draw(st.sampled_from(NAMES)) if r <= RECORD + 1 else 0 for r in ranks]
    ends = st.integers(0, count - 1)
    tiers = st.sampled_from([SEEN, SEEN, SEEN, SEEN, SEEN, SEEN, MATCHED, SAID])
    found: dict[tuple[int, int, int], int] = {}
    for x, y, tier, at in draw(st.lists(st.tuples(ends, ends, tiers, when), max_size=50)):
        a, b = sorted((x, y), key=lambda row: (ranks[row], row))
        if a != b:
            found[a, b, tier] = min(at, found.get((a, b, tier), at))
    columns = (
        np.array([(a, b, tier, at) for (a, b, tier), at in found.items()], dtype=np.int64).reshape(-1, 4).T
    )
    first_at = np.array(draw(st.lists(when, min_size=count, max_size=count)), dtype=np.int64)
    number = np.arange(1, count + 1)
    subjects = Subjects(number, rank, first_at, number, np.array(named, dtype=np.int64), _tokens)
    pairs = Pairs(
        columns[0].astype(np.int32), columns[1].astype(np.int32), columns[3], columns[2].astype(np.int8)
    )
    said = np.array(draw(st.lists(st.tuples(ends, ends), max_size=2)), dtype=np.int64).reshape(-1, 2).T
    return Case(
        subjects, pairs, (said[0], said[1]), draw(st.lists(st.booleans(), min_size=count, max_size=count))
    )


@pytest.fixture(params=["small steps", "large steps"])
def steps(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let what goes by stretches and blocks meet their ends."""
    small = {"small steps": True, "large steps": False}[request.param]
    for module, name, size in (
        (calling, "_STRETCH", 3),
        (connected, "_BLOCK", 2),
        (walking, "_AT_A_TIME", 2),
        (grouped, "FROM", 3),
        (grouped, "SIZE", 3),
        (grouped, "_BLOCK", 4),
    ):
        monkeypatch.setattr(module, name, size if small else getattr(module, name))
    yield


def _said(found: Partition) -> tuple[list[int], dict[int, tuple[int, int]], dict[tuple[str, int], int]]:
    return found.label.tolist(), found.shared, dict(found.vetoed)


@pytest.mark.usefixtures("steps")
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(case=cases(), by=st.sampled_from([LOW, RuleSet()]))
def test_the_answer_is_the_straightforward_one(case: Case, by: RuleSet) -> None:
    found = partition.solve(case.subjects, case.pairs, by, apart=case.apart)
    assert _said(found) == _said(former.solve(case.subjects, case.pairs, by, apart=case.apart))


@pytest.mark.usefixtures("steps")
@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(case=cases(), share=st.floats(0, 1))
def test_so_it_is_with_neighbours_whose_shared_identifiers_are_known(case: Case, share: float) -> None:
    inside = 1 + int(share * (len(case.subjects.number) - 1))
    own = (case.apart[0] < inside) & (case.apart[1] < inside)
    apart = case.apart[0][own], case.apart[1][own]
    known = np.array(case.known)
    found = partition.solve(case.subjects, case.pairs, LOW, known.copy(), inside, apart)
    plain = former.solve(case.subjects, case.pairs, LOW, known.copy(), inside, apart)
    assert _said(found) == _said(plain)


@contextmanager
def by_groups(**sizes: int) -> Iterator[None]:
    """Let groups of this SIZE be made FROM so many, put in order by this _BLOCK, in _TURNS, dealt out by _BUCKETS."""
    with pytest.MonkeyPatch.context() as patch:
        for name, size in sizes.items():
            patch.setattr(grouped, name, size)
        yield


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    case=cases(),
    sizes=st.fixed_dictionaries(
        {
            "FROM": st.integers(0, 6),
            "SIZE": st.integers(1, 12),
            "_BLOCK": st.integers(1, 9),
            "_TURNS": st.integers(1, 5),
            "_BUCKETS": st.integers(1, 6),
        }
    ),
    inside=st.none() | st.integers(1, 18),
)
def test_by_groups_of_any_size_the_answer_is_that_of_everybody_at_once(
    case: Case, sizes: dict[str, int], inside: int | None
) -> None:
    known = None if inside is None else np.array(case.known)
    whole = partition.solve(case.subjects, case.pairs, LOW, copy(known), inside, case.apart)
    with by_groups(**sizes):
        found = partition.solve(case.subjects, case.pairs, LOW, copy(known), inside, case.apart)
    assert _said(found) == _said(whole)
    assert found.label.dtype == np.int32


def test_so_it_is_with_more_groups_than_a_byte_has_numbers_for() -> None:
    rng = np.random.default_rng(1)
    count = 3_000
    rank = rng.choice(np.array([0, 1, 3, 3, 3, 5, 6, 7, 8], dtype=np.int8), count)
    x, y = rng.integers(0, count, (2, 2_600))
    first = (rank[x] < rank[y]) | ((rank[x] == rank[y]) & (x < y))
    a, b = np.where(first, x, y).astype(np.int32), np.where(first, y, x).astype(np.int32)
    named = np.where(rank <= RECORD, rng.choice(np.array(NAMES), count), 0)
    number, at = np.arange(1, count + 1), rng.integers(0, 400, len(a)) * DAY
    subjects = Subjects(number, rank, number * DAY, number, named, _tokens)
    pairs = Pairs(a, b, at, rng.choice(np.array([SEEN, SEEN, SEEN, MATCHED], np.int8), len(a))).where(a != b)
    whole = partition.solve(subjects, pairs, LOW)
    with by_groups(FROM=3, SIZE=3, _BLOCK=1_000):
        assert _said(partition.solve(subjects, pairs, LOW)) == _said(whole)
    largest = np.bincount(whole.label).max()
    assert (largest > 3, len(np.unique(whole.label)) > 256) == (True, True)  # larger than a group, and many


@settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
@given(case=cases(), random=st.randoms(use_true_random=False))
def test_the_order_of_rows_is_no_matter(case: Case, random: object) -> None:
    pairs = case.pairs
    order = list(range(len(pairs.a)))
    random.shuffle(order)  # type: ignore[attr-defined]
    rows = np.array(order, dtype=np.int64)
    shuffled = partition.solve(case.subjects, pairs.take(rows), LOW, apart=case.apart)
    assert _said(shuffled) == _said(partition.solve(case.subjects, pairs, LOW, apart=case.apart))


def test_of_an_accounts_orders_the_name_on_its_own_phone_counts_more_than_many() -> None:
    rank = np.array(
        [1, 3, 3, 3, 3, 5], dtype=np.int8
    )  # an account, three orders, a record on the account's phone, the phone
    mine, theirs = mark(1, 1), mark(1, 2)
    named = np.array([0, theirs, theirs, mine, mine, 0])
    a, b = np.array([(0, 1), (0, 2), (0, 3), (0, 5), (4, 5)], dtype=np.int32).T
    number = np.arange(1, 7)
    subjects = Subjects(number, rank, number * DAY, number, named, _tokens)
    pairs = Pairs(a, b, np.arange(5) * DAY, np.full(5, SEEN, np.int8))
    found = partition.solve(subjects, pairs, RuleSet())
    assert found.label.tolist() == [0, 1, 2, 0, 0, 0]
    assert _said(found) == _said(former.solve(subjects, pairs, RuleSet()))
