"""Rules that mend refused rows: pure, bounded, and the same when they are applied again.

A rule names a field: of an event of the protocol by its keys (`properties.price`), of a row of a file by its column, and of a row
that could not be cut into columns by `line`. What a rule would change again if it were applied once more, it leaves as it is: so
whoever applies it twice has applied it once.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from zerodistance.kernel.errors import ZeroDistanceError
from zerodistance.kernel.text import Text

SET, MAP, REPLACE, DATE, DROP = "set", "map", "replace", "date", "drop"
OPERATIONS: dict[str, Text] = {
    SET: Text("写成固定的值", "Set to a value"),
    MAP: Text("把一个值换成另一个", "Change one value into another"),
    REPLACE: Text("按样子替换文字", "Replace by a pattern"),
    DATE: Text("按写法读出时间", "Read a time by its form"),
    DROP: Text("去掉这个字段", "Leave the field out"),
}
LINE = "line"
_LONGEST = 64 << 10  # own value: letters of a value that is changed by a pattern, and of what becomes of it
_PATTERN = 300  # own value: letters of a pattern
_TYPED = 10_000  # own value: letters of anything that a rule says
_DEEPEST = 20  # own value: keys that a field is reached by
_MISSING: Any = object()


class RuleWrong(ZeroDistanceError):
    """A rule can't be followed."""

    code, status = "rule_wrong", 400
    text = Text("修改规则的 {field}：{zh}", "rule, {field}: {en}")


@dataclass(frozen=True)
class Rule:
    r"""One way to mend a row.

    Attributes
    ----------
    operation
        One of `OPERATIONS`.
    field
        What is changed.
    given
        `map`: the value that is changed; `replace`: an RE2 pattern; `date`: how times are written, as for strptime.
    to
        `set`, `map`: the new value; `replace`: what stands for a match, `\1` for its first group; `date`: how the time is written
        then, ISO 8601 if empty.

    References
    ----------
    https://github.com/google/re2/wiki/Syntax : patterns take time in proportion to the text, whatever they say.
    """

    operation: str
    field: str
    given: str = ""
    to: str = ""


def checked(rule: Rule) -> Rule:
    """Return a rule that can be followed.

    Raises
    ------
    RuleWrong
        It can't; says which part and what is allowed.
    """
    if rule.operation not in OPERATIONS:
        allowed = ", ".join(OPERATIONS)
        raise _wrong("operation", f"可用的有 {allowed}", f"allowed are {allowed}")
    if not rule.field.strip():
        raise _wrong("field", "写要改的字段或列", "name the field or column that is to be changed")
    if rule.field.count(".") >= _DEEPEST:
        raise _wrong("field", f"最多 {_DEEPEST} 层", f"at most {_DEEPEST} keys deep")
    if max(len(rule.field), len(rule.given), len(rule.to)) > _TYPED:
        raise _wrong("to", f"最长 {_TYPED:,} 个字符", f"at most {_TYPED:,} signs")
    if rule.operation == MAP and rule.given == rule.to:
        raise _wrong("to", "与原值相同", "it is the value that is there already")
    if rule.operation == REPLACE:
        if not rule.given or max(len(rule.given), len(rule.to)) > _PATTERN:
            raise _wrong(
                "given", f"写一个样式，最长 {_PATTERN} 个字符", f"write a pattern of at most {_PATTERN} signs"
            )
        try:
            _replaced(rule, "")
        except pa.ArrowInvalid as error:
            said = str(error).splitlines()[0][:200]
            raise _wrong("given", f"读不懂的样式：{said}", f"the pattern can't be read: {said}") from None
    if rule.operation == DATE and "%" not in rule.given:
        raise _wrong(
            "given",
            "写时间的写法，如 %d.%m.%Y %H:%M",
            "say how the times are written, such as %d.%m.%Y %H:%M",
        )
    return rule


def _wrong(field: str, zh: str, en: str) -> RuleWrong:
    return RuleWrong(field=field, zh=zh, en=en)


def mended(rule: Rule, content: Any, zone: tzinfo = UTC) -> Any:
    """Return what a rule makes of a row: a new value, or the very same where it changes nothing.

    Parameters
    ----------
    content
        An event, a batch of events, or a row of a file as `{"values": {column: text}}` or `{"line": text}`.
    zone
        Of times that carry none, where they are written as ISO 8601 into an event.

    Examples
    --------
    >>> mended(Rule("map", "type", "trak", "track"), {"type": "trak", "userId": "u1"})
    {'type': 'track', 'userId': 'u1'}
    >>> mended(Rule("date", "at", "%d.%m.%Y"), {"values": {"at": "31.1.2026"}})
    {'values': {'at': '2026-01-31'}}
    """
    what = _what(content)
    if what == "batch":
        events = [mended(rule, event, zone) for event in content[what]]
        same = all(a is b for a, b in zip(events, content[what], strict=True))
        return content if same else {what: events}
    if what == LINE:
        line = content[LINE]
        after = _change(rule, zone, is_text=True)(line) if rule.field == LINE else line
        return content if after is _MISSING or _equal(after, line) else {LINE: after}
    if what == "values":
        change = _change(rule, zone, is_text=True)
        values = _at(content[what], [rule.field], change, rule.operation == SET, keep=True)
        return content if values is content[what] else {what: values}
    event = _event(rule, content, zone) if isinstance(content, dict) else content
    return content if _what(event) else event  # an event becomes no row of a file


