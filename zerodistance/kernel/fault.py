"""Crash points: named places around each write, fsync, rename and commit where a test may kill the process.

Nothing happens unless the environment variable ZERODISTANCE_FAULT names a point, as `name` or `name:n` for its n-th pass;
then the process ends itself with SIGKILL there, as a power cut would.
"""

from __future__ import annotations

import os
import signal

_wanted, _, _count = os.environ.get("ZERODISTANCE_FAULT", "").partition(":")
_left = int(_count or 1)


def point(name: str) -> None:
    """Pass the crash point `name`."""
    global _left
    if not _wanted:
        return
    if name == _wanted:
        _left -= 1
        if _left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
