"""Rows of a Parquet file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from zerodistance.core.touchpoints.checked import checked
from zerodistance.core.touchpoints.pieces import Piece
from zerodistance.core.touchpoints.toml_values import wrong


class ParquetRows:
    """A Parquet file."""

    def __init__(self, file: BinaryIO, skip: int = 0) -> None:
        try:
            self._file = pq.ParquetFile(pa.PythonFile(file, mode="r"), pre_buffer=False)
        except (pa.ArrowInvalid, OSError) as error:
            raise wrong(
                "format", f"这不是 Parquet 文件：{error}", f"this is not a Parquet file: {error}"
            ) from None
        self.schema = self._file.schema_arrow
        self.columns, self.targets = tuple(self.schema.names), dict[str, str]()
        meta = self._file.metadata
        self.total: int | None = int(meta.num_rows)
        ends = np.cumsum(
            [meta.row_group(group).num_rows for group in range(meta.num_row_groups)], dtype=np.int64
        )
        first = int(np.searchsorted(ends, skip, side="right"))
        self._groups = list(range(first, meta.num_row_groups))
        self._drop = skip - (int(ends[first - 1]) if first else 0)
        self._upto = skip
        self._parts: Iterator[pa.RecordBatch] | None = None
        self._left: pa.Table | None = None

    def read(self, most: int) -> Piece | None:
        """Return the next rows."""
        if self._parts is None:
            self._parts = self._file.iter_batches(batch_size=most, row_groups=self._groups, use_threads=False)
        while self._left is None or not self._left.num_rows:
            part = next(self._parts, None)
            if part is None:
                return None
            gone = min(self._drop, part.num_rows)
            self._drop -= gone
            self._left = pa.Table.from_batches([part.slice(gone)])
        taken, self._left = self._left.slice(0, most), self._left.slice(most)
        numbers = np.arange(self._upto + 1, self._upto + 1 + taken.num_rows, dtype=np.int64)
        self._upto += taken.num_rows
        return checked(taken, numbers, [], self._upto)
