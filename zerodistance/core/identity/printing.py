"""How the commands of identity print: tables, times, what a rebuild changed, what lies between two subjects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from zerodistance.kernel import command
from zerodistance.kernel.command import words
from zerodistance.kernel.text import Text

if TYPE_CHECKING:
    from zerodistance.core.identity.contracts import Explanation, InTurn, Rebuilt, Weight

_STRETCHES = 20  # own value: the latest times at which a device changed hands that are printed


def table(*columns: tuple[str, str], rows: Sequence[Sequence[object]]) -> None:
    """Print a table; columns are named in both languages."""
    from rich.table import Table

    shown = Table(box=None)
    for zh, en in columns:
        shown.add_column(words(zh, en))
    for row in rows:
        shown.add_row(*map(str, row))
    command.show(shown)


def day(at: int) -> str:
    """Return a time to the minute, in the zone of the home."""
    from zerodistance.kernel import clock

    return clock.from_micros(at).astimezone(command.settings().tz).strftime("%Y-%m-%d %H:%M")


def difference(found: Rebuilt) -> None:
    """Print what a rebuild found and changed."""
    command.tell(
        Text(
            "第 {epoch} 周期：{persons} 个用户、{visitors} 个访客，出自 {subjects} 个标识和 {evidence} 条证据，用时 {seconds:.1f} 秒",
            "epoch {epoch}: {persons} persons and {visitors} visitors from {subjects} identifiers and {evidence} pieces of "
            "evidence, in {seconds:.1f} s",
        ),
        **asdict(found),
    )
    if found.rules:
        command.tell(Text("按第 {n} 版规则", "by version {n} of the rules"), n=found.rules)
    command.tell(
        Text(
            "合并 {merged}，拆分 {split}，{moved} 个标识换了归属；新列为共用 {shared}，解除共用 {freed}",
            "{merged} merged, {split} split, {moved} identifiers moved; {shared} newly shared, {freed} no longer shared",
        ),
        **asdict(found),
    )
    for old, new in found.merged_ids:
        command.tell(Text("  {old} 并入 {new}", "  {old} is now part of {new}"), old=old, new=new)
    for old, new in found.split_ids:
        command.tell(Text("  {old} 分出 {new}", "  {old} gave away {new}"), old=old, new=new)
    if found.vetoed:
        columns = (("护栏", "guard"), ("未连接的证据", "evidence kept apart"))
        table(*columns, rows=list(found.vetoed.items()))


def weights(parts: Sequence[Weight]) -> str:
    """Return what each field of a match weighs, in words and bits."""
    lang = command.lang()
    said = []
    for one in parts:
        rare = (
            ""
            if one.share is None
            else words("（每 {n} 条一条）", " (one in {n})").format(n=round(1 / one.share))
        )
        said.append(f"{one.label.get(lang)} {one.level.get(lang)} {one.bits:+.1f}{rare}")
    return words("，", ", ").join(said)


_STATES = {
    "active": Text("有效", "active"),
    "vetoed": Text("不连接", "kept apart"),
    "revoked": Text("已撤销", "revoked"),
}


def edges(found: Explanation) -> None:
    """Print what lies between subjects, one line a pair; below it what each field of a match weighs."""
    from zerodistance.core.identity.rules import GUARDS

    lang, rows = command.lang(), []
    for e in found.edges:
        reason = GUARDS[e.reason].get(lang) if e.reason in GUARDS else e.reason
        rule = ", ".join(e.rules) + ("" if e.weight is None else f" {e.weight:+.1f}")
        rows.append(
            (f"{e.a} - {e.b}", rule, day(e.at), e.source or "", _STATES[e.state.value].get(lang), reason)
        )
    columns = (
        ("证据", "evidence"),
        ("规则", "rule"),
        ("时间", "time"),
        ("来源", "source"),
        ("状态", "state"),
        ("原因", "reason"),
    )
    table(*columns, rows=rows)
    for e in found.edges:
        if e.parts:
            command.tell(
                Text("  {pair}：{what}", "  {pair}: {what}"), pair=f"{e.a} - {e.b}", what=weights(e.parts)
            )
    if found.more:
        command.tell(
            Text("还有 {n} 条证据没有列出", "{n} more pieces of evidence are not listed"), n=found.more
        )


def turns(found: Sequence[InTurn]) -> None:
    """Print who used devices in turn, and when; one line a stretch of time."""
    from zerodistance.core.identity.rules import BY_KEY

    for one in found:
        command.tell(
            Text("{what} {masked} 由 {n} 人轮流使用：", "{what} {masked} is used by {n} persons in turn:"),
            what=BY_KEY[one.device.namespace].label.get(command.lang()),
            masked=one.device.masked,
            n=len({use.person for use in one.uses}),
        )
        for use in one.uses[-_STRETCHES:]:
            until = words("至今", "now") if use.until is None else day(use.until)
            command.tell(
                Text("  {person}：{since} 至 {until}", "  {person}: {since} to {until}"),
                person=use.person,
                since=day(use.since),
                until=until,
            )
