"""The one place that time comes from: UTC, aware, in microseconds where it is stored."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

MICROS_PER_SECOND = 1_000_000
MICROS_PER_DAY = 86_400 * MICROS_PER_SECOND
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_frozen: int | None = None


def micros() -> int:
    """Return now as microseconds since 1970-01-01 UTC."""
    return time.time_ns() // 1_000 if _frozen is None else _frozen


def now() -> datetime:
    """Return now as an aware UTC datetime."""
    return from_micros(micros())


def from_micros(value: int) -> datetime:
    """Return the aware UTC datetime of microseconds since the epoch."""
    return _EPOCH + timedelta(microseconds=value)


def to_micros(value: datetime) -> int:
    """Return microseconds since the epoch of an aware datetime.

    Raises
    ------
    ValueError
        If the datetime has no time zone.
    """
    if value.tzinfo is None:
        raise ValueError("a datetime without a time zone has no place in time")
    return (value - _EPOCH) // timedelta(microseconds=1)


@contextmanager
def freeze(at: datetime) -> Iterator[None]:
    """Stop the clock at `at` inside the block, for tests and for `--as-of`."""
    global _frozen
    before, _frozen = _frozen, to_micros(at)
    try:
        yield
    finally:
        _frozen = before
