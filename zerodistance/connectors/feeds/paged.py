"""Rows of an HTTP API: page after page of JSON, each record as it stands there, and where its cursor stands."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit, urlunsplit

import msgspec

import zerodistance
from zerodistance.connectors.feeds.contracts import Cursor, Http, Secret, Value
from zerodistance.connectors.feeds.cursors import Position, back
from zerodistance.connectors.feeds.secrets import reveal
from zerodistance.connectors.feeds.web import Answer, Api, ApiRefused
from zerodistance.kernel.home import Home

_UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
_TIME = re.compile(r"\d{4}-\d\d-\d\d")


@contextmanager
def connected(home: Home, spec: Http, wait: Callable[[float], None]) -> Iterator[Api]:
    """Give the host of an API, with what it wants to know of us.

    Raises
    ------
    NoSecret, NoVariable
        A credential is not there.
    """
    headers = {
        "Accept": "application/json",
        "Accept-Encoding": "gzip",
        "User-Agent": f"zerodistance/{zerodistance.__version__}",
    }
    for name, value in spec.headers.items():
        headers[name] = _said(home, value)
    api = Api(spec, headers, wait)
    try:
        yield api
    finally:
        api.close()


def _said(home: Home, value: str | Secret) -> str:
    return reveal(home, value) if isinstance(value, Secret) else value


def rows(home: Home, api: Api, spec: Http, before: Position) -> Iterator[tuple[Value | None, bytes]]:
    """Yield the records from where a feed begins again, each as a line, with the value of the cursor where it has one."""
    cursor = spec.cursor
    first = with_params(spec.url, {name: _said(home, value) for name, value in spec.params.items()})
    if cursor is not None:
        start = cursor.start if before.upto is None else back(cursor, before.upto)
        if start is not None:
            first = with_params(first, {cursor.param: written(start, cursor)})
    path = tuple(cursor.field.split(".")) if cursor is not None else ()
    for records in pages(api, spec, first):
        for record in records:
            yield (value_of(record, path) if path else None), record + b"\n"


def value_of(record: bytes, path: tuple[str, ...]) -> Value | None:
    """Return what the cursor field of a record says: a number, a time where it looks like one, or a text; None: nothing."""
    try:
        found = json.loads(record)
    except (ValueError, RecursionError):
        return None  # the import will refuse it
    for step in path:
        found = found.get(step) if isinstance(found, dict) else None
    if isinstance(found, bool) or not isinstance(found, str | int | float):
        return None
    if isinstance(found, str) and _TIME.match(found):
        try:
            at = datetime.fromisoformat(found)
        except ValueError:
            return found
        return at if at.tzinfo is None else at.astimezone(UTC)
    return found


def written(value: Value, cursor: Cursor) -> str:
    """Return the value of a cursor as the API wants it.

    Examples
    --------
    >>> at = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    >>> [written(at, Cursor("at", format=form)) for form in ("iso", "epoch_s", "epoch_ms")]
    ['2026-01-02T03:04:05Z', '1767323045', '1767323045000']
    """
    if isinstance(value, datetime):
        if cursor.format != "iso":
            at = value.replace(tzinfo=UTC) if value.tzinfo is None else value
            return str(int(at.timestamp() * (1_000 if cursor.format == "epoch_ms" else 1)))
        return value.isoformat().replace("+00:00", "Z")
    return value.isoformat() if isinstance(value, date) else str(value)


def with_params(url: str, params: Mapping[str, str]) -> str:
    """Return an address with some parameters set.

    Examples
    --------
    >>> with_params("https://a.example/x?page=1&q=%E4%B8%AD", {"page": "2"})
    'https://a.example/x?q=%E4%B8%AD&page=2'
    """
    parts = urlsplit(url)
    kept = [(k, v) for k, v in parse_qsl(parts.query, keep_blank_values=True) if k not in params]
    return urlunsplit((parts.scheme, parts.netloc, parts.path, urlencode([*kept, *params.items()]), ""))


def pages(api: Api, spec: Http, first: str) -> Iterator[list[bytes]]:
    """Yield the records of each page as they stand there, from the address `first` on.

    Raises
    ------
    ApiAway, ApiRefused
        See `Api.get`; or an answer is not what the feed file says, or the pages never end.
    """
    paging, url = spec.paging, first
    number, seen = paging.first, {first}
    if paging.kind in ("page", "offset"):
        url = with_params(first, _page(spec, number))
    for _ in range(spec.max_pages):
        answer = api.get(url)
        records = _records(spec, answer.body)
        yield records
        if paging.kind == "none":
            return
        if paging.kind in ("page", "offset"):
            if not records or len(records) < paging.size:
                return
            number += 1 if paging.kind == "page" else len(records)
            url = with_params(first, _page(spec, number))
            continue
        following = _following(api, spec, answer, url, first)
        if following is None:
            return
        if following in seen:
            raise ApiRefused(spec.place, "下一页又指回前面的页", "its next page is one that came before")
        seen.add(following)
        url = following
    raise ApiRefused(
        spec.place,
        f"超过 {spec.max_pages} 页（max_pages）",
        f"it has more than {spec.max_pages} pages (max_pages)",
    )


def _page(spec: Http, number: int) -> dict[str, str]:
    size = {spec.paging.size_param: str(spec.paging.size)} if spec.paging.size_param else {}
    return {spec.paging.param: str(number), **size}


def _following(api: Api, spec: Http, answer: Answer, url: str, first: str) -> str | None:
    paging = spec.paging
    if paging.kind == "link":
        found = next_link(answer.headers.get("link", ""))
        return None if found is None else api.inside(urljoin(url, found))
    token = _decoded(spec, _at(spec, answer.body, paging.path, missing=True))
    if token in (None, "", False):
        return None
    if not isinstance(token, str | int):
        said = ".".join(paging.path)
        raise ApiRefused(spec.place, f"{said} 不是文字", f"{said} is no text")
    if paging.kind == "next":
        return api.inside(urljoin(url, str(token)))
    return with_params(first, {paging.param: str(token)})


def next_link(header: str) -> str | None:
    """Return the address of the next page in a `Link` header (RFC 8288), None if there is none.

    Examples
    --------
    >>> next_link('<https://a.example/?page=2>; rel="next", <https://a.example/?page=9>; rel="last"')
    'https://a.example/?page=2'
    """
    for part in header.split("<")[1:]:
        address, _, rest = part.partition(">")
        for word in rest.split(","):
            for parameter in word.split(";"):
                name, _, value = parameter.strip().partition("=")
                if name.lower() == "rel" and "next" in value.strip('"').lower().split():
                    return address
    return None


_RAWS = msgspec.json.Decoder(list[msgspec.Raw])
_FIELDS = msgspec.json.Decoder(dict[str, msgspec.Raw])


def _at(
    spec: Http, body: bytes | msgspec.Raw, path: tuple[str, ...], *, missing: bool = False
) -> msgspec.Raw:
    """Return the value at a path, as it stands there."""
    found = msgspec.Raw(bytes(body))
    for step in path:
        try:
            fields = _FIELDS.decode(found)
        except _UNREADABLE:
            raise _no_such(spec, path) from None
        if step not in fields:
            if missing:
                return msgspec.Raw(b"null")
            raise _no_such(spec, path)
        found = fields[step]
    return found


def _no_such(spec: Http, path: tuple[str, ...]) -> ApiRefused:
    said = ".".join(path)
    return ApiRefused(
        spec.place, f"回答不是 JSON，或里面没有 {said}", f"its answer is no JSON, or there is no {said} in it"
    )


def _decoded(spec: Http, raw: msgspec.Raw) -> Any:
    try:
        return msgspec.json.decode(raw)
    except _UNREADABLE:
        raise ApiRefused(spec.place, "回答不是 JSON", "its answer is no JSON") from None


def _records(spec: Http, body: bytes) -> list[bytes]:
    """Return the records of a page, each on one line."""
    try:
        found = _RAWS.decode(_at(spec, body, spec.records))
        return [msgspec.json.format(bytes(one), indent=-1) for one in found]
    except _UNREADABLE:
        said = ".".join(spec.records) or "JSON"
        raise ApiRefused(
            spec.place,
            f"回答里 {said} 处不是数组；用 records 写明记录在哪里",
            f"what stands at {said} in its answer is no array; say by `records` where the records are",
        ) from None
