"""Writing a table that was read from TOML as TOML again: a mapping that stands inside a feed file becomes a mapping file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, datetime, time
from typing import Any


def document(table: Mapping[str, Any]) -> str:
    """Return a table as a TOML document, one key a line, tables inside it in braces.

    Examples
    --------
    >>> print(document({"kind": "order.line", "times": {"lag": "1 day"}}), end="")
    "kind" = "order.line"
    "times" = { "lag" = "1 day" }
    """
    return "".join(f"{_text(key)} = {_value(value)}\n" for key, value in table.items())


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{_text(k)} = {_value(v)}" for k, v in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(_value, value)) + "]"
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    return repr(value)  # numbers: TOML writes them as Python does


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
