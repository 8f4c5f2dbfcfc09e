"""What people and gateways open: no account, no cookie, nothing that can be guessed."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from tests.core.outreach.handed import hand_over, said
from tests.core.outreach.outgoing import message_id, outgoing
from tests.core.outreach.people import say, settle
from tests.core.outreach.test_receipts import SMS, suppressed, words
from zerodistance.core.outreach import forgetting, letters, links
from zerodistance.core.outreach.channels import opening, setting
from zerodistance.core.outreach.people_http import People
from zerodistance.core.outreach.sends import forgetting as sends_forgetting
from zerodistance.kernel.access import Who
from zerodistance.kernel.errors import Forbidden
from zerodistance.kernel.home import Home

TEXT = "看看新品：https://shop.example.com/filters?x=1&y=2。退订：{out}"


def client(home: Home) -> TestClient:
    return TestClient(People(home), base_url="https://hello.example.com", follow_redirects=False)


def path(url: str) -> str:
    return "/" + url.split("/", 3)[3]


def public(home: Home) -> Home:
    return replace(
        home, settings=home.settings.model_copy(update={"public_url": "https://hello.example.com/"})
    )


def test_a_link_leads_on_and_is_a_touch_once(home: Home) -> None:
    home = public(home)
    at = settle(home, {1: [("email", "a@x.cn")]})
    one = hand_over(home, at["a@x.cn"])
    out = links.opt_out_url(home, one)
    html = '<p><a href="https://shop.example.com/filters?x=1&amp;y=2">shop</a></p></body>'
    text, marked = links.traced(home, one, TEXT.format(out=out), html)
    assert text.endswith(f"退订：{out}")
    (url,) = re.findall(r"https://hello.example.com/m/[\w-]{32}(?=。)", text)
    assert marked is not None and f'href="{url}"' in marked and marked.endswith("</body>")
    (picture,) = re.findall(r'src="([^"]+\.gif)"', marked)
    asking = client(home)
    for _ in range(2):
        answer = asking.get(path(url))
        assert (answer.status_code, answer.headers["location"]) == (
            302,
            "https://shop.example.com/filters?x=1&y=2",
        )
        assert "set-cookie" not in answer.headers
        assert asking.get(path(picture)).content[:6] == b"GIF89a"
    asking.head(path(url))
    assert [kind for _, kind, _, _ in said(home)] == ["message.clicked", "message.opened"]


def test_what_looks_ahead_is_no_click(home: Home) -> None:
    at = settle(home, {1: [("email", "a@x.cn")]})
    one = hand_over(home, at["a@x.cn"])
    text, _ = links.traced(home, one, "https://shop.example.com")
    client(home).get(path(text), headers={"Sec-Purpose": "prefetch;prerender"})
    client(home).head(path(text))
    assert said(home) == []


def test_one_click_withdraws_and_a_look_does_not(home: Home) -> None:
    at = settle(home, {1: [("email", "a@x.cn"), ("phone", "+8613900000001")]})
    for channel, address in (("email", "a@x.cn"), ("sms", "+8613900000001")):
        say(home, at[address], channel=channel)
    one = hand_over(home, at["a@x.cn"])
    url = path(links.opt_out_url(home, one))
    asking = client(home)
    page = asking.get(url, headers={"Accept-Language": "en-GB"})
    assert "One click" in page.text and 'lang="en"' in page.text
    assert "<form" in page.text and "a@x.cn" not in page.text
    assert len(words(home, at["a@x.cn"])) == 1
    done = asking.post(url, data={"List-Unsubscribe": "One-Click"}, headers={"Accept-Language": "zh-CN"})
    assert done.status_code == 200 and "已退订" in done.text and "set-cookie" not in done.headers
    assert words(home, at["a@x.cn"])[0] == ("marketing", "email", False)
    assert words(home, at["+8613900000001"]) == [("marketing", "sms", True)]
    assert "已退订" in asking.get(url, headers={"Accept-Language": "zh"}).text
    say(home, at["a@x.cn"], at=4_000_000_000_000_000)
    asking.post(url)
    assert len(said(home)) == 1


def test_who_was_forgotten_is_told_that_nothing_is_kept(home: Home) -> None:
    at = settle(home, {1: [("email", "a@x.cn")]})
    one = hand_over(home, at["a@x.cn"])
    url = path(links.opt_out_url(home, one))
    sends_forgetting.forget(home, [at["a@x.cn"]])
    forgetting.forget(home, [at["a@x.cn"]])
    assert "Nothing is kept of this message" in client(home).get(url, headers={"Accept-Language": "en"}).text
    assert client(home).post(url).status_code == 200


@settings(max_examples=40)
@given(token=st.text(st.sampled_from("abcXYZ019-_.=%"), min_size=1, max_size=40), kind=st.sampled_from("mur"))
def test_no_made_up_address_leads_anywhere(home: Home, token: str, kind: str) -> None:
    answer = client(home).post(f"/{kind}/{token}") if kind != "m" else client(home).get(f"/m/{token}")
    assert answer.status_code in (404, 405) or (kind == "m" and token.endswith(".gif"))


def test_a_changed_token_or_one_for_something_else_is_none(home: Home) -> None:
    at = settle(home, {1: [("email", "a@x.cn")]})
    one = hand_over(home, at["a@x.cn"])
    other = hand_over(home, at["a@x.cn"], 2)
    token = links.opt_out_url(home, one).rpartition("/")[2]
    swapped = links.opt_out_url(home, other).rpartition("/")[2][:16] + token[16:]
    for wrong in (swapped, token[:-1], token + "A"):
        assert client(home).post(f"/u/{wrong}").status_code == 404
    assert links.read(home.seal, links.OPENED, token) is None
    assert links.read(home.seal, links.RETURNED, links.return_token(home, one)) == links.Token(one)


def test_a_gateway_posts_to_its_secret_address_alone(home: Home, admin: Who) -> None:
    setting.set_channel(home, admin, "sms", SMS)
    at = settle(home, {1: [("phone", "+8613900000001")]})
    hand_over(home, at["+8613900000001"], channel="sms")
    said = {"replies": [{"mobile": "13900000001", "content": "TD"}]}
    assert client(home).post("/r/sms/guessed", json=said).status_code == 404
    assert words(home, at["+8613900000001"]) == []
    answer = client(home).post(setting.receipts_path(home, "sms"), json=said)
    assert (answer.status_code, answer.text) == (200, "ok")
    assert words(home, at["+8613900000001"])[0] == ("marketing", "sms", False)
    assert suppressed(home, at["+8613900000001"]) == {}


def test_the_inbox_is_read_by_whoever_has_signed_in_and_nobody_else(home: Home, admin: Who) -> None:
    at = settle(home, {1: [("member_id", "m1"), ("user_id", "u1")], 2: [("member_id", "m2")]})
    channel = opening.open_channel(home, "inbox")
    for number, subject in ((1, "m1"), (2, "m2"), (3, "u1")):
        hand_over(home, at[subject], number, channel="inbox")
    sent = [
        outgoing(n, channel="inbox", address=str(at[s]), subject=f"to {s}", text=s)
        for n, s in ((1, "m1"), (2, "m2"), (3, "u1"))
    ]
    assert [one.outcome for one in channel.hand([*sent, sent[0]])] == ["accepted"] * 4
    asking = client(home)
    token = letters.make_token(home, admin, {"member_id": "m1"})
    mine = {"Authorization": f"Bearer {token}"}
    found = asking.get("/v1/inbox", headers=mine)
    assert [one["title"] for one in found.json()["messages"]] == ["to m1"]
    assert found.json()["unread"] == 1 and found.headers["access-control-allow-origin"] == "*"
    assert asking.post(f"/v1/inbox/{message_id(1)}/read", headers=mine).status_code == 204
    assert asking.post(f"/v1/inbox/{message_id(2)}/read", headers=mine).status_code == 404
    assert asking.get("/v1/inbox", headers=mine).json()["unread"] == 0
    assert asking.get("/v1/inbox?unread=1", headers=mine).json()["messages"] == []
    both = letters.make_token(home, admin, {"member_id": "m1", "user_id": "u1"})
    page = asking.get("/v1/inbox?limit=1", headers={"Authorization": f"Bearer {both}"}).json()
    assert [one["title"] for one in page["messages"]] == ["to u1"]
    more = asking.get(
        f"/v1/inbox?before={page['before']}", headers={"Authorization": f"Bearer {both}"}
    ).json()
    assert [one["title"] for one in more["messages"]] == ["to m1"] and more["before"] is None
    for wrong in ("", "zdi_", token[:-4] + "AAAA", "zdi_" + "A" * 80):
        assert asking.get("/v1/inbox", headers={"Authorization": f"Bearer {wrong}"}).status_code == 401
    assert [kind for _, kind, _, _ in said(home)] == ["message.opened"]


def test_a_token_of_the_inbox_is_given_to_whoever_may_see_persons(home: Home) -> None:
    from zerodistance.kernel.access import Role

    with pytest.raises(Forbidden):
        letters.make_token(home, Who(3, "m", Role.MARKETER), {"member_id": "m1"})
