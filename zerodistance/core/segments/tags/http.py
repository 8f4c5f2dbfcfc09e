"""The JSON API of tags that users make: `/v1/segments/tags`. Who asks is set by the door."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from zerodistance.core.profiles.contracts import Layer
from zerodistance.core.segments.tags import api, forms
from zerodistance.core.segments.tags.contracts import MOST_EDGES, MOST_NODES, MOST_SQL, Columns, Said, UserTag
from zerodistance.kernel import clock
from zerodistance.kernel.access import Who
from zerodistance.kernel.home import Home
from zerodistance.kernel.web import current_home, current_who

router = APIRouter(prefix="/tags")
AskedBy = Annotated[Who, Depends(current_who)]
Here = Annotated[Home, Depends(current_home)]
Word = Annotated[str, Field(max_length=200)]
Edge = Annotated[float, Field(strict=True)]


class RuleNode(BaseModel):
    """A node and the rule that says who is at it."""

    node: Word
    rule: str | dict[str, Any]
    zh: Word | None = None
    en: Word | None = None


class BandsSaid(BaseModel):
    """Bands over the number of another dimension, by where each begins."""

    of: Word
    edges: list[Edge] = Field(
        [], max_length=MOST_EDGES, description="empty with quantiles: they are cut when it is saved"
    )
    quantiles: int | None = Field(
        None, ge=2, le=MOST_EDGES, strict=True, description="so many bands of about equally many persons each"
    )


class TouchesSaid(BaseModel):
    """The first, last or most frequent word of touches."""

    take: Literal["first", "last", "most"]
    word: Word
    kinds: list[Word] = Field([], max_length=100)
    days: int | None = Field(None, ge=1, le=36_500, strict=True)
    where: dict[Word, Word] = Field({}, max_length=10)


class ListWord(BaseModel):
    """What a list may say of a person."""

    node: Word
    zh: Word | None = None
    en: Word | None = None


class ListSaid(BaseModel):
    """What a list says of a person, that entered last. Its files are imported, see `/v1/segments/tags/{key}/mapping`."""

    words: list[ListWord] = Field([], max_length=MOST_NODES, description="what it may say; empty: anything")


class ListColumns(BaseModel):
    """What the columns of a list's file are."""

    identifiers: dict[Word, Word] = Field(
        max_length=10, description="namespace -> column, like phone -> 手机号"
    )
    value: Word | None = Field(None, description="the column that says what the list says of a person")
    word: Word | None = Field(None, description="what it says of everybody where there is no such column")
    happened_at: Word | None = Field(
        None, description="the column of ISO dates since when; null: since the mapping was asked for"
    )


class ListMapping(BaseModel):
    """The mapping file (TOML) under which a CSV file becomes touches of a list."""

    mapping: str


class NewTag(BaseModel):
    """A tag: its words, and one of `rule`, `bands`, `touches`, `sql`, `list`."""

    key: Word = Field(description="own. and a to z, 0 to 9, _")
    layer: Layer
    zh: Word = ""
    en: Word = ""
    meaning_zh: Annotated[str, Field(max_length=1_000)] = ""
    meaning_en: Annotated[str, Field(max_length=1_000)] = ""
    rule: list[RuleNode] | None = Field(None, max_length=MOST_NODES)
    bands: BandsSaid | None = None
    touches: TouchesSaid | None = None
    sql: Annotated[str, Field(max_length=MOST_SQL)] | None = None
    by_list: ListSaid | None = Field(None, alias="list")
    unit: Word | None = Field(None, description="key of its unit; empty: everybody's; null: as it is")
    expires_on: date | None = None


class TriedNode(BaseModel):
    """How many would be at a node."""

    node: str
    label_zh: str
    label_en: str
    persons: int
    visitors: int


class TagAnswer(BaseModel):
    """A tag that users made, in its newest version."""

    key: str
    layer: str
    zh: str
    en: str
    how: dict[str, Any]
    version: int
    changed_by: str
    unit: str | None
    expires_on: date | None
    ran_at: str | None = Field(
        description="when its values were last made; null: they are not made yet, or bands and touches have none of their own"
    )
    failed: str | None


def _said(home: Home, given: NewTag) -> Said:
    fields = {
        "rule": given.rule,
        "bands": given.bands,
        "touches": given.touches,
        "sql": given.sql,
        "list": given.by_list,
    }
    ways = {name: value for name, value in fields.items() if value is not None}
    how = {
        name: [one.model_dump() for one in value]
        if isinstance(value, list)
        else value.model_dump()
        if isinstance(value, BaseModel)
        else value
        for name, value in ways.items()
    }
    until = None if given.expires_on is None else given.expires_on.isoformat()
    said = {
        "key": given.key, "layer": given.layer.value, "label": {"zh": given.zh, "en": given.en},
        "meaning": {"zh": given.meaning_zh, "en": given.meaning_en}, "how": how, "expires_on": until,
        "unit": given.unit,
    }  # fmt: skip
    return api.read(home, said)


def _answer(home: Home, one: UserTag) -> TagAnswer:
    ran = None if one.ran_at is None else clock.from_micros(one.ran_at).isoformat()
    failed = None if one.failed is None else one.failed.en
    return TagAnswer(
        key=one.said.key, layer=one.said.layer.value, zh=one.said.label.zh, en=one.said.label.en, how=forms.plain(one.said)["how"],
        version=one.version, changed_by=one.changed_by, expires_on=one.said.expires_on, ran_at=ran, failed=failed,
        unit=api.unit_of(home, one.said),
    )  # fmt: skip


@router.get("")
def listed(home: Here, who: AskedBy) -> list[TagAnswer]:
    """List the tags that users made, last changed first."""
    return [_answer(home, one) for one in api.tags(home, who)]


@router.post("", status_code=201)
def save(given: NewTag, home: Here, who: AskedBy) -> TagAnswer:
    """Save a tag, or a new version of one; the worker makes the values of rules and SQL within a minute."""
    return _answer(home, api.save(home, who, _said(home, given), now=False))


@router.post("/preview")
def preview(given: NewTag, home: Here, who: AskedBy) -> list[TriedNode]:
    """Count who would be at each node; nothing is written."""
    found = api.try_out(home, who, _said(home, given))
    return [
        TriedNode(node=key, label_zh=label.zh, label_en=label.en, persons=n.persons, visitors=n.visitors)
        for key, label, n in found.nodes
    ]


@router.get("/{key}")
def one(key: str, home: Here, who: AskedBy) -> TagAnswer:
    """Return a tag."""
    return _answer(home, api.tag(home, who, key))


@router.post("/{key}/run")
def run(key: str, home: Here, who: AskedBy) -> TagAnswer:
    """Have the worker make the values of a tag anew, within a minute."""
    return _answer(home, api.run(home, who, key, now=False))


@router.post("/{key}/mapping")
def mapping(key: str, given: ListColumns, home: Here, who: AskedBy) -> ListMapping:
    """Return the mapping under which a CSV file is a list of this tag; the file itself is uploaded, or imported by command, with it."""
    columns = Columns(given.identifiers, given.value, given.word, given.happened_at)
    return ListMapping(mapping=api.list_mapping(home, who, key, columns))


@router.delete("/{key}", status_code=204)
def withdraw(key: str, home: Here, who: AskedBy) -> None:
    """Withdraw a tag and its values."""
    api.withdraw(home, who, key)
