"""The first example: the sample city, a made-up appliance brand whose truth is known."""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from zerodistance.doors.examples.consents import consents
from zerodistance.doors.examples.contracts import Example, File, Shopper
from zerodistance.kernel.access import Who
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text

KEY = "city"
MODELS = ("n1", "n2", "n3_repeat", "n4", "r1_activity", "r2_integrity", "r3_value", "r4_dormancy", "r5_stage")
"""What a city is large enough for, and takes seconds."""
SETTINGS = """\
# The example has one account: with it every play starts at one click. In a home of your own leave this out,
# so that more than 500 persons wait for the yes of a second account.
send_approval_size = 20000
"""
SEGMENTS = (
    (
        "washer_repaired_twice",
        Text("买过洗衣机、两年内报修两次以上", "Bought a washing machine, two repairs or more in two years"),
        'AllOf(Did("order.line", category="washer"), Has("usage.repairs_2y", at_least=2))',
    ),
    (
        "renovating",
        Text(
            "一年内买过油烟机或燃气灶，可能在装修",
            "Bought a hood or a stove within a year: may be renovating",
        ),
        'AnyOf(Did("order.line", category="range_hood", within_days=365), Did("order.line", category="stove", within_days=365))',
    ),
    (
        "members_gone_quiet",
        Text("会员、三年没有下单", "Members who have not ordered for three years"),
        'AllOf(Did("member.joined"), NoneOf(Did("order.line", within_days=1095)))',
    ),
)


def city(folder: Path) -> Example:
    """Return the example of a city that was made in a folder; its `truth/` is never read."""
    return Example(
        key=KEY,
        name=Text("样例城市的家电品牌“潮屿”", "the appliance brand Chaoyu of the sample city"),
        settings=SETTINGS,
        brand=folder / "brand",
        kinds=("units", "categories", "products", "places", "territories"),
        files=tuple(_files(folder)),
        shopper=_shopper(folder),
        segments=SEGMENTS,
        origin=folder,
        lines=_lines,
        models=MODELS,
        sender=Text("潮屿电器（演示）", "Chaoyu Appliances (demo)"),
        until=date.fromisoformat(json.loads((folder / "city.json").read_text(encoding="utf-8"))["until"]),
    )


def _files(folder: Path) -> Sequence[File]:
    """Return every silo with its mapping, the smallest first: pages fill as soon as possible."""
    silos = sorted((folder / "silos").iterdir(), key=lambda path: path.stat().st_size)
    mapping = {path.stem: path.read_text(encoding="utf-8") for path in (folder / "mappings").iterdir()}
    return [*(File(path, mapping[path.name.partition(".")[0]]) for path in silos), consents(folder)]


def _shopper(folder: Path) -> Shopper:
    """Return the member with a web account of whom the club has the most rows."""
    accounts = _accounts(folder / "silos" / "web.ndjson.gz")
    members = pq.read_table(folder / "silos" / "club.parquet", columns=["member_no"])["member_no"]
    with_account = members.filter(pc.is_in(members, pa.array(list(accounts), pa.string())))
    counted = pc.value_counts(with_account if len(with_account) else members)
    most = counted[pc.index(counted.field("counts"), pc.max(counted.field("counts"))).as_py()]
    member = most["values"].as_py()
    return Shopper(
        member=member,
        account=accounts.get(member, "demo-shopper"),  # in a city of fifty nobody may have logged in
        looked_at=(("CY-WM4D", "washer", 42), ("CY-DR2B", "dryer", 12)),
        bought={
            "product_id": "CY-WM4D",
            "category": "washer",
            "quantity": 1,
            "price": 3999,
            "currency": "CNY",
        },
    )


def _accounts(path: Path) -> dict[str, str]:
    """Return the first account under which each member logged in at the web site."""
    found: dict[str, str] = {}
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            if '"identify"' in line and '"member_id"' in line:
                said = json.loads(line)
                found.setdefault(said["traits"]["member_id"], said["userId"])
    return found


def _lines(home: Home, who: Who) -> Sequence[tuple[Text, str]]:
    return ()
