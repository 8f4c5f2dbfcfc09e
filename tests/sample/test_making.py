"""The same seed gives the same bytes, however many make it; the files, the truth and the manifest fit each other."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from tests.sample.cities import SILOS, rows_of, truth
from zerodistance.kernel.errors import Invalid
from zerodistance.sample import api, places
from zerodistance.sample.contracts import NotEmpty
from zerodistance.sample.world import NoWorld

ID = {
    "crm": "建档单号", "club": "event_no", "pos_haiping": "流水号", "pos_baiju": "line_id", "pos_linan": "序号", "shop": "order_no",
    "calls": "call_no", "visits": "visit_no", "web": "messageId", "social": "post_id", "devices": "binding", "telemetry": "summary",
    "faults": "fault_no", "messages": "row_no",
}  # fmt: skip
KNOWN = {
    "crm": "建档时间", "club": "recorded_at", "pos_haiping": "上报时间", "pos_baiju": "upload_date", "pos_linan": "报表日期",
    "shop": "exported_at", "calls": "closed_at", "visits": "reported_at", "web": "sentAt", "social": "crawled_at",
    "devices": "synced_at", "telemetry": "synced_at", "faults": "synced_at", "messages": "received_at",
}  # fmt: skip
HAPPENED = {
    "club": "occurred_at", "pos_haiping": "销售时间", "pos_baiju": "sale_date", "pos_linan": "日期", "shop": "placed_at", "calls": "opened_at",
    "visits": "visited_at", "web": "originalTimestamp", "social": "published_at", "devices": "bound_at", "telemetry": "week", "faults": "at",
    "messages": "at",
}  # fmt: skip


def hashes(city: api.City) -> dict[str, str]:
    return {fact.path: fact.sha256 for fact in city.files}


def test_the_same_seed_gives_the_same_bytes_in_one_process_and_in_two(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "BLOCK", 100)
    one = api.generate(240, 5, "base", tmp_path / "one", processes=1)
    two = api.generate(240, 5, "base", tmp_path / "two", processes=2)
    other = api.generate(240, 6, "base", tmp_path / "other", processes=1)
    assert hashes(one) == hashes(two)
    same = {path for path, sha in hashes(other).items() if hashes(one)[path] == sha}
    assert {path for path in same if not path.startswith("mappings/")} <= {
        "brand/units.csv", "brand/categories.csv", "brand/products.csv", "truth/campaigns.parquet",
    }  # fmt: skip


def test_the_manifest_says_what_is_there(city: Path) -> None:
    said = json.loads((city / api.MANIFEST).read_text(encoding="utf-8"))
    found = {str(path.relative_to(city)) for path in city.rglob("*") if path.is_file()} - {api.MANIFEST}
    assert {fact["path"] for fact in said["files"]} == found
    assert (said["world"], said["seed"], said["people"], said["until"]) == ("base", 3, 500, "2026-11-01")
    assert said["records"] == sum(fact["rows"] for fact in said["files"] if fact["path"].startswith("silos/"))
    assert truth(city, "persons").num_rows == 500


@pytest.mark.parametrize("silo", SILOS)
def test_every_row_of_a_silo_has_its_record_in_the_same_place_and_the_file_is_in_the_order_of_knowing(
    city: Path, silo: str
) -> None:
    rows, records = rows_of(city, silo), truth(city, f"records/{silo}")
    assert [row[ID[silo]] for row in rows] == records["record"].to_pylist()
    assert records["row"].to_pylist() == list(range(len(rows)))
    known = [str(row[KNOWN[silo]])[:19] for row in rows]  # to the second
    assert known == sorted(known)
    persons = truth(city, "persons")
    household = dict(zip(persons["person"].to_pylist(), persons["household"].to_pylist(), strict=True))
    about = zip(records["person"].to_pylist(), records["household"].to_pylist(), strict=True)
    assert all(home == (None if person is None else household[person]) for person, home in about)


@pytest.mark.parametrize("silo", sorted(HAPPENED))
def test_nothing_is_known_before_it_happened(city: Path, silo: str) -> None:
    rows = rows_of(city, silo)
    assert all(str(row[HAPPENED[silo]]).replace("/", "-") <= str(row[KNOWN[silo]]) for row in rows)


def test_tables_of_the_truth_name_only_what_there_is(city: Path) -> None:
    persons = set(truth(city, "persons")["person"].to_pylist())
    homes = set(truth(city, "households")["household"].to_pylist())
    units = set(truth(city, "units")["unit"].to_pylist())
    assert set(truth(city, "residences")["household"].to_pylist()) == homes
    assert set(truth(city, "contacts")["person"].to_pylist()) <= persons
    assert set(truth(city, "needs")["decider"].to_pylist()) <= persons
    assert set(truth(city, "needs")["old_unit"].to_pylist()) - {None} <= units
    assert set(truth(city, "faults")["unit"].to_pylist()) <= units
    assert set(truth(city, "influence")["to_household"].to_pylist()) <= homes
    texts = truth(city, "texts")
    for silo in ("calls", "visits", "social"):
        told = texts.filter([value == silo for value in texts["silo"].to_pylist()])
        every = truth(city, f"records/{silo}")["record"].to_pylist()
        silent = _missed(city) if silo == "visits" else set()
        assert sorted(told["record"].to_pylist()) == sorted(set(every) - silent)
    assert _missed(city), "nobody was at home now and then, and nothing was noted"


def _missed(city: Path) -> set[str]:
    lines = gzip.decompress((city / "silos" / "visits.csv.gz").read_bytes()).decode().splitlines()
    return {line.split(",")[0] for line in lines if ",客户不在," in line}


def test_a_folder_that_holds_something_is_left_alone(city: Path, tmp_path: Path) -> None:
    with pytest.raises(NotEmpty):
        api.generate(60, 1, "base", city)
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(NotEmpty):
        api.generate(60, 1, "base", tmp_path)
    assert (tmp_path / "mine.txt").read_text() == "mine"


def test_a_city_that_was_broken_off_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / ".making").mkdir()
    (tmp_path / "silos").mkdir()
    (tmp_path / "silos" / "crm.csv").write_text("half")
    assert api.generate(60, 1, "base", tmp_path, processes=1).people == 60
    assert not (tmp_path / ".making").exists()


@pytest.mark.parametrize(("people", "seed"), [(1, 1), (10**9, 1), (60, -1)])
def test_what_is_not_allowed_is_named(tmp_path: Path, people: int, seed: int) -> None:
    with pytest.raises(Invalid, match="--"):
        api.generate(people, seed, "base", tmp_path / "city")
    with pytest.raises(NoWorld, match="base, shifted"):
        api.generate(60, 1, "mars", tmp_path / "city")
