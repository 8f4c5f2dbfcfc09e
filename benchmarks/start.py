"""`make demo` in a fresh clone with an empty package cache, until the login page answers.

`install_s` is `make setup`; `first_page_s` is everything from the first command until the login page answers; `ready_s` until the demo has
made the sample city, imported its silos, sent a web session, printed what was found and the one-time login. `install_mb` is the folder of the installed
packages, `used_mb` the same with the bytecode that running left there.
"""

from __future__ import annotations

import http.client
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from benchmarks.lib.machine import arguments, report, say, workspace
from zerodistance.doors.serving import listen

ROOT = Path(__file__).parents[1]
_INSTALL_SECONDS, _DEMO_SECONDS, _STOP_SECONDS = 1_200, 600.0, 60


def main() -> None:
    """Clone, install, start, look."""
    parser = arguments(__doc__)
    parser.add_argument("--python", default="python3", help="the interpreter that make uses")
    options = parser.parse_args()
    with workspace(options.folder) as root:
        clone = root / "clone"
        subprocess.run(["git", "clone", "--quiet", "--no-local", str(ROOT), str(clone)], check=True)
        if subprocess.run(
            ["git", "-C", str(ROOT), "status", "--porcelain"], capture_output=True, check=True
        ).stdout:
            say("note: what is not committed is not in the clone")
        hidden = ("VIRTUAL_ENV", "PYTHONPATH", "PIP_CACHE_DIR", "PYTHONDONTWRITEBYTECODE")
        kept = {k: v for k, v in os.environ.items() if k not in hidden and not k.startswith("ZERODISTANCE_")}
        port = _free_port()
        environment = {
            **kept,
            "PIP_CACHE_DIR": str(root / "pip-cache"),
            "ZERODISTANCE_PORT": str(port),
            "PYTHONUNBUFFERED": "1",
        }
        make = ["make", "--no-print-directory", f"PYTHON={options.python}"]
        say("make setup")
        began = time.perf_counter()
        subprocess.run(
            [*make, "setup"],
            cwd=clone,
            env=environment,
            check=True,
            timeout=_INSTALL_SECONDS,
            stdout=subprocess.DEVNULL,
        )
        install = time.perf_counter() - began
        say(f"installed in {install:.0f} s; make demo")
        size = _megabytes(clone / ".venv")
        page, ready = _demo([*make, "demo"], clone, environment, root / "demo.log", port)
        used = _megabytes(clone / ".venv")
    report(
        "start",
        install_s=install,
        install_mb=size,
        first_page_s=install + page,
        ready_s=install + ready,
        demo_s=ready,
        used_mb=used,
    )


def _demo(
    words: list[str], clone: Path, environment: dict[str, str], log: Path, port: int
) -> tuple[float, float]:
    """Run the demo until it has printed the one-time login, then end it; return the seconds to the first page and to that."""
    began = time.perf_counter()
    with open(log, "wb") as said:
        running = subprocess.Popen(
            words,
            cwd=clone,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            start_new_session=True,
        )
    try:
        page = _until(lambda: _answers(_port_in(log) or port), running, began, log)
        say(f"first page {page:.1f} s after make demo")
        ready = _until(lambda: re.search(r"/once/\S+", log.read_text()) is not None, running, began, log)
        time.sleep(1)  # let it finish its last lines
        return page, ready
    finally:
        for number in (signal.SIGINT, signal.SIGKILL):
            with suppress(ProcessLookupError):
                os.killpg(running.pid, number)
            with suppress(subprocess.TimeoutExpired):
                running.wait(_STOP_SECONDS)
                break
        say("what it printed:\n" + log.read_text()[-3000:])


def _until(there: Callable[[], bool], running: subprocess.Popen[bytes], began: float, log: Path) -> float:
    while not there():
        if running.poll() is not None or time.perf_counter() - began > _DEMO_SECONDS:
            raise SystemExit(f"the demo did not get there:\n{log.read_text()[-3000:]}")
        time.sleep(0.1)
    return time.perf_counter() - began


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/login")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def _port_in(log: Path) -> int:
    found = re.findall(r"http://127\.0\.0\.1:(\d+)", log.read_text())
    return int(found[-1]) if found else 0


def _free_port() -> int:
    with listen("127.0.0.1", 0) as opened:
        return int(opened.getsockname()[1])


def _megabytes(path: Path) -> float:
    """Return the disk space of a folder as `du` counts it, MB."""
    said = subprocess.run(
        ["du", "-s", "--block-size=1", str(path)], capture_output=True, text=True, check=True
    ).stdout
    return int(said.split()[0]) / 1e6


if __name__ == "__main__":
    main()
