"""Where bounces arrive: a Maildir or an mbox file, read again and again. What was taken is removed; what says nothing of us stays, marked as seen."""

from __future__ import annotations

import mailbox
from contextlib import suppress
from pathlib import Path

from zerodistance.core.outreach import answers
from zerodistance.core.outreach.bounces import MOST_BYTES
from zerodistance.core.outreach.channels import opening
from zerodistance.core.outreach.channels.described import Email
from zerodistance.core.outreach.contracts import ChannelName
from zerodistance.kernel import fault
from zerodistance.kernel.errors import ZeroDistanceError
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text

_AT_ONCE = 5_000  # own value: mails in one look, so that other work has its turn


class MailFolder(ZeroDistanceError):
    """The folder that bounces arrive in can't be read."""

    code, status, retry = "mail_folder", 500, True
    text = Text(
        "退信目录 {path} 读不了：{why}；检查目录和权限",
        "the folder of bounces {path} can't be read: {why}; look at it and at its permissions",
    )


def collect(home: Home) -> int:
    """Take the mails that have come back; return how many told something. Does nothing where no folder is set up.

    A mail is removed after its receipt is committed: one that is read twice counts once.

    Raises
    ------
    MailFolder
        It can't be read.
    """
    try:
        said = opening.description(home, ChannelName.EMAIL)
    except opening.NoChannel:
        return 0
    if not isinstance(said, Email) or not said.folder:
        return 0
    folder = Path(said.folder)
    try:
        return _from_file(home, folder) if folder.is_file() else _from_maildir(home, folder)
    except OSError as error:
        raise MailFolder(path=folder, why=type(error).__name__) from None


def _from_maildir(home: Home, folder: Path) -> int:
    taken = 0
    for path in sorted((folder / "new").iterdir())[:_AT_ONCE]:
        with suppress(FileNotFoundError):  # another reader was quicker
            if _told(home, path.read_bytes() if path.stat().st_size <= MOST_BYTES else b""):
                fault.point("outreach.mail.taken")
                path.unlink()
                taken += 1
            else:
                (folder / "cur").mkdir(exist_ok=True)
                path.rename(folder / "cur" / f"{path.name}:2,S")
    return taken


def _from_file(home: Home, path: Path) -> int:
    box, taken = mailbox.mbox(path, create=False), 0
    box.lock()
    try:
        for key in list(box.keys())[:_AT_ONCE]:
            flags = box.get_message(key).get_flags()
            if "R" in flags:
                continue
            if _told(home, box.get_bytes(key)):
                box.remove(key)
                taken += 1
            else:
                seen = box.get_message(key)
                seen.set_flags("RO")
                box[key] = seen
        box.flush()
    finally:
        box.unlock()
        box.close()
    return taken


def _told(home: Home, raw: bytes) -> bool:
    return answers.take_mail(home, raw).message is not None
