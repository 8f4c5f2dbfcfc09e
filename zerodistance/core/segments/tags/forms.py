"""What is said of a tag as JSON, and back; and as the dimension that profiles is told."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import Any

from zerodistance.core.profiles import api as profiles
from zerodistance.core.profiles.contracts import Bands, Dimension, Input, Layer, Values
from zerodistance.core.segments import conditions, rules
from zerodistance.core.segments.tags.contracts import (
    LISTED,
    LISTED_LABEL,
    MOST_EDGES,
    MOST_NODES,
    MOST_SQL,
    TAKES,
    ByBands,
    ByList,
    ByRule,
    BySql,
    ByTouches,
    How,
    Node,
    Said,
)
from zerodistance.core.touchpoints.kinds import ENTERED, KINDS
from zerodistance.kernel.errors import Invalid
from zerodistance.kernel.text import Text

_WORDS = ("category", "product", "place", "channel", "fault", "kind")
_LISTS = "list.*"
"""To be put on a list is nothing that a person does."""
_NAMES = {"category": "category", "product": "product", "place": "place"}


def written(said: Said) -> str:
    """Return what is said as JSON."""
    return json.dumps(plain(said), ensure_ascii=False, sort_keys=True)


def plain(said: Said) -> dict[str, Any]:
    """Return what is said as plain values."""
    found: dict[str, Any] = {
        "key": said.key,
        "layer": said.layer.value,
        "label": {"zh": said.label.zh, "en": said.label.en},
        "meaning": {"zh": said.meaning.zh, "en": said.meaning.en},
        "how": _how(said.how),
    }
    if said.expires_on is not None:
        found["expires_on"] = said.expires_on.isoformat()
    return found


def _how(how: How) -> dict[str, Any]:
    match how:
        case ByRule():
            nodes = [
                {"node": n.key, "zh": n.label.zh, "en": n.label.en, "rule": rules.write_text(n.rule)}
                for n in how.nodes
            ]
            return {"rule": nodes}
        case ByBands():
            cut = {} if how.quantiles is None else {"quantiles": how.quantiles}
            return {"bands": {"of": how.dimension, "edges": list(how.edges), **cut}}
        case ByTouches():
            some = {
                "take": how.take,
                "word": how.word,
                "kinds": list(how.kinds),
                "days": how.days,
                "where": dict(how.where),
            }
            return {"touches": {name: value for name, value in some.items() if value not in (None, [], {})}}
        case BySql():
            return {"sql": how.sql}
        case ByList():
            words = [{"node": key, "zh": label.zh, "en": label.en} for key, label in how.words]
            return {"list": {"words": words} if words else {}}


def kind_of(how: How) -> str:
    """Return the word for how a tag is made: a key of `SHOWN`."""
    return next(iter(_how(how)))


def read(given: Mapping[str, Any], words: conditions.Words, unit: int | None = None) -> Said:
    """Return what is said; raises Invalid, WrongRule."""
    label, meaning = (_text(given.get(name), name) for name in ("label", "meaning"))
    layers = [layer.value for layer in Layer]
    _must(
        given.get("layer") in layers,
        "layer",
        given.get("layer"),
        Text(f"可用 {', '.join(layers)}", f"one of {', '.join(layers)}"),
    )
    until = given.get("expires_on")
    try:
        on = None if until is None else date.fromisoformat(until)
    except (TypeError, ValueError):
        raise Invalid(
            field="expires_on", given=until, why=Text("写成 2027-01-31", "written like 2027-01-31")
        ) from None
    how = given.get("how")
    ways: dict[str, Callable[[Any, conditions.Words], How]] = {
        "rule": _rule,
        "bands": _bands,
        "touches": _touches,
        "sql": _sql,
        "list": _list,
    }
    right = isinstance(how, Mapping) and len(how) == 1 and next(iter(how)) in ways
    _must(right, "how", how, Text(f"写 {', '.join(ways)} 之一", f"one of {', '.join(ways)}"))
    assert isinstance(how, Mapping)
    ((way, inside),) = how.items()
    return Said(
        str(given.get("key", "")), Layer(given["layer"]), label, meaning, ways[way](inside, words), unit, on
    )


def _text(given: Any, field: str) -> Text:
    right = isinstance(given, Mapping) and all(isinstance(given.get(lang), str) for lang in ("zh", "en"))
    _must(right, field, given, Text("写 zh 和 en 两个文字", "zh and en, two texts"))
    return Text(given["zh"] or given["en"], given["en"] or given["zh"])


def _must(good: bool, field: str, given: Any, why: Text) -> None:
    if not good:
        raise Invalid(field=field, given=given, why=why)


def _rule(given: Any, words: conditions.Words) -> ByRule:
    right = (
        isinstance(given, list)
        and 0 < len(given) <= MOST_NODES
        and all(isinstance(one, Mapping) for one in given)
    )
    _must(
        right,
        "rule",
        given,
        Text(
            f"1 到 {MOST_NODES} 个节点，各有 node、rule", f"1 to {MOST_NODES} nodes, each with node and rule"
        ),
    )
    found = []
    for one in given:
        key, text = one.get("node"), one.get("rule")
        _must(isinstance(key, str) and bool(key), "node", key, Text("节点的标识", "the key of a node"))
        rule = (
            rules.read_json(text, words)
            if isinstance(text, Mapping)
            else rules.read_text(str(text or ""), words)
        )
        zh, en = (one.get(lang) for lang in ("zh", "en"))
        found.append(Node(key, Text(str(zh or en or key), str(en or zh or key)), rule))
    keys = [node.key for node in found]
    _must(len(set(keys)) == len(keys), "node", keys, Text("节点不能重复", "two nodes have one key"))
    return ByRule(tuple(found))


def _bands(given: Any, words: conditions.Words) -> ByBands:
    given = given if isinstance(given, Mapping) else {}
    key, edges = given.get("of"), given.get("edges")
    found = words.dimensions.get(key) if isinstance(key, str) else None
    near = ", ".join(
        k for k, d in words.dimensions.items() if d.numeric and str(key or "").partition(".")[0] in k
    )[:200]
    _must(
        found is not None and found.numeric,
        "of",
        key,
        Text(f"一个数的维度，如 {near}", f"a dimension of numbers, like {near}"),
    )
    parts = given.get("quantiles")
    good = parts is None or (type(parts) is int and 2 <= parts <= MOST_EDGES)
    why = Text(f"2 到 {MOST_EDGES} 的整数", f"a whole number from 2 to {MOST_EDGES}")
    _must(good, "quantiles", parts, why)
    if parts is not None and not edges:
        return ByBands(str(key), (), parts)
    right = (
        isinstance(edges, list)
        and 0 < len(edges) <= MOST_EDGES
        and all(type(edge) in (int, float) for edge in edges)
    )
    right = (
        right
        and all(a < b for a, b in itertools.pairwise(edges))
        and all(abs(edge) <= conditions.LARGEST for edge in edges)
    )
    _must(
        right, "edges", edges, Text(f"1 到 {MOST_EDGES} 个递增的数", f"1 to {MOST_EDGES} ascending numbers")
    )
    return ByBands(str(key), tuple(float(edge) for edge in edges), parts)


def _touches(given: Any, words: conditions.Words) -> ByTouches:
    given = given if isinstance(given, Mapping) else {}
    _must(
        given.get("take") in TAKES,
        "take",
        given.get("take"),
        Text(f"可用 {', '.join(TAKES)}", f"one of {', '.join(TAKES)}"),
    )
    _must(
        given.get("word") in _WORDS,
        "word",
        given.get("word"),
        Text(f"可用 {', '.join(_WORDS)}", f"one of {', '.join(_WORDS)}"),
    )
    kinds, where, days = given.get("kinds") or [], given.get("where") or {}, given.get("days")
    families = {f"{kind.partition('.')[0]}.*" for kind in KINDS if "." in kind}
    wrong = (
        kinds if not isinstance(kinds, list) else [kind for kind in kinds if kind not in (*KINDS, *families)]
    )
    _must(
        not wrong,
        "kinds",
        wrong,
        Text("交互类型，如 order.line 或 order.*", "kinds of touch, like order.line or order.*"),
    )
    right = isinstance(where, Mapping) and all(
        name in _WORDS and isinstance(text, str) and text for name, text in where.items()
    )
    _must(
        right,
        "where",
        where,
        Text(f"{', '.join(_WORDS)} 各写一个文字", f"a text for each of {', '.join(_WORDS)}"),
    )
    right = days is None or (type(days) is int and 1 <= days <= 36_500)
    _must(right, "days", days, Text("1 到 36500 的整数", "a whole number from 1 to 36500"))
    return ByTouches(given["take"], given["word"], tuple(kinds), days, tuple(sorted(where.items())))


def _sql(given: Any, words: conditions.Words) -> BySql:
    right = isinstance(given, str) and 0 < len(given.strip()) <= MOST_SQL
    _must(
        right,
        "sql",
        given,
        Text(f"一条 SELECT，最长 {MOST_SQL} 个字符", f"one SELECT of at most {MOST_SQL} letters"),
    )
    return BySql(given)


def _list(given: Any, words: conditions.Words) -> ByList:
    some = given.get("words") or [] if isinstance(given, Mapping) else None
    right = (
        isinstance(some, list) and len(some) <= MOST_NODES and all(isinstance(one, Mapping) for one in some)
    )
    why = Text(f"最多 {MOST_NODES} 个词，各有 node", f"at most {MOST_NODES} words, each with a node")
    _must(right, "words", given, why)
    found: dict[str, Text] = {}
    for one in some or []:
        key = one.get("node")
        _must(isinstance(key, str) and profiles.is_node(key), "node", key, profiles.WHY_NO_NODE)
        _must(key not in found, "node", key, Text("两个词一样", "two words are the same"))
        zh, en = (one.get(lang) for lang in ("zh", "en"))
        label = Text(str(zh or en or key), str(en or zh or key))
        found[key] = LISTED_LABEL if key == LISTED and not (zh or en) else label
    return ByList(tuple(found.items()))


def dimension(said: Said, of: Dimension | None, made: Text) -> profiles.Given:
    """Return what profiles is told of a tag; `of` is the dimension whose number has bands."""
    how = said.how
    common: dict[str, Any] = {
        "key": said.key, "layer": said.layer, "label": said.label, "meaning": said.meaning, "made": made,
        "unit_id": said.unit, "expires_on": said.expires_on,
    }  # fmt: skip
    match how:
        case ByRule():
            labels = {node.key: node.label for node in how.nodes}
            return profiles.Given(nodes=Values(labels=labels, closed=True, ordered=True), **common)
        case ByBands():
            assert of is not None
            shown = Input("given", (of.key,)) if of.of.name == "given" else of.of
            nodes, sensitive = Bands(tuple(_band(edge) for edge in how.edges)), of.sensitive
            return profiles.Given(
                nodes=nodes, of=shown, value=of.value, unit=of.unit, sensitive=sensitive, **common
            )
        case ByTouches():
            window = None if how.days is None else timedelta(days=how.days)
            touches = Input("touches", how.kinds, () if how.kinds else (_LISTS,), window, how.where)
            return profiles.Given(
                nodes=Values(_NAMES.get(how.word, "")), of=touches, value=f"{how.take}({how.word})", **common
            )
        case BySql():
            return profiles.Given(nodes=Values(), **common)
        case ByList():
            words = Values(labels=dict(how.words) or {LISTED: LISTED_LABEL}, closed=bool(how.words))
            entered = Input("touches", (ENTERED,), where=(("channel", said.key),))
            return profiles.Given(nodes=words, of=entered, value="last(category)", **common)


def apart(edges: tuple[float, ...]) -> tuple[float, ...]:
    """Return edges without those that would have the key of the one before: numbers are written with ten digits.

    Examples
    --------
    >>> apart((0.0, 5.0, 5.000000000001, 7.5))
    (0.0, 5.0, 7.5)
    """
    return tuple({_band(edge)[1]: edge for edge in reversed(edges)}.values())[::-1]


def _band(edge: float) -> tuple[float, str, Text]:
    shown = f"{edge:,.10g}"
    return edge, f"from_{edge:.10g}", Text(f"{shown} 起", f"from {shown}")
