"""Messages that were handed over, put into a home without a sender."""

from __future__ import annotations

from sqlalchemy import update

from tests.core.outreach.outgoing import message_id
from zerodistance.core.outreach.sends import store as sends
from zerodistance.core.touchpoints import own
from zerodistance.core.touchpoints import store as touchpoints
from zerodistance.kernel.home import Home

AT = 1_790_000_000_000_000


def hand_over(
    home: Home,
    subject: int,
    number: int = 1,
    *,
    channel: str = "email",
    purpose: str = "marketing",
    state: str = "sent",
) -> str:
    """Let a message to an address have been handed over; return its id."""
    send = {
        "key": f"k{number}", "experiment": "filters", "assignment": 1, "ways": "[]", "purpose": purpose, "unit": None, "given": "{}",
        "not_before": None, "not_after": None, "again": 0, "state": "queued", "persons": 1, "reach": 1, "made_by": "test",
        "made_at": AT, "why": "",
    }  # fmt: skip
    mine = message_id(number)
    with home.state.write() as tx:
        of = sends.add_send(tx, send)
        sends.add(tx, [(mine, of, subject, 0, channel, 0, AT, "queued", "", 0)])
        m = sends.message
        tx.execute(update(m).where(m.c.id == mine).values(state=state, handed_at=AT + number))
    return mine


def said(home: Home) -> list[tuple[int, str, str, str]]:
    """Return what waits to become touches: subject, kind, message id, channel; in order of kinds and ids."""
    with home.state.read() as tx:
        packed = tx.execute(touchpoints.own_touch.select()).mappings().all()
    rows = [row for one in packed for row in own._unpacked(one["rows"]).to_pylist()]
    return sorted((row["subject"], row["kind"], row["message_id"], row["channel"]) for row in rows)


def states(home: Home) -> dict[str, tuple[str, str]]:
    """Return message -> its state, and why."""
    with home.state.read() as tx:
        return {
            row["id"]: (row["state"], row["reason"]) for row in tx.execute(sends.message.select()).mappings()
        }
