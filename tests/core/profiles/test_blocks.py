"""States of a subject together: the same as in the table, and what is damaged is never read."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zerodistance.core.profiles import blocks, states
from zerodistance.core.profiles.blocks import Blocks, Broken
from zerodistance.core.profiles.near import Near
from zerodistance.core.profiles.recent import Recent
from zerodistance.kernel.home import Home

WORD = st.sampled_from([None, "", "a", "青岛"])
ROW = st.fixed_dictionaries(
    {
        "subject": st.integers(1, 12),
        "day": st.integers(-5, 20_000),
        **dict.fromkeys(blocks.WORDS, WORD),
        **dict.fromkeys(blocks.NUMBERS, st.one_of(st.none(), st.integers(-(1 << 53), 1 << 53))),
    }
)
SCHEMA = pa.schema([states.STATES.field(name) for name in blocks.COLUMNS])


def written(folder: Path, rows: list[dict[str, Any]]) -> Path:
    """Write rows by subject, some at a time; return the file."""
    table = pa.Table.from_pylist(sorted(rows, key=lambda row: row["subject"]), SCHEMA)
    path = blocks.write(folder, iter(table.to_batches(max_chunksize=3)), 7)
    blocks.let_count(folder, path)
    return folder / "states.blocks"


@given(rows=st.lists(ROW, max_size=20), some=st.sets(st.integers(0, 14)), many=st.sampled_from([1, 2, 512]))
@settings(max_examples=50)
def test_what_is_read_of_some_subjects_is_what_was_written_of_them(
    tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, Any]], some: set[int], many: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "_ROWS", many)
        found = Blocks(written(tmp_path_factory.mktemp("index"), rows))
    subjects = np.array(sorted(some), np.int64)
    wanted = sorted((row for row in rows if row["subject"] in some), key=lambda row: row["subject"])
    assert found.of(subjects, blocks.COLUMNS).to_pylist() == wanted
    assert (found.batch, found.rows) == (7, len(rows))
    assert found.of(subjects, ["kind"]).column_names == ["subject", "kind"]


def test_a_byte_that_is_not_what_was_written_is_found_whichever_it_is(tmp_path: Path) -> None:
    row = {"subject": 3, "day": 9, **dict.fromkeys(blocks.WORDS, "a"), **dict.fromkeys(blocks.NUMBERS, 5)}
    path = written(tmp_path, [row, {**row, "subject": 4}])
    whole, subjects = path.read_bytes(), np.array([3, 4])
    right = Blocks(path).of(subjects, blocks.COLUMNS)
    for at in range(8, len(whole)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        with pytest.raises(Broken):
            Blocks(path).of(subjects, blocks.COLUMNS)
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        with pytest.raises(Broken):
            Blocks(path)
    path.write_bytes(whole)
    assert Blocks(path).of(subjects, blocks.COLUMNS).equals(right)


def test_a_damaged_file_counts_no_more(tmp_path: Path) -> None:
    path = written(tmp_path, [])
    assert blocks.opened(tmp_path).files
    path.write_bytes(b"nothing")
    assert not blocks.opened(tmp_path).files
    assert not path.exists()


def test_what_was_made_of_states_that_are_no_more_never_counts(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, write = home.path("index"), blocks.write
    assert states.lay(home)
    assert blocks.opened(folder).files

    def forgotten_meanwhile(*given: Any) -> Path:
        done = write(*given)
        states.forget(home, [1])
        return done

    monkeypatch.setattr(blocks, "write", forgotten_meanwhile)
    assert not states.lay(home)
    assert not blocks.opened(folder).files


def test_it_is_made_by_itself_when_enough_has_come_in(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not states.lay(home, anyway=False)
    monkeypatch.setattr(states, "_LAID", 0)
    assert states.lay(home, anyway=False)


def test_a_file_of_an_earlier_version_is_let_go_of_without_alarm(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = written(tmp_path, [])
    path.write_bytes(path.read_bytes()[:-8] + b"ZDSTATE1")
    assert not blocks.opened(tmp_path).files
    assert not path.exists()
    assert "damaged" not in capsys.readouterr().err


BATCHES = st.lists(st.lists(ROW, max_size=4), max_size=6)


def table(rows: list[dict[str, Any]], batch: int) -> pa.Table:
    whole = [{**dict.fromkeys(states.STATES.names), "family": "", **row, "batch": batch} for row in rows]
    return pa.Table.from_pylist(whole, states.STATES)


def listed(found: list[pa.Table] | None) -> list[tuple[Any, ...]]:
    assert found is not None
    return sorted((tuple(row.values()) for one in found for row in one.to_pylist()), key=repr)


@settings(max_examples=8, deadline=None)
@given(
    came=BATCHES,
    lays=st.sets(st.integers(0, 7)),
    some=st.sets(st.integers(0, 14)),
    times=st.sampled_from([0, 1, 3]),
)
def test_files_of_later_batches_and_what_is_in_memory_say_the_same_as_the_table(
    home: Home, came: list[list[dict[str, Any]]], lays: set[int], some: set[int], times: int
) -> None:
    blocks.let_go(home.path("index"))
    shutil.rmtree(home.lake.path(states.TABLE), ignore_errors=True)
    recent = Recent(most=9)
    subjects, every = np.array(sorted(some), np.int64), list[dict[str, Any]]()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(states, "_LAID", 1)
        patch.setattr(states, "_TIMES", times)
        for batch, rows in enumerate(came, start=1):
            mine = table(rows, batch)
            states.append(home, mine, batch)
            if batch % 3:  # a process that was started since did not see the others
                recent.add(mine, batch - 1, batch)
            every += mine.to_pylist()
            if batch in lays:
                states.lay(home, anyway=False)
            with home.engine.connect() as connection:
                near = Near(home, connection, recent, states.view(connection, home))
                found = near.of(subjects, blocks.COLUMNS)
                wanted = [tuple(row[c] for c in blocks.COLUMNS) for row in every if row["subject"] in some]
                assert found is None or listed(found) == sorted(wanted, key=repr)
                assert found is not None or not blocks.opened(home.path("index")).files
                assert set(near.came(batch - 1).tolist()) >= {row["subject"] for row in rows}
        laid = blocks.opened(home.path("index"))
        assert laid.rows == sum(row["batch"] <= laid.batch for row in every)
        states.forget(home, [3])
        with home.engine.connect() as connection:
            near = Near(home, connection, recent, states.view(connection, home))
            assert not any(row[0] == 3 for row in listed(near.of(np.array([3]), blocks.COLUMNS) or []))


def test_a_file_that_does_not_follow_the_one_before_it_does_not_count(tmp_path: Path) -> None:
    for after, batch, level in ((0, 4, 0), (4, 6, 1), (6, 9, 2)):
        blocks.let_count(tmp_path, blocks.write(tmp_path, iter(()), batch, after), level)
    assert [file.batch for file in blocks.opened(tmp_path).files] == [4, 6, 9]
    whole = (tmp_path / "states.blocks.2").read_bytes()
    blocks.let_count(tmp_path, blocks.write(tmp_path, iter(()), 7, 4), 1)
    assert [file.batch for file in blocks.opened(tmp_path).files] == [4, 7]
    (tmp_path / "states.blocks.2").write_bytes(whole)  # as if it had been killed before it was removed
    assert [file.batch for file in blocks.opened(tmp_path).files] == [4, 7]
    blocks.let_go(tmp_path)
    assert not list(tmp_path.iterdir())


def test_states_that_are_added_up_and_laid_again_in_parts_count_once(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = {
        "subject": 3,
        "day": 9,
        **dict.fromkeys(blocks.WORDS, "a"),
        **dict.fromkeys(blocks.NUMBERS, 5),
        "n": 1,
    }
    monkeypatch.setattr(states, "_LAID", 1)
    monkeypatch.setattr(states, "_TIMES", 0)
    for batch in (1, 2):
        others = [{**row, "subject": n} for n in range(100, 140)] if batch == 1 else []
        states.append(home, table([row, *others], batch), batch)
        assert states.lay(home, anyway=False)
    assert [file.batch for file in blocks.opened(home.path("index")).files] == [1, 2]
    assert states.merge(home, 2, most_files=0)  # and killed before all of them were laid anew
    monkeypatch.setattr(states, "_TIMES", 1)
    for batch in (3, 4, 5):
        states.append(home, table([row], batch), batch)
    assert states.lay(home, anyway=False)
    with home.engine.connect() as connection:
        near = Near(home, connection, Recent(), states.view(connection, home))
        found = near.of(np.array([3]), ["n"])
    assert found is not None and sum(sum(one.column("n").to_pylist()) for one in found) == 5
