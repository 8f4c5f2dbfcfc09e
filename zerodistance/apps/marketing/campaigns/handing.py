"""What campaigns ask of outreach: to take a send, and how its messages stand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from pyroaring import BitMap

from zerodistance.core.measurement.contracts import Assignment
from zerodistance.core.outreach import catalogue, limits, quiet
from zerodistance.core.outreach.channels import opening
from zerodistance.core.outreach.contracts import NothingToSend, Purpose, SendEnded
from zerodistance.core.outreach.sends import sending
from zerodistance.core.outreach.zones import Where
from zerodistance.kernel.access import Who
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text

_SYSTEM = Who.system("marketing")


def channels(home: Home, templates: Sequence[str]) -> tuple[str, ...]:
    """Return the channels of some templates."""
    return tuple(dict.fromkeys(catalogue.show(home, _SYSTEM, key).channel for key in templates))


def awake(home: Home, templates: Sequence[str], at: int) -> int | None:
    """Return when it is quiet for none of the channels of some templates in the brand's own country and zone, from a moment on; None: never."""
    with home.state.read() as tx:
        _, policy = limits.in_force(tx)
    here = Where(home.settings.country, (home.settings.zone,))
    found = at
    for channel in channels(home, templates):
        then = quiet.due(policy, Purpose.MARKETING, channel, here, found)
        if then is None:
            return None
        found = then
    return found


def send(
    home: Home,
    who: Who,
    assignment: Assignment,
    templates: Sequence[str],
    *,
    only: BitMap,
    unit: int | None,
    not_before: int | None,
    not_after: int | None,
    send_key: str,
    approval: str | None,
) -> int | None:
    """Have outreach send to those of an assignment who go on; return the number of the send, None where nobody can be written to.

    Templates of channels that are not set up are passed over, as long as one is. The same key is taken once.
    """
    there = opening.names(home)
    ways = [key for key in templates if catalogue.show(home, _SYSTEM, key).channel in there]
    try:
        made = sending.send(
            home, who, assignment, ways or templates, purpose=Purpose.MARKETING, unit=unit, not_before=not_before,
            not_after=not_after, send_key=send_key, only=only, approval=approval,
        )  # fmt: skip
    except NothingToSend:
        return None
    return made.number


def queued(home: Home, sends: Sequence[int]) -> Mapping[str, int]:
    """Return channel -> messages of some sends that may go, or went."""
    return sending.by_channel(home, sends)


def waiting(home: Home, sends: Sequence[int]) -> int:
    """Return how many messages of some sends are still to be put into the queue."""
    return sending.not_queued(home, sends)


def states(home: Home, send: int) -> Mapping[str, int]:
    """Return state -> messages of a send."""
    found = Counter[str]()
    for one in sending.get(home, _SYSTEM, send).tallies:
        found[one.state.value] += one.many or 0
    return found


def stop(home: Home, sends: Sequence[int], why: Text) -> int:
    """Stop what still goes of some sends; return how many were stopped."""
    stopped = 0
    for number in sends:
        try:
            sending.stop(home, _SYSTEM, number, why.zh)
            stopped += 1
        except SendEnded:
            continue
    return stopped
