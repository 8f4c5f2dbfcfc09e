"""The state store has one shape over SQLite and PostgreSQL: the same words, the same answers, the same order of writers."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from tests.postgres import Homes
from zerodistance.core.identity import store
from zerodistance.kernel import bulk, postgres
from zerodistance.kernel.bulk import Bulk
from zerodistance.kernel.errors import StateAway, WorkerElsewhere, WrongSetting
from zerodistance.kernel.home import create_home, open_home
from zerodistance.kernel.postgres import StateOfAnother, StateUnfit, shown
from zerodistance.kernel.settings import load
from zerodistance.kernel.state import State, note, upsert

BOTH = [
    pytest.param("sqlite", id="sqlite"),
    pytest.param("postgres", id="postgres", marks=pytest.mark.postgres),
]


@pytest.fixture(params=BOTH)
def state(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[State]:
    url = request.getfixturevalue("databases").new() if request.param == "postgres" else ""
    made = State(tmp_path / "state.db", url)
    made.upgrade()
    yield made
    made.close()


ADD = Bulk(
    "insert into identity_number (key, value) {rows} on conflict (key) "
    "do update set value = identity_number.value + excluded.value",
    key=("name",), name="text", value="bigint",
)  # fmt: skip
ODD = 'a "b" \\ {c}, null%s ? 王\N{ZERO WIDTH JOINER}\n'


def test_a_read_sees_one_snapshot_whatever_is_written_meanwhile(state: State) -> None:
    state.write_note("a", "1")
    with state.read() as tx:
        assert tx.execute(select(note.c.value)).scalars().all() == ["1"]
        state.write_note("b", "2")
        assert tx.execute(select(note.c.value)).scalars().all() == ["1"]
    assert state.notes() == {"a": "1", "b": "2"}


def test_a_write_that_raises_leaves_nothing(state: State) -> None:
    with pytest.raises(ZeroDivisionError), state.write() as tx:
        tx.execute(note.insert().values(key="a", value="1"))
        raise ZeroDivisionError
    assert state.notes() == {}


def test_writers_follow_each_other(state: State) -> None:
    state.write_note("n", "0")

    def add(_: int) -> None:
        with state.write() as tx:
            n = int(tx.execute(select(note.c.value)).scalar_one())
            tx.execute(note.update().values(value=str(n + 1)))

    with ThreadPoolExecutor(6) as threads:
        list(threads.map(add, range(60)))
    assert state.notes() == {"n": "60"}


def test_an_upsert_is_the_same_on_both(state: State) -> None:
    more = upsert(store.identity_number)
    add = more.on_conflict_do_update(
        index_elements=["key"], set_={"value": store.identity_number.c.value + more.excluded.value}
    )
    keep = upsert(store.identity_number).on_conflict_do_nothing()
    with state.write() as tx:
        tx.execute(add, [{"key": "a", "value": 1}, {"key": "b", "value": 2}])
        tx.execute(add, [{"key": "a", "value": 10}])
        tx.execute(keep, [{"key": "a", "value": 99}, {"key": "c", "value": 3}])
        assert store.numbers(tx).keys() >= {"subject"}
        assert sorted(bulk.rows(tx, "select key, value from identity_number")) == [
            ("a", 11),
            ("b", 2),
            ("c", 3),
        ]


def test_rows_of_one_key_are_taken_one_after_the_other(state: State) -> None:
    with state.write() as tx:
        assert ADD.run(tx, [("a", 1), ("b", 5), ("a", 2), ("a", 4)]) == 4
        assert sorted(bulk.rows(tx, "select key, value from identity_number")) == [("a", 7), ("b", 5)]


def test_the_later_and_then_the_larger_fact_stays_in_any_order(state: State) -> None:
    rows = [
        (1, "city", 0, 5, "青岛"),
        (1, "city", 0, 5, "济南"),
        (1, "city", 0, 4, "北京"),
        (2, "city", 0, 1, ODD),
    ]
    with state.write() as tx:
        store.UPSERT_FACT.run(tx, rows)
        found = bulk.rows(tx, "select subject, at, value from identity_fact order by 1")
    assert found == [(1, 5, "青岛"), (2, 1, ODD)]


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.dictionaries(
        st.tuples(
            st.integers(-(2**63), 2**63 - 1),
            st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])),
        ),
        st.tuples(st.integers(-(2**63), 2**63 - 1), st.binary()),
        max_size=20,
    )
)
def test_whatever_goes_in_comes_out(state: State, given: dict[tuple[int, str], tuple[int, bytes]]) -> None:
    rows = sorted((*key, 0, *value) for key, value in given.items())
    with state.write() as tx:
        bulk.run(tx, "delete from identity_vault")
        store.UPSERT_VAULT.run(tx, rows)
        every = "select subject, field, origin, at, value from identity_vault"
        found = [tuple(row) for part in bulk.stream(tx, every, size=7) for row in part]
        some = [row[0] for row in rows[:3]]
        named = {
            row[0]
            for row in bulk.among(tx, "select subject from identity_vault where subject in {values}", some)
        }
    assert sorted(found) == rows
    assert named == set(some)


def test_a_sum_of_large_numbers_is_an_exact_integer(state: State) -> None:
    with state.write() as tx:
        ADD.run(tx, [(str(n), 2**62 - n) for n in range(2)])
        total = bulk.value(tx, "select sum(value - 4611686018427387000) from identity_number")
    assert (type(total), total) == (int, 2 * (2**62 - 4611686018427387000) - 1)


def test_a_stream_of_more_rows_than_one_fetch_loses_none(state: State) -> None:
    with state.write() as tx:
        ADD.run(tx, [(str(n), n) for n in range(2_500)])
    with state.read() as tx:
        parts = list(bulk.stream(tx, "select value from identity_number order by value", size=1_000))
    assert [len(part) for part in parts] == [1_000, 1_000, 500]
    assert [row[0] for part in parts for row in part] == list(range(2_500))


def test_columns_that_are_read_span_by_span_are_whole_and_in_order(
    state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "_SPAN", 7)
    values = [n for n in range(1, 60) if not 20 <= n < 40]  # spans without a row, too
    sql = "select value as n, 4611686018427387904 - value as far from identity_number where value between ? and ? order by value"
    kinds = {"n": np.int8, "far": np.int64}
    with state.write() as tx:
        assert [len(column) for column in bulk.spans(tx, sql, kinds, 59)] == [0, 0]
        ADD.run(tx, [(str(n), n) for n in reversed(values)])
        n, far = bulk.spans(tx, sql, kinds, 59)
    assert (n.dtype, n.tolist()) == (np.dtype(np.int8), values)
    assert far.tolist() == [2**62 - one for one in values]


def test_a_question_is_answered_on_any_thread(state: State) -> None:
    state.write_note("a", "1")
    sql = "select value from state_note where key = ? and 5 % 3 = 2"
    with ThreadPoolExecutor(4) as threads:
        assert set(threads.map(lambda _: state.ask(sql, ("a",))[0][0], range(40))) == {"1"}


def test_who_comes_one_after_the_other_gets_one_connection_and_maps_a_bounded_part_of_the_file(
    tmp_path: Path,
) -> None:
    state = State(tmp_path / "state.db")
    state.upgrade()
    with state.read(), state.read():
        pass
    seen, mapped = set(), set()
    for _ in range(3):
        with state.read() as tx:
            seen.add(id(tx.connection.driver_connection))
            mapped.add(bulk.value(tx, "pragma mmap_size"))
    assert (len(seen), mapped) == (1, {256 << 20})
    assert state.ask("pragma mmap_size") == [(1 << 30,)], "what answers quickly maps more"
    state.close()


def test_the_store_says_what_it_is(state: State) -> None:
    assert state.kind().startswith(("SQLite 3", "PostgreSQL 1"))
    assert state.size() > 100_000
    assert state.damage() == ("", 0)
    assert {"subject", "batch", "state_note"} <= state.tables()
    state.scrub(["subject", "no such table"])


@pytest.mark.postgres
def test_text_that_postgresql_can_not_hold_is_made_readable_and_not_refused(
    databases: Homes, tmp_path: Path
) -> None:
    state = State(tmp_path / "x", databases.new())
    state.write_note("a\0", "b\0c")
    assert state.notes() == {"a\N{REPLACEMENT CHARACTER}": "b\N{REPLACEMENT CHARACTER}c"}
    state.close()


@pytest.mark.postgres
def test_a_failed_statement_that_was_passed_over_is_not_taken_for_kept(
    databases: Homes, tmp_path: Path
) -> None:
    state = State(tmp_path / "x", databases.new())
    with pytest.raises(RuntimeError, match="nothing of it can be kept"), state.write() as tx:
        tx.execute(note.insert().values(key="a", value="1"))
        with pytest.raises(Exception, match="no_such_table"):
            bulk.run(tx, "select 1 from no_such_table")
    assert state.notes() == {}
    state.close()


@pytest.mark.postgres
def test_a_database_belongs_to_one_home(databases: Homes, tmp_path: Path) -> None:
    url = databases.server.new_database()
    create_home(load(home=tmp_path / "one", state_url=url)).close()
    open_home(load(home=tmp_path / "one", state_url=url)).close()
    with pytest.raises(StateOfAnother) as refused:
        create_home(load(home=tmp_path / "other", state_url=url))
    assert "key" in refused.value.message("zh")


@pytest.mark.postgres
def test_a_database_of_something_else_is_not_touched(databases: Homes, tmp_path: Path) -> None:
    url = databases.server.new_database()
    name = url.split("/")[3].partition("?")[0]
    databases.server.say("create table theirs (a int)", name)
    with pytest.raises(StateUnfit, match="it holds other tables"):
        create_home(load(home=tmp_path / "one", state_url=url))
    assert databases.server.say(
        "select relname from pg_class where relkind = 'r' and relname !~ '^(pg|sql)_'", name
    ) == [("theirs",)]


@pytest.mark.postgres
def test_a_database_that_is_not_utf_8_is_refused_with_what_to_do(databases: Homes, tmp_path: Path) -> None:
    databases.server.say("create database latin encoding 'LATIN1' template template0 locale 'C'")
    with pytest.raises(StateUnfit, match=r"LATIN1.*encoding 'UTF8'"):
        create_home(load(home=tmp_path / "one", state_url=databases.server.url("latin")))


def test_a_server_that_is_away_is_said_without_the_password(tmp_path: Path) -> None:
    url = "postgresql://zd:geheim@127.0.0.1:1/zd"
    with pytest.raises(StateAway) as refused:
        create_home(load(home=tmp_path / "one", state_url=url))
    assert refused.value.status == 503 and refused.value.retry
    assert all("postgresql://zd@127.0.0.1:1/zd" in refused.value.message(lang) for lang in ("zh", "en"))
    assert all("geheim" not in refused.value.message(lang) for lang in ("zh", "en"))
    assert "geheim" not in repr(load(state_url=url)) + shown(url)


@pytest.mark.parametrize(
    "url", ["mysql://u:geheim@h/db", "postgresql://u:geheim@h", "geheim", "postgresql://u:geheim@h:x/db"]
)
def test_a_wrong_url_is_refused_without_being_repeated(url: str) -> None:
    with pytest.raises(WrongSetting, match="postgresql://user@host") as refused:
        load(state_url=url)
    assert "geheim" not in str(refused.value)


def cut(state: State) -> None:
    """Let the server end the connections that hold a lock on this database, as one that was started again has."""
    with state.read() as tx:
        bulk.rows(
            tx,
            "select pg_terminate_backend(pid, 5000) from pg_locks where locktype = 'advisory' "
            "and database = (select oid from pg_database where datname = current_database())",
        )


@pytest.mark.postgres
def test_a_database_has_one_worker_whatever_folder_that_comes_from(
    databases: Homes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "_TRIES", 0)
    url = databases.new()
    ours, theirs = State(tmp_path / "ours", url), State(tmp_path / "theirs", url)
    with ours.held() as still:
        with pytest.raises(WorkerElsewhere), theirs.held():
            pass
        assert still()
    with theirs.held() as still:
        assert still()
    ours.close()
    theirs.close()


@pytest.mark.postgres
def test_a_worker_whose_server_was_away_holds_it_again_unless_another_one_does(
    databases: Homes, tmp_path: Path
) -> None:
    url = databases.new()
    ours, theirs = State(tmp_path / "ours", url), State(tmp_path / "theirs", url)
    with ours.held() as still:
        cut(theirs)
        assert still(), "nobody else has it"
        cut(theirs)
        with theirs.held():
            assert not still()
        assert still()
    ours.close()
    theirs.close()


@pytest.mark.postgres
def test_processes_that_start_at_the_same_moment_make_the_tables_once(
    databases: Homes, tmp_path: Path
) -> None:
    url = databases.server.new_database()
    states = [State(tmp_path / "x", url) for _ in range(4)]
    together = threading.Barrier(4)

    def begin(state: State) -> None:
        together.wait()
        state.upgrade("key")

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(begin, states))
    assert states[0].notes() == {"key": "key"}
    for state in states:
        state.close()
