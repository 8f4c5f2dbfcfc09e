"""What the queue clears up by the way: messages that were claimed and not handed over, sends of which nothing is to go any more."""

from __future__ import annotations

from collections.abc import Sequence

from zerodistance.core.outreach import limits
from zerodistance.core.outreach.contracts import MessageState, SendState
from zerodistance.core.outreach.sends import store
from zerodistance.kernel import clock
from zerodistance.kernel.home import Home


def give_back(home: Home, idle: Sequence[int]) -> int:
    """Queue again what senders have claimed without knowing it: the state store went away as it answered, so nothing was handed over. Return how many messages.

    Parameters
    ----------
    idle
        Senders of which nothing is under way.
    """
    with home.state.read() as tx:
        if not idle or not store.left_by(tx, idle):
            return 0
    with home.state.write() as tx:
        mine = [row["id"] for row in store.left_by(tx, idle)]
        limits.unbook(tx, mine)
        return store.turn_handing(tx, mine, MessageState.QUEUED)


def finish(home: Home) -> int:
    """End the sends of which nothing is to go any more; return how many."""
    with home.state.read() as tx:
        running = store.sends(tx, states=[SendState.QUEUED])
        over = [send["number"] for send in running if not store.open_ones(tx, send["number"])]
    for number in over:
        with home.state.write() as tx:
            if not store.open_ones(tx, number):
                store.turn(
                    tx, number, of=[SendState.QUEUED], state=SendState.DONE.value, ended_at=clock.micros()
                )
    return len(over)
