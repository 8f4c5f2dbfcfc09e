"""How a campaign comes to run and to stop: asked, approved by a second account where it is large, started, paused, ended."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pyroaring import BitMap

from zerodistance.apps.marketing.campaigns import audience, drafts, handing, people, rules, store
from zerodistance.apps.marketing.campaigns.contracts import (
    ApprovedByWriter,
    Campaign,
    Message,
    Said,
    State,
    TextChanged,
    VersionChanged,
)
from zerodistance.apps.marketing.campaigns.drafts import NOTHING, let_go, move, noted, own_row, row_of
from zerodistance.core.measurement import api as measurement
from zerodistance.core.measurement.contracts import ExperimentExists, NoSuchExperiment, Plan
from zerodistance.core.outreach import approving, catalogue
from zerodistance.core.outreach.contracts import Purpose
from zerodistance.core.outreach.sends import pausing
from zerodistance.core.segments import api as segments
from zerodistance.kernel import clock
from zerodistance.kernel.access import Permission, Role, Who
from zerodistance.kernel.home import Home
from zerodistance.kernel.logs import log
from zerodistance.kernel.text import Text

_SYSTEM = Who.system("marketing")
_GROWS = 2
"""Own value: once so many times as many persons fit as a second account has said yes to, it is asked again."""
ENDED = Text("活动已结束", "the campaign has ended")
"""Why what is queued of it stops."""
_FEW = Text("人数不多，不用另一个账号", "few persons: no second account is needed")


def sizes(home: Home, who: Who, said: Said) -> tuple[audience.Size, Plan | None]:
    """Return how many persons a campaign is for, and what it could find out of them; None where nobody, or too few to be said, fit.

    Raises
    ------
    HopelessPlan
        It could not find the lift that it has to (`detect`).
    """
    about = audience.size(home, who, audience.fits(home, who, said.audience))
    return about, _plan(home, who, said, about.about) if about.about else None


def _plan(home: Home, who: Who, said: Said, persons: int) -> Plan:
    return measurement.plan(
        home, who, said.goal, persons, share_held=said.share_held, detect=said.detect, anyway=said.standing
    )


def ask(home: Home, who: Who, key: str, version: int, *, starts: bool = True) -> Campaign:
    """Send a campaign for approval; needs SEND. One for fewer persons than `send_approval_size` is approved by that.

    Parameters
    ----------
    version
        Which version was looked at; another one since then is refused.
    starts
        It starts as soon as it is approved; False: somebody starts it.

    Raises
    ------
    TooFewToSend
        The account may not see persons and the audience is no audience.
    HopelessPlan
        It could not find the lift that it has to.
    """
    who.need(Permission.SEND)
    row = own_row(home, who, key)
    _same(row, version)
    said = rules.read(json.loads(row["said"]))
    drafts.must_hold(home, who, said)
    persons = audience.fits(home, who, said.audience)
    about = audience.size(home, who, persons)
    if not said.standing:
        audience.must_be_many(home, who, persons, about)
    if about.about and row["experiment"] is None:
        _plan(home, who, said, about.about)
    before = measurement.assigned(home, row["experiment"]) if row["experiment"] else BitMap()
    reach = len(before | persons) if before else about.about
    small = not approving.needed(home, reach, Purpose.MARKETING)
    at = clock.micros()
    as_whom = json.dumps({"role": who.role.value, "units": sorted(who.units)})
    approval = f"campaign/{key}/{version}/{at}"
    with home.state.write() as tx:
        move(
            tx, row, "asked", (State.DRAFT, State.PAUSED), state=State.ASKED, why_zh="", why_en="",
            starts=int(starts), asked_by=who.name, asked_as=as_whom, asked_at=at, means=audience.means(home, said),
            approval=approval, approved_by=None, approved_at=None,
        )  # fmt: skip
        noted(tx, row["number"], "asked", version, who.name)
        if small:
            _approved(tx, row, version, who.name, most=home.settings.send_approval_size, why=_FEW)
        else:
            about_it = {
                "campaign": key, "version": version, "name": said.name.zh, "name_en": said.name.en, "templates": _texts(home, said),
            }  # fmt: skip
            approving.ask(tx, who, approval, about_it, reach, row["unit_id"])
    log("marketing").info("campaign_asked", who=who.name, campaign=key, persons=about.about)
    return _go(home, key, who)


def approve(home: Home, who: Who, key: str, version: int) -> Campaign:
    """Approve a campaign that was asked for; needs APPROVE_SENDS, of another account than who wrote that version or asked for it.

    Raises
    ------
    ApprovedByAsker, ApprovedByWriter, CampaignElsewhere
    TextChanged
        A template was changed since it was asked for.
    """
    who.need(Permission.APPROVE_SENDS)
    row = own_row(home, who, key)
    _same(row, version)
    if who.name == row["saved_by"] != row["asked_by"]:
        raise ApprovedByWriter(key=key, who=who.name)
    said = rules.read(json.loads(row["said"]))
    now = _texts(home, said)
    with home.state.write() as tx:
        asked = approving.of(tx, row["approval"]) if row["approval"] else None
        if asked is not None and asked.granted is None:
            changed = sorted(one for one, at in now.items() if asked.said.get("templates", {}).get(one) != at)
            if changed:
                raise TextChanged(key=key, template=changed[0])
        about = 0 if asked is None else int(asked.size or 0)
        room = max(about * _GROWS, about + home.settings.send_approval_size)
        _approved(tx, row, version, who.name, most=None if said.standing else room)
        assert asked is not None
        approving.decide(tx, who, asked.number, True)
    return _go(home, key, who)


def _texts(home: Home, said: Said) -> dict[str, int]:
    """Return the templates of a campaign and the version that each has now: what a second account reads."""
    keys = sorted({key for step in said.steps if isinstance(step, Message) for key in step.every})
    return {key: catalogue.show(home, _SYSTEM, key).version for key in keys}


def _approved(
    tx: Any, row: Mapping[str, Any], version: int, by: str, *, most: int | None, why: Text = NOTHING
) -> None:
    values = {"state": State.APPROVED, "approved_by": by, "approved_at": clock.micros(), "most": most}
    move(tx, row, "approved", (State.ASKED,), **values)
    noted(tx, row["number"], "approved", version, by, why)


def send_back(home: Home, who: Who, key: str, why: str) -> Campaign:
    """Send a campaign that was asked for back to who asked, with the reason; needs APPROVE_SENDS, or SEND of who asked (who takes it back)."""
    row = own_row(home, who, key)
    who.need(Permission.SEND if who.name == row["asked_by"] else Permission.APPROVE_SENDS)
    said = Text(why.strip()[:200], why.strip()[:200])
    with home.state.write() as tx:
        before = (State.ASKED, State.APPROVED)
        move(tx, row, "returned", before, state=State.DRAFT, why_zh=said.zh, why_en=said.en)
        let_go(tx, row, said.en)
        noted(tx, row["number"], "returned", row["version"], who.name, said)
    return drafts.campaign(home, who, key)


def _same(row: Mapping[str, Any], version: int) -> None:
    if row["version"] != version:
        raise VersionChanged(key=row["key"], given=version, now=row["version"])


def _go(home: Home, key: str, who: Who) -> Campaign:
    found = drafts.campaign(home, _SYSTEM, key)
    if found.state is State.APPROVED and found.starts:
        _begin(home, found, found.asked_by or who.name)
    return drafts.campaign(home, who, key)


def start(home: Home, who: Who, key: str) -> Campaign:
    """Start an approved campaign; needs SEND. Its experiment is made, and the worker lets people enter."""
    who.need(Permission.SEND)
    own_row(home, who, key)
    _begin(home, drafts.campaign(home, who, key), who.name)
    return drafts.campaign(home, who, key)


def _begin(home: Home, found: Campaign, by: str) -> None:
    row = row_of(home, _SYSTEM, found.key)
    if row["state"] != State.APPROVED:  # before an experiment is made for it
        raise drafts.elsewhere(row, "started", (State.APPROVED,))
    said = found.said
    asker = asker_of(row)
    if row["experiment"] is None:
        _experiment(home, asker, row, said)
    present = None
    if said.standing:
        segment = segments.segment(home, _SYSTEM, said.audience.segment)
        if not segment.frozen:
            segments.follow(home, _SYSTEM, segment.key)
        if not said.audience.present and row["started_at"] is None:
            present = people.kept(home, audience.fits(home, asker, said.audience))
    at = clock.micros()
    values: dict[str, Any] = {
        "state": State.RUNNING,
        "running": found.version,
        "look_at": at,
        "why_zh": "",
        "why_en": "",
    }
    if row["started_at"] is None:
        values |= {"started_at": at, "present": present}
    with home.state.write() as tx:
        move(tx, row, "started", (State.APPROVED,), experiment=found.key, **values)
        pausing.lift(tx, found.key)
        noted(tx, row["number"], "started", found.version, by)
    log("marketing").info("campaign_started", who=by, campaign=found.key)


def _experiment(home: Home, who: Who, row: Mapping[str, Any], said: Said) -> None:
    """Make the experiment of a campaign, unless a start that was interrupted has made it; book what its messages cost."""
    try:
        made = measurement.experiment(home, _SYSTEM, row["key"])
        if made.made_at < row["asked_at"]:
            raise ExperimentExists(key=row["key"])
    except NoSuchExperiment:
        about = audience.size(home, who, audience.fits(home, who, said.audience)).about
        measurement.create(
            home, who, row["key"], said.name, said.goal, unit=row["unit_id"], share_held=said.share_held,
            stratify=said.stratify, score=said.score, detect=said.detect if about else None, audience=about or None,
            channel=_one_channel(home, said), anyway=said.standing,
        )  # fmt: skip
    booked = {one.channel for one in measurement.costs(home, _SYSTEM, row["key"]) if one.per_message}
    for channel, price in said.prices:
        if price and channel not in booked:
            measurement.cost(home, who, row["key"], price, channel, per_message=True, channel=channel)


def _one_channel(home: Home, said: Said) -> str | None:
    """Return the channel by which all messages go, None where there are several."""
    keys = {key for step in said.steps if isinstance(step, Message) for key in step.every}
    every = {catalogue.show(home, _SYSTEM, key).channel for key in keys}
    return every.pop() if len(every) == 1 else None


def asker_of(row: Mapping[str, Any]) -> Who:
    """Return the account as which a campaign sends: who asked for it, with the permissions and units of then."""
    said = json.loads(row["asked_as"])
    return Who(None, row["asked_by"], Role(said["role"]), frozenset(said["units"]))


def pause(home: Home, who: Who, key: str, why: Text = NOTHING) -> Campaign:
    """Stop a running campaign where it is: nobody enters, nobody goes on, and of what is queued nothing is claimed any more; needs SEND, or APPROVE_SENDS."""
    row = own_row(home, who, key)
    with home.state.write() as tx:
        move(tx, row, "paused", (State.RUNNING,), state=State.PAUSED, why_zh=why.zh, why_en=why.en)
        pausing.pause(tx, row["key"], who.name)  # it runs, so the experiment of that key is its own
        noted(tx, row["number"], "paused", row["running"] or row["version"], who.name, why)
    log("marketing").info("campaign_paused", who=who.name, campaign=key, why=why.en)
    return drafts.campaign(home, who, key)


def paused_themselves(home: Home, who: Who) -> tuple[tuple[Campaign, int], ...]:
    """Return the campaigns of the account's units that the program has paused, and since when (microseconds UTC), the latest first."""
    paused = [one for one in drafts.campaigns(home, who) if one.state is State.PAUSED]
    last = [next(act for act in drafts.acts(home, who, one.key) if act.act == "paused") for one in paused]
    found = [(one, act.at) for one, act in zip(paused, last, strict=True) if act.by == _SYSTEM.name]
    return tuple(sorted(found, key=lambda one: -one[1]))


