"""`zerodistance segments tags`: make tags by rule, bands, touches, SQL or a list; look at them, make them anew, withdraw them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter
from rich.table import Table

from zerodistance.kernel import clock, command
from zerodistance.kernel.command import words
from zerodistance.kernel.errors import Invalid
from zerodistance.kernel.text import Text

if TYPE_CHECKING:
    from zerodistance.core.segments.tags.contracts import Tried, UserTag

app = App(name="tags", help=words("自建标签", "tags that users make"))
Key = Annotated[str, Parameter(help=words("标签的键，如 own.vip", "key of the tag, like own.vip"))]
AsJson = Annotated[bool, Parameter("--json", negative="", help=words("以 JSON 输出", "print JSON"))]


def _plain(one: UserTag, lang: str) -> dict[str, Any]:
    from zerodistance.core.segments.tags import api, forms

    failed = None if one.failed is None else one.failed.get(lang)
    made: dict[str, Any] = {
        "unit": api.unit_of(command.home(), one.said),
        "version": one.version,
        "changed_by": one.changed_by,
        "ran_at": one.ran_at,
        "failed": failed,
    }
    return {**forms.plain(one.said), **made}


def _pairs(some: tuple[str, ...], option: str) -> list[tuple[str, str]]:
    found = []
    for one in some:
        name, sign, text = one.partition("=")
        if not sign or not name or not text:
            raise Invalid(field=option, given=one, why=Text("写成 名=值", "written NAME=VALUE"))
        found.append((name, text))
    return found


@app.command(
    help=words(
        "做一个标签，或它的新一版；--preview 只数人，什么都不写",
        "make a tag, or a new version of one; with --preview it only counts, and nothing is written",
    )
)
def create(
    key: Key,
    *,
    layer: Annotated[str, Parameter(help=words("层级，如 value", "layer, like value"))],
    zh: Annotated[str, Parameter(help=words("中文名", "name in Chinese"))] = "",
    en: Annotated[str, Parameter(help=words("英文名", "name in English"))] = "",
    meaning: Annotated[str, Parameter(help=words("说明", "what it means"))] = "",
    rule: Annotated[
        tuple[str, ...],
        Parameter(
            help=words(
                "节点=规则，可重复，先写的先算", "NODE=RULE, again for more; the first that fits counts"
            )
        ),
    ] = (),
    bands: Annotated[
        str, Parameter(help=words("按哪个数的维度分档", "the dimension whose number has bands"))
    ] = "",
    edge: Annotated[
        tuple[float, ...], Parameter(help=words("每档的起点，可重复", "where a band begins, again for more"))
    ] = (),
    quantiles: Annotated[
        int | None,
        Parameter(
            help=words(
                "不写起点：分成这么多档，各档人数相近",
                "instead of edges: so many bands of about equally many persons",
            )
        ),
    ] = None,
    take: Annotated[
        str,
        Parameter(
            help=words(
                "first、last 或 most：交互里最先、最后、最多的",
                "first, last or most: of the words of touches",
            )
        ),
    ] = "",
    word: Annotated[str, Parameter(help=words("哪一列，如 category", "of which column, like category"))] = "",
    kind: Annotated[
        tuple[str, ...], Parameter(help=words("交互类型，可重复", "kind of touch, again for more"))
    ] = (),
    days: Annotated[int | None, Parameter(help=words("最近多少天", "in the last so many days"))] = None,
    where: Annotated[
        tuple[str, ...], Parameter(help=words("列=文字，可重复", "COLUMN=TEXT, again for more"))
    ] = (),
    sql: Annotated[Path | None, Parameter(help=words("有一条 SELECT 的文件", "file with one SELECT"))] = None,
    by_list: Annotated[
        bool,
        Parameter(
            "--list",
            negative="",
            help=words("按名单；文件用 tags import 导入", "by a list; its files come in with `tags import`"),
        ),
    ] = False,
    list_word: Annotated[
        tuple[str, ...],
        Parameter(
            help=words(
                "名单可用的词，写成 词 或 词=名称，可重复；不写则不限",
                "what the list may say, WORD or WORD=LABEL, again for more; anything unless given",
            )
        ),
    ] = (),
    until: Annotated[
        str, Parameter(help=words("到哪天为止，如 2027-01-31", "until which day, like 2027-01-31"))
    ] = "",
    unit: Annotated[
        str | None,
        Parameter(
            help=words(
                "哪个小微的；空文字是大家的，不写则照旧",
                "of which unit; empty: everybody's, as it is unless given",
            )
        ),
    ] = None,
    preview: Annotated[
        bool, Parameter(negative="", help=words("只数人，不保存", "count only, save nothing"))
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Make a tag by one of five ways."""
    from zerodistance.core.segments.tags import api

    ways: dict[str, Any] = {}
    if rule:
        ways["rule"] = [{"node": node, "rule": text} for node, text in _pairs(rule, "--rule")]
    if bands:
        ways["bands"] = {"of": bands, "edges": list(edge), "quantiles": quantiles}
    if take:
        ways["touches"] = {
            "take": take,
            "word": word,
            "kinds": list(kind),
            "days": days,
            "where": dict(_pairs(where, "--where")),
        }
    if sql is not None:
        ways["sql"] = sql.read_text(encoding="utf-8")
    if by_list or list_word:
        pairs = (one.partition("=") for one in list_word)
        ways["list"] = {"words": [{"node": node, "zh": label, "en": label} for node, _, label in pairs]}
    home, who = command.home(), command.who()
    given = {
        "key": key, "layer": layer, "label": {"zh": zh, "en": en}, "meaning": {"zh": meaning, "en": meaning}, "how": ways,
        "expires_on": until or None, "unit": unit,
    }  # fmt: skip
    said = api.read(home, given)
    if preview:
        _tried(api.try_out(home, who, said), as_json=as_json)
        return
    found = api.save(home, who, said)
    if as_json:
        command.say_json(_plain(found, command.lang()))
    else:
        command.tell(
            Text("标签 {key} 已保存，第 {n} 版", "tag {key} is saved, version {n}"), key=key, n=found.version
        )


