"""A campaign as a form of a page: what its fields show, and the JSON form that was filled in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from starlette.datastructures import FormData

from zerodistance.apps.marketing.campaigns.contracts import MOST_STEPS, Said, Stop, Wait
from zerodistance.kernel.text import Text

CHOICES = 3
"""Templates of one message that the form has fields for: the best, and two more for whom it can't reach."""
ROWS = 2
"""Messages that an empty form has fields for."""
WEEKDAYS = tuple(
    Text(zh, en)
    for zh, en in zip("一二三四五六日", ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"), strict=True)
)
_PLAIN = (
    "zh", "en", "key", "unit", "kind", "segment", "territory", "present", "communities", "cells", "goal", "category", "window",
    "value", "share", "detect", "first", "last", "blackouts", "messages", "money", "points",
)  # fmt: skip
_FIELDS = {
    "name.zh": "zh", "name.en": "en", "kind": "kind", "audience.segment": "segment", "audience.territory": "territory",
    "audience.communities": "communities", "audience.cells": "cells", "goal": "goal", "goal.kind": "goal",
    "goal.category": "category", "goal.window_days": "window", "share_held": "share", "detect": "detect",
    "calendar.first": "first", "calendar.last": "last", "calendar.weekdays": "weekdays", "budget.messages": "messages",
    "calendar.blackouts": "blackouts", "budget.money": "money", "points_goal": "points", "steps": "steps",
}  # fmt: skip

_PERCENT = {
    "share": Text("要是 1 到 90 的百分数", "has to be a percentage from 1 to 90"),
    "detect": Text("要是 0.1 到 10,000 的百分数", "has to be a percentage from 0.1 to 10,000"),
}
_EMPTY = {
    "zh": Text("给活动起个名，一种语言就够", "give the campaign a name; one language is enough"),
    "segment": Text("选一个人群", "choose a segment"),
}
_STEP = re.compile(r"steps\[(?P<n>\d+)\]")
_OF_STEP = {"until_hour": "hour", "wait": "days", "variants": "variants", "message": "template"}
"""Part of the path of a step -> the field of its row, the first that fits."""


@dataclass(frozen=True)
class Row:
    """A message and the wait before it, as typed; `variants` holds one country a line, `HK: template, template`."""

    days: str = ""
    hour: str = ""
    templates: tuple[str, ...] = ("",) * CHOICES
    variants: str = ""

    @property
    def empty(self) -> bool:
        """Whether nothing was filled in; with a wait and no message it is unfinished, and not empty."""
        return not (any(self.templates) or self.days or self.hour or self.variants)


@dataclass(frozen=True)
class Fields:
    """What the fields hold, as typed: `plain` by name, and those of which there are several."""

    plain: Mapping[str, str]
    stops: tuple[str, ...]
    weekdays: tuple[str, ...]
    prices: Mapping[str, str]
    rows: tuple[Row, ...]
    play: str = ""

    def __getattr__(self, name: str) -> str:
        try:
            return self.plain[name]
        except KeyError:
            raise AttributeError(name) from None


def empty(template: str = "", **given: str) -> Fields:
    """Return the fields of a new campaign, whose first message is a template that was chosen elsewhere."""
    plain = {
        **dict.fromkeys(_PLAIN, ""),
        "kind": "once",
        "present": "yes",
        "goal": "order.line",
        "window": "28",
        "value": "touches",
    }
    stops = (Stop.GOAL.value, Stop.REFUSED.value, Stop.SERVICE.value)
    first = Row(templates=(template, *("",) * (CHOICES - 1)))
    return Fields({**plain, **given}, stops, tuple("1234567"), {}, (first, *(Row(),) * (ROWS - 1)))


def shown(said: Said, key: str) -> Fields:
    """Return the fields of a campaign that is there."""
    a, g, c, b = said.audience, said.goal, said.calendar, said.budget

    def text(value: object) -> str:
        return "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)

    plain = {
        "zh": said.name.zh, "en": said.name.en, "key": key, "unit": "", "kind": said.kind, "segment": a.segment,
        "territory": text(a.territory), "present": "yes" if a.present else "", "communities": "\n".join(a.communities),
        "cells": "\n".join(a.cells), "goal": g.kind, "category": text(g.category), "window": str(g.window_days),
        "value": str(g.value), "share": "" if said.share_held is None else f"{100 * said.share_held:g}",
        "detect": "" if said.detect is None else f"{100 * said.detect:g}", "first": text(c.first), "last": text(c.last),
        "blackouts": "\n".join(f"{one.country} {one.first} {one.last}" for one in c.blackouts),
        "messages": text(b.messages), "money": text(b.money), "points": str(said.points_goal or ""),
    }  # fmt: skip
    prices = {channel: f"{price:g}" for channel, price in said.prices}
    weekdays = tuple(str(day) for day in c.weekdays)
    return Fields(plain, tuple(stop.value for stop in said.stops), weekdays, prices, _rows(said), said.play)


def _rows(said: Said) -> tuple[Row, ...]:
    """Return a row for each message; waits one after the other are shown as one, as far as one can say them."""
    rows, days, hour = list[Row](), 0, None
    for step in said.steps:
        if isinstance(step, Wait):
            days, hour = days + step.days, step.until_hour
            continue
        lines = "\n".join(f"{country}: {', '.join(some)}" for country, some in step.variants)
        templates = (*step.templates, *("",) * CHOICES)[: max(CHOICES, len(step.templates))]
        rows.append(Row(str(days or ""), "" if hour is None else str(hour), templates, lines))
        days, hour = 0, None
    return tuple(rows)


def more(given: Fields) -> Fields:
    """Return the same fields with one message more."""
    return replace(given, rows=(*given.rows, Row())[:MOST_STEPS])


def typed(form: FormData) -> Fields:
    """Return what was filled in."""
    one = {key: value.strip() for key, value in form.items() if isinstance(value, str)}
    plain = {name: one.get(name, "") for name in _PLAIN}
    several = [str(value) for value in form.getlist("community") if isinstance(value, str) and value]
    plain["communities"] = "\n".join(filter(None, [plain["communities"], *several]))
    rows = tuple(
        Row(
            one.get(f"days-{n}", ""),
            one.get(f"hour-{n}", ""),
            tuple(one.get(f"template-{n}-{k}", "") for k in range(MOST_STEPS) if f"template-{n}-{k}" in one),
            one.get(f"variants-{n}", ""),
        )
        for n in range(MOST_STEPS)
        if f"template-{n}-0" in one
    )
    prices = {name.removeprefix("price-"): value for name, value in one.items() if name.startswith("price-")}
    return Fields(
        plain,
        tuple(str(value) for value in form.getlist("stops") if value in tuple(Stop)),
        tuple(str(value) for value in form.getlist("weekdays")),
        prices,
        rows,
        one.get("play", ""),
    )


def said_of(given: Fields) -> dict[str, Any]:
    """Return the JSON form; `campaigns.read` says what is wrong with it, and `field_of` where that stands."""
    zh, en = given.zh or given.en, given.en or given.zh
    steps: list[dict[str, Any]] = []
    for row in given.rows:
        if row.empty:
            continue
        if row.days or row.hour:
            steps.append({"wait": {"days": _number(row.days) or 0, "until_hour": _number(row.hour)}})
        steps.append(
            {
                "message": {
                    "templates": [key for key in row.templates if key],
                    "variants": _variants(row.variants),
                }
            }
        )
    return {
        "name": {"zh": zh, "en": en},
        "kind": given.kind,
        "audience": {
            "segment": given.segment,
            "territory": given.territory or None,
            "communities": given.communities.split(),
            "cells": given.cells.split(),
            "present": given.kind != "standing" or given.present == "yes",
        },
        "goal": {
            "kind": given.goal,
            "category": given.category or None,
            "window_days": _number(given.window),
            "value": given.value,
        },
        "steps": steps,
        "stops": list(given.stops),
        "share_held": _share(given.share),
        "detect": _share(given.detect),
        "calendar": {
            "first": given.first or None,
            "last": given.last or None,
            "weekdays": [int(day) for day in given.weekdays if day.isdecimal()],
            "blackouts": [_blackout(line) for line in given.blackouts.splitlines() if line.strip()],
        },
        "budget": {"messages": _number(given.messages), "money": _float(given.money)},
        "prices": {channel: _float(price) for channel, price in given.prices.items() if price},
        "points_goal": _number(given.points) or 0,
        "play": given.play,
    }


def why_of(field: str, given: Fields, why: Text) -> Text:
    """Return what is wrong with a field as somebody who filled it in thinks of it: what is empty is to be filled in, shares are percentages."""
    if field in _PERCENT:
        return _PERCENT[field]
    if field in _EMPTY and not given.plain[field]:
        return _EMPTY[field]
    return why


def _rows_of(given: Fields) -> list[int]:
    """Return for each step of the JSON form the row that it was typed in."""
    rows = [(n, row) for n, row in enumerate(given.rows) if not row.empty]
    return [n for n, row in rows for _ in range(1 + bool(row.days or row.hour))]


def _number(text: str) -> Any:
    """Return a whole number, None for nothing; what is none stays as typed, and is refused where it is read."""
    plain = text.replace(",", "").replace(" ", "")
    return None if not plain else int(plain) if plain.isdecimal() and len(plain) < 13 else text


def _float(text: str) -> Any:
    if not text:
        return None
    try:
        return float(text.replace(",", ""))
    except ValueError:
        return text


def _share(text: str) -> Any:
    found = _float(text.removesuffix("%"))
    return found / 100 if isinstance(found, float) else found


def _variants(text: str) -> dict[str, list[str]]:
    found = {}
    for line in filter(str.strip, text.splitlines()):
        country, _, some = line.partition(":")
        found[country.strip().upper()] = [key.strip() for key in some.split(",") if key.strip()]
    return found


def _blackout(line: str) -> dict[str, str]:
    parts = [*line.split(), "", ""]
    if len(line.split()) == 2:
        return {"country": "*", "first": parts[0], "last": parts[1]}
    return {"country": parts[0].upper(), "first": parts[1], "last": parts[2]}


def field_of(at: str, given: Fields) -> str:
    """Return the field in which what stands at a path of the JSON form was typed; empty: none of its own."""
    if at.startswith("prices."):
        return f"price-{at.removeprefix('prices.')}"
    if step := _STEP.match(at):
        row = _rows_of(given)[int(step["n"])]
        return next((f"{field}-{row}" for part, field in _OF_STEP.items() if part in at), "steps")
    return _FIELDS.get(at) or next(
        (field for path, field in _FIELDS.items() if at.startswith(f"{path}[")), ""
    )
