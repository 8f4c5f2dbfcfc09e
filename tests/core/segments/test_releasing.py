"""Whoever may not see persons asks closed questions of the own territory about approved audiences, and nothing else."""

from __future__ import annotations

import io
import math
from collections.abc import Callable
from datetime import timedelta

import numpy as np
import pytest

from zerodistance.core.brand import api as brand
from zerodistance.core.brand.contracts import Change
from zerodistance.core.profiles import api as profiles
from zerodistance.core.profiles import publishing
from zerodistance.core.profiles.contracts import FreeRule, NoSuchDimension
from zerodistance.core.profiles.index import Index
from zerodistance.core.profiles.parts import Part
from zerodistance.core.profiles.splits import Split
from zerodistance.core.segments import api, audiences, audit, jobs, releasing
from zerodistance.core.segments.contracts import AllOf, AnyOf, Has, In, NoneOf, Rule
from zerodistance.core.segments.questions import (
    ApprovedBySaver,
    NoAudience,
    NotApproved,
    NotClosed,
    NotYours,
    Question,
    TooFewToSend,
)
from zerodistance.kernel import clock
from zerodistance.kernel.access import Role, Who
from zerodistance.kernel.errors import Forbidden, NotFound
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text

PEOPLE = 20_000
EVERYBODY = np.arange(1, PEOPLE + 1, dtype=np.uint32)
ADMIN, ANALYST = Who(1, "admin", Role.ADMIN), Who(2, "analyst", Role.ANALYST)
WOMEN, OLD = Has("demo.gender", "female"), Has("needs.age.washer")


def who_are(share: float, seed: int) -> Split:
    luck = np.random.default_rng(seed)
    return Split.of_sorted(EVERYBODY[luck.random(PEOPLE) < share])


@pytest.fixture
def town(home: Home) -> Home:
    """Two districts of ten communities; the unit `north` answers for one district, `south` for a community of the other."""
    for kind, rows in (
        ("units", [({"key": k}, {"name_zh": k, "name_en": k, "parent": None}) for k in ("north", "south")]),
        ("categories", [({"key": "washer"}, named("洗衣机", "Washers", parent=None, lifetime_years=None, origin="test", unit=None))]),
        ("places", [place("CITY", "city", "370200"), place("D0", "district", "370201"), place("D1", "district", "370202")]),
        ("places", [place(f"C{n}", "community", f"37020{1 + n % 2}") for n in range(20)]),
        ("territories", [({"unit": "north", "place": "D0"}, {}), ({"unit": "south", "place": "C1"}, {})]),
    ):  # fmt: skip
        changes = [Change(tuple(key.values()), values, None, None, 0) for key, values in rows]
        assert not brand.upsert(home, ADMIN, kind, changes).bad
    lives = np.random.default_rng(1).integers(20, size=PEOPLE)
    communities = {f"C{n}": Split.of_sorted(EVERYBODY[lives == n]) for n in range(20)}
    communities |= {f"^D{d}": Split.of_sorted(EVERYBODY[lives % 2 == d]) for d in range(2)}
    nodes = {
        "geo.community": communities,
        "demo.gender": {"female": who_are(0.5, 2)},
        "demo.household": {"from_2": who_are(0.3, 3)},
        "needs.age.washer": {"years_1": who_are(0.4, 4)},
        "value.orders_total": {"often": Split.of_sorted(EVERYBODY[:30])},
    }
    part = Part(1, 2, 3, "m", 4, None, Split.of_sorted(EVERYBODY), nodes)
    publishing.publish(home.path("index"), Index(), part)
    return home


def named(zh: str, en: str, **more: object) -> dict[str, object]:
    return {"name_zh": zh, "name_en": en, **more}


def place(code: str, kind: str, area: str) -> tuple[dict[str, str], dict[str, object]]:
    lat, lon = (36.0, 120.0) if kind == "community" else (None, None)
    return {"code": code}, named(code, code, kind=kind, lat=lat, lon=lon, area=area, grade=None)


def planner(home: Home, *units: str) -> Who:
    return Who(3, "planner", Role.PLANNER, frozenset(brand.unit(home, key).number for key in units))


