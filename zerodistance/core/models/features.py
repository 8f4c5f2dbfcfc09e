"""Features as of a moment: numbers of the tag index of then, which was made from what was known then, of the persons of then.

There is no other way to a feature: nobody can join the latest value by accident.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property, partial

import numpy as np
from pyroaring import BitMap

from zerodistance.core.models import spines
from zerodistance.core.models.activity import Activity
from zerodistance.core.models.contracts import Among, Model, NotAFeature
from zerodistance.core.models.ladder.columns import Columns, Fitted, Floats, Ints
from zerodistance.core.models.ladder.kept import Model as Kept
from zerodistance.core.profiles.api import Index
from zerodistance.core.profiles.contracts import VISITORS_FROM, Dimension
from zerodistance.core.profiles.dimensions import INDEXED
from zerodistance.core.profiles.dimensions.families import STANDARD
from zerodistance.core.profiles.splits import Who
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text

_BY_KEY = {one.key: one for one in INDEXED}
_NAMES = {key: Text(zh, en) for key, zh, en in STANDARD}
_ACTIVE_DAYS = 365
_HERE = ".{}"
AHEAD = "ahead"
"""The column of a hazard that says which period is asked of, in days."""
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


class View:
    """Everybody as of the moment of a tag index: its numbers, and what the states that it was made from add up to.

    Parameters
    ----------
    some
        The persons that are asked about, where they are few: what is added up is added up of them alone.
    """

    def __init__(self, home: Home, here: Index, some: Who | None = None) -> None:
        self.home, self.here, self.some = home, here, some

    def scored_by(self, model: Model, kept: Kept) -> View:
        """Let a version say which of several things of somebody a model is asked of: the likeliest. Else its rules of thumb say it."""
        if model.among in spines.SPINES:
            self.owned.by[model.key] = kept
        return self

    def of(self, key: str, who: Who) -> Floats:
        """Return a number of each person (ascending) by the key of its dimension; NaN where somebody has none.

        Raises
        ------
        NotAFeature
            The dimension is made of facts, which are those of today in an index of an earlier moment too: they would tell what came.
        """
        dimension = _BY_KEY[key]
        if dimension.of.name != "touches":
            raise NotAFeature(dimension=key)
        return self.here.numbers(dimension, who)

    @cached_property
    def activity(self) -> Activity:
        """The points of everybody's activity."""
        return Activity(self.home, self.here, self.some)

    @cached_property
    def owned(self) -> spines.Owned:
        """The things of everybody."""
        return spines.Owned(self.home, self.here, self.some)


def _age(view: View, who: Who, category: str) -> Floats:
    return view.of(f"needs.age.{category}", who)


def _life(view: View, who: Who, model: Model, category: str) -> Floats:
    return _age(view, who, category) / (365.0 * LIFETIMES[category])


def _beside(view: View, who: Who, model: Model, category: str) -> Floats:
    found = np.full(len(who), np.nan)
    for one in BESIDE[category]:
        found = np.fmin(found, _age(view, who, one))
    return found


def _activity(view: View, who: Who, model: Model, target: str) -> Floats:
    return view.activity.of(who)


def _looks(view: View, who: Who, model: Model, target: str) -> Floats:
    every = (view.of(f"interest.looks.{one}", who) for one in _covered(model, target))
    return np.asarray(sum(np.nan_to_num(one) for one in every), np.float64)


def _owned(view: View, who: Who, model: Model, target: str) -> Floats:
    return np.asarray(
        sum((~np.isnan(_age(view, who, one))).astype(np.float64) for one in _covered(model, target))
    )


def _latest(view: View, who: Who, model: Model, target: str) -> Floats:
    found = np.full(len(who), np.nan)
    for one in _covered(model, target):
        found = np.fmin(found, _age(view, who, one))
    return found


def _covered(model: Model, target: str) -> tuple[str, ...]:
    return model.asked.covers.get(target, (target,) if target else tuple(_NAMES))


def _of_thing(name: str, view: View, who: Who, model: Model, target: str) -> Floats:
    return view.owned.column(name, who, model, target)


def _times(view: View, who: Who) -> Floats:
    return np.maximum(np.nan_to_num(view.of("value.orders_total", who), nan=1.0) - 1.0, 0.0)


def _span(view: View, who: Who) -> Floats:
    return np.where(_times(view, who) > 0, np.nan_to_num(view.of("value.span", who)), 0.0)


def _again(view: View, who: Who, model: Model, target: str) -> Floats:
    return _times(view, who)


def _last(view: View, who: Who, model: Model, target: str) -> Floats:
    return _span(view, who) / YEAR


def _known(view: View, who: Who, model: Model, target: str) -> Floats:
    since = np.nan_to_num(view.of("needs.recency", who))
    return np.maximum(_span(view, who) + since, 1.0) / YEAR


