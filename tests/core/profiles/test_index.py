"""An index of parts on top of one another is the same as one made whole, whatever is asked and however little is kept."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyroaring import BitMap

from zerodistance.core.profiles import (
    api,
    bitmaps,
    forward,
    homes,
    index,
    portrait,
    publishing,
    several,
    threshold,
    turning,
)
from zerodistance.core.profiles.contracts import (
    VISITORS_FROM,
    Bands,
    Dimension,
    IndexDamaged,
    IndexOlder,
    Input,
    Layer,
)
from zerodistance.core.profiles.decoded import Decoded, Kept
from zerodistance.core.profiles.index import Index
from zerodistance.core.profiles.parts import UNIVERSE, Name, Part
from zerodistance.core.profiles.sections import Opened
from zerodistance.core.profiles.splits import NOBODY, Sizes, Split
from zerodistance.kernel.text import Text

NUMBERS = (*range(1, 9), 500, 7_000, *range(VISITORS_FROM, VISITORS_FROM + 4))
TEXT = Text("试", "test")
NODES = (("a", "x"), ("a", "y"), ("b", "x"))
Tags = dict[int, set[tuple[str, str]]]
"""Number -> its nodes."""

tags = st.dictionaries(st.sampled_from(NUMBERS), st.sets(st.sampled_from(NODES)))
changes = st.lists(st.tuples(tags, st.sets(st.sampled_from(NUMBERS))), max_size=5)


def split(numbers: Iterable[int]) -> Split:
    return Split.of_sorted(np.array(sorted(numbers), np.uint32))


def part(known: Tags, changed: set[int] | None) -> Part:
    nodes: dict[str, dict[str, Split]] = {}
    for dimension, node in NODES:
        mine = split(n for n, at in known.items() if (dimension, node) in at)
        if mine:
            nodes.setdefault(dimension, {})[node] = mine
    gone = None if changed is None else bitmaps.of(np.array(sorted(changed), np.int64))
    return Part(1, 2, 3, "m", 4, gone, split(known), nodes)


def sizes(numbers: Iterable[int]) -> Sizes:
    listed = list(numbers)
    persons = sum(n < VISITORS_FROM for n in listed)
    return Sizes(persons, len(listed) - persons)


def check(found: Index, known: Tags, every: Iterable[tuple[str, str]] = NODES) -> None:
    """Hold everything that an index says against the tags of everybody."""
    at: dict[Name, set[int]] = {UNIVERSE: set(known)}
    for number, nodes in known.items():
        assert sorted(found.nodes_of(number)) == sorted(nodes)
        for dimension, node in nodes:
            at.setdefault(("node", dimension, node), set()).add(number)
            at.setdefault(("any", dimension, ""), set()).add(number)
    nodes = {("node", d, node): one for d, some in found.by_dimension.items() for node, one in some.items()}
    assert {name: one for name, one in (found.sizes | nodes).items() if any(one)} == {
        name: sizes(numbers) for name, numbers in at.items() if numbers
    }
    for name in {*at, *found.sizes, *nodes}:
        assert set(found.split(name).numbers().tolist()) == at.get(name, set()), name
        for side in (0, 1):
            assert threshold.bitmap(1, [found.dense(name, side)]) == found.split(name)[side]
    some = split(n for n in NUMBERS if n % 3)
    wanted = {
        name: sizes(w) for name, who in at.items() if name[0] == "node" and (w := who & set(some.numbers()))
    }
    assert portrait.exact(found, some).sizes == portrait.sampled(found, some).sizes == wanted
    assert found.portrait(some.numbers()) == {n: one for n, one in wanted.items() if not homes.is_home(n)}
    names: list[Any] = [("node", *node) for node in every]
    both = several.at_least(found, 2, names)
    assert set(both.numbers().tolist()) == {n for n, nodes in known.items() if len(nodes) >= 2}
    assert several.count(found, 2, names) == both.sizes


@pytest.fixture(params=["in order", "by place"])
def turned(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Turn bitmaps round in each of the two ways."""
    if request.param == "by place":
        monkeypatch.setattr(turning, "_SMALL", -1)
        monkeypatch.setattr(forward, "_FEW", 0)
        monkeypatch.setattr(forward, "_PERSONS", 2)
        monkeypatch.setattr(turning, "_HELD", 5)
        monkeypatch.setattr(turning, "_PERSONS", 3)


