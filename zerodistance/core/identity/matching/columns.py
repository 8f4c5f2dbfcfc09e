"""A table of faces as arrays of codes: equal values have equal codes, so that most of a comparison needs no string. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from zerodistance.core.identity.matching.fields import PARTS, encoded

Ints = npt.NDArray[np.int64]
Codes = npt.NDArray[np.int32]
Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Columns:
    """Faces in columns.

    Attributes
    ----------
    rows
        How many.
    code
        Part -> code of each row's value, -1: nothing is known. `surname` and `given` share their codes, for names that are swapped.
    value
        Part -> value of each code.
    """

    rows: int
    code: Mapping[str, Codes]
    value: Mapping[str, npt.NDArray[np.object_]]

    @cached_property
    def filled(self) -> frozenset[str]:
        """Parts of which anything is known."""
        return frozenset(part for part, values in self.value.items() if len(values))

    @cached_property
    def characters(self) -> npt.NDArray[np.uint32]:
        """Characters of each written given name, shape (values, 4), 0 where there is none; longer ones are all 0."""
        return _characters(self.value["written"])

    @cached_property
    def han(self) -> Bools:
        """Which written given names are in characters."""
        return np.array([not value.isascii() for value in self.value["written"]], dtype=bool)

    def take(self, rows: Ints) -> Columns:
        """Return some of the rows; the codes stay what they are."""
        return Columns(len(rows), {part: code[rows] for part, code in self.code.items()}, self.value)


def columns(faces: pa.Table) -> Columns:
    """Return a table of faces as codes."""
    code: dict[str, Codes] = {}
    value: dict[str, npt.NDArray[np.object_]] = {}
    for part in PARTS:
        found = encoded(faces[part])
        code[part] = np.asarray(found.indices.fill_null(-1)).astype(np.int32)
        value[part] = _objects(found.dictionary.to_pylist())
    names = {name: n for n, name in enumerate(dict.fromkeys([*value["surname"], *value["given"]]))}
    for part in ("surname", "given"):
        code[part] = np.array([*(names[name] for name in value[part]), -1], dtype=np.int32)[code[part]]
        value[part] = _objects(list(names))
    return Columns(faces.num_rows, code, value)


def mixed(*codes: npt.NDArray[Any], rows: int) -> Ints:
    """Return a number for each row that is the same where all codes are; that others have it by chance is one to 10^13 for a million rows."""
    out = np.zeros(rows, dtype=np.uint64)
    for code in codes:
        out = (out ^ (code.astype(np.uint64) + _ODD[0])) * _ODD[1]
        out ^= out >> np.uint64(32)
        out *= _ODD[2]
        out ^= out >> np.uint64(29)
    return out.view(np.int64)


_ODD = np.array(
    [0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB], dtype=np.uint64
)  # of splitmix64


def _objects(values: list[Any]) -> npt.NDArray[np.object_]:
    out = np.empty(len(values), dtype=object)
    out[:] = values
    return out


def _characters(values: npt.NDArray[np.object_]) -> npt.NDArray[np.uint32]:
    out = np.zeros((len(values), 4), dtype=np.uint32)
    for n, value in enumerate(values):
        if len(value) <= 4:
            out[n, : len(value)] = [ord(char) for char in value]
    return out
