"""How numbers, times and durations are written on pages, in Chinese and in English."""

from __future__ import annotations

import datetime as dates
from datetime import datetime, time, tzinfo

from zerodistance.kernel import clock

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
DAYS_EN = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
DAYS_ZH = ("周一", "周二", "周三", "周四", "周五", "周六", "周日")


class Formats:
    """Writes values in one language and one time zone.

    Examples
    --------
    >>> from datetime import UTC
    >>> en = Formats("en", UTC)
    >>> en.number(1284306), en.percent(0.7140), en.short(123_000), en.span(11_160)
    ('1,284,306', '71.4%', '123 k', '3 h 06 min')
    >>> en.span(86_400), en.span(90_000), en.span(7_200)
    ('1 d', '1 d 1 h', '2 h')
    >>> Formats("zh", UTC).short(123_000)
    '12.3万'
    """

    def __init__(self, lang: str, zone: tzinfo) -> None:
        self.lang = lang
        self.zone = zone

    def number(self, value: float | None) -> str:
        """Return a whole number with thousands marks, a dash for none."""
        return "–" if value is None else f"{value:,.0f}"

    def amount(self, value: float | None) -> str:
        """Return an amount or quantity with at most two decimals."""
        if value is None:
            return "–"
        return f"{value:,.2f}".rstrip("0").rstrip(".")

    def percent(self, share: float | None, digits: int = 1) -> str:
        """Return a share of 0 to 1 as percent, a dash for none."""
        return "–" if share is None else f"{share * 100:.{digits}f}%"

    def short(self, value: float) -> str:
        """Return a number for an axis: 12.3万, 123 k."""
        steps = ((1e8, "亿"), (1e4, "万")) if self.lang == "zh" else ((1e6, " M"), (1e3, " k"))
        for size, word in steps:
            if abs(value) >= size:
                return f"{value / size:.1f}".removesuffix(".0") + word
        return f"{value:,.0f}" if abs(value) >= 10 else f"{value:g}"

    def local(self, at: int) -> datetime:
        """Return microseconds UTC as a local datetime."""
        return clock.from_micros(at).astimezone(self.zone)

    def clock(self, at: int | None, seconds: bool = False) -> str:
        """Return the time of day."""
        if at is None:
            return "–"
        return f"{self.local(at):%H:%M:%S}" if seconds else f"{self.local(at):%H:%M}"

    def date(self, at: int | None) -> str:
        """Return a date, the year only when it is another one."""
        if at is None:
            return "–"
        day = self.local(at)
        same = day.year == self.local(clock.micros()).year
        if self.lang == "zh":
            return f"{day:%m-%d}" if same else f"{day:%Y-%m-%d}"
        return f"{day.day} {MONTHS[day.month - 1]}" + ("" if same else f" {day.year}")

    def day(self, day: dates.date | None) -> str:
        """Return a day that is known as such, the year only when it is another one."""
        if day is None:
            return "–"
        return self.date(clock.to_micros(datetime.combine(day, time(12), self.zone)))

    def when(self, at: int | None) -> str:
        """Return date and time: 11-21 14:32, 21 Nov 14:32."""
        return "–" if at is None else f"{self.date(at)} {self.clock(at)}"

    def recent(self, at: int | None) -> str:
        """Return the time if it is today, else the date."""
        if at is None:
            return "–"
        today = self.local(at).date() == self.local(clock.micros()).date()
        return self.clock(at) if today else self.date(at)

    def long_day(self, at: int) -> str:
        """Return a day with its weekday."""
        day = self.local(at)
        if self.lang == "zh":
            return f"{day.month}月{day.day}日，{DAYS_ZH[day.weekday()]}"
        month = f"{day:%B}"
        return f"{DAYS_EN[day.weekday()]} {day.day} {month}"

    def span(self, seconds: float | None) -> str:
        """Return a duration in its two largest units; the smaller one is left out when it is nought."""
        if seconds is None:
            return "–"
        whole = int(seconds)
        zh = self.lang == "zh"
        if whole < 60:
            return f"{whole}秒" if zh else f"{whole} s"
        if whole < 3_600:
            return f"{whole // 60}分" if zh else f"{whole // 60} min"
        if whole < 86_400:
            hours, minutes = divmod(whole // 60, 60)
            small = (f"{minutes:02d}分" if zh else f" {minutes:02d} min") if minutes else ""
            return (f"{hours}小时" if zh else f"{hours} h") + small
        days, hours = divmod(whole // 3_600, 24)
        small = (f"{hours}小时" if zh else f" {hours} h") if hours else ""
        return (f"{days}天" if zh else f"{days} d") + small

    def bytes(self, size: int) -> str:
        """Return a size in the largest fitting unit."""
        value = float(size)
        for unit in ("B", "KB", "MB", "GB"):
            if value < 1024 or unit == "GB":
                return f"{value:.0f} {unit}" if unit in ("B", "KB") else f"{value:.1f} {unit}"
            value /= 1024
        raise AssertionError
