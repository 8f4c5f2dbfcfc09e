"""`zerodistance models`: list, train, look at, promote, roll back, score, explain."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter
from rich.table import Table

from zerodistance.core.models import evaluate_cli, watching_cli
from zerodistance.kernel import clock, command
from zerodistance.kernel.command import words
from zerodistance.kernel.errors import Invalid
from zerodistance.kernel.text import Text

if TYPE_CHECKING:
    from zerodistance.core.models.contracts import Version

app = App(
    name="models",
    help=words("模型：训练、评估、上任、评分、说明理由", "models: train, evaluate, promote, score, explain"),
)
Key = Annotated[str, Parameter(help=words("模型的键，如 n1", "key of the model, like n1"))]
Number = Annotated[int, Parameter(help=words("版本", "version"))]
AsJson = Annotated[bool, Parameter("--json", negative="", help=words("以 JSON 输出", "print JSON"))]


@app.command(
    name="list",
    help=words("列出模型、最新版本与上任的版本", "list models with their newest version and their champion"),
)
def list_(*, as_json: AsJson = False) -> None:
    """List the models."""
    from zerodistance.core.models import api

    found, lang = api.models(command.home(), command.who()), command.lang()
    if as_json:
        command.say_json(
            [
                {
                    "key": one.model.key,
                    "label": one.model.label.get(lang),
                    "newest": one.newest.number if one.newest else None,
                    "champion": one.champion.number if one.champion else None,
                    "auc": one.champion.figures.get("auc", {}).get("value") if one.champion else None,
                }
                for one in found
            ]
        )
        return
    table = _table(
        Text("键", "key"),
        Text("模型", "model"),
        Text("最新版", "newest"),
        Text("上任版", "champion"),
        Text("AUC", "AUC"),
    )
    for one in found:
        crowned = one.champion
        table.add_row(
            one.model.key,
            one.model.label.get(lang),
            str(one.newest.number) if one.newest else "–",
            str(crowned.number) if crowned else "–",
            f"{crowned.figures['auc']['value']:.3f}" if crowned and "auc" in crowned.figures else "–",
        )
    command.show(table)


@app.command(
    help=words("训练新的一版，并用更晚的时点评估", "train a new version, and evaluate it on a later moment")
)
def train(
    key: Key,
    *,
    kind: Annotated[
        str,
        Parameter(
            help=words(
                "points 可读的计分表、trees、rules、hazard、value、amount 或 uplift，看模型有哪些；不写：它的第一种",
                "points, a table to read, trees, rules, hazard, value, amount or uplift, as the model has them; without: its first",
            )
        ),
    ] = "",
    until: Annotated[
        date | None,
        Parameter(
            help=words("结果已知到哪天；不写：今天", "the day until which outcomes are known; without: today")
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Train on the features of two horizons ago, and look how good it is on those of one horizon ago."""
    from zerodistance.core.models import api

    with command.stages(Text("{stage}", "{stage}")) as hear:
        found = api.train(command.home(), command.who(), key, kind=kind, until=until, told=hear)
    _say(found, as_json=as_json)


@app.command(
    help=words("看一个模型的各版与它们的好坏", "look at the versions of a model, and how good each is")
)
def compare(key: Key, *, as_json: AsJson = False) -> None:
    """Show the measures of all versions beside each other."""
    from zerodistance.core.models import api

    found, lang = api.versions(command.home(), command.who(), key), command.lang()
    if as_json:
        command.say_json(found)
        return
    table = _table(
        Text("衡量", "measure"), *(Text(f"第 {one.number} 版", f"version {one.number}") for one in found)
    )
    for name, label in _measures(found):
        table.add_row(label.get(lang), *(_figure(one, name) for one in found))
    command.show(table)


@app.command(
    help=words(
        "评估：任何一张表（--mapping），或数据目录里的一个版本（键）",
        "evaluate: any table (--mapping), or a version of the home (key)",
    )
)
def evaluate(
    key: Annotated[
        str,
        Parameter(
            help=words(
                "模型的键，如 n1：按已知的结果看它的一个版本",
                "key of a model, like n1: a version of it by the outcomes known by now",
            )
        ),
    ] = "",
    *,
    number: Annotated[
        int | None, Parameter(help=words("版本；不写：上任的", "version; without: the champion"))
    ] = None,
    until: Annotated[
        date | None,
        Parameter(
            help=words("结果已知到哪天；不写：今天", "the day until which outcomes are known; without: today")
        ),
    ] = None,
    mapping: evaluate_cli.Mapping = None,
    data: evaluate_cli.Data = None,
    guess: evaluate_cli.Guess = None,
    kinds: evaluate_cli.Kinds = (),
    seeds: evaluate_cli.Seeds = 1,
    rows: evaluate_cli.Rows = 200_000,
    out: evaluate_cli.Out = None,
    as_json: AsJson = False,
) -> None:
    """Try the ladder on any table, or look at a version of the home."""
    if sum(bool(one) for one in (key, mapping, guess)) > 1:
        why = Text("键、--mapping、--guess 只写一个", "write one of a key, --mapping and --guess")
        raise Invalid(field="--mapping" if mapping else "--guess", given=str(mapping or guess), why=why)
    if key:
        return watching_cli.evaluate(key, number, until, as_json)
    if guess is not None:
        return evaluate_cli.guess_table(guess)
    if mapping is None:
        raise Invalid(
            field="--mapping",
            given=None,
            why=Text(
                "写模型的键、--mapping 文件或 --guess 文件",
                "write the key of a model, --mapping FILE, or --guess FILE",
            ),
        )
    return evaluate_cli.evaluate_table(mapping, data, kinds, seeds, rows, out, as_json)


