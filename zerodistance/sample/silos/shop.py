"""Orders of the brand's online shop, as nested objects; some are for somebody else."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from zerodistance.sample import dirt, names
from zerodistance.sample.calendar import UNTIL, start_of
from zerodistance.sample.render import Rows, join, objects, pick, quoted, where, whole, zoned
from zerodistance.sample.scatter import Ints, digits
from zerodistance.sample.town import Town

STATUS = ("完成", "已签收", "已取消", "退货")


def account_text(town: Town, person: Ints) -> pa.Array:
    """Return the ids of accounts of shop and app."""
    return join("u", digits(town.contacts.account[person], 11))


def order_text(town: Town, sale: Ints) -> pa.Array:
    """Return the order numbers of sales, which web and app know too."""
    return town.coded("shop", "", sale)


def rows(town: Town) -> Iterator[Rows]:
    """Yield the orders."""
    chance, sales, missing = town.luck("shop"), town.sales, town.world.dirt.shop_missing
    sale = np.flatnonzero(sales.online & (sales.at >= start_of(town.world.silo.shop_from)))
    person, at, product = sales.person[sale], sales.at[sale], town.product[sales.unit[sale]]
    many = len(sale)
    tested = dirt.tests(town, chance, many)
    other = chance.random(many) < town.world.dirt.for_another
    goes_to = np.where(other, chance.integers(0, len(town.people), many), person)
    receiver = objects(
        name=quoted(dirt.name_text(town, chance, goes_to, missing[0], tested)),
        mobile=quoted(
            dirt.phone_text(chance, dirt.typed_phone(town, chance, goes_to, at), tested, missing[1])
        ),
        district=quoted(dirt.district_text(town, goes_to, at)),
        address=quoted(dirt.address_text(town, chance, goes_to, at, missing[2], whole=0.95)),
    )
    nick = where(chance.random(many) < 0.3, None, _nick(town, chance, person))
    buyer = objects(nick=quoted(nick), email=quoted(dirt.email_text(town, chance, person, at, missing[3])))
    price = (town.products.price[product] * chance.uniform(0.8, 1.0, many)).astype(np.int64)
    category = pick(town.world.appliance.categories, town.products.category[product])
    item = objects(sku=quoted(pick(town.products.code, product)), category=quoted(category), quantity="1", price=whole(price))  # fmt: skip
    member = where(town.member_from[person] <= at, join("M", digits(town.contacts.member[person], 11)), None)
    order = order_text(town, sale)
    known = at + chance.integers(60, 3600, many)
    text = objects(
        order_no=quoted(order), placed_at=quoted(zoned(at)), account=quoted(account_text(town, person)), member_no=quoted(member),
        buyer=buyer, receiver=receiver, items=join("[", item, "]"), total=whole(price),
        status=quoted(pick(STATUS, _status(town, chance, person))), exported_at=quoted(zoned(known)),
    )  # fmt: skip
    yield Rows("shop", known, person, order, {"line": text}).before(UNTIL)


def _status(town: Town, chance: np.random.Generator, person: Ints) -> Ints:
    """Return what came of each order: the less integrity, the more often it is cancelled or sent back."""
    unfair = town.unfair(person)[:, None] * np.array([town.world.silo.cancelled, town.world.silo.returned])
    reached = np.cumsum(np.c_[np.full(len(person), 0.7), 0.3 - unfair.sum(axis=1), unfair], axis=1)
    found: Ints = (chance.random(len(person))[:, None] >= reached).sum(axis=1)
    return np.minimum(found, len(STATUS) - 1)


def _nick(town: Town, chance: np.random.Generator, person: Ints) -> pa.Array:
    latin = names.romanised(town.people.names[person], np.full(len(person), 3))
    numbered = join(latin, "_", whole(chance.integers(1, 9999, len(person))))
    funny = join(
        pick(("爱吃鱼的", "小", "快乐", "海边的", "早睡的", "会飞的"), chance.integers(0, 6, len(person))),
        pick(("猫", "土豆", "柠檬", "阿姨", "老王", "兔子", "橘子"), chance.integers(0, 7, len(person))),
        whole(chance.integers(1, 999, len(person))),
    )
    return where(chance.random(len(person)) < 0.5, numbered, funny)


nick_text = _nick
