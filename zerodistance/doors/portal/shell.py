"""What every page shares: the frame, the words of the page's language, its formats, and who is looking."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape
from starlette.datastructures import URL
from starlette.routing import Match

from zerodistance.core.touchpoints.details import form
from zerodistance.doors.portal import assets, charts, registry
from zerodistance.doors.portal.formats import Formats
from zerodistance.kernel import clock
from zerodistance.kernel.access import Permission, Who
from zerodistance.kernel.errors import ZeroDistanceError
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text


class LoginNeeded(ZeroDistanceError):
    """Nobody is logged in."""

    code, status = "login_needed", 401
    text = Text("请先登录", "log in first")


@lru_cache(maxsize=1)
def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("zerodistance.doors.portal"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(form=form, brief=_brief)
    made.globals.update(asset=assets.url, spark=charts.spark, Permission=Permission, icon=_icon)
    return made


def _brief(content: Any) -> str:
    """Return a row on one line: its cells by column, an event as JSON."""
    values = content.get("values") if isinstance(content, dict) and set(content) == {"values"} else None
    if isinstance(values, dict):
        return " · ".join(f"{name}: {value}" for name, value in values.items() if value is not None)
    return content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)


def _icon(name: str, label: str = "") -> Markup:
    named = Markup(' role="img" aria-label="{}"').format(label) if label else Markup(' aria-hidden="true"')
    return Markup('<svg class="i"{}><use href="#{}"/></svg>').format(named, escape(name))


class Words:
    """`t(zh, en, ...)` of the templates: the text of the page's language with its fields filled in, escaped."""

    def __init__(self, lang: str) -> None:
        self.lang = lang

    def __call__(self, zh: str | Text, en: str = "", **values: object) -> Markup:
        """Return the text in the page's language; values are escaped, the text itself may hold markup."""
        if isinstance(zh, Text):
            return escape(zh.get(self.lang))
        return Markup(en if self.lang == "en" else zh).format(**values)

    def many(self, number: int, zh: str, one: str, more: str) -> Markup:
        """Return a number with its noun: 3 个标识, 1 identifier, 3 identifiers."""
        return self(f"{{n}} {zh}", f"{{n}} {one if number == 1 else more}", n=f"{number:,}")


def home_of(request: Request) -> Home:
    """Return the home that this application serves."""
    home: Home = request.app.state.home
    return home


def who_of(request: Request) -> Who:
    """Return who asks.

    Raises
    ------
    LoginNeeded
        Nobody is logged in.
    """
    who: Who | None = request.state.who
    if who is None:
        raise LoginNeeded()
    return who


def lang_of(request: Request) -> str:
    """Return the language of the answer: zh or en."""
    lang: str = request.state.lang
    return lang


def formats_of(request: Request) -> Formats:
    """Return the formats of the answer's language and the home's time zone."""
    return Formats(lang_of(request), home_of(request).settings.tz)


def page(request: Request, template: str, *, status: int = 200, **values: Any) -> HTMLResponse:
    """Render a template with the words, formats, menu and account of this request."""
    who: Who | None = request.state.who
    lang, here = lang_of(request), values.pop("here", None)
    shared = {
        "t": Words(lang),
        "f": formats_of(request),
        "lang": lang,
        "theme": request.state.theme,
        "who": who,
        "csrf": request.state.csrf,
        "menus": registry.menus(who) if who else [],
        "here": here,
        "path": request.url.path,
        "other_lang": _openable(request, here).include_query_params(lang="zh" if lang == "en" else "en"),
        "now": clock.micros(),
        "is_htmx": request.headers.get("HX-Request") == "true",
    }
    body = _environment().get_template(template).render({**shared, **values})
    return HTMLResponse(body, status, headers={"Cache-Control": "no-store"})


def _openable(request: Request, here: str | None) -> URL:
    """Return the address of this page, or after a form that of the nearest page that can be opened by it: a form can't."""
    if request.method in ("GET", "HEAD"):
        return request.url
    path = request.url.path
    above = ["/".join(path.split("/")[:n]) for n in range(path.count("/") + 1, 1, -1)]
    known = [menu.path for menu in registry.menus(request.state.who) if menu.key == here] if here else []
    found = (p for p in (above[0], *known, *above[1:]) if _answers_get(request, p))
    return request.url.replace(path=next(found, "/"), query="")


def _answers_get(request: Request, path: str) -> bool:
    asked = {**request.scope, "method": "GET", "path": path, "type": "http"}
    return any(route.matches(asked)[0] == Match.FULL for route in request.app.routes)


def go(path: str, status: int = 303) -> Response:
    """Send the browser to another page after a form."""
    return RedirectResponse(path, status)


def table_file(name: str, head: Sequence[str], rows: Iterable[Sequence[object]]) -> Response:
    """Return a table as a CSV file that spreadsheets open rightly: UTF-8 with a mark, formulas disarmed."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(head)
    for row in rows:
        writer.writerow([_disarmed(cell) for cell in row])
    headers = {"Content-Disposition": f'attachment; filename="{name}.csv"', "Cache-Control": "no-store"}
    return Response("\ufeff" + out.getvalue(), media_type="text/csv; charset=utf-8", headers=headers)


def _disarmed(cell: object) -> object:
    return f"'{cell}" if isinstance(cell, str) and cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell
