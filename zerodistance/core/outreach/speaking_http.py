"""The JSON API of who may be written to, and with what: templates, limits, words, consent. An address stands in a body, never in a path."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from zerodistance.core.outreach import (
    approving,
    catalogue,
    desk,
    judging,
    lengths,
    suppression,
    templates,
    words,
)
from zerodistance.core.outreach.contracts import ChannelName
from zerodistance.core.outreach.templates import Template
from zerodistance.kernel import clock
from zerodistance.kernel.access import Who
from zerodistance.kernel.errors import Invalid
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import LANGS, Text
from zerodistance.kernel.web import Number, current_home, current_who

router = APIRouter()
AskedBy = Annotated[Who, Depends(current_who)]
Here = Annotated[Home, Depends(current_home)]
Word = Annotated[str, Field(max_length=200)]
Long = Annotated[str, Field(max_length=60_000)]
MOST_ADDRESSES = 10_000
"""Own value: of one request."""


class BodySaid(BaseModel):
    """The text in one language; `{key}` stands for a variable, `{{` and `}}` for braces."""

    text: Long
    subject: Word = ""


class VariableSaid(BaseModel):
    """A variable."""

    key: Word
    default: dict[Word, Word] = Field({}, max_length=2, description="zh, en: where nothing is known or given")
    longest: int = Field(20, ge=1, le=500, strict=True)
    of: Word = Field("given", description="`given`, `vault.name`, `vault.salutation` or `tag.DIMENSION`")


class TemplateSaid(BaseModel):
    """A template of messages."""

    name: dict[Word, Word] = Field(max_length=2, description="zh, en")
    channel: Word
    purpose: Word = "marketing"
    bodies: dict[Word, BodySaid] = Field(max_length=2, description="zh, en; at least one")
    variables: list[VariableSaid] = Field([], max_length=20)


class NewTemplate(TemplateSaid):
    """A template, or a new version of one."""

    key: Word
    unit: Word | None = Field(None, description="key of its unit; null: as it is")


class Tried(TemplateSaid):
    """A template that is only looked at, in one language, with values of one's own."""

    lang: Word = "zh"
    values: dict[Word, Word] = Field({}, max_length=20)


class TemplateAnswer(TemplateSaid):
    """A template of one version."""

    key: str
    unit: int | None
    version: int
    made_by: str
    made_at: int
    off: bool


class ProblemAnswer(BaseModel):
    """What is wrong with a template; what `stops` keeps it from being saved."""

    code: str
    stops: bool
    lang: str
    why: str


class Looked(BaseModel):
    """A message as a made person reads it, and what is wrong with its template."""

    subject: str
    text: str
    html: str | None
    parts: int | None = Field(
        description="text messages that it is sent as, at its longest; null: it is none"
    )
    problems: list[ProblemAnswer]


class LimitsAnswer(BaseModel):
    """The limits that hold."""

    version: int
    made_by: str
    made_at: int
    limits: dict[str, Any]


class ListAnswer(BaseModel):
    """A list of words."""

    key: str
    name_zh: str
    name_en: str
    lang: str
    purposes: list[str]
    source: str
    as_of: str
    on: bool
    version: int
    words: list[dict[str, Any]]


class Text_(BaseModel):
    """A text to look for words in."""

    text: Long
    lang: Word = "zh"
    purpose: Word = "marketing"


class Found(BaseModel):
    """A word that was found: `forbidden`, or one to `mind`."""

    word: str
    weight: str
    why: str
    source: str
    around: str


class ConsentSaid(BaseModel):
    """That consent was given or withdrawn for an address that somebody has."""

    namespace: Word
    value: Word
    given: bool = Field(strict=True)
    purpose: Word = Field("", description="empty in a withdrawal: all but service")
    channel: Word = Field(
        "", description="empty in a withdrawal: every channel that writes to such an address"
    )
    said_at: datetime | None = Field(None, description="null: now; with a time zone")
    place: Word = ""
    text_version: Word = ""
    proof: Word = Field("", description="what shows it: a ticket, the number of a form; needed for a yes")


