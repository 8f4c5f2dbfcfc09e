"""Telling systemd how the service is: that it is ready, that it is still alive, that it ends. Nothing where systemd does not listen.

References
----------
sd_notify(3), systemd.service(5): `Type=notify`, `WatchdogSec=`.
"""

from __future__ import annotations

import os
import socket


def tell(state: str) -> bool:
    """Send one state such as `READY=1` to the service manager; return whether it took it. Never waits for it."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address or address[0] not in "/@":
        return False
    target = "\0" + address[1:] if address[0] == "@" else address
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as opened:
            opened.setblocking(
                False
            )  # an event loop calls this: it must not stand still while nobody listens
            opened.sendto(state.encode(), target)
    except OSError:  # it went away, or has much to read: the service goes on
        return False
    return True


def watchdog_seconds() -> float | None:
    """Return how often this process has to say that it is alive, half of what systemd allows; None if it need not."""
    given, pid = os.environ.get("WATCHDOG_USEC", ""), os.environ.get("WATCHDOG_PID", "")
    if not given.isdigit() or int(given) == 0 or (pid and pid != str(os.getpid())):
        return None
    return int(given) / 2_000_000
