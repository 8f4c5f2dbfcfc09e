"""A marketer's account is attacked by a program, over HTTP: it guesses hardly better than a coin, and much better where everybody is counted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.lib import marketer
from zerodistance.core.segments import released

MOST = 5.0  # points, as is promised
TARGETS = 120  # in each of two towns
CHANCE = 100 * 3 * np.sqrt(0.25 / (2 * TARGETS))
"""Three standard errors of a share of so many guesses, in points."""


def _attacked(folder: Path, targets: int) -> dict[str, list[float]]:
    learned = []
    for number in range(2):
        town = marketer.Town(folder / str(number), 12_000, targets // 2, np.random.default_rng(number))
        try:
            learned.append(marketer.attacked(town))
        finally:
            town.close()
    return marketer.points(learned)


@pytest.mark.slow
def test_a_marketers_account_guesses_hardly_better_than_a_coin(tmp_path: Path) -> None:
    points = _attacked(tmp_path, TARGETS)
    assert max(map(np.mean, points.values())) < MOST + CHANCE, points


@pytest.mark.slow
def test_the_same_attacks_succeed_where_everybody_is_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(released, "ONE_IN", 1)
    monkeypatch.setattr(released, "_BELOW", 65_536)
    monkeypatch.setattr(released, "_panels", {})
    points = _attacked(tmp_path, 40)
    assert min(points["campaign_statistics"]) > 30
    assert min(points["together"]) > 30


def test_free_questions_are_refused_to_a_marketer(tmp_path: Path) -> None:
    town = marketer.Town(tmp_path, 2_000, 10, np.random.default_rng(1))
    try:
        assert marketer.crafted_calls(town, int(town.targets[0][0])) == [0.0]
    finally:
        town.close()
