"""`zerodistance segments expect`: what a model expects of those who fit a rule."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter
from rich.table import Table

from zerodistance.core.segments.cli import RuleText, rule_of
from zerodistance.kernel import command
from zerodistance.kernel.command import words
from zerodistance.kernel.text import Text


def expect(
    rule: RuleText,
    model: Annotated[str, Parameter(help=words("模型的键，如 n1", "key of the model, like n1"))],
    category: Annotated[str, Parameter(help=words("品类，如 washer", "category, like washer"))] = "",
    *,
    as_json: Annotated[
        bool, Parameter("--json", negative="", help=words("以 JSON 输出", "print JSON"))
    ] = False,
) -> None:
    """Add up the chances of those who fit by band, beside what came of the same bands at the evaluation."""
    from zerodistance.core.segments import expecting

    home, who, lang = command.home(), command.who(), command.lang()
    found = expecting.expect(home, who, rule_of(rule), model, category)
    if as_json:
        bands = [{**one._asdict(), "label": one.label.get(lang)} for one in found.bands]
        said = {
            "model": found.model.key,
            "category": found.category,
            "version": found.version.number,
            "persons": found.persons,
        }
        figures = {"expected": found.expected, "low": found.low, "high": found.high, "held": found.held}
        command.say_json({**said, **figures, "bands": bands})
        return
    command.tell(
        Text(
            "{called}，{days} 天内：{persons} 人里预期 {expected}（{low}–{high}，只算运气）",
            "{called}, within {days} days: {expected} expected of {persons} persons ({low}–{high} by luck alone)",
        ),
        called=found.called.get(lang),
        days=found.model.horizon_days,
        persons=f"{found.persons:,}",
        expected=f"{found.expected:,.1f}",
        low=f"{found.low:,.1f}",
        high=f"{found.high:,.1f}",
    )
    if found.held is not None:
        command.tell(
            Text(
                "若各档兑现得和评估时一样：{held}", "if each band holds as much as at the evaluation: {held}"
            ),
            held=f"{found.held:,.1f}",
        )
    table = Table(box=None, pad_edge=False)
    table.add_column(Text("档", "band").get(lang))
    for name in (
        Text("人数", "persons"),
        Text("预期", "expected"),
        Text("评估时预期", "expected then"),
        Text("评估时发生", "came then"),
    ):
        table.add_column(name.get(lang), justify="right")
    for one in found.bands:
        table.add_row(
            one.label.get(lang),
            f"{one.persons:,}",
            f"{one.expected:,.1f}",
            f"{one.then_expected:,.1f}",
            f"{one.then_came:,}",
        )
    command.show(table)
