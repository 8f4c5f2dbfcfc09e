"""Figures of experiments in words, for the command line and the pages."""

from __future__ import annotations

from zerodistance.core.measurement.contracts import Goal
from zerodistance.core.measurement.estimates import Interval
from zerodistance.core.touchpoints.kinds import KINDS
from zerodistance.kernel.text import Text


def share(given: Interval | None, digits: int = 1) -> str:
    """Return a relative figure with its interval.

    Examples
    --------
    >>> share(Interval(0.19, 0.101, 0.288)), share(Interval(None, -0.2, None)), share(None)
    ('+19.0 % (+10.1 to +28.8)', '– (-20.0 to …)', '–')
    """
    if given is None:
        return "–"
    value = "–" if given.value is None else f"{100 * given.value:+.{digits}f} %"
    high = "…" if given.high is None else f"{100 * given.high:+.{digits}f}"
    return f"{value} ({100 * given.low:+.{digits}f} to {high})"


def goal(given: Goal) -> Text:
    """Return a goal in words.

    Examples
    --------
    >>> goal(Goal("order.line", 28, category="washer")).en
    'Order line, washer, within 28 days'
    """
    known = KINDS.get(given.kind)
    kind = Text(given.kind, given.kind) if known is None else known.text
    narrowed = [one for one in (given.category, given.product, given.place) if one]
    zh = "，".join([kind.zh, *narrowed, f"{given.window_days} 天内"])
    return Text(zh, ", ".join([kind.en, *narrowed, f"within {given.window_days} days"]))