def audience(home: Home, key: str, rule: Rule, by: Who = ADMIN) -> None:
    api.create(home, by, key, Text(key, key), rule)
    audiences.approve(home, ANALYST, key, 1)


def near(figure: int | None, true: int) -> bool:
    assert figure is not None
    return bool(abs(figure - true) < 4 * math.sqrt(15 * true))


def test_a_closed_question_is_answered_with_about_how_many_there_are(town: Home) -> None:
    audience(town, "women", WOMEN)
    who = planner(town, "north")
    for question, share in (
        (Question(), 1 / 2),
        (Question(audience="women"), 1 / 4),
        (Question(place="C2"), 1 / 20),
        (Question(audience="women", category="washer"), 0.4 / 4),
        (Question(dimension="demo.gender", node="female"), 1 / 4),
    ):
        found = releasing.ask(town, who, question)
        assert near(found.persons, round(PEOPLE * share)), question
        assert found == releasing.ask(town, who, question)
        assert found.text.zh and found.text.en
    everybody = releasing.ask(town, planner(town), Question())
    assert near(everybody.persons, PEOPLE)
    assert releasing.ask(town, ADMIN, Question()).persons == everybody.persons
    few = releasing.ask(
        town, who, Question(place="C2", audience="women", dimension="value.orders_total", node="often")
    )
    assert (few.persons, few.low, few.high) == (None, 0, None)


def test_a_question_is_about_the_own_territory(town: Home) -> None:
    north, south = planner(town, "north"), planner(town, "south")
    assert releasing.ask(town, north, Question(place="D0")).persons
    for who, place in (
        (north, "C1"),
        (north, "D1"),
        (north, "CITY"),
        (south, "C3"),
        (south, "D1"),
        (north, "nowhere"),
    ):
        with pytest.raises(NotYours):
            releasing.ask(town, who, Question(place=place))
    assert [one.key for one in releasing.choices(town, south).places] == ["C1"]
    assert len(releasing.choices(town, north).places) == 11
    both = planner(town, "north", "south")
    one, other = (releasing.ask(town, who, Question()).persons for who in (both, north))
    assert one and other and one > other
    with pytest.raises(NotFound):
        releasing.ask(town, north, Question(category="boats"))


def test_only_bands_of_closed_lists_that_are_not_sensitive_are_asked(town: Home) -> None:
    who = planner(town)
    offered = {option.key for _, options in releasing.choices(town, who).bands for option in options}
    assert "demo.gender" in offered
    assert not offered & {"demo.household", "geo.community", "brand.model.washer"}
    wrong: list[tuple[Question, type[Exception]]] = [
        (Question(dimension="demo.household", node="from_2"), Forbidden),
        (Question(dimension="geo.community", node="C1"), NotClosed),
        (Question(dimension="demo.gender", node="none"), NotClosed),
        (Question(dimension="demo.gender"), NotClosed),
        (Question(dimension="no.such", node="x"), NoSuchDimension),
    ]
    for question, error in wrong:
        with pytest.raises(error):
            releasing.ask(town, who, question)
    with pytest.raises(NotClosed):
        releasing.ask(town, ADMIN, Question(dimension="demo.household", node="from_2"))


def test_an_audience_is_approved_by_somebody_else_and_for_one_rule(town: Home) -> None:
    who, asked = planner(town), Question(audience="women")
    api.create(town, ADMIN, "women", Text("女", "women"), WOMEN)
    with pytest.raises(NotApproved):
        releasing.ask(town, who, asked)
    with pytest.raises(ApprovedBySaver):
        audiences.approve(town, ADMIN, "women", 1)
    with pytest.raises(Forbidden):
        audiences.approve(town, who, "women", 1)
    audiences.approve(town, ANALYST, "women", 1)
    assert releasing.ask(town, who, asked).persons
    api.save(town, ADMIN, "women", NoneOf((WOMEN,)))
    with pytest.raises(NotApproved, match="changed"):
        releasing.ask(town, who, asked)
    with pytest.raises(NoAudience):
        audiences.approve(town, ANALYST, "women", 1)  # not what is there now
    audiences.approve(town, ANALYST, "women", 2)
    assert releasing.ask(town, who, asked).persons
    audiences.withdraw(town, ADMIN, "women")
    with pytest.raises(NotApproved):
        releasing.ask(town, who, asked)


