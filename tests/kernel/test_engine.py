"""What does not fit into memory is written down, and only where it may be."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from zerodistance.kernel.engine import Engine

MEMORY_MB = 64


def _engine(spill: Path) -> Engine:
    return Engine(spill, memory_mb=MEMORY_MB, threads=1)


def _grouped(connection: duckdb.DuckDBPyConnection) -> int:
    connection.execute("set preserve_insertion_order = false")
    sql = "select count(*) from (select t, count(*) from (select repeat('x', 60) || i as t from range(1_200_000) r(i)) group by t)"
    found = connection.execute(sql).fetchone()
    assert found is not None
    return int(found[0])


def test_a_query_larger_than_its_memory_spills_and_leaves_nothing(tmp_path: Path) -> None:
    with _engine(tmp_path).connect() as connection:
        assert _grouped(connection) == 1_200_000
        assert list(tmp_path.iterdir())
    assert not list(tmp_path.iterdir())


def test_a_share_of_the_memory_is_a_share_and_never_less_than_work_needs(tmp_path: Path) -> None:
    limits = []
    for memory_mb, share in ((1_024, 1.0), (1_024, 0.25), (256, 0.25), (64, 0.25)):
        with Engine(tmp_path, memory_mb=memory_mb, threads=1).connect(share=share) as connection:
            limits += connection.execute("select current_setting('memory_limit')").fetchone() or ()
    assert limits == ["1.0 GiB", "256.0 MiB", "128.0 MiB", "64.0 MiB"]


def test_two_connections_spill_beside_each_other(tmp_path: Path) -> None:
    engine = _engine(tmp_path)
    with engine.connect() as one, engine.connect() as other:
        assert (_grouped(one), _grouped(other)) == (1_200_000, 1_200_000)
        assert len(list(tmp_path.iterdir())) == 2


def test_raw_data_are_never_written_down(tmp_path: Path) -> None:
    with _engine(tmp_path).connect(raw=True) as connection:
        with pytest.raises(duckdb.OutOfMemoryException):
            _grouped(connection)
        assert not list(tmp_path.iterdir())


def test_what_a_killed_process_left_is_removed_and_what_a_living_one_uses_stays(tmp_path: Path) -> None:
    gone = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True, check=True
    )
    here = Path("/proc/self/ns/pid").stat().st_ino
    left, used = tmp_path / f"{here}-{gone.stdout.strip()}-1", tmp_path / f"{here}-{os.getpid()}-1"
    another, old = tmp_path / f"{here + 1}-1-1", tmp_path / f"{here + 1}-1-2"
    for folder in (left, used, another, old):
        folder.mkdir()
        (folder / "duckdb_temp_storage_DEFAULT-0.tmp").write_bytes(b"x")
    os.utime(old, (0, 0))
    _engine(tmp_path)
    assert sorted(tmp_path.iterdir()) == sorted([used, another])
