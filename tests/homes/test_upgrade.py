"""Homes that older programs made are opened, upgraded, sound, and go on digesting; what they were is kept."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

import zerodistance.compose as compose
from tests.doors.backups import world
from zerodistance import migrations
from zerodistance.core.identity import api as identity
from zerodistance.core.touchpoints import forget, quarantine
from zerodistance.doors.backups import making, restoring, upkeep
from zerodistance.doors.cli import main
from zerodistance.kernel import clock, command
from zerodistance.kernel.frozen import check_sqlite
from zerodistance.kernel.home import open_home
from zerodistance.kernel.repository import Repository
from zerodistance.kernel.settings import load

HOMES = sorted(Path(__file__).parent.glob("*.tar.xz"))
OLDER = [path for path in HOMES if path.name.partition(".")[0] != migrations.revisions()[-1]]
IDS = ["li-1", "li-2", "wei-0", "wei-1", "wei-2", "wei-3"]


@pytest.fixture
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    world.hand_over()
    (tmp_path / "home").mkdir()
    subprocess.run(["tar", "-xJf", request.param, "-C", tmp_path / "home"], check=True)
    yield tmp_path / "home"
    command.close()


each_home = pytest.mark.parametrize("kept", HOMES, ids=lambda path: path.name, indirect=True)
each_older = pytest.mark.parametrize("kept", OLDER, ids=lambda path: path.name, indirect=True)


def revision(path: Path) -> str:
    with closing(sqlite3.connect(path)) as connection:
        return str(connection.execute("select version_num from alembic_version").fetchone()[0])


def test_the_first_home_is_among_them() -> None:
    assert HOMES[0].name == "0001.tar.xz"


@each_home
def test_a_home_of_an_older_program_is_upgraded_sound_and_goes_on(kept: Path) -> None:
    home = open_home(load(home=kept))
    assert migrations.current(home.state) == migrations.revisions()[-1]
    assert world.damage(home) == []
    world.accept(home, world.bought("li", 2), world.bought("new", 1))
    assert world.digested(home) == [*IDS[:2], "new-1", *IDS[2:]]
    assert world.damage(home) == []
    with pytest.raises(identity.NoSuchPerson):
        identity.lookup(home, world.ME, "user_id", "gone")
    (request,) = forget.requests(home, world.ME)
    assert request.certificate and forget.verify(home, request.certificate)
    assert [group.reason for group in quarantine.groups(home, world.ME)] == ["bad_timestamp"]
    home.close()


@each_older
def test_the_state_of_before_is_kept_and_can_be_gone_back_to(kept: Path) -> None:
    had = revision(kept / "state.db")
    home = open_home(load(home=kept))
    (copy,) = home.before_upgrade
    home.close()
    assert copy.parent.name == migrations.BEFORE and had in copy.name
    assert (check_sqlite(copy), revision(copy)) == ("ok", had)
    assert copy.stat().st_mode & 0o777 == 0o600
    for name in ("state.db-wal", "state.db-shm"):
        (kept / name).unlink(missing_ok=True)
    shutil.copy(copy, kept / "state.db")
    again = open_home(load(home=kept))
    assert world.damage(again) == []
    again.close()


@each_older
@pytest.mark.parametrize("lang", ["zh", "en"])
def test_an_upgrade_says_where_the_state_of_before_is_and_how_to_go_back(
    kept: Path, lang: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(compose.PARTS, [f"--home={kept}", f"--lang={lang}", "status", "--json"]) == 0
    said = capsys.readouterr().err
    assert migrations.BEFORE in said and ("退回" in said or "go back" in said)
    command.close()
    assert main(compose.PARTS, [f"--home={kept}", f"--lang={lang}", "status", "--json"]) == 0
    assert capsys.readouterr().err == "", "nothing is left to upgrade"


@each_older
def test_a_new_home_and_one_that_is_up_to_date_keep_no_copy(kept: Path, tmp_path: Path) -> None:
    open_home(load(home=kept)).close()
    before = list((kept / migrations.BEFORE).iterdir())
    home = open_home(load(home=kept))
    assert home.before_upgrade == () and list((kept / migrations.BEFORE).iterdir()) == before
    home.close()


@each_older
def test_copies_of_before_an_upgrade_are_let_go_in_time_and_when_somebody_is_forgotten(kept: Path) -> None:
    home = open_home(load(home=kept))
    (copy,) = home.before_upgrade
    upkeep.keep(home)
    assert copy.exists()
    with clock.freeze(clock.from_micros(clock.micros() + 31 * clock.MICROS_PER_DAY)):
        upkeep.keep(home)
    assert not copy.exists()
    copy.write_bytes(b"as before")
    assert upkeep.forget(home, [1]) == {"copies": 1}
    assert not copy.exists()
    home.close()


@each_older
def test_a_backup_of_an_older_home_is_restored_and_upgraded(kept: Path, tmp_path: Path) -> None:
    """The backup is made by today's program, but holds the older tables: as one made before an upgrade does."""
    home = open_home(load(home=kept))
    (copy,) = home.before_upgrade
    made = making.make(home, world.ME, tmp_path / "backups", with_key=True)
    home.close()
    repository = Repository.at(tmp_path / "backups")
    entry, _ = repository.add(copy, "state.db", pieces=True, known=None, tick=lambda n: None)
    files = tuple(entry if each.path == "state.db" else each for each in made.manifest.files)
    repository.write(replace(made.manifest, files=files, name="older"))
    done = restoring.restore(load(home=tmp_path / "there"), world.ME, tmp_path / "backups", at="older")
    assert world.damage(done.home) == []
    assert world.digested(done.home) == IDS
