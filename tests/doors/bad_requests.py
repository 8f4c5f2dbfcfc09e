"""Requests that nobody should send: hand-picked values in every field, whole bodies, paths and headers, and seeded mixtures of them."""

from __future__ import annotations

import gzip
import json
import random
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field

SCRIPT = "<script>alert(1)</script>"
VALUES: tuple[bytes, ...] = (
    *(b"null", b"true", b"0", b"-1", b"1.10", b"1e999", b"-1e-999", b"9" * 400, b"9" * 5_000, b"{}", b"[]", b'[[{"a":1}]]'),
    *(b'""', b'" "', rb'"\u0000"', rb'"a\u0000b"', rb'"\ud83d"', rb'"\udc00\ud800"', b'"\xff\xfe"', b'"\xed\xa0\x80"'),
    *(b"[" * 900 + b"]" * 900, b"[" * 5_000 + b"]" * 5_000, b'{"a":' * 400 + b"1" + b"}" * 400),
    *(b'"' + b"x" * 5_000 + b'"', b'"' + b"\xe5\xa7\x93" * 40_000 + b'"', b'"' + b" " * 40_000 + b'"'),
    *(
        json.dumps(text).encode()
        for text in (
            SCRIPT, '"><img src=x onerror=alert(1)>', "javascript:alert(1)", "{{7*7}}", "${7*7}", "=1+1", "+1+1", "-1+1",
            "@SUM(1)", "\t=1", "'; drop table source; --", "' or 1=1 --", "../../etc/passwd", "%00", "%s%s%n", "\u202eevil",
            "9999-12-31T23:59:59.999999Z", "0001-01-01T00:00:00Z", "-271821-04-20T00:00:00Z", "+275760-09-13T00:00:00Z",
            "2026-02-30", "2026-11-21T25:61:61Z", "253402300800000", "NaN", "Infinity", "p_00000000", "\U0001f600" * 300,
        )
    ),
)  # fmt: skip
"""JSON values, some of them none."""

