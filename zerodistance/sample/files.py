"""The files of the silos: how each is written, encoded and packed, and slices of it as bytes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
from isal import igzip

from zerodistance.sample.silos import crm, messages, pos, service

_PACKED = 1  # level of isal, whose 0 to 3 all are fast


@dataclass(frozen=True)
class File:
    """How the file of a silo is written.

    Attributes
    ----------
    head
        What stands before the first row: the header of a CSV with its line break, or the beginning of a JSON document.
    """

    silo: str
    name: str
    head: str = ""
    foot: str = ""
    encoding: str = "utf-8"
    between: str = ""

    @property
    def packed(self) -> bool:
        """Whether it is packed with gzip."""
        return self.name.endswith(".gz")

    @property
    def columns(self) -> bool:
        """Whether it is Parquet."""
        return self.name.endswith(".parquet")


_BOM = "\ufeff"
FILES = (
    File("crm", "crm.csv", crm.HEADER + "\n", encoding="gbk"),
    File("club", "club.parquet"),
    File("pos_haiping", "pos_haiping.csv", _BOM + pos.HEADERS["pos_haiping"] + "\n"),
    File("pos_baiju", "pos_baiju.csv", pos.HEADERS["pos_baiju"] + "\n", encoding="gbk"),
    File("pos_linan", "pos_linan.csv", pos.HEADERS["pos_linan"] + "\n"),
    File("shop", "shop.ndjson.gz"),
    File("calls", "calls.csv.gz", service.CALLS + "\n"),
    File("visits", "visits.csv.gz", service.VISITS + "\n"),
    File("web", "web.ndjson.gz"),
    File("social", "social.json.gz", '{"data":{"posts":[\n', "\n]}}\n", between=",\n"),
    File("devices", "devices.ndjson.gz"),
    File("telemetry", "telemetry.ndjson.gz"),
    File("faults", "faults.ndjson.gz"),
    File("messages", "messages.csv.gz", messages.HEADER + "\n"),
)
BY_SILO = {file.silo: file for file in FILES}


def encoded(file: File, lines: pa.ChunkedArray, first: bool) -> bytes:
    """Return rows as a part of the file, ready to stand behind the part before it.

    A character that the encoding lacks becomes `?`, as systems with an old character set write it.
    """
    text = _lines(file, lines, first)
    raw = text if file.encoding == "utf-8" else text.decode().encode(file.encoding, "replace")
    return pack(file, raw)


def edge(file: File, text: str) -> bytes:
    """Return the head or the foot of a file."""
    return pack(file, text.encode(file.encoding)) if text else b""


def pack(file: File, raw: bytes) -> bytes:
    """Return bytes as they stand in the file; parts that are packed one by one follow each other as one file."""
    return igzip.compress(raw, _PACKED, mtime=0) if file.packed and raw else raw


def _lines(file: File, lines: pa.ChunkedArray, first: bool) -> bytes:
    joined: Callable[..., pa.ChunkedArray] = pc.binary_join_element_wise
    whole = joined(file.between, lines, "") if file.between else joined(lines, "\n", "")
    parts = [_raw(chunk) for chunk in whole.chunks if len(chunk)]
    raw = b"".join(parts)
    return raw[len(file.between) :] if file.between and first else raw


def _raw(chunk: pa.Array) -> bytes:
    """Return the text of all rows, one behind the other, without a loop over them."""
    _, offsets, data = chunk.buffers()
    ends = memoryview(offsets).cast("i")
    begin, end = ends[chunk.offset], ends[chunk.offset + len(chunk)]
    return bytes(memoryview(data)[begin:end]) if data is not None else b""
