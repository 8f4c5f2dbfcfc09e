"""`zerodistance feeds` from the command line."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.connectors.feeds.places import MAPPING, digest, everything_under, visits
from zerodistance.connectors.feeds.cli import app
from zerodistance.kernel import command
from zerodistance.kernel.home import Home


@pytest.fixture(autouse=True)
def flags(home: Home) -> Iterator[None]:
    """Give the commands the test's home, in English, and a worker of their own."""
    command.set_flags(home=home.root, lang="en")
    command.use_work_here(digest)
    yield
    command.home().close()
    command.set_flags()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    folder = tmp_path / "drop"
    folder.mkdir()
    (folder / "a.csv").write_text(visits(range(3)))
    (tmp_path / "visits.toml").write_text(MAPPING)
    path = tmp_path / "Visits.toml"
    head = '[feed]\nkind = "folder"\nevery = "1h"\nmapping = "visits.toml"\n'
    path.write_text(head + f'[folder]\npath = "{folder}"\nsettle = "0s"\n')
    return path


def run(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    capsys.readouterr()
    app([*words], result_action="return_value")
    return capsys.readouterr().out


def test_a_feed_is_added_tried_run_and_looked_at(capsys: pytest.CaptureFixture[str], file: Path) -> None:
    assert "no feed yet" in run(capsys, "list")
    assert "the feed visits is ready: folder" in run(capsys, "add", str(file))
    assert "not run yet" in run(capsys, "list")
    assert "3 rows: 3 would be taken" in (tried := run(capsys, "test", "visits")) and "a.csv" in tried
    out = run(capsys, "run", "visits")
    assert "1 imported" in out and "3 rows: 3 taken, 0 repeated, 0 refused" in out
    assert "nothing new" in run(capsys, "run", "visits")
    shown = run(capsys, "show", "visits")
    assert "a.csv" in shown and 'every = "1h"' in shown
    (listed,) = json.loads(run(capsys, "list", "--json"))
    assert (listed["name"], listed["state"], listed["taken"], listed["source_key"]) == (
        "visits",
        "well",
        1,
        "visits",
    )
    assert json.loads(run(capsys, "show", "visits", "--json"))["files"][0]["number"] == 1
    assert json.loads(run(capsys, "test", "visits", "--json"))["report"]["accepted"] == 3
    assert json.loads(run(capsys, "run", "visits", "--json"))["imports"] == []


def test_a_refused_file_is_shown_with_its_reason(capsys: pytest.CaptureFixture[str], file: Path) -> None:
    run(capsys, "add", str(file))
    (file.parent / "drop/bad.csv").write_text("x\n1\n")
    assert "1 files refused" in run(capsys, "run", "visits")
    assert "files refused" in run(capsys, "list")
    assert "times.happened_at" in run(capsys, "show", "visits")


def test_a_feed_rests_goes_on_and_is_removed(capsys: pytest.CaptureFixture[str], file: Path) -> None:
    run(capsys, "add", str(file))
    run(capsys, "pause", "visits")
    assert "paused" in run(capsys, "list")
    run(capsys, "resume", "visits")
    run(capsys, "add", str(file), "--replace")
    run(capsys, "remove", "visits")
    assert "no feed yet" in run(capsys, "list")


def test_a_secret_is_read_from_standard_input_or_a_file_and_never_printed(
    capsys: pytest.CaptureFixture[str], home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("s3cret-word\n"))
    out = run(capsys, "secret", "set", "shop-db")
    (tmp_path / "id").write_text("-----BEGIN KEY-----\nabc\n")
    out += run(capsys, "secret", "set", "shop-key", "--file", str(tmp_path / "id"))
    out += run(capsys, "secret", "list") + run(capsys, "secret", "list", "--json")
    assert "shop-db" in out and "shop-key" in out and "s3cret" not in out and "BEGIN" not in out
    assert b"s3cret" not in everything_under(home.root)
    run(capsys, "secret", "remove", "shop-db")
    assert "shop-db" not in run(capsys, "secret", "list")
