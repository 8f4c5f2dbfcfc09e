"""Values that rooms above give are tags like any others: whatever is given, merged, split, expired or withdrawn."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.core.profiles import world
from tests.core.profiles.test_keeper import START, members, same
from zerodistance.core.profiles import alone, api, giving, index, lineage, own
from zerodistance.core.profiles.contracts import (
    VISITORS_FROM,
    Bands,
    Input,
    Layer,
    NoSuchDimension,
    Values,
)
from zerodistance.core.profiles.given import DimensionExists, DimensionInUse, Given, NotOwn
from zerodistance.core.profiles.keeper import Keeper
from zerodistance.kernel import clock
from zerodistance.kernel.access import Role, Who
from zerodistance.kernel.errors import Forbidden, Invalid
from zerodistance.kernel.home import Home, create_home
from zerodistance.kernel.settings import load
from zerodistance.kernel.text import Text

SYSTEM = Who.system("test")
NAME = Text("试", "test")
CLOSED = Values(labels={"a": NAME, "b": NAME}, closed=True, parents={"a": "both", "b": "both"})
BANDS = Bands(((0, "low", NAME), (10, "high", NAME)), ((0, "any", NAME),))
WORDS = Given("own.words", Layer.VALUE, NAME, NAME, CLOSED)
FREE = Given("group.free", Layer.NEEDS, NAME, NAME, Values(), expires_days=3)
SCORE = Given("score.some", Layer.NEEDS, NAME, NAME, BANDS)
OTHER = replace(SCORE, key="own.bands", nodes=Bands(((5, "five", NAME),)), of=Input("given", ("score.some",)))
BUYS = Given(
    "own.buys",
    Layer.USAGE,
    NAME,
    NAME,
    BANDS,
    Input(kinds=("order.line",), window=timedelta(days=5)),
    "count(*)",
)
LAST = Given(
    "own.last",
    Layer.USAGE,
    NAME,
    NAME,
    Values(names="category"),
    Input(kinds=("order.line",)),
    "last(category)",
)
EVERY = {one.key: one for one in (WORDS, FREE, SCORE, OTHER, BUYS, LAST)}
QUICK = {("profiles.given", True), ("index.rename", False)}
Said = list[tuple[int, int, Any, int]]
"""Number of the giving, subject, value (None: taken away), day."""


def table(rows: Sequence[tuple[int, Any]], *, numeric: bool = False) -> list[pa.Table]:
    kind = pa.float64() if numeric else pa.string()
    subjects = pa.array([subject for subject, _ in rows], pa.int64())
    return [pa.table({"subject": subjects, "value": pa.array([value for _, value in rows], kind)})]


class Truth:
    """What the slow reader knows of the values that were given."""

    def __init__(self) -> None:
        self.said: dict[str, Said] = {}
        self.givings = 0

    def give(self, key: str, rows: Sequence[tuple[int, Any]], day: int, *, wholly: bool) -> None:
        self.givings += 1
        mine = [] if wholly else self.said[key]
        smallest: dict[int, Any] = {}
        for subject, value in rows:
            held = smallest.get(subject)
            smallest[subject] = value if held is None else held if value is None else min(held, value)
        self.said[key] = [*mine, *((self.givings, s, v, day) for s, v in smallest.items())]

    def value(self, one: Given, number: int, crowd: world.Crowd, today: int) -> Any:
        mine = [
            (giving, value)
            for giving, subject, value, day in self.said.get(one.values_of, [])
            if crowd.of.get(subject) == number
            and (EVERY[one.values_of].expires_days is None or today < day + EVERY[one.values_of].expires_days)
        ]
        last = max((giving for giving, _ in mine), default=0)
        found = [value for giving, value in mine if giving == last and value is not None]
        return min(found, default=None)


def check(
    home: Home, crowd: world.Crowd, truth: Truth, touches: list[dict[str, Any]], here: dict[str, Given]
) -> None:
    """Hold the tags of everybody in the home's own dimensions against what the slow reader finds."""
    found = index.current(home.path("index"))
    assert set(found.given) == set(here)
    for key, one in EVERY.items():
        dimension, at = one.dimension, dict[str, set[int]]()
        for number in set(crowd.of.values()):
            value = None
            if key in here and one.of.name == "touches":
                value = world.value(dimension, number, touches, crowd, found.day, home)
            elif key in here:
                value = truth.value(one, number, crowd, found.day)
            node = world.node(dimension, value)
            if node is not None:
                at.setdefault(node, set()).add(number)
            if dimension.numeric and key in here:
                assert found.number(dimension, number) == value, (key, number)
            assert found.node_of(dimension, number) == node, (key, number)
        at |= world.inner(dimension, at, api.Rollup())
        assert {node: set(who) for node, who in members(found, key).items()} == at, key
        assert set(found.tagged(dimension).numbers().tolist()) == set().union(*at.values())
    some = np.array(sorted(set(crowd.of.values())), np.uint32)
    wanted = {name: sizes for name, sizes in found.sizes.items() if name[0] == "node" and any(sizes)}
    assert found.portrait(some) == wanted


