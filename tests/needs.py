"""Leave out the tests that need what this machine lacks, and say so by name at the end of the run.

A test says what it needs with a marker (`node`, `chromium`), or that it takes long (`slow`). Without the thing, the test
is left out and counted in the last lines of the report, so nobody takes a short run for a whole one. With
`ZERODISTANCE_TEST_ALL=1`, as in CI, nothing is left out: a missing need is an error before the first test.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests import mariadb, postfix, postgres, sshd
from tests.patience import PATIENCE

CLIENTS = Path(__file__).parent / "clients"
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")


def chromium() -> str | None:
    """Return the path of a Chromium, `ZERODISTANCE_CHROMIUM` first, or None."""
    named = os.environ.get("ZERODISTANCE_CHROMIUM")
    if named:
        return named if Path(named).exists() else None
    return next((found for found in map(shutil.which, CHROMIUM_NAMES) if found), None)


def fuzzer() -> Path:
    """Return where `make fuzz` puts the generator of bad requests."""
    return Path(__file__).parents[1] / ".make" / "fuzz" / "bin" / "schemathesis"


def own_mounts() -> list[str]:
    """Return the words before a command that may mount filesystems which nobody else sees; empty where nobody may."""
    tried = (["unshare", "--mount"], ["unshare", "--mount", "--map-root-user"])
    try_it = ["sh", "-c", "mount -t tmpfs -o size=64k none /mnt"]
    if shutil.which("unshare"):
        for words in tried:
            if (
                subprocess.run(
                    [*words, *try_it], capture_output=True, timeout=PATIENCE, check=False
                ).returncode
                == 0
            ):
                return words
    return []


def node() -> str | None:
    """Return the path of Node.js when the client packages are installed too, else None."""
    path = shutil.which("node")
    wanted = json.loads((CLIENTS / "package.json").read_text())["dependencies"]
    if path is None or not all((CLIENTS / "node_modules" / name).is_dir() for name in wanted):
        return None
    version = subprocess.run(
        [path, "--version"], capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    major = version.stdout.strip().lstrip("v").split(".")[0]
    return path if major.isdigit() and int(major) >= 18 else None


@dataclass(frozen=True)
class Need:
    """What a marker asks for: `there` says if this run has it, `how` tells a person to get it."""

    marker: str
    there: Callable[[], bool]
    how: str


NEEDS = (
    Need(
        "node",
        lambda: node() is not None,
        "install nodejs (18 or newer) and npm, then: npm ci --prefix tests/clients",
    ),
    Need("chromium", lambda: chromium() is not None, "install chromium and fonts-noto-cjk"),
    Need(
        "postgres",
        postgres.there,
        "install postgresql, so that a server of the tests' own can be made",
    ),
    Need("mount", lambda: bool(own_mounts()), "run as root, or let users make namespaces of their own"),
    Need("systemd", lambda: shutil.which("systemd-analyze") is not None, "install systemd"),
    Need("mariadb", mariadb.there, "install mariadb-server and the extra mysql"),
    Need("sftp", sshd.there, "install openssh-server and the extra sftp"),
    Need("mail", postfix.there, "install postfix, and run as root"),
    Need("fuzz", fuzzer().exists, "run: make fuzz"),
    Need("slow", lambda: os.environ.get("ZERODISTANCE_TEST_SLOW") == "1", "run: make test-full"),
)
LEFT_OUT = pytest.StashKey[Counter[str]]()


def everything() -> bool:
    """Tell whether this run must leave nothing out."""
    return os.environ.get("ZERODISTANCE_TEST_ALL") == "1"


def pytest_configure(config: pytest.Config) -> None:
    config.stash[LEFT_OUT] = Counter()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    missing: dict[str, Need] = {}
    asked = {need.marker for need in NEEDS for item in items if item.get_closest_marker(need.marker)}
    for need in NEEDS:
        if need.marker not in asked or (need.marker == "slow" and everything()):
            continue
        if not need.there():
            missing[need.marker] = need
    if not missing:
        return
    if everything():
        lines = [f"{marker}: {need.how}" for marker, need in missing.items()]
        raise pytest.UsageError(
            "ZERODISTANCE_TEST_ALL=1, and tests need what is not here:\n" + "\n".join(lines)
        )
    kept, left = [], []
    for item in items:
        wants = [marker for marker in missing if item.get_closest_marker(marker)]
        if wants:
            left.append(item)
            config.stash[LEFT_OUT][wants[0]] += 1
        else:
            kept.append(item)
    items[:] = kept
    config.hook.pytest_deselected(items=left)


def pytest_make_parametrize_id(val: object) -> str | None:
    """Name bytes that nobody can read by their place: what is packed holds the time, and several processes must name a test alike."""
    return "bytes" if isinstance(val, bytes) and not (val.isascii() and len(val) < 40) else None


def pytest_sessionfinish(session: pytest.Session) -> None:
    output = getattr(session.config, "workeroutput", None)
    if output is not None:  # one of several processes: it tells the one that reports
        output["left_out"] = dict(session.config.stash[LEFT_OUT])


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take over what one of several processes has left out; each has looked at all tests (a hook of pytest-xdist)."""
    told = getattr(node, "workeroutput", {}).get("left_out")
    if told:
        node.config.stash[LEFT_OUT] = Counter(told)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for need in NEEDS:
        count = config.stash[LEFT_OUT][need.marker]
        if count:
            word = "test" if count == 1 else "tests"
            terminalreporter.write_line(f"left out: {count} {need.marker} {word} ({need.how})", yellow=True)
