"""Tags that users make: whom each way finds, that versions stay, and what is refused."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pyarrow as pa
import pytest
from fastapi import FastAPI, Request
from fastapi.testclient import TestClient

from tests.core.profiles import world
from tests.core.segments.test_answers import NOW, known
from zerodistance.core.identity import api as identity
from zerodistance.core.profiles import api as profiles
from zerodistance.core.profiles.given import DimensionExists
from zerodistance.core.segments import api as segments
from zerodistance.core.segments import http
from zerodistance.core.segments import store as segment_store
from zerodistance.core.segments.contracts import GivenThen, SegmentInUse, WrongRule
from zerodistance.core.segments.tags import api
from zerodistance.core.segments.tags.contracts import ByBands, NoSuchTag, TagCircle, TagInUse, WrongSql
from zerodistance.core.touchpoints.mapping import parse
from zerodistance.kernel import access, clock
from zerodistance.kernel.access import Role, Who
from zerodistance.kernel.errors import Forbidden, Invalid
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text

BUYERS = 'Did("order.line", amount_at_least=15)'
NAMES = {"label": {"zh": "贵宾", "en": "VIP"}, "meaning": {"zh": "", "en": ""}}


def said(home: Home, how: Any, key: str = "own.vip", **more: Any) -> Any:
    return api.read(home, {"key": key, "layer": "value", **NAMES, "how": how, **more})


@pytest.fixture
def shop(home: Home) -> Home:
    """Three persons, one of whom bought twice, and a visitor: 0, 10 and 20, 30."""
    known(home)
    rows = [
        world.touch(
            1, row, row + 1, "order.line", NOW, amount=10.0 * row, category="washer" if row else "fridge"
        )
        for row in range(4)
    ]
    home.lake.append("touches", world.table(rows), app="touches", version=1, partition_by="month")
    with clock.freeze(NOW):
        profiles.rebuild(home, Who.system())
    return home


def at(home: Home, key: str = "own.vip") -> dict[str, tuple[int, int]]:
    """Return how many persons and visitors are at each node after a turn of the index."""
    with clock.freeze(NOW):
        profiles.refresh(home)
    return {node: tuple(sizes) for node, sizes in profiles.current(home).nodes(key).items()}


def tried(home: Home, who: Who, one: Any) -> dict[str, tuple[int, int]]:
    return {key: tuple(sizes) for key, _, sizes in api.try_out(home, who, one).nodes if any(sizes)}


RULED = {
    "rule": [
        {"node": "gold", "rule": BUYERS, "zh": "金", "en": "gold"},
        {"node": "other", "rule": 'Did("order.*")'},
    ]
}
WAYS: dict[str, tuple[Any, dict[str, tuple[int, int]]]] = {
    "rule": (RULED, {"gold": (1, 1), "other": (1, 0)}),
    "bands": (
        {"bands": {"of": "value.spend_total", "edges": [0, 5, 31]}},
        {"from_0": (1, 0), "from_5": (1, 1)},
    ),
    "touches": (
        {"touches": {"take": "last", "word": "category", "kinds": ["order.*"], "days": 30}},
        {"fridge": (1, 0), "washer": (1, 1)},
    ),
    "sql": (
        {"sql": "select subject, case when amount > 5 then 'much' else 'little' end as value from touches"},
        {"little": (1, 0), "much": (1, 1)},
    ),
    "sql-number": (
        {"sql": "select number, max('x') as value from subject_person group by 1;"},
        {"x": (2, 1)},
    ),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_tag_is_tried_saved_and_found_by_each_way(shop: Home, admin: Who, way: str) -> None:
    how, wanted = WAYS[way]
    one = said(shop, how)
    assert tried(shop, admin, one) == wanted
    assert api.tags(shop, admin) == [] and "own.vip" not in {d.key for d in profiles.dimensions(shop)}
    assert api.save(shop, admin, one).version == 1
    assert at(shop) == wanted
    assert api.save(shop, admin, one).version == 1, "saying the same again makes no version"
    node = next(iter(wanted))
    rule = segments.read_rule(f'Has("own.vip", node="{node}")', shop)
    assert segments.count(shop, admin, rule).persons == wanted[node][0]
    api.nightly(shop)
    assert at(shop) == wanted
    found = api.tag(shop, admin, "own.vip")
    assert (found.failed, found.said) == (None, one)
    api.withdraw(shop, admin, "own.vip")
    assert at(shop) == {}
    with pytest.raises(NoSuchTag):
        api.tag(shop, admin, "own.vip")


def test_bands_by_quantiles_are_cut_once_and_anew_when_asked(shop: Home, admin: Who) -> None:
    for row in range(4, 8):
        fresh = world.touch(2, row, row - 3, "order.line", NOW, amount=100.0)
        shop.lake.append("touches", world.table([fresh]), app="touches", version=row, partition_by="month")
    one = said(shop, {"bands": {"of": "value.spend_total", "quantiles": 2}})
    assert tried(shop, admin, one) == {"from_0": (1, 0), "from_30": (1, 1)}
    made = api.save(shop, admin, one)
    assert made.said.how == ByBands("value.spend_total", (0.0, 30.0), 2)
    assert at(shop) == {"from_0": (1, 0), "from_30": (1, 1)}
    with clock.freeze(NOW):
        profiles.rebuild(shop, Who.system())
    api.nightly(shop)
    assert api.tag(shop, admin, "own.vip").said == made.said, "no night moves them"
    assert at(shop) == {"from_30": (2, 1)}
    anew = api.run(shop, admin, "own.vip")
    assert (anew.version, anew.said.how) == (2, ByBands("value.spend_total", (0.0, 230.0), 2))
    assert api.run(shop, admin, "own.vip").version == 2
    five = said(shop, {"bands": {"of": "value.orders_total", "quantiles": 50}}, "own.many")
    assert api.save(shop, admin, five).said.how == ByBands("value.orders_total", (0.0, 1.0), 50)
    with pytest.raises(Invalid, match="nobody has"):
        api.save(shop, admin, said(shop, {"bands": {"of": "demo.birth_decade", "quantiles": 3}}, "own.age"))


def test_as_of_an_earlier_moment_tags_of_touches_are_found_and_given_ones_refused(
    shop: Home, admin: Who
) -> None:
    for way in ("rule", "bands", "touches"):
        api.save(shop, admin, said(shop, WAYS[way][0], f"own.{way}"))
    buyers = segments.read_rule('Has("own.rule", node="gold")', shop)
    segments.create(shop, admin, "gold", Text("金", "gold"), buyers)
    late = world.touch(2, 0, 1, "order.line", NOW + timedelta(days=1), amount=900.0, category="oven")
    shop.lake.append("touches", world.table([late]), app="touches", version=2, partition_by="month")
    moment = clock.to_micros(NOW) + 1
    with clock.freeze(NOW + timedelta(days=2)):
        profiles.make_past(shop, admin, moment)
        profiles.rebuild(shop, admin)
        for key, node, now, then in (
            ("bands", "from_5", 1, 1),
            ("bands", "from_0", 0, 1),
            ("touches", "fridge", 0, 1),
        ):
            rule = segments.read_rule(f'Has("own.{key}", node="{node}")', shop)
            assert segments.count(shop, admin, rule, as_of=moment).persons == then
            assert segments.count(shop, admin, rule).persons == now
        for rule in (buyers, segments.read_rule('In("gold")')):
            with pytest.raises(GivenThen, match=r"own\.rule"):
                segments.count(shop, admin, rule, as_of=moment)


def test_versions_stay_and_expiry_empties_a_tag(shop: Home, admin: Who) -> None:
    api.save(shop, admin, said(shop, RULED))
    one = {"rule": [{"node": "all", "rule": "AllOf()"}]}
    assert api.save(shop, admin, said(shop, one, expires_on="2026-03-02")).version == 2
    assert at(shop) == {"all": (2, 1)}
    assert [(v.number, v.by) for v in api.versions(shop, admin, "own.vip")] == [
        (2, admin.name),
        (1, admin.name),
    ]
    with clock.freeze(NOW.replace(month=3, day=3)):
        profiles.refresh(shop)
    assert profiles.current(shop).nodes("own.vip") == {}


def test_what_stands_on_a_tag_keeps_it_and_no_tag_stands_on_itself(shop: Home, admin: Who) -> None:
    api.save(shop, admin, said(shop, RULED))
    at(shop)
    segments.create(
        shop, admin, "gold", Text("金", "gold"), segments.read_rule('Has("own.vip", node="gold")', shop)
    )
    with pytest.raises(TagInUse, match="gold"):
        api.withdraw(shop, admin, "own.vip")
    circle = said(shop, {"rule": [{"node": "x", "rule": 'In("gold")'}]})
    with pytest.raises(TagCircle, match=r"own\.vip"):
        api.save(shop, admin, circle)
    above = said(shop, {"rule": [{"node": "x", "rule": 'In("gold")'}]}, "own.above")
    api.save(shop, admin, above)
    assert at(shop, "own.above") == {"x": (1, 1)}


def test_a_node_that_a_segment_asks_for_is_not_taken_away(shop: Home, admin: Who) -> None:
    """The list of segments could not be opened any more."""
    api.save(shop, admin, said(shop, RULED))
    segments.create(
        shop, admin, "gold", Text("金", "gold"), segments.read_rule('Has("own.vip", node="gold")', shop)
    )
    for how in (
        {"rule": [{"node": "other", "rule": "AllOf()"}]},
        {"bands": {"of": "value.spend_total", "edges": [0]}},
    ):
        with pytest.raises(TagInUse, match="gold"):
            api.save(shop, admin, said(shop, how))
    assert api.tag(shop, admin, "own.vip").version == 1
    assert [one.key for one in segments.segments(shop, admin)] == ["gold"]


def test_what_is_sensitive_stays_so_in_a_tag(shop: Home, admin: Who) -> None:
    ways: dict[str, tuple[Any, bool]] = {
        "own.plain": (RULED, False),
        "own.home": ({"rule": [{"node": "a", "rule": 'Household(Did("order.*"))'}]}, True),
        "own.size": ({"rule": [{"node": "a", "rule": 'Has("demo.household", at_least=2)'}]}, True),
        "own.sql": ({"sql": "select number, 'x' as value from subject_person"}, True),
    }
    for key, (how, _) in ways.items():
        api.save(shop, admin, said(shop, how, key))
    assert {key: profiles.dimension(shop, key).sensitive for key in ways} == {
        key: told for key, (_, told) in ways.items()
    }


def test_numbers_that_nobody_has_are_nobody(shop: Home, admin: Who) -> None:
    numbers = "select unnest([-1, 0, 1, 4294967297, 4294967298, 99]) as number, 'x' as value"
    assert tried(shop, admin, said(shop, {"sql": numbers})) == {"x": (1, 0)}
    with pytest.raises(WrongSql, match="one row a person"):
        api.try_out(shop, admin, said(shop, {"sql": "select 1 as number, 'x' as value from range(5000)"}))


def test_a_tag_that_can_not_be_made_keeps_its_values_and_says_why(shop: Home, admin: Who) -> None:
    segments.create(shop, admin, "buyers", Text("买家", "Buyers"), segments.read_rule(BUYERS))
    api.save(shop, admin, said(shop, {"rule": [{"node": "a", "rule": 'In("buyers")'}]}))
    assert at(shop) == {"a": (1, 1)}
    with pytest.raises(SegmentInUse, match=r"own\.vip"):
        segments.delete(shop, admin, "buyers")
    with shop.state.write() as tx:  # as an earlier version of the program let it be
        segment_store.end(tx, segment_store.living(tx, "buyers")[0]["number"], clock.micros())
    api.nightly(shop)
    failed = api.tag(shop, admin, "own.vip").failed
    assert failed is not None and "buyers" in failed.en
    assert at(shop) == {"a": (1, 1)}


def test_households_are_known_beside_tags_of_users(
    shop: Home, admin: Who, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A part that speaks of one dimension alone hid the household of everybody."""
    facts = identity.People.facts

    def shared(people: identity.People, numbers: Any) -> pa.Table:
        said = [{"number": n, "fact": "household", "value": "7"} for n in (1, 2)]
        found = facts(people, numbers)
        return pa.concat_tables([found, pa.Table.from_pylist(said, schema=found.schema)])

    monkeypatch.setattr(identity.People, "facts", shared)
    with clock.freeze(NOW):
        profiles.rebuild(shop, Who.system())
    rule = segments.read_rule(f"Household({BUYERS})")
    assert segments.count(shop, admin, rule).persons == 2, "one bought for 30, the other shares the home"
    api.save(shop, admin, said(shop, RULED))
    at(shop)
    assert segments.count(shop, admin, rule).persons == 2
    api.save(shop, admin, said(shop, {"rule": [{"node": "gold", "rule": "AllOf()"}]}))
    at(shop)
    assert segments.count(shop, admin, rule).persons == 2


