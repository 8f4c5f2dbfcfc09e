"""A rule in words, in both languages: what a page shows beside the count."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from zerodistance.core.brand import api as brand
from zerodistance.core.profiles import api as profiles
from zerodistance.core.segments import lived
from zerodistance.core.segments.contracts import (
    AllOf,
    AnyOf,
    AtHome,
    Did,
    Has,
    Household,
    In,
    Leaf,
    Lives,
    Near,
    NoneOf,
    OthersAtHome,
    Place,
    Rule,
    SomeOf,
    Within,
)
from zerodistance.core.touchpoints.kinds import KINDS
from zerodistance.kernel.access import Who
from zerodistance.kernel.errors import NotFound
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text


def of(home: Home, who: Who, rule: Rule, called: Callable[[str], Text]) -> Text:
    """Return a rule in words; `called` gives the name of a saved segment."""

    def leaf(one: Leaf) -> Text:
        if isinstance(one, In):
            name = called(one.segment)
            return Text(f"属于人群“{name.zh}”", f"in segment “{name.en}”")
        if isinstance(one, Place):
            return lived.described(home, one)
        return _has(home, who, one) if isinstance(one, Has) else _did(home, one)

    return said(rule, leaf)


def said(rule: Rule, leaf: Callable[[Leaf], Text]) -> Text:
    """Return how the conditions of a rule are joined, with brackets wherever "and" and "or" meet.

    Examples
    --------
    >>> a, b, c = Did("a"), Did("b"), Did("c")
    >>> said(AnyOf((AllOf((a, b)), c)), lambda leaf: Text(leaf.kind, leaf.kind)).en
    '(a and b) or c'
    >>> said(NoneOf((a, b)), lambda leaf: Text(leaf.kind, leaf.kind)).zh
    '不符合（a 或 b）'
    """
    match rule:
        case Has() | Did() | In() | Near() | Lives() | Within():
            return leaf(rule)
        case AllOf():
            if not rule.terms:
                return Text("所有人", "everybody")
            return _joined([_inside(term, AllOf, leaf) for term in rule.terms], " 并且 ", " and ")
        case AnyOf():
            return _joined([_inside(term, AnyOf, leaf) for term in rule.terms], " 或 ", " or ")
        case NoneOf():
            some = said(AnyOf(rule.terms), leaf)
            return Text(f"不符合（{some.zh}）", f"not ({some.en})")
        case Household() | OthersAtHome():
            return _at_home(rule, said(rule.terms[0], leaf))
        case SomeOf():
            each = _joined([_inside(term, SomeOf, leaf) for term in rule.terms], "、", ", ")
            return Text(
                f"至少符合 {rule.at_least} 项（{each.zh}）", f"at least {rule.at_least} of ({each.en})"
            )


def _at_home(rule: AtHome, words: Text) -> Text:
    """Return a condition about those who share a home.

    Examples
    --------
    >>> a = Text("买过", "bought")
    >>> _at_home(Household(1, (Did("a"),)), a).en, _at_home(OthersAtHome(2, (Did("a"),)), a).en
    ('somebody of the household (bought)', 'at least 2 others of the household (bought)')
    """
    others = isinstance(rule, OthersAtHome)
    if rule.at_least == 1:
        zh, en = ("家里别的人", "somebody else") if others else ("家里有人", "somebody")
    else:
        n = rule.at_least
        zh = f"家里别的人中至少 {n} 人" if others else f"家里至少 {n} 人"
        en = f"at least {n} others" if others else f"at least {n}"
    return Text(f"{zh}（{words.zh}）", f"{en} of the household ({words.en})")


def _inside(
    term: Rule, group: type[AllOf] | type[AnyOf] | type[SomeOf], leaf: Callable[[Leaf], Text]
) -> Text:
    """Return a term of a group: what is joined in another way stands in brackets."""
    words = said(term, leaf)
    while isinstance(term, AllOf | AnyOf) and len(term.terms) == 1:
        (term,) = term.terms
    plain = isinstance(term, group | Leaf | NoneOf | SomeOf | AtHome) or not term.terms
    return words if plain else Text(f"（{words.zh}）", f"({words.en})")


def _joined(texts: Sequence[Text], zh: str, en: str) -> Text:
    return Text(zh.join(t.zh for t in texts), en.join(t.en for t in texts))


def _number(value: float) -> str:
    return f"{value:,.10g}"


def _range(low: float | None, high: float | None, unit: Text) -> Text:
    after = Text(f" {unit.zh}" if unit.zh else "", f" {unit.en}" if unit.en else "")
    if low is not None and high is not None:
        return Text(
            f"{_number(low)} 至 {_number(high)}{after.zh}", f"{_number(low)} to {_number(high)}{after.en}"
        )
    sign, value = ("≥", low) if low is not None else ("≤", high)
    assert value is not None
    return Text(f"{sign} {_number(value)}{after.zh}", f"{sign} {_number(value)}{after.en}")


def _has(home: Home, who: Who, rule: Has) -> Text:
    dimension = profiles.dimension(home, rule.dimension)
    label = dimension.label
    if rule.node is not None:
        node = profiles.node_labels(home, who, dimension, [rule.node])[rule.node]
        return Text(f"{label.zh}：{node.zh}", f"{label.en}: {node.en}")
    if rule.at_least is None and rule.at_most is None:
        return Text(f"有“{label.zh}”标签", f"{label.en} is known")
    limits = _range(rule.at_least, rule.at_most, profiles.unit_of(home, dimension))
    return Text(f"{label.zh} {limits.zh}", f"{label.en} {limits.en}")


def _kind(key: str) -> Text:
    if key.endswith(".*"):
        inside = [kind.text for k, kind in KINDS.items() if k.startswith(key[:-1])]
        return _joined(inside, "、", " / ")
    return KINDS[key].text


def _did(home: Home, rule: Did) -> Text:
    what = _kind(rule.kind)
    if rule.at_most == 0:
        what = Text(f"没有{what.zh}", f"no {what.en}")
    elif rule.at_least is not None or rule.at_most is not None:
        limits = _range(rule.at_least, rule.at_most, Text("次", "times"))
        what = Text(f"{what.zh} {limits.zh}", f"{what.en} {limits.en}")
    parts = [what]
    for field, verb in (("category", brand.category), ("product", brand.product), ("place", brand.place)):
        code = getattr(rule, field)
        if code is not None:
            try:
                parts.append(verb(home, code).name)
            except NotFound:
                parts.append(Text(code, code))
    money, pieces = Text(home.settings.currency, home.settings.currency), Text("件", "pieces")
    if (rule.amount_at_least, rule.amount_at_most) != (None, None):
        limits = _range(rule.amount_at_least, rule.amount_at_most, money)
        parts.append(Text(f"合计 {limits.zh}", f"{limits.en} in all"))
    if (rule.quantity_at_least, rule.quantity_at_most) != (None, None):
        limits = _range(rule.quantity_at_least, rule.quantity_at_most, pieces)
        parts.append(Text(f"共 {limits.zh}", f"{limits.en} in all"))
    for ago, zh, en in (
        ((rule.last_at_least, rule.last_at_most), "最后一次", "the last"),
        ((rule.first_at_least, rule.first_at_most), "第一次", "the first"),
    ):
        if ago != (None, None):
            limits = _range(*ago, Text("天前", "days ago"))
            parts.append(Text(f"{zh} {limits.zh}", f"{en} {limits.en}"))
    if rule.within_days is not None:
        n = rule.within_days
        parts.append(Text(f"{n} 天内", "today" if n == 1 else f"in the last {n} days"))
    return _joined(parts, "，", ", ")
