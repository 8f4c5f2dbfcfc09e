"""An OpenSSH server of the tests' own: an ordinary process on a free port of this machine, with keys made for it."""

from __future__ import annotations

import getpass
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from tests.patience import PATIENCE
from tests.postgres import _die_with_parent

_SSHD = "/usr/sbin/sshd"


def there() -> bool:
    """Say whether a server can be made: its programs and the client library."""
    try:
        import paramiko  # noqa: F401
    except ImportError:
        return False
    return Path(_SSHD).exists() and shutil.which("ssh-keygen") is not None


class Server:
    """One server; the user of this process may log in with `key`."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="zd-sshd-", dir="/tmp"))
        self.user = getpass.getuser()
        self.key = self._keygen("user", "ed25519")
        self._keygen("host", "ed25519")
        self._keygen("other", "ed25519")
        self.host_key = " ".join((self.folder / "host.pub").read_text().split()[:2])
        self.other_key = " ".join((self.folder / "other.pub").read_text().split()[:2])
        shutil.copy(self.folder / "user.pub", self.folder / "authorized")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        settings = (
            f"Port {self.port}", "ListenAddress 127.0.0.1", f"HostKey {self.folder}/host",
            f"AuthorizedKeysFile {self.folder}/authorized", f"PidFile {self.folder}/pid", "StrictModes no", "UsePAM no",
            "PasswordAuthentication no", "KbdInteractiveAuthentication no", "PermitRootLogin prohibit-password",
            "Subsystem sftp internal-sftp", "MaxStartups 100",
        )  # fmt: skip
        (self.folder / "config").write_text("\n".join(settings) + "\n")
        if self.user == "root":
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # where it goes without rights
        self._log = (self.folder / "log").open("wb")
        self._process = subprocess.Popen(
            [_SSHD, "-D", "-e", "-f", self.folder / "config"],
            stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log, start_new_session=True,
            preexec_fn=_die_with_parent,
        )  # fmt: skip
        deadline = time.monotonic() + PATIENCE
        while not self._answers():
            assert self._process.poll() is None, (self.folder / "log").read_text()
            assert time.monotonic() < deadline, "the server does not answer"
            time.sleep(0.02)

    def _keygen(self, name: str, kind: str) -> str:
        path = self.folder / name
        subprocess.run(
            ["ssh-keygen", "-q", "-t", kind, "-N", "", "-C", name, "-f", str(path)],
            check=True,
            capture_output=True,
        )
        return path.read_text()

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
                return connection.recv(4).startswith(b"SSH")
        except OSError:
            return False

    def remove(self) -> None:
        """End it and remove its files."""
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()
        self._log.close()
        shutil.rmtree(self.folder, ignore_errors=True)
