"""Right requests of the API, each with one thing in it that is not right: an answer that its description knows, never the program failing."""

from __future__ import annotations

import copy
import json
import os
import random
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from starlette.testclient import TestClient

from tests.doors import full, right
from zerodistance import compose
from zerodistance.doors.portal import sessions
from zerodistance.kernel.access import Role, Who
from zerodistance.kernel.home import Home

MANY = int(os.environ.get("ZERODISTANCE_BODIES", "2"))
"""How many wrong values each place of a body gets."""
SEED = int(os.environ.get("ZERODISTANCE_SEED", "1"))
_DEEP: Any = 1
for _ in range(100):
    _DEEP = [_DEEP]
VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 2, 0.5, -0.5, 1e308, -1e308, 1e-320, 10**9, 2**31, 2**32, 2**53, 2**63 - 1, 2**63, -(2**63), -(2**64), 10**400),
    *("", " ", "\0", "a\0b", "\ud83d", "\udc00\ud800", "x", "x" * 300, "x" * 70_000, "姓" * 100, "\U0001f600" * 50, "\u202eevil", "%s", "{}", "{name}", "'"),
    *("AllOf()", "AllOf(", "Did(", "AllOf(" * 300, 'In("own")', 'Has("own.new")', "9999-12-31", "0001-01-01", "10000-01-01", "2026-02-30", "2026-11-27"),
    *("9999-12-31T23:59:59.999999Z", "0001-01-01T00:00:00+23:59", "NaN", "Infinity", "p_00000000", "p_", "../x", "own", "quiet", "*", "order.*", "²"),
    *([], {}, [None], [[]], [{}], [1, 1], ["x"] * 1_000, {"": ""}, {"a": {"b": []}}, {"zh": 1}, {str(n): n for n in range(200)}, _DEEP),
)  # fmt: skip
NAMES = tuple(
    quote(one, safe="", errors="surrogatepass")
    for one in VALUES
    if isinstance(one, str) and 0 < len(one) < 1_000
)
"""Names in an address; two are no UTF-8."""
RAW = (
    b"NaN",
    b"Infinity",
    b"-Infinity",
    b"1e999",
    b"-1e999",
    b"1.0",
    b"1E400",
    b"-0",
    b"-0.0",
    b'"\xff"',
    b"1" * 5_000,
)
"""Values that JSON has no name for, or that a reader makes something else of."""


def spoiled(body: Any, dice: random.Random, many: int) -> Iterator[tuple[str, bytes]]:
    """Yield what was done to a body, and the body: each place in it gone, and with `many` other values."""
    for way in _ways(body):
        name = ".".join(map(str, way))
        if way:
            gone = copy.deepcopy(body)
            del _at(gone, way[:-1])[way[-1]]
            yield f"no {name}", json.dumps(gone).encode()
        for value in dice.sample(VALUES, many):
            yield f"{name} = {str(value)[:40]!r}", json.dumps(_with(body, way, value)).encode()
        marked = json.dumps(_with(body, way, "\1here\1")).encode()
        yield f"{name}, raw", marked.replace(rb'"\u0001here\u0001"', dice.choice(RAW))


