"""*Word lists* of outreach: what advertising may not say, with its source; looked at, tried, changed in versions."""

from __future__ import annotations

from typing import Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from zerodistance.core.outreach import api as outreach
from zerodistance.core.outreach import words
from zerodistance.core.outreach.contracts import PURPOSES
from zerodistance.core.outreach.words import FORBIDDEN, MIND, Entry, WordList
from zerodistance.doors.portal.registry import register
from zerodistance.doors.portal.shell import go, home_of, lang_of, page, table_file, who_of
from zerodistance.kernel.access import Permission
from zerodistance.kernel.errors import Invalid, ZeroDistanceError
from zerodistance.kernel.text import Text

router = APIRouter()
Field = Annotated[str, Form()]
WEIGHTS = {FORBIDDEN: Text("禁用", "forbidden"), MIND: Text("要看", "check it")}
LANGS = {"": Text("两种语言", "both languages"), "zh": Text("中文", "Chinese"), "en": Text("英文", "English")}


@router.get("/outreach/words")
def listing(request: Request) -> Response:
    """List the lists, with a place to try a text."""
    return _listing(request)


def _listing(request: Request, **values: Any) -> Response:
    outreach.may_look(who_of(request))
    shown = {"text": "", "found": None, **values}
    return page(
        request,
        "outreach_words.html",
        here="outreach",
        lists=words.lists(home_of(request)),
        langs=LANGS,
        weights=WEIGHTS,
        may=who_of(request).may(Permission.MANAGE_OUTREACH),
        **shown,
    )


@router.post("/outreach/words")
def find(request: Request, text: Field = "") -> Response:
    """Say which words a text uses, in either language."""
    lists = words.lists(home_of(request))
    found = [one for lang in ("zh", "en") for one in words.find(text[:60_000], lists, lang, "marketing")]
    return _listing(request, text=text, found=list(dict.fromkeys(found)))


@router.get("/outreach/words/new")
def new(request: Request) -> Response:
    """Show an empty list."""
    who_of(request).need(Permission.MANAGE_OUTREACH)
    return _list(request, WordList("", Text("", ""), "", "", "", ()), is_new=True)


@router.get("/outreach/words/{key}.csv")
def list_file(request: Request, key: str) -> Response:
    """Give a list as a CSV file."""
    outreach.may_look(who_of(request))
    one = words.show(home_of(request), key)
    rows = [(e.word, e.weight, ", ".join(e.unless), e.why or one.source) for e in one.entries]
    return table_file(f"words-{key}", ("word", "weight", "unless", "source"), rows)


@router.get("/outreach/words/{key}")
def detail(request: Request, key: str, done: str = "") -> Response:
    """Show a list: its words, as a table, and as text for who may change it."""
    return _list(request, words.show(home_of(request), key), done=done)


def _list(request: Request, one: WordList, status: int = 200, **values: Any) -> Response:
    outreach.may_look(who_of(request))
    shown = {"problem": "", "done": "", "is_new": False, "lines": lines(one), **values}
    return page(
        request,
        "outreach_list.html",
        status=status,
        here="outreach",
        one=one,
        langs=LANGS,
        weights=WEIGHTS,
        purposes=PURPOSES,
        may=who_of(request).may(Permission.MANAGE_OUTREACH),
        **shown,
    )


def lines(one: WordList) -> str:
    """Return the words of a list as text, one a line: `word | mind | unless, unless | why`."""
    return "\n".join(_line(entry) for entry in one.entries)


def _line(entry: Entry) -> str:
    parts = [
        entry.word,
        entry.weight if entry.weight != FORBIDDEN else "",
        ", ".join(entry.unless),
        entry.why,
    ]
    return " | ".join(parts).rstrip(" |")


def read(text: str) -> list[dict[str, Any]]:
    """Return the words of a text as `words.of_dict` reads them."""
    found = []
    for line in text.splitlines():
        if not line.strip():
            continue
        word, weight, unless, why = (*(part.strip() for part in line.split("|", 3)), "", "", "")[:4]
        some = [one.strip() for one in unless.replace("，", ",").split(",") if one.strip()]
        found.append({"word": word, "weight": weight or FORBIDDEN, "unless": some, "why": why})
    return found


@router.post("/outreach/words/{key}")
async def save(request: Request, key: str) -> Response:
    """Save a list, or a new version of one."""
    given = await request.form()
    form = {name: str(value) for name, value in given.items()}
    purposes = [str(one) for one in given.getlist("purposes")]
    return await to_thread.run_sync(_save, request, key, form, purposes)


def _save(request: Request, key: str, form: dict[str, str], purposes: list[str]) -> Response:
    home, who = home_of(request), who_of(request)
    is_new = key == "new"
    wanted = form.get("key", "").strip() if is_new else key
    said = {name: form.get(name, "").strip() for name in ("name_zh", "name_en", "lang", "source", "as_of")}
    more: dict[str, Any] = {"purposes": purposes, "on": form.get("on") == "1"}
    try:
        if is_new and any(one.key == wanted for one in words.lists(home)):
            why = Text("这个键已经有了", "there is one with this key")
            raise Invalid(field=Text("键", "the key"), given=wanted, why=why)
        words.save(home, who, wanted, {**said, **more, "words": read(form.get("words", ""))})
    except ZeroDistanceError as error:
        one = WordList(
            wanted, Text(said["name_zh"], said["name_en"]), said["lang"], said["source"], said["as_of"], ()
        )
        shown = {"problem": error.message(lang_of(request)), "lines": form.get("words", ""), "is_new": is_new}
        return _list(request, one, error.status, **shown)
    return go(f"/outreach/words/{wanted}?done=saved")


register("outreach_words", router)
