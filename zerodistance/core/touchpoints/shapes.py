"""How a file is written: what the tables `csv`, `json` and `xlsx` of a mapping say."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from zerodistance.core.touchpoints.texts import ENCODINGS, encoding_named
from zerodistance.core.touchpoints.toml_values import (
    boolean,
    known,
    near,
    sign,
    string,
    strings,
    whole,
    wrong,
)

FORMATS = ("csv", "ndjson", "json", "xlsx", "parquet")


@dataclass(frozen=True)
class CsvShape:
    """How a CSV file is written: one delimiter, one quote sign that is doubled inside quotes, one encoding of `texts.ENCODINGS`."""

    delimiter: str = ","
    quote: str = '"'
    header: bool = True
    columns: tuple[str, ...] = ()
    nulls: tuple[str, ...] = ("",)
    encoding: str = field(default="utf-8", repr=False)


@dataclass(frozen=True)
class JsonShape:
    """How a JSON file is written.

    Attributes
    ----------
    path
        Keys that lead from the outermost object to the array of rows; empty: the file is the array.
    """

    path: tuple[str, ...] = ()
    encoding: str = "utf-8"


@dataclass(frozen=True)
class XlsxShape:
    """Where the rows of a workbook stand.

    Attributes
    ----------
    sheet
        Name, or number from 1.
    header
        Row that names the columns; rows above it are left out. 0: none does, `columns` names them.
    """

    sheet: str | int = 1
    header: int = 1
    columns: tuple[str, ...] = ()


def csv_shape(given: dict[str, Any]) -> CsvShape:
    """Read the table `csv`."""
    known("csv.", given, ("delimiter", "quote", "header", "columns", "nulls", "encoding"))
    shape = CsvShape(
        delimiter=sign("csv.delimiter", given.get("delimiter", ",")),
        quote=sign("csv.quote", given.get("quote", '"')),
        header=boolean("csv.header", given.get("header", True)),
        columns=strings("csv.columns", given.get("columns", [])),
        nulls=strings("csv.nulls", given.get("nulls", [""]), empty=True),
        encoding=_encoding("csv.encoding", given.get("encoding", "utf-8")),
    )
    if shape.header == bool(shape.columns):
        raise wrong(
            "csv.columns",
            "文件有表头就不写列名；header = false 时必须写",
            "name the columns if, and only if, header = false",
        )
    if shape.delimiter == shape.quote:
        raise wrong("csv.quote", "不能与 delimiter 相同", "it can't be the same as the delimiter")
    return shape


def json_shape(given: dict[str, Any], form: str) -> JsonShape:
    """Read the table `json`, which both JSON formats have."""
    known("json.", given, ("path", "encoding"))
    path: tuple[str, ...] = ()
    if "path" in given:
        if form == "ndjson":
            raise wrong(
                "json.path", "ndjson 一行一个对象，没有 path", "ndjson has an object on each line and no path"
            )
        at = given["path"]
        path = tuple(string("json.path", at).split(".")) if isinstance(at, str) else strings("json.path", at)
    return JsonShape(path, _encoding("json.encoding", given.get("encoding", "utf-8")))


def xlsx_shape(given: dict[str, Any]) -> XlsxShape:
    """Read the table `xlsx`."""
    known("xlsx.", given, ("sheet", "header", "columns"))
    sheet = given.get("sheet", 1)
    shape = XlsxShape(
        sheet=whole("xlsx.sheet", sheet, 1) if isinstance(sheet, int) else string("xlsx.sheet", sheet),
        header=whole("xlsx.header", given.get("header", 1), 0),
        columns=strings("xlsx.columns", given.get("columns", [])),
    )
    if bool(shape.header) == bool(shape.columns):
        raise wrong(
            "xlsx.columns",
            "有表头行就不写列名；header = 0 时必须写",
            "name the columns if, and only if, header = 0",
        )
    return shape


def _encoding(key: str, given: Any) -> str:
    name = string(key, given)
    found = encoding_named(name)
    if found is None:
        hint = near(name, ENCODINGS)
        raise wrong(key, f"不认识编码 {name}；{hint.zh}", f"the encoding {name} is not read; {hint.en}")
    return found
