"""What several dimensions share: kinds, windows, units and bands. Limits without a source are own values."""

from __future__ import annotations

from datetime import timedelta

from zerodistance.core.profiles.contracts import Bands, Input
from zerodistance.kernel.text import Text

BOUGHT = ("order.completed", "order.line")
PAID = (*BOUGHT, "order.returned", "order.refunded")
OWNED = (*BOUGHT, "product.registered", "device.bound")
LOOKED = ("product.viewed", "product.searched", "product.saved", "cart.added")
OURS = ("message.sent", "stock.*", "order.adjusted")
"""What the brand did, not the person: no sign of activity."""

TIMES = Text("次", "times")
DAYS = Text("天", "days")
KINDS = Text("种", "kinds")
MONTH, QUARTER, YEAR, TWO_YEARS = (timedelta(days=n) for n in (30, 90, 365, 730))
NONE, ONE = Text("没有", "none"), Text("一次", "once")


def touches(*kinds: str, window: timedelta | None = None, without: tuple[str, ...] = ()) -> Input:
    """Return the log as input, of these kinds; none: of all."""
    return Input("touches", kinds, without, window)


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
        (1900, "before_1950", Text("1950 年前", "before 1950")),
        *(
            (year, f"{year}s", Text(f"{year % 100:02d} 后", f"born in the {year}s"))
            for year in range(1950, 2020, 10)
        ),
    )
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
