"""Hourly looks: how far both arms are, noted so that the path of an experiment can be drawn, and many looked at together."""

from __future__ import annotations

from dataclasses import dataclass

from zerodistance.core.measurement import estimates, experiments, outcomes, store
from zerodistance.core.measurement.contracts import Experiment
from zerodistance.core.measurement.estimates import Arm, Interval
from zerodistance.core.measurement.telling import always
from zerodistance.kernel import clock
from zerodistance.kernel.access import Permission, Who
from zerodistance.kernel.home import Home
from zerodistance.kernel.logs import log

_SYSTEM = Who.system("measurement")


@dataclass(frozen=True, slots=True)
class Seen:
    """An experiment as it was last looked at; `p` is Holm's of all that are listed with it.

    Attributes
    ----------
    looked_at
        Microseconds UTC; None: nobody has been assigned, or nobody may be told.
    """

    experiment: Experiment
    looked_at: int | None
    treated: Arm
    held: Arm
    lift: Interval | None
    always: Interval | None
    p: float | None


def look(home: Home) -> None:
    """Note how far each experiment is whose windows are not over; a job."""
    now = clock.micros()
    with home.state.read() as tx:
        rows, last = store.found(tx), store.last_looks(tx)
    for row in rows:
        found = experiments.experiment(home, _SYSTEM, row["key"])
        before = last.get(row["number"])
        if found.last_at is None or (before is not None and before["looked_at"] > over(found)):
            continue
        treated, held = outcomes.counts(home, found, row["number"], now)
        with home.state.write() as tx:
            store.add_look(
                tx, experiment=row["number"], looked_at=now, treated=treated.persons, treated_reached=treated.reached,
                held=held.persons, held_reached=held.reached,
            )  # fmt: skip
        log("measurement").info("looked", experiment=found.key)


def over(found: Experiment) -> int:
    """Return when the last window is over, microseconds UTC."""
    return (found.last_at or 0) + found.goal.window_days * clock.MICROS_PER_DAY


def seen(home: Home, who: Who) -> tuple[Seen, ...]:
    """Return the experiments that this account sees as they were last looked at, the newest first; figures need SEE_PERSONS.

    Their p-values are Holm's: of many that are looked at together one is soon below .05 by luck.
    """
    every = experiments.experiments(home, who)
    with home.state.read() as tx:
        numbers = {row["key"]: row["number"] for row in store.found(tx)}
        last = store.last_looks(tx) if who.may(Permission.SEE_PERSONS) else {}
    found = []
    for one in every:
        row = last.get(numbers[one.key])
        if row is None:
            found.append(Seen(one, None, Arm(0, 0), Arm(0, 0), None, None, None))
            continue
        mine, theirs = Arm(row["treated"], row["treated_reached"]), Arm(row["held"], row["held_reached"])
        if not mine.persons or not theirs.persons:
            found.append(Seen(one, row["looked_at"], mine, theirs, None, None, None))
            continue
        lift = estimates.lift(mine, theirs)
        p = estimates.p_value(mine, theirs)
        found.append(Seen(one, row["looked_at"], mine, theirs, lift, always(one, mine, theirs), p))
    return _together(found)


def _together(found: list[Seen]) -> tuple[Seen, ...]:
    told = [n for n, one in enumerate(found) if one.p is not None]
    p = dict(zip(told, estimates.holm([float(found[n].p or 0.0) for n in told]), strict=True))
    return tuple(
        Seen(one.experiment, one.looked_at, one.treated, one.held, one.lift, one.always, p.get(n))
        for n, one in enumerate(found)
    )
