"""A rule in words means what the rule means, to somebody who reads the words alone."""

from __future__ import annotations

import itertools
import re

from hypothesis import given, settings
from hypothesis import strategies as st

from zerodistance.core.segments import wording
from zerodistance.core.segments.contracts import AllOf, AnyOf, Did, Has, NoneOf, Rule, SomeOf
from zerodistance.kernel.text import Text

A, B, C = Did("a"), Did("b"), Did("c")
LEAVES = (A, B, C)
ZH = {"不符合（": "not (", "（": "(", "）": ")", "并且": "and", "或": "or", "所有人": "everybody"}


def name(leaf: Has | Did) -> Text:
    assert isinstance(leaf, Did)
    return Text(leaf.kind, leaf.kind)


class Truth:
    """A truth value whose `*` binds more tightly than its `+`; `both` says which of the two is "and"."""

    both = "*"

    def __init__(self, value: bool) -> None:
        self.value = value

    def __mul__(self, other: Truth) -> Truth:
        pair = (self.value, other.value)
        return Truth(all(pair) if Truth.both == "*" else any(pair))

    def __add__(self, other: Truth) -> Truth:
        pair = (self.value, other.value)
        return Truth(all(pair) if Truth.both == "+" else any(pair))

    def __invert__(self) -> Truth:
        return Truth(not self.value)


def fits(rule: Rule, did: dict[str, bool]) -> bool:
    match rule:
        case AllOf():
            return all(fits(term, did) for term in rule.terms)
        case AnyOf():
            return any(fits(term, did) for term in rule.terms)
        case NoneOf():
            return not any(fits(term, did) for term in rule.terms)
        case Did():
            return did[rule.kind]
        case _:
            raise AssertionError


def read(words: str, did: dict[str, bool], ands: str, ors: str) -> bool:
    """Read words as a sentence; with `ands` and `ors` as `*` and `+`, or as `+` and `*`, the other binds more tightly."""
    known = {**{key: Truth(value) for key, value in did.items()}, "everybody": Truth(True)}
    text = words.replace("not (", "~(").replace(" and ", f" {ands} ").replace(" or ", f" {ors} ")
    Truth.both = ands
    found: Truth = eval(text, {"__builtins__": {}}, known)  # the test's own words
    return found.value


def groups(terms: st.SearchStrategy[Rule]) -> st.SearchStrategy[Rule]:
    some = st.lists(terms, min_size=1, max_size=3).map(tuple)
    return some.map(AllOf) | some.map(AnyOf) | some.map(NoneOf) | st.just(AllOf(()))


@settings(max_examples=150, deadline=None)
@given(st.recursive(st.sampled_from(LEAVES), groups, max_leaves=6))
def test_the_words_of_a_rule_mean_the_rule(rule: Rule) -> None:
    words = wording.said(rule, name)
    zh = re.sub("|".join(ZH), lambda found: ZH[found[0]], words.zh)
    for values in itertools.product((False, True), repeat=3):
        did = dict(zip("abc", values, strict=True))
        for ands, ors in (("*", "+"), ("+", "*")):  # whichever of the two a reader lets bind more tightly
            assert read(words.en, did, ands, ors) == read(zh, did, ands, ors) == fits(rule, did)


def test_and_and_or_never_stand_side_by_side() -> None:
    mixed = wording.said(AnyOf((AllOf((A, B)), C)), name)
    assert (mixed.zh, mixed.en) == ("（a 并且 b） 或 c", "(a and b) or c")
    assert wording.said(AllOf((AnyOf((A, B)), C)), name).en == "(a or b) and c"
    assert wording.said(NoneOf((A, B)), name) == Text("不符合（a 或 b）", "not (a or b)")
    assert wording.said(AllOf((A, NoneOf((B,)))), name).en == "a and not (b)"


def test_some_of_is_said_with_its_number() -> None:
    some = SomeOf(2, (A, AnyOf((B, C)), NoneOf((B,))))
    assert wording.said(some, name) == Text(
        "至少符合 2 项（a、（b 或 c）、不符合（b））", "at least 2 of (a, (b or c), not (b))"
    )
    assert wording.said(AllOf((C, some)), name).en == "c and at least 2 of (a, (b or c), not (b))"
