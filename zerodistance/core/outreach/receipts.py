"""What is heard of a message after it was handed over: each thing once, and what follows from it in the same transaction."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from sqlalchemy import Connection

from zerodistance.core.outreach import consent, limits, suppression
from zerodistance.core.outreach.channels import store
from zerodistance.core.outreach.contracts import MESSAGE_ID, MessageState, Purpose, Settled
from zerodistance.core.outreach.sends import store as sends
from zerodistance.core.touchpoints import own
from zerodistance.kernel import clock
from zerodistance.kernel.errors import NotFound
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text

OPENED, CLICKED, REPLIED, REFUSED = "opened", "clicked", "replied", "refused"
HEARD: Mapping[str, Text] = {
    Settled.DELIVERED: Text("送达", "delivered"),
    OPENED: Text("打开", "opened"),
    CLICKED: Text("点击", "clicked"),
    REPLIED: Text("回复", "answered"),
    REFUSED: Text("退订", "withdrew"),
    Settled.BOUNCED_HARD: Text("地址不存在", "no such address"),
    Settled.BOUNCED_SOFT: Text("退回", "bounced"),
    Settled.COMPLAINED: Text("投诉", "complained"),
}
"""What can be heard of a message."""
_KINDS = {
    OPENED: "message.opened",
    CLICKED: "message.clicked",
    REPLIED: "message.replied",
    REFUSED: "message.refused",
    Settled.COMPLAINED: "message.refused",
}
"""What of it is a touch."""
_FAILED = {Settled.BOUNCED_HARD: "no_address", Settled.BOUNCED_SOFT: "bounced"}
"""Why a message that came back has failed, see `sends.queue.REASONS`."""
REST_DAYS = 30
"""Own value: an address of which too many messages (`Policy.soft_bounces`) came back within so many days, none of them delivered, rests for as long."""
_LAST = 50  # own value: messages to an address among which the last one of a channel is looked for
SOLD = (Purpose.MARKETING, Purpose.RESEARCH)


@dataclass(frozen=True, slots=True)
class Sent:
    """A message that was handed over, as far as those who hear of it need it."""

    id: str
    subject: int
    channel: str
    purpose: str
    campaign: str
    state: str


@dataclass(frozen=True, slots=True)
class Receipt:
    """What was heard of a message; times are microseconds UTC.

    Attributes
    ----------
    link
        Where a click led to; empty: it was none.
    """

    what: str
    first_at: int
    last_at: int
    times: int
    code: str
    detail: str
    link: str


def sent(tx: Connection, message_id: str) -> Sent | None:
    """Return a message; None: there is none, or its person was forgotten."""
    row = sends.one(tx, message_id) if re.fullmatch(MESSAGE_ID, message_id) else None
    if row is None:
        return None
    send = sends.send_of(tx, row["send"])
    assert send is not None
    return Sent(row["id"], row["subject"], row["channel"], send["purpose"], send["experiment"], row["state"])


def last_to(tx: Connection, subject: int, channel: str) -> Sent | None:
    """Return the message that was handed over last to an address by a channel."""
    out = (MessageState.SENT, MessageState.UNKNOWN, MessageState.HANDING)
    rows = sends.of_subjects(tx, [subject], _LAST)
    found = next((row for row in rows if row["channel"] == channel and row["state"] in out), None)
    return None if found is None else sent(tx, found["id"])


def settle(
    tx: Connection,
    home: Home,
    message_id: str,
    state: Settled,
    at: int,
    detail: str = "",
    *,
    code: str = "",
) -> bool:
    """Note what a receipt says of a message, and let follow from it what has to; say whether that is news.

    An address that does not exist is suppressed, one that comes back again and again rests, a complaint withdraws. A message of which nobody knew whether
    it had gone is known to have gone. Receipts of messages that are not there are passed over.

    Parameters
    ----------
    at
        When it happened, microseconds UTC.
    detail
        Words without an address.
    """
    message = sent(tx, message_id)
    return message is not None and hear(tx, home, message, state, at, code=code, detail=detail)


def hear(
    tx: Connection,
    home: Home,
    message: Sent,
    what: str,
    at: int,
    *,
    link: int = 0,
    code: str = "",
    detail: str = "",
) -> bool:
    """Note what is heard of a message; say whether it is heard for the first time."""
    row = {
        "message": message.id,
        "what": str(what),
        "link": link,
        "subject": message.subject,
        "channel": message.channel,
    }
    code, detail = code.replace("\0", "")[:60], detail.replace("\0", "")[:200]
    said = {"first_at": at, "last_at": at, "code": code, "detail": detail}
    if not store.hear(tx, {**row, **said}):
        return False
    if what in _FAILED:
        sends.settled(tx, message.id, MessageState.FAILED, _FAILED[Settled(what)], code)
    elif message.state == MessageState.UNKNOWN:
        sends.settled(tx, message.id, MessageState.SENT, "", code)
        _say(tx, message, "message.sent", at, "sent")
    kind = _KINDS.get(what)
    if kind is not None:
        _say(tx, message, kind, at, f"{what}:{link}" if link else str(what))
    if what == Settled.BOUNCED_HARD:
        suppression.add(tx, home, [message.subject], "bounced", at=at, source=f"message {message.id}")
    elif what == Settled.BOUNCED_SOFT:
        _rest(tx, home, message, at)
    elif what == Settled.COMPLAINED:
        suppression.add(tx, home, [message.subject], "complained", at=at, source=f"message {message.id}")
        _withdraw(tx, message, SOLD, at, what, "complaint")
    return True


def withdraw(tx: Connection, home: Home, message: Sent, at: int, place: str) -> bool:
    """Withdraw consent for what a message was for, on its channel; say whether it is the first time that its reader does.

    Advertising and invitations go together: whoever wants no more of one is not written to for the other; who wants no more about service wants neither.
    """
    fresh = hear(tx, home, message, REFUSED, at)
    purposes = dict.fromkeys((*SOLD, message.purpose))
    _withdraw(tx, message, tuple(purposes), at, REFUSED, place, fresh)
    return fresh


def _withdraw(
    tx: Connection, message: Sent, purposes: Sequence[str], at: int, what: str, place: str, fresh: bool = True
) -> None:
    """Keep that consent is withdrawn: once for each message, since a yes of before may come in later; again only where there was a yes since."""
    mine = np.array([message.subject], np.int64)
    still = [
        one
        for one in purposes
        if fresh or not consent.said(tx, mine, one, message.channel, consent.WITHDRAWN)[0]
    ]
    consent.withdraw(
        tx,
        [message.subject],
        now=clock.micros(),
        at=at,
        purposes=still,
        channels=(message.channel,),
        place=place,
        source="complaint" if what == Settled.COMPLAINED else "link",
        proof=f"message {message.id}",
    )


def _rest(tx: Connection, home: Home, message: Sent, at: int) -> None:
    rest = REST_DAYS * clock.MICROS_PER_DAY
    bounced, arrived = store.lately(tx, message.subject, at - rest, Settled.BOUNCED_SOFT, Settled.DELIVERED)
    _, policy = limits.in_force(tx)
    if bounced >= policy.soft_bounces and not arrived:
        source = f"message {message.id}"
        suppression.add(tx, home, [message.subject], "full", at=at, until=at + rest, source=source)


def _say(tx: Connection, message: Sent, kind: str, at: int, name: str) -> None:
    columns = {
        "subject": pa.array([message.subject], pa.int64()),
        "kind": [kind],
        "happened_at": pa.array([at], pa.int64()),
        "message_id": [f"{message.id}:{name}"],
        "campaign": pa.array([message.campaign or None], pa.string()),
        "channel": [message.channel],
    }
    own.say(tx, pa.table(columns))


def hear_early(tx: Connection, home: Home, rows: Sequence[Mapping[str, Any]]) -> None:
    """Hear what gateways have said already of messages whose names (rows of `outreach_reference`) are known only now."""
    named = {(row["channel"], row["reference"]): str(row["message"]) for row in rows}
    for channel in sorted({name for name, _ in named}):
        mine = [reference for name, reference in named if name == channel]
        for one in store.take_early(tx, channel, mine):
            settle(
                tx,
                home,
                named[channel, one["reference"]],
                Settled(one["what"]),
                one["said_at"],
                code=one["code"],
            )


def refer(tx: Connection, channel: str, rows: Iterable[tuple[str, str, int]]) -> None:
    """Keep what a gateway calls messages: reference, id, subject."""
    now = clock.micros()
    store.refer(
        tx,
        [
            {
                "channel": channel,
                "reference": reference,
                "message": message,
                "subject": subject,
                "kept_at": now,
            }
            for reference, message, subject in rows
            if reference
        ],
    )


def of_message(home: Home, message_id: str) -> list[Receipt]:
    """Return what was heard of a message, the latest first.

    Raises
    ------
    NotFound
        There is no such message.
    """
    with home.state.read() as tx:
        if sent(tx, message_id) is None:
            raise NotFound(what=Text("消息", "message"), given=message_id[:40])
        rows = store.heard(tx, [message_id])
        urls = {row["link"]: store.url_of(tx, row["link"]) or "" for row in rows if row["link"]}
    names = ("what", "first_at", "last_at", "times", "code", "detail")
    return [Receipt(**{name: row[name] for name in names}, link=urls.get(row["link"], "")) for row in rows]
