"""Costs of experiments: booked by hand, or for each message that goes out; and what came of the money."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from zerodistance.core.measurement import experiments, store
from zerodistance.core.measurement.contracts import Cost, Experiment
from zerodistance.core.measurement.estimates import Interval
from zerodistance.core.measurement.figures import Money
from zerodistance.kernel import clock
from zerodistance.kernel.access import Permission, Who
from zerodistance.kernel.errors import Invalid
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text

_MOST = 1e12  # own value
_LONGEST = 200  # own value: characters


def cost(
    home: Home,
    who: Who,
    key: str,
    amount: float,
    what: str,
    *,
    per_message: bool = False,
    channel: str | None = None,
) -> tuple[Cost, ...]:
    """Book a cost; needs SEND; return all that is booked. What was booked by mistake is booked again below 0.

    Parameters
    ----------
    amount
        In the home's currency.
    what
        What it was spent on.
    per_message
        It is the price of each message that was sent by then or later; with `channel` of each by that channel.
    """
    who.need(Permission.SEND)
    if not math.isfinite(amount) or abs(amount) > _MOST or amount == 0:
        why = Text("要一个不为 0 的数", "a number other than 0 is wanted")
        raise Invalid(field=Text("金额", "amount"), given=amount, why=why)
    if not 1 <= len(what.strip()) <= _LONGEST:
        why = Text(f"1 到 {_LONGEST} 个字", f"1 to {_LONGEST} characters")
        raise Invalid(field=Text("用途", "what it is for"), given=what[:40], why=why)
    with home.state.write() as tx:
        row = experiments.row_of(tx, who, key)
        who.need_unit(row["unit_id"])
        number = int(row["number"])
        store.add_cost(
            tx, experiment=number, amount=amount, what=what.strip(), per_message=int(per_message),
            channel=channel or None, booked_by=who.name, booked_at=clock.micros(),
        )  # fmt: skip
        return tuple(_cost(row) for row in store.costs(tx, number))


def costs(home: Home, who: Who, key: str) -> tuple[Cost, ...]:
    """Return what is booked, in order."""
    with home.state.read() as tx:
        number = int(experiments.row_of(tx, who, key)["number"])
        return tuple(_cost(row) for row in store.costs(tx, number))


def money(
    home: Home,
    found: Experiment,
    number: int,
    messages: Mapping[str, int],
    more: Interval | None,
    earned: Interval | None,
) -> Money:
    """Return what an experiment cost and what came of it, out of how many messages were sent by channel."""
    with home.state.read() as tx:
        booked = tuple(_cost(row) for row in store.costs(tx, number))
    every = sum(messages.values())
    spent = sum(
        one.amount * (every if one.channel is None else messages.get(one.channel, 0))
        if one.per_message
        else one.amount
        for one in booked
    )
    clear = more is not None and more.value is not None and more.low > 0
    return Money(
        costs=booked,
        spent=spent,
        messages=every,
        per_more=spent / more.value if clear and more is not None and more.value else None,
        earned=earned,
        back=earned.value / spent if earned is not None and earned.value is not None and spent > 0 else None,
    )


def _cost(row: Mapping[str, Any]) -> Cost:
    return Cost(
        row["number"],
        row["amount"],
        row["what"],
        bool(row["per_message"]),
        row["channel"],
        row["booked_by"],
        row["booked_at"],
    )
