"""Verbs of experiments: plan, create, list, end; and the global holdout."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from sqlalchemy import Connection

from zerodistance.core.brand import api as brand
from zerodistance.core.measurement import rates, rules, store
from zerodistance.core.measurement.contracts import (
    KEY,
    LEAST_HELD,
    MARKETING,
    MOST_HELD,
    MOST_WINDOW,
    PURPOSES,
    SERVICE,
    TAKEN,
    Experiment,
    ExperimentExists,
    Goal,
    HopelessPlan,
    NoGlobalHoldout,
    NoSuchExperiment,
    Plan,
    Value,
)
from zerodistance.core.profiles import api as profiles
from zerodistance.core.touchpoints.kinds import KINDS
from zerodistance.kernel import clock
from zerodistance.kernel.access import Permission, Who
from zerodistance.kernel.errors import Invalid
from zerodistance.kernel.home import Home
from zerodistance.kernel.logs import log
from zerodistance.kernel.text import Text

SHARE = 0.1
"""Own value: the share held out where nobody says one and no plan can be made."""
POWER, ALPHA = 0.8, 0.05  # the field's usual values


def plan(
    home: Home,
    who: Who,
    goal: Goal,
    audience: int,
    *,
    share_held: float | None = None,
    base_rate: float | None = None,
    detect: float | None = None,
    power: float = POWER,
    alpha: float = ALPHA,
    anyway: bool = False,
) -> Plan:
    """Work out what an experiment with so many persons could find.

    Parameters
    ----------
    share_held
        Share held out; None: the smallest that finds `detect`, else a tenth.
    base_rate
        Share that reaches the goal without contact; None: that of everybody, in a window of that length that has just ended.
    detect
        Relative lift that it has to be able to find, .1 for a tenth more; None: the plan says what it could find.
    anyway
        Whether a plan that can't find `detect` is fine.

    Raises
    ------
    HopelessPlan
        It can't find `detect`, or nothing at all, and that is not said to be fine.
    """
    _check_goal(home, goal)
    _within("audience", audience, 1, 1 << 33)
    _within("power", power, 0.5, 0.99)
    _within("alpha", alpha, 0.001, 0.2)
    if share_held is not None:
        _within("share_held", share_held, LEAST_HELD, MOST_HELD)
    if base_rate is not None:
        _within("base_rate", base_rate, 1e-6, 0.999)
    if detect is not None:
        _within("detect", detect, 0.001, 100)
    base = rates.base_rate(home, who, goal) if base_rate is None else base_rate
    share = share_held
    if share is None and detect is not None:
        share = rules.smallest_share(audience, base, detect, power, alpha)
        share = rules.SHARES[-1] if share is None and not anyway else share
    share = SHARE if share is None else share
    smallest = rules.detectable(audience, share, base, power, alpha)
    looked_for = smallest if detect is None else detect
    reached = 0.0 if looked_for is None else rules.power_of(audience, share, base, looked_for, alpha)
    many = None if detect is None else rules.needed(base, detect, power, alpha=alpha)
    found = Plan(audience, base, share, detect, smallest, reached, many, alpha)
    if not anyway and detect is not None and reached < power - 1e-9:
        raise _hopeless(found)
    return found


def _hopeless(found: Plan) -> HopelessPlan:
    def share(value: float | None) -> str:
        return "–" if value is None else f"{100 * value:.3g}%"

    return HopelessPlan(
        audience=f"{found.audience:,}",
        share=share(found.share_held),
        base=share(found.base_rate),
        detect=share(found.detect),
        power=share(found.power),
        detectable=share(found.detectable),
        needed="–" if found.needed is None else f"{found.needed:,}",
    )


def create(
    home: Home,
    who: Who,
    key: str,
    name: Text,
    goal: Goal,
    *,
    audience: int | None = None,
    purpose: str = MARKETING,
    unit: int | None = None,
    share_held: float | None = None,
    stratify: Sequence[str] = (),
    score: str | None = None,
    channel: str | None = None,
    base_rate: float | None = None,
    detect: float | None = None,
    power: float = POWER,
    alpha: float = ALPHA,
    anyway: bool = False,
) -> Experiment:
    """Create an experiment; needs SEND; raises as `plan` does, and ExperimentExists.

    Parameters
    ----------
    audience
        How many persons it is planned for; None: it is not planned, and holds `share_held` out (a tenth where nobody says).
    purpose
        `marketing`, `research` or `service`; a service experiment may hold nobody out, and does so unless `share_held` is said.
    unit
        Number of the unit it is of; None: of the account's one unit, or everybody's.
    stratify
        Dimensions within whose nodes the share is held, so that the arms are alike in them.
    score
        A dimension with numbers: persons are kept by tenths of it at the assignment, for the uplift curve.
    channel
        What messages go out by, said in the touches of the assignment; None: nobody knows yet.
    """
    who.need(Permission.SEND)
    _check_key(key)
    unit = _unit(who, unit)
    if purpose not in PURPOSES:
        allowed = ", ".join(PURPOSES)
        raise Invalid(field="purpose", given=purpose, why=Text(f"可用 {allowed}", f"{allowed} are allowed"))
    _check_goal(home, goal)
    for one in stratify:
        profiles.dimension(home, one, who)
    if score is not None and not profiles.dimension(home, score, who).numeric:
        why = Text("它的值是文字，不能排序", "its values are texts, which give no order")
        raise Invalid(field="score", given=score, why=why)
    made: Plan | None = None
    share = share_held
    if purpose == SERVICE and not share:
        share = 0.0
    elif audience is not None:
        made = plan(
            home, who, goal, audience, share_held=share, base_rate=base_rate, detect=detect, power=power,
            alpha=alpha, anyway=anyway,
        )  # fmt: skip
        share = made.share_held
    else:
        share = SHARE if share is None else share
        _within("share_held", share, LEAST_HELD, MOST_HELD)
    said: dict[str, Any] = {
        "goal": asdict(goal), "plan": None if made is None else asdict(made), "stratify": list(stratify),
        "score": score, "channel": channel,
    }  # fmt: skip
    return _add(home, who, key, name, purpose, unit, share, said, everywhere=False)


def hold_globally(home: Home, who: Who, key: str, name: Text, goal: Goal, share: float) -> Experiment:
    """Hold a share of everybody out of all marketing from now on, to see what all of it does; needs MANAGE_OUTREACH.

    Whoever is first looked at for marketing draws the lot then. A global holdout that was there ends: its share is let go, and another one drawn.
    """
    who.need(Permission.MANAGE_OUTREACH)
    _check_key(key)
    _check_goal(home, goal)
    _within("share", share, 0.001, 0.5)
    said: dict[str, Any] = {
        "goal": asdict(goal),
        "plan": None,
        "stratify": [],
        "score": None,
        "channel": None,
    }
    return _add(home, who, key, name, MARKETING, None, share, said, everywhere=True)


def _add(
    home: Home,
    who: Who,
    key: str,
    name: Text,
    purpose: str,
    unit: int | None,
    share: float,
    said: Mapping[str, Any],
    *,
    everywhere: bool,
) -> Experiment:
    now = clock.micros()
    with home.state.write() as tx:
        if store.found(tx, key):
            raise ExperimentExists(key=key)
        if everywhere:
            for row in store.found(tx, everywhere=True):
                store.end(tx, row["number"], who.name, now)
        store.add(
            tx, key=key, name_zh=name.zh, name_en=name.en, purpose=purpose, unit_id=unit, share_held=share,
            said=json.dumps(said), everywhere=int(everywhere), made_by=who.name, made_at=now,
        )  # fmt: skip
    log("measurement").info("created", who=who.name, experiment=key, share_held=share)
    return experiment(home, who, key)


def experiments(home: Home, who: Who, *, ended: bool = True) -> tuple[Experiment, ...]:
    """Return the experiments that this account sees, the newest first; without `ended` those to which persons are still assigned."""
    with home.state.read() as tx:
        rows = store.found(tx)
    every = (_shown(who, _experiment(row)) for row in rows if who.sees_unit(row["unit_id"]))
    return tuple(one for one in every if ended or not one.ended)


def experiment(home: Home, who: Who, key: str) -> Experiment:
    """Return one experiment; raises NoSuchExperiment."""
    with home.state.read() as tx:
        return _shown(who, _experiment(row_of(tx, who, key)))


def _shown(who: Who, found: Experiment) -> Experiment:
    """Return an experiment without exact counts for an account that sees no persons; when somebody was assigned, and how often, would say who came.

    Of plans it gets its own, which are of released counts.
    """
    if who.may(Permission.SEE_PERSONS):
        return found
    last = None if found.last_at is None else found.ended_at or clock.micros()
    plan = found.plan if found.made_by == who.name else None
    return replace(found, persons=0, held=0, plan=plan, assignments=min(1, found.assignments), last_at=last)


def end(home: Home, who: Who, key: str) -> Experiment:
    """Assign nobody any more; needs SEND, for the global holdout MANAGE_OUTREACH. What was assigned stays, and is measured on.

    Raises
    ------
    Forbidden
        It is an experiment of the whole brand, and the account is one of units.
    """
    who.need(Permission.SEND)
    with home.state.write() as tx:
        row = row_of(tx, who, key)
        who.need_unit(row["unit_id"])
        if row["everywhere"]:
            who.need(Permission.MANAGE_OUTREACH)
        store.end(tx, row["number"], who.name, clock.micros())
    log("measurement").info("ended", who=who.name, experiment=key)
    return experiment(home, who, key)


def global_one(home: Home) -> Experiment:
    """Return the global holdout that holds; raises NoGlobalHoldout."""
    with home.state.read() as tx:
        rows = store.found(tx, everywhere=True)
    if not rows:
        raise NoGlobalHoldout
    return _experiment(rows[0])


def row_of(tx: Connection, who: Who, key: str) -> Mapping[str, Any]:
    """Return the row of an experiment that this account sees; raises NoSuchExperiment, which names some of the others."""
    for row in store.found(tx, key):
        if who.sees_unit(row["unit_id"]):
            return row
    near = [str(row["key"]) for row in store.found(tx) if who.sees_unit(row["unit_id"])]
    raise NoSuchExperiment(key=key, near=", ".join(near[:10]) or "–")


def planned(row: Mapping[str, Any]) -> Plan | None:
    """Return the plan of an experiment's row, whoever asks."""
    said = json.loads(row["said"])
    return None if said["plan"] is None else Plan(**said["plan"])


