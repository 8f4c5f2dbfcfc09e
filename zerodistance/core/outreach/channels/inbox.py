"""The channel inbox: messages stay here, sealed, until the brand's own app asks for them, see `letters`."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from zerodistance.core.outreach.channels import store
from zerodistance.core.outreach.channels.described import Inbox
from zerodistance.core.outreach.contracts import ChannelName, Handed, Outcome, Outgoing
from zerodistance.core.outreach.sends import store as sends
from zerodistance.kernel import clock
from zerodistance.kernel.errors import ZeroDistanceError
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text


class InboxChannel:
    """The channel inbox: putting a message in twice is putting it in once."""

    name: str = ChannelName.INBOX

    def __init__(self, home: Home, spec: Inbox) -> None:
        self._home, self._spec = home, spec
        self.rate = spec.rate

    def hand(self, batch: Sequence[Outgoing]) -> Sequence[Handed]:
        """Put messages in; one answer each, in their order. Whoever was forgotten since they were claimed gets none: it would be a trace of them."""
        now = clock.micros()
        ends = now + self._spec.days * clock.MICROS_PER_DAY
        rows = [
            {
                "message": one.message_id,
                "subject": int(one.address),
                "purpose": str(one.purpose),
                "campaign": one.campaign,
                "sealed": self._home.seal.seal(
                    msgspec.json.encode({"title": one.subject, "text": one.text}), where(one.message_id)
                ),
                "put_at": now,
                "ends_at": ends,
            }
            for one in batch
        ]
        try:
            with self._home.state.write() as tx:
                there = sends.known(tx, [one.message_id for one in batch])
                store.put_in_inbox(tx, [row for row in rows if row["message"] in there])
        except ZeroDistanceError as error:  # the state is away; what was half done is done again
            return [Handed(one.message_id, Outcome.LATER, "", error.code) for one in batch]
        return [Handed(one.message_id, Outcome.ACCEPTED) for one in batch]

    def check(self) -> Sequence[Text]:
        """Return nothing: the inbox is here."""
        return []

    def close(self) -> None:
        """Do nothing."""


def where(message: str) -> bytes:
    """Return where a sealed message belongs."""
    return b"outreach-inbox/" + message.encode()
