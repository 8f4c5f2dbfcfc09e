"""Nothing that was accepted may stop digestion: what breaks the program is set aside, the others go on."""

from __future__ import annotations

import gzip
import json
import os
import sqlite3
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, select

from tests.core.touchpoints.people import EachIdentifier
from tests.core.touchpoints.sentences import in_chinese
from zerodistance.core.touchpoints import (
    columns,
    intake,
    kept,
    quarantine,
    salvage,
    sources,
    store,
    tail,
    writer,
)
from zerodistance.core.touchpoints.contracts import Batch, Recognised
from zerodistance.core.touchpoints.journal import Journal, connect, where
from zerodistance.core.touchpoints.parse import Parser
from zerodistance.core.touchpoints.replay import ReplayFeed
from zerodistance.kernel import clock
from zerodistance.kernel.access import Who
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text

HUGE = b"9" * 400


class Share:
    """A worker's share of touchpoints over a journal that the test writes itself."""

    def __init__(self, home: Home) -> None:
        self.home, self.people = home, EachIdentifier()
        self.source = sources.create_source(
            home, Who.system("test"), key="web", name=Text("官网", "web"), kind="web"
        ).number
        self.intake = intake.Intake(
            home, self.people, [], feeds=lambda h, p: [ReplayFeed(h, p)], everybody=lambda _, s: s,
            matcher=lambda *_: lambda _: False, rooms={},
            tokens=lambda *_: [], forgotten=lambda _: None, undoing=None,  # type: ignore[arg-type]  # nobody undoes here
        )  # fmt: skip

    def post(self, body: bytes, events: int = 1, route: str = "batch", encoding: str = "") -> None:
        at = clock.micros()
        connection = connect(self.home.path("journal.db"))
        sealed = self.home.seal.seal(body, where(self.source, route, at))
        connection.execute(writer._INSERT[1], [self.source, route, at, events, encoding, sealed, None])
        connection.close()

    def run(self) -> None:
        while self.intake.digest():
            pass

    def touches(self) -> list[str]:
        with self.home.engine.connect() as connection:
            tail.touches_view(connection, self.home)
            return [
                r[0] for r in connection.execute("select name from touches order by batch, row").fetchall()
            ]

    def refused(self) -> list[tuple[str, str, bytes]]:
        with self.home.state.read() as tx:
            rows = tx.execute(
                select(store.quarantine)
                .where(store.quarantine.c.replayed_at.is_(None))
                .order_by(store.quarantine.c.id)
            ).all()
        return [(r.reason, r.place, kept.open(self.home.seal, r.raw)) for r in rows]

    def counted(self, counter: str) -> int:
        with self.home.state.read() as tx:
            query = select(store.source_hour.c.value).where(store.source_hour.c.counter == counter)
            return sum(tx.execute(query).scalars())


@pytest.fixture
def share(home: Home) -> Share:
    return Share(home)


def event(name: str, **said: Any) -> bytes:
    return json.dumps(
        {"type": "track", "event": name, "userId": f"u-{name}", "messageId": name, **said}
    ).encode()


def batch(*events: bytes, more: bytes = b"") -> bytes:
    return b'{"batch":[' + b",".join(events) + b"]" + more + b"}"


def test_a_quantity_of_400_digits_does_not_stop_what_comes_behind(share: Share) -> None:
    order = (
        b'{"type":"track","event":"Order Completed","userId":"u","properties":{"products":[{"quantity":%s}]}}'
    )
    share.post(batch(order % HUGE))
    share.post(batch(event("behind")))
    share.run()
    assert share.touches() == ["Order Completed", "behind"]


