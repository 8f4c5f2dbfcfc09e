"""The demo as a newcomer runs it: an example brand and a web session by a published SDK, and nothing of either lost."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.patience import PATIENCE

ROOT = Path(__file__).parents[2]


def zd(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "zerodistance", f"--home={home}", "--lang=en", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )


def status(home: Path) -> dict[str, Any]:
    return dict(json.loads(zd(home, "status", "--json").stdout))


@pytest.mark.slow
def test_the_demo_takes_a_real_shop_in_whole_and_joins_the_session_to_its_customer(tmp_path: Path) -> None:
    home = tmp_path / "home"
    first = zd(home, "--port=0", "demo", "retail", "--no-stay")
    assert first.returncode == 0, first.stderr
    said = status(home)
    session = said["batches"]["touches"] - 541_909
    assert session >= 4 and said["quarantine"] == {}
    assert said["people"] == {"persons": 4_372, "visitors": 0}, "the session's visitor became a customer"
    assert zd(home, "doctor").returncode == 0
    again = zd(home, "--port=0", "demo", "retail", "--no-stay")
    assert again.returncode == 0, again.stderr
    said = status(home)
    assert said["batches"]["touches"] - 541_909 == 2 * session, (
        "the books are taken in once, each session anew"
    )
    assert said["people"]["persons"] == 4_372


@pytest.mark.slow
def test_the_demo_takes_every_silo_of_the_sample_city_in_whole(tmp_path: Path) -> None:
    home = tmp_path / "home"
    words = ("--port=0", "demo", "--people=500", "--seed=5", "--no-stay")
    first = zd(home, *words)
    assert first.returncode == 0, first.stderr
    city = json.loads((home / "example" / "city.json").read_text())
    consents = home / "example" / "consents.csv"  # what the demo assumes beside the city
    agreed = len(consents.read_text().splitlines()) - 1
    assert agreed > 10
    records = city["records"] + agreed
    said = status(home)
    refused = sum(said["quarantine"].values())
    session = said["batches"]["touches"] + refused - records
    assert session >= 4, "every row of every silo is a touch or is refused with its reason"
    assert refused < records / 1_000
    assert said["people"]["persons"] > 100 and said["people"]["visitors"] > 100
    assert len(json.loads(zd(home, "segments", "list", "--json").stdout)) == 3
    assert zd(home, "doctor").returncode == 0
    again = zd(home, *words)
    assert again.returncode == 0, again.stderr
    assert status(home)["batches"]["touches"] + refused - records == 2 * session
    other = zd(home, "--port=0", "demo", "--people=501", "--no-stay")
    assert other.returncode == 1 and "other_home" in other.stderr
