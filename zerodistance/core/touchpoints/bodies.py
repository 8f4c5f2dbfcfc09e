"""Request bodies: unpacking within a limit, and the little that is checked before a body is taken in."""

from __future__ import annotations

import base64
import zlib
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any
from urllib.parse import parse_qs

import msgspec
from isal import igzip_lib

from zerodistance.core.touchpoints import wire
from zerodistance.kernel.errors import ZeroDistanceError
from zerodistance.kernel.text import Text

GZIP = b"\x1f\x8b"
BOM = b"\xef\xbb\xbf"
MAX_EVENTS = 100_000  # own value: what 4 MiB hold of the shortest event there is, of 42 bytes; a batch of that size must be taken
MAX_MEMBERS = 100  # own value: gzip members in one body
_BIG = 1 << 20  # beyond this size a batch is read without one object per event first

NOTHING = msgspec.Raw(b"")
BROKEN = wire.BROKEN


class BadEncoding(ZeroDistanceError):
    """A compressed body can't be unpacked."""

    code, status = "bad_encoding", 400
    text = Text(
        "正文无法解压（{why}）；可用：不压缩、gzip、deflate",
        "the body can't be unpacked ({why}); allowed are none, gzip and deflate",
    )


class BodyTooLarge(ZeroDistanceError):
    """A body is larger than the settings allow."""

    code, status = "too_large", 413
    text = Text(
        "正文超过 {limit} 字节（{what}）；请分成几批发送",
        "the body is over {limit} bytes {what}; send smaller batches",
    )


class TooManyEvents(ZeroDistanceError):
    """A batch holds more events than one request may."""

    code, status = "too_many_events", 413
    text = Text(
        "一批最多 {limit} 条事件；请分成几批发送",
        "a batch holds at most {limit} events; send smaller batches",
    )


class NotJson(ZeroDistanceError):
    """A body is not JSON."""

    code, status = "not_json", 400
    text = Text("正文不是 JSON：{why}", "the body is not JSON: {why}")


class NotAnObject(ZeroDistanceError):
    """A body is JSON, but not an object."""

    code, status = "not_an_object", 400
    text = Text("正文应是一个 JSON 对象：{why}", "the body should be a JSON object: {why}")


class NotABatch(ZeroDistanceError):
    """A body of the batch route has no list of events."""

    code, status = "not_a_batch", 400
    text = Text(
        "正文里应有 batch，一个事件列表：{why}", "the body should have `batch`, a list of events: {why}"
    )


class NoData(ZeroDistanceError):
    """A pixel was asked for without the event it stands for."""

    code, status = "no_data", 400
    text = Text(
        "地址里应有 data=，事件 JSON 的 base64：{why}",
        "the address should have data=, the event as JSON in base64: {why}",
    )


@dataclass(frozen=True, slots=True)
class Head:
    """What was learned from a body at the door: how many events, the write key if one stands in it, and its size unpacked."""

    events: int
    write_key: str | None
    size: int


class _Batch(msgspec.Struct, gc=False):
    batch: list[msgspec.Raw]
    writeKey: msgspec.Raw = NOTHING


class _Bounded(msgspec.Struct, gc=False):
    batch: msgspec.Raw
    writeKey: msgspec.Raw = NOTHING


class _Single(msgspec.Struct, gc=False):
    writeKey: msgspec.Raw = NOTHING


class _Series(msgspec.Struct, gc=False):
    series: list[msgspec.Raw] = []


_SERIES = msgspec.json.Decoder(_Series)
_BATCH = msgspec.json.Decoder(_Batch)
_BOUNDED = msgspec.json.Decoder(_Bounded)
_SINGLE = msgspec.json.Decoder(_Single)
_DAMAGED: Any = igzip_lib.IsalError  # a class; typed wrongly where it comes from
_KEY: msgspec.json.Decoder[str] = msgspec.json.Decoder(Annotated[str, msgspec.Meta(max_length=256)])


def encoding_of(body: bytes, declared: str = "") -> str:
    """Return how a body is packed: `gzip`, `zlib`, `deflate` (raw) or `""`.

    The bytes decide, not the header: no JSON text begins like gzip or zlib, and a body that says gzip but is plain JSON
    is taken as plain. Only raw deflate has to be declared.
    """
    if body[:2] == GZIP:
        return "gzip"
    if (
        len(body) > 2
        and body[0] & 15 == 8
        and body[0] >> 4 <= 7
        and int.from_bytes(body[:2], "big") % 31 == 0
    ):
        return "zlib"
    if "deflate" in declared.lower() and body.lstrip()[:1] not in (b"{", b"["):
        return "deflate"
    return ""


def unpack(body: bytes, encoding: str, limit: int) -> bytes:
    """Return the text of a body, without a byte order mark; never more than `limit` bytes are made of it.

    Raises
    ------
    BodyTooLarge
        It unpacks to more than `limit` bytes.
    BadEncoding
        It is cut off or damaged.
    """
    if encoding == "gzip":
        text = _gunzip(body, limit)
    elif encoding:
        text = _inflate(body, 15 if encoding == "zlib" else -15, limit)
    elif len(body) > limit:
        raise BodyTooLarge(limit=limit, what="unpacked")
    else:
        text = body
    return text[3:] if text[:3] == BOM else text


