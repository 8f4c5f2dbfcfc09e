"""Whatever a comparison says can be told to people."""

from __future__ import annotations

from zerodistance.core.identity.matching.compare import COMPARISONS
from zerodistance.core.identity.matching.words import LABELS, LEVELS


def test_every_comparison_and_every_level_has_words() -> None:
    assert {one.key for one in COMPARISONS} <= set(LABELS)
    for one in COMPARISONS:
        for level in one.levels:
            said = LEVELS[one.key, level]
            assert said.zh and said.en, (one.key, level)