@pytest.mark.parametrize(
    "how",
    [
        {},
        {"rule": []},
        {"rule": [{"node": "a", "rule": "AllOf()"}, {"node": "a", "rule": "AllOf()"}]},
        {"bands": {"of": "geo.place", "edges": [1]}},
        {"bands": {"of": "value.spend_total", "edges": [2, 1]}},
        {"bands": {"of": "value.spend_total", "edges": [True]}},
        {"bands": {"of": "value.spend_total", "edges": []}},
        {"bands": {"of": "value.spend_total", "quantiles": 1}},
        {"touches": {"take": "all", "word": "category"}},
        {"touches": {"take": "last", "word": "category", "kinds": ["order.nothing"]}},
        {"touches": {"take": "last", "word": "category", "days": 0}},
        {"sql": ""},
    ],
)
def test_what_no_tag_can_be_is_refused_with_what_is_allowed(shop: Home, how: Any) -> None:
    with pytest.raises(Invalid):
        said(shop, how)


@pytest.mark.parametrize(
    ("sql", "why"),
    [
        ("drop view touches", "one SELECT"),
        ("select 1; select 2", "one SELECT"),
        ("copy (select 1) to '/tmp/zd-out.csv'", "one SELECT"),
        ("select 1 as number", "subject or number"),
        ("select 'x' as number, 'y' as value", "x"),
        ("select number, 'x' as value from read_csv('/etc/passwd')", "disabled|ermission"),
        ("select number, 'x' as value from nowhere", "nowhere"),
        ("set threads = 8", "one SELECT"),
        ("attach '/tmp/zd.db'", "one SELECT"),
    ],
)
def test_sql_reads_what_is_published_and_nothing_else(shop: Home, admin: Who, sql: str, why: str) -> None:
    with pytest.raises(WrongSql, match=why):
        api.try_out(shop, admin, said(shop, {"sql": sql}))


