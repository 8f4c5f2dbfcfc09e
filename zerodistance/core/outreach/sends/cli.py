"""`zerodistance outreach sends` and `outreach work`: what is sent to whom, how far it is, and senders beside the worker."""

from __future__ import annotations

import signal
import sys
import threading
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter
from rich.table import Table

from zerodistance.kernel import clock, command
from zerodistance.kernel.command import words
from zerodistance.kernel.errors import Invalid
from zerodistance.kernel.text import Text

if TYPE_CHECKING:
    from zerodistance.core.outreach.contracts import Sending

AsJson = Annotated[bool, Parameter("--json", negative="", help=words("以 JSON 输出", "print JSON"))]
Number = Annotated[int, Parameter(help=words("发送的编号", "number of the send"))]
Why = Annotated[str, Parameter(help=words("原因", "why"))]
sends_app = App(name="sends", help=words("发送：发给谁、到哪一步、停止", "sends: to whom, how far, stop"))
_PAUSE = 0.2


@sends_app.command(name="list", help=words("列出发送", "list sends"))
def list_(
    *,
    experiment: Annotated[
        str | None, Parameter(help=words("只看这个实验的", "of this experiment only"))
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the newest sends."""
    from zerodistance.core.outreach.contracts import MESSAGE_STATES, SEND_STATES, MessageState
    from zerodistance.core.outreach.sends import sending

    found, lang = sending.listed(command.home(), command.who(), experiment=experiment), command.lang()
    if as_json:
        command.say_json([as_dict(one) for one in found])
        return
    shown = (
        MessageState.QUEUED,
        MessageState.PAUSED,
        MessageState.SENT,
        MessageState.HELD,
        MessageState.FAILED,
        MessageState.UNKNOWN,
    )
    heads = [
        *(Text("编号", "number"), Text("标识", "key"), Text("实验", "experiment"), Text("模板", "templates")),
        *(Text("状态", "state"), Text("可达", "reach"), *(MESSAGE_STATES[state] for state in shown)),
    ]
    table = Table(*(head.get(lang) for head in heads))
    for one in found:
        ways = ", ".join(f"{way.template} ({way.channel})" for way in one.ways)
        counts = [str(one.many(state)) for state in shown]
        reach = "<" if one.reach is None else str(one.reach)
        table.add_row(
            str(one.number), one.key, one.experiment, ways, SEND_STATES[one.state].get(lang), reach, *counts
        )
    command.show(table)


@sends_app.command(name="show", help=words("查看一次发送", "show a send"))
def show_(number: Number, *, as_json: AsJson = False) -> None:
    """Show how far a send is, and why messages were held back."""
    from zerodistance.core.outreach.sends import sending

    _tell(sending.get(command.home(), command.who(), number), as_json)


@sends_app.command(name="new", help=words("按分组发送", "send to who may be contacted by an assignment"))
def new_(
    experiment: Annotated[str, Parameter(help=words("实验", "experiment"))],
    *templates: Annotated[str, Parameter(help=words("模板，每个渠道一个，先用前面的", "templates, one for each channel, the best first"))],
    key: Annotated[str, Parameter(help=words("发送标识：同一标识只发一次", "key of the send: sent once under one key"))],
    assignment: Annotated[int | None, Parameter(help=words("第几次分组，不写是最近一次", "number of the assignment, the latest unless said"))] = None,
    purpose: Annotated[str, Parameter(help=words("marketing、service 或 research", "marketing, service or research"))] = "marketing",
    value: Annotated[list[str] | None, Parameter(help=words("变量，写作 名=值，可多次", "a variable as NAME=VALUE, again for more"))] = None,
    not_before: Annotated[datetime | None, Parameter(help=words("最早何时", "not before"))] = None,
    not_after: Annotated[datetime | None, Parameter(help=words("最晚何时", "not after"))] = None,
    again: Annotated[bool, Parameter(negative="", help=words("结果不明时重发，只限服务", "service only: again where nobody knows if it went"))] = False,
    as_json: AsJson = False,
) -> None:  # fmt: skip
    """Send to whoever an assignment lets contact."""
    from zerodistance.core.outreach.sends import sending

    home, who = command.home(), command.who()
    receipt = sending.receipt(home, who, experiment, assignment)
    sent = sending.send(
        home, who, receipt, templates, send_key=key, purpose=purpose, values=_values(value or []),
        not_before=_micros(not_before), not_after=_micros(not_after), again=again,
    )  # fmt: skip
    _tell(sent, as_json)


def _values(given: list[str]) -> dict[str, str]:
    found = {}
    for one in given:
        name, equals, value = one.partition("=")
        if not equals:
            raise Invalid(field="--value", given=one, why=Text("写作 名=值", "write NAME=VALUE"))
        found[name.strip()] = value
    return found


def _micros(at: datetime | None) -> int | None:
    if at is None:
        return None
    return clock.to_micros(at if at.tzinfo else at.replace(tzinfo=command.home().settings.tz))


@sends_app.command(
    name="approve", help=words("批准别的账号提交的发送", "approve what another account has asked for")
)
def approve_(number: Number, *, why: Why = "", as_json: AsJson = False) -> None:
    """Approve a send."""
    from zerodistance.core.outreach.sends import sending

    _tell(sending.decide(command.home(), command.who(), number, True, why), as_json)


@sends_app.command(name="refuse", help=words("不批准", "refuse a send"))
def refuse_(number: Number, *, why: Why = "", as_json: AsJson = False) -> None:
    """Refuse a send."""
    from zerodistance.core.outreach.sends import sending

    _tell(sending.decide(command.home(), command.who(), number, False, why), as_json)


@sends_app.command(name="stop", help=words("停止：还没交出的扣下", "stop: what waits is held back"))
def stop_(number: Number, *, why: Why = "", as_json: AsJson = False) -> None:
    """Stop a send."""
    from zerodistance.core.outreach.sends import sending

    _tell(sending.stop(command.home(), command.who(), number, why), as_json)


@sends_app.command(
    name="held",
    help=words("扣下、失败和结果不明的消息，CSV", "messages held back, failed or of unknown outcome, as CSV"),
)
def held_(
    number: Number, *, to: Annotated[Path | None, Parameter(help=words("写到文件", "write to a file"))] = None
) -> None:
    """Write why messages did not go."""
    from zerodistance.core.outreach.sends import sending

    if to is None:
        sending.export(command.home(), command.who(), number, sys.stdout)
        return
    with open(to, "w", encoding="utf-8", newline="") as file:
        many = sending.export(command.home(), command.who(), number, file)
    command.tell(Text("写了 {many} 行到 {to}", "wrote {many} lines to {to}"), many=many, to=to)


def _tell(one: Sending, as_json: bool) -> None:
    from zerodistance.core.outreach.contracts import MESSAGE_STATES, SEND_STATES
    from zerodistance.core.outreach.sends.queue import REASONS

    if as_json:
        command.say_json(as_dict(one))
        return
    lang = command.lang()
    few = Text("不足以显示", "too few to be told")
    command.tell(
        Text("发送 {n}（{key}）：{state}，可联系 {persons}，可达 {reach}", "send {n} ({key}): {state}, {persons} may be contacted, {reach} can be reached"),
        n=one.number, key=one.key, state=SEND_STATES[one.state],
        persons=few if one.persons is None else one.persons, reach=few if one.reach is None else one.reach,
    )  # fmt: skip
    if one.tallies:
        table = Table(
            *(
                head.get(lang)
                for head in (Text("状态", "state"), Text("原因", "reason"), Text("条", "messages"))
            )
        )
        for tally in one.tallies:
            reason = REASONS.get(tally.reason, Text(tally.reason, tally.reason)).get(lang)
            table.add_row(
                MESSAGE_STATES[tally.state].get(lang),
                reason,
                few.get(lang) if tally.many is None else str(tally.many),
            )
        command.show(table)


def as_dict(one: Sending) -> dict[str, Any]:
    """Return a send as JSON has it."""
    plain = {name: getattr(one, name) for name in one.__slots__ if name not in ("ways", "tallies", "values")}
    return {
        **plain,
        "values": dict(one.values),
        "ways": [
            {"channel": way.channel, "template": way.template, "version": way.version} for way in one.ways
        ],
        "messages": [{"state": t.state, "reason": t.reason, "many": t.many} for t in one.tallies],
    }


def work(
    *,
    once: Annotated[
        bool,
        Parameter(
            negative="", help=words("只交出现在到期的，然后结束", "hand over what is due now, then end")
        ),
    ] = False,
) -> None:
    """Hand messages over, beside the worker and other senders: until it is told to stop."""
    from zerodistance.core.outreach.sends.sender import Sender

    sender, stop = Sender(command.home()), threading.Event()
    if once:
        sent = sender.run_due()
        sender.stop(30)
        command.tell(Text("交出 {sent} 条", "handed over {sent} messages"), sent=sent)
        return
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    sender.run(stop, _PAUSE)
    sender.stop(30)
    command.tell(Text("交出 {sent} 条", "handed over {sent} messages"), sent=sender.sent)


def add_to(app: App) -> None:
    """Add the commands to those of the room."""
    app.command(sends_app)
    app.command(
        work,
        name="work",
        help=words(
            "发送进程：与处理进程并行，可以开多个", "a sender beside the worker; as many as one likes"
        ),
    )
