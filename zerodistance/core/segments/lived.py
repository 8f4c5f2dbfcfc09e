"""Conditions about where somebody lives: which communities they mean, and how they are said in words."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from zerodistance.core.brand import api as brand
from zerodistance.core.profiles import api as profiles
from zerodistance.core.profiles.api import Mask
from zerodistance.core.segments.contracts import AllOf, AnyOf, Lives, Near, Place, Rule, Within
from zerodistance.kernel.errors import NotFound
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text


def meant(home: Home, ground: profiles.Ground, rule: Place) -> Mask:
    """Return the communities that a condition means; raises NotFound for one that there is not, and for a unit."""
    match rule:
        case Near():
            return ground.near(rule.lat, rule.lon, rule.km)
        case Lives(community=str() as code):
            if code not in ground.place:
                brand.place(home, code)
            return ground.of([code])
        case Lives():
            return ground.of(brand.communities_of(home, str(rule.territory)))
        case Within(polygon=ring) if ring:
            return ground.inside(ring)
        case Within():
            return ground.covered(rule.cells)


class Areas:
    """The communities that rules mean which are about place alone; each is worked out once."""

    def __init__(self, home: Home, ground: profiles.Ground) -> None:
        self._home, self._ground = home, ground
        self._known: dict[Rule, Mask | None] = {}

    def of(self, rule: Rule) -> Mask | None:
        """Return the communities that a rule means; None for one that is about anything else too."""
        if rule not in self._known:
            self._known[rule] = self._found(rule)
        return self._known[rule]

    def _found(self, rule: Rule) -> Mask | None:
        if isinstance(rule, Place):
            return meant(self._home, self._ground, rule)
        if not isinstance(rule, AllOf | AnyOf) or not rule.terms:
            return None
        areas, rest = self._parted(rule.terms)
        if rest:
            return None
        joined: Mask = (np.logical_and if isinstance(rule, AllOf) else np.logical_or).reduce(areas)
        return joined

    def apart(self, wanted: Sequence[Rule]) -> tuple[Mask | None, list[Rule]]:
        """Return the communities that all conditions of place in `wanted` mean, None where there are no such conditions, and the others."""
        areas, rest = self._parted(wanted)
        return np.logical_and.reduce(areas) if areas else None, rest

    def _parted(self, terms: Sequence[Rule]) -> tuple[list[Mask], list[Rule]]:
        each = [(term, self.of(term)) for term in terms]
        return [area for _, area in each if area is not None], [term for term, area in each if area is None]


def described(home: Home, rule: Place) -> Text:
    """Return a condition in words."""
    match rule:
        case Near():
            km, lat, lon = (f"{value:.10g}" for value in (rule.km, rule.lat, rule.lon))
            return Text(f"住在（{lat}，{lon}）{km} 公里以内", f"lives within {km} km of {lat}, {lon}")
        case Lives(community=str() as code):
            name = _name(lambda: brand.place(home, code).name, code)
            return Text(f"住在{name.zh}", f"lives in {name.en}")
        case Lives():
            key = str(rule.territory)
            name = _name(lambda: brand.unit(home, key).name, key)
            return Text(f"住在“{name.zh}”的辖区", f"lives in the territory of {name.en}")
        case Within(polygon=ring) if ring:
            return Text(f"住在有 {len(ring)} 个顶点的区域里", f"lives in an area with {len(ring)} corners")
        case Within():
            many = len(rule.cells)
            return Text(
                f"住在 {many} 个 H3 格里", f"lives in {'one H3 cell' if many == 1 else f'{many} H3 cells'}"
            )


def _name(ask: Callable[[], Text], code: str) -> Text:
    try:
        return ask()
    except NotFound:
        return Text(code, code)
