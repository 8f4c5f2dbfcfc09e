"""Homes for a made town: communities in real cities, as dense as cities are, and everybody in one of them at random."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from zerodistance.core.profiles import cells
from zerodistance.core.profiles.cells import Spot, spot
from zerodistance.core.profiles.homes import Runs, in_order

CITIES = (
    ("Shanghai", 31.230, 121.474, 24.9), ("Beijing", 39.904, 116.407, 21.9), ("Chengdu", 30.573, 104.067, 20.9),
    ("Guangzhou", 23.129, 113.264, 18.7), ("Shenzhen", 22.543, 114.058, 17.5), ("Tianjin", 39.084, 117.201, 13.9),
    ("Xi'an", 34.342, 108.940, 13.0), ("Suzhou", 31.299, 120.585, 12.7), ("Zhengzhou", 34.747, 113.625, 12.6),
    ("Wuhan", 30.593, 114.305, 12.3), ("Hangzhou", 30.274, 120.155, 11.9), ("Dongguan", 23.021, 113.752, 10.5),
    ("Qingdao", 36.067, 120.383, 10.1), ("Changsha", 28.228, 112.939, 10.0),
)  # fmt: skip
"""Name, middle, and millions of people in the census of 2020."""
MIDDLE = CITIES[0][1:3]
"""Where near is asked for."""
COMMUNITIES = 105_000
_CORE = 38_000
"""Persons to a square kilometre in the middle of a city, at 140 million in all; own value: so many that 2 million live within 5 km."""
_WHOLE = 140_000_000
_KM = 111.195  # of a degree of latitude


@dataclass(frozen=True)
class Placed:
    """Where persons 1 to `people` live: density falls with the distance from the middle of a city as e^(-r/b).

    References
    ----------
    C. Clark: Urban population densities (1951)
    """

    people: int
    seed: int = 1

    @cached_property
    def spots(self) -> dict[str, Spot]:
        """The communities, in the order of their cells; each is as large as any other."""
        luck = np.random.default_rng((self.seed, 1 << 20))
        millions = np.array([city[3] for city in CITIES])
        many = np.round(COMMUNITIES * millions / millions.sum()).astype(np.int64)
        found: dict[str, Spot] = {}
        for (name, lat, lon, _), some, share in zip(
            CITIES, many.tolist(), millions / millions.sum(), strict=True
        ):
            breadth = np.sqrt(_WHOLE * share / (2 * np.pi * _CORE))
            away, angle = luck.gamma(2, breadth, some), luck.uniform(0, 2 * np.pi, some)
            lats = lat + away * np.sin(angle) / _KM
            lons = lon + away * np.cos(angle) / (_KM * np.cos(np.radians(lat)))
            for n, (one, other) in enumerate(zip(lats.tolist(), lons.tolist(), strict=True)):
                found[f"{name}-{n:05d}"] = spot.__wrapped__(one, other)  # not kept
        return {code: found[code] for code in in_order(found)}

    def homes(self) -> npt.NDArray[np.uint32]:
        """Return the place of the community of each person among `spots`, shape (people,)."""
        luck = np.random.default_rng((self.seed, (1 << 20) + 1))
        return luck.integers(0, len(self.spots), self.people, np.uint32)

    def around(self, km: float) -> npt.NDArray[np.int64]:
        """Return the places of the communities the middle of whose cell lies within so many km of the middle of the largest city."""
        vectors = cells.on_sphere(
            cells.centres(np.array([one.cell for one in self.spots.values()], np.uint64))
        )
        return np.flatnonzero(cells.chords(vectors, *MIDDLE) <= cells.chord(km))

    def nearest(self, many: int) -> npt.NDArray[np.int64]:
        """Return the places of the communities nearest to there, the nearest first."""
        points = np.array([(one.lat, one.lon) for one in self.spots.values()])
        return np.argsort(cells.chords(cells.on_sphere(points), *MIDDLE), kind="stable")[:many]

    def runs(self) -> list[Runs]:
        """Return who lives in each community; there are no visitors."""
        home, many = self.homes(), len(self.spots)
        begins = np.zeros(many + 1, np.int64)
        np.cumsum(np.bincount(home, minlength=many), out=begins[1:])
        who = np.argsort(home, kind="stable").astype(np.uint32) + np.uint32(1)
        nobody = np.empty(0, np.uint32)
        return [Runs(begins, who), Runs(np.zeros(many + 1, np.int64), nobody)]
