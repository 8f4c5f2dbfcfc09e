"""What the door keeps in memory: which write keys there are, and what it has counted and not yet written down."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence

from zerodistance.core.touchpoints import rules, store
from zerodistance.core.touchpoints.contracts import Source
from zerodistance.kernel import clock
from zerodistance.kernel.errors import ZeroDistanceError
from zerodistance.kernel.home import Home
from zerodistance.kernel.state import upsert
from zerodistance.kernel.text import Text

HOUR = 3_600 * clock.MICROS_PER_SECOND
MISS_SECONDS = (
    0.2  # own value: an unknown key waits for the next look at the table, and there are five a second at most
)
NOBODY = 0
"""The source number under which is counted what no source can be named for."""


class UnknownKey(ZeroDistanceError):
    """No source has the write key that a request names, or it names none."""

    code, status = "unknown_key", 401
    text = Text(
        "写入密钥不存在；可放在 Basic 用户名、正文 writeKey、X-Write-Key 或 ?writeKey=",
        "no source has this write key; give it as the Basic user, `writeKey` in the body, X-Write-Key or ?writeKey=",
    )


class SourceOff(ZeroDistanceError):
    """The source is switched off."""

    code, status = "source_off", 401
    text = Text("来源 {source} 已停用", "the source {source} is switched off")


class OriginNotAllowed(ZeroDistanceError):
    """A browser page of this origin may not send to the source."""

    code, status = "origin_not_allowed", 403
    text = Text(
        "来源 {source} 不接受网页 {origin}；可在来源的允许网页里加上它",
        "the source {source} does not take touches from pages of {origin}; add it to the source's origins",
    )


class InMemoryShort(ZeroDistanceError):
    """More request bytes are on their way than memory is set aside for."""

    code, status, retry = "busy", 429, True
    text = Text("请求太多，请稍后再发", "too much is coming in at once; send again later")


class TooSlow(ZeroDistanceError):
    """A body did not come to its end in time."""

    code, status, retry = "too_slow", 408, True
    text = Text("正文在 {seconds} 秒内没有发完", "the body did not end within {seconds} seconds")


class Keys:
    """Write keys in memory, so that no request asks the database.

    Parameters
    ----------
    load
        Reads every source.
    aside
        Does work in a thread.
    """

    def __init__(
        self,
        load: Callable[[], Sequence[Source]],
        aside: Callable[[Callable[[], None]], Awaitable[None]] = asyncio.to_thread,
    ) -> None:
        self._load, self._aside = load, aside
        self._lock = asyncio.Lock()
        self._by_key: dict[str, Source] = {}
        self._looked_at = float("-inf")
        self.by_header: dict[bytes, Source] = {}
        """Authorization header exactly as unmodified clients send it -> source."""

    def look(self) -> None:
        """Read the sources anew."""
        began = time.monotonic()
        found = {source.write_key: source for source in self._load()}
        self.by_header = {rules.header_value(key): source for key, source in found.items()}
        self._by_key = found
        self._looked_at = began

    def find(self, key: str) -> Source | None:
        """Return the source of a write key as of the last look."""
        return self._by_key.get(key) if len(key) <= rules.MAX_KEY else None

    async def find_fresh(self, keys: Sequence[str]) -> Source | None:
        """Return the source of the first key that has one; a miss waits for a look that began after it was asked."""
        found = next(filter(None, map(self.find, keys)), None)
        if found is not None or not keys:
            return found
        asked = time.monotonic()
        async with self._lock:
            if self._looked_at < asked:
                await asyncio.sleep(max(0.0, self._looked_at + MISS_SECONDS - asked))
                await self._aside(self.look)
        return next(filter(None, map(self.find, keys)), None)

    def any_allows(self, origin: str) -> bool:
        """Say whether some source that is on takes touches from pages of this origin."""
        return any(
            s.off_at is None and rules.origin_allowed(origin, s.origins) for s in self._by_key.values()
        )


class Tally:
    """Counts by source, hour and counter; written into `source_hour` now and then."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._lock = threading.Lock()
        self._counts: Counter[tuple[int, int, str]] = Counter()

    def accept(self, source: int, at: int, events: int, size: int) -> None:
        """Count one accepted request received at `at` (microseconds)."""
        hour = at - at % HOUR
        with self._lock:
            counts = self._counts
            counts[source, hour, "door_200"] += 1
            counts[source, hour, "door_events"] += events
            counts[source, hour, "door_bytes"] += size

    def refuse(self, source: int, status: int) -> None:
        """Count one request answered with `status`."""
        now = clock.micros()
        with self._lock:
            self._counts[source, now - now % HOUR, f"door_{status}"] += 1

    def flush(self) -> None:
        """Add what was counted to the table; if that fails it is kept for the next time."""
        with self._lock:
            counts, self._counts = self._counts, Counter()
        if not counts:
            return
        try:
            with self._home.state.write() as tx:
                statement = upsert(store.source_hour)
                tx.execute(
                    statement.on_conflict_do_update(
                        index_elements=["source", "hour", "counter"],
                        set_={"value": store.source_hour.c.value + statement.excluded.value},
                    ),
                    [
                        {"source": source, "hour": hour, "counter": counter, "value": value}
                        for (source, hour, counter), value in sorted(counts.items())
                    ],
                )
        except BaseException:
            with self._lock:
                self._counts.update(counts)
            raise
