"""Results as plain data, for JSON."""

from __future__ import annotations

import math
from dataclasses import fields, is_dataclass
from datetime import datetime
from typing import Any

from zerodistance.kernel.text import Text


def plain(value: Any) -> Any:
    """Return dataclasses and named tuples as mappings, texts as both languages, moments as ISO 8601, what is not a number as null.

    Examples
    --------
    >>> from zerodistance.core.measurement.estimates import Interval
    >>> plain((Interval(0.1, 0.0, None), Text("是", "yes")))
    [{'value': 0.1, 'low': 0.0, 'high': None}, {'zh': '是', 'en': 'yes'}]
    """
    if isinstance(value, Text):
        return {"zh": value.zh, "en": value.en}
    if is_dataclass(value):
        return {one.name: plain(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return {name: plain(one) for name, one in value._asdict().items()}
    if isinstance(value, tuple | list):
        return [plain(one) for one in value]
    if isinstance(value, dict):
        return {name: plain(one) for name, one in value.items()}
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
