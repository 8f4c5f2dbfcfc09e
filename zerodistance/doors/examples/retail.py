"""The second example: a year of a real British gift shop, Online Retail."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from zerodistance.core.touchpoints import log, sources
from zerodistance.doors.examples.contracts import Example, File, Shopper
from zerodistance.kernel.access import Who
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text

FOLDER = Path(__file__).with_name("online_retail")
"""Part of the package; README.md there says whose data it is."""
KEY = "retail"
SETTINGS = """# The shop of the example sells in Britain.
currency = "GBP"
country = "GB"
zone = "Europe/London"
"""
SEGMENTS = (
    (
        "big_spenders",
        Text("花费 5,000 英镑以上", "Spent 5,000 pounds or more"),
        'Has("value.spend_total", at_least=5000)',
    ),
    (
        "loyal_no_returns",
        Text("下单 5 天以上、从未退货", "Ordered on five days or more, never returned"),
        'AllOf(Has("value.orders_total", at_least=5), NoneOf(Did("order.returned")))',
    ),
    (
        "christmas_abroad",
        Text("英国以外、买过圣诞用品", "Outside the United Kingdom, bought for Christmas"),
        'AllOf(Did("order.line", category="christmas"), NoneOf(Has("geo.place", node="GB")))',
    ),
)
_SHOPPER = Shopper(
    member="12748",  # with orders in every month
    account="shopper-12748",
    looked_at=(
        ("REGENCY-CAKESTAND-3-TIER", "kitchen", 42),
        ("WHITE-HANGING-HEART-T-LIGHT-HOLDER", "light", 12),
    ),
    bought={
        "product_id": "REGENCY-CAKESTAND-3-TIER",
        "category": "kitchen",
        "quantity": 1,
        "price": 12.75,
        "currency": "GBP",
    },
)


def retail() -> Example:
    """Return the example."""
    return Example(
        key=KEY,
        name=Text("真实礼品店 Online Retail", "the real gift shop Online Retail"),
        settings=SETTINGS,
        brand=FOLDER / "brand",
        kinds=("categories", "places"),
        files=(
            File(FOLDER / "online_retail.parquet", (FOLDER / "mapping.toml").read_text(encoding="utf-8")),
        ),
        shopper=_SHOPPER,
        segments=SEGMENTS,
        origin=FOLDER,
        lines=_lines,
    )


def _lines(home: Home, who: Who) -> Sequence[tuple[Text, str]]:
    """Return what is untidy in the shop's books, and kept."""
    kinds = log.composition(home, who, sources.get_source(home, who, "online_retail").number)
    return (
        (
            Text("其中没有客户、仍然保留", "of these without a customer, kept all the same"),
            f"{kinds.nobody:,}",
        ),
        (
            Text(
                "退货，含同样记账的折扣和费用（为负），仍然保留",
                "returned, with discounts and fees booked the same way (negative), kept",
            ),
            f"{kinds.returned:,}",
        ),
        (
            Text("盘点更正和坏账（为负），仍然保留", "stock counted again, bad debts (negative), kept"),
            f"{kinds.corrected:,}",
        ),
    )
