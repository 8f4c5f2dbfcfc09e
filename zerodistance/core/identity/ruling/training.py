"""Learning weights from what this home holds: without labels, then examined on what somebody decided and on what member ids say."""

from __future__ import annotations

import dataclasses
import json
import time
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection, insert

import zerodistance
from zerodistance.core.identity import store
from zerodistance.core.identity.match import Gathered, gathered, unique
from zerodistance.core.identity.matching import blocks, train
from zerodistance.core.identity.matching.batch import distinct
from zerodistance.core.identity.matching.columns import Columns, Floats
from zerodistance.core.identity.matching.model import Model, dumped
from zerodistance.core.identity.matching.score import Scorer
from zerodistance.core.identity.rules import RuleSet
from zerodistance.core.identity.ruling import models, versions
from zerodistance.core.identity.ruling.contracts import Learned, TooFewFaces
from zerodistance.core.identity.ruling.store import identity_model, where_model
from zerodistance.core.identity.told import EXAMINING, LEARNING, Told, nobody
from zerodistance.kernel import bulk, clock
from zerodistance.kernel.access import Permission, Who
from zerodistance.kernel.home import Home

Ints = npt.NDArray[np.int64]
LEAST_FACES = 1_000
"""Ways of writing somebody below which nothing is learned, own value: FEBRL 3 has 5,000."""
MOST_FACES = 300_000
"""Ways of writing somebody that are learned from, own value: more teach nothing more, chances are known to a tenth long before."""
LEAST_PERSONS = 8
"""Persons (by identifiers) who have a name whose frequency is kept, own value: rarer ones are counted as rare, and do not stand in the file."""
_PAIRS = 200_000  # own value: pairs of each kind that weights are examined on
_OURS, _THEIRS = "learned", "in_force"


def learn(home: Home, who: Who, *, seed: int = 1, told: Told = nobody) -> Learned:
    """Learn weights from what was said of people in this home, examine them and keep them; nothing uses them until the rules name them.

    Parameters
    ----------
    seed
        Of the sample and of the pairs that are drawn.

    Raises
    ------
    TooFewFaces
        Too little was said to learn from.
    """
    who.need(Permission.OPERATE)
    began, luck = time.perf_counter(), np.random.default_rng(seed)
    with home.state.read() as tx:
        _, by = versions.in_force(tx)
        before = models.of_name(home.seal, tx, by.model)
        here = _each_once(gathered(home, tx, by, told))
        decided = _decided(tx, here)
    faces, persons = here.said.faces, here.known.label[here.said.row]
    if faces.rows < LEAST_FACES:
        raise TooFewFaces(given=faces.rows, least=LEAST_FACES)
    told(LEARNING, 0, 1)
    share = min(1.0, MOST_FACES / faces.rows)
    chosen = np.sort(luck.choice(faces.rows, MOST_FACES, replace=False)) if share < 1 else None
    sample = faces if chosen is None else faces.take(chosen)
    found = train.train(sample, seed=seed, least=LEAST_PERSONS)
    found = _without_rare(found, sample, persons if chosen is None else persons[chosen])
    # of another record of the same person a sample has its share only
    found = dataclasses.replace(found, same=found.same / share, home=found.home / share)
    told(LEARNING, 1, 1)
    told(EXAMINING, 0, 1)
    evaluation = _examined(by, {_OURS: found, _THEIRS: before}, here, decided, luck)
    told(EXAMINING, 1, 1)
    trained = {
        **found.trained, "faces": faces.rows, "sample": sample.rows, "program": zerodistance.__version__
    }  # fmt: skip
    done = dataclasses.replace(found, trained=trained, evaluation={"against": by.model, **evaluation})
    return _keep(home, who, done, faces.rows, time.perf_counter() - began)


def _each_once(here: Gathered) -> Gathered:
    """Return what was said with every way of writing a person once, as the matcher compares them: what is copied from month to month says nothing anew."""
    one = distinct(here.said.faces, [here.known.label[here.said.row]])
    said = dataclasses.replace(here.said, row=here.said.row[one.first], faces=one.faces)
    return dataclasses.replace(here, said=said)


def _keep(home: Home, who: Who, model: Model, faces: int, seconds: float) -> Learned:
    day = f"home-{clock.now().astimezone(home.settings.tz):%Y-%m-%d}-"
    trained = {**model.trained, "seconds": round(seconds, 1)}
    about = {"trained": trained, "evaluation": model.evaluation, "weights": model.name}
    at = clock.micros()
    with home.state.write() as tx:
        taken = {row[0] for row in bulk.rows(tx, "select name from identity_model")}
        name = next(name for n in range(1, len(taken) + 2) if (name := f"{day}{n}") not in taken)
        sealed = home.seal.seal(dumped(model).encode(), where_model(name))
        row = {"name": name, "at": at, "who": who.name, "faces": faces, "about": json.dumps(about)}
        tx.execute(insert(identity_model).values(**row, sealed=sealed))
    return Learned(name, at, who.name, faces, False, about)


