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


def lay(home: Home) -> None:
    """Write the states once more, those of a subject together, when enough has come in."""
    states.lay(home, anyway=False)


def merge(home: Home) -> None:
    """Add up the states of each key, and write them once more, those of a subject together."""
    if states.merge(home, api.current(home).batch):
        states.lay(home)


JOBS = (
    Job(
        "profiles.tidy", timedelta(minutes=5), tidy, Text("合并小文件", "join small files of profile states")
    ),
    Job(
        "profiles.lay",
        timedelta(minutes=10),
        lay,
        Text("按主体另存画像状态", "lay profile states of a subject together"),
        at_once=False,
    ),
    Job(
        "profiles.merge",
        timedelta(days=1),
        merge,
        Text("汇总画像状态", "add up profile states"),
        at_once=False,
    ),
)
