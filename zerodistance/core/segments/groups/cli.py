"""`zerodistance segments groups`: make groups, look at them, name them, assign everybody, say them as SQL."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter
from rich.table import Table

from zerodistance.kernel import clock, command
from zerodistance.kernel.command import words
from zerodistance.kernel.text import Text

if TYPE_CHECKING:
    from zerodistance.core.segments.groups.contracts import Grouping

app = App(name="groups", help=words("分群：几类叫得出名字的人", "groups: a few kinds of persons with names"))
Key = Annotated[str, Parameter(help=words("分群的键", "key of the grouping"))]
AsJson = Annotated[bool, Parameter("--json", negative="", help=words("以 JSON 输出", "print JSON"))]


@app.command(
    help=words(
        "分群并归群；已有的得到新的一版",
        "make groups and assign everybody; one that is there gets a new version",
    )
)
def fit(
    key: Key = "types",
    *,
    layer: Annotated[
        tuple[str, ...],
        Parameter(
            help=words(
                "用哪些层级，可重复；不写：兴趣、使用、品牌、价值、需求",
                "a layer to use, again for more; without: interests, usage, brand, value, needs",
            )
        ),
    ] = (),
    dimension: Annotated[
        tuple[str, ...],
        Parameter(help=words("另加的维度，可重复", "a dimension beside those, again for more")),
    ] = (),
    rule: Annotated[
        str,
        Parameter(
            help=words(
                "只分符合这条规则、或在这个人群里的人", "only persons who fit a rule, or are in a segment"
            )
        ),
    ] = "",
    groups: Annotated[
        int | None,
        Parameter(help=words("几群；不写：由稳定性定", "how many; without: as many as are stable")),
    ] = None,
    seed: Annotated[int, Parameter(help=words("抽样的种子", "seed of the sample"))] = 1,
    zh: Annotated[str, Parameter(help=words("中文名", "name in Chinese"))] = "",
    en: Annotated[str, Parameter(help=words("英文名", "name in English"))] = "",
    as_json: AsJson = False,
) -> None:
    """Make groups of a sample, their number by how stable they are, and put everybody into the nearest one."""
    from zerodistance.core.profiles.contracts import Layer
    from zerodistance.core.segments.groups import api
    from zerodistance.core.segments.groups.contracts import Asked
    from zerodistance.kernel.errors import Invalid

    home, who = command.home(), command.who()
    known = [one.value for one in Layer]
    for one in layer:
        if one not in known:
            raise Invalid(
                field="--layer",
                given=one,
                why=Text(f"可用 {', '.join(known)}", f"allowed are {', '.join(known)}"),
            )
    said = bool(layer or dimension or rule or groups is not None or seed != 1)
    asked = Asked(tuple(map(Layer, layer)), dimension, _rule(rule), groups, seed) if said else None
    name = Text(zh or en, en or zh) if zh or en else None
    with command.stages(Text("{stage}", "{stage}")) as hear:
        found = api.fit(home, who, key, asked, name=name, hear=hear)
    _show(found, as_json=as_json)


def _rule(text: str) -> Any:
    from zerodistance.core.segments import api as segments
    from zerodistance.core.segments.contracts import In

    if not text:
        return None
    return (
        segments.read_rule(text, command.home())
        if "(" in text
        else In(segments.segment(command.home(), command.who(), text).key)
    )


@app.command(name="list", help=words("列出分群", "list the groupings"))
def list_(*, as_json: AsJson = False) -> None:
    """List the groupings, the newest first."""
    from zerodistance.core.segments.groups import api, told

    found, lang = api.groupings(command.home(), command.who()), command.lang()
    if as_json:
        command.say_json([told.plain(one, lang) for one in found])
        return
    table = _table(
        Text("键", "key"),
        Text("名称", "name"),
        Text("版本", "version"),
        Text("群", "groups"),
        Text("用户", "persons"),
    )
    for one in found:
        last = f"{one.runs[-1].persons:,}" if one.runs else "–"
        many = str(len(one.holds.groups)) if one.holds else "–"
        table.add_row(one.key, one.name.get(lang), str(one.versions), many, last)
    command.show(table)


@app.command(
    help=words(
        "看一个分群：各群多大、是什么样的人、稳不稳",
        "look at a grouping: how large its groups are, who is in them, how stable they are",
    )
)
def show(key: Key = "types", *, as_json: AsJson = False) -> None:
    """Show the groups with what tells them from others, how stable each number is, and how they moved."""
    from zerodistance.core.segments.groups import api

    _show(api.grouping(command.home(), command.who(), key), as_json=as_json)


@app.command(help=words("给一个群起名", "name a group"))
def name(
    key: Key,
    node: Annotated[str, Parameter(help=words("群，如 g1", "the group, like g1"))],
    *,
    zh: Annotated[str, Parameter(help=words("中文名", "name in Chinese"))] = "",
    en: Annotated[str, Parameter(help=words("英文名", "name in English"))] = "",
) -> None:
    """Name a group; one name in both languages where only one is said."""
    from zerodistance.core.segments.groups import api

    api.rename(command.home(), command.who(), key, node, Text(zh or en, en or zh))
    command.tell(Text("{node} 现在叫 {zh}", "{node} is called {en} now"), node=node, zh=zh or en, en=en or zh)


@app.command(
    help=words(
        "按同样的中心把所有人重新归群；每夜自动做",
        "assign everybody anew by the same centres; done by itself each night",
    )
)
def assign(key: Key = "types") -> None:
    """Put every person into the nearest group."""
    from zerodistance.core.segments.groups import api

    with command.stages(Text("{stage}", "{stage}")) as hear:
        found = api.assign(command.home(), command.who(), key, hear=hear)
    run = found.runs[-1]
    command.tell(Text("{n} 位用户已归群", "{n} persons assigned"), n=f"{run.persons:,}")
    if run.known:
        said = Text("{k} 位原来有群，其中 {m} 位换了群", "of {k} who had a group {m} are in another one")
        command.tell(said, k=f"{run.known:,}", m=f"{run.moved:,}")


@app.command(help=words("归群写成 SQL", "the assignment as SQL"))
def sql(
    key: Key = "types",
    *,
    to: Annotated[
        Path | None,
        Parameter(help=words("连同它读的数据写进这个文件夹", "write it with what it reads into this folder")),
    ] = None,
) -> None:
    """Print the statement that puts everybody into a group; with --to write it with what it reads."""
    from zerodistance.core.segments.groups import api

    home, who = command.home(), command.who()
    if to is None:
        sys.stdout.write(api.as_sql(home, who, key))
        return
    written = api.write_sql(home, who, key, to)
    said = Text(
        "{n} 位用户写入 {to}：cd {to} && duckdb < groups.sql",
        "{n} persons written into {to}: cd {to} && duckdb < groups.sql",
    )
    command.tell(said, n=f"{written:,}", to=to)


@app.command(help=words("删除一个分群和它的标签", "remove a grouping with its tags"))
def remove(key: Key) -> None:
    """Remove a grouping; refused while saved segments ask for its groups."""
    from zerodistance.core.segments.groups import api

    api.remove(command.home(), command.who(), key)
    command.tell(Text("已删除分群 {key}", "grouping {key} is removed"), key=key)


def _table(*names: Text) -> Table:
    table = Table(box=None)
    for one in names:
        table.add_column(one.get(command.lang()))
    return table


def _show(found: Grouping, *, as_json: bool) -> None:
    from zerodistance.core.segments.groups import told

    lang = command.lang()
    if as_json:
        command.say_json(told.plain(found, lang))
        return
    holds, run = found.holds, found.runs[-1] if found.runs else None
    if found.trouble is not None:
        command.tell(found.trouble)
    if found.latest is not None and not found.latest.groups:
        command.tell(told.NOTHING_STABLE)
    if holds is not None:
        table = _table(
            Text("群", "group"),
            Text("名称", "name"),
            Text("用户", "persons"),
            Text("占比", "share"),
            Text("与别的群有什么不同", "what tells it from the others"),
        )
        for one in holds.groups:
            many = "–" if run is None else f"{run.sizes.get(one.node, 0):,}"
            share = one.share if run is None else run.share(one.node)
            traits = "; ".join(told.trait(t, lang) for t in one.traits[:4])
            table.add_row(one.node, one.name.get(lang), many, f"{share:.1%}", traits)
        command.show(table)
    if found.latest is not None:
        table = _table(
            Text("几群", "groups"),
            Text("预测强度", "strength"),
            Text("ARI", "ARI"),
            Text("无群时", "without groups"),
            Text("稳定", "stable"),
        )
        for row in found.latest.tried:
            stable = Text("是", "yes") if row.stable else Text("否", "no")
            table.add_row(
                str(row.groups),
                f"{row.strength:.2f}",
                f"{row.ari:.2f}",
                f"{row.without:.2f}",
                stable.get(lang),
            )
        command.show(table)
    if run is not None:
        at = clock.from_micros(run.made_at).astimezone(command.settings().tz)
        said = Text(
            "{at} 归群 {n} 位用户，离中心平均 {d}",
            "{n} persons assigned {at}, {d} from the centre on average",
        )
        command.tell(said, at=f"{at:%Y-%m-%d %H:%M}", n=f"{run.persons:,}", d=f"{run.distance:.2f}")
        if run.known:
            said = Text("{k} 位原来有群，其中 {m} 位换了群", "of {k} who had a group {m} are in another one")
            command.tell(said, k=f"{run.known:,}", m=f"{run.moved:,}")
