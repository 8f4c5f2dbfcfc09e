"""What profiles does by itself now and then: joining small files, adding up states at night."""

from __future__ import annotations

from datetime import timedelta

from zerodistance.core.profiles import api, states
from zerodistance.kernel.home import Home
from zerodistance.kernel.jobs import Job
from zerodistance.kernel.text import Text


def tidy(home: Home) -> None:
    """Join the small files of the states."""
    states.tidy(home)


def merge(home: Home) -> None:
    """Add up the states of each key and lay those of a subject together."""
    states.merge(home, api.current(home).batch)


JOBS = (
    Job(
        "profiles.tidy", timedelta(minutes=5), tidy, Text("合并小文件", "join small files of profile states")
    ),
    Job(
        "profiles.merge",
        timedelta(days=1),
        merge,
        Text("汇总画像状态", "add up profile states"),
        at_once=False,
    ),
)
