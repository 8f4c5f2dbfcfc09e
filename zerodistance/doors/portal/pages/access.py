"""Logging in and out, the one-time link, and one's own account."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from zerodistance.doors.portal import accounts, sessions
from zerodistance.doors.portal.contracts import Account, OnceUsed
from zerodistance.doors.portal.gate import SESSION, cookie
from zerodistance.doors.portal.registry import register
from zerodistance.doors.portal.shell import go, home_of, lang_of, page, who_of
from zerodistance.kernel.errors import ZeroDistanceError
from zerodistance.kernel.text import LANGS

router = APIRouter()
Field = Annotated[str, Form()]


def _inside(path: str) -> str:
    """Return `path` if it is one of ours, else the first page."""
    return path if path.startswith("/") and not path.startswith(("//", "/\\", "/login", "/once")) else "/"


def _enter(request: Request, account: Account, path: str) -> Response:
    answer = go(_inside(path))
    secret = sessions.open_session(home_of(request), account)
    seconds = home_of(request).settings.session_hours * 3_600
    answer.headers.append("Set-Cookie", cookie(SESSION, secret, request.scope, seconds))
    return answer


@router.get("/login")
def login_page(request: Request, next: str = "/") -> Response:
    """Show the login form; say how to begin when nobody has a password yet."""
    if request.state.who is not None:
        return go(_inside(next))
    return page(
        request,
        "login.html",
        next=next,
        name="",
        problem="",
        fresh=not accounts.has_password(home_of(request)),
    )


@router.post("/login")
def login(request: Request, name: Field, password: Field, next: Field = "/") -> Response:
    """Begin a session."""
    address = request.client.host if request.client else ""
    try:
        account = accounts.log_in(home_of(request), name.strip(), password, address)
    except ZeroDistanceError as error:
        values = {"next": next, "name": name, "problem": error.message(lang_of(request)), "fresh": False}
        return page(request, "login.html", status=error.status, **values)
    return _enter(request, account, next)


@router.post("/logout")
def logout(request: Request) -> Response:
    """End the session."""
    secret = request.cookies.get(SESSION)
    if secret:
        sessions.close_session(home_of(request), secret)
    answer = go("/login")
    answer.headers.append("Set-Cookie", cookie(SESSION, "", request.scope, 0))
    return answer


@router.get("/once/{secret}")
def once_page(request: Request, secret: str) -> Response:
    """Show the form that sets the password of a one-time link; looking does not use it up."""
    account = accounts.once_account(home_of(request), secret)
    return page(
        request, "once.html", secret=secret, name=account.name, problem="", least=accounts.PASSWORD_LENGTH
    )


@router.post("/once/{secret}")
def once(request: Request, secret: str, password: Field, again: Field) -> Response:
    """Set the password, use the link up and begin a session."""
    home = home_of(request)
    try:
        account = accounts.use_once(home, secret, password, again)
    except OnceUsed:
        raise
    except ZeroDistanceError as error:
        name = accounts.once_account(home, secret).name
        values = {"secret": secret, "name": name, "problem": error.message(lang_of(request))}
        return page(request, "once.html", status=error.status, least=accounts.PASSWORD_LENGTH, **values)
    return _enter(request, account, "/")


@router.get("/me")
def me(request: Request, saved: str = "") -> Response:
    """Show one's own account."""
    who_of(request)
    return page(request, "me.html", saved=saved, problem="", least=accounts.PASSWORD_LENGTH)


@router.post("/me/look")
def look(
    request: Request, lang: Annotated[str | None, Form()] = None, theme: Annotated[str | None, Form()] = None
) -> Response:
    """Keep language and theme with the account; before login the cookies alone keep them."""
    if request.state.who is not None:
        accounts.set_look(home_of(request), request.state.who, lang=lang, theme=theme)
    return go(f"/me?lang={lang}") if lang in LANGS else Response(status_code=204)


@router.post("/me/password")
def password(request: Request, old: Field, password: Field, again: Field) -> Response:
    """Change one's own password; other sessions end, this one begins anew."""
    home, who = home_of(request), who_of(request)
    try:
        accounts.change_password(home, who, old, password, again)
    except ZeroDistanceError as error:
        problem = error.message(lang_of(request))
        return page(
            request, "me.html", status=error.status, saved="", problem=problem, least=accounts.PASSWORD_LENGTH
        )
    return _enter(request, request.state.account, "/me?saved=password")


register("access", router)
