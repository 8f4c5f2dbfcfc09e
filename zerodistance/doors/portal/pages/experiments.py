"""*Experiments*: what contact changed, campaign by campaign; planned, made and measured here."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import Response

from zerodistance.apps.marketing.campaigns import api as campaigns
from zerodistance.apps.marketing.campaigns.contracts import Campaign
from zerodistance.core.brand import api as brand
from zerodistance.core.measurement import api as measurement
from zerodistance.core.measurement import printing
from zerodistance.core.measurement.contracts import PURPOSES, Goal, NoGlobalHoldout, Plan, Value
from zerodistance.core.measurement.figures import Result
from zerodistance.core.measurement.looking import Seen, over
from zerodistance.core.segments import api as segments
from zerodistance.core.segments import audiences
from zerodistance.core.touchpoints.kinds import KINDS
from zerodistance.doors.portal import numbers, plots
from zerodistance.doors.portal.formats import Formats
from zerodistance.doors.portal.registry import Menu, register
from zerodistance.doors.portal.shell import formats_of, go, home_of, lang_of, page, table_file, who_of
from zerodistance.kernel import clock
from zerodistance.kernel.access import Permission, Who
from zerodistance.kernel.errors import Invalid, ZeroDistanceError
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text

router = APIRouter()
MENU = Menu("experiments", "/experiments", "lift", Text("实验", "Experiments"), 28, need=Permission.SEND)
GOALS = (
    "order.*",
    "order.line",
    "order.completed",
    "product.registered",
    "device.bound",
    "service.called",
    "store.visited",
    "member.joined",
)
"""Goals that the form offers first; the others stand behind them."""
_NAMES = (28.0, 95.0)  # room beside the names of groups, percent
Field = Annotated[str, Form()]


async def _fields(request: Request) -> dict[str, str]:
    return {name: value for name, value in (await request.form()).items() if isinstance(value, str)}


Fields = Annotated[dict[str, str], Depends(_fields)]


def plain(share: float | None, digits: int = 1) -> str:
    """Return a relative figure with its sign, as pages write it."""
    if share is None:
        return "–"
    return "0" if share == 0 and not digits else f"{100 * share:+.{digits}f}%".replace("-", "−")


@router.get("/experiments")
def listing(request: Request) -> Response:
    """List the experiments as they were last looked at."""
    return _listing(request)


def _listing(request: Request, *, problem: str = "", status: int = 200) -> Response:
    home, who = home_of(request), who_of(request)
    seen = measurement.seen(home, who)
    try:
        everywhere = measurement.global_one(home)
    except NoGlobalHoldout:
        everywhere = None
    bars = [one for one in seen if one.lift is not None]
    on = plots.axis([edge for one in bars for edge in _edges(one)]) if bars else None
    return page(
        request, "experiments.html", here="experiments", seen=seen, everywhere=everywhere, goal=printing.goals(home, who),
        plain=plain, on=on, bar=plots.bar, over=over, purposes=PURPOSES, compared=sum(one.p is not None for one in seen),
        problem=problem, status=status,
    )  # fmt: skip


def _edges(one: Seen) -> tuple[float, ...]:
    assert one.lift is not None
    return tuple(x for x in one.lift if x is not None)


@router.get("/experiments.csv")
def listing_file(request: Request) -> Response:
    """Give the experiments as a CSV file."""
    head = (
        "experiment",
        "name",
        "persons",
        "held",
        "treated_reached",
        "held_reached",
        "lift",
        "low",
        "high",
        "p_holm",
    )
    lang, blank = lang_of(request), ("", "", "", "")
    rows = (
        (one.experiment.key, one.experiment.name.get(lang),
         *((one.treated.persons, one.held.persons, one.treated.reached, one.held.reached) if one.looked_at else blank),
         *((one.lift.value, one.lift.low, one.lift.high) if one.lift else ("", "", "")), "" if one.p is None else one.p)
        for one in measurement.seen(home_of(request), who_of(request))
    )  # fmt: skip
    return table_file("experiments", head, rows)


# -- a new one


@router.get("/experiments/new")
def new(request: Request) -> Response:
    """Show the form of a new experiment."""
    who_of(request).need(Permission.SEND)
    return _form(request, {})


def _form(request: Request, given: dict[str, str], *, problem: str = "", status: int = 200) -> Response:
    home, who = home_of(request), who_of(request)
    kinds = [(key, KINDS[key].text) for key in KINDS if key not in GOALS]
    first = [(key, printing.kind(key)) for key in GOALS]
    empty = dict.fromkeys(
        ("zh", "en", "key", "kind", "category", "days", "value", "purpose", "audience", "share", "base", "detect", "stratify", "score", "channel", "anyway"),
        "",
    )  # fmt: skip
    shown = empty | {"kind": "order.*", "days": "28", "purpose": "marketing"} | given
    return page(
        request, "experiment_new.html", status=status, here="experiments", given=shown, problem=problem, first=first,
        kinds=kinds, categories=brand.categories(home, who), purposes=PURPOSES, planned=None, tried=False,
    )  # fmt: skip


@router.post("/experiments/plan")
def try_plan(request: Request, given: Fields) -> Response:
    """Show what an experiment could find, while the form is filled in."""
    planned, problem = None, ""
    try:
        planned = _plan(request, given, anyway=True)
    except ZeroDistanceError as error:
        problem = error.message(lang_of(request))
    return page(request, "experiment_plan.html", planned=planned, problem=problem, tried=True)


@router.post("/experiments")
def create(request: Request, given: Fields) -> Response:
    """Make an experiment, or show the form again with what is wrong."""
    home, who = home_of(request), who_of(request)
    try:
        zh, en = given.get("zh", "").strip(), given.get("en", "").strip()
        if not (zh or en):
            raise Invalid(
                field=Text("名称", "name"),
                given="",
                why=Text("中英文至少写一个", "one of both languages is needed"),
            )
        made = measurement.create(
            home, who, given.get("key", "").strip(), Text(zh or en, en or zh), _goal(given),
            audience=whole(given, "audience"), purpose=given.get("purpose", "marketing"), share_held=_share(given, "share"),
            stratify=[one for one in given.get("stratify", "").split() if one], score=given.get("score", "").strip() or None,
            channel=given.get("channel", "").strip() or None, base_rate=_share(given, "base"), detect=_share(given, "detect"),
            anyway=bool(given.get("anyway")),
        )  # fmt: skip
    except ZeroDistanceError as error:
        return _form(request, given, problem=error.message(lang_of(request)), status=error.status)
    return go(f"/experiments/{made.key}?done=made")


def _goal(given: dict[str, str]) -> Goal:
    days = whole(given, "days")
    value = Value.AMOUNT if given.get("value") else Value.TOUCHES
    return Goal(given.get("kind", ""), days or 0, given.get("category") or None, value=value)


def _plan(request: Request, given: dict[str, str], *, anyway: bool) -> Plan | None:
    audience = whole(given, "audience")
    if audience is None or given.get("purpose") == "service":
        return None
    return measurement.plan(
        home_of(request), who_of(request), _goal(given), audience, share_held=_share(given, "share"),
        base_rate=_share(given, "base"), detect=_share(given, "detect"), anyway=anyway,
    )  # fmt: skip


def _number(given: dict[str, str], name: str) -> float | None:
    said = given.get(name, "").strip().removesuffix("%").removesuffix("％").strip()
    if not said:
        return None
    found = numbers.read(said)
    if found is None:
        raise Invalid(field=name, given=said[:40], why=Text("要一个数", "a number is wanted"))
    return found


def whole(given: dict[str, str], name: str) -> int | None:
    """Return a whole number that was typed, None for nothing; raises Invalid."""
    found = _number(given, name)
    return None if found is None else int(found)


def _share(given: dict[str, str], name: str) -> float | None:
    """Return a share that was typed in percent."""
    found = _number(given, name)
    return None if found is None else found / 100


# -- one


@router.get("/experiments/{key}")
def detail(request: Request, key: str, done: str = "") -> Response:
    """Show what came of an experiment."""
    return _detail(request, key, done=done)


def _detail(request: Request, key: str, *, done: str = "", problem: str = "", status: int = 200) -> Response:
    home, who, f = home_of(request), who_of(request), formats_of(request)
    found = measurement.result(home, who, key)
    sees = who.may(Permission.SEE_PERSONS)
    choices = (
        segments.segments(home, who) if sees else [one for one in audiences.approvals(home, who) if one.holds]
    )
    return page(
        request, "experiment.html", status=status, here="experiments", r=found, e=found.experiment, plain=plain,
        goal=printing.goals(home, who), purposes=PURPOSES, over=over(found.experiment), done=done, problem=problem, segments=choices,
        campaign=_campaign(home, who, key), step=home.settings.released_k, currency=home.settings.currency, label=lambda one: printing.dimension(home, one),
        **_pictures(found, f),
    )  # fmt: skip


def _campaign(home: Home, who: Who, key: str) -> Campaign | None:
    """Return the campaign that an experiment measures, None: there is none that the account sees."""
    if not (who.may(Permission.SEND) or who.may(Permission.APPROVE_SENDS)):
        return None
    return next((one for one in campaigns.campaigns(home, who) if one.experiment == key), None)


def _pictures(found: Result, f: Formats) -> dict[str, Any]:
    values: dict[str, Any] = {"hero": None, "groups": None, "days": None, "looks": None, "uplift": None}
    if found.effect is not None:
        lift = found.effect.lift
        on = plots.axis([x for x in lift if x is not None])
        values["hero"] = (
            on.ticks(lambda x: plain(x, 0), (6, 94)),
            plots.bar(on, lift.low, lift.high, lift.value, room=(6, 94)),
        )
    if found.groups:
        on = plots.axis([x for one in found.groups for x in one.lift if x is not None])
        step = 88 / len(found.groups)
        values["groups"] = (
            on.ticks(lambda x: plain(x, 0), _NAMES),
            [
                plots.bar(
                    on,
                    one.lift.low,
                    one.lift.high,
                    one.lift.value,
                    label=one.name.get(f.lang),
                    place=step * (n + 0.5),
                    room=_NAMES,
                )
                for n, one in enumerate(found.groups)
            ],
        )
    if found.days:
        values["days"] = _days(found, f)
    if len(found.looks) > 1:
        values["looks"] = _looks(found)
    if found.uplift is not None:
        on = plots.axis([*found.uplift.gain])
        x = [100 * share for share in found.uplift.share]
        values["uplift"] = (
            on.ticks(lambda y: f"{100 * y:g}"),
            plots.path(on, x, found.uplift.gain, found.uplift.gain, found.uplift.gain),
            plots.path(on, [0, 100], [0, found.uplift.gain[-1]], [0, 0], [0, 0]),
        )
    return values


def _days(found: Result, f: Formats) -> dict[str, Any]:
    shares = [(day.treated, day.held) for day in found.days]
    on = plots.axis([max(both[0].value or 0, both[1].high or 0) for both in shares])
    x = [100 * day.day / found.experiment.goal.window_days for day in found.days]
    x, zero = [0.0, *x], 0.0
    made = []
    for arm in (0, 1):
        value, low, high = ([zero, *(float(both[arm][n] or 0.0) for both in shares)] for n in range(3))
        made.append(plots.path(on, x, value, low, high))
    window = found.experiment.goal.window_days
    marks = sorted({max(1, round(window * part)) for part in (0.25, 0.5, 1.0)})
    return {
        "treated": made[0],
        "held": made[1],
        "ticks": on.ticks(lambda y: f"{100 * y:g}%"),
        "marks": [(100 * day / window, day) for day in marks],
        "words": (f.percent(shares[-1][0].value, 2), f.percent(shares[-1][1].value, 2)),
    }


def _looks(found: Result) -> dict[str, Any]:
    given = [one.difference for one in found.looks]
    first, last = found.looks[0].at, found.looks[-1].at
    tight = given[len(given) // 4 :] or given
    on = plots.axis([x for one in tight for x in (one.low, one.high) if x is not None])
    x = [100 * (one.at - first) / max(last - first, 1) for one in found.looks]
    value, low, high = ([float(one[n] or 0.0) for one in given] for n in range(3))
    return {
        "path": plots.path(on, x, value, low, high),
        "ticks": on.ticks(lambda y: f"{100 * y:+g}".replace("-", "−").replace("+0", "0")),
        "first": first,
        "last": last,
    }


@router.get("/experiments/{key}/result.csv")
def result_file(request: Request, key: str) -> Response:
    """Give all figures as a CSV file."""
    found = measurement.result(home_of(request), who_of(request), key)
    return table_file(f"experiment-{found.experiment.key}", measurement.HEAD, measurement.rows(found))


@router.get("/experiments/{key}/days.csv")
def days_file(request: Request, key: str) -> Response:
    """Give the shares day by day as a CSV file."""
    found = measurement.result(home_of(request), who_of(request), key)
    head = ("day", "treated", "treated_low", "treated_high", "held", "held_low", "held_high")
    return table_file(
        f"experiment-{found.experiment.key}-days", head, ((d.day, *d.treated, *d.held) for d in found.days)
    )


@router.get("/experiments/{key}/looks.csv")
def looks_file(request: Request, key: str) -> Response:
    """Give the hourly looks as a CSV file."""
    found = measurement.result(home_of(request), who_of(request), key)
    rows = ((clock.from_micros(one.at).isoformat(), *one.difference) for one in found.looks)
    return table_file(
        f"experiment-{found.experiment.key}-looks", ("looked_at", "difference", "low", "high"), rows
    )


@router.post("/experiments/{key}/assign")
def assign(request: Request, key: str, segment: Field = "") -> Response:
    """Assign who is in a segment."""
    try:
        measurement.assign_segment(home_of(request), who_of(request), key, segment)
    except ZeroDistanceError as error:
        return _detail(request, key, problem=error.message(lang_of(request)), status=error.status)
    return go(f"/experiments/{key}?done=assigned")


@router.post("/experiments/{key}/cost")
def cost(
    request: Request,
    key: str,
    amount: Field = "",
    what: Field = "",
    per_message: Field = "",
    channel: Field = "",
) -> Response:
    """Book a cost."""
    try:
        given = _number({"amount": amount}, "amount")
        measurement.cost(
            home_of(request),
            who_of(request),
            key,
            given or 0.0,
            what,
            per_message=bool(per_message),
            channel=channel.strip() or None,
        )
    except ZeroDistanceError as error:
        return _detail(request, key, problem=error.message(lang_of(request)), status=error.status)
    return go(f"/experiments/{key}?done=booked")


@router.post("/experiments/{key}/end")
def end(request: Request, key: str) -> Response:
    """Assign nobody any more."""
    try:
        measurement.end(home_of(request), who_of(request), key)
    except ZeroDistanceError as error:
        return _detail(request, key, problem=error.message(lang_of(request)), status=error.status)
    return go(f"/experiments/{key}?done=ended")


@router.post("/experiments/hold")
def hold(request: Request, given: Fields) -> Response:
    """Hold a share of everybody out of all marketing."""
    home, who = home_of(request), who_of(request)
    try:
        share = _share(given, "share") or 0.0
        made = measurement.hold_globally(
            home,
            who,
            given.get("key", "").strip(),
            Text("全局对照组", "The global holdout"),
            Goal("order.*", 365, value=Value.AMOUNT),
            share,
        )
    except ZeroDistanceError as error:
        return _listing(request, problem=error.message(lang_of(request)), status=error.status)
    return go(f"/experiments/{made.key}?done=made")


register("experiments", router, MENU)
