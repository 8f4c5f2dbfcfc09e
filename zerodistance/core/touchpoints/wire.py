"""The outer shapes of the collection protocol; what is inside an event is taken apart by `sql/events.sql`."""

from __future__ import annotations

import re

import msgspec

from zerodistance.core.touchpoints import times

Scalar = str | int | float | None

TYPES = frozenset({"track", "identify", "page", "screen", "group", "alias"})


BROKEN = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What a decoder raises on bytes that are not the JSON it expects."""


class Body(msgspec.Struct, gc=False):
    """A batch whose events stay raw."""

    batch: list[msgspec.Raw]
    sentAt: msgspec.Raw = msgspec.Raw(b"")
    context: msgspec.Raw = msgspec.Raw(b"")


BODY = msgspec.json.Decoder(Body)


_SENT_AT: msgspec.json.Decoder[str | int | float | None] = msgspec.json.Decoder(str | int | float | None)
_ESCAPE = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}(\\u[dD][c-fC-F][0-9a-fA-F]{2})?|u[dD][c-fC-F][0-9a-fA-F]{2}|.)",
    re.DOTALL,
)
_HALF = re.compile(rb"\\u[dD][89a-fA-F]")


def whole_letters(raw: bytes) -> bytes:
    r"""Return JSON whose lone surrogate escapes have become U+FFFD, the same bytes where it has none.

    Clients cut texts at a number of UTF-16 units, in the middle of an emoji. No text holds half a letter.

    Examples
    --------
    >>> whole_letters(rb'"\ud83d\ude00 \ud83d \\ud83d"')
    b'"\\ud83d\\ude00 \\ufffd \\\\ud83d"'
    """
    if _HALF.search(raw) is None:
        return raw
    mended = _ESCAPE.sub(_whole, raw)
    return raw if mended == bytes(raw) else mended


def _whole(found: re.Match[bytes]) -> bytes:
    text = found[0]
    return rb"\ufffd" if len(text) == 6 else text


def batch_sent_at(raw: msgspec.Raw) -> tuple[str | None, bool]:
    """Return the time that a batch says it was sent at, as text, and whether it says one that can't be read.

    Examples
    --------
    >>> batch_sent_at(msgspec.Raw(b'"2026-11-21"')), batch_sent_at(msgspec.Raw(b"true")), batch_sent_at(msgspec.Raw(b"null"))
    (('2026-11-21', False), (None, True), (None, False))
    """
    if not raw:
        return None, False
    try:
        said = _SENT_AT.decode(raw)
    except BROKEN:
        return None, True
    if said is None:
        return None, False
    return (None, True) if times.parse_one(said) is None else (str(said), False)


def as_text(raw: bytes) -> str | None:
    """Return an event as text, None if it is not UTF-8."""
    try:
        return bytes(raw).decode()
    except UnicodeDecodeError:
        return None


def why(error: Exception) -> str:
    """Return why something is not the JSON that was expected, without any of its content."""
    if isinstance(error, RecursionError):
        return "nested too deeply"
    if isinstance(error, UnicodeDecodeError):
        return "not UTF-8"
    return str(error)[:200]


def why_not_json(raw: bytes) -> str:
    """Return why an event is no JSON, without any of its content."""
    if as_text(raw) is None:
        return "not UTF-8"
    try:
        msgspec.json.decode(raw)
    except BROKEN as error:
        return why(error)
    return "no JSON by RFC 8259"


_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])


def with_context(events: list[msgspec.Raw], shared: msgspec.Raw) -> list[msgspec.Raw]:
    """Return the events of a batch with the context that its body gives for all of them; what an event says itself stands.

    Examples
    --------
    >>> raws = [msgspec.Raw(b'{"type":"track"}'), msgspec.Raw(b'{"context":{"ip":"::1"}}'), msgspec.Raw(b'7')]
    >>> [bytes(raw).decode() for raw in with_context(raws, msgspec.Raw(b'{"ip":"::2","app":1}'))]
    ['{"type":"track","context":{"ip":"::2","app":1}}', '{"context":{"ip":"::1","app":1}}', '7']
    """
    try:
        fields = _OBJECT.decode(shared)
    except BROKEN:
        return events
    return [_merged(event, fields) for event in events] if fields else events


def _merged(event: msgspec.Raw, shared: dict[str, msgspec.Raw]) -> msgspec.Raw:
    try:
        found = _OBJECT.decode(event)
        own = found.get("context")
        given = _OBJECT.decode(own) if own and bytes(own) != b"null" else {}
    except BROKEN:
        return event
    context = msgspec.json.encode({**given, **{k: v for k, v in shared.items() if k not in given}})
    return msgspec.Raw(msgspec.json.encode({**found, "context": msgspec.Raw(context)}))
