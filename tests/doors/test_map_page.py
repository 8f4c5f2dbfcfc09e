"""The map in a real browser: it is drawn without any other server, answers a click, and says the same in tables."""

from __future__ import annotations

import csv
import io
import os
import re
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn

from tests.apps.marketing.conftest import marketer, town
from tests.doors import world
from tests.doors.chromium import Browser, Tab
from tests.doors.conftest import Visitor
from tests.patience import PATIENCE
from zerodistance import compose
from zerodistance.apps.marketing import api
from zerodistance.doors.portal import accounts
from zerodistance.doors.portal.pages import marketing_map
from zerodistance.kernel.access import Role, Who
from zerodistance.kernel.home import Home

__all__ = ["town"]  # a fixture
SHOTS = os.environ.get("ZERODISTANCE_SHOTS")
DATA = "document.getElementById('themap').dataset"


def account(town: Home, *units: str) -> None:
    accounts.create(town, Who.system(), "marketer", Role.MARKETER, list(units))
    link = accounts.one_time_login(town, Who.system(), "marketer")
    accounts.use_once(town, link, world.PASSWORD, world.PASSWORD)


@pytest.fixture
def seller(town: Home, visitor: Visitor) -> Visitor:
    """A marketer of the unit `south` who is logged in."""
    account(town, "south")
    assert visitor.log_in("marketer").status_code == 303
    return visitor


def test_the_page_says_figures_and_their_files_the_same(town: Home, seller: Visitor) -> None:
    page = seller.client.get("/marketing/map?lang=en").text
    at = api.spot(town, marketer(town, "south"))
    found = api.communities(town, marketer(town, "south"), at, need="n1_washer")
    assert "want a new washer" in page
    assert all(one.name.en in page for one in found.communities)
    assert f"{found.communities[0].users.persons:,}" in page
    rows = list(csv.DictReader(io.StringIO(seller.client.get("/marketing/map/communities.csv").text[1:])))
    assert [row["code"] for row in rows] == [one.code for one in found.communities]
    assert rows[0]["users"] == str(found.communities[0].users.persons)
    cells = list(
        csv.DictReader(io.StringIO(seller.client.get("/marketing/map/cells.csv?need=n1_washer").text[1:]))
    )
    assert {row["cell"] for row in cells} == {
        one.cell for one in api.cells(town, marketer(town, "south"), at, need="n1_washer").regions
    }
    assert "C48" in seller.client.get("/marketing/map?q=c48").text


def test_what_can_not_be_asked_is_said_on_the_page(town: Home, seller: Visitor) -> None:
    page = seller.client.get("/marketing/map?lang=en&need=n9_rocket").text
    assert "This can not be asked" in page
    assert "the needs are n1_washer" in page
    assert "cell" in seller.client.get("/marketing/map?lang=en&cell=zz").text
    assert seller.client.get("/marketing/map?place=nowhere").status_code == 200


def test_a_point_is_said_in_a_body_and_only_its_cell_in_an_address(town: Home, seller: Visitor) -> None:
    body = seller.post("/marketing/map", lat="36.05", lon="120.38", need="").text
    at = api.spot(town, marketer(town, "south"), lat=36.05, lon=120.38)
    assert f"cell={at.cell}" in body
    assert "36.05&" not in body


def test_tiles_of_another_server_are_allowed_on_the_map_alone(town: Home, seller: Visitor) -> None:
    policy = marketing_map._policy("https://tiles.example.com/{z}/{x}/{y}.png")
    assert "connect-src 'self' https://tiles.example.com" in policy
    assert "script-src 'self';" in policy
    assert "example" not in seller.client.get("/marketing/map").headers["content-security-policy"]


class _Server(uvicorn.Server):
    def install_signal_handlers(self) -> None:
        pass


@pytest.fixture
def tab(town: Home, tmp_path: Path) -> Iterator[Tab]:
    """A page of a marketer of the whole town."""
    account(town)
    with socket.socket() as opened:
        opened.bind(("127.0.0.1", 0))
        opened.listen(64)
        origin = f"http://127.0.0.1:{opened.getsockname()[1]}"
        server = _Server(uvicorn.Config(compose.door(town), log_level="warning", access_log=False))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [opened]})
        thread.start()
        while not server.started:
            time.sleep(0.02)
        browser = Browser(tmp_path / "profile", origin)
        try:
            page = browser.tab()
            page.shape(1280, 900, "light")
            page.open(f"{origin}/login?lang=en")
            page.fill("#name", "marketer")
            page.fill("#password", world.PASSWORD)
            page.press("Enter")
            page.until("location.pathname === '/'")
            yield page
        finally:
            browser.close()
            server.should_exit = True
            thread.join(PATIENCE)


def drawn(tab: Tab) -> float:
    tab.until(f"{DATA}.drawn !== undefined || {DATA}.failed")
    assert tab.run(f"{DATA}.failed ?? ''") == ""
    return float(tab.run(f"{DATA}.drawn"))


@pytest.mark.chromium
@pytest.mark.slow
def test_a_click_on_the_map_stands_there_and_a_list_leads_on(tab: Tab, town: Home) -> None:
    origin = tab.run("location.origin")
    looks = [
        (w, h, lang, theme)
        for w, h in ((1280, 900), (390, 844))
        for lang in ("zh", "en")
        for theme in ("light", "dark")
    ]
    for width, height, lang, theme in looks:
        tab.shape(width, height, theme)
        tab.open(f"{origin}/marketing/map?lang={lang}")
        drawn(tab)
        assert tab.too_wide() == []
        if SHOTS:
            tab.shot(Path(SHOTS) / f"map-{width}-{lang}-{theme}.png")
    tab.shape(1280, 900, "light")
    tab.open(f"{origin}/marketing/map?lang=en")
    drawn(tab)
    before = tab.run(f"{DATA}.at")
    x, y = tab.run(
        "(r => [r.x + 200, r.y + 200])(document.querySelector('#canvas canvas').getBoundingClientRect())"
    )
    for kind in ("mousePressed", "mouseReleased"):
        tab.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)
    tab.until(f"{DATA}.at !== '{before}' && {DATA}.drawn > 0")
    assert re.search(r"cell=88[0-9a-f]{13}&need=n1_washer", tab.run("location.search"))
    tab.click("#map-near a[data-map]")
    tab.until("location.search.includes('place=C')")
    drawn(tab)
    tab.pick("#need", "n2_washer")
    tab.until("document.querySelector('#map-head p').textContent.includes('want a first')")
    drawn(tab)
    tab.fill("#q", "D1")
    tab.press("Enter")
    tab.until("document.querySelector('#map-found a')?.textContent === 'D1'")
    tab.click("#map-found a")
    tab.until("document.querySelector('#map-head p').textContent.includes('D1')")
    assert tab.run("[...document.querySelectorAll('#map-table tbody tr')].length") > 2
    assert tab.problems == []
