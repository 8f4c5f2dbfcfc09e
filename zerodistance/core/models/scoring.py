"""Scores as tags: everybody whom a champion is about gets 0 to 100, in bands A to E, as a dimension of the tag tree."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace

import pyarrow as pa

from zerodistance.core.models import appeals, features, training
from zerodistance.core.models.contracts import Model, Version
from zerodistance.core.models.entering import Highest
from zerodistance.core.models.features import View
from zerodistance.core.models.ladder.columns import Floats
from zerodistance.core.models.ladder.hazard import Hazard
from zerodistance.core.models.ladder.kept import Model as Kept
from zerodistance.core.profiles import api as profiles
from zerodistance.core.profiles.contracts import Bands, Layer
from zerodistance.core.profiles.splits import Who
from zerodistance.core.profiles.subjects import Earliest
from zerodistance.kernel.access import Who as Account
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text

_AT_ONCE = 1 << 17  # own value: persons of a batch
BANDS = Bands(
    (
        (0, "e", Text("E：后两成", "E: the lowest fifth")),
        (20, "d", Text("D：20 至 50", "D: 20 to 50")),
        (50, "c", Text("C：50 至 80", "C: 50 to 80")),
        (80, "b", Text("B：80 至 95", "B: 80 to 95")),
        (95, "a", Text("A：最高的百分之五", "A: the highest twentieth")),
    )
)
"""Shares of the population on which the version was evaluated, own values."""


def given(model: Model, version: Version, target: str, days: int = 0) -> profiles.Given:
    """Return the dimension of a model's scores for a target, over one of its further horizons where one is named."""
    name = features.target_name(model, target) if target else None
    colon = "：" if target in model.targets_called else ""
    zh = f"{model.label.zh}{colon}{name.zh}" if name else model.label.zh
    en = f"{model.label.en}: {name.en}" if name else model.label.en
    if days:
        zh, en = f"{zh}，{round(days / 30.4)} 个月内", f"{en}, within {round(days / 30.4)} months"
    place = (
        Text("0 到 100 是规则的分数", "0 to 100 are the points of the rules")
        if model.plain
        else Text("0 到 100 是在人群中的位置", "0 to 100 is the place in the population")
    )
    return profiles.Given(
        key=model.longer(days, target) if days else model.dimension(target),
        layer=Layer.NEEDS,
        label=Text(f"{zh}（评分）", f"{en} (score)"),
        meaning=Text(f"{model.meaning.zh}；{place.zh}", f"{model.meaning.en}; {place.en}"),
        nodes=model.nodes or BANDS,
        unit=Text("分", "points"),
        made=Text(f"模型 {model.key} 第 {version.number} 版", f"model {model.key}, version {version.number}"),
        owner=model.owner,
        purpose=model.purpose,
        inferred=True,
    )


def ahead(kept: Kept, version: Version, target: str) -> dict[int, tuple[Kept, tuple[float, ...]]]:
    """Return by further horizon what scores over it, and its population; 0 is the model's own horizon."""
    found = {0: (kept, version.population[target])}
    if isinstance(kept, Hazard):
        further = {days: replace(kept, ahead=float(days)) for days in version.longer}
        found |= {days: (one, version.longer[days][target]) for days, one in further.items()}
    return found


def scored(
    view: View, who: Who, model: Model, target: str, version: Version, kept: Kept, days: int = 0
) -> Iterator[tuple[Who, Floats]]:
    """Yield persons and their scores for a target, some at a time."""
    one, among = ahead(kept, version, target)[days]
    for start in range(0, len(who), _AT_ONCE):
        some = who[start : start + _AT_ONCE]
        columns = training.asked(model, one, features.columns(view, some, model, target))
        scores = training.score(model, training.said(model, one, columns), among)
        yield some, appeals.raised(view.home, model, target, some, scores)


class Round:
    """Everybody as they are now, looked at once for all models of a night."""

    def __init__(self, home: Home) -> None:
        here = profiles.current(home)
        self.view, self.earliest = View(home, here), Earliest(here)


def give(home: Home, account: Account, model: Model, version: Version, kept: Kept, now: Round) -> int:
    """Score everybody whom a model is about, and give the scores; return how many scores that were."""
    view, earliest, done = now.view.scored_by(model, kept), now.earliest, 0
    for target in version.population:
        who = features.among(view, model, target)
        for days in ahead(kept, version, target):
            dimension = given(model, version, target, days)
            highest = Highest(model.nodes or BANDS)
            some = highest.hear(scored(view, who, model, target, version, kept, days))
            done += profiles.give(home, account, dimension, _batches(some, earliest))
            highest.tell(home, view.here, version, dimension.key)
    return done


def withdraw(home: Home, account: Account, model: Model, version: Version, kept: Kept) -> list[str]:
    """Take the dimensions of scores away that a version does not give: of further horizons or targets that it does not know. Return their keys.

    What another dimension shows the values of stays.
    """
    gives = {
        given(model, version, target, days).key
        for target in version.population
        for days in ahead(kept, version, target)
    }
    known = {
        key
        for target in model.targets
        for key in (model.dimension(target), *(model.longer(days, target) for days in model.horizons))
    }
    gone = list[str]()
    for key in sorted((known - gives) & profiles.own_dimensions(home, now=True).by_key.keys()):
        with suppress(profiles.DimensionInUse):
            profiles.withdraw(home, account, key)
            gone.append(key)
    return gone


def _batches(some: Iterator[tuple[Who, Floats]], earliest: Earliest) -> Iterator[pa.RecordBatch]:
    for who, scores in some:
        yield pa.record_batch({"subject": pa.array(earliest.of(who)), "value": pa.array(scores)})
