"""How much somebody will spend: the chance that they buy at all, and how much then, both learned.

Where purchases wait for something else, such as the end of an appliance, this is better than lifetimes, which take them to come at a rate of one's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from zerodistance.core.models.ladder import trees
from zerodistance.core.models.ladder.columns import Columns, Floats, Ints
from zerodistance.core.models.ladder.forest import Trees
from zerodistance.core.models.ladder.points import Points


@dataclass(frozen=True)
class Amount:
    """The chance to buy, and the logarithm of what those who buy spend.

    Attributes
    ----------
    much
        Its scores are logarithms of amounts.
    smear
        By what the mean amount is larger than the amount of the mean logarithm (Duan's smearing).
    """

    chance: Points
    much: Trees
    smear: float

    @property
    def names(self) -> tuple[str, ...]:
        """The features of the chance; reasons are its own."""
        return self.chance.names

    def values(self, columns: Columns) -> Floats:
        """Return what each is expected to spend."""
        return self.chance.chances(columns) * np.exp(self.much.scores(columns)) * self.smear

    def scores(self, columns: Columns) -> Floats:
        """Return the logarithm of the odds to buy at all."""
        return self.chance.scores(columns)

    def chances(self, columns: Columns) -> Floats:
        """Return the probability that each buys at all."""
        return self.chance.chances(columns)

    def contributions(self, columns: Columns) -> Floats:
        """Return what each feature adds to the logarithm of the odds to buy; shape (rows, features)."""
        return self.chance.contributions(columns)

    def reasons(self, columns: Columns, most: int = 3) -> tuple[Ints, Floats]:
        """Return which features add most to that beyond what they usually do, the most first (-1: none does), and how much; shape (rows, most) each."""
        return self.chance.reasons(columns, most)


def fit(
    columns: Columns,
    spent: Floats,
    *,
    monotone: Mapping[str, int] | None = None,
    households: Any = None,
    seed: int = 0,
) -> Amount:
    """Return the model of rows of which some spent something; raises TooFewOutcomes as `trees.fit_additive` does.

    Parameters
    ----------
    spent
        Amounts, 0 of who bought nothing; what is below 0 counts as nothing.
    """
    bought = spent > 0
    chance = trees.fit_additive(
        columns, bought.astype(np.float64), monotone=monotone, households=households, seed=seed
    )
    some = {name: values[bought] for name, values in columns.items() if not np.isnan(values[bought]).all()}
    theirs = None if households is None else np.asarray(households)[bought]
    logs = np.log(spent[bought])
    much = trees.fit_number(some, logs, households=theirs, seed=seed, **trees.ADDITIVE)
    return Amount(chance, much, float(np.exp(logs - much.scores(some)).mean()))
