"""Dimensions that there are once for each category: what the need model and the fault model ask of a washer they ask of a fridge as well."""

from __future__ import annotations

from collections.abc import Iterator

from zerodistance.core.profiles.contracts import Dimension, Values
from zerodistance.core.profiles.dimensions.shared import (
    CALLED,
    DAYS,
    LOOKED,
    OLD,
    OWNED,
    SECONDS,
    TIMES,
    WEEK_HOURS,
    YEAR,
    counted,
    tell,
    touches,
)
from zerodistance.kernel.text import Text

STANDARD = (
    ("fridge", "冰箱", "fridge"),
    ("freezer", "冷柜", "freezer"),
    ("washer", "洗衣机", "washing machine"),
    ("dryer", "干衣机", "tumble dryer"),
    ("air_conditioner", "空调", "air conditioner"),
    ("air_purifier", "空气净化器", "air purifier"),
    ("water_heater", "热水器", "water heater"),
    ("water_purifier", "净水器", "water purifier"),
    ("range_hood", "吸油烟机", "range hood"),
    ("stove", "燃气灶", "gas stove"),
    ("dishwasher", "洗碗机", "dishwasher"),
    ("tv", "电视", "television"),
)
"""Categories of the brand that comes with the program: key, zh, en. One with other keys has other touches, and no tags here."""
_SERVED = (*CALLED, "service.visited")


def _of(key: str, zh: str, en: str) -> Iterator[Dimension]:
    yield tell(
        f"needs.age.{key}",
        Text(f"{zh}的年头", f"Age of the {en}"),
        Text(
            f"距最近一次购买、登记或绑定{zh}的时间", f"Days since a {en} was last bought, registered or bound"
        ),
        touches(*OWNED, category=key),
        "age(last)",
        OLD,
        "N1 D1",
        unit=DAYS,
    )
    yield tell(
        f"brand.model.{key}",
        Text(f"{zh}的型号", f"Model of the {en}"),
        Text(f"最近一次购买、登记或绑定的{zh}", f"The {en} that was last bought, registered or bound"),
        touches(*OWNED, category=key),
        "last(product)",
        Values("product"),
        "N1 D1 person",
    )
    yield tell(
        f"interest.looks.{key}",
        Text(f"看{zh}的次数", f"Looks at a {en}"),
        Text(
            f"一年内查看、搜索、收藏、加购{zh}的次数",
            f"How often a {en} was viewed, searched, saved or put into the cart in a year",
        ),
        touches(*LOOKED, window=YEAR, category=key),
        "count(*)",
        counted(TIMES),
        "N1 N4",
        unit=TIMES,
        inferred=True,
    )
    yield tell(
        f"interest.time.{key}",
        Text(f"单次看{zh}的时间", f"Time of a look at a {en}"),
        Text(
            f"平均每次看{zh}停留多久，30 秒以上说明感兴趣",
            f"How long one look at a {en} lasts; 30 seconds and more say interest",
        ),  # reference
        touches("product.viewed", category=key),
        "mean(duration)",
        SECONDS,
        "N1 N4",
        unit=Text("秒", "seconds"),
        inferred=True,
    )
    yield tell(
        f"usage.served.{key}",
        Text(f"{zh}售后次数", f"Service for the {en}"),
        Text(f"关于{zh}的来电和上门次数", f"Calls and visits about a {en}"),
        touches(*_SERVED, category=key),
        "count(*)",
        counted(TIMES),
        "N1 D1",
        unit=TIMES,
        owner="service",
        purpose="service",
    )
    yield tell(
        f"usage.hours.{key}",
        Text(f"{zh}使用时长", f"Hours of use of the {en}"),
        Text(f"{zh}平均每周使用多久", f"How long the {en} is used a week on average"),
        touches("device.used", category=key),
        "mean(duration)",
        WEEK_HOURS,
        "N1 D1",
        unit=Text("秒", "seconds"),
    )


FAMILIES: tuple[Dimension, ...] = tuple(one for category in STANDARD for one in _of(*category))
"""Six of each category: age, model, looks, time of a look, service, hours of use."""
