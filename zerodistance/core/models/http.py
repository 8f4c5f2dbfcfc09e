"""The JSON API of models: `/v1/models/...`. Who asks is set by the door; an identifier stands in the body, never in an address."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel, Field

from zerodistance.core.identity import api as identity
from zerodistance.core.identity.rules import GIVEN
from zerodistance.core.models import api, card, persons, watching, whatif
from zerodistance.core.models.persons import Scored
from zerodistance.core.models.whatif import Change
from zerodistance.core.profiles import api as profiles
from zerodistance.kernel.access import Permission, Who
from zerodistance.kernel.errors import Invalid
from zerodistance.kernel.home import Home
from zerodistance.kernel.logs import log
from zerodistance.kernel.text import Text
from zerodistance.kernel.web import current_home, current_who

router = APIRouter(prefix="/v1/models", tags=["models"])

AskedBy = Annotated[Who, Depends(current_who)]
Here = Annotated[Home, Depends(current_home)]
Key = Annotated[str, Field(max_length=40)]
MOST = 1_000
"""Own value: persons in one request."""
_VERSIONS = 2**31 - 1


class Words(BaseModel):
    """A text in both languages."""

    zh: str
    en: str


class Figure(BaseModel):
    """A measure with its 95 % interval over households; null where it can't be told."""

    value: float | None
    low: float | None
    high: float | None


class ModelAnswer(BaseModel):
    """A model of the catalogue."""

    key: str
    family: str = Field(description="need, relation or device")
    label: Words
    asked: Words = Field(description="what it says, of whom")
    horizon_days: int
    categories: list[str] = Field(description="each is scored apart; empty: the person is")
    kinds: list[str] = Field(description="kinds of versions that there may be, the usual one first")
    owner: str
    purpose: str = Field(description="consent that it needs: `service`, `marketing`, `analysis`")
    newest: int | None = Field(description="version; null: none was trained")
    champion: int | None = Field(description="version that scores; null: nobody does")
    figures: dict[str, Figure] = Field(
        description="of the champion; `rules_...` of the rules of thumb on the same rows"
    )


class ModelsAnswer(BaseModel):
    """Every model."""

    models: list[ModelAnswer]


class VersionAnswer(BaseModel):
    """One version of a model."""

    number: int
    kind: str
    made_at: datetime
    trained_as_of: datetime
    evaluated_as_of: datetime
    rows: int
    came: int
    evaluated_rows: int
    evaluated_came: int
    beats_rules: bool
    note: str = Field(description="who wrote its table, and why")
    sha256: str = Field(description="of everything that decides scores")
    figures: dict[str, Figure]
    calibration: list[dict[str, float]] = Field(
        description="`said`, `came`, `many` of rows whose chances are alike"
    )
    bands: dict[str, list[dict[str, str | float]]] = Field(
        description="category -> `node`, `persons`, `expected`, `came` at the evaluation"
    )


class LookAnswer(BaseModel):
    """A look at a version."""

    number: int
    version: int
    looked_at: int = Field(description="microseconds UTC")
    signs: list[str] = Field(description="what has drifted: scores, features, nulls, auc, calibration")
    said: dict[str, Any] = Field(description="the figures, as `zerodistance models watch --json` has them")


class LooksAnswer(BaseModel):
    """Looks at a model, the newest first."""

    looks: list[LookAnswer]


class VersionsAnswer(BaseModel):
    """The versions of a model, the newest first."""

    versions: list[VersionAnswer]


class CardAnswer(BaseModel):
    """The model card."""

    key: str
    label: Words
    asked: Words
    family: str
    among: Words
    horizon_days: int
    owner: str
    purpose: str
    guards: list[Words]
    features: list[str]
    champion: int | None
    version: VersionAnswer | None = Field(description="the version that the card is of")
    measures: dict[str, dict[str, Any]] = Field(description="measure -> label, value, rules, champion")
    weighs: list[dict[str, Any]] = Field(
        description="feature, label, share: what takes scores farthest, the most first"
    )
    points: list[dict[str, Any]] = Field(description="the table of points as a price list; empty of trees")
    scored: dict[str, dict[str, int]] = Field(description="category -> band -> persons now")
    limits: list[Words]
    versions: list[VersionAnswer]
    champions: list[dict[str, Any]]


