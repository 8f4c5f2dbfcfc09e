"""Times of touches: reading them as they are sent, and the clock rule of the collection protocol."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Micros = npt.NDArray[np.int64]
NONE = np.iinfo(np.int64).min
"""Stands for "not given" in arrays of microseconds."""

_SPACED = re.compile(r"(\d) +(?:UTC|GMT|([+-]\d\d:?\d\d))$")  # as Ruby's to_s writes the zone
_FIRST = -62_135_596_800_000_000  # 0001-01-01
_LAST = 253_402_300_799_999_999  # 9999-12-31


def parse_all(values: pa.Array) -> tuple[Micros, list[int]]:
    """Read times as they were sent: ISO 8601, or a number of seconds, milliseconds or microseconds since 1970.

    Returns
    -------
    microseconds
        UTC; `NONE` where nothing was given or the value can't be read.
    bad
        Places of the values that can't be read.
    """
    if values.null_count == len(values):
        return np.full(len(values), NONE, np.int64), []
    try:
        read = values.cast(pa.timestamp("us", "UTC")).cast(pa.int64())
        return read.fill_null(int(NONE)).to_numpy(zero_copy_only=False), []
    except pa.ArrowInvalid:
        pass
    out, bad = np.empty(len(values), np.int64), []
    for i, value in enumerate(values.to_pylist()):
        micros = parse_one(value)
        if micros is None and value is not None:
            bad.append(i)
        out[i] = NONE if micros is None else micros
    return out, bad


def parse_one(value: str | int | float | None) -> int | None:
    """Read one time; None if it was not given or can't be read. A time without a zone is UTC.

    Examples
    --------
    >>> parse_one("1970-01-01T00:00:01Z"), parse_one(1), parse_one(1_700_000_000_000), parse_one("soon")
    (1000000, 1000000, 1700000000000000, None)
    """
    if value is None or isinstance(value, bool):
        return None
    try:
        if isinstance(value, str):
            text = value.strip()
            try:
                return _number(float(text))
            except ValueError:
                pass
            when = datetime.fromisoformat(_SPACED.sub(r"\1\2", text))
            when = when.replace(tzinfo=UTC) if when.tzinfo is None else when
            return round((when - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * 1_000_000)
        return _number(float(value))
    except (ValueError, OverflowError):
        return None


def _number(value: float) -> int | None:
    for limit, scale in ((1e11, 1_000_000), (1e14, 1_000), (1e17, 1)):  # 1e11 s is the year 5138
        if abs(value) < limit:
            return round(value * scale)
    return None


def happened(received: Micros, original: Micros, sent: Micros) -> tuple[Micros, npt.NDArray[np.bool_]]:
    """Apply the clock rule: `received - (sent - original)`; without `sent` the original stands; never in the future.

    Returns
    -------
    happened
        Microseconds UTC.
    ahead
        Where the clock was ahead and the touch was clamped to its receipt.

    References
    ----------
    The Segment tracking specification, "timestamps".
    """
    no_original, no_sent = original == NONE, sent == NONE
    base = np.where(no_original, received, original)
    with np.errstate(over="ignore"):
        skewed = np.where(no_sent | no_original, base, received - (np.where(no_sent, 0, sent) - base))
    ahead = skewed > received
    return np.clip(np.where(ahead, received, skewed), _FIRST, _LAST), ahead
