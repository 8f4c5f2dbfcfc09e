"""Disk: how large every store is, how fast it grows, and when the disk will be short."""

from __future__ import annotations

import os
import shutil
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from math import ceil
from pathlib import Path

from sqlalchemy import delete, insert, select

from zerodistance.doors.operations import store
from zerodistance.doors.operations.forecast import MOST_DAYS, Forecast, forecast, growths
from zerodistance.kernel import clock
from zerodistance.kernel.access import Permission, Who
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text

STORES: dict[str, Text] = {
    "journal": Text("日志箱", "journal"),
    "state": Text("状态库", "state"),
    "tail": Text("热尾", "hot tail"),
    "lake": Text("湖", "lake"),
    "index": Text("标签索引", "tag index"),
    "matcher": Text("匹配索引", "matcher's index"),
    "imports": Text("导入的文件", "imports"),
    "other": Text("其他", "other"),
}
"""What a home holds, by where it lies; every file of it belongs to exactly one."""
FREE = "free"
KEEP_DAYS = 60  # own value: how long sizes are kept
_FOLDERS = ("tail", "lake", "index", "matcher", "imports")
_FILES = {"journal.db": "journal", "state.db": "state"}


@dataclass(frozen=True, slots=True)
class Growth:
    """One store: bytes now, and bytes a day over the days that are known, None with less than two days."""

    store: str
    bytes: int
    per_day: float | None


@dataclass(frozen=True, slots=True)
class Disk:
    """The disk that holds a home.

    Attributes
    ----------
    free, total
        Bytes.
    least
        Free bytes below which collection answers 429.
    as_of
        When sizes were last looked at, microseconds UTC; None: never.
    """

    free: int
    total: int
    least: int
    stores: tuple[Growth, ...]
    forecast: Forecast
    as_of: int | None


def sizes(home: Home) -> dict[str, int]:
    """Return how many bytes each store holds now."""
    out = dict.fromkeys(STORES, 0)
    for entry in os.scandir(home.root):
        if entry.is_dir(follow_symlinks=False):
            name = entry.name if entry.name in _FOLDERS else "other"
            out[name] += folder_bytes(Path(entry.path))
        else:
            head = next((n for f, n in _FILES.items() if entry.name.startswith(f)), "other")
            with suppress(FileNotFoundError):
                out[head] += entry.stat(follow_symlinks=False).st_size
    return out


def folder_bytes(path: Path) -> int:
    """Return how many bytes the files below a folder hold; what is moved away meanwhile is not counted."""
    total, folders = 0, [path]
    while folders:
        with suppress(FileNotFoundError), os.scandir(folders.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    folders.append(Path(entry.path))
                else:
                    with suppress(FileNotFoundError):
                        total += entry.stat(follow_symlinks=False).st_size
    return total


def sample(home: Home) -> None:
    """Write down how large every store is; remove what is older than `KEEP_DAYS`."""
    now = clock.micros()
    found = {**sizes(home), FREE: shutil.disk_usage(home.root).free}
    t = store.store_size
    with home.state.write() as tx:
        tx.execute(delete(t).where(t.c.at < now - KEEP_DAYS * clock.MICROS_PER_DAY))
        tx.execute(insert(t), [{"at": now, "store": name, "bytes": size} for name, size in found.items()])


def disk(home: Home, who: Who) -> Disk:
    """Return the disk, its stores as they were last looked at, and when it will be short."""
    who.need(Permission.OPERATE)
    t = store.store_size
    since = clock.micros() - (MOST_DAYS + 2) * clock.MICROS_PER_DAY
    with home.state.read() as tx:
        query = select(t.c.at, t.c.store, t.c.bytes).where(t.c.at >= since, t.c.store != FREE)
        rows = [(row.at, row.store, row.bytes) for row in tx.execute(query.order_by(t.c.at))]
    used, least = shutil.disk_usage(home.root), home.settings.min_free_bytes
    as_of = rows[-1][0] if rows else None
    latest = {name: size for at, name, size in rows if at == as_of} if rows else sizes(home)
    days = _by_day(home, rows)
    whole = [(day, float(sum(held.values()))) for day, held in days]
    return Disk(
        free=used.free,
        total=used.total,
        least=least,
        stores=tuple(
            Growth(n, latest.get(n, 0), _mean([(day, held.get(n, 0)) for day, held in days])) for n in STORES
        ),
        forecast=forecast(growths(whole), used.free - least),
        as_of=as_of,
    )


def _by_day(home: Home, rows: Sequence[tuple[int, str, int]]) -> list[tuple[int, Mapping[str, int]]]:
    """Return (number of the day, sizes) of each whole day at the moment when most was held: files that are joined count twice for a while."""
    today = clock.now().astimezone(home.settings.tz).date()
    at_times: dict[date, dict[int, dict[str, int]]] = defaultdict(lambda: defaultdict(dict))
    for at, name, size in rows:
        day = clock.from_micros(at).astimezone(home.settings.tz).date()
        if day < today:
            at_times[day][at][name] = size
    return [
        (day.toordinal(), max(looks.values(), key=lambda held: sum(held.values())))
        for day, looks in sorted(at_times.items())
    ]


def _mean(held: Sequence[tuple[int, int]]) -> float | None:
    """Return the growth a day from the first known day to the last."""
    return None if len(held) < 2 else (held[-1][1] - held[0][1]) / (held[-1][0] - held[0][0])


def words(found: Forecast) -> Text:
    """Return the forecast as a sentence."""
    if not found.known:
        return Text(
            f"历史太短，还不能预测：已有 {found.days_known} 天，至少要 4 天",
            f"too little history to say: {found.days_known} days of growth, at least 4 are needed",
        )
    if found.early is None:
        return Text("照现在的增长，两年内不会不够", "at this growth it will not be short within two years")
    between = _between(found)
    if found.days is None:
        return Text(
            f"多半不会不够；最早可能 {found.early} 天后",
            f"probably never; at the earliest in {found.early} days",
        )
    n = ceil(found.days)
    if found.early == found.late:
        return Text(f"约 {n} 天后不够", f"short in about {n} days")
    return Text(f"约 {n} 天后不够（{between.zh}）", f"short in about {n} days ({between.en})")


def _between(found: Forecast) -> Text:
    if found.late is None:
        return Text(f"最早 {found.early} 天，也可能不会", f"at the earliest {found.early}, or not at all")
    return Text(f"八成在 {found.early} 到 {found.late} 天之间", f"80% between {found.early} and {found.late}")
