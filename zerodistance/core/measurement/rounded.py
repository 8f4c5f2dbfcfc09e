"""What came of an experiment for accounts that see no persons: arms of 50 and more, counts in steps of k by a draw that hangs on who they are."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from zerodistance.core.measurement import costs, estimates, telling
from zerodistance.core.measurement.contracts import Experiment
from zerodistance.core.measurement.estimates import Arm, Interval
from zerodistance.core.measurement.figures import ArmFigures, Effect, Result
from zerodistance.core.measurement.outcomes import People
from zerodistance.core.segments.releasing import LEAST_SEND
from zerodistance.kernel import clock
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text

Bools = npt.NDArray[np.bool_]
_SURE = 1.96


def told(home: Home, found: Experiment, number: int, people: People, end: int) -> Result:
    """Return what an account may know that sees no persons."""
    k = home.settings.released_k

    def many(some: Bools) -> int:
        numbers = people.numbers[some]
        if not len(numbers):
            return 0
        return (len(numbers) + home.seal.draw(numbers.astype("<u4").tobytes()) % k) // k * k

    def arm(some: Bools) -> Arm:
        if int(some.sum()) < LEAST_SEND:
            return Arm(0, 0)
        persons = many(some)
        return Arm(persons, min(persons, many(people.reached & some)))

    treated, held = people.treated, people.held
    mine, theirs = arm(treated), arm(held)
    fine = bool(mine.persons and theirs.persons)
    effect = _rounded(telling.effect(mine, theirs), mine, theirs, k) if fine else None
    at_any = _wider(telling.always(found, mine, theirs), _error(mine, theirs, k)) if fine else None
    notes = [*telling.notes(found, people, 0)]
    notes.append(
        Text(f"数按 {k} 取整，区间已含取整误差", f"counts are in steps of {k}, which the intervals allow for")
        if fine
        else Text(
            f"不到 {LEAST_SEND} 人的组不说数", f"nothing is said of arms of fewer than {LEAST_SEND} persons"
        )
    )

    def figures(one: Arm, some: Bools) -> ArmFigures:
        wide = estimates.rate(one) if one.persons else None
        sent, opened, clicked = (
            many(mask & some) if one.persons else 0 for mask in (people.sent, people.opened, people.clicked)
        )
        return ArmFigures(one.persons, one.reached, wide, 0.0, sent, opened, clicked, 0.0)

    return Result(
        experiment=replace(found, persons=_step(found.persons, k), held=_step(found.held, k)),
        as_of=clock.from_micros(end),
        complete=round(telling.complete(found, people), 2),
        treated=figures(mine, treated),
        held=figures(theirs, held) if theirs.persons else None,
        effect=effect,
        always=at_any,
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
            {c: _step(n, k) for c, n in people.messages.items()},
            effect.more if effect else None,
            None,
        ),
        both=0,
        crossed=0,
        notes=tuple(notes),
        released=True,
    )


def _step(many: int, k: int) -> int:
    return many // k * k


def _error(mine: Arm, theirs: Arm, k: int) -> float:
    """Return the standard error that rounding adds to a difference of shares."""
    return k / math.sqrt(6) * math.hypot(1 / mine.persons, 1 / theirs.persons)


def _rounded(effect: Effect, mine: Arm, theirs: Arm, k: int) -> Effect:
    error = _error(mine, theirs, k)
    difference = _wider(effect.difference, error)
    more = _wider(effect.more, error * mine.persons)
    base = max(theirs.rate, 1 / theirs.persons)
    lift = _wider(effect.lift, error / base * max(1.0, mine.rate / base))
    return Effect(difference, lift, more, effect.p)


def _wider(given: Interval, error: float) -> Interval:
    if given.value is None:
        return given
    low = given.value - math.hypot(given.value - given.low, _SURE * error)
    high = None if given.high is None else given.value + math.hypot(given.high - given.value, _SURE * error)
    return Interval(given.value, low, high)
