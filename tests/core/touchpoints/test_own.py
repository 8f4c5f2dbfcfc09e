"""What apps say happened: in their own transaction, once, about somebody whom they name."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

import zerodistance.compose as compose
from tests.core.touchpoints.people import EachIdentifier
from tests.core.touchpoints.test_digest import count, ids_in_view
from tests.core.touchpoints.test_forget import li, send, subjects_of, wei
from zerodistance.core.identity import api as identity
from zerodistance.core.touchpoints import forget, log, own, sources, store, tail
from zerodistance.core.touchpoints.contracts import OWN_SOURCE
from zerodistance.core.touchpoints.digest import Digest
from zerodistance.doors.worker import Work, once
from zerodistance.kernel import clock
from zerodistance.kernel.access import Who
from zerodistance.kernel.errors import Invalid
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text

AT = 1_795_000_000_000_000


def rows(*said: tuple[int, str], **more: Any) -> pa.Table:
    """Return touches of these subjects and message ids."""
    return pa.Table.from_pylist(
        [{"subject": s, "message_id": m, "kind": "message.sent", "happened_at": AT, **more} for s, m in said]
    )


def say(home: Home, table: pa.Table) -> None:
    with home.state.write() as tx:
        own.say(tx, table)


def digest(home: Home) -> Digest:
    feed = own.OwnFeed(home)
    return Digest(home, EachIdentifier(), lambda: [feed])


def view(home: Home, columns: str) -> list[tuple[Any, ...]]:
    with home.engine.connect() as connection:
        tail.touches_view(connection, home)
        return connection.execute(f"select {columns} from touches order by batch, row").fetchall()


def test_what_is_said_becomes_touches_of_our_own_source(home: Home) -> None:
    say(home, rows((7, "m1"), (9, "m2"), campaign="autumn", channel="email", amount=1.5))
    digest(home).step()
    columns = "source_id, subject, kind, campaign, channel, amount, epoch_us(happened_at), known_at = happened_at, batch, row"
    assert view(home, columns) == [
        ("m1", 7, "message.sent", "autumn", "email", 1.5, AT, True, 1, 0),
        ("m2", 9, "message.sent", "autumn", "email", 1.5, AT, True, 1, 1),
    ]
    ((number,),) = set(view(home, "source"))
    assert number == sources.get_source(home, Who.system(), OWN_SOURCE).number
    assert (count(home, "received"), count(home, "accepted"), count(home, "recognised")) == (2, 2, 2)


def test_it_holds_if_and_only_if_the_transaction_of_the_app_does(home: Home) -> None:
    with pytest.raises(RuntimeError, match="changed its mind"), home.state.write() as tx:
        own.say(tx, rows((7, "m1")))
        raise RuntimeError("changed its mind")
    assert digest(home).step() == 0 and ids_in_view(home) == []


def test_said_twice_counts_once(home: Home) -> None:
    say(home, rows((7, "m1"), (7, "m1")))
    worker = digest(home)
    worker.step()
    say(home, rows((7, "m1"), (8, "m2")))
    worker.step()
    assert ids_in_view(home) == ["m1", "m2"] and count(home, "duplicates") == 2
    assert sorted(view(home, "source_id, subject")) == [("m1", 7), ("m2", 8)]


def test_a_commit_that_fails_leaves_it_waiting(home: Home) -> None:
    people, feed = EachIdentifier(), own.OwnFeed(home)
    worker = Digest(home, people, lambda: [feed])
    say(home, rows((7, "m1")))
    people.fail_in_write = True
    with pytest.raises(OSError, match="full"):
        worker.step()
    people.fail_in_write = False
    worker.step()
    assert ids_in_view(home) == ["m1"] and worker.step() == 0


@given(
    st.lists(st.lists(st.tuples(st.integers(1, 50), st.integers(0, 99)), max_size=9), min_size=1, max_size=6),
    st.integers(1, 12),
)
def test_nothing_is_lost_or_doubled_however_it_is_cut(said: list[list[tuple[int, int]]], most: int) -> None:
    """The feed hands out each row once, in order, whatever fits in a batch."""
    taken: list[tuple[int, str]] = []
    table = {n: rows(*((s, f"m{m}") for s, m in some)) for n, some in enumerate(said) if some}
    listed = [(n, t.num_rows) for n, t in table.items()]
    while listed:
        numbers = own.fitting(listed, most)
        assert numbers and (len(numbers) == 1 or sum(table[n].num_rows for n in numbers) <= most)
        for n in numbers:
            taken += zip(table[n]["subject"].to_pylist(), table[n]["message_id"].to_pylist(), strict=True)
        listed = listed[len(numbers) :]
    assert taken == [(s, f"m{m}") for some in said for s, m in some]


@pytest.mark.parametrize(
    ("table", "given"),
    [
        (rows((1, "a")).drop_columns("kind"), "kind"),
        (rows((1, "a"), kind="sent"), "sent"),
        (pa.Table.from_pylist([{"subject": None, "message_id": "a", "kind": "custom", "happened_at": 1}]), "subject"),
    ],
)  # fmt: skip
def test_what_can_t_become_a_touch_is_refused_at_once(home: Home, table: pa.Table, given: str) -> None:
    with pytest.raises(Invalid) as refused, home.state.write() as tx:
        own.say(tx, table)
    assert refused.value.data["given"] == given


def test_nobody_else_can_take_the_key_of_our_source(home: Home, admin: Who) -> None:
    with pytest.raises(sources.WrongSource):
        sources.create_source(home, admin, key=OWN_SOURCE, name=Text("我", "me"), kind="server")
    assert sources.ours(home) == sources.ours(home)


@pytest.fixture
def work(home: Home) -> Iterator[Work]:
    sources.create_source(home, Who.system(), key="web", name=Text("官网", "web"), kind="web")
    yield compose.work(home)


def test_a_person_has_it_in_the_history_and_forgetting_takes_it_out_of_what_waits(
    home: Home, work: Work, admin: Who
) -> None:
    send(home, wei(1), li(1))
    once(work)
    ids = {name: subjects_of(home, identity.lookup(home, admin, "user_id", name)) for name in ("wei", "li")}
    say(home, rows((ids["wei"][0], "m1")))
    once(work)
    kinds = [touch.kind for touch in log.timeline(home, admin, ids["wei"]).touches]
    assert kinds == ["order.completed", "message.sent"]
    say(home, rows((ids["wei"][0], "m2"), (ids["li"][0], "m3")))
    assert own.forget(home, ids["wei"]) == 1
    with home.state.read() as tx:
        assert own.waiting(tx) == 1
    say(home, rows((ids["wei"][0], "m4")))
    person = identity.lookup(home, admin, "user_id", "wei").id
    asked = forget.ask(home, admin, person, ids["wei"], "asked by the person")
    once(work)
    certificate = forget.get(home, admin, asked.id).certificate
    assert certificate is not None and "own_touch" in certificate["removed"]
    assert sorted(row[0] for row in view(home, "source_id")) == ["l1", "m3"]
    with home.state.read() as tx:
        assert tx.execute(select(store.own_touch)).all() == []


@pytest.mark.slow
def test_half_a_million_are_said_in_three_seconds_and_digested_like_others(home: Home) -> None:
    n = 500_000
    ids = [f"{i:032x}" for i in range(n)]
    many = pa.table(
        {
            "subject": pa.array(range(1, n + 1), pa.int64()),
            "kind": ["message.sent"] * n,
            "happened_at": pa.array([clock.micros()] * n, pa.int64()),
            "message_id": ids,
            "campaign": ["autumn"] * n,
        }
    )
    began = time.monotonic()
    say(home, many)
    said = time.monotonic() - began
    worker, began = digest(home), time.monotonic()
    while worker.step(100_000):
        pass
    took = time.monotonic() - began
    print(f"said {said:.2f} s, digested {took:.2f} s")
    assert said < 3 and count(home, "accepted") == n
