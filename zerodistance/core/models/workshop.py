"""The rule workshop: somebody edits the table of points of a model's rules, sees what that does (`trying.py`), and publishes it as a version.

Rows of a past index, with what came of them, are kept in memory of this process only, of few models, and never longer than the index itself: whoever is
forgotten takes all past indexes away.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from zerodistance.core.models import api, persons, registry, training
from zerodistance.core.models.contracts import HAZARD, RULES, Model, ModelOutdated, Version
from zerodistance.core.models.features import View
from zerodistance.core.models.ladder.columns import Floats
from zerodistance.core.models.ladder.points import Points
from zerodistance.core.models.spines import SPINES
from zerodistance.core.models.training import Rows
from zerodistance.core.profiles import api as profiles
from zerodistance.core.profiles.api import Index
from zerodistance.core.profiles.asked import PastNotMade
from zerodistance.kernel.access import Permission, Who
from zerodistance.kernel.errors import Invalid
from zerodistance.kernel.home import Home
from zerodistance.kernel.logs import log
from zerodistance.kernel.text import Text

MOST_STEPS, MOST_EDGES, MOST_POINTS = 30, 40, 10_000.0
"""Own values: conditions of a table, edges of a condition, points of a step."""
_KEPT, _ROWS = 3, 50_000  # own values: models of which rows are kept in memory, and how many of each: 30 MB
BUSY = Text("正在训练另一版，等它做完再发布", "another version is being trained: publish when it is done")
Told = Callable[[Text, int, int], None]


class BadRules(Invalid):
    """A table of points can't be one."""

    code = "bad_rules"
    text = Text("{where}：{why}", "{where}: {why}")


class NoRules(Invalid):
    """A model has no rules that a person could write."""

    code = "no_rules"
    text = Text("模型 {model} 没有可以改的规则", "the model {model} has no rules to edit")


@dataclass(frozen=True)
class Bench:
    """What a table is tried on.

    Attributes
    ----------
    at
        The moment of the features, microseconds UTC.
    everybody
        All who are scored, by whom places are told; `rows` are those whose outcome is known.
    present
        The rules as they stand: those published last, else those that ship.
    published
        The version that has them; None: those that ship.
    champion
        Who scores now, and what it says of each row; None: nobody does.
    """

    model: Model
    at: int
    rows: Rows
    everybody: Rows
    present: Points
    published: Version | None
    champion: tuple[Version, Floats] | None


# -- what there is


def choices(model: Model) -> tuple[str, ...]:
    """Return the columns that a condition may be about."""
    return tuple(key.removesuffix(".{}") for key in model.features if not key.startswith("category"))


def called(model: Model, column: str) -> Text:
    """Return what a column is called where no category is meant."""
    return persons.general(model, column)


def present(home: Home, model: Model) -> tuple[Points, Version | None]:
    """Return the rules as they stand, and the version that was published with them; None: those that ship.

    Raises
    ------
    NoRules
        No version of the model may be a table that a person wrote.
    """
    if RULES not in model.kinds:
        raise NoRules(model=model.key)
    newest = next((one for one in registry.versions(home, model.key) if one.kind == RULES), None)
    if newest is None:
        return model.rules, None
    table = registry.read(home, model.key, newest.number)[1]
    return (table, newest) if isinstance(table, Points) else (model.rules, None)


def checked(model: Model, rules: Points) -> Points:
    """Return a table of points that may be tried; raises BadRules, which says where and why."""
    known, seen = choices(model), set[str]()
    whole = Text("规则", "the rules")
    if not rules.steps:
        raise BadRules(where=whole, why=Text("至少要有一个条件", "there has to be a condition"))
    if len(rules.steps) > MOST_STEPS:
        raise BadRules(where=whole, why=Text(f"最多 {MOST_STEPS} 个条件", f"at most {MOST_STEPS} conditions"))
    for one in rules.steps:
        if one.name not in known or one.name in seen:
            why = Text(
                "不是这个模型的特征，或出现了两次", "it is no feature of this model, or stands there twice"
            )
            raise BadRules(where=one.name, why=why)
        seen.add(one.name)
        label, numbers = persons.general(model, one.name), (*one.points, one.missing)
        if len(one.edges) > MOST_EDGES or len(one.points) != len(one.edges) + 1:
            why = Text(
                f"分界最多 {MOST_EDGES} 个，分数比分界多一个",
                f"at most {MOST_EDGES} edges, and one more points than edges",
            )
            raise BadRules(where=label, why=why)
        if not np.isfinite((*one.edges, *numbers)).all() or max(map(abs, numbers)) > MOST_POINTS:
            raise BadRules(
                where=label,
                why=Text(f"分数在 ±{MOST_POINTS:,.0f} 以内", f"points lie within ±{MOST_POINTS:,.0f}"),
            )
        if any(low >= high for low, high in zip(one.edges, one.edges[1:], strict=False)):
            raise BadRules(
                where=label, why=Text("分界要从小到大，每个一次", "edges have to ascend, each once")
            )
        sign = model.signs.get(one.name, 0)
        if sign and any(
            (high - low) * sign < 0 for low, high in zip(one.points, one.points[1:], strict=False)
        ):
            why = (
                Text("护栏：越多只能加分", "guard rail: more of it may only add")
                if sign > 0
                else Text("护栏：越多只能减分", "guard rail: more of it may only take away")
            )
            raise BadRules(where=label, why=why)
    return rules


