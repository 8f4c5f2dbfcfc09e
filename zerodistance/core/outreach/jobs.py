"""What outreach does again and again."""

from __future__ import annotations

from datetime import timedelta

from zerodistance.core.outreach import limits, returned, suppression
from zerodistance.core.outreach.channels import store
from zerodistance.core.outreach.sends import store as sends
from zerodistance.kernel import clock
from zerodistance.kernel.home import Home
from zerodistance.kernel.jobs import Job
from zerodistance.kernel.text import Text


def _match(home: Home) -> None:
    suppression.catch_up(home)


def _collect(home: Home) -> None:
    returned.collect(home)


_SLICE = 10_000
_REFERENCE_DAYS = 30  # own value: a gateway that has said nothing for so long says nothing any more


def _expire(home: Home) -> None:
    now = clock.micros()
    with home.state.write() as tx:
        store.drop_references(tx, now - _REFERENCE_DAYS * clock.MICROS_PER_DAY)
        store.drop_early(tx, now - clock.MICROS_PER_DAY)
        store.drop_inbox(tx, now)
    limits.expire(home)
    before = now - home.settings.message_days * clock.MICROS_PER_DAY
    dropped = _SLICE
    while dropped == _SLICE:  # a slice at a time: nobody waits long for it
        with home.state.write() as tx:
            dropped = sends.drop_settled(tx, before, _SLICE)


JOBS = (
    Job(
        "outreach.returned",
        timedelta(minutes=1),
        _collect,
        Text("取回退信", "reading what came back by mail"),
    ),
    Job(
        "outreach.expire",
        timedelta(days=1),
        _expire,
        Text(
            "清理过期的消息、站内信和频控记录",
            "removing messages, letters of the inbox and contacts whose time is over",
        ),
        at_once=False,
    ),
    Job(
        "outreach.suppressed",
        timedelta(minutes=1),
        _match,
        Text("对照禁发名单", "matching lists of suppressed addresses"),
    ),
)
