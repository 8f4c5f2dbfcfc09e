"""`zerodistance experiments`: plan, create, assign, look at results, book costs, hold out of everything."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter

from zerodistance.kernel import clock, command
from zerodistance.kernel.command import words
from zerodistance.kernel.text import Text

if TYPE_CHECKING:
    from zerodistance.core.measurement.contracts import Goal

app = App(
    name="experiments",
    help=words("实验：对照组、分组、提升", "experiments: holdouts, assignments, lift"),
)
Key = Annotated[
    str, Parameter(help=words("实验的键，也是活动的键", "key of the experiment, and of the campaign"))
]
Kind = Annotated[
    str,
    Parameter(
        help=words(
            "目标：一种交互，如 order.line，或一族，如 order.*",
            "goal: a kind of touch like order.line, or a family like order.*",
        )
    ),
]
Days = Annotated[int, Parameter(help=words("分组后多少天内算", "days after the assignment that count"))]
Category = Annotated[
    str | None, Parameter(help=words("只算这个品类及其下级", "only this category and those below it"))
]
Product = Annotated[str | None, Parameter(help=words("只算这个产品", "only this product"))]
Place = Annotated[str | None, Parameter(help=words("只算这个地点", "only this place"))]
Money = Annotated[bool, Parameter(negative="", help=words("也量金额", "measure money too"))]
Audience = Annotated[int | None, Parameter(help=words("计划多少人", "how many persons it is planned for"))]
Held = Annotated[float | None, Parameter(help=words("留作对照的份额，如 0.1", "share held out, like 0.1"))]
Base = Annotated[
    float | None,
    Parameter(
        help=words(
            "不联系时的达成率；不写：取所有人最近一个窗口的",
            "rate without contact; without: that of everybody in the last window",
        )
    ),
]
Detect = Annotated[
    float | None,
    Parameter(help=words("要看得出的提升，0.1 是多一成", "lift that has to be found, 0.1: a tenth more")),
]
Power = Annotated[float, Parameter(help=words("看得出的机会", "with what chance"))]
Anyway = Annotated[bool, Parameter(negative="", help=words("看不出也照做", "even if it can't be found"))]
Zh = Annotated[str, Parameter("--zh", help=words("中文名", "name in Chinese"))]
En = Annotated[str, Parameter("--en", help=words("英文名", "name in English"))]
AsJson = Annotated[bool, Parameter("--json", negative="", help=words("以 JSON 输出", "print JSON"))]


@app.command(name="list", help=words("列出实验", "list experiments"))
def list_(*, as_json: AsJson = False) -> None:
    """List the experiments as they were last looked at."""
    from zerodistance.core.measurement import api, printing, saying_cli
    from zerodistance.core.measurement.plain import plain

    found, lang = api.seen(command.home(), command.who()), command.lang()
    if as_json:
        command.say_json([plain(one) for one in found])
        return
    shown = saying_cli.table(
        Text("键", "key"), Text("名称", "name"), Text("人数", "persons"), Text("对照", "held out"), Text("提升", "lift"),
        Text("p（一起看）", "p (together)"),
    )  # fmt: skip
    for one in found:
        made = one.experiment
        shown.add_row(
            made.key,
            made.name.get(lang),
            f"{made.persons:,}",
            f"{made.held:,}",
            printing.share(one.lift),
            "–" if one.p is None else f"{one.p:.3f}",
        )
    command.show(shown)


@app.command(help=words("算一个实验能看出什么", "work out what an experiment could find"))
def plan(
    kind: Kind,
    audience: Annotated[int, Parameter(help=words("多少人", "how many persons"))],
    *,
    days: Days = 28,
    category: Category = None,
    product: Product = None,
    place: Place = None,
    share_held: Held = None,
    base_rate: Base = None,
    detect: Detect = None,
    power: Power = 0.8,
    anyway: Anyway = False,
    as_json: AsJson = False,
) -> None:
    """Say what could be found; refuse what can't."""
    from zerodistance.core.measurement import api, saying_cli
    from zerodistance.core.measurement.plain import plain as form

    found = api.plan(
        command.home(), command.who(), _goal(kind, days, category, product, place, money=False), audience,
        share_held=share_held, base_rate=base_rate, detect=detect, power=power, anyway=anyway,
    )  # fmt: skip
    if as_json:
        command.say_json(form(found))
        return
    saying_cli.say_plan(found)