def _tried(found: Tried, *, as_json: bool) -> None:
    lang = command.lang()
    if as_json:
        command.say_json(
            [
                {"node": key, "label": label.get(lang), "persons": n.persons, "visitors": n.visitors}
                for key, label, n in found.nodes
            ]
        )
        return
    table = Table()
    for name in (Text("节点", "node"), Text("用户", "persons"), Text("访客", "visitors")):
        table.add_column(name.get(lang))
    for _, label, sizes in found.nodes:
        table.add_row(label.get(lang), f"{sizes.persons:,}", f"{sizes.visitors:,}")
    command.show(table)


app.command(
    "zerodistance.core.segments.tags.list_cli:import_",
    name="import",
    help=words("把名单文件导入一个标签", "import the file of a list for a tag"),
)


@app.command(name="list", help=words("列出自建标签", "list the tags that users made"))
def list_(*, as_json: AsJson = False) -> None:
    """List them, last changed first."""
    from zerodistance.core.segments.tags import api, forms
    from zerodistance.core.segments.tags.contracts import SHOWN

    found, lang = api.tags(command.home(), command.who()), command.lang()
    if as_json:
        command.say_json([_plain(one, lang) for one in found])
        return
    table = Table()
    heads = (
        Text("键", "key"),
        Text("名称", "name"),
        Text("怎么做的", "made"),
        Text("版本", "version"),
        Text("上次算", "last made"),
        Text("问题", "problem"),
    )
    for name in heads:
        table.add_column(name.get(lang))
    for one in found:
        ran = (
            "–"
            if one.ran_at is None
            else f"{clock.from_micros(one.ran_at).astimezone(command.home().settings.tz):%Y-%m-%d %H:%M}"
        )
        failed = "" if one.failed is None else one.failed.get(lang)
        table.add_row(
            one.said.key,
            one.said.label.get(lang),
            SHOWN[forms.kind_of(one.said.how)].get(lang),
            str(one.version),
            ran,
            failed,
        )
    command.show(table)


@app.command(help=words("看一个自建标签和它的各版", "show a tag and its versions"))
def show(key: Key) -> None:
    """Print what is said of a tag, and of each version, as JSON."""
    from zerodistance.core.segments.tags import api, forms

    home, who = command.home(), command.who()
    found = api.tag(home, who, key)
    every = [
        {"version": v.number, "by": v.by, "at": v.at, "how": forms.plain(v.said)["how"]}
        for v in api.versions(home, who, key)
    ]
    command.say_json({**_plain(found, command.lang()), "versions": every})


@app.command(help=words("重新计算；每夜也会自动做", "make its values anew; that is done each night too"))
def run(key: Key) -> None:
    """Make the values of a tag anew."""
    from zerodistance.core.segments.tags import api

    api.run(command.home(), command.who(), key)
    command.tell(Text("标签 {key} 已重新计算", "tag {key} is made anew"), key=key)


@app.command(help=words("撤下一个自建标签", "withdraw a tag"))
def withdraw(key: Key) -> None:
    """Withdraw a tag and its values."""
    from zerodistance.core.segments.tags import api, lists
    from zerodistance.core.segments.tags.contracts import ByList

    home, who = command.home(), command.who()
    by_list = isinstance(api.tag(home, who, key).said.how, ByList)
    api.withdraw(home, who, key)
    command.tell(Text("标签 {key} 已撤下", "tag {key} is withdrawn"), key=key)
    if by_list:
        stays = Text(
            "它的导入（来源 {source}）留在交互日志里；要去掉：zerodistance import undo 编号",
            "its imports (source {source}) stay in the log; zerodistance import undo NUMBER removes one",
        )
        command.tell(stays, source=lists.source_of(key))
