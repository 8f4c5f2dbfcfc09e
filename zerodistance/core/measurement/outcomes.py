"""What became of those who were assigned, read from the log: one element a person of today, in columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from zerodistance.core.measurement import mapped, rates, standing, store
from zerodistance.core.measurement.contracts import CLICKED, MARKETING, OPENED, SENT, Experiment, Goal
from zerodistance.core.measurement.estimates import Arm
from zerodistance.core.measurement.standing import ASIDE, HELD, TREATED, Arms
from zerodistance.core.touchpoints.contracts import UTC_US
from zerodistance.core.touchpoints.tail import touches_view
from zerodistance.kernel import clock
from zerodistance.kernel.home import Home

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
_POINTS = Goal("points.earned", 1)
_NEVER = np.iinfo(np.int64).max


@dataclass(frozen=True)
class People:
    """Those who are in one of the two arms, one element a person; times are microseconds UTC.

    Attributes
    ----------
    at
        When the person was assigned.
    window
        How much of the window is over by the moment asked for, microseconds.
    first
        How long after the assignment the goal was first reached, microseconds; the largest number there is: never.
    amount, before
        Money of the goal's touches in the window, and in a window of that length before the assignment.
    reached_before
        Whether the goal was reached in the window before.
    messages
        How many messages of the campaign were sent to the person, by channel.
    both
        Whether parts of the person are in both arms.
    """

    numbers: npt.NDArray[np.uint32]
    arm: Arms
    stratum: npt.NDArray[np.int32]
    band: npt.NDArray[np.int8]
    at: Ints
    window: Ints
    first: Ints
    amount: Floats
    before: Floats
    reached_before: Bools
    points: Floats
    sent: Bools
    opened: Bools
    clicked: Bools
    both: Bools
    messages: dict[str, int]
    strata: tuple[str, ...]

    @property
    def held(self) -> Bools:
        """Who is held out."""
        return np.asarray(self.arm == HELD)

    @property
    def treated(self) -> Bools:
        """Who may be contacted."""
        return np.asarray(self.arm == TREATED)

    @property
    def reached(self) -> Bools:
        """Who has reached the goal."""
        return np.asarray(self.first < _NEVER)


def read(home: Home, found: Experiment, number: int, until: int) -> People:
    """Return what became of those assigned up to a moment, as far as it was known then."""
    there, numbers, first, both, at, upto, pairs = _assigned(home, found, number, until)
    span = found.goal.window_days * clock.MICROS_PER_DAY
    with home.engine.connect() as connection:
        touches_view(connection, home)
        came = _asked(connection, home, found.goal, pairs, numbers, at, upto, np.full(len(at), until))
        then = _asked(connection, home, found.goal, pairs, numbers, at - span, at, at)
        points = _asked(connection, home, _POINTS, pairs, numbers, at, upto, np.full(len(at), until))
        exposed, messages = _exposed(connection, _campaigns(home, found), pairs, numbers, at, until)
    return People(
        numbers=numbers,
        arm=there.arm[first],
        stratum=there.stratum[first],
        band=there.band[first],
        at=at,
        window=upto - at,
        first=np.where(came.first < _NEVER, came.first - at, _NEVER),
        amount=came.amount,
        before=then.amount,
        reached_before=np.asarray(then.first < _NEVER),
        points=points.quantity,
        sent=exposed[SENT],
        opened=exposed[OPENED],
        clicked=exposed[CLICKED],
        both=both,
        messages=messages,
        strata=there.strata,
    )


def counts(home: Home, found: Experiment, number: int, until: int) -> tuple[Arm, Arm]:
    """Return the persons of both arms and how many of them have reached the goal, as of a moment."""
    who = _assigned(home, found, number, until)
    with home.engine.connect() as connection:
        touches_view(connection, home)
        end = np.full(len(who.at), until)
        came = _asked(connection, home, found.goal, who.pairs, who.numbers, who.at, who.upto, end)
    reached = came.first < _NEVER
    arms = [who.there.arm[who.first] == code for code in (TREATED, HELD)]
    treated, held = (Arm(int(some.sum()), int((some & reached).sum())) for some in arms)
    return treated, held


class _Assigned(NamedTuple):
    """Who is in one of the two arms: numbers, place in `there`, when assigned, until when the window goes, and their subjects."""

    there: standing.Standing
    numbers: npt.NDArray[np.uint32]
    first: Ints
    both: Bools
    at: Ints
    upto: Ints
    pairs: tuple[Ints, Ints]


def _assigned(home: Home, found: Experiment, number: int, until: int) -> _Assigned:
    there = standing.read(home, number)
    everybody = standing.of_everybody(home, there)
    first = everybody.first
    mine = (there.arm[first] != ASIDE) & (there.at[first] <= until)
    numbers, first, both = everybody.numbers[mine], first[mine], everybody.both[mine]
    at = there.at[first]
    upto = np.minimum(at + found.goal.window_days * clock.MICROS_PER_DAY, until)
    return _Assigned(there, numbers, first, both, at, upto, mapped.subjects_of(home, numbers))


@dataclass(frozen=True)
class _Came:
    first: Ints
    amount: Floats
    quantity: Floats


def _whose(
    connection: duckdb.DuckDBPyConnection,
    pairs: tuple[Ints, Ints],
    numbers: npt.NDArray[np.uint32],
    since: Ints,
    upto: Ints,
    known: Ints,
) -> None:
    """Register `whose`: each subject with its person's number and window."""
    subjects, whose = pairs
    place = np.searchsorted(numbers, whose)
    times = {
        name: pa.array(values[place] if len(values) else values, pa.int64()).cast(UTC_US)
        for name, values in (("since", since), ("upto", upto), ("known_by", known))
    }
    connection.register("whose", pa.table({"subject": subjects, "number": whose, **times}))


