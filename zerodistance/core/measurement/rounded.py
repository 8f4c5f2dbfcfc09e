"""What came of an experiment for accounts that see no persons: of the panel of released counts alone, so that nobody else leaves a trace in it.

Whoever may ask for results may make experiments too: over the same audience again and again, about any kind of touch, as of any moment. Counts of everybody,
however they are rounded, would tell after enough of them what single persons did (decision 33 has the attacks). So figures are those of the one person in
15 whom a key has drawn, times 15; and intervals are those that so few persons allow, which are about four times as wide.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import numpy.typing as npt
from pyroaring import BitMap

from zerodistance.core.measurement import costs, estimates, looking, telling
from zerodistance.core.measurement.contracts import Experiment, Plan
from zerodistance.core.measurement.estimates import Arm, Interval
from zerodistance.core.measurement.figures import ArmFigures, Effect, Result
from zerodistance.core.measurement.outcomes import People
from zerodistance.core.segments import released
from zerodistance.core.segments.releasing import LEAST_SEND
from zerodistance.kernel import clock
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text

Bools = npt.NDArray[np.bool_]
NOBODY = Arm(0, 0)


def coarse(plan: Plan | None) -> Plan | None:
    """Return a plan that is good enough to shape an interval of the panel, and from whose ends no count can be worked out: powers of two.

    Examples
    --------
    >>> found = coarse(Plan(2_498, 0.012, 0.1, None, 2.4, 0.8, None))
    >>> found.audience, found.base_rate
    (128, 0.015625)
    """
    if plan is None:
        return None
    audience = 2.0 ** round(math.log2(max(plan.audience / released.ONE_IN, 2)))
    return replace(plan, audience=int(audience), base_rate=2.0 ** round(math.log2(max(plan.base_rate, 1e-5))))


def told(
    home: Home, found: Experiment, number: int, people: People, end: int, plan: Plan | None = None
) -> Result:
    """Return what an account may know that sees no persons; `plan` is what the experiment was made for, which it need not know."""
    k, panel = home.settings.released_k, released.panel(home)
    drawn = np.isin(people.numbers, np.array(panel.of(BitMap(people.numbers)), people.numbers.dtype))

    def many(some: Bools) -> int:
        """Return a released count; 0 where it is hidden."""
        return released.figure(home.seal, panel, BitMap(people.numbers[some]), k) or 0

    def arm(some: Bools) -> Arm:
        """Return those of an arm who are of the panel; nobody where the arm is too small to say anything of it."""
        mine = some & drawn
        if int(mine.sum()) < released.least(LEAST_SEND):
            return NOBODY
        return Arm(int(mine.sum()), int((people.reached & mine).sum()))

    treated, held = people.treated, people.held
    mine, theirs = arm(treated), arm(held)
    fine = bool(mine.persons and theirs.persons)
    effect = _of_all(telling.effect(mine, theirs)) if fine else None
    over = _over(found, people, drawn, end)
    notes = [*telling.notes(people, 0, over), _note(fine, k)]

    def figures(one: Arm, some: Bools) -> ArmFigures:
        if not one.persons:
            return ArmFigures(0, 0, None, 0.0, 0, 0, 0, 0.0)
        reached, sent, opened, clicked = (
            many(mask & some) for mask in (people.reached, people.sent, people.opened, people.clicked)
        )
        return ArmFigures(many(some), reached, estimates.rate(one), 0.0, sent, opened, clicked, 0.0)

    whole = np.ones(len(people.numbers), np.bool_)
    return Result(
        experiment=replace(found, persons=many(whole), held=many(held)),
        as_of=clock.from_micros(end),
        complete=over,
        treated=figures(mine, treated),
        held=figures(theirs, held) if theirs.persons else None,
        effect=effect,
        always=telling.always(replace(found, plan=coarse(plan)), mine, theirs) if fine else None,
        weighed=None,
        complier=None,
        amounts=None,
        naive=None,
        groups=(),
        uplift=None,
        checks=(),
        days=(),
        looks=(),
        money=costs.money(
            home,
            found,
            number,
            _as_many(people.messages, int(people.sent.sum()), many(people.sent), k),
            effect.more if effect else None,
            None,
        ),
        both=0,
        crossed=0,
        notes=tuple(notes),
        released=True,
    )


def _over(found: Experiment, people: People, drawn: Bools, end: int) -> float:
    """Return the share of the panel whose window is over; where too few of it are there, whether the last window of all is: exactly, it counted who came."""
    if int(drawn.sum()) < released.least(LEAST_SEND):
        return float(bool(len(people.numbers)) and end >= looking.over(found))
    return round(float((people.window[drawn] >= found.goal.window_days * clock.MICROS_PER_DAY).mean()), 2)


def _note(fine: bool, k: int) -> Text:
    if not fine:
        return Text(
            f"组里不到 {LEAST_SEND} 人，或抽中的太少，不说数；能看用户的账号看得到精确的结果",
            f"nothing is said of arms of fewer than {LEAST_SEND} persons, or with too few of the panel; accounts that see persons have the exact result",
        )
    return Text(
        f"数和区间只来自每 {released.ONE_IN} 人里固定抽中的 1 人，数乘回去、取成 {k} 的倍数，太少的写 0；能看用户的账号看得到精确的结果",
        f"figures and intervals are those of one person in {released.ONE_IN}, drawn for ever; counts are scaled up to multiples of {k}, "
        "too few are 0; accounts that see persons have the exact result",
    )


def _of_all(effect: Effect) -> Effect:
    """Return an effect that a panel shows, with how many more it would be of everybody."""
    low, high = effect.more.low, effect.more.high
    value = effect.more.value
    scaled = Interval(
        None if value is None else value * released.ONE_IN,
        low * released.ONE_IN,
        None if high is None else high * released.ONE_IN,
    )
    return replace(effect, more=scaled)


def _as_many(messages: dict[str, int], persons: int, told: int, k: int) -> dict[str, int]:
    """Return messages by channel as if they had gone to as many persons as are told, in steps of k: an exact number of them would count persons.

    Examples
    --------
    >>> _as_many({"email": 1_007, "sms": 493}, 1_000, 940, 20), _as_many({"email": 30}, 30, 0, 20)
    ({'email': 940, 'sms': 460}, {'email': 0})
    """
    return {channel: round(many * told / max(1, persons) / k) * k for channel, many in messages.items()}
