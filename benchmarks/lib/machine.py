"""The machine a figure was measured on, progress, and the one JSON object that a benchmark ends with."""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

_BEGAN = time.monotonic()
_HZ = os.sysconf("SC_CLK_TCK")


def say(text: str) -> None:
    """Print progress to stderr."""
    print(f"{time.monotonic() - _BEGAN:7.1f} s  {text}", file=sys.stderr, flush=True)


def machine() -> dict[str, Any]:
    """Return cpu model, cores and memory (GB) of this machine."""
    found = re.search(r"^(?:model name|Model)\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {
        "cpu": found[1].strip() if found else "unknown",
        "cores": len(os.sched_getaffinity(0)),
        "memory_gb": round(memory / 1e9, 1),
    }


def report(name: str, **figures: Any) -> None:
    """Print the result as the last line of stdout; numbers are rounded to what a reader can use."""
    date = datetime.now(UTC).isoformat(timespec="seconds")
    shown = {key: _rounded(value) for key, value in figures.items()}
    print(
        json.dumps({"name": name, "machine": machine(), "date": date, **shown}, ensure_ascii=False),
        flush=True,
    )


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(one) for key, one in value.items()}
    if isinstance(value, float):
        return round(value) if abs(value) >= 1_000 else float(f"{value:.4g}")
    return value


def quantile(values: npt.NDArray[np.float64], share: float) -> float:
    """Return the value that `share` of the values do not exceed; nothing measured is an error, never a zero."""
    if not len(values):
        raise SystemExit("nothing was measured")
    return float(np.quantile(values, share, method="higher"))


def cpu_seconds(pid: int) -> float:
    """Return the processor time a process has used, all its threads, user and system."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _HZ


def peak_mb(pid: int) -> float:
    """Return the most memory a process ever had resident (VmHWM), MB."""
    found = re.search(r"VmHWM:\s*(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) * 1024 / 1e6 if found else 0.0


def arguments(text: str | None) -> argparse.ArgumentParser:
    """Return a parser of options with the one every benchmark has."""
    parser = argparse.ArgumentParser(description=text)
    parser.add_argument("--folder", type=Path, help="where temporary homes are made: a real disk, not memory")
    return parser


# A process begins with the memory of the one that made it, and its peak counts it: so a small one makes it.
_SMALL = """
import json, os, sys
pid = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ)
_, status, used = os.wait4(pid, 0)
print(json.dumps([os.waitstatus_to_exitcode(status), used.ru_utime + used.ru_stime, used.ru_maxrss * 1024 / 1e6]))
"""


def measured(words: list[str]) -> dict[str, float]:
    """Run a program; return its seconds, processor seconds of all its threads, and the most memory it had, MB."""
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-S", "-c", _SMALL, *words], capture_output=True, text=True, check=True
    )
    code, cpu, peak = json.loads(done.stdout.splitlines()[-1])
    if code:
        raise SystemExit(f"{words[1]} failed:\n{done.stderr[-3000:]}")
    return {"cpu_s": cpu, "wall_s": time.monotonic() - began, "peak_rss_mb": peak}


@contextmanager
def workspace(folder: Path | None) -> Iterator[Path]:
    """Give a temporary folder that is gone afterwards, also when the benchmark is told to stop."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(143))
    root = Path(tempfile.mkdtemp(prefix="zerodistance-bench-", dir=folder))
    if _in_memory(root):
        say(f"note: {root} lies in memory; what is said about the disk says nothing (see --folder)")
    try:
        yield root
    finally:
        shutil.rmtree(root, ignore_errors=True)


def _in_memory(path: Path) -> bool:
    mounts = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
    inside = [
        (len(m[1]), m[2]) for m in mounts if str(path).startswith(m[1].rstrip("/") + "/") or m[1] == "/"
    ]
    return max(inside)[1] in ("tmpfs", "ramfs")