def _asked(
    connection: duckdb.DuckDBPyConnection,
    home: Home,
    goal: Goal,
    pairs: tuple[Ints, Ints],
    numbers: npt.NDArray[np.uint32],
    since: Ints,
    upto: Ints,
    known: Ints,
) -> _Came:
    """Return of each person when a goal was first reached in a window, its money and its pieces."""
    first = np.full(len(numbers), _NEVER, np.int64)
    amount, quantity = np.zeros(len(numbers)), np.zeros(len(numbers))
    if not len(numbers):
        return _Came(first, amount, quantity)
    _whose(connection, pairs, numbers, since, upto, known)
    values = {
        **rates.asked(connection, home, goal),
        "currency": home.settings.currency,
        "earliest": clock.from_micros(int(since.min())),
        "latest": clock.from_micros(int(upto.max())),
    }
    rows = connection.sql((rates.SQL / "outcomes.sql").read_text(), params=values).to_arrow_table()
    place = np.searchsorted(numbers, rows.column("number").to_numpy())
    first[place] = rows.column("first_at").cast(pa.int64()).fill_null(_NEVER).to_numpy()
    amount[place], quantity[place] = rows.column("amount").to_numpy(), rows.column("quantity").to_numpy()
    return _Came(first, amount, quantity)


def _campaigns(home: Home, found: Experiment) -> list[str]:
    """Return whose messages are an exposure: the experiment's own, of the global holdout those of all marketing."""
    if not found.everywhere:
        return [found.key]
    with home.state.read() as tx:
        return [row["key"] for row in store.found(tx) if row["purpose"] == MARKETING]


def _exposed(
    connection: duckdb.DuckDBPyConnection,
    campaigns: Sequence[str],
    pairs: tuple[Ints, Ints],
    numbers: npt.NDArray[np.uint32],
    at: Ints,
    until: int,
) -> tuple[dict[str, Bools], dict[str, int]]:
    """Return who got, opened and clicked a message of these campaigns, and how many were sent by channel."""
    masks = {kind: np.zeros(len(numbers), np.bool_) for kind in (SENT, OPENED, CLICKED)}
    if not len(numbers):
        return masks, {}
    end = np.full(len(at), until)
    _whose(connection, pairs, numbers, at, end, end)
    connection.register("wanted_campaign", pa.table({"campaign": pa.array(campaigns, pa.string())}))
    values = {
        "earliest": clock.from_micros(int(at.min())),
        "latest": clock.from_micros(until),
    }
    rows = connection.sql((rates.SQL / "exposed.sql").read_text(), params=values).to_arrow_table()
    place = np.searchsorted(numbers, rows.column("number").to_numpy())
    kinds = rows.column("kind").to_numpy(zero_copy_only=False)
    for kind, mask in masks.items():
        mask[place[kinds == kind]] = True
    sent = rows.filter(pa.compute.equal(rows.column("kind"), SENT))
    messages: dict[str, int] = {}
    for channel, times in zip(
        sent.column("channel").to_pylist(), sent.column("times").to_pylist(), strict=True
    ):
        messages[channel] = messages.get(channel, 0) + times
    return masks, messages
