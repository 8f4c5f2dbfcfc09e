"""What campaigns do by themselves: every running one is taken as far as it can go now."""

from __future__ import annotations

from datetime import timedelta

from zerodistance.apps.marketing.campaigns import running
from zerodistance.kernel.jobs import Job
from zerodistance.kernel.text import Text

JOBS = (
    Job(
        "marketing.advance",
        timedelta(minutes=1),
        running.advance,
        Text("推进活动：谁进入、谁到了下一步", "take campaigns on: who enters, who is due for a step"),
        at_once=False,
    ),
)
