"""`zerodistance segments released`, `approve`, `withdraw`, `exact`: released counts and the record of exact ones."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

from cyclopts import App, Parameter
from rich.table import Table

from zerodistance.kernel import clock, command
from zerodistance.kernel.command import words
from zerodistance.kernel.text import Text

AsJson = Annotated[bool, Parameter("--json", negative="", help=words("以 JSON 输出", "print JSON"))]
_Key = Annotated[str, Parameter(help=words("人群的键", "key of the segment"))]


def add_to(app: App) -> None:
    """Add the commands to those of the room."""
    for verb, text in (
        (released, words("封闭问题的可发布计数", "a released count of a closed question")),
        (approve, words("批准一个人群用于发布计数", "approve a segment for released counts")),
        (withdraw, words("撤回批准", "end an approval")),
        (exact, words("谁得到过哪些精确人数", "who was told which exact counts")),
    ):
        app.command(verb, help=text)


def released(
    *,
    place: Annotated[
        str | None, Parameter(help=words("辖区里的地点编号", "code of a place of the territory"))
    ] = None,
    audience: Annotated[
        str | None, Parameter(help=words("已批准的人群", "key of an approved audience"))
    ] = None,
    category: Annotated[str | None, Parameter(help=words("品类", "key of a category"))] = None,
    dimension: Annotated[
        str | None, Parameter(help=words("维度，与 --node 同用", "a dimension, with --node"))
    ] = None,
    node: Annotated[str | None, Parameter(help=words("档位", "one of its nodes"))] = None,
    need: Annotated[str | None, Parameter(help=words("需求，如 n1_washer", "a need, like n1_washer"))] = None,
    as_json: AsJson = False,
) -> None:
    """Answer a closed question as an account is answered that may not see persons."""
    from zerodistance.core.segments import releasing
    from zerodistance.core.segments.questions import Question

    question = Question(place, audience, category, dimension, node, need)
    found = releasing.ask(command.home(), command.who(), question)
    lang = command.lang()
    if as_json:
        said = {**asdict(question), "text": found.text.get(lang), "persons": found.persons}
        more = {"low": found.low, "high": found.high, "k": found.k, "floor": found.floor}
        command.say_json({**said, **more, "as_of": found.as_of.isoformat()})
        return
    if found.persons is None:
        hidden = Text(
            "{question}：人数太少，不显示（少于 {k} 人的一律不显示）",
            "{question}: too few to be shown (fewer than {k} persons never are)",
        )
        command.tell(hidden, question=found.text.get(lang), k=found.k)
        return
    shown = Text(
        "{question}：约 {n} 人（多半在 {low} 到 {high} 之间）",
        "{question}: about {n} persons (likely {low} to {high})",
    )
    numbers = {"n": f"{found.persons:,}", "low": f"{found.low:,}", "high": f"{found.high or 0:,}"}
    command.tell(shown, question=found.text.get(lang), **numbers)


def approve(
    key: _Key, *, version: Annotated[int, Parameter(help=words("看过的那一版", "the version looked at"))]
) -> None:
    """Approve a version of a segment that somebody else has saved."""
    from zerodistance.core.segments import audiences

    found = audiences.approve(command.home(), command.who(), key, version)
    said = Text("{key} 第 {v} 版已批准用于发布计数", "version {v} of {key} is approved for released counts")
    command.tell(said, key=found.key, v=found.version)


def withdraw(key: _Key) -> None:
    """End the approval of a segment."""
    from zerodistance.core.segments import audiences

    audiences.withdraw(command.home(), command.who(), key)
    command.tell(Text("{key} 的批准已撤回", "{key} is no longer approved"), key=key)


def exact(
    *,
    limit: Annotated[int, Parameter(help=words("最多几行", "how many lines at most"))] = 100,
    as_json: AsJson = False,
) -> None:
    """Print the record of exact counts, the newest first."""
    from zerodistance.core.segments import audit

    found = audit.written(command.home(), command.who(), limit)
    if as_json:
        command.say_json([asdict(line) for line in found])
        return
    table, lang, tz = Table(box=None), command.lang(), command.settings().tz
    heads = (
        Text("时间", "When"),
        Text("谁", "Who"),
        Text("动作", "Verb"),
        Text("用户", "Persons"),
        Text("访客", "Visitors"),
        Text("次数", "Times"),
        Text("规则", "Rule"),
    )
    for head in heads:
        table.add_column(head.get(lang))
    for one in found:
        at = clock.from_micros(one.said_at).astimezone(tz)
        numbers = (f"{one.persons:,}", f"{one.visitors:,}", str(one.times))
        table.add_row(f"{at:%Y-%m-%d %H:%M:%S}", one.who, one.verb, *numbers, one.rule)
    command.show(table)
