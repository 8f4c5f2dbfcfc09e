"""How soon the next turn of the index comes: a tenth of a core is its while much comes in, two thirds of one where there is little."""

from __future__ import annotations

import time

_SHARE_OF_TIME = 0.1  # own value: of one core, that keeping the index may take while touches stream in
_FEW = 5_000  # own value: so many recomputed at a turn are a second or two of little traffic, after which the next turn comes soon
_SOON = 0.25  # own value: so many seconds later, or half as long as it took: followers take in meanwhile what comes next
_WAIT_FOR_PEOPLE = 0.5  # own value: seconds after a turn at most, while somebody waits for what they decided


class Pace:
    """What the last turns took; times are monotonic seconds."""

    def __init__(self, never: float) -> None:
        self._ended, self._spent, self._done = never, 0.0, 0

    def took(self, began: float, seen: float, done: int) -> None:
        """Note a turn that ends now: when it began, when what it found was seen, and how many it recomputed."""
        self._ended, self._done, self._spent = seen, done, time.monotonic() - began

    def comes(self, now: float, *, waited_for: bool) -> bool:
        """Say whether the time of the next turn has come."""
        pause = self._spent * (1 / _SHARE_OF_TIME - 1)
        if self._done <= _FEW:
            pause = min(pause, max(_SOON, self._spent / 2))
        return now - self._ended >= (min(pause, _WAIT_FOR_PEOPLE) if waited_for else pause)
