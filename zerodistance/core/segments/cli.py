"""`zerodistance segments`: count a rule, save it, list members."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter
from rich.table import Table

from zerodistance.core.segments import released_cli
from zerodistance.core.segments.groups.cli import app as groups
from zerodistance.core.segments.tags.cli import app as tags
from zerodistance.kernel import clock, command
from zerodistance.kernel.command import words
from zerodistance.kernel.text import Text

if TYPE_CHECKING:
    from zerodistance.core.segments.contracts import Rule, Segment

app = App(name="segments", help=words("人群", "segments"))
released_cli.add_to(app)
app.command(groups)
app.command(tags)
_COMPARING = "zerodistance.core.segments.comparing_cli"
app.command(f"{_COMPARING}:overlap", name="overlap", help=words("几个人群怎样重叠", "how segments overlap"))
app.command(
    f"{_COMPARING}:distinguish",
    name="distinguish",
    help=words("与别人有什么不同", "what tells those who fit from others"),
)
app.command(
    "zerodistance.core.segments.expecting_cli:expect",
    name="expect",
    help=words("按模型预期会发生多少", "how many outcomes a model expects of those who fit"),
)

RuleText = Annotated[
    str,
    Parameter(
        help=words(
            '规则，如 Has("value.orders_total", at_least=2)；或已存人群的名字',
            "a rule, or the key of a saved segment",
        )
    ),
]
Key = Annotated[str, Parameter(help=words("人群的键", "key of the segment"))]
AsOf = Annotated[
    str | None,
    Parameter(
        "--as-of",
        help=words(
            "一天（其结束时）或一个时刻：按当时所知，先做那时的索引",
            "a day (its end) or a moment: by what was known then; makes the index of it first",
        ),
    ),
]
AsJson = Annotated[bool, Parameter("--json", negative="", help=words("以 JSON 输出", "print JSON"))]


@app.command(name="list", help=words("列出已存的人群", "list the saved segments"))
def list_(*, as_json: AsJson = False) -> None:
    """List the saved segments, last changed first."""
    from zerodistance.core.segments import api

    found = api.segments(command.home(), command.who())
    lang = command.lang()
    if as_json:
        command.say_json([_plain(s) for s in found])
        return
    table = Table(box=None)
    for name in (Text("键", "key"), Text("名称", "name"), Text("版本", "version"), Text("规则", "rule")):
        table.add_column(name.get(lang))
    for s in found:
        table.add_row(s.key, s.name.get(lang), str(s.version), api.rule_text(s.rule))
    command.show(table)


@app.command(help=words("数一数有多少人符合", "count who fits a rule"))
def count(rule: RuleText, *, as_of: AsOf = None, as_json: AsJson = False) -> None:
    """Count exactly who fits, with the persons left after each condition."""
    from zerodistance.core.profiles.moments import made
    from zerodistance.core.segments import api

    home, who, lang = command.home(), command.who(), command.lang()
    found = api.count(home, who, rule_of(rule), as_of=made(home, who, as_of))
    if as_json:
        steps = [
            {"text": s.text.get(lang), "joined": s.joined, "alone": s.alone, "left": s.left}
            for s in found.steps
        ]
        command.say_json(
            {
                "persons": found.persons,
                "visitors": found.visitors,
                "of_persons": found.of_persons,
                "of_visitors": found.of_visitors,
                "as_of": found.as_of.isoformat(),
                "batch": found.batch,
                "took_ms": found.took_ms,
                "steps": steps,
            }
        )
        return
    joins = {"and": Text("并且", "and"), "or": Text("或", "or"), "not": Text("但不要", "but not")}
    table = Table(box=None, show_header=False)
    for i, step in enumerate(found.steps):
        join = "" if i == 0 and step.joined == "and" else joins[step.joined].get(lang)
        table.add_row("  " * step.depth + join, step.text.get(lang), f"{step.left:,}")
    command.show(table)
    at = found.as_of.astimezone(command.settings().tz)
    said = Text(
        "{p} 位用户（共 {all}），另有 {v} 位访客；截至 {at}，用时 {ms} 毫秒",
        "{p} persons of {all}, and {v} visitors; as of {at}, {ms} ms",
    )
    numbers = {"p": f"{found.persons:,}", "all": f"{found.of_persons:,}", "v": f"{found.visitors:,}"}
    command.tell(said, **numbers, at=f"{at:%Y-%m-%d %H:%M:%S}", ms=f"{found.took_ms:.1f}")


@app.command(
    help=words(
        "离一个点最近的小区，各住着多少人", "the communities nearest to a point, and how many live in each"
    )
)
def nearest(
    lat: Annotated[float, Parameter(help=words("纬度，WGS-84", "latitude, WGS-84"))],
    lon: Annotated[float, Parameter(help=words("经度，WGS-84", "longitude, WGS-84"))],
    *,
    rule: Annotated[
        str | None,
        Parameter(
            help=words(
                "只数符合的人：规则，或人群的键", "count only who fits: a rule, or the key of a segment"
            )
        ),
    ] = None,
    many: Annotated[int, Parameter(help=words("几个小区", "how many communities"))] = 30,
    as_of: AsOf = None,
    as_json: AsJson = False,
) -> None:
    """Print communities with their distance and their persons, the nearest first."""
    from dataclasses import asdict

    from zerodistance.core.profiles.moments import made
    from zerodistance.core.segments import api

    home, who, asked = command.home(), command.who(), None if rule is None else rule_of(rule)
    found = api.nearest(home, who, lat, lon, many=many, rule=asked, as_of=made(home, who, as_of))
    lang = command.lang()
    if as_json:
        command.say_json([{**asdict(one), "name": one.name.get(lang)} for one in found.communities])
        return
    if not found.communities:
        command.tell(
            Text(
                "索引里没有小区：品牌的地点表里要有带经纬度的小区",
                "the index knows no community: the brand's places need communities with their coordinates",
            )
        )
        return
    table = Table(box=None)
    for name in (
        Text("公里", "km"),
        Text("小区", "community"),
        Text("符合的用户", "persons who fit"),
        Text("用户", "persons"),
    ):
        table.add_column(name.get(lang))
    for one in found.communities:
        row = (
            f"{one.km:,.2f}",
            f"{one.name.get(lang)} ({one.code})",
            f"{one.persons:,}",
            f"{one.of_persons:,}",
        )
        table.add_row(*row)
    command.show(table)


@app.command(help=words("保存人群", "save a segment"))
def create(
    key: Key,
    rule: RuleText,
    *,
    zh: Annotated[str | None, Parameter(help=words("中文名", "name in Chinese"))] = None,
    en: Annotated[str | None, Parameter(help=words("英文名", "name in English"))] = None,
) -> None:
    """Save a rule under a key as version 1."""
    from zerodistance.core.segments import api

    name = Text(zh or en or key, en or zh or key)
    found = api.create(command.home(), command.who(), key, name, api.read_rule(_read(rule), command.home()))
    command.tell(
        Text("已存为 {key} 第 {v} 版", "saved as {key}, version {v}"), key=found.key, v=found.version
    )


@app.command(help=words("列出成员的用户号", "list members by public id"))
def members(
    rule: RuleText,
    *,
    limit: Annotated[int, Parameter(help=words("最多几个", "how many at most"))] = 50,
    visitors: Annotated[
        bool, Parameter(negative="", help=words("列访客，不列用户", "visitors instead of persons"))
    ] = False,
    to: Annotated[
        Path | None, Parameter(help=words("把全部用户号写成 CSV", "write all persons as CSV"))
    ] = None,
    as_of: AsOf = None,
) -> None:
    """Print members, or write all of them to a CSV file."""
    from zerodistance.core.profiles.moments import made
    from zerodistance.core.segments import api

    home, who = command.home(), command.who()
    at = made(home, who, as_of)
    if to is not None:
        with to.open("w", encoding="utf-8", newline="") as file:
            written = api.export(home, who, rule_of(rule), file, visitors=visitors, as_of=at)
        command.tell(Text("{n} 个用户号已写入 {file}", "{n} ids written to {file}"), n=written, file=to)
        return
    found = api.members(home, who, rule_of(rule), limit=limit, visitors=visitors, as_of=at)
    sys.stdout.writelines(f"{public}\n" for public in found.ids)


@app.command(help=words("把规则写成 SQL", "a rule as SQL"))
def sql(
    rule: RuleText,
    *,
    to: Annotated[
        Path | None,
        Parameter(help=words("连同所读的表写进文件夹", "a folder to write it to, with the tables it reads")),
    ] = None,
) -> None:
    """Print a rule as SQL over the touches, or write it with what it reads, to be run elsewhere."""
    from zerodistance.core.segments import api

    home, who = command.home(), command.who()
    if to is None:
        sys.stdout.write(api.as_sql(home, who, rule_of(rule)))
        return
    written = api.write_sql(home, who, rule_of(rule), to)
    said = Text(
        "{folder} 里有 rule.sql 和 {n} 次交互；在那里运行 duckdb < rule.sql",
        "rule.sql and {n} touches are in {folder}; run duckdb < rule.sql there",
    )
    command.tell(said, folder=to, n=f"{written:,}")


@app.command(help=words("用 SQL 核对标签索引", "check the index against the SQL of a rule"))
def check(rule: RuleText) -> None:
    """Run a rule's SQL over the whole log and compare; ends with 1 where it differs."""
    from zerodistance.core.segments import api

    found = api.check(command.home(), command.who(), rule_of(rule))
    numbers = {"p": f"{found.persons:,}", "v": f"{found.visitors:,}", "ms": f"{found.took_ms:,.0f}"}
    if not (found.missing or found.extra):
        said = Text(
            "一致：{p} 位用户、{v} 位访客，用时 {ms} 毫秒",
            "both say the same: {p} persons and {v} visitors, {ms} ms",
        )
        command.tell(said, **numbers)
        return
    said = Text(
        "不一致：SQL 数得 {p} 位用户、{v} 位访客；索引少 {less}、多 {more}",
        "they differ: SQL finds {p} persons and {v} visitors; the index lacks {less} and has {more} beside",
    )
    command.tell(said, **numbers, less=found.missing, more=found.extra)
    if found.moved:
        why = Text(
            "索引写成后有人合并或拆分，稍后再试",
            "persons were merged or split since the index was written; try again in a moment",
        )
        command.tell(why)
    raise SystemExit(1)


