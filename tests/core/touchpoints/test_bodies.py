"""Unpacking within a limit, and what is checked before a body is taken in."""

from __future__ import annotations

import gzip
import json
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zerodistance.core.touchpoints import bodies
from zerodistance.kernel.errors import ZeroDistanceError

BODY = json.dumps(
    {"batch": [{"type": "track", "event": "e", "messageId": str(n)} for n in range(50)]}
).encode()
LIMIT = 1 << 20


def _raw_deflate(text: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(text) + packer.flush()


PACKED = {
    "plain": (BODY, ""),
    "gzip": (gzip.compress(BODY), "gzip"),
    "gzip in members": (gzip.compress(BODY[:99]) + gzip.compress(BODY[99:]), "gzip"),
    "gzip with padding": (gzip.compress(BODY) + b"\0" * 20, "gzip"),
    "gzip without the header": (gzip.compress(BODY), ""),
    "says gzip but is plain": (BODY, "gzip"),
    "zlib": (zlib.compress(BODY), "deflate"),
    "zlib without the header": (zlib.compress(BODY), ""),
    "raw deflate": (_raw_deflate(BODY), "deflate"),
    "says deflate but is plain": (BODY, "deflate"),
    "with a byte order mark": (b"\xef\xbb\xbf" + BODY, ""),
}


@pytest.mark.parametrize("how", PACKED)
def test_a_body_is_read_however_it_is_packed(how: str) -> None:
    packed, declared = PACKED[how]
    assert bodies.unpack(packed, bodies.encoding_of(packed, declared), LIMIT) == BODY


@pytest.mark.parametrize("how", PACKED)
def test_no_packing_gets_past_the_limit(how: str) -> None:
    packed, declared = PACKED[how]
    with pytest.raises(bodies.BodyTooLarge):
        bodies.unpack(packed, bodies.encoding_of(packed, declared), len(BODY) - 1)


def test_a_body_exactly_as_large_as_the_limit_is_taken() -> None:
    assert bodies.unpack(gzip.compress(BODY), "gzip", len(BODY)) == BODY


def test_a_bomb_is_stopped_at_the_limit_whatever_its_trailer_says() -> None:
    bomb = gzip.compress(b"0" * (64 << 20))
    for trailer in (bomb[-4:], (1).to_bytes(4, "little"), b"\xff" * 4):
        with pytest.raises(bodies.BodyTooLarge):
            bodies.unpack(bomb[:-4] + trailer, "gzip", LIMIT)


def test_thousands_of_members_are_refused() -> None:
    with pytest.raises(bodies.BadEncoding):
        bodies.unpack(gzip.compress(b"") * 5_000, "gzip", LIMIT)


@given(st.integers(0, len(gzip.compress(BODY)) - 1))
def test_a_cut_gzip_is_refused_wherever_it_is_cut(at: int) -> None:
    cut = gzip.compress(BODY)[:at]
    with pytest.raises(bodies.BadEncoding):
        bodies.unpack(cut, "gzip", LIMIT)


@given(st.binary(max_size=200), st.sampled_from(["gzip", "zlib", "deflate", ""]), st.booleans())
def test_any_bytes_are_read_or_refused_with_a_reason(raw: bytes, encoding: str, batch: bool) -> None:
    for body in (raw, bodies.GZIP + b"\x08\0" + raw):
        try:
            head = bodies.head(bodies.unpack(body, encoding, 1_000), batch=batch)
        except ZeroDistanceError as error:
            assert error.status in (400, 413)
        else:
            assert head.events >= 0


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (b"", bodies.NotJson),
        (b"{", bodies.NotJson),
        (b"\xff", bodies.NotJson),
        (b'{"batch": [1,]}', bodies.NotJson),
        (b'{"batch": []} x', bodies.NotJson),
        (b"[" * 100_000, bodies.NotAnObject),
        (b'{"batch":' + b"[" * 100_000, bodies.NotJson),
        (b"[]", bodies.NotAnObject),
        (b"null", bodies.NotAnObject),
        (b"{}", bodies.NotABatch),
        (b'{"batch": null}', bodies.NotABatch),
        (b'{"batch": {}}', bodies.NotABatch),
        (b'{"pad": "' + b"x" * (1 << 20) + b'", "batch": {}}', bodies.NotABatch),
    ],
)
def test_what_is_not_a_batch_is_refused_by_its_kind(text: bytes, error: type[ZeroDistanceError]) -> None:
    with pytest.raises(error):
        bodies.head(text, batch=True)


@pytest.mark.parametrize("pad", [0, 1 << 20])
def test_events_are_counted_in_small_and_large_bodies(pad: int) -> None:
    text = json.dumps({"pad": "x" * pad, "batch": [{}, 1, None, "x"], "writeKey": "k"}).encode()
    assert bodies.head(text, batch=True) == bodies.Head(4, "k", len(text))


@pytest.mark.parametrize("pad", [0, 1 << 20])
def test_too_many_events_are_refused_in_small_and_large_bodies(pad: int) -> None:
    most = b'{"pad":"' + b"x" * pad + b'","batch":[' + b",".join([b"1"] * bodies.MAX_EVENTS)
    assert bodies.head(most + b"]}", batch=True).events == bodies.MAX_EVENTS
    with pytest.raises(bodies.TooManyEvents):
        bodies.head(most + b",1]}", batch=True)


def test_a_key_in_the_body_that_is_no_text_is_no_key() -> None:
    assert bodies.head(b'{"writeKey": 7}', batch=False).write_key is None
    assert bodies.head(b'{"writeKey": null}', batch=False).write_key is None


def test_half_an_emoji_does_not_make_a_body_unreadable() -> None:
    assert bodies.head(rb'{"batch":[{"a":"\ud83d"},{"a":"\\ud83d"}]}', batch=True).events == 2
