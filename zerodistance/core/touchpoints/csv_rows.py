"""Rows of a CSV text in any encoding; every column is read as text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

import numpy as np
import pyarrow as pa

from zerodistance.core.touchpoints.checked import checked
from zerodistance.core.touchpoints.csv_lines import Block, Records, cells, parse
from zerodistance.core.touchpoints.pieces import BadRow, Piece, Sliced
from zerodistance.core.touchpoints.shapes import CsvShape
from zerodistance.core.touchpoints.texts import as_utf8, decoded, guess_encoding, original
from zerodistance.core.touchpoints.toml_values import MappingWrong, wrong

_LOOKED = 256 << 10  # own value: bytes by which the encoding is judged


class CsvPart:
    """One CSV text."""

    def __init__(self, stream: BinaryIO, shape: CsvShape) -> None:
        self._shape = shape
        text = as_utf8(stream, shape.encoding)
        self._records = Records(text, shape)
        self._judge(getattr(text, "sample", b""))
        self._names = self._header(shape)
        self.schema = pa.schema([(name, pa.large_string()) for name in self._names])
        self.columns, self.targets = self._names, dict[str, str]()

    def _judge(self, raw: bytes) -> None:
        """Refuse a file that is plainly in another encoding than the mapping says."""
        encoding = self._shape.encoding
        if encoding != "utf-8":
            lead = raw[:_LOOKED]
            utf16 = encoding.startswith("utf-16")
            if not utf16 and not lead.isascii() and decoded(lead, "utf-8", len(raw) <= _LOOKED) is not None:
                raise _other_encoding(encoding, "utf-8")
            return
        sample = self._records.sample[:_LOOKED]
        odd = [line for line in sample.split(b"\n")[:-1] or [sample] if not line.isascii()]
        bad = sum(not _is_utf8(line) for line in odd)
        if bad > len(odd) - bad or b"\0" in sample[:2_000]:
            guess = guess_encoding(sample)
            if guess not in (None, "utf-8"):
                raise _other_encoding(encoding, str(guess))

    def _header(self, shape: CsvShape) -> tuple[str, ...]:
        if not shape.header:
            return shape.columns
        first = self._records.first()
        try:
            names = cells(first, shape) or []
        except UnicodeDecodeError:
            raise _other_encoding(shape.encoding, guess_encoding(first, True) or "gb18030") from None
        if not names or len({n.lower() for n in names}) < len(names) or not all(n.strip() for n in names):
            raise wrong(
                "csv.header",
                f"表头的列名要各不相同且不为空：{names}",
                f"column names must be there and differ from each other: {names}",
            )
        return tuple(names)

    def pieces(self, skip: int) -> Iterator[Piece]:
        """Yield the rows, block by block; those before `skip` are only counted."""
        upto = 0
        while (block := self._records.next()) is not None:
            before, upto = upto, upto + len(block)
            if upto <= skip:
                yield Piece(self.schema.empty_table(), np.empty(0, np.int64), [], upto)
            else:
                yield self._piece(block, before)

    def _piece(self, block: Block, before: int) -> Piece:
        encoding = self._shape.encoding

        def line(row: int) -> bytes:
            return original(block.line(row - before - 1), encoding)

        table, good, odd = parse(block, self._names, self._shape)
        bad = [BadRow(before + 1 + i, detail, line(before + 1 + i)) for i, detail in odd]
        if all(pa.types.is_string(kind) for kind in table.schema.types):
            return Piece(table.cast(self.schema), good + before + 1, bad, before + len(block))
        return checked(table, good + before + 1, bad, before + len(block), line, encoding)


class CsvRows:
    """A CSV text that is a file of its own."""

    total: int | None = None

    def __init__(self, file: BinaryIO, shape: CsvShape, skip: int = 0) -> None:
        part = CsvPart(file, shape)
        self.schema, self.columns, self.targets = part.schema, part.columns, part.targets
        self._sliced = Sliced(part.pieces(skip), skip)

    def read(self, most: int) -> Piece | None:
        """Return the next rows."""
        return self._sliced.read(most)


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


def _other_encoding(given: str, guess: str) -> MappingWrong:
    return wrong(
        "csv.encoding",
        f'文件不是 {given}，看起来是 {guess}；在映射的 [csv] 里写 encoding = "{guess}"',
        f'the file is not {given} but looks like {guess}; write encoding = "{guess}" in [csv] of the mapping',
    )
