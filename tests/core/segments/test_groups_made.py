"""Groups are found where there are some, and only there; they are the same in any order; SQL, engine and NumPy say the same."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import duckdb
import numpy as np
import pyarrow as pa
import pytest
import sqlglot
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from benchmarks.lib import planted
from zerodistance.core.profiles import api as profiles
from zerodistance.core.profiles.contracts import Layer
from zerodistance.core.profiles.parts import Part
from zerodistance.core.profiles.splits import Split
from zerodistance.core.segments.groups import (
    assigning,
    describing,
    features,
    kmeans,
    making,
    matched,
    spelled,
    stability,
)
from zerodistance.core.segments.groups.contracts import Asked, Model, TooFewToGroup, Trait
from zerodistance.kernel.access import Who
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text

SYSTEM = Who.system("test")
PEOPLE = 3_000
ENGINE = duckdb.connect(config={"threads": 1})


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Try numbers of groups on few persons, and few times."""
    monkeypatch.setattr(stability, "HALF", 800)
    monkeypatch.setattr(stability, "REPEATS", 2)
    monkeypatch.setattr(making, "MOST", 6)


def made(home: Home, asked: Asked | None = None) -> making.Made:
    here = profiles.current(home)
    dimensions = profiles.dimensions(None)
    return making.make(
        here, asked or Asked(), dimensions, here.universe.persons, lambda stage, done, of: None
    )


def model(some: making.Made) -> Model:
    space = some.space
    centres = {f"g{n}": tuple(centre) for n, centre in enumerate(some.centres.tolist(), 1)}
    weights = tuple(tuple(row) for row in space.weights.tolist())
    return Model(space.names, weights, tuple(space.base.tolist()), centres, space.explained)


@pytest.fixture
def town(home: Home) -> Iterator[tuple[Home, planted.Kinds]]:
    luck = np.random.default_rng(4)
    of = luck.choice(4, PEOPLE, p=[0.4, 0.3, 0.2, 0.1])
    secret = (planted.SECRET, "female", of % 2 == 0)
    planted.plant(home, of, luck, sure=0.93, more=[secret])
    yield home, of


def test_kinds_of_persons_that_are_apart_are_found_and_how_many_there_are(
    town: tuple[Home, planted.Kinds],
) -> None:
    home, of = town
    found = made(home)
    assert len(found.centres) == 4
    assert stability.adjusted_rand(found.labels, of[found.sample - 1]) > 0.95
    assert sum(found.sizes) == PEOPLE and list(found.sizes) == sorted(found.sizes, reverse=True)
    assert next(one for one in found.tried if one.groups == 4).stable
    again = made(home)
    assert (
        (again.labels == found.labels).all() and again.tried == found.tried and again.traits == found.traits
    )


def test_where_there_are_no_kinds_of_persons_nothing_is_said_to_be_stable(home: Home) -> None:
    luck = np.random.default_rng(8)
    planted.plant(home, luck.choice(3, PEOPLE), luck, sure=0.0)
    found = made(home)
    assert len(found.centres) == 0 and not found.space.related
    assert len(made(home, Asked(groups=3)).centres) == 3


def test_nobody_is_grouped_or_described_by_what_is_sensitive_or_by_groups(
    town: tuple[Home, planted.Kinds],
) -> None:
    home, _ = town
    used = {one.key for one in making.dimensions(Asked(layers=tuple(Layer)), profiles.dimensions(None))}
    assert (
        planted.SECRET in {one.key for one in profiles.dimensions(None) if one.sensitive}
        and planted.SECRET not in used
    )
    named = making.dimensions(Asked(dimensions=(planted.SECRET,)), profiles.dimensions(None))
    assert named == ()
    found = made(home)
    assert planted.SECRET not in {t.dimension for some in found.traits for t in some}
    assert all(
        not one.sensitive and one.purpose != "service"
        for one in making.dimensions(Asked(), profiles.dimensions(None))
    )


def test_a_person_who_gets_other_tags_stands_where_those_put_them(town: tuple[Home, planted.Kinds]) -> None:
    """A part of the index on top of another is heard, and persons of both stand in one block."""
    home, _ = town
    space = made(home).space
    here = profiles.current(home)
    some = np.arange(1, PEOPLE + 1, dtype=np.uint32)
    before = np.concatenate([block for _, block in features.points(here, some, space)])
    copied = np.array([2, 700, 2_999], np.uint32)  # they get the tags of person 1
    mine = {(key, node): Split.of_sorted(copied) for key, node in here.nodes_of(1)}
    nodes: dict[str, dict[str, Split]] = {}
    for (key, node), both in mine.items():
        nodes.setdefault(key, {})[node] = both
    changed = Split.of_sorted(copied)
    part = Part(2, here.day, 0, here.mark, (here.made_at or 0) + 1, changed.persons, changed, nodes)
    after_index = planted.publish(home, here, part)
    after = np.concatenate([block for _, block in features.points(after_index, some, space)])
    assert (after[copied - 1] == before[0]).all()
    others = np.setdiff1d(some, copied) - 1
    assert (after[others] == before[others]).all()


