"""Groups are kept, named, assigned each night, given as tags, and used as segments; by whoever may."""

from __future__ import annotations

import csv
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import numpy as np
import pytest
from fastapi import FastAPI, Request
from fastapi.testclient import TestClient

from benchmarks.lib import planted
from tests.core.profiles import world
from zerodistance.core.profiles import api as profiles
from zerodistance.core.profiles.contracts import Layer
from zerodistance.core.profiles.keeper import Keeper
from zerodistance.core.segments import api as segments
from zerodistance.core.segments import http, saved
from zerodistance.core.segments.contracts import Has, In
from zerodistance.core.segments.groups import api, jobs, making, stability
from zerodistance.core.segments.groups.contracts import (
    Asked,
    Grouping,
    GroupingCircle,
    GroupingExists,
    GroupingInUse,
    NoGroups,
    NoSuchGroup,
    NoSuchGrouping,
)
from zerodistance.core.segments.tags import api as tags
from zerodistance.kernel import access, clock
from zerodistance.kernel.access import Role, Who
from zerodistance.kernel.errors import Forbidden, Invalid
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text

PEOPLE = 1_200
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SYSTEM = Who.system("test")
FOUR = Asked(groups=4)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Try numbers of groups on few persons, and few times."""
    monkeypatch.setattr(stability, "HALF", 400)
    monkeypatch.setattr(stability, "REPEATS", 2)
    monkeypatch.setattr(making, "MOST", 5)


@pytest.fixture
def town(home: Home) -> Home:
    luck = np.random.default_rng(4)
    planted.plant(home, luck.choice(4, PEOPLE, p=[0.4, 0.3, 0.2, 0.1]), luck, sure=0.93)
    return home


def fit(home: Home, who: Who = SYSTEM, asked: Asked | None = FOUR, key: str = "types") -> Grouping:
    return api.fit(home, who, key, asked, name=Text("用户类型", "Kinds of users"))


def test_groups_are_made_with_names_and_everybody_is_in_one(town: Home) -> None:
    heard = set()
    found = api.fit(town, SYSTEM, "types", hear=lambda stage, done, of: heard.add(stage.en))
    assert heard == {"reading tags", "trying numbers of groups", "finding centres", "assigning"}
    assert found.holds is not None and found.holds is found.latest and found.holds.stable
    assert [one.node for one in found.holds.groups] == ["g1", "g2", "g3", "g4"]
    (run,) = found.runs
    assert sum(run.sizes.values()) == run.persons == PEOPLE and (run.known, run.moved) == (0, 0)
    assert len({one.name for one in found.holds.groups}) == 4
    for one in found.holds.groups:
        assert (
            one.traits[0].label.en
            and one.traits[0].low <= one.traits[0].share - one.traits[0].share_others <= one.traits[0].high
        )
        assert one.share == pytest.approx(run.share(one.node))
    assert [one.key for one in api.groupings(town, SYSTEM)] == ["types"]


def test_a_new_version_goes_on_with_nodes_and_with_names_that_somebody_gave(town: Home) -> None:
    first = fit(town)
    renamed = api.rename(town, SYSTEM, "types", "g3", Text("常客", "Regulars"))
    assert renamed.holds is not None and renamed.holds.groups[2].named_by == "test"
    again = api.fit(town, SYSTEM, "types", Asked(groups=4, seed=9))
    assert first.holds is not None and again.holds is not None and again.holds.number == 2
    named = {one.node: one.name.en for one in again.holds.groups}
    assert sorted(named) == ["g1", "g2", "g3", "g4"] and named["g3"] == "Regulars"
    five = api.fit(town, SYSTEM, "types", Asked(groups=5))
    assert five.holds is not None and "g5" in {one.node for one in five.holds.groups} | {"g6"}
    assert api.version(town, SYSTEM, "types", 1).number == 1
    with pytest.raises(Invalid, match="1 to 3"):
        api.version(town, SYSTEM, "types", 7)


def test_where_nothing_is_stable_the_groups_before_stay(town: Home) -> None:
    fit(town)
    luck = np.random.default_rng(8)
    planted.plant(town, luck.choice(3, PEOPLE), luck, sure=0.0)
    found = api.fit(town, SYSTEM, "types", Asked())
    assert found.latest is not None and not found.latest.groups and found.versions == 2
    assert found.holds is not None and found.holds.number == 1
    assert not any(one.stable and one.groups == 5 for one in found.latest.tried)
    with pytest.raises(NoGroups):
        api.ask(town, SYSTEM, "other")
        api.as_sql(town, SYSTEM, "other")


def test_the_worker_makes_what_was_asked_for_and_says_what_it_could_not(town: Home) -> None:
    asked = api.ask(town, SYSTEM, "types", FOUR)
    assert asked.wanted_at is not None and asked.latest is None
    api.ask(town, SYSTEM, "few", Asked(rule=segments.read_rule('Has("brand.hour", node="99")')))
    jobs.wanted(town)
    found = api.grouping(town, SYSTEM, "types")
    assert (
        found.wanted_at is None and found.runs and found.latest is not None and found.latest.made_by == "test"
    )
    few = api.grouping(town, SYSTEM, "few")
    assert few.wanted_at is None and few.trouble is not None and "0 persons" in few.trouble.en
    jobs.nightly(town)
    assert len(api.grouping(town, SYSTEM, "types").runs) == 1


def test_the_statement_in_a_folder_says_which_group_everybody_is_in(town: Home, tmp_path: Path) -> None:
    found = fit(town)
    assert api.write_sql(town, SYSTEM, "types", tmp_path / "out") == PEOPLE
    text = (tmp_path / "out" / "groups.sql").read_text()
    assert api.as_sql(town, SYSTEM, "types").strip() in text.replace(";\n", "\n")
    view, _, statement = text.partition(";\n")
    with duckdb.connect() as connection:
        connection.execute(view.replace("feature.parquet", str(tmp_path / "out" / "feature.parquet")))
        sizes = dict(
            connection.execute(
                f"select node, count(*) from ({statement.strip().rstrip(';')}) group by node"
            ).fetchall()
        )
    assert sizes == {node: many for node, many in found.runs[-1].sizes.items() if many}
    with open(tmp_path / "out" / "weights.csv") as file:
        rows = list(csv.reader(file))
    assert rows[0][:3] == ["dimension", "node", "x1"] and rows[1][:2] == ["", ""] and len(rows) > 20


def test_groups_are_for_whoever_may_see_persons_and_of_units_that_they_see(
    town: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.fit(town, SYSTEM, "types", FOUR, unit=7)
    other, mine = Who(3, "other", Role.ANALYST, frozenset({8})), Who(4, "mine", Role.ANALYST, frozenset({7}))
    assert [one.key for one in api.groupings(town, mine)] == ["types"] and api.groupings(town, other) == []
    with pytest.raises(NoSuchGrouping):
        api.grouping(town, other, "types")
    with pytest.raises(GroupingExists):
        api.ask(town, other, "types")
    with pytest.raises(Invalid):
        api.ask(town, other, "own", unit=7)
    planner = Who(5, "planner", Role.PLANNER)
    for verb in (
        api.groupings,
        lambda home, who: api.fit(home, who, "x"),
        lambda home, who: api.grouping(home, who, "types"),
    ):
        with pytest.raises(Forbidden):
            verb(town, planner)
    monkeypatch.setitem(access._MAY, Role.ANALYST, frozenset({access.Permission.SEE_PERSONS}))
    for verb in (
        api.assign,
        api.remove,
        lambda home, who, key: api.rename(home, who, key, "g1", Text("a", "a")),
    ):
        with pytest.raises(Forbidden):
            verb(town, mine, "types")


def test_what_can_not_be_is_refused_with_what_is_allowed(town: Home) -> None:
    fit(town)
    for asked, said in (
        (Asked(groups=1), "2 to 12"),
        (Asked(groups=13), "2 to 12"),
        (Asked(dimensions=("demo.generations",)), "sensitive"),
    ):
        with pytest.raises(Invalid, match=said):
            api.ask(town, SYSTEM, "types", asked)
    for key in ("Types", "1st", "a-b", "", "a" * 41):
        with pytest.raises(Invalid, match="a letter first"):
            api.ask(town, SYSTEM, key)
    with pytest.raises(
        profiles.NoSuchDimension if hasattr(profiles, "NoSuchDimension") else Exception, match="no dimension"
    ):
        api.ask(town, SYSTEM, "types", Asked(dimensions=("value.nothing",)))
    with pytest.raises(NoSuchGroup, match="g1, g2"):
        api.rename(town, SYSTEM, "types", "g9", Text("a", "a"))
    taken = api.rename(town, SYSTEM, "types", "g1", Text("甲", "One")).holds
    assert taken is not None and taken.groups[0].name.en == "One"
    for name in (Text("甲", "Two"), Text("", ""), Text("x" * 81, "x")):
        with pytest.raises(Invalid):
            api.rename(town, SYSTEM, "types", "g2", name)
    api.remove(town, SYSTEM, "types")
    with pytest.raises(NoSuchGrouping):
        api.grouping(town, SYSTEM, "types")
    fit(town)


def test_the_api_asks_shows_names_and_removes(town: Home, admin: Who) -> None:
    app = FastAPI()
    app.include_router(http.router)

    @app.middleware("http")
    async def asked(request: Request, call_next):  # type: ignore[no-untyped-def]
        request.state.who = admin
        return await call_next(request)

    app.state.home = town
    client = TestClient(app, raise_server_exceptions=False)
    said = client.post(
        "/v1/segments/groups/types",
        json={"groups": 4, "layers": ["value", "brand", "interests"], "name_en": "Kinds"},
    )
    assert said.status_code == 202 and said.json()["wanted_at"] and said.json()["name_zh"] == "Kinds"
    assert client.post("/v1/segments/groups/types", json={"groups": True}).status_code == 422
    jobs.wanted(town)
    found = client.get("/v1/segments/groups/types").json()
    assert [one["node"] for one in found["groups"]] == ["g1", "g2", "g3", "g4"] and found["asked"][
        "layers"
    ] == ["value", "brand", "interests"]
    assert found["groups"][0]["traits"][0]["label"] and {one["groups"] for one in found["tried"]} == {
        2,
        3,
        4,
        5,
    }
    assert all(key.partition(".")[0] in ("value", "brand", "interest") for key in found["made_of"])
    named = client.put("/v1/segments/groups/types/groups/g2", json={"name_zh": "乙", "name_en": "Two"})
    assert named.json()["groups"][1]["name_en"] == "Two" and named.json()["groups"][1]["named"]
    assert "case least(g1, g2, g3, g4)" in client.get("/v1/segments/groups/types/sql").json()["sql"]
    assert [one["key"] for one in client.get("/v1/segments/groups").json()] == ["types"]
    assert client.delete("/v1/segments/groups/types").status_code == 204
    assert client.get("/v1/segments/groups").json() == []


class Street:
    """Three kinds of persons by what they do, whom the worker's own loop digests."""

    def __init__(self, home: Home) -> None:
        self.home, self.crowd = home, world.Crowd()
        luck, rows = np.random.default_rng(2), []
        for n in range(1, 361):
            self.crowd.move(n, n)
            kind, many = n % 3, int(luck.integers(3, 6))
            what = ("order.line", "page.viewed", "service.called")[kind]
            more = {"category": ("washer", "fridge", "tv")[kind], "amount": 900.0 if kind == 0 else None}
            days = [timedelta(days=int(back)) for back in luck.integers(1, 20, many)]
            rows += [
                world.touch(1, len(rows) + i, n, what, NOW - back, **more) for i, back in enumerate(days)
            ]
        self.keeper = Keeper(home, self.crowd, [d for d in profiles.dimensions(None) if d.key in LOOKED_AT])
        with clock.freeze(NOW):
            self.keeper.follow(world.table(rows), 1)
        self.turn()

    def turn(self) -> None:
        with clock.freeze(NOW):
            self.keeper.update()

    def assign(self) -> Grouping:
        with clock.freeze(NOW):
            return api.assign(self.home, SYSTEM, "types")

    def count(self, node: str) -> int:
        return segments.count(self.home, SYSTEM, Has("group.types", node)).persons


