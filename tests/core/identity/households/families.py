"""Builds what is known of a few people, as the solver takes it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from zerodistance.core.identity.households.solving import Solved
from zerodistance.core.identity.households.units import Known

DAY = 86_400_000_000
Says = tuple[str, float, str]
"""Who, year (2018.5 is its middle), home or thing."""


def at(year: float) -> int:
    """Return a moment, microseconds."""
    return round((year - 1970) * 365.2425) * DAY


def known(
    people: Sequence[str],
    homes: Iterable[Says],
    things: Iterable[Says] = (),
    surnames: Mapping[str, str] | None = None,
    names: Mapping[str, str] | None = None,
    sexes: Mapping[str, str] | None = None,
    born: Mapping[str, int] | None = None,
) -> Known:
    """Return what is known of people, who are numbered in their order."""
    number = {name: n for n, name in enumerate(people)}
    rows, uses = list(homes), list(things)
    place = {home: n for n, home in enumerate(sorted({home for _, _, home in rows}))}
    thing = {one: n for n, one in enumerate(sorted({one for _, _, one in uses}))}

    def codes(words: Mapping[str, str] | None) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        said = words or {}
        kinds = {word: n for n, word in enumerate(sorted(set(said.values())), start=1)}
        return np.array([kinds.get(said.get(name, ""), 0) for name in people], np.int64)

    def column(values: Iterable[int]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        return np.array(list(values), np.int64)

    return Known(
        person=column(number[who] for who, _, _ in rows),
        at=column(at(year) for _, year, _ in rows),
        home=column(place[home] for _, _, home in rows),
        user=column(number[who] for who, _, _ in uses),
        used_at=column(at(year) for _, year, _ in uses),
        thing=column(thing[one] for _, _, one in uses),
        surname=codes(surnames),
        name=codes(names),
        female=np.array([{"f": 0.98, "m": 0.02}.get((sexes or {}).get(name, ""), 0.5) for name in people]),
        born=column((born or {}).get(name, 0) for name in people),
    )


def together(people: Sequence[str], solved: Solved, year: float) -> set[frozenset[str]]:
    """Return who shares a household at a moment."""
    by: dict[int, set[str]] = {}
    for one in solved.members:
        if one.since <= at(year) and (one.until is None or at(year) < one.until):
            by.setdefault(one.household, set()).add(people[one.person])
    return {frozenset(inside) for inside in by.values()}
