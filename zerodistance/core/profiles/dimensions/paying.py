"""Dimensions of value and membership: amounts, rhythm, points."""

from __future__ import annotations

from datetime import timedelta

from zerodistance.core.profiles.contracts import Bands, Values
from zerodistance.core.profiles.dimensions.shared import (
    BOUGHT,
    CALENDAR_MONTHS,
    DAYS,
    MONEY,
    OLD,
    PER_CENT,
    STEPS,
    TIMES,
    TREND,
    counted,
    tell,
    touches,
)
from zerodistance.kernel.text import Text

POINTS = ("points.earned", "points.spent")
_PERCENT = Text("%", "%")
_MONEY = Text("元", "money")
_POINTS = Text("分", "points")
_SPANS = Bands(
    STEPS.bands[:-1]
    + tuple(
        (int(n * 365.25), f"years_{n}", Text(f"{n} 至不足 {n + 1} 年", f"{n} to under {n + 1} years"))
        for n in range(5, 15)
    )
    + ((int(15 * 365.25), "years_15", Text("十五年以上", "15 years and more")),),
    STEPS.groups,
)
_SUMS = Bands(
    (
        (-1e12, "below", Text("负数", "below zero")),
        (0, "from_0", Text("不足 100 分", "under 100 points")),
        *(
            (low, f"from_{low}", Text(f"{low:,} 至不足 {high:,} 分", f"{low:,} to under {high:,} points"))
            for low, high in (
                (100, 200), (200, 300), (300, 500), (500, 750), (750, 1000), (1000, 1500), (1500, 2000), (2000, 3000), (3000, 5000),
            )
        ),
        (5000, "from_5000", Text("5,000 分以上", "5,000 points and more")),
    ),
    (
        (-1e12, "little", Text("500 分以下", "under 500 points")),
        (500, "some", Text("500 至 2,000 分", "500 to 2,000 points")),
        (2000, "much", Text("2,000 分以上", "2,000 points and more")),
    ),
)  # fmt: skip

WORTH = (
    tell(
        "value.mean_order",
        Text("单笔金额", "Amount of an order"),
        Text("平均每笔购买的金额", "Average amount of a purchase"),
        touches(*BOUGHT),
        "mean(amount)",
        MONEY,
        "R3 N1",
        unit=_MONEY,
    ),
    tell(
        "value.largest",
        Text("最大一笔", "Largest order"),
        Text("金额最大的一笔购买", "The largest amount of one purchase"),
        touches(*BOUGHT),
        "max(amount)",
        MONEY,
        "R3 N2",
        unit=_MONEY,
    ),
    tell(
        "value.rhythm",
        Text("购买间隔", "Days between purchases"),
        Text("两个购买日之间相隔天数的中位数", "Median of the days from one day with a purchase to the next"),
        touches(*BOUGHT),
        "gap(median)",
        STEPS,
        "R3 N3",
        unit=DAYS,
    ),
    tell(
        "value.span",
        Text("购买跨度", "Span of purchases"),
        Text("首次到最近一次购买的天数", "Days from the first to the last purchase"),
        touches(*BOUGHT),
        "span(*)",
        _SPANS,
        "R3 R2",
        unit=DAYS,
    ),
    tell(
        "value.units",
        Text("购买件数", "Pieces bought"),
        Text("购买的件数，减去退货", "Pieces bought less what was returned"),
        touches(*BOUGHT, "order.returned"),
        "sum(quantity)",
        counted(Text("件", "pieces")),
        "R3",
        unit=Text("件", "pieces"),
    ),
    tell(
        "value.cancelled",
        Text("取消和退货", "Cancelled and returned"),
        Text("取消和退货的次数", "How often an order was cancelled or returned"),
        touches("order.cancelled", "order.returned", "order.refunded"),
        "count(*)",
        counted(TIMES),
        "R2",
        unit=TIMES,
        purpose="analysis",
    ),
    tell(
        "value.earned",
        Text("获得积分", "Points earned"),
        Text("获得的积分总数", "Points earned in all"),
        touches("points.earned"),
        "sum(quantity)",
        _SUMS,
        "R1 R2",
        unit=_POINTS,
        owner="membership",
    ),
    tell(
        "value.balance",
        Text("积分余额", "Balance of points"),
        Text("获得减去使用的积分", "Points earned less points spent"),
        touches(*POINTS),
        "sum(quantity)",
        _SUMS,
        "R4 N5",
        unit=_POINTS,
        owner="membership",
    ),
    tell(
        "value.redeemed",
        Text("用积分次数", "Redemptions"),
        Text("使用积分的次数", "How often points were spent"),
        touches("points.spent"),
        "count(*)",
        counted(TIMES),
        "R1 R5",
        unit=TIMES,
        owner="membership",
    ),
    tell(
        "value.points_mean",
        Text("单次积分", "Points at a time"),
        Text("平均每次获得的积分", "Points earned at a time on average"),
        touches("points.earned"),
        "mean(quantity)",
        _SUMS,
        "R3",
        unit=_POINTS,
        owner="membership",
    ),
    tell(
        "value.points_channel",
        Text("积分渠道", "Channel of points"),
        Text("获得和使用积分最多的渠道", "The channel in which points are earned and spent most"),
        touches(*POINTS),
        "most(channel)",
        Values(),
        "N5 R1",
        owner="membership",
    ),
    tell(
        "value.points_share",
        Text("用积分占比", "Share of redemptions"),
        Text("积分记录里使用占多少", "Per cent of the records of points that are redemptions"),
        touches(*POINTS),
        "share(points.spent)",
        PER_CENT,
        "R5 N5",
        unit=_PERCENT,
        owner="membership",
    ),
    tell(
        "value.points_age",
        Text("最近积分", "Last points"),
        Text("距最近一次获得或使用积分的时间", "Days since points were last earned or spent"),
        touches(*POINTS),
        "age(last)",
        OLD,
        "R4",
        unit=DAYS,
        owner="membership",
    ),
    tell(
        "value.joined_month",
        Text("入会月份", "Month of joining"),
        Text("加入会员的月份", "The month in which somebody joined the club"),
        touches("member.joined"),
        "first(month)",
        CALENDAR_MONTHS,
        "R2 R5",
        owner="membership",
    ),
    tell(
        "value.joined_channel",
        Text("入会渠道", "Channel of joining"),
        Text("在哪个渠道加入会员", "The channel in which somebody joined the club"),
        touches("member.joined"),
        "first(channel)",
        Values(),
        "R5 N5",
        owner="membership",
    ),
    tell(
        "value.registered",
        Text("登记产品数", "Products registered"),
        Text("扫码登记产品的次数", "How often a product was registered by QR code"),
        touches("product.registered"),
        "count(*)",
        counted(TIMES),
        "R1 R2",
        unit=TIMES,
        owner="membership",
    ),
    tell(
        "value.registered_month",
        Text("最近登记月份", "Month of the last registration"),
        Text("最近一次扫码登记产品的月份", "The month in which a product was last registered"),
        touches("product.registered"),
        "last(month)",
        CALENDAR_MONTHS,
        "R4 N3",
        owner="membership",
    ),
    tell(
        "value.trend",
        Text("购买走势", "Trend of purchases"),
        Text("近四年比前四年买得多还是少", "Purchases of the last four years against the four before"),
        touches(*BOUGHT, window=timedelta(days=2922)),
        "trend(*)",
        TREND,
        "R3 R4",
        unit=_PERCENT,
    ),
)
