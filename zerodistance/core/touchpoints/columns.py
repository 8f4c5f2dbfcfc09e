"""The typed columns of events of the collection protocol, their identifiers and the vault's fields."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from zerodistance.core.touchpoints import scrub, wire
from zerodistance.core.touchpoints.contracts import Facts
from zerodistance.core.touchpoints.signs import Signs

_NAME_LENGTH, _FIELD_LENGTH, _MOST_TRAITS = 200, 1_000, 50  # own values
_MOST_LOCALE = 100  # own value: a language tag has 35 characters at most in practice
_IDENTIFIERS = {
    "email": "email",
    "phone": "phone",
    "mobile": "phone",
    "memberid": "member_id",
    "member_id": "member_id",
    "openid": "openid",
    "wechat_openid": "openid",
    "deviceid": "device_id",
    "device_id": "device_id",
}
_FIELDS = {
    "name": "name",
    "firstname": "first_name",
    "first_name": "first_name",
    "lastname": "last_name",
    "last_name": "last_name",
    "birthday": "birthday",
    "birthdate": "birthday",
    "gender": "gender",
    "language": "language",
    "locale": "language",
    "lang": "language",
    "city": "city",
    "country": "country",
    "state": "province",
    "province": "province",
    "district": "district",
    "street": "address",
    "postalcode": "postal_code",
    "postal_code": "postal_code",
    "address": "address",
}


class _Line(msgspec.Struct, gc=False):
    product_id: wire.Scalar = None
    sku: wire.Scalar = None
    category: wire.Scalar = None
    quantity: wire.Scalar = None


_LINES = msgspec.json.Decoder(list[_Line])


def typed(
    said: dict[str, pa.Array], kinds: pa.Array, currency: str, stand_in: Callable[[str], str]
) -> dict[str, pa.Array]:
    """Return the typed columns by name; a number that can't be read is null, and stands in the body as it came.

    Parameters
    ----------
    said
        Columns of `sql/events.sql`.
    kinds
        Kind of each touch.
    stand_in
        What stands for a product or order number that looks like personal data.
    """
    product, category, quantity = said["product"], said["category"], said["quantity"]
    if said["products"].null_count < len(kinds):
        product, category, quantity = _summed(said)
    line = pc.is_in(kinds, value_set=pa.array(["cart.added", "cart.removed", "order.line", "order.returned"]))
    by_price = pc.if_else(
        line, pc.multiply(said["price"], pc.fill_null(quantity, 1.0)), pa.scalar(None, pa.float64())
    )
    amount = pc.coalesce(said["money"], by_price)
    refund = pc.equal(kinds, "order.refunded")
    amount = pc.if_else(refund, pc.negate(pc.abs(amount)), amount)
    money = pc.if_else(
        pc.is_valid(amount), pc.coalesce(said["currency"], pa.scalar(currency)), pa.scalar(None, pa.string())
    )
    return {
        "kind": kinds,
        "name": scrub.words(_short(said["name"])),
        "product": scrub.words(_short(product), stand_in),
        "category": scrub.words(_short(category)),
        "quantity": _finite(quantity),
        "amount": _finite(amount),
        "currency": _short(money),
        "duration": _finite(said["duration"]),
        "energy": _finite(said["energy"]),
        "warnings": _finite(said["warnings"]),
        "fault": scrub.words(_short(said["fault"])),
        "place": scrub.words(_short(said["at_place"])),
        "order_id": scrub.words(_short(said["order_id"]), stand_in),
        "channel": scrub.words(_short(said["channel"])),
        "page": scrub.words(_short(_paths(said["page"]))),
        "referrer": _short(_hosts(said["referrer"])),
        "campaign": scrub.words(_short(said["campaign"])),
    }


def _short(values: pa.Array) -> pa.Array:
    if values.null_count == len(values):
        return values
    cut = (
        pc.utf8_slice_codeunits(values, 0, _NAME_LENGTH)
        if pc.max(pc.binary_length(values)).as_py() > _NAME_LENGTH
        else values
    )
    return pc.if_else(pc.equal(cut, ""), pa.scalar(None, pa.string()), cut)


def _finite(values: pa.Array) -> pa.Array:
    if values.null_count == len(values):
        return values
    return pc.if_else(pc.is_finite(values), values, pa.scalar(None, pa.float64()))


def _distinct(values: pa.Array, change: str, to: str) -> pa.Array:
    """Replace by a pattern, once for each distinct value."""
    if values.null_count == len(values):
        return values
    coded = values.dictionary_encode()
    return pc.replace_substring_regex(coded.dictionary, change, to).take(coded.indices)


def _paths(values: pa.Array) -> pa.Array:
    """Return the path of each page address, without query and fragment."""
    return _distinct(values, r"^(?:[A-Za-z][A-Za-z0-9+.-]*://[^/?#]*)?([^?#]*).*$", r"\1")


def _hosts(values: pa.Array) -> pa.Array:
    """Return the host of each address, nothing where there is none."""
    return pc.utf8_lower(
        _distinct(values, r"^(?s)(?:[A-Za-z][A-Za-z0-9+.-]*://(?:[^/?#@]*@)?([^/?#:]*))?.*$", r"\1")
    )


def _summed(said: dict[str, pa.Array]) -> tuple[pa.Array, pa.Array, pa.Array]:
    """Fill an order's own columns from its lines: what all of them share, and the sum of the pieces."""
    product, category, quantity = (said[name].to_pylist() for name in ("product", "category", "quantity"))
    for i in np.flatnonzero(said["products"].is_valid().to_numpy(zero_copy_only=False)).tolist():
        try:
            lines = _LINES.decode(said["products"][i].as_py())
        except wire.BROKEN:
            continue
        product[i] = product[i] or _only(x.product_id if x.product_id is not None else x.sku for x in lines)
        category[i] = category[i] or _only(x.category for x in lines)
        if quantity[i] is None and lines:
            quantity[i] = sum(_number(x.quantity) for x in lines)
    return pa.array(product, pa.string()), pa.array(category, pa.string()), pa.array(quantity, pa.float64())


