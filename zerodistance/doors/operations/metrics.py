"""Every measure that `/metrics` tells, by name, and where its values come from."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from sqlalchemy import func, select

import zerodistance
from zerodistance.core.touchpoints import api as touchpoints
from zerodistance.core.touchpoints import figures, progress
from zerodistance.doors.operations import alerts, disk
from zerodistance.doors.operations.conditions import KINDS
from zerodistance.doors.operations.exposition import COUNTER, GAUGE, HISTOGRAM, INFO, Metric, Samples
from zerodistance.doors.operations.stages import stages
from zerodistance.doors.worker import last_note
from zerodistance.kernel import clock, measure
from zerodistance.kernel.access import Who
from zerodistance.kernel.bus import outbox
from zerodistance.kernel.home import Home
from zerodistance.kernel.jobs import Jobs
from zerodistance.kernel.locks import worker_pid
from zerodistance.kernel.text import Text

SLOW_SECONDS = 15.0  # own value: how old the sizes of lake and stores may be that several scrapes share
T = TypeVar("T")


def _m(
    name: str, kind: str, zh: str, en: str, labels: tuple[str, ...] = (), unit: str = ""
) -> tuple[str, Metric]:
    return name, Metric(f"zerodistance_{name}", kind, Text(zh, en), labels, unit)


METRICS: dict[str, Metric] = dict((
    _m("build", INFO, "程序版本", "version of the program", ("version",)),
    _m("requests", COUNTER, "采集门回答的请求", "requests of collection, by answer; source `none`: no known source", ("source", "status")),
    _m("events_accepted", COUNTER, "已落盘并答 200 的事件", "events on disk and answered 200", ("source",)),
    _m("accepted_bytes", COUNTER, "已落盘的请求字节（按发送时）", "bytes of requests on disk, as sent", ("source",), "bytes"),
    _m("rows", COUNTER, "处理的行：收下、重复、拒收", "rows digested: taken, repeated or refused", ("source", "outcome")),
    _m("rows_recognised", COUNTER, "收下的行里连到用户的", "rows taken that led to a person", ("source",)),
    _m("accept_seconds", HISTOGRAM, "从请求头到答 200 的时间", "from the head of a request until its 200 is ready", (), "seconds"),
    _m("inflight_bytes", GAUGE, "内存里的请求字节", "bytes of requests held in memory", (), "bytes"),
    _m("door_ready", GAUGE, "能否收数：1 或 0", "whether requests can be taken: 1 or 0"),
    _m("journal_rows", GAUGE, "日志箱里等处理的请求", "requests that wait to be digested"),
    _m("journal_events", GAUGE, "日志箱里等处理的事件", "events that wait to be digested"),
    _m("journal_bytes", GAUGE, "日志箱大小", "size of the journal", (), "bytes"),
    _m("journal_oldest_age_seconds", GAUGE, "最早那条等了多久", "how long the oldest of them has waited", (), "seconds"),
    _m("digest_rows", COUNTER, "处理进程启动以来处理的行", "rows digested since the worker began"),
    _m("digest_seconds", COUNTER, "处理进程启动以来用于处理的时间", "time of digestion since the worker began", (), "seconds"),
    _m("batches", COUNTER, "提交过的批", "batches committed"),
    _m("stage_lag_seconds", GAUGE, "每一步落后多少", "how far behind each stage is", ("stage",), "seconds"),
    _m("tail_files", GAUGE, "热尾文件数", "files of the hot tail"),
    _m("tail_bytes", GAUGE, "热尾大小", "size of the hot tail", (), "bytes"),
    _m("lake_files", GAUGE, "湖里交互表的文件数", "data files of the interaction log in the lake"),
    _m("lake_touches", GAUGE, "湖里的交互数", "touches in the lake"),
    _m("store_bytes", GAUGE, "各存储在盘上的大小", "size of each store on disk", ("store",), "bytes"),
    _m("dedup_ids", GAUGE, "去重记住的消息号", "message ids remembered for deduplication"),
    _m("dedup_ids_limit", GAUGE, "去重最多记住的消息号", "message ids remembered at most"),
    _m("dedup_window_seconds", GAUGE, "去重实际覆盖多久", "time that deduplication covers", (), "seconds"),
    _m("quarantine_rows", GAUGE, "隔离区里的行", "rows that wait in the quarantine", ("reason",)),
    _m("imports", GAUGE, "导入任务数", "import jobs, by state", ("state",)),
    _m("import_rows", GAUGE, "未结束的导入已处理的行", "rows of open imports that are committed"),
    _m("outbox_events", GAUGE, "等待送达的消息", "messages between rooms that wait"),
    _m("job_last_success_timestamp_seconds", GAUGE, "任务上次成功的时刻", "when a job last ended well, seconds since 1970 UTC", ("job",), "seconds"),
    _m("job_failing", GAUGE, "任务上次是否失败", "whether a job failed the last time", ("job",)),
    _m("worker_up", GAUGE, "处理进程是否在跑", "whether a worker runs"),
    _m("worker_restarts", COUNTER, "采集门启动以来重新拉起处理进程的次数", "times the door has started the worker again since it began"),
    _m("worker_step_failures", COUNTER, "处理进程各步失败次数", "steps of the worker that failed", ("loop",)),
    _m("process_resident_memory_bytes", GAUGE, "进程占用内存", "memory in use", ("process",), "bytes"),
    _m("process_cpu_seconds", COUNTER, "进程用过的处理器时间", "processor time used since the process began", ("process",), "seconds"),
    _m("disk_free_bytes", GAUGE, "磁盘剩余", "free space of the disk", (), "bytes"),
    _m("disk_least_free_bytes", GAUGE, "剩余低于此数就答 429", "free space below which collection answers 429", (), "bytes"),
    _m("disk_short_in_seconds", GAUGE, "多久后磁盘不够：预期、最早、最晚（八成）", "until the disk is short, with an 80% interval", ("at",), "seconds"),
    _m("slow_queries", COUNTER, "慢查询次数", "statements slower than slow_query_ms, since the process began", ("process",)),
    _m("alerts_open", GAUGE, "未关闭的告警", "open alerts", ("kind",)),
))  # fmt: skip
"""Key -> measure; docs/reference/metrics.md is made from it."""

OUTCOMES = {"accepted": "taken", "duplicates": "repeated", "refused": "refused"}


class Taking(Protocol):
    """What the door of collection tells of itself; touchpoints' `Collector` is one."""

    took: measure.Histogram
    inflight: int

    def trouble(self) -> str | None:
        """Return the code of why nothing can be taken in just now."""
        ...

    def writing_seconds(self) -> float:
        """Return how long the oldest request has been waiting for the disk."""
        ...


