"""`zerodistance status`: every store, source and job as it is now."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any

from cyclopts import Parameter
from rich.table import Table

import zerodistance
from zerodistance.doors import parts as handed
from zerodistance.doors.operations import told
from zerodistance.doors.worker import last_note
from zerodistance.kernel import clock, command
from zerodistance.kernel.command import words
from zerodistance.kernel.home import Home
from zerodistance.kernel.locks import worker_pid
from zerodistance.kernel.text import Text


def status(
    *,
    as_json: Annotated[
        bool, Parameter("--json", negative="", help=words("以 JSON 输出", "print JSON"))
    ] = False,
    slow: Annotated[
        bool, Parameter(negative="", help=words("只列出慢查询", "only the slow statements"))
    ] = False,
) -> None:
    """Print stores, stages, the last batches, what waits, deduplication, sources, jobs, disk, open alerts."""
    home = command.home()
    if slow:
        _slow(home, as_json)
        return
    said = collect(home)
    if as_json:
        command.say_json(_dated(said, home))
        return
    show = _Show(home, command.lang())
    show.worker(said)
    for line in told.lines(said, command.lang()):
        command.console.print(line, markup=False, highlight=False)
    show.stores(said)
    show.sources(said.get("sources", []))
    show.batches(said.get("batches", {}).get("last", []))
    show.jobs(said["jobs"])


def _slow(home: Home, as_json: bool) -> None:
    found = told.slow_rows(home)
    if as_json:
        command.say_json([_dated(asdict(one), home) for one in found])
        return
    if not found:
        limit = home.settings.slow_query_ms
        command.tell(Text("没有慢于 {ms} 毫秒的查询", "no statement took {ms} ms or longer"), ms=limit)
        return
    show = _Show(home, command.lang())
    for one in found:
        head = f"{show._when(one.at)}  {one.seconds:.2f} s  {one.process} {one.store}  {one.where}"
        command.console.print(head, markup=False, highlight=False)
        command.console.print(f"  {one.text}", markup=False, highlight=False)


def collect(home: Home) -> dict[str, Any]:
    """Return everything `status` tells, times in microseconds UTC."""
    from sqlalchemy import func, select

    from zerodistance.kernel.bus import outbox
    from zerodistance.kernel.jobs import Jobs

    parts, note, pid = handed.parts(), last_note(home), worker_pid(home.lock_path)
    jobs = parts.jobs()
    states = Jobs(home, jobs).states()
    with home.state.read() as tx:
        waiting = tx.execute(
            select(func.count(), func.max(outbox.c.tries)).where(outbox.c.delivered_at.is_(None))
        ).one()
    disk, state = shutil.disk_usage(home.root), home.state
    return {
        "version": zerodistance.__version__,
        "home": str(home.root),
        "at": clock.micros(),
        "state": {"store": state.kind(), "where": state.where, "bytes": state.size()},
        "worker": {**(note or {}), "pid": pid, "running": pid is not None},
        **parts.figures(home, command.who()),
        **told.said(home, command.who()),
        "events": {"waiting": waiting[0], "tries": waiting[1] or 0},
        "jobs": [
            {
                "key": job.key,
                "text": {"zh": job.text.zh, "en": job.text.en},
                "every_seconds": job.every.total_seconds(),
                "last_started_at": states[job.key].last_started_at if job.key in states else None,
                "last_finished_at": states[job.key].last_finished_at if job.key in states else None,
                "last_error": states[job.key].last_error if job.key in states else None,
                "runs": states[job.key].runs if job.key in states else 0,
            }
            for job in jobs
        ],
        "disk": {
            "home_bytes": sum(path.stat().st_size for path in home.root.rglob("*") if path.is_file()),
            "free_bytes": disk.free,
            "least_free_bytes": home.settings.min_free_bytes,
        },
    }


def _dated(value: Any, home: Home, name: str = "") -> Any:
    """Return the figures with times as ISO 8601 in the brand's zone, for programs."""
    if isinstance(value, Mapping):
        return {key: _dated(item, home, key) for key, item in value.items()}
    if isinstance(value, list):
        return [_dated(item, home) for item in value]
    if isinstance(value, int) and (name == "at" or name.endswith("_at") or name == "dedup_dropped_until"):
        return clock.from_micros(value).astimezone(home.settings.tz).isoformat()
    return value


