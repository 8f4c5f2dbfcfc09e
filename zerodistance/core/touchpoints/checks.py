"""What `doctor` looks at in touchpoints: journal, tail, lake, imports, quarantine, and that every touch is there exactly once."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import duckdb
import pyarrow as pa
from sqlalchemy import delete, select

from zerodistance.core.touchpoints import (
    forget,
    import_jobs,
    journal_checks,
    kept,
    ledger,
    staging,
    store,
    tail,
    tail_checks,
    undo,
)
from zerodistance.core.touchpoints.tail_checks import BACK, RESTORE
from zerodistance.kernel import lake_health
from zerodistance.kernel.errors import WrongKey
from zerodistance.kernel.findings import NOTHING, Finding, Level, good
from zerodistance.kernel.home import Home
from zerodistance.kernel.lake_health import Hurt
from zerodistance.kernel.locks import others_work
from zerodistance.kernel.mending import aside, from_backup, written_aside
from zerodistance.kernel.text import Text

_SHOWN = 5
_REFUSED = 1_000  # own value: rows of the quarantine that are opened, the newest
_OPEN = ("waiting", "running")
_KINDS = {
    "missing": Text("不见了", "is missing"),
    "size": Text("大小不对", "has another size than was written"),
    "footer": Text("读不出来", "can't be read"),
    "rows": Text("行数不对", "holds another number of rows"),
    "content": Text("内容损坏", "has damaged content"),
}


def checks(home: Home, deep: bool = False) -> Iterator[Finding]:
    """Yield what is found, store by store; with `deep` every page of the lake is read."""
    yield from journal_checks.checks(home)
    yield from tail_checks.checks(home)
    findings = list(_lake(home, deep))
    if any(f.level is Level.DAMAGE for f in findings) and others_work(home.lock_path):
        findings = list(_lake(home, deep))  # files may have been joined or rows forgotten between two looks
    yield from findings
    yield from _imports(home)
    yield from _quarantine(home)


# -- the lake


def _lake(home: Home, deep: bool) -> Iterator[Finding]:
    with home.state.read() as tx:
        last = ledger.last_batch(tx)
    health = lake_health.look(home, tail.TABLE, content=deep, strays=not others_work(home.lock_path))
    if health.log:
        yield _log(home, health.log)
        return
    held = home.lake.held(tail.TABLE, tail.APP)
    if held > last:
        text = Text(
            f"湖里已有第 {held} 批，状态库只到第 {last} 批：状态库是一份旧拷贝",
            f"the lake holds batch {held} but the state ends at {last}: the state is an older copy",
        )
        holds = Text("湖里的交互都在", "the touches in the lake are all there")
        lost = Text("状态库被换成旧拷贝之后的一切", "everything that the state held since that copy")
        yield Finding(Level.DAMAGE, "lake", text, RESTORE, None, "lake.ahead", holds, lost)
        return
    yield from (hurt_file(home, hurt) for hurt in health.hurt)
    if health.strays:
        yield stray_files(home, "lake", health.strays)
    if health.hurt:
        return
    try:
        yield from _counts(home)
    except tail.TailLost:
        return  # said above
    except (duckdb.Error, pa.ArrowException, OSError) as error:
        text = Text(
            f"数据读不出来：{type(error).__name__}", f"the data can't be read: {type(error).__name__}"
        )
        yield Finding(Level.DAMAGE, "lake", text, RESTORE, None, "lake.unreadable")


def hurt_file(home: Home, hurt: Hurt) -> Finding:
    """Return the finding for one data file of a table that can't be made anew from other stores."""
    name = str(hurt.path.relative_to(home.root))
    kind = _KINDS[hurt.kind]
    text = Text(f"{name} {kind.zh}", f"{name} {kind.en}")
    holds = Text("其他数据文件不受影响", "the other data files are untouched")
    back = from_backup(home, name, size=hurt.size)
    if back is not None:
        return Finding(Level.DAMAGE, "lake", text, BACK, back, f"lake.{hurt.kind}", holds)
    lost = Text(f"其中的 {hurt.rows} 条交互", f"the {hurt.rows} touches in it")
    return Finding(Level.DAMAGE, "lake", text, RESTORE, None, f"lake.{hurt.kind}", holds, lost)


def stray_files(home: Home, store_name: str, strays: Sequence[Path]) -> Finding:
    """Return the note on data files that no version of a table names."""
    text = Text(
        f"{len(strays)} 个数据文件不属于任何版本（进程中断留下的）",
        f"{len(strays)} data files belong to no version (left by an interruption)",
    )
    advice = Text("移到 damaged/；没有人读它们", "move them into damaged/; nobody reads them")

    def move() -> None:
        for path in strays:
            aside(home, path)

    return Finding(Level.NOTE, store_name, text, advice, move, "lake.stray")


