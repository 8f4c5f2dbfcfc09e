"""From the moment in which a pause is answered nothing of what it holds is claimed; lifted it goes on, ended it is held back."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.core.outreach.sending import NOON, SYSTEM, Box, assigned, ready
from zerodistance.core.outreach.channels import opening
from zerodistance.core.outreach.contracts import ChannelName, Handed, Outcome, Outgoing, Sending, SendState
from zerodistance.core.outreach.policy import Policy
from zerodistance.core.outreach.sends import pausing, queue, sending, store
from zerodistance.core.outreach.sends.sender import Sender
from zerodistance.kernel import bulk, clock
from zerodistance.kernel.home import Home


@pytest.fixture(autouse=True)
def noon() -> Iterator[None]:
    with clock.freeze(clock.from_micros(NOON)):
        yield


@pytest.fixture
def box() -> Iterator[Box]:
    made = Box()
    opening.take(ChannelName.EMAIL, lambda home: made)
    yield made
    opening.take(ChannelName.EMAIL, None)


def ask(home: Home, persons: list[int], key: str) -> Sending:
    made = sending.send(home, SYSTEM, assigned(home, persons, key), "autumn", send_key=key)
    queue.fill(home, made.number)
    return made


def pause(home: Home, key: str, *, ends: bool = False) -> None:
    with home.state.write() as tx:
        pausing.pause(tx, key, "test", ends=ends)


def lift(home: Home, key: str) -> None:
    with home.state.write() as tx:
        pausing.lift(tx, key)


def stands(home: Home, number: int) -> dict[str, str]:
    with home.state.read() as tx:
        return dict(bulk.rows(tx, "select id, state from outreach_message where send = ?", (number,)))


def told(home: Home, number: int) -> dict[tuple[str, str], int | None]:
    return {(t.state.value, t.reason): t.many for t in sending.get(home, SYSTEM, number).tallies}


def test_whatever_two_senders_are_about_nothing_is_claimed_after_the_pause_and_it_goes_on_when_lifted(
    home: Home,
) -> None:
    found = list(ready(home, 60, replace(Policy(), caps=())))
    under_way, answered = threading.Event(), threading.Event()

    def answer(one: Outgoing) -> Handed:
        if one.campaign == "autumn" and sum(kept.campaign == "autumn" for kept in boxes[0].kept) >= 6:
            under_way.set()
            assert answered.wait(20)  # or a quick sender is through before a slow test has paused it
        return Handed(one.message_id, Outcome.ACCEPTED)

    boxes = [Box(answer)]
    opening.take(ChannelName.EMAIL, lambda home: boxes[0])
    senders = [Sender(home, chunk=5, now=lambda: NOON) for _ in range(2)]
    threads = [threading.Thread(target=one.run_due) for one in senders]
    try:
        paused, other = ask(home, found, "autumn"), ask(home, found, "winter")
        for thread in threads:
            thread.start()
        assert under_way.wait(20)
        pause(home, "autumn")
        answered.set()
        left = {one for one, state in stands(home, paused.number).items() if state in ("queued", "paused")}
        for thread in threads:
            thread.join()
        assert left and not left & {one.message_id for one in boxes[0].kept}
        now = stands(home, paused.number)
        assert {now[one] for one in left} == {"paused"} and {now[one] for one in now.keys() - left} == {
            "sent"
        }
        assert told(home, paused.number) == {("paused", ""): len(left), ("sent", ""): len(now) - len(left)}
        assert set(stands(home, other.number).values()) == {"sent"}
        shown = sending.get(home, SYSTEM, paused.number)
        assert shown.paused and shown.state is SendState.QUEUED
        lift(home, "autumn")
        senders[0].run_due()
        assert Counter(one.message_id for one in boxes[0].kept) == Counter(
            [*now, *stands(home, other.number)]
        )
        assert sending.get(home, SYSTEM, paused.number).state is SendState.DONE
    finally:
        for one in senders:
            one.stop(5)
        opening.take(ChannelName.EMAIL, None)


def test_what_is_queued_after_the_pause_waits_too_and_what_ended_is_held_back_for_good(
    home: Home, box: Box
) -> None:
    found = list(ready(home))
    first = ask(home, found, "autumn")
    pause(home, "autumn")
    second = sending.send(home, SYSTEM, sending.receipt(home, SYSTEM, "autumn"), "autumn", send_key="another")
    assert told(home, first.number) == {("paused", ""): first.reach}  # before any sender has looked
    sender = Sender(home, now=lambda: NOON)
    sender.run_due()
    assert box.kept == []
    assert told(home, second.number) == {("paused", ""): second.reach}
    assert set(stands(home, first.number).values()) == {"paused"}
    pause(home, "autumn", ends=True)
    lift(home, "autumn")
    third = sending.send(home, SYSTEM, sending.receipt(home, SYSTEM, "autumn"), "autumn", send_key="late")
    sender.run_due()
    sender.stop(5)
    assert box.kept == []
    for one in (first, second, third):
        assert told(home, one.number) == {("held", "stopped"): one.reach}
        assert sending.get(home, SYSTEM, one.number).state is SendState.DONE


def test_a_send_that_is_stopped_while_it_is_paused_is_held_back(home: Home, box: Box) -> None:
    send = ask(home, list(ready(home)), "autumn")
    pause(home, "autumn")
    assert pausing.carry_out(home) == send.reach and pausing.carry_out(home) == 0
    sending.stop(home, SYSTEM, send.number, "a wrong price")
    lift(home, "autumn")
    assert pausing.carry_out(home) == 0
    assert told(home, send.number) == {("held", "stopped"): send.reach}


@pytest.mark.slow
def test_a_pause_that_is_carried_out_halfway_is_carried_on(
    home: Home, box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    send = ask(home, list(ready(home)), "autumn")
    monkeypatch.setattr(pausing, "_SLICE", 7)
    pause(home, "autumn")
    assert pausing._slice(home, send.number) == 7
    assert Counter(stands(home, send.number).values())["paused"] == 7
    lift(home, "autumn")  # before the rest of it was set aside
    assert told(home, send.number) == {("queued", ""): send.reach}
    assert pausing.carry_out(home) == 7
    with home.state.read() as tx:
        assert store.open_ones(tx, send.number)
    made = Sender(home, now=lambda: NOON)
    made.run_due()
    made.stop(5)
    assert len(box.kept) == send.reach
