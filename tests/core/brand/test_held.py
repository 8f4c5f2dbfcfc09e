"""What was worked out of the brand's tables is kept until they say something else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from zerodistance.core.brand import api as brand
from zerodistance.core.brand.contracts import Change
from zerodistance.kernel import clock
from zerodistance.kernel.access import Who
from zerodistance.kernel.home import Home

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SYSTEM = Who.system("test")


def test_it_is_worked_out_again_when_a_table_changes_and_when_a_row_begins_to_hold(home: Home) -> None:
    asked = 0

    def units() -> list[str]:
        nonlocal asked
        asked += 1
        return [unit.key for unit in brand.units(home, SYSTEM)]

    def named(key: str, days: float) -> None:
        values = {"name_zh": key, "name_en": key, "parent": None}
        begins = clock.to_micros(NOW + timedelta(days=days))
        assert not brand.upsert(home, SYSTEM, "units", [Change((key,), values, valid_from=begins)]).bad

    with clock.freeze(NOW):
        assert [brand.held(home, "units", units) for _ in range(3)] == [[]] * 3
        named("north", -1)
        named("south", 2)
        assert [brand.held(home, "units", units) for _ in range(3)] == [["north"]] * 3
        named("north", -1)
        brand.held(home, "units", units)
        assert asked == 2, "saying again what holds changes nothing"
        assert brand.held(home, "others", lambda: 7) == 7
    with clock.freeze(NOW + timedelta(days=1)):
        assert (brand.held(home, "units", units), asked) == (["north"], 2)
    with clock.freeze(NOW + timedelta(days=2)):
        assert (brand.held(home, "units", units), asked) == (["north", "south"], 3)
    with clock.freeze(NOW):
        assert (brand.held(home, "units", units), asked) == (["north"], 4), "the clock was put back"
