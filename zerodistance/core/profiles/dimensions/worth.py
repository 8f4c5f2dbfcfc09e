"""Dimensions of value, membership, needs and life stage."""

from __future__ import annotations

from zerodistance.core.profiles.contracts import Bands, Dimension, Layer, Values
from zerodistance.core.profiles.dimensions.shared import (
    AGE,
    BOUGHT,
    DAYS,
    LOOKED,
    MONTH,
    NONE,
    OWNED,
    PAID,
    SPEND,
    TIMES,
    YEAR,
    often,
    touches,
)
from zerodistance.kernel.text import Text

VALUE = (
    Dimension(
        key="value.spend_365d",
        read_by=("R3",),
        layer=Layer.VALUE,
        label=Text("一年消费", "Spent in a year"),
        meaning=Text(
            "365 天内的消费，减去退款；只算本品牌的货币",
            "Paid in the last 365 days less what was paid back, in the home's currency only",
        ),
        unit=Text("元", "money"),
        of=touches(*PAID, window=YEAR),
        value="sum(amount)",
        nodes=SPEND,
    ),
    Dimension(
        key="value.spend_total",
        read_by=("R3", "R2"),
        layer=Layer.VALUE,
        label=Text("累计消费", "Spent in all"),
        meaning=Text(
            "全部消费，减去退款；只算本品牌的货币",
            "Paid ever less what was paid back, in the home's currency only",
        ),
        unit=Text("元", "money"),
        of=touches(*PAID),
        value="sum(amount)",
        nodes=SPEND,
    ),
    Dimension(
        key="value.orders_365d",
        read_by=("R3", "R4"),
        layer=Layer.VALUE,
        label=Text("一年购买天数", "Purchase days in a year"),
        meaning=Text("365 天内有过购买的天数", "On how many of the last 365 days something was bought"),
        unit=DAYS,
        of=touches(*BOUGHT, window=YEAR),
        value="days(*)",
        nodes=often(2, 5),
    ),
    Dimension(
        key="value.orders_total",
        read_by=("R3", "N3"),
        layer=Layer.VALUE,
        label=Text("累计购买天数", "Purchase days in all"),
        meaning=Text("有过购买的天数", "On how many days something was bought"),
        unit=DAYS,
        of=touches(*BOUGHT),
        value="days(*)",
        nodes=often(2, 5),
    ),
    Dimension(
        key="value.returns_share",
        read_by=("R2",),
        layer=Layer.VALUE,
        label=Text("退货占比", "Share returned"),
        meaning=Text("订单行里退货的百分比", "Per cent of order lines that are returns"),
        unit=Text("%", "%"),
        of=touches("order.line", "order.returned"),
        value="share(order.returned)",
        nodes=Bands(
            (
                (0, "none", Text("无退货", "none")),
                (0.0001, "few", Text("10% 以下", "under 10%")),
                (10, "some", Text("10% 至 30%", "10% to 30%")),
                (30, "many", Text("30% 以上", "30% and more")),
            )
        ),
        purpose="analysis",
    ),
    Dimension(
        key="value.member",
        read_by=("R1", "R2"),
        owner="membership",
        layer=Layer.VALUE,
        label=Text("会员活动", "Member activity"),
        meaning=Text(
            "入会、登录和积分的记录数", "How many touches of joining, signing in and points there are"
        ),
        unit=TIMES,
        of=touches("member.*", "points.*"),
        value="count(*)",
        nodes=Bands(((0, "none", NONE), (1, "some", Text("有记录", "some")))),
    ),
)

NEEDS = (
    Dimension(
        key="needs.recency",
        read_by=("N3", "R3"),
        layer=Layer.NEEDS,
        label=Text("距上次购买", "Since the last purchase"),
        meaning=Text("距最近一次购买的天数", "Days since something was last bought"),
        unit=DAYS,
        of=touches(*BOUGHT),
        value="age(last)",
        nodes=AGE,
    ),
    Dimension(
        key="needs.category_30d",
        read_by=("N1", "N4"),
        layer=Layer.NEEDS,
        label=Text("正在看的品类", "Category being looked at"),
        meaning=Text("30 天内看得最多的品类", "The category most looked at in the last 30 days"),
        of=touches(*LOOKED, window=MONTH),
        value="most(category)",
        nodes=Values("category"),
        inferred=True,
    ),
    Dimension(
        key="needs.cart_30d",
        read_by=("N1",),
        layer=Layer.NEEDS,
        label=Text("30 天内加购", "Put into the cart in 30 days"),
        meaning=Text("30 天内加入购物车的次数", "How often something was put into the cart in 30 days"),
        unit=TIMES,
        of=touches("cart.added", window=MONTH),
        value="count(*)",
        nodes=often(2, 5),
    ),
    Dimension(
        key="needs.oldest_product",
        read_by=("N1",),
        layer=Layer.NEEDS,
        label=Text("最早的产品的年头", "Age of the oldest product"),
        meaning=Text(
            "距第一次购买、登记或绑定产品的天数，越久越可能换新",
            "Days since the first product was bought, registered or bound; the longer, the likelier a replacement",
        ),
        unit=DAYS,
        of=touches(*OWNED),
        value="age(first)",
        nodes=AGE,
        inferred=True,
    ),
)