class AskedScores(BaseModel):
    """Whose scores are wanted: by public ids, or by one identifier."""

    ids: list[Annotated[str, Field(max_length=40)]] = Field(
        [], max_length=MOST, description="public ids, those of earlier days too"
    )
    namespace: str | None = Field(
        None, max_length=40, description="kind of identifier: " + ", ".join(sorted(GIVEN))
    )
    value: str | None = Field(None, max_length=320, description="the identifier")
    models: list[Key] = Field([], max_length=50, description="empty: every model that has a champion")
    reasons: int = Field(3, ge=0, le=10, strict=True, description="how many reasons of each score")


class ReasonAnswer(BaseModel):
    """What adds to a score beyond what it usually does."""

    feature: str
    label: Words
    value: float | None = Field(description="null: the person has none")
    points: float = Field(description="in the model's own units")


class ScoreAnswer(BaseModel):
    """One score of one person."""

    model: str
    category: str = Field(description="empty where the model has none")
    version: int
    score: float = Field(description="0 to 100, the place in the population")
    band: str
    chance: float = Field(description="of what is asked, within the horizon")
    reasons: list[ReasonAnswer]


class PersonAnswer(BaseModel):
    """The scores of one person."""

    id: str = Field(description="public id of today")
    asked: str = Field(description="what was asked for")
    scores: list[ScoreAnswer]


class ScoresAnswer(BaseModel):
    """The scores of some persons, in the order in which they were asked for, each once."""

    as_of: datetime | None = Field(description="of the tags that were scored")
    persons: list[PersonAnswer]
    unknown: list[str] = Field(description="ids that belong to nobody, or to somebody who was forgotten")


class AskedWhatIf(BaseModel):
    """Of whom, and with which values instead of theirs."""

    id: str = Field(max_length=40, description="public id")
    category: str = Field("", max_length=60, description="empty where the model has none")
    values: dict[
        Annotated[str, Field(max_length=80)], Annotated[float, Field(strict=True, ge=-1e12, le=1e12)] | None
    ] = Field(
        {},
        max_length=100,
        description="feature -> another value, null for none; empty: only what would change the score",
    )


class ChangeAnswer(BaseModel):
    """What the model would say with another value of one thing, everything else as it is."""

    feature: str
    label: Words
    value: float | None
    to: float
    score: float
    chance: float
    adds: float = Field(description="points of the score")


class FieldAnswer(BaseModel):
    """A thing that the model looks at and that may change."""

    feature: str
    label: Words
    unit: Words
    value: float | None


class After(BaseModel):
    """What the model would say with the values that were asked."""

    score: float
    band: str
    chance: float


class WhatIfAnswer(BaseModel):
    """A score, and what would change it. It says what the model would say, and nothing of what would happen."""

    now: ScoreAnswer
    changes: list[ChangeAnswer]
    fields: list[FieldAnswer]
    after: After | None


@router.get("", response_model=ModelsAnswer)
def models(home: Here, who: AskedBy) -> Response:
    """Return every model with its newest version, its champion and the champion's figures."""
    found = [
        {
            "key": one.model.key,
            "family": one.model.family.value,
            "label": card.words(one.model.label),
            "asked": card.words(one.model.meaning),
            "horizon_days": one.model.horizon_days,
            "categories": list(one.model.categories),
            "kinds": list(one.model.kinds),
            "owner": one.model.owner,
            "purpose": one.model.purpose,
            "newest": one.newest.number if one.newest else None,
            "champion": one.champion.number if one.champion else None,
            "figures": dict(one.champion.figures) if one.champion else {},
        }
        for one in api.models(home, who)
    ]
    return _json({"models": found})


@router.get("/{key}", response_model=CardAnswer)
def model_card(
    key: str,
    home: Here,
    who: AskedBy,
    version: Annotated[
        int | None, Query(ge=1, le=_VERSIONS, description="none: the champion, else the newest")
    ] = None,
) -> Response:
    """Return the card of a model: what is asked, how right it has been, what weighs most, who has which score, and the limits."""
    return _json(card.plain(card.card(home, who, key, version)))


