"""`zerodistance outreach channels` and `outreach bounce`: by which ways messages go, and what comes back."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter
from rich.table import Table

from zerodistance.kernel import clock, command
from zerodistance.kernel.command import words
from zerodistance.kernel.text import Text

app = App(
    name="channels",
    help=words("渠道：邮件、短信、网络回调、站内信", "channels: e-mail, text message, webhook, inbox"),
)
Name = Annotated[
    str, Parameter(help=words("渠道：email、sms、webhook、inbox", "channel: email, sms, webhook, inbox"))
]
_TRY_LATER = 75  # EX_TEMPFAIL of sysexits(3)
AsJson = Annotated[bool, Parameter("--json", negative="", help=words("以 JSON 输出", "print JSON"))]


@app.command(
    name="list",
    help=words("列出渠道和近 7 天听到的回执", "list channels, and what was heard of them in 7 days"),
)
def list_(*, as_json: AsJson = False) -> None:
    """List the channels."""
    from zerodistance.core.outreach.channels import setting
    from zerodistance.core.outreach.contracts import CHANNELS
    from zerodistance.core.outreach.receipts import HEARD

    lang = command.lang()
    found = setting.channels(command.home(), command.who())
    if as_json:
        command.say_json(
            [
                {
                    "name": one.name,
                    "on": one.is_on,
                    "problem": None if one.problem is None else one.problem.get(lang),
                    "heard": one.heard,
                    "changed_by": one.changed_by,
                    "changed_at": None
                    if one.changed_at is None
                    else clock.from_micros(one.changed_at).isoformat(),
                }
                for one in found
            ]
        )
        return
    table = Table(box=None)
    for head in (Text("渠道", "channel"), Text("状态", "state"), Text("近 7 天", "in 7 days")):
        table.add_column(head.get(lang))
    for one in found:
        state = (
            Text("可用", "on")
            if one.is_on
            else Text("已停用", "off")
            if one.changed_at
            else Text("没设置", "not set up")
        )
        heard = ", ".join(f"{HEARD[what].get(lang)} {many}" for what, many in one.heard.items())
        table.add_row(f"{one.name} ({CHANNELS[one.name].get(lang)})", state.get(lang), heard)
    command.show(table)


@app.command(
    help=words(
        "显示一个渠道的说明；还没有的给出例子",
        "print the description of a channel; an example where there is none",
    )
)
def show(name: Name) -> None:
    """Print the description of a channel, TOML."""
    from zerodistance.core.outreach.channels import setting
    from zerodistance.core.outreach.channels.examples import EXAMPLES

    one = setting.channel(command.home(), command.who(), name)
    print(one.said or EXAMPLES[one.name].get(command.lang()), end="")


@app.command(
    name="set",
    help=words("按 TOML 文件设置一个渠道并启用", "describe a channel by a TOML file, and switch it on"),
)
def set_(
    name: Name,
    file: Annotated[Path, Parameter(help=words("TOML 文件；- 为标准输入", "TOML file; -: what is typed"))],
) -> None:
    """Describe a channel."""
    from zerodistance.core.outreach.channels import setting

    text = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
    one = setting.set_channel(command.home(), command.who(), name, text)
    command.tell(Text(f"{one.name} 已设置并启用", f"{one.name} is set up and switched on"))


@app.command(help=words("启用", "switch a channel on"))
def on(name: Name) -> None:
    """Switch a channel on."""
    from zerodistance.core.outreach.channels import setting

    setting.switch(command.home(), command.who(), name, on=True)
    command.tell(Text(f"{name} 已启用", f"{name} is on"))


@app.command(help=words("停用：排队的消息等着", "switch a channel off: what is queued waits"))
def off(name: Name) -> None:
    """Switch a channel off."""
    from zerodistance.core.outreach.channels import setting

    setting.switch(command.home(), command.who(), name, on=False)
    command.tell(Text(f"{name} 已停用，排队的消息等着", f"{name} is off; what is queued waits"))


@app.command(help=words("去掉一个渠道的说明", "take the description of a channel away"))
def remove(name: Name) -> None:
    """Take a description away."""
    from zerodistance.core.outreach.channels import setting

    setting.remove(command.home(), command.who(), name)
    command.tell(Text(f"{name} 的说明已去掉", f"the description of {name} is taken away"))


@app.command(help=words("检查通不通，不发消息", "look whether a channel works, without sending anything"))
def check(name: Name) -> int:
    """Look whether a channel works; ends with 1 if something is wrong."""
    from zerodistance.core.outreach.channels import setting

    found = setting.check(command.home(), command.who(), name)
    for one in found or [Text("没有问题", "nothing is wrong")]:
        command.tell(one)
    return int(bool(found))


@app.command(
    name="try", help=words("给自己的地址发一条测试消息", "send a test message to an address of your own")
)
def try_(name: Name, to: Annotated[str, Parameter(help=words("地址", "the address"))]) -> int:
    """Send a test message; ends with 1 if it was not taken."""
    from zerodistance.core.outreach.channels import setting

    tried = setting.try_out(command.home(), command.who(), name, to)
    said = " · ".join(part for part in (tried.outcome, tried.code, tried.detail) if part)
    command.tell(Text(said, said))
    return int(tried.outcome != "accepted")


def bounce(
    *,
    folder: Annotated[
        bool,
        Parameter(
            "--folder",
            negative="",
            help=words("取一次设置里的退信目录", "read the folder of the description once"),
        ),
    ] = False,
) -> int:
    """Take one mail that came back from what is typed, as a mail server pipes it; or read the folder of bounces once.

    Ends with 75 (try again later) when the state is away, so that a mail server keeps the mail.
    """
    from zerodistance.core.outreach import answers, returned
    from zerodistance.kernel.errors import ZeroDistanceError

    try:
        home = command.home()
        if folder:
            many = returned.collect(home)
            command.tell(Text(f"{many} 封说到了我们的消息", f"{many} told something of our messages"))
            return 0
        back = answers.take_mail(home, sys.stdin.buffer.read())
    except ZeroDistanceError as error:
        if error.retry:
            print(error.message(command.lang()), file=sys.stderr)
            return _TRY_LATER
        raise
    said = str(back.state or back.what)
    command.tell(Text(said, said))
    return 0
