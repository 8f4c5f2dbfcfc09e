"""`zerodistance doctor`: check every store, say what is wrong and what to do; 1 on damage."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from typing import Annotated

from cyclopts import Parameter

from zerodistance.doors import parts as handed
from zerodistance.kernel import clock, command
from zerodistance.kernel.command import words
from zerodistance.kernel.findings import Finding, Level, good
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text

OLDEST_NOW = 1_767_225_600_000_000  # 2026-01-01: the program did not exist before
RESTORE = Text("停止服务，恢复最近一次完整备份", "stop the service and restore the last whole backup")
_NOT_SETTINGS = ("log", "fault", "test_all", "test_state", "test_slow", "chromium")
_SIGNS = {Level.GOOD: "[green]✓[/]", Level.NOTE: "[yellow]![/]", Level.DAMAGE: "[red]✗[/]"}


def doctor(
    *,
    repair: Annotated[
        bool, Parameter(negative="", help=words("修复可以安全重建的部分", "mend what can be rebuilt safely"))
    ] = False,
    as_json: Annotated[
        bool, Parameter("--json", negative="", help=words("以 JSON 输出", "print JSON"))
    ] = False,
) -> int:
    """Check every store; say what is wrong and what to do. Exit code 1 on damage."""
    lang = command.lang()
    findings: list[Finding] = []
    for finding in _look():
        mended = repair and finding.repair is not None
        if mended and finding.repair is not None:
            finding.repair()
            finding = Finding(
                Level.GOOD, finding.store, Text(f"已修复：{finding.text.zh}", f"mended: {finding.text.en}")
            )
        findings.append(finding)
    if as_json:
        command.say_json([_plain(finding, lang) for finding in findings])
    else:
        for finding in findings:
            _print(finding, lang)
    return int(any(finding.level is Level.DAMAGE for finding in findings))


def _look() -> list[Finding]:
    from sqlalchemy.exc import DatabaseError

    from zerodistance.kernel.errors import StateAway

    try:
        home = command.home()
        return [*_own(home), *handed.parts().checks(home)]
    except StateAway as error:
        said = Text(error.message("zh"), error.message("en"))
        return [Finding(Level.DAMAGE, "state", said, Text("启动数据库服务器", "start the database server"))]
    except DatabaseError as error:  # too damaged to be opened or read
        return [
            Finding(
                Level.DAMAGE,
                "state",
                Text(f"读不了：{error.orig}", f"it can't be read: {error.orig}"),
                RESTORE,
            )
        ]


def _plain(finding: Finding, lang: str) -> dict[str, object]:
    return {
        "level": finding.level.value,
        "store": finding.store,
        "text": finding.text.get(lang),
        "advice": finding.advice.get(lang),
        "repair": finding.repair is not None,
    }


def _print(finding: Finding, lang: str) -> None:
    from rich.markup import escape

    command.console.print(
        f"{_SIGNS[finding.level]} {finding.store:8} {escape(finding.text.get(lang))}", highlight=False
    )
    advice = finding.advice.get(lang)
    if finding.repair is not None:
        advice += Text("（--repair 会做）", " (--repair does it)").get(lang)
    if advice:
        command.console.print(f"           → {escape(advice)}", highlight=False)


def _own(home: Home) -> Iterator[Finding]:
    yield from _key(home)
    yield from _state(home)
    yield _disk(home)
    yield from _clock(home)
    yield from _environment()


def _key(home: Home) -> Iterator[Finding]:
    mode = stat.S_IMODE(home.seal.path.stat().st_mode)
    if mode & 0o077:
        text = Text(f"密钥文件别的用户也能读（{mode:o}）", f"others may read the key file ({mode:o})")
        yield Finding(
            Level.DAMAGE,
            "key",
            text,
            Text("改为只有所有者可读", "let only the owner read it"),
            lambda: home.seal.path.chmod(0o600),
        )
    else:
        yield good("key", "只有所有者可读", "readable by its owner only")


def _state(home: Home) -> Iterator[Finding]:
    from zerodistance import migrations

    (said, loose), kind = home.state.damage(), home.state.kind()
    now_at, head = migrations.current(home.state), migrations.revisions()[-1]
    if said:
        yield Finding(Level.DAMAGE, "state", Text(f"已损坏：{said}", f"it is damaged: {said}"), RESTORE)
    elif loose:
        yield Finding(
            Level.DAMAGE,
            "state",
            Text(f"{loose} 行指向不存在的行", f"{loose} rows point at rows that do not exist"),
            RESTORE,
        )
    else:
        yield good("state", f"完好，{kind}", f"sound, {kind}")
    if now_at == head:
        yield good("state", f"数据表版本 {now_at}，是最新的", f"tables of revision {now_at}, the newest")
    else:
        text = Text(
            f"数据表版本 {now_at}，程序要求 {head}", f"tables of revision {now_at}, the program wants {head}"
        )
        yield Finding(Level.DAMAGE, "state", text, RESTORE)


def _disk(home: Home) -> Finding:
    free = shutil.disk_usage(home.root).free
    least = home.settings.min_free_bytes
    text = Text(f"剩余 {free / 1e9:.1f} GB", f"{free / 1e9:.1f} GB free")
    if free < least:
        why = Text("少于设置的下限，采集会回答 429", "less than the settings keep; collection answers 429")
        return Finding(
            Level.DAMAGE,
            "disk",
            Text(f"{text.zh}，{why.zh}", f"{text.en}, {why.en}"),
            Text("腾出空间", "make room"),
        )
    if free < 3 * least:
        return Finding(
            Level.NOTE, "disk", text, Text("快到下限了", "near the bound below which collection stops")
        )
    return Finding(Level.GOOD, "disk", text)


def _clock(home: Home) -> Iterator[Finding]:
    now = clock.micros()
    newest = max(
        (
            path.stat().st_mtime
            for path in (home.path("state.db"), home.path("state.db-wal"))
            if path.exists()
        ),
        default=0.0,
    )
    mend = Text("用 NTP 校准时钟", "set the clock by NTP")
    if now < OLDEST_NOW:
        yield Finding(
            Level.DAMAGE, "clock", Text("系统时钟停在过去", "the system's clock stands in the past"), mend
        )
    elif newest * 1e6 > now + 60 * clock.MICROS_PER_SECOND:
        yield Finding(Level.NOTE, "clock", Text("系统时钟倒退过", "the system's clock has gone back"), mend)
    else:
        yield good("clock", f"{clock.now():%Y-%m-%d %H:%M:%S} UTC", f"{clock.now():%Y-%m-%d %H:%M:%S} UTC")


def _environment() -> Iterator[Finding]:
    from zerodistance.kernel.settings import Settings

    head = "ZERODISTANCE_"
    for name in sorted(os.environ):
        if name.startswith(head) and name[len(head) :].lower() not in (
            *Settings.model_fields,
            *_NOT_SETTINGS,
        ):
            text = Text(f"环境变量 {name} 不是任何设置", f"the environment variable {name} is no setting")
            yield Finding(
                Level.NOTE,
                "settings",
                text,
                Text("检查拼写；它没有任何作用", "check its spelling; it does nothing"),
            )
