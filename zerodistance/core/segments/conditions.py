"""Single conditions of a rule: what may be said in them, and what of it is refused. Pure."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from zerodistance.core.profiles.contracts import INNER, Bands, Dimension
from zerodistance.core.segments import places
from zerodistance.core.segments.contracts import (
    KEY,
    MOST_DAYS,
    Did,
    Has,
    In,
    Leaf,
    Lives,
    Near,
    Within,
    WrongRule,
)

LARGEST = 1e15  # own value: up to it a float counts every whole number
LEAVES: dict[str, type[Leaf]] = {
    "Has": Has,
    "Did": Did,
    "In": In,
    "Near": Near,
    "Lives": Lives,
    "Within": Within,
}
NAMED = ("Near", "Lives", "Within")  # all that stands in them has a name
FIELDS = {name: tuple(f.name for f in fields(leaf)) for name, leaf in LEAVES.items()}
_SUMS = ("amount_at_least", "amount_at_most", "quantity_at_least", "quantity_at_most")
_AGO = ("last_at_least", "last_at_most", "first_at_least", "first_at_most")
_WHOLE = ("at_least", "at_most", "within_days", *_AGO)
_NUMBERS = (*_WHOLE, *_SUMS, "lat", "lon", "km")
_CODES = ("product", "category", "place")


@dataclass(frozen=True)
class Words:
    """What a rule may name: dimensions by key, and kinds of touch."""

    dimensions: Mapping[str, Dimension]
    kinds: Sequence[str]


Fail = Callable[[str, str], WrongRule]
"""Makes the error of one place from its Chinese and English reasons."""


def nearest(given: str, known: Iterable[str]) -> str:
    """Return the known names nearest to what was given, or the first few."""
    names = list(known)
    return ", ".join(difflib.get_close_matches(given, names, n=4, cutoff=0.4) or names[:6])


def leaf(name: str, said: dict[str, Any], words: Words, fail: Fail) -> Leaf:
    """Return the condition that is said; raises what `fail` makes of the reasons."""
    allowed, first = FIELDS[name], FIELDS[name][0]
    for field, value in said.items():
        if field not in allowed:
            near = nearest(field, allowed[1:] or allowed)
            raise fail(f"{name} 没有 {field}；可用 {near}", f"{name} has no {field}; allowed are {near}")
        if field in _NUMBERS:
            if isinstance(value, str) or not abs(value) <= LARGEST:  # NaN is not either
                raise fail(
                    f"{field} 要写数字，绝对值不超过 10 的 15 次方",
                    f"{field} is a number, at most 10 to the 15th above or below 0",
                )
        elif field not in places.LISTS and (not isinstance(value, str) or not value):
            raise fail(f"{field} 要写带引号的文字", f"{field} is a text in quotes")
    if name in NAMED:
        return places.read(name, said, fail)
    if first not in said:
        raise fail(f"{name} 要写 {first}", f"{name} needs {first}")
    if name == "In":
        return _in(said, fail)
    return _has(said, words, fail) if name == "Has" else _did(said, words, fail)


def _node(dimension: Dimension, said: dict[str, Any], fail: Fail) -> str | None:
    """Return the node that is said; an inner node of known nodes may be named without its sign, where no other node has that name."""
    if "node" not in said:
        return None
    node: str = said["node"]
    nodes = dimension.nodes
    if isinstance(nodes, Bands):
        outer, inner = [b[1] for b in nodes.bands], [b[1] for b in nodes.groups]
    else:
        inner = list(dict.fromkeys(nodes.parents.values()))
        outer = [key for key in nodes.labels if key not in inner]
    if node in outer or node.removeprefix(INNER) not in (*outer, *inner):
        if node not in outer and (isinstance(nodes, Bands) or nodes.closed):
            near = ", ".join([*outer, *(INNER + key for key in inner)])
            raise fail(
                f"{dimension.key} 没有节点 {node!r}；有 {near}",
                f"{dimension.key} has no node {node!r}; it has {near}",
            )
        return node
    return INNER + node.removeprefix(INNER) if node.removeprefix(INNER) in inner else node


def _has(said: dict[str, Any], words: Words, fail: Fail) -> Has:
    key = said["dimension"]
    dimension = words.dimensions.get(key)
    if dimension is None:
        near = nearest(key, words.dimensions)
        raise fail(f"没有维度 {key!r}；相近的有 {near}", f"there is no dimension {key!r}; near it are {near}")
    ranged = "at_least" in said or "at_most" in said
    if ranged and not dimension.numeric:
        raise fail(f"{key} 不是数，用 node=", f"{key} is not a number; use node=")
    if ranged and "node" in said:
        raise fail(
            "node 与 at_least、at_most 不能同用", "node can't be used together with at_least or at_most"
        )
    _ordered(said, fail)
    return Has(key, _node(dimension, said, fail), _float(said.get("at_least")), _float(said.get("at_most")))


def _did(said: dict[str, Any], words: Words, fail: Fail) -> Did:
    kind = said["kind"]
    family = {f"{k.split('.')[0]}.*" for k in words.kinds if "." in k}
    if kind not in words.kinds and kind not in family:
        near = nearest(kind, [*words.kinds, *sorted(family)])
        raise fail(
            f"没有交互类型 {kind!r}；相近的有 {near}",
            f"there is no kind of touch {kind!r}; near it are {near}",
        )
    for field in _WHOLE:
        value = said.get(field)
        low = 1 if field == "within_days" else 0
        bounded = field == "within_days" or field in _AGO
        if value is not None and (value != int(value) or not low <= value <= (MOST_DAYS if bounded else 1e9)):
            high = f" 到 {MOST_DAYS}" if bounded else ""
            most = f" to {MOST_DAYS}" if bounded else " or more"
            raise fail(f"{field} 要写整数，从 {low}{high}", f"{field} is a whole number, {low}{most}")
    for word in ("", "amount_", "quantity_", "last_", "first_"):
        _ordered(said, fail, word)
    whole: dict[str, Any] = {f: int(said[f]) for f in _WHOLE if f in said}
    sums: dict[str, Any] = {f: float(said[f]) for f in _SUMS if f in said}
    texts: dict[str, Any] = {f: said[f] for f in _CODES if f in said}
    return Did(kind, **whole, **sums, **texts)


def _in(said: dict[str, Any], fail: Fail) -> In:
    if not re.fullmatch(KEY, said["segment"]):
        raise fail(
            "In 里写人群的键，如 big-spenders", "In takes the key of a saved segment, like big-spenders"
        )
    return In(said["segment"])


def _ordered(said: dict[str, Any], fail: Fail, word: str = "") -> None:
    least, most = f"{word}at_least", f"{word}at_most"
    low, high = said.get(least), said.get(most)
    if low is not None and high is not None and low > high:
        raise fail(f"{least} {low} 大于 {most} {high}", f"{least} {low} is above {most} {high}")


def _float(value: float | None) -> float | None:
    return None if value is None else float(value)
