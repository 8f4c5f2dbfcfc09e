"""Changing a rule condition by condition: add one, take one away; the rule itself stays the single truth."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from zerodistance.core.profiles import api as profiles
from zerodistance.core.profiles.contracts import Bands, Dimension
from zerodistance.core.segments.contracts import AllOf, AnyOf, Did, Has, NoneOf, Rule
from zerodistance.kernel.access import Who
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text

JOINS = {"and": Text("并且", "and"), "or": Text("或者", "or"), "not": Text("但不要", "but not")}
Leaf = Has | Did


@dataclass(frozen=True)
class Choice:
    """Something a person may pick in a form."""

    value: str
    label: Text


def leaves(rule: Rule) -> Iterator[Leaf]:
    """Yield the conditions of a rule in reading order."""
    if isinstance(rule, Has | Did):
        yield rule
    else:
        for term in rule.terms:
            yield from leaves(term)


def without(rule: Rule, index: int) -> Rule | None:
    """Return the rule without its condition number `index`, None when nothing is left."""
    return _pruned(rule, [index])


def _pruned(rule: Rule, countdown: list[int]) -> Rule | None:
    if isinstance(rule, Has | Did):
        countdown[0] -= 1
        return None if countdown[0] == -1 else rule
    kept = tuple(t for t in (_pruned(term, countdown) for term in rule.terms) if t is not None)
    if not kept:
        return None
    if len(kept) == 1 and not isinstance(rule, NoneOf):
        return kept[0]
    return type(rule)(kept)


def joined(rule: Rule | None, leaf: Leaf, join: str) -> Rule:
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


def leaf_of(fields: Mapping[str, str]) -> Leaf | None:
    """Read one condition from the form; None when nothing was chosen."""
    if fields.get("what") == "did":
        kind = fields.get("kind", "")
        if not kind:
            return None
        return Did(
            kind=kind,
            at_least=_whole(fields.get("times", "")),
            within_days=_whole(fields.get("within", "")),
            category=fields.get("category") or None,
        )
    key = fields.get("dimension", "")
    if not key:
        return None
    dimension = profiles.dimension(key)
    if dimension.numeric and (fields.get("low") or fields.get("high")):
        return Has(key, at_least=_number(fields.get("low", "")), at_most=_number(fields.get("high", "")))
    return Has(key, node=fields.get("node") or None)


def _whole(text: str) -> int | None:
    return int(text) if text.strip().isdigit() else None


def _number(text: str) -> float | None:
    try:
        return float(text) if text.strip() else None
    except ValueError:
        return None


def nodes(home: Home, who: Who, dimension: Dimension) -> list[Choice]:
    """Return the nodes of a dimension that a person may pick, most carried first for values."""
    if isinstance(dimension.nodes, Bands):
        return [Choice(key, label) for _, key, label in dimension.nodes.bands]
    counted = next(
        (
            d
            for branch in profiles.tree(home, who).branches
            for d in branch.dimensions
            if d.dimension.key == dimension.key
        ),
        None,
    )
    return [Choice(n.node, n.label) for n in counted.nodes[:200]] if counted else []
