"""`zerodistance segments overlap` and `distinguish`: segments beside one another."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter
from rich.table import Table

from zerodistance.core.segments.cli import AsOf, RuleText, rule_of
from zerodistance.kernel import command
from zerodistance.kernel.command import words
from zerodistance.kernel.text import Text


def overlap(*keys: str, as_of: AsOf = None) -> None:
    """Count every combination of two to five saved segments, or each pair of up to twenty."""
    from zerodistance.core.profiles.moments import made
    from zerodistance.core.segments import api

    home, who, lang = command.home(), command.who(), command.lang()
    found = api.overlap(home, who, keys, as_of=made(home, who, as_of))
    table = Table(box=None)
    if found.regions:
        for segment in found.segments:
            table.add_column(segment.key)
        table.add_column(Text("用户", "persons").get(lang), justify="right")
        table.add_column(Text("访客", "visitors").get(lang), justify="right")
        for region in found.regions:
            marks = ["●" if here else "·" for here in region.inside]
            table.add_row(*marks, f"{region.sizes.persons:,}", f"{region.sizes.visitors:,}")
    else:
        table.add_column("")
        for segment in found.segments:
            table.add_column(segment.key, justify="right")
        for segment, row in zip(found.segments, found.pairs, strict=True):
            table.add_row(segment.key, *(f"{sizes.persons:,}" for sizes in row))
    command.show(table)
    said = Text("都不在的：{p} 位用户，{v} 位访客", "in none of them: {p} persons, {v} visitors")
    command.tell(said, p=f"{found.outside.persons:,}", v=f"{found.outside.visitors:,}")


def distinguish(
    rule: RuleText,
    *,
    against: Annotated[
        str | None,
        Parameter(
            help=words(
                "与哪条规则或人群比；不写就与其余所有人比",
                "a rule or segment to compare with; else everybody else",
            )
        ),
    ] = None,
    most: Annotated[int, Parameter(help=words("最多几行", "how many lines at most"))] = 20,
    as_of: AsOf = None,
) -> None:
    """Rank the nodes of the tag tree by how surely persons who fit differ from others."""
    from zerodistance.core.profiles.moments import made
    from zerodistance.core.segments import api

    home, who, lang = command.home(), command.who(), command.lang()
    other = None if against is None else rule_of(against)
    found = api.distinguish(home, who, rule_of(rule), other, most=most, as_of=made(home, who, as_of))
    table = Table(box=None)
    table.add_column(Text("维度", "dimension").get(lang))
    table.add_column(Text("节点", "node").get(lang))
    for name in (Text("他们", "they"), Text("别人", "others"), Text("差（点）", "difference, points")):
        table.add_column(name.get(lang), justify="right")
    for one in found.differences:
        limits = f"{100 * one.low:+.1f} … {100 * one.high:+.1f}"
        table.add_row(
            one.label.get(lang),
            one.node_label.get(lang),
            f"{one.share:.1%}",
            f"{one.share_others:.1%}",
            limits,
        )
    command.show(table)
    said = Text(
        "{p} 位用户与 {o} 位比较，看了 {n} 个节点；区间合在一起有 95 % 的把握",
        "{p} persons beside {o}, {n} nodes looked at; all intervals together hold at 95 %",
    )
    command.tell(said, p=f"{found.persons:,}", o=f"{found.others:,}", n=f"{found.looked_at:,}")
