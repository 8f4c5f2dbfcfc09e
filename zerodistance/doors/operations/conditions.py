"""Conditions: what may be wrong, judged now. Each has its own bounds and a middle ground in which nothing is opened or closed."""

from __future__ import annotations

import shutil
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from zerodistance.connectors.feeds import api as feeds
from zerodistance.core.models import watching
from zerodistance.core.models.drift import SIGNS
from zerodistance.core.touchpoints import progress
from zerodistance.doors.operations import refusals
from zerodistance.doors.operations.disk import disk, words
from zerodistance.doors.operations.stages import LATE, NAMES, ON_TIME, stages
from zerodistance.kernel import backups, clock
from zerodistance.kernel.access import Who
from zerodistance.kernel.home import Home
from zerodistance.kernel.jobs import Jobs
from zerodistance.kernel.locks import worker_pid
from zerodistance.kernel.text import Text

HOUR = progress.HOUR
PAST_HOURS = 28 * 24  # own value: hours that say what a source's usual refusal rate is
FEED_FAILURES = 3  # own value: once may be a restart over there
FROZEN = 7 * clock.MICROS_PER_DAY  # own value: so long an open alert keeps its own past out of what is usual


class Verdict(IntEnum):
    """How a condition is: good, in the middle ground, bad."""

    GOOD, BETWEEN, BAD = 0, 1, 2


@dataclass(frozen=True)
class Kind:
    """One kind of condition.

    Attributes
    ----------
    text
        A sentence with the figures of an alert as fields.
    title
        A few words.
    open_after, close_after
        Seconds for which it has to be bad before an alert opens, and good before it closes (own values).
    every
        Seconds between two looks (own values).
    """

    title: Text
    text: Text
    open_after: float
    close_after: float
    every: float = 10.0


KINDS: dict[str, Kind] = {
    "worker_down": Kind(
        Text("处理进程没在跑", "The worker is not running"),
        Text("收下的请求都留着，但没有处理；运行 zerodistance serve", "what comes in is kept and not digested; run zerodistance serve"),
        30,
        120,
    ),
    "stage_late": Kind(
        Text("处理跟不上", "A stage is late"),
        Text("“{stage}”落后 {lag} 秒，上限 {bound} 秒", "{stage} is {lag} s behind, the bound is {bound} s"),
        60,
        300,
    ),
    "disk_short": Kind(
        Text("磁盘不够了", "The disk is short"),
        Text(
            "磁盘剩余 {free_gb} GB，低于下限 {least_gb} GB：采集答 429",
            "{free_gb} GB of disk are free, less than the bound of {least_gb} GB: collection answers 429",
        ),
        10,
        300,
    ),
    "disk_filling": Kind(
        Text("磁盘快不够了", "The disk is filling up"),
        Text("磁盘剩余 {free_gb} GB；{forecast}", "{free_gb} GB of disk are free; {forecast}"),
        600,
        3_600,
        60,
    ),
    "refusals_moved": Kind(
        Text("拒收率变了", "A refusal rate has moved"),
        Text(
            "来源 {source} 近一小时拒收 {now}%（{refused}/{rows} 行），平时 {before}%",
            "{source}: {now}% refused in the last hour ({refused} of {rows} rows), usually {before}%",
        ),
        0,
        1_800,
        60,
    ),
    "source_silent": Kind(
        Text("来源没有来数", "A source has gone silent"),
        Text("来源 {source} 已 {minutes} 分钟没有来数，时限 {limit} 分钟", "{source} has sent nothing for {minutes} min, its limit is {limit} min"),
        60,
        60,
        30,
    ),
    "job_failing": Kind(
        Text("定时任务失败", "A job is failing"),
        Text("任务 {job} 上次失败：{error}", "the job {job} failed the last time: {error}"),
        0,
        60,
        30,
    ),
    "feed_failing": Kind(
        Text("取数失败", "A feed is failing"),
        Text("取数 {feed} 连续失败 {failures} 次：{error}", "the feed {feed} has failed {failures} times in a row: {error}"),
        0,
        0,
        30,
    ),
    "model_drifted": Kind(
        Text("模型漂移了", "A model has drifted"),
        Text(
            "模型“{model}”第 {version} 版：{signs}；用 zerodistance models watch 细看，用 zerodistance models train {key} 训练新的一版",
            "{model}, version {version}: {signs}; look with `zerodistance models watch`, train a new version with `zerodistance models train {key}`",
        ),
        0,
        0,
        300,
    ),
    "backup_late": Kind(
        Text("备份过期未做", "The backup is late"),
        Text(
            "已有 {hours} 小时没有做成完整的备份，应每 {every} 小时一个；看 zerodistance backup list 和日志",
            "no whole backup was made for {hours} h, one is due every {every} h; see `zerodistance backup list` and the log",
        ),
        3_600,
        60,
        60,
    ),
}  # fmt: skip
"""Every kind of alert, by its stable name."""


