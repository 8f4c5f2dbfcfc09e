"""The worker process: loops that digest, seal, deliver events and do jobs, until they are told to stop or the parent is gone."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

from zerodistance.kernel import clock, measure, priority, slow, spans
from zerodistance.kernel.bus import Bus
from zerodistance.kernel.errors import ZeroDistanceError, told
from zerodistance.kernel.home import Home
from zerodistance.kernel.jobs import Jobs
from zerodistance.kernel.logs import log

STATUS_FILE = "worker.json"
HEARTBEAT_SECONDS = 2.0  # own value
BACK_OFF_FIRST, BACK_OFF_MOST, BACK_OFF_PASSING = 0.2, 30.0, 5.0  # own values, seconds
ERRAND_SECONDS = 0.25  # own value: pause between two looks for errands
JOB_SECONDS = 10.0  # own value: how long a job or an update of the index under way may hold up the end
_LONG = ("index", "jobs")
NICE = (
    5  # own value: where cores are short the door comes first, so that answers stay quick while batches wait
)
NICE_SOON = (
    7  # own value: what follows digestion and has to be seen within two seconds comes a little after it
)
NICE_BEHIND = 19  # own value: what nobody waits for takes what the others leave over
SWITCH_SECONDS = (
    0.0005  # a batch gives the interpreter lock away hundreds of times: it must not wait 5 ms for each
)
IDLE_AFTER, IDLE_TIMES = (
    3.0,
    5,
)  # own values: after so many seconds without work it looks five times less often
IDLE_FOR_PEOPLE = (
    4  # own value: where somebody may wait for what they decided, and has to see it within a second
)
SOON_SECONDS = 0.05  # own value: pause between two looks of what says itself when its turn has come, while things come in
MOVE_SECONDS = 0.5  # own value: pause between two looks whether the tail has to move
GIVE_UP = 8  # own value: failures in a row after which the process ends, to be started afresh


class Fetching(Protocol):
    """Fetches from elsewhere, or hands over to it, in threads of its own."""

    def start_due(self) -> int:
        """Start what is due; return how many were started."""
        ...

    def run_due(self) -> int:
        """Do what is due, and wait for its end; return how many there were."""
        ...

    def stop(self, seconds: float) -> bool:
        """Let what is under way end; return whether it has, within so many seconds."""
        ...


@dataclass(frozen=True)
class Work:
    """What one worker does, put together by compose.

    Attributes
    ----------
    begin
        Begins to read what the first micro-batch would wait for.
    digest
        Takes in one micro-batch; returns how many rows, 0 if nothing waited.
    digest_large
        The same in batches as large as memory allows, where nobody waits to see what comes in.
    follow
        Lets followers follow when their turn has come; returns whether anything was done.
    move
        Moves the tail when it is due, beside `follow`, which does not wait for it; returns whether anything was done.
    seal
        Does both at once, whatever the age of the tail; returns whether anything was done.
    seal_large
        Moves the tail when it is due, and only then lets followers follow: for `digest_large`.
    index
        Brings the tag index up to what followers hold, when its turn has come; returns how many persons were recomputed. It may take
        minutes when everybody is recomputed, and nothing else waits for it.
    errands
        Seldom work that needs digestion, sealing and jobs to pause, such as forgetting; returns whether anything was done.
    facts
        Figures that only the worker knows, for `status`.
    feeds
        What is fetched from elsewhere by itself.
    sending
        What hands messages over by itself.
    """

    begin: Callable[[], None]
    digest: Callable[[], int]
    digest_large: Callable[[], int]
    follow: Callable[[], bool]
    move: Callable[[], bool]
    seal: Callable[[], bool]
    seal_large: Callable[[], bool]
    index: Callable[[], int]
    errands: Callable[[], bool]
    bus: Bus
    jobs: Jobs
    facts: Callable[[], Mapping[str, Any]]
    feeds: Fetching | None = None
    sending: Fetching | None = None

    def alone(self) -> bool:
        """Do the errands, unless a job is under way: it has read what they would remove. They come again."""
        with self.jobs.paused() as still:
            return still and self.errands()


@dataclass
class Pulse:
    """How one loop is doing; times in microseconds UTC.

    Attributes
    ----------
    done, seconds
        What its steps took in since the process began, as they count it themselves, and the time of the steps that found work.
    """

    turns: int = 0
    done: int = 0
    seconds: float = 0.0
    last_at: int | None = None
    failures: int = 0
    error: str | None = None
    error_at: int | None = None
    failed_ever: int = 0


@dataclass
class Loop:
    """One step that is repeated: at once while it finds work, after a pause when it does not, later and later when it fails.

    Attributes
    ----------
    pause
        Seconds between two looks when nothing waits.
    behind
        How nice its thread is, where it comes after the others: at 19 it takes only what time they leave over. It may hold the interpreter's lock
        meanwhile; then those who wait for it leave a core free, and it goes on.
    idle
        How many times as long the pause is after a while without work.
    """

    name: str
    step: Callable[[], object]
    pause: float
    behind: int | None = None
    idle: int = IDLE_TIMES
    pulse: Pulse = field(default_factory=Pulse)

    def run(self, stop: threading.Event, broken: threading.Event) -> None:
        """Repeat until `stop`; sets `broken` after too many failures in a row."""
        if self.behind is not None:
            priority.thread_gives_way(self.behind)
        busy = time.monotonic()
        while not stop.is_set():
            began = time.monotonic()
            try:
                done = self.step()
            except Exception as error:
                self._failed(error)
                passing = (
                    isinstance(error, ZeroDistanceError) and error.retry
                )  # a server away: a fresh start would not help
                if self.pulse.failures >= GIVE_UP and not passing:
                    broken.set()
                    return
                most = BACK_OFF_PASSING if passing else BACK_OFF_MOST
                stop.wait(min(most, BACK_OFF_FIRST * 2 ** min(self.pulse.failures - 1, 10)))
                continue
            self.pulse.turns += 1
            self.pulse.last_at, self.pulse.failures = clock.micros(), 0
            now = time.monotonic()
            if done:
                busy = now
                self.pulse.done += done if isinstance(done, int) else 1
                self.pulse.seconds += now - began
            else:
                stop.wait(self.pause if now - busy < IDLE_AFTER else self.pause * self.idle)

    def _failed(self, error: Exception) -> None:
        self.pulse.failures += 1
        self.pulse.failed_ever += 1
        self.pulse.error, self.pulse.error_at = told(error), clock.micros()
        log("worker").error(
            "step_failed", loop=self.name, failures=self.pulse.failures, error=self.pulse.error
        )


def run(home: Home, make: Callable[[Home], Work]) -> int:
    """Work until standard input ends or a signal comes; the step under way is finished first. Returns the exit code.

    Raises
    ------
    WorkerRunning, WorkerElsewhere
        Another worker holds the home, or a copy of it with the same state store.
    """
    stop, broken = threading.Event(), threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    priority.give_way(NICE)
    slow.keep(home.path("runs"), "worker")
    sys.setswitchinterval(SWITCH_SECONDS)
    with home.worked() as still:
        threading.Thread(target=_watch_parent, args=(stop,), name="parent", daemon=True).start()
        try:
            spans.begin(home.settings, home.seal, "worker")
            work = make(home)
        except Exception as error:
            _write_note(home, {"pid": os.getpid(), "at": clock.micros(), "not_started": told(error)})
            raise
        return _loops(home, work, stop, broken, still)


def _watch_parent(stop: threading.Event) -> None:
    """Set `stop` when standard input ends: the parent closed it, or is gone however it died."""
    try:
        while os.read(sys.stdin.fileno(), 4096):
            pass
    except (OSError, ValueError):
        pass
    if not stop.is_set():
        stop.set()
        quiet = os.open(os.devnull, os.O_WRONLY)  # whoever read our output may be gone too
        os.dup2(quiet, 2)
        os.dup2(quiet, 1)


def _loops(
    home: Home,
    work: Work,
    stop: threading.Event,
    broken: threading.Event,
    still: Callable[[], bool] = lambda: True,
) -> int:
    settings = home.settings
    errands, soon = _seldom(work.alone, ERRAND_SECONDS), min(SOON_SECONDS, settings.index_seconds)
    loops = [
        Loop("digest", lambda: errands() or work.digest(), settings.poll_ms / 1_000),
        Loop("follow", work.follow, soon, behind=NICE_SOON),
        Loop("seal", work.move, MOVE_SECONDS, behind=NICE_SOON),
        Loop("index", work.index, soon, behind=NICE_SOON, idle=IDLE_FOR_PEOPLE),
        Loop("bus", work.bus.deliver, 0.2),
        Loop("jobs", work.jobs.run_due, 1.0, behind=NICE_BEHIND),
    ]
    outside = {"feeds": work.feeds, "sending": work.sending}
    loops += [Loop(name, _started(one), 1.0) for name, one in outside.items() if one is not None]
    started = clock.micros()
    work.begin()
    threads = [
        threading.Thread(target=loop.run, args=(stop, broken), name=loop.name, daemon=True) for loop in loops
    ]
    guard = threading.Thread(target=_guard, args=(still, stop, broken), name="guard", daemon=True)
    for thread in (*threads, guard):
        thread.start()
    log("worker").info("started", pid=os.getpid())
    while not stop.wait(HEARTBEAT_SECONDS) and not broken.is_set():
        _note(home, loops, work, started)
    stop.set()
    for thread in threads:
        thread.join(JOB_SECONDS if thread.name in _LONG else None)
    guard.join(HEARTBEAT_SECONDS)
    _note(home, loops, work, started, ended=True)
    spans.end()
    log("worker").info("stopped", pid=os.getpid(), broken=broken.is_set())
    code = 1 if broken.is_set() else 0
    ended = [one.stop(JOB_SECONDS) for one in outside.values() if one is not None]
    if not all(ended) or any(
        thread.is_alive() for thread in threads
    ):  # run again from its beginning, as after a crash
        os._exit(code)
    return code


def _started(outside: Fetching) -> Callable[[], None]:
    """Return a step that starts what is due and finds no work itself: the loop pauses after it."""

    def start() -> None:
        outside.start_due()

    return start


def _guard(still: Callable[[], bool], stop: threading.Event, broken: threading.Event) -> None:
    """Set `broken` if another worker has taken the state over while its server was away; on a thread that nobody has to wait for."""
    while not stop.wait(HEARTBEAT_SECONDS):
        try:
            ours = still()
        except Exception:  # the server is away just now: nobody works on the state
            continue
        if not ours:
            log("worker").error("another_worker")
            broken.set()
            return


def _seldom(step: Callable[[], bool], seconds: float) -> Callable[[], bool]:
    """Return a step that looks at most once in `seconds`."""
    looked = -seconds

    def look() -> bool:
        nonlocal looked
        if time.monotonic() - looked < seconds:
            return False
        looked = time.monotonic()
        return step()

    return look


def _note(home: Home, loops: list[Loop], work: Work, started: int, *, ended: bool = False) -> None:
    now = clock.micros()
    said = {
        "pid": os.getpid(),
        "started_at": started,
        "at": now,
        "ended_at": now if ended else None,
        "loops": {loop.name: asdict(loop.pulse) for loop in loops},
        "process": measure.process(),
        "slow_queries": measure.counted("slow_queries"),
        **work.facts(),
    }
    _write_note(home, said)


def _write_note(home: Home, said: Mapping[str, Any]) -> None:
    path = home.path("runs", STATUS_FILE)
    draft = path.with_suffix(".new")
    try:
        draft.write_text(json.dumps(said))
        draft.replace(path)
    except OSError as error:  # a full disk must not end the loops: they say so themselves
        log("worker").error("status_not_written", error=type(error).__name__)


def last_note(home: Home) -> dict[str, Any] | None:
    """Return what the worker last said of itself, None if it never ran."""
    try:
        said = json.loads(home.path("runs", STATUS_FILE).read_text())
    except (FileNotFoundError, ValueError):
        return None
    return said if isinstance(said, dict) else None


def once(work: Work) -> dict[str, int]:
    """Do everything that waits, then the jobs that are due, then what those left; return rows, events and jobs done."""
    rows, events = _drain(work)
    jobs = len(work.jobs.run_due())
    more_rows, more_events = _drain(work)
    return {"rows": rows + more_rows, "events": events + more_events, "jobs": jobs}


def _drain(work: Work) -> tuple[int, int]:
    rows = events = 0
    busy = True
    while busy:
        busy = work.alone()
        while taken := work.digest_large():
            rows, busy = rows + taken, True
            work.seal_large()  # the tail stays as short as it is beside a running door
        busy = work.seal() or busy
        while delivered := work.bus.deliver():
            events, busy = events + delivered, True
    return rows, events