@pytest.mark.usefixtures("turned")
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    first=tags,
    later=changes,
    kept=st.sampled_from([0, 300, 1 << 20]),
    reread=st.booleans(),
    alike=st.sampled_from([2, 3, 8]),
)
def test_parts_on_top_of_one_another_are_the_same_as_one_whole(
    tmp_path_factory: pytest.TempPathFactory, first: Tags, later: Any, kept: int, reread: bool, alike: int
) -> None:
    folder: Path = tmp_path_factory.mktemp("index")
    index.DECODED.limit(kept)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(index, "TOGETHER", alike)
        patch.setattr(index, "_LIGHT", 2)
        known = dict(first)
        here = publishing.publish(folder, Index(), part(known, None))
        check(here, known)
        for fresh, also in later:
            changed = {*fresh, *also}
            before, was = here, dict(known)
            known = {n: nodes for n, nodes in known.items() if n not in changed} | fresh
            check(publishing.publish(folder, before, part(fresh, changed)), known)
            here = publishing.join(folder)
            if reread:
                index.forget(folder)
                here = index.current(folder)
            check(here, known)
            check(before, was)
        while here.alike():
            fewer = publishing.join(folder)
            assert len(fewer.names) < len(here.names)
            here = fewer
            check(here, known)
        together = publishing.publish(folder, here, part({}, set()), whole=True)
        check(together, known)
        assert len(together.names) == 1
    index.DECODED.limit(1 << 30)


def test_parts_become_one_after_what_has_changed_is_seen_and_those_of_one_size_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index, "TOGETHER", 2)
    monkeypatch.setattr(index, "_LIGHT", 2)
    here = publishing.publish(tmp_path, Index(), part({}, None))
    for n in range(1, 5):
        here = publishing.publish(tmp_path, here, part({n: {("a", "x")}}, {n}))
    assert (index.current(tmp_path).version, len(here.names)) == (5, 5)
    names = [len(publishing.join(tmp_path).names) for _ in range(3)]
    assert names == [2, 2, 2], "four of one become one, and there is nothing more to do"
    check(index.current(tmp_path), {n: {("a", "x")} for n in range(1, 5)})


@pytest.mark.parametrize("again", [False, True])
def test_who_saw_turns_that_became_one_above_what_others_gave_meanwhile_is_told_of_that(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, again: bool
) -> None:
    monkeypatch.setattr(index, "TOGETHER", 2)
    monkeypatch.setattr(index, "_LIGHT", 2)
    known: Tags = {n: set() for n in NUMBERS}
    publishing.publish(tmp_path, Index(), part(known, None))
    for n in (1, 2):
        seen = publishing.publish(tmp_path, index.current(tmp_path), part({n: set()}, {n}))
    name = ("node", "b", "x")
    assert not any(seen.split(name))  # kept in memory
    given = Part(1, 2, 3, "m", 4, bitmaps.of(np.array([1])), split([1]), {"b": {"x": split([1])}}, only="b")
    publishing.publish(tmp_path, index.current(tmp_path), given)
    here = publishing.join(tmp_path)
    assert len(here.names) == 3
    if again:
        here = index._load(tmp_path, Index())
    assert here.split(name).sizes == (1, 0)
    since = here.changed_since(seen.stamp)
    assert since is None or 1 in since


ALONE = st.tuples(
    st.just("alone"),
    st.dictionaries(st.sampled_from(NUMBERS), st.sampled_from(["x", "y", ""])),
    st.booleans(),
)
TURN = st.tuples(st.just("turn"), tags, st.sets(st.sampled_from(NUMBERS)))
NUMBERED = Bands(((0, "x", TEXT), (10, "y", TEXT)))
OWN = Dimension("b", Layer.VALUE, TEXT, TEXT, Input("given"), "given(number)", NUMBERED)


