"""Verbs by which rooms above give profiles a dimension with its values, take it back, and say it anew."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pyarrow as pa

from zerodistance.core.profiles import evaluate, giving, index, own, rollup, rules, states
from zerodistance.core.profiles import given as said
from zerodistance.core.profiles.contracts import Bands, Dimension
from zerodistance.core.profiles.given import Given
from zerodistance.core.profiles.own import Own
from zerodistance.core.profiles.splits import Sizes
from zerodistance.kernel import clock, fault
from zerodistance.kernel.access import Permission, Who
from zerodistance.kernel.errors import Invalid
from zerodistance.kernel.home import Home
from zerodistance.kernel.logs import log
from zerodistance.kernel.text import Text

Batches = Iterable[pa.Table | pa.RecordBatch]
"""`subject` (int64), of the person; `value`: string, the node, or float64, the number; null takes away."""


def tried(home: Home, dimension: Dimension) -> dict[str, Sizes]:
    """Return how many would be at each node of a dimension of touches, of those whom the index holds; nothing is written."""
    here, holding = index.current(home.path("index")), rollup.read(home)
    nobody = pa.table(
        {
            "number": pa.array([], pa.int64()),
            "fact": pa.array([], pa.string()),
            "value": pa.array([], pa.string()),
        }
    )
    with home.engine.connect() as connection:
        states.view(connection, home)
        zone = home.settings.zone
        found = evaluate.tag(
            connection, here.pairs(), nobody, [dimension], here.day, rollup=holding, zone=zone
        )
    return {node: both.sizes for node, both in found.nodes[dimension.key].items() if not rules.is_inner(node)}


def give(home: Home, who: Who, given: Given, values: Batches) -> int:
    """Say what a dimension is, and give all its values: those given before count no more. Return how many values were written.

    It is in the index after the next turn of the worker, within seconds, and all at once. Of two values for one subject the smallest counts; of those
    for several subjects of a person the one given last, then the smallest. Merges and splits are followed.

    Raises
    ------
    Invalid
        Something of it can't be; see `given.check`.
    DimensionExists
        The key is that of a shipped dimension, or of one that this account does not see.
    """
    _may(who, given)
    with giving.lock(home):
        number, at = own.reserve(home, who, said.check(given))
        numeric = isinstance(given.nodes, Bands)
        written = giving.append(home, number, at, _today(home), _normal(values, numeric=numeric))
        fault.point("profiles.given")
        own.settle(home, who, number, at, given, wholly=True)
    log("profiles").info("values_given", who=who.name, dimension=given.key, values=written)
    return written


def give_some(home: Home, who: Who, key: str, values: Batches) -> int:
    """Give some persons of a dimension another value, or take theirs away (null); all others keep theirs. Return how many values were written.

    What takes a value away has to name a subject of the person; it is said of the person like any other value.

    Raises
    ------
    NotOwn
        There is no such dimension of the home's own, or it was withdrawn meanwhile.
    """
    with giving.lock(home):
        found = own.find(home, who, key)
        _may(who, found.given)
        number, at = own.reserve(home, who, found.given)
        numeric = isinstance(found.given.nodes, Bands)
        written = giving.append(home, number, at, _today(home), _normal(values, numeric=numeric))
        fault.point("profiles.given")
        if written:
            own.settle(home, who, number, at, None, wholly=False)
    log("profiles").info("values_given", who=who.name, dimension=key, values=written)
    return written


def declare(home: Home, who: Who, given: Given) -> Own:
    """Say what a dimension is that is computed from touches, facts or the values given for another one; or say one anew whose values stay.

    Raises as `give`; Invalid where it would show values of a dimension that is not there.
    """
    _may(who, said.check(given))
    source = given.values_of
    if source and (source != given.key or source not in own.own_dimensions(home, now=True).by_key):
        found = own.find(home, who, source)
        if found.given.values_of != source or not found.dimension.numeric:
            why = Text("它没有自己的数", "it has no numbers of its own")
            raise Invalid(field="of", given=source, why=why)
    return own.declare(home, who, given)


def withdraw(home: Home, who: Who, key: str) -> None:
    """Take a dimension of the home's own away; the worker removes what was given. Raises NotOwn, and DimensionInUse where another shows its values."""
    _may(who, own.find(home, who, key).given)
    own.end(home, who, key)
    log("profiles").info("dimension_withdrawn", who=who.name, dimension=key)


def _may(who: Who, given: Given) -> None:
    who.need(Permission.MANAGE_SEGMENTS)
    if not who.sees_unit(given.unit_id):
        why = Text("它不在这个账号的小微之列", "it is none of this account's units")
        raise Invalid(field=Text("小微", "unit"), given=given.unit_id, why=why)


def _today(home: Home) -> int:
    return rules.day_of(clock.micros(), home.settings.zone)


def _normal(values: Batches, *, numeric: bool) -> Iterator[pa.Table]:
    for batch in values:
        rows = giving.normal(batch, numeric=numeric)
        if not numeric:
            for word in rows.column("text").unique().to_pylist():
                if word is not None and not said.is_node(word):
                    raise Invalid(field=Text("节点", "node"), given=word, why=said.WHY_NO_NODE)
        yield rows
