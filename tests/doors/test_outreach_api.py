"""The API of templates, limits, words and consent."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.core.outreach.handed import hand_over
from tests.core.outreach.people import settle
from tests.core.outreach.test_templates import said
from tests.doors.conftest import CHEAP
from tests.doors.world import people
from zerodistance import compose
from zerodistance.core.outreach import links
from zerodistance.doors.portal import accounts, sessions
from zerodistance.kernel.access import Role, Who
from zerodistance.kernel.home import Home, create_home
from zerodistance.kernel.settings import load


class Client:
    """A program with an API key."""

    def __init__(self, client: TestClient, key: str) -> None:
        self._client, self._headers = client, {"Authorization": f"Bearer {key}"}

    def ask(self, method: str, path: str, **more: Any) -> Any:
        return self._client.request(method, f"/v1/outreach{path}", headers=self._headers, **more)

    def __call__(self, method: str, path: str, status: int = 200, **more: Any) -> Any:
        found = self.ask(method, path, **more)
        assert found.status_code == status, found.text
        return found.json() if found.content else None


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Home, Client, Client]]:
    """A home with one person; programs of an admin and of a marketer."""
    home = create_home(load(home=tmp_path_factory.mktemp("outreach") / "home"))
    settle(home, {1: [("email", "a@x.cn")]})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(accounts, "_hasher", lambda: CHEAP)
        people(home)
    with TestClient(compose.door(home), base_url="http://testserver") as client:
        keys = [
            sessions.create_key(home, Who.system(), role.value, role) for role in (Role.ADMIN, Role.MARKETER)
        ]
        yield home, Client(client, keys[0]), Client(client, keys[1])
    home.close()


def test_a_template_is_looked_at_saved_and_withdrawn(shop: tuple[Home, Client, Client]) -> None:
    _, admin, marketer = shop
    looked = marketer("POST", "/templates/look", json={**said(text="国家级 {name}"), "lang": "zh"})
    assert [one["code"] for one in looked["problems"] if one["stops"]] == ["word"] and "王小明" in looked[
        "text"
    ]
    assert marketer("POST", "/templates/look", 422, json=said(text="{who}"))["code"] == "bad_template"
    assert marketer("POST", "/templates", json={**said(), "key": "filter"})["version"] == 1
    assert admin("POST", "/templates", json={**said(text="换 {name}"), "key": "filter"})["version"] == 2
    assert marketer("GET", "/templates/filter?version=1")["bodies"]["zh"]["text"].startswith("您好")
    assert [one["version"] for one in marketer("GET", "/templates/filter/versions")] == [2, 1]
    assert "Hello Ann Lee" in marketer("GET", "/templates/filter/look?lang=en")["html"]
    assert marketer("POST", "/templates/filter/withdraw")["off"]
    assert [one["off"] for one in admin("GET", "/templates")] == [True]
    marketer("GET", "/templates/none", 404)


def test_limits_and_words_are_seen_by_who_sends_and_set_by_who_manages(
    shop: tuple[Home, Client, Client],
) -> None:
    _, admin, marketer = shop
    assert marketer("GET", "/limits")["limits"]["minor_age"] == 18
    assert marketer("POST", "/limits", 403, json={"minor_age": 0})["code"] == "forbidden"
    assert admin("POST", "/limits", json={"sender_zh": "样例", "sender_en": "Sample"})["version"] == 1
    for wrong in ({"caps": 5}, {"caps": [5]}, {"quiet": [{"begins": "9", "ends": []}]}, {"zones": [1]}, {"zones": {"CN": 5}}, {"sender_zh": 5},
                  {"caps": [{"most": 1, "days": 1, "unit": 5}]}, {"quiet": [{"begins": 0, "ends": 9, "purposes": "marketing"}]}):  # fmt: skip
        assert admin("POST", "/limits", 400, json=wrong)["code"] == "invalid"
    assert {"cn_advertising_law", "cn_spam"} <= {one["key"] for one in marketer("GET", "/words")}
    assert marketer("POST", "/words/find", json={"text": "最 佳"})[0]["weight"] == "forbidden"
    assert admin("POST", "/words/own", json={"name_en": "Own", "words": ["清仓"]})["version"] == 1
    assert marketer("GET", "/words/own")["words"][0]["word"] == "清仓"
    for bad in (
        [{"word": 5, "weight": "x"}],
        [5],
        "清仓",
        [{"word": "a", "unless": "b"}],
        [{"word": "a", "unless": [5]}],
        [{"word": "a", "more": 1}],
    ):
        assert admin("POST", "/words/own", 400, json={"words": bad})["code"] == "invalid"
    assert admin("POST", "/words/own", 400, json={"lang": [], "words": []})["code"] == "invalid"
    assert admin("POST", "/words/own", 400, json={"purposes": 5})["code"] == "invalid"
    marketer("GET", "/words/none", 404)


def test_consent_and_suppression(shop: tuple[Home, Client, Client]) -> None:
    _, admin, marketer = shop
    yes = {
        "namespace": "email",
        "value": "a@x.cn",
        "given": True,
        "purpose": "marketing",
        "channel": "email",
        "proof": "form 1",
    }
    assert admin("POST", "/consents", json=yes) == {"words": 1}
    admin("POST", "/consents", 400, json={**yes, "said_at": "2026-01-01T00:00:00"})
    assert admin("POST", "/consents", 404, json={**yes, "value": "b@x.cn"})["code"] == "address_not_known"
    assert marketer("POST", "/consents", 403, json=yes)["code"] == "forbidden"
    found = admin(
        "POST", "/suppressed", json={"namespace": "email", "values": ["a@x.cn", "b@x.cn", "nothing"]}
    )
    assert found == {"rows": 3, "added": 2, "known": 1, "unreadable": 1}
    stands = admin("GET", "/consents")
    assert stands["consents"] == [{"purpose": "marketing", "channel": "email", "given": 1, "withdrawn": 0}]
    assert stands["suppressed"] == [{"reason": "listed", "addresses": 2, "known": 1}]
    assert admin("POST", "/suppressed/lift", json={"namespace": "email", "value": "a@x.cn"}) == {"words": 1}
    marketer("GET", "/consents", 403)
    assert marketer("GET", "/approvals") == []


def test_channels_are_described_by_who_manages_and_seen_by_who_sends(
    shop: tuple[Home, Client, Client],
) -> None:
    home, admin, marketer = shop
    said = {
        "description": 'host = "127.0.0.1"\nport = 1\ntls = "none"\nfrom = "news@brand.example"\nname = "Brand"'
    }
    assert marketer("PUT", "/channels/email", 403, json=said)["code"] == "forbidden"
    assert admin("PUT", "/channels/email", 400, json={"description": "host = 1"})["code"] == "channel_wrong"
    assert admin("PUT", "/channels/email", json=said)["on"] is True
    first = marketer("GET", "/channels")[0]
    assert (first["name"], first["on"], first["description"]) == ("email", True, "")
    heard = hand_over(home, 1, 78)
    admin("POST", "/receipts", json={"receipts": [{"id": heard, "state": "delivered"}]})
    assert admin("GET", "/channels/email")["heard"] == {"delivered": 1}
    assert marketer("GET", "/channels/email")["heard"] == {}  # an exact count tells about a person
    assert "can't be used" in admin("POST", "/channels/email/check")["wrong"][0]["en"]
    assert admin("POST", "/channels/email/try", json={"to": "me@brand.example"})["outcome"] == "later"
    assert admin("POST", "/channels/email/switch", json={"on": False})["on"] is False
    assert admin("GET", "/channels/sms")["receipts_path"].startswith("/r/sms/")
    admin("DELETE", "/channels/email", 204)
    admin("GET", "/channels/fax", 400)


def test_receipts_and_mails_that_came_back_are_taken_from_programs(shop: tuple[Home, Client, Client]) -> None:
    home, admin, marketer = shop
    one = hand_over(home, 1, 77)
    given = {"receipts": [{"id": one, "state": "delivered"}, {"id": "0" * 24, "state": "delivered"}]}
    assert marketer("POST", "/receipts", 403, json=given)["code"] == "forbidden"
    assert admin("POST", "/receipts", json=given) == {"taken": 1, "passed_over": 1}
    assert admin("POST", "/receipts", 400, json={"receipts": [{"id": one, "state": "lost"}]})
    assert [receipt["what"] for receipt in admin("GET", f"/messages/{one}/receipts")] == ["delivered"]
    mail = f"To: bounces+{links.return_token(home, one)}@brand.example\r\nSubject: unsubscribe\r\n\r\n"
    assert admin("POST", "/bounces", content=mail.encode()) == {
        "what": "opt_out",
        "state": None,
        "known": True,
    }
    assert admin("POST", "/bounces", content=b"hello")["known"] is False
    marketer("GET", f"/messages/{one}/receipts", 403)
    admin("GET", "/messages/none/receipts", 404)


def test_a_token_of_the_inbox_is_made_for_the_back_end_of_an_app(shop: tuple[Home, Client, Client]) -> None:
    _, admin, marketer = shop
    given = {"identifiers": {"email": "a@x.cn"}, "minutes": 5}
    assert admin("POST", "/../inbox/tokens", json=given)["token"].startswith("zdi_")
    marketer("POST", "/../inbox/tokens", 403, json=given)
    assert (
        admin("POST", "/../inbox/tokens", 400, json={"identifiers": {"shoe": "1"}})["code"]
        == "not_an_identifier"
    )


def test_no_answer_holds_an_address(shop: tuple[Home, Client, Client]) -> None:
    _, admin, marketer = shop
    paths = admin.ask("GET", "/../openapi.json").json()["paths"]
    asked = [
        path
        for path, said in paths.items()
        if path.startswith("/v1/outreach") and "get" in said and "{" not in path
    ]
    assert len(asked) > 5
    for path in asked:
        for who in (admin, marketer):
            assert "a@x.cn" not in who.ask("GET", path.removeprefix("/v1/outreach")).text