def _log(home: Home, why: str) -> Finding:
    text = Text(f"表 {tail.TABLE} 打不开：{why}", f"the table {tail.TABLE} can't be opened: {why}")
    holds = Text(
        "数据文件还在，只是不知道哪些有效",
        "the data files are there, only which of them are valid can't be told",
    )
    advice = Text(
        "丢掉检查点的提示，从备份放回缺损的日志文件；不行再恢复备份",
        "drop the hint at the last checkpoint and put damaged files of the log back from a backup; restore a backup if that is not enough",
    )
    lost = Text("在修好之前读不到湖里的交互", "until it is mended, the touches in the lake can't be read")
    return Finding(Level.DAMAGE, "lake", text, advice, _mended_log(home), "lake.log", holds, lost)


def _mended_log(home: Home) -> Callable[[], None] | None:
    """Return what puts the log's files right, None if there is nothing to try."""
    log = home.lake.path(tail.TABLE) / "_delta_log"
    hint = log / "_last_checkpoint"
    puts = [put for name in log_files(home, tail.TABLE) if (put := from_backup(home, name)) is not None]
    if not hint.exists() and not puts:
        return None

    def mend() -> None:
        aside(home, hint)
        if lake_health.look(home, tail.TABLE).log:
            for put in puts:
                put()

    return mend


def log_files(home: Home, table: str) -> list[str]:
    """Return the files of a table's log that can't be read, and those between the first and the last that are not there."""
    log = home.lake.path(table) / "_delta_log"
    commits = {int(p.stem): p for p in log.glob("*.json") if p.stem.isdigit()}
    gone = [n for n in range(min(commits, default=0), max(commits, default=-1) + 1) if n not in commits]
    broken = [path for path in commits.values() if not _is_commit(path.read_bytes())]
    names = [log / f"{n:020d}.json" for n in gone] + broken
    return [str(path.relative_to(home.root)) for path in names]


def _is_commit(data: bytes) -> bool:
    try:
        return bool(data) and all(isinstance(json.loads(line), dict) for line in data.splitlines() if line)
    except ValueError:
        return False


