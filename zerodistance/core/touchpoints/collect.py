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
from zerodistance.kernel.home import Home
from zerodistance.kernel.state import upsert

HOUR = 3_600 * clock.MICROS_PER_SECOND
MISS_SECONDS = (
    0.2  # own value: an unknown key waits for the next look at the table, and there are five a second at most
)
NOBODY = 0
"""The source number under which is counted what no source can be named for."""


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

    def sources(self) -> list[Source]:
        """Return every source as of the last look."""
        return list(self._by_key.values())

    def any_allows(self, origin: str) -> bool:
        """Say whether some source that is on takes touches from pages of this origin."""
        return any(
            s.off_at is None and rules.origin_allowed(origin, s.origins) for s in self._by_key.values()
        )


class Allowance:
    """Bytes of bodies that are kept although they are refused: so many of each source in an hour, and no more.

    Used from the event loop of one door.
    """

    def __init__(self, most: int, largest: int) -> None:
        self._most, self._largest = most, largest
        self._hour, self._used = 0, Counter[int]()

    def take(self, source: int, size: int) -> bool:
        """Say whether a body of this size may be kept, and count it if it may."""
        now = clock.micros()
        if now - now % HOUR != self._hour:
            self._hour, self._used = now - now % HOUR, Counter()
        if size > self._largest or self._used[source] + size > self._most:
            return False
        self._used[source] += size
        return True


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

    def add(self, source: int, counter: str, value: int = 1) -> None:
        """Count something else, now."""
        now = clock.micros()
        with self._lock:
            self._counts[source, now - now % HOUR, counter] += value

    def pending(self, source: int) -> int:
        """Return the events of a source that were accepted and are not yet written down."""
        with self._lock:
            return sum(
                value
                for (number, _, counter), value in self._counts.items()
                if number == source and counter == "door_events"
            )

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
