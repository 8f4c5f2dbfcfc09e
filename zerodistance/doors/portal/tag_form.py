"""A tag of users as a form of a page: what its fields show, and what is said of a tag by what was filled in, field by field."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from starlette.datastructures import FormData

from zerodistance.core.profiles import api as profiles
from zerodistance.core.profiles.given import KEY
from zerodistance.core.segments import api as segments
from zerodistance.core.segments.contracts import WrongRule
from zerodistance.core.segments.tags import api as tags
from zerodistance.core.segments.tags import forms
from zerodistance.core.segments.tags.contracts import (
    LISTED,
    MOST_NODES,
    ByBands,
    ByList,
    ByRule,
    BySql,
    ByTouches,
    How,
    Said,
    WrongSql,
)
from zerodistance.doors.portal import numbers
from zerodistance.doors.portal.drafting import WrongFields
from zerodistance.kernel.errors import Invalid, ZeroDistanceError
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text

SPACE = "own."
"""What the key of every tag of users begins with; the form asks for the rest."""
WAYS = ("rule", "bands", "touches", "sql", "list")
KEPT = "kept"
"""Stands for a way that the form has no fields for: how the tag is made stays as it is."""
COLUMNS = ("category", "product", "place", "channel", "fault")
_PLACES = {
    "key": "key", "layer": "layer", "label": "zh", "Chinese name": "zh", "English name": "en", "meaning": "meaning_zh", "expires_on": "expires_on",
    "of": "of", "edges": "edges", "take": "take", "word": "word", "kinds": "kinds", "where": "where", "days": "days", "sql": "sql", "value": "sql",
    "quantiles": "quantiles", "unit": "unit",
}  # fmt: skip


@dataclass(frozen=True)
class NodeFields:
    """A node and its rule, as typed."""

    key: str = ""
    zh: str = ""
    en: str = ""
    rule: str = ""


@dataclass(frozen=True)
class TagFields:
    """What the fields hold, as typed.

    Attributes
    ----------
    key
        Without `SPACE`; empty: one is made up of the name.
    way
        One of `WAYS`, or `KEPT`.
    edges
        Where each band begins, one a line.
    quantiles
        Or so many bands of about equally many persons.
    unit
        Key of the unit that it belongs to; empty: everybody's.
    words
        What a list may say, one a line: `gold = 金 / Gold`.
    """

    key: str = ""
    layer: str = "value"
    zh: str = ""
    en: str = ""
    meaning_zh: str = ""
    meaning_en: str = ""
    expires_on: str = ""
    way: str = "rule"
    nodes: tuple[NodeFields, ...] = (NodeFields(),)
    of: str = ""
    edges: str = ""
    quantiles: str = ""
    unit: str = ""
    take: str = "last"
    word: str = "category"
    kinds: tuple[str, ...] = ()
    days: str = ""
    where: Mapping[str, str] = field(default_factory=dict)
    sql: str = ""
    words: str = ""


def typed(form: FormData) -> TagFields:
    """Return what was filled in."""
    one = {key: value.strip() for key, value in form.items() if isinstance(value, str)}
    many = [n for n in range(MOST_NODES) if f"rule-{n}" in one]
    nodes = (NodeFields(*(one.get(f"{part}-{n}", "") for part in ("node", "zh", "en", "rule"))) for n in many)
    plain = (
        "key",
        "layer",
        "zh",
        "en",
        "meaning_zh",
        "meaning_en",
        "expires_on",
        "way",
        "of",
        "edges",
        "quantiles",
        "unit",
        "take",
        "word",
        "days",
        "sql",
        "words",
    )
    return TagFields(
        **{name: one[name] for name in plain if name in one},
        nodes=tuple(nodes) or (NodeFields(),),
        kinds=tuple(kind for kind in form.getlist("kinds") if isinstance(kind, str)),
        where={column: one[f"where-{column}"] for column in (*COLUMNS, "kind") if one.get(f"where-{column}")},
    )


def shown(said: Said, unit: str = "") -> TagFields:
    """Return the fields of a tag as it is, of a unit by its key; of a way that they can not say, `KEPT`."""
    until = said.expires_on
    words = TagFields(
        said.key.removeprefix(SPACE), said.layer.value, said.label.zh, said.label.en, said.meaning.zh, said.meaning.en,
        "" if until is None else until.isoformat(), KEPT, unit=unit,
    )  # fmt: skip
    found, wrong = _shown(words, said.how), dict[str, Text]()
    same = found.way != KEPT and _how(found, wrong) == forms.plain(said)["how"]
    return found if same and not wrong else words


def _shown(words: TagFields, how: How) -> TagFields:
    match how:
        case ByRule():
            some = (NodeFields(n.key, n.label.zh, n.label.en, segments.rule_text(n.rule)) for n in how.nodes)
            return replace(words, way="rule", nodes=tuple(some))
        case ByBands():
            edges, parts = "\n".join(f"{edge:.15g}" for edge in how.edges), how.quantiles
            return replace(
                words,
                way="bands",
                of=how.dimension,
                edges=edges,
                quantiles="" if parts is None else str(parts),
            )
        case ByTouches():
            days = "" if how.days is None else str(how.days)
            return replace(
                words,
                way="touches",
                take=how.take,
                word=how.word,
                kinds=how.kinds,
                days=days,
                where=dict(how.where),
            )
        case BySql():
            return replace(words, way="sql", sql=how.sql)
        case ByList():
            return replace(words, way="list", words="\n".join(_word(key, label) for key, label in how.words))
        case _:  # a way that the room has and this form has not
            return words


def read(home: Home, fields: TagFields, kept: Said | None, taken: Collection[str]) -> Said:
    """Return what is said of a tag.

    Parameters
    ----------
    kept
        The tag as it is, where one is changed: its key stays. None: a new one.
    taken
        Keys that a new one may not have.

    Raises
    ------
    WrongFields
        Something is missing or can't be; `wrong` says what, by the name of the field.
    """
    wrong = dict[str, Text]()
    if not fields.zh and not fields.en:
        wrong["zh"] = Text("写一个名称，中文或英文", "write a name, in Chinese or in English")
    key = kept.key if kept else _key(fields, taken, wrong)
    how = {} if fields.way == KEPT and kept else _how(fields, wrong)
    if fields.way == "rule":
        _rules(home, fields, wrong)
    if (
        fields.way == "bands"
        and fields.edges
        and fields.quantiles
        and not (kept and how == forms.plain(kept)["how"])
    ):
        wrong["quantiles"] = Text(
            "起点和份数只能用一个", "bands that begin somewhere, or so many parts, not both"
        )
    if wrong:
        raise WrongFields(wrong)
    given = {
        "key": key,
        "unit": fields.unit,
        "layer": fields.layer,
        "label": {"zh": fields.zh, "en": fields.en},
        "meaning": {"zh": fields.meaning_zh, "en": fields.meaning_en},
        "how": how or {"sql": "-"},
        "expires_on": fields.expires_on or None,
    }
    try:
        said = tags.read(home, given)
        if kept and not how:
            said = replace(said, how=kept.how)
    except Invalid as error:
        raise WrongFields({place(error, fields) or "zh": both(error)}) from None
    return said


def _key(fields: TagFields, taken: Collection[str], wrong: dict[str, Text]) -> str:
    key = SPACE + (fields.key.removeprefix(SPACE) or made_up(fields.en or fields.zh, taken))
    if not KEY.fullmatch(key):
        wrong["key"] = Text(
            f"写的是“{key}”；own. 之后 1 到 63 个 a-z、0-9 和 _，字母开头",
            f'"{key}" was given; after own. 1 to 63 of a-z, 0-9 and _, a letter first',
        )
    elif key in taken:
        wrong["key"] = Text(
            f"已经有标签 {key}；在它的页面上改，或换一个",
            f"there is a tag {key}; change it on its page, or take another key",
        )
    return key


def made_up(name: str, taken: Collection[str]) -> str:
    """Return the key of a tag without `SPACE`, by its name; not one of those that are taken.

    Examples
    --------
    >>> made_up("VIP customers!", {"own.vip_customers"}), made_up("贵宾", set()), made_up("3 stars", set())
    ('vip_customers_2', 'tag', 'tag_3_stars')
    """
    word = _slug(name)
    word = word if word[:1].isalpha() else f"tag_{word}".strip("_")
    more = (word, *(f"{word}_{n}" for n in range(2, len(taken) + 3)))
    return next(key for key in more if SPACE + key not in taken)


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")[:40].strip("_")


def _how(fields: TagFields, wrong: dict[str, Text]) -> dict[str, Any]:
    """Return how a tag is made as `forms` reads it; what can't be read is put into `wrong`."""
    match fields.way:
        case "rule":
            return {"rule": [_node(n, one, fields, wrong) for n, one in enumerate(fields.nodes)]}
        case "bands":
            parts = _whole("quantiles", fields.quantiles, wrong)
            cut = {} if parts is None else {"quantiles": parts}
            return {"bands": {"of": fields.of, "edges": _edges(fields, wrong), **cut}}
        case "touches":
            some = {
                "take": fields.take,
                "word": fields.word,
                "kinds": list(fields.kinds),
                "days": _whole("days", fields.days, wrong),
                "where": dict(fields.where),
            }
            return {"touches": {name: value for name, value in some.items() if value not in (None, [], {})}}
        case "sql":
            return {"sql": fields.sql}
        case "list":
            words = [_said(line) for line in fields.words.splitlines() if line.strip()]
            return {"list": {"words": words} if words else {}}
    wrong["way"] = Text("选怎么做", "choose how it is made")
    return {}