@app.command(help=words("一个人群的规则与版本", "rule and version of a segment"))
def show(
    key: Key,
    *,
    version: Annotated[int | None, Parameter(help=words("第几版", "which version"))] = None,
    as_json: AsJson = False,
) -> None:
    """Print one saved segment."""
    from zerodistance.core.segments import api

    found = api.segment(command.home(), command.who(), key, version)
    if as_json:
        command.say_json(_plain(found))
        return
    lang = command.lang()
    words_ = api.describe(command.home(), command.who(), found.rule).get(lang)
    said = Text("{name}，第 {v} 版（共 {n} 版）", "{name}, version {v} of {n}")
    command.tell(said, name=found.name.get(lang), v=found.version, n=found.versions)
    for line in (words_, api.rule_text(found.rule)):
        command.console.print(line, markup=False, highlight=False)


@app.command(help=words("跟随：有人进出就记下并通知", "follow a segment: every entry and exit is told"))
def follow(key: Key) -> None:
    """Have every entry and exit of a living segment told."""
    from zerodistance.core.segments import api

    found = api.follow(command.home(), command.who(), key)
    command.tell(
        Text("开始跟随 {key}，现在有 {n} 人", "{key} is followed; {n} persons are in it"), **_kept(found)
    )


@app.command(help=words("冻结：成员从此不变", "freeze a segment: its members stay"))
def freeze(key: Key) -> None:
    """Keep who is in a segment now."""
    from zerodistance.core.segments import api

    found = api.freeze(command.home(), command.who(), key)
    command.tell(Text("已冻结 {key}，共 {n} 人", "{key} is frozen with {n} persons"), **_kept(found))


