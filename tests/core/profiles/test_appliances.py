"""What somebody owns: age, faults and warranty, out of the states of their touches and the brand's tables."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from tests.core.profiles import world
from zerodistance.core.brand import api as brand
from zerodistance.core.brand.contracts import Change
from zerodistance.core.profiles import rules, states
from zerodistance.core.profiles.appliances import Appliance, Fault, owned
from zerodistance.kernel import clock
from zerodistance.kernel.access import Who
from zerodistance.kernel.home import Home

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
WHO = Who.system("test")


@pytest.fixture
def shop(home: Home) -> Home:
    brand.load_default(home, WHO)
    named = {"name_zh": "长保冰箱", "name_en": "Long fridge", "category": "fridge", "warranty_months": 36}
    assert not brand.upsert(home, WHO, "products", [Change(("FR-LONG",), named)]).bad
    return home


def of(home: Home, *told: tuple[str, int, dict[str, Any]]) -> tuple[Appliance, ...]:
    """Return what somebody owns who did these, so many days ago."""
    touches = [
        world.touch(1, n, 7, kind, NOW - timedelta(days=back), **more)
        for n, (kind, back, more) in enumerate(told)
    ]
    rows = states.made_from(home, world.table(touches), 0)
    return owned(home, WHO, rows, rules.day_of(clock.to_micros(NOW), home.settings.zone))


FRIDGE = {"product": "FR-220", "category": "fridge"}


def test_the_warranty_runs_from_the_day_it_was_bought_for_the_months_of_its_category(shop: Home) -> None:
    new, old = of(
        shop,
        ("order.line", 30, FRIDGE),
        ("product.registered", 20, FRIDGE),
        ("order.line", 400, {"product": "WA-1", "category": "washer"}),
    )
    assert (new.product, new.how, new.began, new.warranty_months) == (
        "FR-220",
        "order.line",
        date(2026, 1, 30),
        12,
    )
    assert (new.warranty_until, new.in_warranty, old.in_warranty) == (date(2027, 1, 29), True, False)
    assert new.name.en == "Two-door fridge, 220 l" and old.name.en == "WA-1", (
        "the brand does not know that one"
    )
    assert old.years == pytest.approx(400 / 365.25) and old.lifetime_years == 9


def test_a_product_may_have_a_warranty_of_its_own_and_what_no_table_says_is_not_made_up(shop: Home) -> None:
    (own,) = of(shop, ("device.bound", 400, {"product": "FR-LONG", "category": "fridge"}))
    assert (own.how, own.warranty_months, own.in_warranty) == ("device.bound", 36, True)
    (unknown,) = of(shop, ("order.line", 10, {"product": "X1", "category": "kettle"}))
    assert (unknown.warranty_months, unknown.warranty_until, unknown.in_warranty) == (None, None, None)
    (never,) = of(shop, ("device.fault", 10, {**FRIDGE, "fault": "E1"}))
    assert (never.began, never.warranty_months, never.in_warranty) == (None, 12, None)


def test_faults_and_visits_of_a_category_are_those_of_its_one_product(shop: Home) -> None:
    (fridge,) = of(
        shop,
        ("order.line", 100, FRIDGE),
        ("device.fault", 9, {**FRIDGE, "fault": "E1"}),
        ("service.called", 8, {"category": "fridge", "fault": "E1"}),
        ("service.visited", 7, {"category": "fridge"}),
        ("device.used", 1, FRIDGE),
        ("product.viewed", 0, {"product": "FR-480", "category": "fridge"}),
    )
    assert fridge.faults == (Fault("E1", 2, date(2026, 2, 21)),)
    assert (fridge.calls, fridge.visits, fridge.last_visit) == (1, 1, date(2026, 2, 22))
    assert fridge.last_used == date(2026, 2, 28)


def test_what_went_back_is_said_and_stands_last(shop: Home) -> None:
    kept, gone = of(
        shop,
        ("order.line", 100, {**FRIDGE, "quantity": 1.0}),
        ("order.line", 5, {"product": "FR-480", "category": "fridge", "quantity": 2.0}),
        ("order.returned", 4, {"product": "FR-480", "category": "fridge", "quantity": -2.0}),
    )
    assert (kept.product, kept.pieces, gone.product, gone.pieces) == ("FR-220", 1.0, "FR-480", 0.0)


def test_months_of_warranty_are_imported_and_wrong_ones_named(shop: Home, tmp_path: Any) -> None:
    path = tmp_path / "products.csv"
    path.write_text(
        "code,name_zh,name_en,category,warranty_months\nA1,甲,A,fridge,24\nA2,乙,B,fridge,-1\nA3,丙,C,fridge,\n"
    )
    done = brand.import_file(shop, WHO, "products", path, partial=True)
    assert [(cell.line, cell.column) for cell in done.bad] == [(3, "warranty_months")]
    found = brand.some_products(shop, ["A1", "A2", "A3", "none"])
    assert {code: one.warranty_months for code, one in found.items()} == {"A1": 24, "A3": None}
