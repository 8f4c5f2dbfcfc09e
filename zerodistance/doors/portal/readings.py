"""What figures mean to a person: words of a touch, what waits for somebody, how far the worker is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

from zerodistance.apps.marketing.campaigns import api as campaigns
from zerodistance.apps.marketing.campaigns.contracts import State
from zerodistance.core.brand import api as brand
from zerodistance.core.identity import api as identity
from zerodistance.core.models import api as models
from zerodistance.core.models import appeals, watching
from zerodistance.core.models.drift import SIGNS
from zerodistance.core.outreach import api as outreach
from zerodistance.core.outreach.contracts import PURPOSES, Purpose
from zerodistance.core.touchpoints.api import REASONS, kind, overview
from zerodistance.core.touchpoints.journal import Journal, position
from zerodistance.core.touchpoints.kinds import CUSTOM
from zerodistance.core.touchpoints.log import LoggedTouch
from zerodistance.core.touchpoints.overview import Overview
from zerodistance.doors.operations.alerts import Alert, alerts
from zerodistance.doors.portal.formats import Formats
from zerodistance.kernel import clock
from zerodistance.kernel.access import Permission, Who
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text

_OF_PURPOSE = ("consent.given", "consent.withdrawn", "message.refused")
"""Kinds whose category is what messages are for."""
LATE_SECONDS = (
    60  # own value: after so long without a commit, with touches waiting, the worker counts as stopped
)


_MOST = 5  # own value: lines of one kind


@dataclass(frozen=True)
class Need:
    """Something that waits for a person; `bad` is worse than `warn`."""

    level: str
    title: str
    text: str
    href: str
    at: int | None


@dataclass(frozen=True)
class WorkerState:
    """How far digestion is.

    Attributes
    ----------
    waiting
        Requests accepted and not yet digested.
    """

    state: str
    waiting: int
    last_batch: int
    last_commit_at: int | None


def brand_names(home: Home, who: Who, lang: str) -> dict[str, str]:
    """Return category key -> name, for lines that people read."""
    return {c.key: c.name.get(lang) for c in brand.categories(home, who)}


def touch_words(touch: LoggedTouch, lang: str, names: Mapping[str, str]) -> str:
    """Return one line that says what happened, without a word about who."""
    words = touch.name if touch.kind == CUSTOM and touch.name else kind(touch.kind).text.get(lang)
    category = _category(touch, lang, names)
    about = [category, touch.fault or ""] if touch.fault else [category or touch.product or touch.page or ""]
    return " ".join((words, *filter(None, about)))


def _category(touch: LoggedTouch, lang: str, names: Mapping[str, str]) -> str:
    """Return what a touch is about in words: its category, or the purpose that somebody agreed to or withdrew."""
    if not touch.category:
        return ""
    if touch.kind in _OF_PURPOSE and touch.category in PURPOSES:
        return PURPOSES[Purpose(touch.category)].get(lang)
    return names.get(touch.category, touch.category)


def touch_details(touch: LoggedTouch, f: Formats) -> str:
    """Return what a touch carries in its typed columns: product, quantity, amount, duration, place, order."""
    zh = f.lang == "zh"
    parts = []
    if touch.product and (touch.fault or touch.category):
        parts.append(touch.product)
    if touch.quantity is not None:
        parts.append(f"{f.amount(touch.quantity)} 件" if zh else f"{f.amount(touch.quantity)} pcs")
    if touch.amount is not None:
        parts.append(f"{f.amount(touch.amount)} {touch.currency or ''}".strip())
    if touch.duration is not None:
        parts.append(f.span(touch.duration))
    if touch.place:
        parts.append(touch.place)
    if touch.order_id:
        parts.append(f"订单 {touch.order_id}" if zh else f"order {touch.order_id}")
    return " · ".join(parts)


_PLACES = {
    "message": Text("第 {n} 条", "message {n}"),
    "row": Text("第 {n} 行", "row {n}"),
    "body": Text("正文", "body"),
}


def refused_place(place: str) -> Text:
    """Return where a refused row stood: `message 3`, `row 17 (sheet row 3)`, `body`, or the route of a single call."""
    plain, _, where = place.partition(" (")
    kind, _, number = plain.partition(" ")
    words = _PLACES.get(kind, Text(plain, plain)).format(n=number)
    inside = where.removesuffix(")")
    return Text(f"{words.zh}（{inside}）", f"{words.en} ({inside})") if inside else words


def alert_path(alert: Alert) -> str:
    """Return where somebody looks after an alert: of a refusal rate that moved, the refused rows of its source."""
    if alert.kind == "refusals_moved":
        return f"/quarantine?source={quote(alert.about)}"
    if alert.kind == "model_drifted":
        return f"/models/{quote(alert.about)}"
    return "/operations/alerts"


def needs_a_person(home: Home, who: Who, found: Overview, lang: str) -> list[Need]:
    """Return alerts, silent sources, refused rows, what is to be approved, what has paused itself, and identifiers that are held, worst first."""
    f, zh = Formats(lang, home.settings.tz), lang == "zh"
    out: list[Need] = []
    for alert in alerts(home, who)[:5] if who.may(Permission.OPERATE) else ():
        if alert.kind != "source_silent":  # said below for everybody
            level = "bad" if alert.severity == "bad" else "warn"
            out.append(
                Need(level, alert.title.get(lang), alert.text.get(lang), alert_path(alert), alert.opened_at)
            )
    for source in found.sources:
        if source.state == overview.LATE:
            name, span = source.name.get(lang), f.span(source.late_seconds)
            title = f"{name} {span}没有来数" if zh else f"{name} silent for {span}"
            text = "超过了为它设的时限" if zh else "longer than its limit"
            out.append(Need("bad", title, text, f"/touchpoints/{source.key}", source.last_at))
    for refused in found.refusals[:5]:
        name, number = refused.source_name.get(lang), f.number(refused.count)
        reason = REASONS[refused.reason].get(lang) if refused.reason in REASONS else refused.reason
        title = f"{name}有 {number} 行被拒收" if zh else f"{number} rows of {name} were refused"
        key = next((s.key for s in found.sources if s.number == refused.source), "")
        out.append(Need("warn", title, reason, f"/quarantine?source={key}", refused.last_at))
    return [
        *out,
        *_to_approve(home, who, lang),
        *_paused(home, who, lang),
        *_appeals(home, who, f, zh),
        *_drifted(home, who, lang),
        *_held(home, who, f, zh),
    ]


def _to_approve(home: Home, who: Who, lang: str) -> list[Need]:
    """Return campaigns and sends that wait for a second account, for those who may be it."""
    if not who.may(Permission.APPROVE_SENDS):
        return []
    out = []
    for one in campaigns.campaigns(home, who):
        if one.state is State.ASKED and who.name not in (one.asked_by, one.changed_by):
            name, by = one.said.name, one.asked_by
            title = Text(
                f"活动“{name.zh}”等第二个账号批准", f"The campaign {name.en} waits for a second account"
            )
            text = Text(f"{by} 提交；批准之前什么都不发", f"{by} has asked; nothing is sent before")
            path = f"/marketing/campaigns/{one.key}"
            out.append(Need("warn", title.get(lang), text.get(lang), path, one.asked_at))
    for send in outreach.list_sends(home, who, states=[outreach.SendState.ASKED]):
        if who.name != send.made_by:
            title = Text(
                f"发送“{send.key}”等第二个账号批准", f"The send {send.key} waits for a second account"
            )
            by = send.made_by
            text = Text(f"{by} 提交；批准之前什么都不发", f"{by} has asked; nothing is sent before")
            path = f"/outreach/sends/{send.number}"
            out.append(Need("warn", title.get(lang), text.get(lang), path, send.made_at))
    return out[:_MOST]


def _paused(home: Home, who: Who, lang: str) -> list[Need]:
    """Return campaigns that have paused themselves, with the reason, for those who may let them go on."""
    if not who.may(Permission.SEND):
        return []
    out = []
    for one, since in campaigns.paused_themselves(home, who)[:_MOST]:
        name = one.said.name
        title = Text(f"活动“{name.zh}”自己停下了", f"The campaign {name.en} has paused itself")
        path = f"/marketing/campaigns/{one.key}"
        out.append(Need("warn", title.get(lang), one.why.get(lang), path, since))
    return out


def _appeals(home: Home, who: Who, f: Formats, zh: bool) -> list[Need]:
    """Return appeals against scores that wait, for those who may decide them."""
    if not who.may(Permission.OPERATE):
        return []
    out = []
    for key, (many, oldest) in appeals.waiting(home, who).items():
        number, name = f.number(many), models.model(key).label
        title = (
            f"{number} 件对“{name.zh}”评分的申诉待决" if zh else f"{number} open: appeals against {name.en}"
        )
        text = "由不是提交的人来决定" if zh else "decided by somebody else than filed them"
        out.append(Need("warn", title, text, f"/models/{key}#appeals", oldest))
    return out


def _drifted(home: Home, who: Who, lang: str) -> list[Need]:
    """Return models that have drifted, for those who see no alerts."""
    if who.may(Permission.OPERATE) or not who.may(Permission.SEE_PERSONS):
        return []
    out = []
    for one in watching.watched(home, who):
        looks = [look for look in (one.scores, one.outcomes) if look is not None and look.signs]
        if looks:
            title = Text(f"模型“{one.model.label.zh}”漂移了", f"The model {one.model.label.en} has drifted")
            text = "; ".join(SIGNS[sign].get(lang) for sign in one.signs)
            since = max(look.looked_at for look in looks)
            out.append(Need("warn", title.get(lang), text, f"/models/{one.model.key}", since))
    return out


def _held(home: Home, who: Who, f: Formats, zh: bool) -> list[Need]:
    if not who.may(Permission.SEE_PERSONS):
        return []
    guards = identity.guards(home, who)
    out = []
    for one in guards.shared[:3]:
        persons = f.number(one.persons)
        title = (
            f"{one.masked} 连到 {persons} 人，已隔离"
            if zh
            else f"{one.masked} joined {persons} persons; held"
        )
        text = "多半是公用的，不再用来认人" if zh else "probably shared; it no longer links anybody"
        href = "/operations#shared" if who.may(Permission.OPERATE) else "/people"
        out.append(Need("warn", title, text, href, one.since_at))
    return out


def worker(home: Home, found: Overview) -> WorkerState:
    """Return whether digestion keeps up."""
    queue = Journal.of(home)
    try:
        waiting = queue.waiting(position(home)).rows
    finally:
        queue.close()
    age = clock.micros() - (found.last_commit_at or 0)
    state = "idle" if not waiting else "late" if age > LATE_SECONDS * clock.MICROS_PER_SECOND else "busy"
    return WorkerState(state, waiting, found.last_batch, found.last_commit_at)