def _what(content: Any) -> str:
    """Return what a row is: a `batch` of events, the `values` or the `line` of a row of a file; nothing for an event."""
    if not isinstance(content, dict) or len(content) != 1:
        return ""
    (key,) = content
    kinds = {"batch": list, "values": dict, LINE: str}
    return key if key in kinds and isinstance(content[key], kinds[key]) else ""


def _event(rule: Rule, event: Any, zone: tzinfo) -> Any:
    change = _change(rule, zone, is_text=False)
    if rule.operation == DROP:  # by either way of writing it, so that none is left for the next time
        event = _at(event, [rule.field], change, False, keep=False)
    keys = [rule.field] if rule.field in event else rule.field.split(".")
    return _at(event, keys, change, rule.operation == SET, keep=False)


def _at(content: Any, keys: list[str], change: Callable[[Any], Any], make: bool, *, keep: bool) -> Any:
    """Return a value with what stands under some keys changed; `keep`: what is dropped stays as null."""
    if not isinstance(content, dict):
        return content
    key, rest = keys[0], keys[1:]
    before = content.get(key, _MISSING)
    if rest:
        if before is _MISSING and make:
            before = {}
        after = _at(before, rest, change, make, keep=keep)
        return content if after is before else {**content, key: after}
    if before is _MISSING and (not make or keep):
        return content
    after = change(None if before is _MISSING else before)
    if after is _MISSING:
        if keep:
            return content if before is None else {**content, key: None}
        return {k: v for k, v in content.items() if k != key}
    return content if before is not _MISSING and _equal(after, before) else {**content, key: after}


def _equal(a: Any, b: Any) -> bool:
    return type(a) is type(b) and bool(a == b)


def _change(rule: Rule, zone: tzinfo, *, is_text: bool) -> Callable[[Any], Any]:
    """Return what is done to one value; it leaves alone what it would change again."""

    def change(value: Any) -> Any:
        after = _once(rule, value, zone, is_text)
        if after is _MISSING:
            return after
        return after if _equal(_once(rule, after, zone, is_text), after) else value

    return change


def _once(rule: Rule, value: Any, zone: tzinfo, is_text: bool) -> Any:
    if rule.operation == DROP:
        return _MISSING
    if rule.operation == SET:
        return _meant(rule.to, is_text)
    text = _text(value)
    if text is None:
        return value
    if rule.operation == MAP:
        return _meant(rule.to, is_text) if text == rule.given else value
    if not isinstance(value, str):
        return value
    if rule.operation == REPLACE:
        after = _replaced(rule, value) if len(value) <= _LONGEST else value
        return after if len(after) <= _LONGEST else value
    return _dated(rule, value, zone, is_text)


def _text(value: Any) -> str | None:
    """Return a single value as it stands in JSON, a text without its quotes; None for an object or a list."""
    if isinstance(value, str):
        return value
    if isinstance(value, (dict, list)):
        return None
    return msgspec.json.encode(value).decode()


def _meant(text: str, is_text: bool) -> Any:
    """Return a value as it was typed: in an event a number, `true`, `false`, `null` or a quoted text is that, all else is text."""
    if is_text:
        return text
    try:
        value = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError, ValueError):
        return text
    return text if isinstance(value, (dict, list)) else value


def _replaced(rule: Rule, value: str) -> str:
    array = pa.array([value.encode("utf-8", "surrogatepass").decode("utf-8", "replace")], pa.large_string())
    if array[0].as_py() != value:
        return value
    found = pc.replace_substring_regex(array, pattern=rule.given, replacement=rule.to)
    return str(found[0].as_py())


def _dated(rule: Rule, value: str, zone: tzinfo, is_text: bool) -> str:
    try:
        at = datetime.strptime(value.strip(), rule.given)
        if rule.to:
            return at.strftime(rule.to)
    except (ValueError, re.error, OverflowError):
        return value
    has_clock = bool(re.search(r"%[HIMSpcTX]", rule.given))
    if is_text:
        return at.isoformat(sep=" ") if has_clock else at.date().isoformat()
    aware = at if at.tzinfo is not None else at.replace(tzinfo=zone)
    return aware.isoformat()
