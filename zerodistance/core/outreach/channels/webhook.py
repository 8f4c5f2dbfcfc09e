"""Messages to a system of the brand's own: one signed call each, which it may get twice and can tell by the message's id.

The signature is that of alerts: HMAC-SHA-256 of `<timestamp>.<body>` in `X-ZeroDistance-Signature`.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Sequence

import msgspec

from zerodistance.core.outreach.channels import calling
from zerodistance.core.outreach.channels.described import SecretMissing, Webhook
from zerodistance.core.outreach.channels.smtp import without_addresses
from zerodistance.core.outreach.contracts import ChannelName, Handed, Outcome, Outgoing
from zerodistance.kernel import clock
from zerodistance.kernel.text import Text

VERSION = 1
_LATER = (401, 403, 408, 425, 429)
_NOBODY = 410
"""What a receiver answers of an identifier that nobody has any more."""


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """Return the value of `X-ZeroDistance-Signature`.

    Examples
    --------
    >>> signature("key", "1700000000", b"{}")[:12]
    'v1=9d713ed40'
    """
    return "v1=" + hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


class WebhookChannel:
    """The channel webhook."""

    name: str = ChannelName.WEBHOOK

    def __init__(self, spec: Webhook) -> None:
        self._spec = spec
        self.rate = spec.rate
        self._line = calling.Line(spec.url, spec.timeout)

    def hand(self, batch: Sequence[Outgoing]) -> Sequence[Handed]:
        """Call for each message; one answer each, in their order. A call without an answer is tried again: the receiver knows the id."""
        answers, away, until = list[Handed](), "", time.monotonic() + calling.LONG
        try:
            secret = self._spec.secret.reveal()
        except SecretMissing as error:
            away, secret = error.message("en")[:200], ""
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
                answers.append(Handed(one.message_id, Outcome.LATER, "", str(error)))
        return answers

    def check(self) -> Sequence[Text]:
        """Return why the receiver can't be used; it is not called."""
        try:
            self._spec.secret.reveal()
        except SecretMissing as error:
            return [Text(error.message("zh"), error.message("en"))]
        trouble = self._line.connect()
        return [] if trouble is None else [trouble]

    def close(self) -> None:
        """End the connection."""
        self._line.close()

    def _hand(self, one: Outgoing, secret: str) -> Handed:
        body = msgspec.json.encode(
            {
                "version": VERSION,
                "id": one.message_id,
                "to": {"namespace": one.namespace, "value": one.address},
                "lang": one.lang,
                "purpose": str(one.purpose),
                "campaign": one.campaign,
                "template": one.template,
                "values": dict(one.values),
                "title": one.subject,
                "text": one.text,
                "opt_out_url": one.opt_out_url,
            }
        )
        timestamp = str(clock.micros() // clock.MICROS_PER_SECOND)
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "zerodistance",
            "Idempotency-Key": one.message_id,
            "X-ZeroDistance-Delivery": one.message_id,
            "X-ZeroDistance-Timestamp": timestamp,
            "X-ZeroDistance-Signature": signature(secret, timestamp, body),
        }
        answer = self._line.call("POST", self._line.target, body, headers)
        code = str(answer.status)
        if 200 <= answer.status < 300:
            return Handed(one.message_id, Outcome.ACCEPTED, code)
        detail = without_addresses(answer.body.decode("utf-8", "replace"))
        if answer.status >= 500 or answer.status in _LATER:
            return Handed(one.message_id, Outcome.LATER, code, detail)
        return Handed(one.message_id, Outcome.REFUSED, code, detail, is_address=answer.status == _NOBODY)
