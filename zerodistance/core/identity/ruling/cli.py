"""`zerodistance identity rules | train | models`: what is in force, trying a change, applying and undoing it; weights that a home learns."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from zerodistance.core.identity.printing import day, difference, table
from zerodistance.kernel import command
from zerodistance.kernel.command import words
from zerodistance.kernel.text import Text

if TYPE_CHECKING:
    from zerodistance.core.identity.ruling.contracts import Example, InForce, Learned, Trial

app = App(
    name="rules",
    help=words(
        "规则：现在的值和来历；先试算，再生效，可撤销",
        "the rules: what is in force and how it came; a change is tried, then applied, and can be undone",
    ),
)
_AsJson = Annotated[bool, Parameter("--json", negative="", help=words("以 JSON 输出", "print JSON"))]
_Changes = Annotated[
    str,
    Parameter(
        help=words(
            "改动，如 phone.cap=12、device_id.limit=10/180（个数/天数）、match.join=3、model=名字；shipped 为出厂值",
            "changes, such as phone.cap=12, device_id.limit=10/180 (count/days), match.join=3, model=NAME; `shipped` is as shipped",
        )
    ),
]
_Match = Annotated[
    bool,
    Parameter(
        negative="",
        help=words(
            "只改护栏时也重新匹配写法；改 match.* 时总会",
            "ask the matcher again for guards too; for match.* it always is",
        ),
    ),
]
_BARS = Text("{stage}", "{stage}")


@app.default
def rules(*, as_json: _AsJson = False) -> None:
    """Print the rules in force, and the versions there were."""
    from zerodistance.core.identity import api

    found = api.rules(command.home(), command.who())
    if as_json:
        command.say_json(asdict(found))
        return
    _in_force(found)


def _in_force(found: InForce) -> None:
    from zerodistance.core.identity.ruling.changes import label

    lang = command.lang()
    command.tell(
        Text("第 {n} 版规则", "version {n} of the rules")
        if found.version
        else Text("规则和出厂时一样", "the rules are as shipped"),
        n=found.version,
    )
    rows = [
        (key, value, "" if value == found.shipped[key] else found.shipped[key], label(key).get(lang))
        for key, value in found.values.items()
    ]
    table(("规则", "rule"), ("值", "value"), ("出厂值", "as shipped"), ("含义", "meaning"), rows=rows)
    if found.history:
        said = [
            (
                v.version,
                day(v.at),
                v.who,
                ", ".join(f"{c.key} {c.old} -> {c.new}" for c in v.changes),
                v.reason,
                f"{day(v.undone_at)} {v.undone_by}" if v.undone_at is not None else "",
            )
            for v in found.history
        ]
        columns = (
            ("版本", "version"),
            ("时间", "time"),
            ("谁", "by"),
            ("改动", "changes"),
            ("理由", "reason"),
            ("撤销", "undone"),
        )
        table(*columns, rows=said)


@app.command(
    name="try",
    help=words(
        "试算：改了规则会合并谁、拆开谁；什么都不写", "what a change would merge and split; writes nothing"
    ),
)
def attempt(
    *changes: _Changes,
    match: _Match = False,
    examples: Annotated[
        int, Parameter(help=words("最多几个例子", "how many examples of each kind at most"))
    ] = 10,
    csv: Annotated[
        Path | None,
        Parameter(help=words("把每个会换归属的主体写成 CSV", "write every subject that would move as CSV")),
    ] = None,
    as_json: _AsJson = False,
) -> None:
    """Compute everybody by changed rules, and print the difference."""
    from zerodistance.core.identity import api

    with command.stages(_BARS) as told:
        found = api.rules_try(
            command.home(), command.who(), changes, match=match, examples=examples, moves=csv, told=told
        )
    if as_json:
        command.say_json(asdict(found))
        return
    _trial(found)
    if csv is not None:
        moved = found.rebuilt.moved
        command.tell(Text("{n} 行写入 {file}", "{n} rows written to {file}"), n=moved, file=csv)


@app.command(
    help=words("让改动生效：新的一版规则、新的周期", "put a change in force: a new version, a new epoch")
)
def apply(
    *changes: _Changes,
    reason: Annotated[str, Parameter(help=words("为什么改", "why the rules are changed"))],
    match: _Match = False,
    as_json: _AsJson = False,
) -> None:
    """Apply a change, and print what it changed."""
    from zerodistance.core.identity import api

    with command.stages(_BARS) as told:
        found = api.rules_apply(command.home(), command.who(), changes, reason, match=match, told=told)
    if as_json:
        command.say_json(asdict(found))
        return
    command.tell(Text("第 {n} 版规则已生效", "version {n} of the rules is in force"), n=found.rules)
    difference(found)


@app.command(help=words("撤销最近一次改动", "undo the last change"))
def undo(*, match: _Match = False, as_json: _AsJson = False) -> None:
    """Put the rules of before in force again, and print what that changed."""
    from zerodistance.core.identity import api

    with command.stages(_BARS) as told:
        found = api.rules_undo(command.home(), command.who(), match=match, told=told)
    if as_json:
        command.say_json(asdict(found))
        return
    command.tell(
        Text("已撤销，现在是第 {n} 版规则", "undone; version {n} of the rules is in force again")
        if found.rules
        else Text("已撤销，规则和出厂时一样", "undone; the rules are as shipped again"),
        n=found.rules,
    )
    difference(found)


def _trial(found: Trial) -> None:
    for one in found.changes:
        command.tell(
            Text("{key}：{old} -> {new}", "{key}: {old} -> {new}"), key=one.key, old=one.old, new=one.new
        )
    command.tell(
        Text(
            "用户 {p} -> {q}，访客 {v} -> {w}，最大的用户 {s} -> {t} 个主体",
            "persons {p} -> {q}, visitors {v} -> {w}, the largest person {s} -> {t} subjects",
        ),
        p=found.before.persons, q=found.after.persons, v=found.before.visitors, w=found.after.visitors,
        s=found.before.largest, t=found.after.largest,
    )  # fmt: skip
    command.tell(
        Text(
            "会合并 {merged}，会拆分 {split}，{moved} 个主体会换归属；新列为共用 {shared}，解除共用 {freed}",
            "{merged} would be merged, {split} split, {moved} subjects would move; {shared} newly shared, {freed} no longer shared",
        ),
        **asdict(found.rebuilt),
    )
    if found.anyway:
        command.tell(
            Text(
                "不改规则，下次重算也会有 {n} 个主体换归属",
                "{n} subjects would move with the next rebuild without any change, too",
            ),
            n=found.anyway,
        )
    if found.links is not None:
        command.tell(Text("匹配会连上 {n} 对", "the matcher would join {n} pairs"), n=found.links)
    elif found.rebuilt.merged or found.rebuilt.split:
        command.tell(
            Text(
                "没有重新匹配写法；下次匹配会按新规则再看一遍，加 --match 现在就看",
                "the matcher was not asked again; its next pass looks by the new rules, --match does so now",
            )
        )
    for key in (*found.shared, *found.freed):
        said = (
            Text("  {masked} 会停止连接", "  {masked} would stop linking")
            if key in found.shared
            else Text("  {masked} 会重新连接", "  {masked} would link again")
        )
        command.tell(said, masked=key.masked)
    for example in found.examples:
        _example(example)
    command.tell(Text("什么都没有写；用时 {s:.1f} 秒", "nothing was written; {s:.1f} s"), s=found.seconds)


WHY = {
    "freed": Text("重新连接的标识", "an identifier that links again"),
    "shared": Text("不再连接的标识", "an identifier that no longer links"),
    "match": Text("写法匹配", "how they are written"),
    "limit": Text("一人之下的个数限制", "how many of a kind one person may have"),
    "other": Text("经由别的主体", "by way of others"),
}
"""What an example says of why, see `contracts.Example.why`."""


def _example(one: Example) -> None:
    said = (
        Text("  {id} 会并入 {other}：{why}", "  {id} would become part of {other}: {why}")
        if one.merged
        else Text("  {id} 会分出 {other}：{why}", "  {id} would give away {other}: {why}")
    )
    ends = " - ".join(end.masked for end in (one.left, one.via, one.right) if end is not None)
    why = WHY[one.why].get(command.lang())
    if one.bits is not None:
        why += f" {one.bits:+.1f}"
    command.tell(said, id=one.id, other=one.other, why=f"{why} ({ends})" if ends else why)


def train(
    *,
    seed: Annotated[int, Parameter(help=words("抽样的种子", "seed of the sample"))] = 1,
    as_json: _AsJson = False,
) -> None:
    """Learn weights from this home, and print what they reach beside those in force."""
    from zerodistance.core.identity import api

    with command.stages(_BARS) as told:
        found = api.train(command.home(), command.who(), seed=seed, told=told)
    if as_json:
        command.say_json(asdict(found))
        return
    command.tell(
        Text(
            "从 {faces} 种写法里的 {sample} 种学出权重 {name}，用时 {seconds} 秒",
            "weights {name} were learned from {sample} of {faces} ways of writing somebody, in {seconds} s",
        ),
        name=found.name,
        **found.about["trained"],
    )
    _reached(found)
    command.tell(
        Text(
            "还没有启用；看看会怎样：zerodistance identity rules try model={name}",
            "nothing uses them yet; see what they would do: zerodistance identity rules try model={name}",
        ),
        name=found.name,
    )


_ON = {
    "decisions": Text("人的判定", "decisions"),
    "members": Text("会员号、用户号", "member and user ids"),
}


def _reached(found: Learned) -> None:
    said = found.about["evaluation"]
    rows = []
    for on, what in _ON.items():
        for whose, name in (("learned", found.name), ("in_force", said["against"])):
            if on in said:
                one = said[on][whose]
                joined = [
                    "-" if one[f"{kind}_joined"] is None else f"{one[f'{kind}_joined']:.2%}"
                    for kind in ("same", "different")
                ]
                rows.append(
                    (what.get(command.lang()), name, one["same"], joined[0], one["different"], joined[1], one["loss_bits"])
                )  # fmt: skip
    if rows:
        columns = (
            *(
                ("对照", "judged by"),
                ("权重", "weights"),
                ("同一人", "one person"),
                ("其中连上", "of them joined"),
            ),
            *(("两个人", "two persons"), ("其中连上", "of them joined"), ("误差（比特）", "loss, bits")),
        )
        table(*columns, rows=rows)
    command.tell(
        Text(
            "共同索引的 {looked_at} 对里：两者都连 {both}，只有新权重连 {only_learned}，只有现在的连 {only_in_force}",
            "of {looked_at} pairs that share a block, both join {both}, only the new weights {only_learned}, only those in force {only_in_force}",
        ),
        **said["pairs"],
    )


def models(*, as_json: _AsJson = False) -> None:
    """Print the weights there are, which are in force, and how they were learned."""
    from zerodistance.core.identity import api

    found = api.models(command.home(), command.who())
    if as_json:
        command.say_json([asdict(one) for one in found])
        return
    rows = [
        (
            one.name,
            "" if one.at is None else day(one.at),
            one.who,
            one.faces,
            words("在用", "in force") if one.used else "",
        )
        for one in found
    ]
    columns = (("权重", "weights"), ("时间", "time"), ("谁", "by"), ("写法", "ways of writing"), ("", ""))
    table(*columns, rows=rows)


COMMANDS = (
    (
        train,
        "train",
        words(
            "从本库的数据学出匹配权重，不需要标注",
            "learn weights of the matcher from this home, without labels",
        ),
    ),
    (models, "models", words("列出匹配权重", "list the weights of the matcher")),
)
"""Commands that stand beside `rules`: verb, name, help."""
