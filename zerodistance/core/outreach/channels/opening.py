"""Which channels there are, and opening one; the inbox needs no description."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sqlalchemy import Connection

from zerodistance.core.outreach.channels import spec, store
from zerodistance.core.outreach.channels.described import Description, Email, Inbox, Sms, Webhook
from zerodistance.core.outreach.contracts import CHANNELS, NAMESPACES, Channel, ChannelName
from zerodistance.kernel.errors import ZeroDistanceError
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text

_others: dict[str, Callable[[Home], Channel]] = {}


class NoChannel(ZeroDistanceError):
    """A channel was not set up, or is switched off."""

    code, status = "no_channel", 409
    text = Text(
        "渠道“{channel}”没有设置或已关闭；在 /outreach/channels 设置，或用 `zerodistance outreach channels set`",
        "the channel {channel} is not set up, or switched off; see /outreach/channels, or `zerodistance outreach channels set`",
    )


def description(home: Home, name: str) -> Description:
    """Return what is said of a channel that is on.

    Raises
    ------
    NoChannel
        It was not set up, or is switched off.
    """
    with home.state.read() as tx:
        found = _said(tx, name)
    if found is None:
        raise NoChannel(channel=CHANNELS[ChannelName(name)])
    return spec.read(name, found)


def _said(tx: Connection, name: str) -> str | None:
    row = store.channels(tx).get(name)
    if row is None:
        return "" if name == ChannelName.INBOX else None
    return row["said"] if row["is_on"] else None


def names(home: Home) -> tuple[ChannelName, ...]:
    """Return the channels by which something may be sent."""
    with home.state.read() as tx:
        return tuple(name for name in ChannelName if name in _others or _said(tx, name) is not None)


def namespaces(home: Home, name: str) -> tuple[str, ...]:
    """Return whose identifiers a channel writes to, the first the best."""
    usual = NAMESPACES[ChannelName(name)]
    try:
        found = description(home, name)
    except NoChannel:
        return usual
    return found.namespaces if isinstance(found, Webhook | Inbox) else usual


def spaces(home: Home) -> Mapping[str, tuple[str, ...]]:
    """Return channel -> whose identifiers it writes to, of every channel."""
    return {str(name): namespaces(home, name) for name in ChannelName}


def traces(home: Home, name: str) -> bool:
    """Say whether links of a channel lead by way of the door, so that clicks are heard."""
    return name in _others or description(home, name).traced


def open_channel(home: Home, name: str) -> Channel:
    """Open a channel, for one thread of a sender.

    Raises
    ------
    NoChannel
        It was not set up, or is switched off.
    """
    other = _others.get(name)
    if other is not None:
        return other(home)
    return opened(home, description(home, name))


def opened(home: Home, said: Description) -> Channel:
    """Open what a description says."""
    if isinstance(said, Email):
        from zerodistance.core.outreach.channels.smtp import Smtp

        return Smtp(said)
    if isinstance(said, Sms):
        from zerodistance.core.outreach.channels.sms_http import SmsHttp

        return SmsHttp(said, home.settings.country)
    if isinstance(said, Webhook):
        from zerodistance.core.outreach.channels.webhook import WebhookChannel

        return WebhookChannel(said)
    from zerodistance.core.outreach.channels.inbox import InboxChannel

    return InboxChannel(home, said)


def take(name: ChannelName, maker: Callable[[Home], Channel] | None) -> None:
    """Let something else stand for a channel: a connector of the brand's own, or a test's; None: no longer."""
    if maker is None:
        _others.pop(name, None)
    else:
        _others[name] = maker
