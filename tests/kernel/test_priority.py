"""Hints to the operating system: given where it takes them, and never in the way."""

from __future__ import annotations

import os
import sys
import threading

import pytest

from zerodistance.kernel import priority


def in_a_thread(nice: int) -> int:
    found: list[int] = []

    def life() -> None:
        priority.thread_gives_way(nice)
        found.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))

    thread = threading.Thread(target=life)
    thread.start()
    thread.join()
    return found[0]


def test_a_thread_stands_behind_and_the_others_do_not() -> None:
    before = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    expected = 19 if sys.platform == "linux" else before
    assert in_a_thread(19) == expected
    assert os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) == before


def test_short_turns_leave_the_level_as_it_is() -> None:
    before = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    assert priority.answer_quickly() in (True, False)
    assert os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) == before
    priority.give_way(0)


def test_an_unknown_machine_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "s390x")
    assert not priority.answer_quickly()
