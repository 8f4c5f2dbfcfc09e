"""Who goes first where cores are short: the door answers people, so digestion and what follows it give way.

Everything here is a hint to the operating system. Where it can't be given, the system shares the cores evenly and all works.
"""

from __future__ import annotations

import ctypes
import os
import platform
import struct
import sys
import threading

_SCHED_SETATTR = {"x86_64": 314, "aarch64": 274, "riscv64": 274}
"""Number of the system call, by machine (Linux: arch/*/syscalls; the C library has no function for it)."""

_SLICE_NS = 100_000  # own value: the least that Linux takes; an answer needs about as much
_ATTR = "<IIQiIQQQ"
"""struct sched_attr of linux/sched/types.h, first version: size, policy, flags, nice, priority, runtime, deadline, period."""


def answer_quickly() -> bool:
    """Ask for short turns for this thread and those it starts, so that it runs as soon as it has something to do.

    A process that wakes waits until the turn of the one that runs is over, about 3 ms each, unless its own turns are shorter. It gets no
    more time in all. Linux from 6.12 on knows turns of ordinary processes; elsewhere nothing changes.

    Returns
    -------
    Whether the system took it on.

    References
    ----------
    Linux, kernel/sched/fair.c: custom slices and PREEMPT_SHORT of the EEVDF scheduler.
    """
    return _turns(_SLICE_NS)


def give_way(nice: int) -> None:
    """Let every thread that this process starts from now on, and this one, stand behind; whatever started us may have had short turns."""
    os.nice(nice)
    _turns(0)


def thread_gives_way(nice: int) -> None:
    """Let the calling thread, and those it starts, have the level `nice`; no less than the process has already, or it is refused."""
    if sys.platform == "linux":  # elsewhere the level belongs to the whole process
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), nice)


def _turns(ns: int) -> bool:
    number = _SCHED_SETATTR.get(platform.machine())
    if sys.platform != "linux" or number is None:
        return False
    nice = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    wanted = struct.pack(_ATTR, struct.calcsize(_ATTR), os.SCHED_OTHER, 0, nice, 0, ns, 0, 0)
    return bool(ctypes.CDLL(None, use_errno=True).syscall(number, 0, wanted, 0) == 0)
