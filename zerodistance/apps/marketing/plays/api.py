"""Ready-made plays: read from their files, shown with how many they would reach, started with one verb."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Any

from zerodistance.apps.marketing.campaigns import api as campaigns
from zerodistance.apps.marketing.campaigns.contracts import Campaign, CampaignExists, Said, State
from zerodistance.apps.marketing.contracts import NoSuchPlay, Play, PlayUnreadable
from zerodistance.core.brand import api as brand
from zerodistance.core.outreach import catalogue
from zerodistance.core.segments import api as segments
from zerodistance.core.segments.contracts import NoSuchSegment, Rule
from zerodistance.kernel.access import Permission, Who
from zerodistance.kernel.errors import ZeroDistanceError
from zerodistance.kernel.home import Home
from zerodistance.kernel.logs import log
from zerodistance.kernel.text import Text

_MOST_AGAIN = 100  # own value: how often one play is started


@cache
def plays() -> tuple[Play, ...]:
    """Return the plays that come with the program, in the order in which they are shown."""
    found = [_read(one.name.removesuffix(".toml"), one.read_text("utf-8")) for one in _files()]
    return tuple(sorted(found, key=lambda one: one.order))


def _files() -> Sequence[Any]:
    return [one for one in files(__package__).iterdir() if one.name.endswith(".toml")]


def _read(key: str, text: str) -> Play:
    said = tomllib.loads(text)
    segment = said["segment"]
    return Play(
        key=key,
        order=said["order"],
        icon=said["icon"],
        name=_text(said["name"]),
        why=_text(said["why"]),
        needs=_text(said["needs"]),
        segment=segment["key"],
        segment_name=_text(segment),
        rules=tuple(segment["rules"]),
        templates=said["templates"],
        campaign=said["campaign"],
    )


def _text(said: dict[str, str]) -> Text:
    return Text(said["zh"], said["en"])


def play(key: str) -> Play:
    """Return one play; raises NoSuchPlay."""
    for one in plays():
        if one.key == key:
            return one
    raise NoSuchPlay(key=key, near=", ".join(one.key for one in plays()))


def rule(home: Home, found: Play) -> Rule:
    """Return the first rule of a play that this home can read, the best first; raises PlayUnreadable."""
    why = Text("", "")
    for text in found.rules:
        try:
            return segments.read_rule(text, home)
        except ZeroDistanceError as error:
            why = Text(error.message("zh"), error.message("en"))
    raise PlayUnreadable(key=found.key, why=why)


def said(found: Play) -> Said:
    """Return the campaign of a play."""
    name = {"zh": found.name.zh, "en": found.name.en}
    return campaigns.read(
        {"name": name, "audience": {"segment": found.segment}, **found.campaign, "play": found.key}
    )


def reach(home: Home, who: Who, found: Play) -> int | None:
    """Return how many persons a play is for now; None where its rule can't be read here; needs SEE_PERSONS."""
    try:
        return segments.count(home, who, rule(home, found), steps=False).persons
    except PlayUnreadable:
        return None


def started(home: Home, who: Who) -> dict[str, Campaign]:
    """Return play -> the campaign that was last made from it, of those that this account sees."""
    found: dict[str, Campaign] = {}
    for one in campaigns.campaigns(home, who):
        before = found.get(one.said.play)
        if one.said.play and (before is None or one.made_at > before.made_at):
            found[one.said.play] = one
    return found


def start(home: Home, who: Who, key: str, *, unit: int | None = None) -> Campaign:
    """Make segment, message templates and campaign of a play, and send it for approval: it starts once approved, a small one at once.

    Needs MANAGE_SEGMENTS, MANAGE_OUTREACH and SEND. What is there under a key of the play stays as it is, so that a changed segment or text is used.
    The experiment is made when the campaign starts.

    Raises
    ------
    NoSuchPlay, PlayUnreadable
    CampaignExists
        It is under way already.
    """
    found = play(key)
    for needed in (Permission.MANAGE_SEGMENTS, Permission.SEE_PERSONS, Permission.SEND):
        who.need(needed)
    last = started(home, who).get(key)
    if last is not None and last.state not in (State.ENDED, State.DRAFT):
        raise CampaignExists(key=last.key)
    asked = rule(home, found)
    try:
        segments.segment(home, who, found.segment)
    except NoSuchSegment:
        segments.create(home, who, found.segment, found.segment_name, asked, unit=unit)
    _make_templates(home, who, found, unit)
    made = last if last is not None and last.state is State.DRAFT else _make(home, who, found, unit)
    log("marketing").info("play_started", who=who.name, play=key, campaign=made.key)
    return campaigns.ask(home, who, made.key, made.version)


def _make(home: Home, who: Who, found: Play, unit: int | None) -> Campaign:
    stem = found.key.replace("_", "-")
    for n in range(1, _MOST_AGAIN):
        try:
            return campaigns.create(home, who, stem if n == 1 else f"{stem}-{n}", said(found), unit=unit)
        except CampaignExists:
            continue
    raise CampaignExists(key=stem)


def _make_templates(home: Home, who: Who, found: Play, unit: int | None) -> None:
    there = {one.key for one in catalogue.listed(home, who)}
    whose = next((one.key for one in brand.units(home, who) if one.number == unit), None)
    for key, template in found.templates.items():
        if key not in there:
            catalogue.save(home, who, key, template, unit=whose)
