"""One table written in every way a file can be."""

from __future__ import annotations

import csv
import gzip
import io
import json
import zipfile
from collections.abc import Callable, Sequence

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq

Rows = Sequence[Sequence[str]]


def as_csv(names: Sequence[str], rows: Rows, encoding: str = "utf-8", delimiter: str = ",") -> bytes:
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, lineterminator="\r\n").writerows([names, *rows])
    return out.getvalue().encode(encoding)


def objects(names: Sequence[str], rows: Rows) -> list[dict[str, str | None]]:
    return [dict(zip(names, [cell or None for cell in row], strict=True)) for row in rows]


def as_ndjson(names: Sequence[str], rows: Rows) -> bytes:
    return "".join(json.dumps(o, ensure_ascii=False) + "\n" for o in objects(names, rows)).encode()


def as_json(names: Sequence[str], rows: Rows, path: Sequence[str] = (), indent: int | None = None) -> bytes:
    value: object = objects(names, rows)
    for key in reversed(path):
        value = {"before": {key: [1, '"}]']}, key: value, "after": 1}
    return json.dumps(value, ensure_ascii=False, indent=indent).encode()


def as_xlsx(
    names: Sequence[str], rows: Sequence[Sequence[object]], title: str = "Sheet1", above: int = 0
) -> bytes:
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet(title)
    for _ in range(above):
        sheet.append(["exported"])
    sheet.append(list(names))
    for row in rows:
        sheet.append([cell if cell != "" else None for cell in row])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def as_parquet(names: Sequence[str], rows: Rows) -> bytes:
    out = io.BytesIO()
    table = pa.table(
        {n: pa.array([row[i] or None for row in rows], pa.string()) for i, n in enumerate(names)}
    )
    pq.write_table(table, out, row_group_size=7)
    return out.getvalue()


def zipped(members: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return out.getvalue()


def zstd(data: bytes) -> bytes:
    out = pa.BufferOutputStream()
    with pa.CompressedOutputStream(out, "zstd") as stream:
        stream.write(data)
    return bytes(out.getvalue())


PACKINGS: dict[str, Callable[[bytes], bytes]] = {
    "": lambda data: data,
    "gzip": gzip.compress,
    "zip": lambda data: zipped({"data": data}),
    "zstd": zstd,
}