def resume(home: Home, who: Who, key: str) -> Campaign:
    """Let a paused campaign go on as it was approved, with what is queued of it, as far as it may still go; needs SEND."""
    who.need(Permission.SEND)
    row = own_row(home, who, key)
    with home.state.write() as tx:
        at = clock.micros()
        move(tx, row, "resumed", (State.PAUSED,), state=State.RUNNING, why_zh="", why_en="", look_at=at)
        pausing.lift(tx, row["key"])
        noted(tx, row["number"], "resumed", row["running"], who.name)
    return drafts.campaign(home, who, key)


def end(home: Home, who: Who, key: str, why: Text = NOTHING) -> Campaign:
    """End a campaign for good; needs SEND. Nobody enters or goes on, and what is queued stops; what was sent is measured to the end of the goal's window."""
    who.need(Permission.SEND)
    row = own_row(home, who, key)
    with home.state.write() as tx:
        before = (State.DRAFT, State.ASKED, State.APPROVED, State.RUNNING, State.PAUSED)
        values = {"state": State.ENDED, "ended_at": clock.micros(), "look_at": None, "present": None}
        move(tx, row, "ended", before, why_zh=why.zh, why_en=why.en, **values)
        let_go(tx, row, "ended")
        store.let_go(tx, row["number"], clock.micros())
        if store.experiment_of(tx, row["number"]):
            pausing.pause(tx, row["key"], who.name, ends=True)
        sends = [one["send"] for one in store.sends(tx, row["number"]) if one["send"] is not None]
        noted(tx, row["number"], "ended", row["running"] or row["version"], who.name, why)
    handing.stop(home, sends, ENDED)
    if row["experiment"]:
        measurement.end(home, _SYSTEM, row["experiment"])
    return drafts.campaign(home, who, key)
