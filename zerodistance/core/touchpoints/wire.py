"""The outer shapes of the collection protocol; what is inside an event is taken apart by `sql/events.sql`."""

from __future__ import annotations

import msgspec

Scalar = str | int | float | None

TYPES = frozenset({"track", "identify", "page", "screen", "group", "alias"})
LETTERS = {"t": "track", "i": "identify", "p": "page", "s": "screen", "g": "group", "a": "alias"}


class Body(msgspec.Struct, gc=False):
    """A batch whose events stay raw."""

    batch: list[msgspec.Raw]
    sentAt: Scalar = None


BODY = msgspec.json.Decoder(Body)
BROKEN = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What a decoder raises on bytes that are not the JSON it expects."""
