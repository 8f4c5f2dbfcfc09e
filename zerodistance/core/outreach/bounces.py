"""What comes back by mail: reports that something could not be delivered, complaints, withdrawals, answers; each known by the token in its address.

A mail without a token of this home says nothing about any message, whatever else stands in it: so nobody suppresses an address by writing to us.

References
----------
RFC 3464: delivery status; RFC 3463: its codes; RFC 5965: complaints (ARF); RFC 3834: automatic answers.
"""

from __future__ import annotations

import email
import email.header
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from email.message import Message
from enum import StrEnum

from zerodistance.core.outreach import links
from zerodistance.core.outreach.channels.smtp import NO_SUCH, without_addresses
from zerodistance.core.outreach.contracts import Settled
from zerodistance.kernel.seal import Seal

MOST_BYTES = 10 << 20  # own value: a larger mail is not read
_LOOKED = 1 << 19  # own value: bytes in which a token is looked for
_TOKEN = re.compile(r"(?<![a-z0-9])[a-z2-7]{32}(?![a-z0-9])", re.IGNORECASE)
_VERP = re.compile(r"\+([a-z2-7]{32})@", re.IGNORECASE)
_TO = ("delivered-to", "x-original-to", "envelope-to", "x-envelope-to", "to", "cc")
_CODES = re.compile(r"(?<![\d.])([245]\d\d)(?:[ -]+#?([245]\.\d{1,3}\.\d{1,3}))?(?![\d.])")
_ENHANCED = re.compile(r"[245]\.\d{1,3}\.\d{1,3}")
_NOBODY = re.compile(
    r"user unknown|unknown user|no such (user|mailbox|recipient)|user not found|does(n't| not) exist|unknown (recipient|mailbox)"
    r"|invalid (recipient|mailbox)|mailbox (not found|unavailable)|recipient (unknown|not found)|address rejected|RCPT TO|不存在|无此用户",
    re.IGNORECASE,
)
_GONE = (*NO_SUCH, "5.4.4")  # and a domain that can't be found
_ROBOT = re.compile(r"mailer-daemon|postmaster|mail delivery (sub)?system", re.IGNORECASE)
_WITHDRAWS = re.compile(
    r"\W*(?:(?:please\s+)?(?:unsubscribe|opt.?out|remove me|stop|td)\b|(?:请|我要|我想|麻烦)?(?:退订(?![单金货购])|取消订阅|拒收))",
    re.IGNORECASE,
)
_WITHDRAWS_ZH = re.compile(
    r"\W*(?:td)?(?:请|我要|我想|麻烦)?(?:退订(?![单金货购])|取消订阅|拒收)", re.IGNORECASE
)
_SHORT = 3  # own value: words of an answer of which the first withdraws
_AUTOMATIC = ("x-autoreply", "x-autorespond", "x-auto-response-suppress")


class What(StrEnum):
    """What a mail is."""

    SETTLED = "settled"
    OPT_OUT = "opt_out"
    REPLIED = "replied"
    IGNORED = "ignored"


@dataclass(frozen=True, slots=True)
class Back:
    """What came back.

    Attributes
    ----------
    message
        Id of the message that it is about; None: it names none of this home.
    state
        Of `SETTLED`: what became of it.
    why
        Of `IGNORED`: which kind of mail it is, for the log.
    """

    message: str | None
    what: What
    state: Settled | None = None
    code: str = ""
    detail: str = ""
    why: str = ""


def read(seal: Seal, raw: bytes) -> Back:
    """Return what a mail says of a message of ours; whatever it holds, it never fails."""
    if len(raw) > MOST_BYTES:
        return Back(None, What.IGNORED, why="too large")
    mail = email.message_from_bytes(raw)
    message = _meant(seal, mail, raw)
    kind = mail.get_content_type()
    report = str(mail.get_param("report-type", "") or "").lower() if kind == "multipart/report" else ""
    if report == "feedback-report":
        return _complaint(mail, message)
    if report == "delivery-status" or any(
        p.get_content_type() == "message/delivery-status" for p in mail.walk()
    ):
        return _status(mail, message)
    if report:
        return Back(message, What.IGNORED, why=report[:40])
    if _ROBOT.search(_header(mail, "from")) or _header(mail, "return-path") == "<>":
        return _plain_bounce(mail, message)
    if _is_automatic(mail):
        return Back(message, What.IGNORED, why="automatic answer")
    said = _header(mail, "subject"), _first_words(mail)
    if any(_WITHDRAWS.match(words) for words in said):
        return Back(message, What.OPT_OUT)
    return Back(message, What.REPLIED)


def is_withdrawal(text: str, words: Sequence[str]) -> bool:
    """Say whether a short answer withdraws: by one of some words, alone or with one or two others, or by asking for it in Chinese.

    Examples
    --------
    >>> [is_withdrawal(one, ("td", "stop")) for one in ("TD", "Stop, please!", "退订谢谢", "退订单怎么办", "stop by at five or so")]
    [True, True, True, False, False]
    """
    said = re.findall(r"\w+", text.casefold())
    return (
        bool(_WITHDRAWS_ZH.match(text))
        or (0 < len(said) <= _SHORT and said[0] in words)
        or " ".join(said) in words
    )


