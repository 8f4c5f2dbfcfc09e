"""Campaigns as they are written: made, changed in versions, read; what each must name is looked at when it is saved."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from zerodistance.apps.marketing.campaigns import audience, rules, store
from zerodistance.apps.marketing.campaigns.contracts import (
    KEY,
    STATES,
    TAKEN,
    Act,
    Campaign,
    CampaignElsewhere,
    CampaignExists,
    Message,
    NoSuchCampaign,
    NotOpenToYou,
    Said,
    State,
    WrongCampaign,
)
from zerodistance.core.brand import api as brand
from zerodistance.core.outreach import approving, catalogue
from zerodistance.core.touchpoints.kinds import KINDS
from zerodistance.kernel import clock
from zerodistance.kernel.access import Permission, Who
from zerodistance.kernel.errors import Invalid
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text

_MADE_UP = "c_"
NOTHING = Text("", "")


def read(given: Mapping[str, Any]) -> Said:
    """Read a campaign from its JSON form; raises WrongCampaign."""
    return rules.read(given)


def written(said: Said) -> dict[str, Any]:
    """Return the JSON form of a campaign."""
    return rules.write(said)


def create(home: Home, who: Who, key: str | None, said: Said, *, unit: int | None = None) -> Campaign:
    """Save a new campaign as a draft; needs SEND.

    Parameters
    ----------
    key
        None: the next of `c_1`, `c_2`, ...
    unit
        Number of the unit it belongs to; None: everybody's, or that of an account that has one unit.

    Raises
    ------
    CampaignExists, Invalid
        The key is taken, or none that may be.
    WrongCampaign, NotOpenToYou, NotApproved, NotYours, NoSuchSegment, NoSuchTemplate
        See `must_hold`.
    """
    who.need(Permission.SEND)
    unit = _unit(who, unit)
    _must_be_key(key)
    must_hold(home, who, said)
    at = clock.micros()
    with home.state.write() as tx:
        key = key or _next_key(store.keys_like(tx, _MADE_UP))
        if store.listed(tx, key):
            raise CampaignExists(key=key)
        row = {
            "key": key,
            "unit_id": unit,
            "state": State.DRAFT,
            "starts": 1,
            "made_by": who.name,
            "made_at": at,
        }
        number = store.add(tx, **row, why_zh="", why_en="")
        store.add_version(tx, number, 1, _json(said), who.name, at)
        noted(tx, number, "made", 1, who.name)
    return campaign(home, who, key)


def _unit(who: Who, unit: int | None) -> int | None:
    if unit is None and who.units:
        if len(who.units) == 1:
            return next(iter(who.units))
        why = Text("这个账号有几个小微，要写明是哪一个", "this account has several units: say which one")
        raise Invalid(field=Text("小微", "unit"), given="–", why=why)
    if not who.sees_unit(unit):
        why = Text("它不在这个账号的小微之列", "it is none of this account's units")
        raise Invalid(field=Text("小微", "unit"), given=unit, why=why)
    return unit


def _must_be_key(key: str | None) -> None:
    if key is not None and (not re.fullmatch(KEY, key) or key in TAKEN):
        taken = ", ".join(sorted(TAKEN))
        why = Text(
            f"1 到 48 个 a-z、0-9、- 和 _，头尾是字母或数字；不能是 {taken}",
            f"1 to 48 of a-z, 0-9, - and _ are allowed, a letter or digit first and last; none of {taken}",
        )
        raise Invalid(field=Text("标识", "key"), given=key, why=why)


def _next_key(taken: Sequence[str]) -> str:
    numbers = [key.removeprefix(_MADE_UP) for key in taken]
    return f"{_MADE_UP}{max((int(n) for n in numbers if n.isdecimal()), default=0) + 1}"


def must_hold(home: Home, who: Who, said: Said) -> None:
    """Raise what is wrong with what a campaign names: segment, places, goal, templates; and what the account may not ask for."""
    if not who.may(Permission.SEE_PERSONS):
        _must_be_open(said)
    audience.rule(home, who, said.audience)
    goal = said.goal
    if goal.kind not in KINDS and not any(kind.startswith(goal.kind.removesuffix("*")) for kind in KINDS):
        near = ", ".join(sorted(KINDS))
        raise Invalid(field=Text("目标的交互种类", "kind of the goal"), given=goal.kind, why=Text(near, near))
    for code, look in (
        (goal.category, brand.category),
        (goal.product, brand.product),
        (goal.place, brand.place),
    ):
        if code is not None:
            look(home, code)
    for step in said.steps:
        if isinstance(step, Message):
            for key in step.every:
                catalogue.show(home, who, key)


def _must_be_open(said: Said) -> None:
    """Raise NotOpenToYou for what would let an account that may not see persons count them: who comes and goes, and budgets that are just reached."""
    if said.standing:
        why = Text(
            "只能发一次，不能长期进行",
            "it sends once; campaigns that go on are for accounts that see persons",
        )
        raise NotOpenToYou(why=why)
    if said.budget.messages is not None or said.budget.money is not None:
        why = Text("不设预算", "budgets are set by accounts that see persons")
        raise NotOpenToYou(why=why)


def save(home: Home, who: Who, key: str, said: Said) -> Campaign:
    """Save a new version of a campaign that is a draft, asked, approved or paused: it is a draft again; needs SEND."""
    who.need(Permission.SEND)
    must_hold(home, who, said)
    row = own_row(home, who, key)
    if rules.read(json.loads(row["said"])) == said:
        return campaign(home, who, key)
    if row["started_at"] is not None:
        _must_measure_the_same(rules.read(json.loads(row["said"])), said)
    version = row["versions"] + 1
    with home.state.write() as tx:
        move(
            tx, row, "changed", (State.DRAFT, State.ASKED, State.APPROVED, State.PAUSED),
            state=State.DRAFT, why_zh="", why_en="", asked_by=None, asked_at=None, approved_by=None,
            approved_at=None,
        )  # fmt: skip
        let_go(tx, row, "changed")
        store.add_version(tx, row["number"], version, _json(said), who.name, clock.micros())
        noted(tx, row["number"], "changed", version, who.name)
    return campaign(home, who, key)


def _must_measure_the_same(before: Said, after: Said) -> None:
    """Raise WrongCampaign where a campaign that has begun would measure something else: its arms are drawn, and its goal is looked at."""
    why = Text(
        "已经开始，目标和对照组不能再改；另建一个活动",
        "it has begun: goal and holdout stay as they are; make another campaign",
    )
    for name in ("goal", "share_held", "stratify", "score", "kind"):
        if getattr(before, name) != getattr(after, name):
            raise WrongCampaign(at=name, why=why)


def campaigns(home: Home, who: Who) -> tuple[Campaign, ...]:
    """Return the campaigns of the account's units, last changed first; needs SEND or APPROVE_SENDS."""
    _need(who)
    with home.state.read() as tx:
        return tuple(_campaign(row) for row in store.listed(tx) if who.sees_unit(row["unit_id"]))


