"""Slow statements: kept without values, with who asked, from state and engine, for other processes to see."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace

import duckdb
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sqlalchemy import create_engine, text
from structlog.testing import capture_logs

from zerodistance.core.touchpoints import sources
from zerodistance.kernel import measure, slow
from zerodistance.kernel.access import Who
from zerodistance.kernel.engine import Engine
from zerodistance.kernel.home import Home


@pytest.fixture(autouse=True)
def nothing_kept() -> Iterator[None]:
    slow._ring.clear()
    yield
    slow._kept.clear()
    slow._ring.clear()


@example("--")
@example("/*")
@example("$$")
@example('"')
@given(st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=40))
def test_no_value_is_kept_whatever_it_holds(value: str) -> None:
    quoted = value.replace("'", "''")
    found = slow.plain(f"select a from t where b = '{quoted}' and c = 8613800138000")
    assert found == "select a from t where b = ? and c = ?"


@pytest.mark.parametrize(
    ("given_", "kept"),
    [
        ("select 1", "select ?"),
        ("select t1.c2 from t1 where x = $held", "select t1.c2 from t1 where x = $held"),
        ("in (1,2 , 3)", "in (?, …)"),
        ("-- key 13800138000\nselect /* 'x' */ $$a'b$$", "select ?"),
        ("read_parquet(['a/1.parquet', 'b/2.parquet'])", "read_parquet([?, …])"),
        ("x = 1.5e3 and y = -7", "x = ? and y = -?"),
        ("select %(name_1)s, :other, ?", "select %(name_1)s, :other, ?"),
    ],
)
def test_a_statement_keeps_its_shape(given_: str, kept: str) -> None:
    assert slow.plain(given_) == kept


def test_a_long_statement_is_cut() -> None:
    assert len(slow.plain("select " + "a, " * 10_000)) == slow.LETTERS


def test_a_slow_statement_of_the_state_is_kept_with_who_asked(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'x.db'}")
    slow.watch_state(engine, 1)
    count = "with recursive n(x) as (select 1 union all select x + 1 from n where x < 300000) select sum(x) from n where x > :low"
    with engine.connect() as connection:
        connection.execute(text(count), {"low": 1380013})
    (found,) = slow.here()
    assert (found.store, found.process) == ("state", "")
    assert found.seconds >= 0.001
    assert "1380013" not in str(asdict(found))
    engine.dispose()


def test_a_slow_statement_of_the_engine_counts_fetching_too(tmp_path: Path) -> None:
    engine = Engine(tmp_path, memory_mb=128, threads=1, slow_ms=1)
    with engine.connect() as connection:
        rows = connection.execute("select sum(range * 2) from range(3000000)").fetchall()
        table = connection.sql(
            "select count(*) as n from range(3000000) where range % 7 = $k", params={"k": 3}
        ).to_arrow_table()
    assert rows == [(8999997000000,)]
    assert table["n"].to_pylist() == [428571]
    texts = {one.text for one in slow.here()}
    assert texts == {
        "select sum(range * ?) from range(?)",
        "select count(*) as n from range(?) where range % ? = $k",
    }


def test_who_asked_is_named(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = itertools.count(0, 10)
    monkeypatch.setattr(slow, "time", SimpleNamespace(monotonic=lambda: float(next(ticks))))
    sources.list_sources(home, Who.system())
    (found,) = [one for one in slow.here() if "from source" in one.text.lower()]
    assert found.where.startswith("core.touchpoints.sources:")
    home.state.timer.limit = float("-inf")
    home.state.ask("select 13800138000")
    assert (slow.here()[0].store, slow.here()[0].text) == ("state", "select ?")


def test_a_connection_that_is_watched_is_used_as_any_other(tmp_path: Path) -> None:
    with Engine(tmp_path, memory_mb=128, threads=1).connect() as connection:
        connection.execute("create table t (a int)")
        connection.executemany("insert into t values (?)", [[1], [2]])
        assert connection.execute("select a from t order by a").fetchall() == [(1,), (2,)]
        assert connection.execute("select a from t where a = $a", {"a": 2}).fetchone() == (2,)
        with pytest.raises(duckdb.Error):
            connection.execute("select nothing")
    assert slow.here() == []


def test_the_ring_is_bounded_and_another_process_reads_it(tmp_path: Path) -> None:
    before = measure.counted("slow_queries")
    slow.keep(tmp_path, "worker")
    for n in range(slow.MOST + 20):
        slow.note("state", f"select {n} from t", 1.0)
    assert len(slow.here()) == slow.MOST
    assert measure.counted("slow_queries") - before == slow.MOST + 20
    kept = slow.kept(tmp_path)
    assert (len(kept), kept[0].process, kept[0].text) == (slow.MOST, "worker", "select ? from t")
    assert [one.at for one in kept] == sorted((one.at for one in kept), reverse=True)


@pytest.mark.parametrize("written", ["", "not json", "[1]", '[{"store": "state"}]'])
def test_a_file_cut_in_half_is_as_if_there_were_none(tmp_path: Path, written: str) -> None:
    (tmp_path / "slow-door.json").write_text(written)
    assert slow.kept(tmp_path) == []


def test_it_is_logged_without_values() -> None:
    with capture_logs() as said:
        slow.note("engine", "select '13800138000'", 2.5)
    (line,) = said
    assert (line["event"], line["statement"], line["seconds"]) == ("slow_query", "select ?", 2.5)
