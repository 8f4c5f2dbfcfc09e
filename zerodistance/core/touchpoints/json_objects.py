"""One JSON row: an object or the reason why it is none; its fields by path, as text; which fields and types some rows have."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

Path = tuple[str | int, ...]

_DEPTH, _ITEMS, _FIELDS = (
    8,
    20,
    2_000,
)  # own values: how deep, how far into arrays and how many fields are looked for
_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")
_HALF = re.compile(r"\\u[dD][89a-fA-F]")
_STEP = re.compile(r"([^.\[\]]+)|\[(\d{1,6})\]")
_PATH = re.compile(r"[^.\[\]]+(?:\[\d{1,6}\])*(?:\.[^.\[\]]+(?:\[\d{1,6}\])*)*")
_INT64 = 1 << 63
_READ, _WRITTEN = msgspec.json.Decoder(dict[str, Any]).decode, msgspec.json.Encoder().encode
_COMPACT = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class NotARow(ValueError):
    """Some JSON is no row; the message is the reason."""


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise NotARow(f"the key {twice[:100]!r} stands twice in one object")
    return found


def _constant(name: str) -> Any:
    raise NotARow(f"{name} is no JSON number")


DECODER = json.JSONDecoder(object_pairs_hook=_pairs, parse_constant=_constant)
"""Strict: no NaN, no key twice; raises `NotARow` besides the errors of `json`."""


def read_object(text: str) -> dict[str, Any]:
    """Return the object that a text is.

    Raises
    ------
    NotARow
        It is none, or holds what no touch can carry.
    """
    found = _as_written(text)
    return closely(text) if found is None else fit(found, text)


def _as_written(text: str) -> dict[str, Any] | None:
    """Return the object that a text is if, written again, it is the same text: so it is whole and has no key twice; else None.

    Most machines write so, and it takes half of the time.
    """
    if '": ' in text:
        return None
    try:
        found = _READ(text)
        return found if _WRITTEN(found) == text.encode() else None
    except (ValueError, OverflowError, RecursionError):
        return None


def closely(text: str) -> dict[str, Any]:
    """Do as `read_object`, however the text is written, and say what is wrong with it."""
    try:
        found = DECODER.decode(text)
    except json.JSONDecodeError as error:
        raise NotARow(f"it is not JSON: {error.msg}, character {error.pos + 1}") from None
    except RecursionError:
        raise NotARow("it is nested too deeply") from None
    except NotARow:
        raise
    except ValueError as error:  # a whole number of thousands of digits
        raise NotARow(f"it is not JSON: {error}") from None
    return fit(found, text)


def fit(found: Any, text: str) -> dict[str, Any]:
    """Return a decoded value if it can be a row; see `read_object`."""
    if type(found) is not dict:
        raise NotARow(f"it is not a JSON object but {_KINDS.get(type(found), 'a value')}")
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise NotARow("it is not utf-8") from None
    if "\\u" in text:
        if _NUL.search(text):
            raise NotARow("a text holds the sign NUL")
        if _HALF.search(text):
            try:
                json.dumps(found, ensure_ascii=False).encode()
            except UnicodeEncodeError:
                raise NotARow("a text holds half a sign: a surrogate without its other") from None
    return found


_KINDS: dict[type, str] = {
    list: "an array", str: "a text", int: "a number", float: "a number", bool: "true or false", type(None): "null",
}  # fmt: skip


@dataclass(frozen=True)
class Field:
    """A field that some rows have.

    Attributes
    ----------
    name
        How a mapping calls it: `customer.phone`, `items[0].sku`.
    path
        Keys, and places in arrays from 0.
    type
        integer, number, boolean or text; a whole object or array is the text of its JSON.
    """

    name: str
    path: Path
    type: str


def path_of(name: str) -> Path | None:
    """Return the path that a name says, None if it says none.

    Examples
    --------
    >>> path_of("items[0].sku"), path_of("a..b")
    (('items', 0, 'sku'), None)
    """
    if not _PATH.fullmatch(name):
        return None
    return tuple(key if key else int(place) for key, place in _STEP.findall(name))


def survey(rows: Iterable[dict[str, Any]]) -> dict[str, Field]:
    """Return every field of some rows by name, in order of appearance; a key that itself looks like a path comes first."""
    types: dict[tuple[str, Path], set[str]] = {}
    for row in rows:
        for name, path, value in _walk(row, "", (), 0):
            if len(types) >= _FIELDS and (name, path) not in types:
                continue
            types.setdefault((name, path), set()).add(_type(value))
    fields: dict[str, Field] = {}
    for (name, path), seen in sorted(types.items(), key=lambda item: len(item[0][1])):
        fields.setdefault(name, Field(name, path, _joined(seen - {"null"})))
    return {name: fields[name] for name, _ in types if name in fields}


def _walk(value: Any, name: str, path: Path, depth: int) -> Iterator[tuple[str, Path, Any]]:
    if depth:
        yield name, path, value
    if depth == _DEPTH:
        return
    if type(value) is dict:
        for key, one in value.items():
            yield from _walk(one, f"{name}.{key}" if depth else key, (*path, key), depth + 1)
    elif type(value) is list:
        for place, one in enumerate(value[:_ITEMS]):
            yield from _walk(one, f"{name}[{place}]", (*path, place), depth + 1)


def _type(value: Any) -> str:
    if value is None:
        return "null"
    if type(value) is bool:
        return "boolean"
    if type(value) is int:
        return "integer" if -_INT64 <= value < _INT64 else "text"
    return "number" if type(value) is float else "text"


def _joined(seen: set[str]) -> str:
    if seen == {"integer", "number"}:
        return "number"
    return seen.pop() if len(seen) == 1 else "text"


def texts(rows: list[dict[str, Any]], path: Path) -> list[str | None]:
    """Return one field of each row as text; None where it is not there."""
    (found,) = columns(rows, [path])
    return found


def columns(rows: list[dict[str, Any]], paths: Sequence[Path]) -> list[list[str | None]]:
    """Return some fields of each row as texts, field by field; None where one is not there.

    What lies on the way to several of them is looked up once.
    """
    values: dict[Path, list[Any]] = {(): rows}

    def at(path: Path) -> list[Any]:
        if path not in values:
            values[path] = _inside(at(path[:-1]), path[-1])
        return values[path]

    return [
        [v if v is None or type(v) is str else _text(v) for v in _inside(at(path[:-1]), path[-1])]
        for path in paths
    ]


def _inside(values: list[Any], step: str | int) -> list[Any]:
    """Return what each value holds at a key or place; None where it holds nothing there."""
    if type(step) is str:
        return [value.get(step) if type(value) is dict else None for value in values]
    place = int(step)
    return [value[place] if type(value) is list and place < len(value) else None for value in values]


def _text(value: Any) -> str:
    if value is True or value is False:
        return "true" if value else "false"
    if type(value) is int:
        return str(value)
    if type(value) is float:
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    return _COMPACT(value)


def by_name(row: dict[str, Any], names: Iterable[str]) -> dict[str, str | None]:
    """Return the fields of one row by name."""
    found: dict[str, str | None] = {}
    for name in names:
        path = (name,) if name in row else path_of(name)
        found[name] = None if path is None else texts([row], path)[0]
    return found
