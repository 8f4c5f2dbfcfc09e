"""A PostgreSQL server of the tests' own: made in a temporary folder, reached by its socket, gone with the tests."""

from __future__ import annotations

import ctypes
import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import make_url

from tests.patience import PATIENCE
from zerodistance.kernel import home as homes
from zerodistance.kernel.home import Home
from zerodistance.kernel.settings import FILE_NAME, Settings
from zerodistance.kernel.state import State

ROLE = "zd"
_PR_SET_PDEATHSIG = 1
_NAMES = itertools.count(1)


def binaries() -> Path | None:
    """Return the folder of `initdb` and `postgres`, the newest version first, or None."""
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    folders = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    return max((path.parent for path in folders), key=lambda path: float(path.parent.name), default=None)


def there() -> bool:
    """Say whether a server can be made: its programs, the driver, and somebody who is not root to run it."""
    try:
        import psycopg  # noqa: F401
    except ImportError:
        return False
    return binaries() is not None and (os.getuid() != 0 or _other_user() is not None)


def _other_user() -> pwd.struct_passwd | None:
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    return None


class Server:
    """One server.

    Parameters
    ----------
    durable
        Whether it forces commits to disk. Only where it is killed: it takes time.
    settings
        Settings of the server that differ from what tests want.
    """

    def __init__(self, *, durable: bool = False, settings: Mapping[str, str] | None = None) -> None:
        found = binaries()
        assert found is not None
        self._bin, self._durable, self._settings = found, durable, dict(settings or {})
        self.folder = Path(tempfile.mkdtemp(prefix="zd-postgres-", dir="/tmp"))
        self._user = _other_user() if os.getuid() == 0 else None
        if self._user is not None:
            os.chown(self.folder, self._user.pw_uid, self._user.pw_gid)
        made = [
            "--auth=trust",
            f"--username={ROLE}",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            "--no-sync",
            "--data-checksums",
        ]
        self._run("initdb", *made, "--no-instructions", "--pgdata", str(self.folder / "data"))
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        """Start it and wait until it answers."""
        on = "on" if self._durable else "off"
        settings = {
            "listen_addresses": "", "unix_socket_directories": str(self.folder), "fsync": on, "full_page_writes": on,
            "max_connections": "200", "shared_buffers": "64MB", "autovacuum_naptime": "60", "wal_level": "minimal",
            "max_wal_senders": "0", "log_min_messages": "panic", "log_min_error_statement": "panic",
            **self._settings,
        }  # fmt: skip
        given = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._bin / "postgres", "-D", self.folder / "data", *given],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder, start_new_session=True,
                preexec_fn=_die_with_parent, **self._as_user(),
            )  # fmt: skip
        deadline = time.monotonic() + PATIENCE
        while not self.answers():
            assert self._process.poll() is None, (self.folder / "log").read_text()
            assert time.monotonic() < deadline, "the server does not answer"
            time.sleep(0.02)
        self._copies = int(str(self.say("show server_version_num")[0][0])) >= 150_000  # a quarter less time

    def answers(self) -> bool:
        """Say whether it takes connections."""
        import psycopg

        try:
            psycopg.connect(self.url("postgres"), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def stop(self) -> None:
        """End it in order: whoever is connected is sent away."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """Kill it, and wait until nothing of it is left."""
        self._end(signal.SIGKILL)

    def _end(self, number: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(number)
        process.wait()
        while _at_work_in(self.folder / "data"):  # those it has started notice within moments that it is gone
            time.sleep(0.005)

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Let it stand still, as on a machine that hangs, while the block runs."""
        everybody = _at_work_in(self.folder / "data")
        for pid in everybody:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in everybody:
                os.kill(pid, signal.SIGCONT)

    def pids(self) -> list[int]:
        """Return its processes."""
        return _at_work_in(self.folder / "data")

    def remove(self) -> None:
        """Kill it and remove its files."""
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def url(self, database: str) -> str:
        """Return the URL of one of its databases."""
        return f"postgresql://{ROLE}@/{database}?host={self.folder}"

    def new_database(self, template: str = "template0") -> str:
        """Make a database; return its URL."""
        name = f"zd{next(_NAMES)}_{os.getpid()}"
        way = "strategy file_copy" if self._copies else ""
        self.say(f'create database "{name}" template "{template}" {way}')
        return self.url(name)

    def say(self, sql: str, database: str = "postgres") -> list[tuple[object, ...]]:
        """Run one statement outside of a transaction; return its rows."""
        import psycopg

        with psycopg.connect(self.url(database), autocommit=True) as connection:
            cursor = connection.execute(sql.encode())
            return cursor.fetchall() if cursor.description else []

    def _run(self, program: str, *words: str) -> None:
        done = subprocess.run(
            [self._bin / program, *words],
            capture_output=True,
            text=True,
            cwd=self.folder,
            check=False,
            **self._as_user(),
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def _as_user(self) -> dict[str, object]:
        if self._user is None:
            return {}
        return {"user": self._user.pw_uid, "group": self._user.pw_gid, "extra_groups": []}


def _at_work_in(folder: Path) -> list[int]:
    """Return the processes that work in a folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "cwd").readlink() == folder:
                found.append(int(process.name))
        except OSError:  # it has ended meanwhile, or is none of ours
            continue
    return found


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGQUIT)


_KEPT = 24  # databases of homes that nobody has open any more


class Homes:
    """Lets every home that the tests make have its state on one server: each a database of its own, a copy of one with all tables."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self._template = make_url(server.new_database()).database or ""
        state = State(Path("unused"), server.url(self._template))
        state.upgrade()
        state.close()
        self._made: list[str] = []
        self._of: dict[Path, str] = {}

    def new(self, template: str = "") -> str:
        """Return the URL of a new database with all tables, or of a copy of one."""
        if template in self._made:
            self._made.remove(template)
        url = self.server.new_database(template or self._template)
        self._made.append(make_url(url).database or "")
        if len(self._made) >= 2 * _KEPT:
            self._remove_old()
        return url

    def _remove_old(self) -> None:
        used = {
            row[0]
            for row in self.server.say("select datname from pg_stat_activity where datname is not null")
        }
        for name in [name for name in self._made[:-_KEPT] if name not in used]:
            self.server.say(f'drop database "{name}"')
            self._made.remove(name)

    def take_over(self) -> None:
        """Let `create_home` and `open_home` use the server from now on; child processes read it in the home's settings."""
        create, open_ = homes.create_home, homes.open_home

        def create_home(settings: Settings) -> Home:
            root = settings.home.resolve()
            if not settings.state_url and not (root / "key").exists():
                root.mkdir(parents=True, exist_ok=True)
                self._give(root, self.new())
            return create(self._with(settings))

        def open_home(settings: Settings, **given: Any) -> Home:
            return open_(self._with(settings), **given)

        homes.create_home, homes.open_home = create_home, open_home

    def _give(self, root: Path, url: str) -> None:
        self._of[root] = url
        file = root / FILE_NAME
        rest = (
            [line for line in file.read_text().splitlines() if "state_url" not in line]
            if file.exists()
            else []
        )
        file.write_text("\n".join([f'state_url = "{url}"', *rest, ""]))

    def _with(self, settings: Settings) -> Settings:
        root = settings.home.resolve()
        if root not in self._of and settings.state_url in self._of.values():  # a copy of another home
            self._give(root, self.new(make_url(settings.state_url).database or ""))
        url = self._of.get(root)
        return settings if url is None else settings.model_copy(update={"state_url": url})


def stored(home: Home) -> bytes:
    """Return what the state store of a home has on disk, older pages of it among them."""
    if not home.settings.state_url:
        return b"".join(path.read_bytes() for path in sorted(home.root.glob("state.db*")))
    where = make_url(home.settings.state_url)
    with home.state.engine.connect() as connection:
        connection.exec_driver_sql("analyze")  # what the server knows of the values is on disk too
        connection.exec_driver_sql("checkpoint")
        number = connection.exec_driver_sql(
            "select oid from pg_database where datname = current_database()"
        ).scalar()
    folder = Path(str(where.query["host"])) / "data" / "base" / str(number)
    return b"".join(path.read_bytes() for path in sorted(folder.iterdir()))
