"""How segments overlap, and what tells one from others: against plain sets, and against chance."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from fastapi import FastAPI, Request
from fastapi.testclient import TestClient

from tests.core.profiles import world
from tests.core.segments.test_answers import NOW, World, town
from zerodistance.core.profiles import api as profiles
from zerodistance.core.profiles.keeper import Keeper
from zerodistance.core.segments import api, http, intervals
from zerodistance.kernel import access, clock
from zerodistance.kernel.access import Role, Who
from zerodistance.kernel.errors import Forbidden, Invalid
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text

__all__ = ["town"]
NAME = Text("人群", "segment")
RULES = {
    "o-lines": 'Did("order.line", at_least=4)',
    "o-washer": 'Did("order.*", category="washer", at_least=2)',
    "o-seen": 'Did("product.viewed", within_days=366)',
}


@pytest.fixture
def saved(town: World, admin: Who) -> Any:
    for key, text in RULES.items():
        api.create(town[0], admin, key, NAME, api.read_rule(text))
    yield town[0]
    for key in RULES:
        api.delete(town[0], admin, key)


def test_regions_and_pairs_are_those_of_plain_sets(saved: Home, admin: Who) -> None:
    found = api.overlap(saved, admin, list(RULES))
    sets = []
    for key in RULES:
        rule = api.segment(saved, admin, key).rule
        sets.append(set(api.members(saved, admin, rule, limit=1_000).numbers) | _numbers(saved, admin, rule))
    assert len(found.regions) == 7
    for region in found.regions:
        inside = [one for one, here in zip(sets, region.inside, strict=True) if here]
        outside = [one for one, here in zip(sets, region.inside, strict=True) if not here]
        assert sum(region.sizes) == len(set.intersection(*inside) - set().union(*outside))
    assert [[sum(s) for s in row] for row in found.pairs] == [[len(a & b) for b in sets] for a in sets]
    everybody = profiles.current(saved).everybody
    assert sum(found.outside) == sum(everybody) - len(set().union(*sets))
    with pytest.raises(Invalid):
        api.overlap(saved, admin, ["o-lines", "o-lines"])
    with pytest.raises(Invalid):
        api.overlap(saved, admin, ["o-lines"])


def _numbers(home: Home, who: Who, rule: Any) -> set[int]:
    return set(api.answering(home, who, rule).fits(rule).numbers().tolist())


@pytest.fixture
def crowd(home: Home) -> Home:
    """Two thousand persons: buyers of washers are mostly women, all born in 1985, and the month of birth is chance."""
    luck, people = np.random.default_rng(3), world.Crowd()
    rows = []
    for n in range(1, 2_001):
        people.move(n, n)
        buyer = n % 4 == 0
        people.told[n, "gender"] = "female" if luck.random() < (0.7 if buyer else 0.5) else "male"
        people.told[n, "area"] = f"3702{luck.integers(2, 15):02d}"
        people.told[n, "birth_year"] = "1985" if buyer else "1972"
        if buyer:
            rows.append(world.touch(1, n, n, "order.line", NOW, category="washer"))
    keeper = Keeper(home, people, [d for d in profiles.dimensions(None) if d.of.name == "facts"])
    with clock.freeze(NOW):
        keeper.follow(world.table(rows), 1)
        keeper.update()
    return home


def test_what_tells_a_segment_from_others_is_found_and_chance_is_not(crowd: Home, admin: Who) -> None:
    rule = api.read_rule('Did("order.line", category="washer")')
    found = api.distinguish(crowd, admin, rule)
    assert {(one.dimension, one.node) for one in found.differences} == {
        ("demo.gender", "female"),
        ("demo.gender", "male"),
        ("demo.birth_decade", "in_1985"),  # and not their decades, which say the same
        ("demo.birth_decade", "in_1972"),
    }
    women = next(one for one in found.differences if one.node == "female")
    assert (women.node_label.en, women.label.zh) == ("female", "性别")
    assert women.low < women.share - women.share_others < women.high and women.log_odds > 0 < women.low
    assert (found.persons, found.others, found.error) == (500, 1_500, 0.0)
    back = api.distinguish(crowd, admin, api.read_rule('Did("order.line", at_most=0)'), rule)
    other = next(one for one in back.differences if one.node == "female")
    assert (round(other.low, 9), round(other.high, 9)) == (round(-women.high, 9), round(-women.low, 9))
    women_apart = api.distinguish(crowd, admin, api.read_rule('Has("demo.gender", node="female")'))
    assert {one.dimension for one in women_apart.differences} == {"demo.birth_decade"}, (
        "what it asks for is left out"
    )
    both = api.distinguish(crowd, admin, api.read_rule("AllOf()"), rule)
    assert (both.persons, both.others, both.in_both, both.differences) == (1_500, 0, 500, ())


def test_intervals_cover_what_is_true() -> None:
    """Of 2,000 draws some 95 % of the intervals hold the difference."""
    luck, z = np.random.default_rng(7), intervals.z_of(0.95)
    mine, theirs = luck.binomial(60, 0.3, 2_000), luck.binomial(200, 0.1, 2_000)
    edges = [intervals.newcombe(int(a), 60, int(b), 200, z) for a, b in zip(mine, theirs, strict=True)]
    assert 0.935 < sum(low <= 0.2 <= high for low, high in edges) / 2_000 < 0.97


def test_comparing_needs_the_permission_to_see_persons(saved: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(access._MAY, Role.ANALYST, frozenset())
    nobody = Who(9, "nobody", Role.ANALYST)
    with pytest.raises(Forbidden):
        api.overlap(saved, nobody, list(RULES))
    with pytest.raises(Forbidden):
        api.distinguish(saved, nobody, api.read_rule("AllOf()"))


def test_the_api_compares(saved: Home, admin: Who) -> None:
    app = FastAPI()
    app.state.home = saved
    app.include_router(http.router)

    @app.middleware("http")
    async def _who(request: Request, call_next: Any) -> Any:
        request.state.who = admin
        return await call_next(request)

    client = TestClient(app)
    found = client.post("/v1/segments/overlap", json={"segments": ["o-lines", "o-washer"]}).json()
    assert [region["inside"] for region in found["regions"]] == [
        ["o-lines", "o-washer"],
        ["o-lines"],
        ["o-washer"],
    ]
    asked = {"rule": 'In("o-lines")', "most": 3}
    assert client.post("/v1/segments/distinguish", json=asked).json()["looked_at"] > 100
    state = client.post("/v1/segments/o-lines/freeze").json()
    assert (state["state"], client.get("/v1/segments/o-lines").json()["changes"]) == ("frozen", 0)
    assert client.post("/v1/segments/o-lines/thaw").json()["state"] == "living"
    assert client.post("/v1/segments/o-lines/follow").json()["state"] == "followed"
    assert client.get("/v1/segments/o-lines/changes").json() == []
    assert client.get("/v1/segments/o-lines/growth").json() == []
    assert "subject_person" in client.get("/v1/segments/o-lines/sql").json()["sql"]
