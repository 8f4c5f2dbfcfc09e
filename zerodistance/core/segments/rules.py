"""The rule language: text and JSON to one tree and back. Text is read with Python's own parser and never evaluated."""

from __future__ import annotations

import ast
import difflib
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from zerodistance.core.profiles.contracts import INNER, Bands, Dimension
from zerodistance.core.segments import places
from zerodistance.core.segments.contracts import (
    KEY,
    MOST_DAYS,
    AllOf,
    AnyOf,
    Did,
    Has,
    In,
    Leaf,
    Lives,
    Near,
    NoneOf,
    Rule,
    SomeOf,
    Within,
    WrongRule,
)

LARGEST = 1e15  # own value: up to it a float counts every whole number
MOST_TEXT, MOST_DEPTH, MOST_TERMS = 20_000, 12, 200  # own values
_GROUPS: dict[str, type[AllOf] | type[AnyOf] | type[NoneOf]] = {
    "AllOf": AllOf,
    "AnyOf": AnyOf,
    "NoneOf": NoneOf,
}
_LEAVES: dict[str, type[Leaf]] = {
    "Has": Has,
    "Did": Did,
    "In": In,
    "Near": Near,
    "Lives": Lives,
    "Within": Within,
}
_NAMED = ("Near", "Lives", "Within")  # all that stands in them has a name
_SOME = "SomeOf"
_JSON = {
    "AllOf": "all_of",
    "AnyOf": "any_of",
    "NoneOf": "none_of",
    _SOME: "some_of",
    "Has": "has",
    "Did": "did",
    "In": "in",
    "Near": "near",
    "Lives": "lives",
    "Within": "within",
}
_NAMES = {json_name: name for name, json_name in _JSON.items()}
_FIELDS = {name: tuple(f.name for f in fields(leaf)) for name, leaf in _LEAVES.items()}
_SUMS = ("amount_at_least", "amount_at_most", "quantity_at_least", "quantity_at_most")
_AGO = ("last_at_least", "last_at_most", "first_at_least", "first_at_most")
_WHOLE = ("at_least", "at_most", "within_days", *_AGO)
_NUMBERS = (*_WHOLE, *_SUMS, "lat", "lon", "km")
_CODES = ("product", "category", "place")


@dataclass(frozen=True)
class Words:
    """What a rule may name: dimensions by key, and kinds of touch."""

    dimensions: Mapping[str, Dimension]
    kinds: Sequence[str]


Fail = Callable[[str, str], WrongRule]
"""Makes the error of one place from its Chinese and English reasons."""


def read_text(text: str, words: Words) -> Rule:
    """Read the text form, `AllOf(Has("value.spend_365d", at_least=1000), NoneOf(Did("order.returned", within_days=90)))`.

    Raises
    ------
    WrongRule
        With line and column, what was given, and what is allowed there.
    """
    if len(text) > MOST_TEXT:
        raise _wrong("1:1", f"最长 {MOST_TEXT} 个字符", f"a rule has at most {MOST_TEXT} characters")
    try:
        tree = ast.parse(text.strip(), mode="eval")
    except SyntaxError as error:
        at = f"{error.lineno or 1}:{error.offset or 1}"
        raise _wrong(
            at,
            "看不懂：括号、引号或逗号可能不成对",
            f"this can't be read ({error.msg}); look for a missing bracket, quote or comma",
        ) from None
    except (ValueError, MemoryError, RecursionError):
        raise _wrong(
            "1:1",
            "看不懂：嵌套太深或有不能用的字符",
            "this can't be read: nested too deeply, or a character that is not allowed",
        ) from None
    rule = _of_node(tree.body, words, 0)
    return _limited(rule, lambda zh, en: _wrong("1:1", zh, en))


def read_json(given: Any, words: Words) -> Rule:
    """Read the JSON form: an object with one key, `all_of`, `any_of`, `none_of` (lists), `some_of`, `has`, `did`, `in`, `near`, `lives` or `within` (objects).

    Raises
    ------
    WrongRule
        With the path of the place, what was given, and what is allowed there.
    """
    rule = _of_json(given, "rule", words, 0)
    return _limited(rule, lambda zh, en: _wrong("rule", zh, en))


