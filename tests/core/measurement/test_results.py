"""What came of an experiment: who counts, when, and what is said of it to whom."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from pyroaring import BitMap

from tests.core.measurement.town import NOW, Town, frozen
from zerodistance.core.measurement import api, strata
from zerodistance.core.measurement.contracts import Goal, NoGlobalHoldout, TooManyStrata, Value
from zerodistance.core.measurement.estimates import Interval
from zerodistance.core.measurement.figures import Naive
from zerodistance.core.profiles import api as profiles
from zerodistance.core.touchpoints.tail import touches_view
from zerodistance.kernel.access import Role, Who
from zerodistance.kernel.errors import Invalid
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text

NAME, SYSTEM = Text("秋季", "Autumn"), Who.system("test")
MARKETER = Who(4, "marketer", Role.MARKETER)
GOAL = Goal("order.*", 7, value=Value.AMOUNT)
HOUR = timedelta(hours=1)


@pytest.fixture
def town(home: Home) -> Iterator[Town]:
    """Return a home of 400 persons, the person n of the subjects n and 1000 + n, who were assigned an hour ago."""
    made = Town(home)
    made.settle((s, s % 1000) for s in (*range(1, 401), *range(1001, 1401)))
    with frozen(NOW - HOUR):
        api.create(home, SYSTEM, "autumn", NAME, GOAL, share_held=0.5)
        api.assign(home, SYSTEM, "autumn", BitMap(range(1, 401)))
    yield made


def bought(subject: int, at: Any = NOW, amount: float = 100.0, **other: Any) -> dict[str, Any]:
    return {"subject": subject, "kind": "order.line", "at": at, "amount": amount, **other}


def test_what_counts_is_what_came_in_each_persons_own_window(town: Town) -> None:
    home = town.home
    treated = sorted(api.treated(home, "autumn"))
    held = sorted(set(range(1, 401)) - set(treated))
    start = NOW - HOUR
    town.did(
        bought(treated[0]), bought(1000 + treated[0], NOW + HOUR), bought(held[0]),
        bought(treated[1], start), bought(treated[2], start + timedelta(days=7), currency="USD"),
        bought(treated[3], start + timedelta(days=7, seconds=1)), bought(900),
        {"subject": treated[4], "kind": "page.viewed", "at": NOW},
    )  # fmt: skip
    with frozen(NOW + timedelta(days=9)):
        found = api.result(home, SYSTEM, "autumn")
        early = api.result(home, SYSTEM, "autumn", until=1_000_000 * int(NOW.timestamp()))
        with pytest.raises(Invalid):
            api.result(home, SYSTEM, "autumn", until=0)
    assert found.held is not None and found.effect is not None and found.amounts is not None
    assert (found.treated.persons, found.treated.reached, found.treated.amount) == (len(treated), 2, 200.0)
    assert (found.held.persons, found.held.reached, found.held.amount) == (len(held), 1, 100.0)
    assert found.done and found.both == 0
    assert found.effect.difference.value == pytest.approx(2 / len(treated) - 1 / len(held))
    assert [day.day for day in found.days] == list(range(1, 8))
    assert found.days[0].treated.value == 1 / len(treated)
    assert early.treated.reached == 1 and early.complete == 0 and early.notes


def test_who_gives_back_what_was_bought_before_has_not_bought(town: Town) -> None:
    home = town.home
    one, two, three, *_ = sorted(api.treated(home, "autumn"))
    town.did(
        bought(one), bought(two, kind="order.returned", amount=-40.0), bought(two, kind="order.cancelled", amount=90.0),
        bought(one, NOW + HOUR, -30.0, kind="order.refunded"), bought(three, kind="order.adjusted", amount=7.0),
    )  # fmt: skip
    with frozen(NOW - HOUR):
        api.create(home, SYSTEM, "returns", NAME, Goal("order.returned", 7), share_held=0.5)
        api.assign(home, SYSTEM, "returns", BitMap(range(1, 401)))
    with frozen(NOW + timedelta(days=9)):
        found, returns = api.result(home, SYSTEM, "autumn"), api.result(home, SYSTEM, "returns")
    assert (found.treated.reached, found.treated.amount) == (1, 30.0)
    assert returns.held is not None and returns.treated.reached + returns.held.reached == 1


def test_a_touch_counts_for_whoever_its_subject_turned_out_to_be(town: Town) -> None:
    home = town.home
    one = min(api.treated(home, "autumn"))
    town.settle([(2001, one)])  # seen only after the assignment
    town.did(bought(2001))
    with frozen(NOW + HOUR):
        assert api.result(home, SYSTEM, "autumn").treated.reached == 1


def test_messages_are_counted_and_those_who_read_them_are_told_with_a_warning_only(town: Town) -> None:
    home = town.home
    treated = sorted(api.treated(home, "autumn"))
    held = min(set(range(1, 401)) - set(treated))
    sent = [
        {"subject": s, "kind": kind, "at": NOW, "campaign": campaign, "channel": "sms"}
        for s, kind, campaign in [
            *((s, "message.sent", "autumn") for s in treated[:100]), *((s, "message.opened", "autumn") for s in treated[:40]),
            (treated[150], "message.sent", "winter"), (held, "message.sent", "autumn"),
        ]
    ]  # fmt: skip
    town.did(*sent, *(bought(s, NOW + HOUR) for s in treated[:30]))
    api.cost(home, SYSTEM, "autumn", 0.05, "texts", per_message=True, channel="sms")
    api.cost(home, SYSTEM, "autumn", 200.0, "a designer")
    with pytest.raises(Invalid):
        api.cost(home, SYSTEM, "autumn", 0.0, "nothing")
    with frozen(NOW + timedelta(days=8)):
        found = api.result(home, SYSTEM, "autumn")
    assert (found.treated.sent, found.treated.opened, found.crossed) == (100, 40, 1)
    assert isinstance(found.naive, Naive) and found.naive.exposed == (40, 30) and found.naive.warning.en
    assert found.money.spent == pytest.approx(200 + 101 * 0.05) and found.money.messages == 101
    assert (
        found.money.per_more is not None and found.money.earned is not None and found.money.back is not None
    )
    assert found.complier is not None and found.effect is not None
    assert found.effect.difference.value is not None
    uptake = 100 / found.treated.persons - 1 / (400 - found.treated.persons)
    assert found.complier.value == pytest.approx(found.effect.difference.value / uptake)
    assert {check.key: check.good for check in found.checks}["crossed"] is False


def test_an_account_that_sees_no_persons_gets_figures_of_the_panel_and_nothing_of_few(town: Town) -> None:
    home = town.home
    treated = sorted(api.treated(home, "autumn"))
    town.did(*(bought(s) for s in treated[:50]))
    with frozen(NOW + timedelta(days=8)):
        exact, found = api.result(home, SYSTEM, "autumn"), api.result(home, MARKETER, "autumn")
        api.create(home, SYSTEM, "few", NAME, GOAL, share_held=0.5)
        api.assign(home, SYSTEM, "few", BitMap(range(1, 61)))
        few = api.result(home, MARKETER, "few")
    assert found.released and exact.effect is not None
    k = home.settings.released_k
    for arm in (found.treated, *((found.held,) if found.held is not None else ())):
        assert arm.persons % k == 0 and arm.reached % k == 0
    assert found.effect is None or found.effect.difference.low < exact.effect.difference.low
    assert (found.naive, found.days, found.looks, found.amounts, found.groups) == (None, (), (), None, ())
    assert few.effect is None and few.held is None and few.treated.persons == 0
    assert api.seen(home, MARKETER)[0].p is None


def test_hourly_looks_are_noted_until_the_windows_are_over(town: Town) -> None:
    home = town.home
    treated = sorted(api.treated(home, "autumn"))
    town.did(*(bought(s, NOW + HOUR * n) for n, s in enumerate(treated[:20])))
    for hours in (1, 5, 9 * 24, 9 * 24 + 1):
        with frozen(NOW + HOUR * hours):
            api.look(home)
    with frozen(NOW + timedelta(days=10)):
        found = api.result(home, SYSTEM, "autumn")
        (listed,) = api.seen(home, SYSTEM)
    assert len(found.looks) == 3 and found.always == pytest.approx(found.looks[-1].difference)
    assert listed.treated.reached == 20 and listed.p is not None and listed.lift is not None


def test_what_all_contact_does_is_measured_against_the_global_holdout(town: Town) -> None:
    home = town.home
    with pytest.raises(NoGlobalHoldout):
        api.global_holdout(home, SYSTEM)
    with frozen(NOW):
        api.hold_globally(home, SYSTEM, "all-contact", NAME, Goal("order.*", 100), 0.3)
        api.create(home, SYSTEM, "winter", NAME, GOAL, share_held=0.1)
        api.assign(home, SYSTEM, "winter", BitMap(range(1, 401)))
        held = set(range(1, 401)) - set(api.treated(home, "all-contact"))
    written = {"kind": "message.sent", "channel": "sms", "at": NOW + HOUR}
    town.did(*(bought(s, NOW + HOUR) for s in sorted(held)[:7]))
    town.did(
        {
            "subject": min(held),
            "campaign": "filters",
            **written,
        },  # a service message, which nobody is held out of
        {"subject": min(set(range(1, 401)) - held), "campaign": "winter", **written},
    )
    with frozen(NOW + timedelta(days=1)):
        found, winter = api.global_holdout(home, SYSTEM), api.result(home, SYSTEM, "winter")
    assert found.held is not None and (found.held.persons, found.held.reached) == (len(held), 7)
    assert (found.treated.sent, found.crossed) == (1, 0)
    assert winter.held is not None and winter.treated.persons + winter.held.persons == 400 - len(held)


def test_a_result_can_be_taken_as_a_table(town: Town) -> None:
    out = io.StringIO()
    with frozen(NOW + HOUR):
        api.export(town.home, SYSTEM, "autumn", out)
    lines = out.getvalue().splitlines()
    assert lines[0] == "part,name,value,low,high"
    assert any(line.startswith("effect,lift,") for line in lines)


def test_a_comparison_without_a_lot_says_what_it_cannot_say() -> None:
    found = api.joint(1_270_000, 5_713, 3_910_000, 8_600)
    assert found.times is not None and found.times.low > 1.9 and found.hidden is not None and found.hidden > 3
    assert any("lot" in one.en for one in found.cannot) and len(found.can) == 3
    assert api.joint(1_270_000, 5_713).times is None
    for wrong in ((0, 0), (10, 11), (10, 1, 0, 0)):
        with pytest.raises(Invalid):
            api.joint(*wrong)
    assert Interval(0.1, 0.01, None).clear


def test_an_account_that_sees_no_persons_plans_with_released_counts_and_is_told_no_exact_ones(
    town: Town,
) -> None:
    home = town.home
    town.did(*(bought(s) for s in range(1, 11)))
    keeper = profiles.follower(home)
    with home.engine.connect() as connection:
        touches_view(connection, home)
        touches = connection.sql("select * from touches").to_arrow_table()
    with frozen(NOW + HOUR):
        keeper.follow(touches, 1)
        keeper.update()
        exact, seen = (api.plan(home, who, Goal("order.line", 28), 10_000) for who in (SYSTEM, MARKETER))
    assert (exact.base_rate, seen.base_rate) == (0.025, 0.0)  # so few are hidden
    assert (api.experiment(home, MARKETER, "autumn").persons, api.experiments(home, MARKETER)[0].held) == (
        0,
        0,
    )


def test_strata_hold_their_share_to_a_person_and_are_told_as_groups(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = town.home
    town.did(*(bought(s, NOW - timedelta(days=2 + n), 50.0) for s in range(1, 201) for n in range(1 + s % 2)))
    keeper = profiles.follower(home)
    with home.engine.connect() as connection:
        touches_view(connection, home)
        touches = connection.sql("select * from touches").to_arrow_table()
    with frozen(NOW):
        keeper.follow(touches, 1)
        keeper.update()
        api.create(
            home,
            SYSTEM,
            "layered",
            NAME,
            GOAL,
            share_held=0.5,
            stratify=["value.orders_total"],
            score="value.spend_total",
        )
        receipt = api.assign(home, SYSTEM, "layered", BitMap(range(1, 401)))
        monkeypatch.setattr(strata, "MOST", 2)
        with pytest.raises(TooManyStrata):
            strata.of(home, np.arange(1, 401, dtype=np.uint32), ["value.orders_total"], None)
    for once in (range(2, 201, 2), range(1, 201, 2), range(201, 401)):
        held = len(receipt.held & BitMap(once))
        assert abs(held - len(once) / 2) <= 1
    town.did(*(bought(s, NOW + HOUR) for s in receipt.treated))
    with frozen(NOW + timedelta(days=8)):
        found = api.result(home, SYSTEM, "layered")
    assert len(found.groups) == 3 and found.weighed is not None and found.weighed.low > 0.9
    assert all(group.name.en and group.lift.low > 0 for group in found.groups)
    assert found.uplift is None  # too few to say whom it moves
    assert found.amounts is not None and found.amounts.adjusted.clear