def _node(n: int, one: NodeFields, fields: TagFields, wrong: dict[str, Text]) -> dict[str, str]:
    key = _node_key(n, one)
    if not profiles.is_node(key):
        wrong[f"node-{n}"] = profiles.WHY_NO_NODE
    elif key in [_node_key(m, other) for m, other in enumerate(fields.nodes[:n])]:
        wrong[f"node-{n}"] = Text(f"前面已经有节点 {key}", f"there is a node {key} before it")
    if not one.rule:
        wrong[f"rule-{n}"] = Text(
            '写一条规则，如 Did("order.line")；AllOf() 是所有人',
            'write a rule, like Did("order.line"); AllOf() is everybody',
        )
    return {"node": key, "zh": one.zh or one.en or key, "en": one.en or one.zh or key, "rule": one.rule}


def _word(key: str, label: Text) -> str:
    return key if label == Text(key, key) else f"{key} = {label.zh} / {label.en}"


def _said(line: str) -> dict[str, str]:
    """Return a word of a list with its names.

    Examples
    --------
    >>> _said("gold = 金 / Gold"), _said("gold")
    ({'node': 'gold', 'zh': '金', 'en': 'Gold'}, {'node': 'gold', 'zh': 'gold', 'en': 'gold'})
    """
    key, _, names = (part.strip() for part in line.partition("="))
    if key == LISTED and not names:
        return {"node": key}
    zh, _, en = (part.strip() for part in names.partition("/"))
    return {"node": key, "zh": zh or en or key, "en": en or zh or key}


