"""The migrations give exactly the tables that the rooms declare, once, whole, and never backwards."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.runtime.environment import EnvironmentContext
from sqlalchemy import inspect

from scripts.reference import load_everything
from zerodistance import migrations
from zerodistance.kernel.errors import HomeNewer
from zerodistance.kernel.state import State, metadata


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    made = State(tmp_path / "state.db")
    yield made
    made.close()


def revision(state: State) -> str | None:
    return migrations.current(state)


def test_the_migrations_give_exactly_the_declared_tables(state: State) -> None:
    load_everything()
    state.upgrade()
    with state.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_the_migrations_keep_numbers_from_being_used_again(state: State) -> None:
    load_everything()
    state.upgrade()
    declared = {
        table.name for table in metadata.tables.values() if table.dialect_options["sqlite"]["autoincrement"]
    }
    with state.read() as tx:
        made = (
            tx.exec_driver_sql("select name from sqlite_master where sql like '%AUTOINCREMENT%'")
            .scalars()
            .all()
        )
    assert set(made) == declared


def test_the_steps_follow_each_other_as_their_numbers_do() -> None:
    steps = [step.revision for step in migrations.script().walk_revisions()]
    assert migrations.revisions() == steps[::-1] == [f"{number:04d}" for number in range(1, len(steps) + 1)]


def test_upgrading_again_changes_nothing(state: State) -> None:
    state.upgrade()
    before = state.path.stat().st_mtime_ns
    state.upgrade()
    assert state.path.stat().st_mtime_ns == before
    assert revision(state) == migrations.script().get_current_head()


def upgrade_to(state: State, revision: str) -> None:
    steps = migrations.script()
    with state.write() as connection:
        context = EnvironmentContext(
            migrations._config(), steps, fn=lambda at, _: steps._upgrade_revs(revision, at)
        )
        context.configure(connection=connection, transactional_ddl=False)
        context.run_migrations()


def test_what_an_import_said_is_kept_apart_from_now_on_and_what_was_there_counts_as_live(
    state: State,
) -> None:
    upgrade_to(state, "0001")
    with state.write() as tx:
        for row in (
            "subject (number, namespace, token, person, person_from, first_at, seen_at, shared, batch) "
            "values (1, 0, x'01', 1, 0, 7, 0, 0, 1)",
            "evidence (b, a, rule, at, source, batch) values (2, 1, 'row', 5, 1, 1)",
            "identity_vault (subject, field, at, value) values (1, 'name', 5, x'02')",
            "identity_fact (subject, fact, at, value) values (1, 'city', 5, 'Jinan')",
            "batch (number, feed, position, touches, committed_at) values (1, 'import:1', 1, 1, 1)",
        ):
            tx.exec_driver_sql(f"insert into {row}")
    state.upgrade()
    with state.read() as tx:
        assert tx.exec_driver_sql("select first_at, live_at from subject").all() == [(7, 7)]
        for table in ("evidence", "identity_vault", "identity_fact", "batch"):
            assert tx.exec_driver_sql(f"select origin from {table}").all() == [(0,)]
        apart = "select name from sqlite_master where sql like '%WITHOUT ROWID%'"
        assert {"evidence", "identity_vault", "identity_fact"} <= set(tx.exec_driver_sql(apart).scalars())
        assert "ix_evidence_a" in {index["name"] for index in inspect(tx).get_indexes("evidence")}
    with state.write() as tx:
        for origin in (0, 3):
            sql = f"insert into evidence (b, a, rule, at, origin, source, batch) values (2, 1, 'row', 6, {origin}, 1, 1)"
            tx.exec_driver_sql(sql)


def test_a_record_comes_before_a_phone_and_the_evidence_between_them_is_turned(state: State) -> None:
    upgrade_to(state, "0010")
    with state.write() as tx:
        subject = "subject (number, namespace, token, person, person_from, first_at, live_at, seen_at, shared, batch)"
        for number, namespace in ((1, 3), (2, 5), (3, 4), (4, 0), (5, 7)):
            tx.exec_driver_sql(
                f"insert into {subject} values ({number}, {namespace}, x'0{number}', 1, 0, 7, 7, 0, 0, 1)"
            )
        for b, a in ((2, 1), (3, 1), (2, 3), (1, 4), (5, 2)):
            tx.exec_driver_sql(
                f"insert into evidence (b, a, rule, at, origin, source, batch) values ({b}, {a}, 'row', 5, 0, 1, 1)"
            )
    state.upgrade()
    with state.read() as tx:
        ranks = tx.exec_driver_sql("select number, namespace, named from subject order by 1").all()
        pairs = tx.exec_driver_sql("select a, b from evidence order by 1, 2").all()
        asked = tx.exec_driver_sql(
            "select value from identity_number where key in ('unnamed', 'unheard')"
        ).all()
    assert ranks == [(1, 5, 0), (2, 3, 0), (3, 6, 0), (4, 0, 0), (5, 8, 0)]
    assert pairs == [(1, 3), (2, 1), (2, 3), (2, 5), (4, 1)]
    assert asked == [(0,), (0,)]


def test_door_and_worker_may_upgrade_at_the_same_moment(tmp_path: Path) -> None:
    states = [State(tmp_path / "state.db") for _ in range(4)]
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda one: one.upgrade(), states))
    assert {revision(one) for one in states} == {migrations.script().get_current_head()}
    for one in states:
        one.close()


def test_many_may_open_a_new_file_at_the_same_moment(tmp_path: Path) -> None:
    """Turning to write-ahead logging is refused at once, not after a wait, while another one does."""

    def look(one: State) -> None:
        with one.read() as tx:
            tx.exec_driver_sql("select 1")

    with ThreadPoolExecutor(8) as threads:
        for n in range(60):
            states = [State(tmp_path / f"{n}.db") for _ in range(8)]
            list(threads.map(look, states))
            for one in states:
                one.close()


def test_an_upgrade_that_fails_leaves_nothing_of_it(state: State, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = MigrationContext.run_migrations

    def steps_and_then_no_room(self: MigrationContext, **given: Any) -> None:
        whole(self, **given)
        raise OSError("disk full")

    monkeypatch.setattr(MigrationContext, "run_migrations", steps_and_then_no_room)
    with pytest.raises(OSError, match="disk full"):
        state.upgrade()
    assert inspect(state.engine).get_table_names() == []
    monkeypatch.undo()
    state.upgrade()
    assert revision(state) == migrations.script().get_current_head()


def test_a_home_of_a_later_version_is_refused_and_not_touched(state: State) -> None:
    state.upgrade()
    with state.write() as tx:
        tx.exec_driver_sql("update alembic_version set version_num = '9999'")
    with pytest.raises(HomeNewer) as refused:
        state.upgrade()
    assert "9999" in refused.value.message("zh")
    assert revision(state) == "9999"
