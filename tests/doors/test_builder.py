"""The segment builder: what a form says is what is counted, and what it can't read is said in its place."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.doors.conftest import Visitor
from zerodistance.core.brand import api as brand
from zerodistance.core.segments import api as segments
from zerodistance.kernel.access import Role, Who
from zerodistance.kernel.home import Home, create_home
from zerodistance.kernel.settings import load
from zerodistance.kernel.state import metadata


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    """The home of a brand whose money is the pound."""
    made = create_home(load(home=tmp_path / "home", currency="GBP"))
    metadata.create_all(made.state.engine)
    yield made
    made.close()


def rule_of(page: str) -> str:
    """Return the text of the rule in an answer of the builder."""
    found = re.search(r'<textarea id="rule"[^>]*>(.*?)</textarea>', page, re.S)
    assert found is not None
    return html.unescape(found[1])


def error_of(page: str, field: str) -> str:
    """Return what stands under a field, which must be marked as wrong."""
    assert re.search(rf'id="{field}"[^>]*aria-invalid="true"', page), page
    found = re.search(rf'id="{field}-e">(.*?)</small>', page)
    assert found is not None
    return html.unescape(found[1])


def test_an_amount_with_thousands_marks_is_what_is_counted(boss: Visitor) -> None:
    spend = {"op": "add", "what": "has", "dimension": "value.spend_total"}
    answer = boss.post("/segments/draft", rule="", **spend, low="10,000")
    assert rule_of(answer.text) == 'Has("value.spend_total", at_least=10000)'
    wide = boss.post("/segments/draft", rule="", **spend, low="１０，０００")
    assert rule_of(wide.text) == rule_of(answer.text)


def test_what_cannot_be_read_leaves_the_rule_alone_and_is_explained_in_its_field(boss: Visitor) -> None:
    held = 'Did("order.line")'
    did = {"op": "add", "what": "did", "kind": "order.line"}
    answer = boss.post("/segments/draft?lang=en", rule=held, **did, times="2.5", within="30天")
    assert "<textarea" not in answer.text
    assert "2.5" in error_of(answer.text, "times")
    assert "30天" in error_of(answer.text, "within")
    assert 'value="2.5"' in answer.text
    zh = boss.post("/segments/draft?lang=zh", rule=held, **did, times="2.5").text
    assert error_of(zh, "times") == "写的是“2.5”，写 1 到 1,000,000,000 的整数"
    both = {"op": "add", "what": "has", "dimension": "value.spend_total", "node": "none", "low": "5"}
    assert "not both" in error_of(boss.post("/segments/draft?lang=en", rule=held, **both).text, "node")


def test_where_somebody_lives_is_chosen_from_the_tables_of_the_brand(boss: Visitor, home: Home) -> None:
    brand.load_default(home, Who.system("test"))
    page = boss.get("/segments/new?lang=en").text
    assert '<option value="HC-0002">Lighthouse Gardens (made up)</option>' in page
    assert '<option value="harbour_city">' in page
    lives = {"op": "add", "what": "lives"}
    near = boss.post("/segments/draft?lang=en", rule="", **lives, lat="36.06", lon="120.38", km="5").text
    assert rule_of(near) == "Near(lat=36.06, lon=120.38, km=5)"
    assert "lives within 5 km of 36.06, 120.38" in near
    unit = boss.post("/segments/draft?lang=zh", rule="", **lives, territory="harbour_city").text
    assert rule_of(unit) == 'Lives(territory="harbour_city")'
    assert "的辖区" in unit


def test_a_condition_may_be_about_others_at_home(boss: Visitor) -> None:
    did = {"op": "add", "what": "did", "kind": "order.line"}
    one = boss.post("/segments/draft?lang=en", rule="", **did, whom="home").text
    assert rule_of(one) == 'Household(Did("order.line"))'
    assert "somebody of the household (Order line)" in one
    both = boss.post("/segments/draft?lang=zh", rule=rule_of(one), **did, whom="others", join="not").text
    assert rule_of(both) == 'AllOf(Household(Did("order.line")), NoneOf(OthersAtHome(Did("order.line"))))'
    assert "家里别的人（订单行）" in both or "家里别的人（" in both
    assert rule_of(boss.post("/segments/draft", rule=rule_of(both), op="drop:1").text) == rule_of(one)


@pytest.mark.parametrize(("what", "field"), [("has", "dimension"), ("did", "kind"), ("lives", "community")])
def test_adding_nothing_asks_for_a_choice(boss: Visitor, what: str, field: str) -> None:
    answer = boss.post("/segments/draft?lang=en", rule="", op="add", what=what)
    assert "choose" in error_of(answer.text, field)
    assert "Begin with a question" in answer.text


def test_money_is_named_by_the_currency_of_the_home(boss: Visitor) -> None:
    page = boss.get("/segments/fields?dimension=value.spend_total&lang=en").text
    assert "GBP" in page
    assert "CNY" not in page


def test_bought_within_a_year_asks_for_purchases_alone(boss: Visitor) -> None:
    rule = rule_of(boss.post("/segments/draft", rule="", op="ask:0").text)
    assert rule == 'AnyOf(Did("order.completed", within_days=365), Did("order.line", within_days=365))'


def test_a_key_is_made_up_and_the_form_allows_what_the_api_allows(boss: Visitor) -> None:
    said = {"name": "Buyers", "rule": 'Did("order.line")'}
    new = "/segments/new"
    assert boss.post("/segments", new, **said).headers["location"] == "/segments/s_1?saved=1"
    assert boss.post("/segments", new, **said).headers["location"] == "/segments/s_2?saved=1"
    boss.post("/segments/s_1/delete", new)
    assert boss.post("/segments", new, **said).headers["location"] == "/segments/s_3?saved=1"
    found = re.search(r'id="skey"[^>]* pattern="([^"]+)"', boss.get(new).text)
    assert found is not None
    for key in ("washer_renewal", "a", "a.b", "-a", "a" * 65):
        fits = re.fullmatch(found[1], key) is not None
        assert boss.post("/segments", new, **said, key=key).status_code == (303 if fits else 400), key


def test_the_page_says_who_changed_a_segment_last(home: Home, boss: Visitor) -> None:
    who = Who(2, "analyst", Role.ANALYST)
    boss.post("/segments", "/segments/new", name="Buyers", key="buyers", rule='Did("order.line")')
    segments.save(home, who, "buyers", segments.read_rule('Did("order.*")'))
    assert "changed by analyst" in boss.get("/segments/buyers?lang=en").text
