"""A column that came later: what was written before has nothing in it, in the lake, in the tail and in what was set aside."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pyarrow as pa
import pytest

from tests.core.profiles import world
from zerodistance.core.touchpoints import book, tail
from zerodistance.core.touchpoints.contracts import TOUCHES, widened
from zerodistance.kernel.home import Home

LATER = ["energy", "warnings"]
AT = datetime(2026, 11, 1, tzinfo=UTC)


def _written(home: Home, version: int, rows: pa.Table) -> None:
    home.lake.append(tail.TABLE, rows, app=tail.APP, version=version, partition_by="month")


def _read(home: Home) -> list[tuple[object, ...]]:
    with home.engine.connect() as connection:
        tail.touches_view(connection, home)
        return connection.execute(
            "select batch, quantity, energy, warnings from touches order by batch"
        ).fetchall()


def _rows(batch: int, **more: object) -> pa.Table:
    return world.table([world.touch(batch, 0, 1, "device.used", AT, quantity=3.0, **more)])


def test_a_log_of_before_a_column_was_there_is_read_and_goes_on(home: Home) -> None:
    old = _rows(1).drop_columns(LATER)
    _written(home, 1, old)
    assert _read(home) == [(1, 3.0, None, None)], "before anything new was written"
    _written(home, 2, _rows(2, energy=1.5, warnings=2.0))
    assert _read(home) == [(1, 3.0, None, None), (2, 3.0, 1.5, 2.0)]
    for n in range(3, 12):
        _written(home, n, _rows(n, energy=float(n)))
    assert (
        home.lake.settle(tail.TABLE, by="month", order=("subject", "happened_at"), engine=home.engine) == 11
    )
    assert [row[2] for row in _read(home)] == [None, 1.5, *map(float, range(3, 12))]
    home.lake.delete_where(tail.TABLE, "batch > 1")
    assert _read(home) == [(1, 3.0, None, None)]


def test_rows_of_before_are_given_the_columns_of_today(home: Home) -> None:
    old = _rows(1).drop_columns(LATER)
    assert widened(old, TOUCHES).schema.equals(TOUCHES)
    name, _ = tail.write_file(home.path("tail"), 1, old)
    new, _ = tail.write_file(home.path("tail"), 2, _rows(2, energy=1.5))
    files = [tail.TailFile(n, file, 1, 1, 0) for n, file in ((1, name), (2, new))]
    assert tail.read_files(home, files).column("energy").to_pylist() == [None, 1.5]


def test_blocks_by_subject_of_before_are_made_anew(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    _written(home, 1, _rows(1).drop_columns(LATER))
    monkeypatch.setattr(book, "FORMAT", 1)
    assert book.lay(home)
    monkeypatch.undo()
    assert book.lay(home) and book.rows_of(home, [1]).column("energy").to_pylist() == [None]
    _written(home, 2, _rows(2, energy=1.5))
    assert book.lay(home) and not book.lay(home)
    assert sorted(book.rows_of(home, [1]).column("energy").to_pylist(), key=str) == [1.5, None]
    pointer = home.path("index", "touches", "CURRENT")
    assert json.loads(json.loads(pointer.read_text())["body"])["format"] == book.FORMAT
