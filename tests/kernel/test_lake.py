"""The lake: appended once, joined and purged without losing a row."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.patience import PATIENCE
from zerodistance.kernel import lake_health
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