def write_text(rule: Rule) -> str:
    """Return the text form on one line.

    Examples
    --------
    >>> write_text(AllOf((Has("value.orders_total", at_least=2.0), Did("order.*", within_days=30))))
    'AllOf(Has("value.orders_total", at_least=2), Did("order.*", within_days=30))'
    """
    if isinstance(rule, Leaf):
        name = type(rule).__name__
        first, *rest = ["", *_FIELDS[name]] if name in _NAMED else _FIELDS[name]
        said = [f"{f}={_literal(getattr(rule, f))}" for f in rest if getattr(rule, f) not in (None, ())]
        return f"{name}({', '.join([*([_literal(getattr(rule, first))] if first else []), *said])})"
    inside = [write_text(term) for term in rule.terms]
    if isinstance(rule, SomeOf):
        inside = [str(rule.at_least), *inside]
    return f"{type(rule).__name__}({', '.join(inside)})"


def write_json(rule: Rule) -> dict[str, Any]:
    """Return the JSON form."""
    name = type(rule).__name__
    if isinstance(rule, Leaf):
        said = {f: getattr(rule, f) for f in _FIELDS[name] if getattr(rule, f) not in (None, ())}
        return {_JSON[name]: {f: _plain(value) for f, value in said.items()}}
    inside = [write_json(term) for term in rule.terms]
    return {_JSON[name]: {"at_least": rule.at_least, "of": inside} if isinstance(rule, SomeOf) else inside}


def terms(rule: Rule) -> Iterable[Leaf]:
    """Yield the conditions of a rule, in order."""
    if isinstance(rule, Leaf):
        yield rule
    else:
        for term in rule.terms:
            yield from terms(term)


def _wrong(at: str, zh: str, en: str) -> WrongRule:
    return WrongRule(at=at, why_zh=zh, why=en)


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < 1e15 else value


def _literal(value: Any) -> str:
    return json.dumps(_plain(value), ensure_ascii=False)


def _limited(rule: Rule, fail: Fail) -> Rule:
    count = sum(1 for _ in terms(rule))
    if count > MOST_TERMS:
        raise fail(
            f"有 {count} 个条件，最多 {MOST_TERMS} 个",
            f"there are {count} conditions, at most {MOST_TERMS} are allowed",
        )
    return rule


def _near(given: str, known: Iterable[str]) -> str:
    names = list(known)
    return ", ".join(difflib.get_close_matches(given, names, n=4, cutoff=0.4) or names[:6])


def _of_node(node: ast.expr, words: Words, depth: int) -> Rule:
    def fail(zh: str, en: str) -> WrongRule:
        return _wrong(f"{node.lineno}:{node.col_offset + 1}", zh, en)

    if depth > MOST_DEPTH:
        raise fail(f"嵌套超过 {MOST_DEPTH} 层", f"nested deeper than {MOST_DEPTH}")
    known = ", ".join([*_GROUPS, _SOME, *_LEAVES])
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
        raise fail(f"这里要写条件，可用 {known}", f"a condition is expected here: {known}")
    name = node.func.id
    if name in _GROUPS or name == _SOME:
        if node.keywords:
            raise fail(f"{name} 里只放条件", f"{name} takes conditions only, no {node.keywords[0].arg}=")
        inside = node.args
        number = _constant(inside[0]) if name == _SOME and inside else None
        inside = inside[1:] if name == _SOME else inside
        if len(inside) == 1 and isinstance(inside[0], ast.Tuple):
            inside = inside[0].elts
        found = [_of_node(term, words, depth + 1) for term in inside]
        return _some(number, found, fail) if name == _SOME else _group(name, found, fail)
    if name not in _LEAVES:
        near = _near(name, [*_GROUPS, _SOME, *_LEAVES])
        raise fail(f"没有 {name}；可用 {near}", f"there is no {name}; allowed are {near}")
    said: dict[str, Any] = {}
    if node.args and name in _NAMED:
        names = ", ".join(_FIELDS[name])
        raise fail(f"{name} 里每一项都要写名字：{names}", f"everything in {name} has a name: {names}")
    if len(node.args) > 1:
        raise fail(f"{name} 只有第一项可以不写名字", f"only the first value of {name} goes without a name")
    for value in node.args:
        said[_FIELDS[name][0]] = _constant(value)
    for keyword in node.keywords:
        if keyword.arg is None:
            raise fail("不能用 **", "** is not allowed")
        if keyword.arg in said:
            raise fail(f"{keyword.arg} 写了两次", f"{keyword.arg} is given twice")
        said[keyword.arg] = _value(keyword.value) if keyword.arg in places.LISTS else _constant(keyword.value)
    return _leaf(name, said, words, fail)


