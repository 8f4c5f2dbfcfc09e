"""How many public ids change from one night to another, through the product: a sample city's rows that name somebody, imported in two parts.

The first ten of eleven parts of what happened are imported, matched and rebuilt, then the rest. `ids_changed_share` is the share of the rows of the
first part that stand under another id in the second export. `earliest_share` is what it would be if ids were those of earliest subjects, `least_share`
if every new person had the id that most of its rows had: what a table of ids with a history of its own could reach. `left_share` is of the largest
parts of persons that lost their id because the subject it is made of left. All rows come through one mapping, so identifiers are numbered in another
order than by the mappings of the nine systems; `identity_realtime` does it in memory.
"""

from __future__ import annotations

import csv
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.lib import persons
from benchmarks.lib.house import House
from benchmarks.lib.ids import in_time
from benchmarks.lib.machine import arguments, report, workspace
from zerodistance.kernel.home import open_home
from zerodistance.kernel.settings import load
from zerodistance.sample import api as sample

_MAPPING = """
kind = "profile.updated"
source = { key = "all", name = "All", kind = "import" }
source_id = "line"
[times]
happened_at = "at"
zone = "Asia/Shanghai"
known_at = "at"
[identifiers]
record = "no"
phone = "phone"
email = "email"
member_id = "sole_member"
user_id = "sole_account"
[facts]
name = "name"
address = "address"
gender = "gender"
birthday = "birthday"
"""
_COLUMNS = ("name", "address", "gender", "birthday", "phone", "email", "sole_member", "sole_account")
_BEGAN = datetime(2012, 1, 1)
Night = tuple[dict[str, str], dict[int, int]]
"""Row -> public id; subject -> person number."""


def main() -> None:
    """Import one part, then the other, and compare."""
    parser = arguments(__doc__)
    parser.add_argument("--people", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=4, help="1 to 3 are those that defaults come from")
    options = parser.parse_args()
    with workspace(options.folder) as root:
        sample.generate(options.people, options.seed, "base", root / "city", processes=1)
        persons.of_city(root / "city", root / "rows.parquet")
        rows = in_time(pq.read_table(root / "rows.parquet"), pq.read_table(root / "times.parquet"))
        known = len(rows) * 10 // 11
        house = House(root, {"placing": "false"})
        before, after = (_night(house, root, rows, *part) for part in ((0, known), (known, len(rows))))
        home = open_home(load(home=house.home))
        number = home.seal.number_of
        ids = {*before[0].values(), *after[0].values()}
        found = _compared(before, after, {one: number(one) for one in ids})
        home.close()
    report("public_ids", people=options.people, seed=options.seed, rows=len(rows), **found)


def _night(house: House, root: Path, rows: pa.Table, first: int, last: int) -> Night:
    """Import some rows, match and rebuild; return what is exported, and who is who."""
    (root / "all.toml").write_text(_MAPPING)
    with (root / f"{first}.csv").open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(("line", "no", "at", *_COLUMNS))
        for n, row in enumerate(rows.slice(first, last - first).to_pylist(), start=first):
            own = f"ticket {row['sure_ticket']}" if row["sure_ticket"] else f"{row['source']} {row['record']}"
            at = _BEGAN + timedelta(hours=n)
            out.writerow((f"l{n}", own, f"{at:%Y-%m-%d %H:%M:%S}", *(row[name] for name in _COLUMNS)))
    house.run("import", str(root / f"{first}.csv"), "--mapping", str(root / "all.toml"))
    house.run("identity", "match")
    house.run("identity", "rebuild")
    house.run("identity", "export", str(root / "ids.csv"))
    with (root / "ids.csv").open(newline="") as file:
        ids = {row["source_id"]: row["person_id"] for row in csv.DictReader(file) if row["person_id"]}
    rows_of = house.ask("select number, person from subject order by number")
    return ids, {row[0]: row[1] for row in rows_of}


def _compared(before: Night, after: Night, number: dict[str, int]) -> dict[str, float]:
    """Return the shares of rows that were there before."""
    rows = before[0]
    earliest: list[list[int]] = []
    for ids, person in (before, after):
        first: dict[int, int] = {}
        for subject, one in person.items():
            first.setdefault(one, subject)
        earliest.append([first[person[number[ids[row]]]] for row in rows])
    moved = Counter((old, after[0][row]) for row, old in rows.items())
    kept, olds, news = 0, set[str](), set[str]()
    for (old, new), many in moved.most_common():
        if old not in olds and new not in news:
            olds.add(old)
            news.add(new)
            kept += many
    largest = {old: new for (old, new), _ in reversed(moved.most_common())}
    person = after[1]
    left = sum(
        many
        for (old, new), many in moved.items()
        if largest[old] == new and person[number[old]] != person[number[new]]
    )
    return {
        "ids_changed_share": sum(many for (old, new), many in moved.items() if old != new) / len(rows),
        "earliest_share": sum(a != b for a, b in zip(*earliest, strict=True)) / len(rows),
        "least_share": 1 - kept / len(rows),
        "left_share": left / len(rows),
    }


if __name__ == "__main__":
    main()
