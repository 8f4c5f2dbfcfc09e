"""How hard the sample city is: what simple means reach in it, examined by `zerodistance evaluate` against its truth, in both worlds.

Who is who, over the nine systems whose rows name somebody (`calls` and `visits` come in as one): every equal key; keys of at most 8 names; the same and what
Splink joins (`make splink`) of columns as they are and of columns that were cleaned first; with `--product` our own import. Need, for
households that are known to have an appliance of the brand: time since the last purchase alone, rules by hand over all events, and an oracle that
looks at the hidden state. Identity is perfect for need.
"""

from __future__ import annotations

import shutil
import subprocess
from collections import defaultdict
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.lib import cities
from benchmarks.lib.cities import COLUMNS, Named
from benchmarks.lib.house import House
from benchmarks.lib.machine import arguments, report, say, workspace
from zerodistance.evaluate import api
from zerodistance.evaluate.contracts import Figure
from zerodistance.sample import api as sample

MOST_NAMES = 8  # of a key that joins, measured before we began
LEAST = (
    0.5,
    0.9,
    0.95,
    0.99,
)  # probabilities from which on Splink's pairs join: closure multiplies wrong ones; .95 was best over seeds 1 to 3
SPLINK = Path(__file__).resolve().parents[1] / ".make" / "splink" / "bin" / "python"
Key = tuple[str, str]


def main() -> None:
    """Make a city of each world and print what each means reached."""
    parser = arguments(__doc__)
    parser.add_argument("--people", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=4, help="1 to 3 are those that defaults come from")
    parser.add_argument("--worlds", nargs="+", default=list(sample.WORLDS))
    parser.add_argument("--product", action="store_true", help="import the nine systems too")
    options = parser.parse_args()
    found: dict[str, Any] = {}
    for world in options.worlds:
        with workspace(options.folder) as root:
            say(f"{world}: {options.people:,} people")
            sample.generate(options.people, options.seed, world, root / "city", processes=1)
            shutil.copytree(
                root / "city", root / "read"
            )  # the import takes the encodings that the systems wrote
            con = cities.opened(root / "read")
            found[world] = {
                "identity": _identity(con, root, product=options.product),
                "need": _need(con, root),
            }
            con.close()
    report("difficulty", people=options.people, seed=options.seed, worlds=found)


def _identity(con: duckdb.DuckDBPyConnection, root: Path, *, product: bool) -> dict[str, Any]:
    """Return means -> figures over the rows that name somebody."""
    part = cities.named_truth(root / "city", root / "named")
    rows = cities.named_rows(con)
    guarded = _guarded(rows)
    joined = {"exact": _keys(rows), "guarded": guarded, **_evidence(rows, guarded, root)}
    if SPLINK.exists():
        for mode in ("raw", "stock"):
            pairs = _splink(rows, guarded, root, mode)
            for least in LEAST:
                joined[f"splink_{mode}_{least:g}"] = _proved(guarded) + _joined(pairs, least)
    else:
        say("Splink is left out: run make splink")
    out = {}
    for name, edges in joined.items():
        say(f"  {name}")
        out[name] = _examined(part, _written(rows, edges, root / f"{name}.parquet"))
    if product:
        out["product"] = _product(root, part)
    return out


def _keys(rows: list[Named]) -> list[tuple[int, Key]]:
    return [(n, key) for n, row in enumerate(rows) for key in row.keys.items()]


def _guarded(rows: list[Named]) -> list[tuple[int, Key]]:
    """Return the keys of rows without those that more names have than anybody could."""
    names: dict[Key, set[str]] = defaultdict(set)
    for n, key in (every := _keys(rows)):
        if (name := rows[n].name) is not None:
            names[key].add(name)
    return [(n, key) for n, key in every if len(names[key]) <= MOST_NAMES]