def test_sql_that_takes_too_long_is_stopped(shop: Home) -> None:
    from zerodistance.core.segments.tags import sql

    with pytest.raises(WrongSql, match="longer than"):
        sql.run(shop, "select count(*) as number, 'x' as value from range(100000000000) a", seconds=0.2)


def test_a_key_of_ours_a_shipped_one_and_a_wrong_rule_are_refused(shop: Home, admin: Who) -> None:
    for key in ("own.", "vip", "group.vip", "own.A"):
        with pytest.raises(Invalid):
            api.save(shop, admin, said(shop, RULED, key))
    with pytest.raises((DimensionExists, Invalid)):
        api.save(shop, admin, said(shop, RULED, "value.spend_total"))
    with pytest.raises(WrongRule):
        said(shop, {"rule": [{"node": "a", "rule": "Hass()"}]})
    with pytest.raises(Invalid, match="2027-01-31"):
        said(shop, RULED, expires_on="soon")


def test_only_who_may_see_persons_makes_tags(
    shop: Home, analyst: Who, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(access._MAY, Role.ANALYST, frozenset())
    for verb in (api.try_out, api.save):
        with pytest.raises(Forbidden):
            verb(shop, analyst, said(shop, RULED))


def test_the_api_makes_tags(shop: Home, admin: Who) -> None:
    app = FastAPI()
    app.state.home = shop
    app.include_router(http.router)

    @app.middleware("http")
    async def known_here(request: Request, call_next: Any) -> Any:
        request.state.who = admin
        return await call_next(request)

    client = TestClient(app)
    body = {"key": "own.vip", "layer": "value", "zh": "贵宾", "en": "VIP", **RULED}
    counts = client.post("/v1/segments/tags/preview", json=body).json()
    assert [(n["node"], n["persons"], n["visitors"]) for n in counts] == [("gold", 1, 1), ("other", 1, 0)]
    made = client.post("/v1/segments/tags", json=body)
    assert (made.status_code, made.json()["version"], made.json()["how"]["rule"][0]["node"]) == (
        201,
        1,
        "gold",
    )
    assert [one["key"] for one in client.get("/v1/segments/tags").json()] == ["own.vip"]
    assert made.json()["ran_at"] is None and at(shop) == {}, "a door writes no lake"
    api.wanted(shop)
    assert at(shop) == {"gold": (1, 1), "other": (1, 0)}
    assert client.get("/v1/segments/tags/own.vip").json()["ran_at"] is not None
    assert client.post("/v1/segments/tags/own.vip/run").json()["ran_at"] is None
    api.wanted(shop)
    assert client.get("/v1/segments/tags/own.vip").json()["failed"] is None
    assert client.get("/v1/segments/tags/own.vip").json()["zh"] == "贵宾"
    listed = {
        **{k: v for k, v in body.items() if k != "rule"},
        "key": "own.list",
        "list": {"words": [{"node": "gold"}]},
    }
    made = client.post("/v1/segments/tags", json=listed)
    assert made.json()["how"] == {"list": {"words": [{"node": "gold", "zh": "gold", "en": "gold"}]}}
    columns = {"identifiers": {"phone": "手机号"}, "value": "level", "happened_at": "since"}
    text = client.post("/v1/segments/tags/own.list/mapping", json=columns).json()["mapping"]
    assert parse(text).kinds[0].key == "list.entered" and parse(text).identifiers == {"phone": "手机号"}
    assert client.delete("/v1/segments/tags/own.list").status_code == 204
    assert client.delete("/v1/segments/tags/own.vip").status_code == 204
    assert client.get("/v1/segments/tags").json() == []


def test_what_an_older_version_stands_on_is_not_withdrawn(shop: Home, admin: Who) -> None:
    """The versions could not be read any more, nor the page that shows them."""
    api.save(shop, admin, said(shop, RULED, "own.below"))
    on_it = {"rule": [{"node": "x", "rule": 'Has("own.below")'}]}
    api.save(shop, admin, said(shop, on_it))
    api.save(shop, admin, said(shop, RULED))
    segments.create(shop, admin, "seg", Text("段", "seg"), segments.read_rule('Has("own.below")', shop))
    segments.save(shop, admin, "seg", segments.read_rule("AllOf()"))
    with pytest.raises(TagInUse, match=r"seg, own\.vip"):
        api.withdraw(shop, admin, "own.below")
    assert [one.number for one in api.versions(shop, admin, "own.vip")] == [2, 1]
    api.withdraw(shop, admin, "own.vip")
    segments.delete(shop, admin, "seg")
    api.withdraw(shop, admin, "own.below")


def test_what_was_known_of_a_person_then_can_be_asked_where_there_are_tags_of_users(
    shop: Home, admin: Who
) -> None:
    """The page of a person as of a day was an error of the program."""
    api.save(shop, admin, said(shop, RULED))
    at(shop)
    (person,) = identity.public_ids(shop, [2]).values()
    with clock.freeze(NOW):
        (then,) = profiles.profiles_of(shop, admin, [person], as_of=clock.micros(), dated=True).persons
        (today,) = profiles.profiles_of(shop, admin, [person], dated=True).persons
    assert "own.vip" in {tag.dimension for tag in today.tags}
    assert "own.vip" not in {tag.dimension for tag in then.tags}, "nobody knows since when it was given"


def test_what_stands_on_a_tag_is_named_as_far_as_an_account_sees_it(shop: Home, admin: Who) -> None:
    ours, theirs = 1, 2
    api.save(shop, admin, said(shop, RULED))
    at(shop)
    asks = {"rule": [{"node": "x", "rule": 'Has("own.vip", node="gold")'}]}
    given = {"key": "own.above", "layer": "value", **NAMES, "how": asks}
    api.save(shop, admin, api.read(shop, given, ours))
    with pytest.raises(TagInUse) as refused:
        api.withdraw(shop, Who(9, "tom", admin.role, frozenset({theirs})), "own.vip")
    assert refused.value.data["by"] == "–"
    with pytest.raises(TagInUse, match=r"own\.above"):
        api.withdraw(shop, admin, "own.vip")
