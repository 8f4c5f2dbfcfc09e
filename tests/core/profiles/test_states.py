"""States: rows in, rows out; and the log gives the same as keeping up."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from copy import copy
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from sqlalchemy import insert

from tests.core.profiles import world
from tests.core.profiles.test_keeper import same
from zerodistance.core.profiles import api as profiles
from zerodistance.core.profiles import checks, index, parts, publishing, states
from zerodistance.core.profiles.contracts import IndexDamaged
from zerodistance.core.profiles.keeper import Keeper
from zerodistance.core.touchpoints import store as log
from zerodistance.kernel import clock
from zerodistance.kernel.findings import Level
from zerodistance.kernel.home import Home

NOW = datetime(2026, 3, 1, 15, 59, 30, tzinfo=UTC)  # half a minute before midnight in Shanghai
EMPTY: dict[str, Any] = dict.fromkeys(states.STATES.names)


def test_a_touch_becomes_a_state_of_its_local_day_in_whole_units(home: Home) -> None:
    touches = [
        world.touch(
            2, 0, 7, "order.line", NOW, quantity=-1.5, amount=0.12345, duration=2.0004, category="washer"
        ),
        world.touch(2, 1, 7, "custom", NOW + timedelta(minutes=1), amount=1e300, currency="CNY"),
        world.touch(2, 2, 7, "order.line", NOW, amount=5.0, currency="GBP"),
        world.touch(2, 3, None, "order.line", NOW),
        world.touch(1, 4, 7, "order.line", NOW),
    ]
    rows = states.made_from(home, world.table(touches), after=1).to_pylist()
    day, at = world.day(NOW, "Asia/Shanghai"), clock.to_micros(NOW)
    first = {
        **EMPTY,
        "batch": 2,
        "family": "order",
        "subject": 7,
        "day": day,
        "kind": "order.line",
        "category": "washer",
    }
    assert rows[0] == {
        **first,
        "n": 1,
        "quantity": -1500,
        "amount": 1234,
        "duration": 2000,
        "quantities": 1,
        "amounts": 1,
        "durations": 1,
        "largest": 1234,
        "first_at": at,
        "last_at": at,
    }
    assert [(r["family"], r["day"], r["amount"], r["amounts"], r["largest"]) for r in rows[1:]] == [
        ("custom", day + 1, None, 0, None),
        ("order", day, None, 0, None),
    ]
    assert states.made_from(home, world.table([]), 0).schema == states.STATES


def test_merged_sql_adds_up_what_has_one_key_and_leaves_newer_batches_apart(home: Home) -> None:
    key = {**EMPTY, "family": "order", "subject": 1, "day": 9, "kind": "order.line", "product": "W1", "n": 1}
    rows = [
        {**key, "batch": 2, "amount": 5, "amounts": 1, "largest": 5, "first_at": 20, "last_at": 20},
        {**key, "batch": 1, "amount": 7, "amounts": 1, "largest": 7, "first_at": 10, "last_at": 10},
        {**key, "batch": 1, "n": 3, "quantity": 4, "amounts": 0, "first_at": 30, "last_at": 40},
        {**key, "batch": 3, "amount": 1, "first_at": 5, "last_at": 5},
        {**key, "batch": 1, "product": None, "first_at": 1, "last_at": 1},
    ]
    text = (files("zerodistance.core.profiles") / "sql" / "merged.sql").read_text()
    with home.engine.connect() as connection:
        connection.register("profile_state", pa.Table.from_pylist(rows, schema=states.STATES))
        found = connection.sql(text, params={"held": 2}).to_arrow_table().to_pylist()
    assert sorted((r["amounts"], r["largest"]) for r in found if r["product"] and r["batch"] == 2) == [(2, 7)]
    picked = [
        {k: r[k] for k in ("batch", "product", "n", "quantity", "amount", "first_at", "last_at")}
        for r in found
    ]
    assert sorted(picked, key=lambda r: (r["product"] or "", r["batch"])) == [
        {"batch": 1, "product": None, "n": 1, "quantity": None, "amount": None, "first_at": 1, "last_at": 1},
        {"batch": 2, "product": "W1", "n": 5, "quantity": 4, "amount": 12, "first_at": 10, "last_at": 40},
        {"batch": 3, "product": "W1", "n": 1, "quantity": None, "amount": 1, "first_at": 5, "last_at": 5},
    ]


def _kept_up(home: Home) -> tuple[Keeper, world.Crowd]:
    crowd = world.Crowd({1: 1, 2: 2, 3: 2})
    keeper = Keeper(home, crowd)
    with clock.freeze(NOW):
        for batch in (1, 2, 3):
            rows = [
                world.touch(
                    batch,
                    row,
                    1 + row % 3,
                    "order.line",
                    NOW - timedelta(days=batch * 100),
                    amount=0.1,
                    product="W1",
                )
                for row in range(4)
            ]
            home.lake.append("touches", world.table(rows), app="touches", version=batch, partition_by="month")
            keeper.follow(world.table(rows), batch)
            keeper.update()
    return keeper, crowd


def test_making_everything_anew_from_the_log_changes_nothing(home: Home) -> None:
    keeper, _ = _kept_up(home)
    before = index.current(home.path("index"))
    with clock.freeze(NOW):
        keeper.rebuild()
    same(before, index.current(home.path("index")))
    assert (keeper.held(), home.lake.count(states.TABLE)) == (3, 12)
    states.merge(home, 3, most_files=0)
    assert (keeper.held(), home.lake.count(states.TABLE)) == (3, 9)
    with clock.freeze(NOW):
        assert keeper.update() == 0
        keeper.rebuild(touches_too=False)
    same(before, index.current(home.path("index")))


def test_joining_small_files_keeps_every_state(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(states, "_MANY_FILES", 2)
    keeper, _ = _kept_up(home)
    assert len(home.lake.files(states.TABLE)) == 3
    assert states.tidy(home) and not states.tidy(home)
    assert (keeper.held(), home.lake.count(states.TABLE), len(home.lake.files(states.TABLE))) == (3, 12, 1)


def _as_earlier(home: Home) -> None:
    """Leave the states as an earlier version of the program made them."""
    with home.engine.connect() as connection:
        states.view(connection, home)
        old = connection.sql("select * exclude (quantities, amounts, durations, largest) from profile_state")
        home.lake.replace(states.TABLE, old.to_arrow_table(), app=states.APP, version=3)


def test_an_import_that_is_undone_after_an_upgrade_leaves_whole_states(home: Home) -> None:
    _kept_up(home)
    _as_earlier(home)
    Keeper(home, world.Crowd()).remake(np.array([1]))
    with home.engine.connect() as connection:
        states.view(connection, home)
        assert connection.execute("select sum(n), sum(amounts) from profile_state").fetchall() == [(12, 12)]


def test_states_of_an_earlier_version_are_made_anew_once_and_read_until_then(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    _kept_up(home)
    before = index.current(home.path("index"))
    _as_earlier(home)
    assert states.outgrown(home) and not states.merge(home, 3, most_files=0)
    with home.engine.connect() as connection:
        assert states.view(connection, home) == 3
        found = connection.execute("select sum(n), sum(amounts) from profile_state").fetchall()
        assert found == [(12, None)]
    more = world.table([world.touch(4, 0, 1, "order.line", NOW, amount=2.5, product="W1")])
    home.lake.append("touches", more, app="touches", version=4, partition_by="month")
    keeper = Keeper(home, world.Crowd({1: 1, 2: 2, 3: 2}))
    with clock.freeze(NOW):
        keeper.follow(more, 4)
    assert not states.outgrown(home)
    with home.engine.connect() as connection:
        assert states.view(connection, home) == 4
        found = connection.execute("select sum(n), sum(amounts), max(largest) from profile_state").fetchall()
        assert found == [(13, 13, 25_000)]
    remade = []
    monkeypatch.setattr(Keeper, "_remake_states", remade.append)
    with clock.freeze(NOW):
        keeper.update()
        Keeper(home, world.Crowd({1: 1, 2: 2, 3: 2})).update()
    assert remade == []
    assert index.current(home.path("index")).batch == 4 > before.batch


def _files(home: Home) -> list[Path]:
    folder = home.path("index")
    return [folder / name for name in parts.pointed(folder)[1]]


def test_a_part_that_is_cut_off_anywhere_or_changed_anywhere_is_never_read(home: Home) -> None:
    _kept_up(home)
    path = _files(home)[0]
    whole = path.read_bytes()
    for cut in (0, 1, 19, 20, 200, len(whole) // 2, len(whole) - 8):
        path.write_bytes(whole[:cut])
        with pytest.raises(IndexDamaged):
            parts.check(path)
    for at in range(0, len(whole) - 8, max(1, len(whole) // 60)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        try:
            parts.check(path)
        except IndexDamaged:
            continue
        path.write_bytes(whole)  # a byte between two sections: nothing that is read has changed
        parts.check(path)
        assert parts.Layer(path).batch in (1, 2, 3)


def test_a_pointer_that_is_damaged_is_found_and_the_index_made_anew(home: Home) -> None:
    keeper, _ = _kept_up(home)
    before = index.current(home.path("index"))
    (home.path("index") / parts.POINTER).write_text('{"body": "{}", "check": "0"}')
    with pytest.raises(IndexDamaged):
        index.current(home.path("index"))
    with clock.freeze(NOW):
        keeper.update()
    same(before, index.current(home.path("index")))


def test_the_audit_finds_a_tag_that_is_not_so(home: Home) -> None:
    keeper, _ = _kept_up(home)
    assert keeper.audit(50, Random(1)) == []
    rows = [world.touch(4, 0, 1, "service.visited", NOW)]
    states.append(home, states.made_from(home, world.table(rows), 3), 4)
    assert keeper.audit(50, Random(1)) == []  # the index knows that it does not hold batch 4
    here = index.current(home.path("index"))
    layer = copy(here.layers[-1])
    layer.batch = 4
    claimed = replace(here, layers=(*here.layers[:-1], layer))
    index._kept[str(home.path("index"))] = (parts.signature(home.path("index")), claimed)
    assert any(
        line.startswith("usage.repairs_2y: none (0.0), should be one (1.0)")
        for line in keeper.audit(50, Random(1))
    )


def test_an_index_of_another_backup_is_made_anew(home: Home) -> None:
    keeper, _ = _kept_up(home)
    before = index.current(home.path("index"))
    about = (before.day, before.people, before.mark, before.made_at or 0)
    ahead = parts.Part(99, *about, None, before.universe)
    publishing.publish(home.path("index"), before, ahead)
    with clock.freeze(NOW):
        keeper.update()
    same(before, index.current(home.path("index")))


def test_doctor_finds_states_that_lack_touches(home: Home) -> None:
    _kept_up(home)
    with home.state.write() as tx:
        tx.execute(insert(log.batch).values(number=3, feed="journal", position=1, touches=4, committed_at=0))
    keeper = profiles.follower(home)
    with clock.freeze(NOW):
        keeper.rebuild()
    assert [f.level for f in checks.checks(home)] == [Level.GOOD] * 3
    home.lake.delete_where(states.TABLE, "subject = 1")
    found = [f for f in checks.checks(home) if f.level is Level.DAMAGE]
    assert found[0].repair is not None
    found[0].repair()
    assert [f.level for f in checks.checks(home)] == [Level.GOOD] * 3


@pytest.mark.slow
@pytest.mark.parametrize(
    "point",
    [
        "lake.replace.before",
        "lake.replace.after",
        "lake.settle.written",
        "lake.settle.after",
        "index.write",
        "index.fsync",
        "index.rename",
        "index.renamed",
    ],
)
def test_a_kill_while_everything_is_made_anew_loses_and_doubles_nothing(home: Home, point: str) -> None:
    keeper, crowd = _kept_up(home)
    before = index.current(home.path("index"))
    who = [f"{subject}:{number}" for subject, number in crowd.of.items()]
    run = subprocess.run(
        [sys.executable, "-m", "tests.core.profiles.killed", str(home.root), str(clock.to_micros(NOW)), *who],
        env={**os.environ, "ZERODISTANCE_FAULT": point},
        check=False,
    )
    assert run.returncode == -signal.SIGKILL
    same(before, index.current(home.path("index")))
    with home.engine.connect() as connection:
        assert states.view(connection, home) == 3
        assert connection.execute("select sum(n), count(distinct subject) from profile_state").fetchall() == [
            (12, 3)
        ]
    with clock.freeze(NOW):
        keeper.update()
        same(before, index.current(home.path("index")))
        keeper.rebuild()
    same(before, index.current(home.path("index")))
    assert len(list(home.path("index").glob("tags-*.part"))) == 1
