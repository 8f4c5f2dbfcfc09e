"""A rule as SQL over the touches finds whom the index finds: two ways that share no code."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings

from tests.core.profiles import world
from tests.core.segments.test_answers import NOW, SAVED, TERRITORY, World, known, town
from tests.core.segments.test_rules import HOMES, any_rule
from zerodistance.core.profiles import api as profiles
from zerodistance.core.profiles.cells import spot
from zerodistance.core.profiles.contracts import VISITORS_FROM, Values
from zerodistance.core.profiles.dimensions import DIMENSIONS
from zerodistance.core.profiles.rollup import Rollup
from zerodistance.core.segments import api, spelled
from zerodistance.core.segments.answer import Answer
from zerodistance.core.segments.contracts import Has, In, NoneOf, Rule, SegmentCircle
from zerodistance.kernel import access, clock
from zerodistance.kernel.access import Role, Who
from zerodistance.kernel.errors import Forbidden
from zerodistance.kernel.home import Home

__all__ = ["town"]
PAIRED = next(
    d.key for d in DIMENSIONS if isinstance(d.nodes, Values) and d.nodes.names == "product" and d.nodes.path
)
INSIDE: dict[str, dict[str, tuple[str, ...]]] = {
    "brand.favourite": {"W1": ("washer", "laundry"), "washer": ("laundry", "washer"), "F1": ()},
    "geo.area": {"370212": ("370200", "370000"), "370200": ("370000",), "GB": ()},
    PAIRED: {
        "W1:2024": ("W1", "washer", "laundry"),
        "washer:2024": ("washer", "laundry"),
        "F1:2024": ("F1",),
    },
}
SLOW = bool(os.environ.get("ZERODISTANCE_TEST_SLOW"))


@pytest.fixture(scope="module")
def engine(town: World) -> Any:
    """The touches, who is who and what is published, and nothing else."""
    home, crowd, touches = town
    with home.engine.connect() as connection:
        connection.register("touches_table", world.table(touches))
        connection.execute("create table touches as select * from touches_table")
        connection.register("people", crowd.pairs(None))
        connection.execute("create table subject_person as select * from people")
        connection.register("facts", crowd.facts(None))
        connection.execute("create table person_fact as select * from facts")
        yield connection


def asked(engine: Any, rule: Rule, here: Answer, town: World) -> list[int]:
    """Return whom the SQL finds."""
    home = town[0]
    rollup = Rollup(spots={code: spot(*at) for code, at in HOMES.items()})
    setting = spelled.Setting(
        here.index.day,
        here.index.batch,
        home.settings.zone,
        home.settings.currency,
        rollup,
        {"north": TERRITORY}.__getitem__,
    )
    found: pa.Table = engine.sql(spelled.sql(rule, SAVED.__getitem__, setting)).to_arrow_table()
    return [int(n) for n in found.column("number").to_pylist()]


@settings(
    max_examples=10_000 if SLOW else 25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(rule=any_rule)
def test_any_rule_as_sql_finds_whom_the_index_finds(town: World, engine: Any, rule: Rule) -> None:
    here = Answer(town[0], SAVED.__getitem__)
    assert asked(engine, rule, here, town) == here.fits(rule).numbers().tolist()


@pytest.fixture
def logged(home: Home) -> Home:
    """Four touches in the log and in the index."""
    known(home)
    rows = world.table(
        [world.touch(1, row, row + 1, "order.line", NOW, amount=10.0 * row) for row in range(4)]
    )
    home.lake.append("touches", rows, app="touches", version=1, partition_by="month")
    with clock.freeze(NOW):
        profiles.rebuild(home, Who.system())
    return home


def test_the_sql_of_a_rule_is_checked_here_and_runs_where_it_is_written(
    logged: Home, analyst: Who, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rule = api.read_rule('AllOf(Did("order.line", amount_at_least=5), Has("value.spend_total", at_least=5))')
    found = api.check(logged, analyst, rule)
    assert (found.persons, found.visitors, found.missing, found.extra, found.moved) == (1, 1, 0, 0, False)
    assert api.write_sql(logged, analyst, rule, tmp_path / "out") == 4
    *views, statement = (tmp_path / "out" / "rule.sql").read_text().split(";\n")[:-1]
    with duckdb.connect() as connection:
        for view in views:
            connection.execute(view.replace("from '", f"from '{tmp_path}/out/"))
        numbers = [row[0] for row in connection.execute(statement).fetchall()]
    assert numbers == [2, VISITORS_FROM]
    monkeypatch.setitem(access._MAY, Role.ANALYST, frozenset())
    for ask in (api.check, lambda home, who, rule: api.write_sql(home, who, rule, tmp_path)):
        with pytest.raises(Forbidden):
            ask(logged, analyst, rule)
    assert api.as_sql(logged, analyst, rule).startswith("-- AllOf(")


def test_segments_in_a_circle_have_no_sql(logged: Home) -> None:
    rules: dict[str, Rule] = {"a": In("b"), "b": NoneOf((In("a"),))}
    here = spelled.Setting(1, 1, "UTC", "CNY", Rollup())
    with pytest.raises(SegmentCircle, match="a → b → a"):
        spelled.sql(In("a"), rules.__getitem__, here)


def test_inner_nodes_are_found_by_the_path_by_the_brand_and_by_the_area() -> None:
    rollup = Rollup({"product": {"W1": "washer", "washer": "laundry"}})
    here = spelled.Setting(1, 1, "UTC", "CNY", rollup)
    with duckdb.connect() as connection:
        for key, nodes in INSIDE.items():
            dimension = profiles.dimension(None, key)
            values = list(nodes)
            connection.execute("create or replace table v as select unnest($v) as value", {"v": values})
            for holder in {holder for some in nodes.values() for holder in some}:
                fits = spelled._fits(Has(key, node=f"^{holder}"), dimension, here.rollup)
                found = {row[0] for row in connection.execute(f"select value from v where {fits}").fetchall()}
                wanted = {v for v in values if f"^{holder}" in rollup.holders(dimension, v)}
                assert (key, holder, found) == (key, holder, wanted)
                assert wanted == {v for v, holders in nodes.items() if holder in holders}
