"""`zerodistance quarantine`: what was refused, why; mend it, replay it."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter
from rich.table import Table

from zerodistance.kernel import clock, command
from zerodistance.kernel.command import words
from zerodistance.kernel.text import Text

if TYPE_CHECKING:
    from zerodistance.core.touchpoints.quarantine import Row
    from zerodistance.kernel.home import Home

app = App(
    name="quarantine", help=words("隔离区：被拒的行、原因、修改和重放", "refused rows: why, mend and replay")
)

_ROOM = "zerodistance.core.touchpoints.desk_cli"
for _name, _help in (
    ("fix", words("按规则修改一批行，先预览", "mend many rows by one rule; shows first what it would do")),
    ("dismiss", words("放弃：不再处理，附上原因", "give rows up, with the reason")),
    ("recall", words("把放弃的行重新拿出来", "take rows up again that were dismissed")),
    ("take-back", words("把改过的行恢复成来时的样子", "put back what came into rows that were mended")),
):
    app.command(f"{_ROOM}:{_name.replace('-', '_')}", name=_name, help=_help)

_Source = Annotated[str | None, Parameter(help=words("只看这个来源", "of this source only"))]
_Reason = Annotated[str | None, Parameter(help=words("只看这个原因", "of this reason only"))]
_Field = Annotated[str | None, Parameter(help=words("只看这个字段或列", "of this field or column only"))]
_Reveal = Annotated[
    bool, Parameter(negative="", help=words("显示原文（会记录）", "show what came, unmasked; this is noted"))
]
_AsJson = Annotated[bool, Parameter("--json", negative="", help=words("以 JSON 输出", "print JSON"))]
_Id = Annotated[str, Parameter(help=words("行的编号，如 q12", "id of the row, such as q12"))]


@app.command(
    name="list",
    help=words(
        "按来源和原因汇总；给出条件则列出各行", "count by source and reason; with a filter, list the rows"
    ),
)
def list_(
    *,
    source: _Source = None,
    reason: _Reason = None,
    field: _Field = None,
    limit: int = 50,
    as_json: _AsJson = False,
) -> None:
    """Count refused rows, or list them."""
    from zerodistance.core.touchpoints import quarantine, rules

    home, who = command.home(), command.who()
    if source is None and reason is None and field is None:
        found = quarantine.groups(home, who)
        if as_json:
            command.say_json([dataclasses.asdict(group) for group in found])
            return
        if not found:
            command.tell(Text("隔离区是空的", "the quarantine is empty"))
            return
        table = _table(
            ("来源", "source"),
            ("原因", "reason"),
            ("", ""),
            ("字段", "field"),
            ("等待", "waiting"),
            ("已重放", "replayed"),
            ("已放弃", "dismissed"),
            ("最近", "last"),
        )
        for g in found:
            meant = rules.REASONS[g.reason].get(command.lang()) if g.reason in rules.REASONS else ""
            counts = (f"{n:,}" for n in (g.waiting, g.replayed, g.dismissed))
            table.add_row(g.source, g.reason, meant, g.field, *counts, _moment(g.last_at))
        command.show(table)
        return
    rows = quarantine.rows(home, who, source=source, reason=reason, field=field, limit=limit)
    if as_json:
        command.say_json([_plain(row) for row in rows])
        return
    table = _table(
        ("编号", "id"),
        ("来源", "source"),
        ("位置", "place"),
        ("原因", "reason"),
        ("说明", "why"),
        ("收到", "at"),
    )
    for row in rows:
        table.add_row(
            f"q{row.id}",
            row.source,
            f"{row.feed} {row.place}",
            row.reason,
            row.detail.get(command.lang()),
            _moment(row.at),
        )
    command.show(table)


@app.command(help=words("查看一行（默认只留形状）", "show one row, its form only unless revealed"))
def show(id: _Id, *, reveal: _Reveal = False) -> None:
    """Show one refused row."""
    from zerodistance.core.touchpoints import quarantine

    row = quarantine.show(command.home(), command.who(), number(id), reveal=reveal)
    command.console.print(
        json.dumps(_plain(row), ensure_ascii=False, indent=2), markup=False, highlight=False
    )


@app.command(help=words("重放：重新处理被拒的行", "take refused rows up again"))
def replay(
    *ids: str, source: _Source = None, reason: _Reason = None, field: _Field = None, all: bool = False
) -> int:
    """Ask for refused rows to be replayed: those named, those of a source, reason or field, or `--all`."""
    from zerodistance.core.touchpoints import quarantine

    if not (ids or source or reason or field is not None or all):
        command.tell(
            Text(
                "说明要重放哪些：编号、--source、--reason、--field 或 --all",
                "say which: ids, --source, --reason, --field or --all",
            )
        )
        return 2
    home, who = command.home(), command.who()
    numbers = [number(i) for i in ids] or None
    asked = quarantine.replay(home, who, ids=numbers, source=source, reason=reason, field=field)
    command.tell(Text("{n} 行将重放", "{n} rows will be replayed"), n=f"{asked:,}")
    if asked and take_up_here(home):
        left = (
            len(quarantine.rows(home, who, source=source, reason=reason, field=field, limit=1_000_000))
            if numbers is None
            else None
        )
        if left:
            command.tell(Text("{n} 行仍被拒", "{n} rows are still refused"), n=f"{left:,}")
    return 0


@app.command(help=words("导出等待的行为 JSON 行", "write the rows that wait as JSON lines"))
def export(
    *,
    source: _Source = None,
    reason: _Reason = None,
    field: _Field = None,
    reveal: _Reveal = False,
    to: Annotated[
        Path | None, Parameter(help=words("文件；不给则到标准输出", "file; standard output if none"))
    ] = None,
) -> None:
    """Export refused rows."""
    from zerodistance.core.touchpoints import quarantine

    home, who = command.home(), command.who()
    rows = quarantine.export(home, who, source=source, reason=reason, field=field, reveal=reveal)
    lines = (json.dumps(_plain(row), ensure_ascii=False) + "\n" for row in rows)
    if to is None:
        sys.stdout.writelines(lines)
    else:
        with open(to, "w", encoding="utf-8") as file:
            file.writelines(lines)


@app.command(help=words("改一行的内容，之后可重放", "replace what a row holds, to replay it then"))
def mend(
    id: _Id,
    file: Annotated[Path, Parameter(help=words("新内容；- 为标准输入", "new content; - is standard input"))],
) -> None:
    """Mend a refused row: an event as JSON, or a row of a file as shown by `show --reveal` under `content`."""
    from zerodistance.core.touchpoints import quarantine

    content = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    quarantine.mend(command.home(), command.who(), number(id), content.strip())
    command.tell(
        Text(
            "q{n} 已改；用 quarantine replay q{n} 重放", "q{n} is mended; quarantine replay q{n} takes it up"
        ),
        n=number(id),
    )


def take_up_here(home: Home) -> bool:
    """Take up in this process what was asked for, where no worker runs that does; return whether that was done."""
    from zerodistance.kernel.errors import WorkerRunning
    from zerodistance.kernel.locks import worker_pid

    if worker_pid(home.lock_path) is not None:
        return False
    try:
        command.work_here(home)
    except WorkerRunning:  # one has started meanwhile and does it
        return False
    return True


def number(given: str) -> int:
    """Return the number of a row that was written as q12."""
    digits = given.removeprefix("q")
    if not digits.isdecimal():
        from zerodistance.kernel.errors import Invalid

        raise Invalid(field="id", given=given, why=Text("写作 q12", "write it as q12"))
    return int(digits)


def _plain(row: Row) -> dict[str, Any]:
    plain = dataclasses.asdict(row) | {"id": f"q{row.id}"}
    times = ("at", "asked_at", "replayed_at", "mended_at", "dismissed_at")
    return plain | {name: _moment(plain[name]) or None for name in times}


def _moment(at: int | None) -> str:
    return (
        ""
        if at is None
        else clock.from_micros(at).astimezone(command.settings().tz).isoformat(timespec="seconds")
    )


def _table(*headings: Sequence[str]) -> Table:
    table = Table(box=None)
    for zh, en in headings:
        table.add_column(words(zh, en))
    return table
