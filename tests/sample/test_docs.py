"""The page of the sample city names the files, columns and types that are there, and no others."""

from __future__ import annotations

import re
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.sample.cities import SILOS, path_of, rows_of

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "sample.md").read_text(encoding="utf-8")
TABLES = ("persons", "needs", "outcomes")  # described by a table of columns
LINES = (
    "households",
    "residences",
    "contacts",
    "units",
    "faults",
    "campaigns",
    "texts",
    "influence",
)  # by a line


def names(text: str) -> list[str]:
    """Return the column names of a list such as `a, b{c, d}, e (more)`, without what stands in brackets."""
    bare = re.sub(r"\([^)]*\)|\{[^}]*\}|\[[^\]]*\]|`", "", text)
    return [name.strip() for name in bare.split(",") if name.strip()]


@pytest.mark.parametrize("silo", SILOS)
def test_the_columns_of_a_silo_are_on_the_page_in_their_order(city: Path, silo: str) -> None:
    (told,) = re.findall(rf"^\| `{path_of(city, silo).name}` \| [^|]* \| ([^|]*) \|", PAGE, re.MULTILINE)
    found: dict[str, None] = {}
    for row in rows_of(city, silo):
        found.update(dict.fromkeys(row))
    assert sorted(names(told)) == sorted(found)
    if silo not in ("web",):
        assert names(told) == list(found)


@pytest.mark.parametrize("name", TABLES)
def test_a_table_of_the_truth_has_the_columns_that_the_page_lists(city: Path, name: str) -> None:
    (section,) = re.findall(rf"\*\*`{name}.parquet`\*\*\n\n(.*?)\n\n", PAGE, re.DOTALL)
    told = [names(cell) for cell in re.findall(r"^\| ([^|]*) \| [^|]* \|", section, re.MULTILINE)[1:]]
    assert [one for cell in told for one in cell] == pq.read_schema(city / "truth" / f"{name}.parquet").names


@pytest.mark.parametrize("name", LINES)
def test_a_line_on_the_truth_names_its_columns_with_their_types(city: Path, name: str) -> None:
    (line,) = re.findall(rf"^\*\*`{name}.parquet`\*\*: (.*)$", PAGE, re.MULTILINE)
    told: list[tuple[str, str]] = []
    for part in re.sub(r"\([^)]*\)", "", line).rstrip(".").split(";"):
        listed = [one.strip() for one in part.split(",") if one.strip() not in ("null",)]
        kind = listed[-1].split()[-1]
        told += [(one.split()[0], kind) for one in listed]
    schema = pq.read_schema(city / "truth" / f"{name}.parquet")
    spelled = {"date32[day]": "date32", "double": "float64", "float": "float32"}
    assert told == [(field.name, spelled.get(str(field.type), str(field.type))) for field in schema]
