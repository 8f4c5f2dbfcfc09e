"""Fewer draws: these tests look at values, and at intervals where they make their own."""

from __future__ import annotations

import pytest

from zerodistance.evaluate import intervals


@pytest.fixture(autouse=True)
def few_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intervals, "REPLICATES", 20)
    monkeypatch.setattr(intervals, "_FEWEST", 20)
