"""A comparison that nobody randomised, such as a joint campaign with a partner: what it says, and what can't be concluded from it.

References
----------
T. J. VanderWeele, P. Ding, "Sensitivity analysis in observational research: introducing the E-value", Annals of Internal Medicine 167 (2017), 268-274.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from zerodistance.core.measurement import estimates
from zerodistance.core.measurement.estimates import Arm, Interval
from zerodistance.core.measurement.rules import needed
from zerodistance.kernel.errors import Invalid
from zerodistance.kernel.text import Text

_MOST = 1 << 40  # own value
_TENTH = 0.1


@dataclass(frozen=True, slots=True)
class Joint:
    """An exposed group beside those who were not exposed, without a lot.

    Attributes
    ----------
    rate
        Share of the exposed who bought, with Wilson's interval: that much is a fact.
    others_rate, times
        The same of the others, and how many times as often the exposed bought; None where the others are not known.
    hidden
        How strongly something that nobody measured would have to go with both exposure and purchase, as a ratio of risks, to explain all of it (the
        E-value); None where the others are not known or bought no less.
    can, cannot
        What may be concluded, and what may not.
    needed
        How many persons, a tenth of them held out by lot, would tell a lift of a tenth at the rate of the others, or where they are not known of the exposed.
    """

    exposed: Arm
    others: Arm | None
    rate: Interval
    others_rate: Interval | None
    times: Interval | None
    hidden: float | None
    can: tuple[Text, ...]
    cannot: tuple[Text, ...]
    needed: int | None


def joint(exposed: int, bought: int, others: int | None = None, others_bought: int | None = None) -> Joint:
    """Return what a comparison without a lot says; raises Invalid for counts that can't be.

    Examples
    --------
    >>> found = joint(1_270_000, 5_713)
    >>> [round(100 * edge, 3) for edge in found.rate], found.times
    ([0.45, 0.438, 0.462], None)
    >>> round(joint(1_270_000, 5_713, 3_910_000, 8_600).hidden, 2)
    3.51
    """
    mine = _arm("exposed", exposed, bought)
    rest = None if others is None else _arm("others", others, others_bought or 0)
    times = hidden = None
    if rest is not None:
        more = estimates.lift(mine, rest)
        times = Interval(*(None if edge is None else 1 + edge for edge in more))  # type: ignore[arg-type]
        hidden = e_value(times.value) if times.value is not None and times.value > 1 else None
    rate = estimates.rate(mine)
    base = mine.rate if rest is None or not rest.reached else rest.rate
    return Joint(
        exposed=mine,
        others=rest,
        rate=rate,
        others_rate=None if rest is None else estimates.rate(rest),
        times=times,
        hidden=hidden,
        can=tuple(_can(mine, rest, times)),
        cannot=tuple(_cannot(mine, hidden)),
        needed=needed(base, _TENTH, 0.8, share_held=_TENTH) if 0 < base < 1 else None,
    )


def e_value(times: float) -> float:
    """Return how strongly a hidden cause has to go with both sides, as a ratio of risks, to make so many times as much of nothing.

    Examples
    --------
    >>> round(e_value(2.0), 2)
    3.41
    """
    return times + math.sqrt(times * (times - 1))


def _arm(name: str, persons: int, reached: int) -> Arm:
    if not 1 <= persons <= _MOST or not 0 <= reached <= persons:
        why = Text(
            "人数至少 1，买了的不多于人数", "at least one person, and no more who bought than there are"
        )
        raise Invalid(field=name, given=f"{reached:,} / {persons:,}", why=why)
    return Arm(persons, reached)


def _can(mine: Arm, rest: Arm | None, times: Interval | None) -> list[Text]:
    share = 100 * mine.rate
    found = [
        Text(
            f"看过广告的 {mine.persons:,} 人里有 {mine.reached:,} 人买了，{share:.2f}%",
            f"{mine.reached:,} of the {mine.persons:,} who were exposed bought, {share:.2f}%",
        ),
    ]
    if rest is not None and times is not None and times.value is not None:
        found.append(
            Text(
                f"没看过的 {rest.persons:,} 人里有 {rest.reached:,} 人买了；看过的人买的是他们的 {times.value:.2f} 倍",
                f"{rest.reached:,} of the {rest.persons:,} who were not exposed bought; the exposed bought {times.value:.2f} times as often",
            ),
        )
    if times is not None and times.low > 1:
        found.append(
            Text(
                "名单有用：要找会买的人，从这群人里找比随便找强",
                "the list is of use: whoever looks for people who will buy finds more of them here than anywhere",
            )
        )
    return found


def _cannot(mine: Arm, hidden: float | None) -> list[Text]:
    found = [
        Text(
            f"不能说广告带来了这 {mine.reached:,} 笔：谁看到广告不是抽签决定的，常上网、正想买的人看到得多，也买得多",
            f"that the advertisement brought these {mine.reached:,} purchases: no lot decided who saw it, "
            "and whoever is online more, or about to buy, sees more of it and buys more",
        ),
        Text(
            "不能说不投放会少卖多少、每单花了多少钱：没有人被随机留出来不投",
            "how much less would have been sold without it, or what a purchase more has cost: nobody was left out by lot",
        ),
        Text(
            "不能拿它和抽签分组的活动比效果",
            "that it works better or worse than a campaign whose arms were drawn by lot",
        ),
    ]
    if hidden is not None:
        found.append(
            Text(
                f"差别有多牢：要用别的原因解释掉全部差别，这个原因得让人多 {hidden:.1f} 倍地看到广告，也多 {hidden:.1f} 倍地购买；购买意向就可能这么强",
                f"how firm the difference is: another cause would explain all of it if it made people "
                f"{hidden:.1f} times as likely to be exposed and {hidden:.1f} times as likely to buy; the wish to buy may well be as strong",
            )
        )
    return found


REFERENCE = (1_270_000, 5_713)
"""The joint campaign of 28 August 2015: exposed in that week, and bought. Of the rest of 5.18 million it is known only that their share was less than half."""
REFERENCE_REST = 5_180_000 - 1_270_000