def numbered(known: Tags) -> dict[str, tuple[Any, Any]]:
    """Return the numbers of dimension b: 7 at node x, 12 and more at node y."""
    found = {
        n: 7.0 if ("b", "x") in at else 12.0 + n % 3
        for n, at in known.items()
        if at & {("b", "x"), ("b", "y")}
    }
    who = np.array(sorted(found), np.uint32)
    return {"b": (who, np.array([found[n] for n in who.tolist()], np.float64))}


BESIDE = st.tuples(st.just("whole"), st.lists(st.one_of(ALONE, TURN), max_size=4), st.booleans())


def stepped(folder: Path, here: Index, known: Tags, step: tuple[str, Any, Any]) -> tuple[Index, Tags]:
    """Write what a turn of the index, or somebody who gives values, adds; return the index and what is true then."""
    what, fresh, also = step
    if what == "turn":
        changed = {*fresh, *also}
        known = {n: nodes for n, nodes in known.items() if n not in changed} | fresh
        return publishing.publish(folder, here, replace(part(fresh, changed), numbers=numbered(fresh))), known
    said = {n: node for n, node in fresh.items() if n in known}
    about = known if also else said  # of everybody, or of some who are here
    known = known | {
        n: {one for one in known[n] if one[0] != "b"} | ({("b", at)} if (at := said.get(n)) else set())
        for n in about
    }
    mine = {n: {one for one in known[n] if one[0] == "b"} for n in about}
    nodes = {"b": {node: split(n for n, at in mine.items() if ("b", node) in at) for node in ("x", "y")}}
    gone = None if also else bitmaps.of(np.array(sorted(said), np.int64))
    tagged = split(n for n, at in mine.items() if at)
    one = Part(1, 2, 3, "m", 4, gone, tagged, nodes, numbers=numbered(mine), only="b", given={"b": [1]})
    return publishing.publish(folder, here, one), known


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    first=tags,
    later=st.lists(st.one_of(ALONE, ALONE, TURN, BESIDE), max_size=8),
    kept=st.sampled_from([0, 1 << 20]),
    reread=st.booleans(),
    alike=st.sampled_from([2, 3, 8]),
    joins=st.booleans(),
)
def test_parts_that_speak_of_one_dimension_say_the_same_as_one_whole(
    tmp_path_factory: pytest.TempPathFactory,
    first: Tags,
    later: Any,
    kept: int,
    reread: bool,
    alike: int,
    joins: bool,
) -> None:
    folder: Path = tmp_path_factory.mktemp("index")
    every = (*NODES, ("b", "y"))
    index.DECODED.limit(kept)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(index, "TOGETHER", alike)
        patch.setattr(index, "_LIGHT", 2)
        patch.setattr(Index, "heavy", lambda _: True)
        known = dict(first)
        here = publishing.publish(folder, Index(), replace(part(known, None), numbers=numbered(known)))
        seen = [(here, dict(known))]
        for what, fresh, also in later:
            if what == "whole":  # turns and parts that become one while it is written
                true, base = known, here.names[0]

                @contextmanager
                def turns(steps: Any = fresh, joined: Any = also) -> Iterator[None]:
                    nonlocal here, true
                    for step in steps:
                        here, true = stepped(folder, here, true, step)
                        here = publishing.join(folder) if joined else here
                    yield

                assert publishing.heavier(folder, turns())
                here, known = index.current(folder), true
                assert here.names[0] != base and len(list(folder.glob("*.part"))) == len(here.names)
            else:
                here, known = stepped(folder, here, known, (what, fresh, also))
                here = publishing.join(folder) if joins else here
            if reread:
                index.forget(folder)
                here = index.current(folder)
            seen.append((here, dict(known)))
            check(here, known, every)
            who, numbers = numbered(known)["b"]
            assert [here.number(OWN, n) for n in who.tolist()] == numbers.tolist()
            assert (
                here.between(OWN, 10, 12).numbers().tolist()
                == who[(numbers >= 10) & (numbers <= 12)].tolist()
            )
            assert here.size_between(OWN, 10, 12) == here.between(OWN, 10, 12).sizes
            for before, was in seen[:-1]:  # whoever looks at what changed since sees all of it
                since = here.changed_since(before.stamp)
                differ = {n for n in {*was, *known} if was.get(n) != known.get(n)}
                assert since is None or differ <= set(since)
        for before, was in seen:
            check(before, was, every) if not reread else None
        together = publishing.publish(folder, here, part({}, set()), whole=True)
        check(together, known, every)
        assert len(together.names) == 1
    index.DECODED.limit(1 << 30)


