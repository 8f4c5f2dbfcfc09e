"""A town whose kinds of persons are known: an index of persons drawn from a few kinds, written as an update writes it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from zerodistance.core.profiles import api as profiles
from zerodistance.core.profiles import index, parts, publishing
from zerodistance.core.profiles.contracts import Bands
from zerodistance.core.profiles.parts import Building, Layer, Part
from zerodistance.core.profiles.splits import Split
from zerodistance.kernel.home import Home

VALUES = {
    "interest.category": ("fridge", "washer", "air_conditioner", "tv"),
    "interest.season": ("spring", "summer", "autumn", "winter"),
    "brand.hour": ("08", "12", "18", "21"),
    "usage.first_kind": ("order.placed", "page.viewed", "service.called", "app.opened"),
}
BANDS = (
    "value.spend_365d",
    "usage.active_days_90d",
    "brand.products",
    "needs.recency",
    "interest.saved",
    "needs.cart_age",
)
SECRET = "demo.generations"
Kinds = npt.NDArray[np.intp]


def nodes(key: str) -> tuple[str, ...]:
    """Return four nodes of a dimension."""
    found = profiles.dimension(None, key).nodes
    return tuple(band for _, band, _ in found.bands)[:4] if isinstance(found, Bands) else VALUES[key]


def kinds(many: int, luck: np.random.Generator, keys: Sequence[str] = (*VALUES, *BANDS)) -> dict[str, Kinds]:
    """Return for each dimension which of its four nodes each kind prefers."""
    return {key: luck.permutation(np.arange(max(many, 4)))[:many] % 4 for key in keys}


def plant(
    home: Home,
    of: Kinds,
    luck: np.random.Generator,
    *,
    sure: float = 0.85,
    noise: Sequence[str] = (),
    keys: Sequence[str] = (*VALUES, *BANDS),
    more: Sequence[tuple[str, str, npt.NDArray[np.bool_]]] = (),
) -> None:
    """Write the index of persons 1, 2, ..., of these kinds.

    Parameters
    ----------
    sure
        How often somebody is at the node that their kind prefers; else at any of the four. 0: there are no kinds.
    noise
        Dimensions that have nothing to do with kinds.
    more
        Dimension, node, and who is at it.
    """
    wants = kinds(int(of.max()) + 1, luck, keys)
    folder, numbers = home.path("index"), np.arange(1, len(of) + 1, dtype=np.uint32)
    folder.mkdir(exist_ok=True)
    about = {"batch": 1, "day": 20_000, "people": 0, "mark": "", "made_at": 1_750_000_000_000_000}
    before = index.current(folder)
    version = before.version + 1
    with Building(folder / parts.name_of(version), about, Split.of_sorted(numbers)) as building:
        for key in (*keys, *noise):
            at = luck.integers(0, 4, len(of))
            if key in wants:
                at = np.where(luck.random(len(of)) < sure, wants[key][of], at)
            for n, node in enumerate(nodes(key)):
                building.node(key, node, Split.of_sorted(numbers[at == n]))
        for key, node, here in more:
            building.node(key, node, Split.of_sorted(numbers[here]))
        building.pairs(numbers.astype(np.int64), numbers)
    publishing.pointed(
        folder, index.Index().over(Layer(folder / parts.name_of(version)), version, parts.name_of(version))
    )


def publish(home: Home, before: index.Index, part: Part) -> index.Index:
    """Write a part on top."""
    return publishing.publish(home.path("index"), before, part)
