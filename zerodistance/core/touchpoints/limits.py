"""How much one source may send: events a second with a burst, and events a day; what is left is told before it runs out."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from math import ceil

from sqlalchemy import func, select

from zerodistance.core.touchpoints import store
from zerodistance.core.touchpoints.contracts import Source
from zerodistance.kernel import clock
from zerodistance.kernel.errors import ZeroDistanceError
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text

Headers = list[tuple[bytes, bytes]]

BURST_SECONDS = 10  # own value: a burst that is not set holds so many seconds of the rate
RESERVE = 10  # own value: one part in ten is kept for clients that never send again
LIMIT, REMAINING, RESET, POLICY = (
    b"x-rate-limit-limit",
    b"x-rate-limit-remaining",
    b"x-rate-limit-reset",
    b"x-rate-limit-policy",
)
"""Headers of an answer; see `told`."""


class OverRate(ZeroDistanceError):
    """A source sends more events a second than it may."""

    code, status, retry = "over_rate", 429, True
    text = Text(
        "来源 {source} 每秒最多 {limit} 条；请在 {retry_after} 秒后再发",
        "the source {source} may send {limit} events a second; send again in {retry_after} s",
    )


class OverDay(ZeroDistanceError):
    """A source has sent as many events today as it may."""

    code, status, retry = "over_day", 429, True
    text = Text(
        "来源 {source} 每天最多 {limit} 条，今天已满；请在 {retry_after} 秒后再发，或请管理员放宽",
        "the source {source} may send {limit} events a day and has; send again in {retry_after} s, or ask for a higher limit",
    )


COUNTERS = {OverRate.code: "door_over_rate", OverDay.code: "door_over_day"}
"""Error code -> counter of requests refused for it, besides `door_429`."""


class Bucket:
    """Tokens that come at a constant rate, up to a burst; one event takes one.

    A request is let through while there is a token, whatever its size, and its events are taken off: a batch larger than the
    burst passes too, and what comes after it waits until the debt is paid. Over time the rate holds.

    Examples
    --------
    >>> bucket = Bucket(rate=10, burst=20, at=0.0)
    >>> bucket.take(50, at=0.0), bucket.take(1, at=1.0), bucket.take(1, at=3.2)
    (0, 3, 0)
    """

    __slots__ = ("_at", "_tokens", "burst", "rate")

    def __init__(self, rate: int, burst: int, at: float) -> None:
        self.rate, self.burst = rate, burst
        self._tokens, self._at = float(burst), at

    def left(self, at: float) -> float:
        """Return the tokens there are, negative while a debt is being paid."""
        self._tokens = min(float(self.burst), self._tokens + max(0.0, at - self._at) * self.rate)
        self._at = at
        return self._tokens

    def wait(self, at: float, least: float = 1.0) -> int:
        """Return after how many whole seconds there are `least` tokens, 0 if there are."""
        return max(0, ceil((least - self.left(at)) / self.rate))

    def take(self, events: int, at: float, least: float = 1.0) -> int:
        """Take the tokens of a request; return 0, or how many seconds it should wait, and then nothing was taken."""
        wait = self.wait(at, least)
        if not wait:
            self._tokens -= events
        return wait


class Limits:
    """What each source has left, in this door's memory.

    The rate holds for one door: several doors of one home let through as much each. The day counts what every door has written
    down, so it holds for all of them, late by the few seconds between two writings.

    Parameters
    ----------
    pending
        Source number -> events accepted here and not yet written down.
    """

    def __init__(self, home: Home, pending: Callable[[int], int]) -> None:
        self._home, self._pending = home, pending
        self._buckets: dict[int, Bucket] = {}
        self._today: Mapping[int, int] = {}
        self._ends_at = 0

    def refresh(self, sources: Iterable[Source]) -> None:
        """Read how much the sources with a limit a day have sent today; called after the counts were written down."""
        numbers = [source.number for source in sources if source.events_per_day is not None]
        now = clock.now().astimezone(self._home.settings.tz)
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
        self._ends_at = clock.to_micros(midnight + timedelta(days=1))
        self._today = used(self._home, numbers, clock.to_micros(midnight)) if numbers else {}

    def admit(self, source: Source, events: int, *, sends_again: bool = True) -> None:
        """Let a request through and count its events; with 0 events only look. The limits of `source` must not both be None.

        Raises
        ------
        OverRate, OverDay
            The source is over its limit; `retry_after` says in how many seconds it may go on.
        """
        daily = source.events_per_day
        if daily is not None and self._left_today(source, daily) <= (0 if sends_again else -daily // RESERVE):
            raise OverDay(source=source.key, limit=daily, retry_after=self._till_tomorrow())
        if source.events_per_second is not None:
            bucket = self._bucket(source, source.events_per_second)
            least = 1.0 if sends_again else 1.0 - max(1.0, bucket.burst / RESERVE)
            wait = bucket.take(events, time.monotonic(), least)
            if wait:
                raise OverRate(source=source.key, limit=source.events_per_second, retry_after=wait)

    def headers(self, source: Source) -> Headers:
        """Return what is left of the limit that is nearest to its end."""
        found: list[tuple[float, Headers]] = []
        if source.events_per_second is not None:
            bucket = self._bucket(source, source.events_per_second)
            left, full = max(0, int(bucket.left(time.monotonic()))), bucket.burst
            found.append((left / full, told("second", full, left, ceil((full - left) / bucket.rate))))
        daily = source.events_per_day
        if daily is not None:
            left = max(0, self._left_today(source, daily))
            found.append((left / daily, told("day", daily, left, self._till_tomorrow())))
        return min(found)[1] if found else []

    def _left_today(self, source: Source, daily: int) -> int:
        return daily - self._today.get(source.number, 0) - self._pending(source.number)

    def _till_tomorrow(self) -> int:
        return max(1, -((clock.micros() - self._ends_at) // clock.MICROS_PER_SECOND))

    def _bucket(self, source: Source, rate: int) -> Bucket:
        burst = source.burst or BURST_SECONDS * rate
        bucket = self._buckets.get(source.number)
        if bucket is None or (bucket.rate, bucket.burst) != (rate, burst):
            bucket = self._buckets[source.number] = Bucket(rate, burst, time.monotonic())
        return bucket


def told(policy: str, limit: int, remaining: int, reset: int) -> Headers:
    """Return the headers that tell a client what is left.

    Parameters
    ----------
    policy
        `second` and `day` count events of the source, `journal` bytes of the door.
    reset
        Seconds after which the whole limit is there again, if nothing more is sent.
    """
    return [
        (LIMIT, b"%d" % limit),
        (REMAINING, b"%d" % remaining),
        (RESET, b"%d" % reset),
        (POLICY, policy.encode()),
    ]


def used(home: Home, numbers: Iterable[int], since: int) -> dict[int, int]:
    """Return source number -> events that the doors have accepted since a moment, microseconds; by whole hours."""
    t = store.source_hour
    wanted = (t.c.source.in_(list(numbers)), t.c.counter == "door_events", t.c.hour >= since)
    query = select(t.c.source, func.sum(t.c.value)).where(*wanted).group_by(t.c.source)
    with home.state.read() as tx:
        return {source: int(events) for source, events in tx.execute(query)}
