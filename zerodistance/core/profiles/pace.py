"""How soon the next turn of the index comes: a tenth of a core is its while much comes in, two thirds of one where there is little."""

from __future__ import annotations

import time

_SHARE_OF_TIME = 0.1  # own value: of one core, that keeping the index may take while touches stream in
_MUCH = 3_000  # own value: so many to recompute for each second since the turn before are much
_SOON = 0.25  # own value: seconds to the next turn where there is little, or half as long as it took: followers take in meanwhile what comes next
_MOST = 60.0  # own value: seconds after which a turn comes in any case
_WAIT_FOR_PEOPLE = 0.5  # own value: seconds after a turn at most, while somebody waits for what they decided


class Pace:
    """What the last turn took; times are monotonic seconds."""

    def __init__(self, never: float) -> None:
        self._ended, self._spent, self._much = never, 0.0, False
        self._began: float | None = None

    def took(self, began: float, seen: float, done: int) -> None:
        """Note a turn that ends now: when it began, when what it found was seen, and how many it recomputed since they changed.

        Of the first turn nobody knows how long they had waited: it says nothing of what comes in.
        """
        self._much = self._began is not None and done > _MUCH * (began - self._began)
        self._began, self._ended, self._spent = began, seen, time.monotonic() - began

    def comes(self, now: float, *, waited_for: bool) -> bool:
        """Say whether the time of the next turn has come."""
        pause = min(self._spent * (1 / _SHARE_OF_TIME - 1), _MOST)
        if not self._much:
            pause = min(pause, max(_SOON, self._spent / 2))
        return now - self._ended >= (min(pause, _WAIT_FOR_PEOPLE) if waited_for else pause)
