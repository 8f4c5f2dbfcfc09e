"""The watch: judges conditions and sends alerts, in the door, since the worker can't say that it is down."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress

from zerodistance.doors.operations import alerts, conditions, webhook
from zerodistance.doors.operations.conditions import KINDS, Condition
from zerodistance.kernel import priority
from zerodistance.kernel.access import Who
from zerodistance.kernel.errors import frames, told
from zerodistance.kernel.home import Home
from zerodistance.kernel.logs import log

NICE = 10  # own value: answers come first
LOOK_SECONDS, SEND_SECONDS = 5.0, 2.0  # own values
WHO = Who.system("watch")


class Watch:
    """Two threads of the door: one judges, one sends, so that a receiver that does not answer holds up no judgement."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._desk = alerts.Desk(home, sends=bool(home.settings.alert_webhook))
        self._refusals = conditions.Refusals(home)
        self._looked: dict[str, float] = {}
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Begin."""
        steps = ((LOOK_SECONDS, self.look), (SEND_SECONDS, self.send))
        self._threads = [
            threading.Thread(target=self._again, args=step, name="watch", daemon=True) for step in steps
        ]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End; what is being sent just then is sent again by the next door, under the same name."""
        self._stop.set()
        for thread in self._threads:
            thread.join(1.0)

    def _again(self, seconds: float, step: Callable[[], object]) -> None:
        with suppress(OSError):
            priority.thread_gives_way(NICE)
        while not self._stop.wait(seconds):
            try:
                step()
            except Exception as error:  # the next look is as good
                log("watch").error("look_failed", error=told(error), trace=frames(error))

    def send(self) -> int:
        """Send what is due; return how many changes were taken."""
        return webhook.deliver(self._home) if self._home.settings.alert_webhook else 0

    def look(self, *, now: float | None = None) -> list[tuple[int, str]]:
        """Judge what is due to be judged; return (alert, `opened` or `closed`) of what changed."""
        now = time.monotonic() if now is None else now
        changed: list[tuple[int, str]] = []
        for kind, known in KINDS.items():
            if now - self._looked.get(kind, float("-inf")) < known.every:
                continue
            self._looked[kind] = now
            try:
                changed += self._desk.judge(kind, list(self._found(kind)))
            except Exception as error:  # one condition that can't be judged must not silence the others
                log("watch").error("not_judged", kind=kind, error=told(error), trace=frames(error))
        return changed

    def _found(self, kind: str) -> Iterable[Condition]:
        home = self._home
        if kind == "worker_down":
            return conditions.worker_down(home)
        if kind == "stage_late":
            return conditions.stage_late(home, WHO)
        if kind == "disk_short":
            return conditions.disk_short(home)
        if kind == "disk_filling":
            return conditions.disk_filling(home, WHO)
        if kind == "refusals_moved":
            return self._refusals(WHO, alerts.open_since(home, WHO, kind))
        if kind == "source_silent":
            return conditions.source_silent(home, WHO)
        if kind == "feed_failing":
            return conditions.feed_failing(home, WHO)
        if kind == "model_drifted":
            return conditions.model_drifted(home, WHO)
        if kind == "backup_late":
            return conditions.backup_late(home)
        return conditions.job_failing(home)