def campaign(home: Home, who: Who, key: str, version: int | None = None) -> Campaign:
    """Return one campaign, as its newest or the given version says; raises NoSuchCampaign."""
    return _campaign(row_of(home, who, key, version))


def acts(home: Home, who: Who, key: str) -> tuple[Act, ...]:
    """Return what was done to a campaign, by whom and when, the latest first."""
    row = row_of(home, who, key)
    with home.state.read() as tx:
        found = store.acts(tx, row["number"])
    return tuple(
        Act(one["act"], one["version"], one["done_by"], one["done_at"], Text(one["why_zh"], one["why_en"]))
        for one in found
    )


def own_row(home: Home, who: Who, key: str) -> Mapping[str, Any]:
    """Return the row of a campaign that this account may change; raises NoSuchCampaign, and Forbidden for one of the whole brand and an account of units."""
    row = row_of(home, who, key)
    who.need_unit(row["unit_id"])
    return row


def row_of(home: Home, who: Who, key: str, version: int | None = None) -> Mapping[str, Any]:
    """Return the row of a campaign that this account sees; raises NoSuchCampaign."""
    _need(who)
    with home.state.read() as tx:
        for row in store.listed(tx, key, version):
            if who.sees_unit(row["unit_id"]):
                return row
        near = [str(row["key"]) for row in store.listed(tx) if who.sees_unit(row["unit_id"])]
    raise NoSuchCampaign(key=key, near=", ".join(near[:10]) or "–")


def _need(who: Who) -> None:
    if not who.may(Permission.APPROVE_SENDS):
        who.need(Permission.SEND)


def move(tx: Any, row: Mapping[str, Any], act: str, before: Sequence[State], **values: Any) -> None:
    """Change a campaign that stands as it has to; raises CampaignElsewhere."""
    if not store.move(tx, row["number"], before, **values):
        (here,) = store.listed(tx, row["key"])
        raise elsewhere(here, act, before)


def elsewhere(row: Mapping[str, Any], act: str, before: Sequence[State]) -> CampaignElsewhere:
    """Return the refusal of what can't be done to a campaign as it stands."""
    can = [STATES[state] for state in before]
    return CampaignElsewhere(
        key=row["key"],
        state=STATES[State(row["state"])],
        act=_DONE[act],
        can=Text("、".join(one.zh for one in can), " or ".join(one.en for one in can)),
    )


_DONE = {
    "changed": Text("修改", "changed"),
    "asked": Text("送审", "sent for approval"),
    "approved": Text("批准", "approved"),
    "returned": Text("退回", "sent back"),
    "started": Text("开始", "started"),
    "paused": Text("暂停", "paused"),
    "resumed": Text("继续", "resumed"),
    "ended": Text("结束", "ended"),
}


def let_go(tx: Any, row: Mapping[str, Any], why: str) -> None:
    """Let a question for approval wait no more: the campaign was changed, sent back or ended."""
    asked = approving.of(tx, row["approval"]) if row["approval"] else None
    if asked is not None and asked.granted is None:
        approving.decide(tx, Who.system("marketing"), asked.number, False, why)


def noted(tx: Any, number: int, act: str, version: int, by: str, why: Text = NOTHING) -> None:
    """Add a line to the record of a campaign."""
    at = clock.micros()
    store.note(
        tx, campaign=number, act=act, version=version, done_by=by, why_zh=why.zh, why_en=why.en, done_at=at
    )


def _json(said: Said) -> str:
    return json.dumps(rules.write(said), ensure_ascii=False)


def _campaign(row: Mapping[str, Any]) -> Campaign:
    return Campaign(
        key=row["key"],
        said=rules.read(json.loads(row["said"])),
        version=row["version"],
        versions=row["versions"],
        unit=row["unit_id"],
        state=State(row["state"]),
        why=Text(row["why_zh"], row["why_en"]),
        experiment=row["experiment"],
        starts=bool(row["starts"]),
        made_by=row["made_by"],
        made_at=row["made_at"],
        changed_by=row["saved_by"],
        changed_at=row["saved_at"],
        asked_by=row["asked_by"],
        asked_at=row["asked_at"],
        approved_by=row["approved_by"],
        approved_at=row["approved_at"],
        started_at=row["started_at"],
        ended_at=row["ended_at"],
    )
