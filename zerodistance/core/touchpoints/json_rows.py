"""Rows of JSON: the fields that a mapping names, as text columns with the types that the first rows have."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import BinaryIO

import numpy as np
import pyarrow as pa

from zerodistance.core.touchpoints.json_objects import Field, path_of, survey, texts
from zerodistance.core.touchpoints.json_values import Found, Start, array, lines
from zerodistance.core.touchpoints.mapping import TYPES, Mapping
from zerodistance.core.touchpoints.pieces import BadRow, Piece
from zerodistance.core.touchpoints.texts import as_utf8, original

_ROWS, _LETTERS = 1_000, 8 << 20  # own values: the rows by which fields and types are judged
_OURS = "zd_"


class JsonPart:
    """One JSON text.

    Parameters
    ----------
    like
        Another part of the same file, whose fields hold for this one too.
    """

    def __init__(self, stream: BinaryIO, mapping: Mapping, like: JsonPart | None = None) -> None:
        self._encoding, self._start = mapping.encoding, Start()
        text = as_utf8(stream, self._encoding)
        if mapping.format == "json":
            self._founds = array(text, mapping.json.path, self._start)
        else:
            self._founds = lines(text, self._start)
        self._held: list[Found] = []
        if like is None:
            self._fields = _needed(mapping, self._look())
        else:
            self._fields = like._fields
        self.schema = pa.schema([(name, pa.large_string()) for name in self._fields])
        typed = _computed(mapping, self._fields)
        self.targets = {n: TYPES[f.type] for n, f in self._fields.items() if n in typed and f.type != "text"}

    def _look(self) -> dict[str, Field]:
        """Return the fields of the first rows, which are held."""
        left, letters = _ROWS, _LETTERS
        first = []
        for found in self._founds:
            self._held.append(found)
            for _, text, row in found.rows:
                if left and letters > 0:
                    first.append(row)
                    left, letters = left - 1, letters - len(text)
            if not left or letters <= 0:
                break
        return survey(first)

    def pieces(self, skip: int) -> Iterator[Piece]:
        """Yield the rows, some thousand at a time; those before `skip` are only counted."""
        self._start.row = skip
        held, self._held = self._held, []
        for found in chain(held, self._founds):
            yield self._piece(found)

    def _piece(self, found: Found) -> Piece:
        rows = [row for _, _, row in found.rows]
        columns = {
            name: pa.array(texts(rows, field.path), pa.large_string()) for name, field in self._fields.items()
        }
        numbers = np.array([number for number, _, _ in found.rows], np.int64)
        bad = [
            BadRow(row, detail, original(text.encode("utf-8", "surrogateescape"), self._encoding))
            for row, detail, text in found.bad
        ]
        table = pa.table(columns) if columns else _no_columns(len(rows))
        return Piece(table, numbers, bad, found.upto, {number: text for number, text, _ in found.rows})


def _no_columns(rows: int) -> pa.Table:
    return pa.table({"value": pa.nulls(rows, pa.large_string())}).select([])


def _needed(mapping: Mapping, found: dict[str, Field]) -> dict[str, Field]:
    """Return the fields that a mapping can mean; all of them where it names one that is not there, so that the error lists them."""
    fields: dict[str, Field] = {}
    small: set[str] = set()
    for name, field in found.items():
        if name.lower() not in small and not name.lower().startswith(_OURS):
            small.add(name.lower())
            fields[name] = field
    for name in mapping.types:
        path = path_of(name)
        if path is not None and name.lower() not in small:
            fields[name] = Field(name, path, "text")
    if not found:  # a file without rows has whatever is asked for
        asked = {name: path_of(name) for name in _bare(mapping)}
        return fields | {name: Field(name, path, "text") for name, path in asked.items() if path is not None}
    said = [text.lower() for text in (*_bare(mapping), *_expressions(mapping))]
    if any(name not in fields for name in _bare(mapping) if path_of(name) is not None):
        return fields
    return {name: field for name, field in fields.items() if any(name.lower() in text for text in said)}


def _bare(mapping: Mapping) -> list[str]:
    """Return what stands where a column can stand alone."""
    given = [*mapping.identifiers.values(), *mapping.columns.values(), *mapping.facts.values()]
    times = [mapping.times.happened_at, *([mapping.times.known_at] if mapping.times.known_at else [])]
    return [*given, *times, *mapping.body, *mapping.source_id, *mapping.types]


def _expressions(mapping: Mapping) -> list[str]:
    return [rule.when for rule in mapping.kinds if rule.when is not None]


def _computed(mapping: Mapping, fields: dict[str, Field]) -> set[str]:
    """Return the fields that something is computed from, or that stay JSON: only those need their type."""
    whole = [text for text in _bare(mapping) if text not in fields]
    said = [text.lower() for text in (*whole, *_expressions(mapping))]
    return {*mapping.body} | {name for name in fields if any(name.lower() in text for text in said)}
