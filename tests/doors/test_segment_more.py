"""Below a saved segment: what tells it from others, who entered and left, growth, overlap, versions."""

from __future__ import annotations

import pytest
from pyroaring import BitMap

from tests.doors.conftest import Visitor
from zerodistance.core.segments import api as segments
from zerodistance.core.segments import kept, store
from zerodistance.kernel import clock
from zerodistance.kernel.access import Who
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text

SYSTEM = Who.system("test")


@pytest.fixture
def saved(home: Home, boss: Visitor) -> Home:
    for key, text in (("one", 'Did("order.*", at_most=0)'), ("two", "AllOf()")):
        segments.create(home, SYSTEM, key, Text(key, key), segments.read_rule(text))
    boss.get("/segments?lang=en")
    return home


def test_what_there_is_to_know_of_a_segment_stands_below_it(saved: Home, boss: Visitor) -> None:
    page = boss.get("/segments/one").text
    assert 'hx-get="/segments/one/more"' in page
    more = boss.get("/segments/one/more").text
    for words in (
        "What tells them from everybody else",
        "Entries and exits",
        "Growth",
        "Overlap",
        "Versions",
    ):
        assert words in more, words
    assert 'href="/segments/two"' in more
    assert "subject_person" in boss.get("/segments/one/sql").text


def test_a_segment_is_followed_frozen_and_thawed_on_its_page(saved: Home, boss: Visitor) -> None:
    boss.post("/segments/one/follow")
    assert "Follow no more" in boss.get("/segments/one/more").text
    boss.post("/segments/one/freeze")
    assert "Frozen: its members" in boss.get("/segments/one").text
    assert "frozen" in boss.get("/segments").text
    boss.post("/segments/one/thaw")
    assert "Frozen" not in boss.get("/segments/one").text


def test_who_entered_and_left_stands_on_a_page_of_its_own(saved: Home, boss: Visitor) -> None:
    segments.follow(saved, SYSTEM, "one")
    with saved.state.write() as tx:
        (row,) = store.kept(tx)
        numbers = {
            "entering": BitMap([1]).serialize(),
            "leaving": BitMap().serialize(),
            "reason": "people",
            "version": 1,
        }
        many = {"entered_persons": 1, "entered_visitors": 0, "left_persons": 0, "left_visitors": 0}
        at = {"number": 1, "people": 0, "batch": 1, "said_at": clock.micros()}
        store.add_change(tx, segment=row["segment"], **numbers, **many, **at)
    assert 'href="/segments/one/changes/1"' in boss.get("/segments/one/more").text
    answer = boss.get("/segments/one/changes/1")
    assert answer.status_code == 200 and "Nobody left" in answer.text
    assert boss.get("/segments/one/changes/2").status_code == 404


def test_the_tables_behind_the_pictures_can_be_downloaded(saved: Home, boss: Visitor) -> None:
    kept.note_sizes(saved)
    assert (
        boss.get("/segments/one/growth.csv").text.lstrip("\ufeff").startswith("day,persons,visitors,version")
    )
    assert boss.get("/segments/one/differences.csv").text.lstrip("\ufeff").startswith("dimension,label,node")
