"""Pure rules of the door: who a request says it is, which origins match, and the names of counters and reasons."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from urllib.parse import parse_qs

from zerodistance.kernel.text import Text

BODY = "body"
"""Why a whole body stands in the quarantine that the door has answered with 400."""
NOBODY = "nobody"
"""Why a row stands there that says of nobody who it is, although its mapping wants somebody."""

REASONS: dict[str, Text] = {
    BODY: Text("整个正文读不懂，已答 400", "the whole body can't be read; it was answered 400"),
    "not_json": Text("不是 JSON", "not JSON"),
    "not_an_object": Text("不是 JSON 对象", "not a JSON object"),
    "no_type": Text("没有 type", "has no type"),
    "unknown_type": Text(
        "type 不在 track、identify、page、screen、group、alias 之中",
        "its type is none of track, identify, page, screen, group, alias",
    ),
    "no_identifier": Text("没有任何标识，也没有名称", "carries neither an identifier nor a name"),
    NOBODY: Text("标识都不能用，不知道是谁", "no identifier that can be used: it says of nobody who it is"),
    "bad_timestamp": Text("时间读不懂", "a time can't be read"),
    "too_large": Text("超过来源允许的单条大小", "larger than the source allows one event to be"),
    "bad_type": Text("某个字段的类型不对", "a field has another type than it should"),
    "schema": Text("不合来源的约定", "breaks the source's schema"),
    "bad_row": Text("这一行读不懂", "the row can't be read"),
    "missing_value": Text("必需的值没有给", "a required value is missing"),
    "no_kind": Text("映射里没有一条类型规则适用", "no rule of the mapping names its kind"),
    "unreadable": Text("程序处理它时出错；原样保留", "the program failed on it; it is kept as it came"),
    "bad_value": Text("某一列的值不合要求", "a value is not what its column allows"),
}
"""Why a row stands in the quarantine: stable code -> words."""


def reason_words(code: str) -> Text:
    """Return what a reason says; one of another version of the program is its code."""
    return REASONS.get(code, Text(code, code))


COUNTERS: dict[str, Text] = {
    "clock_ahead": Text(
        "时间在未来、改为接收时间的交互", "touches whose time lay ahead, taken as the time of receipt"
    ),
    "sent_at_ignored": Text("发送时间读不懂的批", "batches whose sentAt can't be read"),
    "half_letters": Text("带半个表情的正文或事件", "bodies or events with half an emoji"),
    "door_200": Text("已接收的请求", "requests accepted"),
    "door_events": Text("已接收的事件", "events accepted"),
    "door_bytes": Text("已接收的字节（按发送时）", "bytes accepted, as sent"),
    "door_400": Text("因格式不对拒收的请求", "requests refused: malformed"),
    "door_body_kept": Text(
        "因格式不对拒收、正文留在隔离区的请求", "malformed requests whose body is kept in the quarantine"
    ),
    "door_body_let_go": Text(
        "因格式不对拒收、超过上限没有留下正文的请求",
        "malformed requests whose body was let go: over the bound, or the disk is short",
    ),
    "door_401": Text(
        "因密钥不对或来源已停用拒收的请求", "requests refused: unknown key or source switched off"
    ),
    "door_403": Text("因网页来源不被允许拒收的请求", "requests refused: origin not allowed"),
    "door_408": Text("因发送太慢放弃的请求", "requests given up: sent too slowly"),
    "door_413": Text("因太大拒收的请求", "requests refused: too large"),
    "door_429": Text(
        "因内存或磁盘吃紧请对方稍后再发的请求", "requests asked to come later: memory or disk is short"
    ),
    "door_over_rate": Text(
        "因超过来源每秒上限拒收的请求", "requests refused: over the source's events a second"
    ),
    "door_over_day": Text("因超过来源每天上限拒收的请求", "requests refused: over the source's events a day"),
    "schema_observed": Text(
        "不合约定但照收的事件", "events taken in although they break the source's schema"
    ),
    "door_metrics": Text(
        "客户端关于自身的度量（不成为交互）", "metrics of clients about themselves (no touches)"
    ),
    "door_500": Text("因程序出错没有接收的请求", "requests not taken: the program failed"),
    "door_503": Text(
        "因写入失败请对方稍后再发的请求", "requests asked to come later: the journal could not be written"
    ),
}
"""What is counted per source and hour: stable name -> words. Source 0 stands for "no known source"."""

ALLOWED_HEADERS = (
    "authorization",
    "content-type",
    "content-encoding",
    "x-retry-count",
    "x-write-key",
    "x-enable-debug",
    "x-ip-policy",
    "anonymousid",
)
MOST_ASKED = 64  # own value: header names that are read from one preflight
MAX_KEY = 256  # own value: longer "keys" are not looked up

_HEADER = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_ORIGIN = re.compile(r"(https?)://(\*\.)?([a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\])(:\d{1,5})?")
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}


def basic_user(authorization: str) -> str | None:
    """Return the user of a `Basic` authorization, None if it is none.

    Examples
    --------
    >>> basic_user("Basic a2V5Og==")
    'key'
    """
    scheme, _, rest = authorization.strip().partition(" ")
    if scheme.lower() != "basic":
        return None
    rest = rest.strip()
    try:
        user = base64.b64decode(rest + "=" * (-len(rest) % 4), validate=True)
        return user.partition(b":")[0].decode()
    except (binascii.Error, ValueError):
        return None


def header_value(write_key: str) -> bytes:
    """Return the authorization header that unmodified clients send for a write key."""
    return b"Basic " + base64.b64encode(f"{write_key}:".encode())


def key_candidates(authorization: str, x_write_key: str, query: str) -> Iterator[str]:
    """Yield what a request may mean as its write key, strongest first; the key in the body comes after these.

    `X-Write-Key` is the key itself or `id:secret`, of which either half may be it.
    """
    user = basic_user(authorization) if authorization else None
    if user:
        yield user
    if x_write_key:
        whole = x_write_key.strip()
        yield whole
        if ":" in whole:
            first, _, second = whole.partition(":")
            yield second
            yield first
    if query:
        try:
            yield from parse_qs(query, max_num_fields=100).get("writeKey", ())
        except ValueError:
            return


def clean_origin(given: str) -> str | None:
    """Return a web origin in the form browsers send it (`*` for any, `https://*.example.com` for subdomains), or None.

    Examples
    --------
    >>> clean_origin("HTTPS://Shop.Example.com:443/")
    'https://shop.example.com'
    """
    text = given.strip().lower().rstrip("/")
    if text in ("*", "null"):
        return text
    found = _ORIGIN.fullmatch(text)
    if found is None or ".." in text:
        return None
    if found[4] == _DEFAULT_PORTS[found[1]]:
        return text.removesuffix(found[4])
    return text


def origin_allowed(origin: str, allowed: tuple[str, ...]) -> bool:
    """Say whether a browser page of `origin` may send to a source with these allowed origins."""
    if "*" in allowed:
        return True
    origin = origin.lower()
    if origin in allowed:
        return True
    scheme, _, host = origin.partition("://")
    return any(
        a.startswith(f"{scheme}://*.") and host.endswith(a.partition("://*")[2])
        for a in allowed
        if "://*." in a
    )


def reflected_headers(asked: str) -> str:
    """Return the request headers a preflight is told it may use: ours, and what it asks for if it is the name of a header.

    Clients add headers from one version to the next (`sentat`, `rsa-retry-attempt`); what a page may send is decided by its origin.
    """
    extra = {name.strip().lower() for name in asked.split(",")[:MOST_ASKED]} - set(ALLOWED_HEADERS)
    return ", ".join([*ALLOWED_HEADERS, *sorted(n for n in extra if _HEADER.fullmatch(n))])
