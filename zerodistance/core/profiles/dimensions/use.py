"""Dimensions of what somebody uses and of whom: usage and brand preference."""

from __future__ import annotations

from zerodistance.core.profiles.contracts import Bands, Dimension, Layer, Values
from zerodistance.core.profiles.dimensions.shared import (
    AGE,
    BOUGHT,
    BREADTH,
    CALLED,
    DAYS,
    KINDS,
    MONTH,
    NONE,
    ONE,
    OURS,
    OWNED,
    QUARTER,
    TIMES,
    TWO_YEARS,
    YEAR,
    YEARS,
    often,
    touches,
)
from zerodistance.kernel.text import Text

USAGE = (
    Dimension(
        key="usage.active_days_90d",
        read_by=("R1", "R4"),
        layer=Layer.USAGE,
        label=Text("90 天内活跃天数", "Active days in 90 days"),
        meaning=Text(
            "90 天内有过任何交互的天数", "On how many of the last 90 days there was any touch by the person"
        ),
        unit=DAYS,
        of=touches(window=QUARTER, without=OURS),
        value="days(*)",
        nodes=Bands(
            (
                (0, "none", NONE),
                (1, "once", Text("一天", "one day")),
                (2, "some", Text("两至九天", "two to nine days")),
                (10, "steady", Text("十天以上", "ten days and more")),
            )
        ),
    ),
    Dimension(
        key="usage.channel",
        read_by=("N5", "R1"),
        layer=Layer.USAGE,
        label=Text("常用渠道", "Usual channel"),
        meaning=Text("一年内交互最多的渠道", "The channel with most touches in a year"),
        of=touches(window=YEAR, without=OURS),
        value="most(channel)",
        nodes=Values(),
    ),
    Dimension(
        key="usage.last_seen",
        read_by=("R4", "R1"),
        layer=Layer.USAGE,
        label=Text("最近一次交互", "Last seen"),
        meaning=Text("距最近一次交互的天数", "Days since the latest touch"),
        unit=DAYS,
        of=touches(without=OURS),
        value="age(last)",
        nodes=AGE,
        purpose="analysis",
    ),
    Dimension(
        key="usage.repairs_2y",
        read_by=("N1", "D1"),
        owner="service",
        layer=Layer.USAGE,
        label=Text("两年内维修次数", "Repairs in two years"),
        meaning=Text("730 天内上门服务的次数", "Service visits in the last 730 days"),
        unit=TIMES,
        of=touches("service.visited", window=TWO_YEARS),
        value="count(*)",
        nodes=Bands(((0, "none", NONE), (1, "one", ONE), (2, "often", Text("两次以上", "twice and more")))),
        purpose="service",
    ),
    Dimension(
        key="usage.calls_1y",
        read_by=("D2", "rights"),
        owner="service",
        layer=Layer.USAGE,
        label=Text("一年内来电", "Calls in a year"),
        meaning=Text("365 天内致电客服的次数", "Calls to the service in the last 365 days"),
        unit=TIMES,
        of=touches(*CALLED, window=YEAR),
        value="count(*)",
        nodes=often(2, 5),
        purpose="service",
    ),
    Dimension(
        key="usage.faults_1y",
        read_by=("D1",),
        owner="service",
        layer=Layer.USAGE,
        label=Text("一年内故障", "Faults in a year"),
        meaning=Text("365 天内设备报出的故障", "Faults that appliances reported in the last 365 days"),
        unit=TIMES,
        of=touches("device.fault", window=YEAR),
        value="count(*)",
        nodes=often(2, 5),
        purpose="service",
    ),
    Dimension(
        key="usage.device_days_30d",
        read_by=("R1", "D1"),
        layer=Layer.USAGE,
        label=Text("30 天内用设备的天数", "Days of appliance use in 30 days"),
        meaning=Text(
            "30 天内有设备使用记录的天数", "Days of the last 30 on which a connected appliance was used"
        ),
        unit=DAYS,
        of=touches("device.used", window=MONTH),
        value="days(*)",
        nodes=Bands(
            (
                (1, "some", Text("一至十四天", "1 to 14 days")),
                (15, "daily", Text("十五天以上", "15 days and more")),
            )
        ),
    ),
)

BRAND = (
    Dimension(
        key="brand.first_year",
        read_by=("R5",),
        layer=Layer.BRAND,
        label=Text("首次购买年份", "Year of first purchase"),
        meaning=Text(
            "第一次购买、登记或绑定产品的年份",
            "The year in which a product was first bought, registered or bound",
        ),
        unit=Text("年", "year"),
        of=touches(*OWNED),
        value="year(first)",
        nodes=YEARS,
    ),
    Dimension(
        key="brand.tenure",
        read_by=("R2", "R5"),
        layer=Layer.BRAND,
        label=Text("相识时间", "Known for"),
        meaning=Text("距第一次交互的天数", "Days since the first touch"),
        unit=DAYS,
        of=touches(without=OURS),
        value="age(first)",
        nodes=AGE,
    ),
    Dimension(
        key="brand.categories",
        read_by=("N2", "R5"),
        layer=Layer.BRAND,
        label=Text("拥有的品类数", "Categories owned"),
        meaning=Text(
            "买过、登记过或绑定过多少个品类", "How many categories were bought, registered or bound"
        ),
        unit=KINDS,
        of=touches(*OWNED),
        value="distinct(category)",
        nodes=BREADTH,
    ),
    Dimension(
        key="brand.products",
        read_by=("N2", "R3"),
        layer=Layer.BRAND,
        label=Text("买过的产品数", "Products owned"),
        meaning=Text("买过、登记过或绑定过多少种产品", "How many products were bought, registered or bound"),
        unit=KINDS,
        of=touches(*OWNED),
        value="distinct(product)",
        nodes=BREADTH,
    ),
    Dimension(
        key="brand.category",
        read_by=("N2", "N3"),
        layer=Layer.BRAND,
        label=Text("最常买的品类", "Category bought most"),
        meaning=Text("购买次数最多的品类", "The category that was bought most often"),
        of=touches(*BOUGHT),
        value="most(category)",
        nodes=Values("category"),
    ),
    Dimension(
        key="brand.favourite",
        read_by=("N2", "N3"),
        layer=Layer.BRAND,
        label=Text("最常买的产品", "Product bought most"),
        meaning=Text("购买次数最多的产品", "The product that was bought most often"),
        of=touches(*BOUGHT),
        value="most(product)",
        nodes=Values("product"),
    ),
)
