"""Rules that mend: the same applied twice as once, bounded whatever they say, and nothing else is touched."""

from __future__ import annotations

import time
from datetime import timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zerodistance.core.touchpoints.mending import OPERATIONS, Rule, RuleWrong, checked, mended

SIGNS = st.text("ab0.1/ 王-", max_size=6)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-99, 99)
    | SIGNS
    | st.sampled_from(["31.1.2026", "2026-01-31", "1"])
)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)
EVENTS = st.dictionaries(st.sampled_from(["a", "b", "c", "a.b"]), JSON, max_size=4)
ROWS = st.dictionaries(st.sampled_from(["a", "b", "a.b"]), SIGNS | st.none(), max_size=3).map(
    lambda v: {"values": v}
)
LINES = SIGNS.map(lambda text: {"line": text})
CONTENTS = EVENTS | ROWS | LINES | st.lists(EVENTS, max_size=3).map(lambda events: {"batch": events}) | JSON
FIELDS = st.sampled_from(["a", "a.b", "a.b.c", "line", "x"])
PATTERNS = st.sampled_from(["a", "0", "[^0-9]", "(a)(b)", "^", "$", "a*", ".", "b|0"])
FORMS = st.sampled_from(["%d.%m.%Y", "%Y-%m-%d", "%d", "%H"])
RULES = st.one_of(
    st.builds(Rule, st.just("set"), FIELDS, st.just(""), SIGNS | st.sampled_from(["1", "true", "null", '"1"', "{}"])),
    st.builds(Rule, st.just("map"), FIELDS, SIGNS, SIGNS),
    st.builds(Rule, st.just("replace"), FIELDS, PATTERNS, st.sampled_from(["", "a", "00", "\\1", "\\0b"])),
    st.builds(Rule, st.just("date"), FIELDS, FORMS, st.just("") | FORMS),
    st.builds(Rule, st.just("drop"), FIELDS),
)  # fmt: skip


def can_be_followed(rule: Rule) -> bool:
    try:
        return bool(checked(rule))
    except RuleWrong:
        return False


RULES = RULES.filter(can_be_followed)


@given(RULES, CONTENTS)
def test_a_rule_applied_twice_is_a_rule_applied_once(rule: Rule, content: Any) -> None:
    once = mended(rule, content)
    assert mended(rule, once) is once


@given(RULES, EVENTS)
def test_only_the_field_of_the_rule_changes(rule: Rule, event: dict[str, Any]) -> None:
    after = mended(rule, event)
    tops = {rule.field, rule.field.partition(".")[0]}
    assert {k: v for k, v in after.items() if k not in tops} == {
        k: v for k, v in event.items() if k not in tops
    }


@given(RULES, CONTENTS)
def test_what_came_is_never_changed_in_place(rule: Rule, content: Any) -> None:
    before = repr(content)
    mended(rule, content)
    assert repr(content) == before


@pytest.mark.parametrize(
    ("rule", "content", "after"),
    [
        (Rule("set", "type", to="track"), {"userId": "u"}, {"userId": "u", "type": "track"}),
        (Rule("set", "properties.price", to="12.5"), {}, {"properties": {"price": 12.5}}),
        (Rule("set", "userId", to='"12"'), {}, {"userId": "12"}),
        (Rule("set", "pieces", to="12"), {"values": {"pieces": "x"}}, {"values": {"pieces": "12"}}),
        (Rule("set", "other", to="12"), {"values": {"pieces": "x"}}, {"values": {"pieces": "x"}}),
        (Rule("map", "n", "1", "2"), {"n": 1}, {"n": 2}),
        (Rule("map", "n", "true", "yes"), {"n": True}, {"n": "yes"}),
        (Rule("replace", "price", "[^0-9.]", ""), {"price": "￥1,200.5"}, {"price": "1200.5"}),
        (Rule("replace", "line", ";", ","), {"line": "a;b"}, {"line": "a,b"}),
        (Rule("replace", "x", r"(\d+)/(\d+)", r"\2-\1"), {"x": "1/2"}, {"x": "2-1"}),
        (Rule("replace", "x", "0", "00"), {"x": "10"}, {"x": "10"}),  # it would never end
        (Rule("date", "at", "%d.%m.%Y"), {"values": {"at": "31.1.2026"}}, {"values": {"at": "2026-01-31"}}),
        (Rule("date", "at", "%d.%m.%Y %H:%M", "%Y/%m/%d"), {"at": "1.2.2026 10:00"}, {"at": "2026/02/01"}),
        (Rule("date", "at", "%d.%m.%Y"), {"at": "31.1.2026"}, {"at": "2026-01-31T00:00:00+08:00"}),
        (Rule("date", "at", "%d.%m.%Y"), {"at": "soon"}, {"at": "soon"}),
        (Rule("drop", "a.b"), {"a": {"b": 1, "c": 2}}, {"a": {"c": 2}}),
        (Rule("drop", "a.b"), {"a.b": 1, "a": {"b": 2, "c": 3}}, {"a": {"c": 3}}),
        (Rule("drop", "a"), {"values": {"a": "x", "b": "y"}}, {"values": {"a": None, "b": "y"}}),
        (Rule("map", "type", "trak", "track"), {"batch": [{"type": "trak"}, {"type": "page"}]}, {"batch": [{"type": "track"}, {"type": "page"}]}),
    ],
)  # fmt: skip
def test_each_rule_does_what_it_says(rule: Rule, content: Any, after: Any) -> None:
    zone = timezone(timedelta(hours=8))
    assert mended(checked(rule), content, zone) == after


@pytest.mark.parametrize(
    ("rule", "part"),
    [
        (Rule("guess", "a"), "operation"),
        (Rule("set", " "), "field"),
        (Rule("set", ".".join("a" * 30)), "field"),
        (Rule("map", "a", "x", "x"), "to"),
        (Rule("replace", "a", ""), "given"),
        (Rule("replace", "a", "(unclosed"), "given"),
        (Rule("replace", "a", "(?=ahead)"), "given"),
        (Rule("replace", "a", "b", "\\1"), "given"),
        (Rule("replace", "a", "a" * 301), "given"),
        (Rule("date", "a", "tomorrow"), "given"),
        (Rule("set", "a", to="x" * 10_001), "to"),
    ],
)
def test_a_rule_that_can_not_be_followed_says_which_part(rule: Rule, part: str) -> None:
    with pytest.raises(RuleWrong) as caught:
        checked(rule)
    assert caught.value.data["field"] == part
    assert caught.value.message("zh") != caught.value.message("en")


def test_a_pattern_takes_time_in_proportion_to_the_text_whatever_it_says() -> None:
    rule, began = checked(Rule("replace", "a", "(a+)+$", "x")), time.process_time()
    mended(rule, {"a": "a" * 50_000 + "b"})
    assert time.process_time() - began < 2


def test_a_value_that_would_grow_beyond_the_bound_stays() -> None:
    grown = {"a": "a" * 60_000}
    assert mended(Rule("replace", "a", "a", "b" * 300), grown) is grown


def test_every_rule_has_words_in_both_languages() -> None:
    assert all(text.zh and text.en for text in OPERATIONS.values())
