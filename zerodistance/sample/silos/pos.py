"""Sales of three retail chains: three files with different columns, dealers' phones where the customer's should stand."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from zerodistance.sample import dirt
from zerodistance.sample.calendar import DAY, HOUR, STARTS, UNTIL, by_day, start_of
from zerodistance.sample.people import Bools
from zerodistance.sample.render import Rows, compact, day, join, line, pick, slashed, stamp, where, whole
from zerodistance.sample.scatter import Ints, digits
from zerodistance.sample.town import Town

HEADERS = {
    "pos_haiping": "流水号,小票号,销售时间,门店,商品编码,数量,金额,顾客姓名,顾客电话,送货地址,上报时间",
    "pos_baiju": "line_id,bill_no,sale_date,shop_code,sku,qty,price,cust_name,mobile,vip_no,upload_date",
    "pos_linan": "序号\t单据\t日期\t经销商\t型号\t台数\t单价\t收货人\t联系方式\t收货地址\t报表日期",
}
_DEALT = (
    0.25,
    0.5,
    3.0,
)  # own value: how much the chains differ in giving the dealer's phone; mean 1 by their shares


def rows(town: Town) -> Iterator[Rows]:
    """Yield the rows of each chain."""
    chance, settings, sales = town.luck("pos"), town.world.silo, town.sales
    chain = chance.choice(3, size=len(sales.at), p=np.array(settings.pos_share))
    seen = (
        ~sales.online
        & (sales.at >= start_of(settings.pos_from))
        & (chance.random(len(chain)) < settings.pos_seen)
    )
    for number, name in enumerate(HEADERS):
        sale = np.flatnonzero(seen & (chain == number))
        at = by_day(sales.at[sale], chance)
        found = _chain(town, chance, number, name, sales.person[sale], at, sales.unit[sale])
        yield found


def _chain(
    town: Town, chance: np.random.Generator, number: int, name: str, person: Ints, at: Ints, unit: Ints
) -> Rows:
    many, missing = len(person), town.world.dirt.pos_missing
    tested = dirt.tests(town, chance, many)
    dealt = chance.random(many) < town.world.dirt.dealer_phone * _DEALT[number]
    dealer, dealers_phone = dirt.dealers(town, chance, many)
    phone = np.where(dealt, dealers_phone, dirt.typed_phone(town, chance, person, at))
    mobile = dirt.phone_text(chance, phone, tested, missing[1])
    product = town.product[unit]
    price = (town.products.price[product] * chance.uniform(0.86, 1.0, many)).astype(np.int64)
    sku = pick(town.products.code, product)
    record, receipt = (
        town.coded(name, ("HP", "B", "LA")[number], many),
        town.coded("receipt", ("H", "J", "L")[number], many),
    )
    who = dirt.name_text(town, chance, person, missing[0], tested)
    if number == 1:
        known = np.minimum(at // DAY * DAY + chance.integers(1, 8, many) * DAY, UNTIL - DAY)
        cells = _baiju(town, chance, (record, receipt), person, at, known, sku, price, (who, mobile))
        text = line(*cells)
    else:
        where_to = dirt.address_text(town, chance, person, at, missing[2])
        if number == 0:
            known = _night(at, chance)
            shop = join("海平电器", pick(_SHOPS, dealer % len(_SHOPS)), "店")
            text = line(
                record,
                receipt,
                slashed(at),
                shop,
                sku,
                "1",
                whole(price),
                who,
                mobile,
                where_to,
                stamp(known),
            )
        else:
            known = _month_end(at, chance)
            code = join("LA", digits(dealer % 1000, 3))
            broken = chance.random(many) < town.world.dirt.broken_date
            by_hand = where(broken, pc.utf8_slice_codeunits(compact(at), 4, 8), day(at))  # month and day only
            text = line(record, receipt, by_hand, code, sku, "1", whole(price), who, mobile, where_to, day(known), between="\t")  # fmt: skip
    fine = known < UNTIL
    return _only(Rows(name, known, person, record, {"line": text}), fine)


def _baiju(
    town: Town, chance: np.random.Generator, ids: tuple[pa.Array, pa.Array], person: Ints, at: Ints, known: Ints,
    sku: pa.Array, price: Ints, who: tuple[pa.Array, pa.Array],
) -> tuple[pa.Array | str, ...]:  # fmt: skip
    member = (town.member_from[person] <= at) & (chance.random(len(at)) < 0.4)
    card = where(member, join("M", digits(town.contacts.member[person], 11)), None)
    shop = join("BJ", digits(chance.integers(1, 40, len(at)), 3))
    return *ids, compact(at), shop, sku, "1", whole(price), *who, card, compact(known)


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


def _night(at: Ints, chance: np.random.Generator) -> Ints:
    """Return when the chain's books went out: the night after."""
    return at // DAY * DAY + DAY + 2 * HOUR + chance.integers(0, 1800, len(at))


def _month_end(at: Ints, chance: np.random.Generator) -> Ints:
    """Return the day of the report on the month."""
    after = STARTS[np.searchsorted(STARTS, at, side="right")]
    return after + chance.integers(2, 6, len(at)) * DAY


def _only(found: Rows, fine: Bools) -> Rows:
    mask = pa.array(fine)
    payload = {name: value.filter(mask) for name, value in found.payload.items()}
    return Rows(found.silo, found.known[fine], found.person[fine], found.record.filter(mask), payload)


only = _only
