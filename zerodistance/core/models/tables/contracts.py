"""What trying a table gives, and why it is not tried."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from zerodistance.core.models import measures
from zerodistance.core.models.ladder.columns import Floats
from zerodistance.kernel.errors import ZeroDistanceError
from zerodistance.kernel.text import Text


@dataclass(frozen=True)
class Feature:
    """A column of a table, as it was found.

    Attributes
    ----------
    type
        number, word or date.
    known, distinct
        Rows with a value; about how many different ones.
    used
        Names of what became of it, as models have them; empty: it is left out, and `why` says so.
    odd
        Values that are none of the type, which count as missing.
    """

    name: str
    type: str
    known: int
    distinct: int
    used: tuple[str, ...] = ()
    why: Text | None = None
    odd: int = 0


@dataclass
class Found:
    """What was found of a table.

    Attributes
    ----------
    rows
        That are looked at.
    refused
        Why others are not -> how many.
    """

    rows: int
    features: tuple[Feature, ...]
    refused: list[tuple[Text, int]] = field(default_factory=list)
    notes: list[Text] = field(default_factory=list)


@dataclass
class Outcome:
    """How the ladder does on a table.

    Attributes
    ----------
    best
        The step that loses least.
    steps
        Step -> measure -> value, low and high, all on the same rows; `behind` is how far a step is behind the best one.
    weighs
        Feature and its share of what moves scores, the most first.
    more
        What a task says beside its measures.
    said
        A row for each that is said: `row` in the file, `id` where the mapping names one (`customer` of purchases), and what the best step says of it in
        the mean over seeds, by a model that never saw it: `chance`, `number`, `risk`, `uplift`, or `times` and `value`; `score` is its place, 0 to 100.
    """

    task: str
    found: Found
    protocol: Text
    trained_rows: int
    seeds: int
    best: str
    steps: dict[str, dict[str, Any]]
    weighs: list[tuple[str, float]] = field(default_factory=list)
    warnings: list[Text] = field(default_factory=list)
    more: dict[str, Any] = field(default_factory=dict)
    said: pa.Table | None = None
    seconds: float = 0.0

    @property
    def figures(self) -> dict[str, Any]:
        """The measures of the best step."""
        return self.steps[self.best]


def spoken(row: pa.Array, ids: pa.Array | None, said: dict[str, Floats], by: str) -> pa.Table:
    """Return the rows of `Outcome.said`; the score is the place by the column `by`."""
    columns: dict[str, object] = {"row": row} if row is not None else {}
    if ids is not None:
        columns["id"] = ids
    place = (measures.ranks(said[by]) - 0.5) * (100.0 / max(len(said[by]), 1))
    return pa.table({**columns, **said, "score": np.round(place, 3)})


class NoData(ZeroDistanceError):
    """Neither the mapping nor the command says which file."""

    code, status = "no_file_meant", 400
    text = Text(
        '没有说是哪个文件：在映射里写 data = "文件"，或用 --data',
        'which file is meant is not said: write data = "file" in the mapping, or use --data',
    )


class NothingLeft(ZeroDistanceError):
    """No row, or no feature, is left to learn from."""

    code, status = "nothing_left", 422
    text = Text("没有可用的{what}：{why}", "no {what} is left: {why}")
