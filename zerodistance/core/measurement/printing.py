"""Figures of experiments in words, for the command line and the pages."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from zerodistance.core.brand import api as brand
from zerodistance.core.measurement.contracts import Goal
from zerodistance.core.measurement.estimates import Interval
from zerodistance.core.profiles import api as profiles
from zerodistance.core.profiles.contracts import NoSuchDimension
from zerodistance.core.touchpoints.kinds import KINDS
from zerodistance.kernel.access import Who
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text


def share(given: Interval | None, digits: int = 1) -> str:
    """Return a relative figure with its interval.

    Examples
    --------
    >>> share(Interval(0.19, 0.101, 0.288)), share(Interval(None, -0.2, None)), share(None)
    ('+19.0 % (+10.1 to +28.8)', '– (-20.0 to …)', '–')
    """
    if given is None:
        return "–"
    value = "–" if given.value is None else f"{100 * given.value:+.{digits}f} %"
    high = "…" if given.high is None else f"{100 * given.high:+.{digits}f}"
    return f"{value} ({100 * given.low:+.{digits}f} to {high})"


FAMILIES = {
    "order": Text("任何下单", "Any order"),
    "product": Text("与产品有关的任何交互", "Anything about products"),
    "service": Text("任何服务", "Any service"),
    "device": Text("与设备有关的任何交互", "Anything of a device"),
    "member": Text("与会员有关的任何交互", "Anything as a member"),
    "message": Text("与消息有关的任何交互", "Anything about messages"),
}
"""What families of kinds are called as goals."""
BOUGHT = Text("购买", "Purchase")


def kind(key: str) -> Text:
    """Return what a kind or a family of kinds is called where it is hoped for: an order line is a purchase.

    Examples
    --------
    >>> kind("order.line").en, kind("order.*").en, kind("cart.*").en
    ('Purchase', 'Any order', 'cart.*')
    """
    if key.endswith(".*"):
        return FAMILIES.get(key.removesuffix(".*"), Text(key, key))
    return BOUGHT if key == "order.line" else KINDS[key].text if key in KINDS else Text(key, key)


def goal(given: Goal, names: Mapping[str, Text] = MappingProxyType({})) -> Text:
    """Return a goal in words; `names` says what categories, products and places are called.

    Examples
    --------
    >>> goal(Goal("order.line", 28, category="washer")).en
    'Purchase, washer, within 28 days'
    """
    said = kind(given.kind)
    narrowed = [names.get(one, Text(one, one)) for one in (given.category, given.product, given.place) if one]
    zh = "，".join([said.zh, *(one.zh for one in narrowed), f"{given.window_days} 天内"])
    return Text(zh, ", ".join([said.en, *(one.en for one in narrowed), f"within {given.window_days} days"]))


def goals(home: Home, who: Who) -> Callable[[Goal], Text]:
    """Return what says a goal in words, with the names that categories have in this home."""
    names = {one.key: one.name for one in brand.categories(home, who)}
    return lambda given: goal(given, names)


def dimension(home: Home, key: str) -> Text:
    """Return what a dimension is called; one that is gone by now is its key."""
    try:
        return profiles.dimension(home, key).label
    except NoSuchDimension:
        return Text(key, key)