def _meant(seal: Seal, mail: Message, raw: bytes) -> str | None:
    """Return the message that a mail is about: by the address that it was sent to, else by our token somewhere in it."""
    candidates: list[str] = []
    for name in _TO:
        for value in mail.get_all(name, []):
            candidates += _VERP.findall(str(value))
    candidates += _TOKEN.findall(raw[:_LOOKED].decode("latin-1"))
    for part in mail.walk():
        if part.get_content_maintype() == "text":
            candidates += _TOKEN.findall(_text(part)[:_LOOKED])
    for candidate in dict.fromkeys(one.lower() for one in candidates[:1_000]):
        found = links.read(seal, links.RETURNED, candidate)
        if found is not None:
            return found.message
    return None


def _complaint(mail: Message, message: str | None) -> Back:
    kind = ""
    for part in mail.walk():
        if part.get_content_type() == "message/feedback-report":
            kind = _fields(part).get("feedback-type", "").lower()
    if kind == "not-spam":
        return Back(message, What.IGNORED, why=kind)
    if kind == "opt-out":
        return Back(message, What.OPT_OUT)
    return Back(message, What.SETTLED, Settled.COMPLAINED, "", kind[:40])


def _status(mail: Message, message: str | None) -> Back:
    found = Back(message, What.IGNORED, why="no recipient")
    for part in mail.walk():
        if part.get_content_type() != "message/delivery-status":
            continue
        for block in _blocks(part):
            action, status = block.get("action", "").lower(), block.get("status", "")
            said = block.get("diagnostic-code", "")
            if action in ("delivered", "relayed", "expanded"):
                return Back(message, What.SETTLED, Settled.DELIVERED, _enhanced(status))
            if action == "delayed":
                found = Back(message, What.IGNORED, why="delayed")
            if action == "failed":
                return _failed(message, status, said)
    return found


def _failed(message: str | None, status: str, said: str) -> Back:
    code, detail = _enhanced(status), without_addresses(said)
    if code.startswith("4"):
        return Back(message, What.SETTLED, Settled.BOUNCED_SOFT, code, detail)
    plain = _CODES.search(said)
    inner = (plain[2] or "") if plain else ""
    exact = inner if code in ("", "5.0.0") and inner else code
    hard = exact in _GONE or (
        exact in ("", "5.0.0") and bool(plain and plain[1][0] == "5" and _NOBODY.search(said))
    )
    return Back(message, What.SETTLED, Settled.BOUNCED_HARD if hard else Settled.BOUNCED_SOFT, exact, detail)


def _plain_bounce(mail: Message, message: str | None) -> Back:
    """Read a report of a server that does not write it in the standard form."""
    words = "\n".join(_text(part) for part in mail.walk() if part.get_content_type() == "text/plain")[:20_000]
    found = _CODES.search(words)
    if found is None:
        nobody = _NOBODY.search(words)
        if nobody is None:
            return Back(message, What.IGNORED, why="report without a code")
        return Back(message, What.SETTLED, Settled.BOUNCED_HARD, "", without_addresses(nobody[0]))
    around = words[max(0, found.start() - 200) : found.end() + 200]
    status = found[2] or ("4.0.0" if found[1][0] == "4" else "5.0.0")
    return _failed(message, status, around[around.find(found[0]) :])


def _is_automatic(mail: Message) -> bool:
    said = _header(mail, "auto-submitted").lower()
    busy = _header(mail, "precedence").lower() in ("auto_reply", "bulk", "junk", "list")
    return (said not in ("", "no")) or busy or any(name in mail for name in _AUTOMATIC)


def _blocks(part: Message) -> Iterator[dict[str, str]]:
    """Yield the fields of each recipient of a delivery status."""
    inside = part.get_payload()
    if isinstance(inside, list):
        for block in inside:
            if isinstance(block, Message):
                yield {name.lower(): _value(value) for name, value in block.items()}
    else:
        yield _fields(part)


def _fields(part: Message) -> dict[str, str]:
    inside = part.get_payload()
    if isinstance(inside, list) and inside and isinstance(inside[0], Message):
        first = inside[0]
        text = first.as_string() if not first.items() else ""
        if first.items():
            return {name.lower(): _value(value) for name, value in first.items()}
    else:
        text = _text(part)
    return {name.lower(): _value(value) for name, value in email.message_from_string(text.lstrip()).items()}


def _value(given: object) -> str:
    return " ".join(str(given).split())


def _enhanced(status: str) -> str:
    found = _ENHANCED.search(status)
    return found[0] if found else ""


def _header(mail: Message, name: str) -> str:
    value = mail.get(name)
    if value is None:
        return ""
    try:
        return str(email.header.make_header(email.header.decode_header(str(value)))).strip()
    except (ValueError, LookupError, UnicodeError):
        return str(value).strip()


def _first_words(mail: Message) -> str:
    for part in mail.walk():
        if part.get_content_type() == "text/plain":
            return _text(part).strip()[:200]
    return ""


def _text(part: Message) -> str:
    try:
        inside = part.get_payload(decode=True)
    except (ValueError, LookupError):
        return ""
    if not isinstance(inside, bytes):
        return ""
    try:
        return inside.decode(part.get_content_charset() or "utf-8", "replace")
    except LookupError:
        return inside.decode("latin-1")