def test_an_approval_ends_with_a_changed_rule_of_a_segment_inside(town: Home) -> None:
    api.create(town, ADMIN, "inner", Text("内", "inner"), WOMEN)
    audience(town, "outer", AllOf((In("inner"), OLD)))
    assert [one.holds for one in audiences.approvals(town, ADMIN)] == [True]
    api.save(town, ADMIN, "inner", NoneOf((WOMEN,)))
    assert [one.holds for one in audiences.approvals(town, ADMIN)] == [False]
    with pytest.raises(NotApproved):
        releasing.ask(town, planner(town), Question(audience="outer"))


def test_what_singles_persons_out_is_not_approved(town: Home) -> None:
    audience(town, "women", WOMEN)
    few = Has("value.orders_total", "often")
    rules: dict[str, Rule] = {
        "few": few,
        "all-but-few": NoneOf((few,)),
        "women-but-few": AllOf((WOMEN, NoneOf((few,)))),
        "families": Has("demo.household"),
        "hidden-families": AnyOf((WOMEN, In("families"))),
    }
    for key, rule in rules.items():
        api.create(town, ADMIN, key, Text(key, key), rule)
        with pytest.raises(NoAudience) as refused:
            audiences.approve(town, ANALYST, key, 1)
        assert refused.value.message("zh") != refused.value.message("en")


def test_whoever_may_not_see_persons_gets_nothing_exact(town: Home) -> None:
    who = planner(town)
    free: list[Callable[[], object]] = [
        lambda: api.count(town, who, WOMEN),
        lambda: api.count(town, who, WOMEN, steps=False),
        lambda: profiles.tree(town, who),
        lambda: profiles.counted(town, who, "demo.gender"),
        lambda: profiles.outlines(town, who),
        lambda: profiles.search(town, who, "gender"),
        lambda: profiles.branches(town, who, {}),
    ]
    for verb in free:
        with pytest.raises(FreeRule, match="released"):
            verb()
    for verb in (
        lambda: api.portrait(town, who, WOMEN),
        lambda: api.members(town, who, WOMEN),
        lambda: api.export(town, who, WOMEN, io.StringIO()),
        lambda: api.check(town, who, WOMEN),
        lambda: audit.written(town, who),
    ):
        with pytest.raises(Forbidden):
            verb()


def test_nothing_is_sent_to_fewer_than_fifty(town: Home) -> None:
    releasing.may_send(town, ADMIN, WOMEN)
    with pytest.raises(TooFewToSend):
        releasing.may_send(town, ADMIN, Has("value.orders_total", "often"))
    releasing.must_be_many(50)
    with pytest.raises(TooFewToSend):
        releasing.must_be_many(49)


def test_who_was_told_an_exact_count_is_recorded(town: Home) -> None:
    for _ in range(3):
        api.count(town, ANALYST, WOMEN)
    api.portrait(town, ADMIN, WOMEN)
    api.members(town, ADMIN, OLD, limit=5)
    api.export(town, ADMIN, OLD, io.StringIO())
    releasing.ask(town, ANALYST, Question())
    lines = audit.written(town, ADMIN)
    said = {(one.who, one.verb, one.rule, one.times) for one in lines}
    assert said == {
        ("analyst", "count", 'Has("demo.gender", node="female")', 3),
        ("admin", "portrait", 'Has("demo.gender", node="female")', 1),
        ("admin", "members", 'Has("needs.age.washer")', 1),
        ("admin", "export", 'Has("needs.age.washer")', 1),
    }
    assert next(one for one in lines if one.verb == "count").persons == who_are(0.5, 2).sizes.persons
    with clock.freeze(clock.now() + timedelta(days=town.settings.audit_days + 1)):
        jobs.expire(town)
    assert audit.written(town, ADMIN) == []


def test_the_record_is_written_when_the_home_is_closed(town: Home) -> None:
    api.count(town, ANALYST, WOMEN)
    town.close()
    assert [one.who for one in audit.written(town, ADMIN)] == ["analyst"]