LOOKED_AT = ("usage.first_kind", "brand.first_category", "value.orders_total")


def test_a_group_is_a_tag_and_a_segment_and_follows_merges(home: Home) -> None:
    street = Street(home)
    with clock.freeze(NOW):
        found = api.fit(home, SYSTEM, "types", Asked(groups=3), name=Text("类型", "Kinds"))
    street.turn()
    sizes = found.runs[-1].sizes
    assert sum(sizes.values()) == 360
    assert {node: street.count(node) for node in sizes} == dict(sizes)
    (tag,) = [tag for tag in profiles.tags_of(home, SYSTEM, 5) if tag.dimension == "group.types"]
    assert tag.layer is Layer.NEEDS and tag.inferred and found.holds is not None
    mine = next(one for one in found.holds.groups if one.node == tag.node)
    assert tag.node_label == mine.name
    asked = Has("group.types", tag.node)
    members = set(saved.answering(home, SYSTEM, asked).fits(asked).persons)
    assert members >= {n for n in range(1, 361) if n % 3 == 5 % 3} and len(members) == sizes[tag.node]
    with clock.freeze(NOW):
        renamed = api.rename(home, SYSTEM, "types", tag.node, Text("常客", "Regulars"))
    assert renamed.holds is not None
    assert "Regulars" in segments.describe(home, SYSTEM, Has("group.types", tag.node)).en
    made = api.as_segment(home, SYSTEM, "types", tag.node)
    assert made.name.en == "Regulars" and segments.count(home, SYSTEM, made.asks).persons == len(members)
    with pytest.raises(GroupingInUse, match=made.key):
        api.remove(home, SYSTEM, "types")
    name = {"zh": "常客", "en": "Regulars"}
    ruled = {"rule": [{"node": "a", "rule": f'Has("group.types", node="{tag.node}")'}]}
    said = {"key": "own.regular", "layer": "needs", "label": name, "meaning": name, "how": ruled}
    tags.save(home, SYSTEM, tags.read(home, said), now=False)
    with pytest.raises(GroupingInUse, match=r"own\.regular"):
        api.remove(home, SYSTEM, "types")
    tags.withdraw(home, SYSTEM, "own.regular")
    for rule in (Has("group.types", tag.node), In(made.key)):
        with pytest.raises(GroupingCircle):
            api.ask(home, SYSTEM, "types", Asked(rule=rule))
    street.crowd.move(5, 2)  # 5 and 2, both of one kind, turn out to be one person
    street.turn()
    assert street.count(tag.node) == len(members) - 1
    again = street.assign().runs[-1]
    assert (again.persons, again.known, again.moved) == (359, 359, 0)
    segments.delete(home, SYSTEM, made.key)
    with clock.freeze(NOW):
        api.remove(home, SYSTEM, "types")
    street.turn()
    assert "group.types" not in {one.key for one in profiles.dimensions(home)}
    assert "group.types" not in {tag.dimension for tag in profiles.tags_of(home, SYSTEM, 8)}


