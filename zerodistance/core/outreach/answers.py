"""What people do with a message: look at it, follow a link, want no more of it, write back."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from zerodistance.core.identity import api as identity
from zerodistance.core.identity.contracts import NotAnIdentifier
from zerodistance.core.outreach import bounces, consent, links, receipts
from zerodistance.core.outreach.bounces import Back, What
from zerodistance.core.outreach.channels import opening, sms_http, store
from zerodistance.core.outreach.channels.described import Sms, at
from zerodistance.core.outreach.channels.smtp import without_addresses
from zerodistance.core.outreach.contracts import PURPOSES, ChannelName, Purpose, Settled
from zerodistance.core.outreach.receipts import SOLD, Sent
from zerodistance.kernel import clock
from zerodistance.kernel.errors import NotFound
from zerodistance.kernel.home import Home
from zerodistance.kernel.logs import log
from zerodistance.kernel.text import Text

PICTURE = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
"""One point that nobody sees, as GIF."""
_MOST = 1_000  # own value: receipts in one call of a gateway


class NoSuchLink(NotFound):
    """A link was not made here, or the text that it stood in is gone."""

    code = "no_such_link"
    text = Text("这个链接打不开了", "this link leads nowhere any more")


@dataclass(frozen=True, slots=True)
class OptOut:
    """What a link withdraws from.

    Attributes
    ----------
    is_known
        Whether the message is still there; if not, its person was forgotten, and nothing is kept of them.
    is_done
        Whether it was withdrawn from already.
    """

    is_known: bool
    purpose: Text
    channel: str
    is_done: bool


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a call of a gateway: receipts and answers, and what could not be put to any message."""

    receipts: int
    replies: int
    passed_over: int


def follow(home: Home, token: str, *, counts: bool = True) -> str:
    """Return where a link leads, and note the click; a program that only looks ahead `counts` not.

    Raises
    ------
    NoSuchLink
        The token is none.
    """
    found = links.read(home.seal, links.CLICKED, token)
    url = None if found is None else links.url_of(home, found.link)
    if found is None or url is None:
        raise NoSuchLink(given=token[:40])
    if counts:
        with home.state.write() as tx:
            message = receipts.sent(tx, found.message)
            if message is not None:
                receipts.hear(tx, home, message, receipts.CLICKED, clock.micros(), link=found.link)
    return url


def look(home: Home, token: str) -> None:
    """Note that a message was opened; of a token that is none nothing."""
    found = links.read(home.seal, links.OPENED, token)
    if found is None:
        return
    with home.state.write() as tx:
        message = receipts.sent(tx, found.message)
        if message is not None:
            receipts.hear(tx, home, message, receipts.OPENED, clock.micros())


def opt_out(home: Home, token: str) -> OptOut:
    """Return what a link would withdraw from; nothing is changed.

    Raises
    ------
    NoSuchLink
        The token is none.
    """
    found = links.read(home.seal, links.OPT_OUT, token)
    if found is None:
        raise NoSuchLink(given=token[:40])
    with home.state.read() as tx:
        message = receipts.sent(tx, found.message)
        heard = [] if message is None else store.heard(tx, [message.id])
    return _opt_out(message, any(row["what"] == receipts.REFUSED for row in heard))


def _opt_out(message: Sent | None, is_done: bool) -> OptOut:
    if message is None:
        return OptOut(False, PURPOSES[Purpose.MARKETING], ChannelName.EMAIL, True)
    return OptOut(True, PURPOSES[Purpose(message.purpose)], message.channel, is_done)


def withdraw(home: Home, token: str, place: str = "link") -> OptOut:
    """Withdraw by one click; twice is once.

    Raises
    ------
    NoSuchLink
        The token is none.
    """
    found = links.read(home.seal, links.OPT_OUT, token)
    if found is None:
        raise NoSuchLink(given=token[:40])
    with home.state.write() as tx:
        message = receipts.sent(tx, found.message)
        if message is not None:
            receipts.withdraw(tx, home, message, clock.micros(), place)
    return _opt_out(message, True)


