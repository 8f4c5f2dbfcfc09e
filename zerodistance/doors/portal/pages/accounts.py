"""*Accounts*: who may log in, and the keys of programs. For admins."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from zerodistance.core.brand import api as brand
from zerodistance.doors.portal import accounts, sessions
from zerodistance.doors.portal.registry import Menu, register
from zerodistance.doors.portal.shell import go, home_of, lang_of, page, who_of
from zerodistance.kernel.access import Permission, Role
from zerodistance.kernel.errors import ZeroDistanceError
from zerodistance.kernel.text import Text
from zerodistance.kernel.web import Number

router = APIRouter()
Field = Annotated[str, Form()]
MENU = Menu(
    "accounts", "/accounts", "lock", Text("账号", "Accounts"), 90, group=2, need=Permission.MANAGE_ACCOUNTS
)


def _show(request: Request, status: int = 200, **values: object) -> Response:
    home, who = home_of(request), who_of(request)
    shown = {"link": "", "link_name": "", "key": "", "problem": "", "key_problem": "", "given": "", **values}
    units = brand.units(home, who)
    listed = {"accounts": accounts.accounts(home, who), "keys": sessions.keys(home, who), "units": units}
    names = {unit.number: unit.name for unit in units}
    return page(request, "accounts.html", status=status, here="accounts", unit_names=names, **listed, **shown)


def _role(given: str) -> Role:
    return next((role for role in accounts.ROLES if role.value == given), Role.ANALYST)


def _link(request: Request, secret: str) -> str:
    return f"{request.url.scheme}://{request.url.netloc}/once/{secret}"


@router.get("/accounts")
def listing(request: Request) -> Response:
    """List accounts and API keys."""
    return _show(request)


@router.post("/accounts")
def create(request: Request, name: Field, role: Field = "analyst", unit: Field = "") -> Response:
    """Create an account and show its one-time link, this once."""
    home, who = home_of(request), who_of(request)
    try:
        account = accounts.create(home, who, name.strip(), _role(role), [unit] if unit else [])
    except ZeroDistanceError as error:
        who.need(Permission.MANAGE_ACCOUNTS)
        return _show(request, error.status, problem=error.message(lang_of(request)), given=name)
    secret = accounts.one_time_login(home, who, account.name)
    return _show(request, link=_link(request, secret), link_name=account.name)


@router.post("/accounts/{number}/link")
def link(request: Request, number: Number, name: Field) -> Response:
    """Show a new one-time link; older ones of this account end."""
    secret = accounts.one_time_login(home_of(request), who_of(request), name)
    return _show(request, link=_link(request, secret), link_name=name)


@router.post("/accounts/{number}/{state}")
def switch(request: Request, number: Number, state: str) -> Response:
    """Switch an account off or on again."""
    accounts.disable(home_of(request), who_of(request), number, off=state == "off")
    return go("/accounts")


@router.post("/keys")
def create_key(request: Request, name: Field, role: Field = "analyst", unit: Field = "") -> Response:
    """Make an API key and show it, this once."""
    home, who = home_of(request), who_of(request)
    try:
        secret = sessions.create_key(home, who, name, _role(role), [unit] if unit else [])
    except ZeroDistanceError as error:
        who.need(Permission.MANAGE_ACCOUNTS)
        return _show(request, error.status, key_problem=error.message(lang_of(request)))
    return _show(request, key=secret)


@router.post("/keys/{number}/off")
def end_key(request: Request, number: Number) -> Response:
    """End an API key."""
    sessions.switch_key_off(home_of(request), who_of(request), number)
    return go("/accounts")


register("accounts", router, MENU)
