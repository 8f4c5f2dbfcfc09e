"""A year of 2,469 households with a grocer (The Complete Journey, 84.51), as pairs of a household and a category before a day, and what they bought after it.

The set comes as files of a package; only its files are read. It may be used for research and teaching and is not given on.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal, NamedTuple

import duckdb
import numpy as np
import numpy.typing as npt

from zerodistance.core.models.ladder import pairs
from zerodistance.core.models.ladder.columns import Floats, Ints

_NO_GOODS = ("COUPON/MISC ITEMS", "FUEL")  # what is no category that somebody needs
_ABOUT = (
    "age",
    "income",
    "home_ownership",
    "marital_status",
    "household_size",
    "household_comp",
    "kids_count",
)
By = Literal["households", "purchases"]


class Journey(NamedTuple):
    """Everything that was bought, days from 0 on.

    Attributes
    ----------
    goods
        Of each category, whether one can need it.
    about
        What households said of themselves, by name: places of their answers in the order of the alphabet; NaN: not asked.
    """

    bought: pairs.Bought
    households: int
    goods: Ints
    about: dict[str, Floats]


class Asked(NamedTuple):
    """What is asked of every household that bought before a day and some categories, households outside.

    Attributes
    ----------
    columns, labels
        Of pairs, shape (households * categories,).
    households
        Their places, shape (households,).
    categories
        Their places.
    """

    columns: dict[str, Floats]
    labels: Floats
    households: Ints
    categories: Ints

    @property
    def shape(self) -> tuple[int, int]:
        """How many households and categories."""
        return len(self.households), len(self.categories)

    @property
    def never(self) -> npt.NDArray[np.bool_]:
        """Return whether the household never bought of the category, shape (households, categories)."""
        return np.asarray(self.columns["times"] == 0).reshape(self.shape)


def read(folder: Path) -> Journey:
    """Return the set from its files `transactions`, `products` and `demographics`; lines of one basket and type are one."""
    with duckdb.connect() as con:
        con.execute(
            """create table products as
               select product_id, coalesce(department, '') || ': ' || product_category as category,
                 dense_rank() over (order by coalesce(department, ''), product_category) - 1 as item,
                 dense_rank() over (order by coalesce(department, ''), product_category, product_type) - 1 as kind
               from read_parquet($path) where product_category is not null""",
            {"path": str(folder / "products.parquet")},
        )
        lines = con.execute(
            """select household_id, item, kind, cast(date_diff('day', timestamp '2017-01-01', transaction_timestamp) as bigint) as day,
                 sum(sales_value) as amount, max(cast(retail_disc + coupon_disc > 0 as double)) as reduced
               from read_parquet($path) join products using (product_id) group by household_id, basket_id, item, kind, day order by all""",
            {"path": str(folder / "transactions.parquet")},
        ).fetchnumpy()
        names = [
            name
            for (name,) in con.execute(
                "select category from products group by category order by min(item)"
            ).fetchall()
        ]
        about = con.execute(
            f"select household_id, {', '.join(_ABOUT)} from read_parquet($path) order by household_id",
            {"path": str(folder / "demographics.parquet")},
        ).fetchnumpy()
    households, household = np.unique(lines["household_id"], return_inverse=True)
    bought = pairs.Bought(
        household, lines["item"], lines["kind"], lines["day"], lines["amount"], lines["reduced"]
    )
    goods = np.array([not any(word in name for word in _NO_GOODS) for name in names])
    at = np.searchsorted(households, about["household_id"])
    told: dict[str, Floats] = {}
    for name in _ABOUT:
        told[name] = np.full(len(households), np.nan)
        answers = np.ma.filled(about[name], "").astype(str)
        told[name][at] = np.where(answers == "", np.nan, np.unique(answers, return_inverse=True)[1])
    return Journey(bought, len(households), np.flatnonzero(goods), told)


def categories(journey: Journey, today: int, first: int, last: int, by: By = "households") -> Ints:
    """Return the categories from place `first` to before `last` by how many households bought of them before a day, or by how often it was bought."""
    past = journey.bought.only(journey.bought.day < today)
    many = int(journey.bought.item.max()) + 1
    items = past.item if by == "purchases" else np.unique(past.household * many + past.item) % many
    had = np.bincount(items, minlength=many)[journey.goods]
    return journey.goods[np.argsort(-had, kind="stable")[first:last]]


def asked(journey: Journey, today: int, ahead: int, wanted: Ints) -> Asked:
    """Return the columns of everybody who bought before `today`, and who buys in the `ahead` days from it on."""
    bought = journey.bought
    past = bought.only(bought.day < today)
    households, place = np.unique(past.household, return_inverse=True)
    many = int(bought.item.max()) + 1
    mine = past._replace(household=place)
    columns = pairs.Market.of(mine, len(households), many, today, ahead).columns(
        mine, len(households), wanted
    )
    columns |= {
        f"about_{name}": np.repeat(told[households], len(wanted)) for name, told in journey.about.items()
    }
    later = bought.only((bought.day >= today) & (bought.day < today + ahead))
    came = np.zeros((journey.households, many))
    came[later.household, later.item] = 1.0
    return Asked(columns, came[np.ix_(households, wanted)].ravel(), households, wanted)
