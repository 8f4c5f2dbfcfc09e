"""Within which days a message may go: it waits for the next ones rather than go on a day that the calendar leaves out. Pure."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta, tzinfo

from zerodistance.apps.marketing.campaigns.contracts import Calendar
from zerodistance.apps.marketing.campaigns.rules import allowed
from zerodistance.kernel import clock

_LOOK_AHEAD = 800  # days in which an end of open days is looked for
_TURNS = (
    32  # own value: runs of open days that are looked at for one that is not over before the quiet hours are
)


def until(calendar: Calendar, at: int, country: str, zone: tzinfo) -> int | None:
    """Return the midnight at which the open days that a moment lies in are over, microseconds UTC; None: there is none within two years.

    Examples
    --------
    >>> until(Calendar(weekdays=(4, 5)), 0, "CN", UTC) == 2 * 86_400_000_000  # 1970-01-01 was a Thursday
    True
    >>> until(Calendar(), 0, "CN", UTC) is None
    True
    """
    if len(calendar.weekdays) == 7 and not calendar.blackouts and calendar.last is None:
        return None
    day = clock.from_micros(at).astimezone(zone).date()
    for _ in range(_LOOK_AHEAD):
        day += timedelta(days=1)
        midnight = clock.to_micros(datetime.combine(day, time(), zone).astimezone(UTC))
        if allowed(calendar, midnight, country, zone) != midnight:
            return midnight
    return None


def slot(
    calendar: Calendar, at: int, country: str, zone: tzinfo, awake: Callable[[int], int | None]
) -> tuple[int, int | None] | None:
    """Return from when and until when a message may go that is decided on at a moment; until None: for ever; None: no day is left.

    Parameters
    ----------
    awake
        Says when quiet hours are over that hold at a moment, itself where none do; None: never.
    """
    found = None
    for _ in range(_TURNS):
        begins = allowed(calendar, at, country, zone)
        if begins is None:
            return None
        ends = until(calendar, begins, country, zone)
        found, morning = (begins, ends), awake(begins)
        if ends is None or morning is None or morning < ends:
            return found
        at = morning
    return found
