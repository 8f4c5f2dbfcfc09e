"""The walls that import-linter can't see: rooms, languages, and what may not be in the repository."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
CORE = ROOT / "zerodistance" / "core"
LINE = ("brand", "touchpoints", "identity", "profiles", "models", "segments", "measurement", "outreach")
ROOMS = [*(f"core/{room}" for room in LINE), "connectors/feeds", "apps/marketing", "sample", "evaluate"]


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_has_one_door_contracts_and_a_readme_of_one_screen(room: str) -> None:
    folder = ROOT / "zerodistance" / room
    assert [name for name in ("api.py", "contracts.py", "README.md") if not (folder / name).exists()] == []
    assert len((folder / "README.md").read_text(encoding="utf-8").splitlines()) <= 70


def test_the_core_has_exactly_the_rooms_of_the_line() -> None:
    assert sorted(
        path.name for path in CORE.iterdir() if path.is_dir() and path.name != "__pycache__"
    ) == sorted(LINE)


def tracked() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    return [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]


def test_no_tracked_file_names_a_registry_host_or_somebodys_machine() -> None:
    tokens = ("/ro" + "ot/", "py" + "pi.org", "python" + "hosted", "npm" + "js.org", "deb.deb" + "ian")
    wrong = []
    for path in tracked():
        if path.stat().st_size < 2_000_000 and path.suffix not in {".parquet", ".png", ".woff2"}:
            text = path.read_text(encoding="utf-8", errors="replace")
            wrong += [f"{path.relative_to(ROOT)}: {token}" for token in tokens if token in text]
    assert wrong == []


def test_no_module_is_longer_than_one_thought() -> None:
    long = [
        f"{path.relative_to(ROOT)}: {lines} lines"
        for path in tracked()
        if path.suffix == ".py"
        and path.is_relative_to(ROOT / "zerodistance")
        and (lines := len(path.read_text(encoding="utf-8").splitlines())) > 450
    ]
    assert long == []
