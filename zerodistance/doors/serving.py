"""`serve`: the door in this process, the worker in another one that is started again whenever it dies; `door`: one more door."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

import uvicorn

from zerodistance.doors.corked import CorkedProtocol
from zerodistance.doors.operations.watch import Watch
from zerodistance.kernel import emptying, measure, notify, priority, slow, spans
from zerodistance.kernel.errors import WorkerRunning, ZeroDistanceError
from zerodistance.kernel.home import Home
from zerodistance.kernel.locks import door_lock, worker_pid
from zerodistance.kernel.logs import log
from zerodistance.kernel.settings import SECRET
from zerodistance.kernel.text import Text

BACKLOG = 2_048
LOOK_SECONDS = 0.25  # own value: pause between two looks whether the home is to be emptied
STOP_SECONDS = 60.0  # own value: how long the worker may take for the step under way
REQUEST_SECONDS = 5  # own value: how long requests under way may take when the door closes
RESTART_FIRST, RESTART_MOST, HEALTHY_SECONDS = 0.5, 30.0, 60.0  # own values
SWITCH_SECONDS = (
    0.0005  # own value: a thread that reads bodies gives the interpreter back soon enough for an answer
)


class PortTaken(ZeroDistanceError):
    """Another program listens where the door wants to."""

    code, status = "port_taken", 500
    text = Text(
        "{host}:{port} 已被别的程序占用；用 --port 换一个端口，--port 0 任取空闲端口",
        "another program listens on {host}:{port}; name another port with --port, or --port 0 for any free one",
    )


class NoSuchAddress(ZeroDistanceError):
    """The door can't listen on the address."""

    code, status = "no_such_address", 500
    text = Text(
        "不能监听 {host}:{port}：{why}；用 --host 换一个地址",
        "can't listen on {host}:{port}: {why}; name another with --host",
    )


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket.

    Raises
    ------
    PortTaken, NoSuchAddress
        Somebody else has the port, or the address is not one of this machine.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        opened = socket.socket(family, kind, protocol)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.bind(address)
        opened.listen(BACKLOG)
        return opened
    except OSError as error:
        if error.errno == 98:  # EADDRINUSE
            raise PortTaken(host=host, port=port) from None
        raise NoSuchAddress(host=host, port=port, why=error.strerror or error) from None


class Supervisor:
    """Keeps one worker process alive; the worker ends by itself when the pipe to it breaks.

    Parameters
    ----------
    arguments
        Global flags for the child, as on the command line.
    secrets
        Variables for the child's environment: what no command line may show.
    ending
        Says that this process is about to end: a signal to the whole group reaches the worker too.
    """

    def __init__(
        self, arguments: Sequence[str], ending: Callable[[], bool], secrets: Mapping[str, str] | None = None
    ) -> None:
        self._ending = ending
        self._environment = {**os.environ, **(secrets or {})}
        self._command = [sys.executable, "-m", "zerodistance", *arguments, "worker"]
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="supervisor")
        self._child: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()

    def start(self) -> None:
        """Start the worker."""
        self._thread.start()

    def stop(self) -> None:
        """Tell the worker to finish its step and end; wait for it."""
        with self._lock:
            self._stop.set()
            child = self._child
        if child is not None:
            _tell_to_stop(child)
            try:
                child.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                log("serve").error("worker_killed", pid=child.pid, seconds=STOP_SECONDS)
                child.kill()
        self._thread.join()

    def _keep(self) -> None:
        pause = RESTART_FIRST
        while True:
            with self._lock:
                if self._stop.is_set():
                    return
                self._child = child = subprocess.Popen(
                    self._command, stdin=subprocess.PIPE, env=self._environment
                )
            started = time.monotonic()
            code = child.wait()
            if self._stop.is_set() or self._ending():
                return
            pause = (
                RESTART_FIRST
                if time.monotonic() - started > HEALTHY_SECONDS
                else min(RESTART_MOST, pause * 2)
            )
            measure.count("worker_restarts")
            log("serve").error("worker_died", pid=child.pid, code=code, again_in=pause)
            self._stop.wait(pause)


def _tell_to_stop(child: subprocess.Popen[bytes]) -> None:
    if child.stdin is not None:
        child.stdin.close()
    child.terminate()


