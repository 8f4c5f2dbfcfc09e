"""`doctor` finds what is missing, doubled or damaged in journal, tail and lake; `trace` finds where a touch came from."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import update

from tests.core.touchpoints.people import EachIdentifier
from zerodistance.core.touchpoints import checks, figures, flow, journal, store, tail
from zerodistance.core.touchpoints.contracts import Batch
from zerodistance.core.touchpoints.digest import Digest
from zerodistance.core.touchpoints.parse import Parser
from zerodistance.core.touchpoints.sealer import Sealer
from zerodistance.core.touchpoints.sent import Sent
from zerodistance.kernel import clock
from zerodistance.kernel.access import Who
from zerodistance.kernel.errors import Forbidden, NotFound
from zerodistance.kernel.findings import Finding, Level
from zerodistance.kernel.home import Home

ME = Who.system()


def batch_of(home: Home, *ids: str, position: int = 1) -> Batch:
    events = [{"type": "track", "event": "x", "messageId": i, "anonymousId": f"a{i}"} for i in ids]
    with home.engine.connect() as connection:
        parser = Parser(connection, home.seal, lambda source: 32_768, "CNY")
        return parser.parse(
            [Sent(position, 1, "batch", clock.micros(), json.dumps({"batch": events}).encode())]
        )


@pytest.fixture
def filled(home: Home) -> Home:
    """Two batches in the lake and one in the tail."""
    digest, sealer = Digest(home, EachIdentifier(), list), Sealer(home, [])
    digest.commit(batch_of(home, "a", "b"))
    digest.commit(batch_of(home, "c", position=2))
    sealer.step(force=True)
    digest.commit(batch_of(home, "d", "e", position=3))
    accept(home, 3)
    return home


def accept(home: Home, rows: int, body: bytes = b"{}") -> None:
    connection = journal.connect(home.path("journal.db"))
    for number in range(rows):
        sealed = home.seal.seal(body, journal.where(1, "batch", number))
        values = (1, "batch", number, 1, "", sealed)
        connection.execute(
            "insert into row (source, route, received_at, events, encoding, body) values (?, ?, ?, ?, ?, ?)",
            values,
        )
    connection.close()


def found(home: Home, level: Level) -> list[Finding]:
    return [finding for finding in checks.checks(home) if finding.level is level]


def damage(home: Home) -> list[str]:
    findings = found(home, Level.DAMAGE)
    assert all(finding.text.zh and finding.advice.zh for finding in findings)
    return [f"{finding.store}: {finding.text.en}" for finding in findings]


def test_a_sound_home_has_no_findings(filled: Home) -> None:
    assert damage(filled) == []
    assert found(filled, Level.NOTE) == []
    assert "5 touches of 3 batches, each exactly once" in [
        finding.text.en for finding in found(filled, Level.GOOD)
    ]


def test_a_missing_tail_file_is_damage(filled: Home) -> None:
    next(filled.path("tail").iterdir()).unlink()
    assert any("the file is missing" in text for text in damage(filled))
    with pytest.raises(tail.TailLost):
        tail.snapshot(filled)


@pytest.mark.parametrize("cut", [1, 500])
def test_a_tail_file_cut_short_is_damage(filled: Home, cut: int) -> None:
    path = next(filled.path("tail").iterdir())
    path.write_bytes(path.read_bytes()[:-cut])
    assert any("another size" in text for text in damage(filled))


def test_an_orphan_tail_file_is_a_note_and_can_be_removed(filled: Home) -> None:
    stray = filled.path("tail", "000000000004.arrow")
    stray.write_bytes(b"half")
    (note,) = found(filled, Level.NOTE)
    assert note.repair is not None
    note.repair()
    assert not stray.exists()
    assert damage(filled) == found(filled, Level.NOTE) == []


def test_a_missing_lake_file_is_damage(filled: Home) -> None:
    Path(filled.lake.files(tail.TABLE)[0]).unlink()
    assert any("is missing" in text for text in damage(filled))


def test_a_damaged_lake_file_is_damage(filled: Home) -> None:
    path = Path(filled.lake.files(tail.TABLE)[0])
    path.write_bytes(b"PAR1" + bytes(len(path.read_bytes()) - 8) + b"PAR1")
    assert any("can't be read" in text for text in damage(filled))


def test_a_batch_that_is_missing_from_log_is_damage(filled: Home) -> None:
    with filled.state.write() as tx:
        tx.execute(update(store.batch).where(store.batch.c.number == 1).values(touches=4))
    assert any("2 rows that were committed are not there" in text for text in damage(filled))


def test_a_batch_that_stands_twice_is_damage(filled: Home) -> None:
    with filled.engine.connect() as connection:
        tail.touches_view(connection, filled)
        rows = connection.sql("select * from touches where batch = 2").to_arrow_table()
    filled.lake.append(tail.TABLE, rows.cast(tail.TOUCHES), app="another", version=1, partition_by="month")
    assert any("rows of 1 batches stand twice: 2" in text for text in damage(filled))


def test_a_lake_of_a_later_time_than_the_state_is_damage(filled: Home) -> None:
    with filled.state.write() as tx:
        tx.exec_driver_sql("delete from batch where number > 1")
    assert any("the lake holds batch 2 but the state ends at 1" in text for text in damage(filled))


def test_a_journal_of_an_earlier_time_than_the_state_is_damage(filled: Home) -> None:
    filled.path("journal.db").unlink()
    accept(filled, 1)
    assert any("copies of different times" in text for text in damage(filled))


def test_a_journal_sealed_with_another_key_is_damage(filled: Home) -> None:
    accept(filled, 1)
    with sqlite3.connect(filled.path("journal.db")) as connection:
        connection.execute("update row set source = 2")
    assert any("can't be opened" in text for text in damage(filled))


def test_a_message_is_traced_to_its_touch_and_batch(filled: Home) -> None:
    batch, touch = flow.of_message(filled, ME, "d")
    assert (batch.id, touch.id) == ("b3", "3:0")
    assert "in the hot tail" in touch.text.en
    assert "in the lake" in flow.of_message(filled, ME, "a")[1].text.en
    assert [step.id for step in flow.of_batch(filled, ME, 1)] == ["b1", "1:0", "1:1"]
    assert [step.id for step in flow.of_touch(filled, ME, 1, 1)] == ["b1", "1:1"]


def test_a_message_that_waits_or_was_refused_is_found_where_it_is(filled: Home) -> None:
    accept(filled, 1, b'{"batch":[{"messageId":"w-1"}]}')
    assert [step.kind for step in flow.of_message(filled, ME, "w-1")] == ["journal"]
    with filled.state.write() as tx:
        values = {
            "source": 1,
            "batch": 3,
            "feed": "journal",
            "place": "message 1",
            "reason": "no_type",
            "detail": "",
            "at": 1,
        }
        tx.execute(
            store.quarantine.insert().values(
                **values, raw=filled.seal.seal(b'{"messageId":"q-1"}', b"quarantine")
            )
        )
    (step,) = flow.of_message(filled, ME, "q-1")
    assert (step.kind, step.id) == ("quarantine", "q1")
    assert flow.of_message(filled, ME, "nowhere") == []


def test_tracing_and_figures_need_the_right_to_operate(filled: Home, analyst: Who) -> None:
    for ask in (lambda: flow.of_message(filled, analyst, "a"), lambda: figures.figures(filled, analyst)):
        with pytest.raises(Forbidden):
            ask()
    with pytest.raises(NotFound):
        flow.of_batch(filled, ME, 99)


def test_figures_count_what_is_where(filled: Home) -> None:
    said = figures.figures(filled, ME)
    assert said["batches"]["touches"] == 5
    assert [batch["number"] for batch in said["batches"]["last"]] == [3, 2, 1]
    assert (said["tail"]["touches"], said["lake"]["touches"], said["lake"]["batch"]) == (2, 3, 2)
    assert (said["journal"]["events"], said["deduplication"]["ids"]) == (0, 5)
