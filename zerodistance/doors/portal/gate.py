"""The gate in front of pages and API: who asks, in which language, from which place; and the headers of every answer."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qs

from anyio import to_thread
from fastapi import Request
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from zerodistance.doors.portal import sessions
from zerodistance.kernel.access import Who
from zerodistance.kernel.errors import ZeroDistanceError
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import LANGS, Text

SESSION, GUEST, LANG, THEME = "zd_session", "zd_guest", "zd_lang", "zd_theme"
SAFE = {"GET", "HEAD", "OPTIONS"}
CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
SECURE = {
    "Content-Security-Policy": CSP,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
YEAR = 365 * 86_400


class Forged(ZeroDistanceError):
    """A form came from elsewhere or from a page of an older session."""

    code, status = "forged", 403
    text = Text(
        "这个请求不是从本页发出的，或者页面已过期；请刷新后再试",
        "this request did not come from this page, or the page is too old; reload it and try again",
    )


class Gate:
    """Sets `request.state.who`, `.lang`, `.theme` and `.csrf`, and adds the security headers.

    A program says who it is with `Authorization: Bearer <API key>`, a person with the session's cookie.
    """

    def __init__(
        self, app: ASGIApp, home: Home, refuse: Callable[[Request, ZeroDistanceError], Response]
    ) -> None:
        self.app = app
        self.home = home
        self.refuse = refuse
        """Makes the answer when nobody can be asked who it is: the state store is away."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        cookies = _cookies(headers)
        scope["state"] = state = dict(scope.get("state") or {})
        state["by_key"] = False
        trouble = await self._who(headers, cookies, state)
        asked = parse_qs(scope["query_string"].decode("latin-1")).get("lang", [""])[0]
        set_cookies = self._choose(state, headers, cookies, asked)
        if not state["by_key"]:
            secret = cookies.get(SESSION) if state["account"] else cookies.get(GUEST)
            if not secret:
                secret = secrets.token_urlsafe(16)
                set_cookies.append(cookie(GUEST, secret, scope))
            state["csrf"] = self.home.seal.token("portal.csrf", secret).hex()

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                out = MutableHeaders(scope=message)
                for name, value in SECURE.items():
                    out.setdefault(name, value)
                if not scope["path"].startswith(("/static/", "/v1/")):
                    for value in set_cookies:
                        out.append("Set-Cookie", value)
            await send(message)

        if trouble is not None:
            scope["app"] = self.app
            await self.refuse(Request(scope), trouble)(scope, receive, answer)
            return
        await self.app(scope, receive, answer)

    async def _who(
        self, headers: Headers, cookies: dict[str, str], state: dict[str, Any]
    ) -> ZeroDistanceError | None:
        state["account"] = state["who"] = None
        state["csrf"] = ""
        kind, _, key = headers.get("authorization", "").partition(" ")
        try:
            if kind.lower() == "bearer" and key:
                state["by_key"] = True
                if self.home.state.is_remote:
                    state["who"] = await to_thread.run_sync(sessions.who_of_key, self.home, key.strip())
                else:
                    state["who"] = sessions.who_of_key(self.home, key.strip())
            elif secret := cookies.get(SESSION):
                state["account"] = await to_thread.run_sync(sessions.account_of, self.home, secret)
        except ZeroDistanceError as error:
            return error
        return None

    def _choose(
        self, state: dict[str, Any], headers: Headers, cookies: dict[str, str], asked: str
    ) -> list[str]:
        account = state["account"]
        wanted = (asked, cookies.get(LANG, ""), (account and account.lang) or "", _accepted(headers))
        lang = next((w for w in wanted if w in LANGS), self.home.settings.lang)
        state["lang"] = lang
        theme = cookies.get(THEME) or (account and account.theme) or ""
        state["theme"] = theme if theme in ("light", "dark") else ""
        if account is not None:
            state["who"] = account.who(lang)
        elif state["who"] is not None:
            known: Who = state["who"]
            state["who"] = Who(known.account, known.name, known.role, known.units, lang)
        return [f"{LANG}={lang}; Path=/; Max-Age={YEAR}; SameSite=Lax"] if asked == lang else []


def cookie(name: str, value: str, scope: Scope, seconds: int | None = None) -> str:
    """Return a cookie that scripts can't read; `seconds` 0 removes it, None keeps it until the browser closes."""
    age = "" if seconds is None else f"; Max-Age={seconds}"
    secure = "; Secure" if scope.get("scheme") == "https" else ""
    return f"{name}={value}; Path=/; HttpOnly; SameSite=Lax{age}{secure}"


def _cookies(headers: Headers) -> dict[str, str]:
    try:
        return {key: morsel.value for key, morsel in SimpleCookie(headers.get("cookie", "")).items()}
    except CookieError:
        return {}


def _accepted(headers: Headers) -> str:
    for part in headers.get("accept-language", "").split(","):
        lang = part.split(";")[0].strip()[:2].lower()
        if lang in LANGS:
            return lang
    return ""


def same_origin(headers: Headers) -> bool:
    """Say whether the browser sent this from one of our own pages; a client without these headers is no browser."""
    if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return False
    origin = headers.get("origin")
    return origin is None or origin.split("://")[-1] == headers.get("host")


async def genuine(request: Request) -> None:
    """Refuse a change that did not come from a page of this session: origin and token must both be right.

    Raises
    ------
    Forged
        They are not. A program with an API key carries no cookie, so it can't be tricked and is let through.
    """
    if request.method in SAFE or request.state.by_key:
        return
    given = request.headers.get("x-csrf")
    if (
        given is None
        and request.headers.get("content-type", "").startswith(
            "application/x-www-form-urlencoded"  # no form of ours has parts: reading them would leave files plain on the disk
        )
    ):
        field = (await request.form()).get("csrf")
        given = field if isinstance(field, str) else None
    right = request.state.csrf
    if (
        not same_origin(request.headers)
        or not right
        or not hmac.compare_digest((given or "").encode(), right.encode())
    ):
        raise Forged()