class _Server(uvicorn.Server):
    """Says when it is up; ends by itself when the home is to be emptied: then it `makes_way`."""

    def __init__(self, config: uvicorn.Config, home: Home, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._home, self._ready = home, ready
        self.makes_way = False

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        gc.collect()
        gc.freeze()  # what is loaded by now stays: looking through it again and again stopped every answer for 30 ms
        self._ready()
        notify.tell("READY=1")
        self._alive = asyncio.create_task(_say_alive())
        self._looking = asyncio.create_task(self._look())

    async def _look(self) -> None:
        while not emptying.asked(self._home.root):
            await asyncio.sleep(LOOK_SECONDS)
        self.makes_way = not self.should_exit
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        notify.tell("STOPPING=1")
        await super().shutdown(sockets)


async def _say_alive() -> None:
    """Tell systemd's watchdog that the event loop turns; a door that answers nobody is started afresh."""
    seconds = notify.watchdog_seconds()
    while seconds is not None:
        notify.tell("WATCHDOG=1")
        await asyncio.sleep(seconds)


def serve(
    home: Home, door: Callable[[Home], Any], flags: Mapping[str, Any], ready: Callable[[str], None]
) -> int | None:
    """Serve until a signal comes, with the worker; `ready` hears the address once both are up.

    Returns
    -------
    int or None
        The exit code; None: it made way, since the home is to be emptied.

    Raises
    ------
    PortTaken, NoSuchAddress, WorkerRunning, StateMoving
        Nothing was started.
    """
    holder = worker_pid(home.lock_path)
    if holder is not None:
        raise WorkerRunning(pid=holder, path=home.root)
    return _open(home, door, ready, flags)


def another(home: Home, door: Callable[[Home], Any], ready: Callable[[str], None]) -> int | None:
    """Open one more door on a home, without a worker, until a signal comes; returns what `serve` does.

    Raises
    ------
    PortTaken, NoSuchAddress, StateMoving
        Nothing was started.
    """
    return _open(home, door, ready, None)


def _open(
    home: Home,
    door: Callable[[Home], Any],
    ready: Callable[[str], None],
    worker: Mapping[str, Any] | None,
) -> int | None:
    """Open a door; `worker` are the global flags of the worker that goes with it, None without one."""
    with door_lock(home.doors_path):
        spans.begin(home.settings, home.seal, "door")
        slow.keep(home.path("runs"), "door")
        opened = listen(home.settings.host, home.settings.port)
        host, port = opened.getsockname()[:2]
        address = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
        config = uvicorn.Config(
            door(home),
            loop="uvloop",
            http=CorkedProtocol,
            ws="none",
            lifespan="on",
            access_log=False,
            log_config=None,
            server_header=False,
            backlog=BACKLOG,
            timeout_graceful_shutdown=REQUEST_SECONDS,
        )
        server = _Server(config, home, lambda: ready(address))
        for number in (signal.SIGTERM, signal.SIGINT):  # before and after uvicorn's own handlers
            signal.signal(number, lambda *_: setattr(server, "should_exit", True))
        supervisor = watch = None
        if worker is not None:
            watch = Watch(home)
            supervisor = Supervisor(as_arguments(worker), lambda: server.should_exit, as_environment(worker))
            supervisor.start()
        priority.answer_quickly()
        sys.setswitchinterval(SWITCH_SECONDS)
        if watch is not None:
            watch.start()
        try:
            server.run(sockets=[opened])
        finally:
            if watch is not None:
                watch.stop()
            if supervisor is not None:
                supervisor.stop()
            opened.close()
            spans.end()
            gc.unfreeze()  # so that the interpreter can end tidily
        return None if server.makes_way else 0 if server.started else 1


def anew(flags: Mapping[str, Any], address: str, word: str) -> NoReturn:
    """Become `zerodistance serve`, or `door`, at the same address: nothing of what this process has in memory is true any more."""
    host, _, port = address.removeprefix("http://").rpartition(":")
    words = as_arguments({**flags, "host": host.strip("[]"), "port": port})
    sys.stdout.flush()
    os.execve(
        sys.executable,
        [sys.executable, "-m", "zerodistance", *words, word],
        {**os.environ, **as_environment(flags)},
    )


def as_arguments(flags: Mapping[str, Any]) -> list[str]:
    """Return global flags as words of a command line.

    Examples
    --------
    >>> as_arguments({"home": "x", "seal_seconds": "3"})
    ['--home=x', '--set=seal_seconds=3']
    """
    own = ("home", "lang", "host", "port")
    return [f"--{k}={v}" if k in own else f"--set={k}={v}" for k, v in flags.items() if k not in SECRET]


def as_environment(flags: Mapping[str, Any]) -> dict[str, str]:
    """Return those global flags that may hold a password as variables of the environment.

    Examples
    --------
    >>> as_environment({"home": "x", "state_url": "postgresql://zd:secret@db/zd"})
    {'ZERODISTANCE_STATE_URL': 'postgresql://zd:secret@db/zd'}
    """
    return {f"ZERODISTANCE_{k.upper()}": str(v) for k, v in flags.items() if k in SECRET}
