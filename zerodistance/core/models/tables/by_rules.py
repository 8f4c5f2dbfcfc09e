"""Rules that a person wrote, on a table: a column is called as in the list of features."""

from __future__ import annotations

import numpy as np

from zerodistance.core.models.ladder.columns import Floats
from zerodistance.core.models.ladder.points import Points
from zerodistance.core.models.tables.trial import Trial
from zerodistance.core.touchpoints.toml_values import near, wrong


def scores(rules: Points, where: Trial) -> Floats:
    """Return the score of each row that is said; raises MappingWrong where a column is no feature."""
    found = np.empty(len(where.places))
    for some, columns in where.asked.each(where.places):
        for name in rules.names:
            if name not in columns:
                hint = near(name, list(columns))
                raise wrong("rules", f"没有特征 {name}；{hint.zh}", f"there is no feature {name}; {hint.en}")
        found[some] = rules.scores(columns)
    return found