def _evidence(
    rows: list[Named], guarded: list[tuple[int, Key]], root: Path
) -> dict[str, list[tuple[int, Key]]]:
    """Return what rows of one person have in common, as the truth has it: the most that anybody could join without names, and with them."""
    person: dict[Key, str] = {}
    for silo in COLUMNS:
        table = pq.read_table(
            root / "city" / "truth" / "records" / f"{silo}.parquet", columns=["record", "person"]
        )
        source = "service" if silo in ("calls", "visits") else silo
        person |= {
            (source, record): str(who)
            for record, who in zip(*(table[name].to_pylist() for name in table.column_names), strict=True)
        }
    homes = {name: column.to_pylist() for name, column in cities.homes(rows, root / "city").items()}
    found = [(n, f"{kind} {value}") for n, (kind, value) in guarded]
    named = [(n, row.name) for n, row in enumerate(rows) if row.name]
    for n, row in enumerate(rows):
        room = f"{homes['building'][n]} {homes['room'][n]}"
        found += [
            (n, f"{part} {homes[part][n]} {room}")
            for part in ("estate", "road")
            if homes[part][n] and homes["room"][n]
        ]
        found += [(n, row.born)] if row.born else []
    parts = {"evidence": found, "evidence_or_name": found + named}
    return {
        name: [(n, (person[rows[n].source, rows[n].record], value)) for n, value in part]
        for name, part in parts.items()
    }


def _proved(guarded: list[tuple[int, Key]]) -> list[tuple[int, Key]]:
    """Return the keys that somebody proved to have: Splink weighs phones and e-mail addresses by itself."""
    return [(n, key) for n, key in guarded if key[0] in ("member", "account", "ticket")]


def _splink(rows: list[Named], guarded: list[tuple[int, Key]], root: Path, mode: str) -> pa.Table:
    """Return the pairs that Splink finds: a, b, p (probability)."""
    kept: list[dict[str, str]] = [{} for _ in rows]
    for n, (kind, value) in guarded:
        kept[n][kind] = value
    columns = {
        kind: [one.get(kind) for one in kept] for kind in ("phone", "email", "member", "account", "ticket")
    }
    table = pa.table({
        "unique_id": range(len(rows)), **{k: pa.array(v, pa.string()) for k, v in columns.items()},
        "name": pa.array([row.name for row in rows], pa.string()), "address": pa.array([row.address for row in rows], pa.string()),
        "sex": pa.array([row.sex for row in rows], pa.string()), "born": pa.array([row.born for row in rows], pa.string()),
        **cities.homes(rows, root / "city"),
    })  # fmt: skip
    given, pairs = root / "rows.parquet", root / f"{mode}.pairs.parquet"
    pq.write_table(table, given)
    script = Path(__file__).parent / "lib" / "splink_pairs.py"
    words = [str(SPLINK), str(script), str(given), str(pairs), mode]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"splink failed:\n{done.stderr[-3000:]}")
    return pq.read_table(pairs)


def _joined(pairs: pa.Table, least: float) -> list[tuple[int, Key]]:
    """Return the pairs from a probability on, each as a key of its own."""
    out: list[tuple[int, Key]] = []
    for n, (a, b, p) in enumerate(zip(*(pairs[name].to_pylist() for name in "abp"), strict=True)):
        if p >= least:
            out += [(a, ("pair", str(n))), (b, ("pair", str(n)))]
    return out


def _written(rows: list[Named], edges: list[tuple[int, Key]], path: Path) -> Path:
    """Write who is who by connected rows."""
    above = list(range(len(rows)))

    def top(one: int) -> int:
        while above[one] != one:
            above[one] = one = above[above[one]]
        return one

    first: dict[Key, int] = {}
    for row, key in edges:
        above[top(row)] = top(first.setdefault(key, row))
    columns = {
        "source": [row.source for row in rows],
        "source_id": [row.record for row in rows],
        "person_id": [str(top(n)) for n in range(len(rows))],
    }
    pq.write_table(pa.table(columns), path)
    return path


def _examined(truth: Path, said: Path) -> dict[str, Any]:
    found = api.identity(truth, said, partial=True)
    row = found.tables["by_part"][0]
    figures = {name: _short(cell) for name, cell in row.items() if isinstance(cell, Figure)}
    return {**figures, "records": row["records"], "largest": found.counts["largest_said"]}