@app.command(help=words("新建实验", "create an experiment"))
def create(
    key: Key,
    kind: Kind,
    *,
    zh: Zh,
    en: En,
    days: Days = 28,
    category: Category = None,
    product: Product = None,
    place: Place = None,
    money: Money = False,
    audience: Audience = None,
    purpose: Annotated[
        str, Parameter(help=words("目的：marketing、service、research", "marketing, service or research"))
    ] = "marketing",
    unit: Annotated[int | None, Parameter(help=words("小微的编号", "number of the unit"))] = None,
    share_held: Held = None,
    stratify: Annotated[
        list[str] | None,
        Parameter(help=words("按维度分层", "dimensions within whose nodes the share is held")),
    ] = None,
    score: Annotated[
        str | None,
        Parameter(
            help=words("排序用的维度，画增益曲线", "dimension that orders persons, for the uplift curve")
        ),
    ] = None,
    channel: Annotated[str | None, Parameter(help=words("渠道", "channel"))] = None,
    base_rate: Base = None,
    detect: Detect = None,
    power: Power = 0.8,
    anyway: Anyway = False,
    as_json: AsJson = False,
) -> None:
    """Create an experiment."""
    from zerodistance.core.measurement import api, saying_cli

    made = api.create(
        command.home(), command.who(), key, Text(zh, en), _goal(kind, days, category, product, place, money=money),
        audience=audience, purpose=purpose, unit=unit, share_held=share_held, stratify=stratify or (), score=score,
        channel=channel, base_rate=base_rate, detect=detect, power=power, anyway=anyway,
    )  # fmt: skip
    saying_cli.say_made(made, as_json=as_json)


@app.command(
    help=words(
        "从现在起把一部分人留在所有营销之外", "hold a share of everybody out of all marketing from now on"
    )
)
def hold(
    key: Key,
    kind: Kind,
    share: Annotated[float, Parameter(help=words("份额，如 0.05", "share, like 0.05"))],
    *,
    zh: Zh,
    en: En,
    days: Days = 365,
    category: Category = None,
    money: Money = False,
    as_json: AsJson = False,
) -> None:
    """Begin a global holdout; the one that was there ends."""
    from zerodistance.core.measurement import api, saying_cli

    goal = _goal(kind, days, category, None, None, money=money)
    made = api.hold_globally(command.home(), command.who(), key, Text(zh, en), goal, share)
    saying_cli.say_made(made, as_json=as_json)


