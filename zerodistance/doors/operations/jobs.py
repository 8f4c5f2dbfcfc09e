"""What operations does by itself: looking at sizes, and letting old alerts go."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import delete, select

from zerodistance.doors.operations import disk, store
from zerodistance.kernel import clock
from zerodistance.kernel.home import Home
from zerodistance.kernel.jobs import Job
from zerodistance.kernel.text import Text

ALERT_DAYS = 365  # own value: how long alerts that are over are kept


def expire(home: Home) -> None:
    """Remove alerts that were closed longer ago than `ALERT_DAYS`, and what was sent of them."""
    before = clock.micros() - ALERT_DAYS * clock.MICROS_PER_DAY
    a, d = store.alert, store.delivery
    with home.state.write() as tx:
        old = select(a.c.id).where(a.c.closed_at < before)
        tx.execute(delete(d).where(d.c.alert.in_(old)))
        tx.execute(delete(a).where(a.c.closed_at < before))


JOBS = (
    Job(
        "operations.sizes",
        timedelta(hours=1),
        disk.sample,
        Text("记下各存储的大小", "note how large every store is"),
    ),
    Job(
        "operations.expire",
        timedelta(days=1),
        expire,
        Text("清除很久以前的告警", "let alerts of long ago go"),
    ),
)
