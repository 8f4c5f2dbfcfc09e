"""`zerodistance feeds`: describe, try, run, pause and watch what is fetched by itself, and keep its secrets."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter
from rich.table import Table

from zerodistance.kernel import command
from zerodistance.kernel.command import words
from zerodistance.kernel.text import Text

if TYPE_CHECKING:
    from zerodistance.connectors.feeds.contracts import Feed, Outcome

app = App(
    name="feeds",
    help=words("取数：定时从别处取来", "feeds: what is fetched from elsewhere by itself"),
)
secret = App(name="secret", help=words("取数用的密文", "secrets that feeds use"))
app.command(secret)
_Name = Annotated[str, Parameter(help=words("取数的名称", "name of the feed"))]
_AsJson = Annotated[bool, Parameter("--json", negative="", help=words("以 JSON 输出", "print JSON"))]
_STATES = {
    "paused": Text("已暂停", "paused"),
    "running": Text("运行中", "running"),
    "failing": Text("失败", "failing"),
    "refusing": Text("有文件被拒", "files refused"),
    "waiting": Text("还没运行", "not run yet"),
    "well": Text("正常", "well"),
}


@app.command(help=words("按说明文件新建取数", "add a feed that a file describes"))
def add(
    file: Annotated[Path, Parameter(help=words("取数文件（TOML）", "feed file (TOML)"))],
    *,
    replace: Annotated[
        bool,
        Parameter(
            negative="",
            help=words(
                "同名的换成这个说明，接着原来的位置", "let it take the place of the one of the same name"
            ),
        ),
    ] = False,
    as_json: _AsJson = False,
) -> None:
    """Add a feed that a file describes; the worker runs it at its next turn."""
    from zerodistance.connectors.feeds import api

    def beside(name: str) -> str:
        return _read(file.parent / name)

    feed = api.add_feed(
        command.home(),
        command.who(),
        _read(file),
        name=file.stem.lower(),
        beside=beside,
        replacing=replace,
    )
    if as_json:
        command.say_json(_plain(feed))
        return
    said = Text(
        "取数 {name} 已就绪：{kind} {place} → 来源 {source}，每 {every}；先看看会取到什么：zerodistance feeds test {name}",
        "the feed {name} is ready: {kind} {place} into {source}, every {every}; see what it would bring: "
        "zerodistance feeds test {name}",
    )
    command.tell(
        said,
        name=feed.name,
        kind=_kind(feed),
        place=feed.place,
        source=feed.source_key,
        every=_span(feed.every),
    )


@app.command(name="list", help=words("列出取数和状态", "list the feeds and how they are doing"))
def list_(*, as_json: _AsJson = False) -> None:
    """List the feeds."""
    from zerodistance.connectors.feeds import api

    found = api.list_feeds(command.home(), command.who())
    if as_json:
        command.say_json([_plain(feed) for feed in found])
        return
    if not found:
        command.tell(
            Text(
                "还没有取数；写一个说明文件，再 `zerodistance feeds add 文件`",
                "no feed yet; write a file that describes one, then `zerodistance feeds add FILE`",
            )
        )
        return
    table = Table(box=None)
    for zh, en in (
        ("名称", "name"),
        ("类型", "kind"),
        ("来源", "source"),
        ("状态", "state"),
        ("上次", "last run"),
        ("下次", "next run"),
        ("导入", "imports"),
        ("说明", "why"),
    ):
        table.add_column(words(zh, en))
    for feed in found:
        table.add_row(
            feed.name,
            _kind(feed).get(command.lang()),
            feed.source_key,
            _state(feed),
            _moment(feed.last_finished_at),
            _moment(feed.next_at),
            f"{feed.taken:,}",
            _why(feed),
        )
    command.show(table)


@app.command(
    help=words(
        "查看一个取数：说明、状态、收过和拒收的文件",
        "show a feed: what it says, how it is doing, files it met",
    )
)
def show(name: _Name, *, as_json: _AsJson = False) -> None:
    """Show one feed."""
    from zerodistance.connectors.feeds import api

    home, who = command.home(), command.who()
    feed, files = api.get_feed(home, who, name), api.files_of(home, who, name)
    upto = api.reached(home, who, name)
    if as_json:
        told = [{**dataclasses.asdict(one), "at": _moment(one.at)} for one in files]
        command.say_json(
            {**_plain(feed), "reached": upto, "text": feed.text, "mapping": feed.mapping, "files": told}
        )
        return
    table = Table(box=None, show_header=False)
    for key, value in {**_plain(feed), "reached": upto}.items():
        if value not in (None, "", 0):
            table.add_row(key, value.get(command.lang()) if isinstance(value, Text) else str(value))
    command.show(table)
    if files:
        _show_files(files)
    command.console.print("\n" + feed.text.strip(), markup=False, highlight=False)


def _show_files(files: list[Any]) -> None:
    table = Table(box=None)
    for zh, en in (
        ("文件", "file"),
        ("字节", "bytes"),
        ("时间", "at"),
        ("导入", "import"),
        ("拒收原因", "refused for"),
    ):
        table.add_column(words(zh, en))
    for one in files:
        why = "" if one.why is None else one.why.get(command.lang())
        table.add_row(one.path, f"{one.size:,}", _moment(one.at), str(one.number or ""), why)
    command.show(table)


@app.command(help=words("现在就运行一次", "run a feed now"))
def run(
    name: _Name,
    *,
    wait: Annotated[bool, Parameter(help=words("等到导入完", "wait until it is taken in"))] = True,
    as_json: _AsJson = False,
) -> int:
    """Run a feed now, and wait until what it brought is taken in."""
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    from zerodistance.connectors.feeds import api
    from zerodistance.core.touchpoints.import_cli import follow
    from zerodistance.core.touchpoints.import_jobs import get

    home, who = command.home(), command.who()
    columns = (SpinnerColumn(), TextColumn("{task.description} {task.completed:,.0f}"), TimeElapsedColumn())
    with Progress(*columns, console=command.errors, disable=as_json) as bar:
        task = bar.add_task(name, total=None)
        outcome = api.run_feed(home, who, name, lambda done: bar.update(task, completed=done))
    jobs = [get(home, who, number) for number in outcome.imports]
    if wait:
        jobs = [follow(home, job, quiet=as_json) for job in jobs]
    if as_json:
        command.say_json({**dataclasses.asdict(outcome), "jobs": [_job(job) for job in jobs]})
    else:
        _tell_run(name, outcome, jobs)
    return 1 if any(job.state == "failed" for job in jobs) else 0


def _job(job: Any) -> dict[str, Any]:
    return {k: v for k, v in dataclasses.asdict(job).items() if k not in ("mapping", "columns")}


def _tell_run(name: str, outcome: Outcome, jobs: list[Any]) -> None:
    from zerodistance.core.touchpoints.import_cli import tell_end

    if not (outcome.imports or outcome.known or outcome.refused or outcome.left):
        command.tell(Text("{name}：没有新的", "{name}: nothing new"), name=name)
        return
    said = Text(
        "{name}：新导入 {new}，已导入过 {known}，拒收文件 {refused}，还在写 {left}",
        "{name}: {new} imported, {known} imported before, {refused} files refused, {left} still being written",
    )
    counts = {"known": outcome.known, "refused": outcome.refused, "left": outcome.left}
    command.tell(said, name=name, new=len(outcome.imports), **counts)
    for job in jobs:
        command.tell(Text("导入 {n}：{file}", "import {n}: {file}"), n=job.number, file=job.file_name)
        tell_end(job)
    if outcome.refused:
        command.tell(
            Text("拒收原因：zerodistance feeds show {name}", "why: zerodistance feeds show {name}"), name=name
        )


@app.command(help=words("试连，看会取到什么，不写入", "connect and say what it would bring, keep nothing"))
def test(name: _Name, *, as_json: _AsJson = False) -> None:
    """Try a feed: connect, read what comes first, and dry-run it."""
    from zerodistance.connectors.feeds import api
    from zerodistance.core.touchpoints.import_cli import tell_report

    trial = api.try_feed(command.home(), command.who(), name)
    if as_json:
        report = None if trial.report is None else vars(trial.report)
        command.say_json({**dataclasses.asdict(dataclasses.replace(trial, report=None)), "report": report})
        return
    command.tell(
        Text("{place}：读到 {n}", "{place} answers: {n} found"), place=trial.place, n=f"{trial.found:,}"
    )
    if trial.sample is not None:
        command.tell(Text("以 {file} 试：", "tried with {file}:"), file=trial.sample)
    if trial.too_large:
        command.tell(Text("文件太大，没有试读", "it is too large to be tried"))
    if trial.report is not None:
        tell_report(trial.report)


@app.command(help=words("暂停", "let a feed rest"))
def pause(name: _Name) -> None:
    """Let a feed rest until it is resumed."""
    from zerodistance.connectors.feeds import api

    api.pause_feed(command.home(), command.who(), name)
    command.tell(Text("取数 {name} 已暂停", "the feed {name} rests"), name=name)


@app.command(help=words("恢复，并马上运行", "let a feed run again, at once"))
def resume(name: _Name) -> None:
    """Let a feed run again."""
    from zerodistance.connectors.feeds import api

    api.resume_feed(command.home(), command.who(), name)
    command.tell(Text("取数 {name} 已恢复", "the feed {name} runs again"), name=name)


@app.command(
    help=words("从头再取；收过的不会再收", "let a feed begin anew; what was taken is not taken again")
)
def rewind(name: _Name) -> None:
    """Let a feed begin anew."""
    from zerodistance.connectors.feeds import api

    api.rewind_feed(command.home(), command.who(), name)
    command.tell(Text("取数 {name} 会从头再取", "the feed {name} begins anew"), name=name)


@app.command(help=words("删除取数；取来的保留", "remove a feed; what it brought stays"))
def remove(name: _Name) -> None:
    """Remove a feed."""
    from zerodistance.connectors.feeds import api

    api.remove_feed(command.home(), command.who(), name)
    command.tell(
        Text(
            "取数 {name} 已删除；取来的都保留，可用 import undo 逐个撤销",
            "the feed {name} is removed; what it brought stays, and each import can be undone",
        ),
        name=name,
    )


_Secret = Annotated[str, Parameter(help=words("密文的名称", "name of the secret"))]


@secret.command(
    name="set",
    help=words("写入密文：从提示或标准输入读", "keep a secret, read from a prompt or standard input"),
)
def set_(
    name: _Secret,
    *,
    file: Annotated[
        Path | None, Parameter(help=words("从文件读，如私钥", "read it from a file, such as a private key"))
    ] = None,
) -> None:
    """Keep a secret, sealed in the home; nobody can read it again."""
    from zerodistance.connectors.feeds import api

    if file is not None:
        value = _read(file)
    elif sys.stdin.isatty():
        import getpass

        value = getpass.getpass(words("密文：", "secret: "))
    else:
        value = sys.stdin.read().rstrip("\r\n")
    api.set_secret(command.home(), command.who(), name, value)
    command.tell(Text("密文 {name} 已封存", "the secret {name} is sealed"), name=name)


@secret.command(name="list", help=words("列出密文的名称", "list the names of secrets"))
def secrets_list(*, as_json: _AsJson = False) -> None:
    """List which secrets are kept, never what they are."""
    from zerodistance.connectors.feeds import api

    found = api.list_secrets(command.home(), command.who())
    if as_json:
        command.say_json([{**dataclasses.asdict(one), "set_at": _moment(one.set_at)} for one in found])
        return
    table = Table(box=None)
    for zh, en in (("名称", "name"), ("写入者", "set by"), ("时间", "at")):
        table.add_column(words(zh, en))
    for one in found:
        table.add_row(one.name, one.set_by, _moment(one.set_at))
    command.show(table)


@secret.command(name="remove", help=words("删除密文", "remove a secret"))
def secrets_remove(name: _Secret) -> None:
    """Remove a secret."""
    from zerodistance.connectors.feeds import api

    api.remove_secret(command.home(), command.who(), name)
    command.tell(Text("密文 {name} 已删除", "the secret {name} is removed"), name=name)


def _read(path: Path) -> str:
    from zerodistance.core.touchpoints.import_errors import NoFile
    from zerodistance.core.touchpoints.import_jobs import open_file

    with open_file(path) as file:
        try:
            return file.read().decode()
        except UnicodeDecodeError:
            raise NoFile(path=path, why=Text("不是 utf-8", "it is not utf-8")) from None


def _plain(feed: Feed) -> dict[str, Any]:
    left_out = ("text", "mapping", "number", "source", "error", "error_code")
    said: dict[str, Any] = {k: v for k, v in dataclasses.asdict(feed).items() if k not in left_out}
    for key in ("created_at", "paused_at", "next_at", "last_started_at", "last_finished_at", "running"):
        said[key] = _moment(said[key]) or None
    return {**said, "state": feed.state, "error_code": feed.error_code, "error": feed.error}


def _kind(feed: Feed) -> Text:
    from zerodistance.connectors.feeds.contracts import KINDS

    return KINDS[feed.kind]


def _state(feed: Feed) -> str:
    word = _STATES[feed.state].get(command.lang())
    if feed.state == "running" and feed.progress:
        return f"{word} {feed.progress:,}"
    return f"{word} ×{feed.failures}" if feed.state == "failing" else word


def _why(feed: Feed) -> str:
    if feed.error is not None:
        return feed.error.get(command.lang())
    if feed.refused:
        said = Text("{n} 个文件被拒，见 feeds show", "{n} files refused, see feeds show")
        return said.format(n=feed.refused).get(command.lang())
    return ""


def _span(seconds: float) -> Text:
    for size, zh, en in ((86_400, "天", "d"), (3_600, "小时", "h"), (60, "分钟", "min")):
        if seconds >= size:
            return Text(f"{seconds / size:g} {zh}", f"{seconds / size:g} {en}")
    return Text(f"{seconds:g} 秒", f"{seconds:g} s")


def _moment(at: int | None) -> str:
    from zerodistance.kernel import clock

    zone = command.settings().tz
    return "" if at is None else f"{clock.from_micros(at).astimezone(zone):%Y-%m-%d %H:%M:%S}"
