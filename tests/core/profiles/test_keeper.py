"""Keeping profiles up to date is the same as making them anew, and both are what a slow reader would find."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.core.profiles import world
from zerodistance.core.profiles import evaluate, index, rollup, stacked, states
from zerodistance.core.profiles.contracts import (
    VISITORS_FROM,
    Bands,
    Dimension,
    IndexDamaged,
    Input,
    Layer,
    Value,
    Values,
)
from zerodistance.core.profiles.dimensions import DIMENSIONS
from zerodistance.core.profiles.index import Index
from zerodistance.core.profiles.keeper import Keeper
from zerodistance.core.profiles.sections import Opened
from zerodistance.kernel import clock
from zerodistance.kernel.home import Home, create_home
from zerodistance.kernel.settings import load
from zerodistance.kernel.text import Text

START = datetime(2026, 3, 1, 15, 59, tzinfo=UTC)  # a minute before midnight in Shanghai
KINDS = (
    "order.completed", "order.line", "order.returned", "product.viewed", "product.searched", "cart.added", "service.visited",
    "service.called", "device.fault", "device.used", "member.joined", "message.sent", "page.viewed", "custom",
)  # fmt: skip


_ANY = Bands(tuple((float(low), f"from_{low}", Text("", "")) for low in (-1_000_000, 0, 3, 20)))
_ALL = [
    f"{verb}({of})"
    for verb, allowed in Value.VERBS.items()
    for of in allowed or ()
    if verb not in ("trend", "given")
]
_MORE = [
    "share(order.line)",
    "share(nobody.says)",
    "share(channel=web)",
    "share(weekday=7)",
    "lag(product.viewed)",
    "lag(order.line)",
]
_PAIRS = [
    f"{verb}({of})" for verb in Value.PAIRED for of in ("category+channel", "product+year", "weekday+place")
]
_MONTH = timedelta(days=30)
ALSO = tuple(
    Dimension(
        f"test.{n}", Layer.USAGE, Text("试", "test"), Text("试", "test"), of, value,
        Values() if Value.parse(value).textual else _ANY,
    )
    for n, (value, of) in enumerate(
        [(value, Input()) for value in (*_ALL, *_MORE, *_PAIRS)]
        + [(value, Input(kinds=("order.*", "cart.added"), window=_MONTH)) for value in (*_ALL, "trend(*)")]
        + [("trend(*)", Input(window=timedelta(days=731)))]
        + [(value, Input(where=(("category", "washer"),))) for value in (*_ALL, *_MORE, *_PAIRS)]
        + [(value, Input(window=_MONTH, where=(("channel", "app"), ("category", "fridge")))) for value in _ALL]
        + [("count(*)", Input(where=(("place", text),))) for text in ("nowhere", "QD|^YT|nowhere")]
    )
)  # fmt: skip
"""Every aggregate, over everything and over some kinds of the last days."""


def check(
    home: Home,
    crowd: world.Crowd,
    touches: list[dict[str, Any]],
    dimensions: Any = DIMENSIONS,
    found: Index | None = None,
) -> None:
    """Hold every tag of everybody against the oracle."""
    found = found or index.current(home.path("index"))
    today, brand = found.day, rollup.read(home)
    numbers = set(crowd.of.values())
    assert set(found.universe.persons) == {n for n in numbers if world.is_person(n)}
    assert set(found.universe.visitors) == {n for n in numbers if not world.is_person(n)}
    assert {(r["subject"], r["number"]) for r in found.pairs().to_pylist()} == set(crowd.of.items())
    for dimension in dimensions:
        at: dict[str, set[int]] = {}
        for number in numbers:
            wanted = world.value(dimension, number, touches, crowd, today, home)
            node = world.node(dimension, wanted)
            if node is not None:
                at.setdefault(node, set()).add(number)
            if dimension.numeric:
                assert found.number(dimension, number) == pytest.approx(wanted), (dimension.key, number)
        at |= world.inner(dimension, at, brand)
        assert {node: set(who) for node, who in members(found, dimension.key).items()} == at, dimension.key
        whoever = set().union(*at.values())
        assert set(found.tagged(dimension).numbers().tolist()) == whoever
        assert sum(found.size(("any", dimension.key, ""))) == len(whoever)
    for number in numbers:
        listed = found.nodes_of(number)
        assert listed == [(key, node) for key, node in listed if number in members(found, key)[node]] and len(
            listed
        ) == sum(number in who for d in dimensions for who in members(found, d.key).values())


def members(found: Index, dimension: str) -> dict[str, list[int]]:
    """Return who is at each node, having held the counts of the nodes against them."""
    at = {}
    for node, sizes in found.nodes(dimension).items():
        both = found.split(("node", dimension, node))
        assert both.sizes == sizes, (dimension, node)
        at[node] = both.numbers().tolist()
    return at


def same(a: Index, b: Index) -> None:
    """Hold two indexes against each other."""
    assert (a.universe, a.everybody) == (b.universe, b.everybody)
    assert a.by_dimension == b.by_dimension
    assert {d: members(a, d) for d in a.by_dimension} == {d: members(b, d) for d in b.by_dimension}
    for key in {key for found in (a, b) for layer in found.layers for key in layer.columns}:
        one, other = (stacked.flat(found.stacks.of(key), key) for found in (a, b))
        assert (one[0].tolist(), one[1].tolist()) == (other[0].tolist(), other[1].tolist()), key
    assert a.pairs().sort_by("subject").equals(b.pairs().sort_by("subject"))


@st.composite
def stories(draw: st.DrawFn) -> list[Any]:
    """Draw batches of touches, moves of subjects between people, facts, and days that pass."""
    subjects = st.integers(1, 6)
    people = st.sampled_from([1, 2, 3, VISITORS_FROM, VISITORS_FROM + 1])
    one = st.fixed_dictionaries(
        {
            "subject": st.one_of(st.none(), subjects),
            "kind": st.sampled_from(KINDS),
            "back": st.one_of(
                st.integers(-3, 5), st.sampled_from([29, 30, 31, 89, 90, 364, 365, 366, 729, 730, 1095, 3000])
            ),
            "minute": st.integers(0, 1439),
            "category": st.sampled_from([None, "fridge", "washer"]),
            "product": st.sampled_from([None, "F1", "W1", "W2"]),
            "place": st.sampled_from([None, "QD", "^YT"]),
            "channel": st.sampled_from([None, "web", "app"]),
            "quantity": st.sampled_from([None, 1.0, 2.5, -3.0]),
            "amount": st.sampled_from([None, 0.1, 0.2, 500.0, 2000.0, -0.3]),
            "currency": st.sampled_from([None, "CNY", "GBP"]),
            "duration": st.sampled_from([None, 12.5, 40.0]),
        }
    )
    steps = st.one_of(
        st.tuples(st.just("touches"), st.lists(one, max_size=6)),
        st.tuples(st.just("touches"), st.lists(one, max_size=6)),
        st.tuples(st.just("move"), st.tuples(subjects, people)),
        st.tuples(st.just("pass"), st.sampled_from([0, 1, 30, 90, 365])),
        st.tuples(st.sampled_from(["merge", "lay"]), st.none()),
    )
    return draw(st.lists(steps, min_size=1, max_size=7))


@settings(
    max_examples=12,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),  # a story is too slow to be made smaller
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(story=stories(), seed=st.integers(0, 99))
def test_any_story_gives_the_tags_that_a_slow_reader_finds(
    tmp_path_factory: Any, story: list[Any], seed: int
) -> None:
    dimensions = (*DIMENSIONS[seed % 3 :: 3], *ALSO[seed % 2 :: 2])  # all of them would be too slow
    home = create_home(load(home=tmp_path_factory.mktemp("homes") / "home"))
    crowd, touches, batch, now = world.Crowd(), [], 0, START
    crowd.told.update({(1, "gender"): "female", (2, "birth_year"): "1984", (3, "birth_year"): "?"})
    keeper = Keeper(home, crowd, dimensions)
    luck = random.Random(seed)
    for what, how in story:
        if what == "touches":
            batch += 1
            fresh = []
            for row, t in enumerate(how):
                at = now - timedelta(days=t["back"]) + timedelta(minutes=t["minute"])
                rest = {k: v for k, v in t.items() if k not in ("subject", "kind", "back", "minute")}
                fresh.append(world.touch(batch, row, t["subject"], t["kind"], at, **rest))
                if t["subject"] is not None and t["subject"] not in crowd.of:
                    crowd.move(t["subject"], luck.choice([1, 2, VISITORS_FROM]))
            touches += fresh
            with clock.freeze(now):
                keeper.follow(world.table(fresh), batch)
        elif what == "move":
            if how[0] in crowd.of:
                crowd.move(*how)
        elif what == "lay":
            states.lay(home)
        elif what == "merge":
            states.merge(home, index.current(home.path("index")).batch, most_files=0)
        else:
            now += timedelta(days=how)
        with clock.freeze(now):
            keeper.update()
    with clock.freeze(now):
        keeper.update()
        if index.current(home.path("index")).made_at is not None:
            check(home, crowd, touches, dimensions)
            kept = index.current(home.path("index"))
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(evaluate, "_BLOCK", 2)
                patch.setattr(evaluate, "_FETCH", 1)
                patch.setattr(evaluate, "SUBJECTS", 2)
                keeper.rebuild(touches_too=False)
            same(kept, index.current(home.path("index")))
    home.close()


@pytest.mark.parametrize("tries", [2, 3])
def test_where_the_memory_is_too_little_the_index_is_made_in_all_of_it_and_of_fewer_at_a_time(
    home: Home, monkeypatch: pytest.MonkeyPatch, tries: int
) -> None:
    keeper, crowd, touches = small(home)
    shares, connect, tag = list[float](), home.engine.connect, evaluate.tag

    def connected(*, share: float = 1.0) -> Any:
        shares.append(share)
        return connect(share=share)

    def outgrown(*given: Any, **more: Any) -> Any:
        if len(shares) < tries:
            raise duckdb.OutOfMemoryException("could not allocate block of size 256.0 KiB")
        return tag(*given, **more)

    monkeypatch.setattr(home.engine, "connect", connected)
    monkeypatch.setattr(evaluate, "tag", outgrown)
    with clock.freeze(START):
        assert keeper.rebuild(touches_too=False) == 3
    assert shares == [0.25, 1.0, 1.0][:tries]
    check(home, crowd, touches, DIMENSIONS)


def small(home: Home) -> tuple[Keeper, world.Crowd, list[dict[str, Any]]]:
    crowd = world.Crowd({1: 1, 2: 2, 3: VISITORS_FROM})
    touches = [
        world.touch(1, 0, 1, "order.line", START, amount=100.0, product="W1", category="washer", place="QD"),
        world.touch(1, 1, 2, "service.visited", START),
        world.touch(1, 2, 3, "page.viewed", START, channel="web"),
        world.touch(1, 3, None, "page.viewed", START),
    ]
    keeper = Keeper(home, crowd)
    with clock.freeze(START):
        keeper.follow(world.table(touches), 1)
        keeper.update()
    return keeper, crowd, touches


def test_a_batch_that_comes_again_changes_nothing(home: Home) -> None:
    keeper, crowd, touches = small(home)
    with clock.freeze(START):
        keeper.follow(world.table(touches), 1)
        keeper.update()
    assert home.lake.count(states.TABLE) == 3
    check(home, crowd, touches)


def test_merge_then_unmerge_changes_no_tag(home: Home) -> None:
    keeper, crowd, touches = small(home)
    before = index.current(home.path("index"))
    with clock.freeze(START):
        crowd.move(2, 1)
        keeper.update()
        check(home, crowd, touches)
        crowd.move(2, 2)
        keeper.update()
    same(before, index.current(home.path("index")))


def test_whoever_moved_is_in_the_index_at_the_next_turn_without_a_touch(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zerodistance.core.profiles.pace._SHARE_OF_TIME", 1.0)  # a turn is due at once
    monkeypatch.setattr("zerodistance.core.profiles.keeper._DECIDED_SECONDS", 0.0)
    keeper, crowd, touches = small(home)
    with clock.freeze(START):
        keeper.catch_up()
        assert keeper.catch_up() == 0, "nothing is new"
        crowd.move(2, 1)
        assert keeper.catch_up() > 0
        check(home, crowd, touches)
        assert keeper.catch_up() == 0


def test_what_somebody_decided_does_not_wait_for_the_turn_that_touches_wait_for(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zerodistance.core.profiles.pace._SHARE_OF_TIME", 1e-9)
    monkeypatch.setattr("zerodistance.core.profiles.pace._WAIT_FOR_PEOPLE", 0.0)
    keeper, crowd, touches = small(home)
    monkeypatch.setattr("zerodistance.core.profiles.keeper._DECIDED_SECONDS", 0.0)
    with clock.freeze(START):
        crowd.move(2, 1)
        assert keeper.catch_up() == 0, "nobody waits for it"
        monkeypatch.setattr("zerodistance.core.profiles.keeper._DECIDED_SECONDS", 60.0)
        crowd.said += 1
        assert keeper.catch_up() > 0
        check(home, crowd, touches)
        crowd.move(2, 2)
        assert keeper.catch_up() > 0, "it is written down before persons are moved"
        check(home, crowd, touches)


def test_a_keeper_that_died_after_the_states_catches_up(home: Home) -> None:
    _, crowd, touches = small(home)
    more = [world.touch(2, 0, 1, "service.visited", START)]
    states.append(home, states.made_from(home, world.table(more), 1), 2)
    with clock.freeze(START):
        Keeper(home, crowd).update()
    check(home, crowd, touches + more)


def test_an_expired_visitor_leaves_at_the_turn_of_the_day(home: Home) -> None:
    keeper, crowd, touches = small(home)
    del crowd.of[3]
    with clock.freeze(START + timedelta(days=1)):
        keeper.update()
    check(home, crowd, touches)


def harm(home: Home, change: Callable[[bytearray], bytearray]) -> Path:
    """Change the bytes of the one part, and let nobody remember what they were."""
    (part,) = home.path("index").glob("tags-*.part")
    data = change(bytearray(part.read_bytes()))
    part.unlink()
    part.write_bytes(data)
    index.forget(home.path("index"))
    return part


def flipped(data: bytearray, place: int) -> bytearray:
    data[place] ^= 64
    return data


@pytest.mark.parametrize("place", [0, 40, 200, 5_000, -9, -30])
def test_a_damaged_part_is_found_and_the_index_made_anew(home: Home, place: int) -> None:
    keeper, crowd, touches = small(home)
    part = harm(home, lambda data: flipped(data, place))
    with pytest.raises(index.parts.IndexDamaged):
        index.parts.check(part)
    with clock.freeze(START):
        keeper.update()
    check(home, crowd, touches)


@pytest.mark.parametrize("left", [0, 7, 30, 4_000, -1, -24])
def test_a_part_that_was_cut_is_found_and_the_index_made_anew(home: Home, left: int) -> None:
    keeper, crowd, touches = small(home)
    harm(home, lambda data: data[:left])
    with pytest.raises(index.parts.IndexDamaged):
        index.current(home.path("index"))
    with clock.freeze(START):
        keeper.update()
    check(home, crowd, touches)


def test_no_section_is_read_that_is_not_what_was_written(home: Home) -> None:
    small(home)
    (part,) = home.path("index").glob("tags-*.part")
    whole = part.read_bytes()
    sections = Opened(part).sections
    kinds = {"universe", "node", "any", "known", "who", "number", "subjects", "numbers", "tags", "starts"}
    assert {key[0] for key in sections} == kinds
    for key, section in ((key, one) for key, one in sections.items() if one.size):
        part.write_bytes(flipped(bytearray(whole), section.place + section.size // 2))
        opened = Opened(part)
        read = opened.array if section.kind else opened.bitmap
        with pytest.raises(IndexDamaged, match="not what was written"):
            read(key)
        with pytest.raises(IndexDamaged):
            opened.check(1 << 30)


def test_a_part_that_is_cut_while_it_is_open_is_found(home: Home) -> None:
    keeper, crowd, touches = small(home)
    found = index.current(home.path("index"))
    index.DECODED.clear()
    os.truncate(home.path("index", found.names[0]), 4_096)
    with pytest.raises(IndexDamaged, match="cut"):
        assert found.universe
    with pytest.raises(IndexDamaged, match="cut"):
        found.nodes_of(1)
    index.forget(home.path("index"))
    with clock.freeze(START):
        keeper.update()
    check(home, crowd, touches)


def test_a_look_through_the_index_goes_on_where_it_stopped(home: Home) -> None:
    small(home)
    (part,) = home.path("index").glob("tags-*.part")
    opened = Opened(part)
    looks = 0
    while opened.unchecked:
        assert opened.check(1) > 0
        looks += 1
    assert looks == len(opened.sections)
    assert opened.check(1) == 0


def test_a_home_whose_index_is_damaged_forgets_all_the_same(home: Home) -> None:
    keeper, crowd, touches = small(home)
    harm(home, lambda data: flipped(data, 40))
    with clock.freeze(START):
        assert keeper.forget([1]) == {"profile_state": 1, "given_value": 0, "tag_index": 1}
    del crowd.of[1]
    check(home, crowd, touches[1:])


def test_forgetting_leaves_no_state_no_tag_and_no_older_file(home: Home) -> None:
    keeper, crowd, touches = small(home)
    assert keeper.forget([1]) == {"profile_state": 1, "given_value": 0, "tag_index": 1}
    assert keeper.forget([1]) == {"profile_state": 0, "given_value": 0, "tag_index": 0}
    del crowd.of[1]
    check(home, crowd, touches[1:])
    assert len(list(home.path("index").glob("tags-*.part"))) == 1
    assert len(list(Path(home.lake.path(states.TABLE)).glob("*.parquet"))) == 1


def test_many_small_updates_become_few_parts(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index, "TOGETHER", 3)
    keeper, crowd, touches = small(home)
    for batch in range(2, 9):
        more = [world.touch(batch, 0, 1 + batch % 3, "product.searched", START)]
        touches += more
        with clock.freeze(START):
            keeper.follow(world.table(more), batch)
            keeper.update()
        index.forget(home.path("index"))
        check(home, crowd, touches)
        assert len(list(home.path("index").glob("tags-*.part"))) <= 4
