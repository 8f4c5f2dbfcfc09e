"""What happens to backups by itself: made when they are due, removed when their day has come, told who was forgotten."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from zerodistance.doors import parts as handed
from zerodistance.doors.backups import making
from zerodistance.kernel import backups, clock
from zerodistance.kernel.access import Who
from zerodistance.kernel.errors import ZeroDistanceError
from zerodistance.kernel.home import DAMAGED, Home
from zerodistance.kernel.jobs import Job
from zerodistance.kernel.locks import sole
from zerodistance.kernel.logs import log
from zerodistance.kernel.manifest import BackupRunning, NoBackups
from zerodistance.kernel.repository import Repository
from zerodistance.kernel.text import Text
from zerodistance.migrations import BEFORE

WHO = Who.system("backups")


def keep(home: Home) -> None:
    """Remove what has expired from every folder that is known, tell it who was forgotten, and make a backup if one is due."""
    for folder in folders(home):
        _look_after(home, folder)
    _let_old_states_go(home)
    to = home.settings.backup_to
    if to is not None and _due(home, to):
        made = making.make(home, WHO, to)
        log("backup").info("made", backup=made.manifest.name, new_bytes=made.manifest.new_bytes)


def folders(home: Home) -> list[Path]:
    """Return the folders that hold backups of this home, as far as it knows."""
    with home.state.read() as tx:
        return [Path(folder) for folder in sorted({one.folder for one in backups.begun(tx)})]


def _look_after(home: Home, folder: Path) -> None:
    """Do what is due in one folder; one that is not there now, or is in use, has its turn the next time."""
    try:
        repository = Repository.at(folder)
        with sole(home.path(backups.LOCK), BackupRunning(path=home.root)), repository.locked():
            making.drop_pins(home)
            making.expire(home, repository)
            making.tombstones(home, repository)
    except (NoBackups, BackupRunning):
        return


def _due(home: Home, to: Path) -> bool:
    """Say whether the last backup into `to` that is whole was begun too long ago."""
    with home.state.read() as tx:
        whole = [b.begun_at for b in backups.begun(tx) if b.ended_at and b.folder == str(to.resolve())]
    hours = home.settings.backup_hours
    return not whole or clock.micros() - max(whole) >= hours * 3_600 * clock.MICROS_PER_SECOND


def _let_old_states_go(home: Home) -> None:
    """Remove copies of the state that were made before an upgrade and are older than a backup may be."""
    before = clock.micros() / clock.MICROS_PER_SECOND - home.settings.backup_keep_days * 86_400
    for path in home.path(BEFORE).glob("*.db"):
        if path.stat().st_mtime < before:
            path.unlink()


# -- forgetting


def forget(home: Home, subjects: Sequence[int]) -> dict[str, int]:
    """Remove the copies inside the home that may hold anybody, whoever is meant.

    These are links of an interrupted backup, states of before an upgrade and what `doctor` moved aside. Backups outside expire; the
    certificate names the day.
    """
    removed = 0
    for folder in (BEFORE, DAMAGED):
        removed += sum(1 for path in home.path(folder).rglob("*") if path.is_file())
        shutil.rmtree(home.path(folder), ignore_errors=True)
    try:
        with sole(home.path(backups.LOCK), BackupRunning(path=home.root)):
            making.drop_pins(home)
    except BackupRunning:  # its links go when it ends; it stands in the table, and so on the certificate
        pass
    return {"copies": removed}


def after_forgetting(home: Home) -> None:
    """Tell the folders that can be reached who was forgotten; those that can't are told by the job."""
    for folder in folders(home):
        try:
            repository = Repository.at(folder)
            with repository.locked():
                repository.keep_tombstones(handed.parts().tombstones(home))
        except (ZeroDistanceError, OSError) as error:
            log("backup").warning("folder_not_told", error=type(error).__name__)


JOBS = (
    Job(
        "backups.keep",
        timedelta(minutes=5),
        keep,
        Text(
            "备份到期就做，过期就删（设置 backup_to）",
            "make the backup that is due, remove those that have expired (setting backup_to)",
        ),
    ),
)
