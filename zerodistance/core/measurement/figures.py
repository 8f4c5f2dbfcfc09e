"""What an experiment says, as it crosses the door: arms, effects, checks, groups, costs, and the figure that misleads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from zerodistance.core.measurement.contracts import Cost, Experiment
from zerodistance.core.measurement.estimates import Adjusted, Arm, Interval
from zerodistance.kernel.text import Text


@dataclass(frozen=True, slots=True)
class ArmFigures:
    """Persons of today who were first assigned to an arm, and what became of them within their windows.

    Attributes
    ----------
    reached, rate
        Who reached the goal; the share of them with Wilson's interval, None of nobody.
    amount
        Money of the touches of the goal, in the home's currency.
    sent, opened, clicked
        Persons to whom a message of the campaign went, who opened one, who clicked in one.
    points
        Points earned in the windows.
    """

    persons: int
    reached: int
    rate: Interval | None
    amount: float
    sent: int
    opened: int
    clicked: int
    points: float


@dataclass(frozen=True, slots=True)
class Effect:
    """What contact changed, by intention to treat: all who were assigned count, whether a message reached them or not.

    Attributes
    ----------
    difference
        Of the shares that reached the goal.
    lift
        By which share more reached it.
    more
        How many of those treated reached it because of that.
    p
        How likely a difference as large is without any effect, when it is looked at once, at the end.
    """

    difference: Interval
    lift: Interval
    more: Interval
    p: float


@dataclass(frozen=True, slots=True)
class Naive:
    """Those who opened or got a message beside those who did not: no effect, and never shown without `warning`.

    Attributes
    ----------
    exposed, others
        Persons of the treated arm, and who of them reached the goal.
    times
        How many times as often the exposed reached it; None where nobody of the others did.
    """

    exposed: Arm
    others: Arm
    times: float | None
    warning: Text


@dataclass(frozen=True, slots=True)
class Group:
    """A stratum by itself; intervals are as wide as all of them together ask for, `p` is Holm's."""

    name: Text
    treated: Arm
    held: Arm
    lift: Interval
    p: float


@dataclass(frozen=True, slots=True)
class Uplift:
    """Whom contact changed, the highest scores first: `share` of all persons, `gain` in outcomes per head of those treated.

    Attributes
    ----------
    qini
        Area above that of a random order as a share of the area of the best order that could be.
    """

    share: tuple[float, ...]
    gain: tuple[float, ...]
    qini: float


@dataclass(frozen=True, slots=True)
class Check:
    """Whether something is as it has to be for the figures to mean what they say."""

    key: str
    good: bool
    text: Text
    detail: Text


@dataclass(frozen=True, slots=True)
class Look:
    """The difference of shares at an hourly look, with the interval that holds at all looks together."""

    at: int
    difference: Interval


@dataclass(frozen=True, slots=True)
class Day:
    """Shares that had reached the goal so many days after their assignment, of those assigned so long ago."""

    day: int
    treated: Interval
    held: Interval


@dataclass(frozen=True, slots=True)
class Money:
    """Costs and what came of them, in the home's currency.

    Attributes
    ----------
    spent
        Booked by hand, and for each message that was sent.
    messages
        How many were sent.
    per_more
        What one more who reached the goal cost; None where it is not known that there are more.
    earned
        Money that came of contact, with its interval; None where the goal measures none.
    back
        `earned` for each unit of money that was spent; None where nothing was spent.
    """

    costs: tuple[Cost, ...]
    spent: float
    messages: int
    per_more: float | None
    earned: Interval | None
    back: float | None


@dataclass(frozen=True, slots=True)
class Result:
    """What an experiment says as of a moment.

    Attributes
    ----------
    complete
        Share of the persons whose window is over, 0 to 1.
    held
        None: nobody is held out, and nothing is measured.
    effect
        Of the whole; looked at once, at the end. None where an arm is empty or, for an account that sees no persons, too small.
    always
        The difference with the interval that holds however often somebody looks.
    weighed
        The difference within strata, weighed by their size; None without strata.
    complier
        Effect on those who got a message because they may; None where it can't be told.
    amounts
        Money a head, treated less held, as it is and less what was there before.
    both
        Persons with parts in both arms, as after a merge; they count as first assigned.
    crossed
        Persons held out to whom a message of the campaign went all the same; they count as held.
    notes
        What somebody who reads the figures has to know, such as how many groups are looked at together.
    released
        Whether counts are rounded, for an account that sees no persons.
    """

    experiment: Experiment
    as_of: datetime
    complete: float
    treated: ArmFigures
    held: ArmFigures | None
    effect: Effect | None
    always: Interval | None
    weighed: Interval | None
    complier: Interval | None
    amounts: Adjusted | None
    naive: Naive | None
    groups: tuple[Group, ...]
    uplift: Uplift | None
    checks: tuple[Check, ...]
    days: tuple[Day, ...]
    looks: tuple[Look, ...]
    money: Money
    both: int
    crossed: int
    notes: tuple[Text, ...]
    released: bool = False

    @property
    def done(self) -> bool:
        """Whether every window is over, so that figures for a look at the end may be read."""
        return self.complete >= 1


def rows(result: Result) -> Sequence[tuple[str, str, object, object, object]]:
    """Return a result as rows of a table: part, name, value, low, high."""
    found: list[tuple[str, str, object, object, object]] = []

    def one(part: str, name: str, value: object) -> None:
        found.append((part, name, value, "", ""))

    def wide(part: str, name: str, given: Interval | None) -> None:
        if given is not None:
            high = "" if given.high is None else given.high
            found.append((part, name, "" if given.value is None else given.value, given.low, high))

    one("experiment", "key", result.experiment.key)
    one("experiment", "as_of", result.as_of.isoformat())
    one("experiment", "windows_over", result.complete)
    for part, arm in (("treated", result.treated), ("held", result.held)):
        if arm is not None:
            for name in ("persons", "reached", "amount", "sent", "opened", "clicked", "points"):
                one(part, name, getattr(arm, name))
            wide(part, "rate", arm.rate)
    if result.effect is not None:
        wide("effect", "difference", result.effect.difference)
        wide("effect", "lift", result.effect.lift)
        wide("effect", "more", result.effect.more)
        one("effect", "p", result.effect.p)
    wide("effect", "difference_at_any_look", result.always)
    wide("effect", "difference_within_strata", result.weighed)
    wide("effect", "complier", result.complier)
    if result.amounts is not None:
        wide("amount", "a_head", result.amounts.plain)
        wide("amount", "a_head_adjusted", result.amounts.adjusted)
        one("amount", "variance_removed", result.amounts.removed)
    for group in result.groups:
        wide("group", group.name.en, group.lift)
    for check in result.checks:
        one("check", check.key, int(check.good))
    one("money", "spent", result.money.spent)
    one("money", "messages", result.money.messages)
    wide("money", "earned", result.money.earned)
    if result.naive is not None:
        one("misleading", "exposed_persons", result.naive.exposed.persons)
        one("misleading", "exposed_reached", result.naive.exposed.reached)
        one("misleading", "warning", result.naive.warning.en)
    one("persons", "in_both_arms", result.both)
    one("persons", "held_but_contacted", result.crossed)
    return found
