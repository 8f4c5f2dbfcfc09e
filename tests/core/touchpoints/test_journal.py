"""The journal: sealed, in order, durable before the answer, removed only behind the worker."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tests.patience import PATIENCE
from zerodistance.core.touchpoints import journal, writer
from zerodistance.core.touchpoints.journal import Journal
from zerodistance.core.touchpoints.writer import JournalFailed, Writer
from zerodistance.kernel.home import Home


class Digested:
    """A position of the worker that a test can move."""

    def __init__(self, position: int = 0) -> None:
        self.position = position

    def __call__(self) -> int:
        return self.position


def _with_writer(
    home: Home, work: Callable[[Writer], Awaitable[None]], digested: Digested | None = None
) -> None:
    async def run() -> None:
        opened = Writer(home.path("journal.db"), home.seal, position=digested or Digested())
        opened.start(asyncio.get_running_loop())
        try:
            await work(opened)
        finally:
            opened.stop()

    asyncio.run(run())


def _put(number: int, *, at: int = 0) -> Callable[[Writer], Awaitable[None]]:
    async def work(opened: Writer) -> None:
        await asyncio.gather(
            *(opened.put(1, "batch", 1_000 + n, 2, "", b"body %d" % n) for n in range(at, at + number))
        )

    return work


async def _until(done: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not done():
            await asyncio.sleep(0.02)


def test_rows_come_back_in_order_as_they_were_received(home: Home) -> None:
    _with_writer(home, _put(300))
    rows = Journal.of(home).read(0)
    assert [row.body for row in rows] == [b"body %d" % n for n in range(300)]
    assert [row.id for row in rows] == list(range(1, 301))
    assert (rows[7].source, rows[7].route, rows[7].received_at, rows[7].events) == (1, "batch", 1_007, 2)


def test_a_reader_takes_as_much_as_it_asks_for_and_at_least_one_row(home: Home) -> None:
    _with_writer(home, _put(10))
    found = Journal.of(home)
    assert [row.id for row in found.read(3, events=6)] == [4, 5, 6]
    assert [row.id for row in found.read(3, events=1)] == [4]
    assert [row.id for row in found.read(3, limit_bytes=1)] == [4]
    assert found.read(10) == []


def test_what_waits_is_counted_behind_the_position(home: Home) -> None:
    _with_writer(home, _put(10))
    found = Journal.of(home)
    assert found.waiting(4) == journal.Waiting(rows=6, events=12, oldest_at=1_004)
    assert found.waiting(10) == journal.Waiting(rows=0, events=0, oldest_at=None)
    assert found.last() == 10
    assert found.size() > 0


def test_nothing_readable_lies_on_disk(home: Home) -> None:
    _with_writer(home, _put(5))
    assert not any(
        b"body" in path.read_bytes().replace(b"body blob", b"") for path in home.root.glob("journal.db*")
    )
    assert home.path("journal.db").stat().st_mode & 0o077 == 0


def test_a_row_can_not_be_moved_to_another_source_or_time(home: Home) -> None:
    _with_writer(home, _put(1))
    with sqlite3.connect(home.path("journal.db")) as connection:
        connection.execute("update row set source = 2")
    (row,) = Journal.of(home).read(0)
    assert row.encoding == journal.DAMAGED


def test_digested_rows_are_removed_and_the_rest_stays(home: Home) -> None:
    digested = Digested()

    async def work(opened: Writer) -> None:
        await _put(40)(opened)
        digested.position = 25
        await _until(lambda: Journal.of(home).read(0)[0].id == 26)
        await _put(1, at=40)(opened)

    _with_writer(home, work, digested)
    assert [row.id for row in Journal.of(home).read(0)] == list(range(26, 42))


def test_ids_are_never_used_again_not_even_after_the_file_was_lost(home: Home) -> None:
    _with_writer(home, _put(3))
    _with_writer(home, _put(1), Digested(3))
    assert [row.id for row in Journal.of(home).read(0)] == [4]
    for path in home.root.glob("journal.db*"):
        path.unlink()
    _with_writer(home, _put(1), Digested(4))
    assert [row.id for row in Journal.of(home).read(4)] == [5]


def test_erasing_leaves_no_trace_of_what_was_digested(home: Home) -> None:
    _with_writer(home, _put(3))
    with sqlite3.connect(home.path("journal.db")) as connection:
        sealed = connection.execute("select body from row order by id").fetchall()
    found = Journal.of(home)
    assert found.erase(2) == 2
    kept = b"".join(path.read_bytes() for path in home.root.glob("journal.db*"))
    assert sealed[0][0] not in kept
    assert sealed[1][0] not in kept
    assert [row.id for row in found.read(0)] == [3]


def test_a_writer_that_is_erased_under_goes_on(home: Home) -> None:
    async def work(opened: Writer) -> None:
        await _put(5)(opened)
        await asyncio.to_thread(Journal.of(home).erase, 5)
        await _put(5, at=5)(opened)

    _with_writer(home, work)
    assert [row.id for row in Journal.of(home).read(0)] == [6, 7, 8, 9, 10]


def test_a_group_that_can_not_be_written_is_refused_and_the_next_one_is_taken(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = writer._insert
    state = {"full": True}

    def insert(connection: sqlite3.Connection, rows: list[tuple[object, ...]]) -> None:
        real(connection, rows)
        if state["full"]:
            raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(writer, "_insert", insert)

    async def work(opened: Writer) -> None:
        results = await asyncio.gather(
            *(opened.put(1, "batch", 1, 1, "", b"lost") for _ in range(3)), return_exceptions=True
        )
        assert [type(result) for result in results] == [JournalFailed] * 3
        state["full"] = False
        await opened.put(1, "batch", 1, 1, "", b"kept")

    _with_writer(home, work)
    assert [row.body for row in Journal.of(home).read(0)] == [b"kept"]


def test_a_full_disk_and_a_full_journal_are_told_before_anything_is_lost(home: Home) -> None:
    async def run() -> None:
        path: Path = home.path("journal.db")
        for more, trouble in (
            ({"min_free_bytes": 1 << 60}, writer.DiskShort),
            ({"max_bytes": 1}, writer.JournalFull),
            ({}, None),
        ):
            opened = Writer(path, home.seal, position=Digested(), **more)
            opened.start(asyncio.get_running_loop())
            assert opened.trouble is trouble
            opened.stop()

    asyncio.run(run())


def test_a_stopped_writer_has_written_everything_and_takes_nothing_more(home: Home) -> None:
    async def run() -> None:
        opened = Writer(home.path("journal.db"), home.seal, position=Digested())
        opened.start(asyncio.get_running_loop())
        waiting = [opened.put(1, "batch", n, 1, "", os.urandom(100)) for n in range(500)]
        opened.stop()
        await asyncio.gather(*waiting)
        with pytest.raises(JournalFailed):
            opened.put(1, "batch", 1, 1, "", b"late")

    asyncio.run(run())
    assert Journal.of(home).waiting(0).rows == 500


def test_a_request_that_is_given_up_does_not_hold_up_its_group(home: Home) -> None:
    async def work(opened: Writer) -> None:
        first, second = (opened.put(1, "batch", n, 1, "", b"x") for n in range(2))
        first.cancel()
        await second

    _with_writer(home, work)
    assert Journal.of(home).waiting(0).rows == 2
