"""Every page in a real browser: both languages, both themes, wide and narrow; and what people do on them."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import uvicorn

from tests.doors import full, world
from tests.doors.chromium import Browser, Tab
from tests.patience import PATIENCE, until
from zerodistance import compose
from zerodistance.core.identity import api as identity
from zerodistance.core.outreach import links
from zerodistance.core.profiles import api as profiles
from zerodistance.core.segments import api as segments
from zerodistance.core.segments.tags import api as tags
from zerodistance.core.touchpoints import drafts, sources
from zerodistance.doors.portal import accounts
from zerodistance.kernel import clock
from zerodistance.kernel.access import Role, Who
from zerodistance.kernel.home import Home, create_home
from zerodistance.kernel.settings import load
from zerodistance.kernel.state import metadata

pytestmark = pytest.mark.chromium
SHOTS = os.environ.get("ZERODISTANCE_SHOTS")
SIZES = {1280: 900, 390: 844}
FIRST = [(390, "zh", "light")]  # the narrowest, in the language of most
OTHERS = [
    (1280, "en", "light"),
    (1280, "zh", "light"),
    (390, "en", "light"),
    (1280, "zh", "dark"),
    (390, "en", "dark"),
]  # words and widths are the same in the dark
LOOKS = [
    *(pytest.param(*look) for look in FIRST),
    *(pytest.param(*look, marks=pytest.mark.slow) for look in OTHERS),
]


@dataclass
class Stand:
    """A running portal over the small world, and a browser."""

    home: Home
    origin: str
    browser: Browser
    star: str
    draft: int
    household: str
    cookie: str = ""

    def tab(self, account: str | None = "admin") -> Tab:
        """Open a page, logged in."""
        tab = self.browser.tab()
        tab.shape(1280, 900, "light")
        if account:
            tab.open(f"{self.origin}/login?lang=zh")
            tab.fill("#name", account)
            tab.fill("#password", world.PASSWORD)
            tab.press("Enter")
            tab.until("location.pathname === '/'")
            tab.settle()
        return tab


def shot(tab: Tab, name: str, whole: bool = True) -> None:
    """Keep a picture of the page for a person to look at, where `ZERODISTANCE_SHOTS` names a folder for it."""
    if SHOTS:
        tab.shot(Path(SHOTS) / name, whole)


class _Server(uvicorn.Server):
    def install_signal_handlers(self) -> None:
        pass


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    """The small world, served on a free port of this machine."""
    folder = tmp_path_factory.mktemp("portal")
    home = create_home(load(home=folder / "home"))
    metadata.create_all(home.state.engine)
    full.fill(home, folder)
    who = Who.system()
    with socket.socket() as opened:
        opened.bind(("127.0.0.1", 0))
        opened.listen(64)
        origin = f"http://127.0.0.1:{opened.getsockname()[1]}"
        server = _Server(uvicorn.Config(compose.door(home), log_level="warning", access_log=False))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [opened]})
        thread.start()
        while not server.started:
            time.sleep(0.02)
        browser = Browser(folder / "profile", origin)
        star = identity.lookup(home, who, "user_id", world.STAR).id
        (draft,) = drafts.drafts(home, Who(1, "admin", Role.ADMIN))
        family = identity.households_of_person(home, who, star)[0].id
        try:
            yield Stand(home, origin, browser, star, draft.number, family)
        finally:
            browser.close()
            server.should_exit = True
            thread.join(PATIENCE)
    home.close()


@pytest.fixture(autouse=True)
def closed(stand: Stand) -> Iterator[None]:
    """Close what a test has opened: pages that ask again and again would go on."""
    yield
    stand.browser.close_tabs()


@pytest.mark.parametrize(("width", "lang", "theme"), LOOKS, ids=lambda value: str(value))
def test_every_page_stands_in_every_look(stand: Stand, width: int, lang: str, theme: str) -> None:
    tab = stand.tab()
    tab.shape(width, SIZES[width], theme)
    paths = {
        "today": "/",
        "today-30": "/?days=30",
        "example": "/example",
        "people": "/people",
        "person": f"/people/{stand.star}",
        "person-then": f"/people/{stand.star}?as_of={clock.now().astimezone(stand.home.settings.tz):%Y-%m-%d}",
        "household": f"/households/{stand.household}",
        "profiles": "/profiles",
        "profiles-usage": "/profiles?layer=usage",
        "profiles-one": "/profiles/interest.hour",
        "models": "/models",
        "model": "/models/n1",
        "model-rules": "/models/n1/rules",
        "experiments": "/experiments",
        "experiment": "/experiments/autumn",
        "experiment-new": "/experiments/new",
        "experiment-joint": "/experiments/joint",
        "tags": "/tags",
        "tag": "/tags/own.vip",
        "segments": "/segments",
        "segment-new": "/segments/new",
        "segment": "/segments/bought",
        "members": "/segments/bought/members",
        "groups": "/segments/groups",
        "grouping": "/segments/groups/types",
        "grouping-sql": "/segments/groups/types/sql",
        "grouping-later": "/segments/groups/later",
        "segment-followed": "/segments/lately",
        "segment-change": "/segments/lately/changes/1",
        "segments-released": "/segments/released",
        "map": "/marketing/map",
        "campaigns": "/marketing",
        "campaign": "/marketing/campaigns/quiet-twice",
        "campaign-asked": "/marketing/campaigns/waits",
        "campaign-new": "/marketing/new?segment=quiet",
        "plays": "/marketing/plays",
        "broadcast": "/marketing/broadcast?audience=quiet",
        "outreach": "/outreach",
        "outreach-template": "/outreach/templates/filter-due",
        "outreach-write": "/outreach/templates/visit-reminder/change",
        "outreach-limits": "/outreach/limits",
        "outreach-consent": "/outreach/consent",
        "outreach-channels": "/outreach/channels",
        "sends": "/outreach/sends",
        "send": "/outreach/sends/1",
        "send-asked": "/outreach/sends/2",
        "send-new": "/outreach/sends/new?experiment=autumn&template=filter-due",
        "touchpoints": "/touchpoints",
        "touchpoint-new": "/touchpoints/new",
        "touchpoint": "/touchpoints/web",
        "touchpoint-refused": "/touchpoints/lockers",
        "touchpoint-policy": "/touchpoints/web/policy",
        "imports": "/imports",
        "import-draft": f"/imports/drafts/{stand.draft}",
        "import": "/imports/1",
        "quarantine": "/quarantine",
        "quarantine-group": "/quarantine/group?source=lockers&reason=unknown_type&field=type",
        "quarantine-file": "/quarantine/group?source=paper&reason=bad_timestamp&field=times.happened_at",
        "quarantine-row": "/quarantine/rows/1",
        "operations": "/operations",
        "operations-alerts": "/operations/alerts",
        "operations-slow": "/operations/slow",
        "review": "/identity/review",
        "review-links": "/identity/review?links=1",
        "identity-health": "/identity/health",
        "identity-rules": "/identity/rules",
        "accounts": "/accounts",
        "me": "/me",
    }
    if theme == "dark":  # in full runs alone
        paths |= {
            "tag-failed": "/tags/own.calls",
            "outreach-list": "/outreach/words/cn_advertising_law",
            "outreach-words": "/outreach/words",
            "tag-new": "/tags/new?of=value.spend_total",
            "tag-change": "/tags/own.vip/change",
            "tag-touches": "/tags/own.last/change",
        }
    for name, path in paths.items():
        tab.open(f"{stand.origin}{path}{'&' if '?' in path else '?'}lang={lang}")
        assert tab.too_wide() == [], f"{name} is wider than {width}"
        assert tab.run("document.documentElement.lang") == ("en" if lang == "en" else "zh-CN")
        assert ("today" if lang == "en" else "今天") in tab.run("document.body.textContent").lower()
        shot(tab, f"{name}-{width}-{lang}-{theme}.png")
    with tab.allowing(404, 403):
        tab.open(f"{stand.origin}/nowhere?lang={lang}")
        shot(tab, f"not-found-{width}-{lang}-{theme}.png")
    assert tab.problems == []


def test_a_tag_that_is_pressed_says_why_and_a_chosen_kind_narrows_the_timeline(stand: Stand) -> None:
    tab = stand.tab()
    tab.open(f"{stand.origin}/people/{stand.star}?lang=en")
    tab.click(".layers button.tag[hx-get*='usage.']")
    tab.until("document.querySelector('.because')?.textContent.includes('count')")
    before = tab.run("document.querySelectorAll('#tl .dot').length")
    tab.run(
        "(s => { s.value = 'device.*'; s.dispatchEvent(new Event('change', {bubbles: true})) })(document.querySelector('#tl-of'))"
    )
    tab.until(f"document.querySelectorAll('#tl .dot').length < {before}")
    assert tab.problems == []


def test_a_person_leads_to_the_household_and_it_to_its_members(stand: Stand) -> None:
    tab = stand.tab()
    tab.open(f"{stand.origin}/people/{stand.star}?lang=en")
    tab.click(f"a[href='/households/{stand.household}']")
    tab.until(f"location.pathname === '/households/{stand.household}'")
    said = tab.text("main")
    assert "3 people at home" in said and "双桥城" in said and "moved out" in said
    assert "201" not in said and "502" not in said, "no flat is shown"
    tab.click("a[href^='/people/p_']")
    tab.until("location.pathname.startsWith('/people/p_')")
    assert "Household" in tab.text("main")
    with tab.allowing(404):
        tab.open(f"{stand.origin}/households/h_ZZZZZZZZ")
    assert tab.problems == []


def test_a_one_time_link_leads_from_a_password_to_today(stand: Stand) -> None:
    secret = accounts.make_one_time_login(stand.home, "second")
    tab = stand.tab(None)
    tab.shape(390, 844, "light")
    tab.open(f"{stand.origin}/once/{secret}?lang=en")
    shot(tab, "once-390-en-light.png")
    tab.fill("#password", world.PASSWORD)
    tab.fill("#again", world.PASSWORD)
    tab.press("Enter")
    tab.until("location.pathname === '/'")
    assert tab.problems == []
    with tab.allowing(410):
        tab.open(f"{stand.origin}/once/{secret}")
    assert "works once" in tab.text("main")


def test_one_click_withdraws_without_an_account(stand: Stand) -> None:
    url = links.opt_out_url(stand.home, world.handed(stand.home))
    path = "/" + url.split("/", 3)[3]
    for width, lang in ((390, "zh"), (1280, "en")):
        tab = stand.tab(None)
        tab.shape(width, SIZES[width], "light")
        tab.call("Page.navigate", url=f"{stand.origin}{path}?lang={lang}")
        tab.until(f"document.readyState === 'complete' && document.documentElement.lang.startsWith('{lang}')")
        assert tab.too_wide() == []
        shot(tab, f"opt-out-{width}-{lang}-light.png")
    tab.click("main button")
    tab.until("document.querySelector('main button') === null")
    assert "You are unsubscribed" in tab.text("main")
    shot(tab, "opted-out-1280-en-light.png")
    assert tab.problems == []


def test_a_wrong_password_says_how_many_tries_are_left(stand: Stand) -> None:
    tab = stand.tab(None)
    tab.open(f"{stand.origin}/login?lang=en")
    shot(tab, "login-1280-en-light.png")
    with tab.allowing(401):
        tab.fill("#name", "second")
        tab.fill("#password", "no")
        tab.press("Enter")
        tab.until("document.querySelector('[role=alert]')")
    assert "4 tries are left" in tab.text("[role=alert]")


def test_theme_and_language_stay_after_a_reload(stand: Stand) -> None:
    tab = stand.tab()
    tab.click("[data-theme-switch]")
    tab.until("document.documentElement.dataset.theme === 'dark'")
    tab.click("[data-lang]")
    tab.until("document.documentElement.lang === 'en'")
    tab.open(f"{stand.origin}/segments")
    assert tab.run("document.documentElement.dataset.theme") == "dark"
    assert tab.run("document.documentElement.lang") == "en"
    assert tab.problems == []
    accounts.set_look(stand.home, Who(1, "admin", Role.ADMIN), theme="system")


def test_ctrl_k_finds_a_person_without_writing_the_phone_into_an_address(stand: Stand) -> None:
    tab = stand.tab()
    tab.press("k", ctrl=True)
    tab.until("document.querySelectorAll('#found [role=option]').length > 3")
    shot(tab, "find-1280-zh-light.png", whole=False)
    tab.call("Input.insertText", text="13800002207")
    tab.until(f"document.querySelector('#found').textContent.includes('{stand.star}')")
    tab.press("Enter")
    tab.until(f"location.pathname === '/people/{stand.star}'")
    assert "2207" not in tab.run("location.href")
    assert tab.problems == []


def test_a_person_is_found_by_e_mail_and_shown_masked(stand: Stand) -> None:
    tab = stand.tab()
    tab.open(f"{stand.origin}/people?lang=en")
    tab.fill("#given", "WANG31@example.com ")
    tab.press("Enter")
    tab.until(f"location.pathname === '/people/{stand.star}'")
    tab.settle()
    text = tab.text("main")
    assert "w***@example.com" in text
    assert "13800002207" not in text
    assert "wang31" not in text.lower()
    assert len(tab.run("[...document.querySelectorAll('.graph circle')].map(c => 1)")) == 6
    tab.click('[data-open="reveal"]')
    tab.fill("#why", "call back")
    tab.fill("#case", "c_5512")
    tab.run("document.querySelector('#field').value = 'phone'")
    tab.press("Enter")
    tab.until("document.querySelector('#revealed').textContent.includes('13800002207')")
    assert tab.problems == []


def test_a_new_touchpoint_shows_its_first_touch_live(stand: Stand) -> None:
    tab = stand.tab()
    tab.open(f"{stand.origin}/touchpoints/new?lang=en")
    tab.fill("#name", "Fresh shop")
    tab.fill("#key", "fresh_shop")
    tab.click("main .btn.main")
    tab.until("location.pathname === '/touchpoints/fresh_shop'")
    tab.settle()
    assert "Waiting for the first touch" in tab.text("#live")
    shot(tab, "touchpoint-waiting-1280-en-light.png")
    key = sources.get_source(stand.home, Who.system(), "fresh_shop").write_key
    body = {"event": "Product Viewed", "anonymousId": "try-1", "properties": {"category": "washer"}}
    with httpx.Client(base_url=stand.origin, auth=(key, ""), timeout=PATIENCE) as client:
        until(lambda: client.post("/v1/track", json=body).status_code == 200)
    world.digest(stand.home, seal=False)
    tab.until("document.querySelector('#live').textContent.includes('Product viewed')")
    shot(tab, "touchpoint-first-touch-1280-en-light.png")
    assert tab.problems == []


def test_a_wrong_field_is_explained_in_its_place(stand: Stand) -> None:
    tab = stand.tab()
    tab.open(f"{stand.origin}/touchpoints/new?lang=en")
    tab.fill("#name", "Shop")
    tab.fill("#key", "web")
    with tab.allowing(409, 400):
        tab.click("main .btn.main")
        tab.until("document.querySelector('.err')")
        assert "choose another key" in tab.text(".field:has(#key)")
        tab.fill("#key", "shop2")
        tab.fill("#origins", "shop.example.com/x")
        tab.click("main .btn.main")
        tab.until("document.querySelector('#origins[aria-invalid]')")
    assert "https://shop.example.com" in tab.text(".field:has(#origins)")


def _persons(tab: Tab) -> int:
    return int(tab.text("#count output").replace(",", "").removesuffix("persons"))


def test_a_segment_is_counted_while_it_is_built_and_saved(stand: Stand) -> None:
    tab = stand.tab()
    tab.open(f"{stand.origin}/segments/new?lang=en")
    tab.click("#conditions .chips button")
    tab.until(
        "document.querySelectorAll('#conditions .cond').length === 2"
    )  # completed orders or order lines
    first = _persons(tab)
    assert first > 0
    tab.click(".what label:has([value='did'])")
    tab.run("document.querySelector('#kind').value = 'service.called'")
    tab.click("#add > div:last-child .btn")
    tab.until("document.querySelectorAll('#conditions .cond').length === 3")
    assert 0 < _persons(tab) < first
    shot(tab, "segment-building-1280-en-light.png")
    tab.click(".what label:has([value='lives'])")
    for field, value in (("lat", "36.07"), ("lon", "120.38"), ("km", "5")):
        tab.fill(f"#{field}", value)
    shot(tab, "segment-place-1280-en-light.png")
    tab.click("#add > div:last-child .btn")
    tab.until("document.querySelectorAll('#conditions .cond').length === 4")
    tab.click("#conditions .cond:nth-of-type(3) .drop")
    tab.until("document.querySelectorAll('#conditions .cond').length === 3")
    tab.click("#conditions .cond:nth-of-type(1) .drop")
    tab.until("document.querySelectorAll('#conditions .cond').length === 2")
    tab.run("document.querySelector('details:has(#rule)').open = true")
    tab.fill("#rule", "Did(")
    tab.until("document.querySelector('#conditions [role=alert]')")
    shot(tab, "segment-mistake-1280-en-light.png")
    tab.fill("#rule", segments.rule_text(full.RULE))
    tab.until("document.querySelectorAll('#conditions .cond').length === 4")
    tab.click('[data-open="save"]')
    tab.fill("#name", "Built here")
    tab.fill("#skey", "built_here")
    tab.click("#save .btn.main")
    tab.until("location.pathname === '/segments/built_here'")
    assert "Saved as version 1" in tab.text("main")
    assert tab.problems == []


@pytest.mark.slow
def test_a_tag_is_made_with_a_preview_used_in_a_segment_and_withdrawn(stand: Stand) -> None:
    tab = stand.tab()
    tab.open(f"{stand.origin}/profiles?lang=en")
    tab.click("main a[href='/tags']")
    tab.until("location.pathname === '/tags'")
    tab.click("main a[href='/tags/new']")
    tab.until("location.pathname === '/tags/new'")
    tab.settle()
    tab.fill("#en", "Regulars")
    tab.fill("#en-0", "Buyers")
    tab.fill("#rule-0", 'Did("order.comp")')
    tab.until("document.querySelector('#rule-0-said .bad')")
    tab.click("#preview")
    tab.until("document.activeElement.matches('#rule-0[aria-invalid]')")
    shot(tab, "tag-wrong-1280-en-light.png")
    tab.fill("#rule-0", 'Did("order.completed")')
    tab.until("document.querySelector('#rule-0-said').textContent.includes('persons fit')")
    tab.click("#add-node")
    tab.until("document.activeElement.matches('#zh-1')")
    tab.fill("#en-1", "Everybody else")
    tab.fill("#rule-1", "AllOf()")
    tab.click("#preview")
    tab.until("document.querySelectorAll('#tried .steps li').length === 3")
    shot(tab, "tag-tried-1280-en-light.png")
    buyers = int(tab.text("#tried .steps li .n").split()[0])
    tab.click("#nodes fieldset:nth-of-type(2) button[title]")
    tab.until("document.querySelector('#rule-0').value === 'AllOf()'")
    tab.click("#nodes fieldset:nth-of-type(2) button[title]")
    tab.until("document.querySelector('#rule-1').value === 'AllOf()'")
    tab.click("#save")
    tab.until("location.pathname === '/tags/own.regulars'")
    assert "Saved as version 1" in tab.text("main")
    tags.wanted(stand.home)
    profiles.refresh(stand.home)
    tab.open(f"{stand.origin}/profiles/own.regulars?lang=en")
    assert f"{buyers}" in tab.text(".nodes li:nth-child(2) .n")
    tab.click(".nodes a[href*='node=buyers']")
    tab.until("location.pathname === '/segments/new'")
    tab.settle()
    assert _persons(tab) == buyers
    tab.click('[data-open="save"]')
    tab.fill("#name", "Regular buyers")
    tab.fill("#skey", "regular_buyers")
    tab.click("#save .btn.main")
    tab.until("location.pathname === '/segments/regular_buyers'")
    with tab.allowing(409):
        _withdraw(tab, stand)
        tab.until("document.querySelector('[role=alert] a[href=\"/segments/regular_buyers\"]')")
    shot(tab, "tag-in-use-1280-en-light.png")
    segments.delete(stand.home, Who.system(), "regular_buyers")
    _withdraw(tab, stand)
    tab.until("location.pathname === '/tags'")
    tab.settle()
    assert "Regulars" not in tab.text("main")
    assert tab.problems == []


def _withdraw(tab: Tab, stand: Stand) -> None:
    tab.open(f"{stand.origin}/tags/own.regulars?lang=en")
    tab.click('[data-open="withdraw"]')
    tab.click("#withdraw .btn.danger")


def test_a_tag_condition_offers_its_values(stand: Stand) -> None:
    tab = stand.tab()
    tab.open(f"{stand.origin}/segments/new?lang=en")
    tab.run(
        "(() => { const s = document.querySelector('#dimension'); s.selectedIndex = 3; s.dispatchEvent(new Event('change', {bubbles: true})) })()"
    )
    tab.until("document.querySelector('#node')")
    tab.click("#add > div:last-child .btn")
    tab.until("document.querySelectorAll('#conditions .cond').length === 1")
    assert tab.problems == []


def test_a_saved_segment_is_a_condition_of_another(stand: Stand) -> None:
    tab = stand.tab()
    tab.open(f"{stand.origin}/segments/new?lang=en")
    tab.click(".what label:has([value='in'])")
    tab.click("#add > div:last-child .btn")
    tab.until("document.activeElement.matches('#segment[aria-invalid]')")
    tab.run("document.querySelector('#segment').selectedIndex = 1")
    tab.click("#add > div:last-child .btn")
    tab.until("document.querySelectorAll('#conditions .cond').length === 1")
    assert "in segment “" in tab.text("#conditions .cond")
    shot(tab, "segment-in-segment-1280-en-light.png")
    assert tab.problems == []


def test_a_mistake_in_a_condition_is_shown_at_its_field_which_gets_the_focus(stand: Stand) -> None:
    tab = stand.tab()
    tab.open(f"{stand.origin}/segments/new?lang=en")
    tab.click("#add > div:last-child .btn")
    tab.until("document.activeElement.matches('#dimension[aria-invalid]')")
    assert "choose a dimension" in tab.text(".field:has(#dimension)")
    tab.click(".what label:has([value='did'])")
    tab.run("document.querySelector('#kind').value = 'order.completed'")
    tab.fill("#within", "30天")
    tab.click("#add > div:last-child .btn")
    tab.until("document.activeElement.matches('#within[aria-invalid]')")
    assert "30天" in tab.text(".field:has(#within)")
    shot(tab, "segment-wrong-field-1280-en-light.png")
    tab.fill("#within", "３６５")
    tab.click("#add > div:last-child .btn")
    tab.until("document.querySelectorAll('#conditions .cond').length === 1")
    assert "within_days=365" in tab.run("document.querySelector('#rule').value")
    assert tab.run("document.querySelector('#add [aria-invalid]')") is None
    assert tab.problems == []


def test_the_feed_can_be_paused(stand: Stand) -> None:
    tab = stand.tab()
    assert tab.run("document.querySelectorAll('#feed .tl li').length") > 0
    tab.click("#feed header a")
    tab.until("document.querySelector('#feed header a').textContent === '继续'")
    assert tab.run("document.querySelector('#feed [hx-trigger]')") is None
    assert tab.problems == []


@pytest.mark.slow
def test_a_file_is_uploaded_mapped_tried_and_imported(stand: Stand, tmp_path: Path) -> None:
    path = tmp_path / "来电-新.csv"
    path.write_bytes(world.calls_file(30, 500))
    tab = stand.tab()
    tab.open(f"{stand.origin}/imports?lang=en")
    tab.choose("[data-upload] input", path)
    tab.until("location.pathname.startsWith('/imports/drafts/')")
    tab.settle()
    assert "来电-新" not in tab.run("location.href")
    assert "The mapping of import 1" in tab.text("main")
    assert "13800000500" not in tab.text("main")
    tab.pick("[name=role-6]", "body")
    tab.until("document.querySelector('#toml').value.includes('备注')")
    assert tab.run("document.querySelector('#mapping [name=role-6]').value") == "body"
    tab.run("document.querySelector('#toml').setSelectionRange(0, 0)")
    tab.run("document.querySelector('#toml').focus()")
    tab.call("Input.insertText", text="nonsense\n")
    tab.until("document.querySelector('#fit .note.bad')")
    shot(tab, "import-mistake-1280-en-light.png")
    tab.run("document.querySelector('#toml').select()")
    tab.call(
        "Input.insertText", text=drafts.get(stand.home, Who(1, "admin", Role.ADMIN), _number(tab)).mapping[9:]
    )
    tab.until("document.querySelector('#fit .note.on')")
    tab.shape(390, 844, "light")
    tab.click("main .acts [hx-post$=try]")
    tab.until("document.querySelector('#report').innerText.includes('Would be taken')")
    tab.until("document.querySelector('#report').getBoundingClientRect().top < 400")  # far down on a phone
    tab.shape(1280, 900, "light")
    assert "26" in tab.text("#report") and "a time can't be read" in tab.text("#report")
    shot(tab, "import-tried-1280-en-light.png")
    tab.click("#rows header button")
    tab.until("document.querySelector('#rows').innerText.includes('13800000500')")
    tab.click("main .acts .btn.main")
    tab.until("/^.imports.\\d+$/.test(location.pathname)")
    tab.settle()
    assert "waiting" in tab.text("#job")
    world.digest(stand.home, seal=False)
    tab.until("document.querySelector('#job').innerText.includes('done')")
    shot(tab, "import-done-1280-en-light.png")
    tab.click('[data-open="undo"]')
    tab.fill("#purpose", "wrong month")
    tab.click("#undo .btn.danger")
    tab.until("document.querySelector('#job').innerText.includes('being undone')")
    compose.work(stand.home).errands()
    tab.until("document.querySelector('#job').innerText.includes('Touches removed')")
    shot(tab, "import-undone-1280-en-light.png")
    assert tab.problems == []


def _number(tab: Tab) -> int:
    return int(tab.run("location.pathname.split('/').pop()"))


def test_a_bad_file_is_explained_where_it_was_chosen(stand: Stand, tmp_path: Path) -> None:
    path = tmp_path / "contract.pdf"
    path.write_bytes(b"%PDF-1.7 not a table")
    tab = stand.tab()
    tab.open(f"{stand.origin}/imports?lang=en")
    with tab.allowing(400):
        tab.choose("[data-upload] input", path)
        tab.until("document.querySelector('[data-upload-problem]').innerText.includes('a PDF')")
    shot(tab, "import-refused-1280-en-light.png")
    assert tab.problems == []


def test_a_group_is_mended_by_a_rule_and_replayed(stand: Stand) -> None:
    tab = stand.tab()
    tab.open(f"{stand.origin}/quarantine?source=lockers&lang=en")
    tab.click("main td a[href*=unknown_type]")
    tab.until("location.pathname === '/quarantine/group'")
    tab.settle()
    assert tab.run("getComputedStyle(document.querySelector('.by-given')).display") != "none"
    tab.fill("#given", "dance")
    tab.fill("#to", "track")
    tab.click("#rule [hx-post]")
    tab.until("document.querySelector('#preview').innerText.includes('7 would be changed')")
    shot(tab, "quarantine-previewed-1280-en-light.png")
    tab.click("#rule .btn.main")
    tab.until("document.querySelector('[role=status]')")
    assert "7 rows were changed" in tab.text("main")
    world.digest(stand.home, seal=False)
    tab.open(f"{stand.origin}/quarantine/rows/2?lang=en")
    tab.click("form[action$=reveal] button")
    tab.until("document.querySelector('main').innerText.includes('odd-0')")
    shot(tab, "quarantine-revealed-1280-en-light.png")
    assert tab.problems == []


def test_a_pair_is_decided_and_taken_back_with_the_keyboard(stand: Stand) -> None:
    tab = stand.tab()
    tab.open(f"{stand.origin}/identity/review?lang=en")
    assert "written otherwise" in tab.text("main") and "欧阳" not in tab.text("main")
    tab.press("d")
    tab.until("document.querySelector('[role=status]')?.innerText.includes('two persons')")
    tab.settle()
    assert "No doubt is left" in tab.text("main")
    tab.press("z")
    tab.until("document.querySelector('[role=status]')?.innerText.includes('taken back')")
    tab.settle()
    assert "written otherwise" in tab.text("main") and tab.problems == []


def test_a_rule_is_tried_looked_at_applied_and_undone(stand: Stand) -> None:
    tab = stand.tab()
    for width, lang in ((1280, "en"), (390, "zh")):
        tab.shape(width, SIZES[width], "light")
        tab.open(f"{stand.origin}/identity/rules?lang={lang}")
        tab.fill("[name='phone.cap']", "1/3650")
        tab.fill("[name='phone.limit']", "1/3650")
        tab.click("form[action='/identity/rules/try'] button.main")
        tab.until("location.pathname.startsWith('/identity/rules/work/')")
        tab.until("document.querySelector('[data-open=apply-rules]')")
        tab.settle()
        assert tab.too_wide() == []
        shot(tab, f"rules-tried-{width}-{lang}-light.png")
    tab.shape(1280, SIZES[1280], "light")
    tab.open(tab.run("location.href") + "?lang=en")
    tab.click("[data-open=apply-rules]")
    shot(tab, "rules-apply-1280-en-light.png", whole=False)
    tab.fill("#reason", "one phone each")
    tab.click("#apply-rules button.danger")
    tab.until("document.querySelector('main').innerText.includes('In force')")
    shot(tab, "rules-applied-1280-en-light.png")
    tab.open(f"{stand.origin}/identity/rules?lang=en")
    assert "one phone each" in tab.text("main") and "8/1095 → 1/3650" in tab.text("main")
    shot(tab, "rules-changed-1280-en-light.png")
    tab.click("[data-open=undo-rules]")
    tab.click("#undo-rules button.danger")
    tab.until("document.querySelector('main').innerText.includes('In force: the rules as shipped')")
    assert identity.rules(stand.home, Who.system()).version == 0
    assert tab.problems == []


def test_the_way_between_two_identifiers_is_shown_on_the_page_of_a_person(stand: Stand) -> None:
    tab = stand.tab()
    found = identity.lookup(stand.home, Who.system(), "phone", "13912340071", masked=True)
    other = identity.lookup(stand.home, Who.system(), "phone", "13912348001")
    assert other.id == found.id
    ends = [one.subject for one in found.identifiers if one.namespace == "phone"]
    for width, lang in ((1280, "en"), (390, "zh")):
        tab.shape(width, SIZES[width], "light")
        tab.open(f"{stand.origin}/people/{found.id}?start={ends[0]}&end={ends[1]}&lang={lang}")
        assert "sounds the same" in tab.text("#way") or "读音相同" in tab.text("#way")
        assert tab.too_wide() == []
        shot(tab, f"way-{width}-{lang}-light.png")
    assert tab.problems == []


def test_a_visitor_is_kept_apart_from_persons(stand: Stand) -> None:
    visitor = identity.lookup(stand.home, Who.system(), "anonymous_id", "visitor-3")
    tab = stand.tab("analyst")
    tab.open(f"{stand.origin}/people/{visitor.id}?lang=en")
    assert "Visitor" in tab.text("h1")
    assert tab.run("document.querySelector('[data-open=forget]')") is None
    assert "not for your role" in tab.text("main")
    shot(tab, "visitor-1280-en-light.png")
    assert tab.problems == []


@pytest.mark.slow
def test_forgetting_ends_with_a_certificate(stand: Stand) -> None:
    gone = identity.lookup(stand.home, Who.system(), "user_id", "M-500050")
    tab = stand.tab()
    tab.open(f"{stand.origin}/people/{gone.id}?lang=en")
    tab.click('[data-open="forget"]')
    tab.fill("#purpose", "asked by the person, case c_7")
    shot(tab, "forget-1280-en-light.png", whole=False)
    tab.click("#forget .btn.danger")
    tab.until("location.pathname.startsWith('/people/forgotten/')")
    tab.settle()
    shot(tab, "forgetting-1280-en-light.png")
    compose.work(stand.home).errands()
    tab.until("document.querySelector('#forgotten').textContent.includes('Done at')")
    shot(tab, "forgotten-1280-en-light.png")
    assert tab.problems == []
    with tab.allowing(404):
        tab.open(f"{stand.origin}/people/{gone.id}")
    assert "404" in tab.run("document.title")
