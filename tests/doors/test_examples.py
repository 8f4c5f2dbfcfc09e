"""An example in a home: the page that says so, and taking it away while it is served, or killed on the way."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.doors import world
from tests.doors.conftest import Visitor
from tests.doors.test_serving import Served
from tests.doors.test_several_doors import Process
from tests.patience import PATIENCE, until
from zerodistance.core.brand import api as brand
from zerodistance.core.segments import api as segments
from zerodistance.core.touchpoints import sources
from zerodistance.doors.examples import holding
from zerodistance.doors.examples.contracts import NoExample, OtherHome
from zerodistance.doors.portal import accounts
from zerodistance.kernel import emptying
from zerodistance.kernel.access import Role, Who
from zerodistance.kernel.errors import Forbidden, HomeEmptying
from zerodistance.kernel.home import Home, create_home, open_home
from zerodistance.kernel.settings import load
from zerodistance.kernel.text import Text

WHO = Who.system("test")
NAME = Text("示例品牌", "a brand to try")
POINTS = ("emptying.files", "emptying.state", "emptying.filled")


def filled(root: Path) -> Home:
    """Make a home with an example: a touchpoint, a touch, a segment, accounts."""
    settings = load(home=root)
    root.mkdir(parents=True, exist_ok=True)
    holding.hold(settings, "city", NAME, 300, 7, holding.FOLDER)
    home = create_home(settings)
    world.people(home)
    (root / holding.FOLDER / "truth").mkdir(parents=True)
    (root / holding.FOLDER / "truth" / "persons.parquet").write_text("a name")
    sources.create_source(home, WHO, key="crm", name=Text("客户", "CRM"), kind="import")
    segments.create(home, WHO, "all", Text("所有人", "everybody"), segments.read_rule("AllOf()"))
    holding.came(home, sources=("crm",))
    return home


def is_new(root: Path) -> bool:
    """Say whether a home is as one that was just made, with the accounts that were there."""
    home = open_home(load(home=root))
    try:
        assert sources.every(home) == [] and list(segments.segments(home, WHO)) == []
        assert brand.categories(home, WHO) != []
        assert {a.name for a in accounts.accounts(home, WHO)} == {"admin", "analyst"}
        assert holding.held(home) is None and not emptying.asked(root)
        return not (root / holding.FOLDER).exists()
    finally:
        home.close()


def remove(root: Path, point: str = "") -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-m", "zerodistance", f"--home={root}", "--lang=en", "demo", "--remove"]
    return subprocess.run(
        words,
        env={**os.environ, "ZERODISTANCE_FAULT": point},
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )


@pytest.mark.slow
def test_taking_an_example_away_leaves_an_empty_home_and_its_accounts(tmp_path: Path) -> None:
    root = tmp_path / "home"
    filled(root).close()
    done = remove(root)
    assert done.returncode == 0 and "is empty" in done.stdout, done.stderr
    assert is_new(root)
    assert "no_example" in remove(root).stderr, "it is somebody's own now"


@pytest.mark.slow
@pytest.mark.parametrize("point", POINTS)
def test_killed_while_it_is_emptied_a_home_opens_for_nobody_and_is_emptied_to_the_end(
    tmp_path: Path, point: str
) -> None:
    root = tmp_path / "home"
    filled(root).close()
    assert remove(root, point).returncode == -9
    with pytest.raises(HomeEmptying):
        open_home(load(home=root))
    done = remove(root)
    assert done.returncode == 0, done.stderr
    assert is_new(root)


def test_what_is_no_example_is_never_emptied_nor_filled_with_one(home: Home) -> None:
    with pytest.raises(NoExample):
        holding.take_away(home, WHO)
    with pytest.raises(OtherHome):
        holding.must_fit(home.settings, "city", 20_000, 7)
    assert not emptying.asked(home.root)


def test_only_who_may_operate_and_forget_takes_an_example_away(tmp_path: Path) -> None:
    home = filled(tmp_path / "home")
    with pytest.raises(Forbidden):
        holding.take_away(home, Who(2, "analyst", Role.ANALYST))
    assert not emptying.asked(home.root)
    home.close()


def test_a_home_holds_one_example_of_one_size(tmp_path: Path) -> None:
    home = filled(tmp_path / "home")
    assert holding.must_fit(home.settings, "city", 300, 7)
    for other in (("city", 301, 7), ("city", 300, 8), ("retail", 0, 0)):
        with pytest.raises(OtherHome):
            holding.must_fit(home.settings, *other)
    home.close()


def test_the_pages_of_an_own_home_say_nothing_of_examples(boss: Visitor) -> None:
    assert "示例" not in boss.get("/").text
    assert boss.get("/example").headers["location"] == "/"
    assert boss.get("/example/going").headers["location"] == "/"
    assert boss.post("/example/remove").status_code == 409


def test_what_is_ones_own_is_named_before_it_goes_with_the_example(tmp_path: Path) -> None:
    home = filled(tmp_path / "home")
    assert holding.own(home, WHO) == []
    sources.create_source(home, WHO, key="mine", name=Text("我的", "mine"), kind="web")
    assert [source.key for source in holding.own(home, WHO)] == ["mine"]
    home.close()


@pytest.mark.slow
def test_one_click_while_it_is_served_ends_in_the_empty_today_of_the_same_address(tmp_path: Path) -> None:
    root = tmp_path / "home"
    filled(root).close()
    served = Served(root)
    try:
        _click(served.address)
    finally:
        served.end()
    assert is_new(root)


@pytest.mark.slow
def test_a_click_on_a_second_door_empties_the_home_and_both_doors_come_back(tmp_path: Path) -> None:
    root = tmp_path / "home"
    filled(root).close()
    served, second = Process(root, "serve"), Process(root, "door")
    try:
        _click(second.address)
        until(lambda: _answers(served.address))
        assert [served.process.poll(), second.process.poll()] == [None, None]
    finally:
        second.end()
        served.end()
    assert is_new(root)


@pytest.mark.slow
def test_a_door_without_a_worker_empties_the_home_itself(tmp_path: Path) -> None:
    root = tmp_path / "home"
    filled(root).close()
    alone = Process(root, "door")
    try:
        _click(alone.address)
    finally:
        alone.end()
    assert is_new(root)


def _click(address: str) -> None:
    """Take the example away on a door's page, and wait for the empty Today of the same address."""
    with httpx.Client(base_url=address, timeout=PATIENCE) as browser:
        login = {"csrf": _token(browser.get("/login").text), "name": "admin", "password": world.PASSWORD}
        assert browser.post("/login", data=login).status_code == 303
        page = browser.get("/?lang=en").text
        assert "Example: a brand to try" in page
        answer = browser.post("/example/remove", data={"csrf": _token(page)})
        assert answer.headers["location"] == "/example/going"
        until(lambda: _sent_on(browser))
        assert "Example" not in browser.get("/?lang=en").text, "still logged in, nothing there"


def _token(page: str) -> str:
    found = re.search(r'"X-CSRF": "([0-9a-f]+)"', page)
    assert found is not None
    return found[1]


def _answers(address: str) -> bool:
    try:
        return httpx.get(address + "/healthz", timeout=PATIENCE).status_code == 200
    except httpx.TransportError:
        return False


def _sent_on(browser: httpx.Client) -> bool:
    try:
        answer = browser.get("/example/going", headers={"HX-Request": "true"})
    except httpx.TransportError:
        return False
    return answer.headers.get("HX-Redirect") == "/"
