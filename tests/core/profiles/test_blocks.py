"""States of a subject together: the same as in the table, and what is damaged is never read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zerodistance.core.profiles import blocks, states
from zerodistance.core.profiles.blocks import Blocks, Broken
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
    assert blocks.opened(tmp_path) is not None
    path.write_bytes(b"nothing")
    assert blocks.opened(tmp_path) is None
    assert not path.exists()


def test_what_was_made_of_states_that_are_no_more_never_counts(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, write = home.path("index"), blocks.write
    assert states.lay(home)
    assert blocks.opened(folder) is not None

    def forgotten_meanwhile(*given: Any) -> Path:
        done = write(*given)
        states.forget(home, [1])
        return done

    monkeypatch.setattr(blocks, "write", forgotten_meanwhile)
    assert not states.lay(home)
    assert blocks.opened(folder) is None


def test_it_is_made_by_itself_when_enough_has_come_in(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not states.lay(home, anyway=False)
    monkeypatch.setattr(states, "_LAID", 0)
    assert states.lay(home, anyway=False)


def test_a_file_of_an_earlier_version_is_let_go_of_without_alarm(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = written(tmp_path, [])
    path.write_bytes(path.read_bytes()[:-8] + b"ZDSTATE1")
    assert blocks.opened(tmp_path) is None
    assert not path.exists()
    assert "damaged" not in capsys.readouterr().err