def _constant(node: ast.expr) -> Any:
    sign = 1
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        node, sign = node.operand, -1
    value = node.value if isinstance(node, ast.Constant) else None
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number and (sign < 0 or not isinstance(value, str)):
        at = f"{node.lineno}:{node.col_offset + 1}"
        raise _wrong(at, "这里只能写数字或带引号的文字", "a number or a text in quotes is expected here")
    return sign * value if number else value  # type: ignore[operator]


def _value(node: ast.expr) -> Any:
    """Return a number, a text, or a list of them as a tuple."""
    if isinstance(node, ast.List | ast.Tuple):
        return tuple(_value(one) for one in node.elts)
    return _constant(node)


def _of_json(given: Any, at: str, words: Words, depth: int) -> Rule:
    def fail(zh: str, en: str) -> WrongRule:
        return _wrong(at, zh, en)

    if depth > MOST_DEPTH:
        raise fail(f"嵌套超过 {MOST_DEPTH} 层", f"nested deeper than {MOST_DEPTH}")
    if not isinstance(given, dict) or len(given) != 1 or next(iter(given)) not in _NAMES:
        allowed = ", ".join(_NAMES)
        raise fail(
            f"要写只有一个键的对象，键是 {allowed} 之一",
            f"an object with one key is expected, one of {allowed}",
        )
    key, inside = next(iter(given.items()))
    name = _NAMES[key]
    if name in _GROUPS:
        if not isinstance(inside, list):
            raise fail(f"{key} 里要写列表", f"{key} holds a list")
        found = [_of_json(term, f"{at}.{key}[{i}]", words, depth + 1) for i, term in enumerate(inside)]
        return _group(name, found, fail)
    if name == _SOME:
        return _some_json(inside, at, words, depth, fail)
    if not isinstance(inside, dict):
        raise fail(f"{key} 里要写对象", f"{key} holds an object with {', '.join(_FIELDS[name])}")
    for field, value in inside.items():
        listed = field in places.LISTS and isinstance(value, list)
        if isinstance(value, bool) or not (listed or isinstance(value, int | float | str | None)):
            raise _wrong(f"{at}.{key}.{field}", "只能写数字或文字", "a number or a text is expected here")
    return _leaf(
        name,
        {f: places.as_tuple(v) if isinstance(v, list) else v for f, v in inside.items() if v is not None},
        words,
        lambda zh, en: _wrong(f"{at}.{key}", zh, en),
    )


def _group(name: str, found: list[Rule], fail: Fail) -> Rule:
    if not found and name != "AllOf":
        raise fail(f"{name} 里至少要有一个条件", f"{name} needs at least one condition")
    return _GROUPS[name](tuple(found))


def _some(number: Any, found: list[Rule], fail: Fail) -> SomeOf:
    if not isinstance(number, int) or not 1 <= number <= len(found):
        raise fail(
            f"SomeOf 先写至少几个，从 1 到条件的个数（{len(found)}），再写条件",
            f"SomeOf begins with how many of its conditions hold at least, 1 to as many as there are ({len(found)}); then come the conditions",
        )
    return SomeOf(number, tuple(found))


def _some_json(inside: Any, at: str, words: Words, depth: int, fail: Fail) -> SomeOf:
    if (
        not isinstance(inside, dict)
        or set(inside) != {"at_least", "of"}
        or not isinstance(inside["of"], list)
    ):
        raise fail(
            "some_of 里要写 at_least（至少几个）和 of（条件的列表）",
            "some_of holds at_least, how many hold at least, and of, a list of conditions",
        )
    found = [_of_json(term, f"{at}.some_of.of[{i}]", words, depth + 1) for i, term in enumerate(inside["of"])]
    number = inside["at_least"]
    return _some(None if isinstance(number, bool) else number, found, fail)


def _leaf(name: str, said: dict[str, Any], words: Words, fail: Fail) -> Leaf:
    allowed, first = _FIELDS[name], _FIELDS[name][0]
    for field, value in said.items():
        if field not in allowed:
            near = _near(field, allowed[1:] or allowed)
            raise fail(f"{name} 没有 {field}；可用 {near}", f"{name} has no {field}; allowed are {near}")
        if field in _NUMBERS:
            if isinstance(value, str) or not abs(value) <= LARGEST:  # NaN is not either
                raise fail(
                    f"{field} 要写数字，绝对值不超过 10 的 15 次方",
                    f"{field} is a number, at most 10 to the 15th above or below 0",
                )
        elif field not in places.LISTS and (not isinstance(value, str) or not value):
            raise fail(f"{field} 要写带引号的文字", f"{field} is a text in quotes")
    if name in _NAMED:
        return places.read(name, said, fail)
    if first not in said:
        raise fail(f"{name} 要写 {first}", f"{name} needs {first}")
    if name == "In":
        return _in(said, fail)
    return _has(said, words, fail) if name == "Has" else _did(said, words, fail)


