"""What somebody who sees no persons is told of an experiment hangs on the panel of released counts alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyroaring import BitMap

from zerodistance.core.measurement import api, rounded
from zerodistance.core.measurement.contracts import Experiment, Goal
from zerodistance.core.measurement.outcomes import People
from zerodistance.core.measurement.standing import HELD, TREATED
from zerodistance.core.segments import released
from zerodistance.kernel import clock
from zerodistance.kernel.access import Role, Who
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text

NEVER = int(np.iinfo(np.int64).max)
NUMBERS = np.arange(1, 6_001, dtype=np.uint32)
DAY = clock.MICROS_PER_DAY


@pytest.fixture
def autumn(home: Home) -> Experiment:
    """An experiment of a campaign."""
    return api.create(home, Who.system(), "autumn", Text("秋", "Autumn"), Goal("order.*", 7), share_held=0.3)


def people(reached: np.ndarray, held: np.ndarray, some: np.ndarray | None = None) -> People:
    """Return persons who reached the goal, or did not, in two arms."""
    chosen = np.ones(len(NUMBERS), np.bool_) if some is None else some
    many = int(chosen.sum())
    no, zero = np.zeros(many, np.bool_), np.zeros(many)
    arm = np.where(held, 1, 0)[chosen]
    return People(
        numbers=NUMBERS[chosen],
        arm=np.where(arm == 1, HELD, TREATED).astype(np.int8),
        stratum=np.zeros(many, np.int32),
        band=np.zeros(many, np.int8),
        at=np.zeros(many, np.int64),
        window=np.full(many, 7 * DAY),
        first=np.where(reached[chosen], DAY, NEVER),
        amount=zero,
        before=zero,
        reached_before=no,
        points=zero,
        sent=~no,
        opened=no,
        clicked=reached[chosen],
        both=no,
        messages={},
        strata=("",),
    )


@settings(max_examples=15)
@given(seed=st.integers(0, 10_000), share=st.floats(0.02, 0.5))
def test_who_is_not_of_the_panel_leaves_no_trace_in_a_result(
    home: Home, autumn: Experiment, seed: int, share: float
) -> None:
    luck = np.random.default_rng(seed)
    reached, held = luck.random(len(NUMBERS)) < 0.2, luck.random(len(NUMBERS)) < 0.3
    drawn = np.isin(NUMBERS, np.array(released.panel(home).of(BitMap(NUMBERS)), np.uint32))
    changed = np.where(drawn, reached, luck.random(len(NUMBERS)) < 0.2)
    kept = drawn | (luck.random(len(NUMBERS)) > share)
    told = [
        rounded.told(home, autumn, 1, people(*one), 8 * DAY)
        for one in ((reached, held), (changed, held), (reached, held, kept))
    ]
    assert told[0] == told[1] == told[2]


def test_who_came_later_and_is_not_of_the_panel_is_not_seen_in_how_many_windows_are_over(
    home: Home, autumn: Experiment
) -> None:
    drawn = np.isin(NUMBERS, np.array(released.panel(home).of(BitMap(NUMBERS)), np.uint32))
    few = people(np.zeros(len(NUMBERS), np.bool_), NUMBERS % 3 == 0, NUMBERS <= 60)
    many = people(np.zeros(len(NUMBERS), np.bool_), NUMBERS % 3 == 0)
    for one, luck in ((few, drawn[:60]), (many, drawn)):
        window = one.window.copy()
        window[np.flatnonzero(~luck)[0]] = 0
        late = replace(one, window=window)
        assert rounded.told(home, autumn, 1, one, 8 * DAY) == rounded.told(home, autumn, 1, late, 8 * DAY)


def test_the_interval_of_a_panel_holds_the_effect(home: Home, autumn: Experiment) -> None:
    luck, inside = np.random.default_rng(3), []
    for _ in range(40):
        held = luck.random(len(NUMBERS)) < 0.3
        reached = luck.random(len(NUMBERS)) < np.where(held, 0.2, 0.3)
        found = rounded.told(home, autumn, 1, people(reached, held), 8 * DAY)
        assert found.effect is not None
        inside.append(found.effect.difference.low <= 0.1 <= (found.effect.difference.high or 1))
        assert abs((found.effect.more.value or 0) - 0.1 * len(NUMBERS) * 0.7) < 1_200
    assert np.mean(inside) > 0.85


def test_a_plan_that_counted_persons_is_told_to_nobody_who_sees_none(home: Home) -> None:
    analyst, seller = Who(2, "ann", Role.ANALYST), Who(3, "sol", Role.MARKETER)
    for who in (analyst, seller):
        name = Text("秋", "Autumn")
        api.create(home, who, f"of-{who.name}", name, Goal("order.*", 7), audience=2_498, base_rate=0.2)
    for one in (*api.experiments(home, seller), api.result(home, seller, "of-ann").experiment):
        assert (one.plan is None) == (one.made_by == "ann")
    assert all(one.plan is not None for one in api.experiments(home, analyst))
