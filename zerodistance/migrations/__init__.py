"""The steps that bring a state store to this version; run by `State.upgrade`, kept from the first release on.

One file a step under `versions/`, `0001_what_it_does.py`, each after the one before it. Alembic is loaded only when there is a step
to take: most starts have none.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from zerodistance.kernel import clock
from zerodistance.kernel.errors import HomeNewer
from zerodistance.kernel.files import sync
from zerodistance.kernel.sqlite import Sqlite

if TYPE_CHECKING:
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    from zerodistance.kernel.state import State

FOLDER = Path(__file__).parent
BEFORE = "before-upgrade"
"""The folder beside the state that holds copies of it from before an upgrade."""

KEPT = 3  # own value: copies that are kept


def revisions() -> list[str]:
    """Return the numbers of the steps, in order."""
    return sorted(path.name.partition("_")[0] for path in (FOLDER / "versions").glob("[0-9]*.py"))


def current(state: State) -> str | None:
    """Return the number of the last step that `state` has had, None before the first."""
    from sqlalchemy import inspect

    with state.read() as tx:
        if not inspect(tx).has_table("alembic_version"):
            return None
        found = tx.exec_driver_sql("select version_num from alembic_version").scalar()
    return None if found is None else str(found)


def script() -> ScriptDirectory:
    """Return the migrations in this folder."""
    from alembic.script import ScriptDirectory

    return ScriptDirectory.from_config(_config())


def _config() -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    return config


def upgrade(state: State) -> list[Path]:
    """Run every step that `state` has not had, all in one transaction; does nothing when it is up to date.

    Returns
    -------
    list of Path
        The copy of the state from before the steps; empty where it had no tables yet, or nothing had to be done.

    Raises
    ------
    HomeNewer
        The state was written by a later version of the program.
    """
    known, had = revisions(), current(state)
    if known and had == known[-1]:
        return []
    if had is not None and had not in known:
        raise HomeNewer(path=state.where, revision=had)
    return _run(state)


def _run(state: State) -> list[Path]:
    from alembic.runtime.environment import EnvironmentContext

    steps = script()
    with state.write() as connection:  # who waited here finds nothing left to do
        had = current(state)
        copied = [] if had is None or had == revisions()[-1] else _copy(state, had)
        context = EnvironmentContext(_config(), steps, fn=lambda at, _: steps._upgrade_revs("head", at))
        context.configure(connection=connection, transactional_ddl=False)
        context.run_migrations()
    return copied


def _copy(state: State, had: str) -> list[Path]:
    """Copy the state as it is before a step, and let the oldest copies go; a server has backups of its own."""
    if not isinstance(state.store, Sqlite):
        return []
    folder = state.path.parent / BEFORE
    folder.mkdir(mode=0o700, exist_ok=True)
    with state.frozen() as frozen:
        made = [folder / name for name in frozen.copy(folder, lambda n: None)]
    at = f"{clock.now():%Y%m%dT%H%M%S}"
    kept = []
    for path in made:
        path.chmod(0o600)
        kept.append(path.rename(folder / f"{path.stem}-{had}-{at}{path.suffix}"))
        sync(kept[-1])
    sync(folder)
    for old in sorted(folder.glob("*.db"), key=lambda path: path.stat().st_mtime)[:-KEPT]:
        old.unlink()
    return kept