def _only(values: Any) -> str | None:
    distinct = {str(value) for value in values if value is not None}
    return distinct.pop() if len(distinct) == 1 else None


def _number(value: wire.Scalar) -> float:
    try:
        return 1.0 if value is None else float(value)
    except ValueError:
        return 1.0
    except OverflowError:  # more digits than a number can have: the sum is none
        return float("inf")


def as_sent(raw: bytes, name: str) -> bytes:
    """Return a field of an event as it was sent: as text an object can't be told from words in braces, and 1.10 is 1.1."""
    return bytes(msgspec.json.decode(raw, type=dict[str, msgspec.Raw]).get(name, b"")).strip()


def replaced(values: pa.Array, by: dict[int, str]) -> pa.Array:
    """Return a column in which the values at some places are others."""
    mask = np.zeros(len(values), np.bool_)
    mask[list(by)] = True
    return pc.replace_with_mask(values, pa.array(mask), pa.array([by[i] for i in sorted(by)], values.type))


def quoted(values: pa.Array) -> pa.Array:
    """Return each value as a JSON string, `null` where there is none."""
    return pa.array([msgspec.json.encode(value).decode() for value in values.to_pylist()], pa.string())


def identify(
    row: int,
    raws: Sequence[str | None],
    locale: str | None,
    signs: Signs,
    facts: Facts,
    texts: list[tuple[int, bytes]],
) -> None:
    """Take the traits of an identify call apart: identifiers, known personal fields, and the rest for the vault.

    Parameters
    ----------
    raws
        `traits`, and `context.traits`, where RudderStack puts them.
    locale
        `context.locale`: the language of the app or browser, which holds where no trait says one.
    """
    before = len(facts.field)
    for raw in raws:
        if raw is None or len(raw) <= 2:
            continue
        try:
            traits = msgspec.json.decode(raw, type=dict[str, Any])
        except wire.BROKEN:
            texts.append((row, raw.encode()))
            continue
        left = _take(row, traits, signs, facts)
        if left:
            texts.append((row, msgspec.json.encode(left)))
    if locale and len(locale) <= _MOST_LOCALE and "language" not in facts.field[before:]:
        facts.add(row, "language", locale)


def _take(row: int, traits: dict[str, Any], signs: Signs, facts: Facts) -> dict[str, Any]:
    left: dict[str, Any] = {}
    address = traits.pop("address", None)
    parts = dict(address) if isinstance(address, dict) else {} if address is None else {"address": address}
    for place, (key, value) in enumerate([*traits.items(), *parts.items()]):
        small = key.lower()
        if value is None or value == "":
            continue
        if isinstance(value, (dict, list)) or place >= _MOST_TRAITS or len(str(value)) > _FIELD_LENGTH:
            left[key] = value
        elif small in _IDENTIFIERS:
            signs.add(row, _IDENTIFIERS[small], str(value), "identify")
        else:
            facts.add(row, _FIELDS.get(small, f"trait.{small[:60]}"), str(value))
    return left
