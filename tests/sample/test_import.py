"""Every silo is read by the product under the mapping that ships; what is refused is dirty on purpose."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.sample.cities import SILOS, path_of, truth
from zerodistance import compose
from zerodistance.core.brand import api as brand
from zerodistance.core.identity import api as identity
from zerodistance.core.touchpoints import import_jobs
from zerodistance.core.touchpoints.dry_run import dry_run
from zerodistance.kernel.access import Who
from zerodistance.kernel.home import Home

WHO = Who.system("test")


def mapping(root: Path, silo: str) -> str:
    return (root / "mappings" / f"{silo}.toml").read_text(encoding="utf-8")


@pytest.mark.parametrize("silo", SILOS)
def test_a_silo_is_read_whole_under_its_mapping(city: Path, home: Home, silo: str) -> None:
    report = dry_run(home, WHO, path_of(city, silo), mapping(city, silo))
    assert report.rows == truth(city, f"records/{silo}").num_rows > 0
    assert report.accepted == report.rows - sum(report.refused.values())
    assert set(report.refused) <= ({"bad_timestamp"} if silo == "pos_linan" else set())
    assert report.repeated == 0 and report.latest is not None and report.latest < "2026-11-01"
    assert report.kinds.keys() - {"custom"}
    assert report.nobody <= 0.05 * report.rows


def test_the_brand_is_taken_in_and_some_silos_with_it(city: Path, home: Home, tmp_path: Path) -> None:
    for kind in ("units", "categories", "products", "places", "territories"):
        assert brand.import_file(home, WHO, kind, city / "brand" / f"{kind}.csv").refused == 0
    silos = ("crm", "club", "devices")
    for silo in silos:
        import_jobs.create(home, WHO, path_of(city, silo), mapping(city, silo))
    compose.work_here(home)
    many = identity.export(home, WHO, tmp_path / "persons.csv")
    assert many == sum(truth(city, f"records/{silo}").num_rows for silo in silos)
    exported = [line.split(",") for line in (tmp_path / "persons.csv").read_text().splitlines()[1:]]
    records = {record for silo in silos for record in truth(city, f"records/{silo}")["record"].to_pylist()}
    assert {row[1] for row in exported} == records
