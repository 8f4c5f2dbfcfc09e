"""How soon the next turn of the index comes."""

from __future__ import annotations

import time

import pytest

from zerodistance.core.profiles.pace import Pace


def paused(pace: Pace, ended: float, *, waited_for: bool = False) -> float:
    """Return after how many seconds the next turn comes, to a tenth."""
    return next(n / 10 for n in range(2_000) if pace.comes(ended + n / 10 + 1e-6, waited_for=waited_for))


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [1_000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


def turn(pace: Pace, at: list[float], seconds: float, done: int) -> float:
    began = at[0]
    at[0] += seconds
    pace.took(began, at[0], done)
    return at[0]


def test_little_traffic_is_looked_at_soon_and_much_has_a_tenth_of_a_core(at: list[float]) -> None:
    pace = Pace(0.0)
    turn(pace, at, 0.1, 100)
    at[0] += 0.5
    assert paused(pace, turn(pace, at, 0.2, 600)) == 0.3
    at[0] += 0.5
    assert paused(pace, turn(pace, at, 0.5, 20_000)) == 4.5
    assert paused(pace, at[0], waited_for=True) == 0.5
    at[0] += 4.5
    assert paused(pace, turn(pace, at, 20.0, 90_000)) == 60.0


def test_what_had_waited_for_a_start_is_no_traffic(at: list[float]) -> None:
    pace = Pace(0.0)
    assert pace.comes(at[0], waited_for=False)
    assert paused(pace, turn(pace, at, 6.0, 40_000)) == 3.0
    at[0] += 3.0
    assert paused(pace, turn(pace, at, 0.4, 9_000)) == 0.3, "nine seconds of little traffic"
