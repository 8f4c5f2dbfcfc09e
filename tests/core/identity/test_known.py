"""Which tokens are known: while they are still read, nobody becomes two, and nobody is lost."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import Connection

from tests.core.identity.steps import take_in, touch
from zerodistance.core.identity import api
from zerodistance.core.identity.known import KnownTokens
from zerodistance.core.identity.recogniser import Recognition
from zerodistance.kernel.home import Home
from zerodistance.kernel.state import State


def persons(home: Home) -> int:
    return len(set(api.subject_map(home).column("person").to_pylist()))


def test_a_batch_does_not_wait_for_the_tokens_to_be_read_and_knows_who_is_known(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    take_in(home, touch(1, openid="o1"), touch(2, openid="o2"), with_=Recognition(home))
    fill, go, done = KnownTokens.fill, threading.Event(), threading.Event()

    def slow(known: KnownTokens, tx: Connection) -> None:
        assert go.wait(30)
        fill(known, tx)
        done.set()

    monkeypatch.setattr(KnownTokens, "fill", slow)
    running = Recognition(home)
    running.begin()
    take_in(home, touch(3, openid="o1"), touch(4, openid="o3"), with_=running)
    assert persons(home) == 3 and not done.is_set()
    go.set()
    assert done.wait(30)
    for n, openid in enumerate(("o1", "o2", "o3", "o4"), start=5):
        take_in(home, touch(n, openid=openid), with_=running)
    assert persons(home) == 4


def test_tokens_that_could_not_be_read_beforehand_are_read_by_the_next_batch(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    take_in(home, touch(1, openid="o1"), with_=Recognition(home))
    running, failed = Recognition(home), threading.Event()

    def away(state: State) -> None:
        failed.set()
        raise OSError

    with monkeypatch.context() as patch:
        patch.setattr(State, "read", away)
        running.begin()
        assert failed.wait(30)
        for thread in threading.enumerate():
            if thread.name == "tokens":
                thread.join(30)
    take_in(home, touch(2, openid="o1"), touch(3, openid="o2"), with_=running)
    assert persons(home) == 2
