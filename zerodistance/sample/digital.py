"""Who has an account of shop and app, which appliances are bound to one, and by which cookies people are seen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from zerodistance.sample import scatter
from zerodistance.sample.appliances import NEVER
from zerodistance.sample.calendar import DAY, UNTIL, start_of
from zerodistance.sample.people import Bools
from zerodistance.sample.render import join, pick
from zerodistance.sample.scatter import Ints
from zerodistance.sample.town import Town

PC, MOBILE, TABLET, APP, KIOSK = range(5)
"""What somebody browses on; the tablet is the household's, the kiosk a store's."""
_KINDS = 4
_MONTH = 30 * DAY


@dataclass(frozen=True)
class Digital:
    """The digital side of a block.

    Attributes
    ----------
    unit, person, bound
        Appliances that were bound to an account: which, whose, when (seconds).
    quiet
        Second after which each of them is never online again.
    account_from
        Second since which each person has an account, the largest number: never.
    """

    unit: Ints
    person: Ints
    bound: Ints
    quiet: Ints
    account_from: Ints


def digital(town: Town) -> Digital:
    """Return the digital side of a block."""
    chance = town.luck("devices")
    units = town.lives.units
    unit = np.flatnonzero(
        town.connected
        & (units["bought"] < UNTIL)
        & (units["bought"] >= start_of(town.world.silo.devices_from))
    )
    unit = unit[chance.random(len(unit)) < town.world.web.bound]
    household = town.home[unit]
    other = town.households.first_person[household] + (
        chance.random(len(unit)) * np.minimum(town.households.size[household], 2)
    ).astype(np.int64)
    person = np.where(chance.random(len(unit)) < 0.75, town.decider[unit], other)
    bound = units["bought"][unit] + chance.integers(DAY // 2, 20 * DAY, len(unit))
    stays = chance.random(len(unit)) < town.world.brand.stays_online
    gone = bound + (chance.exponential(5, len(unit)) * _MONTH).astype(np.int64)
    quiet = np.minimum(np.where(stays, NEVER, gone), units["retired"][unit])
    fine = bound < np.minimum(UNTIL, units["retired"][unit])
    unit, person, bound, quiet = unit[fine], person[fine], bound[fine], quiet[fine]
    since = town.member_from.copy()
    online = town.sales.online & (town.sales.at >= start_of(town.world.silo.shop_from))
    np.minimum.at(since, town.sales.person[online], town.sales.at[online] - 600)
    np.minimum.at(since, person, bound - 600)
    joins = town.app_user & (
        chance.random(len(town.people)) < 0.3
    )  # own value: an account for nothing but the app
    since[joins] = np.minimum(since[joins], start_of(town.world.silo.web_from) - DAY)
    return Digital(unit, person, bound, quiet, since)


def device_text(town: Town, unit: Ints) -> pa.Array:
    """Return the ids by which connected appliances report."""
    return pc.utf8_slice_codeunits(scatter.hexed(scatter.mixed(town.ids("device", unit), 91)), 0, 14)


def cookies(town: Town, person: Ints, kind: Ints, at: Ints, chance: np.random.Generator) -> pa.Array:
    """Return the anonymous id of each session: that of a browser until it is cleared, of an installation, of a store's tablet."""
    web, many = town.world.web, len(town.people)
    browser = np.where(
        kind == TABLET, many * _KINDS + town.people.household[person], person * _KINDS + kind % _KINDS
    )
    fate = scatter.mixed(town.number * 1_000_003 + browser, town.seed + 5).astype(np.float64) / 2.0**64
    often = np.where(fate < web.heavy, web.heavy_factor, 1.0)
    rate = np.where(kind == APP, -np.log1p(-web.app_reset), -np.log1p(-web.cookie_reset) * often)
    epoch = np.floor(rate * (at - start_of(town.world.silo.web_from)) / _MONTH + fate * 7919 % 1.0).astype(
        np.int64
    )
    number = (town.number << 40) + (browser << 14) + epoch
    kiosks = max(2, town.city_people // 20_000)
    number = np.where(kind == KIOSK, (1 << 62) + chance.integers(0, kiosks, len(kind)), number)
    return scatter.hexed(scatter.mixed(number, town.seed + 11), scatter.mixed(number, town.seed + 12))


def handle_text(town: Town, person: Ints, platform: Ints) -> pa.Array:
    """Return the ids of authors on social platforms."""
    return join(
        pick(("w", "d", "n", "f", "q"), platform),
        scatter.digits(town.ids("handle", person * 8 + platform), 11),
    )


def adults(town: Town, at: int) -> Bools:
    """Return who is of age at a moment."""
    return np.asarray(town.people.age(np.arange(len(town.people)), at) >= 18)
