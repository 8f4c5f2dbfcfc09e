"""The JSON API of measurement: `/v1/experiments/...`. Who asks is set by the door."""

from __future__ import annotations

import io
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel, Field

from zerodistance.core.measurement import api
from zerodistance.core.measurement.contracts import Assignment, Goal, Value
from zerodistance.core.measurement.plain import plain
from zerodistance.kernel import clock
from zerodistance.kernel.access import Permission, Who
from zerodistance.kernel.errors import Invalid
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text
from zerodistance.kernel.web import current_home, current_who

router = APIRouter(prefix="/v1/experiments", tags=["experiments"])

AskedBy = Annotated[Who, Depends(current_who)]
Here = Annotated[Home, Depends(current_home)]
Word = Annotated[str, Field(max_length=80)]
Share = Annotated[float, Field(ge=0, le=1, strict=True)]
Count = Annotated[int, Field(ge=0, le=1 << 40, strict=True)]
_UNITS = 2**31 - 1


class Words(BaseModel):
    """A text in both languages."""

    zh: str
    en: str


class Figure(BaseModel):
    """A figure with its interval; `high` null: no upper end, `value` null: none that can be told."""

    value: float | None
    low: float
    high: float | None


class GoalAsked(BaseModel):
    """What is hoped for: a touch of a kind within so many days of the assignment."""

    kind: Word = Field(description="a kind of touch such as `order.line`, or a family such as `order.*`")
    window_days: int = Field(ge=1, le=730, strict=True)
    category: Word | None = Field(None, description="with those below it")
    product: Word | None = None
    place: Word | None = None
    value: Literal["touches", "amount"] = Field("touches", description="`amount`: money is measured too")

    def goal(self) -> Goal:
        """Return it as the room has it."""
        return Goal(self.kind, self.window_days, self.category, self.product, self.place, Value(self.value))


class PlanAsked(BaseModel):
    """What an experiment is to find."""

    goal: GoalAsked
    audience: int = Field(ge=1, le=1 << 33, strict=True, description="persons")
    share_held: Share | None = Field(None, description="null: the smallest that finds `detect`, else a tenth")
    base_rate: Share | None = Field(
        None, description="null: that of everybody in a window of that length until now"
    )
    detect: float | None = Field(
        None, ge=0.001, le=100, strict=True, description="relative lift, .1: a tenth more"
    )
    power: float = Field(0.8, ge=0.5, le=0.99, strict=True)
    alpha: float = Field(0.05, ge=0.001, le=0.2, strict=True)
    anyway: bool = Field(False, strict=True, description="true: a plan that can't find `detect` is fine")


class PlanAnswer(BaseModel):
    """What an experiment could find."""

    audience: int
    base_rate: float
    share_held: float
    detect: float | None
    detectable: float | None = Field(description="smallest relative lift that is found; null: none")
    power: float = Field(description="chance to find `detect`, or `detectable` where nobody said")
    needed: int | None = Field(description="persons that `detect` takes with the best share")
    alpha: float


class ToCreate(BaseModel):
    """A new experiment; it is planned where `audience` is said."""

    key: Word
    name: Words
    goal: GoalAsked
    purpose: Literal["marketing", "service", "research"] = "marketing"
    unit: int | None = Field(
        None,
        ge=1,
        le=_UNITS,
        strict=True,
        description="number of the unit; null: the account's, or everybody's",
    )
    audience: int | None = Field(None, ge=1, le=1 << 33, strict=True)
    share_held: Share | None = None
    stratify: list[Word] = Field(
        [], max_length=4, description="dimensions within whose nodes the share is held"
    )
    score: Word | None = Field(None, description="dimension with numbers, for the uplift curve")
    channel: Word | None = None
    base_rate: Share | None = None
    detect: float | None = Field(None, ge=0.001, le=100, strict=True)
    power: float = Field(0.8, ge=0.5, le=0.99, strict=True)
    alpha: float = Field(0.05, ge=0.001, le=0.2, strict=True)
    anyway: bool = Field(False, strict=True)


class ToHold(BaseModel):
    """A global holdout; the one that was there ends."""

    key: Word
    name: Words
    goal: GoalAsked
    share: float = Field(ge=0.001, le=0.5, strict=True)


class GoalAnswer(BaseModel):
    """What is hoped for."""

    kind: str
    window_days: int
    category: str | None
    product: str | None
    place: str | None
    value: str


