"""What the models learn of an example: each trained up to the day to which its files go, promoted where its gate lets it, and everybody scored."""

from __future__ import annotations

from typing import NamedTuple

from zerodistance.core.models import api as models
from zerodistance.core.models.contracts import Model, NotPromoted, TooFewOutcomes, Version
from zerodistance.doors.examples.contracts import Example
from zerodistance.kernel import command
from zerodistance.kernel.access import Who
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text


class Learned(NamedTuple):
    """A model that an example was tried with.

    Attributes
    ----------
    version
        The champion; None where there is none.
    why_not
        Why there is none; empty where there is one.
    """

    model: Model
    version: Version | None
    why_not: Text


def learn(home: Home, who: Who, example: Example) -> list[Learned]:
    """Train the models of an example that have no champion, and score everybody; show how far it is."""
    found = []
    for n, key in enumerate(example.models):
        title = Text(
            f"模型 {n + 1}/{len(example.models)}：{models.model(key).label.zh}，{{stage}}",
            f"model {n + 1} of {len(example.models)}: {models.model(key).label.en}, {{stage}}",
        )
        with command.stages(title) as told:
            found.append(_learned(home, who, example, key, told))
    if any(one.version for one in found):
        with command.errors.status(Text("给所有人评分……", "scoring everybody ...").get(command.lang())):
            models.score(home, who)
    return found


def _learned(home: Home, who: Who, example: Example, key: str, told: models.Told) -> Learned:
    listed = next(one for one in models.models(home, who) if one.model.key == key)
    if listed.champion:
        return Learned(listed.model, listed.champion, Text("", ""))
    try:
        version = models.train(home, who, key, until=example.until, told=told)
        return Learned(listed.model, models.promote(home, who, key, version.number), Text("", ""))
    except NotPromoted as error:
        why: Text = error.data["why"]
        return Learned(listed.model, None, Text(f"没有上任：{why.zh}", f"no champion: {why.en}"))
    except TooFewOutcomes:
        return Learned(listed.model, None, Text("结果还太少", "too few outcomes yet"))
