"""What is done to many refused rows at once from the command line, and a guessed mapping."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.core.touchpoints.test_import_cli import MAPPING, flags, imports, run
from zerodistance.core.touchpoints.mapping import parse
from zerodistance.core.touchpoints.quarantine_cli import app as quarantine

assert flags is not None  # used by every test

FIX = ("fix", "--source", "visits", "--reason", "bad_timestamp")


@pytest.fixture
def visits(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Path:
    """Import a file of which two rows are refused."""
    (tmp_path / "visits.csv").write_text("at,member\n2026-01-01,m1\n31.1.2026,13912345678\nsoon,m3\n")
    (tmp_path / "visits.toml").write_text(MAPPING)
    run(capsys, imports(), str(tmp_path / "visits.csv"), "--mapping", str(tmp_path / "visits.toml"))
    return tmp_path


def test_a_rule_says_first_what_it_would_do(capsys: pytest.CaptureFixture[str], visits: Path) -> None:
    out = run(capsys, quarantine, *FIX, "--date", "at", "%d.%m.%Y")
    assert "2 rows wait; of the first 2, 1 would be changed and 1 would be taken in then" in out
    assert "still refused: a time can't be read, 1 rows" in out
    assert "nothing was changed" in out and "13912345678" not in out
    counts = json.loads(run(capsys, quarantine, *FIX, "--drop", "at", "--json"))
    assert counts == {"waiting": 2, "looked": 2, "changed": 2, "passes": 0, "refused": {"missing_value": 2}}


def test_with_apply_it_does_so_and_may_replay(capsys: pytest.CaptureFixture[str], visits: Path) -> None:
    out = run(capsys, quarantine, *FIX, "--date", "at", "%d.%m.%Y", "--apply", "--replay")
    assert "1 rows were changed" in out and "2 rows will be replayed" in out
    groups = json.loads(run(capsys, quarantine, "list", "--json"))
    assert [(g["field"], g["waiting"], g["replayed"]) for g in groups] == [("times.happened_at", 1, 1)]


def test_rows_are_read_under_a_newer_mapping(capsys: pytest.CaptureFixture[str], visits: Path) -> None:
    newer = visits / "newer.toml"
    newer.write_text(MAPPING.replace('zone = "UTC"', 'zone = "UTC", format = ["%Y-%m-%d", "%d.%m.%Y"]'))
    assert "1 would be taken in then" in run(capsys, quarantine, *FIX, "--mapping", str(newer))
    assert "2 rows were changed" in run(capsys, quarantine, *FIX, "--mapping", str(newer), "--apply")


@pytest.mark.parametrize("rules", [(), ("--drop", "at", "--set", "at=1")])
def test_one_rule_is_needed(capsys: pytest.CaptureFixture[str], visits: Path, rules: tuple[str, ...]) -> None:
    assert "give one rule" in run(capsys, quarantine, *FIX, *rules)


def test_rows_are_given_up_taken_up_again_and_put_back(
    capsys: pytest.CaptureFixture[str], visits: Path
) -> None:
    assert "say which" in run(capsys, quarantine, "dismiss", "--why", "x")
    assert "1 rows were dismissed" in run(capsys, quarantine, "dismiss", "q1", "--why", "a test row")
    assert json.loads(run(capsys, quarantine, "list", "--json"))[0]["dismissed"] == 1
    assert "1 rows wait again" in run(capsys, quarantine, "recall", "--source", "visits")
    run(capsys, quarantine, *FIX, "--map", "at", "soon", "later", "--apply")
    assert "1 rows hold what came again" in run(capsys, quarantine, "take-back", "--reason", "bad_timestamp")
    row = json.loads(run(capsys, quarantine, "show", "q2", "--reveal"))
    assert row["content"]["values"]["at"] == "soon"


def test_a_guessed_mapping_can_be_read_and_used(capsys: pytest.CaptureFixture[str], visits: Path) -> None:
    text = run(capsys, imports(), "guess", str(visits / "visits.csv"), "--source", "visits")
    mapping = parse(text)
    assert mapping.identifiers == {"member_id": "member"} and mapping.times.happened_at == "at"
    (visits / "guessed.toml").write_text(text)
    out = run(
        capsys, imports(), str(visits / "visits.csv"), "--mapping", str(visits / "guessed.toml"), "--dry-run"
    )
    assert "nothing was kept" in out