def _node(dimension: Dimension, said: dict[str, Any], fail: Fail) -> str | None:
    """Return the node that is said; an inner node of known nodes may be named without its sign, where no other node has that name."""
    if "node" not in said:
        return None
    node: str = said["node"]
    nodes = dimension.nodes
    if isinstance(nodes, Bands):
        outer, inner = [b[1] for b in nodes.bands], [b[1] for b in nodes.groups]
    else:
        inner = list(dict.fromkeys(nodes.parents.values()))
        outer = [key for key in nodes.labels if key not in inner]
    if node in outer or node.removeprefix(INNER) not in (*outer, *inner):
        if node not in outer and (isinstance(nodes, Bands) or nodes.closed):
            near = ", ".join([*outer, *(INNER + key for key in inner)])
            raise fail(
                f"{dimension.key} 没有节点 {node!r}；有 {near}",
                f"{dimension.key} has no node {node!r}; it has {near}",
            )
        return node
    return INNER + node.removeprefix(INNER) if node.removeprefix(INNER) in inner else node


def _has(said: dict[str, Any], words: Words, fail: Fail) -> Has:
    key = said["dimension"]
    dimension = words.dimensions.get(key)
    if dimension is None:
        near = _near(key, words.dimensions)
        raise fail(f"没有维度 {key!r}；相近的有 {near}", f"there is no dimension {key!r}; near it are {near}")
    ranged = "at_least" in said or "at_most" in said
    if ranged and not dimension.numeric:
        raise fail(f"{key} 不是数，用 node=", f"{key} is not a number; use node=")
    if ranged and "node" in said:
        raise fail(
            "node 与 at_least、at_most 不能同用", "node can't be used together with at_least or at_most"
        )
    _ordered(said, fail)
    return Has(key, _node(dimension, said, fail), _float(said.get("at_least")), _float(said.get("at_most")))


def _did(said: dict[str, Any], words: Words, fail: Fail) -> Did:
    kind = said["kind"]
    family = {f"{k.split('.')[0]}.*" for k in words.kinds if "." in k}
    if kind not in words.kinds and kind not in family:
        near = _near(kind, [*words.kinds, *sorted(family)])
        raise fail(
            f"没有交互类型 {kind!r}；相近的有 {near}",
            f"there is no kind of touch {kind!r}; near it are {near}",
        )
    for field in _WHOLE:
        value = said.get(field)
        low = 1 if field == "within_days" else 0
        bounded = field == "within_days" or field in _AGO
        if value is not None and (value != int(value) or not low <= value <= (MOST_DAYS if bounded else 1e9)):
            high = f" 到 {MOST_DAYS}" if bounded else ""
            most = f" to {MOST_DAYS}" if bounded else " or more"
            raise fail(f"{field} 要写整数，从 {low}{high}", f"{field} is a whole number, {low}{most}")
    for word in ("", "amount_", "quantity_", "last_", "first_"):
        _ordered(said, fail, word)
    whole: dict[str, Any] = {f: int(said[f]) for f in _WHOLE if f in said}
    sums: dict[str, Any] = {f: float(said[f]) for f in _SUMS if f in said}
    texts: dict[str, Any] = {f: said[f] for f in _CODES if f in said}
    return Did(kind, **whole, **sums, **texts)


def _in(said: dict[str, Any], fail: Fail) -> In:
    if not re.fullmatch(KEY, said["segment"]):
        raise fail(
            "In 里写人群的键，如 big-spenders", "In takes the key of a saved segment, like big-spenders"
        )
    return In(said["segment"])


def _ordered(said: dict[str, Any], fail: Fail, word: str = "") -> None:
    least, most = f"{word}at_least", f"{word}at_most"
    low, high = said.get(least), said.get(most)
    if low is not None and high is not None and low > high:
        raise fail(f"{least} {low} 大于 {most} {high}", f"{least} {low} is above {most} {high}")


def _float(value: float | None) -> float | None:
    return None if value is None else float(value)
