"""Taking personal data out of what goes into the lake: one linear-time pattern finds candidates, few rows are walked."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

SEALED = "[sealed]"
"""Stands where a value was taken out; the original is among the sealed texts."""

_KEYS = (
    r"e-?mail(?:_?address)?|(?:cell|mobile|tele|home|work|contact)?_?phone(?:_?(?:number|no))?|mobile|tel|"
    r"(?:first|last|full|real|middle|nick|sur|family|given|contact|customer|receiver|user)_?name|(?:street|postal|shipping|"
    r"billing|home|delivery)?_?address\d?|street|birth_?(?:day|date)|dob|id_?card(?:_?no)?|passport|ip(?:_?address)?|password|passwd|secret|"
    r"access_?token|comment|message|content|text|note|remark|review|feedback|question|姓名|手机号?|电话|地址|邮箱|身份证号?|备注|留言|评论"
)
_VALUES = (
    r"[^\s\"@]+@[^\s\"@]+\.[a-zA-Z]{2,}|(?:^|[^0-9a-fA-F])(?:\+?86[- ]?)?1[3-9][0-9]{9}(?:[^0-9a-fA-F]|$)|"
    r"\+[0-9][0-9 -]{7,16}[0-9]|(?:^|[^0-9a-fA-F])[1-9][0-9]{5}(?:19|20)[0-9]{2}"
    r"(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])[0-9]{3}[0-9Xx](?:[^0-9a-fA-F]|$)"  # resident identity number, GB 11643
)
_LONG = 200
_SEARCH = rf"(?i)\"(?:{_KEYS})\"\s*:|{_VALUES}|\"[^\"\\]{{{_LONG},}}\"|\\u|%40"
_KEY = re.compile(rf"(?:{_KEYS})", re.IGNORECASE)
_VALUE = re.compile(_VALUES)


def bodies(raws: pa.Array) -> tuple[pa.Array, list[tuple[int, bytes]]]:
    """Return JSON bodies without personal data, null where empty, and the originals of those that were changed."""
    if raws.null_count == len(raws):
        return raws, []
    text = pc.if_else(pc.less_equal(pc.binary_length(raws), 2), pa.scalar(None, pa.string()), raws)
    suspect = np.flatnonzero(
        pc.match_substring_regex(text, _SEARCH).fill_null(False).to_numpy(zero_copy_only=False)
    )
    changed: dict[int, str] = {}
    sealed: list[tuple[int, bytes]] = []
    for i in suspect.tolist():
        original = text[i].as_py()
        try:
            value = msgspec.json.decode(original)
            clean = walk(value)
        except (msgspec.DecodeError, RecursionError):
            value, clean = None, SEALED
        if clean != value:
            changed[i] = msgspec.json.encode(clean).decode()
            sealed.append((i, original.encode()))
    if changed:
        mask = np.zeros(len(raws), np.bool_)
        mask[list(changed)] = True
        text = pc.replace_with_mask(text, pa.array(mask), pa.array(list(changed.values()), pa.string()))
    return text, sealed


def words(values: pa.Array) -> pa.Array:
    """Return short texts (event names, paths) with those that look like personal data replaced."""
    if values.null_count == len(values):
        return values
    coded = values.dictionary_encode()
    suspect = pc.match_substring_regex(coded.dictionary, _VALUES)
    return pc.if_else(suspect, pa.scalar(SEALED), coded.dictionary).take(coded.indices)


def walk(value: Any, key: str = "") -> Any:
    """Return a JSON value with personal fields and personal-looking strings replaced by `SEALED`.

    Examples
    --------
    >>> walk({"sku": "W1", "email": "a@b.cn", "note": "call me", "by": {"ref": "13912345678"}})
    {'sku': 'W1', 'email': '[sealed]', 'note': '[sealed]', 'by': {'ref': '[sealed]'}}
    """
    if key and value not in (None, "") and _KEY.fullmatch(key):
        return SEALED
    if isinstance(value, dict):
        return {(SEALED if _VALUE.search(k) else k): walk(v, k) for k, v in value.items()}
    if isinstance(value, list):
        return [walk(v) for v in value]
    if isinstance(value, str) and (len(value) >= _LONG or _VALUE.search(value) or "%40" in value):
        return SEALED
    if isinstance(value, int) and not isinstance(value, bool) and _VALUE.search(str(value)):
        return SEALED
    return value
