"""The tag tree's pages: layers, one dimension, a search, a table; and from a node to a segment."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.core.profiles import world
from tests.doors.conftest import Visitor
from zerodistance.core.brand import api as brand
from zerodistance.core.profiles.dimensions import DIMENSIONS
from zerodistance.core.profiles.keeper import Keeper
from zerodistance.kernel import access, clock
from zerodistance.kernel.access import Role, Who
from zerodistance.kernel.home import Home

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)  # eight in the evening in Shanghai


@pytest.fixture
def tagged(home: Home, boss: Visitor) -> Visitor:
    """Somebody with a browser, before a home in which three persons are known."""
    brand.load_default(home, Who.system())
    crowd = world.Crowd({1: 1, 2: 2, 3: 3})
    crowd.told.update({(n, "community"): f"HC-000{n}" for n in (1, 2, 3)})
    crowd.told[1, "household_size"] = "2"
    touches = [
        world.touch(1, n, n, "product.viewed", NOW, product="FR-220", category="fridge", duration=31.0)
        for n in (1, 2, 3)
    ]
    keeper = Keeper(home, crowd)
    with clock.freeze(NOW):
        keeper.follow(world.table(touches), 1)
        keeper.update()
    return boss


def test_a_layer_lists_its_dimensions_and_their_nodes_come_when_one_is_opened(tagged: Visitor) -> None:
    page = tagged.get("/profiles?layer=interests&lang=en").text
    for one in DIMENSIONS:
        assert (f'hx-get="/profiles/{one.key}"' in page) == (one.layer.value == "interests"), one.key
    assert f"{len(DIMENSIONS)} dimensions in seven layers" in page
    part = tagged.client.get("/profiles/interest.hour?lang=en", headers={"HX-Request": "true"}).text
    assert "<html" not in part and "evening, 18 to 24" in part and "20:00" in part
    for said in (
        "usual(hour) of page.viewed",
        "Product viewed",
        "follows each touch",
        "caps and hours of contact",
    ):
        assert said in part
    zh = tagged.get("/profiles/interest.hour?lang=zh").text
    assert "<html" in zh and "晚间 18 至 24 点" in zh and "多数日子开始的钟点" in zh


def test_an_unknown_layer_shows_the_first_and_an_unknown_dimension_says_what_is_near(tagged: Visitor) -> None:
    assert "Home community" in tagged.get("/profiles?layer=nothing&lang=en").text
    missing = tagged.get("/profiles/interest.hours?lang=en")
    assert missing.status_code == 404 and "interest.hour" in missing.text


def test_words_find_dimensions_and_nodes_and_stand_in_no_address(tagged: Visitor) -> None:
    page = tagged.post("/profiles?lang=en", asked="court spindrift")
    assert "Spindrift Court" in page.text and "Home community" in page.text and "<html" in page.text
    token = tagged.token("/me")
    part = tagged.client.post(
        "/profiles?lang=zh", data={"csrf": token, "asked": "晚间"}, headers={"HX-Request": "true"}
    ).text
    assert "<html" not in part and "上线时段" in part
    assert "Nothing found" in tagged.post("/profiles?lang=en", asked="zzz<b>").text
    assert "<b>" not in tagged.post("/profiles?lang=en", asked="zzz<b>").text.partition('value="zzz')[2][:40]


def test_the_nodes_of_a_dimension_come_as_a_table(tagged: Visitor) -> None:
    answer = tagged.get("/profiles/geo.community/nodes.csv?lang=en")
    lines = answer.text.lstrip("\ufeff").splitlines()
    assert lines[:2] == ["node,name,inside,persons,visitors", "^HC,Harbour City (made up),,3,0"]
    assert "HC-0001,Spindrift Court (made up),^HC-S,1,0" in lines


def test_a_node_leads_to_a_segment_of_who_is_there(tagged: Visitor) -> None:
    part = tagged.get("/profiles/geo.community?lang=en").text
    assert "/segments/new?dimension=geo.community&amp;node=%5EHC-S" in part
    page = tagged.get("/segments/new?dimension=geo.community&node=%5EHC-S&lang=en").text
    assert "Home community: Harbour City South (made up)" in page
    assert tagged.get("/segments/new?dimension=geo.nothing").status_code == 404


def test_the_command_box_finds_dimensions(tagged: Visitor) -> None:
    assert 'href="/profiles/interest.hour"' in tagged.post("/find?lang=en", q="hour online").text
    assert 'href="/profiles/needs.renovation"' in tagged.post("/find?lang=zh", q="装修迹象").text


def test_who_may_not_see_persons_is_shown_no_sensitive_dimension(
    tagged: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "demo.household" in tagged.get("/profiles?layer=demographics").text
    monkeypatch.setitem(access._MAY, Role.ADMIN, frozenset())
    assert "demo.household" not in tagged.get("/profiles?layer=demographics").text
    assert (
        "demo.household" not in tagged.post("/profiles", asked="demo.household").text.partition("</form>")[2]
    )
    assert tagged.get("/profiles/demo.household").status_code == 403
    assert tagged.get("/profiles/demo.household/nodes.csv").status_code == 403
