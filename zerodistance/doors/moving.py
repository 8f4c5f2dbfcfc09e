"""`migrate-state`: the state moves from SQLite to PostgreSQL or back, and the home's setting with it."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from zerodistance.kernel import command, fault, moving
from zerodistance.kernel.command import words
from zerodistance.kernel.errors import Invalid, NoHome
from zerodistance.kernel.locks import no_doors, worker_lock
from zerodistance.kernel.seal import Seal
from zerodistance.kernel.settings import FILE_NAME, load
from zerodistance.kernel.state import COMING, MOVED_TO, State
from zerodistance.kernel.text import Text

SQLITE = "sqlite"
VARIABLE = "ZERODISTANCE_STATE_URL"
_To = Annotated[
    str,
    Parameter(
        help=words("postgresql://用户@主机/数据库，或 sqlite", "postgresql://user@host/database, or sqlite")
    ),
]


def migrate_state(*, to: _To) -> int:
    """Move the state to another store, verify it, and let the home use it. May be killed and run again."""
    settings = command.settings()
    root = settings.home.resolve()
    if not (root / "key").exists():
        raise NoHome(path=root)
    url = "" if to == SQLITE else load(state_url=to).state_url
    if bool(url) == bool(settings.state_url):
        here = Text("状态库已经是 {kind}", "the state is in {kind} already").format(
            kind="PostgreSQL" if url else "SQLite"
        )
        raise Invalid(field="--to", given="…" if url else to, why=here)
    with worker_lock(root / "worker.lock"), no_doors(root / "doors.lock"):
        _move(root, settings.state_url, url)
        name_store(settings_file(root), url)
    command.tell(Text("状态库现在是 {where}", "the state is in {where} now"), where=_where(root, url))
    left = Text(
        "旧的 {where} 里还有全部数据，forget 不再够得到它；确认无误后请删除",
        "{where} still holds everything, and forget does not reach it any more; remove it when you are content",
    )
    command.tell(left, where=_where(root, settings.state_url))
    if VARIABLE in os.environ:
        command.tell(
            Text(
                "环境变量 {name} 仍指向旧的；请改掉它",
                "the variable {name} still names the old one; change it",
            ),
            name=VARIABLE,
        )
    return 0


def _where(root: Path, url: str) -> str:
    state = State(root / "state.db", url)
    state.close()
    return state.where


def _move(root: Path, source_url: str, url: str) -> None:
    key = Seal(root / "key").name
    source = State(root / "state.db", source_url)
    try:
        source.upgrade(key)
        if not moving.is_copied(source, _where(root, url)):
            moved = _copy(source, root, url, key)
            said = Text(
                "{tables} 张表，{rows} 行，逐表核对无误", "{tables} tables, {rows} rows, each table verified"
            )
            command.tell(said, tables=len(moved), rows=sum(table.rows for table in moved))
        target = State(root / "state.db", url)
        moving.hand_over(source, target)
        target.close()
    finally:
        source.close()


def _copy(source: State, root: Path, url: str, key: str) -> list[moving.Moved]:
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    done: dict[str, int] = {}
    with (
        _target(root, url) as target,
        Progress(*columns, console=command.errors, disable=not command.errors.is_terminal) as bar,
    ):
        target.upgrade(key)
        task = bar.add_task("", total=moving.counted(source))

        def progress(table: str, rows: int, _: int) -> None:
            done[table] = rows
            bar.update(task, description=table, completed=sum(done.values()))

        return moving.copy(source, target, key, progress)


@contextmanager
def _target(root: Path, url: str) -> Iterator[State]:
    """Give the store that is to be filled; a file takes its place only when it is whole."""
    path = root / "state.db"
    if url:
        target = State(path, url)
        try:
            yield target
        finally:
            target.close()
        return
    if path.exists() and not _left_over(path):
        raise moving.TargetInUse(where=path)
    draft = root / "state.db.coming"
    for left in root.glob("state.db.coming*"):
        left.unlink()
    target = State(draft)
    target.where = str(path)
    try:
        yield target
    finally:
        target.close()
    for left in (*root.glob("state.db-wal"), *root.glob("state.db-shm")):
        left.unlink()
    fault.point("moving.file")
    draft.replace(path)
    handle = os.open(root, os.O_RDONLY)
    os.fsync(handle)
    os.close(handle)


def _left_over(path: Path) -> bool:
    """Say whether a file is what an earlier move left behind."""
    old = State(path)
    notes = old.notes()
    old.close()
    return bool(notes.keys() & {MOVED_TO, COMING})


def settings_file(root: Path) -> Path:
    """Return the file that the settings are read from, or the home's own, which is made."""
    inside, outside = root / FILE_NAME, Path(FILE_NAME)
    return inside if inside.exists() or not outside.exists() else outside


def name_store(path: Path, url: str) -> None:
    """Let a settings file name the store of the state, in place of what stands there; empty: the file in the home."""
    old = path.read_text() if path.exists() else ""
    rest = re.sub(r"(?m)^\s*state_url\s*=.*\n?", "", old)
    draft = path.with_name(path.name + ".new")
    handle = os.open(draft, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600)  # a URL may hold a password
    with os.fdopen(handle, "w") as file:
        file.write((f"state_url = {json.dumps(url)}\n" if url else "") + rest)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
