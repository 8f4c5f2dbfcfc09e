"""Whoever a rule finds is whom a slow reader of all touches would find."""

from __future__ import annotations

import io
import os
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import h3
import pytest
from fastapi import FastAPI, Request
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert

from tests.core.profiles import world
from tests.core.profiles.test_homes import haversine
from tests.core.segments.test_rules import HOMES, any_rule, at_home
from zerodistance.core.brand import api as brand
from zerodistance.core.brand.contracts import Change
from zerodistance.core.identity import api as identity
from zerodistance.core.identity import store as identity_store
from zerodistance.core.profiles import api as profiles
from zerodistance.core.profiles import rules as profile_rules
from zerodistance.core.profiles import states
from zerodistance.core.profiles.contracts import VISITORS_FROM, Input
from zerodistance.core.profiles.keeper import Keeper
from zerodistance.core.profiles.rollup import Rollup
from zerodistance.core.segments import api, http, saved
from zerodistance.core.segments.answer import Answer
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
    NoSuchSegment,
    OthersAtHome,
    Rule,
    SegmentCircle,
    SegmentExists,
    SegmentInUse,
    SegmentOfUnit,
    SomeOf,
    Within,
    WrongRule,
)
from zerodistance.kernel import clock
from zerodistance.kernel.access import Role, Who
from zerodistance.kernel.errors import Forbidden, Invalid, NotFound
from zerodistance.kernel.home import Home, create_home
from zerodistance.kernel.settings import load
from zerodistance.kernel.text import Text

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
RULES = 2_000 if os.environ.get("ZERODISTANCE_TEST_SLOW") else 60
World = tuple[Home, world.Crowd, list[dict[str, Any]]]
KINDS = (
    "order.line",
    "order.returned",
    "order.completed",
    "product.viewed",
    "service.visited",
    "custom",
    "page.viewed",
)


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Forty subjects of twenty persons and eight visitors, three batches, an index with a merge on top."""
    home = create_home(load(home=tmp_path_factory.mktemp("town") / "home"))
    luck, crowd, touches = random.Random(7), world.Crowd(), []
    for subject in range(1, 41):
        crowd.move(subject, luck.choice([*range(1, 21), *range(VISITORS_FROM, VISITORS_FROM + 8)]))
    crowd.told.update({(n, "gender"): luck.choice(["female", "male"]) for n in range(1, 15)})
    for number in {*crowd.of.values()}:
        crowd.told[number, "community"] = luck.choice([*HOMES, "unknown"])
        if number % 4:
            crowd.told[number, "household"] = str(luck.randrange(1, 7))
    settle(home)
    keeper = Keeper(home, crowd)
    with clock.freeze(NOW):
        for batch in (1, 2, 3):
            fresh = [_touch(luck, batch, row) for row in range(120)]
            touches += fresh
            keeper.follow(world.table(fresh), batch)
            keeper.update()
        crowd.move(next(iter(crowd.of)), 2)
        keeper.update()
        states.append(
            home, states.made_from(home, world.table([_touch(luck, 4, 0)]), 3), 4
        )  # the index lacks it yet
    return home, crowd, touches


def settle(home: Home) -> None:
    """Give the brand its communities, and a unit that answers for two of them and for the district of a third."""
    rest = {"area": "", "grade": None, "lat": None, "lon": None}
    named = {"name_zh": "某处", "name_en": "Somewhere"}
    rows = [
        Change((code,), {**named, **rest, "kind": "community", "lat": lat, "lon": lon, "area": f"37020{n}"})
        for n, (code, (lat, lon)) in enumerate(HOMES.items(), 1)
    ]
    rows.append(Change(("d4",), {**named, **rest, "kind": "district", "area": "370204"}))
    system = Who.system("test")
    brand.upsert(home, system, "places", rows)
    brand.upsert(home, system, "units", [Change(("north",), {**named, "parent": None})])
    mine = [Change(("north", place), {}) for place in ("c0", "c1", "d4")]
    assert not brand.upsert(home, system, "territories", mine).bad


TERRITORY = ("c0", "c1", "c3")


def lives(rule: Rule, code: str | None) -> bool:
    """Say whether somebody of a community fits a condition of place, the slow way."""
    if code not in HOMES:
        return False
    cell = h3.latlng_to_cell(*HOMES[code], 9)
    lat, lon = h3.cell_to_latlng(cell)
    match rule:
        case Near():
            return haversine(rule.lat, rule.lon, lat, lon) <= rule.km
        case Lives(community=None):
            return code in TERRITORY
        case Lives():
            return code == rule.community
        case Within(polygon=()):
            return any(h3.cell_to_parent(cell, h3.get_resolution(one)) == one for one in rule.cells)
        case Within():
            ring, found = rule.polygon, False
            for (x0, y0), (x1, y1) in zip(ring, (*ring[1:], ring[0]), strict=True):
                if (lat < y0) != (lat < y1) and lon < (x1 - x0) * (lat - y0) / (y1 - y0) + x0:
                    found = not found
            return found
    raise AssertionError


def _touch(luck: random.Random, batch: int, row: int) -> dict[str, Any]:
    back = timedelta(
        days=luck.choice([0, 1, 5, 29, 30, 31, 364, 365, 366, 2000]), minutes=luck.randrange(1440)
    )
    columns = {
        "amount": luck.choice([None, 0.1, 0.2, 500.0, -3.0]),
        "product": luck.choice([None, "W1", "F1"]),
        "category": luck.choice([None, "washer", "fridge"]),
        "place": luck.choice([None, "QD"]),
        "quantity": luck.choice([None, 1.0, 2.5, -1.0]),
        "duration": luck.choice([None, 90.0]),
        "currency": luck.choice([None, None, "CNY", "EUR"]),
        "channel": luck.choice([None, "app", "web"]),
        "fault": luck.choice([None, "E1", "E2"]),
    }
    return world.touch(
        batch, row, luck.choice([None, *range(1, 41)]), luck.choice(KINDS), NOW - back, **columns
    )


SAVED: dict[str, Rule] = {
    "women": Has("demo.gender", node="female"),
    "buyers": AnyOf((Did("order.line"), In("women"))),
}


def fits(rule: Rule, number: int, where: World, today: int) -> bool:
    """Say whether somebody fits a rule, the slow way."""
    home, crowd, touches = where
    match rule:
        case AllOf():
            return all(fits(term, number, where, today) for term in rule.terms)
        case AnyOf():
            return any(fits(term, number, where, today) for term in rule.terms)
        case NoneOf():
            return not any(fits(term, number, where, today) for term in rule.terms)
        case SomeOf():
            return sum(fits(term, number, where, today) for term in rule.terms) >= rule.at_least
        case Household() | OthersAtHome():
            mine = crowd.told.get((number, "household"))
            alone = number >= VISITORS_FROM or mine is None
            persons = {n for n in crowd.of.values() if n < VISITORS_FROM and n != number}
            others = [n for n in persons if crowd.told.get((n, "household")) == mine]
            asked = [*([] if alone else others), *([number] if isinstance(rule, Household) else [])]
            return sum(fits(rule.terms[0], n, where, today) for n in asked) >= rule.at_least
        case Near() | Lives() | Within():
            return lives(rule, crowd.told.get((number, "community")))
        case In():
            return fits(SAVED[rule.segment], number, where, today)
        case Has():
            dimension = profiles.dimension(None, rule.dimension)
            value = world.value(dimension, number, touches, crowd, today, home)
            if rule.at_least is None and rule.at_most is None:
                node = world.node(dimension, value)
                return node is not None and rule.node in (None, node, *Rollup().holders(dimension, node))
            if not isinstance(value, float):
                return False
            low = rule.at_least is None or value >= rule.at_least
            return low and (rule.at_most is None or value <= rule.at_most)
        case Did():
            mine = []
            for t in touches:
                day = world.day(t["happened_at"], home.settings.zone)
                recent = rule.within_days is None or day > today - rule.within_days
                codes = all(getattr(rule, f) in (None, t[f]) for f in ("product", "category", "place"))
                ours = t["subject"] is not None and crowd.of[t["subject"]] == number
                if ours and recent and codes and profile_rules.is_of(t["kind"], Input(kinds=(rule.kind,))):
                    mine.append(t)
            ours_too = [t for t in mine if t["currency"] in (None, home.settings.currency)]
            paid = sum(round(t["amount"] * 10_000) for t in ours_too if t["amount"] is not None)
            pieces = sum(round(t["quantity"] * 1_000) for t in mine if t["quantity"] is not None)
            least = 1 if rule.at_least is None and rule.at_most is None else rule.at_least or 0
            days = [today - world.day(t["happened_at"], home.settings.zone) for t in mine]
            return (
                least <= len(mine)
                and (rule.at_most is None or len(mine) <= rule.at_most)
                and between(paid, rule.amount_at_least, rule.amount_at_most, 10_000)
                and between(pieces, rule.quantity_at_least, rule.quantity_at_most, 1_000)
                and dated(days, min, rule.last_at_least, rule.last_at_most)
                and dated(days, max, rule.first_at_least, rule.first_at_most)
            )


def between(units: int, low: float | None, high: float | None, scale: int) -> bool:
    return (low is None or units >= round(low * scale)) and (high is None or units <= round(high * scale))


def dated(days: list[int], which: Callable[[list[int]], int], low: int | None, high: int | None) -> bool:
    if (low, high) == (None, None):
        return True
    return bool(days) and between(which(days), low, high, 1)


@settings(max_examples=RULES, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rule=any_rule)
def test_any_rule_finds_whom_a_slow_reader_finds(town: World, rule: Rule) -> None:
    answer = Answer(town[0], SAVED.__getitem__)
    found = answer.fits(rule)
    lines, said = Answer(town[0], SAVED.__getitem__).lines(rule)
    assert said == Answer(town[0], SAVED.__getitem__).total(rule) == answer.total(rule) == found.sizes
    wanted = {n for n in town[1].of.values() if fits(rule, n, town, answer.index.day)}
    assert (set(found.persons), set(found.visitors)) == (
        {n for n in wanted if n < VISITORS_FROM},
        {n for n in wanted if n >= VISITORS_FROM},
    )
    assert all(line.alone == answer.fits(line.term).sizes for line in lines)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    places=st.lists(at_home, min_size=1, max_size=3),
    rest=st.lists(any_rule, max_size=2),
    without=st.booleans(),
)
def test_a_rule_about_place_finds_whom_a_slow_reader_finds(
    town: World, places: list[Rule], rest: list[Rule], without: bool
) -> None:
    rule = AllOf((*places, *((NoneOf(tuple(rest)),) if without and rest else rest)))
    test_any_rule_finds_whom_a_slow_reader_finds.hypothesis.inner_test(town, rule)  # type: ignore[attr-defined]


def test_the_nearest_communities_are_counted(
    town: World, admin: Who, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, crowd, _ = town
    found = api.nearest(home, admin, 36.0, 120.3, many=4)
    away = {code: haversine(36.0, 120.3, *at) for code, at in HOMES.items()}
    assert [one.code for one in found.communities] == sorted(away, key=lambda code: away[code])[:4]
    persons = {n for n in crowd.of.values() if n < VISITORS_FROM}
    for one in found.communities:
        mine = {n for n in persons if crowd.told[n, "community"] == one.code}
        assert one.persons == one.of_persons == len(mine)
        assert one.km == pytest.approx(away[one.code])
        assert (one.lat, one.lon, one.cell) == (*HOMES[one.code], h3.latlng_to_cell(*HOMES[one.code], 9))
    women = api.nearest(home, admin, 36.0, 120.3, many=6, rule=Has("demo.gender", node="female"))
    assert {one.code: one.persons for one in women.communities} == {
        code: sum(
            crowd.told.get((n, "gender")) == "female" and crowd.told[n, "community"] == code for n in persons
        )
        for code in HOMES
    }
    with pytest.raises(Invalid, match="-90 to 90"):
        api.nearest(home, admin, 91, 0)
    with pytest.raises(NotFound, match="south"):
        api.count(home, admin, Lives(territory="south"))
    with pytest.raises(NotFound, match="c99"):
        api.count(home, admin, Lives(community="c99"))
    assert api.count(home, admin, Lives(community="d4")).persons == 0
    from zerodistance.kernel import access

    monkeypatch.setitem(access._MAY, Role.ANALYST, frozenset())
    with pytest.raises(Forbidden):
        api.nearest(home, Who(9, "nobody", Role.ANALYST), 36.0, 120.3)


def test_steps_say_who_is_left_after_each_condition(town: World, admin: Who) -> None:
    text = (
        'AllOf(Did("order.line"), AnyOf(Has("demo.gender", node="female"), Has("demo.gender", node="male")), '
        'NoneOf(Did("service.visited", within_days=365)))'
    )
    count = api.count(town[0], admin, api.read_rule(text))
    assert [(s.depth, s.joined) for s in count.steps] == [(0, "and"), (1, "and"), (1, "or"), (0, "not")]
    assert count.steps[-1].left == count.persons
    assert count.steps[0].alone == count.steps[0].left >= count.steps[2].left >= count.steps[3].left
    assert [s.text.en for s in count.steps] == [
        "Order line",
        "Gender: female",
        "Gender: male",
        "Service visit, in the last 365 days",
    ]
    assert all(s.text.zh for s in count.steps)
    assert (count.of_persons, count.of_visitors) == tuple(
        len({n for n in town[1].of.values() if world.is_person(n) is side}) for side in (True, False)
    )


def known(home: Home) -> None:
    """Put the people of `small` into identity, so that they have public ids."""
    row = {"namespace": 1, "person_from": 0, "first_at": 0, "seen_at": 0, "shared": 0, "batch": 1}
    with home.state.write() as tx:
        for number, person in ((1, 1), (2, 2), (3, 2), (4, VISITORS_FROM)):
            tx.execute(
                insert(identity_store.subject).values(
                    number=number, person=person, token=bytes([number] * 16), **row
                )
            )


@pytest.fixture
def shop(home: Home) -> Home:
    known(home)
    keeper = profiles.follower(home)
    fresh = [world.touch(1, row, row + 1, "order.line", NOW, amount=10.0 * row) for row in range(4)]
    with clock.freeze(NOW):
        keeper.follow(world.table(fresh), 1)
        keeper.update()
    return home


def test_members_come_in_pages_by_public_id(shop: Home, analyst: Who) -> None:
    rule = api.read_rule('Did("order.line")')
    first = api.members(shop, analyst, rule, limit=1)
    second = api.members(shop, analyst, rule, limit=1, after=first.after)
    assert (first.total, first.numbers, second.numbers, second.after) == (2, (1,), (2,), None)
    assert first.ids == (shop.seal.public_id("p", 1),)
    assert api.members(shop, analyst, rule, visitors=True).numbers == (VISITORS_FROM,)
    for beyond in (2**32 - 1, 2**32, 2**63 - 1):  # a fuzzer found the program failing at these
        assert api.members(shop, analyst, rule, after=beyond).numbers == ()
    assert api.members(shop, analyst, rule, after=-1).numbers == (1, 2)
    out = io.StringIO()
    assert api.export(shop, analyst, rule, out) == 2
    assert out.getvalue().splitlines() == ["person_id", *first.ids, *second.ids]
    with pytest.raises(Invalid):
        api.members(shop, analyst, rule, limit=0)
    with pytest.raises(Invalid, match=r"geo\.place"):
        api.portrait(shop, analyst, rule, numbers=["geo.place"])


def test_tags_of_one_person_come_layer_by_layer(shop: Home, analyst: Who) -> None:
    tags = {tag.dimension: tag for tag in profiles.tags_of(shop, analyst, 2)}
    assert (tags["value.spend_total"].value, tags["value.spend_total"].unit.en) == (30.0, "CNY")
    assert tags["value.orders_total"].node == "few"
    layers = [tag.layer for tag in profiles.tags_of(shop, analyst, 2)]
    assert layers == sorted(layers, key=list(type(layers[0])).index)
    assert profiles.tags_of(shop, analyst, 99) == ()


def test_the_tree_counts_every_node(shop: Home, analyst: Who) -> None:
    tree = profiles.tree(shop, analyst)
    assert (tree.persons, tree.visitors, tree.batch, len(tree.branches)) == (2, 1, 1, 7)
    spend = next(c for b in tree.branches for c in b.dimensions if c.dimension.key == "value.spend_total")
    assert {n.node: (n.persons, n.visitors) for n in spend.nodes if n.persons or n.visitors} == {
        "none": (1, 0),
        "under_500": (1, 1),
    }
    assert profiles.state(shop).states_batch == 1


def test_a_rule_that_could_not_be_read_again_is_not_kept(shop: Home, analyst: Who) -> None:
    """Refused it was, and yet kept: no list of segments could be read any more."""
    kept = api.create(shop, analyst, "buyers", Text("买家", "Buyers"), api.read_rule('Did("order.line")'))
    lost = Has("group.none", "g1")
    with pytest.raises(WrongRule):
        saved.create(shop, analyst, None, Text("一组", "A group"), lost)
    with pytest.raises(WrongRule):
        saved.save(shop, analyst, "buyers", lost)
    assert list(api.segments(shop, analyst)) == [kept]


def test_a_segment_has_versions_and_can_be_deleted(shop: Home, analyst: Who) -> None:
    rule, other = api.read_rule('Did("order.line")'), api.read_rule('Has("usage.repairs_2y", node="none")')
    made = api.create(shop, analyst, "buyers", Text("买家", "Buyers"), rule)
    assert (made.version, made.rule, made.made_by) == (1, rule, "analyst")
    with pytest.raises(SegmentExists):
        api.create(shop, analyst, "buyers", Text("买家", "Buyers"), rule)
    assert api.save(shop, analyst, "buyers", rule).version == 1
    assert api.save(shop, analyst, "buyers", other).version == 2
    assert (api.segment(shop, analyst, "buyers", 1).rule, api.segment(shop, analyst, "buyers").rule) == (
        rule,
        other,
    )
    assert [s.key for s in api.segments(shop, analyst)] == ["buyers"]
    api.delete(shop, analyst, "buyers")
    assert api.segments(shop, analyst) == []
    with pytest.raises(NoSuchSegment):
        api.segment(shop, analyst, "buyers")
    assert api.create(shop, analyst, "buyers", Text("买家", "Buyers"), rule).version == 1
    with pytest.raises(Invalid):
        api.create(shop, analyst, "Käufer", Text("买家", "Buyers"), rule)


def test_a_made_up_key_is_never_one_that_was_there_before(shop: Home, analyst: Who) -> None:
    rule, name = api.read_rule('Did("order.line")'), Text("买家", "Buyers")
    made = [api.create(shop, analyst, None, name, rule).key for _ in range(3)]
    assert made == ["s_1", "s_2", "s_3"]
    api.delete(shop, analyst, "s_2")
    assert api.create(shop, analyst, None, name, rule).key == "s_4"
    api.delete(shop, analyst, "s_4")
    assert api.create(shop, analyst, None, name, rule).key == "s_5"


def test_a_version_says_who_saved_it(shop: Home, analyst: Who, admin: Who) -> None:
    api.create(shop, analyst, "buyers", Text("买家", "Buyers"), api.read_rule('Did("order.line")'))
    changed = api.save(shop, admin, "buyers", api.read_rule('Did("order.*")'))
    assert (changed.made_by, changed.changed_by) == (analyst.name, admin.name)
    first = api.segment(shop, analyst, "buyers", 1)
    assert (first.made_by, first.changed_by) == (analyst.name, analyst.name)


def test_a_segment_of_another_unit_is_not_seen(shop: Home, admin: Who) -> None:
    rule = api.read_rule('Did("order.line")')
    api.create(shop, admin, "theirs", Text("他们的", "Theirs"), rule, unit=7)
    outsider = Who(3, "outsider", Role.ANALYST, units=frozenset({8}))
    assert api.segments(shop, outsider) == []
    with pytest.raises(NoSuchSegment) as caught:
        api.segment(shop, outsider, "theirs")
    assert "theirs" not in caught.value.data["near"]
    with pytest.raises(Invalid):
        api.create(shop, outsider, "ours", Text("我们的", "Ours"), rule, unit=7)


def test_who_may_not_see_persons_gets_no_members(shop: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    from zerodistance.kernel import access

    monkeypatch.setitem(access._MAY, Role.ANALYST, frozenset())
    nobody, rule = Who(9, "nobody", Role.ANALYST), api.read_rule('Did("order.line")')
    with pytest.raises(Forbidden):
        api.members(shop, nobody, rule)
    with pytest.raises(Forbidden):
        api.export(shop, nobody, rule, io.StringIO())
    with pytest.raises(Forbidden):
        api.portrait(shop, nobody, rule)
    with pytest.raises(Forbidden):
        profiles.tags_of(shop, nobody, 1)


def test_the_api_counts_saves_and_lists(shop: Home, analyst: Who) -> None:
    app = FastAPI()
    app.state.home = shop
    app.include_router(http.router)

    @app.middleware("http")
    async def _who(request: Request, call_next: Any) -> Any:
        request.state.who = analyst
        return await call_next(request)

    client = TestClient(app)
    answer = client.post("/v1/segments/count", json={"rule": {"did": {"kind": "order.line"}}}).json()
    assert (answer["persons"], answer["visitors"], answer["steps"][0]["left"]) == (2, 1, 2)
    total = client.post("/v1/segments/count", json={"rule": 'Did("order.line")', "steps": False}).json()
    assert (total["persons"], total["visitors"], total["steps"]) == (2, 1, [])
    near = client.post("/v1/segments/nearest", json={"lat": 36.0, "lon": 120.0, "rule": 'Did("order.line")'})
    assert near.json()["communities"] == []
    assert client.post("/v1/segments/nearest", json={"lat": 136.0, "lon": 120.0}).status_code == 422
    assert client.post("/v1/segments/nearest", json={"lat": 36.0, "lon": False}).status_code == 422
    asked = {"rule": 'Has("value.spend_total", node="under_500")', "sample": True}
    portrait = client.post("/v1/segments/profile", json=asked).json()
    assert (portrait["persons"], portrait["visitors"], portrait["error"]) == (1, 1, 0.0)
    spend = {n["node"]: n for n in portrait["dimensions"]["value.spend_total"]}
    assert (spend["under_500"]["persons"], spend["under_500"]["of_persons"]) == (1, 1)
    assert (spend["none"]["persons"], spend["none"]["of_persons"]) == (0, 1)
    summed = {"rule": 'Did("order.line")', "numbers": ["value.spend_total"]}
    sums = client.post("/v1/segments/profile", json=summed).json()["numbers"]["value.spend_total"]
    assert sums["persons"] == {"many": 2, "total": 30.0, "mean": 15.0, "quartiles": [0.0, 0.0, 30.0]}
    assert sums["visitors"] == {"many": 1, "total": 30.0, "mean": 30.0, "quartiles": [30.0, 30.0, 30.0]}
    made = {"key": "b", "name_zh": "买家", "name_en": "Buyers", "rule": 'Did("order.line")'}
    assert client.post("/v1/segments", json=made).status_code == 201
    assert client.get("/v1/segments").json()[0]["text"] == 'Did("order.line")'
    listed = client.get("/v1/segments/b/members").json()
    assert listed["ids"] == list(identity.public_ids(shop, [1, 2]).values())


def test_a_segment_stands_in_another_by_its_newest_version(town: World, admin: Who) -> None:
    home = town[0]
    name = Text("买过的女性", "women who bought")
    api.create(home, admin, "f-buyers", name, api.read_rule('Did("order.line")'))
    outer = api.read_rule('AllOf(In("f-buyers"), Has("demo.gender"))')
    before = api.count(home, admin, outer)
    assert before.steps[0].text == Text("属于人群“买过的女性”", "in segment “women who bought”")
    api.save(home, admin, "f-buyers", api.read_rule('AllOf(Did("order.line"), Did("order.returned"))'))
    after = api.count(home, admin, outer)
    assert after.steps[0].alone < before.steps[0].alone
    api.create(home, admin, "f-outer", name, outer)
    with pytest.raises(SegmentInUse, match="f-outer"):
        api.delete(home, admin, "f-buyers")
    with pytest.raises(SegmentCircle, match="f-buyers → f-outer → f-buyers"):
        api.save(home, admin, "f-buyers", api.read_rule('In("f-outer")'))
    with pytest.raises(SegmentCircle):
        api.create(home, admin, "self", name, api.read_rule('NoneOf(In("self"))'))
    with pytest.raises(NoSuchSegment):
        api.count(home, admin, api.read_rule('In("nowhere")'))
    api.delete(home, admin, "f-outer")
    api.delete(home, admin, "f-buyers")


def test_segments_that_came_to_stand_in_one_another_are_refused_when_counted(town: World) -> None:
    rules: dict[str, Rule] = {"a": In("b"), "b": NoneOf((In("a"),))}
    with pytest.raises(SegmentCircle, match="a → b → a"):
        Answer(town[0], rules.__getitem__).fits(In("a"))


def test_a_segment_for_everybody_stands_on_none_of_one_unit(town: World, admin: Who) -> None:
    home, name = town[0], Text("店", "shop")
    rule = api.read_rule('Did("order.line")')
    api.create(home, admin, "of-unit", name, rule, unit=7)
    with pytest.raises(SegmentOfUnit, match="of-unit"):
        api.create(home, admin, "for-all", name, api.read_rule('In("of-unit")'))
    api.create(home, admin, "of-unit-too", name, api.read_rule('In("of-unit")'), unit=7)
    api.delete(home, admin, "of-unit-too")
    api.delete(home, admin, "of-unit")


def test_segments_that_stand_on_one_another_in_many_ways_are_looked_at_once(town: World, admin: Who) -> None:
    home, name = town[0], Text("层", "layer")
    api.create(home, admin, "l0", name, api.read_rule('Did("order.line")'))
    for n in range(1, 26):  # 2 to the 25th ways
        api.create(home, admin, f"l{n}", name, api.read_rule(f'AnyOf(In("l{n - 1}"), In("l{n - 1}"))'))
    assert api.count(home, admin, api.read_rule('In("l25")')).persons > 0
    for n in range(25, -1, -1):
        api.delete(home, admin, f"l{n}")
