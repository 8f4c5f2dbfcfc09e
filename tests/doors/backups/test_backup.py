"""A backup is one instant of every store, whole or not there; a restored home holds everything that was acknowledged before."""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import zerodistance.compose as compose
from tests.doors.backups import world
from tests.doors.backups.world import IDS, ME
from tests.patience import PATIENCE
from tests.postgres import Homes
from zerodistance.connectors.feeds import api as feeds
from zerodistance.core.identity import api as identity
from zerodistance.core.touchpoints import forget, keeping, tail
from zerodistance.core.touchpoints.sealer import Sealer
from zerodistance.doors.backups import making, restoring, upkeep
from zerodistance.doors.cli import main
from zerodistance.doors.worker import once
from zerodistance.kernel import backups, clock, command, fault, locks
from zerodistance.kernel.access import Who
from zerodistance.kernel.backups import Moved
from zerodistance.kernel.errors import Forbidden, Invalid, RestoreUnfinished, WrongKey
from zerodistance.kernel.frozen import CopyDamaged, freeze_sqlite
from zerodistance.kernel.home import Home, create_home, open_home
from zerodistance.kernel.manifest import BackupDamaged, BackupRunning, NoBackups, OtherHome
from zerodistance.kernel.moving import TargetInUse
from zerodistance.kernel.repository import Repository
from zerodistance.kernel.settings import load
from zerodistance.kernel.state import State

