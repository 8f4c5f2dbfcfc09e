"""What comes of a table of points before it is published: how right it has been, what each condition contributed, and who would change band."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from zerodistance.core.models import features, measures, persons, picture, training
from zerodistance.core.models.contracts import Model
from zerodistance.core.models.features import View
from zerodistance.core.models.ladder.columns import Columns, Floats, Ints
from zerodistance.core.models.ladder.points import Points
from zerodistance.core.models.workshop import Bench, Told, checked
from zerodistance.core.profiles import api as profiles
from zerodistance.core.profiles.splits import Who as Numbers
from zerodistance.kernel.access import Permission, Who
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text

SAMPLE = 20_000  # own value: persons and targets by which is told at once who changes band
_AT_ONCE = 1 << 17  # own value: persons that are looked at together
_DRAWS = 200  # own value: how often households are drawn for an interval
_TOP = 0.1
_COUNTING = Text("数所有人", "counting everybody")
_INTERVALS = Text("抽样家庭，算区间", "drawing households for intervals")


class Judged(NamedTuple):
    """How right something is on the rows: AUC, the share of hits in the top tenth, and how much more that is than the mean."""

    auc: float
    precision: float
    lift: float


class Between(NamedTuple):
    """A value with its 95 % interval over households."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Moved:
    """Who changes band, from the rules as they stand to those that are tried.

    Attributes
    ----------
    rows
        Persons, each for a target.
    of
        How many there are of them in all; more than `rows` for a sample.
    matrix
        From band -> to band -> how many, the lowest first; `nodes` names them.
    """

    rows: int
    of: int
    nodes: tuple[tuple[str, Text], ...]
    matrix: tuple[tuple[int, ...], ...]

    @property
    def changed(self) -> int:
        """How many are in another band than before."""
        return self.rows - sum(self.matrix[n][n] for n in range(len(self.nodes)))

    @property
    def up(self) -> int:
        """How many are in a higher one."""
        return sum(many for n, row in enumerate(self.matrix) for m, many in enumerate(row) if m > n)


class Step(NamedTuple):
    """One line of a condition: from a value (excluded) up to one (included), None without end; points, who is there, and who of them came true."""

    above: float | None
    up_to: float | None
    points: float
    many: int
    came: int


@dataclass(frozen=True)
class Part:
    """What a condition contributed at the evaluation.

    Attributes
    ----------
    touched
        Rows to which it adds something or from which it takes something.
    hits
        Share of them that came true; None: it touches nobody.
    lost
        By how much the share of hits in the top tenth is smaller without it; negative: it does harm.
    steps
        Its lines; `missing` those without a value.
    """

    feature: str
    label: Text
    touched: int
    hits: float | None
    lost: float
    steps: tuple[Step, ...]
    missing: Step


@dataclass(frozen=True)
class Tried:
    """What comes of a table on the rows of the evaluation, beside the rules as they stand and the champion, and who changes band in a sample of today."""

    rows: int
    came: int
    mean: float
    own: Judged
    present: Judged
    champion: Judged | None
    moved: Moved
    parts: tuple[Part, ...]


@dataclass(frozen=True)
class Exact:
    """The same of everybody, with intervals: precision in the top tenth, and how much of itself the present one is less."""

    moved: Moved
    own: Between
    present: Between
    champion: Between | None
    ahead: Between


def tried(home: Home, who: Who, given: Bench, rules: Points, most: int = SAMPLE) -> Tried:
    """Return what comes of a table; needs SEE_PERSONS; raises BadRules."""
    who.need(Permission.SEE_PERSONS)
    checked(given.model, rules)
    rows = given.rows
    scores = rules.scores(rows.columns)
    return Tried(
        len(rows.who),
        int(rows.came.sum()),
        float(rows.came.mean()) if len(rows.who) else 0.0,
        _judged(scores, rows.came),
        _judged(given.present.scores(rows.columns), rows.came),
        None if given.champion is None else _judged(given.champion[1], rows.came),
        moved(home, given, rules, most),
        parts(given, rules),
    )


def exact(
    home: Home, who: Who, given: Bench, rules: Points, told: Told = lambda stage, done, of: None
) -> Exact:
    """Return who changes band of everybody, and precision with intervals; needs SEE_PERSONS; raises BadRules."""
    who.need(Permission.SEE_PERSONS)
    checked(given.model, rules)
    told(_COUNTING, 0, 2)
    everybody = moved(home, given, rules, None)
    told(_INTERVALS, 1, 2)
    rows = given.rows
    mine, theirs = rules.scores(rows.columns), given.present.scores(rows.columns)

    def at(scores: Floats, places: Ints) -> float:
        return _precision(scores[places], rows.came[places])

    def ahead(places: Ints) -> float:
        before = at(theirs, places)
        return at(mine, places) / before - 1 if before else float("nan")

    def drawn(measure: Callable[[Ints], float]) -> Between:
        return Between(*measures.interval(measure, rows.households, _DRAWS))

    crowned = given.champion
    return Exact(
        everybody,
        drawn(lambda places: at(mine, places)),
        drawn(lambda places: at(theirs, places)),
        None if crowned is None else drawn(lambda places: at(crowned[1], places)),
        drawn(ahead),
    )


