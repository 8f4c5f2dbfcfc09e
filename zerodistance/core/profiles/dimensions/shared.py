"""What several dimensions share: kinds, windows, units and bands. Limits without a source are own values."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from datetime import timedelta

from zerodistance.core.profiles.contracts import Bands, Dimension, Input, Layer, Values
from zerodistance.core.profiles.values import BETWEEN
from zerodistance.core.touchpoints.kinds import KINDS as KINDS_OF
from zerodistance.kernel.text import Text, singular

BOUGHT = ("order.completed", "order.line")
PAID = (*BOUGHT, "order.returned", "order.refunded")
OWNED = (*BOUGHT, "product.registered", "device.bound")
CALLED = ("service.called", "service.moving")
LOOKED = ("product.viewed", "product.searched", "product.saved", "cart.added")
OURS = ("message.sent", "message.held_out", "campaign.assigned", "stock.*", "order.adjusted", "list.*")
"""What the brand did, not the person: no sign of activity."""

TIMES = Text("次", "times")
DAYS = Text("天", "days")
KINDS = Text("种", "kinds")
MONTH, QUARTER, YEAR, TWO_YEARS = (timedelta(days=n) for n in (30, 90, 365, 730))
NONE, ONE = Text("没有", "none"), Text("一次", "once")


def touches(
    *kinds: str, window: timedelta | None = None, without: tuple[str, ...] = (), category: str = ""
) -> Input:
    """Return the log as input, of these kinds (none: of all) and of a category."""
    return Input("touches", kinds, without, window, (("category", category),) if category else ())


def _from_to(low: int, next_low: int) -> Text:
    if next_low == low + 1:
        return Text(f"{low}", f"{low}")
    return Text(f"{low} 至 {next_low - 1}", f"{low} to {next_low - 1}")


def often(second: int, often: int) -> Bands:
    """Return the bands of a count: none, few, some, often."""
    return Bands(
        (
            (0, "none", NONE),
            (1, "few", _from_to(1, second)),
            (second, "some", _from_to(second, often)),
            (often, "often", Text(f"{often} 以上", f"{often} and more")),
        )
    )


AGE = Bands(
    (
        (0, "under_30_days", Text("30 天内", "under 30 days")),
        (30, "under_90_days", Text("30 至 90 天", "30 to 90 days")),
        (90, "under_1_year", Text("90 天至一年", "90 days to a year")),
        (365, "under_3_years", Text("一至三年", "1 to 3 years")),
        (1095, "under_8_years", Text("三至八年", "3 to 8 years")),
        (2922, "over_8_years", Text("八年以上", "8 years and more")),  # reference: a washer is due at 8 years
    )
)
DECADES = Bands(
    (
        (1900, "before_1930", Text("1930 年前", "before 1930")),
        *((year, f"in_{year}", Text(f"{year} 年", f"{year}")) for year in range(1930, 2021)),
    ),
    (
        (1900, "before_1950", Text("1950 年前", "before 1950")),
        *(
            (year, f"{year}s", Text(f"{year % 100:02d} 后", f"born in the {year}s"))
            for year in range(1950, 2020, 10)
        ),
    ),
)
YEARS = Bands(
    (
        (0, "before_2010", Text("2010 年前", "before 2010")),
        (2010, "2010_2014", Text("2010 至 2014 年", "2010 to 2014")),
        (2015, "2015_2019", Text("2015 至 2019 年", "2015 to 2019")),
        (2020, "2020_2024", Text("2020 至 2024 年", "2020 to 2024")),
        (2025, "since_2025", Text("2025 年起", "since 2025")),
    )
)
BREADTH = Bands(
    (
        (0, "none", NONE),
        (1, "one", Text("一种", "one")),
        (2, "few", Text("两至四种", "two to four")),
        (5, "many", Text("五种以上", "five and more")),
    )
)
SPEND = Bands(
    (
        (0, "none", Text("无消费", "nothing")),
        (0.0001, "under_500", Text("500 以下", "under 500")),
        (500, "under_2000", Text("500 至 2000", "500 to 2,000")),
        (2000, "under_10000", Text("2000 至 1 万", "2,000 to 10,000")),
        (10000, "over_10000", Text("1 万以上", "10,000 and more")),
    )
)


# -- with inner nodes


def _bands(
    edges: Sequence[float], unit: Text, groups: Sequence[tuple[float, str, Text]], scale: float = 1
) -> Bands:
    """Return bands that begin at these numbers, in `unit` after division by `scale`, below inner nodes."""
    made = []
    for low, high in zip(edges, [*edges[1:], None], strict=True):
        shown = [f"{round(edge / scale, 2):,.10g}" for edge in (low, high) if edge is not None]
        key = f"from_{round(low / scale, 2):.10g}".replace("-", "minus_").replace(".", "_")
        if high is None:
            text = Text(f"{shown[0]} {unit.zh}以上", f"{shown[0]} {unit.en} and more")
        else:
            text = Text(
                f"{shown[0]} 至不足 {shown[1]} {unit.zh}", f"{shown[0]} to under {shown[1]} {unit.en}"
            )
        made.append((low, key, text))
    return Bands(tuple(made), tuple(groups))


def _whole(edges: Sequence[int], unit: Text, groups: Sequence[tuple[float, str, Text]]) -> Bands:
    """Return bands of whole numbers."""
    made = []
    for low, high in zip(edges, [*edges[1:], None], strict=True):
        if high is None:
            text = Text(f"{low} {unit.zh}以上", f"{low} {unit.en} and more")
        else:
            between, of = _from_to(low, high), singular(unit) if (low, high) == (1, 2) else unit
            text = Text(f"{between.zh} {of.zh}", f"{between.en} {of.en}")
        made.append((low, f"from_{low}", text))
    return Bands(tuple(made), tuple(groups))


FEW, SOME, OFTEN, HEAVY = (
    Text("很少", "few"),
    Text("一些", "some"),
    Text("经常", "often"),
    Text("极多", "very many"),
)


def counted(unit: Text, *, first: int = 1) -> Bands:
    """Return fine bands of a count that is not nothing, below few, some, often and very many."""
    edges = [n for n in (1, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 50, 100) if n >= first]
    return _whole(
        edges, unit, ((first, "few", FEW), (3, "some", SOME), (10, "often", OFTEN), (50, "heavy", HEAVY))
    )


def few(unit: Text, last: int) -> Bands:
    """Return one band for each small number from 1 on."""
    return _whole(range(1, last + 1), unit, ())


MONEY = _bands(
    (0.0001, 100, 200, 500, 1000, 1500, 2000, 3000, 4000, 5000, 7000, 10000, 15000, 20000, 30000, 50000),
    Text("", ""),
    (
        (0.0001, "small", Text("500 以下", "under 500")),
        (500, "middle", Text("500 至 2000", "500 to 2,000")),
        (2000, "large", Text("2000 至 1 万", "2,000 to 10,000")),
        (10000, "very_large", Text("1 万以上", "10,000 and more")),
    ),
)
PER_CENT = Bands(
    (
        (0, "zero", NONE),
        (0.0001, "under_10", Text("不足 10%", "under 10%")),
        *(
            (n, f"from_{n}", Text(f"{n}% 至不足 {n + 10}%", f"{n}% to under {n + 10}%"))
            for n in range(10, 100, 10)
        ),
        (100, "all", Text("全部", "all")),
    ),
    (
        (0, "nothing", NONE),
        (0.0001, "minor", Text("一半以下", "less than half")),
        (50, "major", Text("一半以上", "half and more")),
        (100, "everything", Text("全部", "all")),
    ),
)
STEPS = Bands(
    (
        *(
            (low, f"from_{low}", Text(f"{low} 至不足 {high} 天", f"{low} to under {high} days"))
            for low, high in itertools.pairwise((0, 1, 3, 7, 14, 30, 60, 90, 180, 365, 730, 1095, 1826))
        ),
        (1826, "from_1826", Text("五年以上", "5 years and more")),
    ),
    (
        (0, "month", Text("一个月内", "within a month")),
        (30, "year", Text("一年内", "within a year")),
        (365, "longer", Text("一年以上", "a year and more")),
    ),
)
_YEAR = 365.25
OLD = Bands(
    (
        *((int(n * _YEAR), f"year_{n}", Text(f"第 {n + 1} 年", f"in year {n + 1}")) for n in range(15)),
        (int(15 * _YEAR), "year_15", Text("十五年以上", "15 years and more")),
    ),
    (
        (0, "new", Text("一年内", "under a year")),
        (365, "young", Text("一至三年", "1 to 3 years")),
        (1095, "middle", Text("三至八年", "3 to 8 years")),
        (2922, "due", Text("八年以上", "8 years and more")),  # reference: a washer is due at 8 years
    ),
)
RECENT = Bands(
    (
        (0, "week", Text("7 天内", "within 7 days")),
        (7, "month", Text("7 至 30 天", "7 to 30 days")),
        (30, "quarter", Text("30 至 90 天", "30 to 90 days")),
        (90, "half", Text("90 至 180 天", "90 to 180 days")),
        (180, "year", Text("180 天至一年", "180 days to a year")),
        (365, "two_years", Text("一至两年", "1 to 2 years")),
        (730, "older", Text("两年以上", "2 years and more")),
    ),
    (
        (0, "fresh", Text("30 天内", "within 30 days")),
        (30, "recent", Text("30 天至一年", "30 days to a year")),
        (365, "long_ago", Text("一年以上", "a year and more")),
    ),
)
SECONDS = _bands(
    (0.001, 5, 10, 15, 20, 25, 30, 35, 40, 50, 60, 90, 120, 180, 300, 600, 1800, 3600),
    Text("秒", "seconds"),
    (
        (0.001, "glance", Text("30 秒以内", "under 30 seconds")),
        (30, "look", Text("30 秒至 5 分钟", "30 seconds to 5 minutes")),  # reference: 30 s on one picture
        (300, "study", Text("5 分钟以上", "5 minutes and more")),
    ),
)
MINUTES = _bands(
    (0, 900, 1800, 2700, 3600, 4500, 5400, 6300, 7200, 9000),
    Text("分钟", "minutes"),
    ((0, "short", Text("一小时内", "under an hour")), (3600, "long", Text("一小时以上", "an hour and more"))),
    scale=60,
)
WEEK_HOURS = _bands(
    tuple(3600 * n for n in (0, 1, 2, 3, 5, 7, 10, 15, 20, 30, 40, 60, 80, 120)),
    Text("小时", "hours"),
    (
        (0, "light", Text("每周 5 小时内", "under 5 hours a week")),
        (18000, "normal", Text("每周 5 至 30 小时", "5 to 30 hours a week")),
        (108000, "heavy", Text("每周 30 小时以上", "30 hours a week and more")),
    ),
    scale=3600,
)
TREND = Bands(
    (
        (-100, "gone", Text("只在前半段", "in the earlier half only")),
        (-99.99, "fall", Text("大减", "far fewer")),
        (-50, "less", Text("减少", "fewer")),
        (-10, "same", Text("持平", "the same")),
        (10, "more", Text("增加", "more")),
        (50, "rise", Text("大增", "far more")),
        (100, "fresh", Text("只在后半段", "in the later half only")),
    ),
    (
        (-100, "falling", Text("下降", "falling")),
        (-10, "steady", Text("平稳", "steady")),
        (10, "rising", Text("上升", "rising")),
    ),
)
CALENDAR_MONTHS = Values(path="-", ordered=True)
_PARTS = (
    ("night", Text("夜间 0 至 6 点", "night, 0 to 6")),
    ("morning", Text("上午 6 至 12 点", "morning, 6 to 12")),
    ("afternoon", Text("下午 12 至 18 点", "afternoon, 12 to 18")),
    ("evening", Text("晚间 18 至 24 点", "evening, 18 to 24")),
)
HOURS = Values(
    labels={f"{n:02d}": Text(f"{n} 点", f"{n}:00") for n in range(24)} | dict(_PARTS),
    parents={f"{n:02d}": _PARTS[n // 6][0] for n in range(24)},
    ordered=True,
)
_DAYS = ("一 Monday", "二 Tuesday", "三 Wednesday", "四 Thursday", "五 Friday", "六 Saturday", "日 Sunday")
WEEKDAYS = Values(
    labels={
        **{str(n): Text(f"星期{name[0]}", name[2:]) for n, name in enumerate(_DAYS, 1)},
        "working": Text("周一至周五", "Monday to Friday"),
        "weekend": Text("周末", "weekend"),
    },
    parents={str(n): "weekend" if n > 5 else "working" for n in range(1, 8)},
    ordered=True,
)
_QUARTERS = ("spring", "summer", "autumn", "winter")
SEASONS = Values(
    labels={
        **{f"{n:02d}": Text(f"{n} 月", f"month {n}") for n in range(1, 13)},
        "spring": Text("春 3 至 5 月", "March to May"),
        "summer": Text("夏 6 至 8 月", "June to August"),
        "autumn": Text("秋 9 至 11 月", "September to November"),
        "winter": Text("冬 12 至 2 月", "December to February"),
    },
    parents={f"{n:02d}": _QUARTERS[(n - 3) % 12 // 3] for n in range(1, 13)},
    ordered=True,
)
FAULTS = Values("category", path=BETWEEN)
VINTAGES = Values("product", path=BETWEEN)
_FAMILIES = {
    "order": Text("订单", "orders"),
    "product": Text("产品", "products"),
    "service": Text("售后", "service"),
    "device": Text("设备", "appliances"),
    "message": Text("消息", "messages"),
    "member": Text("会员", "membership"),
    "points": Text("积分", "points"),
    "page": Text("网页", "pages"),
    "screen": Text("应用", "app"),
    "profile": Text("资料", "personal data"),
    "social": Text("社媒", "social media"),
    "cart": Text("购物车", "cart"),
}
KINDS_OF_TOUCH = Values(labels={key: kind.text for key, kind in KINDS_OF.items()} | _FAMILIES, path=".")
LAYERS = {
    "geo": Layer.GEOGRAPHY,
    "demo": Layer.DEMOGRAPHICS,
    "interest": Layer.INTERESTS,
    "usage": Layer.USAGE,
    "brand": Layer.BRAND,
    "value": Layer.VALUE,
    "needs": Layer.NEEDS,
}
"""First word of a key -> layer."""


def tell(
    key: str,
    label: Text,
    meaning: Text,
    of: Input,
    value: str,
    nodes: Bands | Values,
    read_by: str,
    *,
    unit: Text = Text("", ""),
    owner: str = "marketing",
    purpose: str = "marketing",
    sensitive: bool = False,
    inferred: bool = False,
) -> Dimension:
    """Return a dimension whose layer is the first word of its key; `read_by` is a list with spaces between."""
    return Dimension(
        key, LAYERS[key.partition(".")[0]], label, meaning, of, value, nodes, unit,
        owner=owner, purpose=purpose, sensitive=sensitive, inferred=inferred, read_by=tuple(read_by.split()),
    )  # fmt: skip


def facts(field: str) -> tuple[Input, str]:
    """Return input and value of a text that identity publishes."""
    return Input("facts"), f"fact({field})"


def figure(field: str) -> tuple[Input, str]:
    """Return input and value of a number that identity publishes."""
    return Input("facts"), f"number({field})"
