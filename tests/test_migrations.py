"""The migrations give exactly the tables that the rooms declare, once, whole, and never backwards."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
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


def test_door_and_worker_may_upgrade_at_the_same_moment(tmp_path: Path) -> None:
    states = [State(tmp_path / "state.db") for _ in range(4)]
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda one: one.upgrade(), states))
    assert {revision(one) for one in states} == {migrations.script().get_current_head()}
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
