"""Columns of text made from columns of numbers: times, amounts, lines of CSV and JSON; no loop over rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from zerodistance.sample.calendar import ZONE_SECONDS
from zerodistance.sample.scatter import Ints


@dataclass(frozen=True)
class Rows:
    """Rows of one silo file that a block adds.

    Attributes
    ----------
    known
        Second at which the system took each row in; the order of the file.
    person
        Whom each row is about, counted within the block; -1: nobody.
    record
        The id that the file gives each row.
    payload
        `line`, the text of each row without the line break; or the columns of a Parquet file.
    """

    silo: str
    known: Ints
    person: Ints
    record: pa.Array
    payload: dict[str, pa.Array]

    def and_those(self, other: Rows) -> Rows:
        """Return these and other rows of the same silo."""
        payload = {
            name: pa.concat_arrays([plain(value), plain(other.payload[name])])
            for name, value in self.payload.items()
        }
        known, person = (
            np.concatenate(both) for both in ((self.known, other.known), (self.person, other.person))
        )
        return Rows(
            self.silo, known, person, pa.concat_arrays([plain(self.record), plain(other.record)]), payload
        )

    def before(self, end: int) -> Rows:
        """Return the rows that the system took in before a moment."""
        fine = self.known < end
        mask = pa.array(fine)
        payload = {name: value.filter(mask) for name, value in self.payload.items()}
        return Rows(self.silo, self.known[fine], self.person[fine], self.record.filter(mask), payload)


def plain(array: Any) -> pa.Array:
    """Return one array where an operation may have given chunks."""
    return array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array


def pick(choices: Sequence[str] | pa.Array, code: NDArray[Any]) -> pa.Array:
    """Return the text that each code stands for."""
    table = choices if isinstance(choices, pa.Array) else pa.array(choices, pa.string())
    return pc.take(table, pa.array(np.asarray(code, dtype=np.int64)))


def join(*parts: pa.Array | str) -> pa.Array:
    """Return the parts of each row joined; a null counts as empty."""
    return pc.binary_join_element_wise(*parts, "", null_handling="replace", null_replacement="")


def line(*cells: pa.Array | str, between: str = ",") -> pa.Array:
    """Return the cells of each row as a line; a null is an empty cell. No cell may hold what stands between, a quote or a break."""
    return pc.binary_join_element_wise(*cells, between, null_handling="replace", null_replacement="")


def where(mask: NDArray[np.bool_], yes: pa.Array | str | None, no: pa.Array | str | None) -> pa.Array:
    """Return one or the other text of each row; None is null."""
    return pc.if_else(pa.array(mask), _text(yes), _text(no))


def _text(value: pa.Array | str | None) -> Any:
    return pa.scalar(value, pa.string()) if value is None or isinstance(value, str) else value


def whole(value: NDArray[Any]) -> pa.Array:
    """Return whole numbers as text."""
    return pc.cast(pa.array(np.asarray(value, dtype=np.int64)), pa.string())


def tenths(value: NDArray[Any]) -> pa.Array:
    """Return numbers of 0 and more with one place after the point."""
    steps = np.round(np.asarray(value) * 10).astype(np.int64)
    return join(whole(steps // 10), ".", whole(steps % 10))


def stamp(seconds: Ints) -> pa.Array:
    """Return local times as `2021-03-05 14:22:33`."""
    return pc.cast(pa.array(seconds, pa.int64()).cast(pa.timestamp("s")), pa.string())


def day(seconds: Ints) -> pa.Array:
    """Return local days as `2021-03-05`."""
    return pc.utf8_slice_codeunits(stamp(seconds), 0, 10)


def slashed(seconds: Ints) -> pa.Array:
    """Return local times as `2021/03/05 14:22`."""
    return pc.replace_substring(pc.utf8_slice_codeunits(stamp(seconds), 0, 16), "-", "/")


def compact(seconds: Ints) -> pa.Array:
    """Return local days as `20210305`."""
    return pc.replace_substring(day(seconds), "-", "")


def zulu(millis: Ints) -> pa.Array:
    """Return local milliseconds as a UTC time: `2021-03-05T06:22:33.123Z`."""
    text = pc.cast(pa.array(millis - ZONE_SECONDS * 1000, pa.int64()).cast(pa.timestamp("ms")), pa.string())
    return join(pc.utf8_replace_slice(text, 10, 11, "T"), "Z")


def zoned(seconds: Ints) -> pa.Array:
    """Return local times with their zone: `2021-03-05T14:22:33+08:00`."""
    return join(pc.utf8_replace_slice(stamp(seconds), 10, 11, "T"), "+08:00")


def quoted(value: pa.Array) -> pa.Array:
    """Return texts as JSON; null is null. The city writes no quote, backslash or control sign into a text."""
    return pc.coalesce(pc.binary_join_element_wise('"', value, '"', ""), pa.scalar("null"))


def objects(**fields: pa.Array | str) -> pa.Array:
    """Return a JSON object of each row from fields that are JSON already."""
    parts: list[pa.Array | str] = []
    for place, (name, value) in enumerate(fields.items()):
        parts += [f'{"," if place else "{"}"{name}":', value]
    return join(*parts, "}")
