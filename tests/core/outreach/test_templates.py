"""Templates: variables, lengths, words, and what can't be left out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.core.outreach.test_limits import set_policy
from zerodistance.core.brand import api as brand
from zerodistance.core.brand.contracts import Change
from zerodistance.core.outreach import approving, catalogue, lengths, templates, words
from zerodistance.core.outreach.policy import Policy
from zerodistance.core.outreach.templates import NoOptOut, NoSender, Sender
from zerodistance.kernel.access import Role, Who
from zerodistance.kernel.errors import Forbidden, Invalid
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import LANGS, Text

SENDER = Sender(Text("样例家电", "Sample Appliances"), Text("青岛市", "Qingdao"))
URL = "https://a.example/u/x"
MARKETER = Who(5, "mei", Role.MARKETER)


def said(
    channel: str = "email", purpose: str = "marketing", text: str = "您好 {name}，滤芯该换了", **more: Any
) -> dict[str, Any]:
    subject = "" if channel == "sms" else "滤芯"
    return {
        "name": {"zh": "滤芯", "en": "Filter"},
        "channel": channel,
        "purpose": purpose,
        "bodies": {
            "zh": {"subject": subject, "text": text},
            "en": {"subject": "Filter" if subject else "", "text": "Hello {name}"},
        },
        "variables": [
            {"key": "name", "default": {"zh": "朋友", "en": "friend"}, "longest": 8, "of": "vault.name"}
        ],
        **more,
    }


TEXTS = st.text(st.characters(exclude_characters="{}\r", exclude_categories=("Cs",)), min_size=1, max_size=60)


@settings(max_examples=60)
@given(
    text=TEXTS,
    name=TEXTS,
    channel=st.sampled_from(["email", "sms", "webhook", "inbox"]),
    lang=st.sampled_from(LANGS),
)
def test_every_message_says_who_sends_and_how_to_hear_no_more(
    text: str, name: str, channel: str, lang: str
) -> None:
    one = templates.of_dict("a", {**said(channel), "bodies": {lang: {"text": text + "{name}"}}})
    found = templates.render(one, lang, {"name": name}, SENDER, URL)
    for whole in filter(None, (found.text, found.html)):
        assert SENDER.name.get(lang) in whole and URL in whole
    assert "<script" not in (found.html or "").lower()


def test_what_is_filled_in_is_no_markup_no_variable_and_no_longer_than_it_may_be() -> None:
    one = templates.of_dict("a", said(text="{{x}} {name}\n\n看 https://b.example/?a=1&b=2。"))
    found = templates.render(one, "zh", {"name": "<b>{x}"}, SENDER, URL)
    assert "&lt;b&gt;{x}" in str(found.html) and 'href="https://b.example/?a=1&amp;b=2"' in str(found.html)
    assert found.text.startswith("{x} <b>{x}")
    assert "朋友" in templates.render(one, "zh", {"name": "a" * 9}, SENDER, URL).text
    assert "friend" in templates.render(one, "en", {}, SENDER, URL).text


def test_sender_and_opt_out_can_not_be_left_out() -> None:
    one = templates.of_dict("a", said())
    with pytest.raises(NoSender):
        templates.render(one, "zh", {}, Sender(Text("", "")), URL)
    with pytest.raises(NoOptOut):
        templates.render(one, "zh", {}, SENDER, None)
    service = templates.of_dict("a", said(purpose="service"))
    assert "样例家电" in templates.render(service, "zh", {}, SENDER, None).text


@settings(max_examples=60)
@given(text=st.text(st.sampled_from("a€洗😀"), max_size=400))
def test_a_text_message_fits_into_its_parts(text: str) -> None:
    found = lengths.parts(text)
    most = 160 if found.alphabet == "GSM-7" else 70
    room = most if found.parts == 1 else (most - (7 if most == 160 else 3)) * found.parts
    assert 0 <= found.left <= most and found.units <= room
    assert (found.parts == 1) == (found.units <= most)


def codes(home: Home, one: dict[str, Any]) -> set[tuple[str, bool]]:
    return {(p.code, p.stops) for p in catalogue.problems_of(home, templates.of_dict("a", one))}


def test_what_is_wrong_with_a_template_is_said(home: Home, admin: Who) -> None:
    assert codes(home, said()) == set()
    assert ("unknown_variable", True) in codes(home, said(text="{who}"))
    assert ("too_long", True) in codes(home, said("sms", text="滤芯" * 100 + "{name}"))
    assert ("word", True) in codes(home, said(text="国 家 级 {name}"))
    assert ("word", False) in codes(home, said(text="首选 {name}"))
    assert codes(home, said(text="唯一编号 {name}")) == set()
    assert ("word", True) not in codes(home, said(purpose="service", text="国家级 {name}"))
    tag = {"key": "name", "of": "tag.demo.household", "default": "x"}
    assert ("unknown_variable", True) in codes(home, said(variables=[tag]))  # sensitive
    assert ("unknown_variable", True) in codes(home, said(variables=[{**tag, "of": "tag.no.such"}]))
    with pytest.raises(catalogue.BadTemplate, match="国家级"):
        catalogue.save(home, admin, "bad", said(text="国家级 {name}"))


def test_what_a_send_fills_in_may_not_be_forbidden_either(home: Home) -> None:
    given = {"key": "name", "default": {"zh": "朋友", "en": "friend"}, "longest": 8}
    one = templates.of_dict("a", said(variables=[given]))
    assert catalogue.checked(home, [one], {"name": "老朋友"}) == {"name": "老朋友"}
    with pytest.raises(catalogue.BadTemplate, match="最佳"):
        catalogue.checked(home, [one], {"name": "最佳"})


def test_words_are_looked_for_when_it_is_sent_as_well_in_what_is_then_read(home: Home, admin: Who) -> None:
    empty = {"key": "name", "default": {"zh": "", "en": ""}, "longest": 8, "of": "vault.name"}
    split = templates.of_dict("a", said(text="国{name}家级", variables=[empty]))
    with pytest.raises(catalogue.BadTemplate, match="国家级"):  # of whom no name is known
        catalogue.checked(home, [split], {})
    hidden = templates.of_dict("a", said(text="国\u200d家\u2060级 {name}"))
    with pytest.raises(catalogue.BadTemplate, match="国家级"):
        catalogue.checked(home, [hidden], {})
    saved = catalogue.save(home, admin, "sale", said(text="清仓 {name}"))
    words.save(home, admin, "own", {"words": ["清仓"]})
    with pytest.raises(catalogue.BadTemplate, match="清仓"):
        catalogue.checked(home, [saved], {})


def test_a_list_of_words_is_changed_in_versions(home: Home, admin: Who) -> None:
    law = words.show(home, "cn_advertising_law")
    assert law.version == 0 and law.source and law.as_of
    changed = {**words.as_dict(law), "words": [*words.as_dict(law)["words"], "清仓"]}
    assert words.save(home, admin, law.key, changed).version == 1
    assert ("word", True) in codes(home, said(text="清仓 {name}"))
    words.save(home, admin, law.key, {**changed, "on": False})
    assert codes(home, said(text="清仓 最佳 {name}")) == set()
    with pytest.raises(Forbidden):
        words.save(home, MARKETER, law.key, changed)
    with pytest.raises(Invalid):
        words.save(home, admin, "own", {"words": [{"word": "  "}]})


@pytest.mark.parametrize("key", ["cn_advertising_law", "cn_spam", "en_unfair_practices"])
def test_a_list_that_ships_says_where_it_comes_from(key: str) -> None:
    one = words.shipped()[key]
    assert one.source and len(one.as_of) == 10 and len({e.word for e in one.entries}) == len(one.entries) > 8


def test_english_words_are_whole_words() -> None:
    lists = [words.shipped()["en_unfair_practices"]]
    assert [one.word for one in words.find("A FREE  filter", lists, "en", "marketing")] == ["free"]
    assert words.find("freezer, frost-free, evergreen", lists, "en", "marketing") == []


def test_a_template_belongs_to_its_unit(home: Home, admin: Who) -> None:
    for key in ("north", "south"):
        names = {"name_zh": key, "name_en": key, "parent": None}
        assert not brand.upsert(home, admin, "units", [Change((key,), names, None, None, 0)]).bad
    numbers = {key: brand.unit(home, key).number for key in ("north", "south")}
    mine, other = (replace(MARKETER, units=frozenset((numbers[key],))) for key in ("north", "south"))
    catalogue.save(home, mine, "filter", said())
    assert catalogue.save(home, mine, "filter", said(text="换滤芯 {name}")).version == 2
    assert [one.key for one in catalogue.listed(home, other)] == []
    for act in (
        lambda: catalogue.show(home, other, "filter"),
        lambda: catalogue.save(home, other, "filter", said()),
    ):
        with pytest.raises(catalogue.NoSuchTemplate):
            act()
    shared = catalogue.save(home, admin, "shared", said())
    assert shared.unit is None and catalogue.show(home, other, "shared").key == "shared"
    with pytest.raises(Forbidden):
        catalogue.save(home, other, "shared", said())
    catalogue.withdraw(home, mine, "filter")
    with home.state.read() as tx, pytest.raises(catalogue.TemplateOff):
        catalogue.to_send(tx, "filter", "marketing")
    with home.state.read() as tx, pytest.raises(catalogue.OtherPurpose):
        catalogue.to_send(tx, "shared", "service")


def test_a_preview_is_of_a_made_person(home: Home) -> None:
    one = templates.of_dict("a", said())
    assert "王小明" in catalogue.preview(home, MARKETER, one, "zh").text
    set_policy(home, replace(Policy(), sender_zh="样例家电", sender_en="Sample"))
    assert "样例家电" in catalogue.preview(home, MARKETER, one, "zh").text


def test_a_large_send_is_approved_by_another_account(home: Home, analyst: Who) -> None:
    assert approving.needed(home, 501, "marketing") and not approving.needed(home, 500, "marketing")
    assert not approving.needed(home, 10**6, "service")
    with home.state.write() as tx:
        asked = approving.ask(tx, analyst, "send-1", {"template": "filter"}, 900)
        assert approving.ask(tx, MARKETER, "send-1", {}, 1) == asked
        with pytest.raises(approving.ApprovedByAsker):
            approving.decide(tx, analyst, asked.number, True)
        with pytest.raises(Forbidden):
            approving.decide(tx, MARKETER, asked.number, True)
        second = replace(analyst, name="second")
        assert approving.decide(tx, second, asked.number, True).state == "granted"
        with pytest.raises(approving.NothingToApprove):
            approving.decide(tx, second, asked.number, False)
    assert [one.state for one in approving.listed(home, analyst)] == ["granted"]
