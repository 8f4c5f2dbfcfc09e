"""Campaigns in a sample city that the product has taken in: to those whose need it scores highest, and to as many at random, measured by the product.

Who buys is the truth's: everybody has a chance without and one with a message, in each category. Messages and purchases are said as touches and digested
like all others; lots, arms and results are the product's own. Arms of all categories are added up.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import NamedTuple

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from benchmarks.lib.citizens import Citizens
from benchmarks.lib.machine import say
from zerodistance import compose
from zerodistance.core.measurement import api as measurement
from zerodistance.core.measurement import estimates, mapped
from zerodistance.core.measurement.contracts import Goal
from zerodistance.core.measurement.estimates import Arm
from zerodistance.core.models import api as models
from zerodistance.core.models import features, registry
from zerodistance.core.models.features import View
from zerodistance.core.profiles import api as profiles
from zerodistance.core.profiles import bitmaps
from zerodistance.core.touchpoints import own
from zerodistance.kernel import clock
from zerodistance.kernel.access import Who
from zerodistance.kernel.home import Home, open_home
from zerodistance.kernel.settings import load
from zerodistance.kernel.text import Text

UNTIL = date(2026, 11, 1)
"""The day of export of every city."""
_SHARE, _TENTH, _DAYS = 0.3, 0.1, 30
_BOUGHT = {"hot": "order.completed", "random": "order.line"}
"""What is bought by whom: the two audiences share persons, and must not share purchases."""
_WHO = Who.system("benchmark")
Floats = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.uint32]


class Told(NamedTuple):
    """What a kind of audience came to, over all categories: the arms as the product counts them, and the sums of true chances of the audience."""

    treated: Arm
    held: Arm
    exposed: Arm
    with_: float
    without: float


def measured(root: Path, reached: float, seed: int) -> dict[str, float]:
    """Run the campaigns in the home below `root`, of the city beside it; return figures by name."""
    home = open_home(load(home=root / "home"))
    moment = models.moment(home, UNTIL)
    profiles.make_past(home, _WHO, moment)
    view = View(home, profiles.past(home, _WHO, moment))
    if not registry.versions(home, "n1"):
        models.train(home, _WHO, "n1", until=UNTIL)
    luck = np.random.default_rng(seed)
    start = datetime.combine(UNTIL, time(8), UTC)
    citizens = Citizens(home, root / "city", view.here)
    with clock.freeze(start):
        runs = [
            _Run(home, view, citizens, root / "city", target, reached, luck)
            for target in models.model("n1").targets
        ]
        for run in runs:
            run.act(start)
        compose.work_here(home)
    with clock.freeze(start + timedelta(days=_DAYS + 1)):
        hot, anybody = (_together([run.told(kind) for run in runs]) for kind in ("hot", "random"))
    rest = Arm(sum(run.rest.persons for run in runs), sum(run.rest.reached for run in runs))
    home.close()
    naive = hot.exposed.rate / rest.rate
    found = {"naive_ratio": naive, "true_ratio": hot.with_ / hot.without}
    for name, one in (("hot", hot), ("random", anybody)):
        lift = estimates.lift(one.treated, one.held)
        more = estimates.difference(one.treated, one.held)
        found |= {
            f"{name}_persons": float(one.treated.persons + one.held.persons),
            f"{name}_bought": float(one.treated.reached + one.held.reached),
            f"{name}_lift": lift.value or 0.0, f"{name}_lift_low": lift.low, f"{name}_lift_high": lift.high or 0.0,
            f"{name}_true_lift": one.with_ / one.without - 1,
            f"{name}_more_per_1000": 1_000 * (more.value or 0.0), f"{name}_more_low": 1_000 * more.low,
            f"{name}_more_high": 1_000 * (more.high or 0.0),
            f"{name}_true_more": 1_000 * (one.with_ - one.without) / (one.treated.persons + one.held.persons),
        }  # fmt: skip
    return found


def _together(some: list[Told]) -> Told:
    def arm(name: str) -> Arm:
        arms = [getattr(one, name) for one in some]
        return Arm(sum(a.persons for a in arms), sum(a.reached for a in arms))

    return Told(
        arm("treated"), arm("held"), arm("exposed"), sum(t.with_ for t in some), sum(t.without for t in some)
    )


class _Run:
    """Both campaigns of a category: one to the tenth with the highest scores, one to as many at random."""

    def __init__(
        self,
        home: Home,
        view: View,
        citizens: Citizens,
        city: Path,
        category: str,
        reached: float,
        luck: np.random.Generator,
    ) -> None:
        self._home, self._category, self._reached, self._luck = home, category, reached, luck
        model = models.model("n1")
        number = registry.versions(home, "n1")[-1].number
        who = features.among(view, model, category)
        scores = registry.read(home, "n1", number)[1].chances(features.columns(view, who, model, category))
        person, _ = citizens.of(who)
        self._who, scores, person = who[person >= 0], scores[person >= 0], person[person >= 0]
        self._without, self._with = _chances(city, category, person)
        many = max(1, int(_TENTH * len(self._who)))
        best = np.sort(np.argsort(-scores, kind="stable")[:many])
        self._audience = {
            "hot": self._who[best],
            "random": np.sort(luck.choice(self._who, many, replace=False)),
        }
        others = ~np.isin(self._who, self._audience["hot"])
        bought = luck.random(int(others.sum())) < self._without[others]
        self.rest = Arm(len(bought), int(bought.sum()))
        say(
            f"{category}: {many} of {len(who)}, {(self._without[best] > 0).mean():.3f} of them in need, {(self._without > 0).mean():.3f} of all"
        )

    def _key(self, kind: str) -> str:
        return f"{kind}-{self._category}".replace("_", "-")

    def act(self, at: datetime) -> None:
        """Assign both audiences, and say who was sent a message and who bought."""
        for kind, audience in self._audience.items():
            key = self._key(kind)
            goal = Goal(_BOUGHT[kind], _DAYS, category=self._category)
            measurement.create(self._home, _WHO, key, Text(key, key), goal, share_held=_SHARE)
            receipt = measurement.assign(self._home, _WHO, key, bitmaps.of_sorted(audience))
            treated = bitmaps.among(audience, bitmaps.to_numbers(receipt.treated))
            sent = treated & (self._luck.random(len(audience)) < self._reached)
            place = np.searchsorted(self._who, audience)
            bought = self._luck.random(len(audience)) < np.where(
                sent, self._with[place], self._without[place]
            )
            self._say(audience[sent], "message.sent", key, at + timedelta(minutes=1))
            self._say(audience[bought], _BOUGHT[kind], key, at + timedelta(hours=1))

    def _say(self, who: Numbers, kind: str, key: str, first: datetime) -> None:
        subjects, whose = mapped.subjects_of(self._home, who)
        found = np.zeros(len(who), np.int64)
        found[np.searchsorted(who, whose[::-1])] = subjects[::-1]
        span = 1 if kind == "message.sent" else (_DAYS - 1) * clock.MICROS_PER_DAY
        at = clock.to_micros(first) + self._luck.integers(0, span, len(who))
        sent = kind == "message.sent"
        rows = {
            "subject": found,
            "kind": [kind] * len(who),
            "happened_at": at,
            "message_id": [f"{key}:{kind}:{s}" for s in found.tolist()],
            "campaign": pa.array([key if sent else None] * len(who), pa.string()),
            "category": pa.array([None if sent else self._category] * len(who), pa.string()),
        }
        with self._home.state.write() as tx:
            own.say(tx, pa.table(rows))

    def told(self, kind: str) -> Told:
        """Return what the product says came of a campaign, and the truth of its audience."""
        found = measurement.result(self._home, _WHO, self._key(kind))
        assert found.held is not None
        treated = Arm(found.treated.persons, found.treated.reached)
        exposed = found.naive.exposed if found.naive is not None else treated  # where all were reached
        place = np.searchsorted(self._who, self._audience[kind])
        with_ = self._reached * self._with[place] + (1 - self._reached) * self._without[place]
        return Told(
            treated, Arm(found.held.persons, found.held.reached), exposed,
            float(with_.sum()), float(self._without[place].sum()),
        )  # fmt: skip


def _chances(city: Path, category: str, person: npt.NDArray[np.int64]) -> tuple[Floats, Floats]:
    """Return the chance of each true person to buy in the month, without and with a message that arrives."""
    truth = f"{city}/truth"
    rows = (
        duckdb.connect()
        .sql(
            f"""select outcomes.person, p_without, p_with from read_parquet('{truth}/outcomes.parquet') as outcomes
        inner join read_parquet('{truth}/campaigns.parquet') as campaigns using (campaign)
        where not in_history and outcomes.category = $category order by outcomes.person""",
            params={"category": category},
        )
        .fetchnumpy()
    )
    keys = rows["person"]
    at = np.minimum(np.searchsorted(keys, person), len(keys) - 1)
    mine = keys[at] == person
    return np.where(mine, rows["p_without"][at], 0.0), np.where(mine, rows["p_with"][at], 0.0)
