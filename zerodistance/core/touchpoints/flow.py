"""Where a touch came from: message, request, import, batch. What `trace` asks touchpoints."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import func, select

from zerodistance.core.touchpoints import bodies, journal, kept, store, tail
from zerodistance.core.touchpoints.details import words
from zerodistance.core.touchpoints.rules import REASONS
from zerodistance.kernel.access import Permission, Who
from zerodistance.kernel.errors import NotFound
from zerodistance.kernel.flow import Step
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text

_MOST = 20  # own value: touches shown of one message id, batch or import
_COLUMNS = "batch, row, source, source_id, kind, name, subject, epoch_us(happened_at) as happened_at, epoch_us(received_at) as received_at"


def of_message(home: Home, who: Who, message: str) -> list[Step]:
    """Return the touches with this message id (or id of the source), or where it waits or was refused."""
    who.need(Permission.OPERATE)
    steps = list(_touches(home, "source_id = $given", {"given": message}))
    return steps or [*_waiting(home, message), *_refused(home, message)]


def of_touch(home: Home, who: Who, batch: int, row: int) -> list[Step]:
    """Return one touch with its batch; raises NotFound."""
    who.need(Permission.OPERATE)
    steps = list(_touches(home, "batch = $batch and row = $row", {"batch": batch, "row": row}))
    if not steps:
        raise NotFound(what=Text("触点记录", "touch"), given=f"{batch}:{row}")
    return steps


def of_subjects(home: Home, who: Who, subjects: Sequence[int]) -> list[Step]:
    """Return the latest touches of some subjects."""
    who.need(Permission.OPERATE)
    return list(_touches(home, "list_contains($subjects, subject)", {"subjects": list(subjects)}))


def of_batch(home: Home, who: Who, number: int) -> list[Step]:
    """Return a batch and its first touches; raises NotFound."""
    who.need(Permission.OPERATE)
    steps = list(_batches(home, [number]))
    if not steps:
        raise NotFound(what=Text("批次", "batch"), given=number)
    return [*steps, *(s for s in _touches(home, "batch = $batch", {"batch": number}) if s.kind == "touch")]


def of_import(home: Home, who: Who, number: int) -> list[Step]:
    """Return an import and the batches it was taken in by; raises NotFound."""
    who.need(Permission.OPERATE)
    j, b = store.import_job, store.batch
    with home.state.read() as tx:
        row = tx.execute(select(j).where(j.c.number == number)).mappings().first()
        if row is None:
            raise NotFound(what=Text("导入", "import"), given=number)
        batches = (
            tx.execute(select(b.c.number).where(b.c.feed == f"import:{number}").order_by(b.c.number))
            .scalars()
            .all()
        )
    said = Text(
        "文件 {file_name}：{state}，收下 {accepted} 行，重复 {duplicates}，拒收 {refused}",
        "file {file_name}: {state}, {accepted} rows taken, {duplicates} repeated, {refused} refused",
    ).format(**row)
    return [Step("import", f"import:{number}", said, row["created_at"]), *_batches(home, batches[:_MOST])]


def _touches(home: Home, where: str, bound: dict[str, Any]) -> Iterator[Step]:
    """Yield touches, each new batch before its first touch; `where` is one of this module's own conditions."""
    with home.engine.connect() as connection:
        tail.touches_view(connection, home)
        found = connection.execute(
            f"select {_COLUMNS} from touches where {where} order by batch desc, row desc limit {_MOST}", bound
        )
        names = [column[0] for column in found.description or ()]
        rows = [dict(zip(names, row, strict=True)) for row in found.fetchall()]
    with home.state.read() as tx:
        source = {
            row.number: row.key for row in tx.execute(select(store.source.c.number, store.source.c.key))
        }
    held = home.lake.held(tail.TABLE, tail.APP)
    last = None
    for row in reversed(rows):
        if row["batch"] != last:
            last = row["batch"]
            yield from _batches(home, [last])
        where_is = Text("湖", "lake") if row["batch"] <= held else Text("热尾", "hot tail")
        said = Text(
            "{kind} {name}，来源 {key}，原编号 {source_id}，在{where}",
            "{kind} {name}, source {key}, its id there {source_id}, in the {where}",
        ).format(
            **{
                **row,
                "name": row["name"] or "",
                "key": source.get(row["source"], row["source"]),
                "where": where_is,
            }
        )
        yield Step(
            "touch", f"{row['batch']}:{row['row']}", said, row["received_at"], 1, {"subject": row["subject"]}
        )


def _batches(home: Home, numbers: Sequence[int]) -> Iterator[Step]:
    b = store.batch
    with home.state.read() as tx:
        for number in numbers:
            row = tx.execute(select(b).where(b.c.number == number)).mappings().first()
            if row is None:
                continue
            before = (
                tx.execute(
                    select(func.max(b.c.position)).where(b.c.feed == row["feed"], b.c.number < number)
                ).scalar()
                or 0
            )
            said = Text(
                "来自 {feed} 第 {first} 至 {position} 行，{touches} 条",
                "from {feed} rows {first} to {position}, {touches} touches",
            ).format(**row, first=before + 1)
            yield Step("batch", f"b{number}", said, row["committed_at"])


def _waiting(home: Home, message: str) -> Iterator[Step]:
    """Yield the requests that hold the message id and are not yet digested."""
    reader, after = journal.Journal.of(home), journal.position(home)
    needle = message.encode()
    try:
        while rows := reader.read(after):
            after = rows[-1].id
            for row in rows:
                if row.encoding == journal.DAMAGED or row.encoding.startswith(journal.REFUSED):
                    continue
                if needle in bodies.unpack(row.body, row.encoding, home.settings.max_body_bytes):
                    said = Text("已收下并落盘，等待处理", "accepted and on disk, waits to be digested")
                    yield Step("journal", f"journal:{row.id}", said, row.received_at)
    finally:
        reader.close()


def _refused(home: Home, message: str) -> Iterator[Step]:
    q, needle = store.quarantine, message.encode()
    with home.state.read() as tx:
        rows = tx.execute(select(q).order_by(q.c.id.desc()).execution_options(yield_per=500)).mappings()
        for row in rows:
            if needle in kept.open(home.seal, row["raw"]):
                said = Text("在隔离区：{reason}，{detail}", "in the quarantine: {reason}, {detail}").format(
                    reason=REASONS.get(row["reason"], row["reason"]), detail=words(row["detail"])
                )
                yield Step("quarantine", f"q{row['id']}", said, row["at"])
