"""`zerodistance import` and `zerodistance quarantine` from the command line."""

from __future__ import annotations

import gzip
import io
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from cyclopts import App

from tests.core.touchpoints.people import EachIdentifier
from zerodistance.core.touchpoints.digest import Digest
from zerodistance.core.touchpoints.import_cli import app as import_app
from zerodistance.core.touchpoints.import_errors import NoFile
from zerodistance.core.touchpoints.imports import Feeds
from zerodistance.core.touchpoints.parse import Parser
from zerodistance.core.touchpoints.quarantine_cli import app as quarantine
from zerodistance.kernel import command
from zerodistance.kernel.home import Home

MAPPING = """
kind = "store.visited"
source = { key = "visits", name = "Visits", kind = "store" }
identifiers = { member_id = "member" }
times = { happened_at = "at", zone = "UTC", lag = "1 day" }
"""


def work(home: Home) -> None:
    with home.engine.connect() as connection:
        parser, feeds = Parser(connection, home.seal, lambda source: 32_768, "CNY"), Feeds()
        digest = Digest(home, EachIdentifier(), lambda: feeds(home, parser))
        while digest.step():
            pass


@pytest.fixture(autouse=True)
def flags(home: Home) -> Iterator[None]:
    """Give the commands the test's home, in English, and a worker of their own."""
    command.set_flags(home=home.root, lang="en")
    command.use_work_here(work)
    yield
    command.home().close()
    command.set_flags()


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    (tmp_path / "visits.csv").write_text("at,member\n2026-01-01,m1\nsoon,13912345678\n2026-01-03,\n")
    (tmp_path / "visits.toml").write_text(MAPPING)
    return [str(tmp_path / "visits.csv"), "--mapping", str(tmp_path / "visits.toml")]


def run(capsys: pytest.CaptureFixture[str], app: App, *words: str) -> str:
    capsys.readouterr()
    app([*words], result_action="return_value")
    return capsys.readouterr().out


def imports() -> App:
    return import_app


def test_a_dry_run_is_readable_and_shows_nobody(capsys: pytest.CaptureFixture[str], files: list[str]) -> None:
    out = run(capsys, imports(), *files, "--dry-run")
    for part in (
        "would be made",
        "3 rows: 2 would be taken, 1 refused",
        "row 2",
        "99999999999",
        "nothing was kept",
    ):
        assert part in out
    assert "13912345678" not in out and "m1" not in out
    report = json.loads(run(capsys, imports(), *files, "--dry-run", "--json"))
    assert (report["accepted"], report["nobody"], report["refused"]) == (2, 1, {"bad_timestamp": 1})


def test_an_import_waits_until_it_is_done_and_says_so_the_second_time(
    capsys: pytest.CaptureFixture[str], files: list[str]
) -> None:
    out = run(capsys, imports(), *files)
    assert "made the source visits" in out and "3 rows: 2 taken, 0 repeated, 1 refused" in out
    assert "already imported" in run(capsys, imports(), *files)
    again = json.loads(run(capsys, imports(), *files, "--json"))
    assert (again["new"], again["state"], again["accepted"]) == (False, "done", 2)


def test_an_import_that_is_not_waited_for_is_done_later(
    capsys: pytest.CaptureFixture[str], files: list[str]
) -> None:
    assert "waits for the worker" in run(capsys, imports(), *files, "--no-wait")
    assert "goes on" in run(capsys, imports(), *files)


def test_refused_rows_are_listed_mended_and_replayed(
    capsys: pytest.CaptureFixture[str], files: list[str], tmp_path: Path
) -> None:
    assert "is empty" in run(capsys, quarantine, "list")
    run(capsys, imports(), *files)
    assert json.loads(run(capsys, quarantine, "list", "--json"))[0]["reason"] == "bad_timestamp"
    row = json.loads(run(capsys, quarantine, "list", "--source", "visits", "--json"))[0]
    assert "99999999999" in run(capsys, quarantine, "show", row["id"])
    shown = json.loads(run(capsys, quarantine, "show", row["id"], "--reveal"))["content"]
    assert shown["values"]["member"] == "13912345678"
    shown["values"]["at"] = "2026-01-02"
    (tmp_path / "row.json").write_text(json.dumps(shown))
    run(capsys, quarantine, "mend", row["id"], str(tmp_path / "row.json"))
    assert "1 rows will be replayed" in run(capsys, quarantine, "replay", "--all")
    run(capsys, quarantine, "export", "--to", str(tmp_path / "left.jsonl"))
    assert (tmp_path / "left.jsonl").read_text() == ""
    assert "say which" in run(capsys, quarantine, "replay")


def test_a_folder_a_pattern_and_several_files_are_taken_in_with_one_summary(
    capsys: pytest.CaptureFixture[str], files: list[str], tmp_path: Path
) -> None:
    inbox = tmp_path / "inbox"
    (inbox / "below").mkdir(parents=True)
    for day in (1, 2):
        (inbox / f"{day}.csv").write_text(f"at,member\n2026-01-0{day},m{day}\n")
    (inbox / ".hidden").write_text("at,member\n")
    mapping = files[1:]
    assert "2 files: 2 imported, 0 imported before, 0 not imported; 2 taken" in run(
        capsys, imports(), str(inbox), *mapping
    )
    (inbox / "3.csv").write_text("at\n2026-01-03\n")
    said = run(capsys, imports(), str(inbox / "*.csv"), files[0], *mapping)
    assert "4 files: 1 imported, 2 imported before, 1 not imported; 2 taken, 0 repeated, 1 refused" in said
    told = json.loads(run(capsys, imports(), str(inbox), *mapping, "--json"))
    assert [job["new"] for job in told["files"]] == [False, False] and told["failed"] == 1
    assert (
        told["not_imported"][0]["file_name"] == "3.csv"
        and "no column member" in told["not_imported"][0]["error"]
    )
    assert "3.csv" in json.dumps(
        json.loads(run(capsys, imports(), str(inbox), *mapping, "--dry-run", "--json"))
    )
    with pytest.raises(NoFile, match="no file has such a name"):
        run(capsys, imports(), str(inbox / "*.json"), *mapping)


def test_standard_input_is_kept_sealed_and_taken_in(
    capsys: pytest.CaptureFixture[str], files: list[str], monkeypatch: pytest.MonkeyPatch, home: Home
) -> None:
    mapping = files[1:]
    packed = gzip.compress(b"at,member\n2026-01-01,m1\n2026-01-02,m2\n")
    for words, said in (
        (["--dry-run"], "2 rows: 2 would be taken"),
        (["--name", "visits.gz"], "2 rows: 2 taken"),
        ([], "already"),
    ):
        read, write = os.pipe()
        os.write(write, packed)
        os.close(write)
        with open(read, "rb") as stream:
            monkeypatch.setattr("sys.stdin", io.TextIOWrapper(stream))
            assert said in run(capsys, imports(), "-", *mapping, *words)
    assert list(home.path("imports").iterdir()) == []
