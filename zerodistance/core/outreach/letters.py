"""The inbox of members, as the brand's own app reads it on behalf of whoever is signed in.

An app's back end asks for a token that names the identifiers somebody has signed in with; the app reads with that token what was sent to just these, and
nothing that was sent to other identifiers of the same person: that two of them belong together is what we think, not what somebody has shown.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from zerodistance.core.identity import api as identity
from zerodistance.core.outreach import receipts
from zerodistance.core.outreach.channels import store
from zerodistance.core.outreach.channels.inbox import where
from zerodistance.core.outreach.contracts import MESSAGE_ID
from zerodistance.kernel import clock
from zerodistance.kernel.access import Permission, Who
from zerodistance.kernel.errors import Invalid, NotFound, WrongKey, ZeroDistanceError
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text

_MOST_IDENTIFIERS = 10  # own value: a member has few
_MINUTES = 24 * 60  # own value: a token lives a day at most
PREFIX = "zdi_"
"""How a token of the inbox begins."""
MOST = 100  # own value: messages on a page


class NoInbox(ZeroDistanceError):
    """A token of the inbox is none, or its time is over."""

    code, status = "no_inbox", 401
    text = Text(
        "站内信令牌无效或已过期；向自己的后端要一个新的",
        "the token of the inbox is none, or its time is over; ask your back end for a new one",
    )


@dataclass(frozen=True, slots=True)
class Letter:
    """A message in the inbox; times are microseconds UTC, `read_at` None: not read."""

    id: str
    title: str
    text: str
    purpose: str
    put_at: int
    read_at: int | None


@dataclass(frozen=True, slots=True)
class Page:
    """Messages, the latest first; `unread` of all, `before` asks for the next page, None: there is none."""

    letters: tuple[Letter, ...]
    unread: int
    before: str | None


def make_token(home: Home, who: Who, identifiers: Mapping[str, str], minutes: int = 60) -> str:
    """Return a token with which whoever has signed in with these identifiers reads their inbox, for so many minutes.

    Raises
    ------
    Forbidden
        The account may not see persons.
    Invalid
        None, or too many identifiers were given, or the time is too long.
    NotAnIdentifier
        A namespace is not known, or a value can't be one of it.
    """
    who.need(Permission.SEE_PERSONS)
    if not 1 <= len(identifiers) <= _MOST_IDENTIFIERS:
        why = Text(f"给出 1 到 {_MOST_IDENTIFIERS} 个标识", f"give 1 to {_MOST_IDENTIFIERS} identifiers")
        raise Invalid(field="identifiers", given=len(identifiers), why=why)
    if not 1 <= minutes <= _MINUTES:
        raise Invalid(field="minutes", given=minutes, why=Text(f"1 到 {_MINUTES}", f"1 to {_MINUTES}"))
    subjects = sorted(
        {number for namespace, value in identifiers.items() for number in _subjects(home, namespace, value)}
    )
    until = clock.micros() + minutes * 60 * clock.MICROS_PER_SECOND
    said = msgspec.json.encode([until, subjects])
    return PREFIX + base64.urlsafe_b64encode(home.seal.seal(said, b"outreach-inbox-token")).decode().rstrip(
        "="
    )


def _subjects(home: Home, namespace: str, value: str) -> Sequence[int]:
    token = identity.token_of(home, namespace, value)
    return identity.subjects_with(home, [token])


def subjects_of(home: Home, token: str) -> tuple[int, ...]:
    """Return the subjects whose inbox a token opens; none, if nothing is known of somebody yet.

    Raises
    ------
    NoInbox
        It opens none.
    """
    try:
        if not token.startswith(PREFIX):
            raise NoInbox
        raw = token[len(PREFIX) :]
        sealed = base64.b64decode(raw + "=" * (-len(raw) % 4), altchars=b"-_", validate=True)
        until, subjects = msgspec.json.decode(home.seal.open(sealed, b"outreach-inbox-token"))
    except (binascii.Error, WrongKey, ValueError):
        raise NoInbox from None
    if until < clock.micros():
        raise NoInbox
    return tuple(subjects)


def read(
    home: Home, subjects: Sequence[int], *, before: str | None = None, unread: bool = False, limit: int = 20
) -> Page:
    """Return a page of the inbox of subjects.

    Raises
    ------
    Invalid
        `before` is not what a page before gave.
    """
    if before is not None and not before.isdecimal():
        why = Text("要用上一页给出的 before", "take the `before` that the page before gave")
        raise Invalid(field="before", given=before[:40], why=why)
    last = None if before is None else min(int(before), 2**63 - 1)
    now = clock.micros()
    with home.state.read() as tx:
        rows = store.in_inbox(tx, subjects, now, before=last, unread=unread, most=limit + 1)
        many = store.unread(tx, subjects, now)
    shown = tuple(_letter(home, row) for row in rows[:limit])
    return Page(shown, many, str(rows[limit - 1]["number"]) if len(rows) > limit else None)


def _letter(home: Home, row: Mapping[str, Any]) -> Letter:
    said = msgspec.json.decode(home.seal.open(row["sealed"], where(row["message"])))
    return Letter(row["message"], said["title"], said["text"], row["purpose"], row["put_at"], row["read_at"])


def must_hold(home: Home, subjects: Sequence[int], message: str) -> None:
    """Look whether a message lies in the inbox of subjects.

    Raises
    ------
    NotFound
        It does not.
    """
    with home.state.read() as tx:
        row = store.one_in_inbox(tx, message) if re.fullmatch(MESSAGE_ID, message) else None
    if row is None or row["subject"] not in subjects:
        raise NotFound(what=Text("站内信", "message in the inbox"), given=message[:40])


def mark_read(home: Home, subjects: Sequence[int], message: str) -> bool:
    """Note that somebody has read a message of their inbox; say whether it is the first time.

    Raises
    ------
    NotFound
        It does not lie there.
    """
    must_hold(home, subjects, message)
    now = clock.micros()
    with home.state.write() as tx:
        fresh = store.mark_read(tx, subjects, [message], now)
        for one in fresh:
            found = receipts.sent(tx, one)
            if found is not None:
                receipts.hear(tx, home, found, receipts.OPENED, now)
    return bool(fresh)
