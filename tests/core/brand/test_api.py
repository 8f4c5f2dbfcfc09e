"""The verbs of brand against the embedded state store."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from pathlib import Path

import pytest

from zerodistance.core.brand import api
from zerodistance.core.brand.contracts import Change
from zerodistance.kernel import clock
from zerodistance.kernel.access import Role, Who
from zerodistance.kernel.errors import Forbidden, Invalid, NotFound
from zerodistance.kernel.home import Home

JULY = datetime(2026, 7, 1, tzinfo=UTC)
NOVEMBER = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.fixture
def brand(home: Home) -> Home:
    api.load_default(home, Who.system())
    return home


def file(tmp_path: Path, text: str, encoding: str = "utf-8") -> Path:
    path = tmp_path / "given.csv"
    path.write_bytes(text.encode(encoding))
    return path


def test_the_default_brand_loads_whole_and_only_once(home: Home) -> None:
    first = api.load_default(home, Who.system())
    again = api.load_default(home, Who.system())
    assert all(done.written and not done.bad and done.new == done.rows > 0 for done in first)
    assert all(done.same == done.rows for done in again)


def test_twelve_appliances_have_a_lifetime_that_says_where_it_comes_from(brand: Home, admin: Who) -> None:
    with_lifetime = [c for c in api.categories(brand, admin) if c.lifetime_years]
    assert len(with_lifetime) == 12
    assert {c.origin for c in with_lifetime} == {"own value"}
    assert all(c.name.zh and c.name.en for c in with_lifetime)


def test_every_made_up_community_says_so_and_lies_in_a_territory(brand: Home, admin: Who) -> None:
    communities = api.places(brand, admin, kind="community", unit="harbour_city")
    assert len(communities) == 8
    assert all("虚构" in c.name.zh and "made up" in c.name.en and c.grade for c in communities)


def test_the_past_keeps_its_names(brand: Home, admin: Who) -> None:
    with clock.freeze(NOVEMBER):
        api.upsert(
            brand,
            admin,
            "products",
            [Change(("FR-220",), {"name_zh": "新", "name_en": "New", "category": "freezer"})],
        )
        assert api.product(brand, "FR-220").name.en == "New"
    assert api.product(brand, "FR-220", at=clock.to_micros(JULY)).category == "fridge"
    assert api.resolve_categories(brand, ["FR-220", "nope"], at=clock.to_micros(JULY)) == {"FR-220": "fridge"}
    assert api.resolve_categories(brand, ["FR-220"], at=clock.to_micros(NOVEMBER)) == {"FR-220": "freezer"}


def test_the_owner_of_a_category_is_found_above_it(brand: Home) -> None:
    assert api.owner(brand, "fridge") == "cooling"
    assert api.owner(brand, "nothing") is None


def test_one_wrong_row_keeps_the_file_out_unless_it_may_be_partial(
    brand: Home, admin: Who, tmp_path: Path
) -> None:
    path = file(tmp_path, "code,name_zh,name_en,category\nX-1,甲,A,fridge\nX-2,乙,B,spaceship\n")
    refused = api.import_file(brand, admin, "products", path)
    assert not refused.written
    assert [(b.line, b.column, b.given) for b in refused.bad] == [(3, "category", "spaceship")]
    with pytest.raises(NotFound):
        api.product(brand, "X-1")
    taken = api.import_file(brand, admin, "products", path, partial=True)
    assert (taken.written, taken.new, taken.refused) == (True, 1, 1)
    assert api.product(brand, "X-1").category == "fridge"


def test_a_dry_run_writes_nothing(brand: Home, admin: Who, tmp_path: Path) -> None:
    path = file(tmp_path, "code,name_zh,name_en,category\nX-1,甲,A,fridge\n")
    done = api.import_file(brand, admin, "products", path, dry_run=True)
    assert (done.new, done.written) == (1, False)
    with pytest.raises(NotFound):
        api.product(brand, "X-1")


def test_a_file_as_excel_in_china_writes_it_is_read(brand: Home, admin: Who, tmp_path: Path) -> None:
    path = file(tmp_path, "key,name_zh,name_en\r\nnorth,北方小微,North\r\n", "gb18030")
    api.import_file(brand, admin, "units", path)
    assert api.unit(brand, "north").name.zh == "北方小微"


def test_a_file_may_name_parents_that_it_brings_itself_but_no_circle(
    brand: Home, admin: Who, tmp_path: Path
) -> None:
    good = api.import_file(
        brand, admin, "units", file(tmp_path, "key,name_zh,name_en,parent\na,甲,A,b\nb,乙,B,\n")
    )
    assert good.new == 2
    bad = api.import_file(
        brand, admin, "units", file(tmp_path, "key,name_zh,name_en,parent\nc,甲,A,d\nd,乙,B,c\n")
    )
    assert [b.column for b in bad.bad] == ["parent", "parent"]


def test_what_refers_to_a_refused_row_is_refused_too(brand: Home, admin: Who, tmp_path: Path) -> None:
    path = file(tmp_path, "key,name_zh,name_en,parent\na,甲,A,nowhere\nb,乙,B,a\n")
    done = api.import_file(brand, admin, "units", path, partial=True)
    assert (done.new, done.refused) == (0, 2)


def test_an_export_with_history_gives_the_same_history(brand: Home, admin: Who, tmp_path: Path) -> None:
    api.upsert(
        brand, admin, "units", [Change(("air",), {"name_zh": "风", "name_en": "Wind", "parent": None})]
    )
    out = io.StringIO()
    api.export(brand, admin, "units", out, history=True)
    done = api.import_file(brand, admin, "units", file(tmp_path, out.getvalue()))
    assert (done.same, done.rows, done.bad) == (9, 9, ())
    again = io.StringIO()
    api.export(brand, admin, "units", again, history=True)
    assert again.getvalue() == out.getvalue()


def test_every_kind_can_be_exported_and_taken_back(brand: Home, admin: Who, tmp_path: Path) -> None:
    for kind in api.KINDS:
        out = io.StringIO()
        rows = api.export(brand, admin, kind, out)
        done = api.import_file(brand, admin, kind, file(tmp_path, out.getvalue()))
        assert (done.same, done.bad) == (rows, ())


def test_the_number_of_a_unit_outlives_its_versions(brand: Home, admin: Who) -> None:
    before = api.unit(brand, "air").number
    api.upsert(
        brand, admin, "units", [Change(("air",), {"name_zh": "风", "name_en": "Wind", "parent": None})]
    )
    assert api.unit(brand, "air").number == before


def test_an_account_of_one_unit_sees_its_unit_and_territory_only(brand: Home) -> None:
    air = api.unit(brand, "air")
    limited = Who(3, "lin", Role.ANALYST, units=frozenset({air.number}))
    assert [unit.key for unit in api.units(brand, limited)] == ["air"]
    assert api.territories(brand, limited) == []
    assert len(api.products(brand, limited)) == 17


def test_an_analyst_may_not_change_the_brand(brand: Home, analyst: Who, tmp_path: Path) -> None:
    with pytest.raises(Forbidden):
        api.upsert(brand, analyst, "units", [])
    with pytest.raises(Forbidden):
        api.import_file(brand, analyst, "units", file(tmp_path, "key"))


def test_bytes_that_are_no_text_are_named(brand: Home, admin: Who, tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(b"\xff\xff\xff\x00")
    with pytest.raises(Invalid):
        api.import_file(brand, admin, "units", path)


def test_a_column_that_a_file_does_not_have_leaves_what_was_said_before(
    brand: Home, admin: Who, tmp_path: Path
) -> None:
    older = "key,parent,name_zh,name_en\nfridge,cooling,冰箱,Refrigerator\nkettle,cooking,水壶,Kettle\n"
    assert not api.import_file(brand, admin, "categories", file(tmp_path, older)).bad
    fridge, kettle = (api.category(brand, key) for key in ("fridge", "kettle"))
    assert (fridge.name.en, fridge.warranty_months, fridge.lifetime_years) == ("Refrigerator", 12, 11)
    assert (kettle.warranty_months, kettle.origin) == (None, "")
    emptied = "key,parent,name_zh,name_en,warranty_months\nfridge,cooling,冰箱,Refrigerator,\n"
    assert not api.import_file(brand, admin, "categories", file(tmp_path, emptied)).bad
    assert api.category(brand, "fridge").warranty_months is None


def test_coordinates_of_chinese_maps_come_in_as_wgs_84_and_a_community_has_homes(
    home: Home, admin: Who, tmp_path: Path
) -> None:
    file = tmp_path / "places.csv"
    head = "code,name_zh,name_en,kind,lat,lon,area,households\n"
    file.write_text(
        f"{head}X1,望京,Wangjing,community,39.91334545536069,116.38404722455657,110101,1200\nX2,城,City,city,,,110000,\n"
    )
    assert api.import_file(home, admin, "places", file, coordinates="gcj02").written
    found = api.place(home, "X1")
    assert (found.lat, found.lon) == pytest.approx((39.911954, 116.377817), abs=1e-6)
    assert (found.households, api.place(home, "X2").households) == (1200, None)
    file.write_text(f"{head}X1,望京,Wangjing,community,39.9,116.4,110101,0\n")
    (bad,) = api.import_file(home, admin, "places", file).bad
    assert bad.column == "households"