@app.command(help=words("给一个人群分组", "assign who is in a segment"))
def assign(
    key: Key,
    segment: Annotated[str, Parameter(help=words("人群的键", "key of the segment"))],
    *,
    because: Annotated[
        str | None,
        Parameter(
            help=words("只限服务：不留对照组，以及为什么", "of service alone: hold nobody out, and why")
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Draw the lots; asked again the answer is the same."""
    from zerodistance.core.measurement import api

    made = api.assign_segment(command.home(), command.who(), key, segment, without_holdout_because=because)
    said: dict[str, Any] = {
        "experiment": made.experiment, "number": made.number, "treated": len(made.treated), "held": len(made.held),
        "again": made.again, "everywhere": made.everywhere,
    }  # fmt: skip
    if as_json:
        command.say_json(said)
        return
    command.tell(
        Text(
            "第 {number} 次分组：{treated} 人可以联系，{held} 人留作对照（其中 {everywhere} 人不接收任何营销）；{again} 人以前分过",
            "assignment {number}: {treated} may be contacted, {held} are held out (of them {everywhere} of all marketing); {again} had been assigned before",
        ),
        **{name: f"{value:,}" if isinstance(value, int) else value for name, value in said.items()},
    )


@app.command(help=words("看一个实验", "look at an experiment"))
def show(key: Key, *, as_json: AsJson = False) -> None:
    """Show how an experiment is put."""
    from zerodistance.core.measurement import api, printing, saying_cli

    made = api.experiment(command.home(), command.who(), key)
    if as_json:
        saying_cli.say_made(made, as_json=True)
        return
    lang = command.lang()
    command.tell(Text("{name}（{key}）", "{name} ({key})"), name=made.name.get(lang), key=made.key)
    command.tell(Text("目标：{goal}", "goal: {goal}"), goal=printing.goal(made.goal).get(lang))
    if made.plan is not None:
        saying_cli.say_plan(made.plan)
    command.tell(
        Text("分过 {persons} 人，{held} 人留作对照", "{persons} were assigned, {held} of them held out"),
        persons=f"{made.persons:,}",
        held=f"{made.held:,}",
    )


@app.command(help=words("结果：提升与区间", "the result: lift with its intervals"))
def result(
    key: Key,
    *,
    until: Annotated[
        str | None, Parameter(help=words("截至的时刻", "as of a moment, like 2026-11-01T08:00+08:00"))
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show what came of an experiment."""
    from zerodistance.core.measurement import api, saying_cli
    from zerodistance.core.measurement.plain import plain as form

    found = api.result(command.home(), command.who(), key, until=_until(until))
    if as_json:
        command.say_json(form(found))
        return
    saying_cli.say_result(found)


@app.command(
    name="global",
    help=words("全局对照组：所有联系加起来有什么用", "the global holdout: what all contact does"),
)
def global_(*, as_json: AsJson = False) -> None:
    """Show what all contact does."""
    from zerodistance.core.measurement import api, saying_cli
    from zerodistance.core.measurement.plain import plain as form

    found = api.global_holdout(command.home(), command.who())
    if as_json:
        command.say_json(form(found))
        return
    saying_cli.say_result(found)


@app.command(help=words("把结果写成 CSV", "write the result as CSV"))
def export(
    key: Key,
    *,
    to: Annotated[
        Path | None, Parameter(help=words("文件；不写：屏幕", "a file; without: the screen"))
    ] = None,
) -> None:
    """Write the result as CSV."""
    from zerodistance.core.measurement import api

    if to is None:
        api.export(command.home(), command.who(), key, sys.stdout)
        return
    with to.open("w", encoding="utf-8", newline="") as file:
        api.export(command.home(), command.who(), key, file)


@app.command(help=words("不再分组；已分的继续量", "assign nobody any more; what was assigned is measured on"))
def end(key: Key) -> None:
    """End an experiment."""
    from zerodistance.core.measurement import api

    api.end(command.home(), command.who(), key)
    command.tell(Text("实验 {key} 已结束分组", "nobody is assigned to {key} any more"), key=key)


@app.command(help=words("记一笔花费，或列出已记的", "book a cost, or list those booked"))
def cost(
    key: Key,
    amount: Annotated[
        float | None, Parameter(help=words("金额；不写：列出", "amount; without: list"))
    ] = None,
    what: Annotated[str, Parameter(help=words("用途", "what it is for"))] = "",
    *,
    per_message: Annotated[
        bool, Parameter(negative="", help=words("每条消息的单价", "the price of each message"))
    ] = False,
    channel: Annotated[str | None, Parameter(help=words("只算这个渠道", "of this channel only"))] = None,
    as_json: AsJson = False,
) -> None:
    """Book a cost."""
    from zerodistance.core.measurement import api, saying_cli
    from zerodistance.core.measurement.plain import plain as form

    home, who, lang = command.home(), command.who(), command.lang()
    if amount is None:
        booked = api.costs(home, who, key)
    else:
        booked = api.cost(home, who, key, amount, what, per_message=per_message, channel=channel)
    if as_json:
        command.say_json(form(list(booked)))
        return
    shown = saying_cli.table(Text("用途", "what"), Text("渠道", "channel"), Text("金额", "amount"))
    each = Text("每条", "a message").get(lang)
    for one in booked:
        shown.add_row(
            one.what, one.channel or "–", f"{one.amount:,.2f}" + (f" / {each}" if one.per_message else "")
        )
    command.show(shown)


@app.command(
    help=words(
        "没有抽签的对比能说什么、不能说什么", "what a comparison without a lot says, and what it can't"
    )
)
def joint(
    exposed: Annotated[int, Parameter(help=words("看过的人数", "persons exposed"))],
    bought: Annotated[int, Parameter(help=words("其中买了的", "of them, who bought"))],
    *,
    others: Annotated[int | None, Parameter(help=words("没看过的人数", "persons not exposed"))] = None,
    others_bought: Annotated[int | None, Parameter(help=words("其中买了的", "of them, who bought"))] = None,
    as_json: AsJson = False,
) -> None:
    """Report a comparison that nobody randomised."""
    from zerodistance.core.measurement import api
    from zerodistance.core.measurement.plain import plain as form

    found, lang = api.joint(exposed, bought, others, others_bought), command.lang()
    if as_json:
        command.say_json(form(found))
        return
    for head, some in (
        (Text("可以说", "can be said"), found.can),
        (Text("不能说", "can't be said"), found.cannot),
    ):
        command.tell(Text("{head}：", "{head}:"), head=head.get(lang))
        for one in some:
            command.tell(Text("  · {one}", "  · {one}"), one=one.get(lang))


def _goal(
    kind: str, days: int, category: str | None, product: str | None, place: str | None, *, money: bool
) -> Goal:
    from zerodistance.core.measurement.contracts import Goal, Value

    return Goal(kind, days, category, product, place, Value.AMOUNT if money else Value.TOUCHES)


def _until(given: str | None) -> int | None:
    from datetime import datetime

    if given is None:
        return None
    at = datetime.fromisoformat(given)
    return clock.to_micros(at if at.tzinfo else at.replace(tzinfo=command.settings().tz))
