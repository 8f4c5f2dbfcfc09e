"""Text messages through a gateway that is asked over HTTP: what it is asked, and what its answers mean, its description says."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, urlencode

import msgspec
import phonenumbers

from zerodistance.core.outreach.channels import calling
from zerodistance.core.outreach.channels.described import SecretMissing, Sms, at, fill
from zerodistance.core.outreach.channels.smtp import without_addresses
from zerodistance.core.outreach.contracts import ChannelName, Handed, Outcome, Outgoing, Settled
from zerodistance.kernel.text import Text

_AGENT = "zerodistance"
_GAVE_UP = 401, 403
"""Statuses that say that we are refused and not the message: it is tried again when somebody has mended it."""


class SmsHttp:
    """The channel of text messages.

    Parameters
    ----------
    country
        Whose numbers may be written without country code.
    """

    name: str = ChannelName.SMS

    def __init__(self, spec: Sms, country: str) -> None:
        self._spec, self._country = spec, country
        self.rate = spec.rate
        self._line = calling.Line(spec.url, spec.timeout)

    def hand(self, batch: Sequence[Outgoing]) -> Sequence[Handed]:
        """Ask the gateway for each message; one answer each, in their order."""
        try:
            secret = self._spec.secret.reveal() if self._spec.secret else ""
        except SecretMissing as error:
            return [Handed(one.message_id, Outcome.LATER, "", error.message("en")[:200]) for one in batch]
        answers, away, until = list[Handed](), "", time.monotonic() + calling.LONG
        for one in batch:
            away = away or (calling.TOO_SLOW if time.monotonic() > until else "")
            if away:
                answers.append(Handed(one.message_id, Outcome.LATER, "", away))
                continue
            try:
                answers.append(self._hand(one, secret))
            except calling.NotHeard as error:
                away = str(error)
                answers.append(Handed(one.message_id, Outcome.LATER, "", away))
            except calling.NotAnswered as error:
                outcome = Outcome.LATER if self._spec.again_is_once else Outcome.UNKNOWN
                answers.append(Handed(one.message_id, outcome, "", str(error)))
        return answers

    def check(self) -> Sequence[Text]:
        """Return why the gateway can't be used; it is not asked anything."""
        try:
            if self._spec.secret:
                self._spec.secret.reveal()
        except SecretMissing as error:
            return [Text(error.message("zh"), error.message("en"))]
        trouble = self._line.connect()
        return [] if trouble is None else [trouble]

    def close(self) -> None:
        """End the connection."""
        self._line.close()

    def _hand(self, one: Outgoing, secret: str) -> Handed:
        number = self._number(one.address)
        if number is None:
            return Handed(one.message_id, Outcome.REFUSED, "", "it is no number", is_address=True)
        said = fields(one, number, self._spec.sender, secret)
        headers = {"User-Agent": _AGENT, **{n: fill(t, said) for n, t in self._spec.headers.items()}}
        body, target = fill(self._spec.body, said), self._line.target
        data = b""
        if self._spec.content == "json":
            data, headers["Content-Type"] = msgspec.json.encode(body), "application/json; charset=utf-8"
        elif self._spec.content == "form":
            headers["Content-Type"] = "application/x-www-form-urlencoded; charset=utf-8"
            data = urlencode(_flat(body)).encode()
        else:
            target += ("&" if "?" in target else "?") + urlencode(_flat(body))
        answer = self._line.call(self._spec.method, target, data, headers)
        return judged(self._spec, one.message_id, answer.status, answer.body)

    def _number(self, given: str) -> str | None:
        try:
            number = phonenumbers.parse(given, self._country)
        except phonenumbers.NumberParseException:
            return None
        here = phonenumbers.country_code_for_region(self._country)
        if self._spec.national and number.country_code == here:
            return str(phonenumbers.national_significant_number(number))
        return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


def fields(one: Outgoing, to: str, sender: str, secret: str) -> dict[str, str]:
    """Return what may stand in braces in a description."""
    return {
        "to": to,
        "text": one.text,
        "title": one.subject,
        "message_id": one.message_id,
        "lang": one.lang,
        "purpose": str(one.purpose),
        "campaign": one.campaign,
        "template": one.template,
        "from": sender,
        "secret": secret,
        **{f"values.{name}": value for name, value in one.values.items()},
    }


def judged(spec: Sms, message_id: str, status: int, body: bytes) -> Handed:
    """Return what an answer of the gateway means for a message."""
    said = parsed(body)
    word = str(at(said, spec.path)) if spec.path and at(said, spec.path) is not None else ""
    code = f"{status} {word}".replace("\0", "").strip()[:60]
    if status in spec.status and (not spec.path or word in spec.equals):
        given = at(said, spec.reference) if spec.reference else None
        return Handed(message_id, Outcome.ACCEPTED, code, reference=_reference(given))
    detail = without_addresses(body.decode("utf-8", "replace"))
    if word and word in spec.no_such_number:
        return Handed(message_id, Outcome.REFUSED, code, detail, is_address=True)
    if status in spec.later_status or status in _GAVE_UP or (word and word in spec.later):
        return Handed(message_id, Outcome.LATER, code, detail)
    return Handed(message_id, Outcome.REFUSED, code, detail)


def _reference(given: Any) -> str:
    """Return what a gateway calls a message, as it can be kept."""
    return "" if given is None else str(given).replace("\0", "")[:100]


def parsed(body: bytes) -> Any:
    """Return what stands in a body: JSON, else the fields of a form, else nothing."""
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    try:
        return dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=200))
    except (UnicodeDecodeError, ValueError):
        return {}


def listed(said: Any, path: str) -> list[Any]:
    """Return the things of a list that stands at a path; what is no list is one thing."""
    found = at(said, path)
    if isinstance(found, list):
        return found
    return [] if found is None else [found]


def settled(spec: Sms, one: Any) -> tuple[str, str, Settled | None, str]:
    """Return what a receipt says: our id and theirs (one may be empty), what became of the message, None: not yet known; its code."""
    r = spec.receipts
    word = at(one, r.state)
    said = "" if word is None else str(word)
    state = (
        Settled.DELIVERED if said in r.delivered
        else None if said in r.later
        else Settled.BOUNCED_HARD if said in r.no_such_number
        else Settled.BOUNCED_SOFT
    )  # fmt: skip
    code = at(one, r.detail) if r.detail else None
    ours, theirs = (at(one, path) if path else None for path in (r.message, r.reference))
    told = said if code is None else f"{said} {code}"
    return str(ours or ""), _reference(theirs), state, told[:60]


def _flat(body: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the fields of a form; what is nested in them goes as JSON."""
    return [
        (name, value if isinstance(value, str) else msgspec.json.encode(value).decode())
        for name, value in body.items()
    ]
