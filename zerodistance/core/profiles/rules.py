"""Pure rules of profiles: the day of a moment, the band of a number, what expires when a day passes, near names."""

from __future__ import annotations

import difflib
import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from zerodistance.core.profiles.contracts import INNER, Bands, Dimension, Input, Values
from zerodistance.kernel.clock import MICROS_PER_DAY, MICROS_PER_SECOND, from_micros

EVERY = "*"


class Expiring(NamedTuple):
    """Days, both ends included, and the kinds and families of touch on them; none: every kind."""

    first: int
    last: int
    kinds: tuple[str, ...] = ()


_QUARTER = (
    900 * MICROS_PER_SECOND
)  # offsets change on the quarter of an hour, everywhere and always since 1972


def days_of(micros: npt.NDArray[np.int64], zone: str) -> npt.NDArray[np.int32]:
    """Return the local day of each moment in `zone`, as days since 1970-01-01.

    Examples
    --------
    >>> days_of(np.array([15 * 3_600_000_000, 16 * 3_600_000_000]), "Asia/Shanghai").tolist()
    [0, 1]
    """
    return (_local(micros, zone) // MICROS_PER_DAY).astype(np.int32)


def hours_of(micros: npt.NDArray[np.int64], zone: str) -> npt.NDArray[np.int64]:
    """Return the local hour of the day of each moment in `zone`, 0 to 23.

    Examples
    --------
    >>> hours_of(np.array([0, 15 * 3_600_000_000]), "Asia/Shanghai").tolist()
    [8, 23]
    """
    return _local(micros, zone) % MICROS_PER_DAY // (3_600 * MICROS_PER_SECOND)


def _local(micros: npt.NDArray[np.int64], zone: str) -> npt.NDArray[np.int64]:
    """Return the local time of each moment, as if it were UTC."""
    if len(micros) == 0:
        return micros
    utc_days, where = np.unique(micros // MICROS_PER_DAY, return_inverse=True)
    offsets = [_offset_of_day(int(day), zone) for day in utc_days]
    shift = np.array([0 if o is None else o for o in offsets], np.int64)[where]
    mixed = np.array([o is None for o in offsets])[where]
    if mixed.any():
        quarters, inside = np.unique(micros[mixed] // _QUARTER, return_inverse=True)
        found = [_offset(int(q) * _QUARTER, zone) for q in quarters]
        shift[mixed] = np.array(found, np.int64)[inside]
    return micros + shift


def day_of(micros: int, zone: str) -> int:
    """Return the local day of one moment."""
    return (micros + _offset(micros, zone)) // MICROS_PER_DAY


@lru_cache(maxsize=65_536)
def _offset_of_day(day: int, zone: str) -> int | None:
    """Return the offset that holds the whole UTC day, None if it changes in between."""
    first, last = _offset(day * MICROS_PER_DAY, zone), _offset((day + 1) * MICROS_PER_DAY, zone)
    return first if first == last else None


def _offset(micros: int, zone: str) -> int:
    offset = from_micros(micros).astimezone(ZoneInfo(zone)).utcoffset()
    assert offset is not None
    return int(offset.total_seconds()) * MICROS_PER_SECOND


def band_codes(numbers: npt.NDArray[np.float64], bands: Bands) -> npt.NDArray[np.int64]:
    """Return the position of each number's band, -1 below the first.

    Examples
    --------
    >>> from zerodistance.kernel.text import Text
    >>> bands = Bands(((0, "none", Text("", "")), (1, "some", Text("", ""))))
    >>> band_codes(np.array([-1.0, 0.0, 0.5, 1.0]), bands).tolist()
    [-1, 0, 0, 1]
    """
    return np.searchsorted(np.array(bands.edges), numbers, side="right").astype(np.int64) - 1


def expiring(dimensions: Iterable[Dimension], before: int, now: int) -> list[Expiring]:
    """Return ranges of days and kinds: who has a state of them may change when `before` becomes `now`.

    A touch leaves a window of w days w days after it, and the later half of a trend's; an age passes a band's limit that many days after
    it; and what was dated into the future arrives.
    """
    if now == before:
        return []
    low, high = min(before, now), max(before, now)
    reach: dict[int, set[str]] = defaultdict(set)
    reach[0].add(EVERY)
    for dimension in dimensions:
        kinds = dimension.of.kinds or (EVERY,)
        for days in limits(dimension):
            reach[days].update(kinds)
    return [
        Expiring(low - days + 1, high - days, () if EVERY in kinds else tuple(sorted(kinds)))
        for days, kinds in sorted(reach.items())
    ]


def limits(dimension: Dimension) -> Iterator[int]:
    """Yield after how many days a touch may change what a dimension says, without anything happening."""
    days = dimension.of.days
    if days is not None:
        yield days
        if dimension.parsed.verb == "trend":
            yield days // 2
    if dimension.parsed.ageing and isinstance(dimension.nodes, Bands):
        yield from (int(np.ceil(edge)) for edge in dimension.nodes.edges)


def kind_ranges(kinds: Sequence[str]) -> list[tuple[str, str]]:
    """Return (from, to) text ranges, both ends included, that hold exactly these kinds and families.

    Examples
    --------
    >>> kind_ranges(["order.line"]), kind_ranges(["order.*"])[0][0]
    ([('order.line', 'order.line')], 'order.')
    """
    return [(k[:-1], k[:-1] + "\U0010ffff") if k.endswith(".*") else (k, k) for k in kinds]


def is_of(kind: str, of: Input) -> bool:
    """Say whether a kind belongs to an input."""

    def inside(kinds: Sequence[str]) -> bool:
        return any(low <= kind <= high for low, high in kind_ranges(kinds))

    return (not of.kinds or inside(of.kinds)) and not inside(of.without)


def near(given: str, known: Iterable[str], most: int = 5) -> list[str]:
    """Return the known names nearest to what was given; if none is near, the first few."""
    names = list(known)
    return difflib.get_close_matches(given, names, n=most, cutoff=0.4) or names[:most]


def is_inner(node: str) -> bool:
    """Say whether a key is that of an inner node.

    Examples
    --------
    >>> is_inner("^washer"), is_inner("washer"), is_inner(leaf("^washer"))
    (True, False, False)
    """
    return node.startswith(INNER) and not node.startswith(INNER * 2)


def leaf(value: str) -> str:
    """Return the key of the node of a value: one that begins like an inner node says its sign twice."""
    return INNER + value if value.startswith(INNER) else value


def fingerprint(dimensions: Iterable[Dimension], *settings: str) -> str:
    """Return a short hash of everything that decides tags: another one means that the index has to be built anew."""
    parts = [f"{d.key}|{d.of}|{d.value}|{_shape(d.nodes)}" for d in dimensions]
    return hashlib.sha256("\n".join([*parts, *settings]).encode()).hexdigest()[:16]


def _shape(nodes: Bands | Values) -> str:
    """Return what of nodes decides who is at them: labels do not."""
    if isinstance(nodes, Bands):
        return str([[(low, key) for low, key, _ in some] for some in (nodes.bands, nodes.groups)])
    known = sorted(nodes.labels) if nodes.closed else ""
    return f"{nodes.names}|{known}|{sorted(nodes.parents.items())}|{nodes.path}"