def head(text: bytes, *, batch: bool) -> Head:
    """Check that a body is well-formed JSON of the right outline; what is wrong with one event is judged later.

    Raises
    ------
    NotJson, NotAnObject, NotABatch, TooManyEvents
        What a client must be told at once.
    """
    try:
        return _head(text, batch=batch)
    except msgspec.ValidationError as error:
        why = str(error)
        raise (NotAnObject if why.startswith("Expected `object`") and "$" not in why else NotABatch)(
            why=why
        ) from None
    except BROKEN as error:
        mended = wire.whole_letters(text)
        if mended is text:
            raise NotJson(why=wire.why(error)) from None
        return head(mended, batch=batch)


def _head(text: bytes, *, batch: bool) -> Head:
    if not batch:
        return Head(1, _key(_SINGLE.decode(text).writeKey), len(text))
    if len(text) <= _BIG or text.count(b",") < MAX_EVENTS:
        found = _BATCH.decode(text)
        events, key = len(found.batch), found.writeKey
    else:
        outline = _BOUNDED.decode(text)
        events, key = _count(outline.batch), outline.writeKey
    if events > MAX_EVENTS:
        raise TooManyEvents(limit=MAX_EVENTS)
    return Head(events, _key(key), len(text))


def series(text: bytes) -> int:
    """Return how many measurements a body of `/v1/m` holds.

    Raises
    ------
    NotJson
        It is no JSON object, or its `series` no list.
    """
    try:
        return len(_SERIES.decode(text).series)
    except BROKEN as error:
        raise NotJson(why=wire.why(error)) from None


def of_pixel(query: str) -> bytes:
    """Return the JSON in `data=`: base64 of either alphabet, padded or not, a plus that became a space among it.

    Raises
    ------
    NoData
        There is none, or it is no base64.
    """
    try:
        given = parse_qs(query, max_num_fields=100).get("data", [""])[0]
    except ValueError:
        given = ""
    if not given:
        raise NoData(why="it is not there")
    plain = given.replace(" ", "+").replace("-", "+").replace("_", "/").rstrip("=")
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except ValueError as error:  # letters that are none of base64, or their number is wrong
        raise NoData(why=str(error)) from None


def _key(raw: msgspec.Raw) -> str | None:
    if not raw:
        return None
    try:
        return _KEY.decode(raw)
    except BROKEN:
        return None


@cache
def _counter() -> msgspec.json.Decoder[Any]:
    """Read an array as a struct of optional fields: what comes after the last is skipped without making objects of it."""
    names = [(f"e{n}", msgspec.Raw, NOTHING) for n in range(MAX_EVENTS + 1)]
    return msgspec.json.Decoder(msgspec.defstruct("_Counted", names, array_like=True, gc=False))


def _count(array: msgspec.Raw) -> int:
    if bytes(memoryview(array)[:1]) != b"[":
        raise NotABatch(why="it is not a list")
    counted = _counter().decode(array)
    return next(
        (n for n, name in enumerate(counted.__struct_fields__) if not getattr(counted, name)), MAX_EVENTS + 1
    )


def _gunzip(body: bytes, limit: int) -> bytes:
    """Unpack gzip, several members too; the size in the trailer is only a hint for the first allocation."""
    parts: list[bytes] = []
    total, members = 0, 0
    rest, hint = body, int.from_bytes(body[-4:], "little") + 1
    try:
        while True:
            stream = igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP)
            part = stream.decompress(rest, min(hint, limit + 1 - total))
            while True:
                parts.append(part)
                total += len(part)
                if total > limit:
                    raise BodyTooLarge(limit=limit, what="unpacked")
                if stream.eof:
                    break
                if stream.needs_input:
                    raise BadEncoding(why="gzip: cut off")
                part = stream.decompress(b"", limit + 1 - total)
                if not part and not stream.eof:
                    raise BadEncoding(why="gzip: cut off")
            rest, members, hint = stream.unused_data, members + 1, limit + 1
            if rest[:2] != GZIP:
                return parts[0] if len(parts) == 1 else b"".join(parts)
            if members == MAX_MEMBERS:
                raise BadEncoding(why=f"gzip: more than {MAX_MEMBERS} members")
    except (_DAMAGED, EOFError, ValueError) as error:
        raise BadEncoding(why=f"gzip: {error}") from None


def _inflate(body: bytes, bits: int, limit: int) -> bytes:
    stream = zlib.decompressobj(bits)
    try:
        text = stream.decompress(body, limit + 1)
    except zlib.error as error:
        raise BadEncoding(why=f"deflate: {error}") from None
    if len(text) > limit:
        raise BodyTooLarge(limit=limit, what="unpacked")
    if not stream.eof:
        raise BadEncoding(why="deflate: cut off")
    return text
