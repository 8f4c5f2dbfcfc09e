"""Taking personal data out of what goes into the lake: one linear-time pattern finds candidates, few rows are walked."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

SEALED = "[sealed]"
"""Stands where a value was taken out; the original is among the sealed texts."""

_WHOSE = r"(?:customer|contact|consignee|receiver|recipient|user|member|buyer|caller|home|work|office)"
_KEYS = (
    rf"(?:{_WHOSE}_?)?e-?mail(?:_?address)?|(?:{_WHOSE}_?)?(?:cell|mobile|tele)?_?phone(?:_?(?:number|no))?|(?:{_WHOSE}_?)?(?:mobile|tel)|"
    rf"(?:(?:first|last|full|real|middle|nick|sur|family|given|{_WHOSE})_?)name|(?:(?:street|postal|shipping|"
    rf"billing|delivery|full|{_WHOSE})_?)?address\d?|street|consignee|receiver|recipient|birth_?(?:day|date)|dob|id_?card(?:_?no)?|passport|"
    r"ip(?:_?address)?|password|passwd|secret|(?:open|union|member|user|device|anonymous|customer)_?(?:id|no)|imei|imsi|idfa|oaid|wechat(?:_?id)?|"
    r"weixin|qq|access_?token|comment|message|content|text|note|remark|review|feedback|question|姓名|收货人|收件人|联系人|联系方式|手机号?码?|"
    r"电话号?码?|地址|收货地址|邮箱|身份证号?码?|会员号|微信号?|备注|留言|评论"
)
_PHONE = r"[1１][3-9３-９][0-9０-９](?:[ -]?[0-9０-９]{4}){2}"
_VALUES = (
    r"[^\s\"@]+@[^\s\"@]+\.[a-zA-Z]{2,}|(?:^|[^0-9a-fA-F])(?:\+?86[- ]?)?" + _PHONE + r"(?:[^0-9a-fA-F]|$)|"
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


def words(values: pa.Array, stand_in: Callable[[str], str] | None = None) -> pa.Array:
    """Return short texts (event names, paths, product codes) with those that look like personal data replaced.

    Parameters
    ----------
    stand_in
        What stands for one of them, such as a pseudonym by which equal ones stay equal; None: `SEALED` for all.
    """
    if values.null_count == len(values):
        return values
    coded = values.dictionary_encode()
    suspect = pc.match_substring_regex(coded.dictionary, _VALUES)
    if not pc.any(suspect).as_py():
        return values
    replaced: Any = pa.scalar(SEALED)
    if stand_in is not None:
        some = coded.dictionary.filter(suspect).to_pylist()
        replaced = pc.replace_with_mask(
            coded.dictionary, suspect, pa.array([stand_in(word) for word in some])
        )
    return pc.if_else(suspect, replaced, coded.dictionary).take(coded.indices)


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
