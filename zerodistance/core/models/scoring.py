"""Scores as tags: everybody whom a champion is about gets 0 to 100, in bands A to E, as a dimension of the tag tree."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa

from zerodistance.core.models import features, training
from zerodistance.core.models.contracts import Model, Version
from zerodistance.core.models.ladder.columns import Floats
from zerodistance.core.models.ladder.forest import Trees
from zerodistance.core.models.ladder.points import Points
from zerodistance.core.profiles import api as profiles
from zerodistance.core.profiles.api import Index
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


def given(model: Model, version: Version, category: str) -> profiles.Given:
    """Return the dimension of a model's scores for a category."""
    name = features.category_name(category) if category else None
    zh = f"{model.label.zh}{name.zh}" if name else model.label.zh
    en = f"{model.label.en}: {name.en}" if name else model.label.en
    place = Text("0 到 100 是在人群中的位置", "0 to 100 is the place in the population")
    return profiles.Given(
        key=model.dimension(category),
        layer=Layer.NEEDS,
        label=Text(f"{zh}（评分）", f"{en} (score)"),
        meaning=Text(f"{model.meaning.zh}；{place.zh}", f"{model.meaning.en}; {place.en}"),
        nodes=BANDS,
        unit=Text("分", "points"),
        made=Text(f"模型 {model.key} 第 {version.number} 版", f"model {model.key}, version {version.number}"),
        owner=model.owner,
        purpose=model.purpose,
        inferred=True,
    )


def scored(
    here: Index, who: Who, model: Model, category: str, version: Version, kept: Points | Trees
) -> Iterator[tuple[Who, Floats]]:
    """Yield persons and their scores for a category, some at a time."""
    for start in range(0, len(who), _AT_ONCE):
        some = who[start : start + _AT_ONCE]
        chances = kept.chances(features.columns(here, some, model, category))
        yield some, training.percentile(chances, version.population[category])


def give(home: Home, account: Account, model: Model, version: Version, kept: Points | Trees) -> int:
    """Score everybody whom a model is about now, and give the scores; return how many scores that were."""
    here, done = profiles.current(home), 0
    earliest = Earliest(here)
    for category in version.population:
        who = features.among(here, model, category)
        some = _batches(scored(here, who, model, category, version, kept), earliest)
        done += profiles.give(home, account, given(model, version, category), some)
    return done


def _batches(some: Iterator[tuple[Who, Floats]], earliest: Earliest) -> Iterator[pa.RecordBatch]:
    for who, scores in some:
        yield pa.record_batch({"subject": pa.array(earliest.of(who)), "value": pa.array(scores)})