def _judged(scores: Floats, came: Floats) -> Judged:
    if not len(scores):
        return Judged(float("nan"), float("nan"), float("nan"))
    return Judged(measures.auc(scores, came), _precision(scores, came), measures.lift(scores, came, _TOP))


def _precision(scores: Floats, came: Floats) -> float:
    return measures.lift(scores, came, _TOP) * float(came.mean())


def moved(home: Home, given: Bench, rules: Points, most: int | None) -> Moved:
    """Return who of today changes band; `most` of them are looked at, None: everybody."""
    model = given.model
    view = View(home, profiles.current(home)).scored_by(model, given.present)
    nodes = picture.bands(model)
    matrix = np.zeros((len(nodes.bands), len(nodes.bands)), np.int64)
    populations = [_population(given, one) for one in (given.present, rules)]
    looks = _looking(model, {*given.present.names, *rules.names})
    every = [features.among(view, model, target) for target in model.targets]
    of, luck = sum(map(len, every)), np.random.default_rng(0)
    share = 1.0 if most is None else min(1.0, most / max(1, of))
    edges = np.array(nodes.edges)
    for target, who in zip(model.targets, every, strict=True):
        some = (
            who if share == 1 else who[np.sort(luck.choice(len(who), int(len(who) * share), replace=False))]
        )
        few = view if share == 1 else View(home, view.here, some).scored_by(model, given.present)
        for columns in _blocks(few, some, looks, target):
            before, after = (
                np.searchsorted(edges, _placed(model, one, columns, population.get(target, ())), side="right")
                - 1
                for one, population in zip((given.present, rules), populations, strict=True)
            )
            np.add.at(matrix, (np.maximum(before, 0), np.maximum(after, 0)), 1)
    return Moved(
        int(matrix.sum()),
        of,
        tuple((node, label) for _, node, label in nodes.bands),
        tuple(tuple(row) for row in matrix.tolist()),
    )


def _blocks(view: View, who: Numbers, model: Model, target: str) -> Iterator[Columns]:
    for start in range(0, len(who), _AT_ONCE):
        yield features.columns(view, who[start : start + _AT_ONCE], model, target)


def _looking(model: Model, names: set[str]) -> Model:
    """Return the model with no more features than these columns, which are all that is read."""
    return replace(model, features=tuple(key for key in model.features if key.removesuffix(".{}") in names))


def _population(given: Bench, rules: Points) -> Mapping[str, tuple[float, ...]]:
    return training.population(given.model, rules.scores(given.everybody.columns), given.everybody)


def _placed(model: Model, rules: Points, columns: Columns, among: tuple[float, ...]) -> Floats:
    scores = rules.scores(columns)
    return training.score(model, scores, among) if among or model.plain else np.zeros(len(scores))


def parts(given: Bench, rules: Points) -> tuple[Part, ...]:
    """Return what each condition of a table contributed at the evaluation, in its order."""
    rows = given.rows
    whole = _precision(rules.scores(rows.columns), rows.came) if len(rows.who) else 0.0
    return tuple(_part(given, rules, n, whole) for n in range(len(rules.steps)))


def _part(given: Bench, rules: Points, n: int, whole: float) -> Part:
    rows, one = given.rows, rules.steps[n]
    values = np.asarray(rows.columns[one.name], np.float64)
    lost = np.isnan(values)
    places = np.where(lost, len(one.points), np.searchsorted(np.array(one.edges), values, side="left"))
    many = np.bincount(places, minlength=len(one.points) + 1)
    came = np.bincount(places, rows.came, len(one.points) + 1)
    touches = np.array((*one.points, one.missing)) != 0
    touched = int(many[touches].sum())
    without = replace(rules, steps=(*rules.steps[:n], *rules.steps[n + 1 :]))
    left = _precision(without.scores(rows.columns), rows.came) if len(rows.who) else 0.0
    lows, highs = (None, *one.edges), (*one.edges, None)
    lines = zip(lows, highs, one.points, many.tolist(), came.tolist(), strict=False)
    return Part(
        one.name,
        persons.general(given.model, one.name),
        touched,
        float(came[touches].sum() / touched) if touched else None,
        whole - left,
        tuple(Step(low, high, points, int(some), int(true)) for low, high, points, some, true in lines),
        Step(None, None, one.missing, int(many[-1]), int(came[-1])),
    )
