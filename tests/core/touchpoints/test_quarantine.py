"""Refused rows are seen masked, mended, and replayed exactly once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.core.touchpoints import tables
from tests.core.touchpoints.people import EachIdentifier
from zerodistance.core.touchpoints import import_jobs, quarantine, sources, tail
from zerodistance.core.touchpoints.digest import Digest
from zerodistance.core.touchpoints.imports import Feeds
from zerodistance.core.touchpoints.parse import Parser
from zerodistance.core.touchpoints.sent import Sent
from zerodistance.kernel import clock
from zerodistance.kernel.access import Who
from zerodistance.kernel.errors import Forbidden, NotFound
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text

VISITS = """
kind = "store.visited"
source = { key = "visits", name = "Visits", kind = "store" }
[types]
pieces = "integer"
[times]
happened_at = "at"
zone = "UTC"
lag = "1 day"
[identifiers]
member_id = "member"
[columns]
place = "store"
quantity = "pieces"
"""
ROWS = [
    "at,member,store,pieces",
    "2026-01-01,m1,s1,1",
    "soon,m2,s2,2",
    "2026-01-03,m3,s3,three",
    "2026-01-04,m4",
    "2026-01-05,m5,s5,5",
]


class Bench:
    """A digest with its parser and feeds."""

    def __init__(self, home: Home, parser: Parser) -> None:
        self.home, self.parser, self.people, feeds = home, parser, EachIdentifier(), Feeds()
        self.digest = Digest(home, self.people, lambda: feeds(home, parser))

    def run(self) -> None:
        while self.digest.step():
            pass

    def touches(self, column: str) -> list[object]:
        with self.home.engine.connect() as connection:
            tail.touches_view(connection, self.home)
            return sorted(row[0] for row in connection.execute(f"select {column} from touches").fetchall())


@pytest.fixture
def bench(home: Home) -> Iterator[Bench]:
    with home.engine.connect() as connection:
        yield Bench(home, Parser(connection, home.seal, lambda source: 32_768, "CNY"))


@pytest.fixture
def visits(home: Home, admin: Who, bench: Bench, tmp_path: Path) -> int:
    path = tmp_path / "visits.csv"
    path.write_text("\n".join(ROWS))
    number = import_jobs.create(home, admin, path, VISITS).job.number
    bench.run()
    return number


def waiting(home: Home, who: Who) -> list[tuple[str, str]]:
    return [(row.place, row.reason) for row in quarantine.rows(home, who)]


def ask_events(home: Home, admin: Who, bench: Bench, *events: object) -> None:
    sources.create_source(home, admin, key="web", name=Text("网站", "web"), kind="web")
    bodies = [json.dumps({"batch": [event]}).encode() for event in events]
    bench.digest.commit(
        bench.parser.parse([Sent(i, 1, "batch", clock.micros(), b) for i, b in enumerate(bodies, 1)])
    )


def test_refused_rows_are_counted_by_source_and_reason(home: Home, admin: Who, visits: int) -> None:
    assert waiting(home, admin) == [("row 2", "bad_timestamp"), ("row 3", "bad_value"), ("row 4", "bad_row")]
    found = [(g.source, g.reason, g.waiting, g.replayed) for g in quarantine.groups(home, admin)]
    assert found == [
        ("visits", "bad_row", 1, 0),
        ("visits", "bad_timestamp", 1, 0),
        ("visits", "bad_value", 1, 0),
    ]


def test_content_is_masked_unless_revealed_by_somebody_who_may(
    home: Home, admin: Who, analyst: Who, visits: int
) -> None:
    row = quarantine.rows(home, admin, reason="bad_timestamp")[0]
    assert row.content == {"values": {"at": "aaaa", "member": "a9", "store": "a9", "pieces": "9"}}
    shown = quarantine.show(home, admin, row.id, reveal=True).content
    assert shown["values"]["member"] == "m2"
    with pytest.raises(Forbidden):
        quarantine.show(home, analyst, row.id, reveal=True)
    with pytest.raises(NotFound):
        quarantine.show(home, admin, 999)


def test_what_is_still_wrong_stays_and_may_be_asked_for_again(
    home: Home, admin: Who, bench: Bench, visits: int
) -> None:
    assert quarantine.replay(home, admin) == 3
    bench.run()
    assert waiting(home, admin) == [("row 2", "bad_timestamp"), ("row 3", "bad_value"), ("row 4", "bad_row")]
    assert [row.asked_at for row in quarantine.rows(home, admin)] == [None] * 3
    assert bench.digest.last_batch == 1


def test_a_mended_row_becomes_the_touch_it_should_have_been_once(
    home: Home, admin: Who, bench: Bench, visits: int
) -> None:
    by_place = {row.place: row.id for row in quarantine.rows(home, admin)}
    good = {"at": "2026-01-02", "member": "m2", "store": "s2", "pieces": "2"}
    quarantine.mend(home, admin, by_place["row 2"], json.dumps({"values": good}).encode())
    quarantine.mend(home, admin, by_place["row 4"], json.dumps({"line": "2026-01-04,m4,s4,4"}).encode())
    quarantine.mend(home, admin, by_place["row 3"], json.dumps({"values": {"shop": "s3"}}).encode())
    assert quarantine.replay(home, admin, source="visits") == 3
    bench.run()
    assert bench.touches("place") == ["s1", "s2", "s4", "s5"]
    job = import_jobs.load(home, visits)
    assert [str(i).removeprefix(job.file_hash[:16]) for i in bench.touches("source_id")] == [
        ":1",
        ":2",
        ":4",
        ":5",
    ]
    left = quarantine.rows(home, admin)
    assert [(row.place, row.detail) for row in left] == [
        ("row 3", Text("文件没有列 shop", "the file has no column shop"))
    ]
    assert quarantine.replay(home, admin) == 1
    bench.run()
    assert len(bench.touches("place")) == 4
    with pytest.raises(quarantine.AlreadyReplayed):
        quarantine.mend(home, admin, by_place["row 2"], b"{}")


def test_a_commit_that_fails_leaves_the_replay_to_be_done(
    home: Home, admin: Who, bench: Bench, visits: int
) -> None:
    row = quarantine.rows(home, admin, reason="bad_row")[0]
    quarantine.mend(home, admin, row.id, json.dumps({"line": "2026-01-04,m4,s4,4"}).encode())
    quarantine.replay(home, admin, ids=[row.id])
    bench.people.fail_in_write = True
    with pytest.raises(OSError, match="full"):
        bench.run()
    assert bench.touches("place") == ["s1", "s5"]
    bench.people.fail_in_write = False
    bench.run()
    assert bench.touches("place") == ["s1", "s4", "s5"]
    replayed = quarantine.rows(home, admin, replayed=True)
    assert [r.replayed_at is not None for r in replayed] == [False, False, True]


def test_an_event_of_the_protocol_is_mended_and_replayed(home: Home, admin: Who, bench: Bench) -> None:
    broken = {
        "type": "trak",
        "event": "Order Completed",
        "userId": "u1",
        "messageId": "m1",
        "email": "a@b.cn",
    }
    ask_events(home, admin, bench, broken, {"type": "track", "event": "x", "messageId": "m2"})
    found = quarantine.rows(home, admin)
    assert [row.reason for row in found] == ["unknown_type", "no_identifier"]
    assert found[0].content["type"] == "trak" and found[0].content["email"] == "a@a.aa"
    quarantine.mend(home, admin, found[0].id, json.dumps(broken | {"type": "track"}).encode())
    quarantine.replay(home, admin)
    bench.run()
    assert (bench.touches("kind"), bench.touches("source_id")) == (["order.completed"], ["m1"])
    assert waiting(home, admin) == [("message 0", "no_identifier")]


def test_a_single_call_is_replayed_as_the_call_it_was(home: Home, admin: Who, bench: Bench) -> None:
    sources.create_source(home, admin, key="web", name=Text("网站", "web"), kind="web")
    body = json.dumps({"userId": "u1", "timestamp": "soon", "messageId": "m1"}).encode()
    bench.digest.commit(bench.parser.parse([Sent(1, 1, "page", clock.micros(), body)]))
    row = quarantine.rows(home, admin)[0]
    assert (row.place, row.reason) == ("page", "bad_timestamp")
    quarantine.mend(home, admin, row.id, body.replace(b'"soon"', b"null"))
    quarantine.replay(home, admin)
    bench.run()
    assert bench.touches("kind") == ["page.viewed"]


def test_parquet_rows_come_back_with_their_types(
    home: Home, admin: Who, bench: Bench, tmp_path: Path
) -> None:
    with home.engine.connect() as connection:
        connection.execute(
            "copy (select timestamp '2026-01-01 10:00:00' as at, 17850.0::double as member, 's1' as store, "
            "unnest([1.5, null]) as pieces) to $file (format parquet)",
            {"file": str(tmp_path / "v.parquet")},
        )
    text = 'format = "parquet"\nrequired = ["quantity"]\n' + VISITS.replace(
        '[types]\npieces = "integer"\n', ""
    )
    import_jobs.create(home, admin, tmp_path / "v.parquet", text)
    bench.run()
    row = quarantine.rows(home, admin)[0]
    values = quarantine.show(home, admin, row.id, reveal=True).content["values"]
    quarantine.mend(home, admin, row.id, json.dumps({"values": values | {"pieces": "2.5"}}).encode())
    quarantine.replay(home, admin)
    bench.run()
    assert bench.touches("quantity") == [1.5, 2.5]
    assert bench.people.numbers == {("member_id", "17850"): 1}
    assert bench.touches("epoch(happened_at)::bigint") == [1_767_261_600] * 2


@pytest.mark.parametrize(
    ("form", "broken", "mended"),
    [
        (
            'format = "ndjson"',
            '{"at": "2026-01-02", "at": 1}',
            '{"at": "2026-01-02", "member": "m2", "store": "s2"}',
        ),
        ('format = "json"', "[1]", '{"at": "2026-01-02", "member": "m2", "store": "s2"}'),
        ('csv = { encoding = "gbk" }', "2026-01-02,m2", "2026-01-02,m2,s2,2"),
    ],
)
def test_a_row_of_any_text_in_a_zip_is_mended_as_text_and_replayed(
    home: Home, admin: Who, bench: Bench, tmp_path: Path, form: str, broken: str, mended: str
) -> None:
    def member(*rows: str) -> bytes:
        if "json" not in form:
            return "\n".join(["at,member,store,pieces", *rows]).encode("gbk")
        return ("[" + ",".join(rows) + "]" if '"json"' in form else "\n".join(rows)).encode()

    good = ["2026-01-01,m1,青岛,1", "2026-01-03,m3,s3,3"]
    if "json" in form:
        good = [
            '{"at": "2026-01-01", "member": "m1", "store": "青岛", "pieces": 1}',
            '{"at": "2026-01-03", "member": "m3", "store": "s3"}',
        ]
    path = tmp_path / "visits.zip"
    path.write_bytes(tables.zipped({"a": member(good[0]), "b": member(broken, good[1])}))
    job = import_jobs.create(home, admin, path, f"{form}\n{VISITS}").job
    bench.run()
    assert waiting(home, admin) == [("row 2 (b 1)", "bad_row")]
    row = quarantine.rows(home, admin, reveal=True)[0]
    assert row.content == {"line": broken}
    quarantine.mend(home, admin, row.id, json.dumps({"line": mended}).encode())
    quarantine.replay(home, admin)
    bench.run()
    assert waiting(home, admin) == [] and bench.touches("place") == ["s2", "s3", "青岛"]
    assert bench.touches("source_id") == [f"{job.file_hash[:16]}:{i}" for i in (1, 2, 3)]


def test_rows_go_after_their_retention(home: Home, admin: Who, visits: int) -> None:
    quarantine.expire(home)
    assert len(waiting(home, admin)) == 3
    with clock.freeze(clock.now() + timedelta(days=home.settings.quarantine_days + 1)):
        quarantine.expire(home)
    assert waiting(home, admin) == []


def test_export_gives_every_row(home: Home, admin: Who, visits: int) -> None:
    assert [row.place for row in quarantine.export(home, admin)] == ["row 2", "row 3", "row 4"]
