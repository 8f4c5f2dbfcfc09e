"""Inner nodes: who is at them, what the brand's tables change of them, and how they are counted, named and asked for."""

from __future__ import annotations

from datetime import UTC, datetime
from random import Random

import pytest

from tests.core.profiles import world
from tests.core.profiles.test_keeper import check, same
from zerodistance.core.brand import api as brand
from zerodistance.core.brand.contracts import Change
from zerodistance.core.profiles import api, index, rollup
from zerodistance.core.profiles.contracts import FreeRule
from zerodistance.core.profiles.dimensions import DIMENSIONS
from zerodistance.core.profiles.keeper import Keeper
from zerodistance.core.segments import api as segments
from zerodistance.kernel import access, clock
from zerodistance.kernel.access import Role, Who
from zerodistance.kernel.errors import Forbidden
from zerodistance.kernel.home import Home

NOW = datetime(2026, 3, 1, 4, 0, tzinfo=UTC)
ADMIN = Who.system()


@pytest.fixture
def shop(home: Home) -> tuple[Home, Keeper, world.Crowd]:
    """Return a home with the brand that comes with the program, three persons and their purchases."""
    brand.load_default(home, ADMIN)
    crowd = world.Crowd({1: 1, 2: 2, 3: 3})
    crowd.told[1, "area"] = "370203"
    crowd.told.update({(1, "community"): "HC-0001", (2, "community"): "HC-0004", (3, "community"): "HC-N"})
    touches = [
        world.touch(1, 0, 1, "order.line", NOW, product="FR-220", category="fridge", place="HC-0001"),
        world.touch(1, 1, 2, "order.line", NOW, product="FZ-150", category="freezer", place="^HC"),
        world.touch(1, 2, 3, "order.line", NOW, product="of nobody", category="washer", place="HC-S"),
    ]
    keeper = Keeper(home, crowd)
    with clock.freeze(NOW):
        keeper.follow(world.table(touches), 1)
        keeper.update()
    check(home, crowd, touches)
    return home, keeper, crowd


Shop = tuple[Home, Keeper, world.Crowd]


def _persons(home: Home, key: str, node: str) -> list[int]:
    return list(api.current(home).has(api.dimension(None, key), node).persons)


def test_a_place_rolls_up_to_its_district_and_city(shop: Shop) -> None:
    home, _, _ = shop
    assert _persons(home, "geo.community", "^HC") == [1, 2, 3]
    assert _persons(home, "geo.community", "^HC-N") == [2, 3], "who is at the district itself is in it too"
    assert _persons(home, "geo.community", "HC-N") == [3]
    assert _persons(home, "geo.community", "^HC-S") == [1]


def test_an_area_code_rolls_up_to_its_city_and_province(shop: Shop) -> None:
    home, _, _ = shop
    found = api.counted(home, ADMIN, "geo.area")
    said = [(n.node, n.label.en, n.depth, n.persons) for n in found.nodes]
    assert said == [
        ("^370000", "370000", 0, 1),
        ("^370200", "Harbour City (made up)", 1, 1),
        ("370203", "Harbour City North (made up)", 2, 1),
    ]


def test_a_product_rolls_up_to_its_category_and_line(shop: Shop) -> None:
    home, _, _ = shop
    assert _persons(home, "brand.favourite", "^fridge") == [1]
    assert _persons(home, "brand.favourite", "^cooling") == [1, 2]
    assert _persons(home, "brand.vintage", "^FR-220") == [1]
    assert _persons(home, "brand.vintage", "^cooling") == [1, 2]


def test_a_value_that_begins_like_an_inner_node_is_none(shop: Shop) -> None:
    home, _, _ = shop
    assert _persons(home, "geo.place", "^^HC") == [2]
    assert _persons(home, "geo.place", "^HC") == [1, 3]
    assert api.current(home).node_of(api.dimension(None, "geo.place"), 2) == "^^HC"


def test_a_person_is_at_a_leaf_and_never_at_an_inner_node(shop: Shop) -> None:
    home, _, _ = shop
    assert not [
        tag
        for number in (1, 2, 3)
        for tag in api.tags_of(home, ADMIN, number)
        if tag.node[:1] == "^" and tag.node[:2] != "^^"
    ]
    assert {tag.node for tag in api.tags_of(home, ADMIN, 1) if tag.dimension == "geo.community"} == {
        "HC-0001"
    }


def test_a_changed_table_of_the_brand_changes_the_inner_nodes_at_the_next_turn(shop: Shop) -> None:
    home, keeper, _ = shop
    row = {
        "name_zh": "冰箱",
        "name_en": "Fridge",
        "parent": "living",
        "lifetime_years": 11.0,
        "origin": "own value",
        "unit": None,
    }
    with clock.freeze(NOW):
        assert keeper.update() == 0
        brand.upsert(home, ADMIN, "categories", [Change(("fridge",), row)])
        assert keeper.update() == 3
    assert _persons(home, "brand.favourite", "^living") == [1]
    assert _persons(home, "brand.favourite", "^cooling") == [2]
    kept = index.current(home.path("index"))
    with clock.freeze(NOW):
        keeper.rebuild(touches_too=False)
    same(kept, index.current(home.path("index")))


