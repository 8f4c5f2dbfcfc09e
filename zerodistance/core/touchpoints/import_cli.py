"""`zerodistance import`: take files in under a mapping, or say what would become of them."""

from __future__ import annotations

import dataclasses
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from zerodistance.kernel import command
from zerodistance.kernel.command import words
from zerodistance.kernel.text import Text

if TYPE_CHECKING:
    from zerodistance.core.touchpoints.dry_run import Report
    from zerodistance.core.touchpoints.import_jobs import Created, Job
    from zerodistance.kernel.access import Who
    from zerodistance.kernel.errors import ZeroDistanceError
    from zerodistance.kernel.home import Home

app = App(
    name="import",
    help=words("按映射导入 CSV 或 Parquet 文件", "import a CSV or Parquet file through a mapping"),
)
_ROOM = "zerodistance.core.touchpoints.undo_cli"
app.command(f"{_ROOM}:list_", name="list", help=words("列出导入", "list the imports"))
app.command(
    f"{_ROOM}:stop",
    name="stop",
    help=words("停止进行中的导入，已收下的保留", "end an import under way; what was taken in stays"),
)
app.command(
    f"{_ROOM}:undo",
    name="undo",
    help=words("整个撤销一次导入，如同从未发生", "take a whole import back, as if it had never been"),
)
app.command(
    "zerodistance.core.touchpoints.guess_cli:guess",
    name="guess",
    help=words("猜一个映射文件，打印出来", "print a guessed mapping file"),
)
_POLL = 0.2  # seconds
_AsJson = Annotated[bool, Parameter("--json", negative="", help=words("以 JSON 输出", "print JSON"))]


@app.default
def import_(
    *files: Annotated[
        str,
        Parameter(
            allow_leading_hyphen=True,
            help=words(
                "文件，可多个：CSV、NDJSON、JSON、XLSX 或 Parquet，可压缩（gzip、zip、zstd）；也可以是文件夹、带 * 的名称，或 -（标准输入）",
                "files: CSV, NDJSON, JSON, XLSX or Parquet, plain or as gzip, zip or zstd; or a folder, a name with *, or - for standard input",
            ),
        ),
    ],
    mapping: Annotated[Path, Parameter(help=words("映射文件（TOML）", "mapping file (TOML)"))],
    source: Annotated[
        str | None, Parameter(help=words("来源，代替映射里写的", "source, instead of the one in the mapping"))
    ] = None,
    name: Annotated[
        str, Parameter(help=words("标准输入的内容叫什么", "what standard input is called"))
    ] = "stdin",
    dry_run: Annotated[
        bool, Parameter(negative="", help=words("只看会怎样，不写入", "say what would happen, keep nothing"))
    ] = False,
    wait: Annotated[bool, Parameter(help=words("等到处理完", "wait until it is taken in"))] = True,
    as_json: _AsJson = False,
) -> int:
    """Import files through a mapping file; the same file is taken in once."""
    from zerodistance.core.touchpoints.gather import gather

    home, who = command.home(), command.who()
    text, chosen = _read(mapping), gather(files)
    if dry_run:
        return _try_out(home, who, chosen, text, source, as_json)
    made, failed = _create(home, who, chosen, name, text, source, quiet=as_json)
    if wait:
        for one in made:
            if one.job.open:
                follow(home, one.job, quiet=as_json)
    return _tell_all(home, who, made, failed, len(chosen), as_json)


def _create(
    home: Home, who: Who, chosen: list[Path | None], name: str, text: str, source: str | None, *, quiet: bool
) -> tuple[list[Created], list[tuple[str, ZeroDistanceError]]]:
    """Ask for each import; of several files, one that can't be imported does not keep the others from it."""
    from zerodistance.core.touchpoints.import_jobs import create, create_from
    from zerodistance.kernel.errors import ZeroDistanceError

    made: list[Created] = []
    failed: list[tuple[str, ZeroDistanceError]] = []
    for path in chosen:
        try:
            if path is None:
                one = create_from(home, who, sys.stdin.buffer, name, text, source)
            else:
                one = create(home, who, path, text, source)
        except ZeroDistanceError as error:
            if len(chosen) == 1:
                raise
            failed.append((name if path is None else path.name, error))
            continue
        made.append(one)
        if not quiet:
            _tell_created(one)
    return made, failed


