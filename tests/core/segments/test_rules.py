"""The rule language: what it reads, what it refuses, and that both forms say the same."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zerodistance.core.profiles.contracts import Bands, Dimension
from zerodistance.core.profiles.dimensions import DIMENSIONS
from zerodistance.core.segments import rules
from zerodistance.core.segments.conditions import LARGEST, Words
from zerodistance.core.segments.contracts import (
    AllOf,
    AnyOf,
    Did,
    Has,
    Household,
    In,
    Lives,
    Near,
    NoneOf,
    OthersAtHome,
    Rule,
    SomeOf,
    Within,
    WrongRule,
)
from zerodistance.core.touchpoints.kinds import KINDS

WORDS = Words({d.key: d for d in DIMENSIONS}, tuple(KINDS))

HOMES = {f"c{n}": (36.0 + 0.004 * n, 120.3 + 0.011 * (n % 3)) for n in range(6)}
"""Communities, and where they lie."""


def nodes_of(dimension: Dimension) -> list[str]:
    """Return nodes that a rule may name as they are."""
    nodes = dimension.nodes
    if isinstance(nodes, Bands):
        return [key for _, key, _ in nodes.bands] + [f"^{key}" for _, key, _ in nodes.groups]
    inner = set(nodes.parents.values())
    known = [key for key in nodes.labels if key not in inner] + [f"^{key}" for key in sorted(inner)]
    return known or ["fridge", "QD", 'a"b\\c', "海尔", "^fridge"]


@st.composite
def bounds(draw: st.DrawFn, word: str, values: list[Any]) -> dict[str, Any]:
    """Draw none, one or both ends of a range; most often none."""
    low, high = sorted(draw(st.tuples(*[st.sampled_from(values)] * 2)))
    said = {f"{word}_at_least": low, f"{word}_at_most": high}
    ends: tuple[str, ...] = draw(st.sampled_from([(), (), (), ("least",), ("most",), ("least", "most")]))
    return {key: value for key, value in said.items() if key.rpartition("_")[2] in ends}


@st.composite
def conditions(draw: st.DrawFn) -> Rule:
    """Draw a Has or a Did that is allowed."""
    if draw(st.booleans()):
        dimension = draw(st.sampled_from(DIMENSIONS))
        if dimension.numeric and draw(st.booleans()):
            low, high = sorted(draw(st.tuples(*[st.integers(-5, 4000) | st.sampled_from([0.1, 99.5])] * 2)))
            which = draw(st.integers(0, 2))
            return Has(
                dimension.key, None, float(low) if which != 1 else None, float(high) if which else None
            )
        return Has(dimension.key, draw(st.none() | st.sampled_from(nodes_of(dimension))))
    low, high = sorted(draw(st.tuples(st.integers(0, 3), st.integers(0, 3))))
    some = [0.0, 0.3, 500.0, -1.0]
    more = {
        **draw(bounds("amount", some)),
        **draw(bounds("quantity", some)),
        **draw(bounds("last", [0, 1, 30, 400])),
        **draw(bounds("first", [0, 5, 365, 3000])),
    }
    return Did(
        draw(st.sampled_from([*KINDS, "order.*", "product.*"])),
        draw(st.sampled_from([None, low])),
        draw(st.sampled_from([None, high])),
        draw(st.none() | st.sampled_from([1, 30, 365])),
        product=draw(st.none() | st.just("W1")),
        category=draw(st.none() | st.just("washer")),
        place=draw(st.none() | st.just("QD")),
        **more,
    )


def group(terms: st.SearchStrategy[Rule]) -> st.SearchStrategy[Rule]:
    some = st.lists(terms, min_size=1, max_size=3).map(tuple)
    several = st.integers(0, 5).flatmap(lambda n: some.map(lambda terms: SomeOf(1 + n % len(terms), terms)))
    homes = st.builds(
        lambda kind, least, term: kind(least, (term,)),
        st.sampled_from([Household, OthersAtHome]),
        st.integers(1, 3),
        terms,
    )
    return homes | some.map(AllOf) | some.map(AnyOf) | some.map(NoneOf) | several | st.just(AllOf(()))


coordinates = st.sampled_from([(36.0, 120.3), (36.006, 120.311), (-20.5, 8.25)])
corners = st.tuples(st.sampled_from([120.29, 120.31, 120.33]), st.sampled_from([35.99, 36.005, 36.02]))
at_home: st.SearchStrategy[Rule] = st.one_of(
    st.builds(lambda at, km: Near(*at, km), coordinates, st.sampled_from([0.0, 0.5, 1.0, 2.5, 20_000.0])),
    st.builds(Lives, community=st.sampled_from([*HOMES, "d4"])),
    st.builds(Lives, territory=st.just("north")),
    st.builds(Within, polygon=st.lists(corners, min_size=3, max_size=5, unique=True).map(tuple)),
    st.builds(Within, cells=st.just(("8930ac5302bffff", "8830ac5303fffff"))),
)
any_rule = st.recursive(
    conditions() | st.sampled_from([In("women"), In("buyers")]) | at_home, group, max_leaves=6
)


wild = st.integers() | st.floats() | st.sampled_from([2**63, -(2**64), 10**400, 1e308])


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(["at_least", "at_most", "within_days", "amount_at_least"]), wild)
def test_any_number_is_read_or_refused_with_a_reason(field: str, number: float) -> None:
    try:
        rule = rules.read_json({"did": {"kind": "order.line", field: number}}, WORDS)
    except WrongRule:
        assert not 0 <= number <= 1e9 or number != int(number) or field == "within_days"
    else:
        assert abs(getattr(rule, field)) <= LARGEST


@settings(max_examples=200, deadline=None)
@given(any_rule)
def test_both_forms_come_back_as_they_were(rule: Rule) -> None:
    assert rules.read_text(rules.write_text(rule), WORDS) == rule
    assert rules.read_json(json.loads(json.dumps(rules.write_json(rule))), WORDS) == rule


def test_the_tuple_form_of_the_style_page_is_read_too() -> None:
    text = 'AllOf((Has("usage.repairs_2y", at_least=1), NoneOf(Did("service.called", within_days=30))))'
    assert rules.read_text(text, WORDS) == AllOf(
        (Has("usage.repairs_2y", at_least=1.0), NoneOf((Did("service.called", within_days=30),)))
    )


@pytest.mark.parametrize(
    ("text", "at", "says"),
    [
        ('Has("value.spend_356d", at_least=1)', "1:1", "value.spend_365d"),
        ('AllOf(Has("geo.place", at_least=1))', "1:7", "use node="),
        ('Has("usage.repairs_2y", node="never")', "1:1", "none, one, often"),
        ('Has("usage.repairs_2y", node="one", at_least=1)', "1:1", "together"),
        ('Has("value.spend_365d", atleast=1)', "1:1", "at_least"),
        ('Has("value.spend_365d", at_least=5, at_most=1)', "1:1", "above"),
        ('Has("value.spend_365d", at_least="1")', "1:1", "is a number"),
        ('Has("value.spend_365d", at_least=1e999)', "1:1", "is a number"),
        ('Did("order.compleet")', "1:1", "order.completed"),
        ('Did("order.line", within_days=0)', "1:1", "1 to 36500"),
        ('Did("order.line", at_least=1.5)', "1:1", "whole number"),
        ('Hass("value.spend_365d")', "1:1", "Has"),
        ("AnyOf()", "1:1", "at least one"),
        ('In("No such key!")', "1:1", "the key of a saved segment"),
        ('In("a", segment="b")', "1:1", "twice"),
        ("In(3)", "1:1", "a text in quotes"),
        ("In()", "1:1", "needs segment"),
        ("SomeOf()", "1:1", "how many"),
        ('SomeOf(Did("order.line"))', "1:8", "a number or a text"),
        ('SomeOf(3, Did("order.line"), Did("order.*"))', "1:1", "1 to as many as there are (2)"),
        ('SomeOf(0, Did("order.line"))', "1:1", "1 to as many"),
        ('SomeOf("2", Did("order.line"), Did("order.*"))', "1:1", "1 to as many"),
        ('AllOf(\n Has("value.spend_365d",\n  at_least=True))', "3:12", "a number or a text"),
        ('AllOf(Has("value.spend_365d")', "1:6", "bracket"),
        ("__import__('os').system('true')", "1:1", "a condition is expected"),
        ("[x for x in (1,)]", "1:1", "a condition is expected"),
        ('Has(f"{1}")', "1:5", "a number or a text"),
        ('Has(*["a"])', "1:5", "a number or a text"),
        ('Has(**{"a": 1})', "1:1", "**"),
        ('Has("a" "b", "c")', "1:1", "first value"),
        ("Near(36, 120, 5)", "1:1", "everything in Near has a name: lat, lon, km"),
        ("Near(lat=36, lon=120)", "1:1", "needs km"),
        ("Near(lat=96, lon=120, km=5)", "1:1", "lat is -90 to 90"),
        ('Near(lat="36", lon=120, km=5)', "1:1", "is a number"),
        ("Lives()", "1:1", "either community or territory"),
        ('Lives(community="a", territory="b")', "1:1", "either community or territory"),
        ("Lives(community=3)", "1:1", "a text in quotes"),
        ("Within(polygon=[[120.3, 36], [120.4, 36]])", "1:1", "3 to 1,000 corners"),
        ("Within(polygon=[[36, 120.3], [36, 120.4], [37, 120.4]])", "1:1", "[longitude, latitude]"),
        ('Within(polygon="120.3 36")', "1:1", "3 to 1,000 corners"),
        ('Within(cells=["here"])', "1:1", "H3 cells"),
        ("Within(cells=[[]])", "1:1", "H3 cells"),
        ('Has(["value.spend_365d"])', "1:5", "a number or a text"),
        ("", "1:1", "can't be read"),
        ("AllOf(" * 50 + ")" * 50, "1:79", "deeper"),
        ("(" * 5_000 + ")" * 5_000, "1:", "can't be read"),
        ("x" * 30_000, "1:1", "characters"),
        ("Has('a\0')", "1:", "can't be read"),
        ("AllOf(" + ", ".join(['Has("geo.place")'] * 201) + ")", "1:1", "201 conditions"),
    ],
)
def test_a_wrong_text_is_refused_with_its_place_and_what_is_allowed(text: str, at: str, says: str) -> None:
    with pytest.raises(WrongRule) as caught:
        rules.read_text(text, WORDS)
    assert str(caught.value.data["at"]).startswith(at)
    assert says in caught.value.message("en")
    assert caught.value.data["why_zh"]


@pytest.mark.parametrize(
    ("given", "at", "says"),
    [
        ({"all_of": [{"has": {"dimension": "x"}}]}, "rule.all_of[0].has", "there is no dimension"),
        ({"all_of": {}}, "rule", "a list"),
        ({"some_of": []}, "rule", "at_least"),
        ({"some_of": {"at_least": True, "of": [{"did": {"kind": "order.*"}}]}}, "rule", "1 to as many"),
        ({"some_of": {"at_least": 1, "of": [{"did": {}}]}}, "rule.some_of.of[0].did", "needs kind"),
        ({"all_of": [], "any_of": []}, "rule", "one key"),
        ({"did": {"kind": "order.line", "at_least": True}}, "rule.did.at_least", "a number or a text"),
        ({"did": {"kind": ["order.line"]}}, "rule.did.kind", "a number or a text"),
        ({"did": []}, "rule", "an object"),
        ({"eval": 1}, "rule", "one of all_of"),
        ([], "rule", "one key"),
        (None, "rule", "one key"),
    ],
)
def test_a_wrong_json_is_refused_with_its_path(given: Any, at: str, says: str) -> None:
    with pytest.raises(WrongRule) as caught:
        rules.read_json(given, WORDS)
    assert caught.value.data["at"] == at
    assert says in caught.value.message("en")


def test_a_ring_is_read_as_geojson_has_it() -> None:
    ring = [[120.3, 36], [120.4, 36], [120.4, 36.1], [120.3, 36]]
    wanted = Within(polygon=((120.3, 36.0), (120.4, 36.0), (120.4, 36.1)))
    assert rules.read_json({"within": {"polygon": [ring]}}, WORDS) == wanted
    assert rules.read_json({"within": {"polygon": ring}}, WORDS) == wanted
    assert rules.read_text(f"Within(polygon={ring[:-1]})", WORDS) == wanted
    assert rules.write_text(wanted) == "Within(polygon=[[120.3, 36], [120.4, 36], [120.4, 36.1]])"
