"""Rows of JSON: the fields that a mapping names, as text columns with the types that the first rows have."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import BinaryIO

import numpy as np
import pyarrow as pa

from zerodistance.core.touchpoints.expressions import names_in
from zerodistance.core.touchpoints.json_objects import Field, columns, path_of, survey
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
            every = _fields(mapping, self._look())
            self._fields, self.columns = _needed(mapping, every), tuple(every)
        else:
            self._fields, self.columns = like._fields, like.columns
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
        found_at = columns(rows, [field.path for field in self._fields.values()])
        read = {
            name: pa.array(texts, pa.large_string())
            for name, texts in zip(self._fields, found_at, strict=True)
        }
        numbers = np.array([number for number, _, _ in found.rows], np.int64)
        bad = [
            BadRow(row, detail, original(text.encode("utf-8", "surrogateescape"), self._encoding))
            for row, detail, text in found.bad
        ]
        table = pa.table(read) if read else _no_columns(len(rows))
        return Piece(table, numbers, bad, found.upto, {number: text for number, text, _ in found.rows})


def _no_columns(rows: int) -> pa.Table:
    return pa.table({"value": pa.nulls(rows, pa.large_string())}).select([])


def _fields(mapping: Mapping, found: dict[str, Field]) -> dict[str, Field]:
    """Return the fields that a mapping can mean: those found, and those it gives a type."""
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
    if found:
        return fields
    asked = {name: path_of(name) for name in _bare(mapping)}  # a file without rows has whatever is asked for
    return fields | {name: Field(name, path, "text") for name, path in asked.items() if path is not None}


def _needed(mapping: Mapping, fields: dict[str, Field]) -> dict[str, Field]:
    """Return the fields that a mapping names; all of them where it names one that is not there, so that the error lists them."""
    named = _named(mapping, fields)
    if named is None or not named <= {name.lower() for name in fields}:
        return fields
    return {name: field for name, field in fields.items() if name.lower() in named}


def _named(mapping: Mapping, fields: dict[str, Field]) -> set[str] | None:
    """Return what a mapping names, in lower case; None where one of its expressions can't be read."""
    computed = names_in(_formulas(mapping, fields))
    alone = {text.lower() for text in _bare(mapping) if text in fields}
    only = {name.lower() for name in (*mapping.body, *mapping.source_id, *mapping.types)}
    return None if computed is None else computed | alone | only


def _formulas(mapping: Mapping, fields: dict[str, Field]) -> list[str]:
    """Return the expressions of a mapping that are more than the name of a field."""
    whole = [text for text in _valued(mapping) if text not in fields]
    return [*whole, *(rule.when for rule in mapping.kinds if rule.when is not None)]


def _bare(mapping: Mapping) -> list[str]:
    """Return what stands where a column can stand alone."""
    return [*_valued(mapping), *mapping.body, *mapping.source_id, *mapping.types]


def _valued(mapping: Mapping) -> list[str]:
    """Return what a value is taken from: a column or an expression."""
    given = [*mapping.identifiers.values(), *mapping.columns.values(), *mapping.facts.values()]
    return [*given, mapping.times.happened_at, *([mapping.times.known_at] if mapping.times.known_at else [])]


def _computed(mapping: Mapping, fields: dict[str, Field]) -> set[str]:
    """Return the fields that something is computed from, or that stay JSON: only those need their type."""
    named = names_in(_formulas(mapping, fields))
    return {*mapping.body} | {name for name in fields if named is None or name.lower() in named}
