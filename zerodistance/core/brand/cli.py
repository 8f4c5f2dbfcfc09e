"""`zerodistance brand`: list, import and export what the brand is made of."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import App, Parameter
from rich.table import Table

from zerodistance.core.brand.contracts import Imported
from zerodistance.kernel import command
from zerodistance.kernel.command import words
from zerodistance.kernel.errors import ZeroDistanceError
from zerodistance.kernel.text import Text

app = App(
    name="brand",
    help=words("产品、品类、地点、小微和辖区", "products, categories, places, units, territories"),
)

KindName = Annotated[
    Literal["units", "categories", "products", "places", "territories"],
    Parameter(help=words("哪一类", "what")),
]
AsJson = Annotated[bool, Parameter("--json", negative="", help=words("以 JSON 输出", "print JSON"))]
Day = Annotated[
    str | None, Parameter(help=words("某日或某时刻的样子，如 2026-11-21", "as it was then, like 2026-11-21"))
]


class BadFile(ZeroDistanceError):
    """An imported file has cells that are not allowed, and nothing of it was taken."""

    code, status = "bad_file", 400
    text = Text(
        "{refused} 行有错，整个文件未导入；改好后再来，或加 --partial 先导入其余的行",
        "{refused} rows are wrong, nothing was imported; mend them, or add --partial to take the other rows",
    )


@app.command(name="import", help=words("从 CSV 导入", "import a CSV file"))
def import_(
    kind: KindName,
    file: Annotated[Path, Parameter(help=words("CSV 文件，首行为列名", "CSV file with a header"))],
    *,
    partial: Annotated[
        bool,
        Parameter(negative="", help=words("有错的行不挡住其余的行", "wrong rows keep only themselves out")),
    ] = False,
    dry_run: Annotated[
        bool, Parameter(negative="", help=words("只检查，不写入", "check only, write nothing"))
    ] = False,
    coordinates: Annotated[
        Literal["wgs84", "gcj02", "bd09"],
        Parameter(
            help=words(
                "文件里 lat、lon 的坐标系：高德、腾讯是 gcj02，百度是 bd09",
                "system of lat and lon in the file: most Chinese maps have gcj02, Baidu's bd09",
            )
        ),
    ] = "wgs84",
    as_json: AsJson = False,
) -> None:
    """Import rows of one kind; every wrong cell is named with its line, column, value and what is allowed."""
    from zerodistance.core.brand import api

    if not file.is_file():
        from zerodistance.kernel.errors import NotFound

        raise NotFound(what=Text("文件", "file"), given=file)
    done = api.import_file(
        command.home(), command.who(), kind, file, partial=partial, dry_run=dry_run, coordinates=coordinates
    )
    if as_json:
        command.say_json(dataclasses.asdict(done))
    else:
        _report(done, dry_run)
    if done.bad and not partial:
        raise BadFile(refused=done.refused)


def _report(done: Imported, dry_run: bool) -> None:
    lang = command.lang()
    for cell in done.bad:
        command.errors.print(cell.text.get(lang), markup=False, highlight=False)
    if done.written or dry_run:
        said = Text(
            "{kind}：共 {rows} 行，新增 {new}，更改 {changed}，不变 {same}，有错 {bad}",
            "{kind}: {rows} rows, {new} new, {changed} changed, {same} the same, {bad} wrong",
        )
        command.tell(
            said,
            kind=done.kind,
            rows=done.rows,
            new=done.new,
            changed=done.changed,
            same=done.same,
            bad=done.refused,
        )
    if dry_run:
        command.tell(Text("只做了检查，没有写入", "checked only, nothing was written"))


@app.command(help=words("导出为 CSV", "export as CSV"))
def export(
    kind: KindName,
    file: Annotated[Path | None, Parameter(help=words("省略则输出到屏幕", "left out: print it"))] = None,
    *,
    at: Day = None,
    history: Annotated[
        bool, Parameter(negative="", help=words("包含所有旧版本", "every old version too"))
    ] = False,
) -> None:
    """Write one kind as a CSV file that `import` takes."""
    from zerodistance.core.brand import api

    moment = _moment(at)
    if file is None:
        api.export(command.home(), command.who(), kind, sys.stdout, at=moment, history=history)
        return
    with file.open("w", encoding="utf-8", newline="") as out:
        count = api.export(command.home(), command.who(), kind, out, at=moment, history=history)
    command.tell(Text("{n} 行已写入 {file}", "{n} rows written to {file}"), n=count, file=file)


@app.command(name="list", help=words("列出", "list"))
def list_(kind: KindName, *, at: Day = None, as_json: AsJson = False) -> None:
    """List what holds now, or at a given day."""
    from zerodistance.core.brand import api

    found = api.LISTERS[kind](command.home(), command.who(), at=_moment(at))
    rows = [_row(item) for item in found]
    if as_json:
        command.say_json(rows)
        return
    table = Table(box=None)
    shown = [name for name in (rows[0] if rows else ()) if any(row[name] not in (None, "") for row in rows)]
    for name in shown:
        table.add_column(name)
    for row in rows:
        cells = (row[name] for name in shown)
        table.add_row(
            *("" if cell is None else f"{cell:g}" if isinstance(cell, float) else str(cell) for cell in cells)
        )
    command.show(table)


def _row(item: Any) -> dict[str, Any]:
    from zerodistance.core.brand.rules import write_moment

    out: dict[str, Any] = {}
    for field in dataclasses.fields(item):
        value = getattr(item, field.name)
        if isinstance(value, Text):
            out["name_zh"], out["name_en"] = value.zh, value.en
        else:
            out[field.name] = write_moment(value) if field.name in ("valid_from", "valid_to") else value
    return out


def _moment(given: str | None) -> int | None:
    from zerodistance.core.brand.rules import Wrong, read_moment
    from zerodistance.kernel.errors import Invalid

    if given is None:
        return None
    try:
        return read_moment(given, command.settings().tz)
    except Wrong as wrong:
        raise Invalid(field="--at", given=given, why=wrong.allowed) from None
