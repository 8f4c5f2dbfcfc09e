"""One commit: all or nothing, once."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pytest
from sqlalchemy import Connection, select

from tests.core.touchpoints.people import EachIdentifier
from zerodistance.core.brand import api as brand
from zerodistance.core.touchpoints import intake, kept, ledger, store, tail, undo
from zerodistance.core.touchpoints.contracts import Batch
from zerodistance.core.touchpoints.digest import Digest
from zerodistance.core.touchpoints.parse import Parser
from zerodistance.core.touchpoints.sealer import Sealer
from zerodistance.core.touchpoints.sent import Sent
from zerodistance.kernel import clock
from zerodistance.kernel.access import Who
from zerodistance.kernel.errors import StateAway, StoreBehind
from zerodistance.kernel.home import Home


def batch_of(home: Home, *ids: str, position: int = 1, **said: Any) -> Batch:
    events = [{"type": "track", "event": "x", "messageId": i, "anonymousId": f"a{i}", **said} for i in ids]
    with home.engine.connect() as connection:
        parser = Parser(connection, home.seal, lambda source: 32_768, "CNY")
        return parser.parse(
            [Sent(position, 1, "batch", clock.micros(), json.dumps({"batch": events}).encode())]
        )


def ids_in_view(home: Home) -> list[str]:
    with home.engine.connect() as connection:
        tail.touches_view(connection, home)
        return [
            row[0]
            for row in connection.execute("select source_id from touches order by source_id").fetchall()
        ]


def count(home: Home, counter: str) -> int:
    with home.state.read() as tx:
        return sum(
            tx.execute(
                select(store.source_hour.c.value).where(store.source_hour.c.counter == counter)
            ).scalars()
        )


def test_a_batch_is_in_the_view_and_its_repeats_are_counted(home: Home) -> None:
    digest = Digest(home, EachIdentifier(), list)
    digest.commit(batch_of(home, "a", "b", "a"))
    digest.commit(batch_of(home, "b", "c", position=2))
    assert ids_in_view(home) == ["a", "b", "c"]
    assert (count(home, "received"), count(home, "accepted"), count(home, "duplicates")) == (5, 3, 2)
    with home.state.read() as tx:
        assert ledger.position(tx, "journal") == 2


def test_deduplication_survives_a_restart(home: Home) -> None:
    Digest(home, EachIdentifier(), list).commit(batch_of(home, "a"))
    Digest(home, EachIdentifier(), list).commit(batch_of(home, "a", "b"))
    assert ids_in_view(home) == ["a", "b"]


def test_a_failed_commit_leaves_nothing_and_is_repeated_whole(home: Home) -> None:
    people = EachIdentifier()
    digest = Digest(home, people, list)
    people.fail_in_write = True
    with pytest.raises(OSError, match="full"):
        digest.commit(batch_of(home, "a"))
    assert ids_in_view(home) == [] and people.resets == 1
    people.fail_in_write = False
    digest.commit(batch_of(home, "a"))
    assert ids_in_view(home) == ["a"]


def test_a_commit_that_was_done_and_whose_answer_was_lost_is_not_done_again(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest, write = Digest(home, EachIdentifier(), list), home.state.write

    @contextmanager
    def gone_after() -> Iterator[Connection]:
        with write() as tx:
            yield tx
        raise StateAway(where="there", why="gone")

    monkeypatch.setattr(type(home.state), "write", lambda _: gone_after())
    with pytest.raises(StateAway):
        digest.commit(batch_of(home, "a", "b"))
    monkeypatch.undo()
    digest.commit(batch_of(home, "a", "b", "c"))
    assert ids_in_view(home) == ["a", "b", "c"]
    assert digest.last_batch == 2 and count(home, "duplicates") == 2


def test_a_commit_that_was_not_done_and_whose_answer_was_lost_is_done_then(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest, write = Digest(home, EachIdentifier(), list), home.state.write

    @contextmanager
    def gone_before() -> Iterator[Connection]:
        with write() as tx:
            yield tx
            raise StateAway(where="there", why="gone")

    monkeypatch.setattr(type(home.state), "write", lambda _: gone_before())
    with pytest.raises(StateAway):
        digest.commit(batch_of(home, "a", "b"))
    monkeypatch.undo()
    digest.commit(batch_of(home, "a", "b", "c"))
    assert ids_in_view(home) == ["a", "b", "c"]
    assert digest.last_batch == 1 and count(home, "duplicates") == 0


def test_a_tail_file_without_a_commit_is_removed_at_start(home: Home) -> None:
    stray = home.path("tail", "000000000009.arrow")
    stray.write_bytes(b"half a file")
    Digest(home, EachIdentifier(), list)
    assert not stray.exists()


def test_sealing_moves_every_touch_once(home: Home) -> None:
    digest, sealer = Digest(home, EachIdentifier(), list), Sealer(home, [])
    digest.commit(batch_of(home, "a"))
    digest.commit(batch_of(home, "b"))
    assert sealer.step(force=True)
    assert ids_in_view(home) == ["a", "b"] and not list(home.path("tail").iterdir())
    digest.commit(batch_of(home, "c"))
    assert ids_in_view(home) == ["a", "b", "c"]
    sealer.step(force=True)
    assert home.lake.count(tail.TABLE) == 3 and home.lake.held(tail.TABLE, tail.APP) == 3


def test_a_clock_that_is_put_back_does_not_keep_the_tail_from_the_lake(home: Home) -> None:
    digest, sealer = Digest(home, EachIdentifier(), list), Sealer(home, [])
    now = clock.now()
    with clock.freeze(now):
        digest.commit(batch_of(home, "a"))
        sealer.step()
        assert home.lake.held(tail.TABLE, tail.APP) == 0, "not yet due"
    with clock.freeze(now - timedelta(hours=1)):
        sealer.step()
    assert home.lake.held(tail.TABLE, tail.APP) == 1


class _Counting:
    """A follower that counts its turns."""

    name = "counting"

    def __init__(self) -> None:
        self.turns: list[int] = []

    def held(self) -> int:
        return self.turns[-1] if self.turns else 0

    def follow(self, touches: pa.Table, last_batch: int) -> None:
        self.turns.append(last_batch)


def test_followers_wait_for_the_tail_to_be_due_where_nobody_looks(home: Home) -> None:
    follower = _Counting()
    digest, sealer, now = Digest(home, EachIdentifier(), list), Sealer(home, [follower]), clock.now()
    with clock.freeze(now):
        for name in ("a", "b"):
            digest.commit(batch_of(home, name))
            assert not sealer.step(patient=True)
        assert follower.turns == []
    with clock.freeze(now + timedelta(seconds=home.settings.seal_seconds)):
        assert sealer.step(patient=True)
    assert follower.turns == [2] and home.lake.held(tail.TABLE, tail.APP) == 2


def test_followers_follow_while_the_tail_moves_and_it_moves_only_what_they_hold(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    follower, append = _Counting(), home.lake.append
    digest, sealer = Digest(home, EachIdentifier(), list), Sealer(home, [follower])
    digest.commit(batch_of(home, "a"))
    assert not sealer.move(force=True), "nobody has taken it in"
    assert sealer.follow(force=True) and follower.turns == [1]
    digest.commit(batch_of(home, "b"))

    def slow(*args: Any, **given: Any) -> bool:
        done = append(*args, **given)
        beside = threading.Thread(target=lambda: sealer.follow(force=True))
        beside.start()
        beside.join(10)
        return done

    monkeypatch.setattr(home.lake, "append", slow)
    assert sealer.move(force=True)
    assert follower.turns == [1, 2] and home.lake.held(tail.TABLE, tail.APP) == 1
    assert ids_in_view(home) == ["a", "b"]
    assert sealer.move(force=True) and home.lake.held(tail.TABLE, tail.APP) == 2
    assert ids_in_view(home) == ["a", "b"]


def test_what_is_in_lake_and_tail_is_seen_once(home: Home) -> None:
    digest = Digest(home, EachIdentifier(), list)
    digest.commit(batch_of(home, "a"))
    digest.commit(batch_of(home, "b"))
    with home.state.read() as tx:
        files = tail.listed(tx)
    home.lake.append(
        tail.TABLE, tail.read_files(home, files[:1]), app=tail.APP, version=1, partition_by="month"
    )
    assert ids_in_view(home) == ["a", "b"]
    Sealer(home, []).step(force=True)
    assert ids_in_view(home) == ["a", "b"]


def test_a_lake_ahead_of_the_state_is_refused(home: Home) -> None:
    digest = Digest(home, EachIdentifier(), list)
    digest.commit(batch_of(home, "a"))
    with home.state.read() as tx:
        rows = tail.read_files(home, tail.listed(tx))
    home.lake.append(tail.TABLE, rows, app=tail.APP, version=7, partition_by="month")
    with pytest.raises(StoreBehind, match="one whole backup"):
        Digest(home, EachIdentifier(), list)


def test_refused_events_are_sealed_in_the_quarantine(home: Home) -> None:
    digest = Digest(home, EachIdentifier(), list)
    digest.commit(batch_of(home, "a", timestamp="never"))
    with home.state.read() as tx:
        row = tx.execute(select(store.quarantine)).mappings().one()
    assert row["reason"] == "bad_timestamp" and b"never" not in row["raw"]
    assert b"never" in kept.open(home.seal, row["raw"])
    assert count(home, "refused") == 1


def test_digestion_waits_while_the_tail_is_too_long_and_goes_on_once_it_is_sealed(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "_TAILS", 0)
    waiting = [batch_of(home, "b", position=2)]
    feed = SimpleNamespace(next=lambda most: waiting.pop() if waiting else None)
    share = intake.Intake(
        home, EachIdentifier(), [], feeds=lambda *_: [feed], everybody=lambda _, s: s, matcher=lambda *_: lambda _: False, rooms={},
        tokens=lambda *_: [], forgotten=lambda _: None,
        undoing=undo.Undoing({}, {}),
    )  # fmt: skip
    share.intake.commit(batch_of(home, "a"))
    assert share.digest() == 0
    assert ids_in_view(home) == ["a"]
    share.seal(True)
    assert share.digest() == 1
    assert ids_in_view(home) == ["a", "b"]


def test_a_touch_that_names_a_product_of_the_brand_alone_has_its_category(home: Home) -> None:
    brand.load_default(home, Who.system())
    said = {
        "none": {"product_id": "FR-220"},
        "own": {"product_id": "FR-220", "category": "second hand"},
        "strange": {"product_id": "nobody knows"},
        "nothing": {},
    }
    digest = Digest(home, EachIdentifier(), list)
    for at, (name, properties) in enumerate(said.items(), 1):
        digest.commit(batch_of(home, name, position=at, event="Product Viewed", properties=properties))
    with home.engine.connect() as connection:
        tail.touches_view(connection, home)
        found = connection.execute("select source_id, category from touches").fetchall()
    assert dict(found) == {"none": "fridge", "own": "second hand", "strange": None, "nothing": None}
