"""What outreach does again and again."""

from __future__ import annotations

from datetime import timedelta

from zerodistance.core.outreach import suppression
from zerodistance.kernel.home import Home
from zerodistance.kernel.jobs import Job
from zerodistance.kernel.text import Text


def _match(home: Home) -> None:
    suppression.catch_up(home)


JOBS = (
    Job(
        "outreach.suppressed",
        timedelta(minutes=1),
        _match,
        Text("对照禁发名单", "matching lists of suppressed addresses"),
    ),
)
