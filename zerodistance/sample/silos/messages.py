"""Campaign messages: who was drawn, who was left out by lot, and what came of each message, step by step."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zerodistance.sample import contacts
from zerodistance.sample.appliances import campaigns
from zerodistance.sample.calendar import HOUR, STARTS, UNTIL
from zerodistance.sample.people import ANNOYED, Bools
from zerodistance.sample.render import Rows, join, line, pick, stamp, where
from zerodistance.sample.scatter import Ints, digits
from zerodistance.sample.town import Town

HEADER = "row_no,campaign,message_no,channel,category,to_phone,to_email,to_member,status,at,received_at"
STATUS = ("held_out", "sent", "delivered", "failed", "opened", "clicked", "unsubscribed")
CHANNELS = ("sms", "email", "app")
SMS, EMAIL, APP = range(3)


@dataclass(frozen=True)
class Mail:
    """The steps of all messages, and who clicked: person, second, campaign."""

    rows: Rows
    person: Ints
    at: Ints
    campaign: Ints


def campaign_code(number: int, month: int) -> str:
    """Return the name by which a campaign is known."""
    when = np.datetime64(int(STARTS[month]), "s").astype("datetime64[M]")
    return f"CAM-{when}-{number + 1:02d}"


def channel_of(number: Any) -> Any:
    """Return by which channel a campaign mostly goes out."""
    return np.asarray(number) % 3


def post(town: Town) -> Mail:
    """Return the messages of a block."""
    chance, settings, drawn = town.luck("messages"), town.world.message, town.lives.drawn
    campaign, person, treated = drawn["campaign"], drawn["person"], drawn["treated"]
    every, many = campaigns(town.world), len(campaign)
    month = np.array([one[0] for one in every])[campaign]
    at = STARTS[month] + 10 * HOUR
    channel = _channel(town, chance, campaign, person, at)
    number, reached = town.contacts.filed(person, at), drawn["reached"]
    opened = (
        reached
        & (channel != SMS)
        & (chance.random(many) < settings.opened * np.where(channel == APP, 0.6, 1.0))
    )
    eager = 0.4 + town.people.engagement[person] * 1.8
    clicked = np.where(channel == SMS, reached, opened) & (
        chance.random(many) < np.where(channel == SMS, 0.02, settings.clicked / settings.opened) * eager
    )
    annoyed = np.where(town.people.temperament[person] == ANNOYED, settings.annoyed_unsubscribes, 1.0)
    leaves = reached & (chance.random(many) < settings.unsubscribed * annoyed)
    opened_at = at + HOUR // 4 + (chance.exponential(5 * HOUR, many)).astype(np.int64)
    steps: tuple[tuple[int, Bools, NDArray[Any]], ...] = (
        (0, ~treated, at - HOUR), (1, treated, at + chance.integers(0, 600, many)), (2, reached, at + chance.integers(601, 900, many)),
        (3, treated & ~reached, at + chance.integers(601, 900, many)), (4, opened, opened_at),
        (5, clicked, opened_at + 40), (6, leaves, opened_at + 300),
    )  # fmt: skip
    status = np.concatenate([np.full(int(mask.sum()), step) for step, mask, _ in steps])
    of = np.concatenate([np.flatnonzero(mask) for _, mask, _ in steps])
    when = np.concatenate([times[mask] for _, mask, times in steps])
    rows = _lines(town, chance, of, status, when, campaign, person, channel, number)
    return Mail(rows, person[clicked], (opened_at + 45)[clicked], campaign[clicked])


def rows(mail: Mail) -> Iterator[Rows]:
    """Yield the rows of the file."""
    yield mail.rows


def _channel(town: Town, chance: np.random.Generator, campaign: Ints, person: Ints, at: Ints) -> Ints:
    planned = channel_of(campaign)
    has_mail = (town.contacts.email_row(person, at) >= 0) & (chance.random(len(person)) < 0.25)
    member = town.member_from[person] <= at
    planned = np.where((planned == EMAIL) & ~has_mail, SMS, planned)
    return np.where((planned == APP) & ~member, SMS, planned)


def _lines(
    town: Town, chance: np.random.Generator, of: Ints, status: Ints, when: Ints, campaign: Ints, person: Ints,
    channel: Ints, number: Ints,
) -> Rows:  # fmt: skip
    every, many = campaigns(town.world), len(of)
    codes = [campaign_code(place, month) for place, (month, _, _) in enumerate(every)]
    about = np.array([category for _, category, _ in every])
    who, how = person[of], channel[of]
    known = when + chance.integers(1, 90, many)
    record = town.coded("messages", "R", many)
    email = contacts.emails_text(
        town.contacts, town.people, np.where(how == EMAIL, town.contacts.email_row(who, when), -1)
    )
    text = line(
        record, pick(codes, campaign[of]), town.coded("message", "N", of), pick(CHANNELS, how),
        pick(town.world.appliance.categories, about[campaign[of]]),
        where((how == SMS) & (number[of] > 0), digits(number[of], 11), None), email,
        where(how == APP, join("M", digits(town.contacts.member[who], 11)), None),
        pick(STATUS, status), stamp(when), stamp(known),
    )  # fmt: skip
    return Rows("messages", known, who, record, {"line": text}).before(UNTIL)