def test_an_event_on_which_the_program_fails_is_set_aside_and_the_others_go_on(
    share: Share, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = columns.identify

    def broken(row: int, raws: Any, *rest: Any) -> None:
        if "burst" in str(raws):
            raise ZeroDivisionError
        real(row, raws, *rest)

    monkeypatch.setattr(columns, "identify", broken)
    bad = b'{"type":"identify","userId":"u9","messageId":"bad","traits":{"name":"burst"}}'
    share.post(batch(event("a"), bad, event("b")), 3)
    share.post(batch(event("c")))
    share.run()
    assert share.touches() == ["a", "b", "c"]
    assert share.refused() == [(salvage.UNREADABLE, "message 1", bad)]
    assert (share.counted("received"), share.counted("accepted"), share.counted("refused")) == (4, 3, 1)
    with share.home.state.read() as tx:
        assert in_chinese(tx.execute(select(store.quarantine.c.detail)).scalar_one())
    monkeypatch.setattr(columns, "identify", real)
    quarantine.replay(share.home, Who.system("test"))
    share.run()
    assert share.refused() == [] and len(share.touches()) == 4


def test_an_event_on_which_the_commit_fails_is_set_aside_and_the_others_go_on(
    share: Share, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = share.people.recognise

    def write(tx: Connection, found: Recognised, number: int) -> None:
        if ("user_id", "u-bad") in share.people.numbers:
            share.people.numbers.clear()
            raise ValueError("a value that the store can't hold")

    monkeypatch.setattr(share.people, "write", write)
    monkeypatch.setattr(share.people, "reset", share.people.numbers.clear)
    share.post(batch(event("a"), event("a"), event("bad"), event("b")), 4)
    share.post(batch(event("c")))
    share.run()
    assert share.touches() == ["a", "b", "c"]
    assert share.refused() == [(salvage.UNREADABLE, "message 2", event("bad"))]
    assert (share.counted("accepted"), share.counted("duplicates"), share.counted("refused")) == (3, 1, 1)
    monkeypatch.undo()
    assert real == share.people.recognise
    quarantine.replay(share.home, Who.system("test"))
    share.run()
    assert share.refused() == [] and "bad" in share.touches()


def test_a_full_disk_is_no_rows_fault(share: Share) -> None:
    share.post(batch(event("a")))
    share.people.fail_in_write = True
    with pytest.raises(OSError, match="full"):
        share.intake.digest()
    assert share.refused() == []
    share.people.fail_in_write = False
    share.run()
    assert share.touches() == ["a"]


def test_a_row_of_the_journal_that_was_damaged_on_disk_is_set_aside(share: Share) -> None:
    for name in ("a", "b", "c"):
        share.post(batch(event(name)))
    connection = sqlite3.connect(share.home.path("journal.db"))
    connection.execute("update row set body = zeroblob(length(body)) where id = 2")
    connection.commit()
    connection.close()
    share.run()
    assert share.touches() == ["a", "c"]
    assert [(reason, place) for reason, place, _ in share.refused()] == [(salvage.UNREADABLE, "body")]


def test_rows_that_only_fail_together_are_taken_in_parts(
    share: Share, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Parser._batch

    def at_most_two(self: Parser, parts: Any, *rest: Any) -> Batch:
        if len(parts.raw) > 2:
            raise MemoryError
        return real(self, parts, *rest)

    monkeypatch.setattr(Parser, "_batch", at_most_two)
    for name in "abcde":
        share.post(batch(event(name)))
    share.run()
    assert share.touches() == list("abcde") and share.refused() == []


def test_one_event_that_is_not_utf_8_costs_one_more_look_and_not_one_an_event(share: Share) -> None:
    events = [event(f"e{n}") for n in range(5_000)]
    events[777] = b'{"type":"track","event":"\xff","userId":"u"}'
    share.post(batch(*events), len(events))
    began = time.process_time()
    share.run()
    assert time.process_time() - began < 5
    assert len(share.touches()) == 4_999
    assert share.refused() == [("not_json", "message 777", events[777])]


def test_half_an_emoji_becomes_the_sign_for_what_is_missing(share: Share) -> None:
    bad = rb'{"type":"track","event":"cut \ud83d","userId":"u1"}'
    share.post(batch(event("a"), bad, rb'{"type":"track","event":"\ud83d\ude00 \\ud83d","userId":"u1"}'), 3)
    share.post(rb'{"event":"one \udc00","userId":"u1"}', route="track")
    share.run()
    assert share.touches() == ["a", "cut \ufffd", "\U0001f600 \\ud83d", "one \ufffd"]
    assert share.refused() == [] and share.counted("half_letters") == 2


@pytest.mark.parametrize("said", [b"true", b"{}", b"[]", b'"junk"', b"9" * 5_000, b"null"])
def test_a_batch_whose_sent_at_cannot_be_read_is_taken_as_if_it_had_none(share: Share, said: bytes) -> None:
    share.post(batch(event("a"), event("b"), more=b',"sentAt":' + said), 2)
    share.run()
    assert share.touches() == ["a", "b"] and share.refused() == []
    assert share.counted("sent_at_ignored") == (said != b"null")


def test_a_replayed_event_without_a_message_id_is_not_taken_for_another(share: Share) -> None:
    share.post(batch(b'{"type":"track","event":"first","userId":"u"}'))
    share.post(batch(b'{"type":"trak","event":"second","userId":"u"}'))
    share.run()
    ((reason, _, raw),) = share.refused()
    assert reason == "unknown_type"
    quarantine.mend(share.home, Who.system("test"), 1, raw.replace(b"trak", b"track"))
    quarantine.replay(share.home, Who.system("test"))
    share.run()
    assert share.touches() == ["first", "second"] and share.counted("duplicates") == 0


def test_why_an_event_is_no_json_says_nothing_of_what_it_holds(share: Share) -> None:
    share.post(rb'{"userId":"13800000000"\xff}', route="track")
    share.post(b'{"userId":"13800000000\xff"}', route="track")
    share.run()
    with share.home.state.read() as tx:
        details = tx.execute(select(store.quarantine.c.detail)).scalars().all()
    assert len(details) == 2 and "138" not in str(details)


@given(st.integers(1, 300), st.sets(st.integers(0, 299), max_size=6))
def test_every_culprit_is_found_and_nobody_else(count: int, bad: set[int]) -> None:
    bad = {b for b in bad if b < count}
    assert salvage.culprits(count, lambda rows: bad.isdisjoint(rows)) == sorted(bad)


def test_very_many_culprits_are_set_aside_in_bounded_time() -> None:
    asked: list[int] = []

    def works(rows: Any) -> bool:
        asked.append(1)
        return not len(rows)

    assert salvage.culprits(100_000, works) == list(range(100_000))
    assert len(asked) < 400


def test_a_micro_batch_is_measured_by_what_it_unpacks_to(home: Home) -> None:
    connection = connect(home.path("journal.db"))
    packed = gzip.compress(b" " * (1 << 20))
    for at in range(5):
        sealed = home.seal.seal(packed, where(1, "batch", at))
        connection.execute(writer._INSERT[1], [1, "batch", at, 1, "gzip", sealed, 1 << 20])
    connection.close()
    assert len(Journal.of(home).read(0, limit_bytes=2 << 20)) == 2


def test_a_journal_of_the_first_version_is_brought_up_to_this_one(share: Share) -> None:
    connection = connect(share.home.path("journal.db"))
    connection.execute("alter table row drop column unpacked")
    old = b'{"batch":[' + event("old") + b"]}"
    for at, (encoding, body) in enumerate([("", old), ("gzip", gzip.compress(old))]):
        sealed = share.home.seal.seal(body, where(share.source, "batch", at))
        row = [share.source, "batch", at, 1, encoding, sealed]
        connection.execute(
            "insert into row (source, route, received_at, events, encoding, body) values (?, ?, ?, ?, ?, ?)",
            row,
        )
    connection.close()
    share.run()
    assert share.touches() == ["old"] and share.counted("duplicates") == 1


def test_a_refused_event_is_kept_packed_and_whole(share: Share) -> None:
    large = event("large", note="0123456789" * 100_000)
    share.post(batch(large))
    share.run()
    assert share.refused() == [("too_large", "message 0", large)]
    with share.home.state.read() as tx:
        assert len(tx.execute(select(store.quarantine.c.raw)).scalar_one()) < 50_000


def test_what_is_too_large_even_when_packed_is_cut_and_says_so() -> None:
    noise = os.urandom(3 << 20)
    packed, held = kept.pack(noise)
    assert len(packed) <= kept.MOST_BYTES + 200 and held < len(noise)
    assert kept.unpack(packed) == noise[:held]


@given(st.binary(max_size=2_000), st.integers(0, 2_000))
def test_what_is_kept_comes_back(raw: bytes, limit: int) -> None:
    for given_ in (raw, b"\0zd1" + raw):
        packed, held = kept.pack(given_)
        assert held == len(given_) and kept.unpack(packed) == given_
        assert kept.unpack(packed, limit or 1) == given_[: limit or 1]


def test_a_hundred_thousand_refused_events_of_one_request_take_few_rows_and_come_back(share: Share) -> None:
    many = 20_000
    share.post(batch(*[b"{}"] * (many - 1), event("good")), many)
    share.run()
    assert share.touches() == ["good"] and share.counted("refused") == many - 1
    found = share.refused()
    assert len(found) == kept.SINGLE + 1
    rest = found[-1][2]
    with share.home.state.read() as tx:
        assert all(map(in_chinese, tx.execute(select(store.quarantine.c.detail).distinct()).scalars()))
    assert json.loads(rest) == {"batch": [{}] * (many - 1 - kept.SINGLE)}
    number = kept.SINGLE + 1
    quarantine.mend(share.home, Who.system("test"), number, rest.replace(b"[{}", b"[" + event("mended"), 1))
    quarantine.replay(share.home, Who.system("test"), ids=[number])
    share.run()
    assert share.touches() == ["good", "mended"]
    assert len(share.refused()) == 2 * kept.SINGLE + 1


def test_a_body_that_was_kept_packed_is_replayed(share: Share, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "_ANY_SIZE", 10)
    share.post(gzip.compress(batch(event("a"), event("b"))), 2, encoding="gzip")
    share.run()
    assert [reason for reason, *_ in share.refused()] == [salvage.UNREADABLE]
    quarantine.replay(share.home, Who.system("test"))
    share.run()
    assert share.touches() == ["a", "b"] and share.refused() == []
