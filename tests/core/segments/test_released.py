"""A released count says about how many there are, the same for the same people, and betrays nobody."""

from __future__ import annotations

import functools
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyroaring import BitMap

from benchmarks.lib import spying
from zerodistance.core.segments import released
from zerodistance.kernel.seal import Seal

K = 20
LONG = os.environ.get("ZERODISTANCE_TEST_SLOW") == "1"
ATTACKS = pytest.mark.parametrize("attack", spying.ATTACKS)
sets = st.sets(st.integers(1, 5_000), max_size=600).map(BitMap)


@functools.cache
def key(folder: Path) -> Seal:
    (folder / "key").write_text("5e" * 32)
    return Seal(folder / "key")


@pytest.fixture(scope="module")
def seal(tmp_path_factory: pytest.TempPathFactory) -> Seal:
    """A key that is the same at every run, so that the attacks are."""
    return key(tmp_path_factory.mktemp("key"))


@settings(max_examples=60)
@given(persons=sets)
def test_the_same_people_give_the_same_figure_however_they_are_held(seal: Seal, persons: BitMap) -> None:
    again = BitMap(sorted(persons, reverse=True))
    again.run_optimize()
    other = released.figure(Seal(seal.path), released.Panel(Seal(seal.path)), again, K)
    assert released.figure(seal, released.Panel(seal), persons, K) == other


@settings(max_examples=60)
@given(persons=sets, more=sets)
def test_who_is_not_of_the_panel_leaves_no_trace_in_a_figure(
    seal: Seal, persons: BitMap, more: BitMap
) -> None:
    panel = released.Panel(seal)
    others = more - panel.of(more)
    few, many = persons - others, persons | others
    if len(few) >= K:
        assert released.figure(seal, panel, few, K) == released.figure(seal, panel, many, K)


@settings(max_examples=60)
@given(persons=sets, k=st.integers(10, 100))
def test_fewer_than_k_are_never_shown_and_others_are_multiples_of_k(
    seal: Seal, persons: BitMap, k: int
) -> None:
    figure = released.figure(seal, released.Panel(seal), persons, k)
    if len(persons) < k:
        assert figure is None
    if figure is not None:
        assert figure % k == 0
        assert figure >= released.floor(k) >= k
        low, high = released.span(figure, k)
        assert k <= low <= figure <= high


def test_a_figure_is_right_as_often_as_is_said(seal: Seal) -> None:
    luck, panel = np.random.default_rng(1), released.Panel(seal)
    inside = []
    for _ in range(400):
        persons = BitMap(luck.choice(200_000, int(luck.integers(300, 30_000)), replace=False).tolist())
        figure = released.figure(seal, panel, persons, K)
        assert figure is not None
        low, high = released.span(figure, K)
        inside.append(low <= len(persons) <= high)
    assert np.mean(inside) > 0.92
    assert released.figure(seal, panel, BitMap(), K) is None


def test_one_in_fifteen_is_of_the_panel_wherever_one_looks(seal: Seal) -> None:
    panel = released.Panel(seal)
    for first in (0, 1_000_000, 3_000_000):
        share = len(panel.of(BitMap(range(first, first + 200_000)))) / 200_000
        assert share == pytest.approx(1 / released.ONE_IN, abs=0.002)


def town(seal: Seal, seed: int = 3) -> spying.Town:
    return spying.Town(20_000, seal, K, np.random.default_rng(seed))


@ATTACKS
def test_an_attack_guesses_hardly_better_than_the_base_rate(seal: Seal, attack: str) -> None:
    assert spying.advantage(town(seal), spying.ATTACKS[attack], 120, 0) <= 5


def test_to_solve_for_everybody_at_once_helps_hardly_either(seal: Seal) -> None:
    assert spying.reconstruction(town(seal), 400, 900) <= 5


class Naive(spying.Town):
    """What is tempting instead: all who are in the set, rounded by a draw that hangs on who they are."""

    def ask(self, persons: BitMap) -> int | None:
        if len(persons) < self.k:
            return None
        return (len(persons) + self.seal.draw(persons.serialize()) % self.k) // self.k * self.k


def test_the_attacks_are_attacks(seal: Seal) -> None:
    naive = Naive(20_000, seal, K, np.random.default_rng(3))
    assert spying.advantage(naive, spying.differencing, 60, 0) > 20
    assert spying.reconstruction(naive, 400, 900) > 20


@pytest.mark.slow
@ATTACKS
def test_of_many_targets_an_attack_guesses_at_most_five_points_more(seal: Seal, attack: str) -> None:
    targets, effort = (2_000, 3) if LONG else (1_000, 1)
    assert spying.advantage(town(seal, 5), spying.ATTACKS[attack], targets, effort) <= 5


@pytest.mark.slow
def test_to_solve_for_two_thousand_helps_hardly_either(seal: Seal) -> None:
    assert spying.reconstruction(town(seal), 2_000, 4_000) <= 5
