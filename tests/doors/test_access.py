"""Who may come in, and what every answer carries."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from tests.doors import world
from tests.doors.conftest import Visitor
from tests.postgres import stored
from zerodistance.doors.portal import accounts, sessions
from zerodistance.doors.portal.contracts import LastAdmin, OnceUsed, PasswordShort, TooManyTries, WrongLogin
from zerodistance.kernel import clock
from zerodistance.kernel.access import Role, Who
from zerodistance.kernel.errors import Forbidden
from zerodistance.kernel.home import Home


def test_a_one_time_link_sets_a_password_once(home: Home) -> None:
    secret = accounts.make_one_time_login(home)
    with pytest.raises(PasswordShort):
        accounts.use_once(home, secret, "short", "short")
    accounts.use_once(home, secret, world.PASSWORD, world.PASSWORD)
    with pytest.raises(OnceUsed):
        accounts.use_once(home, secret, world.PASSWORD, world.PASSWORD)
    assert accounts.log_in(home, "admin", world.PASSWORD, "::1").role is Role.ADMIN


def test_a_one_time_link_ends_after_a_day_and_when_a_newer_one_is_made(home: Home) -> None:
    first = accounts.make_one_time_login(home)
    second = accounts.make_one_time_login(home)
    with pytest.raises(OnceUsed):
        accounts.once_account(home, first)
    with clock.freeze(clock.now() + timedelta(hours=24, seconds=1)), pytest.raises(OnceUsed):
        accounts.once_account(home, second)


def test_five_wrong_passwords_make_one_wait_and_another_address_does_not(home: Home) -> None:
    world.people(home)
    for left in (4, 3, 2, 1, 0):
        with pytest.raises(WrongLogin) as wrong:
            accounts.log_in(home, "admin", "guess", "10.0.0.1")
        assert wrong.value.data["left"] == left
    with pytest.raises(TooManyTries) as wait:
        accounts.log_in(home, "admin", world.PASSWORD, "10.0.0.1")
    assert wait.value.data["minutes"] == 15
    assert accounts.log_in(home, "admin", world.PASSWORD, "10.0.0.2").name == "admin"
    with clock.freeze(clock.now() + timedelta(minutes=16)):
        assert accounts.log_in(home, "admin", world.PASSWORD, "10.0.0.1").name == "admin"


def test_neither_passwords_nor_secrets_stand_in_the_state(home: Home) -> None:
    world.people(home)
    account = accounts.log_in(home, "admin", world.PASSWORD, "::1")
    secret = sessions.open_session(home, account)
    key = sessions.create_key(home, Who.system(), "crm")
    raw = stored(home)
    assert all(s.encode() not in raw for s in (world.PASSWORD, secret, key))


def test_a_session_ends_with_its_hours_and_with_its_account(home: Home) -> None:
    world.people(home)
    account = accounts.log_in(home, "analyst", world.PASSWORD, "::1")
    secret = sessions.open_session(home, account)
    assert sessions.account_of(home, secret) is not None
    with clock.freeze(clock.now() + timedelta(hours=home.settings.session_hours, seconds=1)):
        assert sessions.account_of(home, secret) is None
    accounts.disable(home, Who.system(), account.number)
    assert sessions.account_of(home, secret) is None
    with pytest.raises(WrongLogin):
        accounts.log_in(home, "analyst", world.PASSWORD, "::1")


def test_the_last_admin_stays(home: Home) -> None:
    world.people(home)
    with pytest.raises(LastAdmin):
        accounts.disable(home, Who.system(), 1)


def test_an_analyst_manages_no_accounts(home: Home, analyst: Who) -> None:
    for verb in (
        lambda: accounts.accounts(home, analyst),
        lambda: accounts.create(home, analyst, "x1"),
        lambda: accounts.one_time_login(home, analyst, "admin"),
        lambda: accounts.disable(home, analyst, 1),
        lambda: sessions.keys(home, analyst),
        lambda: sessions.create_key(home, analyst, "k"),
        lambda: sessions.switch_key_off(home, analyst, 1),
    ):
        with pytest.raises(Forbidden):
            verb()


def test_a_page_asks_to_log_in_and_leads_back(visitor: Visitor) -> None:
    answer = visitor.get("/touchpoints")
    assert (answer.status_code, answer.headers["location"]) == (303, "/login?next=/touchpoints")
    logged_in = visitor.post("/login", "/login", name="admin", password=world.PASSWORD, next="/touchpoints")
    assert logged_in.headers["location"] == "/touchpoints"
    assert visitor.get("/touchpoints").status_code == 200


@pytest.mark.parametrize("elsewhere", ["//evil.example", "https://evil.example", "/\\evil.example"])
def test_logging_in_leads_nowhere_else(visitor: Visitor, elsewhere: str) -> None:
    answer = visitor.post("/login", "/login", name="admin", password=world.PASSWORD, next=elsewhere)
    assert answer.headers["location"] == "/"


def test_the_session_cookie_is_out_of_reach_of_scripts(visitor: Visitor) -> None:
    cookie = visitor.log_in().headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie


def test_logging_out_ends_the_session_on_the_server(boss: Visitor) -> None:
    secret = boss.client.cookies["zd_session"]
    boss.post("/logout")
    boss.client.cookies.set("zd_session", secret)
    assert boss.get("/me").status_code == 303


def test_a_form_without_its_token_or_from_elsewhere_is_refused(boss: Visitor) -> None:
    fields = {"name": "web", "key": "web", "kind": "web"}
    assert boss.client.post("/touchpoints", data=fields).status_code == 403
    right = {**fields, "csrf": boss.token("/me")}
    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "null"}):
        assert boss.client.post("/touchpoints", data=right, headers=headers).status_code == 403
    assert boss.client.post("/touchpoints", data={**fields, "csrf": "0" * 32}).status_code == 403
    good = boss.client.post(
        "/touchpoints", data=right, headers={"Origin": "http://testserver"}, follow_redirects=False
    )
    assert good.status_code == 303


def test_every_answer_carries_the_security_headers(boss: Visitor) -> None:
    for path in ("/", "/people", "/nothing-here", "/healthz", "/login"):
        headers = boss.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"


def test_pages_carry_neither_inline_script_nor_inline_style(boss: Visitor) -> None:
    for path in (
        "/",
        "/people",
        "/segments",
        "/segments/new",
        "/touchpoints",
        "/touchpoints/new",
        "/operations",
        "/accounts",
        "/me",
    ):
        text = boss.get(path).text
        assert not re.search(r"\sstyle=|<style|\son\w+=|javascript:", text), path
        assert not re.search(r"<script(?![^>]*\ssrc=)", text), path
        assert not re.search(r'(?:src|href)="(?:https?:)?//', text.replace("http://testserver", "")), path


def test_static_files_are_named_by_content_packed_and_kept(visitor: Visitor) -> None:
    path = re.search(r'href="(/static/portal\.[0-9a-f]{10}\.css)"', visitor.get("/login").text)
    assert path is not None
    answer = visitor.get(path[1])
    assert answer.headers["content-encoding"] == "gzip"
    assert "immutable" in answer.headers["cache-control"]
    assert visitor.get("/static/portal.0000000000.css").status_code == 404


def test_a_program_asks_with_a_key_until_it_is_switched_off(home: Home, visitor: Visitor) -> None:
    key = sessions.create_key(home, Who.system(), "crm")
    assert visitor.client.get("/people", headers={"Authorization": f"Bearer {key}"}).status_code == 200
    assert visitor.client.get("/operations", headers={"Authorization": f"Bearer {key}"}).status_code == 403
    sessions.switch_key_off(home, Who.system(), 1)
    assert (
        visitor.client.get(
            "/people", headers={"Authorization": f"Bearer {key}"}, follow_redirects=False
        ).status_code
        == 303
    )


def test_an_analyst_sees_and_makes_segments_and_changes_nothing_else(visitor: Visitor) -> None:
    visitor.log_in("analyst")
    for path in ("/", "/people", "/segments", "/segments/new", "/touchpoints", "/me"):
        assert visitor.get(path).status_code == 200, path
    for path in ("/touchpoints/new", "/accounts", "/operations"):
        assert visitor.get(path).status_code == 403, path
    posts = {
        "/touchpoints": {"name": "x", "key": "x", "kind": "web"},
        "/accounts": {"name": "x1"},
        "/keys": {"name": "x"},
        "/people/p_00000000/forget": {"purpose": "x"},
        "/people/p_00000000/reveal": {"field": "phone", "purpose": "x", "case": "x"},
    }
    for path, fields in posts.items():
        assert visitor.post(path, **fields).status_code == 403, path
    assert 'href="/operations"' not in visitor.get("/").text


def test_the_language_follows_the_link_then_the_browser_then_the_settings(visitor: Visitor) -> None:
    assert 'lang="zh-CN"' in visitor.get("/login").text
    assert 'lang="en"' in visitor.get("/login", headers={"Accept-Language": "en-GB,en;q=0.8"}).text
    assert 'lang="en"' in visitor.get("/login?lang=en").text
    assert 'lang="en"' in visitor.get("/login", headers={"Accept-Language": "zh"}).text


def test_errors_speak_the_language_and_say_a_code(boss: Visitor) -> None:
    answer = boss.get("/touchpoints/nowhere?lang=en")
    assert answer.status_code == 404
    assert "there is no source nowhere" in answer.text
    assert "no_source" in answer.text
    assert boss.client.get("/v1/nothing").json()["code"] == "no_such_page"


@pytest.mark.parametrize(
    ("path", "fields", "leads_to"),
    [
        ("/me/password", {"old": "x", "password": "y" * 12, "again": "z"}, "/me"),
        ("/keys", {"name": " "}, "/accounts"),
        ("/accounts", {"name": "a b c"}, "/accounts"),
        ("/accounts/1/link", {"name": "admin"}, "/accounts"),
        ("/segments", {"name": "x", "rule": ""}, "/segments"),
        ("/people/p_00000000/forget", {"purpose": "x"}, "/people/p_00000000"),
    ],
)
def test_the_language_switch_of_what_follows_a_form_leads_to_a_page(
    boss: Visitor, path: str, fields: dict[str, str], leads_to: str
) -> None:
    found = re.search(r'href="([^"]+)" data-lang="en"', boss.post(path, **fields).text)
    assert found is not None
    assert found[1] == f"http://testserver{leads_to}?lang=en"
    assert boss.get(found[1]).status_code != 405


def test_a_failed_login_and_a_one_time_link_keep_their_page_when_the_language_is_switched(
    home: Home, visitor: Visitor
) -> None:
    once = f"/once/{accounts.make_one_time_login(home, 'third')}"
    for path, fields in (
        ("/login", {"name": "admin", "password": "no"}),
        (once, {"password": "x", "again": "y"}),
    ):
        answer = visitor.post(path, path, **fields)
        assert f'href="http://testserver{path}?lang=en"' in answer.text


def test_an_address_that_takes_forms_alone_says_so_in_both_languages(boss: Visitor) -> None:
    assert "按钮" in boss.get("/me/password").text
    answer = boss.get("/me/password?lang=en")
    assert answer.status_code == 405
    assert "use the button" in answer.text


def test_a_phone_reaches_every_page_of_the_menu(boss: Visitor) -> None:
    page = boss.get("/").text
    bar = page[page.index('<nav class="tabs"') : page.index('<dialog id="find"')]
    for path in ("/", "/people", "/segments", "/touchpoints", "/operations", "/accounts", "/me"):
        assert bar.count(f'href="{path}"') == 1, path


def test_an_admin_makes_an_account_whose_link_works(boss: Visitor) -> None:
    answer = boss.post("/accounts", "/accounts", name="liu", role="analyst")
    path = re.search(r"http://testserver(/once/[\w-]+)", answer.text)
    assert path is not None
    boss.post("/logout")
    assert boss.get(path[1]).status_code == 200
    set_up = boss.post(path[1], path[1], password="another long one", again="another long one")
    assert (set_up.status_code, set_up.headers["location"]) == (303, "/")
    assert boss.get(path[1]).status_code == 410


def test_the_language_of_an_account_is_there_on_another_machine(boss: Visitor) -> None:
    assert boss.post("/me/look", lang="en").headers["location"] == "/me?lang=en"
    boss.client.cookies.clear()
    boss.log_in()
    assert 'lang="en"' in boss.get("/").text
