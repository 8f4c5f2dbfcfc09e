"""What people and gateways open, without an account: links of messages, withdrawing by one click, the inbox, where receipts are posted.

A bare ASGI callable in front of the gate: it sets no cookie, asks for no session, and knows nobody but by the token of an address.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from html import escape
from typing import Any
from urllib.parse import parse_qs

import msgspec
from starlette.types import Receive, Scope, Send

from zerodistance.core.outreach import answers, catalogue, letters
from zerodistance.core.outreach.answers import OptOut
from zerodistance.core.outreach.channels import opening, setting
from zerodistance.core.outreach.channels.described import Sms
from zerodistance.core.outreach.contracts import CHANNELS, ChannelName
from zerodistance.kernel import clock
from zerodistance.kernel.errors import Invalid, NotFound, ZeroDistanceError
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text

INBOX = "/v1/inbox"
TOKENS = f"{INBOX}/tokens"
_OPEN = ("/m/", "/u/", "/r/")
_MOST_BYTES = 1 << 20  # own value: a call of a gateway
_AHEAD = (b"purpose", b"sec-purpose", b"x-purpose", b"x-moz")
_STYLE = (
    ":root{color-scheme:light dark;--bg:#f6f7f7;--card:#fff;--ink:#1d2327;--soft:#5a666e;--on:#0f6674;--onink:#fff;--line:#dde2e4}"
    "@media(prefers-color-scheme:dark){:root{--bg:#14181b;--card:#1c2226;--ink:#e8ecee;--soft:#a3b0b7;--on:#63c3d2;--onink:#0b1214;--line:#313a40}}"
    "*{box-sizing:border-box}body{margin:0;min-height:100vh;display:grid;place-items:center;padding:16px;background:var(--bg);color:var(--ink);"
    "font:16px/1.6 system-ui,'PingFang SC','Noto Sans CJK SC','Microsoft YaHei',sans-serif}"
    "main{width:100%;max-width:440px;background:var(--card);border:1px solid var(--line);border-radius:10px;padding:28px}"
    "h1{font-size:20px;margin:0 0 12px}p{margin:0 0 12px}.s{color:var(--soft);font-size:14px}"
    "button{font:inherit;font-weight:600;width:100%;min-height:48px;border:0;border-radius:8px;background:var(--on);color:var(--onink);"
    "cursor:pointer;margin:8px 0 16px}"
    ":focus-visible{outline:2px solid var(--on);outline-offset:2px}a{color:var(--on)}"
)
_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_CSP = f"default-src 'none'; img-src data:; style-src 'sha256-{_HASH}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
_SAFE = {
    "Content-Security-Policy": _CSP,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "X-Robots-Tag": "noindex, nofollow",
}
_ANYWHERE = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "GET, POST, OPTIONS",
    "Access-Control-Allow-Headers": "Authorization, Content-Type",
    "Access-Control-Max-Age": "86400",
}
"""The inbox may be read by scripts of any web page: it answers to a token, never to a cookie."""


@dataclass(frozen=True)
class _Answer:
    status: int = 200
    body: bytes = b""
    type: str = "text/html; charset=utf-8"
    headers: dict[str, str] = field(default_factory=dict)


_PROBLEM = {
    "description": "the token is none, or its time is over",
    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
}
_MESSAGE = {
    "type": "object",
    "properties": {
        "id": {"type": "string"},
        "title": {"type": "string"},
        "text": {"type": "string"},
        "purpose": {"type": "string"},
        "at": {"type": "string", "format": "date-time"},
        "read_at": {"type": ["string", "null"], "format": "date-time"},
    },
}
_LISTED = {
    "type": "object",
    "properties": {
        "messages": {"type": "array", "items": _MESSAGE},
        "unread": {"type": "integer"},
        "before": {"type": ["string", "null"]},
    },
}
SECURITY: dict[str, Any] = {
    "inboxToken": {"type": "http", "scheme": "bearer", "description": f"a token of `POST {TOKENS}`"}
}
PATHS: dict[str, Any] = {
    INBOX: {
        "get": {
            "tags": ["outreach"],
            "operationId": "read_inbox",
            "summary": "the messages to whoever has signed in, the latest first",
            "parameters": [
                {
                    "name": "limit",
                    "in": "query",
                    "schema": {"type": "integer", "minimum": 1, "maximum": letters.MOST, "default": 20},
                },
                {"name": "before", "in": "query", "schema": {"type": "string", "pattern": "^[0-9]+$"}},
                {"name": "unread", "in": "query", "schema": {"type": "string", "enum": ["0", "1"]}},
            ],
            "responses": {
                "200": {"description": "messages", "content": {"application/json": {"schema": _LISTED}}},
                **{str(status): _PROBLEM for status in (400, 401, 404, 503)},
            },
            "security": [{"inboxToken": []}],
        }
    },
    f"{INBOX}/{{message}}/read": {
        "post": {
            "tags": ["outreach"],
            "operationId": "mark_inbox_read",
            "summary": "note that a message was read",
            "parameters": [{"name": "message", "in": "path", "required": True, "schema": {"type": "string"}}],
            "responses": {
                "204": {"description": "noted"},
                **{str(status): _PROBLEM for status in (400, 401, 404, 503)},
            },
            "security": [{"inboxToken": []}],
        }
    },
}
"""What `/v1/openapi.json` says of it."""


class People:
    """Answers people and gateways."""

    def __init__(self, home: Home) -> None:
        self._home = home

    @staticmethod
    def handles(scope: Scope) -> bool:
        """Say whether a request is for it; tokens of the inbox are asked for with an API key, by another way."""
        path: str = scope["path"]
        return path.startswith(_OPEN) or (
            (path == INBOX or path.startswith(f"{INBOX}/"))
            and (path != TOKENS or scope["method"] == "OPTIONS")
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        scope["shown"] = f"/{scope['path'][1:2]}/…" if scope["path"].startswith(_OPEN) else INBOX
        answer = await self._answer(scope, receive)
        headers = {
            **_SAFE,
            "Content-Type": answer.type,
            "Content-Length": str(len(answer.body)),
            **answer.headers,
        }
        raw = [(name.lower().encode(), value.encode("latin-1", "replace")) for name, value in headers.items()]
        body = b"" if scope["method"] == "HEAD" else answer.body
        await send({"type": "http.response.start", "status": answer.status, "headers": raw})
        await send({"type": "http.response.body", "body": body})

    async def _answer(self, scope: Scope, receive: Receive) -> _Answer:
        lang, path = _lang(scope, self._home.settings.lang), scope["path"]
        try:
            body = await _read(receive) if scope["method"] == "POST" else b""
            work = self._work(scope, body, lang)
            return await self._home.state.aside(work)
        except ZeroDistanceError as error:
            again = {"Retry-After": "5"} if error.status == 503 else {}
            if path.startswith((INBOX, "/r/")):
                cors = _ANYWHERE if path.startswith(INBOX) else {}
                return _json(error.as_dict(lang), error.status, {**cors, **again})
            return _page(lang, error.status, _title(error, lang), error.message(lang), headers=again)

    def _work(self, scope: Scope, body: bytes, lang: str) -> Callable[[], _Answer]:
        path, method = scope["path"], scope["method"]
        if path.startswith(INBOX):
            return lambda: self._inbox(scope, lang)
        kind, _, rest = path[1:].partition("/")
        if kind == "r" and method in ("POST", "GET"):
            return lambda: self._receipts(rest, body or scope["query_string"])
        if kind == "m" and method in ("GET", "HEAD"):
            return lambda: self._link(rest, counts=method == "GET" and not _looks_ahead(scope))
        if kind == "u" and method in ("GET", "HEAD", "POST"):
            return lambda: self._opt_out(rest, lang, done=method == "POST")
        return lambda: _page(
            lang, 405, *_WRONG_WAY.get(lang, _WRONG_WAY["en"]), headers={"Allow": "GET, POST"}
        )

    def _link(self, rest: str, *, counts: bool) -> _Answer:
        if rest.endswith(".gif"):
            if counts:
                answers.look(self._home, rest[:-4])
            return _Answer(200, answers.PICTURE, "image/gif")
        url = answers.follow(self._home, rest, counts=counts)
        return _Answer(302, b"", headers={"Location": _ascii(url)})

    def _opt_out(self, token: str, lang: str, *, done: bool) -> _Answer:
        found = answers.withdraw(self._home, token) if done else answers.opt_out(self._home, token)
        return _opt_out_page(lang, self._name(found.channel, lang), found)

    def _name(self, channel: str, lang: str) -> str:
        said = catalogue.sender_of(self._home).name
        named = said.get(lang) or said.zh or said.en
        if named:
            return named
        sender = setting.sender_name(self._home, channel)
        return "" if sender is None else sender.get(lang)

    def _receipts(self, rest: str, body: bytes) -> _Answer:
        name, _, secret = rest.partition("/")
        if not setting.is_receipts_path(self._home, name, secret):
            raise NotFound(what=Text("地址", "address"), given=name[:20])
        taken = answers.take_call(self._home, name, body)
        spec = opening.description(self._home, name)
        if isinstance(spec, Sms):
            return _Answer(200, spec.answer.encode(), "text/plain; charset=utf-8")
        said = {"receipts": taken.receipts, "replies": taken.replies, "passed_over": taken.passed_over}
        return _json(said)

    def _inbox(self, scope: Scope, lang: str) -> _Answer:
        if scope["method"] == "OPTIONS":
            return _Answer(204, headers=_ANYWHERE)
        subjects = letters.subjects_of(self._home, _bearer(scope))
        rest = scope["path"][len(INBOX) :].strip("/").split("/")
        if rest == [""] and scope["method"] == "GET":
            asked = parse_qs(scope["query_string"].decode("latin-1"))
            return self._listed(subjects, asked)
        if len(rest) == 2 and rest[1] == "read" and scope["method"] == "POST":
            letters.mark_read(self._home, subjects, rest[0])
            return _Answer(204, headers=_ANYWHERE)
        raise NotFound(what=Text("地址", "address"), given=scope["path"][:80])

    def _listed(self, subjects: tuple[int, ...], asked: dict[str, list[str]]) -> _Answer:
        limit = asked.get("limit", ["20"])[0]
        if not limit.isdecimal() or not 1 <= int(limit[:9]) <= letters.MOST:
            why = Text(f"1 到 {letters.MOST}", f"1 to {letters.MOST}")
            raise Invalid(field="limit", given=limit[:20], why=why)
        page = letters.read(
            self._home,
            subjects,
            before=asked.get("before", [None])[0],
            unread=asked.get("unread", ["0"])[0] in ("1", "true"),
            limit=int(limit),
        )
        messages = [
            {
                "id": one.id,
                "title": one.title,
                "text": one.text,
                "purpose": one.purpose,
                "at": clock.from_micros(one.put_at).isoformat(),
                "read_at": None if one.read_at is None else clock.from_micros(one.read_at).isoformat(),
            }
            for one in page.letters
        ]
        return _json({"messages": messages, "unread": page.unread, "before": page.before}, headers=_ANYWHERE)


_WRONG_WAY = {
    "zh": ("打不开", "这个地址不能这样打开。"),
    "en": ("It can't be opened", "This address can't be opened this way."),
}


def _title(error: ZeroDistanceError, lang: str) -> str:
    if error.status == 503:
        return Text("请稍后再试", "Try again in a moment").get(lang)
    return Text("打不开", "It can't be opened").get(lang)


def _opt_out_page(lang: str, name: str, found: OptOut) -> _Answer:
    if not found.is_known:
        return _said(lang, _GONE, {})
    whose = Text(name or "我们", name or "we")
    values = {"whose": whose, "by": CHANNELS[ChannelName(found.channel)], "of": found.purpose}
    if found.is_done:
        return _said(lang, _DONE, values)
    button = escape(Text("退订", "Unsubscribe").get(lang))
    return _said(lang, _ASKED, values, f'<form method="post"><button>{button}</button></form>')


def _said(lang: str, parts: tuple[Text, ...], values: Mapping[str, Text], form: str = "") -> _Answer:
    title, text, *more = (part.format(**values).get(lang) for part in parts)
    return _page(lang, 200, title[:1].upper() + title[1:], text[:1].upper() + text[1:], *more, form=form)


_GONE = (
    Text("没有这条消息的记录了", "Nothing is kept of this message"),
    Text(
        "收件人的数据已经删除，或者消息太早了。如果还收到消息，请用最新一条里的链接退订。",
        "What was kept of its reader is deleted, or the message is too old. If messages still come, use the link in the latest one.",
    ),
)
_ASKED = (
    Text("退订{of}消息？", "Unsubscribe from {of} messages?"),
    Text(
        "点下面的按钮，{whose}就不再通过{by}给您发{of}消息。马上生效，不用登录。",
        "One click, and {whose} will send you no more {of} messages by {by}. It holds at once; no login is needed.",
    ),
)
_DONE = (
    Text("已退订", "You are unsubscribed"),
    Text("{whose}不会再通过{by}给您发{of}消息。", "{whose} will send you no more {of} messages by {by}."),
    Text(
        "与您的订单和服务有关的通知仍会送达。点错了可以在原来同意的地方重新打开。",
        "Notices about your orders and services still reach you. If this was a mistake, agree again where you did before.",
    ),
)


def _page(
    lang: str,
    status: int,
    title: str,
    text: str,
    more: str = "",
    *,
    form: str = "",
    headers: dict[str, str] | None = None,
) -> _Answer:
    tag = "en" if lang == "en" else "zh-CN"
    small = f'<p class="s">{escape(more)}</p>' if more else ""
    html = (
        f'<!doctype html><html lang="{tag}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>{escape(title)}</title><link rel="icon" href="data:,"><style>{_STYLE}</style></head>'
        f'<body><main><h1>{escape(title)}</h1><p role="status">{escape(text)}</p>{form}{small}</main></body></html>'
    )
    return _Answer(status, html.encode(), headers=headers or {})


def _json(said: Any, status: int = 200, headers: dict[str, str] | None = None) -> _Answer:
    return _Answer(status, msgspec.json.encode(said), "application/json", headers or {})


def _ascii(url: str) -> str:
    from urllib.parse import quote

    return quote(url, safe="%/:=&?~#+!$,;'@()*[]|-._")


def _bearer(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"authorization" and value[:7].lower() == b"bearer ":
            return str(value[7:].strip().decode("latin-1"))
    return ""


def _looks_ahead(scope: Scope) -> bool:
    return any(name in _AHEAD and b"prefetch" in value.lower() for name, value in scope["headers"])


def _lang(scope: Scope, otherwise: str) -> str:
    asked: str = parse_qs(scope["query_string"].decode("latin-1")).get("lang", [""])[0]
    if asked in ("zh", "en"):
        return asked
    for name, value in scope["headers"]:
        if name == b"accept-language":
            for part in value.decode("latin-1").split(","):
                lang: str = part.split(";")[0].strip()[:2].lower()
                if lang in ("zh", "en"):
                    return lang
    return otherwise


async def _read(receive: Receive) -> bytes:
    body: bytes = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > _MOST_BYTES:
            why = Text(f"最多 {_MOST_BYTES} 字节", f"at most {_MOST_BYTES} bytes are allowed")
            raise Invalid(field="body", given=f"{len(body)} bytes", why=why)
        if not message.get("more_body"):
            return body