class Meter:
    """Reads every measure when it is asked; what costs more than a look-up is shared for `SLOW_SECONDS`."""

    def __init__(self, home: Home, taking: Taking) -> None:
        self._home, self._taking = home, taking
        self._totals = progress.Totals(home)
        self._who = Who.system("metrics")
        self._lock = threading.Lock()
        self._shared: dict[str, tuple[float, Any]] = {}

    def read(self) -> list[Samples]:
        """Return every measure with its values."""
        with self._lock:
            self._out = {key: Samples(metric) for key, metric in METRICS.items()}
            self._put("build", 1, zerodistance.__version__)
            for step in (self._door, self._sources, self._stores, self._worker, self._rest):
                step()
            return list(self._out.values())

    def _put(self, key: str, value: float | measure.Histogram | None, *labels: object) -> None:
        self._out[key].put(value, *labels)

    def _share(self, name: str, look: Callable[[], T]) -> T:
        held = self._shared.get(name)
        if held is None or time.monotonic() - held[0] > SLOW_SECONDS:
            held = self._shared[name] = (time.monotonic(), look())
        found: T = held[1]
        return found

    def _door(self) -> None:
        own = measure.process()
        self._put("accept_seconds", self._taking.took)
        self._put("inflight_bytes", self._taking.inflight)
        self._put("door_ready", int(self._taking.trouble() is None))
        self._put("process_resident_memory_bytes", own["rss_bytes"], "door")
        self._put("process_cpu_seconds", own["cpu_seconds"], "door")
        self._put("slow_queries", measure.counted("slow_queries"), "door")
        self._put("worker_restarts", measure.counted("worker_restarts"))

    def _sources(self) -> None:
        keys = {s.number: s.key for s in self._share("sources", self._every_source)}
        totals = self._totals(self._who)
        for (number, counter), value in sorted(totals.items()):
            source = keys.get(number, "none" if number == 0 else str(number))
            head, _, status = counter.partition("_")
            if head == "door" and status.isdigit():
                self._put("requests", value, source, status)
            elif counter == "door_events":
                self._put("events_accepted", value, source)
            elif counter == "door_bytes":
                self._put("accepted_bytes", value, source)
            elif counter in OUTCOMES:
                self._put("rows", value, source, OUTCOMES[counter])
            elif counter == "recognised":
                self._put("rows_recognised", value, source)

    def _every_source(self) -> Sequence[Any]:
        return touchpoints.list_sources(self._home, self._who)

    def _stores(self) -> None:
        here, now = progress.progress(self._home, self._who), clock.micros()
        sizes = self._share("figures", lambda: figures.stores(self._home, self._who))
        for key in ("rows", "events", "bytes"):
            self._put(f"journal_{key}", sizes["journal"][key])
        age = 0.0 if here.waiting_since is None else (now - here.waiting_since) / clock.MICROS_PER_SECOND
        self._put("journal_oldest_age_seconds", max(0.0, age))
        self._put("batches", here.last_batch)
        self._put("tail_files", here.tail_files)
        self._put("tail_bytes", here.tail_bytes)
        self._put("lake_files", sizes["lake"]["files"])
        self._put("lake_touches", sizes["lake"]["touches"])
        for stage in stages(self._home, self._who, self._taking.writing_seconds()):
            self._put("stage_lag_seconds", stage.lag, stage.key)
        for reason, rows in sizes["quarantine"].items():
            self._put("quarantine_rows", rows, reason)
        for state, count in sizes["imports"].items():
            self._put("imports", count, state)
        self._put("import_rows", sizes["import_rows"])
        self._put("dedup_ids_limit", self._home.settings.dedup_ids)
        with self._home.state.read() as tx:
            waiting = select(func.count()).select_from(outbox).where(outbox.c.delivered_at.is_(None))
            self._put("outbox_events", tx.execute(waiting).scalar_one())

    def _worker(self) -> None:
        note: Mapping[str, Any] = last_note(self._home) or {}
        up = worker_pid(self._home.lock_path) is not None
        self._put("worker_up", int(up))
        if not up or "loops" not in note:
            return
        digest = note["loops"].get("digest", {})
        self._put("digest_rows", digest.get("done"))
        self._put("digest_seconds", digest.get("seconds"))
        for name, pulse in note["loops"].items():
            self._put("worker_step_failures", pulse["failed_ever"], name)
        own = note.get("process", {})
        self._put("process_resident_memory_bytes", own.get("rss_bytes"), "worker")
        self._put("process_cpu_seconds", own.get("cpu_seconds"), "worker")
        self._put("slow_queries", note.get("slow_queries"), "worker")
        self._put("dedup_ids", note.get("dedup_ids"))
        since = note.get("dedup_dropped_until") or note.get("dedup_oldest_at")
        window = 0.0 if since is None else (clock.micros() - since) / clock.MICROS_PER_SECOND
        self._put("dedup_window_seconds", min(window, 86_400.0 * self._home.settings.dedup_days))

    def _rest(self) -> None:
        for job in Jobs(self._home, ()).states().values():
            self._put("job_failing", int(job.last_error is not None), job.key)
            if job.last_error is None and job.last_finished_at is not None:
                at = job.last_finished_at / clock.MICROS_PER_SECOND
                self._put("job_last_success_timestamp_seconds", at, job.key)
        found = self._share("disk", lambda: disk.disk(self._home, self._who))
        self._put("disk_free_bytes", found.free)
        self._put("disk_least_free_bytes", found.least)
        until = found.forecast
        for name, days in (("expected", until.days), ("early", until.early), ("late", until.late)):
            self._put("disk_short_in_seconds", None if days is None else float(days * 86_400), name)
        for growth in found.stores:
            self._put("store_bytes", growth.bytes, growth.store)
        kinds = [alert.kind for alert in alerts.alerts(self._home, self._who)]
        for kind in KINDS:
            self._put("alerts_open", kinds.count(kind), kind)