def _without_rare(model: Model, table: Columns, persons: Ints) -> Model:
    """Return a model that knows only values that many persons have: who has a rare name is nobody else's business, and may be forgotten."""
    frequency = {}
    for part, shares in model.frequency.items():
        known = table.code[part] >= 0
        pairs = np.unique(np.stack([table.code[part][known], persons[known]]), axis=1)
        many = np.bincount(pairs[0], minlength=len(table.value[part]))
        common = {str(table.value[part][n]) for n in np.flatnonzero(many >= LEAST_PERSONS)}
        frequency[part] = {value: share for value, share in shares.items() if value in common}
    return dataclasses.replace(model, frequency=frequency)


_Pairs = tuple[Ints, Ints]
_Truth = npt.NDArray[np.bool_]


def _decided(tx: Connection, here: Gathered) -> tuple[_Pairs, _Truth]:
    """Return the pairs of faces that somebody decided on: rows of faces, and whether they are one person's."""
    number = here.subjects.number
    first: dict[int, int] = {}
    for face, row in enumerate(here.said.row.tolist()):
        first[int(number[row])] = face  # one of several ways
    said = [
        (first[a], first[b], verdict == "same")
        for a, b, verdict, _ in bulk.rows(tx, store.DECIDED)
        if verdict != "unsure" and a in first and b in first
    ]
    a, b, same = np.array(said, dtype=np.int64).reshape(-1, 3).T
    return (a, b), same == 1


def _by_member(
    by: RuleSet, here: Gathered, table: Columns, luck: np.random.Generator
) -> tuple[_Pairs, _Truth]:
    """Return pairs of faces of which unique ids say whether they are one person's: one id with several ways of writing; two ids in one block."""
    label = here.known.label
    part = label[here.said.row]
    ids = [unique(here.subjects, label, rank)[part] for rank in sorted(by.unique)]
    has = np.zeros(len(part), dtype=bool)
    for own in ids:
        has |= own >= 0
    order = np.lexsort((luck.random(len(part)), part))
    same = (part[order][1:] == part[order][:-1]) & has[order][1:]
    a, b = order[:-1][same], order[1:][same]
    x, y = blocks.candidates(table, blocks.RULES)
    strangers = np.zeros(len(x), dtype=bool)
    for own in ids:
        strangers |= (own[x] >= 0) & (own[y] >= 0) & (own[x] != own[y])
    (a, b), (x, y) = _some(a, b, luck), _some(x[strangers], y[strangers], luck)
    truth = np.r_[np.ones(len(a), bool), np.zeros(len(x), bool)]
    return (np.concatenate([a, x]), np.concatenate([b, y])), truth


def _some(a: Ints, b: Ints, luck: np.random.Generator) -> _Pairs:
    if len(a) <= _PAIRS:
        return a, b
    kept = np.sort(luck.choice(len(a), _PAIRS, replace=False))
    return a[kept], b[kept]


def _examined(
    by: RuleSet,
    both: dict[str, Model],
    here: Gathered,
    decided: tuple[_Pairs, _Truth],
    luck: np.random.Generator,
) -> dict[str, Any]:
    """Return how learned weights do, beside those in force: on decisions, on what member ids say, and how many pairs change side."""
    faces = here.said.faces
    some = np.sort(luck.choice(faces.rows, MOST_FACES, replace=False)) if faces.rows > MOST_FACES else None
    every = faces
    scorer = {name: Scorer(model, faces.rows) for name, model in both.items()}
    out: dict[str, Any] = {}
    (a, b), truth = decided
    if len(a):
        out["decisions"] = {
            name: _right(one.weights(every, a, b), truth, by.join) for name, one in scorer.items()
        }
    if some is not None:
        said = dataclasses.replace(here.said, row=here.said.row[some], faces=faces)
        here, every = dataclasses.replace(here, said=said), every.take(some)
    (a, b), truth = _by_member(by, here, every, luck)
    if len(a):
        out["members"] = {
            name: _right(one.weights(every, a, b), truth, by.join) for name, one in scorer.items()
        }
    x, y = _some(*blocks.candidates(every, blocks.RULES), luck)
    joined = {name: one.weights(every, x, y) >= by.join for name, one in scorer.items()}
    ours, theirs = joined[_OURS], joined[_THEIRS]
    out["pairs"] = {
        "looked_at": len(x), "both": int((ours & theirs).sum()), "only_learned": int((ours & ~theirs).sum()),
        "only_in_force": int((theirs & ~ours).sum()),
    }  # fmt: skip
    return out


def _right(weight: Floats, truth: _Truth, join: float) -> dict[str, Any]:
    """Return how right weights are: shares on the right side of `join`, and the bits by which their probabilities are wrong, on average."""
    said = weight >= join
    loss = np.log2(1 + np.exp2(np.where(truth, -weight, weight)))
    same, other = int(truth.sum()), int((~truth).sum())
    return {
        "same": same,
        "same_joined": round(float((said & truth).sum()) / same, 4) if same else None,
        "different": other,
        "different_joined": round(float((said & ~truth).sum()) / other, 4) if other else None,
        "loss_bits": round(float(loss.mean()), 4),
    }
