"""What a channel is told: where its other side is, how it is spoken to, what its answers mean."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from zerodistance.core.outreach.contracts import NAMESPACES, ChannelName
from zerodistance.kernel.errors import ZeroDistanceError
from zerodistance.kernel.text import Text

FIELD = re.compile(r"\{([a-z_]+(?:\.[A-Za-z0-9_]+)?)\}")
FIELDS = ("to", "text", "title", "message_id", "lang", "purpose", "campaign", "template", "from", "secret")
"""What may stand in braces in the body and the headers of a gateway; beside them `values.NAME`, a value of the template."""


class SecretMissing(ZeroDistanceError):
    """A channel names a credential that is not there."""

    code, status = "channel_secret_missing", 409
    text = Text(
        "渠道的密文不在：{where}；运行 serve 和 outreach work 的进程要能读到它",
        "the channel's credential is not there: {where}; the processes that send (serve, outreach work) must be able to read it",
    )


@dataclass(frozen=True, slots=True)
class Secret:
    """Where a credential is: a variable of the environment, or a file."""

    env: str = ""
    file: str = ""

    @property
    def where(self) -> str:
        """Return what is named."""
        return f"${self.env}" if self.env else self.file

    def reveal(self) -> str:
        """Return the credential.

        Raises
        ------
        SecretMissing
            It is not there.
        """
        if self.env:
            found = os.environ.get(self.env, "")
        else:
            try:
                found = Path(self.file).read_text(encoding="utf-8").strip()
            except (OSError, ValueError):
                found = ""
        if not found:
            raise SecretMissing(where=self.where)
        return found


@dataclass(frozen=True, slots=True)
class Email:
    """E-mail over SMTP.

    Attributes
    ----------
    tls
        `none`, `starttls`, `tls` (from the first byte on).
    sender
        The address that stands in `From`; its name in both languages.
    returns
        Where bounces go: `bounces@example.com` becomes `bounces+TOKEN@example.com` for each message.
    folder
        A Maildir or an mbox file in which what comes back arrives; empty: it is given to `outreach bounce`, or over HTTP.
    traced
        Whether links lead by way of the door, so that opens and clicks are heard.
    """

    host: str
    port: int
    tls: str
    sender: str
    name: Text
    returns: str
    user: str = ""
    password: Secret | None = None
    reply_to: str = ""
    folder: str = ""
    rate: float = 0.0
    connections: int = 1
    timeout: float = 30.0
    traced: bool = True
    hello: str = ""


@dataclass(frozen=True, slots=True)
class Receipts:
    """How a gateway's receipts are read: where its values stand, and what its words mean.

    Attributes
    ----------
    listed
        Path to the list of receipts; empty: the body is one, or a list of them.
    message, reference
        Path to our id of the message, and to theirs.
    state
        Path to the word that says what became of it.
    delivered, later, no_such_number
        Words; every other one is a failure that says nothing of the number.
    detail
        Path to a code.
    """

    listed: str = ""
    message: str = ""
    reference: str = ""
    state: str = "status"
    delivered: tuple[str, ...] = ("delivered",)
    later: tuple[str, ...] = ()
    no_such_number: tuple[str, ...] = ()
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Replies:
    """How what people answer to a text message is read, and by which words they withdraw."""

    listed: str = ""
    phone: str = "phone"
    text: str = "text"
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Sms:
    """Text messages through a gateway that is asked over HTTP.

    Attributes
    ----------
    body
        What is sent, texts with fields in braces; nested tables stay nested.
    content
        `json`, `form`, `query`.
    status, path, equals
        It was taken if the answer has one of these statuses and, where `path` is given, one of these values stands there.
    reference
        Path to what the gateway calls the message.
    later, later_status
        Values at `path`, and statuses, after which it is tried again.
    no_such_number
        Values at `path` that say that nobody has the number.
    national
        Write numbers of the home's country without the country code.
    again_is_once
        The gateway takes a message id once: when an answer is lost, it may be asked again.
    """

    url: str
    body: Mapping[str, Any]
    method: str = "POST"
    content: str = "json"
    headers: Mapping[str, str] = field(default_factory=dict)
    secret: Secret | None = None
    status: tuple[int, ...] = (200, 201, 202)
    path: str = ""
    equals: tuple[str, ...] = ()
    reference: str = ""
    later: tuple[str, ...] = ()
    later_status: tuple[int, ...] = (408, 425, 429, 500, 502, 503, 504)
    no_such_number: tuple[str, ...] = ()
    national: bool = False
    again_is_once: bool = False
    rate: float = 0.0
    timeout: float = 20.0
    traced: bool = True
    sender: str = ""
    receipts: Receipts = field(default_factory=Receipts)
    replies: Replies = field(default_factory=Replies)
    answer: str = "ok"


@dataclass(frozen=True, slots=True)
class Webhook:
    """A signed call to a web address, one a message."""

    url: str
    namespaces: tuple[str, ...]
    secret: Secret
    rate: float = 0.0
    timeout: float = 20.0
    traced: bool = True


@dataclass(frozen=True, slots=True)
class Inbox:
    """The inbox of members, kept here and read by the brand's own app."""

    namespaces: tuple[str, ...] = NAMESPACES[ChannelName.INBOX]
    days: int = 180
    rate: float = 0.0
    traced: bool = True


Description = Email | Sms | Webhook | Inbox


def fill(given: Any, said: Mapping[str, str]) -> Any:
    """Return a body with its fields filled in; a field that has no value becomes empty."""
    if isinstance(given, dict):
        return {name: fill(value, said) for name, value in given.items()}
    if isinstance(given, list):
        return [fill(value, said) for value in given]
    return FIELD.sub(lambda found: said.get(found[1], ""), given) if isinstance(given, str) else given


def at(data: Any, path: str) -> Any:
    """Return what stands at a path of keys and numbers in JSON, None if nothing does.

    Examples
    --------
    >>> at({"data": [{"id": 7}]}, "data.0.id"), at({"data": []}, "data.0.id")
    (7, None)
    """
    for part in path.split(".") if path else ():
        if isinstance(data, dict):
            data = data.get(part)
        elif isinstance(data, list) and part.isdigit() and int(part) < len(data):
            data = data[int(part)]
        else:
            return None
    return data
