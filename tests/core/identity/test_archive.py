"""Evidence is copied into the lake once, and forgotten there."""

from __future__ import annotations

import pytest

from tests.factory import Touch, touches_batch
from zerodistance.core.identity import api as identity
from zerodistance.core.identity import archive
from zerodistance.core.touchpoints.digest import Digest
from zerodistance.kernel.access import Who
from zerodistance.kernel.home import Home


@pytest.fixture
def digest(home: Home) -> Digest:
    return Digest(home, identity.Recognition(home), list)


def pairs(home: Home) -> list[tuple[int, int, str]]:
    if not home.lake.exists(archive.TABLE):
        return []
    with home.engine.connect() as connection:
        return connection.execute(
            "select a, b, rule from read_parquet(?) order by 1, 2, 3", [home.lake.files(archive.TABLE)]
        ).fetchall()


def login(user: str, cookie: str, at: int) -> Touch:
    return Touch({"user_id": user, "anonymous_id": cookie}, at)


def test_evidence_is_copied_once(home: Home, digest: Digest) -> None:
    digest.commit(touches_batch(login("u1", "c1", 10), login("u2", "c2", 11), position=1))
    assert archive.seal(home) == 2 and archive.seal(home) == 0
    digest.commit(touches_batch(login("u1", "c3", 12), login("u1", "c1", 13), position=2))
    assert archive.seal(home) == 1
    with home.state.read() as tx:
        said = tx.exec_driver_sql("select a, b, rule from evidence order by 1, 2, 3").all()
    assert pairs(home) == [tuple(row) for row in said] and len(said) == 3


def test_forgotten_evidence_is_in_no_file_of_the_lake(home: Home, digest: Digest) -> None:
    digest.commit(touches_batch(login("u1", "c1", 10), login("u2", "c2", 11), position=1))
    archive.seal(home)
    with home.state.read() as tx:
        gone = identity.subjects_of(tx, identity.lookup(home, Who.system(), "user_id", "u1").number)
    assert identity.forget(home, gone)["evidence_lake"] == 1
    assert len(pairs(home)) == 1 and not {a for a, _, _ in pairs(home)} & set(gone)
    assert archive.seal(home) == 0