def _mean(view: View, who: Who, model: Model, target: str) -> Floats:
    return np.where(_times(view, who) > 0, np.nan_to_num(view.of("value.mean_order", who)), 0.0)


YEAR = 365.25  # days
MADE: Mapping[str, tuple[Text, Callable[[View, Who, Model, str], Floats]]] = {
    "life": (
        Text("已用掉的寿命（1 为平均寿命）", "share of its life that is over (1: the mean life)"),
        _life,
    ),
    "beside": (
        Text("最近买的配套产品买了多久，天", "days since something was bought that stands beside it"),
        _beside,
    ),
    "activity": (
        Text(
            "活跃分（次数×渠道×动作等级，随时间减半）",
            "activity: touches by channel and grade of the action, fading",
        ),
        _activity,
    ),
    "looks": (Text("90 天内看相关产品的次数", "looks at such products in 90 days"), _looks),
    "owned": (Text("拥有的相关产品类数", "kinds of such products owned"), _owned),
    "latest": (Text("最近一件相关产品买了多久，天", "days since such a product was last bought"), _latest),
    "again": (Text("首次之后的购买次数", "purchases after the first"), _again),
    "last": (Text("从首次到最近购买，年", "years from the first to the last purchase"), _last),
    "known": (Text("首次购买至今，年", "years since the first purchase"), _known),
    "mean": (Text("单次金额", "amount of a purchase"), _mean),
    **{name: (label, partial(_of_thing, name)) for name, label in spines.LABELS.items()},
}
"""Column -> what it is called, and how it is made."""


def among(view: View, model: Model, category: str) -> Who:
    """Return the person numbers (ascending) that a model scores in a view, for a category; where few are asked about, of those."""
    found = _among(view, model, category)
    return np.array(found if view.some is None else found & BitMap(view.some), np.uint32)


def _among(view: View, model: Model, category: str) -> BitMap:
    here = view.here
    if model.among in spines.SPINES:
        return here.universe.persons & BitMap(view.owned.among(model, category))
    if model.among is Among.EVERYBODY:
        return here.universe.persons
    if model.among is Among.ACTIVE:
        return here.between(_BY_KEY["usage.last_seen"], 0, _ACTIVE_DAYS).persons
    if model.among is Among.BUYERS:
        return here.tagged(_BY_KEY["needs.recency"]).persons
    owners = here.tagged(_BY_KEY[f"needs.age.{category}"]).persons
    return owners if model.among is Among.OWNERS else here.universe.persons - owners


def columns(view: View, who: Who, model: Model, category: str) -> Columns:
    """Return the features of persons (ascending) for a category, float64 by column; NaN where somebody has no number."""
    found: dict[str, Floats] = {}
    for key in model.features:
        column = key.removesuffix(_HERE)
        if column == "category":
            found |= {
                f"category.{one}": np.full(len(who), float(one == category)) for one in model.categories
            }
        elif column in MADE:
            found[column] = MADE[column][1](view, who, model, category)
        else:
            found[column] = view.of(key.format(category), who)
    return found


def lacking(model: Model, kept: Fitted) -> tuple[str, ...]:
    """Return what a version looks at that is no feature of its model any more: another release of the program trained it."""
    there = {key.removesuffix(_HERE) for key in model.features} | {AHEAD}
    there |= {f"category.{one}" for one in model.categories}
    return tuple(name for name in kept.names if name not in there)


def label(column: str, model: Model, category: str) -> Text:
    """Return what a column is called."""
    if column in MADE:
        return MADE[column][0]
    if column.startswith("category."):
        name = target_name(model, column.removeprefix("category."))
        return Text(f"所问的是{name.zh}", f"it is asked of: {name.en}")
    if column == AHEAD:
        return Text("多少天之内", "within how many days")
    return dimension(column, model, category).label


def dimension(column: str, model: Model, category: str) -> Dimension:
    """Return the dimension of the tag tree that a column is."""
    key = f"{column}{_HERE}" if f"{column}{_HERE}" in model.features else column
    return _BY_KEY[key.format(category)]


def target_name(model: Model, target: str) -> Text:
    """Return what a target of a model is called: a category, or what the model calls it."""
    return model.targets_called[target] if target in model.targets_called else _NAMES[target]


def households(view: View, who: Who) -> Ints:
    """Return the household of each person, or the person's own number, negative, where none is known."""
    found = view.here.numbers(_BY_KEY["home.household"], who)
    alone = np.isnan(found)
    kept: Ints = np.where(alone, -who.astype(np.int64), np.nan_to_num(found).astype(np.int64))
    return kept


def households_of(view: View, owner: Ints, thing: Ints) -> Ints:
    """Return the household of each owner of a thing; a thing whose owner nobody knows stands alone, by its own number far below 0."""
    known = (owner > 0) & (owner < VISITORS_FROM)
    who, place = np.unique(owner[known], return_inverse=True)
    found = -thing - (np.int64(1) << 40)
    found[known] = households(view, who.astype(np.uint32))[place]
    return found
