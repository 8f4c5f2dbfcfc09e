"""The customer file: whoever once left an address in a store, online, on the phone or in the club; some of them several times."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from zerodistance.sample import dirt
from zerodistance.sample.calendar import DAY, UNTIL, start_of
from zerodistance.sample.render import Rows, line, pick, stamp, where
from zerodistance.sample.scatter import Ints
from zerodistance.sample.town import Town

HEADER = "建档单号,客户编号,姓名,性别,手机,邮箱,出生日期,地址,区县,来源,建档时间,备注"
ORIGINS = ("门店", "网店", "热线", "会员")
_REMARKS = (
    "",
    "",
    "",
    "",
    "老客户",
    "周末送货",
    "电梯房",
    "送货前电话",
    "老人在家",
    "要发票",
    "无电梯",
    "回访满意",
)


def rows(town: Town, callers: tuple[Ints, Ints]) -> Iterator[Rows]:
    """Yield the records.

    Parameters
    ----------
    callers
        Who called, and when.
    """
    chance, missing = town.luck("crm"), town.world.dirt.crm_missing
    person, at, origin = _contacts(town, chance, callers)
    many = len(person)
    tested = dirt.tests(town, chance, many)
    dealt = (origin == 0) & (chance.random(many) < town.world.dirt.dealer_phone / 3)
    _, dealers_phone = dirt.dealers(town, chance, many)
    phone = np.where(dealt, dealers_phone, dirt.typed_phone(town, chance, person, at))
    sex = np.where(chance.random(many) < town.world.dirt.sex_missing[0], 2, ~town.people.female[person])
    known = at + chance.integers(60, DAY, many)
    record = town.coded("crm", "K", many)
    text = line(
        record,
        town.coded("customer", "C", many),
        dirt.name_text(town, chance, person, missing[0], tested),
        pick(("女", "男", ""), sex),
        dirt.phone_text(chance, phone, tested, missing[1]),
        dirt.email_text(town, chance, person, at, missing[4]),
        dirt.birthday_text(town, chance, person, missing[3]),
        dirt.address_text(town, chance, person, at, missing[2]),
        where(
            chance.random(many) < town.world.dirt.district_missing, None, dirt.district_text(town, person, at)
        ),
        pick(ORIGINS, origin),
        stamp(known),
        pick(_REMARKS, chance.integers(0, len(_REMARKS), many)),
    )
    yield Rows("crm", known, person, record, {"line": text}).before(UNTIL)


def _contacts(town: Town, chance: np.random.Generator, callers: tuple[Ints, Ints]) -> tuple[Ints, Ints, Ints]:
    """Return who is recorded, when and by whom: each at the first contact that is written down, some anew at a later one."""
    sales, settings = town.sales, town.world.silo
    member = np.flatnonzero(town.member_from < UNTIL)
    kinds = (
        (sales.person[~sales.online], sales.at[~sales.online]),
        (sales.person[sales.online], sales.at[sales.online]),
        callers,
        (member, town.member_from[member]),
    )
    parts = []
    for origin, (who, when) in enumerate(kinds):
        fine = (chance.random(len(who)) < settings.in_crm[origin]) & (when >= start_of(settings.crm_from))
        parts.append((who[fine], when[fine], np.full(int(fine.sum()), origin)))
    person, at, origins = (np.concatenate([part[column] for part in parts]) for column in range(3))
    order = np.lexsort((at, person))
    person, at, origins = person[order], at[order], origins[order]
    first = np.append(True, person[1:] != person[:-1])
    wanted = settings.duplicate / (1 - settings.duplicate) * first.sum()
    again = ~first & (chance.random(len(first)) < wanted / max(1, int((~first).sum())))
    kept = first | again
    return person[kept], at[kept], origins[kept]
