"""How right a version is of parts of the people: by what is asked, grade of the community, decade of birth, gender, and how long they are known."""

from __future__ import annotations

from typing import Any

import numpy as np

from zerodistance.core.models import features, measures
from zerodistance.core.models.contracts import Model
from zerodistance.core.models.features import View
from zerodistance.core.models.ladder.columns import Floats, Ints
from zerodistance.core.models.training import Rows
from zerodistance.core.profiles.dimensions import INDEXED
from zerodistance.kernel.text import Text

_FEWEST, _OUTCOMES = 50, 10  # own values: rows of a cohort, and of either outcome where its AUC is told
_NEW = 365.0  # days
NAMES = {
    "target": Text("所问的", "what is asked"),
    "grade": Text("小区等级", "grade of the community"),
    "decade": Text("年代", "decade of birth"),
    "gender": Text("性别", "gender"),
    "known": Text("相识", "known"),
}
_BORN = next(
    one for one in INDEXED if one.key == "demo.birth_decade"
)  # of facts: no feature, but whom to look at apart
_GENDERS = {"female": Text("女", "female"), "male": Text("男", "male")}
_KNOWN = {"new": Text("一年以内", "within a year"), "old": Text("一年以上", "longer than a year")}


def cohorts(view: View, model: Model, some: Rows) -> dict[str, dict[str, Ints]]:
    """Return by kind of cohort the places of the rows of each; who is in none (unknown) is in no row of that kind."""
    who = some.who
    found: dict[str, dict[str, Ints]] = {}
    if len(model.targets) > 1:
        found["target"] = {target: np.flatnonzero(some.target == n) for n, target in enumerate(model.targets)}
    for kind, key, nodes in (("grade", "geo.grade", "ABCD"), ("gender", "demo.gender", tuple(_GENDERS))):
        found[kind] = {
            node: np.flatnonzero(
                np.isin(who, np.array(view.here.split(("node", key, node)).persons, np.uint32))
            )
            for node in nodes
        }
    order = np.argsort(who, kind="stable")
    born, tenure = np.full(len(who), np.nan), np.full(len(who), np.nan)
    distinct, place = np.unique(who[order], return_inverse=True)
    born[order] = view.here.numbers(_BORN, distinct)[place]
    tenure[order] = view.of("brand.tenure", distinct)[place]
    decades = np.where(np.isnan(born), -1, np.floor(np.nan_to_num(born) / 10) * 10).astype(np.int64)
    found["decade"] = {
        str(one): np.flatnonzero(decades == one) for one in np.unique(decades).tolist() if one > 0
    }
    found["known"] = {
        "new": np.flatnonzero(tenure < _NEW),
        "old": np.flatnonzero(tenure >= _NEW),
    }
    return found


def label(model: Model, kind: str, one: str) -> Text:
    """Return what a cohort is called."""
    if kind == "target":
        return features.target_name(model, one)
    if kind == "decade":
        return Text(f"{one} 年代", f"{one}s")
    return {**_GENDERS, **_KNOWN}.get(one, Text(one, one))


def figures(chances: Floats, came: Floats, some: dict[str, dict[str, Ints]]) -> dict[str, dict[str, Any]]:
    """Return kind -> cohort -> `rows`, `came` and `said` (shares), `ece`, and `auc` where there are outcomes enough; small cohorts are left out."""
    found: dict[str, dict[str, Any]] = {}
    for kind, each in some.items():
        told = {
            one: _of(chances[places], came[places]) for one, places in each.items() if len(places) >= _FEWEST
        }
        if told:
            found[kind] = told
    return found


def _of(chances: Floats, came: Floats) -> dict[str, Any]:
    true = int((came > 0).sum())
    enough = min(true, len(came) - true) >= _OUTCOMES
    return {
        "rows": len(came),
        "came": float(came.mean()),
        "said": float(chances.mean()),
        "ece": measures.ece(chances, came),
        "auc": measures.auc(chances, came) if enough else None,
    }