def _experiment(row: Mapping[str, Any]) -> Experiment:
    said = json.loads(row["said"])
    goal = said["goal"]
    return Experiment(
        key=row["key"],
        name=Text(row["name_zh"], row["name_en"]),
        purpose=row["purpose"],
        unit=row["unit_id"],
        share_held=row["share_held"],
        stratify=tuple(said["stratify"]),
        score=said["score"],
        channel=said["channel"],
        goal=Goal(**{**goal, "value": Value(goal["value"])}),
        plan=planned(row),
        everywhere=bool(row["everywhere"]),
        made_by=row["made_by"],
        made_at=row["made_at"],
        ended_by=row["ended_by"],
        ended_at=row["ended_at"],
        assignments=int(row["assignments"] or 0),
        persons=int(row["persons"] or 0),
        held=int(row["held"] or 0),
        last_at=row["last_at"],
    )


# -- what may be said


def _check_key(key: str) -> None:
    if not re.fullmatch(KEY, key) or key in TAKEN:
        taken = ", ".join(sorted(TAKEN))
        why = Text(
            f"1 到 64 个 a-z、0-9、- 和 _，头尾是字母或数字，如 washer-autumn；{taken} 另有用处",
            f"1 to 64 of a-z, 0-9, - and _ are allowed, a letter or digit first and last, like washer-autumn; {taken} are taken",
        )
        raise Invalid(field=Text("标识", "key"), given=key, why=why)