def size(count: float) -> str:
    """Return bytes as a person reads them.

    Examples
    --------
    >>> size(512), size(1_500_000)
    ('512 B', '1.5 MB')
    """
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1_000:
            return f"{count:.0f} B" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1_000
    return f"{count:.1f} TB"


def ago(seconds: float, lang: str) -> str:
    """Return a length of time as a person reads it.

    Examples
    --------
    >>> ago(5, "en"), ago(7200, "en"), ago(200_000, "zh")
    ('5 s', '120 min', '2 天')
    """
    for limit, unit, text in (
        (120, 1, Text("秒", "s")),
        (10_800, 60, Text("分钟", "min")),
        (172_800, 3_600, Text("小时", "h")),
    ):
        if seconds < limit:
            return f"{seconds / unit:.0f} {text.get(lang)}"
    return f"{seconds / 86_400:.0f} {Text('天', 'days').get(lang)}"


class _Show:
    """Prints the figures for a person."""

    def __init__(self, home: Home, lang: str) -> None:
        self._home, self._lang, self._now = home, lang, clock.micros()

    def _t(self, zh: str, en: str) -> str:
        return Text(zh, en).get(self._lang)

    def _ago(self, at: int | None) -> str:
        return "-" if at is None else ago(max(0, self._now - at) / 1e6, self._lang)

    def _when(self, at: int | None) -> str:
        return (
            "-"
            if at is None
            else f"{datetime.astimezone(clock.from_micros(at), self._home.settings.tz):%Y-%m-%d %H:%M:%S}"
        )

    def _table(self, heads: Iterable[str], rows: Iterable[Iterable[str]], right: Iterable[int] = ()) -> None:
        table, numbers = Table(box=None, pad_edge=False), set(right)
        for index, head in enumerate(heads):
            table.add_column(head, justify="right" if index in numbers else "left")
        for row in rows:
            table.add_row(*row)
        command.show(table)

    def _line(self, text: str) -> None:
        command.console.print(text, markup=False, highlight=False)

    def worker(self, said: Mapping[str, Any]) -> None:
        worker = said["worker"]
        self._line(f"Zero Distance {said['version']}  {said['home']}")
        if worker["running"]:
            self._line(
                self._t(f"处理进程：运行中（pid {worker['pid']}）", f"worker: running (pid {worker['pid']})")
            )
        else:
            self._line(
                self._t(
                    "处理进程：没有运行（zerodistance serve 或 run）",
                    "worker: not running (zerodistance serve or run)",
                )
            )
        if worker.get("not_started"):
            why = worker["not_started"]
            self._line(self._t(f"  ! 上一个没能启动：{why}", f"  ! the last one could not start: {why}"))
        for name, pulse in worker.get("loops", {}).items():
            if pulse["failures"]:
                text = self._t("{n} 次连续失败，{ago}前：{e}", "{n} failures in a row, {ago} ago: {e}")
                self._line(
                    f"  ! {name}: "
                    + text.format(n=pulse["failures"], ago=self._ago(pulse["error_at"]), e=pulse["error"])
                )

    def stores(self, said: Mapping[str, Any]) -> None:
        rows: list[tuple[str, str, str]] = []
        if "journal" in said:
            j, t, lake, d = (said[name] for name in ("journal", "tail", "lake", "deduplication"))
            waits = self._t(f"等待 {j['events']:,} 条", f"{j['events']:,} events wait")
            if j["oldest_at"]:
                waits += self._t(
                    f"，最早 {self._ago(j['oldest_at'])}前", f", the oldest for {self._ago(j['oldest_at'])}"
                )
            rows.append((self._t("日志", "journal"), waits, size(j["bytes"])))
            rows.append(
                (self._t("热尾", "hot tail"), self._touches(t["touches"], t["files"]), size(t["bytes"]))
            )
            upto = self._t(f"到第 {lake['batch']} 批", f"to batch {lake['batch']}")
            rows.append((self._t("湖", "lake"), self._touches(lake["touches"], lake["files"]), upto))
            rows.append(
                (self._t("去重", "deduplication"), f"{d['ids']:,} / {d['capacity']:,}", self._coverage(said))
            )
        rows.append((self._t("状态库", "state"), said["state"]["store"], size(said["state"]["bytes"])))
        if "people" in said:
            p, x = said["people"], said["index"]
            both = self._t(
                f"{p['persons']:,} 个用户，{p['visitors']:,} 个访客",
                f"{p['persons']:,} persons, {p['visitors']:,} visitors",
            )
            upto = self._t(
                f"到第 {x['batch']} 批，{size(x['bytes'])}", f"to batch {x['batch']}, {size(x['bytes'])}"
            )
            rows.append((self._t("标签索引", "tag index"), both, upto))
        waiting = said["events"]["waiting"]
        rows.append((self._t("消息", "events"), self._t(f"等待 {waiting:,} 条", f"{waiting:,} wait"), ""))
        if said.get("quarantine"):
            rows.append(
                (
                    self._t("隔离区", "quarantine"),
                    ", ".join(f"{k} {v:,}" for k, v in said["quarantine"].items()),
                    "",
                )
            )
        if said.get("forgetting", {}).get("waiting"):
            rows.append((self._t("遗忘请求", "forgetting"), f"{said['forgetting']['waiting']}", ""))
        disk = said["disk"]
        rows.append(
            (
                self._t("磁盘", "disk"),
                size(disk["home_bytes"]),
                self._t(f"剩余 {size(disk['free_bytes'])}", f"{size(disk['free_bytes'])} free"),
            )
        )
        self._table((self._t("存储", "store"), "", ""), rows)

    def _touches(self, touches: int, files: int) -> str:
        return self._t(f"{touches:,} 条，{files} 个文件", f"{touches:,} touches, {files} files")

    def _coverage(self, said: Mapping[str, Any]) -> str:
        dedup, dropped = said["deduplication"], said["worker"].get("dedup_dropped_until")
        if dropped:
            held = self._ago(dropped)
            return self._t(
                f"容量不足，只覆盖 {held}（要求 {dedup['days_wanted']} 天）",
                f"too small: covers {held} of {dedup['days_wanted']} days",
            )
        return self._t(f"覆盖 {dedup['days_wanted']} 天", f"covers {dedup['days_wanted']} days")

    def sources(self, sources: list[dict[str, Any]]) -> None:
        if not sources:
            self._line(
                self._t(
                    "还没有来源：zerodistance sources create", "no source yet: zerodistance sources create"
                )
            )
            return
        names = {
            "on_time": self._t("正常", "on time"),
            "late": self._t("逾期", "late"),
            "waiting": self._t("从未收到", "nothing yet"),
            "off": self._t("已停用", "off"),
            "by_file": self._t("文件导入", "by file"),
        }
        heads = (self._t("来源", "source"), self._t("状态", "state"), self._t("最近", "last"), self._t("今日收到", "today"),
                 self._t("重复", "repeated"), self._t("拒收", "refused"))  # fmt: skip
        rows = [
            (s["key"], names.get(s["state"], s["state"]), self._ago(s["last_at"]), f"{s['today']['came']:,}",
             f"{s['today']['duplicates']:,}", f"{s['today']['refused']:,}")
            for s in sources
        ]  # fmt: skip
        self._table(heads, rows, right=(3, 4, 5))

    def batches(self, batches: list[dict[str, Any]]) -> None:
        if batches:
            heads = (
                self._t("批次", "batch"),
                self._t("来自", "from"),
                self._t("条数", "touches"),
                self._t("提交于", "committed"),
            )
            rows = [
                (f"b{b['number']}", b["feed"], f"{b['touches']:,}", self._when(b["committed_at"]))
                for b in batches
            ]
            self._table(heads, rows, right=(2,))

    def jobs(self, jobs: list[dict[str, Any]]) -> None:
        if jobs:
            heads = (
                self._t("任务", "job"),
                self._t("每隔", "every"),
                self._t("上次", "last"),
                self._t("结果", "result"),
            )
            rows = [
                (j["text"][self._lang if self._lang == "en" else "zh"], ago(j["every_seconds"], self._lang), self._when(j["last_finished_at"]),
                 j["last_error"] or (self._t("完成", "done") if j["last_finished_at"] else "-"))
                for j in jobs
            ]  # fmt: skip
            self._table(heads, rows)