@router.get("/{key}/versions", response_model=VersionsAnswer)
def versions(key: str, home: Here, who: AskedBy) -> Response:
    """Return every version of a model with its figures, the newest first."""
    return _json({"versions": [card.version(one) for one in api.versions(home, who, key)]})


@router.get("/{key}/looks", response_model=LooksAnswer)
def looks(
    key: str,
    home: Here,
    who: AskedBy,
    about: Annotated[
        Literal["scores", "outcomes"],
        Query(description="scores: what they and features are like; outcomes: how right it was"),
    ] = "scores",
    limit: Annotated[int, Query(ge=1, le=400)] = 30,
) -> Response:
    """Return looks at the champions of a model, the newest first: drift of scores and features, or how right it was by cohort."""
    found = watching.history(home, who, key, about, limit)
    shown = [
        {
            "number": one.number,
            "version": one.version,
            "looked_at": one.looked_at,
            "signs": one.signs,
            "said": one.said,
        }
        for one in found
    ]
    return _json({"looks": shown})


@router.post("/scores", response_model=ScoresAnswer)
def scores(asked: AskedScores, home: Here, who: AskedBy) -> Response:
    """Return the scores that persons have now, with reasons; 404 if nobody is known by the identifier."""
    who.need(Permission.SEE_PERSONS)
    ids = list(dict.fromkeys(asked.ids))
    if (asked.namespace is None) != (asked.value is None) or not (ids or asked.value):
        why = Text("要 ids，或 namespace 和 value 两个", "ids are needed, or both namespace and value")
        raise Invalid(field="ids", given=len(ids), why=why)
    if asked.namespace is not None and asked.value is not None:
        found_id = identity.lookup(home, who, asked.namespace, asked.value).id
        ids = list(dict.fromkeys([found_id, *ids]))
    numbers = identity.numbers_of_ids(home, who, ids)
    found = persons.scores_of(home, who, list(numbers.values()), asked.models, asked.reasons)
    public = profiles.public_ids(home, profiles.current(home), list(numbers.values()))
    log("models").info("scores_read", who=who.name, persons=len(numbers))
    made = profiles.state(home).made_at
    return _json(
        {
            "as_of": made,
            "persons": [
                {
                    "id": public.get(numbers[one], one),
                    "asked": one,
                    "scores": [_score(s) for s in found[numbers[one]]],
                }
                for one in ids
                if one in numbers
            ],
            "unknown": [one for one in ids if one not in numbers],
        }
    )


@router.post("/{key}/whatif", response_model=WhatIfAnswer)
def what_if(key: str, asked: AskedWhatIf, home: Here, who: AskedBy) -> Response:
    """Return what would change a person's score most, and the score with other values."""
    number = api.number_of(home, who, asked.id)
    found = whatif.what_if(home, who, key, number, asked.category, asked.values)
    after = found.after
    return _json(
        {
            "now": _score(found.now),
            "changes": [_change(one) for one in found.changes],
            "fields": [
                {
                    "feature": one.feature,
                    "label": card.words(one.label),
                    "unit": card.words(one.unit),
                    "value": one.value,
                }
                for one in found.fields
            ],
            "after": None
            if after is None
            else {"score": after.score, "band": after.band, "chance": after.chance},
        }
    )


def _score(one: Scored) -> dict[str, Any]:
    return {
        "model": one.model.key,
        "category": one.category,
        "version": one.version,
        "score": one.score,
        "band": one.band,
        "chance": one.chance,
        "reasons": [
            {"feature": r.feature, "label": card.words(r.label), "value": r.value, "points": r.points}
            for r in one.reasons
        ],
    }


def _change(one: Change) -> dict[str, Any]:
    return {
        "feature": one.field.feature,
        "label": card.words(one.field.label),
        "value": one.field.value,
        "to": one.to,
        "score": one.score,
        "chance": one.chance,
        "adds": one.adds,
    }


def _json(said: dict[str, Any]) -> Response:
    return Response(msgspec.json.encode(said), media_type="application/json")
