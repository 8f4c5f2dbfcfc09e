"""The subjects that stand for a device while one of its accounts uses it: found and made by tokens, as all subjects are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from sqlalchemy import Connection

from zerodistance.core.identity.cache import KNOWN, Cache
from zerodistance.kernel import bulk
from zerodistance.kernel.seal import Seal

Pair = tuple[int, int]
"""Subjects of a device and of an account."""


@dataclass
class New:
    """Subjects that a batch is the first to see."""

    slots: list[int] = field(default_factory=list)
    tokens: list[bytes] = field(default_factory=list)


class Stands:
    """Gives the slots of what stands for devices, for one batch.

    Parameters
    ----------
    slots
        Gives the slots of tokens; those that were never seen get a number.
    """

    def __init__(
        self,
        tx: Connection,
        seal: Seal,
        cache: Cache,
        new: New,
        slots: Callable[[Sequence[bytes]], Sequence[int]],
    ) -> None:
        self._tx, self._seal, self._cache, self._new, self._slots = tx, seal, cache, new, slots

    def of(self, pairs: Sequence[Pair]) -> Sequence[int]:
        """Return the slots of the turns of accounts on devices; those never seen are made."""
        if not pairs:
            return []
        token = self._tokens({one for pair in pairs for one in pair})
        keys = [f"{token[device].hex()} {token[account].hex()}" for device, account in pairs]
        return self._slots([self._seal.token("turn", key) for key in keys])

    def known(self, numbers: Sequence[int]) -> Sequence[int]:
        """Return the slots of subjects that the state or this batch knows."""
        wanted = np.array(numbers, np.int64)
        away = wanted[self._cache.slots(wanted) == 0].tolist()
        sql = f"select {KNOWN} from subject where number in {{values}}"
        self._cache.add(list(bulk.among(self._tx, sql, away)))
        found: list[int] = self._cache.slots(wanted).tolist()
        return found

    def _tokens(self, numbers: set[int]) -> dict[int, bytes]:
        """Return the tokens of subjects, those of this batch among them."""
        own = self._cache.subject[self._new.slots].tolist()
        found = dict(zip(own, self._new.tokens, strict=True))
        sql = "select number, token from subject where number in {values}"
        found.update(bulk.among(self._tx, sql, sorted(numbers - found.keys())))
        return found