def _try_out(
    home: Home, who: Who, chosen: list[Path | None], text: str, source: str | None, as_json: bool
) -> int:
    from zerodistance.core.touchpoints.dry_run import dry_run, dry_run_from
    from zerodistance.kernel.errors import ZeroDistanceError

    reports: list[dict[str, Any]] = []
    failed = 0
    for path in chosen:
        shown = "-" if path is None else path.name
        try:
            if path is None:
                report = dry_run_from(home, who, sys.stdin.buffer, text, source)
            else:
                report = dry_run(home, who, path, text, source)
        except ZeroDistanceError as error:
            if len(chosen) == 1:
                raise
            failed += 1
            reports.append({"file": shown, "error": error.message(command.lang())})
            command.errors.print(f"{shown}: {error.message(command.lang())}", markup=False, highlight=False)
            continue
        reports.append({"file": shown, **vars(report)})
        if not as_json:
            if len(chosen) > 1:
                command.console.print(f"{shown}:", markup=False, highlight=False)
            tell_report(report)
    if as_json:
        command.say_json(vars(report) if len(chosen) == 1 else {"files": reports})
    return 1 if failed else 0


def _tell_all(
    home: Home,
    who: Who,
    made: list[Created],
    failed: list[tuple[str, ZeroDistanceError]],
    files: int,
    as_json: bool,
) -> int:
    """Say how each import ended, and of several files all in one line."""
    from zerodistance.core.touchpoints.import_jobs import get

    jobs = [(one, get(home, who, one.job.number)) for one in made]
    broken = len(failed) + sum(job.state == "failed" for _, job in jobs)
    sums = {key: sum(getattr(job, key) for one, job in jobs if one.new) for key in _SUMMED}
    if as_json:
        told = [_as_json(one, job) for one, job in jobs]
        errors = [
            {"file_name": name, "code": e.code, "error": e.message(command.lang())} for name, e in failed
        ]
        command.say_json(
            told[0] if files == 1 else {"files": told, "not_imported": errors, "failed": broken, **sums}
        )
        return 1 if broken else 0
    for one, job in jobs:
        if one.new or one.job.state != "done":
            tell_end(job)
    for name, error in failed:
        command.errors.print(f"{name}: {error.message(command.lang())}", markup=False, highlight=False)
    if files > 1:
        said = Text(
            "{files} 个文件：新导入 {new}，已导入过 {old}，没能导入 {broken}；共收下 {accepted}，重复 {duplicates}，拒收 {refused}",
            "{files} files: {new} imported, {old} imported before, {broken} not imported; {accepted} taken, {duplicates} repeated, "
            "{refused} refused",
        )
        new = sum(one.new and job.state != "failed" for one, job in jobs)
        old = sum(not one.new and job.state != "failed" for one, job in jobs)
        counts = {key: f"{n:,}" for key, n in sums.items()}
        command.tell(said, files=files, new=new, old=old, broken=broken, **counts)
    return 1 if broken else 0


_SUMMED = ("accepted", "duplicates", "refused")


def _as_json(made: Created, job: Job) -> dict[str, Any]:
    left_out = ("mapping", "columns")
    return {k: v for k, v in dataclasses.asdict(job).items() if k not in left_out} | {"new": made.new}


def _read(path: Path) -> str:
    from zerodistance.core.touchpoints.import_jobs import open_file
    from zerodistance.core.touchpoints.mapping import wrong

    with open_file(path) as file:
        try:
            return file.read().decode()
        except UnicodeDecodeError:
            raise wrong("TOML", "映射文件要用 utf-8", "the mapping file must be utf-8") from None


def follow(home: Home, job: Job, *, quiet: bool) -> Job:
    """Wait while a worker takes the file in; where none runs, do its work here."""
    from zerodistance.core.touchpoints.import_jobs import load
    from zerodistance.kernel.locks import worker_pid

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=command.errors, disable=quiet) as bar:
        task = bar.add_task(job.file_name, total=job.rows)

        def show() -> Job:
            now = load(home, job.number)
            bar.update(task, completed=now.read, total=max(now.rows or 0, now.read))
            return now

        while (now := show()).open:
            if worker_pid(home.lock_path) is not None:
                time.sleep(_POLL)
            else:
                _run_here(home, show)
    return now


def _run_here(home: Home, show: Callable[[], Job]) -> None:
    from zerodistance.kernel.errors import WorkerRunning

    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(_POLL):
            show()

    watcher = threading.Thread(target=watch, name="progress", daemon=True)
    watcher.start()
    try:
        command.work_here(home)
    except WorkerRunning:  # one has started meanwhile: wait for it
        pass
    finally:
        ended.set()
        watcher.join()


def _moment(at: int | None) -> str:
    from zerodistance.kernel import clock

    return (
        "" if at is None else f"{clock.from_micros(at).astimezone(command.settings().tz):%Y-%m-%d %H:%M:%S}"
    )


