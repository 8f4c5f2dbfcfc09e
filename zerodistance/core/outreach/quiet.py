"""Quiet hours: when a message may go, in the zone in which somebody lives. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from zerodistance.core.outreach.policy import Policy, Quiet
from zerodistance.core.outreach.zones import Where
from zerodistance.kernel import clock

_SATURDAY = 5
_TURNS = 64  # own value: ends of quiet hours that are tried; one that is quiet all week long is never over


def rules_for(policy: Policy, purpose: str, channel: str, country: str) -> tuple[Quiet, ...]:
    """Return the quiet hours that hold for a message in a country: its own, else those of all others."""
    mine = [one for one in policy.quiet if purpose in one.purposes and channel in one.channels]
    own = tuple(one for one in mine if one.country == country)
    return own or tuple(one for one in mine if not one.country)


def end_of(one: Quiet, at: datetime) -> datetime | None:
    """Return when quiet hours end that hold at a local time; None: they do not hold."""
    minutes, midnight = (
        at.hour * 60 + at.minute,
        at.replace(hour=0, minute=0, second=0, microsecond=0, fold=0),
    )
    if one.weekend and at.weekday() >= _SATURDAY:
        return midnight + timedelta(days=7 - at.weekday())
    late = one.begins > one.ends
    if late and minutes >= one.begins:
        return midnight + timedelta(days=1, minutes=one.ends)
    if (late and minutes < one.ends) or one.begins <= minutes < one.ends:
        return midnight + timedelta(minutes=one.ends)
    return None


def due(policy: Policy, purpose: str, channel: str, where: Where, now: int) -> int | None:
    """Return the earliest moment from now on, microseconds UTC, that is quiet in none of the zones; None: there is none within months."""
    rules = rules_for(policy, purpose, channel, where.country)
    if not rules:
        return now
    return _due(rules, where.zones, now)


@lru_cache(4_096)
def _due(rules: tuple[Quiet, ...], zones: tuple[str, ...], now: int) -> int | None:
    found = now
    for _ in range(_TURNS):
        ends = [end for zone in zones for end in _ends(rules, ZoneInfo(zone), found)]
        if not ends:
            return found
        found = max(ends)
    return None


def _ends(rules: Sequence[Quiet], zone: ZoneInfo, at: int) -> list[int]:
    local = clock.from_micros(at).astimezone(zone)
    found = []
    for one in rules:
        end = end_of(one, local)
        if end is not None:
            then = clock.to_micros(end.astimezone(UTC))
            # An hour that is told twice ends with its second telling; one that is left out, when the clock goes on.
            found.append(then if then > at else clock.to_micros(end.replace(fold=1).astimezone(UTC)))
    return [max(one, at + 60_000_000) for one in found]