def test_who_changed_group_is_counted_when_everybody_is_assigned_anew(home: Home) -> None:
    street = Street(home)
    with clock.freeze(NOW):
        api.fit(home, SYSTEM, "types", Asked(groups=3))
    street.turn()
    before = {tag.node for tag in profiles.tags_of(home, SYSTEM, 4) if tag.dimension == "group.types"}
    rows = [world.touch(2, n, 4, "order.line", NOW, category="washer", amount=900.0) for n in range(9)]
    with clock.freeze(NOW):
        street.keeper.follow(world.table(rows), 2)
    street.turn()
    street.crowd.move(4, 3)  # one who looks and one who buys turn out to be one person
    street.turn()
    run = street.assign().runs[-1]
    assert run.persons == 359 and run.known == 359 and run.moved <= 1
    street.turn()
    after = {tag.node for tag in profiles.tags_of(home, SYSTEM, 3) if tag.dimension == "group.types"}
    assert len(after) == 1 and len(before) == 1
    assert sum(street.count(node) for node in run.sizes) == 359


def test_a_segment_of_a_group_that_is_no_more_is_empty_and_can_be_read(town: Home) -> None:
    fit(town)
    made = api.as_segment(town, SYSTEM, "types", "g4")
    segments.save(town, SYSTEM, made.key, segments.read_rule("AllOf()"))
    other = api.as_segment(town, SYSTEM, "types", "g4")
    fit(town, asked=Asked(groups=2, layers=(Layer.BRAND,)))
    holds = api.grouping(town, SYSTEM, "types").holds
    assert holds is not None and "g4" not in {one.node for one in holds.groups}
    assert {one.key for one in segments.segments(town, SYSTEM)} == {made.key, other.key}
    assert segments.count(town, SYSTEM, segments.segment(town, SYSTEM, other.key).rule).persons == 0
    assert "no more" in segments.describe(town, SYSTEM, other.rule).en
    segments.delete(town, SYSTEM, other.key)
    with pytest.raises(GroupingInUse, match=made.key):  # an earlier version of its rule can still be read
        api.remove(town, SYSTEM, "types")
