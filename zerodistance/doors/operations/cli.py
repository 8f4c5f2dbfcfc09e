"""`zerodistance alerts`: open and past alerts, acknowledging one, a test message to the webhook."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

from cyclopts import App, Parameter
from rich.table import Table

from zerodistance.kernel import clock, command
from zerodistance.kernel.command import words
from zerodistance.kernel.text import Text

app = App(
    name="alerts", help=words("告警：现在的、过去的、试发", "alerts: open and past ones, a test message")
)
_Json = Annotated[bool, Parameter("--json", negative="", help=words("以 JSON 输出", "print JSON"))]


@app.command(
    name="list",
    help=words("列出未关闭的告警，--past 列出过去的", "list open alerts, with --past those that are over"),
)
def list_(
    *,
    past: Annotated[bool, Parameter(negative="", help=words("列出已结束的", "those that are over"))] = False,
    as_json: _Json = False,
) -> None:
    """List open alerts, with --past those that are over."""
    from zerodistance.doors.operations.alerts import alerts

    home, lang = command.home(), command.lang()
    found = alerts(home, command.who(), closed=past)
    if as_json:
        said = [{**asdict(a), "text": {"zh": a.text.zh, "en": a.text.en}} for a in found]
        command.say_json(said)
        return
    if not found:
        command.tell(Text("没有告警", "no alert"))
        return
    table = Table(box=None, pad_edge=False)
    for head in (
        Text("编号", "id"),
        Text("从", "since"),
        Text("什么事", "what"),
        Text("到", "until"),
        Text("送达", "sent"),
    ):
        table.add_column(head.get(lang))
    for a in found:
        sent = (
            Text("未设接收方", "no receiver")
            if a.delivered_at is None and not a.waiting
            else _sent(a.waiting, a.error)
        )
        table.add_row(f"a{a.id}", _when(a.opened_at), a.text.get(lang), _when(a.closed_at), sent.get(lang))
    command.show(table)


def _sent(waiting: int, error: str | None) -> Text:
    if not waiting:
        return Text("已送达", "sent")
    return Text(f"等待：{error or '…'}", f"waits: {error or '…'}")


def _when(at: int | None) -> str:
    if at is None:
        return "-"
    return f"{clock.from_micros(at).astimezone(command.home().settings.tz):%Y-%m-%d %H:%M}"


@app.command(help=words("认领一个告警：有人在处理", "note that somebody looks after an alert"))
def ack(id: Annotated[str, Parameter(help=words("编号，如 a12", "its id, such as a12"))]) -> None:
    """Note that somebody looks after an alert."""
    from zerodistance.doors.operations.alerts import acknowledge
    from zerodistance.kernel.errors import Invalid

    number = id.removeprefix("a")
    if not number.isdigit():
        raise Invalid(field="id", given=id, why=Text("写作 a12", "write it as a12"))
    acknowledge(command.home(), command.who(), int(number))
    command.tell(Text("已认领 {id}", "{id} is acknowledged"), id=id)


@app.command(help=words("向 alert_webhook 发一条测试消息", "send a test message to alert_webhook"))
def test() -> None:
    """Send a test message to alert_webhook."""
    from zerodistance.doors.operations.webhook import place, send_test

    home = command.home()
    seconds = send_test(home.settings, home)
    command.tell(
        Text("已送达 {place}，用了 {seconds} 秒", "{place} took it in {seconds} s"),
        place=place(home.settings.alert_webhook),
        seconds=f"{seconds:.2f}",
    )
