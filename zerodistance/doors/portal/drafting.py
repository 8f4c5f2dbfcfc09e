"""Changing a rule condition by condition: add one, take one away; the rule itself stays the single truth."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from zerodistance.core.profiles import api as profiles
from zerodistance.core.profiles.contracts import Dimension
from zerodistance.core.segments.contracts import (
    MOST_DAYS,
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
    Rule,
    SomeOf,
)
from zerodistance.core.segments.places import FARTHEST
from zerodistance.doors.portal import numbers
from zerodistance.kernel.access import Who
from zerodistance.kernel.errors import ZeroDistanceError
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text

WHOM = {
    "self": Text("本人", "they"),
    "home": Text("家里有人", "somebody at home"),
    "others": Text("家里别的人", "somebody else at home"),
}
JOINS = {"and": Text("并且", "and"), "or": Text("或者", "or"), "not": Text("但不要", "but not")}
MOST_TIMES = 1_000_000_000
_MOST_NODES = 400  # own value: nodes that a person may pick from a list


@dataclass(frozen=True)
class Choice:
    """Something a person may pick in a form."""

    value: str
    label: Text


def leaves(rule: Rule) -> Iterator[Leaf | AtHome]:
    """Yield the conditions of a rule in reading order; one about a household is one, whatever stands in it."""
    if isinstance(rule, Leaf | AtHome):
        yield rule
    else:
        for term in rule.terms:
            yield from leaves(term)


def without(rule: Rule, index: int) -> Rule | None:
    """Return the rule without its condition number `index`, None when nothing is left."""
    return _pruned(rule, [index])


def _pruned(rule: Rule, countdown: list[int]) -> Rule | None:
    if isinstance(rule, Leaf | AtHome):
        countdown[0] -= 1
        return None if countdown[0] == -1 else rule
    kept = tuple(t for t in (_pruned(term, countdown) for term in rule.terms) if t is not None)
    if not kept:
        return None
    if len(kept) == 1 and not isinstance(rule, NoneOf):
        return kept[0]
    if isinstance(rule, SomeOf):
        return SomeOf(min(rule.at_least, len(kept)), kept)
    return type(rule)(kept)


def joined(rule: Rule | None, leaf: Leaf | AtHome, join: str) -> Rule:
    """Return the rule with one more condition.

    Parameters
    ----------
    join
        `and`: it must hold too; `or`: it or the condition before it; `not`: it must not hold.
    """
    if join == "not":
        terms = _terms(rule)
        held = next((t for t in terms if isinstance(t, NoneOf)), None)
        rest = tuple(t for t in terms if t is not held)
        out = NoneOf((*(held.terms if held else ()), leaf))
        return AllOf((*rest, out)) if rest else out
    if rule is None:
        return leaf
    terms = _terms(rule)
    if join == "or":
        positive = [t for t in terms if not isinstance(t, NoneOf)]
        if not positive:
            return AllOf((leaf, *terms))
        last = positive[-1]
        wider = AnyOf((*last.terms, leaf)) if isinstance(last, AnyOf) else AnyOf((last, leaf))
        changed = tuple(wider if t is last else t for t in terms)
        return changed[0] if len(changed) == 1 else AllOf(changed)
    none = tuple(t for t in terms if isinstance(t, NoneOf))
    return AllOf((*(t for t in terms if not isinstance(t, NoneOf)), leaf, *none))


def _terms(rule: Rule | None) -> tuple[Rule, ...]:
    if rule is None:
        return ()
    return rule.terms if isinstance(rule, AllOf) else (rule,)


def leaf_of(fields: Mapping[str, str], home: Home | None = None) -> Leaf | AtHome:
    """Read one condition from the form; `home`: whose own dimensions may stand in it.

    Raises
    ------
    WrongFields
        Something is missing or can't be read; `wrong` says what, field by field.
    """
    reading = _Reading(fields, home)
    leaf = {"did": _did, "in": _in, "lives": _lives}.get(fields.get("what", ""), _has)(reading)
    if leaf is None or reading.wrong:
        raise WrongFields(reading.wrong)
    whom = fields.get("whom", "self")
    if whom == "home":
        return Household(1, (leaf,))
    return OthersAtHome(1, (leaf,)) if whom == "others" else leaf


class WrongFields(ZeroDistanceError):
    """Fields of a form that can't be taken: name -> what was given and what is allowed."""

    code, status = "wrong_fields", 400
    text = Text("有没填好的地方：{fields}", "these need another look: {fields}")

    def __init__(self, wrong: Mapping[str, Text]) -> None:
        super().__init__(fields=", ".join(wrong))
        self.wrong = dict(wrong)