ROOT = Path(__file__).resolve().parents[3]
POINTS = sorted(
    {
        point
        for path in (ROOT / "zerodistance").rglob("*.py")
        for point in re.findall(r'fault\.point\("((?:backup|restore)\.[a-z]+)"', path.read_text())
    }
    - {
        "backup.removed",
        "backup.swept",
        "restore.state",
    }  # met when something has expired, or a server keeps the state: tests of their own
)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A filled home, copied for each test."""
    made = create_home(load(home=tmp_path_factory.mktemp("full") / "home"))
    world.fill(made)
    made.close()
    return made.root


@pytest.fixture
def full(template: Path, tmp_path: Path) -> Iterator[Home]:
    world.hand_over()
    shutil.copytree(template, tmp_path / "home")
    opened = open_home(load(home=tmp_path / "home"))
    yield opened
    opened.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "backups"


@pytest.fixture
def there(tmp_path: Path) -> Path:
    return tmp_path / "restored"


def restored(folder: Path, there: Path, **given: Any) -> Home:
    return restoring.restore(load(home=there), ME, folder, **given).home


def test_a_restored_home_holds_every_touch_once_and_doctor_is_content(
    full: Home, folder: Path, there: Path
) -> None:
    made = making.make(full, ME, folder, with_key=True)
    assert made.manifest.mark["batch"] == 2
    assert (made.manifest.mark["journal_position"], made.manifest.mark["journal_last"]) == (2, 3)
    home = restored(folder, there)
    assert world.damage(home) == []
    assert world.ids(home) == IDS[:2] + IDS[3:5]
    assert world.digested(home) == IDS
    assert world.damage(home) == []
    assert identity.lookup(home, ME, "user_id", "wei").id == identity.lookup(full, ME, "user_id", "wei").id
    assert world.digested(full) == IDS, "the home that was backed up goes on as if nothing had been"


def test_a_backup_leaves_nothing_behind_in_the_home(full: Home, folder: Path) -> None:
    before = {path.name for path in full.root.iterdir()}
    making.make(full, ME, folder)
    assert {path.name for path in full.root.iterdir()} - before == {"backup.lock"}
    assert list((folder / "work").iterdir()) == []


def test_the_second_backup_stores_only_what_is_new(full: Home, folder: Path) -> None:
    first = making.make(full, ME, folder).manifest
    objects = {path.name: path.stat().st_ino for path in (folder / "objects").glob("*/*")}
    world.accept(full, world.bought("wei", 4))
    second = making.make(full, ME, folder).manifest
    assert 0 < second.new_bytes < first.new_bytes
    after = {path.name: path.stat().st_ino for path in (folder / "objects").glob("*/*")}
    assert objects.items() <= after.items()
    lake = {e.path for e in second.files if e.path.startswith("lake/")}
    assert lake and lake <= {e.path for e in first.files}


def test_every_backup_can_be_restored_not_only_the_newest(full: Home, folder: Path, there: Path) -> None:
    first = making.make(full, ME, folder, with_key=True).manifest
    world.accept(full, world.bought("wei", 4))
    once(compose.work(full))
    making.make(full, ME, folder, with_key=True)
    assert world.digested(restored(folder, there, at=first.name)) == IDS
    assert world.digested(restored(folder, there.with_name("newest"))) == [*IDS, "wei-4"]


def test_feeds_rest_in_a_restored_home(full: Home, folder: Path, there: Path) -> None:
    mapping = 'kind = "store.visited"\nsource = "web"\ntimes = { happened_at = "at", lag = "1 h" }'
    where = f'[folder]\npath = "{folder.parent}/drop"\nmove_to = "done"\n'
    feeds.add_feed(full, ME, f'[feed]\nkind = "folder"\nname = "visits"\n{where}[mapping]\n{mapping}')
    making.make(full, ME, folder, with_key=True)
    done = restoring.restore(load(home=there), ME, folder)
    assert (done.resting, [feed.state for feed in feeds.list_feeds(done.home, ME)]) == (1, ["paused"])
    assert feeds.get_feed(full, ME, "visits").paused_at is None


def test_only_who_may_operate_backs_up_and_restores(
    full: Home, folder: Path, there: Path, analyst: Who
) -> None:
    with pytest.raises(Forbidden):
        making.make(full, analyst, folder)
    making.make(full, ME, folder)
    with pytest.raises(Forbidden):
        restoring.restore(load(home=there), analyst, folder)


def test_a_folder_inside_the_home_or_of_another_home_is_refused(
    full: Home, folder: Path, tmp_path: Path
) -> None:
    with pytest.raises(Invalid):
        making.make(full, ME, full.path("backups"))
    making.make(full, ME, folder)
    other = create_home(load(home=tmp_path / "other"))
    with pytest.raises(OtherHome):
        making.make(other, ME, folder)
    other.close()


def test_two_backups_at_once_are_refused(full: Home, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(making, "PATIENCE", 0.1)
    repository = Repository.make(folder, full.seal.name)
    with repository.locked(), pytest.raises(BackupRunning):
        making.make(full, ME, folder)


@pytest.mark.parametrize("which", ["home", "folder"])
def test_a_backup_waits_for_the_worker_that_looks_after_older_ones(
    full: Home, folder: Path, which: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository = Repository.make(folder, full.seal.name)
    path = full.path(backups.LOCK) if which == "home" else repository.root / "lock"
    taken, waited_for = threading.Event(), threading.Event()
    pause = locks.time.sleep
    monkeypatch.setattr(locks.time, "sleep", lambda seconds: (waited_for.set(), pause(seconds)))

    def look_after() -> None:
        with locks.sole(path, BackupRunning(path=full.root)):
            taken.set()
            waited_for.wait(PATIENCE)

    worker = threading.Thread(target=look_after)
    worker.start()
    assert taken.wait(PATIENCE)
    assert making.make(full, ME, folder).manifest.name in repository.names()
    worker.join()


# -- stores that go on meanwhile


def test_what_the_sealer_moves_between_two_looks_is_looked_for_again(
    full: Home, folder: Path, there: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = []

    def seals_meanwhile(home: Home, tx: Any) -> Any:
        names = keeping._named(home, tx)
        if not looks:  # as if the append had been before the lake stood still
            full.path("tail", "000000000002.arrow").rename(full.path("tail", "moved"))
        else:
            full.path("tail", "moved").rename(full.path("tail", "000000000002.arrow"))
        looks.append(names)
        return names

    share = backups.Share(keeping.SHARE.databases, keeping.SHARE.before, seals_meanwhile, keeping.SHARE.mark)
    parts = making.handed.parts()
    monkeypatch.setattr(making.handed, "parts", lambda: _with_shares(parts, share))
    making.make(full, ME, folder, with_key=True)
    monkeypatch.undo()
    assert len(looks) == 2
    assert world.digested(restored(folder, there)) == IDS


def _with_shares(parts: Any, share: backups.Share) -> Any:
    return replace(parts, shares=lambda: [share])


def test_a_file_that_stays_away_stops_the_backup_and_leaves_the_older_ones(full: Home, folder: Path) -> None:
    making.make(full, ME, folder)
    next(full.path("tail").glob("*.arrow")).unlink()
    with pytest.raises(making.StoreRestless) as said:
        making.make(full, ME, folder)
    assert "tail/" in said.value.message("zh")
    assert len(Repository.at(folder).names()) == 1


def test_a_state_that_was_digested_further_than_the_frozen_journal_is_looked_at_again(full: Home) -> None:
    with freeze_sqlite(full.path("journal.db")) as early:
        world.accept(full, world.bought("wei", 5))
        once(compose.work(full))
        with full.state.read() as tx, pytest.raises(Moved):
            keeping.SHARE.mark(tx, {"journal.db": early})


def test_the_lake_stands_still_only_while_files_are_linked(full: Home) -> None:
    sealed = threading.Event()

    def seal() -> None:
        Sealer(full, []).step(force=True)
        sealed.set()

    with full.lake.still():
        thread = threading.Thread(target=seal)
        thread.start()
        assert not sealed.wait(0.2)
        assert world.ids(full) == IDS[:2] + IDS[3:5], "reading goes on"
    thread.join(PATIENCE)
    assert sealed.is_set()


@pytest.mark.sqlite
def test_a_damaged_state_is_not_backed_up_and_older_backups_stay(full: Home, folder: Path) -> None:
    making.make(full, ME, folder)
    full.state.close()
    break_an_index(full)
    with pytest.raises(CopyDamaged):
        making.make(full, ME, folder)
    assert len(Repository.at(folder).names()) == 1


def break_an_index(home: Home) -> None:
    """Let an index of the state hold other values than its table."""
    with closing(sqlite3.connect(home.path("state.db"))) as connection:
        connection.execute("pragma writable_schema = on")
        said = "update sqlite_master set sql = replace(sql, '(asked_at)', '(source)') where name = 'ix_quarantine_asked_at'"
        assert connection.execute(said).rowcount == 1
        connection.commit()


# -- damaged backups


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(data)


def test_a_flipped_byte_is_found_nothing_is_restored_and_the_next_backup_is_whole_again(
    full: Home, folder: Path, there: Path
) -> None:
    manifest = making.make(full, ME, folder, with_key=True).manifest
    repository = Repository.at(folder)
    entry = next(e for e in manifest.files if e.path.endswith(".parquet"))
    flip(repository.path_of(entry.objects[0]))
    with pytest.raises(BackupDamaged) as said:
        restored(folder, there)
    assert entry.path in said.value.message("en")
    assert not there.exists()
    wrong = repository.verify(manifest, lambda n: None)
    assert [(w.path, w.missing) for w in wrong] == [(entry.path, False)]
    repository.drop_damaged(wrong)
    making.make(full, ME, folder, with_key=True)
    assert repository.verify(manifest, lambda n: None) == [], (
        "the content is the same: the older backup is whole again too"
    )
    assert world.digested(restored(folder, there)) == IDS


def test_a_damaged_manifest_is_not_taken_for_a_backup(full: Home, folder: Path, there: Path) -> None:
    first = making.make(full, ME, folder, with_key=True).manifest
    second = making.make(full, ME, folder, with_key=True).manifest
    flip(folder / "backups" / f"{second.name}.json")
    repository = Repository.at(folder)
    newest = repository.last()
    assert newest is not None and newest.name == first.name
    with pytest.raises(BackupDamaged):
        restored(folder, there, at=second.name)
    assert world.digested(restored(folder, there)) == IDS
    assert repository.sweep() == 0, "nothing is removed while a manifest can't be read"


# -- where to, and with which key


def test_a_backup_is_restored_into_an_empty_folder_only(full: Home, folder: Path, there: Path) -> None:
    making.make(full, ME, folder, with_key=True)
    there.mkdir()
    (there / "notes.txt").write_text("mine")
    with pytest.raises(restoring.NotEmpty):
        restored(folder, there)
    with pytest.raises(restoring.NotEmpty):
        restored(folder, full.root)
    assert (there / "notes.txt").read_text() == "mine"


def test_a_backup_does_not_hold_the_key_unless_it_is_asked_to(
    full: Home, folder: Path, there: Path, tmp_path: Path
) -> None:
    making.make(full, ME, folder)
    assert world.files_with(folder, full.seal.path.read_bytes().strip()) == []
    with pytest.raises(restoring.NeedsKey):
        restored(folder, there)
    other = create_home(load(home=tmp_path / "other"))
    with pytest.raises(WrongKey):
        restored(folder, there, key=other.seal.path)
    other.close()
    assert not there.exists()
    home = restored(folder, there, key=full.seal.path)
    assert (there / "key").stat().st_mode & 0o777 == 0o600
    assert world.digested(home) == IDS


def test_where_there_is_no_backup_it_says_so(folder: Path, there: Path) -> None:
    with pytest.raises(NoBackups):
        restored(folder, there)


# -- the state on a server


@pytest.fixture
def served(databases: Homes, tmp_path: Path) -> Iterator[Home]:
    """A filled home whose state a server keeps, as its settings file says."""
    root = tmp_path / "served"
    root.mkdir()
    (root / "zerodistance.toml").write_text(f'state_url = "{databases.new()}"\nseal_seconds = 7\n')
    home = create_home(load(home=root))
    world.fill(home)
    yield home
    home.close()


@pytest.mark.postgres
def test_a_backup_of_a_state_on_a_server_is_restored_into_a_file(
    served: Home, folder: Path, there: Path
) -> None:
    made = making.make(served, ME, folder, with_key=True)
    assert (made.manifest.mark["journal_position"], made.manifest.mark["journal_last"]) == (2, 3)
    home = restored(folder, there)
    assert home.state.kind().startswith("SQLite")
    assert (load(home=there).state_url, load(home=there).seal_seconds) == ("", 7)
    assert world.damage(home) == []
    assert world.digested(home) == IDS
    assert world.damage(home) == []
    assert identity.lookup(home, ME, "user_id", "wei").id == identity.lookup(served, ME, "user_id", "wei").id
    assert world.digested(served) == IDS, "the home that was backed up goes on as if nothing had been"


@pytest.mark.postgres
@pytest.mark.parametrize("origin", [pytest.param("full", marks=pytest.mark.slow), "served"])
def test_a_backup_is_restored_into_an_empty_database_wherever_the_state_was(
    request: pytest.FixtureRequest, databases: Homes, folder: Path, there: Path, origin: str
) -> None:
    before, url = request.getfixturevalue(origin), databases.server.new_database()
    making.make(before, ME, folder, with_key=True)
    home = restoring.restore(load(home=there, state_url=url), ME, folder).home
    assert home.state.kind().startswith("PostgreSQL")
    assert not list(there.glob("state.db*")), "a copy that forget does not reach"
    assert load(home=there).state_url == url
    assert world.damage(home) == []
    assert world.digested(home) == IDS
    assert identity.lookup(home, ME, "user_id", "wei").id == identity.lookup(before, ME, "user_id", "wei").id
    home.close()
    again = open_home(load(home=there))
    assert world.ids(again) == IDS
    again.close()


@pytest.mark.postgres
def test_a_database_that_holds_something_is_not_restored_into(
    served: Home, folder: Path, there: Path
) -> None:
    making.make(served, ME, folder, with_key=True)
    with pytest.raises(TargetInUse):
        restoring.restore(load(home=there, state_url=served.settings.state_url), ME, folder)
    assert not there.exists()


@pytest.mark.postgres
def test_a_copy_of_a_state_on_a_server_is_of_one_instant(served: Home, tmp_path: Path) -> None:
    with served.state.frozen() as frozen:
        served.state.write_note("later", "1")
        with served.state.write() as tx:
            tx.exec_driver_sql("update source set key = 'other'")
        done = list[int]()
        assert frozen.copy(tmp_path, done.append) == ["state.db"]
    copy = State(tmp_path / "state.db")
    assert "later" not in copy.notes() and copy.notes()["key"] == served.seal.name
    with copy.read() as tx:
        assert tx.exec_driver_sql("select key from source").scalars().all() == ["web"]
    copy.close()
    assert sum(done) > 0


@pytest.mark.postgres
@pytest.mark.slow
@pytest.mark.parametrize(
    "point", ["moving.before", "moving.copied", "restore.state", "moving.said", "moving.whole"]
)
def test_a_restore_into_a_database_that_is_interrupted_is_gone_on_with(
    full: Home, databases: Homes, folder: Path, there: Path, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    making.make(full, ME, folder, with_key=True)
    settings = load(home=there, state_url=databases.server.new_database())

    def interrupted(name: str) -> None:
        if name == point:
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(fault, "point", interrupted)
        with pytest.raises(KeyboardInterrupt):
            restoring.restore(settings, ME, folder)
    with pytest.raises(RestoreUnfinished):
        open_home(settings)
    again = restoring.restore(settings, ME, folder)
    assert again.resumed and world.damage(again.home) == []
    assert world.digested(again.home) == IDS
    assert not list(there.glob("state.db*"))
    again.home.close()


# -- killed


@pytest.fixture(scope="module")
def killer() -> Iterator[Any]:
    words = [sys.executable, "-m", "tests.doors.backups.killed"]
    process = subprocess.Popen(words, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin and process.stdout

    def play(**asked: Any) -> int:
        assert process.stdin and process.stdout
        process.stdin.write(json.dumps({k: str(v) for k, v in asked.items()}) + "\n")
        process.stdin.flush()
        return int(process.stdout.readline())

    yield play
    process.stdin.close()
    process.wait()


def points(head: str, quick: set[str]) -> list[Any]:
    """Return the crash points of one verb; all but a few stand for themselves only in the long run."""
    found = [p for p in POINTS if p.startswith(head)]
    return [p if p in quick else pytest.param(p, marks=pytest.mark.slow) for p in found]


@pytest.mark.parametrize("point", points("backup.", {"backup.manifest"}))
def test_a_backup_killed_anywhere_is_whole_or_not_there_and_the_next_one_is_whole(
    full: Home, folder: Path, there: Path, killer: Any, point: str
) -> None:
    first = making.make(full, ME, folder, with_key=True).manifest
    full.path("zerodistance.toml").write_text(
        f"# {os.urandom(200_000).hex()}\n"
    )  # a file too large to be kept in a group
    world.accept(full, world.bought("wei", 4))
    once(compose.work(full))
    assert killer(do="backup", home=full.root, folder=folder, fault=point) == -9
    repository = Repository.at(folder)
    for manifest in repository.sound():
        assert repository.verify(manifest, lambda n: None) == []
    assert first.name in repository.names()
    assert making.make(full, ME, folder, with_key=True).manifest.mark["batch"] == 3
    assert not full.path(backups.PINS).exists()
    with full.state.read() as tx:
        assert all(b.ended_at or b.name in repository.names() for b in backups.begun(tx))
    assert world.digested(restored(folder, there)) == [*IDS, "wei-4"]


@pytest.mark.parametrize("point", [*points("restore.", {"restore.files"}), "restore.file:4"])
def test_a_restore_killed_anywhere_is_no_home_until_it_is_gone_on_with(
    full: Home, folder: Path, there: Path, killer: Any, point: str
) -> None:
    making.make(full, ME, folder, with_key=True)
    forget_wei(full)
    assert killer(do="restore", home=there, folder=folder, fault=point) == -9
    with pytest.raises(RestoreUnfinished):
        open_home(load(home=there))
    done = restoring.restore(load(home=there), ME, folder)
    assert done.resumed
    assert world.digested(done.home) == ["li-1", "li-2", "li-3"]
    assert world.damage(done.home) == []
    open_home(load(home=there)).close()


def test_an_interrupted_restore_is_gone_on_with_from_the_same_backup_only(
    full: Home, folder: Path, there: Path, killer: Any
) -> None:
    first = making.make(full, ME, folder, with_key=True).manifest
    making.make(full, ME, folder, with_key=True)
    killer(do="restore", home=there, folder=folder, fault="restore.files")
    with pytest.raises(restoring.NotEmpty):
        restored(folder, there, at=first.name)


# -- forgetting and expiry


def forget_wei(home: Home) -> dict[str, Any]:
    person = identity.lookup(home, ME, "user_id", "wei")
    with home.state.read() as tx:
        subjects = identity.subjects_of(tx, person.number)
    asked = forget.ask(home, ME, person.id, subjects, "asked by the person")
    once(compose.work(home))
    certificate = forget.get(home, ME, asked.id).certificate
    assert certificate is not None and forget.verify(home, certificate)
    return certificate


def test_the_certificate_names_the_day_the_last_backup_expires(full: Home, folder: Path) -> None:
    assert forget_wei(full)["backups"] == {"kept": 0, "last_expires_on": None}
    making.make(full, ME, folder, keep_days=3)
    last = making.make(full, ME, folder, keep_days=9).manifest
    world.accept(full, world.bought("wei", 7))
    once(compose.work(full))
    said = forget_wei(full)["backups"]
    assert said["kept"] == 2
    assert said["last_expires_on"] == clock.from_micros(last.expires_at).date().isoformat()


def test_who_was_forgotten_after_a_backup_is_forgotten_again_when_it_is_restored(
    full: Home, folder: Path, there: Path
) -> None:
    making.make(full, ME, folder, with_key=True)
    forget_wei(full)
    (stone,) = Repository.at(folder).tombstones().values()
    assert set(stone) == {"request", "done_at", "sealed"}
    done = restoring.restore(load(home=there), ME, folder)
    assert done.again == 1
    assert world.digested(done.home) == ["li-1", "li-2", "li-3"]
    assert world.damage(done.home) == []
    assert world.files_with(there, full.seal.token("user_id", "wei")) == []
    with pytest.raises(identity.NoSuchPerson):
        identity.lookup(done.home, ME, "user_id", "wei")


@pytest.mark.slow
def test_who_was_forgotten_before_a_backup_and_came_back_is_left_alone(
    full: Home, folder: Path, there: Path
) -> None:
    making.make(full, ME, folder, with_key=True)
    forget_wei(full)
    world.accept(full, world.bought("wei", 8))
    once(compose.work(full))
    making.make(full, ME, folder, with_key=True)
    assert world.digested(restored(folder, there)) == ["li-1", "li-2", "li-3", "wei-8"]


def test_the_job_makes_what_is_due_and_removes_what_has_expired(full: Home, folder: Path) -> None:
    full = open_home(
        full.settings.model_copy(update={"backup_to": folder, "backup_hours": 24.0, "backup_keep_days": 2})
    )
    now = clock.now()
    upkeep.keep(full)
    upkeep.keep(full)
    repository = Repository.at(folder)
    assert len(repository.names()) == 1, "the next one is due in a day"
    first = repository.names()[0]
    forget_wei(full)
    assert repository.tombstones()
    with clock.freeze(now + timedelta(hours=25)):
        upkeep.keep(full)
    assert len(repository.names()) == 2
    with clock.freeze(now + timedelta(hours=49)):
        upkeep.keep(full)
    assert first not in repository.names()
    assert repository.tombstones() == {}
    assert forget.tombstones(full) == {}, "nobody can bring the person back any more"
    secret = full.seal.token("user_id", "wei")
    assert world.files_with(folder, secret) == world.files_with(full.root, secret) == []
    needed = {o for m in repository.sound() for e in m.files for o in e.objects}
    assert {path.name for path in (folder / "objects").glob("*/*")} == needed
    full.close()


@pytest.mark.slow
def test_a_kill_while_expired_backups_are_removed_leaves_the_others_whole(
    full: Home, folder: Path, there: Path, killer: Any
) -> None:
    for point in ("backup.removed", "backup.swept"):
        old = making.make(full, ME, folder, with_key=True, keep_days=1).manifest
        expire_now(folder, old.name)
        world.accept(full, world.bought(f"somebody-{point}", 1))
        assert killer(do="backup", home=full.root, folder=folder, fault=point) == -9
        repository = Repository.at(folder)
        assert old.name not in repository.names()
        assert {len(repository.verify(m, lambda n: None)) for m in repository.sound()} == {0}
    assert len(world.digested(restored(folder, there))) == len(IDS) + 2


def expire_now(folder: Path, name: str) -> None:
    repository = Repository.at(folder)
    repository.write(replace(repository.manifest(name), expires_at=1))


def test_a_backup_that_is_interrupted_counts_on_the_certificate_until_it_is_swept(
    full: Home, folder: Path, killer: Any
) -> None:
    making.make(full, ME, folder)
    killer(do="backup", home=full.root, folder=folder, fault="backup.copied")
    assert full.path(backups.PINS).exists()
    assert forget_wei(full)["backups"]["kept"] == 2
    assert not full.path(backups.PINS).exists(), "no link inside the home keeps what was forgotten"


def test_links_are_of_no_other_file(full: Home, folder: Path) -> None:
    before = {p: os.stat(p).st_nlink for p in full.path("lake").rglob("*.parquet")}
    making.make(full, ME, folder)
    assert {p: os.stat(p).st_nlink for p in before} == before
    assert tail.TABLE in full.lake.tables()


# -- the command line


def test_the_command_line_backs_up_lists_verifies_and_restores(
    full: Home, folder: Path, there: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "300")

    def line(*words: str, home: Path = full.root, lang: str = "en") -> tuple[int, str, str]:
        code = main(compose.PARTS, [f"--home={home}", f"--lang={lang}", *words])
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    code, out, err = line("backup", "--to", str(folder))
    assert (code, "of it new" in out) == (0, True)
    assert "without it the sealed personal data are lost" in err.lower() and str(full.seal.path) in err
    assert "另外妥善保管" in line("backup", "--to", str(folder), lang="zh")[2]
    code, out, err = line("backup", "--to", str(folder), "--with-key", "--json")
    made = json.loads(out)
    assert made["with_key"] and made["mark"]["batch"] == 2 and "Whoever gets hold of it" in err
    assert [one["name"] for one in json.loads(line("backup", "list", str(folder), "--json")[1])][-1] == made[
        "name"
    ]
    assert made["name"] in line("backup", "list", str(folder))[1]
    assert line("backup", "verify", str(folder))[0] == 0
    code, out, err = line("restore", str(folder), home=there)
    assert code == 0, err
    assert made["name"] in out and "checked and sound" in out
    assert line("restore", str(folder), home=there)[0] == 1
    code, out, err = line("backup", "list", home=there)
    assert code == 1 and "backup_to" in err
    command.close()
