"""What was read from the index and decoded: what was asked for last is kept, within a bound, for all threads of a process."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Any, NamedTuple

from pyroaring import BitMap

from zerodistance.core.profiles.parts import Name
from zerodistance.core.profiles.splits import Split

_MAKERS = 64  # own value: locks that names share
_EACH = 48  # own value: bytes that a container takes beside its own, as measured


class Kept(NamedTuple):
    """Something decoded.

    Attributes
    ----------
    version, stamp
        Of the index that it was read from, and of its last part.
    size
        Bytes.
    """

    version: int
    stamp: int
    value: Any
    size: int


class Decoded:
    """What is kept, least recently asked for first."""

    def __init__(self, limit: int) -> None:
        self._limit, self.size = limit, 0
        self._kept: OrderedDict[tuple[str, Name], Kept] = OrderedDict()
        self._lock = threading.Lock()
        self._making = [threading.RLock() for _ in range(_MAKERS)]

    def limit(self, size: int) -> None:
        """Keep at most so many bytes from now on."""
        with self._lock:
            self._limit = size
            self._shrink()

    def making(self, folder: str, name: Name) -> threading.RLock:
        """Return the lock to hold while something is decoded that is not kept yet."""
        return self._making[hash((folder, name)) % _MAKERS]

    def get(self, folder: str, name: Name) -> Kept | None:
        """Return what is kept of a name."""
        with self._lock:
            found = self._kept.get((folder, name))
            if found is not None:
                self._kept.move_to_end((folder, name))
            return found

    def put(self, folder: str, name: Name, kept: Kept) -> None:
        """Keep what was decoded of a name, unless a newer index gave what is kept; what is larger than everything that may be kept is not."""
        with self._lock:
            before = self._kept.get((folder, name))
            if before is not None and before.version > kept.version:
                return
            self._kept.pop((folder, name), None)
            self.size -= before.size if before else 0
            if kept.size <= self._limit:
                self._kept[folder, name] = kept
                self.size += kept.size
            self._shrink()

    def _shrink(self) -> None:
        while self.size > self._limit:
            self.size -= self._kept.popitem(last=False)[1].size

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._kept.clear()
            self.size = 0


def bytes_of(both: Split) -> int:
    """Return what two bitmaps take in memory."""
    return sum(_bytes(bitmap) for bitmap in both)


def _bytes(bitmap: BitMap) -> int:
    said = bitmap.get_statistics()
    inside = (
        said["n_bytes_array_containers"] + said["n_bytes_run_containers"] + said["n_bytes_bitset_containers"]
    )
    return int(inside) + _EACH * int(said["n_containers"])
