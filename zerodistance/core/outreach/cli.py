"""`zerodistance outreach`: who may be written to and with what, sends and their channels."""

from __future__ import annotations

from cyclopts import App

from zerodistance.core.outreach import speaking_cli
from zerodistance.core.outreach.sends import cli as sends_cli
from zerodistance.kernel.command import words

app = App(
    name="outreach",
    help=words("触达：同意、频控、模板、发送、渠道", "consent, limits, templates, sends, channels"),
)
speaking_cli.add_to(app)
_CHANNELS = "zerodistance.core.outreach.channels_cli"
app.command(
    f"{_CHANNELS}:app",
    name="channels",
    help=words("渠道：邮件、短信、网络回调、站内信", "channels: e-mail, text message, webhook, inbox"),
)
app.command(
    f"{_CHANNELS}:bounce",
    name="bounce",
    help=words(
        "接收一封退回的邮件（由邮件服务器用管道交来）",
        "take one mail that came back, as a mail server pipes it",
    ),
)
sends_cli.add_to(app)
