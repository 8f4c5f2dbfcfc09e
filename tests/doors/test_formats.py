"""How values are written, and the geometry of small pictures."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zerodistance.core.segments.contracts import AllOf, AnyOf, Did, Has, Lives, Near, NoneOf
from zerodistance.doors.portal import charts, drafting
from zerodistance.doors.portal.formats import Formats
from zerodistance.doors.portal.readings import refused_place
from zerodistance.kernel import clock
from zerodistance.kernel.text import Text

AT = clock.to_micros(datetime(2026, 11, 21, 14, 32, 8, tzinfo=UTC))


@pytest.mark.parametrize(
    ("lang", "when", "day"),
    [("zh", "11-21 14:32", "11月21日，周六"), ("en", "21 Nov 14:32", "Saturday 21 November")],
)
def test_times_are_written_as_people_say_them(lang: str, when: str, day: str) -> None:
    with clock.freeze(clock.from_micros(AT)):
        f = Formats(lang, UTC)
        assert (f.when(AT), f.long_day(AT), f.recent(AT)) == (when, day, "14:32")


@given(st.floats(0, 1e9))
def test_a_ceiling_is_not_below_and_not_far_above(value: float) -> None:
    top = charts.ceiling(value)
    assert top >= value - 1e-6
    assert top <= max(3.0, value * 2 + 3)


@given(st.integers(0, 12))
def test_nodes_of_the_picture_keep_apart(count: int) -> None:
    dots = charts.ring([str(i) for i in range(count)])
    spots = [(d.x, d.y) for d in dots] + [(50.0, 50.0)]
    assert len({d.key for d in dots}) == count
    for row in (True, False):
        across = sorted(d.x for d in dots if d.below is row)
        assert all(b - a >= 15 for a, b in pairwise(across))
    assert all(abs(x - 50) > 5 or abs(y - 50) > 20 for x, y in spots[:-1])


VIEWED, BOUGHT, OWNS = Did("product.viewed"), Did("order.completed"), Has("brand.owned")


def test_conditions_are_joined_where_a_reader_expects_them() -> None:
    rule = drafting.joined(None, VIEWED, "and")
    assert rule == VIEWED
    rule = drafting.joined(rule, BOUGHT, "and")
    assert rule == AllOf((VIEWED, BOUGHT))
    rule = drafting.joined(rule, OWNS, "or")
    assert rule == AllOf((VIEWED, AnyOf((BOUGHT, OWNS))))
    rule = drafting.joined(rule, Did("device.fault"), "not")
    assert rule == AllOf((VIEWED, AnyOf((BOUGHT, OWNS)), NoneOf((Did("device.fault"),))))
    assert list(drafting.leaves(rule)) == [VIEWED, BOUGHT, OWNS, Did("device.fault")]


def test_a_condition_taken_away_leaves_no_empty_group() -> None:
    rule = AllOf((VIEWED, AnyOf((BOUGHT, OWNS)), NoneOf((Did("device.fault"),))))
    assert drafting.without(rule, 1) == AllOf((VIEWED, OWNS, NoneOf((Did("device.fault"),))))
    assert drafting.without(AllOf((VIEWED, BOUGHT)), 0) == BOUGHT
    assert drafting.without(VIEWED, 0) is None


def test_a_condition_is_read_as_it_was_typed() -> None:
    spend = {"what": "has", "dimension": "value.spend_total"}
    assert drafting.leaf_of({**spend, "low": "10,000"}) == Has("value.spend_total", at_least=10_000)
    assert drafting.leaf_of({**spend, "low": "１０，０００", "high": "2 000 000.5"}) == Has(
        "value.spend_total", at_least=10_000, at_most=2_000_000.5
    )
    assert drafting.leaf_of({**spend, "node": "none"}) == Has("value.spend_total", node="none")
    point = {"what": "lives", "lat": "-20.5", "lon": "120.38", "km": "５"}
    assert drafting.leaf_of(point) == Near(-20.5, 120.38, 5)
    assert drafting.leaf_of({"what": "lives", "territory": "north"}) == Lives(territory="north")
    did = {"what": "did", "kind": "order.line", "low": "left over from the other half"}
    assert drafting.leaf_of({**did, "times": "1,000", "within": "３０"}) == Did(
        "order.line", at_least=1_000, within_days=30
    )


@pytest.mark.parametrize(
    ("fields", "wrong", "says"),
    [
        ({"what": "has"}, "dimension", "choose"),
        ({"what": "did"}, "kind", "choose"),
        ({"what": "did", "kind": "order.line", "times": "2.5"}, "times", "2.5"),
        ({"what": "did", "kind": "order.line", "times": "0"}, "times", "1 to"),
        ({"what": "did", "kind": "order.line", "within": "30天"}, "within", "30天"),
        ({"what": "did", "kind": "order.line", "within": "40000"}, "within", "36,500"),
        ({"dimension": "value.spend_total", "low": "1,0000"}, "low", "10,000"),
        ({"dimension": "value.spend_total", "high": "viel"}, "high", "viel"),
        ({"dimension": "value.spend_total", "low": "5", "high": "4"}, "high", "below 5"),
        ({"dimension": "value.spend_total", "low": "5", "node": "none"}, "node", "not both"),
        ({"dimension": "geo.place", "low": "5"}, "dimension", "no range"),
        ({"what": "lives"}, "community", "choose one"),
        ({"what": "lives", "community": "HC-1", "territory": "north"}, "community", "choose one"),
        ({"what": "lives", "lat": "36", "lon": "120"}, "km", "distance"),
        ({"what": "lives", "lat": "96", "lon": "120", "km": "5"}, "lat", "-90 to 90"),
        ({"what": "lives", "lat": "36", "lon": "east", "km": "5"}, "lon", "east"),
    ],
)
def test_a_field_that_cannot_be_read_is_named_and_nothing_else_is_counted(
    fields: dict[str, str], wrong: str, says: str
) -> None:
    with pytest.raises(drafting.WrongFields) as caught:
        drafting.leaf_of(fields)
    assert list(caught.value.wrong) == [wrong]
    assert says in caught.value.wrong[wrong].en


def test_every_mistake_of_a_form_is_said_at_once() -> None:
    with pytest.raises(drafting.WrongFields) as caught:
        drafting.leaf_of({"what": "did", "times": "x", "within": "y"})
    assert set(caught.value.wrong) == {"kind", "times", "within"}


def test_where_a_refused_row_stood_is_said_in_both_languages() -> None:
    assert refused_place("message 3") == Text("第 3 条", "message 3")
    assert refused_place("row 17 (sheet row 3)") == Text("第 17 行（sheet row 3）", "row 17 (sheet row 3)")
    assert refused_place("body").zh == "正文"
    assert refused_place("track") == Text("track", "track")
