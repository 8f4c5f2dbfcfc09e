"""Campaigns as JSON, and when their steps are due: pure functions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any, NoReturn

from zerodistance.apps.marketing.campaigns.contracts import (
    ANYWHERE,
    CHANNELS,
    MOST_STEPS,
    Audience,
    Blackout,
    Budget,
    Calendar,
    Message,
    Said,
    Step,
    Stop,
    Wait,
    WrongCampaign,
)
from zerodistance.core.measurement.contracts import Goal, Value
from zerodistance.kernel import clock
from zerodistance.kernel.text import Text

_MOST_PLACES = 500  # own value: communities, or cells, of one audience
_MOST_TEMPLATES = 4  # own value: of one message, a channel each
_MOST_DAYS = 366  # own value: of a wait and of a window
_COUNTRY = re.compile(r"[A-Z]{2}|\*")
_LOOK_AHEAD = 800  # days in which a day is looked for on which something may be sent

# -- as JSON, and as the tables of a play


def read(given: Any) -> Said:
    """Read a campaign from its JSON form, which is also that of a play; raises WrongCampaign with the path of what is wrong.

    Examples
    --------
    >>> read({"name": {"zh": "焕新", "en": "Renewal"}, "audience": {"segment": "old"}, "steps": []})
    Traceback (most recent call last):
    ...
    zerodistance.apps.marketing.campaigns.contracts.WrongCampaign: the campaign at goal: is missing
    """
    top = _Table(given, "")
    said = Said(
        name=_name(top.table("name")),
        kind=top.one_of("kind", ("once", "standing"), "once"),
        audience=_audience(top.table("audience")),
        goal=_goal(top.table("goal")),
        steps=_steps(top),
        stops=tuple(Stop(one) for one in top.some_of("stops", tuple(Stop), ("goal", "refused", "service"))),
        share_held=top.number("share_held", 0.01, 0.9),
        detect=top.number("detect", 0.001, 100),
        stratify=top.texts("stratify", 3),
        score=top.text("score", 64) if top.has("score") else None,
        calendar=_calendar(top.table("calendar", {})),
        budget=_budget(top.table("budget", {})),
        prices=_prices(top.table("prices", {})),
        points_goal=top.whole("points_goal", 0, 1_000_000, 0),
        play=top.text("play", 64, ""),
    )
    top.nothing_else()
    return said


def write(said: Said) -> dict[str, Any]:
    """Return the JSON form; `read` gives the same campaign again."""
    c = said.calendar
    return {
        "name": {"zh": said.name.zh, "en": said.name.en},
        "kind": said.kind,
        "audience": asdict(said.audience),
        "goal": asdict(said.goal),
        "steps": [_step_json(step) for step in said.steps],
        "stops": [stop.value for stop in said.stops],
        "share_held": said.share_held,
        "detect": said.detect,
        "stratify": list(said.stratify),
        "score": said.score,
        "calendar": {
            "first": c.first and c.first.isoformat(),
            "last": c.last and c.last.isoformat(),
            "weekdays": list(c.weekdays),
            "blackouts": [
                {"country": b.country, "first": b.first.isoformat(), "last": b.last.isoformat()}
                for b in c.blackouts
            ],
        },
        "budget": asdict(said.budget),
        "prices": dict(said.prices),
        "points_goal": said.points_goal,
        "play": said.play,
    }


def _step_json(step: Step) -> dict[str, Any]:
    if isinstance(step, Wait):
        return {"wait": asdict(step)}
    variants = {country: list(some) for country, some in step.variants}
    return {"message": {"templates": list(step.templates), "variants": variants}}


class _Table:
    """A table of the JSON form, read field by field; what is left over at the end is a mistake."""

    def __init__(self, given: Any, at: str) -> None:
        if not isinstance(given, Mapping):
            _wrong(at or "{}", Text("要是一个表（对象）", "has to be a table (an object)"))
        self._given, self._at, self._read = given, at, set[str]()

    def keys(self) -> list[str]:
        return sorted(self._given)

    def path(self, key: str) -> str:
        return f"{self._at}.{key}" if self._at else key

    def has(self, key: str) -> bool:
        self._read.add(key)
        return self._given.get(key) is not None

    def raw(self, key: str) -> Any:
        if not self.has(key):
            _wrong(self.path(key), Text("没有写", "is missing"))
        return self._given[key]

    def table(self, key: str, default: Mapping[str, Any] | None = None) -> _Table:
        if default is not None and not self.has(key):
            return _Table(default, self.path(key))
        return _Table(self.raw(key), self.path(key))

    def several(self, key: str) -> list[Any]:
        given = self._given.get(key) if self.has(key) else []
        if not isinstance(given, list | tuple):
            _wrong(self.path(key), Text("要是一个列表", "has to be a list"))
        return list(given)

    def tables(self, key: str) -> list[_Table]:
        return [_Table(one, f"{self.path(key)}[{n}]") for n, one in enumerate(self.several(key))]

    def text(self, key: str, most: int, default: str | None = None) -> str:
        if default is not None and not self.has(key):
            return default
        given = self.raw(key)
        if default is not None and given == default:
            return default
        if not isinstance(given, str) or not 0 < len(given.strip()) <= most:
            _wrong(
                self.path(key), Text(f"要是 1 到 {most} 个字", f"has to be a text of 1 to {most} characters")
            )
        return given.strip()

    def texts(self, key: str, most: int, each: int = 64) -> tuple[str, ...]:
        given = self.several(key)
        if len(given) > most or not all(isinstance(one, str) and 0 < len(one) <= each for one in given):
            why = Text(
                f"最多 {most} 项，每项 1 到 {each} 个字",
                f"has at most {most} texts of 1 to {each} characters",
            )
            _wrong(self.path(key), why)
        return tuple(dict.fromkeys(given))

    def one_of(self, key: str, allowed: Sequence[str], default: str) -> str:
        given = self.raw(key) if self.has(key) else default
        if given not in allowed:
            _wrong(self.path(key), _allowed(allowed))
        return str(given)

    def some_of(self, key: str, allowed: Sequence[str], default: Sequence[str]) -> tuple[str, ...]:
        given = self.several(key) if self.has(key) else list(default)
        if not all(isinstance(one, str) and one in tuple(allowed) for one in given):
            _wrong(self.path(key), _allowed(allowed))
        return tuple(one for one in allowed if one in given)

    def yes(self, key: str, default: bool) -> bool:
        given = self.raw(key) if self.has(key) else default
        if not isinstance(given, bool):
            _wrong(self.path(key), _allowed(("true", "false")))
        return given

    def whole(self, key: str, least: int, most: int, default: int) -> int:
        found = self.maybe(key, least, most)
        return default if found is None else found

    def maybe(self, key: str, least: int, most: int) -> int | None:
        if not self.has(key):
            return None
        given = self._given[key]
        if isinstance(given, bool) or not isinstance(given, int) or not least <= given <= most:
            why = Text(f"要是 {least} 到 {most} 的整数", f"has to be a whole number from {least} to {most}")
            _wrong(self.path(key), why)
        return given

    def number(self, key: str, least: float, most: float) -> float | None:
        if not self.has(key):
            return None
        given = self._given[key]
        if isinstance(given, bool) or not isinstance(given, int | float) or not least <= given <= most:
            span = f"{least:,.15g}", f"{most:,.15g}"
            why = Text("要是 {} 到 {} 的数".format(*span), "has to be a number from {} to {}".format(*span))
            _wrong(self.path(key), why)
        return float(given)

    def day(self, key: str) -> date:
        given = self.raw(key)
        if isinstance(given, date):
            return given
        try:
            return date.fromisoformat(given)
        except (TypeError, ValueError):
            _wrong(self.path(key), Text("要写成 2027-01-31", "has to be written like 2027-01-31"))

    def nothing_else(self) -> None:
        if more := sorted(set(self._given) - self._read):
            _wrong(self.path(more[0]), _allowed(sorted(self._read)))


def _wrong(at: str, why: Text) -> NoReturn:
    raise WrongCampaign(at=at, why=why)


def _allowed(words: Iterable[str]) -> Text:
    some = ", ".join(words)
    return Text(f"可以是 {some}", f"may be {some}")


def _name(table: _Table) -> Text:
    found = Text(table.text("zh", 80), table.text("en", 80))
    table.nothing_else()
    return found


def _audience(table: _Table) -> Audience:
    found = Audience(
        segment=table.text("segment", 64),
        territory=table.text("territory", 64) if table.has("territory") else None,
        communities=table.texts("communities", _MOST_PLACES),
        cells=table.texts("cells", _MOST_PLACES),
        present=table.yes("present", True),
    )
    table.nothing_else()
    return found


def _goal(table: _Table) -> Goal:
    found = Goal(
        kind=table.text("kind", 64),
        category=table.text("category", 64) if table.has("category") else None,
        product=table.text("product", 64) if table.has("product") else None,
        place=table.text("place", 64) if table.has("place") else None,
        window_days=table.whole("window_days", 1, _MOST_DAYS, 28),
        value=Value(table.one_of("value", tuple(Value), Value.TOUCHES)),
    )
    table.nothing_else()
    return found


def _steps(top: _Table) -> tuple[Step, ...]:
    tables = top.tables("steps")
    steps = tuple(_step(table) for table in tables)
    if len(steps) > MOST_STEPS:
        _wrong(top.path("steps"), Text(f"最多 {MOST_STEPS} 步", f"has at most {MOST_STEPS} steps"))
    if not any(isinstance(step, Message) for step in steps):
        _wrong(top.path("steps"), Text("至少要有一条消息", "needs at least one message"))
    return steps


def _step(table: _Table) -> Step:
    found: Step
    if table.has("wait"):
        inside = table.table("wait")
        found = Wait(inside.whole("days", 0, _MOST_DAYS, 0), inside.maybe("until_hour", 0, 23))
        if found == Wait():
            _wrong(table.path("wait"), Text("写几天，或等到几点", "needs days, or an hour to wait for"))
    else:
        inside = table.table("message")
        given = inside.table("variants", {})
        countries = given.keys()
        for country in countries:
            _must_be_country(country, given.path(country), anywhere=False)
        variants = tuple((country, _templates(given, country)) for country in countries)
        found = Message(_templates(inside, "templates"), variants)
    inside.nothing_else()
    table.nothing_else()
    return found


def _templates(table: _Table, key: str) -> tuple[str, ...]:
    found = table.texts(key, _MOST_TEMPLATES)
    if not found:
        _wrong(table.path(key), Text("至少要一个模板", "needs at least one template"))
    return found


def _must_be_country(given: str, at: str, *, anywhere: bool) -> None:
    if not _COUNTRY.fullmatch(given) or (given == ANYWHERE and not anywhere):
        _wrong(at, Text("国家写两个大写字母，如 CN", "a country is two capital letters, like CN"))


def _calendar(table: _Table) -> Calendar:
    first = table.day("first") if table.has("first") else None
    last = table.day("last") if table.has("last") else None
    if first and last and last < first:
        _wrong(table.path("last"), Text("早于第一天", "is before the first day"))
    weekdays = table.several("weekdays") if table.has("weekdays") else list(range(1, 8))
    fine = all(isinstance(one, int) and not isinstance(one, bool) and 1 <= one <= 7 for one in weekdays)
    if not fine or not weekdays:
        _wrong(table.path("weekdays"), Text("1（周一）到 7，至少一天", "are 1 (Monday) to 7, at least one"))
    blackouts = []
    for each in table.tables("blackouts"):
        country = each.text("country", 2, ANYWHERE)
        _must_be_country(country, each.path("country"), anywhere=True)
        found = Blackout(country, each.day("first"), each.day("last"))
        if found.last < found.first:
            _wrong(each.path("last"), Text("早于第一天", "is before the first day"))
        each.nothing_else()
        blackouts.append(found)
    table.nothing_else()
    return Calendar(first, last, tuple(sorted(set(weekdays))), tuple(blackouts))


def _budget(table: _Table) -> Budget:
    found = Budget(table.maybe("messages", 1, 10**9), table.number("money", 0, 10**12))
    table.nothing_else()
    return found


def _prices(table: _Table) -> tuple[tuple[str, float], ...]:
    found = tuple((c, price) for c in CHANNELS if (price := table.number(c, 0, 10**6)) is not None)
    table.nothing_else()
    return found


# -- in time; moments are microseconds UTC


def arrive(steps: Sequence[Step], place: int, at: int, zone: tzinfo) -> tuple[int, int]:
    """Return for which message those wait who arrive at a step at a moment, and when it is due: waits on the way are over then.

    The first value is the number of steps for whoever has no message before them any more.

    Examples
    --------
    >>> from datetime import UTC
    >>> arrive([Wait(days=1), Message(("t",))], 0, 0, UTC) == (1, 86_400_000_000)
    True
    """
    while place < len(steps) and isinstance(step := steps[place], Wait):
        at = _after(step, at, zone)
        place += 1
    return place, at


def _after(wait: Wait, at: int, zone: tzinfo) -> int:
    local = clock.from_micros(at).astimezone(zone)
    if wait.days:
        local = _local(local.date() + timedelta(days=wait.days), local.time(), zone).astimezone(zone)
    if wait.until_hour is not None:
        hour = _local(local.date(), time(wait.until_hour), zone)
        local = (
            hour if hour >= local else _local(local.date() + timedelta(days=1), time(wait.until_hour), zone)
        )
    return max(at, clock.to_micros(local))


def allowed(calendar: Calendar, at: int, country: str, zone: tzinfo) -> int | None:
    """Return the first moment from `at` on at which somebody of a country may be written to; None: the calendar has no such day any more.

    Examples
    --------
    >>> monday = Calendar(weekdays=(1,))
    >>> allowed(monday, 0, "CN", UTC) == 4 * 86_400_000_000  # 1970-01-01 was a Thursday
    True
    """
    local = clock.from_micros(at).astimezone(zone)
    day = max(local.date(), calendar.first) if calendar.first else local.date()
    for _ in range(_LOOK_AHEAD):
        if calendar.last is not None and day > calendar.last:
            return None
        if day.isoweekday() in calendar.weekdays and not _is_black(calendar, day, country):
            return at if day == local.date() else clock.to_micros(_local(day, time(), zone))
        day += timedelta(days=1)
    return None


def _is_black(calendar: Calendar, day: date, country: str) -> bool:
    return any(
        black.first <= day <= black.last and black.country in (country, ANYWHERE)
        for black in calendar.blackouts
    )


def over_at(calendar: Calendar, zone: tzinfo) -> int | None:
    """Return the moment at which the last day of a calendar is over; None: it has none."""
    if calendar.last is None:
        return None
    return clock.to_micros(_local(calendar.last + timedelta(days=1), time(), zone))


def begins_at(calendar: Calendar, zone: tzinfo) -> int:
    """Return the moment at which the first day of a calendar begins, 0 where it has none."""
    return 0 if calendar.first is None else clock.to_micros(_local(calendar.first, time(), zone))


def _local(day: date, hour: time, zone: tzinfo) -> datetime:
    """Return a moment of a local day in UTC; one that the clock leaves out is the moment after it."""
    return datetime.combine(day, hour, zone).astimezone(UTC)


# -- what it costs


def exceeded(said: Said, queued: Mapping[str, int], more: int, channels: Sequence[str]) -> Text | None:
    """Say which budget would not last for so many more messages; None: it lasts.

    Parameters
    ----------
    queued
        Channel -> messages queued so far.
    channels
        Over which the further ones may go; the dearest counts, so that a budget never breaks.
    """
    budget, prices = said.budget, dict(said.prices)
    used = sum(queued.values())
    if budget.messages is not None and used + more > budget.messages:
        return Text(
            f"预算 {budget.messages:,} 条，已用 {used:,} 条，下一步还要 {more:,} 条",
            f"the budget is {budget.messages:,} messages, {used:,} are used, and the next step takes {more:,}",
        )
    spent = spending(said, queued)
    dear = more * max((prices.get(channel, 0.0) for channel in channels), default=0.0)
    if budget.money is not None and spent + dear > budget.money:
        return Text(
            f"预算 {budget.money:,.2f}，已花 {spent:,.2f}，下一步最多还要 {dear:,.2f}",
            f"the budget is {budget.money:,.2f}, {spent:,.2f} is spent, and the next step takes up to {dear:,.2f}",
        )
    return None


def spending(said: Said, queued: Mapping[str, int]) -> float:
    """Return what so many messages of each channel cost, in the home's currency."""
    prices = dict(said.prices)
    return sum(many * prices.get(channel, 0.0) for channel, many in queued.items())
