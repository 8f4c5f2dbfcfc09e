"""Any file as Parquet in a folder that is thrown away: read in pieces by what reads imports, every column as the file has it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping as Table
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from zerodistance.core.touchpoints import shapes
from zerodistance.core.touchpoints import toml_values as values
from zerodistance.core.touchpoints.filetypes import refuse_others
from zerodistance.core.touchpoints.import_jobs import open_file
from zerodistance.core.touchpoints.mapping import Mapping, SourceSpec, Times
from zerodistance.core.touchpoints.rows import open_rows
from zerodistance.core.touchpoints.sniff import Guess, sniff
from zerodistance.kernel.text import Text

_PIECE = 50_000  # own value: rows read at once
_LARGEST, _LOOKED = 1 << 40, 1 << 16
_CELL = re.compile(rb'"[^"\n]*"|[^ \t\r\n]+')
ROW = "row"
"""The column of the number of a row in its file, from 1 on."""


@dataclass
class Staged:
    """A file that was read.

    Attributes
    ----------
    columns
        In the order of the file, named as they are from now on.
    rows
        That could be read.
    bad
        Why others could not -> how many.
    notes
        What was changed.
    """

    path: Path
    columns: tuple[str, ...]
    rows: int = 0
    bad: Counter[str] = field(default_factory=Counter)
    notes: list[Text] = field(default_factory=list)


def look(file: BinaryIO, path: Path, given: Table[str, Any], into: Path) -> tuple[BinaryIO, Guess, bool]:
    """Return a file as it is read, how it is written, and whether it had blanks between its cells, which are tabs then.

    Raises
    ------
    NotATable, EmptyFile, MappingWrong, PackingWrong
        It holds no rows that are read.
    """
    refuse_others(file)
    file.seek(0)
    found = sniff(file, path.name)
    file.seek(0)
    asked = given.get("csv", {}).get("delimiter")
    if found.format != "csv" or found.compression or asked not in (None, " "):
        return file, found, False
    sample = file.read(_LOOKED).split(b"\n")
    file.seek(0)
    widths = {len(_cells(line)) for line in (sample[:-1] or sample) if line.strip()}
    if asked is None and (len(found.columns) > 1 or len(widths) != 1 or widths == {1}):
        return file, found, False
    with open(into, "wb") as plain:
        for line in file:
            if cells := _cells(line):
                plain.write(b"\t".join(cells) + b"\n")
    tabbed = open_file(into)
    return tabbed, sniff(tabbed, into.name), True


def _cells(line: bytes) -> list[bytes]:
    """Return the cells of a line with blanks between them; within quotes a blank is one."""
    return _CELL.findall(line)


def stage(path: Path, shape: Table[str, Any], into: Path) -> Staged:
    """Read a file to Parquet.

    Parameters
    ----------
    shape
        `format`, `csv`, `json`, `xlsx`, `members` of a mapping; what is not said is found.

    Raises
    ------
    NoFile, NotATable, EmptyFile, MappingWrong, PackingWrong
        As an import does.
    """
    with open_file(path) as opened:
        file, found, blanks = look(opened, path, shape, into.with_suffix(".tsv"))
        with file:
            file.seek(0)
            if blanks:
                shape = {**shape, "csv": {**shape.get("csv", {}), "delimiter": "\t"}}
            return _staged(file, found, shape, into)


def _staged(file: BinaryIO, found: Guess, shape: Table[str, Any], into: Path) -> Staged:
    mapping, skip, notes = _mapping(found, shape)
    rows = open_rows(file, mapping, skip, limit=_LARGEST)
    given = list(rows.schema.names)
    names = alone(given)
    if names != given:
        notes.append(_renamed(given, names))
    staged = Staged(into, tuple(names), notes=notes)
    kinds = zip(names, rows.schema.types, strict=True)
    schema = pa.schema([(ROW, pa.int64()), *kinds])
    with pq.ParquetWriter(into, schema, compression="zstd") as writer:
        while (piece := rows.read(_PIECE)) is not None:
            staged.bad.update(one.detail for one in piece.bad)
            staged.rows += len(piece.rows)
            if len(piece.rows):
                writer.write_table(
                    pa.table([pa.array(piece.rows - skip), *piece.table.columns], schema=schema)
                )
    return staged


def alone(names: list[str]) -> list[str]:
    """Return names that differ from each other, in any case of letters, and from the number of a row.

    Examples
    --------
    >>> alone(["a", "A", "row", ""])
    ['a', 'A_2', 'row_2', 'column_4']
    """
    taken, found = {ROW}, []
    for place, name in enumerate(names, start=1):
        new, more = name.strip() or f"column_{place}", 1
        while new.lower() in taken:
            more += 1
            new = f"{name.strip() or f'column_{place}'}_{more}"
        taken.add(new.lower())
        found.append(new)
    return found


def _renamed(given: list[str], names: list[str]) -> Text:
    pairs = [f"{old!r} → {new}" for old, new in zip(given, names, strict=True) if old != new]
    listed = ", ".join(pairs[:10])
    return Text(f"改了名的列：{listed}", f"columns that were renamed: {listed}")


def _mapping(found: Guess, given: Table[str, Any]) -> tuple[Mapping, int, list[Text]]:
    """Return the mapping that reads a file, how many rows of it are none, and what was changed."""
    guessed = found.mapping()
    form = values.one_of("format", given.get("format", found.format), shapes.FORMATS)
    same = form == found.format
    csv = {**(guessed.get("csv", {}) if same else {}), **values.table("csv", given.get("csv", {}))}
    json = {**(guessed.get("json", {}) if same else {}), **values.table("json", given.get("json", {}))}
    xlsx = {**(guessed.get("xlsx", {}) if same else {}), **values.table("xlsx", given.get("xlsx", {}))}
    if csv.get("header", True):
        csv.pop("columns", None)
    skip, notes = 0, list[Text]()
    shape = shapes.csv_shape(csv)
    heads = _repeated(found) if form == "csv" and same and "header" not in given.get("csv", {}) else None
    if heads is not None:
        names = alone(heads)
        notes.append(_renamed(heads, names))
        shape, skip = shapes.csv_shape({**csv, "header": False, "columns": names}), 1
    mapping = Mapping(
        source=SourceSpec("table"),
        format=form,
        kinds=(),
        times=Times(""),
        csv=shape,
        json=shapes.json_shape(json, form),
        xlsx=shapes.xlsx_shape(xlsx),
        members=values.string("members", given.get("members", "*")),
        body=tuple(one.name for one in found.columns) if form in ("json", "ndjson") else (),
    )
    return mapping, skip, notes


def _repeated(found: Guess) -> list[str] | None:
    """Return the names in the first row where it is a header with a name twice or an empty one."""
    if found.header:
        return None
    first = [one.samples[0] if one.samples else "" for one in found.columns]
    rest = [sample for one in found.columns for sample in one.samples[1:]]
    words = [name for name in first if name.strip()]
    plain = all(not name.strip().lstrip("+-").replace(".", "", 1).isdigit() for name in words)
    numbers = any(value.strip().lstrip("+-").replace(".", "", 1).isdigit() for value in rest)
    twice = len({name.strip().lower() for name in first}) < len(first)
    return first if words and plain and numbers and twice else None
