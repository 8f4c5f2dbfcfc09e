"""`zerodistance outreach`: who may be written to and with what, sends and their channels."""

from __future__ import annotations

from cyclopts import App

from zerodistance.core.outreach import speaking_cli
from zerodistance.kernel.command import words

app = App(
    name="outreach",
    help=words("触达：同意、频控、模板、发送、渠道", "consent, limits, templates, sends, channels"),
)
speaking_cli.add_to(app)
