"""The pages of templates, limits, word lists and consent; what each account may do on them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.core.outreach.people import settle
from tests.doors.conftest import CHEAP, Visitor
from tests.doors.world import PASSWORD, people
from zerodistance import compose
from zerodistance.core.outreach import api as outreach
from zerodistance.doors.portal import accounts
from zerodistance.kernel.access import Role, Who
from zerodistance.kernel.home import Home, create_home
from zerodistance.kernel.settings import load


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Home, Visitor]]:
    """A home with one address, and an admin and a marketer with one browser."""
    home = create_home(load(home=tmp_path_factory.mktemp("pages") / "home"))
    settle(home, {1: [("email", "a@x.cn")]})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(accounts, "_hasher", lambda: CHEAP)
        people(home)
        accounts.create(home, Who.system(), "mei", Role.MARKETER)
        accounts.use_once(home, accounts.one_time_login(home, Who.system(), "mei"), PASSWORD, PASSWORD)
    with TestClient(compose.door(home), base_url="http://testserver") as client:
        yield home, Visitor(client)
    home.close()


def as_(opened: tuple[Home, Visitor], name: str) -> Visitor:
    visitor = opened[1]
    visitor.client.cookies.clear()
    assert visitor.log_in(name).status_code == 303
    visitor.get("/outreach?lang=en")
    return visitor


FIELDS: dict[str, Any] = {
    "key": "filter", "name_zh": "滤芯", "name_en": "Filter", "channel": "email", "purpose": "marketing",
    "subject_zh": "滤芯", "text_zh": "{name}您好", "subject_en": "Filter", "text_en": "Hello {name}",
    "key-0": "name", "of-0": "vault.name", "zh-0": "朋友", "en-0": "friend", "longest-0": "20",
}  # fmt: skip


def test_a_template_is_written_seen_changed_and_withdrawn(opened: tuple[Home, Visitor]) -> None:
    mei = as_(opened, "mei")
    assert (
        "No template yet" in mei.get("/outreach").text
        and "Nobody has said who sends" in mei.get("/outreach").text
    )
    bad = mei.post("/outreach/templates", **{**FIELDS, "text_zh": "国家级 {name}"})
    assert bad.status_code == 422 and "国家级" in bad.text and 'value="Filter"' in bad.text
    look = mei.post("/outreach/templates/look", **{**FIELDS, "channel": "sms", "text_zh": "{who}"})
    assert "{who}" in look.text and "no subject line" in look.text
    assert (
        mei.post("/outreach/templates", **FIELDS).headers["location"]
        == "/outreach/templates/filter?done=saved"
    )
    assert mei.post("/outreach/templates", **FIELDS).status_code == 400  # the key is taken
    page = mei.get("/outreach/templates/filter").text
    assert "Hello Ann Lee" in page and "from the vault" in page and "Withdraw this template" in page
    assert mei.post("/outreach/templates/filter", **{**FIELDS, "text_en": "Dear {name}"}).status_code == 303
    assert "This is an older version" in mei.get("/outreach/templates/filter?version=1").text
    assert "Dear {name}" in mei.get("/outreach/templates/filter/change").text
    assert "Dear {name}" in mei.get("/outreach/templates/new?like=filter").text
    assert mei.post("/outreach/templates/filter/withdraw").status_code == 303
    assert "withdrawn" in mei.get("/outreach").text
    assert (
        mei.get("/outreach/templates.csv")
        .text.lstrip("\ufeff")
        .splitlines()[1]
        .startswith("filter,Filter,email,marketing")
    )


def test_limits_are_set_by_who_manages_them_and_seen_by_who_sends(opened: tuple[Home, Visitor]) -> None:
    mei = as_(opened, "mei")
    page = mei.get("/outreach/limits").text
    assert "at most 3 a week" in page and "Save as version" not in page
    assert mei.post("/outreach/limits", minor_age="0").status_code == 403
    admin = as_(opened, "admin")
    said = {
        "sender_zh": "样例", "sender_en": "Sample", "contact_zh": "", "contact_en": "", "cool_down_days": "30", "case_days": "14",
        "minor_age": "16", "new_days": "0", "soft_bounces": "3", "most-0": "2", "days-0": "7", "purpose-0": "", "channel-0": "sms",
        "unit-0": "*", "begins-0": "22:00", "ends-0": "8:30", "country-0": "de", "quiet-purposes-0": "marketing", "quiet-channels-0": "sms",
    }  # fmt: skip
    wrong = admin.post("/outreach/limits", **{**said, "ends-0": "25:00"})
    assert wrong.status_code == 400 and "25:00" in wrong.text
    assert admin.post("/outreach/limits", **said).headers["location"] == "/outreach/limits?done=saved"
    policy = outreach.limits_shown(opened[0], Who.system()).policy
    assert (policy.minor_age, policy.cool_down_days, policy.open_case, policy.sender_en) == (
        16,
        30,
        False,
        "Sample",
    )
    assert [(one.most, one.days, one.channel, one.unit) for one in policy.caps] == [(2, 7, "sms", "*")]
    assert [(one.begins, one.ends, one.country, one.channels) for one in policy.quiet] == [
        (1320, 510, "DE", ("sms",))
    ]


def test_word_lists_are_tried_and_changed(opened: tuple[Home, Visitor]) -> None:
    mei = as_(opened, "mei")
    assert "Advertising law of China" in mei.get("/outreach/words").text
    assert "forbidden" in mei.post("/outreach/words", text="最 佳").text
    assert "Save as version" not in mei.get("/outreach/words/cn_spam").text
    assert mei.post("/outreach/words/cn_spam", words="").status_code == 403
    admin = as_(opened, "admin")
    said = {
        "key": "own",
        "name_en": "Own",
        "lang": "zh",
        "source": "house rules",
        "purposes": "marketing",
        "on": "1",
    }
    assert (
        admin.post("/outreach/words/new", **said, words="清仓 | mind | 清仓查库 | by us\n甩卖").status_code
        == 303
    )
    assert admin.post("/outreach/words/new", **said, words="清仓").status_code == 400
    page = admin.get("/outreach/words/own").text
    assert "清仓 | mind | 清仓查库 | by us" in page and "check it" in page
    assert "甩卖,forbidden,,house rules" in admin.get("/outreach/words/own.csv").text


def test_consent_is_counted_recorded_and_lists_are_uploaded(opened: tuple[Home, Visitor]) -> None:
    admin = as_(opened, "admin")
    yes = {
        "namespace": "email",
        "value": "a@x.cn",
        "verb": "given",
        "purpose": "marketing",
        "channel": "email",
        "proof": "form 1",
    }
    assert admin.post("/outreach/consent", **yes).headers["location"].endswith("done=said&n=1")
    assert "somebody has" not in admin.post("/outreach/consent", **{**yes, "value": "b@x.cn"}).text
    assert (
        admin.post(
            "/outreach/consent/suppress", namespace="email", value="a@x.cn", verb="suppress"
        ).status_code
        == 303
    )
    found = admin.client.post(
        "/outreach/consent/lists/phone",
        content=b"13712340987\nx\n",
        headers={"X-CSRF": admin.token("/me"), "X-File-Name": "list.txt"},
    )
    assert found.headers["location"] == "/outreach/consent?done=listed&n=1&known=0&bad=1"
    page = admin.get(found.headers["location"]).text
    assert "1 addresses are suppressed" in page and "asked not to be written to" in page
    assert "consent,marketing,email,1,0" in admin.get("/outreach/consent.csv").text
    mei = as_(opened, "mei")
    page = mei.get("/outreach/consent").text
    assert "These figures are exact" in page and "Record a yes" not in page
    assert mei.get("/outreach/consent.csv").status_code == 403
    assert mei.post("/outreach/consent", **yes).status_code == 403
