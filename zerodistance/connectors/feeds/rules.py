"""Pure rules of feeds: how long, which files, when again."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase

_SPAN = re.compile(r"(\d{1,6}(?:\.\d{1,3})?) ?(s|sec|second|m|min|minute|h|hour|d|day)s?")
_UNITS = {"s": 1, "sec": 1, "second": 1, "m": 60, "min": 60, "minute": 60}
_UNITS |= {"h": 3_600, "hour": 3_600, "d": 86_400, "day": 86_400}
_UNFINISHED = (".part", ".partial", ".filepart", ".tmp", ".temp", ".crdownload", ".download", ".swp", "~")
FIRST_PAUSE, LONGEST_PAUSE = 30.0, 3_600.0  # own values, seconds: after the first failure, and at most


def seconds(text: str) -> float | None:
    """Return the seconds of a span such as `15m`, `90 s`, `36 h` or `1 day`, None if it is none.

    Examples
    --------
    >>> seconds("15m"), seconds("1.5 h"), seconds("soon")
    (900.0, 5400.0, None)
    """
    found = _SPAN.fullmatch(text.strip().lower())
    return None if found is None else float(found[1]) * _UNITS[found[2]]


def pause_after(failures: int, every: float) -> float:
    """Return the seconds until a feed is tried again that has failed so many times in a row.

    Half a minute, then twice as long each time, up to an hour, or to its own pause where that is longer.

    Examples
    --------
    >>> [pause_after(n, 900) for n in (1, 2, 3, 20)]
    [30.0, 60.0, 120.0, 3600.0]
    """
    return min(FIRST_PAUSE * 2.0 ** min(failures - 1, 16), max(LONGEST_PAUSE, every))


def is_finished_name(name: str) -> bool:
    """Say whether the name of a file is that of a whole one: not hidden, and not one that programs give while they write.

    Examples
    --------
    >>> [is_finished_name(n) for n in ("a.csv", ".a.csv", "a.csv.part", "a.csv~")]
    [True, False, False, False]
    """
    return not name.startswith(".") and not name.lower().endswith(_UNFINISHED)


def matches(path: str, pattern: str) -> bool:
    """Say whether a path, with `/` between its parts, is one that a glob means; `**` stands for folders of any depth.

    Examples
    --------
    >>> matches("2026/11/a.csv", "**/*.csv"), matches("2026/a.csv", "*.csv"), matches("a.csv", "**/*.csv")
    (True, False, True)
    """
    return _matches(path.split("/"), pattern.split("/"))


def _matches(parts: list[str], globs: list[str]) -> bool:
    if not globs:
        return not parts
    if globs[0] == "**":
        return any(_matches(parts[i:], globs[1:]) for i in range(len(parts) + 1))
    return bool(parts) and fnmatchcase(parts[0], globs[0]) and _matches(parts[1:], globs[1:])
