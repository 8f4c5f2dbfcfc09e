"""Evidence in the lake: an append-only copy for rebuilds elsewhere and for looking back, sealed by a job, forgotten like the rest."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from zerodistance.kernel import bulk, fault
from zerodistance.kernel.home import Home

TABLE = "evidence"
APP = "evidence"
EVIDENCE = pa.schema(
    [
        ("a", pa.int64()),  # the stronger of the two subjects
        ("b", pa.int64()),  # the weaker one
        ("rule", pa.string()),  # how b stood on the touch
        ("at", pa.timestamp("us", tz="UTC")),  # earliest touch that says so, as known when it was written
        ("source", pa.int32()),
        ("batch", pa.int64()),
    ]
)
"""One row per piece of evidence and earlier time found for it. Key: (b, a, rule, at, batch). Revocations stay in the state store."""

_SQL = "select a, b, rule, at, source, batch from evidence where batch > ? and batch <= ?"
_ROWS = 500_000
_STEP = 500


def seal(home: Home) -> int:
    """Append the evidence of the batches that the lake does not hold yet; return how many rows. A replay adds nothing."""
    held = home.lake.held(TABLE, APP)
    with home.state.read() as tx:
        last = int(bulk.value(tx, "select coalesce(max(number), 0) from batch"))
        if last <= held:
            return 0
        parts: list[pa.RecordBatch] = []
        for rows in bulk.stream(tx, _SQL, (held, last), _ROWS):
            columns = list(zip(*rows, strict=True))
            arrays = [
                pa.array(column).cast(field.type) for column, field in zip(columns, EVIDENCE, strict=True)
            ]
            parts.append(pa.RecordBatch.from_arrays(arrays, schema=EVIDENCE))
    table = pa.Table.from_batches(parts, schema=EVIDENCE)
    if table.num_rows:
        fault.point("identity.archive")
        home.lake.append(
            TABLE, table.sort_by([("b", "ascending"), ("a", "ascending")]), app=APP, version=last
        )
    return int(table.num_rows)


def forget_batches(home: Home, batches: Sequence[int]) -> int:
    """Remove the evidence of batches from the lake and its history; return how many rows went."""
    gone = 0
    for start in range(0, len(batches), _STEP):
        some = ", ".join(str(int(batch)) for batch in batches[start : start + _STEP])
        gone += home.lake.delete_where(TABLE, f"batch in ({some})")
    return gone


def forget(home: Home, subjects: Sequence[int]) -> int:
    """Remove the evidence of subjects from the lake and its history; return how many rows went."""
    gone = 0
    for start in range(0, len(subjects), _STEP):
        some = ", ".join(str(int(subject)) for subject in subjects[start : start + _STEP])
        gone += home.lake.delete_where(TABLE, f"a in ({some}) or b in ({some})")
    return gone
