"""`zerodistance evaluate`: what the product said, beside a truth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from zerodistance.kernel import command
from zerodistance.kernel.command import words
from zerodistance.kernel.text import Text

if TYPE_CHECKING:
    from zerodistance.evaluate.contracts import Cell, Report, Row

app = App(
    name="evaluate",
    help=words(
        "把产品的结果与真相比较，带区间", "compare what the product said with a truth, with intervals"
    ),
)
_Partial = Annotated[
    bool,
    Parameter(negative="", help=words("真相只含一部分记录：其余不比较", "the truth has a part of the records: others are not compared")),
]  # fmt: skip
_Persons = Annotated[
    Path | None,
    Parameter(
        help=words(
            "identity export 写出的文件；结果按 person_id 给出时需要",
            "what identity export wrote; needed where answers are about person_id",
        )
    ),
]
_LINES = 16  # of a table that are printed, own value


@dataclass(frozen=True, kw_only=True)
class _Asked:
    """What every examination is told."""

    truth: Annotated[
        Path,
        Parameter(
            help=words(
                "样例城市的文件夹，或同样格式的 truth/",
                "folder of a sample city, or a truth/ of the same form",
            )
        ),
    ]
    said: Annotated[
        Path | None,
        Parameter(
            help=words(
                "结果文件，CSV 或 Parquet；identity 不给则取自数据目录",
                "the answers, CSV or Parquet; without it identity takes those of the home",
            )
        ),
    ] = None
    seed: Annotated[int, Parameter(help=words("抽样的种子", "seed of the draws"))] = 1
    as_json: Annotated[bool, Parameter("--json", negative="", help=words("以 JSON 输出", "print JSON"))] = (
        False
    )


_All = Annotated[_Asked, Parameter("*")]


@app.command(help=words("谁是谁：source,source_id,person_id", "who is who: source,source_id,person_id"))
def identity(*, asked: _All, partial: _Partial = False) -> None:
    """Compare persons with the truth."""
    from zerodistance.evaluate import api

    if asked.said is not None:
        return _compare("identity", asked, partial=partial)
    home, who = command.home(), command.who()
    _show(api.identity_of_home(home, who, asked.truth, partial=partial, seed=asked.seed), asked.as_json)


@app.command(help=words("谁需要什么：category,as_of,score", "who needs what: category,as_of,score"))
def need(*, asked: _All, persons: _Persons = None) -> None:
    """Compare need scores with who bought afterwards."""
    _compare("need", asked, persons=persons)


@app.command(
    help=words(
        "谁住在一起：source,source_id,household_id", "who lives together: source,source_id,household_id"
    )
)
def households(*, asked: _All, partial: _Partial = False) -> None:
    """Compare households with the truth."""
    _compare("households", asked, partial=partial)


@app.command(help=words("谁活跃：person_id,score", "who is active: person_id,score"))
def activity(*, asked: _All, persons: _Persons = None) -> None:
    """Compare activity scores with engagement and later purchases."""
    _compare("activity", asked, persons=persons)


@app.command(
    help=words(
        "文本说了什么：source,source_id,sentiment,topic", "what texts say: source,source_id,sentiment,topic"
    )
)
def sentiment(*, asked: _All) -> None:
    """Compare labels of texts with the truth."""
    _compare("sentiment", asked)


@app.command(
    help=words(
        "活动改变了什么：campaign,estimate,low,high，或按人的 score",
        "what campaigns changed: campaign,estimate,low,high, or a score per person",
    )
)
def lift(*, asked: _All, persons: _Persons = None) -> None:
    """Compare estimates, or scores of people, with both potential outcomes."""
    _compare("lift", asked, persons=persons)


def _compare(what: str, asked: _Asked, **more: Path | bool | None) -> None:
    """Examine the file of the answers and print what was found; of most kinds a home has no answers yet."""
    from zerodistance.evaluate import api
    from zerodistance.evaluate.contracts import ANSWERS, NothingSaid

    if asked.said is None:
        raise NothingSaid(what=what, columns=ANSWERS[what])
    examine: Callable[..., Report] = getattr(api, what)
    _show(examine(asked.truth, asked.said, seed=asked.seed, **more), asked.as_json)


def _show(report: Report, as_json: bool) -> None:
    """Print a report: its counts, the first table with intervals, the others with values."""
    if as_json:
        command.say_json(report.as_dict())
        return
    from zerodistance.evaluate.words import COUNTS, METHOD, TABLES, UNITS

    for name, many in report.counts.items():
        command.tell(Text("{label_zh}：{many:,}", "{label_en}: {many:,}"), many=many, label_zh=COUNTS[name].zh, label_en=COUNTS[name].en)  # fmt: skip
    for place, (name, rows) in enumerate(report.tables.items()):
        if rows:
            command.tell(Text("\n{zh}", "\n{en}"), zh=TABLES[name].zh, en=TABLES[name].en)
            _turned(rows) if place == 0 else _straight(rows)
    command.tell(METHOD, **{**vars(report.method), "unit": UNITS[report.method.unit]})


def _turned(rows: list[Row]) -> None:
    """Print one line a figure, one column a row, with intervals."""
    from rich.table import Table

    head, *others = rows[0]
    table = Table(box=None)
    for title in (_label(head), *(_text(row[head]) for row in rows)):
        table.add_column(title)
    for name in others:
        table.add_row(_label(name), *(_text(row[name], interval=True) for row in rows))
    command.show(table)


def _straight(rows: list[Row]) -> None:
    from rich.table import Table

    from zerodistance.evaluate.words import MORE

    table = Table(box=None)
    for name in rows[0]:
        table.add_column(_label(name))
    for row in rows[:_LINES]:
        table.add_row(*map(_text, row.values()))
    command.show(table)
    if len(rows) > _LINES:
        command.tell(MORE, n=len(rows) - _LINES)


def _label(name: str) -> str:
    from zerodistance.evaluate.words import COLUMNS

    return COLUMNS[name].get(command.lang())


def _text(cell: Cell, *, interval: bool = False) -> str:
    """Return a cell as a person reads it: four digits of what is small, three of a share."""
    if cell is None:
        return "–"
    if isinstance(cell, str):
        return cell
    if isinstance(cell, int):
        return f"{cell:,}"
    if isinstance(cell, float):
        return _number(cell)
    if cell.value is None:
        return "–"
    value = _number(cell.value)
    if not interval or cell.low is None or cell.high is None:
        return value
    return f"{value} ({_number(cell.low)} – {_number(cell.high)})"


def _number(value: float) -> str:
    return f"{value:,.3f}" if abs(value) >= 0.1 or value == 0 else f"{value:.3g}"