class Kept(BaseModel):
    """How many words of consent are new, or entries changed."""

    words: int


class ConsentsAnswer(BaseModel):
    """How consent stands, in counts of addresses: lines of purpose and channel."""

    consents: list[dict[str, Any]]
    suppressed: list[dict[str, Any]]


class ToSuppress(BaseModel):
    """Addresses that nothing is to be sent to."""

    namespace: Word
    values: list[Word] = Field(min_length=1, max_length=MOST_ADDRESSES)
    reason: Word = Field("listed", description=", ".join(suppression.REASONS))
    purpose: Word = Field("", description="empty: whatever for")
    source: Word = Field("api", description="which list it is")


class Loaded(BaseModel):
    """What became of them; `known`: somebody of this home has them."""

    rows: int
    added: int
    known: int
    unreadable: int


class ToLift(BaseModel):
    """An address that may be written to again."""

    namespace: Word
    value: Word


class ApprovalAnswer(BaseModel):
    """What waits for a second account, or was decided."""

    number: int
    about: str
    state: str
    size: int | None
    asked_by: str
    asked_at: int
    decided_by: str | None
    decided_at: int | None
    why: str
    said: dict[str, Any]


def _template(one: Template) -> TemplateAnswer:
    return TemplateAnswer(**templates.as_dict(one))


def _of(given: TemplateSaid, key: str = "draft") -> Template:
    return templates.of_dict(key, given.model_dump())


@router.get("/templates")
def template_list(home: Here, who: AskedBy) -> list[TemplateAnswer]:
    """Return the newest version of each template of one's own units."""
    return [_template(one) for one in catalogue.listed(home, who)]


@router.post("/templates")
def template_save(home: Here, who: AskedBy, given: NewTemplate) -> TemplateAnswer:
    """Save a template, or a new version of one."""
    said = given.model_dump(exclude={"key", "unit"})
    return _template(catalogue.save(home, who, given.key, said, unit=given.unit))


@router.post("/templates/look")
def template_look(home: Here, who: AskedBy, given: Tried) -> Looked:
    """Show what a template would look like to a made person, and what is wrong with it; nothing is saved."""
    return _look(home, who, _of(given), given.lang, given.values)


@router.get("/templates/{key}")
def template_show(home: Here, who: AskedBy, key: str, version: Number | None = None) -> TemplateAnswer:
    """Return a template; its newest version unless said."""
    return _template(catalogue.show(home, who, key, version))


@router.get("/templates/{key}/versions")
def template_versions(home: Here, who: AskedBy, key: str) -> list[TemplateAnswer]:
    """Return every version of a template, the newest first."""
    return [_template(one) for one in catalogue.versions(home, who, key)]


@router.get("/templates/{key}/look")
def template_preview(home: Here, who: AskedBy, key: str, lang: str = "zh") -> Looked:
    """Show a template as a made person would read it."""
    return _look(home, who, catalogue.show(home, who, key), lang, {})


@router.post("/templates/{key}/withdraw")
def template_withdraw(home: Here, who: AskedBy, key: str) -> TemplateAnswer:
    """Let nothing more be sent with a template; saved again it is taken up."""
    catalogue.withdraw(home, who, key)
    return _template(catalogue.show(home, who, key))


def _look(home: Home, who: Who, one: Template, lang: str, values: dict[str, str]) -> Looked:
    if lang not in LANGS:
        raise Invalid(field="lang", given=lang, why=Text("zh 或 en", "zh or en"))
    problems = catalogue.problems_of(home, one)
    if any(p.code == "unknown_variable" for p in problems):
        raise catalogue.BadTemplate(key=one.key, problems=[p for p in problems if p.stops])
    shown = catalogue.preview(home, who, one, lang, values)
    parts = None
    if one.channel == ChannelName.SMS:
        longest = judging.longest(one, templates.language(one, lang), catalogue.sender_of(home))
        parts = lengths.parts(longest.text).parts
    said = [ProblemAnswer(code=p.code, stops=p.stops, lang=p.lang, why=p.why.get(who.lang)) for p in problems]
    return Looked(subject=shown.subject, text=shown.text, html=shown.html, parts=parts, problems=said)


