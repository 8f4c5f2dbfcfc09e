"""`migrate-state`: the state moves to PostgreSQL and back, whole, in any number of attempts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import inspect, select

from tests.core.identity.steps import take_in, touch
from tests.doors import load as loads
from tests.postgres import Homes
from zerodistance.core.identity import api as identity
from zerodistance.core.touchpoints import sources, store
from zerodistance.doors import moving as command_line
from zerodistance.doors.portal import accounts
from zerodistance.kernel import bulk, command, fault, moving
from zerodistance.kernel.errors import DoorOpen, Invalid, StateComing, StateMoved, WorkerRunning
from zerodistance.kernel.home import Home, create_home, open_home
from zerodistance.kernel.locks import door_lock, worker_lock
from zerodistance.kernel.settings import load
from zerodistance.kernel.state import State

pytestmark = pytest.mark.postgres
POINTS = ("moving.before", "moving.copied", "moving.said", "moving.whole")
SECRET = "p:w%40\0'\"\\\n王"


class Killed(BaseException):
    """The process ends here."""


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    """A home with something in many tables."""
    home = create_home(load(home=tmp_path / "home", state_url=""))
    source = sources.create_source(
        home, loads.WHO, key="web", name=loads.Text("官网", "web site"), kind="web"
    )
    accounts.make_one_time_login(home)
    take_in(home, touch(1, user_id="u1", anonymous_id="c1"), touch(2, phone="13800000001"))
    take_in(home, touch(3, user_id="u1", phone="13800000001"))
    with home.state.write() as tx:
        for name in range(3):
            tx.execute(store.import_job.insert().values(**job(source.number, f"{name}{SECRET}")))
        tx.execute(store.import_job.delete().where(store.import_job.c.number == 3))
        bulk.run(tx, "insert into sealed_text values (1, 2, null, 5, ?)", (bytes(range(256)),))
    home.close()
    yield tmp_path / "home"
    command.set_flags()


def job(source: int, name: str) -> dict[str, Any]:
    texts = dict.fromkeys(("file_hash", "mapping", "mapping_hash", "columns", "state", "created_by"), name)
    return {"source": source, "file_name": name, **texts, "created_at": 2**62, "staged": False}


def migrate(root: Path, to: str) -> int:
    command.set_flags(home=root)
    return command_line.migrate_state(to=to)


def everything(root: Path) -> dict[str, Any]:
    """Return every row of every table but the notes, and what identity says."""
    home = open_home(load(home=root))
    with home.state.read() as tx:
        names = sorted(home.state.tables() - {"state_note"})
        held = {name: sorted(map(repr, _rows(tx, name))) for name in names}
    person = identity.lookup(home, loads.WHO, "user_id", "u1")
    home.close()
    return {**held, "person": (person.id, person.counts), "seal": home.seal.name}


def _rows(tx: Any, name: str) -> list[tuple[Any, ...]]:
    names = ", ".join(sorted(column["name"] for column in inspect(tx).get_columns(name)))
    found = bulk.rows(tx, f"select {names} from {name}")
    plain = [tuple(int(v) if isinstance(v, bool) else v for v in row) for row in found]
    return [tuple(v.replace("\0", "\ufffd") if isinstance(v, str) else v for v in row) for row in plain]


def next_number(home: Home, name: str) -> int:
    with home.state.write() as tx:
        key = tx.execute(store.import_job.insert().values(**job(1, name))).inserted_primary_key
    assert key is not None
    return int(key[0])


def test_there_and_back_everything_and_every_number_is_the_same(root: Path, databases: Homes) -> None:
    before, url = everything(root), databases.server.new_database()
    assert migrate(root, url) == 0
    assert load(home=root).state_url == url
    assert everything(root) == before
    home = open_home(load(home=root))
    assert next_number(home, "four") == 4, "the number of a removed row is not given again"
    take_in(home, touch(9, user_id="u9"))
    home.close()
    there = everything(root)
    assert migrate(root, "sqlite") == 0
    assert load(home=root).state_url == ""
    assert everything(root) == there
    home = open_home(load(home=root))
    assert next_number(home, "five") == 5
    home.close()


@pytest.mark.slow
@pytest.mark.parametrize("point", POINTS)
def test_it_may_be_killed_anywhere_and_run_again(
    root: Path, databases: Homes, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    before, url = everything(root), databases.server.new_database()
    for to in (url, "sqlite", url):
        with monkeypatch.context() as patched, pytest.raises(Killed):
            patched.setattr(fault, "point", _killing(point))
            migrate(root, to)
        assert migrate(root, to) == 0
        assert everything(root) == before
        assert bool(load(home=root).state_url) == (to == url)


def _killing(wanted: str) -> Any:
    def point(name: str) -> None:
        if name == wanted:
            raise Killed

    return point


def test_the_old_store_is_refused_and_says_where_the_state_went(root: Path, databases: Homes) -> None:
    url = databases.server.new_database()
    migrate(root, url)
    with pytest.raises(StateMoved, match="has moved to postgresql://"):
        open_home(load(home=root, state_url=""))
    migrate(root, "sqlite")
    with pytest.raises(StateMoved, match=r"has moved to .*state\.db"):
        open_home(load(home=root, state_url=url))


def test_a_store_that_is_still_coming_is_not_used(
    root: Path, databases: Homes, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = databases.server.new_database()
    with monkeypatch.context() as patched, pytest.raises(Killed):
        patched.setattr(fault, "point", _killing("moving.copied"))
        migrate(root, url)
    with pytest.raises(StateComing):
        open_home(load(home=root, state_url=url))
    open_home(load(home=root)).close()


def test_it_is_refused_while_a_worker_or_a_door_runs(root: Path, databases: Homes) -> None:
    url = databases.server.new_database()
    with worker_lock(root / "worker.lock"), pytest.raises(WorkerRunning):
        migrate(root, url)
    with door_lock(root / "doors.lock"), pytest.raises(DoorOpen):
        migrate(root, url)
    assert load(home=root).state_url == ""


def test_a_store_that_holds_a_state_in_use_is_not_touched(
    root: Path, databases: Homes, tmp_path: Path
) -> None:
    url = databases.server.new_database()
    copy = tmp_path / "copy"
    copy.mkdir()
    (copy / "key").write_bytes((root / "key").read_bytes())
    other = open_home(load(home=copy, state_url=url))  # the same key: a copy of this home uses it
    sources.create_source(other, loads.WHO, key="theirs", name=loads.Text("别的", "other"), kind="web")
    other.close()
    with pytest.raises(moving.TargetInUse):
        migrate(root, url)
    other = open_home(load(home=copy, state_url=url))
    assert [s.key for s in sources.list_sources(other, loads.WHO)] == ["theirs"]
    other.close()
    with pytest.raises(Invalid, match="already"):
        migrate(root, "sqlite")


def test_a_table_that_reads_back_otherwise_leaves_everything_as_it_was(
    root: Path, databases: Homes, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, before = databases.server.new_database(), everything(root)
    same = moving._same
    monkeypatch.setattr(moving, "_same", lambda row, truths: (*same(row, truths)[:-1], _odd(row[-1])))
    with pytest.raises(moving.CopyDiffers):
        migrate(root, url)
    monkeypatch.undo()
    assert everything(root) == before
    state = State(root / "x", url)
    with state.read() as tx:
        assert tx.execute(select(store.source)).all() == []
    state.close()


_odd_calls = iter(range(10**9))


def _odd(value: Any) -> Any:
    return value if not isinstance(value, int) else value + next(_odd_calls)


def test_the_other_settings_stay(root: Path, databases: Homes) -> None:
    (root / "zerodistance.toml").write_text("# ours\nseal_seconds = 7\n")
    url = databases.server.new_database()
    migrate(root, url)
    assert (load(home=root).seal_seconds, load(home=root).state_url) == (7, url)
    migrate(root, "sqlite")
    assert (root / "zerodistance.toml").read_text() == "# ours\nseal_seconds = 7\n"
