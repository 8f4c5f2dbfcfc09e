"""Receiving a file from a browser or a program: sealed as it comes, bounded, looked at, kept as a draft."""

from __future__ import annotations

import re
import shutil
import unicodedata
from typing import BinaryIO

from zerodistance.core.touchpoints import drafts, staging
from zerodistance.core.touchpoints.filetypes import EmptyFile, NotATable, refuse_others
from zerodistance.core.touchpoints.sniff import Guess, sniff
from zerodistance.kernel.access import Permission, Who
from zerodistance.kernel.errors import ZeroDistanceError
from zerodistance.kernel.home import Home
from zerodistance.kernel.logs import log
from zerodistance.kernel.text import Text

MOST = 20  # own value: uploads of one account at a time
_NAME = 200


class UploadTooLarge(ZeroDistanceError):
    """A file is larger than the settings allow."""

    code, status = "upload_too_large", 413
    text = Text(
        "文件超过 {limit} 字节（设置 max_import_bytes）；拆成几个文件，或先压缩",
        "the file is over {limit} bytes (setting max_import_bytes); split it, or compress it first",
    )


class NoRoom(ZeroDistanceError):
    """The disk has no room for a file."""

    code, status = "no_room", 507
    text = Text(
        "磁盘放不下这个文件：要给采集留出 {least} 字节（设置 min_free_bytes）；先腾出空间",
        "there is no room for the file: {least} bytes of the disk are kept for collection (setting min_free_bytes); make room first",
    )


class TooManyDrafts(ZeroDistanceError):
    """An account has uploaded very many files without importing them."""

    code, status = "too_many_drafts", 409
    text = Text(
        "还有 {most} 个上传的文件没有导入；先导入或丢弃几个",
        "{most} uploaded files wait for their import; import or drop some of them first",
    )


class Receiver:
    """Takes an upload in, piece by piece; `finish` makes a draft of it, `drop` leaves nothing behind.

    Parameters
    ----------
    name
        What the file was called; its folder is left out.

    Raises
    ------
    Forbidden
        The account may not import.
    TooManyDrafts, NoRoom
        Nothing is taken.
    """

    def __init__(self, home: Home, who: Who, name: str) -> None:
        who.need(Permission.IMPORT)
        self._home, self._who, self._name = home, who, shown_name(name)
        if drafts.count(home, who) >= MOST:
            raise TooManyDrafts(most=MOST)
        self._room(0)
        self._made = staging.Stager(home)

    def _room(self, more: int) -> None:
        least = self._home.settings.min_free_bytes
        if shutil.disk_usage(self._home.root).free - more < least:
            raise NoRoom(least=f"{least:,}")

    def write(self, data: bytes) -> None:
        """Take the next bytes.

        Raises
        ------
        UploadTooLarge, NoRoom
            It is too much.
        """
        limit = self._home.settings.max_import_bytes
        if self._made.size + len(data) > limit:
            raise UploadTooLarge(limit=f"{limit:,}")
        self._room(len(data))
        self._made.write(data)

    def finish(self) -> drafts.Draft:
        """Look at the file and keep it with a mapping: that of the newest import with the same columns, else a guessed one.

        Raises
        ------
        EmptyFile, NotATable, FileLocked, PackingWrong, MappingWrong, WorkbookBroken
            It holds no rows that can be read.
        """
        digest = self._made.finish()
        with staging.opened(self._home, self._made.path) as file:
            guess = look_at(file, self._name)
        return drafts.keep(self._home, self._who, self._made, digest, self._name, guess)

    def drop(self) -> None:
        """Leave nothing behind; after `finish` nothing happens."""
        self._made.drop()


def shown_name(given: str) -> str:
    r"""Return a file's name as it is kept: without its folder and without signs that do something.

    Examples
    --------
    >>> shown_name("C:\\exports\\订单\x00.csv"), shown_name("")
    ('订单.csv', 'upload')
    """
    last = re.split(r"[/\\]", given)[-1]
    kept = "".join(c for c in last if unicodedata.category(c)[0] not in "C").strip()
    return kept[-_NAME:] or "upload"


def look_at(file: BinaryIO, name: str) -> Guess:
    """Guess how a file is written; what is no table is refused with what it is.

    Raises
    ------
    EmptyFile, NotATable, FileLocked, PackingWrong, MappingWrong, WorkbookBroken
        It holds no rows that can be read.
    """
    refuse_others(file)
    try:
        guess = sniff(file, name)
    except ZeroDistanceError:
        raise
    except Exception as error:  # what else a damaged file does to a reader
        log("imports").warning("unreadable_upload", error=type(error).__name__)
        what = Text(f"损坏的文件（{type(error).__name__}）", f"a damaged file ({type(error).__name__})")
        raise NotATable(what=what, allowed="CSV, NDJSON, JSON, XLSX, Parquet") from None
    if not guess.columns or (guess.rows == 0 and not guess.total):
        raise EmptyFile()
    return guess