def _ways(body: Any, way: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield way
    if isinstance(body, dict | list):
        for name, value in body.items() if isinstance(body, dict) else enumerate(body):
            yield from _ways(value, (*way, name))


def _at(body: Any, way: tuple[Any, ...]) -> Any:
    for step in way:
        body = body[step]
    return body


def _with(body: Any, way: tuple[Any, ...], value: Any) -> Any:
    if not way:
        return value
    new = copy.deepcopy(body)
    _at(new, way[:-1])[way[-1]] = value
    return new


class Asker:
    """Asks as an admin and keeps what should not have been answered."""

    def __init__(self, home: Home, client: TestClient) -> None:
        self._client = client
        key = sessions.create_key(home, Who.system(), "api", Role.ADMIN)
        self._headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        self.described = client.get("/v1/openapi.json", headers=self._headers).json()["paths"]
        self.statuses: Counter[int] = Counter()
        self.wrong: list[str] = []

    def ask(self, method: str, path: str, body: bytes, how: str) -> int:
        """Send it; note an answer that the description does not know."""
        answer = self._client.request(method, path, content=body, headers=self._headers)
        status = answer.status_code
        self.statuses[status] += 1
        self.last = answer.text[:300]
        if str(status) not in self._known(method, path) or (status >= 400 and not answer.json()["message"]):
            self.wrong.append(f"{status} {method} {path} {how}: {answer.text[:200]}")
        return status

    def _known(self, method: str, path: str) -> set[str]:
        plain = path.partition("?")[0]
        for one, told in sorted(self.described.items(), key=lambda item: item[0].count("{")):
            if method.lower() in told and re.fullmatch(re.sub(r"\{[^}]*\}", "[^/]+", one), plain):
                return {*told[method.lower()]["responses"], "404"}
        return {"400", "401", "404", "405"}


@pytest.mark.slow
def test_whatever_stands_in_one_place_of_a_request_the_answer_is_one_that_is_described(
    home: Home, tmp_path: Path
) -> None:
    full.fill(home, tmp_path)
    dice = random.Random(SEED)
    well = set()
    with TestClient(compose.door(home), raise_server_exceptions=False) as client:
        asker, asked = Asker(home, client), right.requests(home)
        for method, path, body in asked:
            for how, spoilt in spoiled(body, dice, MANY) if body is not None else ():
                if asker.ask(method, path, spoilt, how) < 300:
                    well.add((method, path))
            for value in re.findall(r"(?<=[/=])[^/?&=]+", path)[1:]:  # a name in the address, or after `?`
                for said in dice.sample(NAMES, 2):
                    asker.ask(method, path.replace(value, said, 1), json.dumps(body).encode(), said[:40])
            status = asker.ask(method, path, b"" if body is None else json.dumps(body).encode(), "as it is")
            if status < 300:
                well.add((method, path))
            elif (method, path) not in well:
                print(status, method, path, asker.last)
    print(sum(asker.statuses.values()), asker.statuses, *asker.wrong, sep="\n")
    assert asker.wrong == []
    assert len(well) > 0.75 * len(asked)


HALVES = (
    ("/v1/persons/lookup", {"namespace": "\ud83d", "value": "\ud83d"}, 400),
    ("/v1/persons/lookup", {"\ud83d": "x"}, 400),
    ("/v1/profiles", {"ids": ["p_00000000"], "dimensions": ["\ud83d"]}, 404),
    ("/v1/segments/overlap", {"segments": ["\ud83d", "x"]}, 404),
    ("/v1/segments/count", {"rule": r'Did("order.*", product="\ud83d")'}, 400),
    ("/v1/outreach/words/own", {"name_en": "\ud83d\ude00 \ud83d", "words": ["x"]}, 200),
)


def test_half_a_letter_in_a_body_is_shown_as_such_and_breaks_nothing(home: Home) -> None:
    """Clients cut texts in the middle of a sign; no store takes that, and no answer can say it."""
    with TestClient(compose.door(home), raise_server_exceptions=False) as client:
        asker = Asker(home, client)
        statuses = [asker.ask("POST", path, json.dumps(body).encode(), "") for path, body, _ in HALVES]
        assert json.loads(asker.last)["name_en"] == "\U0001f600 \ufffd"
    assert (asker.wrong, statuses) == ([], [status for _, _, status in HALVES])


def test_a_body_that_is_larger_than_the_settings_allow_is_refused(home: Home) -> None:
    small = replace(home, settings=home.settings.model_copy(update={"max_request_bytes": 2_000}))
    with TestClient(compose.door(small)) as client:
        asker = Asker(small, client)
        said = [{"rule": "AllOf()"}, {"rule": "x" * 2_000}]
        assert [asker.ask("POST", "/v1/segments/sql", json.dumps(one).encode(), "") for one in said] == [
            200,
            413,
        ]
    assert json.loads(asker.last)["code"] == "too_large" and asker.wrong == []
