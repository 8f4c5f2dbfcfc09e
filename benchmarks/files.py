"""A 20-column export in GBK from `zerodistance import` until every row of it is a touch.

The file is made from a seed: nobody in it exists, and its phones are of 1740, which serves satellites. It is imported at two sizes, each
into a home of its own by the command as somebody types it, start of the interpreter included; what follows is done by it too: persons,
vault, profiles, the lake. Phone and member id are mapped as identifiers, eight typed columns, one column of the body; name and address are not.
Memory is the peak of the process.
"""

from __future__ import annotations

import json
import random
import time
from pathlib import Path
from typing import Any

from benchmarks.lib.house import House, Measured
from benchmarks.lib.machine import arguments, report, say, workspace
from zerodistance.core.touchpoints.mapping import parse
from zerodistance.core.touchpoints.rows import open_rows

NAMES = (
    "订单号", "行号", "会员号", "手机号", "姓名", "性别", "省", "市", "地址", "品类", "型号", "数量", "单价", "金额", "渠道", "门店",
    "下单时间", "送达时间", "支付方式", "备注",
)  # fmt: skip
MAPPING = """
source = { key = "orders", name = { zh = "订单", en = "Orders" }, kind = "import" }
kind = "order.line"
source_id = ["订单号", "行号"]
body = ["支付方式"]
csv = { encoding = "gbk" }
[times]
happened_at = "下单时间"
zone = "Asia/Shanghai"
lag = "1 day"
[identifiers]
member_id = "会员号"
phone = "手机号"
[columns]
order_id = "订单号"
product = "型号"
category = "品类"
quantity = "数量"
amount = "金额"
channel = "渠道"
place = "门店"
"""
_PER_PERSON, _LINES = 5, 3  # lines of a person in the whole file, and of an order
_FAMILY, _GIVEN = "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨", "安宁平和静远明达文礼义信诚朴真善"
_PLACES = (
    ("山东省", "青岛市", "崂山区"),
    ("江苏省", "南京市", "玄武区"),
    ("广东省", "深圳市", "南山区"),
    ("四川省", "成都市", "锦江区"),
)
_GOODS = (
    ("冰箱", "BCD-500"),
    ("洗衣机", "XQG-100"),
    ("空调", "KFR-35"),
    ("热水器", "ES-60"),
    ("电视", "LS-65"),
)
_PART = 30_000


def make(path: Path, rows: int, seed: int = 1) -> None:
    """Write the file: orders of three lines each, by people who come back; the same rows and seed give the same bytes."""
    chance = random.Random(seed)
    people = max(1, rows // _PER_PERSON)
    with open(path, "wb") as file:
        file.write((",".join(NAMES) + "\r\n").encode("gbk"))
        for first in range(0, rows, _PART):
            orders = range(first // _LINES, min(rows, first + _PART) // _LINES)
            lines = [line for order in orders for line in _order(order, chance.randrange(people), chance)]
            file.write("".join(lines).encode("gbk"))


def _order(order: int, person: int, chance: random.Random) -> list[str]:
    province, city, district = _PLACES[person % len(_PLACES)]
    name = _FAMILY[person % 16] + _GIVEN[person // 16 % 16] + _GIVEN[person // 256 % 16]
    at, price = 1_700_000_000 + order * 7 % 60_000_000, 999 + person % 7_000
    ordered, sent = (time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(t)) for t in (at, at + 172_800))
    who = (
        f"M{person:08d},1740{person:07d},{name},{'男女'[person % 2]},{province},{city},"
        f"{district}和平路{person % 900 + 1}号{person % 30 + 1}单元"
    )
    where = f"{('门店', '网店', '直播')[order % 3]},{city}第{person % 50 + 1}店,{ordered},{sent},{('支付宝', '微信', '银行卡')[order % 3]}"
    lines = []
    for line in range(1, _LINES + 1):
        category, model = _GOODS[int(chance.random() * len(_GOODS))]
        lines.append(
            f"O{order:09d},{line},{who},{category},{model}{person % 40},{line},{price}.00,{price * line}.00,{where},"
            f'"{category}，请在工作日送货"\r\n'
        )
    return lines


def reading(path: Path) -> float:
    """Return the rows per processor second of reading alone."""
    began = time.process_time()
    with open(path, "rb") as file:
        rows, count = open_rows(file, parse(MAPPING)), 0
        while (piece := rows.read(30_000)) is not None:
            count += len(piece.rows)
    return count / (time.process_time() - began)


def take_in(root: Path, path: Path, mapping: Path) -> Measured:
    """Import a file into a new home; return what the command said and took."""
    root.mkdir()
    return House(root).measured("import", str(path), "--mapping", str(mapping), "--json")


def figures(root: Path, rows: int) -> dict[str, Any]:
    """Make, read and import a file of some rows."""
    rows -= rows % _LINES
    path, mapping = root / f"{rows}.csv", root / "mapping.toml"
    mapping.write_text(MAPPING, encoding="utf-8")
    say(f"making {rows:,} rows")
    make(path, rows)
    size = path.stat().st_size
    alone = reading(path)
    say(f"{size / 1e6:,.0f} MB; reading alone {alone:,.0f} rows per processor second; importing")
    found = take_in(root / f"home-{rows}", path, mapping)
    job, cpu = json.loads(found.said), found.cpu
    path.unlink()
    if (job["state"], job["accepted"], job["duplicates"], job["refused"]) != ("done", rows, 0, 0):
        raise SystemExit(f"not every row was taken in: {job}")
    say(f"{found.seconds:,.0f} s, {cpu:,.0f} processor s, {rows / cpu:,.0f} rows per processor second")
    return {
        "rows": rows,
        "mb": size / 1e6,
        "total_s": found.seconds,
        "cpu_s": cpu,
        "rows_per_cpu_s": rows / cpu,
        "reading_rows_per_cpu_s": alone,
        "peak_rss_mb": found.peak_mb,
    }


def main() -> None:
    """Import the same kind of file at two sizes."""
    parser = arguments(__doc__)
    parser.add_argument("--rows", type=int, default=5_000_000, help="rows of the large file")
    parser.add_argument(
        "--small", type=int, help="rows of the small file; a fifth of the large one unless said"
    )
    options = parser.parse_args()
    with workspace(options.folder) as root:
        small = figures(root, options.small or options.rows // 5)
        large = figures(root, options.rows)
    report("files", **large, small=small, memory_ratio=large["peak_rss_mb"] / small["peak_rss_mb"])


if __name__ == "__main__":
    main()
