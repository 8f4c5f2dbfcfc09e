"""A MariaDB server of the tests' own: in a folder of its own, on a socket only, gone with the process that started it."""

from __future__ import annotations

import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.patience import PATIENCE
from tests.postgres import _die_with_parent

_NAMES = itertools.count(1)


def there() -> bool:
    """Say whether a server can be made: its programs and the driver."""
    try:
        import pymysql  # noqa: F401
    except ImportError:
        return False
    return shutil.which("mariadbd") is not None and shutil.which("mariadb-install-db") is not None


class Server:
    """One server, with a user `root` who needs no password."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="zd-mariadb-", dir="/tmp"))
        self._user = self._other_user()
        if self._user is not None:
            os.chown(self.folder, self._user.pw_uid, self._user.pw_gid)
        made = subprocess.run(
            ["mariadb-install-db", "--no-defaults", f"--datadir={self.folder}/data", "--skip-test-db",
             "--auth-root-authentication-method=normal", *self._as_user()],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert made.returncode == 0, made.stdout + made.stderr
        self.socket = self.folder / "socket"
        self._log = (self.folder / "log").open("wb")
        self._process = subprocess.Popen(
            ["mariadbd", "--no-defaults", f"--datadir={self.folder}/data", f"--socket={self.socket}", "--skip-networking",
             f"--pid-file={self.folder}/pid", "--innodb-flush-log-at-trx-commit=0", "--innodb-buffer-pool-size=32M",
             "--character-set-server=utf8mb4", *self._as_user()],
            stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log, start_new_session=True, preexec_fn=_die_with_parent,
        )  # fmt: skip
        deadline = time.monotonic() + PATIENCE
        while not self._answers():
            assert self._process.poll() is None, (self.folder / "log").read_text()
            assert time.monotonic() < deadline, "the server does not answer"
            time.sleep(0.05)

    @staticmethod
    def _other_user() -> pwd.struct_passwd | None:
        if os.getuid() != 0:
            return None
        try:
            return pwd.getpwnam("mysql")
        except KeyError:
            return None

    def _as_user(self) -> list[str]:
        if os.getuid() != 0:
            return []
        return [f"--user={self._user.pw_name if self._user else 'root'}"]

    def _answers(self) -> bool:
        import pymysql

        try:
            pymysql.connect(unix_socket=str(self.socket), user="root").close()
        except pymysql.OperationalError:
            return False
        return True

    def new_database(self) -> str:
        """Make a database; return its name."""
        name = f"zd{next(_NAMES)}"
        self.say(f"create database {name}")
        return name

    def url(self, database: str, user: str = "root") -> str:
        """Return the URL of one of its databases."""
        return f"mysql://{user}@/{database}?unix_socket={self.socket}"

    def say(self, sql: str, database: str | None = None) -> Sequence[tuple[object, ...]]:
        """Run one statement; return its rows."""
        import pymysql

        connection = pymysql.connect(
            unix_socket=str(self.socket), user="root", database=database, autocommit=True, charset="utf8mb4"
        )
        try:
            with connection.cursor() as cursor:
                cursor.execute(sql)
                return cursor.fetchall()
        finally:
            connection.close()

    def remove(self) -> None:
        """Kill it and remove its files."""
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()
        self._log.close()
        shutil.rmtree(self.folder, ignore_errors=True)
