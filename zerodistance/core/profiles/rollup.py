"""Inner nodes: what holds a node, by the brand's own tables, by bands, or by the value itself; and who is at them."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from zerodistance.core.brand import api as brand
from zerodistance.core.brand.contracts import Place
from zerodistance.core.profiles.cells import Spot, spot
from zerodistance.core.profiles.contracts import INNER, Bands, Dimension, Values
from zerodistance.core.profiles.splits import Split, union
from zerodistance.kernel.access import Who
from zerodistance.kernel.home import Home

_AREA = 6  # digits of an area code (GB/T 2260): two each for province, city and district
_MOST_DEPTH = 8  # own value: of the brand's lines above one another


@dataclass(frozen=True)
class Rollup:
    """What the brand's tables say about what holds what: source -> key -> key above it.

    Attributes
    ----------
    named
        What else of the tables decides who is at which node, or where: names and grades of places, by which homes are found, and where they lie.
    spots
        Code of each community -> where it lies.
    """

    above: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    named: tuple[str, ...] = ()
    spots: Mapping[str, Spot] = field(default_factory=dict)

    @cached_property
    def mark(self) -> str:
        """A short hash: another one means that inner nodes are others."""
        lines = (f"{s}|{k}|{p}" for s, some in sorted(self.above.items()) for k, p in sorted(some.items()))
        return hashlib.sha256("\n".join([*lines, *self.named]).encode()).hexdigest()[:16]

    @cached_property
    def _holding(self) -> dict[str, frozenset[str]]:
        return {source: frozenset(some.values()) for source, some in self.above.items()}

    def holders(self, dimension: Dimension, node: str) -> tuple[str, ...]:
        """Return the inner nodes that hold a node, the nearest first.

        Examples
        --------
        >>> from zerodistance.core.profiles.dimensions import DIMENSIONS
        >>> favourite = next(d for d in DIMENSIONS if d.key == "brand.favourite")
        >>> Rollup({"product": {"W1": "washer", "washer": "laundry"}}).holders(favourite, "W1")
        ('^washer', '^laundry')
        """
        nodes = dimension.nodes
        if isinstance(nodes, Bands):
            return _group(nodes, node)
        return tuple(INNER + key for key in self._keys(nodes, node))

    def _keys(self, nodes: Values, node: str) -> Iterator[str]:
        key, said = node, set[str]()
        if nodes.path and nodes.path in node:
            key = node.rpartition(nodes.path)[0]
            yield key
        elif node in nodes.parents:
            key = nodes.parents[node]
            yield key
        if nodes.names == "area":
            yield from _areas(key)
            return
        above = self.above.get(nodes.names, {})
        if key == node and key in self._holding.get(nodes.names, ()):
            yield key  # a place that others lie in: who is at it is in it too
        while key in above and key not in said and len(said) < _MOST_DEPTH:
            said.add(key)
            key = above[key]
            yield key


def _group(bands: Bands, node: str) -> tuple[str, ...]:
    low = next((low for low, key, _ in bands.bands if key == node), None)
    if low is None:
        return ()
    below = [key for first, key, _ in bands.groups if first <= low]
    return (INNER + below[-1],) if below else ()


def _areas(code: str) -> Iterator[str]:
    if len(code) == _AREA and code.isdigit():
        for digits in (4, 2):
            if (above := code[:digits].ljust(_AREA, "0")) != code:
                yield above


def read(home: Home) -> Rollup:
    """Return what the brand's tables of today say."""
    return brand.held(home, "rollup", lambda: _read(home))


def _read(home: Home) -> Rollup:
    who = Who.system("profiles")
    lines = {c.key: c.parent for c in brand.categories(home, who) if c.parent}
    products = {p.code: p.category for p in brand.products(home, who)}
    places = brand.places(home, who)
    named = tuple(
        f"{p.code}|{p.name.zh}|{p.name.en}|{p.kind}|{p.area}|{p.grade}|{p.lat}|{p.lon}" for p in places
    )
    above = {"category": lines, "product": {**products, **lines}, "place": _places(places)}
    return Rollup(above, named, _spots(places))


def _spots(places: Iterable[Place]) -> dict[str, Spot]:
    """Return where each community lies."""
    return {
        p.code: spot(p.lat, p.lon)
        for p in places
        if p.kind == "community" and p.lat is not None and p.lon is not None
    }


def _places(places: Iterable[Place]) -> dict[str, str]:
    """Return the place above each: the district of a community, the city of a district, by their area codes."""
    listed = list(places)
    by_area: dict[str, dict[str, str]] = defaultdict(dict)
    for place in listed:
        by_area[place.kind].setdefault(place.area, place.code)
    above = {}
    for place in listed:
        city = by_area["city"].get(place.area[:4].ljust(_AREA, "0"))
        holder = by_area["district"].get(place.area, city) if place.kind == "community" else city
        if place.kind in ("community", "district") and holder and holder != place.code:
            above[place.code] = holder
    return above


def add_inner(nodes: dict[str, Split], dimension: Dimension, rollup: Rollup) -> None:
    """Add the inner nodes of a dimension to who is at each of its nodes: everybody at the nodes below."""
    below: dict[str, list[Split]] = defaultdict(list)
    for node, both in nodes.items():
        for holder in dict.fromkeys(rollup.holders(dimension, node)):
            below[holder].append(both)
    for holder, some in below.items():
        nodes[holder] = union(some)
