"""Crash points: named places around each write, fsync, rename and commit where a test may kill the process, or hold it up.

Nothing happens unless the environment variable ZERODISTANCE_FAULT names a point. With `name`, or `name:n` for its n-th pass, the
process ends itself with SIGKILL there, as a power cut would. With `name@ms` each pass takes so many milliseconds longer, as on
a slow disk.
"""

from __future__ import annotations

import os
import signal
import time

_named = os.environ.get("ZERODISTANCE_FAULT", "")
_wanted, _, _slow = _named.partition("@")
_wanted, _, _count = _wanted.partition(":")
_left = int(_count or 1)
_seconds = int(_slow or 0) / 1_000


def point(name: str) -> None:
    """Pass the crash point `name`."""
    global _left
    if not _wanted:
        return
    if name != _wanted:
        return
    if _seconds:
        time.sleep(_seconds)
    else:
        _left -= 1
        if _left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
