"""The brand's message templates: saved in versions, checked before they are, shown as a person would read them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, insert

from zerodistance.core.brand import api as brand
from zerodistance.core.outreach import judging, limits, store, templates, words
from zerodistance.core.outreach.contracts import Purpose
from zerodistance.core.outreach.judging import Problem
from zerodistance.core.outreach.templates import Rendered, Sender, Template
from zerodistance.core.profiles import api as profiles
from zerodistance.core.profiles.contracts import NoSuchDimension
from zerodistance.kernel import bulk, clock
from zerodistance.kernel.access import Permission, Who
from zerodistance.kernel.errors import Forbidden, NotFound, ZeroDistanceError
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text

MADE = {
    "vault.name": Text("王小明", "Ann Lee"),
    "vault.salutation": Text("王先生", "Ms Lee"),
}
"""What a preview fills in for what only the sender reads: a made person."""
EXAMPLE_URL = "https://example.com/u/…"
_NEWEST = (
    "select key, version, said, unit, made_by, made_at, off from outreach_template t where version = "
    "(select max(version) from outreach_template m where m.key = t.key)"
)


class NoSuchTemplate(NotFound):
    """There is no template with that key, or no such version of it."""

    code = "no_such_template"
    text = Text("没有模板 {given}", "there is no template {given}")


class TemplateOff(ZeroDistanceError):
    """The template was withdrawn."""

    code, status = "template_off", 409
    text = Text("模板 {given} 已停用", "the template {given} was withdrawn")


class BadTemplate(ZeroDistanceError):
    """A template can't be saved as it is."""

    code, status = "bad_template", 422
    text = Text("模板 {key} 不能保存：{why}", "the template {key} can't be saved: {why}")

    def __init__(self, *, key: str, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        zh = "；".join(one.why.zh for one in problems)
        super().__init__(key=key, why=Text(zh, "; ".join(one.why.en for one in problems)))


def _may_see(who: Who) -> None:
    if not (who.may(Permission.SEND) or who.may(Permission.MANAGE_OUTREACH)):
        raise Forbidden(who=who.name, permission=Permission.SEND.value)


def listed(home: Home, who: Who) -> tuple[Template, ...]:
    """Return the newest version of each template of this account's units, by key; needs SEND or MANAGE_OUTREACH."""
    _may_see(who)
    with home.state.read() as tx:
        rows = [_template(row) for row in bulk.rows(tx, f"{_NEWEST} order by key")]
    return tuple(one for one in rows if who.sees_unit(one.unit))


def show(home: Home, who: Who, key: str, version: int | None = None) -> Template:
    """Return a template, of its newest version unless said; needs SEND or MANAGE_OUTREACH. Raises NoSuchTemplate."""
    _may_see(who)
    with home.state.read() as tx:
        found = of(tx, key, version)
    if not who.sees_unit(found.unit):
        raise NoSuchTemplate(given=key)
    return found


def versions(home: Home, who: Who, key: str) -> tuple[Template, ...]:
    """Return every version of a template, the newest first."""
    newest = show(home, who, key)
    sql = "select key, version, said, unit, made_by, made_at, off from outreach_template where key = ? order by version desc"
    with home.state.read() as tx:
        return tuple(_template(row) for row in bulk.rows(tx, sql, (newest.key,)))


def of(tx: Connection, key: str, version: int | None = None) -> Template:
    """Return a template as the sender reads it, whoever it belongs to; raises NoSuchTemplate."""
    sql = (
        f"{_NEWEST} and key = ?"
        if version is None
        else (
            "select key, version, said, unit, made_by, made_at, off from outreach_template where key = ? and version = ?"
        )
    )
    rows = bulk.rows(tx, sql, (key,) if version is None else (key, version))
    if not rows:
        raise NoSuchTemplate(given=key if version is None else f"{key} ({version})")
    return _template(rows[0])


def to_send(tx: Connection, key: str, purpose: str) -> Template:
    """Return the template that a send uses from now on, in its newest version.

    Raises
    ------
    NoSuchTemplate, TemplateOff
        There is none; it was withdrawn.
    OtherPurpose
        It was written for another purpose.
    """
    found = of(tx, key)
    if found.off:
        raise TemplateOff(given=key)
    if found.purpose != purpose:
        raise OtherPurpose(given=key, purpose=found.purpose, asked=purpose)
    return found


class OtherPurpose(ZeroDistanceError):
    """A template is sent for a purpose that it was not written for."""

    code, status = "other_purpose", 409
    text = Text(
        "模板 {given} 是为 {purpose} 写的，不能用于 {asked}",
        "the template {given} was written for {purpose} and can't be sent for {asked}",
    )


def save(home: Home, who: Who, key: str, said: Mapping[str, Any], *, unit: str | None = None) -> Template:
    """Save a template, or a new version of one; needs SEND (of one's own unit) or MANAGE_OUTREACH.

    Parameters
    ----------
    said
        As `templates.of_dict` reads it: `name`, `channel`, `purpose`, `bodies`, `variables`.
    unit
        Key of the unit that it belongs to; None: as before, or for a new one that of an account with one unit, else everybody's.

    Raises
    ------
    Invalid, BadTemplate
        It is no template; something stops it: an unknown variable, a length, a forbidden word.
    NoSuchTemplate
        It belongs to another unit.
    """
    made = templates.of_dict(key, said)
    _may_change(home, who, key)
    problems = [one for one in problems_of(home, made) if one.stops]
    if problems:
        raise BadTemplate(key=key, problems=problems)
    number = _unit(home, who, key, unit)
    _write(home, who, made, number, off=False)
    return show(home, who, key)


def withdraw(home: Home, who: Who, key: str) -> None:
    """Let nothing more be sent with a template; saving it again takes it up."""
    found = show(home, who, key)
    _may_change(home, who, key)
    if not found.off:
        _write(home, who, found, found.unit, off=True)


def _write(home: Home, who: Who, one: Template, unit: int | None, *, off: bool) -> None:
    with home.state.write() as tx:
        last = bulk.value(tx, "select max(version) from outreach_template where key = ?", (one.key,)) or 0
        row = {
            "key": one.key,
            "version": last + 1,
            "said": templates.as_json(one),
            "unit": unit,
            "off": int(off),
        }
        tx.execute(insert(store.template).values(**row, made_by=who.name, made_at=clock.micros()))


def _may_change(home: Home, who: Who, key: str) -> None:
    _may_see(who)
    with home.state.read() as tx:
        rows = bulk.rows(tx, f"{_NEWEST} and key = ?", (key,))
    if not rows:
        return
    unit = _template(rows[0]).unit
    if not who.sees_unit(unit):
        raise NoSuchTemplate(given=key)
    if unit is None and who.units and not who.may(Permission.MANAGE_OUTREACH):
        raise Forbidden(who=who.name, permission=Permission.MANAGE_OUTREACH.value)


def _unit(home: Home, who: Who, key: str, unit: str | None) -> int | None:
    if unit is not None:
        found = brand.unit(home, unit).number
        if not who.sees_unit(found):
            raise Forbidden(who=who.name, permission=f"unit {unit}")
        return found
    with home.state.read() as tx:
        rows = bulk.rows(
            tx, "select unit from outreach_template where key = ? order by version desc limit 1", (key,)
        )
    if rows:
        return rows[0][0] if rows[0][0] is None else int(rows[0][0])
    return min(who.units) if who.units else None


def problems_of(home: Home, one: Template) -> list[Problem]:
    """Return what is wrong with a template, and what is to be minded; what stops it first."""
    found = judging.find_problems(one, words.lists(home), sender_of(home))
    for variable in one.variables:
        if variable.of.startswith(templates.TAG):
            key = variable.of.removeprefix(templates.TAG)
            try:
                dimension = profiles.dimension(home, key)
            except NoSuchDimension as error:
                found.insert(0, Problem("unknown_variable", True, "", error.text.format(**error.data)))
                continue
            if dimension.sensitive:
                why = Text(
                    f"维度 {key} 是敏感的，不能写进消息",
                    f"the dimension {key} is sensitive and can't stand in a message",
                )
                found.insert(0, Problem("unknown_variable", True, "", why))
    return found


def checked(home: Home, used: Sequence[Template], values: Mapping[str, str]) -> Mapping[str, str]:
    """Return what a send says of variables; raises BadTemplate where a template would say a word with it that is forbidden by now."""
    lists = words.lists(home)
    for one in used:
        bad = [p for p in judging.find_words(one, lists, values) if p.stops]
        if bad:
            raise BadTemplate(key=one.key, problems=bad)
    return values


def sender_of(home: Home) -> Sender:
    """Return who sends, as the limits say it."""
    with home.state.read() as tx:
        _, policy = limits.in_force(tx)
    return Sender(Text(policy.sender_zh, policy.sender_en), Text(policy.contact_zh, policy.contact_en))


def preview(
    home: Home, who: Who, one: Template, lang: str, values: Mapping[str, str] | None = None
) -> Rendered:
    """Return a message as a person reads it, a made one: no value of anybody is ever in it."""
    _may_see(who)
    filled = {**examples(home, one, lang), **(values or {})}
    sender = sender_of(home)
    if not sender.name.get(lang):
        unnamed = Text("（未写明发送者）", "(no sender named)")
        sender = Sender(Text(sender.name.zh or unnamed.zh, sender.name.en or unnamed.en), sender.contact)
    url = None if one.purpose == Purpose.SERVICE else EXAMPLE_URL
    return templates.render(one, templates.language(one, lang), filled, sender, url)


def examples(home: Home, one: Template, lang: str) -> dict[str, str]:
    """Return what a preview fills in: of a made person for the vault's, the first node of a dimension, the default of what a send gives."""
    found = {}
    for variable in one.variables:
        value = variable.default.get(lang)
        if variable.of in MADE:
            value = MADE[variable.of].get(lang)
        elif variable.of.startswith(templates.TAG):
            value = _first_node(home, variable.of.removeprefix(templates.TAG), lang) or value
        found[variable.key] = value
    return found


def _first_node(home: Home, key: str, lang: str) -> str:
    try:
        nodes = profiles.dimension(home, key).nodes
    except NoSuchDimension:
        return ""
    labels = [label for _, _, label in getattr(nodes, "bands", ())] or list(
        getattr(nodes, "labels", {}).values()
    )
    return labels[0].get(lang) if labels else ""


def _template(row: Any) -> Template:
    key, version, said, unit, made_by, made_at, off = row
    whose = None if unit is None else int(unit)
    return templates.of_dict(
        key, json.loads(said), unit=whose, version=version, made_by=made_by, made_at=made_at, off=bool(off)
    )
