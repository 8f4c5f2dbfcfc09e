"""Setting channels up, looking at them, trying one out."""

from __future__ import annotations

import base64
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from zerodistance.core.outreach import links
from zerodistance.core.outreach.channels import opening, spec, store
from zerodistance.core.outreach.channels.described import Email, Inbox, Sms
from zerodistance.core.outreach.contracts import CHANNELS, NAMESPACES, ChannelName, Handed, Outgoing, Purpose
from zerodistance.kernel import clock
from zerodistance.kernel.access import Permission, Who
from zerodistance.kernel.errors import Invalid, NotFound
from zerodistance.kernel.home import Home
from zerodistance.kernel.logs import log
from zerodistance.kernel.text import Text

_WEEK = 7 * clock.MICROS_PER_DAY


@dataclass(frozen=True, slots=True)
class Setup:
    """A channel as it is set up.

    Attributes
    ----------
    said
        Its description, TOML; empty: none.
    is_on
        Whether anything may be sent by it.
    problem
        Why the description can't be followed any more; None: it can.
    receipts_path
        Path to which a gateway posts receipts and replies, a secret; empty: it posts none.
    heard
        What was heard of messages in the last 7 days, see `receipts.HEARD` -> messages.
    """

    name: ChannelName
    said: str
    is_on: bool
    problem: Text | None
    receipts_path: str
    heard: dict[str, int]
    changed_by: str = ""
    changed_at: int | None = None


@dataclass(frozen=True, slots=True)
class Tried:
    """What became of a test message; nothing of the address."""

    outcome: str
    code: str
    detail: str


def channels(home: Home, who: Who) -> list[Setup]:
    """Return every channel; descriptions and secret paths only to whoever may manage outreach, exact counts only to whoever may see persons."""
    since = clock.micros() - _WEEK
    with home.state.read() as tx:
        rows, heard = store.channels(tx), store.heard_since(tx, since)
    full, counts = who.may(Permission.MANAGE_OUTREACH), who.may(Permission.SEE_PERSONS)
    found: list[Setup] = []
    for name in ChannelName:
        row = rows.get(name)
        said = row["said"] if row is not None else ""
        problem = None
        if row is not None:
            try:
                spec.read(name, said)
            except spec.DescriptionWrong as error:
                problem = Text(error.message("zh"), error.message("en"))
        found.append(
            Setup(
                name,
                said if full else "",
                bool(row["is_on"]) if row is not None else name is ChannelName.INBOX,
                problem,
                receipts_path(home, name) if full and name in (ChannelName.SMS, ChannelName.WEBHOOK) else "",
                {what: many for (channel, what), many in heard.items() if channel == name and counts},
                row["changed_by"] if row is not None else "",
                row["changed_at"] if row is not None else None,
            )
        )
    return found


def channel(home: Home, who: Who, name: str) -> Setup:
    """Return one channel.

    Raises
    ------
    NotFound
        There is none of this name.
    """
    found = next((one for one in channels(home, who) if one.name == name), None)
    if found is None:
        raise NotFound(what=Text("渠道", "channel"), given=name[:40])
    return found


def set_channel(home: Home, who: Who, name: str, said: str) -> Setup:
    """Describe a channel, and switch it on.

    Raises
    ------
    Forbidden
        The account may not manage outreach.
    DescriptionWrong
        A key is unknown or missing, or a value is not allowed.
    """
    who.need(Permission.MANAGE_OUTREACH)
    channel(home, who, name)
    text = said.replace("\r\n", "\n").strip() + "\n"
    spec.read(name, text)
    _keep(home, who, name, said=text, is_on=1)
    return channel(home, who, name)


def switch(home: Home, who: Who, name: str, *, on: bool) -> Setup:
    """Switch a channel on or off; what is queued for one that is off waits.

    Raises
    ------
    Forbidden
        The account may not manage outreach.
    NoChannel
        It was never described, and is not the inbox.
    """
    who.need(Permission.MANAGE_OUTREACH)
    there = channel(home, who, name)
    if not there.said and there.name is not ChannelName.INBOX:
        raise opening.NoChannel(channel=CHANNELS[there.name])
    _keep(home, who, name, said=there.said, is_on=int(on))
    return channel(home, who, name)


def _keep(home: Home, who: Who, name: str, *, said: str, is_on: int) -> None:
    with home.state.write() as tx:
        store.set_channel(tx, name, said=said, is_on=is_on, changed_by=who.name, changed_at=clock.micros())
    log("outreach").warning("channel_changed", channel=name, on=bool(is_on), who=who.name)


