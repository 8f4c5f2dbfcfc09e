"""What the demo prints: what came in, two records that became one person, three segments, where to look next."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rich.table import Table

from zerodistance.core.identity import api as identity
from zerodistance.core.profiles import api as profiles
from zerodistance.core.segments import api as segments
from zerodistance.core.touchpoints import overview
from zerodistance.doors import parts as handed
from zerodistance.doors.examples.contracts import Example
from zerodistance.kernel import command
from zerodistance.kernel.access import Who
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text

if TYPE_CHECKING:
    from zerodistance.doors.demo import Tour


def report(home: Home, example: Example, tour: Tour) -> None:
    """Print what the demo found, and keep its segments."""
    who = command.who()
    _came_in(home, who, example, tour)
    _joined(home, who, example, tour)
    out = _table(Text("三个人群", "three segments"))
    for _, name, rule in example.segments:
        count = segments.count(home, who, segments.read_rule(rule, home))
        many = Text("{n:,} 人，{ms:.1f} 毫秒", "{n:,} persons, {ms:.1f} ms").format(
            n=count.persons, ms=count.took_ms
        )
        _row(out, name, many.get(command.lang()))
    command.show(out)
    _save_segments(home, who, example)
    _learned(tour)
    files = Text("示例文件、映射和出处：{path}", "the example's files, mappings and origin: {path}")
    command.tell(files, path=example.origin)
    if (example.origin / "truth").is_dir():
        right = Text(
            "认得对不对：zerodistance evaluate identity --home {home} --truth {path}",
            "how right it was: zerodistance evaluate identity --home {home} --truth {path}",
        )
        command.tell(right, home=home.settings.home, path=example.origin)
        command.tell(
            Text(
                "试一试：门户里“活动”→“打法”，六个现成的活动，点一下就发",
                "try it: Campaigns, Plays in the portal has six ready-made campaigns, sent at one click",
            )
        )


def _came_in(home: Home, who: Who, example: Example, tour: Tour) -> None:
    out = _table(Text("收到了什么", "what came in"))
    names, rows = overview.source_names(home, who), Text("{n:,} 行", "{n:,} rows")
    for job in sorted(tour.imported, key=lambda job: (names[job.source].get(command.lang()), job.number)):
        said = rows.format(n=job.accepted).get(command.lang())
        for many, text in (
            (job.duplicates, Text("重复 {n:,}", "{n:,} repeated")),
            (job.refused, Text("拒收 {n:,}，在隔离区", "{n:,} refused, kept in the quarantine")),
        ):
            said += f", {text.format(n=many).get(command.lang())}" if many else ""
        _row(
            out,
            Text(f"{names[job.source].zh} {job.file_name}", f"{names[job.source].en} {job.file_name}"),
            said,
        )
    if not tour.new:
        _row(
            out,
            Text("以前导入过", "imported before"),
            Text("没有重收", "not taken twice").get(command.lang()),
        )
    for name, value in example.lines(home, who):
        _row(out, name, value)
    tree = profiles.tree(home, who)
    _row(
        out,
        Text("认出的用户 / 匿名访客", "persons recognised / anonymous visitors"),
        f"{tree.persons:,} / {tree.visitors:,}",
    )
    if tour.matched is not None and tour.matched.mentions:
        found = Text(
            "{links:,} 处没有共同标识的记录归到一人，{doubts:,} 对有待判定",
            "{links:,} times records without a common identifier became one person, {doubts:,} pairs wait for a decision",
        ).format(links=tour.matched.links, doubts=tour.matched.doubts)
        _row(out, Text("凭姓名、地址等认出", "recognised by names and addresses"), found.get(command.lang()))
    seconds = f"{tour.ready_s:.1f} / {tour.import_s:.1f} / {tour.all_s:.1f}"
    _row(out, Text("用时，秒：准备 / 导入 / 全程", "seconds: preparing / import / in all"), seconds)
    command.show(out)


def _joined(home: Home, who: Who, example: Example, tour: Tour) -> None:
    lang = command.lang()
    out = _table(Text("登录前后：两段记录合为一人", "before and after login: two records became one person"))
    before = Text("匿名访客 {id}", "anonymous visitor {id}").format(id=tour.before)
    after = Text(
        "用户 {id}：网页上的浏览与 {member} 号会员的记录",
        "person {id}: the web session and the records of member {member}",
    )
    _row(out, Text("登录前", "before"), before.get(lang))
    _row(out, Text("登录后", "after"), after.format(id=tour.after, member=example.shopper.member).get(lang))
    person = identity.show(home, who, tour.after)
    for tag in profiles.tags_of(home, who, person.number):
        _row(out, profiles.dimension(home, tag.dimension).label, tag.node_label.get(lang))
    command.show(out)


def _learned(tour: Tour) -> None:
    if not tour.learned:
        return
    out, lang = _table(Text("模型：看 /models", "models: look at /models")), command.lang()
    for one in tour.learned:
        name = Text(
            f"{one.model.key} {one.model.label.zh.rstrip('：')}", f"{one.model.key} {one.model.label.en}"
        )
        if one.version is None:
            _row(out, name, one.why_not.get(lang))
            continue
        judged = next((key for key in ("auc", "rank", "qini") if key in one.version.figures), "auc")
        ahead = one.version.figures["ahead"]["value"]
        said = Text(f"{judged} {{value:.2f}}，上任", f"{judged} {{value:.2f}}, champion")
        if one.version.kind != "rules":
            said = Text(
                f"{judged} {{value:.2f}}，前一成比经验规则准 {ahead:.0%}，上任",
                f"{judged} {{value:.2f}}, {ahead:.0%} ahead of the rules of thumb, champion",
            )
        _row(out, name, said.format(value=one.version.figures[judged]["value"]).get(lang))
    command.show(out)


def _save_segments(home: Home, who: Who, example: Example) -> None:
    known: Sequence[Any] = segments.segments(home, who)
    for key, name, rule in example.segments:
        if key not in {segment.key for segment in known}:
            segments.create(home, who, key, name, segments.read_rule(rule, home))


def _table(title: Text) -> Table:
    out = Table(
        title=title.get(command.lang()),
        title_justify="left",
        title_style="bold",
        box=None,
        show_header=False,
        pad_edge=False,
    )
    out.add_column(style="dim", min_width=32)
    out.add_column()
    return out


def _row(table: Table, name: Text, value: str) -> None:
    table.add_row(name.get(command.lang()), value)


def goodbye(home: Home, address: str) -> None:
    """Say where the portal is, how to log in, and how it ends."""
    path = handed.parts().invite(home, False)
    command.tell(Text("门户已启动：{url}", "the portal is running: {url}"), url=address)
    if path is not None:
        command.tell(
            Text(
                "首次登录（24 小时内有效，只能用一次）：{url}",
                "first login, good once within 24 hours: {url}",
            ),
            url=address + path,
        )
    command.tell(Text("按 Ctrl-C 停止", "press Ctrl-C to stop"))
    command.console.file.flush()
