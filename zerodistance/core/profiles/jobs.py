"""What profiles does by itself now and then: joining small files, adding up states at night."""

from __future__ import annotations

from datetime import timedelta

from zerodistance.core.identity import api as identity
from zerodistance.core.profiles import api, giving, past, publishing, states
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


def make_whole(home: Home) -> None:
    """Write the tag index as one part, when the changes on top of it have grown heavy."""
    publishing.heavier(home.path("index"), states.lock(home))


def make_pasts(home: Home) -> None:
    """Make the tag indexes of earlier moments that somebody waits for."""
    past.make_wanted(home, identity.People(home))


def expire_pasts(home: Home) -> None:
    """Remove tag indexes of earlier moments that are too old."""
    past.expire(home)


def clear(home: Home) -> None:
    """Remove given values that count no more, and join their small files."""
    giving.tidy(home)


JOBS = (
    Job(
        "profiles.given",
        timedelta(hours=6),
        clear,
        Text("清理不再有效的给定值", "remove given values that count no more"),
        at_once=False,
    ),
    Job(
        "profiles.tidy", timedelta(minutes=5), tidy, Text("合并小文件", "join small files of profile states")
    ),
    Job(
        "profiles.lay",
        timedelta(minutes=3),
        lay,
        Text("按主体另存画像状态", "lay profile states of a subject together"),
        at_once=False,
    ),
    Job(
        "profiles.whole",
        timedelta(minutes=1),
        make_whole,
        Text("重写标签索引", "write the tag index as one part when its changes have grown heavy"),
        at_once=False,
    ),
    Job(
        "profiles.merge",
        timedelta(days=1),
        merge,
        Text("汇总画像状态", "add up profile states"),
        at_once=False,
    ),
    Job(
        "profiles.past",
        timedelta(minutes=1),
        make_pasts,
        Text("制作某一时点的标签索引", "make tag indexes of earlier moments that somebody asked for"),
        at_once=False,
    ),
    Job(
        "profiles.past_expire",
        timedelta(days=1),
        expire_pasts,
        Text("删除过期的时点标签索引", "remove old tag indexes of earlier moments"),
        at_once=False,
    ),
)