@dataclass(frozen=True)
class Condition:
    """One condition, judged now.

    Attributes
    ----------
    about
        Stage, source key, job or feed; empty for the whole home.
    severity
        `bad` (touches may be lost or are not digested), `warn` or `note`.
    figures
        What fills the sentence of its kind: words in both languages as `[zh, en]`.
    """

    kind: str
    about: str
    verdict: Verdict
    severity: str = "warn"
    figures: Mapping[str, Any] = field(default_factory=dict)


def worker_down(home: Home) -> Iterator[Condition]:
    """Judge whether a worker holds the home."""
    down = worker_pid(home.lock_path) is None
    yield Condition("worker_down", "", Verdict.BAD if down else Verdict.GOOD, "bad")


def stage_late(home: Home, who: Who) -> Iterator[Condition]:
    """Judge every stage that can be seen from outside the door."""
    for stage in stages(home, who):
        if stage.lag is None:
            continue
        verdict = {ON_TIME: Verdict.GOOD, LATE: Verdict.BAD}.get(stage.state, Verdict.BETWEEN)
        name = NAMES[stage.key]
        figures = {"stage": [name.zh, name.en], "lag": round(stage.lag), "bound": round(stage.bound)}
        yield Condition("stage_late", stage.key, verdict, "bad" if stage.key == "digest" else "warn", figures)


def disk_short(home: Home) -> Iterator[Condition]:
    """Judge free space against the bound below which collection stops."""
    free, least = shutil.disk_usage(home.root).free, home.settings.min_free_bytes
    verdict = Verdict.BAD if free < least else Verdict.BETWEEN if free < 1.1 * least else Verdict.GOOD
    yield Condition("disk_short", "", verdict, "bad", {"free_gb": _gb(free), "least_gb": _gb(least)})


def disk_filling(home: Home, who: Who) -> Iterator[Condition]:
    """Judge in how many days the disk will be short: good again with a quarter more time."""
    found, days = disk(home, who), home.settings.alert_disk_days
    said, expected = words(found.forecast), found.forecast.days
    verdict = Verdict.GOOD
    if expected is not None and expected <= 1.25 * days:
        verdict = Verdict.BAD if expected < days else Verdict.BETWEEN
    figures = {
        "free_gb": _gb(found.free),
        "forecast": [said.zh, said.en],
        "days": expected and round(expected, 1),
        "early": found.forecast.early,
        "late": found.forecast.late,
    }
    yield Condition("disk_filling", "", verdict, "warn", figures)


def _gb(size: float) -> float:
    return round(size / 1e9, 1)


