"""Telling systemd, over a real socket of its kind."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from zerodistance.kernel import notify


def test_a_state_is_heard_where_systemd_listens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as heard:
        heard.bind(str(tmp_path / "notify"))
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        assert notify.tell("READY=1")
        assert heard.recv(100) == b"READY=1"


def test_an_abstract_address_is_one_too(monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"zerodistance-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as heard:
        heard.bind(f"\0{name}")
        monkeypatch.setenv("NOTIFY_SOCKET", f"@{name}")
        assert notify.tell("WATCHDOG=1")
        assert heard.recv(100) == b"WATCHDOG=1"


@pytest.mark.parametrize("address", ["", "relative", "/nowhere/at/all"])
def test_nobody_who_hears_is_no_error(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", address)
    assert not notify.tell("READY=1")


def test_a_manager_that_does_not_read_holds_nobody_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as deaf:
        deaf.bind(str(tmp_path / "notify"))
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        told = [notify.tell("WATCHDOG=1") for _ in range(5_000)]
    assert told[0]
    assert not told[-1]


@pytest.mark.parametrize(
    ("usec", "pid", "seconds"),
    [("30000000", "", 15.0), ("30000000", "own", 15.0), ("30000000", "1", None), ("", "", None), ("0", "", None), ("x", "", None)],
)  # fmt: skip
def test_the_watchdog_is_fed_twice_as_often_as_it_must(
    usec: str, pid: str, seconds: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", usec)
    monkeypatch.setenv("WATCHDOG_PID", str(os.getpid()) if pid == "own" else pid)
    assert notify.watchdog_seconds() == seconds
