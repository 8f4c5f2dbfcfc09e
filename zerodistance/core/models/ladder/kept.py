"""Models as plain data, for the registry: what is read from it says the same to the last bit."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import msgspec
import numpy as np

from zerodistance.core.models.ladder.amount import Amount
from zerodistance.core.models.ladder.forest import Tree, Trees
from zerodistance.core.models.ladder.hazard import Hazard
from zerodistance.core.models.ladder.lifetime import Again, Spending, Value
from zerodistance.core.models.ladder.points import Points
from zerodistance.core.models.ladder.uplift import Uplift

Model = Points | Trees | Hazard | Value | Amount | Uplift


class _Hazard(msgspec.Struct):
    clock: str
    edges: tuple[float, ...]
    ahead: float
    of: dict[str, Any]


class _Amount(msgspec.Struct):
    chance: dict[str, Any]
    much: dict[str, Any]
    smear: float


class _Again(msgspec.Struct):
    r: float
    alpha: float
    a: float
    b: float


class _Spending(msgspec.Struct):
    p: float
    q: float
    v: float


class _Value(msgspec.Struct):
    again: _Again
    spending: _Spending
    ahead: float
    usual: tuple[float, ...]


class _Uplift(msgspec.Struct):
    of_contacted: dict[str, Any]
    of_left: dict[str, Any]
    share: float


def plain(model: Model) -> dict[str, Any]:
    """Return a model as what JSON can hold: `kind` (points, trees, hazard, value, amount, uplift) and its fields."""
    if isinstance(model, Hazard):
        return {
            "kind": "hazard",
            "clock": model.clock,
            "edges": list(model.edges),
            "ahead": model.ahead,
            "of": plain(model.of),
        }
    if isinstance(model, Uplift):
        both = {"of_contacted": plain(model.of_contacted), "of_left": plain(model.of_left)}
        return {"kind": "uplift", "share": model.share, **both}
    if isinstance(model, Amount):
        both = {"chance": plain(model.chance), "much": plain(model.much)}
        return {"kind": "amount", "smear": model.smear, **both}
    if isinstance(model, Value):
        return {
            "kind": "value",
            **asdict(model),
            "again": model.again._asdict(),
            "spending": model.spending._asdict(),
        }
    found: dict[str, Any] = msgspec.to_builtins(model)
    return {"kind": "points" if isinstance(model, Points) else "trees", **found}


def read(data: dict[str, Any]) -> Model:
    """Return the model of plain data.

    Raises
    ------
    msgspec.ValidationError
        What is there is no model: a field is missing or wrong, or a tree leads nowhere.
    """
    kind = data.get("kind")
    if kind == "hazard":
        hazard = msgspec.convert(data, _Hazard)
        return Hazard(hazard.clock, hazard.edges, hazard.ahead, _read(hazard.of))
    if kind == "uplift":
        said = msgspec.convert(data, _Uplift)
        return Uplift(_read(said.of_contacted), _read(said.of_left), said.share)
    if kind == "amount":
        amount = msgspec.convert(data, _Amount)
        chance, much = _read(amount.chance), _read(amount.much)
        if not isinstance(chance, Points) or not isinstance(much, Trees):
            raise msgspec.ValidationError("the chance is no table, or the amount no trees")
        return Amount(chance, much, amount.smear)
    if kind == "value":
        value = msgspec.convert(data, _Value)
        _demand(len(value.usual) == 4, "usual is not as long as names")
        again = Again(**msgspec.structs.asdict(value.again))
        return Value(again, Spending(**msgspec.structs.asdict(value.spending)), value.ahead, value.usual)
    return _read(data)


def _read(data: dict[str, Any]) -> Points | Trees:
    if data.get("kind") == "points":
        points = msgspec.convert(data, Points)
        _demand(
            all(len(one.points) == len(one.edges) + 1 for one in points.steps),
            "points are not one more than edges",
        )
        return points
    if data.get("kind") == "trees":
        trees = msgspec.convert(data, Trees)
        _demand(len(trees.usual) == len(trees.names), "usual is not as long as names")
        for tree in trees.trees:
            _demand(_leads_down(tree, len(trees.names)), "a tree leads nowhere")
        return trees
    raise msgspec.ValidationError(
        f"no model is of the kind {data.get('kind')!r}; there are points, trees, hazard, value, amount and uplift"
    )


def _leads_down(tree: Tree, features: int) -> bool:
    """Return whether each node leads to two below it: compiled code follows them without looking."""
    fields = (tree.feature, tree.edge, tree.left, tree.right, tree.lost, tree.value)
    if not tree.feature or len({len(field) for field in fields}) != 1:
        return False
    feature, below = np.array(tree.feature), np.array([tree.left, tree.right])
    inside, own = feature >= 0, np.arange(len(feature))
    return bool((feature < features).all() and ((below > own) & (below < len(feature)))[:, inside].all())


def _demand(fine: bool, why: str) -> None:
    if not fine:
        raise msgspec.ValidationError(why)
