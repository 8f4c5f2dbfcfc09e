"""What levels of agreement weigh: a versioned model, kept as JSON. Pure.

For every level it holds three chances: `same`, that two records of one person agree like this; `home`, that two people of one household do, who
share surname, phone and address; `other`, that two strangers do. A pair is one person's as far as that explains it better than the other two.

References
----------
.. [1] Fellegi, Sunter, A theory for record linkage, JASA 1969.
.. [2] Enamorado, Fifield, Imai, Using a probabilistic model to assist merging of large-scale administrative records, APSR 2019.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from importlib import resources
from typing import Any, Final

from zerodistance.core.identity.matching.compare import COMPARISONS

FORM: Final = 1
"""Version of the form of the file; one of another form is not read."""


_BEFORE: Final = {("given", "looks"): "near"}
"""Levels that a version before this one counted to another one."""


class NotAModel(ValueError):
    """A file of weights is not one that this version reads."""


@dataclass(frozen=True, slots=True)
class Chances:
    """How likely one level is between two records of one person, of one household, of strangers."""

    same: float
    home: float
    other: float


@dataclass(frozen=True)
class Model:
    """Weights.

    Attributes
    ----------
    levels
        Comparison -> chances of its levels, in the order of `COMPARISONS`.
    records
        How many it was learned from: so many the chances of strangers are of.
    same, home
        How many other records of the same person a record has, on average, and how many of others of the same household.
    frequency
        Part -> value -> share of records that have it.
    floor
        Part -> share of a value that is not among them.
    trained, evaluation
        What it was learned from, and what it reached.
    """

    levels: Mapping[str, tuple[Chances, ...]]
    records: int
    same: float
    home: float
    frequency: Mapping[str, Mapping[str, float]]
    floor: Mapping[str, float]
    trained: Mapping[str, Any] = field(default_factory=dict)
    evaluation: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def name(self) -> str:
        """What these weights are called: the beginning of the hash of their file."""
        return hashlib.sha256(dumped(self).encode()).hexdigest()[:12]


def dumped(model: Model) -> str:
    """Return a model as JSON."""
    levels = {
        comparison.key: {
            name: [chances.same, chances.home, chances.other]
            for name, chances in zip(comparison.levels, model.levels[comparison.key], strict=True)
        }
        for comparison in COMPARISONS
    }
    found = {
        "form": FORM, "trained": model.trained, "evaluation": model.evaluation, "records": model.records,
        "same": model.same, "home": model.home, "levels": levels,
        "floor": model.floor, "frequency": model.frequency,
    }  # fmt: skip
    return json.dumps(found, ensure_ascii=False, indent=1)


def loaded(text: str) -> Model:
    """Return the model of a JSON text.

    Raises
    ------
    NotAModel
        It is no model, one of another form, or of other comparisons.
    """
    try:
        found = json.loads(text)
        if found["form"] != FORM:
            raise NotAModel(f"form {found['form']}; this version reads {FORM}: train the model again")
        levels = {
            comparison.key: tuple(
                Chances(*(said.get(name) or said[_BEFORE[comparison.key, name]]))
                for name in comparison.levels
            )
            for comparison in COMPARISONS
            for said in (found["levels"][comparison.key],)
        }
        return Model(
            levels, found["records"], found["same"], found["home"], found["frequency"], found["floor"], found["trained"], found["evaluation"]
        )  # fmt: skip
    except (KeyError, TypeError, json.JSONDecodeError) as error:
        raise NotAModel(f"no model of this version ({error!r}): train it again") from error


@cache
def default() -> Model:
    """Return the model that ships, trained on the training seeds of the sample city."""
    return loaded((resources.files(__package__) / "default.json").read_text(encoding="utf-8"))
