"""Traffic made before it is sent: whole HTTP requests in one file, so that sending them costs next to nothing.

Events are about 700 bytes, as browsers' clients send them through a server: context of library, page and campaign, typed
properties, no personal data among these. A batch of 100 holds about 20 visits of 5 events. Visitor `v` has one cookie, and if
`v % 5 < 2` one user id, both nobody else's. Message ids begin with the number of their batch and their place in it, which is
how `exact` finds what was lost or doubled.
"""

from __future__ import annotations

import json
import os
from base64 import b64encode
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import numpy.typing as npt
from isal import igzip

EVENTS = 100
"""Events in one batch."""
VISIT = 5
"""Events of one visitor in one batch."""
REPEATED = 2
"""Events of one batch that were in an earlier one."""
FIRST_VISITS = 0.03
"""Share of visits by somebody never seen before."""
_PROCESSES = 2
_LEVEL = 2

_AGENTS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/131.0.0.0",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) Version/18.1 Mobile/15E148",
    "Mozilla/5.0 (Linux; Android 14; V2309A) AppleWebKit/537.36 Chrome/128.0.0.0",
)
_CATEGORIES = (
    "fridge",
    "washer",
    "air_conditioner",
    "water_heater",
    "television",
    "range_hood",
    "dishwasher",
)
_NAMES = (
    "Product Viewed", "Product List Viewed", "Product Added", "Product Clicked", "Product Searched", "Checkout Started", "Video Played",
)  # fmt: skip
_CAMPAIGNS = ("double11", "spring-renewal", "member-day", "old-for-new")


@dataclass(frozen=True)
class Requests:
    """Requests in a file.

    Attributes
    ----------
    path
        The requests one after the other; beside it `.npy` files with offsets and repeats.
    count
        How many there are.
    events
        Events in each.
    """

    path: Path
    count: int
    events: int

    def offsets(self) -> npt.NDArray[np.int64]:
        """Return where each request begins, and the end."""
        found: npt.NDArray[np.int64] = np.load(self.path.with_suffix(".offsets.npy"))
        return found

    def repeats(self) -> npt.NDArray[np.int64]:
        """Return per request the ids (batch x 100 + place) that it sends again; -1 for none."""
        found: npt.NDArray[np.int64] = np.load(self.path.with_suffix(".repeats.npy"))
        return found


def cookie(visitor: int) -> str:
    """Return the anonymous id of a visitor."""
    return "%08x-5eed-4c2a-8f3e-%012x" % (visitor * 2_654_435_761 & 0xFFFFFFFF, visitor)  # noqa: UP031


def user(visitor: int) -> str:
    """Return the user id of a visitor who has one."""
    return f"u-{visitor:09d}"


def phone(visitor: int) -> str:
    """Return the mobile number of a visitor who told it; no two have the same, and none is a known test number."""
    return f"1{('35', '37', '39', '50', '58', '77', '86')[visitor % 7]}{(visitor // 7 * 7_919 + 1_234_567) % 100_000_000:08d}"


