"""The models that come with the program: what is asked, of whom, over how long, from which dimensions, and the rules of thumb that each has to beat."""

from __future__ import annotations

from collections.abc import Mapping

from zerodistance.core.models.contracts import Among, Asked, Model
from zerodistance.core.models.ladder.points import Points, Steps
from zerodistance.core.profiles.dimensions.families import STANDARD
from zerodistance.core.profiles.dimensions.shared import BOUGHT, OURS
from zerodistance.kernel.text import Text

HALF_YEAR = 182  # days
_EVERYBODY = (
    "demo.household", "demo.generations", "demo.records", "geo.homes", "geo.home_since",
    "interest.searches_30d", "interest.looking_90d", "interest.categories", "interest.models", "interest.days", "interest.depth",
    "interest.price", "interest.saved", "interest.trend", "interest.last_look", "interest.posts",
    "usage.active_days_90d", "usage.last_seen", "usage.repairs_2y", "usage.calls_1y", "usage.faults_1y", "usage.channels",
    "usage.app_share", "usage.kinds", "usage.months", "usage.trend", "usage.silence", "usage.visits", "usage.visit_age",
    "usage.rating", "usage.appliances", "usage.hours", "usage.fault_age",
    "brand.tenure", "brand.categories", "brand.products", "brand.service_share", "brand.registered_share",
    "value.spend_365d", "value.spend_total", "value.orders_365d", "value.orders_total", "value.mean_order", "value.rhythm",
    "value.member", "value.earned", "value.redeemed", "value.points_age",
    "needs.recency", "needs.cart_30d", "needs.oldest_product", "needs.newest_product", "needs.renovation",
    "needs.suite.kitchen", "needs.suite.laundry", "needs.suite.air", "needs.suite.water", "needs.cart_age", "needs.call_age",
    "needs.messages", "needs.answer_share",
)  # fmt: skip
_OWN = (
    "needs.age.{}",
    "life.{}",
    "interest.looks.{}",
    "interest.time.{}",
    "usage.served.{}",
    "usage.hours.{}",
    "category.{}",
)
_CATEGORIES = tuple(key for key, _, _ in STANDARD)


def _replacement() -> Model:
    rules = Points(
        0.0,
        (
            Steps("life", (0.6, 0.8, 1.0, 1.4), (0, 1, 2, 3, 4)),
            Steps("interest.looks", (0.0, 2.0), (0, 2, 3)),
            Steps("interest.time", (30.0,), (0, 1)),  # reference: 30 seconds on one product
            Steps("usage.served", (0.0, 1.0), (0, 1, 2)),  # reference: an old washer with two repairs
        ),
    )
    return Model(
        key="n1",
        label=Text("换新", "Replacement"),
        meaning=Text(
            "家里有这类产品的人，半年内再买一台的可能",
            "how likely somebody who has an appliance of a category buys another one within half a year",
        ),
        among=Among.OWNERS,
        categories=_CATEGORIES,
        asked=Asked(BOUGHT),
        horizon_days=HALF_YEAR,
        features=(*_EVERYBODY, *_OWN),
        rules=rules,
        signs={"interest.looks": 1},
    )


def _cross() -> Model:
    rules = Points(
        0.0,
        (
            Steps("interest.looks", (0.0, 2.0), (0, 2, 4)),
            Steps("interest.time", (30.0,), (0, 1)),
            Steps("needs.renovation", (0.0,), (0, 2)),  # reference: hood or stove bought, so renovating
            Steps("beside", (90.0, 365.0), (2, 1, 0)),
        ),
    )
    return Model(
        key="n2",
        label=Text("添置", "First purchase"),
        meaning=Text(
            "还没有这类产品的人，半年内买一台的可能",
            "how likely somebody without an appliance of a category buys one within half a year",
        ),
        among=Among.OTHERS,
        categories=_CATEGORIES,
        asked=Asked(BOUGHT),
        horizon_days=HALF_YEAR,
        features=(
            *_EVERYBODY,
            *(f"needs.age.{one}" for one in _CATEGORIES),
            "interest.looks.{}",
            "interest.time.{}",
            "beside.{}",
            "category.{}",
        ),
        rules=rules,
        signs={"interest.looks": 1},
    )


def _dormancy() -> Model:
    rules = Points(
        0.0,
        (
            Steps("usage.last_seen", (30.0, 90.0, 180.0, 365.0), (0, 1, 2, 3, 4), missing=4),
            Steps("usage.active_days_90d", (0.0, 2.0, 5.0), (1, 0, -1, -2)),
        ),
    )
    return Model(
        key="r4_dormancy",
        label=Text("沉睡", "Dormancy"),
        meaning=Text(
            "一年内来过的人，此后半年里不再有任何自己的行为的可能",
            "how likely somebody who was here within a year does nothing of their own in the half year after",
        ),
        among=Among.ACTIVE,
        asked=Asked((), without=(*OURS, "device.*", "profile.*"), comes=False),
        horizon_days=HALF_YEAR,
        features=_EVERYBODY,
        rules=rules,
        purpose="service",
    )


MODELS: Mapping[str, Model] = {one.key: one for one in (_replacement(), _cross(), _dormancy())}
"""By key: `n1` replacement and `n2` cross-purchase, of each category; `r4_dormancy`."""
