"""`zerodistance import undo | stop | list`: which imports there are, ending one, and taking one back as a whole."""

from __future__ import annotations

import dataclasses
import time
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from rich.table import Table

from zerodistance.kernel import command
from zerodistance.kernel.command import words
from zerodistance.kernel.text import Text

if TYPE_CHECKING:
    from zerodistance.core.touchpoints.undo import Undo
    from zerodistance.kernel.home import Home

_POLL = 0.2  # seconds
_Number = Annotated[
    int, Parameter(help=words("导入的编号，见 import list", "number of the import, see import list"))
]
_Purpose = Annotated[str, Parameter(help=words("为什么撤销；写进报告", "why; it stands in the report"))]
_Wait = Annotated[bool, Parameter(help=words("等到撤销完成", "wait until it is undone"))]
_AsJson = Annotated[bool, Parameter("--json", negative="", help=words("以 JSON 输出", "print JSON"))]


def undo(number: _Number, *, purpose: _Purpose, wait: _Wait = True, as_json: _AsJson = False) -> int:
    """Take a whole import back, whatever came after it; prints what was removed."""
    from zerodistance.core.touchpoints.undo import undo_import, undo_of

    home, who = command.home(), command.who()
    asked: Undo | None = undo_import(home, who, number, purpose)
    while wait and asked is not None and asked.done_at is None:
        work(home)
        asked = undo_of(home, who, number)
    if asked is None or asked.report is None:
        command.tell(Text("导入 {n} 等待撤销", "import {n} waits to be undone"), n=number)
        return 0
    if as_json:
        command.say_json(asked.report)
        return 0
    removed = asked.report["removed"]
    said = Text(
        "已撤销导入 {n}（{file}）：删除交互 {touches}，隔离区的行 {quarantine}，只有它提供的主体 {subjects}、证据 {evidence}；"
        "收回曾因重复未收的 {returned} 条；同一文件可以重新导入",
        "undone: import {n} ({file}); removed {touches} touches, {quarantine} refused rows, {subjects} subjects and {evidence} "
        "pieces of evidence that only it brought; {returned} touches that had been dropped as repeats of its rows come back; the "
        "same file may be imported again",
    )
    counts = {
        "subjects": removed.get("identity.subjects", 0),
        "evidence": removed.get("identity.evidence", 0),
    }
    counts["returned"] = asked.report["returned"]
    counts |= {name: removed[name] for name in ("touches", "quarantine")}
    command.tell(said, n=number, file=asked.report["file"], **{k: f"{v:,}" for k, v in counts.items()})
    return 0


def work(home: Home) -> None:
    """Wait while a worker does it; where none runs, do its work here."""
    from zerodistance.kernel.errors import WorkerRunning
    from zerodistance.kernel.locks import worker_pid

    if worker_pid(home.lock_path) is not None:
        time.sleep(_POLL)
        return
    try:
        command.work_here(home)
    except WorkerRunning:  # one has started meanwhile and will do it
        return


def stop(number: _Number) -> int:
    """End an import that is under way; what was taken in stays, and importing the file again goes on there."""
    from zerodistance.core.touchpoints.import_jobs import stop as end

    job = end(command.home(), command.who(), number)
    said = Text(
        "已停止导入 {n}（{file}）：已处理 {read} 行，保留；再次导入同一文件会接着做，import undo {n} 会全部撤销",
        "stopped: import {n} ({file}); {read} rows were taken in and stay. Importing the same file again goes on there, "
        "import undo {n} takes all of it back",
    )
    command.tell(said, n=number, file=job.file_name, read=f"{job.read:,}")
    return 0


def list_(*, limit: int = 20, as_json: _AsJson = False) -> int:
    """List the imports, the newest first."""
    from zerodistance.core.touchpoints.import_jobs import jobs
    from zerodistance.kernel import clock

    found = jobs(command.home(), command.who(), limit)
    if as_json:
        left_out = ("mapping", "columns")
        command.say_json(
            [{k: v for k, v in dataclasses.asdict(job).items() if k not in left_out} for job in found]
        )
        return 0
    table = Table(box=None)
    heads = (
        *(("编号", "number"), ("文件", "file"), ("来源", "source"), ("状态", "state"), ("创建", "created")),
        *(("收下", "taken"), ("重复", "repeated"), ("拒收", "refused")),
    )
    for zh, en in heads:
        table.add_column(words(zh, en))
    zone = command.settings().tz
    for job in found:
        when = f"{clock.from_micros(job.created_at).astimezone(zone):%Y-%m-%d %H:%M}"
        numbers = (f"{n:,}" for n in (job.accepted, job.duplicates, job.refused))
        state = STATES[job.state].get(command.lang())
        table.add_row(str(job.number), job.file_name, job.source_key, state, when, *numbers)
    command.show(table)
    return 0


STATES: dict[str, Text] = {
    "waiting": Text("等待", "waiting"),
    "running": Text("进行中", "running"),
    "done": Text("完成", "done"),
    "failed": Text("失败", "failed"),
    "stopped": Text("已停止", "stopped"),
    "undoing": Text("撤销中", "being undone"),
    "undone": Text("已撤销", "undone"),
}
"""What the state of an import is called."""
