"""Who of the sample city agreed to hear from the brand: a file beside the city's own, drawn from who joined the club.

The city's systems say nothing of consent but who unsubscribed later. So the demo says it: of those who joined, about seven in ten ticked the box for the
inbox, for text messages where they gave a number, and for e-mail where they gave an address. Who unsubscribed since has withdrawn.
"""

from __future__ import annotations

import csv
import hashlib
import io
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq

from zerodistance.doors.examples.contracts import File
from zerodistance.kernel.files import replace_file

FILE = "consents.csv"
AGREED = 0.7
"""Own value: share of those who join who agree, for each way by itself."""
_HEAD = ("consent_no", "member_no", "mobile", "email", "channel", "agreed_at", "noted_at")
_MAPPING = """\
# Made by the demo: who of the members agreed to hear from the brand, a row for each way. See doors/examples/consents.py.
format = "csv"
source = { key = "consents", name = { zh = "同意（演示假设）", en = "Consents (assumed by the demo)" }, kind = "import" }
source_id = "consent_no"

[[kind]]
is = "consent.given"

[times]
happened_at = "agreed_at"
format = "%Y-%m-%d %H:%M:%S"
zone = "Asia/Shanghai"
known_at = "noted_at"

[identifiers]
member_id = "member_no"
phone = "mobile"
email = "email"

[columns]
channel = "channel"
category = "'marketing'"
campaign = "'club-2026'"
"""
_WAYS = (("inbox", "member_no"), ("sms", "mobile"), ("email", "email"))


def consents(folder: Path) -> File:
    """Write the consents of a city that was made in a folder, unless they are there; return them with their mapping."""
    path = folder / FILE
    if not path.exists():
        _write(folder / "silos" / "club.parquet", path)
    return File(path, _MAPPING)


def _write(club: Path, to: Path) -> None:
    columns = ["event_no", "event", "member_no", "mobile", "email", "occurred_at", "recorded_at"]
    table = pq.read_table(club, columns=columns)
    joined = table.filter(pc.equal(table["event"], "join")).to_pylist()
    lines = []
    for row in joined:
        for channel, field in _WAYS:
            number = f"{row['event_no']}-{channel}"
            if row[field] and _luck(number) < AGREED:
                mine = [row[field] if name == field else "" for name in ("member_no", "mobile", "email")]
                lines.append(
                    (number, *mine, channel, *(f"{row[at]:%Y-%m-%d %H:%M:%S}" for at in columns[-2:]))
                )
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(_HEAD)
    writer.writerows(lines)
    replace_file(to, out.getvalue().encode())


def _luck(number: str) -> float:
    """Return a number from 0 to 1 that hangs on a row alone."""
    return int.from_bytes(hashlib.sha256(number.encode()).digest()[:6], "big") / (1 << 48)
