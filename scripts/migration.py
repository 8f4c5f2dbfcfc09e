"""Write the next migration from the difference between the tables declared and the migrations there are.

Use: python -m scripts.migration 0002 "what changes". Read the result before committing it: a machine wrote it.
"""

from __future__ import annotations

import importlib
import pkgutil
import sys
import tempfile
from pathlib import Path

from alembic.autogenerate import produce_migrations, render_python_code
from alembic.migration import MigrationContext
from alembic.util import template_to_file

import zerodistance
from zerodistance.kernel.state import State, metadata
from zerodistance.migrations import FOLDER, script, upgrade


def declare_tables() -> None:
    """Import every module that declares tables."""
    for found in pkgutil.walk_packages(zerodistance.__path__, "zerodistance."):
        if found.name.endswith((".store", "kernel.backups", "kernel.bus", "kernel.jobs")):
            importlib.import_module(found.name)


def main(revision: str, message: str) -> None:
    """Write `versions/<revision>_<message>.py`."""
    declare_tables()
    with tempfile.TemporaryDirectory() as folder:
        state = State(Path(folder) / "state.db")
        upgrade(state)
        with state.engine.connect() as connection:
            steps = produce_migrations(MigrationContext.configure(connection), metadata)
        assert steps.upgrade_ops is not None
        body = render_python_code(steps.upgrade_ops, render_as_batch=False)
        state.close()
    target = FOLDER / "versions" / f"{revision}_{message.replace(' ', '_')}.py"
    template_to_file(
        str(FOLDER / "script.py.mako"),
        str(target),
        "utf-8",
        message=message,
        up_revision=revision,
        down_revision=script().get_current_head(),
        upgrades=body,
    )
    print(target)


if __name__ == "__main__":
    main(*sys.argv[1:])
