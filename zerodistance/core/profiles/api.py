"""The door of profiles: the tag tree, one person's tags, and the follower that keeps them up to date."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache

from zerodistance.core.brand import api as brand
from zerodistance.core.identity import api as identity
from zerodistance.core.profiles import (
    assay,
    counting,
    finding,
    index,
    labels,
    measuring,
    rollup,
    rules,
    states,
)
from zerodistance.core.profiles import portrait as portraits
from zerodistance.core.profiles.areas import at_home, count_at_home, living
from zerodistance.core.profiles.areas import counts as counts_at_home
from zerodistance.core.profiles.cells import Mask
from zerodistance.core.profiles.contracts import (
    OWNERS,
    Branch,
    Dimension,
    DimensionCount,
    FreeRule,
    IndexOlder,
    IndexState,
    Layer,
    NoSuchDimension,
    Tag,
    Tree,
)
from zerodistance.core.profiles.dimensions import DIMENSIONS
from zerodistance.core.profiles.figures import Assay, Found, Outline
from zerodistance.core.profiles.grounds import Ground
from zerodistance.core.profiles.homes import DIMENSION as HOME
from zerodistance.core.profiles.index import Index
from zerodistance.core.profiles.keeper import Keeper
from zerodistance.core.profiles.measuring import Measured
from zerodistance.core.profiles.parts import Name
from zerodistance.core.profiles.portrait import Counted
from zerodistance.core.profiles.portrait import nodes as portrayed
from zerodistance.core.profiles.rollup import Rollup
from zerodistance.core.profiles.several import at_least
from zerodistance.core.profiles.several import count as count_at_least
from zerodistance.core.profiles.sharing import HOUSEHOLD, sharing, together
from zerodistance.core.profiles.splits import NOBODY, NONE, Sizes, Split, union
from zerodistance.core.profiles.states import lock
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
    "counted",
    "owner_of",
    "outlines",
    "search",
    "check_tree",
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
    "portrayed",
    "HOME",
    "HOUSEHOLD",
    "Counted",
    "measure",
    "Measured",
    "NOBODY",
    "NONE",
    "Name",
    "Mask",
    "Ground",
    "Split",
    "Sizes",
    "at_least",
    "at_home",
    "count_at_home",
    "counts_at_home",
    "living",
    "sharing",
    "together",
    "count_at_least",
    "union",
    "current",
    "states_view",
    "lock",
    "Index",
    "holding",
    "Rollup",
]


@cache
def _by_key() -> dict[str, Dimension]:
    return {dimension.key: dimension for dimension in DIMENSIONS}


def dimensions(who: Who | None = None) -> tuple[Dimension, ...]:
    """Return every dimension, layer by layer; for an account that may not see persons without those that are sensitive."""
    if who is None or who.may(Permission.SEE_PERSONS):
        return DIMENSIONS
    return tuple(dimension for dimension in DIMENSIONS if not dimension.sensitive)


def dimension(key: str, who: Who | None = None) -> Dimension:
    """Return one dimension.

    Raises
    ------
    NoSuchDimension
        There is none; says the nearest keys.
    Forbidden
        It is sensitive, and `who` may not see persons.
    """
    found = _by_key().get(key)
    if found is None:
        raise NoSuchDimension(given=key, near=", ".join(rules.near(key, _by_key())))
    if found.sensitive and who is not None:
        who.need(Permission.SEE_PERSONS)
    return found


def _may_count(who: Who) -> None:
    """Raise FreeRule for an account that may not see persons: nodes are told to it as released counts only, by segments."""
    if not who.may(Permission.SEE_PERSONS):
        raise FreeRule(who=who.name)


def counted(home: Home, who: Who, key: str) -> DimensionCount:
    """Return one dimension with exact counts of its nodes and inner nodes; raises as `dimension`, and FreeRule."""
    _may_count(who)
    found = dimension(key, who)
    return counting.counted(current(home).nodes(key), found, labels.Names(home, who), rollup.read(home))


def outlines(home: Home, who: Who) -> tuple[Outline, ...]:
    """Return a line for each dimension that this account may see, layer by layer: quick, since no node is named. Raises FreeRule."""
    _may_count(who)
    here = current(home)
    return tuple(finding.outline(here, one) for one in dimensions(who))


def search(home: Home, who: Who, text: str, most: int = 50) -> Found:
    """Return the dimensions and nodes in which all words of a text stand, in either language; see `finding.search`. Raises FreeRule."""
    _may_count(who)
    return finding.search(current(home), dimensions(who), labels.Names(home, who), text, most)


def check_tree(home: Home, who: Who) -> Assay:
    """Return which dimensions count on the people of this home, and why the others do not; needs OPERATE."""
    who.need(Permission.OPERATE)
    return assay.assay(current(home), DIMENSIONS)


def owner_of(home: Home, dimension: Dimension) -> Text:
    """Return who answers for a dimension: the unit of its category, where it is about one, else a function of the brand."""
    for column, word in dimension.of.where:
        if column == "category" and (key := _unit_of(home, word)) is not None:
            return brand.unit(home, key).name
    return OWNERS[dimension.owner]


def _unit_of(home: Home, category: str) -> str | None:
    try:
        return brand.owner(home, category)
    except NotFound:
        return None


def current(home: Home) -> Index:
    """Return the tag index as it is now: a value that later updates do not change."""
    index.DECODED.limit(home.settings.index_memory_mb << 20)
    return index.current(home.path("index"))


def tree(home: Home, who: Who) -> Tree:
    """Return the tag tree with exact counts of persons and visitors per node, as far as this account may see it; raises FreeRule."""
    _may_count(who)
    here = current(home)
    return Tree(branches(home, who, here.by_dimension), *here.everybody, _as_of(here), here.batch)


def branches(home: Home, who: Who, nodes: Mapping[str, Mapping[str, Sizes]]) -> tuple[Branch, ...]:
    """Return the layers with their dimensions and named nodes, from how many are at each node of each dimension.

    Sensitive dimensions are for those who may see persons. Raises FreeRule.
    """
    _may_count(who)
    names, above = labels.Names(home, who), rollup.read(home)
    counted = [counting.counted(nodes.get(d.key, {}), d, names, above) for d in dimensions(who)]
    return tuple(
        Branch(layer, layer.label, tuple(c for c in counted if c.dimension.layer is layer)) for layer in Layer
    )


def holding(home: Home) -> Rollup:
    """Return what the brand's tables of today say about which node holds which."""
    return rollup.read(home)


