"""How fast a channel may go, all senders together: a bucket of messages that fills with time."""

from __future__ import annotations

from sqlalchemy import Connection, select

from zerodistance.core.outreach.sends.store import pace
from zerodistance.kernel.state import upsert

_BACK = 5_000_000  # own value: microseconds by which clocks differ at most; more, and the clock was set back


def tokens(tx: Connection, channel: str, rate: float, now: int) -> float:
    """Return how many messages of a channel may go now: as many as its rate gives since, a second's worth at most."""
    row = tx.execute(select(pace).where(pace.c.channel == channel)).mappings().first()
    if row is None:
        return max(1.0, rate)
    since = max(0, now - row["told_at"]) / 1_000_000
    if row["told_at"] > now + _BACK:
        return max(1.0, rate)
    return float(min(max(1.0, rate), row["tokens"] + since * rate))


def set_tokens(tx: Connection, channel: str, left: float, now: int) -> None:
    """Keep how many messages of a channel may still go."""
    put = upsert(pace).values(channel=channel, tokens=left, told_at=now)
    tx.execute(put.on_conflict_do_update(index_elements=["channel"], set_={"tokens": left, "told_at": now}))