@app.command(help=words("让一版上任：此后由它评分", "promote a version: it scores from now on"))
def promote(key: Key, number: Number) -> None:
    """Make a version the champion."""
    from zerodistance.core.models import api

    api.promote(command.home(), command.who(), key, number)
    command.tell(
        Text("{key} 第 {number} 版已上任", "version {number} of {key} is champion now"),
        key=key,
        number=number,
    )


@app.command(help=words("退回上一个上任的版本", "go back to the version that was champion before"))
def rollback(key: Key) -> None:
    """Make the champion before this one champion again."""
    from zerodistance.core.models import api

    found = api.roll_back(command.home(), command.who(), key)
    command.tell(
        Text("{key} 退回第 {number} 版", "version {number} of {key} is champion again"),
        key=key,
        number=found.number,
    )


@app.command(
    help=words("用上任的版本给所有人评分，成为标签", "score everybody with the champions; scores become tags")
)
def score(
    *keys: Annotated[
        str, Parameter(help=words("模型的键；不写：所有已上任的", "models; without: all with a champion"))
    ],
) -> None:
    """Score everybody now."""
    from zerodistance.core.models import api

    done = api.score(command.home(), command.who(), keys)
    if not done:
        command.tell(Text("还没有上任的版本", "no model has a champion yet"))
    for key, many in done.items():
        command.tell(Text("{key}：{many} 个评分", "{key}: {many} scores"), key=key, many=f"{many:,}")
    if done:
        command.tell(
            Text(
                "后台进程的下一轮之后就在标签树里；它没有在运行时，用 `zerodistance serve` 启动",
                "they are in the tag tree after the next turn of the worker; where none is running, start it with `zerodistance serve`",
            )
        )


@app.command(
    help=words(
        "看上任的模型有没有漂移：评分、特征、缺失、准不准",
        "look whether champions drift: scores, features, what is missing, how right they were",
    )
)
def watch(
    *keys: Annotated[
        str, Parameter(help=words("模型的键；不写：所有已上任的", "models; without: all with a champion"))
    ],
    as_json: AsJson = False,
) -> None:
    """Look at champions now."""
    watching_cli.watch(keys, as_json)


@app.command(help=words("一个人的评分与理由", "the score of a person, and why"))
def explain(
    key: Key,
    person: Annotated[str, Parameter(help=words("用户号", "id of the person"))],
    category: Annotated[str, Parameter(help=words("品类，如 washer", "category, like washer"))] = "",
    *,
    as_json: AsJson = False,
) -> None:
    """Show what adds most to a person's score."""
    from zerodistance.core.models import api

    home, who, lang = command.home(), command.who(), command.lang()
    found = api.explain(home, who, key, api.number_of(home, who, person), category)
    if as_json:
        command.say_json(found)
        return
    command.tell(
        Text("{score} 分，可能性 {chance}", "{score} points, a chance of {chance}"),
        score=f"{found.score:.1f}",
        chance=f"{found.chance:.2%}",
    )
    for label, said in found.about:
        command.tell(Text("{label}：{said}", "{label}: {said}"), label=label.get(lang), said=said.get(lang))
    table = _table(Text("理由", "reason"), Text("值", "value"), Text("加分", "adds"))
    for one in found.reasons:
        value = "–" if one.value is None else f"{one.value:,.1f}"
        table.add_row(one.label.get(lang), value, f"{one.points:+.2f}")
    command.show(table)


