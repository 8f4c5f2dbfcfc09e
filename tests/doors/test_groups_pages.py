"""The pages of groups: asked for, looked at, named, saved as segments, removed; by whoever may."""

from __future__ import annotations

import re

import numpy as np
import pytest

from benchmarks.lib import planted
from tests.doors.conftest import Visitor
from zerodistance.core.segments import api as segments
from zerodistance.core.segments.groups import api as groups
from zerodistance.core.segments.groups import jobs, making, stability
from zerodistance.core.segments.groups.contracts import Asked
from zerodistance.kernel.access import Who
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text

SYSTEM = Who.system("test")


@pytest.fixture
def town(home: Home, boss: Visitor, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setattr(stability, "HALF", 300)
    monkeypatch.setattr(stability, "REPEATS", 1)
    monkeypatch.setattr(making, "MOST", 4)
    luck = np.random.default_rng(4)
    planted.plant(home, luck.choice(3, 900), luck, sure=0.95)
    boss.get("/segments?lang=en")
    return home


def test_groups_are_asked_for_on_the_page_and_shown_when_they_are_made(town: Home, boss: Visitor) -> None:
    assert 'href="/segments/groups"' in boss.get("/segments").text
    assert "No groups yet" in boss.get("/segments/groups").text
    asked = boss.post("/segments/groups", name="Kinds", layers=["value", "brand", "interests"], groups="3")
    assert asked.headers["location"] == "/segments/groups/types"
    assert "Groups are being made" in boss.get("/segments/groups/types").text
    assert "being made" in boss.get("/segments/groups").text
    jobs.wanted(town)
    page = boss.get("/segments/groups/types").text
    for words in (
        "Save as segment",
        "Prediction strength",
        "Night by night",
        "What they are made of",
        "group.types",
    ):
        assert words in page, words
    assert page.count('class="card c6" id="g') == 3
    assert "case least(g1, g2, g3)" in boss.get("/segments/groups/types/sql").text
    for name, head in (("groups", "group,name"), ("stability", "groups,strength"), ("runs", "day,version")):
        assert boss.get(f"/segments/groups/types/{name}.csv").text.lstrip("\ufeff").startswith(head)
    assert boss.post("/segments/groups/types/again").status_code == 303
    assert groups.grouping(town, SYSTEM, "types").wanted_at is not None


def test_a_group_is_named_and_becomes_a_segment_and_the_grouping_stays_while_one_asks_for_it(
    town: Home, boss: Visitor
) -> None:
    groups.fit(town, SYSTEM, "types", Asked(groups=3), name=Text("类型", "Kinds"))
    boss.post("/segments/groups/types/g1/name", zh="常客", en="Regulars")
    assert "Regulars" in boss.get("/segments/groups/types").text
    wrong = boss.post("/segments/groups/types/g2/name", zh="常客", en="Others")
    assert wrong.status_code == 400 and re.search(r'id="g2".*?<details open>', wrong.text, re.S)
    made = boss.post("/segments/groups/types/g1/segment")
    key = made.headers["location"].removeprefix("/segments/").partition("?")[0]
    assert segments.segment(town, SYSTEM, key).name.en == "Regulars"
    kept = boss.post("/segments/groups/types/remove")
    assert kept.status_code == 409 and key in kept.text
    segments.delete(town, SYSTEM, key)
    assert boss.post("/segments/groups/types/remove").status_code == 303
    assert "No groups yet" in boss.get("/segments/groups").text


def test_what_is_wrong_with_a_wish_is_said_with_what_was_typed(town: Home, boss: Visitor) -> None:
    page = boss.post("/segments/groups", name="Kinds", key="Nö", layers=["value"])
    assert page.status_code == 400 and 'value="Nö"' in page.text and "a letter first" in page.text
    groups.ask(town, SYSTEM, "few", Asked(rule=segments.read_rule('Has("brand.hour", node="99")')))
    jobs.wanted(town)
    assert (
        "0 persons" in boss.get("/segments/groups/few").text
        and "not made" in boss.get("/segments/groups").text
    )


def test_where_nothing_is_stable_the_page_says_so(town: Home, boss: Visitor) -> None:
    luck = np.random.default_rng(8)
    planted.plant(town, luck.choice(3, 900), luck, sure=0.0)
    groups.fit(town, SYSTEM, "types")
    page = boss.get("/segments/groups/types").text
    assert "has no stable groups" in page and "Prediction strength" in page
    groups.fit(town, SYSTEM, "types", Asked(groups=3))
    assert "3 groups are not stable" in boss.get("/segments/groups/types").text
