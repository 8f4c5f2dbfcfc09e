"""Who is who by our matcher, as a process that can be measured: `python -m benchmarks.lib.matching ROWS.parquet SAID.parquet COUNTRY LEARN [PAIRS.parquet]`.

LEARN is `default` for the model that ships, `trained` for one that is learned from the rows, without labels. SAID gets one column, `person`: the first row
of each row's person; PAIRS the pairs that are likelier than not, before they are joined.
"""

from __future__ import annotations

import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from zerodistance.core.identity.matching import batch, fields, model, train
from zerodistance.core.identity.matching.columns import Ints, columns
from zerodistance.core.identity.matching.score import Scorer


def main(rows_path: str, said_path: str, country: str, learn: str, pairs_path: str = "") -> None:
    """Clean, train if asked to, weigh, join."""
    ids = [name for name in pq.read_schema(rows_path).names if name.startswith(("sole_", "sure_"))]
    said = [name for name in pq.read_schema(rows_path).names if name not in ("source", "record", *ids)]
    faces = _faces(pq.read_table(rows_path, columns=said), country)
    weights = model.default() if learn == "default" else train.train(faces)
    person = _joined(pq.read_table(rows_path, columns=ids), faces, weights)
    pq.write_table(pa.table({"person": person}), said_path)
    if pairs_path:
        table = columns(faces)
        a, b, _ = batch.likely_pairs(table, Scorer(weights, table.rows), 0.0)
        pq.write_table(pa.table({"a": a, "b": b}), pairs_path)


def answered(rows: pa.Table, weights: model.Model, country: str) -> Ints:
    """Return the first row of each row's person."""
    return _joined(rows, _faces(rows, country), weights)


def _faces(rows: pa.Table, country: str) -> pa.Table:
    return fields.faces({name: rows[name] for name in rows.column_names}, country)


def _joined(rows: pa.Table, faces: pa.Table, weights: model.Model) -> Ints:
    vetoes = [_codes(rows[name]) for name in rows.column_names if name.startswith("sole_")]
    return batch.match(faces, weights, proved(rows), vetoes)


def proved(rows: pa.Table) -> tuple[Ints, Ints]:
    """Return pairs of rows that join all rows of each id that somebody proved to have."""
    found = [
        _chained(_codes(rows[name])) for name in rows.column_names if name.startswith(("sole_", "sure_"))
    ]
    nothing = np.empty(0, dtype=np.int64)
    return (
        np.concatenate([nothing, *(pair[0] for pair in found)]),
        np.concatenate([nothing, *(pair[1] for pair in found)]),
    )


def _codes(column: pa.ChunkedArray) -> Ints:
    found = column.combine_chunks().dictionary_encode().indices.fill_null(-1)
    return np.asarray(found).astype(np.int64)


def _chained(code: Ints) -> tuple[Ints, Ints]:
    order = np.argsort(code, kind="stable")
    order = order[code[order] >= 0]
    same = code[order][1:] == code[order][:-1]
    return order[:-1][same].astype(np.int64), order[1:][same].astype(np.int64)


if __name__ == "__main__":
    main(*sys.argv[1:])