def test_whoever_is_assigned_in_whatever_order_gets_the_same_group_and_the_engine_says_what_numpy_says(
    town: tuple[Home, planted.Kinds], monkeypatch: pytest.MonkeyPatch
) -> None:
    home, _ = town
    found, here = made(home), profiles.current(home)
    some = np.arange(1, PEOPLE + 1, dtype=np.uint32)
    whole = np.concatenate([block for _, block in features.points(here, some, found.space)])
    places, apart = kmeans.nearest(whole, found.centres)
    for many in (1 << 14, 97):
        monkeypatch.setattr("zerodistance.core.profiles.crossed._AT_ONCE", many)
        monkeypatch.setattr(assigning, "_ROWS", many)
        blocks = list(assigning.assigned(home, here, model(found), some))
        order = np.argsort(np.concatenate([block.who for block in blocks]))
        assert (np.concatenate([block.places for block in blocks])[order] == places).all()
        distances = np.concatenate([block.distances for block in blocks])[order]
        assert np.allclose(distances, np.sqrt(apart) / features.SCALE)
    few = some[[5, 77, 2_000]]
    (block,) = assigning.assigned(home, here, model(found), few)
    assert dict(zip(block.who.tolist(), block.places.tolist(), strict=True)) == {
        int(n): int(places[n - 1]) for n in few
    }


points = hnp.arrays(
    np.int64, st.tuples(st.integers(1, 30), st.just(3)), elements=st.integers(-200_000, 200_000)
)


@given(
    points,
    hnp.arrays(np.int64, st.tuples(st.integers(2, 6), st.just(3)), elements=st.integers(-200_000, 200_000)),
)
def test_the_sql_says_what_numpy_says_of_any_points_and_centres(
    where: kmeans.Whole, centres: kmeans.Whole
) -> None:
    text = spelled.sql({f"g{n}": tuple(centre) for n, centre in enumerate(centres.tolist())}, features.SCALE)
    places, apart = kmeans.nearest(where, centres)
    columns = {"number": np.arange(len(where)), **{f"x{n}": where[:, n - 1] for n in (1, 2, 3)}}
    ENGINE.register("feature", pa.table(columns))
    found = ENGINE.execute(f"select * from ({text}) order by number").fetchall()
    assert found == [(n, f"g{place}", int(apart[n])) for n, place in enumerate(places.tolist())]
    assert sqlglot.parse_one(text, dialect="duckdb").sql(dialect="spark")


def test_groups_of_a_new_version_are_the_old_ones_where_the_same_people_are_in_them(
    town: tuple[Home, planted.Kinds],
) -> None:
    home, of = town
    first = made(home)
    old = replace(
        model(first),
        centres={f"g{n}": tuple(c) for n, c in zip((7, 2, 9, 4), first.centres.tolist(), strict=True)},
    )
    again = made(home, Asked(seed=5))
    goes_on = making.continued(profiles.current(home), again, old)
    assert sorted(goes_on.values()) == ["g2", "g4", "g7", "g9"]
    kind = {
        node: np.bincount(of[first.sample[first.labels == n] - 1]).argmax()
        for n, node in enumerate(old.centres)
    }
    for new, node in goes_on.items():
        assert np.bincount(of[again.sample[again.labels == new] - 1]).argmax() == kind[node]


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=60))
def test_no_old_group_goes_on_twice_and_most_people_stay(both: list[tuple[int, int]]) -> None:
    old, new = (np.array(side) for side in zip(*both, strict=True))
    found = matched.same(old, new, 5, 5)
    assert len(set(found.values())) == len(found)
    for one, other in found.items():
        inside = ((old == other) & (new == one)).sum()
        assert 2 * inside >= ((old == other) | (new == one)).sum()
    assert matched.same(old, old, 5, 5) == {int(n): int(n) for n in np.unique(old)}


@given(
    st.lists(st.integers(0, 3), min_size=2, max_size=40).flatmap(
        lambda one: st.tuples(st.just(one), st.permutations(range(4)))
    )
)
def test_the_same_partition_under_other_names_is_the_same(both: tuple[list[int], list[int]]) -> None:
    mine = np.array(both[0])
    theirs = np.array(both[1])[mine]
    assert stability.adjusted_rand(mine, theirs) == pytest.approx(1.0)
    sizes = np.bincount(mine)
    alone = bool((sizes[sizes > 0] == 1).any()) or len(np.unique(mine)) < int(mine.max()) + 1
    assert stability.strength(mine, theirs) == (0.0 if alone else 1.0)


def test_too_few_persons_are_not_grouped(home: Home) -> None:
    luck = np.random.default_rng(1)
    planted.plant(home, luck.choice(2, 50), luck)
    with pytest.raises(TooFewToGroup, match="50 persons"):
        made(home)
    planted.plant(home, np.zeros(300, np.intp), luck, sure=1.0)
    with pytest.raises(TooFewToGroup, match="alike"):
        made(home)


def trait(key: str, node: str, low: float) -> Trait:
    high = low + 0.1
    return Trait(
        key,
        node,
        0.5 + low / 2,
        0.5 - low / 2,
        min(low, high),
        max(low, high),
        Text(f"维{key}", key),
        Text(f"值{node}", node),
    )


def test_names_come_from_what_is_surest_and_no_two_are_alike() -> None:
    buyers = (
        trait("value.spend", "much", 0.6),
        trait("value.orders", "many", 0.5),
        trait("brand.hour", "night", 0.3),
    )
    twins = [buyers, buyers, (), ()]
    names = describing.names(twins)
    assert names[0] == Text(
        "维value.spend：值much · 维brand.hour：值night", "value.spend: much · brand.hour: night"
    )
    assert names[1].en == "value.spend: much · brand.hour: night · value.orders: many"
    assert len({name.zh for name in names}) == len({name.en for name in names}) == 4
    (seldom,) = describing.names([(trait("value.spend", "much", -0.6),)])
    assert seldom == Text("少有 维value.spend：值much", "seldom value.spend: much")
    assert describing.names([buyers], taken=[names[0]]) == [names[1]]
