"""The log by subject says what the log says, whatever was sealed, laid, joined, forgotten or damaged in between."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert

from tests.core.profiles import world
from zerodistance.core.touchpoints import book, log, store, tail
from zerodistance.kernel import clock
from zerodistance.kernel.access import Who
from zerodistance.kernel.errors import Invalid
from zerodistance.kernel.home import Home, create_home
from zerodistance.kernel.settings import load

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
WHO = Who.system("test")


class Log:
    """A log that is filled by hand, and everything that is in it."""

    def __init__(self, home: Home) -> None:
        self.home, self.touches, self.batch, self.hot = home, list[dict[str, Any]](), 0, list[tail.TailFile]()

    def take(self, subjects: list[int | None]) -> None:
        """Commit a batch into the tail."""
        self.batch += 1
        rows = [
            world.touch(
                self.batch, n, subject, "order.line" if n % 2 else "page.viewed", NOW - timedelta(minutes=7 * n + self.batch),
                source=1 + n % 3, order_id=f"o{n}", amount=1.5 * n,
            )
            for n, subject in enumerate(subjects)
        ]  # fmt: skip
        name, size = tail.write_file(self.home.path("tail"), self.batch, world.table(rows))
        file = tail.TailFile(self.batch, name, len(rows), size, clock.micros())
        with self.home.state.write() as tx:
            tx.execute(insert(store.tail).values(**{c.name: getattr(file, c.name) for c in store.tail.c}))
            tx.execute(insert(store.batch).values(**_batch(self.batch)))
        self.hot.append(file)
        self.touches += [row for row in rows if row["subject"] is not None]

    def seal(self) -> None:
        """Move the tail into the lake."""
        if self.hot:
            rows = tail.read_files(self.home, self.hot)
            self.home.lake.append("touches", rows, app="touches", version=self.batch, partition_by="month")
            with self.home.state.write() as tx:
                tx.execute(store.tail.delete())
            for file in self.hot:
                self.home.path("tail", file.file).unlink()
            self.hot = []

    def forget(self, subject: int) -> None:
        """Take somebody out of log and book."""
        self.seal()
        self.home.lake.delete_where("touches", f"subject in ({subject})")
        book.forget(self.home, [subject])
        self.touches = [one for one in self.touches if one["subject"] != subject]

    def check(self, subjects: list[int]) -> None:
        """Hold what is read of some subjects against what was put in."""
        found = book.rows_of(self.home, subjects)
        wanted = [one for one in self.touches if one["subject"] in subjects]
        assert found.schema == book.BOOK
        assert sorted(map(_said, found.to_pylist())) == sorted(_told(one) for one in wanted)


def _batch(number: int) -> dict[str, Any]:
    row = {
        c.name: 0 for c in store.batch.c if not c.nullable and c.default is None and c.server_default is None
    }
    texts = {c.name: "" for c in store.batch.c if c.name in row and str(c.type) == "TEXT"}
    return {**row, **texts, "number": number}


def _said(row: dict[str, Any]) -> tuple[Any, ...]:
    return (
        row["batch"],
        row["row"],
        row["subject"],
        row["kind"],
        row["order_id"],
        row["amount"],
        row["happened_at"],
    )


def _told(one: dict[str, Any]) -> tuple[Any, ...]:
    at = clock.to_micros(one["happened_at"])
    return one["batch"], one["row"], one["subject"], one["kind"], one["order_id"], one["amount"], at


@pytest.fixture
def filled(home: Home) -> Iterator[Log]:
    yield Log(home)


SUBJECTS = st.lists(st.one_of(st.none(), st.integers(1, 9)), max_size=12)
STEP = st.one_of(
    st.tuples(st.just("take"), SUBJECTS),
    st.tuples(st.sampled_from(["seal", "lay", "lay", "lose"]), st.none()),
    st.tuples(st.just("forget"), st.integers(1, 9)),
)


@settings(
    max_examples=60 if os.environ.get("ZERODISTANCE_TEST_SLOW") else 4,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(
    steps=st.lists(STEP, min_size=2, max_size=9),
    wanted=st.lists(st.integers(1, 9), min_size=1, max_size=3, unique=True),
)
def test_what_is_read_of_somebody_is_what_the_log_holds(
    tmp_path_factory: Any, steps: list[Any], wanted: list[int]
) -> None:
    home = create_home(load(home=tmp_path_factory.mktemp("homes") / "home"))
    mine = Log(home)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(book, "_ROWS", 3)
        patch.setattr(book, "_AT_ONCE", 20)
        for what, how in steps:
            if what == "take":
                mine.take(how)
            elif what == "seal":
                mine.seal()
            elif what == "lay":
                book.lay(home)
            elif what == "lose":
                book.let_go(home)
            else:
                mine.forget(how)
            mine.check(wanted)
        mine.seal()
        book.lay(home)
        assert not book.lay(home), "nothing is new"
        mine.check(wanted)
        mine.check(list(range(1, 10)))
    home.close()


@pytest.mark.parametrize("place", [0, 20, -20, -1])
def test_a_damaged_file_is_found_and_the_lake_answers(filled: Log, place: int) -> None:
    filled.take([1, 2, 3] * 4)
    filled.seal()
    book.lay(filled.home)
    (path,) = filled.home.path("index", "touches").glob("*.touches")
    data = bytearray(path.read_bytes())
    data[place] ^= 0x55
    path.unlink()
    path.write_bytes(data)
    book._open.clear()
    filled.check([1, 3])
    book.lay(filled.home)
    filled.check([1, 3])


def test_small_files_become_one(filled: Log) -> None:
    for _ in range(12):
        filled.take([1, 2, 3])
        filled.seal()
        book.lay(filled.home)
    assert len(list(filled.home.path("index", "touches").glob("*.touches"))) <= 3
    filled.check([2])


def test_nothing_of_somebody_forgotten_is_in_any_file(filled: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(book, "_ROWS", 4)
    filled.take([1, 2, 3, 4, 5, 6] * 3)
    filled.seal()
    book.lay(filled.home)
    filled.forget(4)
    for path in Path(filled.home.path("index", "touches")).glob("*.touches"):
        one = book._Open(path)
        assert (
            4
            not in pa.concat_tables([pa.Table.from_batches([one.read(n)]) for n in range(len(one.blocks))])[
                "subject"
            ].to_pylist()
        )
    filled.check([1, 2, 3, 4, 5, 6])


def test_a_timeline_comes_in_pages_of_some_kinds_and_sources(filled: Log) -> None:
    filled.take([1] * 9)
    filled.seal()
    book.lay(filled.home)
    filled.take([1, 2] * 3)
    history = log.history(filled.home, WHO, [1])
    first = history.page(limit=5)
    second = history.page(limit=50, before=first.before)
    times = [touch.happened_at for touch in (*first.touches, *second.touches)]
    assert len(times) == 12 and times == sorted(times, reverse=True) and second.before is None
    orders = history.page(limit=50, kinds=["order.*"], sources=[2])
    assert orders.touches and {(t.kind, t.source) for t in orders.touches} == {("order.line", 2)}
    journey = history.journey()
    assert (journey.touches, journey.first_at, journey.last_at) == (12, times[-1], times[0])
    assert sum(journey.sources.values()) == sum(history.kinds().values()) == 12
    assert log.history(filled.home, WHO, []).journey().touches == 0
    with pytest.raises(Invalid):
        history.page(before="yesterday")
