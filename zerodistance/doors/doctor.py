"""`zerodistance doctor`: check every store, say what is wrong and what to do; 1 on damage."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from zerodistance.doors import parts as handed
from zerodistance.kernel import clock, command
from zerodistance.kernel.command import words
from zerodistance.kernel.findings import Finding, Level, good
from zerodistance.kernel.home import RESTORING, Home
from zerodistance.kernel.locks import worker_lock
from zerodistance.kernel.logs import log
from zerodistance.kernel.text import Text

OLDEST_NOW = 1_767_225_600_000_000  # 2026-01-01: the program did not exist before
RESTORE = Text(
    "停止服务，恢复最近一次完整备份（zerodistance restore）",
    "stop the service and restore the last whole backup (zerodistance restore)",
)
_OWN_KEY = Text(
    "把另外保管的那份密钥文件放回来", "put back the copy of the key file that you keep somewhere else"
)
_UNSEALED = Text(
    "没有它，保险库、日志、隔离区和文本都打不开",
    "without it vault, journal, quarantine and texts can't be opened",
)
_UNDER_TOKENS = Text("交互、画像、人群（都是令牌）", "touches, profiles and segments (under tokens)")
_WRONG_KEY = ("key.wrong", "identity.vault", "journal.key", "quarantine.key")
_SOURCES = ("state", "tail", "lake")
_MADE = ("index", "states", "evidence")
"""Codes of what is made of the sources: anew only from sound ones."""
_ROUNDS = 4  # own value: looks after repairs; a repair may let something else be seen
_NOT_SETTINGS = ("log", "fault", "test_all", "test_state", "test_slow", "chromium")
_SIGNS = {Level.GOOD: "[green]✓[/]", Level.NOTE: "[yellow]![/]", Level.DAMAGE: "[red]✗[/]"}


def doctor(
    *,
    repair: Annotated[
        bool,
        Parameter(
            negative="",
            help=words(
                "修复可以安全重建的部分；先停止服务",
                "mend what can be rebuilt safely; stop the service first",
            ),
        ),
    ] = False,
    deep: Annotated[
        bool,
        Parameter(
            negative="", help=words("逐页读湖里的每个文件", "read every page of every file of the lake")
        ),
    ] = False,
    as_json: Annotated[
        bool, Parameter("--json", negative="", help=words("以 JSON 输出", "print JSON"))
    ] = False,
) -> int:
    """Check every store; say what is wrong, what still holds, what is lost, and what to do. Exit code 1 on damage."""
    lang = command.lang()
    found = _look(deep)
    mended: list[Finding] = []
    if repair and any(finding.repair for finding in found):
        mended, found = _mend(found, deep)
    findings = [*mended, *found]
    if as_json:
        command.say_json([_plain(finding, lang) for finding in findings])
    else:
        for finding in findings:
            _print(finding, lang)
    return int(any(finding.level is Level.DAMAGE for finding in findings))


def _mend(found: list[Finding], deep: bool) -> tuple[list[Finding], list[Finding]]:
    """Mend what can be mended, look again, and go on while that shows something else; return what was mended and what is found now.

    Raises
    ------
    WorkerRunning
        The home is in use: nothing was touched.
    """
    mended: list[Finding] = []
    tried: set[str] = set()
    with worker_lock(_root() / "worker.lock"):
        for _ in range(_ROUNDS):
            todo = [f for f in _now(found) if f.text.en not in tried]
            if not todo:
                break
            for finding in todo:
                tried.add(finding.text.en)
                mended.append(_try(finding))
            command.close()
            found = _look(deep)
    return mended, found


def _now(found: Sequence[Finding]) -> list[Finding]:
    """Return what may be mended now: nothing sealed under a wrong key, nothing that is made of what is damaged itself."""
    todo = [f for f in found if f.repair is not None]
    if any(f.code in _WRONG_KEY for f in found):  # what is sealed only seems to be damaged
        return [f for f in todo if f.code in ("key.open", "files.mode")]
    if any(f.level is Level.DAMAGE and (f.store in _SOURCES or f.code == "state.older") for f in found):
        return [f for f in todo if f.code.partition(".")[0] not in _MADE]
    return todo


def _try(finding: Finding) -> Finding:
    assert finding.repair is not None
    try:
        finding.repair()
    except Exception as error:  # what can't be mended stays as it was found, and the others have their turn
        log("doctor").error("repair_failed", code=finding.code, error=type(error).__name__)
        text = Text(
            f"没能修复：{finding.text.zh}（{type(error).__name__}）",
            f"could not be mended: {finding.text.en} ({type(error).__name__})",
        )
        return Finding(Level.NOTE, finding.store, text, finding.advice, None, finding.code)
    text = Text(f"已修复：{finding.text.zh}", f"mended: {finding.text.en}")
    return Finding(Level.GOOD, finding.store, text, code=finding.code, lost=finding.lost)


def _root() -> Path:
    return command.settings().home.resolve()


def _look(deep: bool) -> list[Finding]:
    from sqlalchemy.exc import DatabaseError

    from zerodistance.kernel.errors import StateAway
    from zerodistance.kernel.postgres import StateOfAnother

    root = _root()
    if not (root / "key").exists() and (root / "state.db").exists() and not (root / RESTORING).exists():
        return [_no_key(root)]
    modes = list(_modes(root))
    if modes:  # nothing else can be looked at before they are right
        return modes
    try:
        home = command.home()
        return [*_own(home), *handed.parts().checks(home, deep)]
    except StateOfAnother as error:
        text = error.text.format(**error.data)
        return [Finding(Level.DAMAGE, "key", text, _OWN_KEY, None, "key.wrong", _UNDER_TOKENS, _UNSEALED)]
    except StateAway as error:
        said = Text(error.message("zh"), error.message("en"))
        return [Finding(Level.DAMAGE, "state", said, Text("启动数据库服务器", "start the database server"))]
    except DatabaseError as error:  # too damaged to be opened or read
        return [_state_unreadable(root, str(error.orig))]


def _no_key(root: Path) -> Finding:
    text = Text(f"密钥文件 {root / 'key'} 不见了", f"the key file {root / 'key'} is missing")
    return Finding(Level.DAMAGE, "key", text, _OWN_KEY, None, "key.missing", _UNDER_TOKENS, _UNSEALED)


def _state_unreadable(root: Path, said: str) -> Finding:
    holds = Text(
        "湖里的交互；日志里还没处理的请求",
        "the touches in the lake; requests in the journal that are not digested",
    )
    lost = Text(
        "身份、账号、人群定义，直到恢复备份", "identity, accounts and segments, until a backup is restored"
    )
    text = Text(f"读不了：{said}", f"it can't be read: {said}")
    return Finding(Level.DAMAGE, "state", text, RESTORE, None, "state.unreadable", holds, lost)


def _modes(root: Path) -> Iterator[Finding]:
    """Look for files and folders that their owner may not read or write."""
    bad = []
    for path in [root, *root.rglob("*")] if root.exists() else []:
        try:
            mode = path.lstat().st_mode
        except FileNotFoundError:  # removed meanwhile
            continue
        wanted = stat.S_IRWXU if stat.S_ISDIR(mode) else stat.S_IRUSR | stat.S_IWUSR
        if (stat.S_ISDIR(mode) or stat.S_ISREG(mode)) and mode & wanted != wanted:
            bad.append((path, wanted))
    if bad:
        name = bad[0][0].relative_to(root)
        text = Text(
            f"{len(bad)} 个文件或目录连所有者也不能读写，第一个是 {name}",
            f"{len(bad)} files or folders can't be read or written by their owner, the first is {name}",
        )
        advice = Text("改为所有者可读写", "let the owner read and write them")
        holds = Text("里面的内容没有变", "what is in them is as it was")

        def allow() -> None:
            for path, wanted in bad:
                path.chmod(stat.S_IMODE(path.stat().st_mode) | wanted)

        yield Finding(Level.DAMAGE, "files", text, advice, allow, "files.mode", holds)


def _plain(finding: Finding, lang: str) -> dict[str, object]:
    return {
        "level": finding.level.value,
        "store": finding.store,
        "code": finding.code,
        "text": finding.text.get(lang),
        "holds": finding.holds.get(lang),
        "lost": finding.lost.get(lang),
        "advice": finding.advice.get(lang),
        "repair": finding.repair is not None,
    }


def _print(finding: Finding, lang: str) -> None:
    from rich.markup import escape

    sign, code = _SIGNS[finding.level], f" [dim]{finding.code}[/]" if finding.code else ""
    said = escape(finding.text.get(lang))
    command.console.print(f"{sign} {finding.store:8} {said}{code}", highlight=False)
    advice = finding.advice.get(lang)
    if finding.repair is not None:
        advice += Text("（--repair 会做）", " (--repair does it)").get(lang)
    for head, line in (
        (Text("仍可靠：", "holds: "), finding.holds.get(lang)),
        (Text("丢失：", "lost: "), finding.lost.get(lang)),
        (Text("→ ", "→ "), advice),
    ):
        if line:
            command.console.print(f"           {head.get(lang)}{escape(line)}", highlight=False)


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
            "key.open",
        )
    else:
        yield good("key", "只有所有者可读", "readable by its owner only")


def _state(home: Home) -> Iterator[Finding]:
    from zerodistance import migrations

    (said, loose), kind = home.state.damage(), home.state.kind()
    now_at, head = migrations.current(home.state), migrations.revisions()[-1]
    if said:
        yield _state_damaged(home, said.splitlines())
    elif loose:
        text = Text(f"{loose} 行指向不存在的行", f"{loose} rows point at rows that do not exist")
        yield Finding(Level.DAMAGE, "state", text, RESTORE, None, "state.loose")
    else:
        yield good("state", f"完好，{kind}", f"sound, {kind}")
    if now_at == head:
        yield good("state", f"数据表版本 {now_at}，是最新的", f"tables of revision {now_at}, the newest")
    else:
        text = Text(
            f"数据表版本 {now_at}，程序要求 {head}", f"tables of revision {now_at}, the program wants {head}"
        )
        yield Finding(Level.DAMAGE, "state", text, RESTORE, None, "state.revision")


def _state_damaged(home: Home, said: list[str]) -> Finding:
    """Return what is wrong with the state's file; where only indexes differ from their tables they are made anew."""
    text = Text(f"文件已损坏：{said[0]}", f"the file is damaged: {said[0]}")
    if all(" index " in line for line in said):
        advice = Text("由数据表重建数据库索引", "make the database's indexes anew from its tables")
        holds = Text("数据表里的一切", "everything in the tables")
        return Finding(Level.DAMAGE, "state", text, advice, lambda: _reindex(home), "state.index", holds)
    lost = Text("读不出来的那些行", "the rows that can't be read")
    return Finding(Level.DAMAGE, "state", text, RESTORE, None, "state.damaged", lost=lost)


def _reindex(home: Home) -> None:
    from zerodistance.kernel.mending import copied_aside

    with home.state.engine.connect() as connection:
        connection.exec_driver_sql("pragma wal_checkpoint(truncate)")
        copied_aside(home, home.state.path)
        connection.exec_driver_sql("reindex")


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
