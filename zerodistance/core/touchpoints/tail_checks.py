"""What `doctor` looks at in the hot tail: every committed file is there and says what was committed; and how it is mended."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
from sqlalchemy import delete

from zerodistance.core.touchpoints import ledger, store, tail
from zerodistance.kernel.findings import NOTHING, Finding, Level, good
from zerodistance.kernel.home import Home
from zerodistance.kernel.locks import others_work
from zerodistance.kernel.mending import aside, from_backup
from zerodistance.kernel.text import Text

RESTORE = Text(
    "停止服务，恢复最近一次完整备份（zerodistance restore）",
    "stop the service and restore the last whole backup (zerodistance restore)",
)
BACK = Text("从备份里放回这个文件", "put the file back from a backup")
_HOLDS = Text("其他批次不受影响", "the other batches are untouched")


def checks(home: Home) -> Iterator[Finding]:
    """Yield what is found in the tail."""
    with home.state.read() as tx:
        files, last = tail.listed(tx), ledger.last_batch(tx)
    bad = 0
    for file in files:
        wrong = _wrong_with(home, file)
        with home.state.read() as tx:
            still = any(f.batch == file.batch for f in tail.listed(tx, file.batch - 1))
        if wrong and still:  # else the sealer has moved it meanwhile
            bad += 1
            yield _broken(home, file, *wrong)
    if not others_work(home.lock_path):
        yield from _orphans(home, {file.file for file in files}, last)
    if not bad:
        yield good("tail", f"{len(files)} 个文件，均可读", f"{len(files)} files, all readable")


def _broken(home: Home, file: tail.TailFile, code: str, wrong: Text) -> Finding:
    text = Text(f"{file.file}：{wrong.zh}", f"{file.file}: {wrong.en}")
    if file.batch <= _sealed(home):
        advice = Text("不再需要它：这一批已在湖里", "it is needed no more: the lake holds the batch")
        return Finding(
            Level.DAMAGE, "tail", text, advice, lambda: _let_go(home, file), f"tail.{code}", _HOLDS
        )
    lost = Text(
        f"第 {file.batch} 批的 {file.touches} 条交互", f"the {file.touches} touches of batch {file.batch}"
    )
    back = from_backup(home, f"tail/{file.file}", size=file.bytes)
    if back is None:
        return Finding(Level.DAMAGE, "tail", text, RESTORE, None, f"tail.{code}", _HOLDS, lost)
    return Finding(Level.DAMAGE, "tail", text, BACK, back, f"tail.{code}", _HOLDS, NOTHING)


def _sealed(home: Home) -> int:
    try:
        return home.lake.held(tail.TABLE, tail.APP)
    except Exception:  # a damaged log is said where the lake is looked at
        return 0


def _let_go(home: Home, file: tail.TailFile) -> None:
    aside(home, home.path("tail", file.file))
    with home.state.write() as tx:
        tx.execute(delete(store.tail).where(store.tail.c.batch == file.batch))


def _wrong_with(home: Home, file: tail.TailFile) -> tuple[str, Text] | None:
    path = home.path("tail", file.file)
    if not path.exists():
        return "missing", Text("文件不见了", "the file is missing")
    if path.stat().st_size != file.bytes:
        return "damaged", Text("大小不对", "it has another size than was written")
    try:
        rows = tail.read_files(home, [file])
        rows.validate(full=True)
    except (pa.ArrowException, OSError) as error:
        return "damaged", Text(f"读不出来：{error}", f"it can't be read: {error}")
    if rows.num_rows != file.touches or set(rows["batch"].unique().to_pylist()) != {file.batch}:
        return "damaged", Text("行数或批号不对", "it holds other rows than were committed")
    return None


# -- files that no commit names


def _orphans(home: Home, named: set[str], last: int) -> Iterator[Finding]:
    orphans = [path for path in sorted(home.path("tail").iterdir()) if path.name not in named]
    later = [path for path in orphans if path.stem.isdigit() and int(path.stem) > last + 1]
    if later:
        text = Text(
            f"有 {len(later)} 个文件属于第 {last} 批之后很久的批次：状态库是一份旧拷贝",
            f"{len(later)} files are of batches long after {last}: the state is an older copy",
        )
        lost = Text("状态库被换成旧拷贝之后的一切", "everything that the state held since that copy")
        yield Finding(Level.DAMAGE, "tail", text, RESTORE, None, "state.older", lost=lost)
        return
    if orphans:
        yield Finding(
            Level.NOTE,
            "tail",
            Text(
                f"{len(orphans)} 个文件没有被提交（进程中断留下的）",
                f"{len(orphans)} files were never committed (left by an interruption)",
            ),
            Text(
                "可以安全移走；处理进程启动时也会删",
                "safe to move away; the worker removes them when it starts",
            ),
            _moved(home, orphans),
            "tail.orphan",
        )


def _moved(home: Home, orphans: list[Path]) -> Callable[[], None]:
    def move() -> None:
        with home.state.read() as tx:
            named = {file.file for file in tail.listed(tx)}
        for path in orphans:
            if path.name not in named:
                aside(home, path)

    return move