@app.command(
    help=words("替一个人对评分提出申诉", "file an appeal of a person against a score that grants service")
)
def appeal(
    key: Key,
    person: Annotated[str, Parameter(help=words("用户号", "id of the person"))],
    ground: Annotated[
        str,
        Parameter(
            help=words(
                "理由：records_wrong、somebody_else、good_reason、long_ago",
                "the ground: records_wrong, somebody_else, good_reason, long_ago",
            )
        ),
    ],
    category: Annotated[str, Parameter(help=words("品类", "category"))] = "",
) -> None:
    """File an appeal."""
    from zerodistance.core.models import api
    from zerodistance.core.models import appeals as room

    home, who = command.home(), command.who()
    number = room.file(home, who, api.model(key), api.number_of(home, who, person), ground, category)
    command.tell(
        Text("申诉 {number} 已提交，由另一个人来决定", "appeal {number} is filed; somebody else decides it"),
        number=number,
    )


@app.command(help=words("列出申诉", "list appeals"))
def appeals(
    *,
    waiting: Annotated[
        bool, Parameter(negative="", help=words("只列待决的", "only those that wait for a decision"))
    ] = False,
    as_json: AsJson = False,
) -> None:
    """List the appeals."""
    from zerodistance.core.models import appeals as room

    found, lang = room.listed(command.home(), command.who(), waiting=waiting), command.lang()
    if as_json:
        command.say_json(found)
        return
    if not found:
        command.tell(Text("没有申诉", "there are no appeals"))
        return
    table = _table(
        Text("编号", "number"), Text("模型", "model"), Text("理由", "ground"), Text("状态", "state"), Text("不低于", "not below"),
        Text("到", "until"),
    )  # fmt: skip
    for one in found:
        table.add_row(
            str(one.number),
            f"{one.model} {one.target}".rstrip(),
            room.GROUNDS[one.ground].get(lang),
            room.STATES[one.state].get(lang),
            "–" if one.least is None else f"{one.least:.0f}",
            "–" if one.until is None else f"{clock.from_micros(one.until):%Y-%m-%d}",
        )
    command.show(table)


@app.command(help=words("决定一件申诉；提交的人不能自己决定", "decide an appeal; whoever filed it can't"))
def decide(
    number: Annotated[int, Parameter(help=words("申诉的编号", "number of the appeal"))],
    *,
    least: Annotated[
        float | None,
        Parameter(
            help=words("评分不低于多少；不写：驳回", "the score does not fall below; without: refused")
        ),
    ] = None,
    days: Annotated[int, Parameter(help=words("多少天", "for how many days"))] = 365,
) -> None:
    """Grant or refuse."""
    from zerodistance.core.models import appeals as room

    room.decide(command.home(), command.who(), number, least, days)
    command.tell(Text("申诉 {number} 已决定", "appeal {number} is decided"), number=number)


def _say(found: Version, *, as_json: bool) -> None:
    if as_json:
        command.say_json(found)
        return
    lang = command.lang()
    command.tell(
        Text(
            "{key} 第 {number} 版（{kind}）：用 {trained} 的特征训练，{rows} 人、{came} 人发生；用 {seen} 的特征评估，{later} 人、{also} 人发生",
            "version {number} of {key} ({kind}): trained with the features of {trained}, {rows} persons, of whom {came} did;"
            " evaluated with those of {seen}, {later} persons, of whom {also} did",
        ),
        key=found.model,
        number=found.number,
        kind=found.kind,
        trained=f"{clock.from_micros(found.trained_as_of):%Y-%m-%d}",
        seen=f"{clock.from_micros(found.evaluated_as_of):%Y-%m-%d}",
        rows=f"{found.rows:,}",
        came=f"{found.came:,}",
        later=f"{found.evaluated_rows:,}",
        also=f"{found.evaluated_came:,}",
    )
    table = _table(Text("衡量", "measure"), Text("值（95% 区间）", "value (95 % interval)"))
    for name, label in _measures([found]):
        table.add_row(label.get(lang), _figure(found, name))
    command.show(table)


def _measures(versions: Sequence[Version]) -> list[tuple[str, Text]]:
    """Return the measures that there are, those of the rules of thumb after each."""
    from zerodistance.core.models.card import MEASURES

    there = {name for one in versions for name in one.figures}
    known = [name for name in MEASURES if name in there]
    plain = sorted(name for name in there if name not in MEASURES and not name.startswith("rules_"))
    found = []
    for name in (*known, *plain):
        label = MEASURES.get(name, Text(name, name))
        found.append((name, label))
        if (rules := f"rules_{name}") in there:
            found.append((rules, Text(f"  经验规则：{label.zh}", f"  rules of thumb: {label.en}")))
    return found


def _figure(version: Version, name: str) -> str:
    if name not in version.figures:
        return "–"
    one = version.figures[name]
    return f"{one['value']:.3f} ({one['low']:.3f}–{one['high']:.3f})"


def _table(*heads: Text) -> Any:
    table = Table(box=None, pad_edge=False)
    for n, head in enumerate(heads):
        table.add_column(head.get(command.lang()), justify="left" if n < 2 else "right")
    return table
