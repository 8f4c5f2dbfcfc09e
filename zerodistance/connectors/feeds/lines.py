"""Rows as the lines of an NDJSON file that nobody has written: read once, straight into the sealed file of an import."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Iterator, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

import msgspec

_ENCODE = msgspec.json.Encoder(enc_hook=str, decimal_format="number")
_WHOLE = 1 << 63


def line(names: Sequence[str], values: Sequence[Any]) -> bytes:
    r"""Return a row as one line: times as ISO 8601, numbers as they are, spans in seconds, bytes in base 64.

    Examples
    --------
    >>> line(("id", "sum", "what"), (7, Decimal("1.50"), None))
    b'{"id":7,"sum":1.50,"what":null}\n'
    """
    return _ENCODE.encode(dict(zip(names, map(_plain, values), strict=True))) + b"\n"


def _plain(value: Any) -> Any:
    if isinstance(value, bytes | bytearray | memoryview):
        return base64.b64encode(bytes(value)).decode()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, Decimal) and not value.is_finite():
        return str(value)
    if isinstance(value, int) and not -_WHOLE <= value < _WHOLE:
        return str(value)
    return value


class Lines(io.RawIOBase):
    """Reads lines as a file."""

    def __init__(self, lines: Iterator[bytes]) -> None:
        super().__init__()
        self._lines, self._rest = lines, memoryview(b"")

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        """Fill the buffer as far as one line goes."""
        if not self._rest:
            self._rest = memoryview(next(self._lines, b""))
        taken = self._rest[: len(buffer)]
        buffer[: len(taken)] = taken
        self._rest = self._rest[len(taken) :]
        return len(taken)