def remove(home: Home, who: Who, name: str) -> None:
    """Take the description of a channel away; nothing is sent by it any more.

    Raises
    ------
    Forbidden
        The account may not manage outreach.
    NoChannel
        There was none.
    """
    who.need(Permission.MANAGE_OUTREACH)
    there = channel(home, who, name)
    with home.state.write() as tx:
        if not store.drop_channel(tx, name):
            raise opening.NoChannel(channel=CHANNELS[there.name])
    log("outreach").warning("channel_removed", channel=name, who=who.name)


def check(home: Home, who: Who, name: str) -> Sequence[Text]:
    """Return what is wrong with a channel, without sending anything; empty: nothing.

    Raises
    ------
    Forbidden
        The account may not manage outreach.
    NoChannel
        It was not set up, or is switched off.
    """
    who.need(Permission.MANAGE_OUTREACH)
    channel(home, who, name)
    opened = opening.open_channel(home, name)
    try:
        found = list(opened.check())
    finally:
        opened.close()
    said = home.settings.public_url
    if not said:
        found.append(
            Text(
                "没有设置 public_url：消息里的链接和退订地址只在本机打得开",
                "the setting public_url is empty: links and withdrawals in messages can be opened on this machine only",
            )
        )
    elif name == ChannelName.EMAIL and not said.startswith("https://"):
        found.append(
            Text(
                "public_url 不是 https：邮箱服务商不会显示一键退订（RFC 8058）",
                "public_url is not https: mail providers show no one-click withdrawal (RFC 8058)",
            )
        )
    return found


def try_out(home: Home, who: Who, name: str, to: str) -> Tried:
    """Send a test message to an address of one's own; nothing of it is kept but that it was done.

    Parameters
    ----------
    to
        An e-mail address, a phone number; an identifier of the webhook's first namespace.

    Raises
    ------
    Forbidden
        The account may not manage outreach.
    Invalid
        The channel is the inbox, which only members have; or no address was given.
    NoChannel
        It was not set up, or is switched off.
    """
    who.need(Permission.MANAGE_OUTREACH)
    there = channel(home, who, name)
    said = opening.description(home, name)
    if isinstance(said, Inbox):
        why = Text("站内信不用试发", "the inbox is here: there is nothing to try")
        raise Invalid(field=Text("渠道", "the channel"), given=name, why=why)
    if not to.strip() or len(to) > 254:
        raise Invalid(
            field=Text("试发到", "send to"), given=to[:40], why=Text("写一个地址", "write an address")
        )
    opened = opening.open_channel(home, name)
    try:
        (handed,) = opened.hand([_test_message(home, who, there.name, to.strip())])
    finally:
        opened.close()
    log("outreach").info("channel_tried", channel=name, outcome=str(handed.outcome), who=who.name)
    return _tried(handed)


def _tried(handed: Handed) -> Tried:
    return Tried(str(handed.outcome), handed.code, handed.detail)


def _test_message(home: Home, who: Who, name: ChannelName, to: str) -> Outgoing:
    message_id, zh = secrets.token_hex(links.ID_BYTES), who.lang == "zh"
    subject = "零距离的测试消息" if zh else "A test message of Zero Distance"
    text = (
        "如果您读到这一条，这个渠道就通了。" if zh else "If you can read this, the channel works."
    ) + f" {clock.now().astimezone(home.settings.tz):%Y-%m-%d %H:%M}"
    return Outgoing(
        message_id=message_id,
        channel=name,
        address=to,
        lang=who.lang,
        subject=subject,
        text=text,
        html=None,
        opt_out_url=None,
        return_token=links.return_token(home, message_id),
        purpose=Purpose.SERVICE,
        namespace=opening.namespaces(home, name)[0],
    )


def sender_name(home: Home, name: str) -> Text | None:
    """Return as whom a channel writes; None: it does not say."""
    try:
        said = opening.description(home, name)
    except opening.NoChannel:
        return None
    if isinstance(said, Email):
        return said.name
    return Text(said.sender, said.sender) if isinstance(said, Sms) and said.sender else None


# -- where gateways post to


def receipts_path(home: Home, name: str) -> str:
    """Return the path to which a gateway posts what it has heard: it holds a secret, since few of them can sign what they say."""
    return f"/r/{name}/{_secret(home, name)}"


def is_receipts_path(home: Home, name: str, secret: str) -> bool:
    """Say whether a secret of a path is the one of a channel."""
    return name in NAMESPACES and hmac.compare_digest(secret.encode(), _secret(home, name).encode())


def _secret(home: Home, name: str) -> str:
    return base64.urlsafe_b64encode(home.seal.token("outreach.receipts", name)).decode().rstrip("=")