def take_mail(home: Home, raw: bytes) -> Back:
    """Take a mail that came back: whatever it says of a message of ours is noted. Taken twice is once."""
    back = bounces.read(home.seal, raw)
    if back.message is not None and back.what is not What.IGNORED:
        now = clock.micros()
        with home.state.write() as tx:
            message = receipts.sent(tx, back.message)
            if message is None:
                pass  # its person was forgotten
            elif back.what is What.OPT_OUT:
                receipts.withdraw(tx, home, message, now, "mail")
            elif back.what is What.REPLIED:
                receipts.hear(tx, home, message, receipts.REPLIED, now)
            elif back.state is not None:
                receipts.hear(tx, home, message, back.state, now, code=back.code, detail=back.detail)
    log("outreach").info("mail_came_back", what=str(back.what), why=back.why, known=back.message is not None)
    return back


def take_call(home: Home, name: str, body: bytes) -> Taken:
    """Take what a gateway posts: receipts of messages, and what people answered, as its description says where these stand.

    Raises
    ------
    NoChannel
        It was not set up, or is switched off.
    """
    said, spec = sms_http.parsed(body), opening.description(home, name)
    if not isinstance(spec, Sms):
        return _plain(home, name, said)
    taken = replied = passed = 0
    for one in _things(said, spec.replies.listed):
        phone, text = at(one, spec.replies.phone), at(one, spec.replies.text)
        if phone is None or text is None:
            continue
        replied += 1
        passed += not _answered(home, str(phone), str(text), spec)
    for one in [] if replied else _things(said, spec.receipts.listed):
        ours, theirs, state, code = sms_http.settled(spec, one)
        if state is None or not (ours or theirs):
            passed += state is not None
            continue
        known = _settle(home, name, ours, theirs, state, code)
        taken, passed = taken + known, passed + (not known)
    return Taken(taken, replied, passed)


def _things(said: Any, path: str) -> list[Mapping[str, Any]]:
    return [one for one in sms_http.listed(said, path)[:_MOST] if isinstance(one, dict)]


def _plain(home: Home, name: str, said: Any) -> Taken:
    """Take receipts in our own form: `{"id": ..., "state": ..., "code": ...}`, or a list of them."""
    taken = passed = 0
    for one in _things(said, ""):
        state = next((s for s in Settled if s.value == one.get("state")), None)
        known = state is not None and _settle(
            home, name, str(one.get("id") or ""), "", state, str(one.get("code") or "")
        )
        taken, passed = taken + known, passed + (not known)
    return Taken(taken, 0, passed)


def _settle(home: Home, name: str, ours: str, theirs: str, state: Settled, code: str) -> bool:
    with home.state.write() as tx:
        message_id = ours or store.referred(tx, name, theirs) or ""
        if not message_id:  # quicker than the sender, which marks what it has handed over some seconds later
            store.keep_early(tx, name, theirs, state.value, without_addresses(code), clock.micros())
        message = receipts.sent(tx, message_id)
        if message is None or message.channel != name:
            return False
        receipts.hear(tx, home, message, state, clock.micros(), code=without_addresses(code))
        return True


def _answered(home: Home, phone: str, text: str, spec: Sms) -> bool:
    """Take what somebody answers to a text message: one of a few words withdraws; return whether anybody has the number."""
    try:
        token = identity.token_of(home, "phone", phone)
    except NotAnIdentifier:
        return False
    now = clock.micros()
    with home.state.write() as tx:
        subject = identity.subjects_named(tx, [token]).get(token)
        if subject is None:
            return False
        last = receipts.last_to(tx, subject, ChannelName.SMS)
        if bounces.is_withdrawal(text, spec.replies.words):
            if last is not None:
                receipts.withdraw(tx, home, last, now, "reply")
            else:
                consent.withdraw(
                    tx,
                    [subject],
                    now=now,
                    purposes=SOLD,
                    channels=[ChannelName.SMS],
                    place="reply",
                    source="link",
                    proof=f"reply {now}",
                )
        elif last is not None:
            receipts.hear(tx, home, last, receipts.REPLIED, now)
        return True
