"""A file is taken in once, from wherever it was interrupted; a dry run takes nothing."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from tests.core.touchpoints.people import EachIdentifier
from zerodistance.core.touchpoints import (
    import_jobs,
    imports,
    ledger,
    mapper,
    quarantine,
    sources,
    staging,
    store,
    tail,
)
from zerodistance.core.touchpoints.contracts import Batch, Recognised
from zerodistance.core.touchpoints.digest import Digest
from zerodistance.core.touchpoints.dry_run import dry_run
from zerodistance.core.touchpoints.import_errors import NoFile, NoSuchSource, SourceOff
from zerodistance.core.touchpoints.imports import Feeds, ImportFeed
from zerodistance.core.touchpoints.mapping import MappingWrong
from zerodistance.core.touchpoints.parse import Parser
from zerodistance.doors.examples.retail import FOLDER as EXAMPLE
from zerodistance.kernel.access import Who
from zerodistance.kernel.errors import Forbidden, StateBusy, WrongKey
from zerodistance.kernel.home import Home

LAGS = count(1)
VISITS = """
kind = "store.visited"
source = { key = "visits", name = "Visits", kind = "store" }
[times]
happened_at = "at"
zone = "UTC"
lag = "1 day"
[identifiers]
member_id = "member"
[columns]
place = "store"
"""


@pytest.fixture
def visits(tmp_path: Path) -> Path:
    path = tmp_path / "visits.csv"
    lines = [f"2026-01-{1 + i % 28:02},m{i % 7},s{i}" for i in range(50)]
    lines[10], lines[20] = "yesterday,m1,s1", "2026-01-01,m1"
    path.write_text("at,member,store\n" + "\n".join(lines))
    return path


@pytest.fixture
def digest(home: Home) -> Iterator[Digest]:
    with home.engine.connect() as connection:
        parser, feeds = Parser(connection, home.seal, lambda source: 32_768, "CNY"), Feeds()
        yield Digest(home, EachIdentifier(), lambda: feeds(home, parser))


def run(digest: Digest) -> None:
    while digest.step():
        pass


def stores(home: Home) -> list[str]:
    with home.engine.connect() as connection:
        tail.touches_view(connection, home)
        return sorted(row[0] for row in connection.execute("select place from touches").fetchall())


def refused(home: Home) -> list[tuple[str, str]]:
    with home.state.read() as tx:
        q = store.quarantine
        return [(r.place, r.reason) for r in tx.execute(select(q.c.place, q.c.reason).order_by(q.c.id))]


def test_every_row_is_taken_or_refused_and_the_job_says_so(
    home: Home, admin: Who, visits: Path, digest: Digest
) -> None:
    made = import_jobs.create(home, admin, visits, VISITS)
    assert made.new and made.made_source is not None and made.job.state == "waiting"
    run(digest)
    job = import_jobs.get(home, admin, made.job.number)
    assert (job.state, job.rows, job.read) == ("done", 50, 50)
    assert (job.accepted, job.duplicates, job.refused) == (48, 0, 2)
    assert refused(home) == [("row 11", "bad_timestamp"), ("row 21", "bad_row")]
    assert len(stores(home)) == 48
    assert list(home.path("imports").iterdir()) == []


def test_the_same_file_is_taken_in_once(home: Home, admin: Who, visits: Path, digest: Digest) -> None:
    first = import_jobs.create(home, admin, visits, VISITS)
    assert not import_jobs.create(home, admin, visits, "# again\n" + VISITS).new
    run(digest)
    again = import_jobs.create(home, admin, visits, VISITS)
    assert (again.new, again.job.number, again.job.state) == (False, first.job.number, "done")
    other = import_jobs.create(home, admin, visits, VISITS.replace("store.visited", "page.viewed"))
    run(digest)
    job = import_jobs.get(home, admin, other.job.number)
    assert (job.accepted, job.duplicates, job.refused) == (0, 48, 2)
    assert len(stores(home)) == 48


@given(sizes=st.lists(st.integers(4, 40), min_size=1, max_size=4), crash=st.integers(0, 5))
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_split_and_any_interruption_give_the_same_rows(
    home: Home, admin: Who, visits: Path, sizes: list[int], crash: int
) -> None:
    job = import_jobs.create(home, admin, visits, VISITS.replace("1 day", f"{next(LAGS)} h")).job
    feed, kept, at, step = ImportFeed(home, job.number), [], 0, 0
    while (batch := feed.next(sizes[step % len(sizes)])) is not None:
        step += 1
        if step == crash:  # what was read is lost, and another process goes on
            feed.close()
            feed = ImportFeed(home, job.number)
            continue
        assert batch.position > at
        at = batch.position
        kept += batch.touches["source_id"].to_pylist() + [r.place for r in batch.refused]
        with home.state.write() as tx:
            if not ledger.position(tx, job.feed):
                tx.execute(store.feed.insert().values(name=job.feed, position=at, moved_at=0))
            tx.execute(store.feed.update().where(store.feed.c.name == job.feed).values(position=at))
    assert sorted(kept) == sorted(
        [f"{job.file_hash[:16]}:{i}" for i in range(1, 51) if i not in (11, 21)] + ["row 11", "row 21"]
    )


def test_the_more_a_row_says_of_people_the_fewer_make_a_batch(
    home: Home, admin: Who, visits: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imports, "_SAID", 12)
    more = VISITS.replace("[columns]", 'user_id = "member"\nopenid = "member"\n[columns]')
    for said, rows in ((VISITS, 12), (more, 4)):
        job = import_jobs.create(home, admin, visits, said).job
        batch = ImportFeed(home, job.number).next(1_000)
        assert batch is not None and (batch.touches.num_rows, batch.position) == (rows - (rows > 10), rows)


def test_a_dry_run_says_what_would_happen_and_keeps_nothing(home: Home, admin: Who, visits: Path) -> None:
    with home.state.read() as tx:
        before = [
            tx.execute(select(func.count()).select_from(t)).scalar() for t in (store.source, store.import_job)
        ]
    report = dry_run(home, admin, visits, VISITS)
    assert (report.rows, report.accepted, report.source_made, report.nobody) == (50, 48, True, 0)
    assert report.refused == {"bad_timestamp": 1, "bad_row": 1}
    assert report.examples["bad_timestamp"][0]["row"] == {
        "values": {"at": "aaaaaaaaa", "member": "a9", "store": "a9"}
    }
    assert report.identifiers == {"member_id": (48, 7)} and report.kinds == {"store.visited": 48}
    assert (report.earliest, report.latest) == ("2026-01-01T00:00:00+00:00", "2026-01-28T00:00:00+00:00")
    assert len(report.first) == 5 and report.first[0]["place"] == "s0"
    with home.state.read() as tx:
        after = [
            tx.execute(select(func.count()).select_from(t)).scalar() for t in (store.source, store.import_job)
        ]
    assert after == before and list(home.path("imports").iterdir()) == []


def test_what_can_not_be_imported_is_said_before_anything_is_kept(
    home: Home, admin: Who, analyst: Who, visits: Path
) -> None:
    with pytest.raises(Forbidden):
        import_jobs.create(home, analyst, visits, VISITS)
    with pytest.raises(NoFile, match="there is none"):
        import_jobs.create(home, admin, visits.with_name("other.csv"), VISITS)
    with pytest.raises(MappingWrong, match="no column shop"):
        import_jobs.create(home, admin, visits, VISITS.replace('"store"\n', '"shop"\n'))
    with pytest.raises(NoSuchSource, match="sources create"):
        import_jobs.create(home, admin, visits, VISITS, "elsewhere")
    made = import_jobs.create(home, admin, visits, VISITS).made_source
    assert made is not None
    sources.switch_off(home, admin, made.key)
    with pytest.raises(SourceOff):
        import_jobs.create(home, admin, visits, VISITS)
    assert len(import_jobs.jobs(home, admin)) == 1 and len(list(home.path("imports").iterdir())) == 1


def test_a_damaged_staged_file_fails_its_job_and_can_be_imported_again(
    home: Home, admin: Who, visits: Path, digest: Digest
) -> None:
    job = import_jobs.create(home, admin, visits, VISITS).job
    staged = staging.path_of(home, job.number)
    staged.write_bytes(staged.read_bytes()[:-1] + b"x")
    run(digest)
    failed = import_jobs.get(home, admin, job.number)
    assert failed.state == "failed" and failed.error is not None and "can't be opened" in failed.error
    again = import_jobs.create(home, admin, visits, VISITS)
    assert (again.new, again.job.number, again.job.state) == (True, job.number, "waiting")
    run(digest)
    assert import_jobs.get(home, admin, job.number).accepted == 48


def test_the_staged_file_is_sealed_and_reads_as_what_it_was(home: Home) -> None:
    plain = bytes(range(256)) * 9_000 + b"13912345678"
    path, _, lines = staging.stage(home, io.BytesIO(plain))
    assert b"13912345678" not in path.read_bytes() and lines == plain.count(b"\n")
    staging.keep(home, path, 1)
    with staging.open_staged(home, 1) as file:
        assert file.read() == plain
        assert file.seek(-11, io.SEEK_END) == len(plain) - 11 and file.read() == b"13912345678"
        assert file.seek(1_048_570) == 1_048_570 and file.read(20) == plain[1_048_570:1_048_590]
    sealed = staging.path_of(home, 1).read_bytes()
    staging.path_of(home, 1).write_bytes(sealed[: 20 + 2 * (staging.FRAME + 28)])  # the last frame is gone
    with pytest.raises(WrongKey), staging.open_staged(home, 1) as file:
        file.read()


def test_files_that_nobody_needs_any_more_are_removed(home: Home, admin: Who, visits: Path) -> None:
    job = import_jobs.create(home, admin, visits, VISITS).job
    staging.path_of(home, job.number + 1).write_bytes(b"its job was never committed")
    copying, abandoned = home.path("imports", ".staging-1-a"), home.path("imports", ".staging-1-b")
    copying.write_bytes(b"")
    abandoned.write_bytes(b"")
    os.utime(abandoned, (0, 0))
    import_jobs.tidy(home)
    assert sorted(path.name for path in home.path("imports").iterdir()) == [
        ".staging-1-a",
        f"{job.number}.sealed",
    ]


def test_the_empty_file_is_done_at_once(home: Home, admin: Who, tmp_path: Path, digest: Digest) -> None:
    empty = tmp_path / "empty.csv"
    empty.write_text("at,member,store\n")
    job = import_jobs.create(home, admin, empty, VISITS).job
    run(digest)
    done = import_jobs.get(home, admin, job.number)
    assert (done.state, done.rows, done.accepted) == ("done", 0, 0)


def test_no_line_of_the_shipped_example_is_lost(home: Home, admin: Who, digest: Digest) -> None:
    text = (EXAMPLE / "mapping.toml").read_text()
    job = import_jobs.create(home, admin, EXAMPLE / "online_retail.parquet", text).job
    run(digest)
    done = import_jobs.get(home, admin, job.number)
    assert (done.state, done.accepted, done.duplicates, done.refused) == ("done", 541_909, 0, 0)
    with home.engine.connect() as connection:
        tail.touches_view(connection, home)
        found = connection.execute(
            "select count(*), count(subject), count(distinct subject), count(*) filter (kind = 'order.returned'), "
            "round(sum(amount), 2), count(*) filter (quantity < 0), min(epoch(happened_at))::bigint, "
            "count(distinct product) from touches"
        ).fetchall()
    assert found == [(541_909, 406_829, 4_372, 9_288, 9_747_747.93, 10_624, 1_291_191_960, 4_017)]


def test_rows_of_a_file_on_which_the_program_fails_are_set_aside(
    home: Home, admin: Who, visits: Path, digest: Digest, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = mapper.scrub.words

    def broken(values: pa.Array, *more: Any) -> pa.Array:
        if "s5" in values.to_pylist():
            raise ZeroDivisionError
        return real(values, *more)

    monkeypatch.setattr(mapper.scrub, "words", broken)
    number = import_jobs.create(home, admin, visits, VISITS + 'name = "store"\n').job.number
    run(digest)
    job = import_jobs.get(home, admin, number)
    assert (job.state, job.accepted, job.refused) == ("done", 47, 3)
    assert ("row 6", "unreadable") in refused(home)


def test_a_row_of_a_file_on_which_the_commit_fails_is_set_aside_and_replayed(
    home: Home, admin: Who, visits: Path, digest: Digest, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = digest._recogniser
    real = people.recognise

    def broken(batch: Batch) -> Recognised:
        if "s5" in batch.touches["place"].to_pylist():
            raise ValueError("a value that the store can't hold")
        return real(batch)

    monkeypatch.setattr(people, "recognise", broken)
    number = import_jobs.create(home, admin, visits, VISITS).job.number
    run(digest)
    job = import_jobs.get(home, admin, number)
    assert (job.state, job.accepted, job.refused) == ("done", 47, 3)
    assert ("row 6", "unreadable") in refused(home)
    quarantine.replay(home, admin, reason="unreadable")
    run(digest)
    assert ("row 6", "unreadable") in refused(home) and "s5" not in stores(home)
    monkeypatch.undo()
    quarantine.replay(home, admin, reason="unreadable")
    run(digest)
    assert "s5" in stores(home)


def test_a_store_that_is_away_does_not_fail_an_import(
    home: Home, admin: Who, visits: Path, digest: Digest, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise StateBusy(where="here")

    number = import_jobs.create(home, admin, visits, VISITS).job.number
    with monkeypatch.context() as patched:
        patched.setattr(import_jobs, "started", away)
        with pytest.raises(StateBusy):
            digest.step()
    run(digest)
    assert import_jobs.get(home, admin, number).state == "done"


def test_a_dry_run_refuses_a_source_that_is_switched_off_as_the_import_does(
    home: Home, admin: Who, visits: Path
) -> None:
    import_jobs.create(home, admin, visits, VISITS)
    sources.switch_off(home, admin, "visits")
    with pytest.raises(SourceOff):
        dry_run(home, admin, visits, VISITS)