def _limits(one: desk.Limits) -> LimitsAnswer:
    return LimitsAnswer(
        version=one.version, made_by=one.made_by, made_at=one.made_at, limits=one.policy.as_dict()
    )


@router.get("/limits")
def limits_show(home: Here, who: AskedBy) -> LimitsAnswer:
    """Return the limits that hold."""
    return _limits(desk.limits_shown(home, who))


@router.post("/limits")
def limits_set(home: Here, who: AskedBy, said: dict[str, Any]) -> LimitsAnswer:
    """Set limits; what is not said stays as it is."""
    return _limits(desk.set_limits(home, who, said))


def _list(one: words.WordList) -> ListAnswer:
    return ListAnswer(key=one.key, version=one.version, **words.as_dict(one))


@router.get("/words")
def word_lists(home: Here, who: AskedBy) -> list[ListAnswer]:
    """Return every list of words that advertising may not use, with its source."""
    desk.may_look(who)
    return [_list(one) for one in words.lists(home)]


@router.post("/words/find")
def words_find(home: Here, who: AskedBy, given: Text_) -> list[Found]:
    """Return the words of the lists that a text uses."""
    desk.may_look(who)
    return [
        Found(**asdict(one)) for one in words.find(given.text, words.lists(home), given.lang, given.purpose)
    ]


@router.get("/words/{key}")
def word_list(home: Here, who: AskedBy, key: str) -> ListAnswer:
    """Return one list."""
    desk.may_look(who)
    return _list(words.show(home, key))


@router.post("/words/{key}")
def word_list_save(home: Here, who: AskedBy, key: str, said: dict[str, Any]) -> ListAnswer:
    """Save a list, or a new version of one."""
    return _list(words.save(home, who, key, said))


@router.get("/consents")
def consents(home: Here, who: AskedBy) -> ConsentsAnswer:
    """Return how consent and suppression stand."""
    found = desk.figures(home, who)
    lines = [
        {
            "purpose": p,
            "channel": c,
            "given": found.given.get((p, c), 0),
            "withdrawn": found.withdrawn.get((p, c), 0),
        }
        for p, c in sorted({*found.given, *found.withdrawn})
    ]
    barred = [{"reason": r, "addresses": n, "known": k} for r, (n, k) in sorted(found.suppressed.items())]
    return ConsentsAnswer(consents=lines, suppressed=barred)


@router.post("/consents")
def consent_say(home: Here, who: AskedBy, given: ConsentSaid) -> Kept:
    """Record that consent was given or withdrawn for an address."""
    said = given.model_dump(exclude={"namespace", "value", "said_at"})
    at = None
    if given.said_at is not None:
        if given.said_at.tzinfo is None:
            raise Invalid(
                field="said_at", given=str(given.said_at), why=Text("要带时区", "it needs a time zone")
            )
        at = clock.to_micros(given.said_at)
    return Kept(words=desk.say(home, who, given.namespace, given.value, at=at, **said))


@router.post("/suppressed")
def suppress(home: Here, who: AskedBy, given: ToSuppress) -> Loaded:
    """Let nothing be sent to some addresses, whether anybody has them or not."""
    data = "\n".join(one.replace("\n", " ") for one in given.values).encode()
    found = desk.suppress_list(
        home, who, data, given.namespace, given.source, reason=given.reason, purpose=given.purpose
    )
    return Loaded(**asdict(found))


@router.post("/suppressed/lift")
def lift(home: Here, who: AskedBy, given: ToLift) -> Kept:
    """Take an address from every list."""
    return Kept(words=desk.lift(home, who, given.namespace, given.value))


@router.get("/approvals")
def approvals(home: Here, who: AskedBy, waiting: bool = False) -> list[ApprovalAnswer]:
    """Return what waits for a second account, and what was decided, the newest first."""
    names = set(ApprovalAnswer.model_fields) - {"state"}
    return [
        ApprovalAnswer(state=one.state, **{name: getattr(one, name) for name in names})
        for one in approving.listed(home, who, waiting=waiting)
    ]