def _node_key(n: int, one: NodeFields) -> str:
    return one.key or _slug(one.en or one.zh) or f"n{n + 1}"


def _edges(fields: TagFields, wrong: dict[str, Text]) -> list[float]:
    found = list[float]()
    for word in re.split(r"[\s;；]+", fields.edges):
        if not word:
            continue
        edge = None if re.match(r"0[,，]", word) else numbers.read(word)
        if edge is None:
            wrong["edges"] = Text(
                f"读不懂“{word}”；一行一个数，如 10,000 或 12.5",
                f'"{word}" is no number; one a line, such as 10,000 or 12.5',
            )
            return []
        found.append(edge)
    return found


def _whole(name: str, given: str, wrong: dict[str, Text]) -> int | None:
    if not given:
        return None
    found = numbers.read(given)
    if found is None or not found.is_integer():
        wrong[name] = Text(
            f"写的是“{given}”，写一个整数，或空着", f'"{given}" was given; a whole number, or nothing'
        )
        return None
    return int(found)


def _rules(home: Home, fields: TagFields, wrong: dict[str, Text]) -> None:
    """Read each rule by itself, so that what is wrong stands at its node."""
    for n, one in enumerate(fields.nodes):
        if one.rule:
            try:
                segments.read_rule(one.rule, home)
            except WrongRule as error:
                wrong[f"rule-{n}"] = both(error)


def place(error: ZeroDistanceError, fields: TagFields) -> str:
    """Return the name of the field that an error is about; empty where it is about none."""
    if isinstance(error, WrongSql):
        return "sql"
    if isinstance(error, profiles.DimensionExists):
        return "key"
    if not isinstance(error, Invalid):
        return ""
    said = error.data["field"]
    if fields.way == "list" and said in ("node", "words"):
        return "words"
    return _PLACES.get(said.en if isinstance(said, Text) else str(said), "")


def both(error: ZeroDistanceError) -> Text:
    """Return what an error says, in both languages."""
    return Text(error.message("zh"), error.message("en"))