def _unit(who: Who, unit: int | None) -> int | None:
    """Return the unit an experiment is of; an account of units does nothing for the whole brand."""
    if unit is None and len(who.units) == 1:
        return next(iter(who.units))
    if (unit is None and who.units) or not who.sees_unit(unit):
        why = Text("它不在这个账号的小微之列", "it is none of this account's units")
        raise Invalid(field=Text("小微", "unit"), given=unit, why=why)
    return unit


def _check_goal(home: Home, goal: Goal) -> None:
    family = goal.kind.removesuffix(".*")
    if not (goal.kind in KINDS or (goal.kind != family and any(k.startswith(f"{family}.") for k in KINDS))):
        some = ", ".join(["order.line", "order.completed", "order.*", "product.registered", "service.*"])
        why = Text(f"要一种交互，如 {some}", f"a kind of touch is wanted, such as {some}")
        raise Invalid(field="goal", given=goal.kind, why=why)
    _within("window_days", goal.window_days, 1, MOST_WINDOW)
    if goal.category is not None:
        brand.category(home, goal.category)
    if goal.product is not None:
        brand.product(home, goal.product)
    if goal.place is not None:
        brand.place(home, goal.place)


def _within(field: str, given: float, low: float, high: float) -> None:
    if not low <= given <= high:
        raise Invalid(
            field=field, given=given, why=Text(f"可用 {low} 到 {high}", f"{low} to {high} are allowed")
        )