def test_households_that_were_computed_anew_make_the_index_anew(shop: Shop) -> None:
    home, keeper, crowd = shop
    crowd.told[1, "household_size"] = "4"
    with clock.freeze(NOW):
        assert keeper.update() == 0, "nothing says that anybody changed"
        assert keeper.audit(20, Random(1)) != []
        crowd.counted += 1
        assert keeper.audit(20, Random(1)) == [], "it is known to be made anew"
        assert keeper.update() == 3
        assert keeper.audit(20, Random(1)) == []
    assert _persons(home, "demo.household", "from_4") == [1]


def test_forgetting_keeps_the_index_of_everybody_else_as_it_was_made(shop: Shop) -> None:
    home, keeper, crowd = shop
    row = {
        "name_zh": "冰箱",
        "name_en": "Fridge",
        "parent": "living",
        "lifetime_years": None,
        "origin": "",
        "unit": None,
    }
    with clock.freeze(NOW):
        brand.upsert(home, ADMIN, "categories", [Change(("fridge",), row)])
        keeper.forget([2])
        del crowd.of[2]
        assert keeper.update() == 2, "the changed table is still to be followed"
    assert _persons(home, "brand.favourite", "^living") == [1]


def test_nodes_are_counted_below_the_ones_that_hold_them(shop: Shop) -> None:
    home, _, _ = shop
    found = api.counted(home, ADMIN, "geo.community")
    assert [(n.node, n.depth, n.persons) for n in found.nodes] == [
        ("^HC", 0, 3), ("^HC-N", 1, 2), ("HC-0004", 2, 1), ("HC-N", 2, 1), ("^HC-S", 1, 1), ("HC-0001", 2, 1),
    ]  # fmt: skip
    assert (found.persons, len(found.leaves)) == (3, 3)
    assert found.nodes[0].label.en == "Harbour City (made up)"
    hours = [n for n in api.counted(home, ADMIN, "brand.hour").nodes if n.inner]
    assert [n.node for n in hours] == ["^night", "^morning", "^afternoon", "^evening"]
    born = api.counted(home, ADMIN, "demo.birth_decade").nodes
    assert [(n.node, n.parent) for n in born if n.node in ("^1980s", "in_1984")] == [
        ("^1980s", ""),
        ("in_1984", "^1980s"),
    ]


def test_a_rule_may_name_an_inner_node(shop: Shop) -> None:
    home, _, _ = shop
    for node in ("^afternoon", "afternoon"):
        rule = segments.read_rule(f'Has("brand.hour", node="{node}")')
        assert segments.count(home, ADMIN, rule).persons == 3
        assert segments.describe(home, ADMIN, rule).en == "Hour of buying: afternoon, 12 to 18"
    assert segments.count(home, ADMIN, segments.read_rule('Has("geo.community", node="^HC-N")')).persons == 2
    both = segments.read_rule('Has("brand.vintage", node="FR-220:2026")')
    assert (
        segments.describe(home, ADMIN, both).en
        == "Model and year of the latest product: Two-door fridge, 220 l 2026"
    )


def test_the_tree_is_searched_by_words_of_both_languages(shop: Shop) -> None:
    home, _, _ = shop
    found = api.search(home, ADMIN, "made up north")
    assert [(n.dimension.key, n.node, n.persons) for n in found.nodes[:1]] == [("geo.community", "^HC-N", 2)]
    assert [line.dimension.key for line in api.search(home, ADMIN, "装修").dimensions] == ["needs.renovation"]
    assert api.search(home, ADMIN, "made up", most=1).nodes_total > 1
    assert api.search(home, ADMIN, " ") == api.search(home, ADMIN, "")
    assert len(api.outlines(home, ADMIN)) == len(DIMENSIONS)


def test_who_may_not_see_persons_sees_no_sensitive_dimension(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, _, _ = shop
    guest = Who(1, "guest", Role.ANALYST)
    assert api.dimension(None, "demo.household", guest)
    monkeypatch.setitem(access._MAY, Role.ANALYST, frozenset())
    assert not [one for one in api.dimensions(None, guest) if one.sensitive]
    rule = segments.read_rule('Has("demo.household", node="from_2")')
    for asked in (
        lambda: api.dimension(None, "demo.household", guest),
        lambda: segments.portrait(home, guest, rule),
    ):
        with pytest.raises(Forbidden):
            asked()
    for asked in (  # nor the exact counts of any other
        lambda: api.tree(home, guest),
        lambda: api.outlines(home, guest),
        lambda: api.search(home, guest, "fridge"),
        lambda: api.counted(home, guest, "geo.community"),
        lambda: segments.count(home, guest, rule),
    ):
        with pytest.raises(FreeRule):
            asked()


def test_lines_that_hold_one_another_in_a_circle_end(shop: Shop) -> None:
    circle = rollup.Rollup({"category": {"a": "b", "b": "a"}})
    assert circle.holders(api.dimension(None, "brand.category"), "a") == ("^a", "^b", "^a")
