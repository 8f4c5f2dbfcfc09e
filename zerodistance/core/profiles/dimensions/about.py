"""Dimensions of who somebody is: geography, demographics, interests."""

from __future__ import annotations

from zerodistance.core.profiles.contracts import Bands, Dimension, Input, Layer, Values
from zerodistance.core.profiles.dimensions.shared import (
    DECADES,
    LOOKED,
    MONTH,
    OURS,
    QUARTER,
    TIMES,
    YEAR,
    often,
    touches,
)
from zerodistance.kernel.text import Text

LANGUAGES = {
    "zh": Text("中文", "Chinese"),
    "en": Text("英语", "English"),
    "de": Text("德语", "German"),
    "fr": Text("法语", "French"),
    "es": Text("西班牙语", "Spanish"),
    "it": Text("意大利语", "Italian"),
    "pt": Text("葡萄牙语", "Portuguese"),
    "nl": Text("荷兰语", "Dutch"),
    "pl": Text("波兰语", "Polish"),
    "ru": Text("俄语", "Russian"),
    "tr": Text("土耳其语", "Turkish"),
    "ar": Text("阿拉伯语", "Arabic"),
    "hi": Text("印地语", "Hindi"),
    "ja": Text("日语", "Japanese"),
    "ko": Text("韩语", "Korean"),
    "vi": Text("越南语", "Vietnamese"),
    "th": Text("泰语", "Thai"),
    "id": Text("印度尼西亚语", "Indonesian"),
    "ms": Text("马来语", "Malay"),
}
"""Of the codes of ISO 639-1 those that have a name here; another is shown as its code."""

GEOGRAPHY = (
    Dimension(
        key="geo.place",
        read_by=("map", "person"),
        layer=Layer.GEOGRAPHY,
        label=Text("最近所在地", "Last place"),
        meaning=Text(
            "最近一次带地点的交互发生或送达的地方",
            "Where the latest touch that names a place happened or was delivered",
        ),
        of=touches(without=OURS),
        value="last(place)",
        nodes=Values("place"),
    ),
    Dimension(
        key="geo.places",
        read_by=("shops", "R1"),
        layer=Layer.GEOGRAPHY,
        label=Text("到过的地方数", "Number of places"),
        meaning=Text("交互里出现过多少个不同地点", "How many different places appear on the touches"),
        unit=Text("处", "places"),
        of=touches(without=OURS),
        value="distinct(place)",
        nodes=Bands(
            (
                (1, "one", Text("一处", "one")),
                (2, "several", Text("两处以上", "two and more")),
            )
        ),
    ),
    Dimension(
        key="geo.country",
        read_by=("person",),
        layer=Layer.GEOGRAPHY,
        label=Text("登记国家", "Registered country"),
        meaning=Text("用户登记的国家", "The country that the person registered"),
        of=Input("facts"),
        value="fact(country)",
        nodes=Values(),
    ),
    Dimension(
        key="geo.city",
        read_by=("map", "person"),
        layer=Layer.GEOGRAPHY,
        label=Text("登记城市", "Registered city"),
        meaning=Text("用户登记的城市", "The city that the person registered"),
        of=Input("facts"),
        value="fact(city)",
        nodes=Values("place"),
    ),
    Dimension(
        key="geo.area",
        read_by=("map",),
        layer=Layer.GEOGRAPHY,
        label=Text("登记地区", "Registered area"),
        meaning=Text(
            "用户登记的地址所在的行政区划",
            "The administrative area of the address that the person registered",
        ),
        of=Input("facts"),
        value="fact(area)",
        nodes=Values("area"),
    ),
)

DEMOGRAPHICS = (
    Dimension(
        key="demo.gender",
        read_by=("N4", "person"),
        layer=Layer.DEMOGRAPHICS,
        label=Text("性别", "Gender"),
        meaning=Text("用户自己登记的性别", "The gender that the person registered"),
        of=Input("facts"),
        value="fact(gender)",
        nodes=Values(labels={"female": Text("女", "female"), "male": Text("男", "male")}, closed=True),
    ),
    Dimension(
        key="demo.language",
        read_by=("texts", "person"),
        layer=Layer.DEMOGRAPHICS,
        label=Text("语言", "Language"),
        meaning=Text(
            "用户自己设置的语言，最近一次说的为准；消息用它写",
            "The language that the person has set, as said last; messages are written in it",
        ),
        of=Input("facts"),
        value="fact(language)",
        nodes=Values(labels=LANGUAGES),
    ),
    Dimension(
        key="demo.birth_decade",
        read_by=("N2", "person"),
        layer=Layer.DEMOGRAPHICS,
        label=Text("年代", "Decade of birth"),
        meaning=Text(
            "按登记的生日得出的出生年份", "The year of birth, from the birthday that the person registered"
        ),
        unit=Text("年", "year"),
        of=Input("facts"),
        value="number(birth_year)",
        nodes=DECADES,
    ),
)

INTERESTS = (
    Dimension(
        key="interest.category",
        read_by=("N4", "N1"),
        layer=Layer.INTERESTS,
        label=Text("最感兴趣的品类", "Category of most interest"),
        meaning=Text(
            "一年内查看、搜索、收藏、加购最多的品类",
            "The category most viewed, searched, saved or put into the cart in a year",
        ),
        of=touches(*LOOKED, window=YEAR),
        value="most(category)",
        nodes=Values("category"),
        inferred=True,
    ),
    Dimension(
        key="interest.searches_30d",
        read_by=("N1", "R1"),
        layer=Layer.INTERESTS,
        label=Text("30 天内搜索", "Searches in 30 days"),
        meaning=Text(
            "30 天内搜索或筛选产品的次数", "How often products were searched or filtered in 30 days"
        ),
        unit=TIMES,
        of=touches("product.searched", window=MONTH),
        value="count(*)",
        nodes=often(3, 10),
    ),
    Dimension(
        key="interest.looking_90d",
        read_by=("N4", "N1"),
        layer=Layer.INTERESTS,
        label=Text("90 天内看产品的时间", "Time spent on products in 90 days"),
        meaning=Text("90 天内停在产品上的总时长", "How long products were looked at in 90 days, in all"),
        unit=Text("秒", "seconds"),
        of=touches("product.viewed", window=QUARTER),
        value="sum(duration)",
        nodes=Bands(
            (
                (0.001, "short", Text("30 秒以内", "under 30 seconds")),
                (
                    30,
                    "real",
                    Text("30 秒至 5 分钟", "30 seconds to 5 minutes"),
                ),  # reference: 30 s on one picture
                (300, "long", Text("5 分钟以上", "5 minutes and more")),
            )
        ),
    ),
    Dimension(
        key="interest.voice",
        read_by=("circle", "R1"),
        layer=Layer.INTERESTS,
        label=Text("发声", "Speaks up"),
        meaning=Text("写过多少条评价、帖子和打分", "How many reviews, posts and ratings were written"),
        unit=TIMES,
        of=touches("product.reviewed", "social.posted", "service.rated"),
        value="count(*)",
        nodes=often(2, 10),
    ),
)
