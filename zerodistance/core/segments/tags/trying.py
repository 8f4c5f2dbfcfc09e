"""Who would be at each node of a tag, exactly; nothing is written."""

from __future__ import annotations

import itertools
import time

import numpy as np
import pyarrow as pa

from zerodistance.core.profiles import api as profiles
from zerodistance.core.profiles.api import Split
from zerodistance.core.profiles.contracts import Dimension
from zerodistance.core.segments import saved
from zerodistance.core.segments.contracts import AllOf
from zerodistance.core.segments.tags import sql
from zerodistance.core.segments.tags.contracts import ByBands, ByList, ByRule, BySql, ByTouches, Said, Tried
from zerodistance.kernel.access import Who
from zerodistance.kernel.errors import Invalid
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text


def counts(home: Home, who: Who, said: Said, dimension: Dimension) -> Tried:
    """Return how many would be at each node; `dimension` is the tag as one of the tag tree. Raises as `api.try_out`."""
    began = time.perf_counter()
    here, how = profiles.current(home), said.how
    if isinstance(how, ByBands):
        of = profiles.dimension(home, how.dimension, who)
        edges = [*how.edges, np.inf]
        each = [
            here.size_between(of, low, float(np.nextafter(high, -np.inf)))
            for low, high in itertools.pairwise(edges)
        ]
        nodes = dimension.nodes
        labels = [(key, label) for _, key, label in nodes.bands]  # type: ignore[union-attr]
    elif isinstance(how, ByTouches | ByList):
        found = profiles.tried(home, dimension)
        shown = sorted(found.items(), key=lambda one: (-one[1].persons, one[0]))
        names = profiles.node_labels(home, who, dimension, [key for key, _ in shown])
        labels, each = [(key, names[key]) for key, _ in shown], [sizes for _, sizes in shown]
    elif isinstance(how, BySql):
        words = of_sql(home, said, here)
        labels, each = [(key, Text(key, key)) for key in words], [split.sizes for split in words.values()]
    else:
        splits = of_rule(home, who, how, here)
        labels, each = [(node.key, node.label) for node in how.nodes], [split.sizes for split in splits]
    nodes_of = tuple((key, label, sizes) for (key, label), sizes in zip(labels, each, strict=True))
    return Tried(nodes_of, (time.perf_counter() - began) * 1_000)


def of_rule(home: Home, who: Who, how: ByRule, here: profiles.Index) -> list[Split]:
    """Return who is at each node of a tag by rule: the first that fits counts."""
    answer = saved.answering(home, who, AllOf(tuple(node.rule for node in how.nodes)))
    taken, found = profiles.NOBODY, list[Split]()
    for node in how.nodes:
        fits = answer.fits(node.rule) - taken
        found.append(fits)
        taken = taken | fits
    return found


def of_sql(home: Home, said: Said, here: profiles.Index) -> dict[str, Split]:
    """Return who is at each word that the SQL of a tag gives; of several the smallest counts. Raises WrongSql, Invalid."""
    assert isinstance(said.how, BySql)
    table = sql.run(home, said.how.sql)
    if "subject" in table.column_names:
        pairs = here.pairs()
        subjects, numbers = (pairs.column(name).to_numpy() for name in ("subject", "number"))
        order = np.argsort(subjects, kind="stable")
        subjects, numbers = subjects[order], numbers[order]
        asked = table.column("subject").to_numpy()
        at = np.minimum(np.searchsorted(subjects, asked), max(len(subjects) - 1, 0))
        there = subjects[at] == asked if len(subjects) else np.zeros(len(asked), np.bool_)
        who, values = numbers[at[there]], table.column("value").filter(pa.array(there))
    else:
        asked = table.column("number").to_numpy()
        there = (asked > 0) & (asked < 1 << 32)
        who, values = asked[there], table.column("value").filter(pa.array(there))
    coded = values.combine_chunks().dictionary_encode() if len(values) else None
    if coded is None:
        return {}
    chunk = coded.chunk(0) if isinstance(coded, pa.ChunkedArray) else coded
    codes, words = chunk.indices.to_numpy(), chunk.dictionary.to_pylist()
    wrong = [word for word in words if not profiles.is_node(word)]
    if wrong:
        raise Invalid(field="value", given=wrong[0], why=profiles.WHY_NO_NODE)
    taken, found = profiles.NOBODY, dict[str, Split]()
    for n, word in sorted(enumerate(words), key=lambda one: one[1]):
        fits = (Split.of_sorted(np.unique(who[codes == n]).astype(np.uint32)) & here.universe) - taken
        found[word] = fits
        taken = taken | fits
    return found
