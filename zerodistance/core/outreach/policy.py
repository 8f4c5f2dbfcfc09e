"""The brand's limits as data: caps, quiet hours, cool-down, open cases, minors. Pure; a version of it is in force at a time."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from typing import Any
from zoneinfo import available_timezones

from zerodistance.core.outreach.contracts import CHANNELS, PURPOSES, ChannelName, Purpose
from zerodistance.kernel.errors import Invalid
from zerodistance.kernel.text import Text

EACH = "*"
"""As the unit of a cap: each unit has this budget for itself, within those of all together."""
PERIODS: Mapping[int, Text] = {1: Text("天", "day"), 7: Text("周", "week"), 30: Text("月", "month")}
"""Days that a cap counts, that of the message included."""
_MINUTES = 24 * 60
_COUNTRY = re.compile(r"[A-Z]{2}")
_MOST = 100  # own value: caps, and quiet hours


@dataclass(frozen=True, slots=True)
class Cap:
    """How many messages somebody gets at most, of whatever app they come from.

    Attributes
    ----------
    most
        Messages within `days` calendar days of the brand's zone, that of the message included.
    purpose, channel
        Which messages count; empty: of every purpose but service, by every channel.
    unit
        Empty: of whatever unit; `*`: of each unit for itself; else the key of a unit.
    """

    most: int
    days: int
    purpose: str = ""
    channel: str = ""
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Quiet:
    """Hours in which nothing is sent, in the zone in which somebody lives; messages wait for their end.

    Attributes
    ----------
    country
        ISO 3166 code; empty: where no other says so.
    begins, ends
        Minutes after midnight; the end may lie before the beginning: it is that of the next day.
    purposes, channels
        To which they apply.
    weekend
        Whether they last all Saturday and Sunday.
    """

    begins: int
    ends: int
    country: str = ""
    purposes: tuple[str, ...] = (Purpose.MARKETING, Purpose.RESEARCH)
    channels: tuple[str, ...] = (ChannelName.EMAIL, ChannelName.SMS, ChannelName.WEBHOOK)
    weekend: bool = False


# Own values but where a source is named: few enough that nobody feels pressed, and enough that a campaign and a reminder fit into a week.
CAPS = (
    Cap(1, 1),
    Cap(3, 7),
    Cap(8, 30),
    Cap(1, 7, channel=ChannelName.SMS),
    Cap(2, 7, unit=EACH),
    Cap(1, 30, purpose=Purpose.RESEARCH),
    Cap(10, 1, purpose=Purpose.SERVICE),  # a programme that goes round in circles is stopped
)
QUIET = (
    Quiet(21 * 60, 9 * 60),
    Quiet(
        21 * 60, 8 * 60, country="US"
    ),  # 47 CFR 64.1200(c)(1): before 8 a.m. or after 9 p.m. at the called party's location
)


@dataclass(frozen=True, slots=True)
class Policy:
    """The limits of a brand.

    Attributes
    ----------
    cool_down_days
        Days after a complaint in which its person hears of nothing but service.
    open_case
        Whether somebody who waits for service is sold nothing until it came (mend before you sell).
    case_days
        Days after which a call that nothing followed counts as open no more.
    minor_age
        Who is not surely that old by their year of birth is sold nothing; 0: everybody is.
    new_days
        Days for which an address has to be known before it is sold anything.
    soft_bounces
        So many messages that came back within 30 days, none delivered between them, let an address rest for 30 days.
    caps, quiet
        See there.
    sender_zh, sender_en, contact_zh, contact_en
        Who sends, as every message says it, and an address that answers reach; nothing is sent before somebody says so.
    """

    sender_zh: str = ""
    sender_en: str = ""
    contact_zh: str = ""
    contact_en: str = ""

    caps: tuple[Cap, ...] = CAPS
    quiet: tuple[Quiet, ...] = QUIET
    cool_down_days: int = 90
    open_case: bool = True
    case_days: int = 14
    minor_age: int = 18
    new_days: int = 0
    soft_bounces: int = 3
    zones: Mapping[str, str] = field(default_factory=lambda: {"CN": "Asia/Shanghai"})  # by law all of it
    """Country -> the one zone of it that counts, where the home of somebody says another."""

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return asdict(self)


def of_dict(said: Mapping[str, Any]) -> Policy:
    """Return a policy from what JSON says; what is not said is as it ships.

    Raises
    ------
    Invalid
        Names what is wrong with it.
    """
    unknown = set(said) - set(Policy.__slots__)
    if unknown:
        raise _invalid(", ".join(sorted(unknown)), None, "没有这个限制", "there is no such limit")
    made = dict(said)
    for name, kind in (("caps", Cap), ("quiet", Quiet)):
        if name in said:
            given = said[name]
            if not isinstance(given, list | tuple) or len(given) > _MOST:
                raise _invalid(name, None, f"一个列表，至多 {_MOST} 项", f"a list of at most {_MOST}")
            made[name] = tuple(_one(kind, one, name) for one in given)
    zones = said.get("zones", {})
    if not isinstance(zones, Mapping) or not all(isinstance(one, str) for one in zones.values()):
        raise _invalid("zones", None, "国家代码到时区的对照", "country codes and their zones")
    found = replace(Policy(), **made)
    check(found)
    return found


def _one(kind: type[Cap] | type[Quiet], said: Any, name: str) -> Any:
    if not isinstance(said, Mapping) or set(said) - set(kind.__slots__):
        there = ", ".join(kind.__slots__)
        raise _invalid(name, said, f"每一项可写：{there}", f"each of them says {there}")
    values: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in said.items()
    }
    try:
        return kind(**values)
    except TypeError:
        raise _invalid(name, said, "缺少必填的一项", "something that it must say is missing") from None


def check(policy: Policy) -> None:
    """Say nothing of a policy that can be; raises Invalid."""
    for cap in policy.caps:
        _whole("caps.most", cap.most, 0, 1_000)
        _among("caps.days", cap.days, [*PERIODS])
        _among("caps.purpose", cap.purpose, ["", *PURPOSES])
        _among("caps.channel", cap.channel, ["", *CHANNELS])
        if not isinstance(cap.unit, str):
            raise _invalid("caps.unit", cap.unit, "小微的键，或 *", "the key of a unit, or *")
    for one in policy.quiet:
        _whole("quiet.begins", one.begins, 0, _MINUTES)
        _whole("quiet.ends", one.ends, 0, _MINUTES)
        if one.country and not _COUNTRY.fullmatch(str(one.country)):
            raise _invalid(
                "quiet.country", one.country, "ISO 3166 代码，如 CN", "an ISO 3166 code such as CN"
            )
        if not all(isinstance(some, tuple) for some in (one.purposes, one.channels)):
            raise _invalid("quiet", None, "purposes、channels 是列表", "purposes and channels are lists")
        for purpose in one.purposes:
            _among("quiet.purposes", purpose, [*PURPOSES])
        for channel in one.channels:
            _among("quiet.channels", channel, [*CHANNELS])
        if one.weekend not in (True, False):
            raise _invalid("quiet.weekend", one.weekend, "是或否", "true or false")
    for name, most in (("cool_down_days", 3_650), ("case_days", 365), ("minor_age", 30), ("new_days", 365)):
        _whole(name, getattr(policy, name), 0, most)
    _whole("soft_bounces", policy.soft_bounces, 1, 100)
    if policy.open_case not in (True, False):
        raise _invalid("open_case", policy.open_case, "是或否", "true or false")
    for name in ("sender_zh", "sender_en", "contact_zh", "contact_en"):
        given, most = getattr(policy, name), 40 if name.startswith("sender") else 200
        if not isinstance(given, str) or len(given) > most or "\n" in given:
            raise _invalid(name, given, f"一行，至多 {most} 个字", f"one line of at most {most} characters")
    for country, zone in policy.zones.items():
        if zone not in zones_known():
            raise _invalid(
                f"zones.{country}", zone, "IANA 时区，如 Asia/Shanghai", "an IANA zone such as Asia/Shanghai"
            )


@cache
def zones_known() -> frozenset[str]:
    """Return the names of all time zones."""
    return frozenset(available_timezones())


def _whole(name: str, given: object, least: int, most: int) -> None:
    if isinstance(given, bool) or not isinstance(given, int) or not least <= given <= most:
        raise _invalid(name, given, f"{least} 至 {most} 的整数", f"a whole number from {least} to {most}")


def _among(name: str, given: object, allowed: Sequence[object]) -> None:
    if isinstance(given, bool) or given not in allowed:
        there = ", ".join(str(one) or "''" for one in allowed)
        raise _invalid(name, given, f"可用：{there}", f"allowed are {there}")


def _invalid(name: str, given: object, zh: str, en: str) -> Invalid:
    return Invalid(field=name, given=given, why=Text(zh, en))


def counts_for(cap: Cap, purpose: str, channel: str, unit: str) -> bool:
    """Say whether a message is one that a cap counts.

    Examples
    --------
    >>> [counts_for(Cap(1, 7), one, "email", "") for one in ("marketing", "service")]
    [True, False]
    """
    if cap.purpose != purpose and (cap.purpose or purpose == Purpose.SERVICE):
        return False
    return cap.channel in ("", channel) and cap.unit in ("", EACH, unit)


def clock_of(minutes: int) -> str:
    """Return minutes after midnight as a clock shows them.

    Examples
    --------
    >>> clock_of(21 * 60)
    '21:00'
    """
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def minutes_of(text: str) -> int:
    """Return the minutes after midnight that a clock shows; raises Invalid.

    Examples
    --------
    >>> minutes_of("8:30")
    510
    """
    hours, _, rest = text.strip().partition(":")
    if not (hours.isdigit() and (rest or "0").isdigit() and int(hours) <= 24 and int(rest or 0) < 60):
        raise _invalid("time", text, "写成 21:00", "write it as 21:00")
    found = int(hours) * 60 + int(rest or 0)
    if found > _MINUTES:
        raise _invalid("time", text, "不晚于 24:00", "not after 24:00")
    return found


def in_words(cap: Cap) -> Text:
    """Return a cap in words."""
    of = PURPOSES[Purpose(cap.purpose)] if cap.purpose else Text("服务以外", "all but service")
    by = CHANNELS[ChannelName(cap.channel)] if cap.channel else Text("各渠道合计", "all channels together")
    per = PERIODS[cap.days]
    unit = Text("", "")
    if cap.unit == EACH:
        unit = Text("，每个小微各自", ", of each unit")
    elif cap.unit:
        unit = Text(f"，小微 {cap.unit}", f", of unit {cap.unit}")
    return Text(
        f"{of.zh} · {by.zh}{unit.zh}：每{per.zh}最多 {cap.most} 条",
        f"{of.en}, {by.en}{unit.en}: at most {cap.most} a {per.en}",
    )