FIELDS = (
    *(
        "type",
        "messageId",
        "userId",
        "anonymousId",
        "event",
        "name",
        "timestamp",
        "originalTimestamp",
        "sentAt",
        "groupId",
    ),
    *(
        "previousId",
        "context",
        "properties",
        "traits",
        "integrations",
        "writeKey",
        "channel",
        "unknown",
        "__proto__",
    ),
    *(
        "context.page",
        "context.page.path",
        "context.page.url",
        "context.page.referrer",
        "context.library",
        "context.library.name",
    ),
    *("context.campaign.name", "context.device.id", "context.traits", "context.ip"),
    *(
        "properties.products",
        "properties.products.0",
        "properties.products.0.quantity",
        "properties.products.0.sku",
    ),
    *(
        "properties.quantity",
        "properties.price",
        "properties.revenue",
        "properties.total",
        "properties.currency",
    ),
    *(
        "properties.category",
        "properties.product_id",
        "properties.order_id",
        "properties.fault",
        "properties.place",
    ),
    *(
        "traits.email",
        "traits.phone",
        "traits.name",
        "traits.birthday",
        "traits.address",
        "traits.member_id",
        "traits.openid",
    ),
)
TYPES = ("track", "identify", "page", "screen", "group", "alias")
BODIES: tuple[bytes, ...] = (
    *(b"", b" ", b"{", b"}", b"[]", b"null", b"1", b'"text"', b"\xff", b"\0", b"\xef\xbb\xbf", b"\xef\xbb\xbf{}", b"PK\3\4", b"<xml/>"),
    *(b"{}", b'{"batch":null}', b'{"batch":{}}', b'{"batch":[]}', b'{"batch":[null,1,"x",[],{}]}', b'{"batch":[],"batch":[{}]}'),
    *(b'{"batch":[{}],"sentAt":true}', b'{"batch":[{}],"sentAt":"junk"}', b'{"batch":[{}]}{"batch":[]}', b'{"batch":[{},]}'),
    *(b"[" * 100_000, b'{"a":' * 100_000, b'{"batch":[' + b"0," * 100_001 + b"0]}", b'{"batch":[' + b"{}," * 2_000 + b"{}]}"),
    *(b'{"batch":[{"type":"track","event":"\xff","userId":"u"}]}', rb'{"batch":[{"type":"track","event":"\ud83d","userId":"u"}]}'),
    *(gzip.compress(b"{}"), gzip.compress(b"{}")[:-4], gzip.compress(gzip.compress(b"{}")), b"\x1f\x8b", b"\x1f\x8b\x08" + b"\xff" * 40),
    *(gzip.compress(b" " * (31 << 20) + b"{}"), gzip.compress(b'{"a":"' + b"x" * (40 << 20) + b'"}'), gzip.compress(b"{}") * 200),
    *(zlib.compress(b"{}"), zlib.compress(b"{}")[:-3], b"\x78\x9c", b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>'),
)  # fmt: skip
PATHS = (
    *(
        "/v1/batch",
        "/v1/b",
        "/v1/batch/",
        *(f"/v1/{name}" for name in TYPES),
        *(f"/v1/{name[0]}" for name in TYPES),
    ),
    *("/v1/persons/lookup", "/v1/openapi.json"),
)
TRICKS = (
    *(
        "/v1/../etc/passwd",
        "/v1/%2e%2e/batch",
        "//v1/batch",
        "/v1/batch%00",
        "/v1/batch;x=1",
        "/v1/projects/../settings",
        "/\u202e",
    ),
    *(
        "/v1/projects/%00/settings",
        "/v1/projects/" + "x" * 5_000 + "/settings",
        "/people/' or 1=1 --",
        "/people/p_00000000",
    ),
    *(
        "/people/<script>",
        "/segments/../accounts",
        "/touchpoints/%2e%2e%2f",
        "/once/x",
        "/static/../../settings.py",
        "/.git/config",
    ),
)
HEADERS: tuple[dict[str, str], ...] = (
    {}, {"content-encoding": "gzip"}, {"content-encoding": "deflate"}, {"content-encoding": "br, gzip"}, {"x-write-key": "a:b:c"},
    {"origin": "null"}, {"origin": "https://evil.example\x7f"}, {"content-type": "multipart/form-data"}, {"accept-language": "zh" * 500},
    {"authorization": "Basic \xff"}, {"authorization": "Bearer zd_x"}, {"cookie": "session=" + "x" * 3_000}, {"hx-request": "true"},
)  # fmt: skip


@dataclass(frozen=True)
class Request:
    """One request to be sent."""

    path: str
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    method: str = "POST"


def event(type_: str, name: str, value: bytes, number: int) -> bytes:
    """Return an event of which one field, by its path, has another value; `number` makes its ids."""
    whole: dict[str, object] = {
        "type": type_, "messageId": f"m{number}", "userId": f"u{number % 7}", "anonymousId": f"a{number % 11}", "event": "Order Completed",
        "name": "Home", "properties": {"products": [{"sku": "W1"}]}, "traits": {"name": "Li"}, "context": {"page": {}, "library": {}},
    }  # fmt: skip
    at: object = whole
    *way, last = name.split(".")
    for step in way:
        at = at[int(step)] if isinstance(at, list) else at.setdefault(step, {})  # type: ignore[attr-defined]
    if isinstance(at, list):
        at[int(last)] = "\1here\1"
    else:
        at[last] = "\1here\1"  # type: ignore[index]
    return json.dumps(whole).encode().replace(rb'"\u0001here\u0001"', value)


def hand_picked() -> Iterator[Request]:
    """Yield each value in a field that turns with it, each body at two routes, each path and header once."""
    number = 0
    for turn in range(5):
        for i, value in enumerate(VALUES):
            number += 1
            name, type_ = FIELDS[(i * 7 + turn * 11) % len(FIELDS)], TYPES[(i + turn) % len(TYPES)]
            raw = event(type_, name, value, number)
            yield (
                Request("/v1/batch", b'{"batch":[' + raw + b"]}")
                if turn % 2
                else Request(f"/v1/{type_}", raw)
            )
    for i, body in enumerate(BODIES):
        yield Request("/v1/batch", body, HEADERS[i % 4])
        yield Request(PATHS[3 + i % 6], body)
    for path in (*PATHS, *TRICKS):
        yield Request(path, b"{}", method="GET")
        yield Request(path, b"{}")
    for headers in HEADERS:
        yield Request("/v1/batch", b'{"batch":[' + event("track", "unknown", b"1", number) + b"]}", headers)


def mixed(seed: int) -> Iterator[Request]:
    """Yield requests for ever, from one seed: several fields spoiled at once, bytes changed, bodies packed."""
    dice = random.Random(seed)
    number = 0
    while True:
        events = []
        for _ in range(dice.choice((1, 1, 1, 2, 5))):
            number += 1
            value = dice.choice(VALUES) if dice.random() < 0.7 else json.dumps(dice.getrandbits(40)).encode()
            events.append(event(dice.choice(TYPES), dice.choice(FIELDS), value, number))
        if dice.random() < 0.15:
            spoiled = bytearray(events[0])
            for _ in range(dice.randint(1, 4)):
                spoiled[dice.randrange(len(spoiled))] = dice.randrange(256)
            events[0] = bytes(spoiled)
        path = dice.choice(PATHS[:15])
        body = b'{"batch":[' + b",".join(events) + b"]}" if "/b" in path else events[0]
        if dice.random() < 0.2:
            body = gzip.compress(body, 1)
        if dice.random() < 0.02:
            body = dice.choice(BODIES[:30])
        yield Request(path, body, dice.choice(HEADERS) if dice.random() < 0.1 else {})
