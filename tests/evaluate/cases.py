"""Small truths and answers, written as files in the documented forms."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from zerodistance.evaluate.clusters import Cells

HOUSES = 4  # persons 10, 11 live in household 1000, persons 12, 13 in 1001, ...


def household(person: int) -> int:
    return 1_000 + (person - 10) // 2


def write_records(root: Path, silo: str, persons: Sequence[int | None], **more: Any) -> list[str]:
    """Write the truth of a silo; return its record ids."""
    (root / "records").mkdir(parents=True, exist_ok=True)
    records = [f"{silo}-{n}" for n in range(len(persons))]
    table = {
        "row": pa.array(range(len(persons)), pa.int64()),
        "record": records,
        "person": pa.array(persons, pa.int64()),
        "household": pa.array([None if p is None else household(p) for p in persons], pa.int64()),
    }
    pq.write_table(pa.table({**table, **more}), root / "records" / f"{silo}.parquet")
    return records


def write_table(root: Path, name: str, **columns: Any) -> None:
    root.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns), root / f"{name}.parquet")


def write_said(path: Path, head: str, rows: Sequence[Sequence[object]]) -> Path:
    lines = [head, *(",".join("" if cell is None else str(cell) for cell in row) for row in rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def cells(truth: Sequence[int], said: Sequence[int], unit: Sequence[int] | None = None) -> Cells:
    """Return cells of one record each."""
    many = len(truth)
    codes = [np.unique(np.array(label), return_inverse=True)[1].astype(np.int64) for label in (truth, said)]
    return Cells(
        codes[0],
        codes[1],
        np.array(unit if unit is not None else codes[0], np.int64),
        np.zeros(many, np.int64),
        np.ones(many, np.int64),
    )
