"""What `doctor` looks at in touchpoints: the journal, the tail, the lake, and that every touch is there exactly once."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pyarrow as pa
from sqlalchemy import select

from zerodistance.core.touchpoints import forget, journal, ledger, store, tail
from zerodistance.kernel.errors import WrongKey
from zerodistance.kernel.findings import Finding, Level, good
from zerodistance.kernel.home import Home
from zerodistance.kernel.locks import worker_lock, worker_pid
from zerodistance.kernel.text import Text

_SHOWN = 5
RESTORE = Text(
    "停止服务，恢复最近一次完整备份（整个数据目录与同一把密钥）",
    "stop the service and restore the last whole backup (the whole home folder with its key)",
)


def checks(home: Home) -> Iterator[Finding]:
    """Yield what is found, store by store."""
    yield from _journal(home)
    yield from _tail(home)
    findings = list(_lake(home))
    if any(finding.level is Level.DAMAGE for finding in findings) and worker_pid(home.lock_path) is not None:
        findings = list(_lake(home))  # files may have been joined or rows forgotten between two looks
    yield from findings


def _damage(store_name: str, zh: str, en: str, advice: Text = RESTORE) -> Finding:
    return Finding(Level.DAMAGE, store_name, Text(zh, en), advice)


def _journal(home: Home) -> Iterator[Finding]:
    path = home.path("journal.db")
    if not path.exists():
        yield good("journal", "还没有收到过任何请求", "no request has come in yet")
        return
    try:
        connection = journal.connect(path)
        said = connection.execute("pragma integrity_check").fetchone()[0]
        connection.close()
    except sqlite3.DatabaseError as error:
        said = str(error)
    if said != "ok":
        yield _damage("journal", f"文件已损坏：{said}", f"the file is damaged: {said}")
        return
    read, position = journal.Journal.of(home), journal.position(home)
    try:
        last, waiting = read.last(), read.waiting(position)
        if position > last:
            yield _damage(
                "journal",
                f"状态库已处理到第 {position} 行，日志只到第 {last} 行：两者不是同一时间的备份",
                f"the state has digested row {position} but the journal ends at {last}: they are copies of different times",
            )
        else:
            yield good(
                "journal",
                f"完好；{waiting.rows} 个请求（{waiting.events} 条）等待处理",
                f"sound; {waiting.rows} requests ({waiting.events} events) wait to be digested",
            )
        if any(row.encoding == journal.DAMAGED for row in read.read(position, events=1)):
            shut = WrongKey(path=home.seal.path)
            yield _damage("journal", shut.message("zh"), shut.message("en"))
    finally:
        read.close()


def _tail(home: Home) -> Iterator[Finding]:
    with home.state.read() as tx:
        files = tail.listed(tx)
    bad = 0
    for file in files:
        wrong = _wrong_with(home, file)
        with home.state.read() as tx:
            still = any(f.batch == file.batch for f in tail.listed(tx, file.batch - 1))
        if wrong and still:  # else the sealer has moved it meanwhile
            bad += 1
            yield _damage("tail", f"{file.file}：{wrong.zh}", f"{file.file}: {wrong.en}")
    named = {file.file for file in files}
    orphans = [path for path in home.path("tail").iterdir() if path.name not in named]
    if orphans and worker_pid(home.lock_path) is None:
        yield Finding(
            Level.NOTE,
            "tail",
            Text(
                f"{len(orphans)} 个文件没有被提交（进程中断留下的）",
                f"{len(orphans)} files were never committed (left by an interruption)",
            ),
            Text("可以安全删除；处理进程启动时也会删", "safe to remove; the worker does it when it starts"),
            lambda: _remove(home, orphans),
        )
    if not bad:
        yield good("tail", f"{len(files)} 个文件，均可读", f"{len(files)} files, all readable")


def _wrong_with(home: Home, file: tail.TailFile) -> Text | None:
    path = home.path("tail", file.file)
    if not path.exists():
        return Text("文件不见了", "the file is missing")
    if path.stat().st_size != file.bytes:
        return Text("大小不对", "it has another size than was written")
    try:
        rows = tail.read_files(home, [file])
    except (pa.ArrowException, OSError) as error:
        return Text(f"读不出来：{error}", f"it can't be read: {error}")
    if rows.num_rows != file.touches or set(rows["batch"].unique().to_pylist()) != {file.batch}:
        return Text("行数或批号不对", "it holds other rows than were committed")
    return None


def _remove(home: Home, orphans: list[Path]) -> None:
    with worker_lock(home.lock_path), home.state.read() as tx:
        named = {file.file for file in tail.listed(tx)}
        for path in orphans:
            if path.name not in named:
                path.unlink(missing_ok=True)


def _lake(home: Home) -> Iterator[Finding]:
    with home.state.read() as tx:
        last = ledger.last_batch(tx)
    try:
        held = home.lake.held(tail.TABLE, tail.APP)
        missing = [Path(file).name for file in home.lake.files(tail.TABLE) if not Path(file).exists()]
    except Exception as error:  # delta-rs raises its own kinds for a damaged log
        yield _damage(
            "lake",
            f"表 touches 打不开：{type(error).__name__}",
            f"the table touches can't be opened: {type(error).__name__}",
        )
        return
    if held > last:
        yield _damage(
            "lake",
            f"湖里已有第 {held} 批，状态库只到第 {last} 批",
            f"the lake holds batch {held} but the state ends at {last}",
        )
        return
    if missing:
        names = ", ".join(missing[:_SHOWN])
        yield _damage(
            "lake",
            f"缺 {len(missing)} 个数据文件：{names}",
            f"{len(missing)} data files are missing: {names}",
        )
        return
    try:
        yield from _counts(home)
    except tail.TailLost:
        return  # said above
    except (duckdb.Error, pa.ArrowException, OSError) as error:
        yield _damage(
            "lake", f"数据读不出来：{type(error).__name__}", f"the data can't be read: {type(error).__name__}"
        )


def _counts(home: Home) -> Iterator[Finding]:
    """Compare the touches of each batch with what its commit said; sums of rows and their squares show a doubled row."""
    with home.state.read() as tx:
        expected = {
            row.number: row.touches for row in tx.execute(select(store.batch.c.number, store.batch.c.touches))
        }
        forgotten, under_way = forget.forgotten_touches(tx)
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
        yield _damage(
            "lake",
            f"{len(doubled)} 批的行重复：{some}",
            f"rows of {len(doubled)} batches stand twice: {some}",
        )
    if not forgotten <= lost <= forgotten + under_way:
        yield _damage(
            "lake",
            f"按提交记录还应有 {lost - forgotten} 行（已扣除按要求删除的 {forgotten} 行）",
            f"{lost - forgotten} rows that were committed are not there (besides {forgotten} that were forgotten on request)",
        )
    elif not doubled:
        n, batches = sum(counted.values()), len(expected)
        yield good(
            "lake",
            f"{batches} 批共 {n} 行，每行恰好一次",
            f"{n} touches of {batches} batches, each exactly once",
        )
