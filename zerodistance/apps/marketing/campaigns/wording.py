"""Campaigns in words, for people: what one is, its steps, its plan, its figures as a table."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from zerodistance.apps.marketing.campaigns.contracts import STOPS, Message, Said, Step
from zerodistance.core.brand import api as brand
from zerodistance.core.measurement import printing
from zerodistance.core.measurement.contracts import Goal, Plan, Value
from zerodistance.core.outreach import catalogue
from zerodistance.core.segments import api as segments
from zerodistance.kernel.access import Who
from zerodistance.kernel.errors import ZeroDistanceError
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text

if TYPE_CHECKING:
    from zerodistance.apps.marketing.campaigns.audience import Size
    from zerodistance.apps.marketing.campaigns.contracts import Statistics

_DAYS = Text("一二三四五六日", "Mon Tue Wed Thu Fri Sat Sun")


def lines(home: Home, who: Who, said: Said) -> tuple[Text, ...]:
    """Return what a campaign is, a line each: audience, goal, steps, what stops, share held, calendar, budget."""
    return (
        _audience(home, who, said),
        goal(home, said.goal),
        *steps(home, who, said),
        _stops(said),
        _held(said),
        *_calendar(said),
        *_budget(home, said),
    )


def _audience(home: Home, who: Who, said: Said) -> Text:
    audience = said.audience
    name = _segment(home, who, audience.segment)
    parts = [name]
    if audience.territory is not None:
        unit = _named(home, who, audience.territory)
        parts.append(Text(f"{unit.zh}的辖区", f"territory of {unit.en}"))
    if audience.communities:
        n = len(audience.communities)
        parts.append(Text(f"{n} 个小区", f"{n} communities" if n > 1 else "1 community"))
    if audience.cells:
        parts.append(Text(f"{len(audience.cells)} 个格子", f"{len(audience.cells)} cells of the map"))
    kind = (
        Text("长期，有人进入就开始", "standing: begins for everybody who enters")
        if said.standing
        else Text("一次", "once")
    )
    if said.standing and not audience.present:
        kind = Text("长期，只给以后进入的人", "standing: for those who enter from now on")
    shown = Text(" · ".join(one.zh for one in parts), " · ".join(one.en for one in parts))
    return Text(f"人群：{shown.zh}（{kind.zh}）", f"Audience: {shown.en} ({kind.en})")


def _segment(home: Home, who: Who, key: str) -> Text:
    try:
        return segments.segment(home, who, key).name
    except ZeroDistanceError:
        return Text(key, key)


def _named(home: Home, who: Who, unit: str) -> Text:
    return next((one.name for one in brand.units(home, who) if one.key == unit), Text(unit, unit))


def goal(home: Home, found: Goal) -> Text:
    """Return a goal in words."""
    kind = printing.kind(found.kind)
    about = [Text("", "")]
    try:
        if found.category is not None:
            about.append(brand.category(home, found.category).name)
        if found.product is not None:
            about.append(brand.product(home, found.product).name)
        if found.place is not None:
            about.append(brand.place(home, found.place).name)
    except ZeroDistanceError:
        about.append(Text("已不在品牌资料里的编码", "a code that the brand no longer has"))
    zh = "，".join(one.zh for one in about[1:])
    en = ", ".join(one.en for one in about[1:])
    money = Text("，按金额", ", by amount") if found.value == Value.AMOUNT else Text("", "")
    return Text(
        f"目标：分组后 {found.window_days} 天内{kind.zh}{'（' + zh + '）' if zh else ''}{money.zh}",
        f"Goal: {kind.en[:1].lower()}{kind.en[1:]}{' (' + en + ')' if en else ''} within {found.window_days} days{money.en}",
    )


def steps(home: Home, who: Who, said: Said) -> tuple[Text, ...]:
    """Return each step in words, in order."""
    names = {one.key: one.name for one in catalogue.listed(home, who)}
    return tuple(step(one, names) for one in said.steps)


def step(one: Step, names: dict[str, Text]) -> Text:
    """Return a step in words; `names` are those of message templates."""
    if isinstance(one, Message):
        some = [names.get(key, Text(key, key)) for key in one.templates]
        more = Text("", "")
        if one.variants:
            countries = ", ".join(country for country, _ in one.variants)
            more = Text(f"；另有 {countries} 版", f"; others for {countries}")
        zh, en = "；收不到就发：".join(t.zh for t in some), ", else ".join(t.en for t in some)
        return Text(f"发送：{zh}{more.zh}", f"Send: {en}{more.en}")
    hour = one.until_hour
    if not one.days:
        return Text(f"等到 {hour}:00", f"Wait until {hour}:00")
    days = Text(f"等 {one.days} 天", f"Wait {one.days} days" if one.days > 1 else "Wait a day")
    return days if hour is None else Text(f"{days.zh}，到 {hour}:00", f"{days.en}, until {hour}:00")


def _stops(said: Said) -> Text:
    if not said.stops:
        return Text("没有什么会提前停", "Nothing stops it early")
    some = [STOPS[stop] for stop in said.stops]
    return Text(
        f"遇到就停：{'、'.join(s.zh for s in some)}", f"Stops for whoever {', '.join(s.en for s in some)}"
    )


def _held(said: Said) -> Text:
    if said.share_held is None:
        if said.detect is not None:
            return Text(
                f"对照组：由功效计算定，要能看出 {100 * said.detect:g}% 的提升",
                f"Holdout: by power, so that a lift of {100 * said.detect:g}% is seen",
            )
        return Text("对照组：十分之一", "Holdout: a tenth")
    return Text(f"对照组：{100 * said.share_held:g}%", f"Holdout: {100 * said.share_held:g}%")


def _calendar(said: Said) -> tuple[Text, ...]:
    found, c = [], said.calendar
    if c.first or c.last:
        span = f"{c.first or '…'} – {c.last or '…'}"
        found.append(Text(f"日期：{span}", f"Days: {span}"))
    if len(c.weekdays) < 7:
        zh, en = _DAYS.zh, _DAYS.en.split()
        found.append(
            Text(
                f"只在周{'、'.join(zh[d - 1] for d in c.weekdays)}",
                f"Only on {', '.join(en[d - 1] for d in c.weekdays)}",
            )
        )
    for b in c.blackouts:
        where = Text("所有国家", "everywhere") if b.country == "*" else Text(b.country, f"in {b.country}")
        found.append(
            Text(f"{b.first} – {b.last} 不发（{where.zh}）", f"Nothing from {b.first} to {b.last} {where.en}")
        )
    return tuple(found)


def _budget(home: Home, said: Said) -> tuple[Text, ...]:
    found, b = [], said.budget
    if b.messages is not None:
        found.append(Text(f"预算：{b.messages:,} 条", f"Budget: {b.messages:,} messages"))
    if b.money is not None:
        money = f"{b.money:,.2f} {home.settings.currency}"
        found.append(Text(f"预算：{money}", f"Budget: {money}"))
    return tuple(found)


def planned(size: Size, plan: Plan | None) -> tuple[Text, ...]:
    """Return in words how many a campaign is for, and what it could find of them."""
    if size.persons is None:
        return (Text("人数太少，不显示", "Too few persons to be said"),)
    about = Text("约 ", "about ") if size.released else Text("", "")
    first = Text(f"{about.zh}{size.persons:,} 人", f"{about.en}{size.persons:,} persons")
    if plan is None:
        return (first,)
    held = Text(
        f"对照组 {100 * plan.share_held:.3g}%，不联系时有 {100 * plan.base_rate:.3g}% 的人会做到",
        f"{100 * plan.share_held:.3g}% held out; without contact {100 * plan.base_rate:.3g}% do it",
    )
    if plan.detectable is None:
        return (
            first,
            held,
            Text(
                "人太少，或目标太少发生：什么提升都看不出来",
                "Too few persons, or too rare a goal, to show any lift",
            ),
        )
    return (
        first,
        held,
        Text(
            f"能看出的最小提升：{100 * plan.detectable:,.0f}%",
            f"Smallest lift that it finds: {100 * plan.detectable:,.0f}%",
        ),
    )


def csv_of(found: Statistics) -> str:
    """Return the figures of a campaign as CSV: part, name, value, low, high."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("part", "name", "value", "low", "high"))
    writer.writerows((one.part, one.name, one.value, one.low, one.high) for one in found.figures)
    return out.getvalue()
