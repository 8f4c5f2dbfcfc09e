"""The door of profiles: the tag tree, one person's tags, and the follower that keeps them up to date."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache

from zerodistance.core.brand import api as brand
from zerodistance.core.identity import api as identity
from zerodistance.core.profiles import index, rules, states
from zerodistance.core.profiles import portrait as portraits
from zerodistance.core.profiles.contracts import (
    Bands,
    Branch,
    Dimension,
    DimensionCount,
    IndexState,
    Layer,
    NodeCount,
    NoSuchDimension,
    Tag,
    Tree,
    Values,
)
from zerodistance.core.profiles.dimensions import DIMENSIONS
from zerodistance.core.profiles.index import Index
from zerodistance.core.profiles.keeper import Keeper
from zerodistance.core.profiles.parts import Name
from zerodistance.core.profiles.portrait import Counted
from zerodistance.core.profiles.several import at_least
from zerodistance.core.profiles.several import count as count_at_least
from zerodistance.core.profiles.splits import NOBODY, NONE, Sizes, Split, union
from zerodistance.core.profiles.states import view as states_view
from zerodistance.kernel import clock
from zerodistance.kernel.access import Permission, Who
from zerodistance.kernel.errors import NotFound
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text

__all__ = [
    # for pages
    "tree",
    "tags_of",
    "dimensions",
    "dimension",
    "node_labels",
    "unit_of",
    "state",
    # for the worker
    "follower",
    "rebuild",
    "refresh",
    "forget",
    "undo_states",
    "undo_tags",
    # for the rooms above
    "branches",
    "portrait",
    "Counted",
    "NOBODY",
    "NONE",
    "Name",
    "Split",
    "Sizes",
    "at_least",
    "count_at_least",
    "union",
    "current",
    "states_view",
]


_FEW = 20  # own value: up to here names are looked up one by one


@cache
def _by_key() -> dict[str, Dimension]:
    return {dimension.key: dimension for dimension in DIMENSIONS}


def dimensions() -> tuple[Dimension, ...]:
    """Return every dimension, layer by layer."""
    return DIMENSIONS


def dimension(key: str) -> Dimension:
    """Return one dimension; raises NoSuchDimension with the nearest keys."""
    found = _by_key().get(key)
    if found is None:
        raise NoSuchDimension(given=key, near=", ".join(rules.near(key, _by_key())))
    return found


def current(home: Home) -> Index:
    """Return the tag index as it is now: a value that later updates do not change."""
    index.DECODED.limit(home.settings.index_memory_mb << 20)
    return index.current(home.path("index"))


def tree(home: Home, who: Who) -> Tree:
    """Return the tag tree with exact counts of persons and visitors per node."""
    here = current(home)
    return Tree(branches(home, who, here.by_dimension), *here.everybody, _as_of(here), here.batch)


def branches(home: Home, who: Who, nodes: Mapping[str, Mapping[str, Sizes]]) -> tuple[Branch, ...]:
    """Return the layers with their dimensions and named nodes, from how many are at each node of each dimension.

    Sensitive dimensions are for those who may see persons.
    """
    names = {source: _names(home, who, source) for source in ("category", "place", "product")}
    shown = [d for d in DIMENSIONS if not d.sensitive or who.may(Permission.SEE_PERSONS)]
    counted = [_counted(nodes.get(d.key, {}), d, names) for d in shown]
    return tuple(
        Branch(layer, layer.label, tuple(c for c in counted if c.dimension.layer is layer)) for layer in Layer
    )


def portrait(here: Index, members: Split, *, sample: bool = False) -> Counted:
    """Return how many of an audience are at each node, exactly; or, for a large one, scaled up from a sample, with the error of that."""
    return portraits.sampled(here, members) if sample else portraits.exact(here, members)


def tags_of(home: Home, who: Who, person: int) -> tuple[Tag, ...]:
    """Return the tags of one person or visitor (by number), layer by layer; needs SEE_PERSONS."""
    who.need(Permission.SEE_PERSONS)
    here = current(home)
    as_of = _as_of(here)
    found = []
    nodes = dict(here.nodes_of(person))
    for dimension in DIMENSIONS:
        node = nodes.get(dimension.key)
        if node is None:
            continue
        number = here.number(dimension, person) if dimension.numeric else None
        found.append(
            Tag(
                dimension=dimension.key,
                layer=dimension.layer,
                label=dimension.label,
                node=node,
                node_label=node_labels(home, who, dimension, [node])[node],
                value=node if number is None else number,
                unit=unit_of(home, dimension),
                as_of=as_of,
                inferred=dimension.inferred,
                sensitive=dimension.sensitive,
            )
        )
    return tuple(found)


def node_labels(home: Home, who: Who, dimension: Dimension, nodes: Iterable[str]) -> dict[str, Text]:
    """Return the label of each node; a value that the brand does not know is its own label."""
    wanted = list(nodes)
    source = dimension.nodes.names if isinstance(dimension.nodes, Values) else ""
    names = _some_names(home, source, wanted) if len(wanted) <= _FEW else _names(home, who, source)
    return {node: _label(dimension, node, names) for node in wanted}


def unit_of(home: Home, dimension: Dimension) -> Text:
    """Return the unit of a dimension; money is named by the home's currency."""
    if dimension.parsed.of == "amount":
        return Text(home.settings.currency, home.settings.currency)
    return dimension.unit


