"""What measurement does by itself: looks every hour how far experiments are."""

from __future__ import annotations

from datetime import timedelta

from zerodistance.core.measurement import api
from zerodistance.kernel.jobs import Job
from zerodistance.kernel.text import Text

JOBS = (
    Job(
        "measurement.look",
        timedelta(hours=1),
        api.look,
        Text("看进行中的实验到哪儿了", "look how far experiments are that are under way"),
        at_once=False,
    ),
)
