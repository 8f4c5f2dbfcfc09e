"""The page of a person: as of a day, why and since when a tag is so, the timeline by kind, products, panels that rooms declare."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tests.doors.test_profile_api import Shop
from tests.doors.test_profile_api import shop as shop
from tests.doors.test_profile_api import stocked as stocked
from zerodistance.core.outreach.panels import PANELS
from zerodistance.core.profiles.panels import About, Line, Panel, Shown
from zerodistance.doors.portal import registry
from zerodistance.kernel.access import Who
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text


def test_a_tag_says_since_when_and_which_touches_count(shop: Shop) -> None:
    boss, ids = shop
    page = boss.get(f"/people/{ids['wei']}?lang=en").text
    assert f'hx-get="/people/{ids["wei"]}/tags/value.orders_total"' in page
    part = boss.get(f"/people/{ids['wei']}/tags/value.orders_total?lang=en").text
    assert "<html" not in part and "so since 10 Apr" in part and "2 touches count" in part
    assert "of order.completed" in part and 'href="/profiles/value.orders_total"' in part
    assert boss.get(f"/people/{ids['wei']}/tags/value.nothing").status_code == 404
    table = boss.get(f"/people/{ids['wei']}/tags.csv?lang=zh").text
    assert "value.orders_total" in table and "2026-04-10" in table


def test_as_of_a_day_the_page_shows_what_was_known_then(shop: Shop) -> None:
    boss, ids = shop
    page = boss.get(f"/people/{ids['wei']}?lang=en&as_of=2026-03-20").text
    assert "What was known at" in page and "1 touch" in page
    part = boss.get(f"/people/{ids['wei']}/tags/value.orders_total?lang=en&as_of=2026-03-20").text
    assert "1 touch count" in part or "1 touch" in part
    nobody = boss.get(f"/people/{ids['li']}?lang=zh&as_of=2026-03-20").text
    assert "到那时还不知道这个人" in nobody
    assert boss.get(f"/people/{ids['wei']}?as_of=2030-01-01").status_code == 400


def test_the_timeline_is_of_one_kind_or_one_touchpoint_when_that_is_chosen(shop: Shop) -> None:
    boss, ids = shop
    path = f"/people/{ids['wei']}/timeline?lang=en"
    assert boss.get(path).text.count('<span class="dot') == 3
    assert boss.get(f"{path}&of=order.*").text.count('<span class="dot') == 2
    assert "No such touch" in boss.get(f"{path}&of=device.used").text
    assert boss.get(f"{path}&source=99").text.count('<span class="dot') == 0


def test_a_panel_stands_there_when_a_room_declares_it(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    boss, ids = shop
    page = boss.get(f"/people/{ids['wei']}?lang=en").text
    assert (
        "Consent and refusals" in page and "nothing recorded is no consent" in page and "Scores" not in page
    )

    def show(home: Home, who: Who, about: About) -> Shown | None:
        if about.person != ids["wei"]:
            return None
        return Shown((Line(Text("冰箱", "Fridge"), Text("82", "82"), about.as_of, 0.82),))

    scores = Panel("scores", Text("评分", "Scores"), "tags", Text("试", "a test"), 1, show)
    before: Sequence[Panel] = registry.panels()
    registry.take_panels([*PANELS, scores])
    try:
        page = boss.get(f"/people/{ids['wei']}?lang=en").text
        assert page.index("Scores") < page.index("Consent and refusals") and "82" in page
        assert "Scores" not in boss.get(f"/people/{ids['li']}?lang=en").text
    finally:
        registry.take_panels(before)