class Refusals:
    """Judges every source's refusal rate against its own past; that past is read once an hour."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._first = 0
        self._past: list[progress.HourOf] = []

    def __call__(self, who: Who, opened: Mapping[str, int]) -> Iterator[Condition]:
        """Judge every source that is on.

        Parameters
        ----------
        opened
            Source key -> when its alert was opened, microseconds: what came since says nothing about what is usual.
        """
        now = clock.micros()
        first = now - now % HOUR - HOUR  # the last whole hour and the one under way
        if first != self._first:
            self._past = progress.refusals_by_hour(self._home, who, first - PAST_HOURS * HOUR, first)
            self._first = first
        recent = progress.refusals_by_hour(self._home, who, first, now + HOUR)
        rows: dict[int, list[progress.HourOf]] = defaultdict(list)
        for one in (*self._past, *recent):
            rows[one.source].append(one)
        for source, _ in progress.last_of_sources(self._home, who):
            since = opened.get(source.key)
            usual_until = first if since is None else min(first, max(since - 2 * HOUR, now - FROZEN))
            yield _rate(source.key, rows[source.number], first, usual_until)


def _rate(key: str, hours: Sequence[progress.HourOf], first: int, usual_until: int) -> Condition:
    before = [(h.taken + h.refused, h.refused) for h in hours if h.hour < usual_until]
    recent = [h for h in hours if h.hour >= first]
    refused = sum(h.refused for h in recent)
    total = refused + sum(h.taken for h in recent)
    found = refusals.moved(before, (total, refused))
    calm = found.p >= refusals.CALM
    verdict = Verdict.BAD if found.direction else Verdict.GOOD if calm else Verdict.BETWEEN
    figures = {
        "source": key,
        "now": round(100 * found.now, 2),
        "before": round(100 * found.before, 2),
        "refused": refused,
        "rows": total,
        "p": found.p,
    }
    return Condition("refusals_moved", key, verdict, "warn" if found.direction >= 0 else "note", figures)


def source_silent(home: Home, who: Who) -> Iterator[Condition]:
    """Judge every source that has a limit for its silence and has ever sent."""
    now = clock.micros()
    for source, last in progress.last_of_sources(home, who):
        if source.fresh_seconds is None or last is None or source.kind == "import":
            continue
        silent = (now - last) / clock.MICROS_PER_SECOND
        verdict = Verdict.BAD if silent > source.fresh_seconds else Verdict.GOOD
        figures = {
            "source": source.key,
            "minutes": round(silent / 60),
            "limit": f"{source.fresh_seconds / 60:g}",
        }
        yield Condition("source_silent", source.key, verdict, "warn", figures)


def job_failing(home: Home) -> Iterator[Condition]:
    """Judge every job by how it ended the last time."""
    for job in Jobs(home, ()).states().values():
        error = (job.last_error or "").partition(":")[0]  # the kind only: its words may hold a value
        figures = {"job": job.key, "error": error}
        yield Condition("job_failing", job.key, Verdict.BAD if error else Verdict.GOOD, "warn", figures)


def feed_failing(home: Home, who: Who) -> Iterator[Condition]:
    """Judge every feed by how often it has failed in a row; one that is paused is none."""
    for feed in feeds.list_feeds(home, who):
        error, failures = feed.error or Text("", ""), feed.failures if feed.paused_at is None else 0
        verdict = Verdict.BAD if failures >= FEED_FAILURES else Verdict.BETWEEN if failures else Verdict.GOOD
        figures = {"feed": feed.name, "failures": failures, "error": [error.zh, error.en]}
        yield Condition("feed_failing", feed.name, verdict, "warn", figures)


def model_drifted(home: Home, who: Who) -> Iterator[Condition]:
    """Judge every champion by the last looks at it."""
    for one in watching.watched(home, who):
        words = [SIGNS[sign] for sign in one.signs]
        figures = {
            "model": [one.model.label.zh, one.model.label.en],
            "key": one.model.key,
            "version": one.version,
            "signs": ["；".join(text.zh for text in words), "; ".join(text.en for text in words)],
        }
        verdict = Verdict.BAD if one.signs else Verdict.GOOD
        yield Condition("model_drifted", one.model.key, verdict, "warn", figures)


def backup_late(home: Home) -> Iterator[Condition]:
    """Judge how old the last whole backup in the folder `backup_to` is: bad beyond twice the time from one to the next.

    A home that has none yet counts from when its key was made.
    """
    to, every = home.settings.backup_to, home.settings.backup_hours
    if to is None:
        yield Condition("backup_late", "", Verdict.GOOD)
        return
    with home.state.read() as tx:
        whole = [b.begun_at for b in backups.begun(tx) if b.ended_at and b.folder == str(to.resolve())]
    last = max(whole) if whole else home.made_at
    hours = (clock.micros() - last) / clock.MICROS_PER_SECOND / 3_600
    verdict = Verdict.BAD if hours > 2 * every else Verdict.BETWEEN if hours > 1.5 * every else Verdict.GOOD
    yield Condition("backup_late", "", verdict, "warn", {"hours": round(hours, 1), "every": f"{every:g}"})
