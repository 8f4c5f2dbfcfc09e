"""A made town on a map: communities in a grid round a middle, a district in the north and one in the south, and scores of need."""

from __future__ import annotations

import numpy as np
import pytest

from zerodistance.core.brand import api as brand
from zerodistance.core.brand.contracts import Change
from zerodistance.core.profiles import api as profiles
from zerodistance.core.profiles import publishing
from zerodistance.core.profiles.cells import spot
from zerodistance.core.profiles.contracts import Layer, Values
from zerodistance.core.profiles.index import Index
from zerodistance.core.profiles.parts import Part
from zerodistance.core.profiles.splits import Split
from zerodistance.kernel.access import Role, Who
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text

PEOPLE, SIDE = 24_000, 7
EVERYBODY = np.arange(1, PEOPLE + 1, dtype=np.uint32)
ADMIN, ANALYST = Who(1, "admin", Role.ADMIN), Who(2, "analyst", Role.ANALYST)
MIDDLE = (36.07, 120.38)
CODES = [f"C{n:02}" for n in range(SIDE * SIDE)]
SPOTS = {
    code: spot(MIDDLE[0] + 0.008 * (n // SIDE - SIDE // 2), MIDDLE[1] + 0.01 * (n % SIDE - SIDE // 2))
    for n, code in enumerate(CODES)
}
SHARES = np.array([1 / (1 + n % 9) ** 2 for n in range(SIDE * SIDE)])
"""How many live in each: few in many of them."""


def lives() -> np.ndarray:
    """Return the community of each person."""
    return np.random.default_rng(5).choice(len(CODES), PEOPLE, p=SHARES / SHARES.sum())


def in_need(share: float, seed: int) -> np.ndarray:
    """Say of each person whether they have a need."""
    return np.random.default_rng(seed).random(PEOPLE) < share


def district(n: int) -> int:
    """Return the district of a community: 0 in the south, 1 in the north."""
    return int(n // SIDE > SIDE // 2)


@pytest.fixture
def town(home: Home) -> Home:
    """The town; the unit `south` answers for the district in the south."""

    def rows(kind: str, *some: dict[str, object]) -> None:
        keys = {"territories": ("unit", "place"), "places": ("code",)}.get(kind, ("key",))
        changes = [Change(tuple(str(one.pop(key)) for key in keys), one, None, None, 0) for one in some]
        assert not brand.upsert(home, ADMIN, kind, changes).bad

    def named(**more: object) -> dict[str, object]:
        name = str(more.get("code") or more.get("key"))
        return {"name_zh": name, "name_en": name, **more}

    rows("units", named(key="south", parent=None))
    rows("categories", named(key="washer", parent=None, lifetime_years=None, origin="test", unit=None))
    nowhere = {"lat": None, "lon": None, "grade": None, "households": None}
    rows("places", named(code="CITY", kind="city", area="370200", **nowhere))
    rows("places", *(named(code=f"D{d}", kind="district", area=f"37020{2 + d}", **nowhere) for d in (0, 1)))
    for n, (code, at) in enumerate(SPOTS.items()):
        where = {"lat": at.lat, "lon": at.lon, "area": f"37020{2 + district(n)}", "grade": "B"}
        rows("places", named(code=code, kind="community", households=500 if n % 2 else None, **where))
    rows("territories", {"unit": "south", "place": "D0"})
    for key in ("score.n1_washer", "score.n2_washer"):
        given(home, key)
    live = lives()
    communities = {code: Split.of_sorted(EVERYBODY[live == n]) for n, code in enumerate(CODES)}
    some = in_need(0.2, 7)
    first = in_need(0.5, 8)
    part = Part(
        1,
        2,
        3,
        "m",
        4,
        None,
        Split.of_sorted(EVERYBODY),
        {
            "geo.community": communities,
            "score.n1_washer": {"a": Split.of_sorted(EVERYBODY[some & (live % 2 == 0)]), "b": Split.of_sorted(EVERYBODY[some & (live % 2 == 1)])},
            "score.n2_washer": {"a": Split.of_sorted(EVERYBODY[first])},
            "demo.gender": {"female": Split.of_sorted(EVERYBODY[in_need(0.5, 9)])},
        },
        spots=SPOTS,
    )  # fmt: skip
    publishing.publish(home.path("index"), Index(), part)
    return home


def given(home: Home, key: str) -> None:
    """Say that there is a score; who has which is in the index of the town."""
    word = Text(key, key)
    nodes = Values(labels={node: Text(node, node) for node in "abcde"}, closed=True)
    profiles.give(home, ADMIN, profiles.Given(key, Layer.NEEDS, word, word, nodes), [])


def marketer(home: Home, *units: str) -> Who:
    """An account that may send and sees nobody."""
    return Who(7, "marketer", Role.MARKETER, frozenset(brand.unit(home, key).number for key in units))
