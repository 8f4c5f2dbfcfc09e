"""Sales of three retail chains: three files with different columns, dealers' phones where the customer's should stand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from zerodistance.sample import dirt
from zerodistance.sample.calendar import DAY, HOUR, STARTS, UNTIL, by_day, start_of
from zerodistance.sample.render import Rows, compact, day, join, line, pick, slashed, stamp, where, whole
from zerodistance.sample.scatter import Ints, digits
from zerodistance.sample.town import Town

HEADERS = {
    "pos_haiping": "流水号,小票号,销售时间,门店,商品编码,数量,金额,顾客姓名,顾客电话,送货地址,上报时间",
    "pos_baiju": "line_id,bill_no,sale_date,shop_code,sku,qty,price,cust_name,mobile,vip_no,upload_date",
    "pos_linan": "序号\t单据\t日期\t经销商\t型号\t台数\t单价\t收货人\t联系方式\t收货地址\t报表日期",
}
_PREFIXES = {"pos_haiping": ("HP", "H"), "pos_baiju": ("B", "J"), "pos_linan": ("LA", "L")}
_DEALT = {"pos_haiping": 0.25, "pos_baiju": 0.5, "pos_linan": 3.0}
"""Own value: how much the chains differ in giving the dealer's phone; their mean, weighted by their shares, is about 1."""
_SHOPS = (
    "中心",
    "台柳路",
    "海滨",
    "城阳",
    "李村",
    "黄岛",
    "香港花园",
    "万象",
    "即墨",
    "世纪",
    "东方",
    "新都心",
)


@dataclass(frozen=True)
class Sold:
    """The sales of one chain: who bought what when, and what all chains write of it."""

    person: Ints
    at: Ints
    dealer: Ints
    record: pa.Array
    receipt: pa.Array
    sku: pa.Array
    price: pa.Array
    name: pa.Array
    mobile: pa.Array


def rows(town: Town) -> Iterator[Rows]:
    """Yield the rows of each chain."""
    chance, settings, sales = town.luck("pos"), town.world.silo, town.sales
    chain = chance.choice(len(HEADERS), size=len(sales.at), p=np.array(settings.pos_share))
    begun = sales.at >= start_of(settings.pos_from)
    seen = ~sales.online & begun & (chance.random(len(chain)) < settings.pos_seen)
    writers = {"pos_haiping": _haiping, "pos_baiju": _baiju, "pos_linan": _linan}
    for number, (name, write) in enumerate(writers.items()):
        sold = _sold(town, chance, name, np.flatnonzero(seen & (chain == number)))
        text, known = write(town, chance, sold)
        yield Rows(name, known, sold.person, sold.record, {"line": text}).before(UNTIL)


def _sold(town: Town, chance: np.random.Generator, name: str, sale: Ints) -> Sold:
    many, missing = len(sale), town.world.dirt.pos_missing
    person, at = town.sales.person[sale], by_day(town.sales.at[sale], chance)
    tested = dirt.tests(town, chance, many)
    dealt = chance.random(many) < town.world.dirt.dealer_phone * _DEALT[name]
    dealer, dealers_phone = dirt.dealers(town, chance, many)
    phone = np.where(dealt, dealers_phone, dirt.typed_phone(town, chance, person, at))
    product = town.product[town.sales.unit[sale]]
    price = (town.products.price[product] * chance.uniform(0.86, 1.0, many)).astype(np.int64)
    of_line, of_receipt = _PREFIXES[name]
    return Sold(
        person,
        at,
        dealer,
        town.coded(name, of_line, many),
        town.coded("receipt", of_receipt, many),
        pick(town.products.code, product),
        whole(price),
        dirt.name_text(town, chance, person, missing[0], tested),
        dirt.phone_text(chance, phone, tested, missing[1]),
    )


def _haiping(town: Town, chance: np.random.Generator, sold: Sold) -> tuple[pa.Array, Ints]:
    """Return lines and when they were known: the night after, when the books went out."""
    known = sold.at // DAY * DAY + DAY + 2 * HOUR + chance.integers(0, 1800, len(sold.at))
    shop = join("海平电器", pick(_SHOPS, sold.dealer % len(_SHOPS)), "店")
    address = dirt.address_text(town, chance, sold.person, sold.at, town.world.dirt.pos_missing[2])
    cells = (sold.record, sold.receipt, slashed(sold.at), shop, sold.sku, "1", sold.price, sold.name)
    return line(*cells, sold.mobile, address, stamp(known)), known


def _baiju(town: Town, chance: np.random.Generator, sold: Sold) -> tuple[pa.Array, Ints]:
    """Return lines and when they were known: uploaded within a week."""
    known = np.minimum(sold.at // DAY * DAY + chance.integers(1, 8, len(sold.at)) * DAY, UNTIL - DAY)
    member = (town.member_from[sold.person] <= sold.at) & (chance.random(len(sold.at)) < 0.4)
    card = where(member, join("M", digits(town.contacts.member[sold.person], 11)), None)
    shop = join("BJ", digits(chance.integers(1, 40, len(sold.at)), 3))
    cells = (sold.record, sold.receipt, compact(sold.at), shop, sold.sku, "1", sold.price, sold.name)
    return line(*cells, sold.mobile, card, compact(known)), known


def _linan(town: Town, chance: np.random.Generator, sold: Sold) -> tuple[pa.Array, Ints]:
    """Return lines and when they were known: reported after the end of the month, some with a date by hand."""
    after = STARTS[np.searchsorted(STARTS, sold.at, side="right")]
    known = after + chance.integers(2, 6, len(sold.at)) * DAY
    broken = chance.random(len(sold.at)) < town.world.dirt.broken_date
    when = where(broken, pc.utf8_slice_codeunits(compact(sold.at), 4, 8), day(sold.at))  # month and day only
    address = dirt.address_text(town, chance, sold.person, sold.at, town.world.dirt.pos_missing[2])
    dealer = join("LA", digits(sold.dealer % 1000, 3))
    cells = (sold.record, sold.receipt, when, dealer, sold.sku, "1", sold.price, sold.name, sold.mobile)
    return line(*cells, address, day(known), between="\t"), known