def batches(path: Path, key: str, count: int, people: int, seed: int = 1) -> Requests:
    """Make `count` gzipped batches of `EVENTS` events in two processes; visitors below `people` are known already."""
    per = -(-count // _PROCESSES)
    spans = [(first, min(count, first + per)) for first in range(0, count, per)]
    work = [
        (path.with_suffix(f".{i}"), key, first, last, people, seed + i)
        for i, (first, last) in enumerate(spans)
    ]
    with ProcessPoolExecutor(_PROCESSES, mp_context=get_context("spawn")) as pool:
        done = list(pool.map(_part, work))
    return _joined(path, [part[0] for part in work], done, EVENTS)


def known(path: Path, key: str, people: int, share: float) -> Requests:
    """Make batches that let `people` visitors be known, a `share` of them by an identify call with user id and phone."""
    sizes, repeats = [], np.full((-(-people // EVENTS), REPEATED), -1, np.int64)
    at = _moment(datetime.now(UTC))
    with open(path.with_suffix(".0"), "wb", buffering=1 << 20) as file:
        for first in range(0, people, EVENTS):
            events = [
                f'{{"type":"identify","messageId":"k-{v}","anonymousId":"{cookie(v)}","userId":"{user(v)}",'
                f'"traits":{{"phone":"{phone(v)}"}},"timestamp":"{at}"}}'
                if v % 5 < share * 5
                else f'{{"type":"page","messageId":"k-{v}","anonymousId":"{cookie(v)}","timestamp":"{at}"}}'
                for v in range(first, min(people, first + EVENTS))
            ]
            sizes.append(file.write(_request(key, _body(events, at))))
    return _joined(path, [path.with_suffix(".0")], [(np.array(sizes, np.int64), repeats)], EVENTS)


def singles(path: Path, key: str, count: int, people: int, seed: int = 7) -> Requests:
    """Make `count` requests of one plain event each."""
    sizes: list[int] = []
    with open(path.with_suffix(".0"), "wb", buffering=1 << 20) as file:
        for number, events, _ in _batches(0, -(-count // EVENTS), people, seed):
            for event in events[: count - number * EVENTS]:
                body = event.replace('"messageId":"', '"messageId":"s', 1).encode()
                sizes.append(file.write(_request(key, body, "/v1/track", packed=False)))
    repeats = np.full((len(sizes), REPEATED), -1, np.int64)
    return _joined(path, [path.with_suffix(".0")], [(np.array(sizes, np.int64), repeats)], 1)


def _joined(
    path: Path,
    parts: list[Path],
    done: list[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]],
    events: int,
) -> Requests:
    with open(path, "wb") as file:
        for part in parts:
            with open(part, "rb") as piece:
                while os.sendfile(file.fileno(), piece.fileno(), None, 1 << 30):
                    pass
            part.unlink()
    sizes = np.concatenate([one[0] for one in done])
    np.save(path.with_suffix(".offsets.npy"), np.concatenate([[0], np.cumsum(sizes)]))
    np.save(path.with_suffix(".repeats.npy"), np.concatenate([one[1] for one in done]))
    return Requests(path, len(sizes), events)


def _part(work: tuple[Path, str, int, int, int, int]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    path, key, first, last, people, seed = work
    sent = _moment(datetime.now(UTC))
    sizes, repeats = np.zeros(last - first, np.int64), np.full((last - first, REPEATED), -1, np.int64)
    with open(path, "wb", buffering=1 << 20) as file:
        for i, (_, events, again) in enumerate(_batches(first, last, people, seed)):
            repeats[i, : len(again)] = again
            sizes[i] = file.write(_request(key, _body(events, sent)))
    return sizes, repeats


def _batches(first: int, last: int, people: int, seed: int) -> Iterator[tuple[int, list[str], list[int]]]:
    """Yield number, events and repeated ids of each batch."""
    rng = np.random.default_rng(seed)
    now = datetime.now(UTC)
    moments = [_moment(now - timedelta(milliseconds=7 * i)) for i in range(4_000)]
    contexts, bodies = _contexts(), _bodies(rng)
    visits = EVENTS // VISIT
    own = EVENTS - REPEATED
    earlier: list[tuple[int, str]] = []
    fresh = people + first * visits
    for number in range(first, last):
        who = rng.integers(0, max(1, people), visits).tolist()
        new = rng.random(visits) < FIRST_VISITS if people else np.ones(visits, bool)
        for i in np.flatnonzero(new).tolist():
            who[i] = fresh + (number - first) * visits + i
        context = rng.integers(0, len(contexts), visits).tolist()
        body = rng.integers(0, len(bodies), EVENTS).tolist()
        moment = rng.integers(0, len(moments), EVENTS).tolist()
        tail = rng.bytes(12 * EVENTS).hex()
        heads = [
            f'{{"anonymousId":"{cookie(v)}",'
            + (f'"userId":"{user(v)}",' if v % 5 < 2 else "")
            + f'"context":{contexts[c]},"messageId":"'
            for v, c in zip(who, context, strict=True)
        ]
        events = [
            f'{heads[i // VISIT]}{number:08d}-{i:02d}{tail[24 * i : 24 * i + 24]}","timestamp":"{moments[moment[i]]}",{bodies[body[i]]}'
            for i in range(EVENTS)
        ]
        again = [earlier[i] for i in rng.integers(0, len(earlier), REPEATED).tolist()] if earlier else []
        if again:
            events[own:] = [event for _, event in again]
        here = [(number * EVENTS + i, events[i]) for i in (int(body[0]) % own, int(body[1]) % own)]
        if len(earlier) < 2_000:
            earlier += here
        else:
            at = 2 * (number % 1_000)
            earlier[at : at + 2] = here
        yield number, events, [one for one, _ in again]


def _contexts() -> list[str]:
    made = []
    for i in range(400):
        category = _CATEGORIES[i % len(_CATEGORIES)]
        path = f"/{category}/BCD-{300 + i}"
        made.append(
            _json(
                {
                    "library": {"name": "analytics.js", "version": "next-1.84.3"},
                    "page": {
                        "path": path,
                        "referrer": f"https://www.search-{i % 9}.example/result",
                        "url": f"https://shop.brand.example{path}?from=list&position={i % 40}",
                    },
                    "campaign": {"name": _CAMPAIGNS[i % 4], "source": "search", "medium": "cpc"},
                    "userAgent": _AGENTS[i % 3],
                    "locale": "zh-CN",
                }
            )
        )
    return made


def _bodies(rng: np.random.Generator) -> list[str]:
    made = []
    for i in range(2_000):
        properties = {
            "product_id": f"BCD-{300 + int(rng.integers(400))}",
            "category": _CATEGORIES[i % len(_CATEGORIES)],
            "price": 99 + int(rng.integers(9_000)),
            "quantity": 1 + i % 3,
            "currency": "CNY",
            "position": i % 40,
            "variant": f"capacity-{300 + i % 7 * 50}",
        }
        made.append(f'"type":"track","event":"{_NAMES[i % len(_NAMES)]}","properties":{_json(properties)}}}')
    return made


def _json(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


def _moment(when: datetime) -> str:
    return when.strftime("%Y-%m-%dT%H:%M:%S.") + f"{when.microsecond // 1000:03d}Z"


def _body(events: list[str], sent: str) -> bytes:
    text = f'{{"batch":[{",".join(events)}],"sentAt":"{sent}"}}'
    return igzip.compress(text.encode(), compresslevel=_LEVEL)


def basic(key: str) -> str:
    """Return the header that names a write key."""
    return "Basic " + b64encode(f"{key}:".encode()).decode()


def _request(key: str, body: bytes, path: str = "/v1/batch", *, packed: bool = True) -> bytes:
    user_and_nothing = b64encode(f"{key}:".encode()).decode()
    encoding = "Content-Encoding: gzip\r\n" if packed else ""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Basic {user_and_nothing}\r\n"
        f"Content-Type: application/json\r\n{encoding}Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
