"""Which tags of users stand on a segment or on a dimension."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from sqlalchemy import Connection

from zerodistance.core.segments import conditions, rules
from zerodistance.core.segments.contracts import Has, In, Leaf, Rule
from zerodistance.core.segments.tags import forms, store
from zerodistance.core.segments.tags.contracts import ByBands, ByRule, Said


def rules_of(said: Said) -> list[Rule]:
    """Return the rules that a tag stands on."""
    if isinstance(said.how, ByRule):
        return [node.rule for node in said.how.nodes]
    return [Has(said.how.dimension)] if isinstance(said.how, ByBands) else []


def on_segment(tx: Connection, words: conditions.Words, key: str) -> Iterator[tuple[str, int | None]]:
    """Yield key and unit of each tag whose rules name a segment."""
    for row in store.living(tx):
        if _any(row, words, [row["said"]], lambda term: isinstance(term, In) and term.segment == key):
            yield row["key"], row["unit_id"]


def on_dimension(tx: Connection, words: conditions.Words, key: str) -> Iterator[tuple[str, int | None]]:
    """Yield key and unit of each tag whose rules, or bands, ask for a dimension in some version, which can be read as long as that is there."""
    for row in store.living(tx):
        every = [version["said"] for version in store.versions(tx, row["number"])]
        if _any(row, words, every, lambda term: isinstance(term, Has) and term.dimension == key):
            yield row["key"], row["unit_id"]


def _any(
    row: Mapping[str, Any], words: conditions.Words, some: Iterable[str], meant: Callable[[Leaf], bool]
) -> bool:
    every = (forms.read(json.loads(text), words, row["unit_id"]) for text in some)
    return any(meant(term) for said in every for rule in rules_of(said) for term in rules.terms(rule))
