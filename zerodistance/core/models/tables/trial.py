"""Who is said by whom: rows are dealt into parts, parted by a day, or stand in two files; a row is only said by what never saw it, nor its group."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from zerodistance.core.models.ladder import folds
from zerodistance.core.models.ladder.columns import Columns, Floats, Ints
from zerodistance.core.models.tables.contracts import NothingLeft, spoken
from zerodistance.core.models.tables.prepared import Prepared
from zerodistance.core.models.tables.question import Question
from zerodistance.kernel.text import Text

CELLS = 40_000_000  # own value: rows times features that are learned from at once
ROWS = 200_000
"""Rows to learn from at most, own value, measured: more make a model no better."""
Told = Callable[[Text, int, int], None]


class Effort(NamedTuple):
    """How much is done.

    Attributes
    ----------
    kinds
        The steps that are tried; empty: all.
    seeds
        How often rows are parted and models are learned anew.
    rows
        To learn from at most; everybody else is said a part after the other.
    draws
        Of rows, for intervals.
    """

    kinds: tuple[str, ...] = ()
    seeds: int = 1
    rows: int = ROWS
    draws: int = 200

    def wants(self, step: str) -> bool:
        """Return whether a step is tried."""
        return not self.kinds or step in self.kinds


USUAL = Effort()


@dataclass(frozen=True)
class Rows:
    """Rows to learn from, ascending places in the table, with their features."""

    places: Ints
    columns: Columns


Fit = Callable[[Rows, int], Callable[[Columns], Floats]]
"""Takes rows to learn from and a seed; returns what says one number, or a row of them, of other rows."""


@dataclass
class Trial:
    """A table, how it is parted, and how often.

    Attributes
    ----------
    learned, asked
        The table to learn from, and the one whose rows are said; the same unless the test is a file of its own.
    splits
        Of each seed: the rows to learn from and the rows to be said.
    """

    learned: Prepared
    asked: Prepared
    places: Ints
    splits: list[list[tuple[Ints, Ints]]]
    protocol: Text
    trained: int
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def seeds(self) -> int:
        """How often rows are parted anew."""
        return len(self.splits)

    @property
    def groups(self) -> Ints | None:
        """Of each row that is said."""
        return None if self.asked.groups is None else self.asked.groups[self.places]

    def number(self, key: str) -> Floats:
        """Return the label, or another number, of each row that is said."""
        return self.asked.numbers[key][self.places]

    def spoken(self, what: str, said: Floats) -> pa.Table:
        """Return what each row is said, with its number in the file and its id."""
        ids = None if self.asked.ids is None else self.asked.ids.take(pa.array(self.places))
        return spoken(pa.array(self.asked.row[self.places]), ids, {what: said.mean(axis=0)}, what)

    def said(self, name: str, fit: Fit, told: Told, wide: int = 0) -> Floats:
        """Return what each row is said with each seed; shape (seeds, rows), or (seeds, rows, `wide`)."""
        shape = (self.seeds, len(self.places), *([wide] if wide else []))
        found, done, many = np.empty(shape), 0, sum(map(len, self.splits))
        place = np.full(len(self.asked), -1, np.int64)
        place[self.places] = np.arange(len(self.places))
        began = time.perf_counter()
        told(Text(name, name), 0, many)
        for seed, each in enumerate(self.splits):
            for rest, here in each:
                model = fit(varied(Rows(rest, self.learned.columns(rest))), seed)
                for some, columns in self.asked.each(here):
                    found[seed, place[here[some]]] = model(columns)
                done += 1
                told(Text(name, name), done, many)
        self.seconds[name] = (time.perf_counter() - began) / many
        return found


def varied(rows: Rows) -> Rows:
    """Return rows without the features that say the same of all of them."""
    kept = {name: values for name, values in rows.columns.items() if _varies(values)}
    return Rows(rows.places, kept or rows.columns)


def _varies(values: Floats) -> bool:
    known = values[~np.isnan(values)]
    return bool(len(known)) and (len(known) < len(values) or bool(known.min() < known.max()))


def trial(
    question: Question, learned: Prepared, test: Prepared | None, strata: Floats, effort: Effort
) -> Trial:
    """Return how a table is parted.

    Parameters
    ----------
    strata
        Of each row of the table to learn from: 0 and 1, or numbers, which are spread evenly over parts.

    Raises
    ------
    TooFewOutcomes
        There are too few to part.
    NothingLeft
        One side of the day is empty.
    """
    width = max(1, sum(len(one.features) for one in learned.chosen))
    seeds, most = effort.seeds, max(1_000, min(effort.rows, CELLS // width))
    if test is not None:
        every = np.arange(len(learned))
        splits = [
            [(sample(every, learned.groups, most, seed), np.arange(len(test)))] for seed in range(seeds)
        ]
        said = Text("用一个文件训练，用另一个评估", "trained with one file, looked at with the other")
        return _of(learned, test, splits, said)
    if question.train_before and learned.times is not None:
        return _by_time(question, learned, learned.times, seeds, most)
    if len(learned) * (1 - 1 / question.parts) > most:
        few = max(2, round(len(learned) / most))
        own = folds.parts(strata, learned.groups, few, 1_000) == 0
        mine, rest = np.flatnonzero(own), np.flatnonzero(~own)
        splits = [[(sample(mine, learned.groups, most, seed), rest)] for seed in range(seeds)]
        protocol = Text(
            f"用 {few} 份中的一份训练，其余各行由它来说",
            f"trained with one of {few} parts, all other rows are said by it",
        )
        return _of(learned, learned, splits, protocol)
    splits = []
    for seed in range(seeds):
        part = folds.parts(strata, learned.groups, question.parts, 1_000 + seed)
        splits.append([(np.flatnonzero(part != n), np.flatnonzero(part == n)) for n in range(question.parts)])
    protocol = Text(
        f"分成 {question.parts} 份，每一份由其余各份训练出的模型来说",
        f"{question.parts} parts, each said by what was trained with the others",
    )
    return _of(learned, learned, splits, protocol)


def _of(learned: Prepared, asked: Prepared, splits: list[list[tuple[Ints, Ints]]], protocol: Text) -> Trial:
    places = np.unique(np.concatenate([here for _, here in splits[0]]))
    trained = max(len(rest) for each in splits for rest, _ in each)
    return Trial(learned, asked, places, splits, protocol, trained)


def _by_time(question: Question, learned: Prepared, times: Floats, seeds: int, most: int) -> Trial:
    at = question.train_before
    try:
        edge = float(at)
    except ValueError:
        edge = datetime.fromisoformat(f"{at}+00:00").timestamp() / 86_400
    before, after = np.flatnonzero(times < edge), np.flatnonzero(times >= edge)
    for side, rows in (("train_before", before), ("time", after)):
        if not len(rows):
            raise NothingLeft(
                what=Text("行", "row"),
                why=Text(f"{side}：{at} 的这一侧没有行", f"{side}: no row is on this side of {at}"),
            )
    splits = [[(sample(before, learned.groups, most, seed), after)] for seed in range(seeds)]
    lost = int(np.isnan(times).sum())
    if lost:
        learned.found.refused.append((Text("time 缺失", "time is missing"), lost))
    return _of(
        learned,
        learned,
        splits,
        Text(
            f"用 {at} 之前的行训练，用其后的行评估",
            f"trained with the rows before {at}, looked at with those from then on",
        ),
    )


def sample(rows: Ints, groups: Ints | None, most: int, seed: int) -> Ints:
    """Return at most about so many rows, ascending, groups whole."""
    if len(rows) <= most:
        return rows
    luck = np.random.default_rng(seed)
    if groups is None:
        return np.sort(luck.choice(rows, most, replace=False))
    mine = np.unique(groups[rows], return_inverse=True)[1]
    return rows[(luck.random(int(mine.max()) + 1) < most / len(rows))[mine]]
