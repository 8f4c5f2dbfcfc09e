"""The models that come with the program: what is asked, of whom, over how long, from which dimensions, and the rules of thumb that each has to beat."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from zerodistance.core.models.catalogue_things import THINGS
from zerodistance.core.models.contracts import (
    AMOUNT,
    HAZARD,
    POINTS,
    RULES,
    TREES,
    UPLIFT,
    VALUE,
    Among,
    Asked,
    Family,
    Model,
)
from zerodistance.core.models.ladder.points import Points, Steps
from zerodistance.core.profiles.contracts import Bands
from zerodistance.core.profiles.dimensions.families import STANDARD
from zerodistance.core.profiles.dimensions.shared import BOUGHT, LOOKED, OURS
from zerodistance.kernel.text import Text

HALF_YEAR = 182  # days
_EVERYBODY = (
    "interest.searches_30d", "interest.looking_90d", "interest.categories", "interest.models", "interest.days", "interest.depth",
    "interest.price", "interest.saved", "interest.trend", "interest.last_look", "interest.posts",
    "usage.active_days_90d", "usage.last_seen", "usage.repairs_2y", "usage.calls_1y", "usage.faults_1y", "usage.channels",
    "usage.app_share", "usage.kinds", "usage.months", "usage.trend", "usage.silence", "usage.visits", "usage.visit_age",
    "usage.rating", "usage.hours", "usage.fault_age",
    "brand.tenure", "brand.categories", "brand.products", "brand.service_share", "brand.registered_share",
    "value.spend_365d", "value.spend_total", "value.orders_365d", "value.orders_total", "value.mean_order", "value.rhythm",
    "value.member", "value.earned", "value.redeemed", "value.points_age",
    "needs.recency", "needs.cart_30d", "needs.oldest_product", "needs.newest_product", "needs.renovation",
    "needs.suite.kitchen", "needs.suite.laundry", "needs.suite.air", "needs.suite.water", "needs.cart_age", "needs.call_age",
    "needs.messages", "needs.answer_share", "needs.moving", "usage.missed",
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
TOPICS: Mapping[str, tuple[Text, tuple[str, ...]]] = {
    "health": (Text("健康", "health"), ("air_purifier", "water_purifier", "dishwasher")),
    "energy": (Text("节能", "energy saving"), ("air_conditioner", "water_heater", "fridge", "freezer")),
    "environment": (Text("环保", "environment"), ("water_purifier", "dryer", "range_hood")),
    "technology": (Text("科技", "technology"), ("tv", "washer", "dishwasher")),
}
"""Topics of interest of the reference system -> what they are called, and the categories whose products are about them, own values."""
UNFAIR = ("order.returned", "order.cancelled", "service.missed")
_CATEGORIES = tuple(key for key, _, _ in STANDARD)


_GUARD = Text(
    "只用来决定问候谁、先问什么；不决定价格、信用和法定权利",
    "it decides whom to talk to about what; never a price, a credit or a right that the law gives",
)
_NOT_SENSITIVE = Text(
    "不用性别、年龄、民族、健康等个人特征作为输入", "sex, age, origin and health of a person are no inputs"
)


def _replacement() -> Model:
    rules = Points(
        0.0,
        (
            Steps("life", (0.6, 0.8, 1.0, 1.4), (0, 1, 2, 3, 4)),
            Steps("interest.looks", (0.0, 2.0), (0, 2, 3)),
            Steps("interest.time", (30.0,), (0, 1)),  # reference: 30 seconds on one product
            Steps("usage.served", (0.0, 1.0), (0, 1, 2)),  # reference: an old washer with two repairs
            Steps("needs.moving", (180.0,), (1, 0)),  # reference: an air conditioner moved, so moving
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
        horizons=(365, 730),
        features=(*_EVERYBODY, *_OWN),
        rules=rules,
        signs={"interest.looks": 1},
        kinds=(POINTS, TREES, HAZARD, RULES),
        guards=(_GUARD, _NOT_SENSITIVE),
    )


def _cross() -> Model:
    rules = Points(
        0.0,
        (
            Steps("interest.looks", (0.0, 2.0), (0, 2, 4)),
            Steps("interest.time", (30.0,), (0, 1)),
            Steps("needs.renovation", (365.0,), (2, 0)),  # reference: hood or stove bought, so renovating
            Steps("needs.moving", (180.0,), (2, 0)),  # reference: an air conditioner moved, so moving
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
        guards=(_GUARD, _NOT_SENSITIVE),
    )


def _repeat() -> Model:
    rules = Points(
        0.0,
        (
            Steps("needs.recency", (90.0, 365.0, 1095.0), (3, 2, 1, 0)),
            Steps("value.orders_total", (1.0, 2.0, 4.0), (0, 1, 2, 3)),
            Steps("interest.looking_90d", (0.0, 120.0), (0, 1, 2)),
            Steps("needs.cart_30d", (0.0,), (0, 2)),
        ),
    )
    return Model(
        key="n3_repeat",
        label=Text("复购", "Repeat purchase"),
        meaning=Text(
            "买过的人，半年内再买任何一件的可能",
            "how likely somebody who bought once buys anything again within half a year",
        ),
        among=Among.BUYERS,
        asked=Asked(BOUGHT),
        horizon_days=HALF_YEAR,
        features=(*_EVERYBODY, "activity"),
        rules=rules,
        guards=(_GUARD, _NOT_SENSITIVE),
    )


def _consumables() -> Model:
    rules = Points(
        0.0,
        (
            Steps(
                "needs.filter", (180.0, 360.0, 1095.0), (0, 1, 2, 1)
            ),  # a filter lasts half a year to a year
            Steps("usage.served", (0.0,), (0, 1)),
            Steps("usage.hours", (0.0,), (0, 1)),
        ),
    )
    return Model(
        key="n3_care",
        label=Text("耗材与保养", "Consumables and care"),
        meaning=Text(
            "家里有净水器或空气净化器的人，半年内为它买配件、约保养或上门的可能",
            "how likely somebody with a water or air purifier buys parts or has it looked after within half a year",
        ),
        among=Among.OWNERS,
        categories=("water_purifier", "air_purifier"),
        asked=Asked((*BOUGHT, "service.*")),
        horizon_days=HALF_YEAR,
        features=(*_EVERYBODY, *_OWN, "needs.filter"),
        rules=rules,
        guards=(_GUARD, _NOT_SENSITIVE),
        owner="service",
        purpose="service",
    )


def _interest() -> Model:
    rules = Points(
        0.0,
        (
            Steps("looks", (0.0, 2.0, 6.0), (0, 2, 3, 4)),
            Steps("latest", (365.0,), (2, 0)),
            Steps("owned", (0.0, 1.0), (0, 1, 2)),
        ),
    )
    return Model(
        key="n4",
        label=Text("兴趣", "Interest"),
        meaning=Text(
            "一年内来过的人，半年内看或买这一主题的产品的可能",
            "how likely somebody who was here within a year looks at or buys products of a topic within half a year",
        ),
        among=Among.ACTIVE,
        categories=tuple(TOPICS),
        asked=Asked((*BOUGHT, *LOOKED), covers={key: covers for key, (_, covers) in TOPICS.items()}),
        horizon_days=HALF_YEAR,
        features=(
            *_EVERYBODY,
            *(f"interest.looks.{one}" for one in _CATEGORIES),
            *(f"needs.age.{one}" for one in _CATEGORIES),
            "looks",
            "owned",
            "latest",
            "category.{}",
        ),
        rules=rules,
        signs={"looks": 1},
        targets_called={key: name for key, (name, _) in TOPICS.items()},
        guards=(_GUARD, _NOT_SENSITIVE),
        purpose="analysis",
    )


def _uplift() -> Model:
    rules = Points(0.0, (Steps("interest.looking_90d", (0.0, 120.0), (0, 1, 2)),))
    return Model(
        key="n5",
        label=Text("联系的增益", "What contact changes"),
        meaning=Text(
            "一条消息使一个月内购买的可能变多少；只用抽签留出过对照的活动来学",
            "by how much a message changes the chance to buy within a month, learned from campaigns that held some out by lot",
        ),
        among=Among.ACTIVE,
        categories=("sms", "email", "app"),
        asked=Asked(BOUGHT),
        horizon_days=365,
        features=(*_EVERYBODY, "activity"),
        rules=rules,
        kinds=(UPLIFT,),
        targets_called={
            "sms": Text("短信", "text message"),
            "email": Text("电子邮件", "e-mail"),
            "app": Text("应用消息", "app message"),
        },
        guards=(
            _GUARD,
            Text(
                "门槛：按它挑人必须比按响应模型挑人确实好，否则不能上任",
                "gate: aiming by it has to be better than aiming by the response model beyond chance, or it can't be promoted",
            ),
        ),
    )


_GRADES = Bands(
    (
        (0, "1", Text("1 级：后两成", "grade 1: the lowest fifth")),
        (20, "2", Text("2 级：20 至 50", "grade 2: 20 to 50")),
        (50, "3", Text("3 级：50 至 80", "grade 3: 50 to 80")),
        (80, "4", Text("4 级：80 至 95", "grade 4: 80 to 95")),
        (95, "5", Text("5 级：最高的百分之五", "grade 5: the highest twentieth")),
    )
)
_STAGES = Bands(
    (
        (0, "transactional", Text("交易用户", "transactional")),
        (40, "interactive", Text("交互用户", "interactive")),
        (75, "lifelong", Text("终身用户", "lifelong")),
    )
)


def _activity() -> Model:
    edges = tuple(round(float(one), 2) for one in np.geomspace(0.1, 400.0, 40))
    points = tuple(round(float(one), 2) for one in np.r_[0.0, np.linspace(0.5, 10.0, 40)])
    return Model(
        key="r1_activity",
        label=Text("活跃度", "Activity"),
        meaning=Text(
            "交互次数 × 渠道 × 动作等级，每 180 天减半；发生率是半年内再来的可能",
            "touches by channel and grade of the action, halved every 180 days; the chance is that of coming within half a year",
        ),
        among=Among.EVERYBODY,
        asked=Asked((), without=(*OURS, "device.*", "profile.*")),
        horizon_days=HALF_YEAR,
        features=("activity",),
        rules=Points(0.0, (Steps("activity", edges, points),)),
        signs={"activity": 1},
        family=Family.RELATION,
        kinds=(RULES,),
        nodes=_GRADES,
        guards=(Text("等级高的人得到更多关怀和邀请；等级低的人不少得服务", "higher grades get more care; nobody gets less service for a low one"),),
        owner="membership",
        purpose="service",
    )  # fmt: skip


def _integrity() -> Model:
    rules = Points(
        4.0,
        (
            Steps("value.earned", (0.0, 500.0, 2_000.0), (0, 1, 2, 3)),  # member level
            Steps("brand.tenure", (365.0, 1_095.0, 2_190.0), (0, 1, 2, 3)),
            Steps("activity", (1.0, 8.0, 40.0), (0, 1, 2, 3)),
            Steps("brand.registered_share", (0.0, 50.0), (0, 1, 2)),
            Steps("value.cancelled", (0.0, 1.0, 2.0), (0, -2, -4, -6)),
            Steps("usage.missed", (0.0, 1.0, 2.0), (0, -2, -4, -6)),
        ),
    )
    return Model(
        key="r2_integrity",
        label=Text("诚信", "Integrity"),
        meaning=Text(
            "等级、相识时间和活跃度在先，其次是退货与失约；发生率是此后一年下单或约上门而没有退货、取消和失约的可能。不是信用分",
            "level, tenure, activity, then fairness in returns and visits; the chance is that of a year without unfairness. No credit score",
        ),
        among=Among.BUYERS,
        asked=Asked(UNFAIR, comes=False, given=(*BOUGHT, *UNFAIR, "service.visited")),
        horizon_days=365,
        features=("value.earned", "brand.tenure", "activity", "brand.registered_share", "value.cancelled", "usage.missed"),
        rules=rules,
        signs={"value.earned": 1, "brand.tenure": 1, "activity": 1, "brand.registered_share": 1, "value.cancelled": -1, "usage.missed": -1},
        family=Family.RELATION,
        kinds=(RULES, POINTS),
        guards=(
            Text("只授予更好的服务，从不低于法律保证的权利", "it grants better service, and never less than what the law guarantees"),
            Text("可以申诉：由人复核，最低给到所定的等级", "it can be appealed: a person looks at it, and sets a grade that it does not fall below"),
            Text("各群体得高档的比例并列公布", "the share of each group in the high bands is published beside the others"),
            _NOT_SENSITIVE,
        ),
        appeals=True,
        owner="service",
        purpose="service",
    )  # fmt: skip


def _value() -> Model:
    rules = Points(
        0.0, (Steps("mean", (0.0, 2_000.0, 5_000.0), (0, 1, 2, 3)), Steps("again", (0.0, 1.0, 3.0, 6.0), (0, 1, 2, 3, 4)))
    )  # fmt: skip
    return Model(
        key="r3_value",
        label=Text("价值", "Value"),
        meaning=Text(
            "买过的人，此后 12 个月的预期消费",
            "what somebody who bought once is expected to spend in the next 12 months",
        ),
        among=Among.BUYERS,
        asked=Asked(BOUGHT),
        horizon_days=365,
        features=("again", "last", "known", "mean", *_EVERYBODY, "activity"),
        rules=rules,
        family=Family.RELATION,
        kinds=(AMOUNT, VALUE),
        guards=(Text("价值低的人不少得服务", "nobody gets less service for a low value"),),
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
        family=Family.RELATION,
        guards=(_NOT_SENSITIVE,),
        purpose="service",
    )


def _stage() -> Model:
    rules = Points(
        0.0,
        (
            Steps("value.orders_total", (0.0, 1.0, 2.0), (0, 10, 15, 20)),
            Steps("usage.months", (1.0, 3.0, 6.0, 12.0), (0, 10, 20, 25, 30)),
            Steps("usage.active_days_90d", (0.0, 2.0), (0, 5, 10)),
            Steps("interest.posts", (0.0,), (0, 15)),
            Steps("value.member", (0.0, 5.0), (0, 5, 10)),
            Steps("brand.tenure", (1_095.0,), (0, 15)),
        ),
    )
    return Model(
        key="r5_stage",
        label=Text("关系阶段", "Relationship"),
        meaning=Text(
            "交易用户买过，交互用户常来，终身用户多年常来并参与；发生率是半年内再来的可能",
            "transactional users bought, interactive ones come, lifelong ones have for years and take part; the chance is that of coming within half a year",
        ),
        among=Among.EVERYBODY,
        asked=Asked((), without=(*OURS, "device.*", "profile.*")),
        horizon_days=HALF_YEAR,
        features=("value.orders_total", "usage.months", "usage.active_days_90d", "interest.posts", "value.member", "brand.tenure"),
        rules=rules,
        family=Family.RELATION,
        kinds=(RULES,),
        nodes=_STAGES,
        plain=True,
        owner="membership",
        purpose="analysis",
    )  # fmt: skip


MODELS: Mapping[str, Model] = {
    one.key: one
    for one in (
        _replacement(), _cross(), _repeat(), _consumables(), _interest(), _uplift(), _activity(), _integrity(), _value(), _dormancy(), _stage(),
        *THINGS,
    )
}  # fmt: skip
"""By key, in the order of the classes: need (`n1` to `n5`), relation (`r1_activity` to `r5_stage`), device (`d1_fault`, `d2_satisfaction`)."""