class ExperimentAnswer(BaseModel):
    """An experiment; times are microseconds UTC."""

    key: str
    name: Words
    purpose: str
    unit: int | None
    share_held: float
    stratify: list[str]
    score: str | None
    channel: str | None
    goal: GoalAnswer
    plan: PlanAnswer | None
    everywhere: bool = Field(description="whether it is the global holdout")
    made_by: str
    made_at: int
    ended_by: str | None
    ended_at: int | None
    assignments: int
    persons: int
    held: int
    last_at: int | None


class ExperimentsAnswer(BaseModel):
    """The experiments that the account sees, the newest first."""

    experiments: list[ExperimentAnswer]


class ToAssign(BaseModel):
    """Whom to assign: who is in a saved segment now."""

    segment: Word
    without_holdout_because: str | None = Field(
        None, max_length=200, description="of service experiments: hold nobody out, and why"
    )


class AssignmentAnswer(BaseModel):
    """A receipt; counts are null for an account that sees no persons."""

    experiment: str
    number: int
    assigned_at: int = Field(description="microseconds UTC")
    treated: int | None
    held: int | None
    again: int | None = Field(description="of them, who had been assigned before")
    everywhere: int | None = Field(description="of those held, who is held out of all marketing")


class ArmAnswer(BaseModel):
    """Persons of an arm and what became of them within their windows."""

    persons: int
    reached: int
    rate: Figure | None
    amount: float
    sent: int
    opened: int
    clicked: int
    points: float


class EffectAnswer(BaseModel):
    """What contact changed, by intention to treat, looked at once at the end."""

    difference: Figure
    lift: Figure
    more: Figure
    p: float


class ResultAnswer(BaseModel):
    """What came of an experiment; `always` is the interval that holds however often somebody looks."""

    experiment: ExperimentAnswer
    as_of: datetime
    complete: float = Field(description="share of the persons whose window is over")
    treated: ArmAnswer
    held: ArmAnswer | None
    effect: EffectAnswer | None
    always: Figure | None
    weighed: Figure | None
    complier: Figure | None
    amounts: dict[str, Any] | None = Field(
        description="`plain`, `adjusted`, `removed`: money a head, less what was there before"
    )
    naive: dict[str, Any] | None = Field(description="misleading, with its `warning`")
    groups: list[dict[str, Any]]
    uplift: dict[str, Any] | None
    checks: list[dict[str, Any]]
    days: list[dict[str, Any]]
    looks: list[dict[str, Any]]
    money: dict[str, Any]
    both: int
    crossed: int
    notes: list[Words]
    released: bool = Field(description="whether counts are rounded")


class CostAnswer(BaseModel):
    """Money spent, in the home's currency."""

    number: int
    amount: float
    what: str
    per_message: bool
    channel: str | None
    by: str
    at: int


class CostsAnswer(BaseModel):
    """What is booked, in order."""

    costs: list[CostAnswer]


class ToBook(BaseModel):
    """A cost."""

    amount: float = Field(ge=-1e12, le=1e12, strict=True)
    what: str = Field(min_length=1, max_length=200)
    per_message: bool = Field(False, strict=True)
    channel: Word | None = None


class JointAsked(BaseModel):
    """A comparison without a lot."""

    exposed: Count
    bought: Count
    others: Count | None = None
    others_bought: Count | None = None


class JointAnswer(BaseModel):
    """What it says, and what it can't."""

    exposed: dict[str, int]
    others: dict[str, int] | None
    rate: Figure
    others_rate: Figure | None
    times: Figure | None
    hidden: float | None = Field(description="the E-value")
    can: list[Words]
    cannot: list[Words]
    needed: int | None


@router.get("", response_model=ExperimentsAnswer)
def experiments(home: Here, who: AskedBy) -> Response:
    """Return the experiments that this account sees, the newest first."""
    return _json({"experiments": plain(api.experiments(home, who))})


@router.post("", response_model=ExperimentAnswer, status_code=201)
def create(asked: ToCreate, home: Here, who: AskedBy) -> Response:
    """Create an experiment; 409 where it could find nothing, unless `anyway`."""
    given = asked.model_dump(exclude={"key", "name", "goal"})
    made = api.create(home, who, asked.key, Text(asked.name.zh, asked.name.en), asked.goal.goal(), **given)
    return _json(plain(made), 201)