def _short(cell: object) -> list[float | None]:
    """Return value, low, high."""
    assert isinstance(cell, Figure)
    return [None if one is None else float(f"{one:.4g}") for one in (cell.value, cell.low, cell.high)]


def _product(root: Path, truth: Path) -> dict[str, Any]:
    """Import the systems into a home by the command line, and examine what it says."""
    house, city = House(root), root / "city"
    for silo in COLUMNS:
        say(f"  product: {silo}")
        (path,) = (city / "silos").glob(f"{silo}.*")
        house.run("import", str(path), "--mapping", str(city / "mappings" / f"{silo}.toml"))
    house.run("identity", "match")
    house.run("identity", "export", str(root / "persons.csv"))
    return _examined(truth, root / "persons.csv")


def _need(con: duckdb.DuckDBPyConnection, root: Path) -> dict[str, Any]:
    """Return means -> figures at 6 months from the day of export on."""
    cities.events(con)
    con.execute(_SCORES.format(at="timestamp '2026-11-01'"))
    out = {}
    for name in ("recency", "rules", "oracle"):
        path = root / f"{name}.parquet"
        con.execute(
            f"copy (select person, category, date '2026-11-01' as as_of, {name} as score from scores) to '{path}' (format parquet)"
        )
        six = api.need(root / "city", path).tables["forecast"][0]
        figures = {key: _short(cell) for key, cell in six.items() if isinstance(cell, Figure)}
        out[name] = {**figures, "rows": six["rows"], "hits": six["hits"]}
    return out


# One row a household and category of which the brand sold them something: three scores, more is sooner. Of categories that have a twentieth of
# the rows at least: the others have so few purchases that a mean over categories would be theirs.
# The points of the rules are our own; the life of a category is the published safe-use time in brand/categories.csv.
_SCORES = """
create table scores as
with sold as (select household, category, max(moment) as latest from sale where moment < {at} group by all),
common as (select category from sold group by category having count(*) >= .05 * (select count(*) from sold)),
known as (select * from sold where category in (from common)),
seen as (
  select household, category, count(distinct cast(moment as date)) filter (moment >= {at} - interval 90 day) as days_90,
         count(distinct cast(moment as date)) filter (moment >= {at} - interval 30 day) as days_30
  from visit where moment < {at} group by all),
failed as (select household, category, count(*) as calls from fault where moment < {at} and moment >= {at} - interval 400 day group by all),
moving as (select distinct household from moved where moment < {at} and moment >= {at} - interval 200 day),
kitchen as (select distinct household from sale where category in ('range_hood', 'stove') and moment < {at} and moment >= {at} - interval 200 day),
open as (
  select household, category, max(case when cause in ('death', 'deterioration') then 3 else 1 end) as weight
  from needs where started <= {at} and (purchased is null or purchased > {at}) group by all),
wear as (
  select household, category, min(worn_out) as worn_out from units
  where bought <= {at} and (retired is null or retired > {at}) group by all),
decider as (select household, min(person) as person from persons group by all)
select d.person, k.category, date_diff('day', k.latest, {at}) / 365.25 as recency,
  least(date_diff('day', k.latest, {at}) / 365.25 / coalesce(c.lifetime_years, 10), 1.2) * 40 + least(coalesce(s.days_90, 0), 4) * 18
    + least(coalesce(s.days_30, 0), 2) * 10 + least(coalesce(f.calls, 0), 3) * 14
    + case when m.household is null then 0 else 12 end + case when h.household is null then 0 else 8 end as rules,
  coalesce(o.weight, 0) + 1 / (2 + greatest(0, coalesce(date_diff('day', {at}, w.worn_out), 9999)) / 365.25) as oracle
from known k join decider d using (household) left join categories c on c.key = k.category
left join seen s using (household, category) left join failed f using (household, category)
left join moving m using (household) left join kitchen h using (household)
left join open o using (household, category) left join wear w using (household, category)
"""

if __name__ == "__main__":
    main()
