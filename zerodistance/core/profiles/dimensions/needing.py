"""Dimensions of needs and life stage: what may be bought next, by the rules of the reference."""

from __future__ import annotations

from zerodistance.core.profiles.contracts import Dimension, Input, Values
from zerodistance.core.profiles.dimensions.shared import (
    BOUGHT,
    CALLED,
    DAYS,
    KINDS,
    MONEY,
    OLD,
    OWNED,
    PER_CENT,
    RECENT,
    TIMES,
    YEAR,
    counted,
    few,
    tell,
    touches,
)
from zerodistance.kernel.text import Text


def _of(kinds: tuple[str, ...], categories: str) -> Input:
    return Input("touches", kinds, where=(("category", categories),))


def _suite(key: str, zh: str, en: str, categories: str) -> Dimension:
    return tell(
        f"needs.suite.{key}",
        Text(f"{zh}套系", f"{en} suite"),
        Text(f"{zh}套系里拥有几个品类", f"How many categories of the {en.lower()} suite are owned"),
        _of(OWNED, categories),
        "distinct(category)",
        few(KINDS, 1 + categories.count("|")),
        "N2",
        unit=KINDS,
    )


NEEDING = (
    tell(
        "needs.newest_product",
        Text("最新的产品的年头", "Age of the newest product"),
        Text(
            "距最近一次购买、登记或绑定产品的时间",
            "Days since a product was last bought, registered or bound",
        ),
        touches(*OWNED),
        "age(last)",
        OLD,
        "N1 R4",
        unit=DAYS,
        inferred=True,
    ),
    tell(
        "needs.renovation",
        Text("装修迹象", "Sign of renovation"),
        Text(
            "距最近一次买油烟机或灶具的时间，刚买说明在装修",
            "Days since a range hood or a stove was last bought: whoever just did is renovating",  # reference
        ),
        _of(BOUGHT, "range_hood|stove"),
        "age(last)",
        OLD,
        "N2",
        unit=DAYS,
        inferred=True,
    ),
    tell(
        "needs.moving",
        Text("搬家迹象", "Sign of moving"),
        Text(
            "距最近一次请求移机的时间，请人移空调说明在搬家",
            "Days since somebody last asked for an appliance to be moved: whoever has an air conditioner moved is moving",  # reference
        ),
        touches("service.moving"),
        "age(last)",
        OLD,
        "N1 N2",
        unit=DAYS,
        inferred=True,
    ),
    tell(
        "needs.filter",
        Text("滤芯更换", "Filter due"),
        Text(
            "距最近一次得到净水器或空气净化器的时间",
            "Days since a water or air purifier was last bought, registered or bound",
        ),
        _of(OWNED, "water_purifier|air_purifier"),
        "age(last)",
        OLD,
        "N3",
        unit=DAYS,
        inferred=True,
    ),
    _suite("kitchen", "厨房", "Kitchen", "fridge|freezer|range_hood|stove|dishwasher"),
    _suite("laundry", "洗护", "Laundry", "washer|dryer"),
    _suite("air", "空气", "Air", "air_conditioner|air_purifier"),
    _suite("water", "用水", "Water", "water_heater|water_purifier"),
    tell(
        "needs.cart_category",
        Text("最近加购的品类", "Category last put into the cart"),
        Text("最近一次加入购物车的品类", "The category that was last put into the cart"),
        touches("cart.added"),
        "last(category)",
        Values("category"),
        "N1 N4",
        inferred=True,
    ),
    tell(
        "needs.cart_age",
        Text("最近一次加购", "Last put into the cart"),
        Text("距最近一次加入购物车的天数", "Days since something was last put into the cart"),
        touches("cart.added"),
        "age(last)",
        RECENT,
        "N1",
        unit=DAYS,
    ),
    tell(
        "needs.cart_value",
        Text("购物车价位", "Price in the cart"),
        Text("加入购物车的产品的平均价格", "Average price of what was put into the cart"),
        touches("cart.added"),
        "mean(amount)",
        MONEY,
        "N1 N4",
        unit=Text("元", "money"),
    ),
    tell(
        "needs.search_category",
        Text("最近搜索的品类", "Category searched last"),
        Text("最近一次搜索或筛选的品类", "The category that was last searched or filtered"),
        touches("product.searched"),
        "last(category)",
        Values("category"),
        "N1 N4",
        inferred=True,
    ),
    tell(
        "needs.call_age",
        Text("最近一次来电", "Last call"),
        Text(
            "距最近一次致电客服的时间；刚投诉的人不打扰",
            "Days since the service was last called: whoever just complained is left alone",
        ),
        touches(*CALLED),
        "age(last)",
        OLD,
        "caps D2",
        unit=DAYS,
        owner="service",
        purpose="service",
    ),
    tell(
        "needs.message_age",
        Text("最近一次收到消息", "Last message"),
        Text("距最近一次发给此人消息的天数", "Days since this person was last sent a message"),
        touches("message.sent"),
        "age(last)",
        RECENT,
        "caps N5",
        unit=DAYS,
    ),
    tell(
        "needs.messages",
        Text("一年收到的消息", "Messages in a year"),
        Text("一年内发给此人的消息数", "How many messages were sent to this person in a year"),
        touches("message.sent", window=YEAR),
        "count(*)",
        counted(TIMES),
        "caps N5",
        unit=TIMES,
    ),
    tell(
        "needs.answer_share",
        Text("消息打开占比", "Share of messages opened"),
        Text("消息记录里打开占多少", "Per cent of the records of messages that were openings"),
        touches("message.sent", "message.opened"),
        "share(message.opened)",
        PER_CENT,
        "N5 caps",
        unit=Text("%", "%"),
    ),
    tell(
        "needs.refused",
        Text("退订渠道", "Channel refused"),
        Text("最近一次退订的渠道", "The channel that was last unsubscribed from"),
        touches("message.refused"),
        "last(channel)",
        Values(),
        "caps N5",
    ),
    tell(
        "needs.message_category",
        Text("最近消息的品类", "Category of the last message"),
        Text("最近一次发给此人的消息说的品类", "What the message last sent to this person was about"),
        touches("message.sent"),
        "last(category)",
        Values("category"),
        "caps N5",
    ),
)