def state(home: Home) -> IndexState:
    """Return what the tag index holds."""
    here = current(home)
    made = None if here.made_at is None else clock.from_micros(here.made_at)
    size = sum(
        home.path("index", name).stat().st_size for name in here.names if home.path("index", name).exists()
    )
    as_of = _as_of(here)
    return IndexState(here.batch, states.held(home), as_of, made, *here.everybody, size)


def follower(home: Home) -> Keeper:
    """Return the follower of touchpoints that keeps this room up to date (name `profiles`); worker only."""
    return Keeper(home, identity.People(home))


def refresh(home: Home) -> int:
    """Bring the index up to now: new states, identity, facts, windows that expired; return persons recomputed. Worker only."""
    return follower(home).update()


def rebuild(home: Home, who: Who) -> IndexState:
    """Make states and index anew from the touches and identity's map; the same as keeping them up to date. Worker only."""
    who.need(Permission.OPERATE)
    follower(home).rebuild()
    return state(home)


def forget(home: Home, subjects: Sequence[int]) -> dict[str, int]:
    """Remove states and tags of these subjects and the files that held them; may be run again. Worker only."""
    return follower(home).forget(subjects)


def undo_states(home: Home, origin: int, batches: Sequence[int]) -> None:
    """Make the states of the subjects that an undone import named anew, from the touches that are left. Worker only."""
    follower(home).remake(identity.brought(home, origin))


def undo_tags(home: Home, origin: int, batches: Sequence[int]) -> None:
    """Bring the tags of everybody up to now whom an undone import touched, and leave no older file. Worker only."""
    follower(home).retag(identity.brought(home, origin))


def _as_of(here: Index) -> datetime:
    return clock.from_micros(here.made_at or 0)


def _counted(
    nodes: Mapping[str, Sizes], dimension: Dimension, names: dict[str, dict[str, Text]]
) -> DimensionCount:
    if isinstance(dimension.nodes, Bands):
        order = [key for _, key, _ in dimension.nodes.bands]
    else:
        order = sorted({*nodes, *dimension.nodes.labels}, key=lambda n: (-sum(nodes.get(n, NONE)), n))
    labels = names.get(dimension.nodes.names, {}) if isinstance(dimension.nodes, Values) else {}
    rows = tuple(NodeCount(node, _label(dimension, node, labels), *nodes.get(node, NONE)) for node in order)
    return DimensionCount(dimension, rows, sum(r.persons for r in rows), sum(r.visitors for r in rows))


def _label(dimension: Dimension, node: str, names: dict[str, Text]) -> Text:
    if isinstance(dimension.nodes, Bands):
        return next((label for _, key, label in dimension.nodes.bands if key == node), Text(node, node))
    return dimension.nodes.labels.get(node) or names.get(node) or Text(node, node)


def _some_names(home: Home, source: str, keys: Iterable[str]) -> dict[str, Text]:
    named: dict[str, Callable[[str], Text]] = {
        "category": lambda key: brand.category(home, key).name,
        "place": lambda key: brand.place(home, key).name,
        "product": lambda key: brand.product(home, key).name,
    }
    found: dict[str, Text] = {}
    for key in keys if source in named else ():
        try:
            found[key] = named[source](key)
        except NotFound:
            continue
    return found


def _names(home: Home, who: Who, source: str) -> dict[str, Text]:
    match source:
        case "category":
            return {c.key: c.name for c in brand.categories(home, who)}
        case "place":
            return {p.code: p.name for p in brand.places(home, who)}
        case "product":
            return {p.code: p.name for p in brand.products(home, who)}
        case _:
            return {}
