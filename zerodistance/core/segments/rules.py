"""The rule language: text and JSON to one tree and back. Text is read with Python's own parser and never evaluated."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterable
from typing import Any

from zerodistance.core.segments import places
from zerodistance.core.segments.conditions import FIELDS, LEAVES, NAMED, Fail, Words, leaf, nearest
from zerodistance.core.segments.contracts import (
    AllOf,
    AnyOf,
    AtHome,
    Household,
    Leaf,
    NoneOf,
    OthersAtHome,
    Rule,
    SomeOf,
    WrongRule,
)

MOST_TEXT, MOST_DEPTH, MOST_TERMS = 20_000, 12, 200  # own values
_GROUPS: dict[str, type[AllOf] | type[AnyOf] | type[NoneOf]] = {
    "AllOf": AllOf,
    "AnyOf": AnyOf,
    "NoneOf": NoneOf,
}
_SOME = "SomeOf"
_AT_HOME: dict[str, type[AtHome]] = {"Household": Household, "OthersAtHome": OthersAtHome}
MOST_AT_HOME = 100  # own value: who must fit in one household, at most
_JSON = {
    "AllOf": "all_of",
    "AnyOf": "any_of",
    "NoneOf": "none_of",
    _SOME: "some_of",
    "Household": "household",
    "OthersAtHome": "others_at_home",
    "Has": "has",
    "Did": "did",
    "In": "in",
    "Near": "near",
    "Lives": "lives",
    "Within": "within",
}
_NAMES = {json_name: name for name, json_name in _JSON.items()}


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
    """Read the JSON form: an object with one key.

    `all_of`, `any_of`, `none_of` hold lists; `some_of`, `household`, `others_at_home`, `has`, `did`, `in`, `near`, `lives` and `within` objects.

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
    >>> from zerodistance.core.segments.contracts import Did, Has
    >>> write_text(AllOf((Has("value.orders_total", at_least=2.0), Did("order.*", within_days=30))))
    'AllOf(Has("value.orders_total", at_least=2), Did("order.*", within_days=30))'
    """
    if isinstance(rule, Leaf):
        name = type(rule).__name__
        first, *rest = ["", *FIELDS[name]] if name in NAMED else FIELDS[name]
        said = [f"{f}={_literal(getattr(rule, f))}" for f in rest if getattr(rule, f) not in (None, ())]
        return f"{name}({', '.join([*([_literal(getattr(rule, first))] if first else []), *said])})"
    inside = [write_text(term) for term in rule.terms]
    if isinstance(rule, SomeOf) or (isinstance(rule, AtHome) and rule.at_least > 1):
        inside = [str(rule.at_least), *inside]
    return f"{type(rule).__name__}({', '.join(inside)})"


def write_json(rule: Rule) -> dict[str, Any]:
    """Return the JSON form."""
    name = type(rule).__name__
    if isinstance(rule, Leaf):
        said = {f: getattr(rule, f) for f in FIELDS[name] if getattr(rule, f) not in (None, ())}
        return {_JSON[name]: {f: _plain(value) for f, value in said.items()}}
    inside = [write_json(term) for term in rule.terms]
    if isinstance(rule, AtHome):
        return {_JSON[name]: {"of": inside[0], **({"at_least": rule.at_least} if rule.at_least > 1 else {})}}
    return {_JSON[name]: {"at_least": rule.at_least, "of": inside} if isinstance(rule, SomeOf) else inside}


def terms(rule: Rule) -> Iterable[Leaf]:
    """Yield the conditions of a rule, in order."""
    if isinstance(rule, Leaf):
        yield rule
    else:
        for term in rule.terms:
            yield from terms(term)


def about_homes(rule: Rule) -> bool:
    """Say whether a rule asks about others of somebody's household; segments in it are not looked at."""
    return not isinstance(rule, Leaf) and (isinstance(rule, AtHome) or any(map(about_homes, rule.terms)))


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


