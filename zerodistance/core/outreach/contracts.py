"""What crosses the door of outreach, and what its sender and its channels say to each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Protocol

from zerodistance.kernel.errors import NotFound, ZeroDistanceError
from zerodistance.kernel.text import Text

MESSAGE_ID: Final = r"[0-9a-f]{24}"
"""What the id of a message looks like: 96 bits, the same for the same send and subject, so that queued twice is once."""


class Purpose(StrEnum):
    """What somebody is written to for; consent and budgets are kept for each by itself."""

    MARKETING = "marketing"
    SERVICE = "service"
    RESEARCH = "research"


PURPOSES: Mapping[Purpose, Text] = {
    Purpose.MARKETING: Text("营销", "marketing"),
    Purpose.SERVICE: Text("服务", "service"),
    Purpose.RESEARCH: Text("共创邀请", "invitations to co-create"),
}


class ChannelName(StrEnum):
    """A way to somebody."""

    EMAIL = "email"
    SMS = "sms"
    WEBHOOK = "webhook"
    INBOX = "inbox"


CHANNELS: Mapping[ChannelName, Text] = {
    ChannelName.EMAIL: Text("邮件", "e-mail"),
    ChannelName.SMS: Text("短信", "text message"),
    ChannelName.WEBHOOK: Text("网络回调", "webhook"),
    ChannelName.INBOX: Text("站内信", "inbox"),
}

NAMESPACES: Mapping[ChannelName, tuple[str, ...]] = {
    ChannelName.EMAIL: ("email",),
    ChannelName.SMS: ("phone",),
    ChannelName.WEBHOOK: ("openid",),
    ChannelName.INBOX: ("member_id", "user_id", "device_id"),
}
"""Whose identifiers a channel writes to, the first the best; of a webhook, unless its description says others (`channels.namespaces`)."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message on its way out. It exists only between the sender and a channel: no verb returns one.

    Attributes
    ----------
    address
        An e-mail address, a phone number (`+8613...`), an identifier of `namespace`; of the inbox the number of the subject.
    subject
        Subject line, title; empty where a channel has none.
    text, html
        The whole text, with sender and opt-out; `html` None: text only.
    opt_out_url
        Where one click withdraws, see `links`; None for what nobody can withdraw from.
    return_token
        What an answer to the message is known by: the local part that bounces come back to ends with it.
    campaign
        Key of the campaign or experiment; empty without one.
    template, values
        What a gateway needs that fills the text in itself.
    """

    message_id: str
    channel: str
    address: str = field(repr=False)
    lang: str
    subject: str = field(repr=False)
    text: str = field(repr=False)
    html: str | None = field(repr=False)
    opt_out_url: str | None = field(repr=False)
    return_token: str = field(repr=False)
    campaign: str = ""
    purpose: str = Purpose.MARKETING
    namespace: str = ""
    template: str = ""
    values: Mapping[str, str] = field(default_factory=dict, repr=False)


class Outcome(StrEnum):
    """What became of a message when it was handed over."""

    ACCEPTED = "accepted"
    """The other side has taken it."""
    REFUSED = "refused"
    """It will never take it: the message failed, and an address that does not exist is suppressed."""
    LATER = "later"
    """It was certainly not taken, and may be when it is tried again."""
    UNKNOWN = "unknown"
    """It may have been taken: the connection broke after the text was sent. Counted as a contact, not sent again."""


@dataclass(frozen=True, slots=True)
class Handed:
    """What became of one message.

    Attributes
    ----------
    code
        What the other side answered, such as `550 5.1.1`; empty: nothing.
    detail
        Why, in words without the address, at most 200 characters.
    is_address
        It was refused because the address does not exist: a hard bounce.
    reference
        What the other side calls the message in its receipts; empty: by our id, or not at all. `receipts.refer` keeps it.
    """

    message_id: str
    outcome: Outcome
    code: str = ""
    detail: str = ""
    is_address: bool = False
    reference: str = ""


class Channel(Protocol):
    """A way out, opened by one sender: used by one thread at a time, and closed by it."""

    name: str
    rate: float
    """Messages a second that all senders together may hand over; 0: no limit."""

    def hand(self, batch: Sequence[Outgoing]) -> Sequence[Handed]:
        """Hand messages over; return one answer each, in their order. What goes wrong outside is an answer, never an error."""
        ...

    def check(self) -> Sequence[Text]:
        """Return what is wrong with the way out, without sending anything; empty: nothing."""
        ...

    def close(self) -> None:
        """Give back connections."""
        ...


class Settled(StrEnum):
    """What a receipt says of a message that was handed over."""

    DELIVERED = "delivered"
    BOUNCED_HARD = "bounced_hard"
    BOUNCED_SOFT = "bounced_soft"
    COMPLAINED = "complained"


class SendState(StrEnum):
    """How far a send is."""

    ASKED = "asked"
    """It waits for a second account."""
    APPROVED = "approved"
    """Its messages are being put into the queue."""
    QUEUED = "queued"
    """They go as they may."""
    DONE = "done"
    STOPPED = "stopped"


class MessageState(StrEnum):
    """What became of one message of a send."""

    QUEUED = "queued"
    PAUSED = "paused"
    """It was set aside: what it belongs to is paused, and it goes on when that does."""
    HANDING = "handing"
    SENT = "sent"
    HELD = "held"
    """It does not go, and why is written down."""
    FAILED = "failed"
    """The other side will not take it."""
    UNKNOWN = "unknown"
    """It was being handed over when its sender died, or the connection broke: nobody knows. Counted as a contact, not sent again."""


SETTLED: Final = (
    MessageState.SENT.value,
    MessageState.HELD.value,
    MessageState.FAILED.value,
    MessageState.UNKNOWN.value,
)
"""States of a message that is not to go any more."""
SEND_STATES: Mapping[SendState, Text] = {
    SendState.ASKED: Text("待批准", "waits for approval"),
    SendState.APPROVED: Text("正在入队", "being queued"),
    SendState.QUEUED: Text("发送中", "going out"),
    SendState.DONE: Text("已完成", "done"),
    SendState.STOPPED: Text("已停止", "stopped"),
}
MESSAGE_STATES: Mapping[MessageState, Text] = {
    MessageState.QUEUED: Text("排队", "queued"),
    MessageState.PAUSED: Text("暂停中", "paused"),
    MessageState.HANDING: Text("正在交出", "being handed over"),
    MessageState.SENT: Text("已发出", "sent"),
    MessageState.HELD: Text("扣下", "held back"),
    MessageState.FAILED: Text("失败", "failed"),
    MessageState.UNKNOWN: Text("结果不明", "outcome unknown"),
}


@dataclass(frozen=True, slots=True)
class Way:
    """A way in which a send goes: a template, in the version that it had when the send was asked for, and its channel."""

    channel: str
    template: str
    version: int


@dataclass(frozen=True, slots=True)
class Tally:
    """How many messages of a send are in a state, for a reason; `many` None: too few to be told."""

    state: MessageState
    reason: str
    many: int | None


@dataclass(frozen=True, slots=True)
class Sending:
    """A send and how far it is. Times are microseconds UTC.

    Attributes
    ----------
    key
        Whoever asks twice under one key has asked once.
    experiment, assignment
        Whose treated arm it goes to.
    ways
        The best first: each person is written to by the first that reaches them.
    values
        What it says of variables that are given, the same for everybody.
    not_before, not_after
        When messages may go; what can't go until then is held back. None: at any time.
    again
        Whether a message is sent again of which nobody knows whether it went out: service only.
    persons, reach
        Who may be contacted by the assignment; who of these has an address that consent allows and is not held back. None: too few to be told.
    approval
        Number under which a second account decides, or has; None: none was needed.
    rounded
        Whether figures are in steps, as for accounts that see no persons.
    paused
        Whether nothing of it goes for now, since its campaign is paused.
    """

    number: int
    key: str
    experiment: str
    assignment: int
    ways: tuple[Way, ...]
    purpose: str
    unit: int | None
    values: Mapping[str, str]
    not_before: int | None
    not_after: int | None
    again: bool
    state: SendState
    persons: int | None
    reach: int | None
    made_by: str
    made_at: int
    queued_at: int | None
    ended_at: int | None
    ended_by: str | None
    why: str
    approval: int | None = None
    tallies: tuple[Tally, ...] = ()
    rounded: bool = False
    paused: bool = False

    @property
    def open(self) -> bool:
        """Whether something of it may still go."""
        return self.state not in (SendState.DONE, SendState.STOPPED)

    def many(self, state: str) -> int:
        """Return how many messages are in a state, as far as is told."""
        return sum(one.many or 0 for one in self.tallies if one.state == state)


class NoSuchSend(NotFound):
    """There is no send with this number that the account may see."""

    code = "no_such_send"
    text = Text("没有发送 {given}", "there is no send {given}")


class SendKeyTaken(ZeroDistanceError):
    """Something else was sent under this key."""

    code, status = "send_key_taken", 409
    text = Text(
        "发送标识 {key} 已用于另一次发送；换一个，或用原来的分组和模板再问",
        "the key {key} belongs to another send: take another one, or ask with the assignment and templates that it has",
    )


class NothingToSend(ZeroDistanceError):
    """Nobody would get the message."""

    code, status = "nothing_to_send", 409
    text = Text(
        "这个分组里没有人可以发：没有可用的地址、没有同意，或正在限制中",
        "nobody of this assignment can be written to: no address that consent allows, or limits hold everybody back",
    )


class SendEnded(ZeroDistanceError):
    """A send that is done or stopped can't be changed."""

    code, status = "send_ended", 409
    text = Text("发送 {given} 已结束（{state}）", "the send {given} has ended ({state})")