# -- the bench


_benches: OrderedDict[tuple[str, str, int], tuple[tuple[int, int | None], tuple[Rows, Rows]]] = OrderedDict()
_lock = threading.Lock()


def moment(home: Home, model: Model) -> int:
    """Return the moment whose features a table is tried on: that of the champion's evaluation, else of the newest version's, else a horizon ago."""
    crowned, there = registry.history(home, model.key), registry.versions(home, model.key)
    champion = [one for one in there if crowned and one.number == crowned[-1]["number"]]
    for one in (*champion, *there):
        if one.kind != HAZARD:
            return one.evaluated_as_of
    return api.moments(home, model, RULES)[1]


def prepare(home: Home, who: Who, key: str, told: Told = lambda stage, done, of: None) -> None:
    """Make the past index that the bench needs; needs SEE_PERSONS. Takes as long as making the tag tree anew, once."""
    model = api.model(key)
    api.view_of(home, who, model, moment(home, model), told)


def bench(home: Home, who: Who, key: str) -> Bench:
    """Return what a table of points is tried on; needs SEE_PERSONS.

    Raises
    ------
    PastNotMade
        The past index is not there: `prepare` makes it.
    NoRules
        The model has none that a person could write.
    """
    who.need(Permission.SEE_PERSONS)
    model = api.model(key)
    rules, published = present(home, model)
    at = moment(home, model)
    rows, everybody = _rows(home, who, model, at)
    champion = None
    if registry.history(home, key):
        with suppress(ModelOutdated):
            version, kept = api.champion(home, key)
            champion = (version, training.said(model, kept, training.asked(model, kept, rows.columns)))
    return Bench(model, at, rows, everybody, rules, published, champion)


def ready(home: Home, who: Who, key: str) -> bool:
    """Say whether the rows of the bench are in memory, so that `bench` answers at once; raises as `bench`."""
    who.need(Permission.SEE_PERSONS)
    model = api.model(key)
    present(home, model)
    _, mark = _mark(home, who, model, at := moment(home, model))
    with _lock:
        before, _ = _benches.get((str(home.root), key, at), (None, None))
    return before == mark


def _mark(home: Home, who: Who, model: Model, at: int) -> tuple[Index, tuple[int, int | None]]:
    """Return the index that rows come from, and what they are good for: as long as that is the same."""
    gone = profiles.times_gone(home)
    if model.among in SPINES:  # they join what was known by themselves
        return profiles.current(home), (gone, None)
    try:
        here = profiles.past(home, who, at)
    except PastNotMade:
        let_go(home)
        raise
    return here, (gone, here.made_at)


def _rows(home: Home, who: Who, model: Model, at: int) -> tuple[Rows, Rows]:
    key, (here, mark) = (str(home.root), model.key, at), _mark(home, who, model, at)
    with _lock:
        for other in [one for one, (its, _) in _benches.items() if one[0] == key[0] and its[0] != mark[0]]:
            del _benches[other]
        before, found = _benches.get(key, (None, None))
        if found is not None and before == mark:
            _benches.move_to_end(key)
            return found
    view = View(home, here)
    rows = training.rows(view, model, at, seed=1, kind=RULES, weeks=model.weeks[1], most=_ROWS)
    both = rows, training.everybody(view, model, rows, at, 1, RULES, _ROWS)
    with _lock:
        _benches[key] = (mark, both)
        while len(_benches) > _KEPT:
            _benches.popitem(last=False)
    return both


def let_go(home: Home) -> None:
    """Keep no row of a past index of a home in memory any more."""
    with _lock:
        for key in [key for key in _benches if key[0] == str(home.root)]:
            del _benches[key]


# -- publishing


def may_publish(who: Who, model: Model, rules: Points, why: str) -> Points:
    """Return the table that somebody may publish; raises Forbidden, and BadRules for one that can't be, or that says nothing of why."""
    who.need(Permission.SEE_PERSONS)
    who.need(Permission.MANAGE_SEGMENTS)
    if not why.strip():
        reason = Text("写一句，会留在版本里", "say it in a sentence: it stays with the version")
        raise BadRules(where=Text("为什么", "why"), why=reason)
    return checked(model, rules)


def publish(
    home: Home, who: Who, key: str, rules: Points, why: str, told: Told = lambda stage, done, of: None
) -> Version:
    """Keep a table as a new version of the kind `rules`, evaluated as any other; nobody is scored by it before it is promoted.

    Needs SEE_PERSONS and MANAGE_SEGMENTS.

    Raises
    ------
    NoRules, BadRules, TooFewOutcomes
        It can't be a table of the model, or says nothing of why; or there is not enough to evaluate it on.
    """
    model = api.model(key)
    table = may_publish(who, model, rules, why)
    present(home, model)
    note = f"{who.name}: {why.strip()[:300]}"
    found = api.train(home, Who.system(who.name), key, kind=RULES, rules=table, note=note, told=told)
    log("models").info("rules_published", who=who.name, model=key, version=found.number)
    return found
