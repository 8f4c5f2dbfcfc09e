"""A Postfix of the tests' own: a whole mail server on a free port of this machine, in a folder of its own, with a Maildir for each mailbox."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from tests.patience import PATIENCE, until

_POSTFIX = Path("/usr/sbin/postfix")
_DAEMONS = Path("/usr/lib/postfix/sbin")
_NUMBER = re.compile(rb"\(Postfix\)[^)]{0,200}? id ([0-9A-Za-z]+)\b", re.DOTALL)
"""Under which number the server has kept what it took over."""
BRAND, PEOPLE, AWAY = "brand.example", "people.example", "bounces.example"
"""Domains: ours, where bounces come back; one whose mailboxes are delivered; one whose mails are taken, and bounce later."""

_MAIN = """\
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
command_directory = /usr/sbin
daemon_directory = {daemons}
mail_owner = postfix
setgid_group = postdrop
maillog_file = {folder}/log
maillog_file_prefixes = {folder}
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = mail.test
mydestination =
mynetworks = 127.0.0.0/8
smtpd_recipient_restrictions = reject_unlisted_recipient, permit_mynetworks, reject
smtpd_client_connection_count_limit = 0
recipient_delimiter = +
virtual_mailbox_domains = {brand}, {people}
virtual_mailbox_base = {folder}/mail
virtual_mailbox_maps = inline:{{ {mailboxes} }}
virtual_minimum_uid = 1
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
transport_maps = inline:{{ {{ {away} = relay:[127.0.0.1]:{other} }} }}
relay_domains = {away}
alias_maps =
alias_database =
biff = no
enable_long_queue_ids = yes
"""
"""Long numbers are never given twice; of 30,000 mails a dozen have a short one that another had before."""
_MASTER = """\
127.0.0.1:{port} inet n - n - - smtpd
127.0.0.1:{other} inet n - n - - smtpd
  -o myhostname=away.test
  -o {{ smtpd_recipient_restrictions = check_recipient_access static:{{550 5.1.1 nobody has this mailbox}}, reject }}
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
"""


def there() -> bool:
    """Say whether a server can be made: its programs, and the right to start them."""
    return _POSTFIX.exists() and _DAEMONS.exists() and os.geteuid() == 0


def _is_ready(path: Path) -> bool:
    with suppress(FileNotFoundError):  # it has gone on meanwhile
        mode = path.stat().st_mode
        return stat.S_ISREG(mode) and bool(mode & stat.S_IXUSR)
    return False


class Server:
    """One server, running. `bounces@brand.example` and the mailboxes given are delivered; every other address of these domains does not exist."""

    def __init__(self, *mailboxes: str) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="zd-postfix-", dir="/tmp"))
        self.folder.chmod(0o755)
        owner = subprocess.run(
            ["id", "-u", "postfix"], capture_output=True, text=True, check=True
        ).stdout.strip()
        group = subprocess.run(
            ["id", "-g", "postfix"], capture_output=True, text=True, check=True
        ).stdout.strip()
        for name, mode in (("queue", 0o755), ("data", 0o700), ("mail", 0o700)):
            (self.folder / name).mkdir(mode=mode)
        for name in ("data", "mail"):
            os.chown(self.folder / name, int(owner), int(group))
        every = [f"bounces@{BRAND}", *(f"{name}@{PEOPLE}" for name in mailboxes)]
        with socket.socket() as probe, socket.socket() as other:
            probe.bind(("127.0.0.1", 0))
            other.bind(("127.0.0.1", 0))
            self.port, refusing = int(probe.getsockname()[1]), int(other.getsockname()[1])
        listed = ", ".join(f"{{ {name} = {name.partition('@')[0]}/ }}" for name in every)
        main = _MAIN.format(
            folder=self.folder,
            daemons=_DAEMONS,
            brand=BRAND,
            people=PEOPLE,
            away=AWAY,
            mailboxes=listed,
            uid=owner,
            gid=group,
            other=refusing,
        )
        (self.folder / "main.cf").write_text(main)
        (self.folder / "master.cf").write_text(_MASTER.format(port=self.port, other=refusing))
        self.start()

    @property
    def bounces(self) -> Path:
        """The Maildir that bounces come back to."""
        return self.folder / "mail" / "bounces"

    def mails(self, mailbox: str) -> list[bytes]:
        """Return what was handed over to a mailbox, each once.

        A server that is killed while it delivers does so again when it comes back: of what it took over once, and kept under one number, one is returned.
        """
        folder = self.folder / "mail" / mailbox / "new"
        found = [path.read_bytes() for path in sorted(folder.glob("*"))] if folder.is_dir() else []
        by_number = {number[1]: mail for mail in found if (number := _NUMBER.search(mail))}
        return list(by_number.values())

    def start(self) -> None:
        """Start it, and wait until it answers."""
        until(
            lambda: self._said("start") == 0, "the mail server starts"
        )  # it looks over what a killed one has left
        until(self._answers, "the mail server answers")

    def stop(self) -> None:
        """Stop it: what it has taken stays in its queue."""
        self._say("stop")

    def kill(self) -> None:
        """End every process of it at once, as a power cut would."""
        with suppress(FileNotFoundError, ValueError, ProcessLookupError):
            master = int((self.folder / "queue" / "pid" / "master.pid").read_text().strip())
            os.killpg(os.getpgid(master), signal.SIGKILL)
        deadline = time.monotonic() + PATIENCE
        while self._answers():
            assert time.monotonic() < deadline, "the mail server still answers"
            time.sleep(0.02)

    def flush(self) -> None:
        """Let it try at once what waits in its queue."""
        self._say("flush")

    def waiting(self) -> int:
        """Return how many mails are in its queue; one that it was killed over is none: it was never taken over, and is not marked as ready."""
        folders = (self.folder / "queue" / name for name in ("maildrop", "incoming", "active", "deferred"))
        return sum(_is_ready(path) for folder in folders for path in folder.rglob("*"))

    def remove(self) -> None:
        """End it and remove its files."""
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _say(self, word: str) -> None:
        assert self._said(word) == 0, (self.folder / "log").read_text()

    def _said(self, word: str) -> int:
        return subprocess.run(
            [_POSTFIX, "-c", self.folder, word],
            capture_output=True,
            timeout=PATIENCE,
            check=False,
            stdin=subprocess.DEVNULL,
        ).returncode

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
                return connection.recv(4).startswith(b"220")
        except OSError:
            return False
