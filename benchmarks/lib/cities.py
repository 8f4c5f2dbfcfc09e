"""A sample city as somebody outside would read it: rows that name somebody, with what they say, and events with their household.

The silos are read without the product. Events are given the household that the truth gives their row, as if identity were perfect, so that what
is compared is what one makes of them.
"""

from __future__ import annotations

import csv
import re
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa

from scripts.sample_figures import tables
from zerodistance.core.identity import cleaning

# silo: phone, e-mail, member, account, ticket, name, address, sex, birthday, id of the row
COLUMNS = {
    "crm": ('"手机"', '"邮箱"', "null", "null", "null", '"姓名"', '"地址"', '"性别"', '"出生日期"', '"建档单号"'),
    "club": ("mobile", "email", "member_no", "null", "null", "name", "null", "gender", "birthday", "event_no"),
    "pos_haiping": ('"顾客电话"', "null", "null", "null", "null", '"顾客姓名"', '"送货地址"', "null", "null", '"流水号"'),
    "pos_baiju": ("mobile", "null", "vip_no", "null", "null", "cust_name", "null", "null", "null", "line_id"),
    "pos_linan": ('"联系方式"', "null", "null", "null", "null", '"收货人"', '"收货地址"', "null", "null", '"序号"'),
    "shop": ("receiver.mobile", "buyer.email", "member_no", "account", "null", "receiver.name", "receiver.address", "null", "null", "order_no"),
    "calls": ("phone", "null", "null", "null", "ticket", "caller", "address", "null", "null", "call_no"),
    "visits": ("phone", "null", "null", "null", "ticket", "null", "null", "null", "null", "visit_no"),
    "devices": ("mobile", "null", "null", "account", "null", "null", "null", "null", "null", "binding"),
}  # fmt: skip
_NESTED = {
    "orders": "{order_no: 'varchar', account: 'varchar', member_no: 'varchar', placed_at: 'varchar', exported_at: 'varchar', "
    "items: 'struct(category varchar)[]', buyer: 'struct(email varchar)', receiver: 'struct(name varchar, mobile varchar, address varchar)'}",
    "visited": "{messageId: 'varchar', sentAt: 'varchar', properties: 'struct(category varchar)'}",
}
_SALES = {  # silo: id of the row, product, when the brand knew of it
    "pos_haiping": ('"流水号"', '"商品编码"', "try_strptime(\"上报时间\", '%Y-%m-%d %H:%M:%S')"),
    "pos_baiju": ("line_id", "sku", "try_strptime(upload_date, '%Y%m%d')"),
    "pos_linan": ('"序号"', '"型号"', "try_strptime(\"报表日期\", '%Y-%m-%d')"),
}


@dataclass(frozen=True)
class Named:
    """One row that names somebody: where it is, its cleaned keys by kind, and what else it says of them."""

    source: str
    record: str
    keys: dict[str, str]
    name: str | None
    address: str | None
    sex: str | None
    born: str | None


def opened(root: Path) -> duckdb.DuckDBPyConnection:
    """Return a connection with truth and silos of a city; two of its files are rewritten in UTF-8."""
    con = tables(root)
    for name, columns in _NESTED.items():
        silo = {"orders": "shop", "visited": "web"}[name]
        con.execute(
            f"create view {name} as select * from read_json('{root / 'silos' / silo}.ndjson.gz', columns = {columns})"
        )
    for name in ("products", "categories"):
        con.execute(
            f"create view {name} as select * from read_csv('{root / 'brand' / name}.csv', header = true)"
        )
    return con


def named_truth(city: Path, folder: Path) -> Path:
    """Write a truth that has only the systems whose rows name somebody, and return its folder."""
    records = folder / "records"
    records.mkdir(parents=True)
    for silo in COLUMNS:
        shutil.copy(city / "truth" / "records" / f"{silo}.parquet", records)
    return folder


def named_rows(con: duckdb.DuckDBPyConnection) -> list[Named]:
    """Return the rows of all systems whose rows name somebody."""
    out = []
    for silo, columns in COLUMNS.items():
        source = "service" if silo in ("calls", "visits") else silo
        view = "orders" if silo == "shop" else silo
        for phone, email, member, account, ticket, name, address, sex, born, record in con.execute(
            f"select {', '.join(columns)} from {view}"
        ).fetchall():
            found = {
                "phone": cleaning.phone(phone) if phone else None,
                "email": cleaning.email(email) if email else None,
                "member": member,
                "account": account,
                "ticket": ticket,
            }
            keys = {kind: key for kind, key in found.items() if isinstance(key, str) and key}
            said = {"女": "F", "男": "M"}.get(sex, sex)
            out.append(Named(source, record, keys, name or None, address or None, said or None, born or None))
    return out


def events(con: duckdb.DuckDBPyConnection) -> None:
    """Make `sale`, `visit`, `fault` (household, category, moment) and `moved` (household, moment)."""
    of = "join records r on r.silo = '{silo}' and r.record = s.{record} and r.household is not null"
    sales = [
        f"select r.household, p.category, {at} as moment from {silo} s {of.format(silo=silo, record=record)} join products p on p.code = s.{product}"
        for silo, (record, product, at) in _SALES.items()
    ]
    order = of.format(silo="shop", record="order_no")
    sales.append(
        f"select r.household, s.items[1].category, cast(left(s.exported_at, 19) as timestamp) from orders s {order}"
    )
    con.execute("create table sale as " + " union all ".join(sales))
    con.execute(
        f"""create table visit as select r.household, s.properties.category as category,
            cast(left(s.sentAt, 19) as timestamp) + interval 8 hour as moment
            from visited s {of.format(silo="web", record="messageId")} where s.properties.category is not null"""
    )
    call = of.format(silo="calls", record="call_no")
    con.execute(
        f"""create table fault as select r.household, p.category, cast(s.opened_at as timestamp) as moment
            from calls s {call} join products p on p.code = s.product where s.reason = '报修'"""
    )
    con.execute(
        f"create table moved as select r.household, cast(s.opened_at as timestamp) as moment from calls s {call} where s.reason = '移机'"
    )


def homes(rows: list[Named], root: Path) -> dict[str, pa.Array]:
    """Return parts of the address of each row, see `parted`."""
    return parted([row.address for row in rows], root)


def parted(addresses: Iterable[str | None], root: Path) -> dict[str, pa.Array]:
    """Return parts of each address as a few lines of code find them: known estates, a name before 路, the first and the last number behind."""
    with (root / "brand" / "places.csv").open(encoding="utf-8") as file:
        known = sorted({row["name_zh"][:2] for row in csv.DictReader(file) if row["kind"] == "community"})
    found: dict[str, list[str | None]] = {part: [] for part in ("estate", "road", "building", "room")}
    for given in addresses:
        address = (given or "").rpartition("街道")[2]
        road = re.search(r"([^省市区]{2,3})路(?:\d+号(?!楼))?", address)
        behind = address[road.end() :] if road else address
        numbers = re.findall(r"\d+", behind)
        found["estate"].append(next((one for one in known if one in behind), None))
        found["road"].append(road[1] if road else None)
        found["building"].append(numbers[0] if len(numbers) > 1 else None)
        found["room"].append(numbers[-1] if len(numbers) > 1 else None)
    return {name: pa.array(values, pa.string()) for name, values in found.items()}
