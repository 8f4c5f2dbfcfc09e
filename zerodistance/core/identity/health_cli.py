"""`zerodistance identity path | health | release | share`: the way between two records, how identity is, and keys in quarantine."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from zerodistance.core.identity.printing import day, difference, table, turns, weights
from zerodistance.kernel import command
from zerodistance.kernel.command import words
from zerodistance.kernel.text import Text

if TYPE_CHECKING:
    from zerodistance.core.identity.contracts import Path
    from zerodistance.core.identity.estimates import Estimates, Share
    from zerodistance.core.identity.figures import Health

_AsJson = Annotated[bool, Parameter("--json", negative="", help=words("以 JSON 输出", "print JSON"))]
_End = Annotated[str, Parameter(help=words("主体号，或任一标识", "a subject number, or any identifier"))]
_Key = Annotated[int, Parameter(help=words("主体号，见 health", "its subject number, see health"))]


def print_path(a: _End, b: _End, *, as_json: _AsJson = False) -> None:
    """Print what joins two records, step by step, or what keeps them apart."""
    from zerodistance.core.identity import api

    home, who = command.home(), command.who()
    found = api.path(home, who, *(api.subject_of(home, who, given) for given in (a, b)))
    if as_json:
        command.say_json(asdict(found))
        return
    if not found.steps:
        command.tell(
            Text(
                "同一个，或者没有任何东西把它们连起来",
                "they are one and the same, or nothing leads from one to the other",
            )
        )
        turns(found.turns)
        return
    if not found.joined:
        command.tell(Text("没有连上；最近的一条路：", "they are not joined; the nearest way:"))
    _steps(found)
    turns(found.turns)


def _steps(found: Path) -> None:
    from zerodistance.core.identity.rules import BY_KEY, GUARDS

    lang, here = command.lang(), found.a
    for edge in found.steps:
        there = edge.b if edge.a == here else edge.a
        ends = []
        for end in (here, there):
            one = found.nodes[end]
            ends.append(f"{end} {BY_KEY[one.namespace].label.get(lang)} {one.masked}")
        reason = GUARDS[edge.reason].get(lang) if edge.reason in GUARDS else edge.reason
        said = [
            ", ".join(edge.rules),
            "" if edge.weight is None else f"{edge.weight:+.1f}",
            weights(edge.parts),
            reason,
        ]
        command.tell(
            Text("  {a} -> {b}：{how}", "  {a} -> {b}: {how}"), a=ends[0], b=ends[1], how="; ".join(part for part in said if part)
        )  # fmt: skip
        here = there


def print_health(*, as_json: _AsJson = False) -> None:
    """Count everybody anew, and print how identity is."""
    from zerodistance.core.identity import api

    found = api.health(command.home(), command.who(), fresh=True)
    if as_json:
        command.say_json(asdict(found))
        return
    counted = found.census
    each = sum(counted.held.values()) / counted.persons if counted.persons else 0.0
    command.tell(
        Text(
            "{persons} 个用户、{visitors} 个访客，每个用户平均 {each:.2f} 个标识；匿名：标识的 {a}，近 30 天交互的 {t}",
            "{persons} persons and {visitors} visitors, {each:.2f} identifiers a person; anonymous: {a} of identifiers, {t} of touches in 30 days",
        ),
        persons=counted.persons,
        visitors=counted.visitors,
        each=each,
        a=_percent(found.anonymous_subjects),
        t=_percent(found.anonymous_touches),
    )
    if counted.in_turn:
        command.tell(
            Text(
                "{n} 个设备或浏览器由几个账号轮流使用",
                "{n} devices or browsers are used by several accounts in turn",
            ),
            n=counted.in_turn,
        )
    sizes = [(f"{low}-{high or ''}", persons) for low, high, persons in counted.sizes]
    table(("主体", "subjects"), ("用户", "persons"), rows=sizes)
    table(
        ("最大的用户", "largest persons"),
        ("主体", "subjects"),
        rows=[(one.id, one.subjects) for one in found.largest],
    )
    days = [(one.day, one.merged, one.split) for one in counted.days if one.merged or one.split]
    table(("日期", "day"), ("合并", "merged"), ("拆分", "split"), rows=days)
    _right(found.estimates)
    _keys(found)


def _right(found: Estimates) -> None:
    rows: list[tuple[object, ...]] = [(words("已连上", "joined"), found.links, *_share(found.precision))]
    rows += [(f">= {band.least:.2f}", band.waiting, *_share(band.found)) for band in found.bands]
    table(
        ("可能性", "probability"),
        ("条数或待判", "links or waiting"),
        ("同一人", "one person"),
        ("95% 区间", "95 % interval"),
        rows=rows,
    )
    if found.recall is not None:
        command.tell(
            Text("召回率约 {p}（{a} 至 {b}），只算可能性在 0.11 以上的对", "recall about {p} ({a} to {b}), among pairs from .11 on"),
            p=_percent(found.recall), a=_percent(found.recall_low), b=_percent(found.recall_high),
        )  # fmt: skip


def _share(found: Share) -> tuple[str, str]:
    if found.share is None:
        return "-", "-"
    return f"{found.same} / {found.decided}", f"{_percent(found.low)} - {_percent(found.high)}"


def _keys(found: Health) -> None:
    from zerodistance.core.identity.rules import BY_KEY

    lang = command.lang()
    rows = [
        (
            q.key.subject, BY_KEY[q.key.namespace].label.get(lang), q.key.masked, f"{q.key.persons} {BY_KEY[q.key.by].label.get(lang)}",
            day(q.key.since_at), q.evidence, ", ".join(map(str, q.sources)),
        )
        for q in found.quarantined
    ]  # fmt: skip
    names = (
        ("主体", "subject"), ("隔离中的标识", "in quarantine"), ("值", "value"), ("同现", "stood with"), ("起", "since"), ("证据", "evidence"),
        ("来源", "sources"),
    )  # fmt: skip
    table(*names, rows=rows)
    for one in found.released:
        command.tell(
            Text("{subject} {masked}：{who} 于 {at} 放行，{why}", "{subject} {masked}: released by {who}, {at}, {why}"),
            subject=one.key.subject, masked=one.key.masked, who=one.who, at=day(one.at), why=one.why or "-",
        )  # fmt: skip


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f} %"


def let_link(subject: _Key, *, why: Annotated[str, Parameter(help=words("理由", "the reason"))] = "") -> None:
    """Release a shared identifier; it links until it is shared again."""
    from zerodistance.core.identity import api

    difference(api.release(command.home(), command.who(), subject, why))


def hold(subject: _Key) -> None:
    """Take a release back."""
    from zerodistance.core.identity import api

    difference(api.share(command.home(), command.who(), subject))


COMMANDS = (
    (print_path, "path", words("两条记录之间怎么连起来", "print the way from one record to another")),
    (print_health, "health", words("身份健康：多少人、怎么连、拦了什么、准不准", "print how many there are, how joined, what is kept out, how right it is")),
    (let_link, "release", words("放行一个多人共用的标识", "let a shared identifier link again")),
    (hold, "share", words("把放行的标识重新隔离", "hold a released identifier again")),
)  # fmt: skip
"""Function, name and help of each command."""