def _of_node(node: ast.expr, words: Words, depth: int) -> Rule:
    def fail(zh: str, en: str) -> WrongRule:
        return _wrong(f"{node.lineno}:{node.col_offset + 1}", zh, en)

    if depth > MOST_DEPTH:
        raise fail(f"嵌套超过 {MOST_DEPTH} 层", f"nested deeper than {MOST_DEPTH}")
    known = ", ".join([*_GROUPS, _SOME, *_AT_HOME, *LEAVES])
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
        raise fail(f"这里要写条件，可用 {known}", f"a condition is expected here: {known}")
    name = node.func.id
    if name in _GROUPS or name == _SOME or name in _AT_HOME:
        if node.keywords:
            raise fail(f"{name} 里只放条件", f"{name} takes conditions only, no {node.keywords[0].arg}=")
        inside = node.args
        counted = bool(inside) and (
            name == _SOME or (name in _AT_HOME and isinstance(inside[0], ast.Constant))
        )
        number = _constant(inside[0]) if counted else None
        inside = inside[1:] if name == _SOME or counted else inside
        if len(inside) == 1 and isinstance(inside[0], ast.Tuple):
            inside = inside[0].elts
        found = [_of_node(term, words, depth + 1) for term in inside]
        if name in _AT_HOME:
            return _at_home(name, 1 if number is None else number, found, fail)
        return _some(number, found, fail) if name == _SOME else _group(name, found, fail)
    if name not in LEAVES:
        near = nearest(name, [*_GROUPS, _SOME, *_AT_HOME, *LEAVES])
        raise fail(f"没有 {name}；可用 {near}", f"there is no {name}; allowed are {near}")
    said: dict[str, Any] = {}
    if node.args and name in NAMED:
        names = ", ".join(FIELDS[name])
        raise fail(f"{name} 里每一项都要写名字：{names}", f"everything in {name} has a name: {names}")
    if len(node.args) > 1:
        raise fail(f"{name} 只有第一项可以不写名字", f"only the first value of {name} goes without a name")
    for value in node.args:
        said[FIELDS[name][0]] = _constant(value)
    for keyword in node.keywords:
        if keyword.arg is None:
            raise fail("不能用 **", "** is not allowed")
        if keyword.arg in said:
            raise fail(f"{keyword.arg} 写了两次", f"{keyword.arg} is given twice")
        said[keyword.arg] = _value(keyword.value) if keyword.arg in places.LISTS else _constant(keyword.value)
    return leaf(name, said, words, fail)


def _constant(node: ast.expr) -> Any:
    sign = 1
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        node, sign = node.operand, -1
    value = node.value if isinstance(node, ast.Constant) else None
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number and (sign < 0 or not isinstance(value, str)):
        at = f"{node.lineno}:{node.col_offset + 1}"
        raise _wrong(at, "这里只能写数字或带引号的文字", "a number or a text in quotes is expected here")
    if isinstance(value, str) and any("\ud800" <= letter <= "\udfff" for letter in value):
        at = f"{node.lineno}:{node.col_offset + 1}"
        raise _wrong(at, "文字里有半个字符", "the text holds half a letter")
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
    if name in _AT_HOME:
        return _at_home_json(name, inside, at, words, depth, fail)
    if not isinstance(inside, dict):
        raise fail(f"{key} 里要写对象", f"{key} holds an object with {', '.join(FIELDS[name])}")
    for field, value in inside.items():
        listed = field in places.LISTS and isinstance(value, list)
        if isinstance(value, bool) or not (listed or isinstance(value, int | float | str | None)):
            raise _wrong(f"{at}.{key}.{field}", "只能写数字或文字", "a number or a text is expected here")
    return leaf(
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


def _at_home(name: str, number: Any, found: list[Rule], fail: Fail) -> AtHome:
    if not isinstance(number, int) or not 1 <= number <= MOST_AT_HOME or len(found) != 1:
        raise fail(
            f"{name} 里写一个条件，前面可写至少几个人（1 到 {MOST_AT_HOME}），如 {name}(2, Has(...))",
            f"{name} takes one condition, and before it how many persons at least, 1 to {MOST_AT_HOME}, like {name}(2, Has(...))",
        )
    return _AT_HOME[name](number, (found[0],))


def _at_home_json(name: str, inside: Any, at: str, words: Words, depth: int, fail: Fail) -> AtHome:
    if not isinstance(inside, dict) or "of" not in inside or not set(inside) <= {"at_least", "of"}:
        raise fail(
            f"{_JSON[name]} 里要写 of（一个条件），可写 at_least（至少几个人）",
            f"{_JSON[name]} holds of, a condition, and may hold at_least, how many persons",
        )
    found = _of_json(inside["of"], f"{at}.{_JSON[name]}.of", words, depth + 1)
    number = inside.get("at_least", 1)
    return _at_home(name, None if isinstance(number, bool) else number, [found], fail)
