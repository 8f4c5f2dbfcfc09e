"""What somebody asks for when groups are to be made: looked at before anything is noted, and noted for who makes them."""

from __future__ import annotations

import re
from typing import Any

from pyroaring import BitMap

from zerodistance.core.profiles import api as profiles
from zerodistance.core.segments import rules, saved
from zerodistance.core.segments.contracts import Has, In, Rule
from zerodistance.core.segments.groups import kept, store
from zerodistance.core.segments.groups.contracts import (
    DIMENSION,
    FEWEST,
    MOST,
    Asked,
    GroupingCircle,
    GroupingExists,
)
from zerodistance.kernel import clock
from zerodistance.kernel.access import Permission, Who
from zerodistance.kernel.errors import Invalid
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text

KEY = r"[a-z][a-z0-9_]{0,39}"
"""What the key of a grouping looks like; also a pattern for browsers."""
_SYSTEM = Who.system("segments")
_LONGEST = 80  # own value: letters of a name


def begin(
    home: Home,
    who: Who,
    key: str,
    asked: Asked | None,
    name: Text | None,
    unit: int | None,
    *,
    by: str | None,
) -> None:
    """Note what a grouping is to be made of, a new one or one that is there; with `by` the worker makes it. Raises as `api.ask`."""
    who.need(Permission.MANAGE_SEGMENTS)
    who.need(Permission.SEE_PERSONS)
    if not re.fullmatch(KEY, key):
        why = Text(
            "1 到 40 个 a-z、0-9 和 _，字母开头，如 buyers",
            "1 to 40 of a-z, 0-9 and _, a letter first, like buyers",
        )
        raise Invalid(field=Text("键", "key"), given=key, why=why)
    if not who.sees_unit(unit):
        why = Text("它不在这个账号的小微之列", "it is none of this account's units")
        raise Invalid(field=Text("小微", "unit"), given=unit, why=why)
    if name is not None:
        check_name(name)
    if asked is not None:
        _check(home, who, key, asked)
    at = clock.micros()
    wanted = {"wanted_by": by, "wanted_at": at if by else None, "trouble_zh": None, "trouble_en": None}
    with home.state.write() as tx:
        rows = store.living(tx, key)
        if not rows:
            called = name or Text(key, key)
            said = kept.asked_text(asked or Asked())
            about = {"unit_id": unit, "name_zh": called.zh, "name_en": called.en, "asked": said}
            store.add(tx, key=key, made_by=who.name, made_at=at, **about, **wanted)
            return
        if not who.sees_unit(rows[0]["unit_id"]):
            raise GroupingExists(key=key)
        changed: dict[str, Any] = {} if asked is None else {"asked": kept.asked_text(asked)}
        if name is not None:
            changed |= {"name_zh": name.zh, "name_en": name.en}
        store.change(tx, rows[0]["number"], **changed, **wanted)


def _check(home: Home, who: Who, key: str, asked: Asked) -> None:
    if asked.groups is not None and not FEWEST <= asked.groups <= MOST:
        why = Text(f"可用 {FEWEST} 到 {MOST}", f"{FEWEST} to {MOST} are allowed")
        raise Invalid(field="groups", given=asked.groups, why=why)
    for one in asked.dimensions:
        found = profiles.dimension(home, one, who)
        if found.sensitive or one.startswith(DIMENSION):
            why = Text(
                "敏感的维度和分群不用来分群", "groups are not made of sensitive dimensions, nor of groups"
            )
            raise Invalid(field="dimensions", given=one, why=why)
    if asked.rule is not None:
        saved.allowed(home, who, asked.rule)
        _no_circle(home, who, key, asked.rule, set())


def _no_circle(home: Home, who: Who, key: str, rule: Rule, seen: set[str]) -> None:
    for term in rules.terms(rule):
        if isinstance(term, Has) and term.dimension == DIMENSION + key:
            raise GroupingCircle(key=key)
        if isinstance(term, In) and term.segment not in seen:
            seen.add(term.segment)
            _no_circle(home, who, key, saved.segment(home, who, term.segment).rule, seen)


def persons(home: Home, asked: Asked, here: profiles.Index) -> BitMap:
    """Return the persons who are to be grouped."""
    if asked.rule is None:
        return here.universe.persons
    return saved.answering(home, _SYSTEM, asked.rule).fits(asked.rule).persons & here.universe.persons


def check_name(name: Text) -> None:
    """Raise Invalid for what nothing can be called."""
    for word in (name.zh, name.en):
        if not 0 < len(word.strip()) <= _LONGEST or not word.isprintable():
            why = Text(f"1 到 {_LONGEST} 个字", f"1 to {_LONGEST} letters")
            raise Invalid(field=Text("名称", "name"), given=word, why=why)
