"""The lake: appended once, joined and purged without losing a row."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from tests.patience import PATIENCE
from zerodistance.kernel import lake, lake_health
from zerodistance.kernel.home import Home


def rows(*values: int, month: str = "2026-11") -> pa.Table:
    return pa.table(
        {"n": pa.array(values, pa.int64()), "word": [f"w{v}" for v in values], "month": [month] * len(values)}
    )


def content(home: Home) -> list[tuple[int, str]]:
    files = home.lake.files("t")
    with home.engine.connect() as connection:
        found = connection.execute(
            "select n, month from read_parquet(?, hive_partitioning = true) order by n", [files]
        ).fetchall()
    return [(n, str(month)) for n, month in found]


def test_a_version_is_appended_once(home: Home) -> None:
    assert home.lake.append("t", rows(1, 2), app="a", version=3, partition_by="month")
    assert not home.lake.append("t", rows(1, 2), app="a", version=3, partition_by="month")
    assert home.lake.held("t", "a") == 3 and home.lake.held("t", "b") == 0
    assert content(home) == [(1, "2026-11"), (2, "2026-11")] and home.lake.count("t") == 2


def test_rows_lie_in_the_folder_of_their_month(home: Home) -> None:
    both = pa.concat_tables([rows(1), rows(2, month="2026-12")])
    home.lake.append("t", both, app="a", version=1, partition_by="month")
    assert content(home) == [(1, "2026-11"), (2, "2026-12")]
    assert {path.split("/")[-2] for path in home.lake.files("t")} == {"month=2026-11", "month=2026-12"}


def test_small_files_are_joined_sorted_and_nothing_is_lost(home: Home) -> None:
    for version in range(1, 11):
        home.lake.append(
            "t", rows(100 - version, month="2026-11"), app="a", version=version, partition_by="month"
        )
    home.lake.append("t", rows(7, month="2026-12"), app="a", version=11, partition_by="month")
    before = content(home)
    assert home.lake.settle("t", by="month", order=("n",), engine=home.engine) == 10
    assert content(home) == before and home.lake.count("t") == 11
    assert len(home.lake.files("t")) == 2 and home.lake.held("t", "a") == 11
    assert home.lake.settle("t", by="month", order=("n",), engine=home.engine) == 0
    home.lake.append("t", rows(1), app="a", version=12, partition_by="month")
    assert len(content(home)) == 12


def test_what_is_appended_while_files_are_rewritten_does_not_wait_and_stays(home: Home) -> None:
    for version in range(1, 4):
        home.lake.append("t", rows(version), app="a", version=version)
    files, _ = home.lake.snapshot("t", "a")
    schema = pq.read_schema(files[0])

    def one_more() -> Iterator[pa.RecordBatch]:
        yield from rows(1, 2).cast(schema).to_batches()
        other = threading.Thread(target=lambda: home.lake.append("t", rows(4), app="a", version=4))
        other.start()  # another thread, as the sealer is: the lock of this one would let itself in
        other.join(PATIENCE)
        yield from rows(3).cast(schema).to_batches()

    home.lake.rewrite("t", pa.RecordBatchReader.from_batches(schema, one_more()), files)
    assert [n for n, _ in content(home)] == [1, 2, 3, 4]
    assert home.lake.held("t", "a") == 4 and len(home.lake.files("t")) == 2
    home.lake.append("t", rows(4), app="a", version=4)
    assert len(content(home)) == 4


def test_a_table_is_appended_to_while_files_of_another_are_written(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = home.lake._write

    def slow(table: str, *given: Any) -> Any:
        if table == "t":
            other = threading.Thread(target=lambda: home.lake.append("u", rows(2), app="a", version=1))
            other.start()
            other.join(PATIENCE)
            assert home.lake.held("u", "a") == 1
        return write(table, *given)

    monkeypatch.setattr(home.lake, "_write", slow)
    assert home.lake.append("t", rows(1), app="a", version=1)
    assert content(home) == [(1, "2026-11")]


def test_small_files_become_one_and_the_others_stay(home: Home) -> None:
    for version in range(1, 5):
        home.lake.append("t", rows(*range(3 if version < 4 else 3_000)), app="a", version=version)
    before, large = content(home), max(home.lake.files("t"), key=lambda path: Path(path).stat().st_size)
    home.lake.compact("t", target_bytes=Path(large).stat().st_size)
    assert large in home.lake.files("t") and len(home.lake.files("t")) == 2
    assert sorted(content(home)) == sorted(before) and home.lake.held("t", "a") == 4


def test_files_that_were_replaced_stay_for_whoever_reads_them_and_go_later(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    for version in range(1, 4):
        home.lake.append("t", rows(version), app="a", version=version)
    before, true = home.lake.files("t"), content(home)
    home.lake.compact("t")
    home.lake.let_go("t")
    assert all(Path(file).exists() for file in before) and len(home.lake.files("t")) == 1
    monkeypatch.setattr(lake, "_READERS", timedelta(0))
    home.lake.let_go("t")
    assert not any(Path(file).exists() for file in before) and content(home) == true
    assert len(list((home.lake.path("t") / "_delta_log").glob("*.json"))) <= 1


def test_a_log_that_is_cut_while_it_is_opened_is_opened_again(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.lake.append("t", rows(1), app="a", version=1)
    left = [DeltaError("a file of the log is gone")] * 2

    def cut(path: Path) -> DeltaTable:
        if left:
            raise left.pop()
        return DeltaTable(path)

    monkeypatch.setattr(lake, "DeltaTable", cut)
    assert home.lake.count("t") == 1 and not left
    monkeypatch.setattr(lake, "_TRIES", 1)
    home.lake._opened.clear()
    left.extend([DeltaError("a file of the log is gone")] * 3)
    with pytest.raises(DeltaError):
        home.lake.count("t")


def test_what_a_killed_commit_left_in_the_log_hides_no_later_one(home: Home) -> None:
    home.lake.append("t", rows(1), app="a", version=1)
    log = home.lake.path("t") / "_delta_log"
    for left in ("00000000000000000009.json#1", "00000000000000000009.checkpoint.parquet#1"):
        (log / left).write_text("")
    for version in (2, 3):
        assert home.lake.append("t", rows(version), app="a", version=version)
        assert home.lake.held("t", "a") == version and home.lake.count("t") == version


def test_a_table_that_was_made_anew_is_read_anew(home: Home) -> None:
    home.lake.append("t", rows(1), app="a", version=1)
    assert home.lake.held("t", "a") == 1
    shutil.rmtree(home.lake.path("t"))
    assert home.lake.held("t", "a") == 0 and not home.lake.exists("t")
    home.lake.append("t", rows(2, 3), app="b", version=7)
    assert (home.lake.held("t", "b"), home.lake.count("t")) == (7, 2)


def test_deleted_rows_are_in_no_file_and_no_log(home: Home) -> None:
    home.lake.append("t", rows(4711, 2), app="a", version=1, partition_by="month")
    home.lake.append("t", rows(3), app="a", version=2, partition_by="month")
    assert home.lake.delete_where("t", "n = 4711") == 1
    assert content(home) == [(2, "2026-11"), (3, "2026-11")]
    assert home.lake.held("t", "a") == 2
    on_disk = [path for path in home.lake.path("t").rglob("*") if path.is_file()]
    assert not [path for path in on_disk if b"w4711" in path.read_bytes() or b"4711" in path.read_bytes()]
    parquet = [path for path in on_disk if path.suffix == ".parquet" and "checkpoint" not in path.name]
    assert len(parquet) == 2


@pytest.mark.parametrize("predicate", ["n = 99", "n is null"])
def test_deleting_nothing_changes_nothing(home: Home, predicate: str) -> None:
    home.lake.append("t", rows(1), app="a", version=1, partition_by="month")
    assert home.lake.delete_where("t", predicate) == 0
    assert content(home) == [(1, "2026-11")]


def test_a_table_whose_first_commit_never_came_is_none_yet_and_not_damaged(home: Home) -> None:
    log = home.lake.path("t") / "_delta_log"
    log.mkdir(parents=True)
    (log / "_commit_1.json.tmp").write_text("{")
    assert lake_health.look(home, "t").log == ""
    assert not home.lake.exists("t") and home.lake.everything("t") == [log / "_commit_1.json.tmp"]
    assert home.lake.append("t", rows(1), app="a", version=1)
    health = lake_health.look(home, "t")
    assert not health.log and not health.hurt


def test_a_table_whose_log_is_gone_is_damaged(home: Home) -> None:
    home.lake.append("t", rows(1), app="a", version=1)
    for path in (home.lake.path("t") / "_delta_log").iterdir():
        path.unlink()
    assert lake_health.look(home, "t").log == "there is none"