@app.command(help=words("解冻或不再跟随", "thaw a segment, or follow it no more"))
def thaw(key: Key) -> None:
    """Make a segment living again, and followed by nobody."""
    from zerodistance.core.segments import api

    api.thaw(command.home(), command.who(), key)
    command.tell(Text("{key} 恢复为随规则变化", "{key} is living"), key=key)


@app.command(help=words("进出记录，或某一次是谁", "entries and exits, or who they were"))
def changes(key: Key, number: int | None = None) -> None:
    """List the last entries and exits of a followed segment, the newest first; with a number, who they were."""
    from zerodistance.core.segments import api

    home, who, lang = command.home(), command.who(), command.lang()
    if number is not None:
        found = api.changed(home, who, key, number)
        sys.stdout.writelines([f"+{i}\n" for i in found.entered] + [f"-{i}\n" for i in found.left])
        return
    table = Table(box=None)
    for name in (
        Text("第几次", "change"),
        Text("时间", "at"),
        Text("进", "entered"),
        Text("出", "left"),
        Text("访客进", "visitors entered"),
        Text("访客出", "visitors left"),
    ):
        table.add_column(name.get(lang))
    for change in api.last_changes(home, who, key, 50):
        at = clock.from_micros(change.at).astimezone(command.settings().tz)
        sizes = (change.entered.persons, change.left.persons, change.entered.visitors, change.left.visitors)
        table.add_row(str(change.number), f"{at:%Y-%m-%d %H:%M:%S}", *(f"{n:,}" for n in sizes))
    command.show(table)


def _kept(found: Segment) -> dict[str, str]:
    return {"key": found.key, "n": f"{found.kept.persons:,}" if found.kept else "0"}


def _read(rule: str) -> str | dict[str, Any]:
    if not rule.lstrip().startswith("{"):
        return rule
    try:
        given: dict[str, Any] = json.loads(rule)
    except json.JSONDecodeError:
        return rule
    return given


def rule_of(given: str) -> Rule:
    """Return the rule that is written, or that of the segment whose key is given."""
    from zerodistance.core.segments import api

    if "(" in given or given.lstrip().startswith("{"):
        return api.read_rule(_read(given), command.home())
    return api.segment(command.home(), command.who(), given).asks


def _plain(found: Segment) -> dict[str, Any]:
    from zerodistance.core.segments import api

    return {
        "key": found.key,
        "name_zh": found.name.zh,
        "name_en": found.name.en,
        "version": found.version,
        "versions": found.versions,
        "rule": api.rule_json(found.rule),
        "text": api.rule_text(found.rule),
        "made_by": found.made_by,
    }