def portrait(here: Index, members: Split, *, sample: bool = False) -> Counted:
    """Return how many of an audience are at each node, exactly; or, for a large one, scaled up from a sample, with the error of that."""
    return portraits.sampled(here, members) if sample else portraits.exact(here, members)


def measure(here: Index, dimension: Dimension, members: Split) -> tuple[Measured, Measured]:
    """Return what the numbers of an audience come to, of persons and of visitors; the dimension has numbers."""
    return measuring.measure(here, dimension, members)


def tags_of(home: Home, who: Who, person: int) -> tuple[Tag, ...]:
    """Return the tags of one person or visitor (by number), layer by layer; needs SEE_PERSONS."""
    who.need(Permission.SEE_PERSONS)
    here = current(home)
    as_of = _as_of(here)
    found, names = [], labels.Names(home, who)
    nodes = {key: node for key, node in here.nodes_of(person) if not rules.is_inner(node)}
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
                node_label=labels.label(dimension, node, names.of_dimension(dimension)),
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
    return labels.some(home, who, dimension, list(nodes))


def unit_of(home: Home, dimension: Dimension) -> Text:
    """Return the unit of a dimension; money is named by the home's currency."""
    if dimension.parsed.of == "amount":
        return Text(home.settings.currency, home.settings.currency)
    return dimension.unit


def state(home: Home) -> IndexState:
    """Return what the tag index holds: nothing, where an earlier version of the program wrote it and it is not made anew yet."""
    try:
        here = current(home)
    except IndexOlder:
        here = Index()
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