def _tell_created(made: Created) -> None:
    job = made.job
    if made.made_source is not None:
        command.tell(Text("新建了来源 {key}", "made the source {key}"), key=made.made_source.key)
    if made.new:
        command.tell(
            Text("导入 {n}：{file} → {key}", "import {n}: {file} into {key}"),
            n=job.number,
            file=job.file_name,
            key=job.source_key,
        )
    elif job.state == "done":
        said = Text(
            "这个文件已按同一映射于 {at} 导入（导入 {n}），没有什么要做的",
            "this file was already imported under this mapping on {at} (import {n}); nothing to do",
        )
        command.tell(said, at=_moment(job.finished_at), n=job.number)
    else:
        command.tell(
            Text("导入 {n} 还没有完成，接着做", "import {n} is not finished; it goes on"), n=job.number
        )


def tell_end(job: Job) -> None:
    """Print how an import ended."""
    if job.state == "failed":
        command.tell(
            Text("导入 {n} 失败：{error}", "import {n} failed: {error}"), n=job.number, error=job.error
        )
        return
    if job.state == "stopped":
        command.tell(Text("导入 {n} 已被停止", "import {n} was stopped"), n=job.number)
        return
    if job.state != "done":
        command.tell(Text("导入 {n} 在等待处理", "import {n} waits for the worker"), n=job.number)
        return
    said = Text(
        "{rows} 行：收下 {accepted}，重复 {duplicates}，拒收 {refused}",
        "{rows} rows: {accepted} taken, {duplicates} repeated, {refused} refused",
    )
    command.tell(
        said,
        rows=f"{job.rows:,}",
        **{k: f"{getattr(job, k):,}" for k in ("accepted", "duplicates", "refused")},
    )
    if job.refused:
        hint = Text(
            "拒收的行在隔离区：zerodistance quarantine list --source {key}",
            "refused rows are in the quarantine: zerodistance quarantine list --source {key}",
        )
        command.tell(hint, key=job.source_key)


def tell_report(report: Report) -> None:
    """Print what a dry run found."""
    for text, values in _lines(report):
        command.tell(text, **values)
    for reason, examples in report.examples.items():
        table = Table(title=f"{_reason(reason)} ({report.refused[reason]:,})", title_justify="left", box=None)
        for heading in (
            words("位置", "place"),
            words("说明", "why"),
            words("内容（只留形状）", "content, its form only"),
        ):
            table.add_column(heading)
        for example in examples:
            table.add_row(
                example["place"],
                example["detail"].get(command.lang()),
                str(example["row"].get("values", example["row"])),
            )
        command.show(table)
    if report.first:
        command.tell(Text("最前面的交互会是：", "the first touches would be:"))
        for touch in report.first:
            command.console.print(
                "  " + "  ".join(f"{k}={v}" for k, v in touch.items()), markup=False, highlight=False
            )
    command.tell(Text("没有写入任何东西", "nothing was kept"))


def _lines(report: Report) -> list[tuple[Text, dict[str, Any]]]:
    lines: list[tuple[Text, dict[str, Any]]] = []
    made = (
        Text("（不存在，会新建）", " (does not exist, would be made)") if report.source_made else Text("", "")
    )
    lines.append((Text("来源 {key}{made}", "source {key}{made}"), {"key": report.source, "made": made}))
    refused = sum(report.refused.values())
    said = Text("{rows} 行：可收下 {good}，会拒收 {bad}", "{rows} rows: {good} would be taken, {bad} refused")
    lines.append((said, {"rows": f"{report.rows:,}", "good": f"{report.accepted:,}", "bad": f"{refused:,}"}))
    if report.repeated:
        again = Text("其中 {n} 行的编号重复，只收第一次", "{n} of them repeat an id: only the first is taken")
        lines.append((again, {"n": f"{report.repeated:,}"}))
    if report.earliest:
        lines.append(
            (
                Text("发生于 {a} 到 {b}", "happened from {a} to {b}"),
                {"a": report.earliest, "b": report.latest},
            )
        )
    for kind, n in report.kinds.most_common():
        lines.append((Text("  {kind}：{n}", "  {kind}: {n}"), {"kind": kind, "n": f"{n:,}"}))
    for namespace, (n, distinct) in report.identifiers.items():
        found = Text(
            "标识 {space}：{n} 行，{d} 个不同的值", "identifier {space}: on {n} rows, {d} different values"
        )
        lines.append((found, {"space": namespace, "n": f"{n:,}", "d": f"{distinct:,}"}))
    if report.uncached_formulas:
        empty = Text(
            "{n} 个公式没有存下结果，按空处理", "{n} formulas have no kept value and are read as empty"
        )
        lines.append((empty, {"n": f"{report.uncached_formulas:,}"}))
    nobody = Text("没有任何标识：{n} 行，照样保留", "without any identifier: {n} rows, kept all the same")
    lines.append((nobody, {"n": f"{report.nobody:,}"}))
    return lines


def _reason(code: str) -> str:
    from zerodistance.core.touchpoints.rules import REASONS

    return REASONS[code].get(command.lang()) if code in REASONS else code
