"""Models that ask about a thing of a person, an appliance or a visit: which rows there are at a moment, and which of somebody's things speaks for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from zerodistance.core.models import devices, visits
from zerodistance.core.models.contracts import Among, Model, NotScored
from zerodistance.core.models.ladder.columns import Columns, Floats, Ints
from zerodistance.core.models.ladder.kept import Model as Kept
from zerodistance.core.models.things import DAY, Things
from zerodistance.core.profiles import api as profiles
from zerodistance.core.profiles.api import Index
from zerodistance.core.profiles.contracts import VISITORS_FROM
from zerodistance.core.profiles.splits import Who
from zerodistance.kernel import clock
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text

SPINES = frozenset({Among.APPLIANCES, Among.VISITED})
"""Of these, a row is a thing of a person."""
LABELS: Mapping[str, Text] = {**devices.LABELS, **visits.LABELS}
LATELY = 30  # days: whoever was visited that long ago is asked about
_CODES = 3  # own value: of fault codes, the likeliest that are told


class About(NamedTuple):
    """Something that is known of the thing that a score is about."""

    label: Text
    said: Text


class Owned:
    """The things of everybody as of the moment of a tag index, of the persons of then.

    Parameters
    ----------
    some
        The persons that are asked about, where they are few.

    Attributes
    ----------
    by
        Key of a model -> the version whose scores say which of several things of somebody is meant: the highest; else its rules of thumb do.
    """

    def __init__(self, home: Home, here: Index, some: Who | None = None) -> None:
        self._home, self._here, self._some = home, here, some
        self.by: dict[str, Kept] = {}
        self._found: dict[Among, Things] = {}
        self._meant: dict[tuple[str, str], tuple[Who, Things]] = {}

    def among(self, model: Model, category: str) -> Who:
        """Return the persons (ascending) who have such a thing."""
        return self.meant(model, category)[0]

    def column(self, name: str, who: Who, model: Model, category: str) -> Floats:
        """Return a feature of the thing that is meant of each person; NaN where somebody has none."""
        owner, mine = self.meant(model, category)
        found = np.full(len(who), np.nan)
        if len(owner):
            place = np.minimum(np.searchsorted(owner, who), len(owner) - 1)
            there = owner[place] == who
            found[there] = mine.columns[name][place[there]]
        return found

    def meant(self, model: Model, category: str) -> tuple[Who, Things]:
        """Return persons, ascending, and of each the thing of a category (`` any) that is meant."""
        if (model.key, category) not in self._meant:
            self._meant[model.key, category] = self._choose(model, category)
        return self._meant[model.key, category]

    def _choose(self, model: Model, category: str) -> tuple[Who, Things]:
        every = self._things(model)
        mine = every.take(every.category == category) if category else every
        kept = self.by.get(model.key, model.rules)
        scores = kept.scores(columns(mine, model)) if len(mine) else np.zeros(0)
        order = np.lexsort((mine.subject, -scores, mine.owner))
        owner, first = np.unique(mine.owner[order], return_index=True)
        return owner.astype(np.uint32), mine.take(order[first])

    def _things(self, model: Model) -> Things:
        among = model.among
        if among not in self._found:
            past = profiles.of_past(self._here.folder)
            moment = int(Path(self._here.folder).name) if past else clock.micros()
            few = None if self._some is None or past else self._some.tolist()
            found = at(self._home, model, [moment], persons=few)
            if past:
                found = found.owned_by(self._then(found.subject))
            known = (found.owner > 0) & (found.owner < VISITORS_FROM)
            if self._some is not None:
                known &= np.isin(found.owner, self._some)
            self._found[among] = found.take(known)
        return self._found[among]

    def _then(self, subject: Ints) -> Ints:
        """Return the number of the person of then of each subject, 0 where there is none."""
        pairs = self._here.pairs().sort_by("subject")
        known, number = (pairs.column(name).to_numpy() for name in ("subject", "number"))
        if not len(known):
            return np.zeros(len(subject), np.int64)
        place = np.minimum(np.searchsorted(known, subject), len(known) - 1)
        return np.where(known[place] == subject, number[place], 0)


def at(
    home: Home,
    model: Model,
    moments: Sequence[int],
    *,
    outcomes: bool = False,
    most: int = 0,
    seed: int = 0,
    persons: Sequence[int] | None = None,
) -> Things:
    """Return the things that a model asks about as of moments, with what was known then, and with what came within its horizon if `outcomes` are asked for.

    Visits are those of the weeks before the moments, each as of its own report; where no outcomes are asked for, those of the last thirty days.
    """
    days = model.horizon_days if outcomes else 0
    if model.among is Among.VISITED:
        back = 7 * len(moments) if outcomes else LATELY
        return visits.visits(home, max(moments) - back * DAY, max(moments), days, persons=persons)
    return devices.fleet(home, moments, days, most=most, seed=seed, persons=persons)


def weeks(until: int, many: int) -> list[int]:
    """Return so many moments a week apart, the last of them `until`, ascending."""
    return [until - n * 7 * DAY for n in range(many - 1, -1, -1)]


def columns(some: Things, model: Model) -> Columns:
    """Return the features of things as a model looks at them: their own, and one for each of its categories."""
    kinds = {f"category.{one}": (some.category == one).astype(np.float64) for one in model.categories}
    return {**some.columns, **kinds}


def nearer(model: Model, chances: Floats, days: int) -> Floats:
    """Return the chances of a shorter horizon: those of the whole one, spread evenly over it."""
    found: Floats = 1.0 - (1.0 - chances) ** (days / model.horizon_days)
    return found


def about(
    home: Home, owned: Owned, model: Model, category: str, person: int, chance: float
) -> tuple[About, ...]:
    """Say which thing of a person a score is about, the chances of shorter horizons, and what is likeliest to come.

    Raises
    ------
    NotScored
        The person has no such thing.
    """
    who, mine = owned.meant(model, category)
    place = np.flatnonzero(who == person)
    if not len(place):
        raise NotScored(model=model.key, meaning=model.meaning)
    one = mine.take(place)
    product = one.product[0] or "–"
    found = [About(Text("哪一台", "which one"), Text(product, product))]
    if model.among is Among.VISITED:
        day = f"{clock.from_micros(int(one.as_of[0])).astimezone(home.settings.tz):%Y-%m-%d}"
        return (*found, About(Text("哪天上报的上门", "visit reported on"), Text(day, day)))
    for days in model.nearer:
        near = float(nearer(model, np.array([chance]), days)[0])
        found.append(
            About(
                Text(f"{days} 天内的可能", f"chance within {days} days"), Text(f"{near:.2%}", f"{near:.2%}")
            )
        )
    shares = devices.codes(home, int(one.as_of[0])).get(one.category[0], {})
    for code, share in list(shares.items())[:_CODES]:
        label = Text(f"故障 {code} 的可能", f"chance of fault {code}") if code else devices.REST_LABEL
        found.append(About(label, Text(f"{chance * share:.2%}", f"{chance * share:.2%}")))
    return tuple(found)
