"""Features as of a moment: numbers of the tag index of then, which was made from what was known then, of the persons of then.

There is no other way to a feature: nobody can join the latest value by accident.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from zerodistance.core.models.contracts import Among, Model
from zerodistance.core.models.ladder.columns import Columns, Floats, Ints
from zerodistance.core.profiles.api import Index
from zerodistance.core.profiles.contracts import Dimension
from zerodistance.core.profiles.dimensions import INDEXED
from zerodistance.core.profiles.dimensions.families import STANDARD
from zerodistance.core.profiles.splits import Who
from zerodistance.kernel.text import Text

_BY_KEY = {one.key: one for one in INDEXED}
_NAMES = {key: Text(zh, en) for key, zh, en in STANDARD}
_ACTIVE_DAYS = 365
_HERE = ".{}"
LIFETIMES = {
    "fridge": 12, "freezer": 12, "washer": 10, "dryer": 10, "air_conditioner": 12, "air_purifier": 6, "water_heater": 9,
    "water_purifier": 7, "range_hood": 10, "stove": 9, "dishwasher": 10, "tv": 8,
}  # fmt: skip
"""Years that an appliance of a category lasts, own values."""
BESIDE = {
    "range_hood": ("stove", "dishwasher"),
    "stove": ("range_hood", "dishwasher"),
    "dishwasher": ("range_hood", "stove"),
    "washer": ("dryer",),
    "dryer": ("washer",),
    "water_heater": ("water_purifier",),
    "water_purifier": ("water_heater",),
    "fridge": ("freezer",),
    "freezer": ("fridge",),
    "air_conditioner": ("air_purifier",),
    "air_purifier": ("air_conditioner",),
    "tv": ("air_conditioner",),
}
"""What stands beside what in a home, own values."""


def _age(here: Index, who: Who, category: str) -> Floats:
    return here.numbers(_BY_KEY[f"needs.age.{category}"], who)


def _life(here: Index, who: Who, category: str) -> Floats:
    return _age(here, who, category) / (365.0 * LIFETIMES[category])


def _beside(here: Index, who: Who, category: str) -> Floats:
    found = np.full(len(who), np.nan)
    for one in BESIDE[category]:
        found = np.fmin(found, _age(here, who, one))
    return found


MADE: Mapping[str, tuple[Text, Callable[[Index, Who, str], Floats]]] = {
    "life": (
        Text("已用掉的寿命（1 为平均寿命）", "share of its life that is over (1: the mean life)"),
        _life,
    ),
    "beside": (
        Text("最近买的配套产品买了多久，天", "days since something was bought that stands beside it"),
        _beside,
    ),
}
"""Column -> what it is called, and how it is made."""


def among(here: Index, model: Model, category: str) -> Who:
    """Return the person numbers (ascending) that a model scores in a tag index, for a category."""
    everybody = here.universe.persons
    if model.among is Among.ACTIVE:
        seen = here.between(_BY_KEY["usage.last_seen"], 0, _ACTIVE_DAYS).persons
        return np.array(seen, np.uint32)
    owners = here.tagged(_BY_KEY[f"needs.age.{category}"]).persons
    some = owners if model.among is Among.OWNERS else everybody - owners
    return np.array(some, np.uint32)


def columns(here: Index, who: Who, model: Model, category: str) -> Columns:
    """Return the features of persons (ascending) for a category, float64 by column; NaN where somebody has no number."""
    found: dict[str, Floats] = {}
    for key in model.features:
        column = key.removesuffix(_HERE)
        if column == "category":
            found |= {
                f"category.{one}": np.full(len(who), float(one == category)) for one in model.categories
            }
        elif column in MADE:
            found[column] = MADE[column][1](here, who, category)
        else:
            found[column] = here.numbers(_BY_KEY[key.format(category)], who)
    return found


def label(column: str, model: Model, category: str) -> Text:
    """Return what a column is called."""
    if column in MADE:
        return MADE[column][0]
    if column.startswith("category."):
        name = _NAMES[column.removeprefix("category.")]
        return Text(f"品类是{name.zh}", f"the category is {name.en}")
    return dimension(column, model, category).label


def dimension(column: str, model: Model, category: str) -> Dimension:
    """Return the dimension of the tag tree that a column is."""
    key = f"{column}{_HERE}" if f"{column}{_HERE}" in model.features else column
    return _BY_KEY[key.format(category)]


def category_name(category: str) -> Text:
    """Return what a category is called."""
    return _NAMES[category]


def households(here: Index, who: Who) -> Ints:
    """Return the household of each person, or the person's own number, negative, where none is known."""
    found = here.numbers(_BY_KEY["home.household"], who)
    alone = np.isnan(found)
    kept: Ints = np.where(alone, -who.astype(np.int64), np.nan_to_num(found).astype(np.int64))
    return kept