@router.post("/plan", response_model=PlanAnswer)
def plan(asked: PlanAsked, home: Here, who: AskedBy) -> Response:
    """Work out what an experiment could find; 409 where it can't find `detect`, unless `anyway`."""
    who.need(Permission.SEND)
    given = asked.model_dump(exclude={"goal", "audience"})
    return _json(plain(api.plan(home, who, asked.goal.goal(), asked.audience, **given)))


@router.post("/global", response_model=ExperimentAnswer, status_code=201)
def hold(asked: ToHold, home: Here, who: AskedBy) -> Response:
    """Hold a share of everybody out of all marketing from now on; needs MANAGE_OUTREACH."""
    name = Text(asked.name.zh, asked.name.en)
    return _json(plain(api.hold_globally(home, who, asked.key, name, asked.goal.goal(), asked.share)), 201)


@router.get("/global", response_model=ResultAnswer)
def global_holdout(home: Here, who: AskedBy) -> Response:
    """Return what all contact does; 404 without a global holdout."""
    return _json(plain(api.global_holdout(home, who)))


@router.post("/joint", response_model=JointAnswer)
def joint(asked: JointAsked, who: AskedBy) -> Response:
    """Return what a comparison without a lot says, and what it can't."""
    return _json(plain(api.joint(asked.exposed, asked.bought, asked.others, asked.others_bought)))


@router.get("/{key}", response_model=ExperimentAnswer)
def experiment(key: str, home: Here, who: AskedBy) -> Response:
    """Return one experiment."""
    return _json(plain(api.experiment(home, who, key)))


Until = Annotated[datetime | None, Query(description="as of that moment, with its zone; none: now")]


@router.get("/{key}/result", response_model=ResultAnswer)
def result(key: str, home: Here, who: AskedBy, until: Until = None) -> Response:
    """Return what came of an experiment; rounded for an account that sees no persons."""
    return _json(plain(api.result(home, who, key, until=_micros(until))))


@router.get("/{key}/result.csv", response_class=Response, responses={200: {"content": {"text/csv": {}}}})
def result_file(key: str, home: Here, who: AskedBy, until: Until = None) -> Response:
    """Return what came of an experiment as CSV: part, name, value, low, high."""
    out = io.StringIO()
    api.export(home, who, key, out, until=_micros(until))
    return Response(out.getvalue(), media_type="text/csv", headers={"Cache-Control": "no-store"})


@router.post("/{key}/assignments", response_model=AssignmentAnswer, status_code=201)
def assign(key: str, asked: ToAssign, home: Here, who: AskedBy) -> Response:
    """Assign who is in a saved segment now; asked again the answer is the same."""
    receipt = api.assign_segment(
        home, who, key, asked.segment, without_holdout_because=asked.without_holdout_because
    )
    return _json(_receipt(receipt, told=who.may(Permission.SEE_PERSONS)), 201)


@router.post("/{key}/end", response_model=ExperimentAnswer)
def end(key: str, home: Here, who: AskedBy) -> Response:
    """Assign nobody any more."""
    return _json(plain(api.end(home, who, key)))


@router.get("/{key}/costs", response_model=CostsAnswer)
def costs(key: str, home: Here, who: AskedBy) -> Response:
    """Return what is booked."""
    return _json({"costs": plain(api.costs(home, who, key))})


@router.post("/{key}/costs", response_model=CostsAnswer, status_code=201)
def cost(key: str, asked: ToBook, home: Here, who: AskedBy) -> Response:
    """Book a cost, once or of each message."""
    booked = api.cost(
        home, who, key, asked.amount, asked.what, per_message=asked.per_message, channel=asked.channel
    )
    return _json({"costs": plain(booked)}, 201)


def _receipt(receipt: Assignment, *, told: bool) -> dict[str, Any]:
    counts = {
        "treated": len(receipt.treated),
        "held": len(receipt.held),
        "again": receipt.again,
        "everywhere": receipt.everywhere,
    }
    return {
        "experiment": receipt.experiment,
        "number": receipt.number,
        "assigned_at": receipt.assigned_at,
        **(counts if told else dict.fromkeys(counts)),
    }


def _micros(until: datetime | None) -> int | None:
    if until is not None and until.tzinfo is None:
        why = Text("要带时区，如 2026-11-01T08:00:00+08:00", "with its zone, like 2026-11-01T08:00:00+08:00")
        raise Invalid(field="until", given=until.isoformat(), why=why)
    return None if until is None else clock.to_micros(until)


def _json(said: Any, status: int = 200) -> Response:
    return Response(msgspec.json.encode(said), status, media_type="application/json")