def test_what_was_asked_for_last_is_kept_within_the_bound() -> None:
    kept = Decoded(100)
    for n in range(4):
        kept.put("f", ("node", "d", str(n)), Kept(1, 1, n, 40))
    assert kept.size == 80
    assert [kept.get("f", ("node", "d", str(n))) is None for n in range(4)] == [True, True, False, False]
    kept.get("f", ("node", "d", "2"))
    kept.put("f", ("node", "d", "4"), Kept(1, 1, 4, 40))
    assert kept.get("f", ("node", "d", "3")) is None
    kept.put("f", ("node", "d", "4"), Kept(0, 2, 5, 10))
    assert kept.get("f", ("node", "d", "4")) == Kept(1, 1, 4, 40)
    kept.put("f", ("node", "d", "2"), Kept(1, 1, 2, 101))
    assert (kept.size, kept.get("f", ("node", "d", "2"))) == (40, None)
    kept.limit(0)
    assert kept.size == 0


def test_parts_of_one_size_become_one_and_what_was_decoded_before_still_counts(tmp_path: Path) -> None:
    everybody = np.arange(1, 100_001, dtype=np.uint32)
    here = publishing.publish(
        tmp_path,
        Index(),
        Part(1, 2, 3, "m", 4, None, Split.of_sorted(everybody), {"a": {"x": Split.of_sorted(everybody)}}),
    )
    assert here.split(("node", "a", "x")).sizes == (100_000, 0)
    rest = here.split(("node", "a", "x"))
    for n in range(1, 70):
        gone = BitMap([n])
        publishing.publish(tmp_path, here, Part(n, 2, 3, "m", 4, gone, Split.of_sorted(everybody[n - 1 : n])))
        here = publishing.join(tmp_path)
        rest = rest.without(gone)
        assert len(here.layers) <= 1 + 2 * 7
        kept, above = here._kept(("node", "a", "x"))
        assert kept and len(above) <= 1
        assert here.split(("node", "a", "x")) == rest
    index.forget(tmp_path)
    assert index.current(tmp_path).split(("node", "a", "x")) == rest


def test_a_large_part_is_not_written_again_for_a_few_small_ones(tmp_path: Path) -> None:
    everybody = np.arange(1, 100_001, dtype=np.uint32)
    here = publishing.publish(tmp_path, Index(), Part(1, 2, 3, "m", 4, None, Split.of_sorted(everybody)))
    for many in (20_000, *[10] * 7, *[2_000] * 6, *[10] * 40):
        some = everybody[:many]
        publishing.publish(tmp_path, here, Part(1, 2, 3, "m", 4, BitMap(some), Split.of_sorted(some)))
        here = publishing.join(tmp_path)
        assert [len(layer.changed or ()) for layer in here.layers[:2]] == [0, 20_000]
        assert len(here.layers) <= 2 + 7 + 6 + 7


