"""A mapping as the text of its file: what is read back from it is the same mapping."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping as Table
from datetime import timedelta

from zerodistance.core.touchpoints.mapping import CsvShape, JsonShape, Mapping, SourceSpec, Times, XlsxShape

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_ODD = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")  # what a text over several lines can't hold as it is
_LAGS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


def write(mapping: Mapping) -> str:
    r"""Return the TOML that says a mapping, without what is the default.

    Examples
    --------
    >>> from zerodistance.core.touchpoints.mapping import parse
    >>> text = 'kind = "store.visited"\nsource = "visits"\n[times]\nhappened_at = "at"\nlag = "24 h"\n'
    >>> print(write(parse(text)))
    kind = "store.visited"
    source = "visits"
    <BLANKLINE>
    [times]
    happened_at = "at"
    lag = "1 d"
    <BLANKLINE>
    >>> parse(write(parse(text))) == parse(text)
    True
    """
    simple = len(mapping.kinds) == 1 and mapping.kinds[0].when is None
    top: dict[str, object] = {}
    if mapping.format != "csv":
        top["format"] = mapping.format
    if mapping.members != "*":
        top["members"] = mapping.members
    if simple:
        top["kind"] = mapping.kinds[0].key
    if not _has_table(mapping.source):
        top["source"] = mapping.source.key
    for name in ("source_id", "body", "required"):
        if getattr(mapping, name):
            top[name] = list(getattr(mapping, name))
    parts = ["".join(f"{key} = {_value(value)}\n" for key, value in top.items())]
    if _has_table(mapping.source):
        parts.append(_table("source", _source(mapping.source)))
    parts.append(_table("csv", _csv(mapping.csv)))
    parts.append(_table("json", _json(mapping.json)))
    parts.append(_table("xlsx", _xlsx(mapping.xlsx)))
    parts.append(_table("types", mapping.types))
    if not simple:
        parts += [_rule(rule.key, rule.when) for rule in mapping.kinds]
    parts.append(_table("times", _times(mapping.times)))
    parts += [_table(name, getattr(mapping, name)) for name in ("identifiers", "columns", "facts", "checks")]
    return "\n".join(part for part in parts if part)


def _has_table(source: SourceSpec) -> bool:
    return source.name is not None or source.kind != "import" or source.unit is not None


def _source(source: SourceSpec) -> dict[str, object]:
    out: dict[str, object] = {"key": source.key}
    if source.name is not None:
        zh, en = source.name.zh, source.name.en
        out["name"] = zh if zh == en else {"zh": zh, "en": en}
    if source.kind != "import":
        out["kind"] = source.kind
    if source.unit is not None:
        out["unit"] = source.unit
    return out


def _csv(shape: CsvShape) -> dict[str, object]:
    out: dict[str, object] = {}
    usual = CsvShape()
    for name in ("delimiter", "quote", "header", "encoding"):
        if getattr(shape, name) != getattr(usual, name):
            out[name] = getattr(shape, name)
    if shape.columns:
        out["columns"] = list(shape.columns)
    if shape.nulls != usual.nulls:
        out["nulls"] = list(shape.nulls)
    return out


def _json(shape: JsonShape) -> dict[str, object]:
    out: dict[str, object] = {}
    if shape.path:
        joined = ".".join(shape.path)
        plain = bool(joined.strip()) and not any("." in key for key in shape.path)
        out["path"] = joined if plain else list(shape.path)
    if shape.encoding != "utf-8":
        out["encoding"] = shape.encoding
    return out


def _xlsx(shape: XlsxShape) -> dict[str, object]:
    out: dict[str, object] = {}
    if shape.sheet != 1:
        out["sheet"] = shape.sheet
    if shape.header != 1:
        out["header"] = shape.header
    if shape.columns:
        out["columns"] = list(shape.columns)
    return out


def _rule(key: str, when: str | None) -> str:
    condition = "" if when is None else f"when = {_value(when)}\n"
    return f"[[kind]]\nis = {_value(key)}\n{condition}"


def _times(times: Times) -> dict[str, object]:
    out: dict[str, object] = {"happened_at": times.happened_at}
    if times.formats:
        out["format"] = times.formats[0] if len(times.formats) == 1 else list(times.formats)
    if times.zone is not None:
        out["zone"] = times.zone
    if times.known_at is not None:
        out["known_at"] = times.known_at
    if times.lag is not None:
        out["lag"] = lag_text(times.lag)
    return out


def lag_text(lag: timedelta) -> str:
    """Return a lag as it stands in a mapping.

    Examples
    --------
    >>> lag_text(timedelta(hours=36)), lag_text(timedelta(0))
    ('36 h', '0 d')
    """
    seconds = int(lag.total_seconds())
    size, unit = next((size, unit) for size, unit in _LAGS if seconds % size == 0)
    return f"{seconds // size} {unit}"


def _table(name: str, values: Table[str, object]) -> str:
    if not values:
        return ""
    return f"[{name}]\n" + "".join(f"{_key(key)} = {_value(value)}\n" for key, value in values.items())


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else _text(name)


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, list):
        return "[" + ", ".join(_value(one) for one in value) + "]"
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{_key(key)} = {_value(one)}" for key, one in value.items()) + " }"
    text = str(value)
    if "\n" in text and "'''" not in text and not text.endswith("'") and not _ODD.search(text):
        return f"'''\n{text}'''"
    return _text(text)


def _text(value: str) -> str:
    """Return a basic string of TOML: the escapes of JSON, and that of DEL."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