class _Reading:
    """The fields of a form while they are read; mistakes are collected."""

    def __init__(self, fields: Mapping[str, str], home: Home | None) -> None:
        self.fields, self.home = fields, home
        self.wrong: dict[str, Text] = {}

    def text(self, name: str) -> str:
        return self.fields.get(name, "").strip()

    def number(self, name: str, allowed: Text) -> float | None:
        given = self.text(name)
        found = numbers.read(given) if given else None
        if given and found is None:
            self.complain(name, allowed)
        return found

    def whole(self, name: str, most: int) -> int | None:
        allowed = Text(f"写 1 到 {most:,} 的整数", f"a whole number from 1 to {most:,} is allowed")
        found = self.number(name, allowed)
        if found is not None and not (found.is_integer() and 1 <= found <= most):
            self.complain(name, allowed)
            return None
        return None if found is None else int(found)

    def complain(self, name: str, allowed: Text) -> None:
        given = self.text(name)
        self.wrong[name] = Text(f"写的是“{given}”，{allowed.zh}", f'"{given}" was given; {allowed.en}')


def _did(reading: _Reading) -> Did | None:
    kind = reading.text("kind")
    if not kind:
        reading.wrong["kind"] = Text("先选做了什么", "choose what they did")
    times = reading.whole("times", MOST_TIMES)
    within = reading.whole("within", MOST_DAYS)
    return Did(kind, at_least=times, within_days=within, category=reading.text("category") or None)


def _in(reading: _Reading) -> In | None:
    key = reading.text("segment")
    if not key:
        reading.wrong["segment"] = Text("先选一个人群", "choose a segment")
        return None
    return In(key)


_EVERYWHERE = {"lat": 90.0, "lon": 180.0, "km": float(FARTHEST)}


def _lives(reading: _Reading) -> Near | Lives | None:
    """Read where somebody lives: near a point, or in a community, or in a territory."""
    found: dict[str, float] = {}
    for name, most in _EVERYWHERE.items():
        least = 0.0 if name == "km" else -most
        allowed = Text(
            f"写 {least:,g} 到 {most:,g} 的数", f"a number from {least:,g} to {most:,g} is allowed"
        )
        given = reading.number(name, allowed)
        if given is not None and not least <= given <= most:
            reading.complain(name, allowed)
        elif given is not None:
            found[name] = given
    community, territory = reading.text("community"), reading.text("territory")
    typed = any(reading.text(name) for name in _EVERYWHERE)
    if reading.wrong:
        return None
    if bool(community) + bool(territory) + typed != 1:
        reading.wrong["community"] = Text(
            "小区、辖区、一个点，三样选一样", "choose one of the three: a community, a territory, or a point"
        )
        return None
    if not typed:
        return Lives(community=community or None, territory=territory or None)
    for name in _EVERYWHERE:
        if name not in found:
            reading.wrong[name] = Text("点和距离要一起写", "a point needs latitude, longitude and distance")
            return None
    return Near(**found)


def _has(reading: _Reading) -> Has | None:
    key = reading.text("dimension")
    if not key:
        reading.wrong["dimension"] = Text("先选一个维度", "choose a dimension")
        return None
    allowed = Text("写一个数，如 10,000 或 12.5", "a number such as 10,000 or 12.5 is allowed")
    low, high = reading.number("low", allowed), reading.number("high", allowed)
    node = reading.text("node") or None
    ranged = reading.text("low") or reading.text("high")
    if ranged and not profiles.dimension(reading.home, key).numeric:
        reading.wrong["dimension"] = Text(
            "这个维度不是数，不能用范围", "it is no number, so it takes no range"
        )
    elif ranged and node is not None:
        reading.wrong["node"] = Text("档位和范围只能用一个", "choose a value or a range, not both")
    elif low is not None and high is not None and low > high:
        reading.complain("high", Text(f"不能小于 {low:,g}", f"it can't be below {low:,g}"))
    return Has(key, node, low, high)


def nodes(home: Home, who: Who, dimension: Dimension) -> list[Choice]:
    """Return the nodes of a dimension that a person may pick, each below the one that holds it."""
    counted = profiles.counted(home, who, dimension.key)
    indented = [(n, "\u2003" * n.depth) for n in counted.nodes[:_MOST_NODES]]
    return [Choice(n.node, Text(f"{space}{n.label.zh}", f"{space}{n.label.en}")) for n, space in indented]