def test_of_many_who_ask_at_once_one_decodes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    everybody = Split.of_sorted(np.arange(1, 100, dtype=np.uint32))
    here = publishing.publish(tmp_path, Index(), Part(1, 2, 3, "m", 4, None, everybody))
    index.forget(tmp_path)
    asked, over, begun = list[Name](), index.over, threading.Barrier(8)

    def counted(found: Split, layers: Any, name: Name) -> Split:
        asked.append(name)
        return over(found, layers, name)

    def ask(_: int) -> Split:
        begun.wait()
        return here.universe

    monkeypatch.setattr(index, "over", counted)
    with ThreadPoolExecutor(8) as threads:
        assert all(found == everybody for found in threads.map(ask, range(8)))
    assert asked == [UNIVERSE]


def test_a_portrait_from_a_sample_says_how_far_off_it_may_be(tmp_path: Path) -> None:
    everybody = np.arange(1, 50_001, dtype=np.uint32)
    half = Split.of_sorted(everybody[::2])
    whole = Part(1, 2, 3, "m", 4, None, Split.of_sorted(everybody), {"a": {"x": half}})
    here = publishing.publish(tmp_path, Index(), whole)
    found = portrait.sampled(here, Split.of_sorted(everybody), 10_000)
    assert found.error == pytest.approx(0.876, abs=0.001)
    share = 100 * found.sizes["node", "a", "x"].persons / len(everybody)
    assert abs(share - 50) < 2 * found.error
    assert (
        portrait.sampled(here, half)
        == api.portrait(here, half)
        == portrait.Counted({("node", "a", "x"): Sizes(25_000, 0)}, 0.0)
    )
    assert portrait.sampled(here, NOBODY).sizes == {}


def test_large_sets_are_added_up_by_words_and_say_the_same(tmp_path: Path) -> None:
    everybody = np.arange(1, 300_001, dtype=np.uint32)
    nodes = {str(n): Split.of_sorted(everybody[::n]) for n in (1, 2, 3, 5, 7, 40)}
    whole = Part(1, 2, 3, "m", 4, None, Split.of_sorted(everybody), {"a": nodes})
    here = publishing.publish(tmp_path, Index(), whole)
    names: list[Any] = [("node", "a", node) for node in nodes]
    sides = [both.persons for both in nodes.values()]
    assert threshold.worth(sides)
    for least in (2, 3, 5):
        wanted = bitmaps.at_least(least, sides)
        assert several.at_least(here, least, names).persons == wanted
        assert several.count(here, least, [nodes["1"], *names[1:]]) == Sizes(len(wanted), 0)


def test_a_file_of_an_earlier_version_is_no_damage_and_one_whose_beginning_is_broken_is(
    tmp_path: Path,
) -> None:
    older = tmp_path / "tags-1.part"
    older.write_bytes(b"ZDINDEX1" + b"\0" * 100)
    with pytest.raises(IndexOlder):
        Opened(older)
    publishing.publish(tmp_path, Index(), part({1: {("a", "x")}}, None))
    (path,) = tmp_path.glob("tags-0*.part")
    path.write_bytes(b"ZDINDEX1" + path.read_bytes()[8:])
    with pytest.raises(IndexDamaged) as found:
        Opened(path)
    assert not isinstance(found.value, IndexOlder)


def test_a_whole_part_that_was_begun_before_the_index_was_made_anew_goes_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Index, "heavy", lambda _: True)
    here = publishing.publish(tmp_path, Index(), part({1: {("a", "x")}, 2: {("a", "x")}}, None))
    here = publishing.publish(tmp_path, here, part({2: {("a", "y")}}, {2}))

    @contextmanager
    def forgetting() -> Iterator[None]:
        publishing.publish(tmp_path, here, part({}, {2}), whole=True)
        yield

    assert not publishing.heavier(tmp_path, forgetting())
    check(index.current(tmp_path), {1: {("a", "x")}})
    (tmp_path / "whole-0000000001.part").write_text("of a process that was killed")
    with monkeypatch.context() as patch:
        patch.setattr(Index, "heavy", lambda _: False)
        assert not publishing.heavier(tmp_path, nullcontext())
    assert [path.name for path in tmp_path.glob("*.part")] == list(index.current(tmp_path).names)
