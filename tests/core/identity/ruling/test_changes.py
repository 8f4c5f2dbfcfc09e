"""Changes of rules as somebody writes them: pure."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zerodistance.core.identity.rules import Limit, RuleSet
from zerodistance.core.identity.ruling import changes
from zerodistance.kernel.errors import Invalid

SHIPPED = RuleSet()
days = st.one_of(st.just("ever"), st.integers(1, 36_500).map(str))
written = st.one_of(
    st.tuples(st.sampled_from(["phone.cap", "openid.limit", "user_id.limit", "anonymous_id.cap"]), st.integers(1, 500), days).map(
        lambda one: f"{one[0]}={one[1]}/{one[2]}"
    ),
    st.tuples(st.sampled_from(["phone.records", "match.most"]), st.integers(2, 500)).map(lambda one: f"{one[0]}={one[1]}"),
    st.floats(0, 60).map(lambda bits: f"match.join={bits}"),
    st.floats(-20, 0).map(lambda bits: f"match.doubt={bits}"),
    st.from_regex(r"[a-z0-9][a-z0-9.-]{0,20}", fullmatch=True).map(lambda name: f"model={name}"),
)  # fmt: skip


@given(st.lists(written, max_size=6))
def test_what_is_written_as_json_is_read_back_as_it_was(given: list[str]) -> None:
    by = changes.changed(SHIPPED, given)
    assert changes.loaded(changes.dumped(by)) == by
    assert {one.key: one.new for one in changes.between(SHIPPED, by)} == changes.own(by)
    reset = [f"{key}=shipped" for key in changes.own(by)]
    assert changes.changed(by, reset) == SHIPPED


def test_a_count_alone_keeps_the_days() -> None:
    by = changes.changed(SHIPPED, ["phone.cap=12", "device_id.limit = 10/90", "user_id.limit=2"])
    assert by.namespaces[5].cap == Limit(12, 1095)
    assert by.namespaces[7].limit == Limit(10, 90)
    assert by.namespaces[1].limit == Limit(2, None)
    assert by.namespaces[4] == SHIPPED.namespaces[4]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("phone.cap", "write it as rule=value"),
        ("phone.cap=", "write it as rule=value"),
        ("fax.cap=3", "there are member_id.limit"),
        ("phone.kept=1", "there is no such rule"),
        ("member_id.cap=3", "there is no such rule"),
        ("turn.cap=3", "there is no such rule"),
        ("phone.cap=0", "from 1 to 100000"),
        ("phone.cap=３", "from 1 to 100000"),
        ("phone.cap=-1", "from 1 to 100000"),
        ("phone.cap=1e3", "from 1 to 100000"),
        ("phone.cap=99999999999999999999", "from 1 to 100000"),
        ("phone.cap=3/0", "from 1 to 36500, or ever"),
        ("phone.cap=3/", "from 1 to 36500, or ever"),
        ("phone.records=3/30", "from 1 to 100000"),
        ("match.join=nan", "from -20 to 60"),
        ("match.join=61", "from -20 to 60"),
        ("match.join=high", "from -20 to 60"),
        ("match.doubt=0.5", "may not be above match.join"),
        ("match.most=1", "from 2 to 1000"),
        ("model=../default", "identity models"),
    ],
)
def test_what_cannot_be_set_is_refused_with_what_can(given: str, says: str) -> None:
    with pytest.raises(Invalid) as refused:
        changes.changed(SHIPPED, [given])
    assert says in str(refused.value) and given.split("=")[0].split(".")[0] in str(refused.value)
    assert refused.value.message("zh") != refused.value.message("en")


def test_every_rule_has_words_in_both_languages() -> None:
    for key in changes.KEYS:
        said = changes.label(key)
        assert said.zh and said.en and "{" not in said.zh + said.en


def test_only_rules_of_the_matcher_ask_it_again() -> None:
    assert changes.matches_anew(SHIPPED, changes.changed(SHIPPED, ["match.most=20"]))
    assert not changes.matches_anew(SHIPPED, changes.changed(SHIPPED, ["phone.cap=20"]))