def _counts(home: Home) -> Iterator[Finding]:
    """Compare the touches of each batch with what its commit said; sums of rows and their squares show a doubled row."""
    with home.state.read() as tx:
        expected = {
            row.number: row.touches for row in tx.execute(select(store.batch.c.number, store.batch.c.touches))
        }
        forgotten, under_way = (
            a + b for a, b in zip(forget.forgotten_touches(tx), undo.undone_touches(tx), strict=True)
        )
    with home.engine.connect() as connection:
        tail.touches_view(connection, home)
        found = connection.execute(
            "select batch, count(*), sum(row::hugeint), sum(row::hugeint * row) from touches where batch <= $last group by batch",
            {"last": max(expected, default=0)},
        ).fetchall()
    counted = {batch: n for batch, n, _, _ in found}
    doubled = [
        batch
        for batch, n, rows, squares in found
        if n > expected.get(batch, 0)
        or (n == expected[batch] and (rows, squares) != (n * (n - 1) // 2, n * (n - 1) * (2 * n - 1) // 6))
    ]
    lost = sum(n - counted.get(batch, 0) for batch, n in expected.items() if batch not in doubled)
    if doubled:
        some = ", ".join(map(str, sorted(doubled)[:_SHOWN]))
        text = Text(
            f"{len(doubled)} 批的行重复：{some}", f"rows of {len(doubled)} batches stand twice: {some}"
        )
        holds = Text("没有丢失，但这些批次被算了两次", "nothing is lost, but these batches are counted twice")
        yield Finding(Level.DAMAGE, "lake", text, RESTORE, None, "lake.doubled", holds)
    if not forgotten <= lost <= forgotten + under_way:
        text = Text(
            f"按提交记录还应有 {lost - forgotten} 行（已扣除按要求删除和撤销的 {forgotten} 行）",
            f"{lost - forgotten} rows that were committed are not there (besides {forgotten} that were forgotten or undone on request)",
        )
        what = Text(f"{lost - forgotten} 条交互", f"{lost - forgotten} touches")
        yield Finding(Level.DAMAGE, "lake", text, RESTORE, None, "lake.lost", NOTHING, what)
    elif not doubled:
        n, batches = sum(counted.values()), len(expected)
        yield good(
            "lake",
            f"{batches} 批共 {n} 行，每行恰好一次",
            f"{n} touches of {batches} batches, each exactly once",
        )


# -- files on their way in


def _imports(home: Home) -> Iterator[Finding]:
    job = store.import_job
    query = select(job.c.number, job.c.file_name).where(job.c.state.in_(_OPEN)).order_by(job.c.number)
    with home.state.read() as tx:
        jobs = [(int(number), str(name)) for number, name in tx.execute(query)]
    sound = 0
    for number, name in jobs:
        why = _staged(home, number)
        if why is None:
            sound += 1
            continue
        text = Text(
            f"导入 {number}（{name}）的文件{why.zh}", f"the file of import {number} ({name}) {why.en}"
        )
        holds = Text(
            "已提交的行都在；再导入同一文件不会重复",
            "the rows that are committed; the same file again doubles nothing",
        )
        back = from_backup(home, f"imports/{number}.sealed")
        if back is not None:
            yield Finding(Level.DAMAGE, "imports", text, BACK, back, "imports.damaged", holds)
            continue
        advice = Text(
            "记为失败，然后重新导入原文件", "count it as failed, then import the original file again"
        )
        lost = Text("还没读到的行，原文件里有", "the rows that were not read yet; the original file has them")
        yield Finding(
            Level.DAMAGE, "imports", text, advice, _failed(home, number), "imports.damaged", holds, lost
        )
    if sound:
        yield good(
            "imports", f"{sound} 个进行中的导入，文件完好", f"{sound} imports under way, their files sound"
        )


def _staged(home: Home, number: int) -> Text | None:
    """Say what is wrong with the file of an open import, None if nothing is: its size, its first and its last piece."""
    if not staging.path_of(home, number).exists():
        with home.state.read() as tx:
            state = tx.execute(
                select(store.import_job.c.state).where(store.import_job.c.number == number)
            ).scalar()
        return Text("不见了", "is missing") if state in _OPEN else None
    try:
        with staging.open_staged(home, number) as file:
            file.read(1)
            file.seek(-1, 2)
            file.read(1)
    except (WrongKey, OSError):
        return Text("打不开或已损坏", "can't be opened or is damaged")
    return None


def _failed(home: Home, number: int) -> Callable[[], None]:
    def fail() -> None:
        aside(home, staging.path_of(home, number))
        import_jobs.finished(
            home, number, error="doctor: the staged file was missing or damaged; import it again"
        )

    return fail


# -- refused rows


def _quarantine(home: Home) -> Iterator[Finding]:
    t = store.quarantine
    with home.state.read() as tx:
        rows = tx.execute(select(t.c.id, t.c.raw).order_by(t.c.id.desc()).limit(_REFUSED)).all()
    bad = [number for number, raw in rows if not _opens(home, raw)]
    if bad and len(bad) == len(rows) and len(rows) > 1:
        text = Text(
            "拒收的行一个也打不开：密钥文件不是当时的那一把",
            "no refused row can be opened: the key file is not the one of their time",
        )
        advice = Text("放回当时的密钥文件", "put back the key file of its time")
        yield Finding(Level.DAMAGE, "quarantine", text, advice, None, "quarantine.key")
    elif bad:
        text = Text(f"{len(bad)} 个拒收的行打不开", f"{len(bad)} refused rows can't be opened")
        advice = Text(
            "移到 damaged/；它们不能再修改和重放",
            "move them into damaged/; they can't be mended and replayed any more",
        )
        lost = Text("这些行的原文", "what these rows said")
        holds = Text("已收下的交互不受影响", "the touches that were taken in are untouched")
        yield Finding(
            Level.DAMAGE,
            "quarantine",
            text,
            advice,
            _taken_out(home, bad),
            "quarantine.unreadable",
            holds,
            lost,
        )
    elif rows:
        yield good("quarantine", f"抽查 {len(rows)} 行，均可打开", f"{len(rows)} rows were opened, all sound")


def _opens(home: Home, raw: bytes) -> bool:
    try:
        home.seal.open(raw, kept.WHERE)
    except WrongKey:
        return False
    return True


def _taken_out(home: Home, numbers: list[int]) -> Callable[[], None]:
    t = store.quarantine

    def take_out() -> None:
        with home.state.write() as tx:
            for row in tx.execute(select(t).where(t.c.id.in_(numbers))).mappings().all():
                sealed = {k: base64.b64encode(v).decode() for k, v in row.items() if isinstance(v, bytes)}
                written_aside(home, "quarantine.jsonl", {**row, **sealed})
            tx.execute(delete(t).where(t.c.id.in_(numbers)))

    return take_out
