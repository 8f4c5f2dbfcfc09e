"""What is known of some persons: tags from the index, of an earlier moment from the log, and since when they are so."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta

import numpy as np
import pyarrow as pa

from zerodistance.core.identity import api as identity
from zerodistance.core.profiles import labels, rules, since, states, then
from zerodistance.core.profiles.contracts import Dimension, Layer, Tag
from zerodistance.core.profiles.index import Index
from zerodistance.core.touchpoints import book
from zerodistance.kernel import clock
from zerodistance.kernel.access import Who
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text

_EPOCH = date(1970, 1, 1)
Tags = dict[int, tuple[Tag, ...]]
"""Person number -> tags, layer by layer."""


def of_index(
    home: Home, who: Who, here: Index, numbers: Sequence[int], dimensions: Sequence[Dimension]
) -> Tags:
    """Return the tags of these numbers, as the index has them; somebody who is not in it has none."""
    some = np.unique(np.array(numbers, np.int64)).astype(np.uint32)
    at = [
        {key: node for key, node in here.nodes_of(number) if not rules.is_inner(node)}
        for number in some.tolist()
    ]
    there = set().union(*at)
    values = {d.key: here.numbers(d, some) for d in dimensions if d.numeric and d.key in there}
    called, as_of = _Called(home, who), clock.from_micros(here.made_at or 0)
    found: Tags = {}
    for place, (number, nodes) in enumerate(zip(some.tolist(), at, strict=True)):
        tags = []
        for dimension in dimensions:
            node = nodes.get(dimension.key)
            if node is not None:
                value = node if not dimension.numeric else float(values[dimension.key][place])
                tags.append(called.tag(dimension, node, node if value != value else value, as_of))
        found[number] = tuple(tags)
    return found


def of_then(home: Home, who: Who, found: then.Then, at: int, dimensions: Sequence[Dimension]) -> Tags:
    """Return the tags of an earlier moment, by the numbers of then."""
    called, as_of = _Called(home, who), clock.from_micros(at)
    out: Tags = {}
    for number in dict.fromkeys(found.numbers.values()):
        tags = []
        for dimension in dimensions:
            node = found.tagged.node_of(dimension, number)
            if node is not None:
                value = found.tagged.number(dimension, number, found.day) if dimension.numeric else None
                tag = called.tag(dimension, node, node if value is None else value, as_of)
                tags.append(replace(tag, dated=dimension.of.name == "touches"))
        out[number] = tuple(tags)
    return out


def dated(home: Home, tags: Tags, dimensions: Sequence[Dimension], day: int, rows: pa.Table) -> Tags:
    """Return the same tags with since when; `rows` are the states of all of them with `number`."""
    numbers, out = rows.column("number").to_numpy(), {}
    for number, mine in tags.items():
        keys = {tag.dimension for tag in mine}
        some = [d for d in dimensions if d.key in keys]
        own = rows.filter(pa.array(numbers == number))
        days = since.first_days(own, some, day, home.settings.zone)
        out[number] = tuple(replace(tag, since=date_of(days.get(tag.dimension))) for tag in mine)
    return out


def states_of(home: Home, numbers: Sequence[int], day: int) -> pa.Table:
    """Return `number` and the states of a few people of today, up to a day, one row a touch."""
    pairs = identity.People(home).pairs(np.unique(np.array(numbers, np.int64))).sort_by("subject")
    subject, number = (pairs.column(name).to_numpy() for name in ("subject", "number"))
    rows = states.made_from(home, book.rows_of(home, subject.tolist()), 0)
    whose = number[np.searchsorted(subject, rows.column("subject").to_numpy())]
    rows = rows.add_column(0, "number", pa.array(whose, pa.int64()))
    return rows.filter(pa.array(rows.column("day").to_numpy() <= day))


def date_of(day: int | None) -> date | None:
    """Return a day of the states as a date."""
    return None if day is None else _EPOCH + timedelta(days=day)


def chosen(dimensions: Iterable[Dimension], wanted: Sequence[str]) -> tuple[Dimension, ...]:
    """Return the dimensions whose key or layer is wanted, all where nothing is."""
    keys = set(wanted)
    return tuple(d for d in dimensions if not keys or d.key in keys or d.layer.value in keys)


def layers() -> Mapping[str, Layer]:
    """Return the layers by their key."""
    return {layer.value: layer for layer in Layer}


class _Called:
    """Makes tags, with what nodes are called: each table of the brand is read once, and each node named once."""

    def __init__(self, home: Home, who: Who) -> None:
        self._home, self._who = home, who
        self._known: dict[tuple[str, str], Text] = {}
        self._names = labels.Names(home, who)

    def tag(self, dimension: Dimension, node: str, value: float | str, as_of: datetime) -> Tag:
        key = dimension.key, node
        if key not in self._known:
            self._known[key] = labels.label(dimension, node, self._names.of_dimension(dimension))
        return Tag(
            dimension=dimension.key,
            layer=dimension.layer,
            label=dimension.label,
            node=node,
            node_label=self._known[key],
            value=value,
            unit=unit_of(self._home, dimension),
            as_of=as_of,
            inferred=dimension.inferred,
            sensitive=dimension.sensitive,
        )


def unit_of(home: Home, dimension: Dimension) -> Text:
    """Return the unit of a dimension; money is named by the home's currency."""
    if dimension.parsed.of == "amount":
        return Text(home.settings.currency, home.settings.currency)
    return dimension.unit
