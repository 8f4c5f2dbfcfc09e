"""Nothing of the truth is in a silo: no id, no hidden word, and no order of rows that gives away who belongs together."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.sample.cities import SILOS, path_of, text_of, truth
from zerodistance.sample.appliances import CAUSES
from zerodistance.sample.people import TEMPERAMENTS

HIDDEN = {*TEMPERAMENTS, *CAUSES, "temperament", "engagement", "integrity", "warmth", "latent", "considers", "household", "truth"} - {
    "begin", "move", "first", "sure", "lost", "death"  # words of everyday use; their tables are looked for below
}  # fmt: skip


def said(root: Path, silo: str) -> str:
    """Return everything that a silo says, whatever its form."""
    if silo == "club":
        table = pq.read_table(path_of(root, silo))
        return "\n".join("\t".join(map(str, row.values())) for row in table.to_pylist()) + " ".join(
            table.column_names
        )
    return text_of(root, silo)


def truth_ids(root: Path) -> set[str]:
    """Return every id of the truth, of every table and column that holds one."""
    found: set[str] = set()
    for path in (root / "truth").glob("*.parquet"):
        table = pq.read_table(path)
        for column, kind in zip(table.column_names, table.schema.types, strict=True):
            if kind == pa.int64() and column != "row":
                found |= {str(value) for value in table[column].to_pylist() if value is not None}
    return found


@pytest.mark.parametrize("silo", SILOS)
def test_no_id_and_no_hidden_word_of_the_truth_is_in_a_silo(city: Path, silo: str) -> None:
    text = said(city, silo)
    ids = truth_ids(city)
    assert len(ids) > 10_000 and all(len(one) == 13 for one in ids)
    assert ids.isdisjoint(re.findall(r"\d{13}", text))
    assert ids.isdisjoint(re.findall(r"(?<!\d)\d{13}(?!\d)", text))
    assert [word for word in HIDDEN if re.search(rf"\b{word}\b", text)] == []


@pytest.mark.parametrize("silo", SILOS)
def test_numbers_that_a_system_gives_out_say_nothing_of_who_it_is_about(city: Path, silo: str) -> None:
    records = truth(city, f"records/{silo}").drop_null()
    if len(records) < 100 or silo == "web":
        return
    numbers = np.array(
        [int(re.sub(r"\D", "", record)) for record in records["record"].to_pylist()], dtype=np.float64
    )
    person = records["person"].to_numpy().astype(np.float64)
    limit = 4.5 / np.sqrt(len(numbers))
    assert abs(np.corrcoef(numbers, person)[0, 1]) < limit
    assert abs(np.corrcoef(numbers, np.arange(len(numbers)))[0, 1]) < limit


def test_people_who_live_together_do_not_stand_together_where_they_were_taken_in_at_one_time(
    city: Path,
) -> None:
    records = truth(city, "records/pos_linan")
    household = records["household"].to_numpy()
    rng = np.random.default_rng(1)
    reported = np.array([line.split("\t")[-1] for line in text_of(city, "pos_linan").splitlines()[1:]])
    beside = (household[1:] == household[:-1]) & (reported[1:] == reported[:-1])
    shuffled = []
    for _ in range(200):
        order = np.lexsort((rng.random(len(household)), reported))
        mixed, when = household[order], reported[order]
        shuffled.append(((mixed[1:] == mixed[:-1]) & (when[1:] == when[:-1])).sum())
    assert beside.sum() <= np.quantile(shuffled, 0.999) + 1


def test_no_room_of_the_product_names_the_truth() -> None:
    package = Path(__file__).resolve().parents[2] / "zerodistance"
    rooms = [package / name for name in ("core", "connectors", "events", "kernel", "apps")]
    read = [path for room in rooms for path in room.rglob("*") if path.suffix in {".py", ".sql", ".toml"}]
    assert len(read) > 100
    assert [
        str(path) for path in read if re.search(r"[\"'/]truth\b|\btruth/", path.read_text(encoding="utf-8"))
    ] == []
