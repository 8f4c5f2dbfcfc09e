"""What identity does every night: the authoritative rebuild of persons and of households, and letting visitors go."""

from __future__ import annotations

from datetime import timedelta

from zerodistance.core.identity import acts, archive, health, match
from zerodistance.core.identity.households import rebuild as households
from zerodistance.core.identity.rebuild import rebuild
from zerodistance.kernel.home import Home
from zerodistance.kernel.jobs import Job
from zerodistance.kernel.logs import log
from zerodistance.kernel.text import Text


def nightly(home: Home) -> None:
    """Match what was mentioned since the last time, rebuild persons and log the difference."""
    with home.state.read() as tx:
        fresh = match.stale(tx)
    if fresh:
        said = match.match(home)
        log("identity").info(
            "matched",
            mentions=said.mentions,
            links=said.links,
            doubts=said.doubts,
            new=said.new,
            gone=said.gone,
        )
    found = rebuild(home)
    log("identity").info(
        "rebuilt",
        epoch=found.epoch,
        persons=found.persons,
        merged=found.merged,
        split=found.split,
        moved=found.moved,
    )
    health.count(home)


def settle(home: Home) -> None:
    """Rebuild households, after persons, and log the difference."""
    found = households.rebuild(home)
    log("identity").info(
        "households_rebuilt",
        households=found.households,
        members=found.members,
        joined=found.joined,
        left=found.left,
        merged=found.merged,
    )


def expire(home: Home) -> None:
    """Let visitors go who were not here for long."""
    log("identity").info("visitors_expired", subjects=acts.expire_visitors(home))


def seal(home: Home) -> None:
    """Copy new evidence into the lake, and join its small files."""
    if archive.seal(home):
        home.lake.compact(archive.TABLE)


JOBS = (
    Job(
        "identity.archive",
        timedelta(hours=1),
        seal,
        Text("证据写入湖", "copy evidence into the lake"),
        at_once=False,
    ),
    Job(
        "identity.rebuild",
        timedelta(days=1),
        nightly,
        Text("重算谁是谁", "compute persons anew from all evidence"),
        at_once=False,
    ),
    Job(
        "identity.households",
        timedelta(days=1),
        settle,
        Text("重算家庭", "compute households anew, after persons"),
        at_once=False,
    ),
    Job(
        "identity.visitors",
        timedelta(days=1),
        expire,
        Text("清除过期访客", "let visitors go who were not here for long"),
        at_once=False,
    ),
)