@st.composite
def stories(draw: st.DrawFn) -> list[Any]:
    subjects, people = st.integers(1, 6), st.sampled_from([1, 2, 3, VISITORS_FROM])
    words = st.sampled_from(["a", "b", "c", None])
    rows = st.lists(st.tuples(subjects, words), max_size=5)
    step = st.one_of(
        st.tuples(st.sampled_from(["give", "some"]), st.sampled_from([WORDS, FREE, SCORE]), rows),
        st.tuples(st.just("some"), st.sampled_from([WORDS, FREE, SCORE]), rows),
        st.tuples(st.just("declare"), st.sampled_from([OTHER, BUYS, LAST]), st.none()),
        st.tuples(st.just("withdraw"), st.sampled_from(sorted(EVERY)), st.none()),
        st.tuples(st.just("move"), subjects, people),
        st.tuples(st.just("buys"), subjects, st.sampled_from(["fridge", "washer"])),
        st.tuples(st.just("pass"), st.integers(0, 4), st.none()),
        st.tuples(st.sampled_from(["tidy", "rebuild", "cut"]), st.none(), st.none()),
    )
    return draw(st.lists(step, min_size=2, max_size=10))


@settings(
    max_examples=6,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(story=stories(), alike=st.sampled_from([2, 8]))
def test_any_story_of_given_values_gives_the_tags_that_a_slow_reader_finds(
    tmp_path_factory: Any, story: list[Any], alike: int
) -> None:
    home = create_home(load(home=tmp_path_factory.mktemp("homes") / "home"))
    crowd, truth, here = world.Crowd({1: 1, 2: 2, 3: 3, 4: VISITORS_FROM, 5: 1}), Truth(), dict[str, Given]()
    touches, now, batch = list[dict[str, Any]](), START, 1
    keeper = Keeper(home, crowd, ())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(index, "TOGETHER", alike)
        patch.setattr(giving, "_CROWD", 2 if alike == 2 else 1_000)  # one dimension after the other, or all
        touches.append(world.touch(1, 0, 1, "order.line", now, category="fridge"))
        with clock.freeze(now):
            keeper.follow(world.table(touches), 1)
            keeper.update()
        for what, how, more in story:
            with clock.freeze(now):
                today = world.day(now, home.settings.zone)
                if what in ("give", "some"):
                    numeric = how is SCORE
                    rows = (
                        [(s, None if w is None else float("abc".index(w)) * 7) for s, w in more]
                        if numeric
                        else more
                    )
                    if what == "give" or how.key not in here:
                        api.give(home, SYSTEM, how, table(rows, numeric=numeric))
                        here[how.key] = how
                        truth.give(how.key, rows, today, wholly=True)
                    else:
                        api.give_some(home, SYSTEM, how.key, table(rows, numeric=numeric))
                        truth.give(how.key, rows, today, wholly=False)
                elif what == "declare":
                    if how is not OTHER or SCORE.key in here:
                        api.declare(home, SYSTEM, how)
                        here[how.key] = how
                elif what == "withdraw":
                    if how in here and not (how == SCORE.key and OTHER.key in here):
                        api.withdraw(home, SYSTEM, how)
                        del here[how]
                elif what == "move":
                    if how in crowd.of:
                        crowd.move(how, more)
                elif what == "buys":
                    batch += 1
                    touches.append(world.touch(batch, 0, how, "order.line", now, category=more))
                    if how not in crowd.of:
                        crowd.move(how, how if how < 6 else 1)  # 6 is a new subject of a known person
                    keeper.follow(world.table(touches[-1:]), batch)
                elif what == "tidy":
                    giving.tidy(home)
                elif what == "rebuild":
                    keeper.rebuild(touches_too=False)
                elif what == "cut":  # somebody began to give, and never ended
                    with giving.lock(home):
                        number, at = own.reserve(home, SYSTEM, WORDS)
                        giving.append(
                            home, number, at, today, [giving.normal(table([(1, "c")])[0], numeric=False)]
                        )
            now += timedelta(days=how if what == "pass" else 0, microseconds=1)
            with clock.freeze(now):
                keeper.update()
                check(home, crowd, truth, touches, here)
        with clock.freeze(now):
            assert keeper.audit(20, Random(1)) == []
            kept = index.current(home.path("index"))
            keeper.rebuild(touches_too=False)
            same(kept, index.current(home.path("index")))
            check(home, crowd, truth, touches, here)
    home.close()


@pytest.fixture
def town(home: Home) -> tuple[Home, world.Crowd, Keeper]:
    """Four persons and a visitor."""
    crowd = world.Crowd({1: 1, 2: 2, 3: 3, 4: 4, 9: VISITORS_FROM})
    keeper = Keeper(home, crowd, ())
    with clock.freeze(START):
        keeper.follow(world.table([world.touch(1, 0, 1, "page.viewed", START)]), 1)
        keeper.update()
    return home, crowd, keeper


def at(home: Home, key: str) -> dict[str, list[int]]:
    return members(index.current(home.path("index")), key)


def test_giving_one_dimension_writes_one_part_that_speaks_of_it_alone(town: Any) -> None:
    home, _, keeper = town
    with clock.freeze(START):
        api.give(home, SYSTEM, WORDS, table([(1, "a"), (2, "b"), (9, "a")]))
        assert keeper.update() == 3
        assert keeper.update() == 0
    assert at(home, "own.words") == {"a": [1, VISITORS_FROM], "b": [2], "^both": [1, 2, VISITORS_FROM]}
    layers = index.current(home.path("index")).layers
    assert [(layer.only, layer.changed) for layer in layers] == [(None, None), ("own.words", None)]
    with clock.freeze(START):
        api.give_some(home, SYSTEM, "own.words", table([(1, None), (3, "b")]))
        assert keeper.update() == 2
    assert at(home, "own.words")["b"] == [2, 3]
    assert list(index.current(home.path("index")).layers[-1].changed or ()) == [1, 3]


def test_the_worker_sees_by_itself_what_was_given(town: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    home, _, keeper = town
    monkeypatch.setattr("zerodistance.core.profiles.pace._SHARE_OF_TIME", 1.0)
    monkeypatch.setattr(own, "_LOOK", 0.0)
    with clock.freeze(START):
        keeper.catch_up()
        assert keeper.catch_up() == 0
        api.give(home, SYSTEM, WORDS, table([(1, "a")]))
        assert keeper.catch_up() == 1


def test_given_values_are_read_again_of_those_alone_who_moved_or_have_a_new_subject(
    town: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, crowd, keeper = town
    asked, values = list[list[int]](), giving.values

    def watched(connection: Any, home: Home, some: Any, pairs: pa.Table, day: int) -> Any:
        asked.append(sorted(pairs.column("subject").to_pylist()))
        return values(connection, home, some, pairs, day)

    monkeypatch.setattr(giving, "values", watched)
    with clock.freeze(START):
        api.give(home, SYSTEM, WORDS, table([(1, "a"), (2, "b")]))
        api.give(home, SYSTEM, SCORE, table([(1, 3.0), (2, 12.0)], numeric=True))
        keeper.update()
        asked.clear()
        touches = [world.touch(2, n, n + 1, "page.viewed", START) for n in range(2)]
        keeper.follow(world.table(touches), 2)
        keeper.update()
        assert asked == [[]]
        assert at(home, "own.words") == {"a": [1], "b": [2], "^both": [1, 2]}
        assert at(home, "score.some") == {"low": [1], "high": [2], "^any": [1, 2]}
        crowd.move(2, 3)
        keeper.update()
        assert asked[1:] == [[2, 3]]
        assert at(home, "own.words")["b"] == [3]
        crowd.move(12, 1)  # before the index sees it, something is given to it
        keeper.follow(world.table([world.touch(3, 0, 12, "page.viewed", START)]), 3)
        api.give(home, SYSTEM, WORDS, table([(12, "b")]))
        keeper.update()
        assert asked[-1] == [1, 12]
    assert at(home, "own.words") == {"b": [1], "^both": [1]}


def test_a_dimension_that_expires_on_a_day_holds_nobody_from_then_on_and_can_be_prolonged(town: Any) -> None:
    home, _, keeper = town
    brief = replace(WORDS, expires_on=date(2026, 3, 4))
    with clock.freeze(START):
        api.give(home, SYSTEM, brief, table([(1, "a")]))
        keeper.update()
        assert at(home, "own.words")["a"] == [1]
    with clock.freeze(START + timedelta(days=3)):
        keeper.update()
        assert at(home, "own.words") == {}
        keeper.rebuild(touches_too=False)
        assert at(home, "own.words") == {}
        api.declare(home, SYSTEM, replace(brief, expires_on=None))
        keeper.update()
        assert at(home, "own.words")["a"] == [1]


def test_who_is_forgotten_leaves_no_given_value_and_no_older_file(town: Any) -> None:
    home, crowd, keeper = town
    with clock.freeze(START):
        api.give(home, SYSTEM, WORDS, table([(1, "a"), (2, "b")]))
        keeper.update()
        assert keeper.forget([1]) == {"profile_state": 1, "given_value": 1, "tag_index": 1}
        assert keeper.forget([1]) == {"profile_state": 0, "given_value": 0, "tag_index": 0}
        del crowd.of[1]
        keeper.update()
    assert at(home, "own.words") == {"b": [2], "^both": [2]}
    files = list(Path(home.lake.path(giving.TABLE)).rglob("dimension=*/*.parquet"))
    assert [pq.read_table(f).column("subject").to_pylist() for f in files] == [[2]]
    assert len(list(home.path("index").glob("tags-*.part"))) == 1


def test_what_counts_no_more_is_taken_away(town: Any) -> None:
    home, _, keeper = town
    with clock.freeze(START):
        for word in "ab":
            api.give(home, SYSTEM, WORDS, table([(1, word), (2, word)]))
        api.give(home, SYSTEM, FREE, table([(1, "x")]))
        api.withdraw(home, SYSTEM, FREE.key)
        assert giving.tidy(home) == 3
        assert home.lake.count(giving.TABLE) == 2
        assert giving.tidy(home) == 0
        keeper.update()
    assert at(home, "own.words")["b"] == [1, 2]


def test_dimensions_of_a_home_are_listed_found_and_refused_as_shipped_ones(town: Any) -> None:
    home = town[0]
    guest, unit = Who(1, "guest", Role.PLANNER), Who(2, "unit", Role.ANALYST, frozenset({7}))
    for one in (WORDS, replace(FREE, sensitive=True), replace(LAST, unit_id=8)):
        api.declare(home, SYSTEM, one) if one.of.name == "touches" else api.give(home, SYSTEM, one, [])
    mine = {d.key for d in api.dimensions(home) if not api.is_shipped(d.key)}
    assert mine == {"own.words", "group.free", "own.last"}
    assert api.dimension(home, "own.words").label == NAME
    assert {d.key for d in api.dimensions(home, guest)} & mine == {"own.words", "own.last"}
    assert "own.last" not in {d.key for d in api.dimensions(home, unit)}
    with pytest.raises(Forbidden):
        api.dimension(home, "group.free", guest)
    with pytest.raises(NoSuchDimension, match=r"own\.words"):
        api.dimension(home, "own.wrds", unit)
    with pytest.raises(NoSuchDimension):
        api.dimension(None, "own.words")
    with pytest.raises(NotOwn):
        api.withdraw(home, unit, "own.last")
    with pytest.raises(DimensionExists):
        api.declare(home, unit, replace(LAST, unit_id=None))


@pytest.mark.parametrize(
    "wrong",
    [
        replace(WORDS, key="value.mine"),
        replace(WORDS, key="own.Mine"),
        replace(WORDS, label=Text("", "x")),
        replace(WORDS, nodes=Values(labels={"^a": NAME})),
        replace(SCORE, nodes=Bands(())),
        replace(SCORE, nodes=Bands(((3, "a", NAME), (3, "b", NAME)))),
        replace(SCORE, value="given(text)"),
        replace(WORDS, owner="nobody"),
        replace(WORDS, expires_days=0),
    ],
)
def test_what_no_dimension_can_be_is_refused(home: Home, wrong: Given) -> None:
    with pytest.raises(Invalid):
        api.give(home, SYSTEM, wrong, [])
    assert own.own_dimensions(home, now=True).by_key == {}


def test_where_a_given_dimension_comes_from_is_said_in_words() -> None:
    made = replace(WORDS, made=Text("按规则", "by a rule")).dimension
    assert (lineage.said(made).en, lineage.said(SCORE.dimension).en) == (
        "by a rule",
        "a value that was given: given(number)",
    )
    assert lineage.sources(made).en.startswith("values that were given")
    assert lineage.freshness(made).en == "within seconds of being given"


def test_what_stands_on_given_values_is_not_left_without_them(town: Any) -> None:
    home = town[0]
    with pytest.raises(NotOwn):
        api.declare(home, SYSTEM, OTHER)
    api.give(home, SYSTEM, SCORE, table([(1, 7.0)], numeric=True))
    api.declare(home, SYSTEM, OTHER)
    with pytest.raises(DimensionInUse, match=r"own\.bands"):
        api.withdraw(home, SYSTEM, SCORE.key)
    with pytest.raises(Invalid):
        api.give(home, SYSTEM, WORDS, table([(1, "^a")]))


POINTS = [
    "profiles.giving",
    "profiles.given",
    "profiles.alone",
    "index.write",
    "index.rename",
    "index.renamed",
]
KILLS = [
    pytest.param(point, wholly, marks=[] if (point, wholly) in QUICK else [pytest.mark.slow])
    for point in POINTS
    for wholly in (True, False)
]


@pytest.mark.parametrize(("point", "wholly"), KILLS)
def test_a_kill_while_values_are_given_leaves_those_before_or_those_after(
    town: Any, point: str, wholly: bool
) -> None:
    home, crowd, keeper = town
    with clock.freeze(START):
        api.give(home, SYSTEM, WORDS, table([(1, "a"), (2, "b")]))
        keeper.update()
    told = [f"{s}:{n}" for s, n in crowd.of.items()]
    micros = str(clock.to_micros(START + timedelta(seconds=1)))
    how = "wholly" if wholly else "some"
    run = subprocess.run(
        [sys.executable, "-m", "tests.core.profiles.given_killed", str(home.root), micros, how, *told],
        cwd=Path(__file__).parents[3],
        env={**os.environ, "ZERODISTANCE_FAULT": f"{point}:1"},
        capture_output=True,
        check=False,
    )
    assert run.returncode < 0, run.stderr.decode()
    own.let_go(home)
    index.forget(home.path("index"))
    after = {"b": [1, 3]} if wholly else {"b": [1, 2, 3]}
    settled = point not in ("profiles.giving", "profiles.given")
    with clock.freeze(START + timedelta(seconds=2)):
        keeper.update()
        found = {node: who for node, who in at(home, "own.words").items() if node != "^both"}
        assert found == (after if settled else {"a": [1], "b": [2]})
        giving.tidy(home)
        keeper.rebuild(touches_too=False)
        assert {node: who for node, who in at(home, "own.words").items() if node != "^both"} == found
    assert alone.shown(own.own_dimensions(home), 0)
