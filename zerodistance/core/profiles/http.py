"""The JSON API of profiles: `/v1/profiles`. Who asks is set by the door; an identifier stands in the body, never in an address."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, Field

from zerodistance.core.identity import api as identity
from zerodistance.core.identity.rules import GIVEN
from zerodistance.core.profiles import api
from zerodistance.core.profiles.asked import Portraits
from zerodistance.core.profiles.contracts import Dimension, Tag
from zerodistance.kernel.access import Who
from zerodistance.kernel.errors import Invalid
from zerodistance.kernel.home import Home
from zerodistance.kernel.logs import log
from zerodistance.kernel.text import Text
from zerodistance.kernel.web import current_home, current_who

router = APIRouter(prefix="/v1/profiles", tags=["profiles"])

AskedBy = Annotated[Who, Depends(current_who)]
Here = Annotated[Home, Depends(current_home)]
MOST, MOST_DATED = 1_000, 50
"""Own values: ids in one request, and where it is said since when each tag is so."""


class Wanted(BaseModel):
    """What is wanted of each profile."""

    dimensions: list[str] = Field(
        [],
        max_length=500,
        description="keys of dimensions, or of layers such as `value`; empty: every dimension",
    )
    as_of: str | None = Field(
        None, max_length=40, description="a day (its end) or a moment: what was known then; none: now"
    )
    since: bool = Field(
        False,
        strict=True,
        description=f"true: says since which day each tag is so; at most {MOST_DATED} ids at a time",
    )


class Asked(Wanted):
    """Whose profiles are wanted, by public id."""

    ids: list[Annotated[str, Field(max_length=40)]] = Field(
        min_length=1, max_length=MOST, description="public ids, those of earlier days too"
    )


class Find(Wanted):
    """Whose profile is wanted, by an identifier."""

    namespace: str = Field(description="kind of identifier: " + ", ".join(sorted(GIVEN)))
    value: str = Field(max_length=320)


class Words(BaseModel):
    """A text in both languages."""

    zh: str
    en: str


class DimensionAnswer(BaseModel):
    """A dimension that is named in the answer."""

    layer: str
    label: Words
    unit: Words = Field(description="of its numbers; empty where the values are texts")
    purpose: str = Field(description="what it may be used for: `service`, `marketing`, `analysis`")
    inferred: bool = Field(description="true: a guess from behaviour; false: counted or stated")
    sensitive: bool


class TagAnswer(BaseModel):
    """One person at one node."""

    node: str
    label: Words
    value: float | str = Field(description="the number, or the text, behind the node")
    since: date | None = Field(
        description="first day on which it was so, without a break since; null: as long as anything is known, a fact without history, or not asked"
    )
    dated: bool = Field(
        description="false: a fact of today, of which no history is kept, in an answer as of an earlier moment"
    )


class ProfileAnswer(BaseModel):
    """What is known of one person; tags by key of the dimension."""

    id: str = Field(description="public id of today")
    asked: str = Field(description="the id that was asked for")
    tags: dict[str, TagAnswer]


class ProfilesAnswer(BaseModel):
    """What is known of some persons, in the order in which they were asked for, each id once."""

    as_of: datetime
    batch: int = Field(description="last batch of touches in it; 0 as of an earlier moment")
    dimensions: dict[str, DimensionAnswer]
    profiles: list[ProfileAnswer]
    unknown: list[str] = Field(description="ids that belong to nobody, or to somebody who was forgotten")
    not_then: list[str] = Field(description="ids of whom nothing was known yet at `as_of`")


@router.post("", response_model=ProfilesAnswer)
def profiles(asked: Asked, home: Here, who: AskedBy) -> Response:
    """Return what is known of some persons, in the dimensions that are asked for, now or as of an earlier moment."""
    if asked.since and len(asked.ids) > MOST_DATED:
        why = Text(f"带 since 时最多 {MOST_DATED} 个", f"at most {MOST_DATED} are allowed with `since`")
        raise Invalid(field="ids", given=len(asked.ids), why=why)
    return _answer(home, who, asked.ids, asked)


@router.post("/find", response_model=ProfilesAnswer)
def find(asked: Find, home: Here, who: AskedBy) -> Response:
    """Return what is known of whoever an identifier points at; 404 if nobody is known by it."""
    return _answer(home, who, [identity.lookup(home, who, asked.namespace, asked.value).id], asked)


def _answer(home: Home, who: Who, ids: Sequence[str], wanted: Wanted) -> Response:
    at = None if wanted.as_of is None else api.moment(home, wanted.as_of)
    found = api.profiles_of(home, who, ids, wanted=wanted.dimensions, as_of=at, dated=wanted.since)
    log("profiles").info("profiles_read", who=who.name, profiles=len(found.persons), as_of=wanted.as_of)
    said = _said(home, found, api.choose(home, who, wanted.dimensions))
    return Response(msgspec.json.encode(said), media_type="application/json")


def _said(home: Home, found: Portraits, dimensions: Sequence[Dimension]) -> dict[str, Any]:
    """Return a `ProfilesAnswer` as plain values: a thousand persons have a hundred thousand tags."""
    there, words = {tag.dimension for one in found.persons for tag in one.tags}, _Words()
    return {
        "as_of": found.as_of,
        "batch": found.batch,
        "dimensions": {d.key: _dimension(home, d) for d in dimensions if d.key in there},
        "profiles": [
            {"id": one.id, "asked": one.asked, "tags": {tag.dimension: _tag(tag, words) for tag in one.tags}}
            for one in found.persons
        ],
        "unknown": list(found.unknown),
        "not_then": list(found.not_then),
    }


def _dimension(home: Home, one: Dimension) -> dict[str, Any]:
    return {
        "layer": one.layer.value,
        "label": _words(one.label),
        "unit": _words(api.unit_of(home, one)),
        "purpose": one.purpose,
        "inferred": one.inferred,
        "sensitive": one.sensitive,
    }


class _Words(dict[int, dict[str, str]]):
    """Texts as plain values, each made once."""

    def of(self, text: Text) -> dict[str, str]:
        found = self.get(id(text))
        if found is None:
            found = self[id(text)] = _words(text)
        return found


def _tag(tag: Tag, words: _Words) -> dict[str, Any]:
    label = words.of(tag.node_label)
    return {"node": tag.node, "label": label, "value": tag.value, "since": tag.since, "dated": tag.dated}


def _words(text: Text) -> dict[str, str]:
    return {"zh": text.zh, "en": text.en}
