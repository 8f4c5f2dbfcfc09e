"""Values of a mapping file, read strictly: each says which key it is, what was given and what is allowed."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from typing import Any

from zerodistance.kernel.errors import ZeroDistanceError
from zerodistance.kernel.text import Text

_KEY = re.compile(r"[a-z0-9][a-z0-9_.-]{0,60}")


class MappingWrong(ZeroDistanceError):
    """A mapping file says something that can't be followed: which key, what is allowed."""

    code, status = "mapping_wrong", 400
    text = Text("映射文件的 {key}：{zh}", "mapping, {key}: {en}")


def near(given: str, allowed: Iterable[str]) -> Text:
    """Return "did you mean ..." for a name that is not among the allowed ones, and the allowed names."""
    names = list(allowed)
    close = difflib.get_close_matches(given.lower(), names, 1, 0.6) or difflib.get_close_matches(
        given, names, 1, 0.6
    )
    close = close or [name for name in names if name.lower() == given.lower()]
    listed = ", ".join(names[:40]) + (" ..." if len(names) > 40 else "")
    guess = Text(f"；是不是 {close[0]}？", f"; did you mean {close[0]}?") if close else Text("", "")
    return Text(f"可用的有 {listed}{guess.zh}", f"allowed are {listed}{guess.en}")


def wrong(key: str, zh: str, en: str) -> MappingWrong:
    """Make the error for one key of a mapping."""
    return MappingWrong(key=key, zh=zh, en=en)


def known(prefix: str, table: dict[str, Any], allowed: tuple[str, ...]) -> None:
    """Refuse a key that is not among the allowed ones."""
    for name in table:
        if name not in allowed:
            hint = near(name, allowed)
            raise wrong(prefix + name, f"没有这个键；{hint.zh}", f"there is no such key; {hint.en}")


def need(table: dict[str, Any], name: str, key: str | None = None) -> Any:
    """Return the value of a key that must be there."""
    if name not in table:
        raise wrong(key or name, "缺少这个键", "this key is missing")
    return table[name]


def table(key: str, value: Any) -> dict[str, Any]:
    """Return a value that must be a table."""
    if not isinstance(value, dict):
        raise wrong(key, f"应是一张表：[{key}]", f"a table is needed: [{key}]")
    return value


def string(key: str, value: Any) -> str:
    """Return a value that must be a text with something in it."""
    if not isinstance(value, str) or not value.strip():
        raise wrong(key, f"应是文字，给的是 {value!r}", f"a text is needed, not {value!r}")
    return value


def boolean(key: str, value: Any) -> bool:
    """Return a value that must be true or false."""
    if not isinstance(value, bool):
        raise wrong(key, "应是 true 或 false", "true or false is needed")
    return value


def sign(key: str, value: Any) -> str:
    """Return a value that must be one ASCII character."""
    if not isinstance(value, str) or len(value) != 1 or not value.isascii() or value in "\r\n":
        raise wrong(
            key, f"应是一个 ASCII 字符，给的是 {value!r}", f"one ASCII character is needed, not {value!r}"
        )
    return value


def key(key: str, value: Any) -> str:
    """Return a value that must be a key."""
    if not isinstance(value, str) or not _KEY.fullmatch(value):
        raise wrong(key, "用小写字母、数字、_ - .", "use lower case letters, digits, _ - .")
    return value


def strings(key: str, value: Any, empty: bool = False) -> tuple[str, ...]:
    """Return a value that must be a text or a list of them."""
    listed = [value] if isinstance(value, str) else value
    if not isinstance(listed, list) or not all(isinstance(v, str) and (v or empty) for v in listed):
        raise wrong(key, "应是文字的列表", "a list of texts is needed")
    return tuple(listed)


def one_of(key: str, value: Any, allowed: tuple[str, ...]) -> str:
    """Return a value that must be one of a few."""
    if value not in allowed:
        hint = near(str(value), allowed)
        raise wrong(key, f"不能是 {value!r}；{hint.zh}", f"it can't be {value!r}; {hint.en}")
    return str(value)


def whole(key: str, value: Any, least: int) -> int:
    """Return a value that must be a whole number from `least` on."""
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise wrong(
            key,
            f"应是不小于 {least} 的整数，给的是 {value!r}",
            f"a whole number from {least} on is needed, not {value!r}",
        )
    return value
