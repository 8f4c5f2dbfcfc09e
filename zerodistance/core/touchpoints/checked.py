"""Taking the rows out of a piece whose text is no text."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from zerodistance.core.touchpoints.pieces import BadRow, Numbers, Piece


def checked(
    table: pa.Table,
    rows: Numbers,
    bad: list[BadRow],
    upto: int,
    line: Callable[[int], bytes] | None = None,
    encoding: str = "utf-8",
) -> Piece:
    """Turn bytes into text and take out the rows whose text is not UTF-8; with `line`, every column is text."""
    columns, keep, bad = [], np.ones(table.num_rows, np.bool_), list(bad)
    for name, column in zip(table.column_names, table.columns, strict=True):
        kind = column.type
        if pa.types.is_dictionary(kind):
            column = column.cast(kind.value_type)
            kind = column.type
        if (
            line is not None
            or pa.types.is_string(kind)
            or pa.types.is_large_string(kind)
            or pa.types.is_string_view(kind)
        ):
            octets = column.cast(pa.large_binary())
            try:
                column = octets.cast(pa.large_string())
            except pa.ArrowInvalid:
                column = _readable(octets, name, rows, keep, bad, line, encoding)
        columns.append(column)
    whole = pa.table(columns, names=table.column_names)
    if keep.all():
        return Piece(whole, rows, bad, upto)
    return Piece(whole.filter(pa.array(keep)), rows[keep], sorted(bad, key=lambda b: b.row), upto)


def _readable(
    column: pa.ChunkedArray,
    name: str,
    rows: Numbers,
    keep: npt.NDArray[np.bool_],
    bad: list[BadRow],
    line: Callable[[int], bytes] | None,
    encoding: str,
) -> pa.Array:
    """Return the texts that are UTF-8, and note the rows of the others."""
    texts: list[str | None] = []
    for i, value in enumerate(column.to_pylist()):
        try:
            texts.append(None if value is None else value.decode())
        except UnicodeDecodeError:
            texts.append(None)
            if keep[i]:
                keep[i] = False
                row = int(rows[i])
                bad.append(BadRow(row, f"column {name} is not {encoding}", line(row) if line else value))
    return pa.array(texts, pa.large_string())
