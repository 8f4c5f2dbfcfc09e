"""The door of profiles: the tag tree, one person's tags, and the follower that keeps them up to date."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime

import duckdb
import numpy as np
import pyarrow as pa

from zerodistance.core.brand import api as brand
from zerodistance.core.identity import api as identity
from zerodistance.core.profiles import (
    asking,
    assay,
    counting,
    finding,
    index,
    labels,
    measuring,
    portraits,
    rollup,
    states,
    store,
)
from zerodistance.core.profiles import (
    past as pasts,
)
from zerodistance.core.profiles import portrait as audiences
from zerodistance.core.profiles.areas import at_home, count_at_home, living
from zerodistance.core.profiles.areas import counts as counts_at_home
from zerodistance.core.profiles.asked import PastNotMade, Portraits
from zerodistance.core.profiles.asking import owned, person_then, why
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
    Tag,
    Tree,
)
from zerodistance.core.profiles.crossed import Crossed, crossed
from zerodistance.core.profiles.dimensions import DIMENSIONS
from zerodistance.core.profiles.dimensions.unseen import HOUSEHOLD
from zerodistance.core.profiles.figures import Assay, Found, Outline
from zerodistance.core.profiles.given import (
    NODE,
    SPACES,
    WHY_NO_NODE,
    DimensionExists,
    DimensionInUse,
    Given,
    NotOwn,
    is_node,
)
from zerodistance.core.profiles.given import check as check_given
from zerodistance.core.profiles.granting import declare, give, give_some, tried, withdraw
from zerodistance.core.profiles.grounds import Ground
from zerodistance.core.profiles.homes import DIMENSION as HOME
from zerodistance.core.profiles.index import Index
from zerodistance.core.profiles.keeper import Keeper
from zerodistance.core.profiles.listing import dimension, dimensions, given_view, is_shipped
from zerodistance.core.profiles.measuring import Measured
from zerodistance.core.profiles.own import Own, own_dimensions
from zerodistance.core.profiles.parts import Name
from zerodistance.core.profiles.past import Made, times_gone
from zerodistance.core.profiles.portrait import Counted
from zerodistance.core.profiles.portrait import nodes as portrayed
from zerodistance.core.profiles.portraits import unit_of
from zerodistance.core.profiles.rollup import Rollup
from zerodistance.core.profiles.several import at_least
from zerodistance.core.profiles.several import count as count_at_least
from zerodistance.core.profiles.sharing import sharing, together
from zerodistance.core.profiles.splits import NOBODY, NONE, Sizes, Split, union
from zerodistance.core.profiles.states import lock
from zerodistance.core.profiles.then import moment
from zerodistance.kernel import clock
from zerodistance.kernel.access import Permission, Who
from zerodistance.kernel.errors import NotFound
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text

__all__ = [
    # for pages
    "tree",
    "tags_of",
    "portraits_of",
    "profiles_of",
    "person_then",
    "owned",
    "why",
    "choose",
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
    "moment",
    "make_past",
    "pasts_made",
    "times_gone",
    # for the worker
    "follower",
    "rebuild",
    "refresh",
    "forget",
    "undo_states",
    "undo_tags",
    "forget_pasts",
    # the home's own dimensions, for the rooms above
    "Given",
    "give",
    "give_some",
    "declare",
    "tried",
    "withdraw",
    "check_given",
    "is_node",
    "WHY_NO_NODE",
    "NODE",
    "Own",
    "own_dimensions",
    "is_shipped",
    "SPACES",
    "NotOwn",
    "DimensionExists",
    "DimensionInUse",
    "given_view",
    # for the rooms above
    "branches",
    "portrait",
    "portrayed",
    "HOME",
    "HOUSEHOLD",
    "Counted",
    "measure",
    "band_edges",
    "Measured",
    "crossed",
    "Crossed",
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
    "past",
    "of_past",
    "public_ids",
    "states_view",
    "lock",
    "Index",
    "holding",
    "Rollup",
]


def _may_count(who: Who) -> None:
    """Raise FreeRule for an account that may not see persons: nodes are told to it as released counts only, by segments."""
    if not who.may(Permission.SEE_PERSONS):
        raise FreeRule(who=who.name)


def counted(home: Home, who: Who, key: str) -> DimensionCount:
    """Return one dimension with exact counts of its nodes and inner nodes; raises as `dimension`, and FreeRule."""
    _may_count(who)
    found = dimension(home, key, who)
    return counting.counted(current(home).nodes(key), found, labels.Names(home, who), rollup.read(home))


def outlines(home: Home, who: Who) -> tuple[Outline, ...]:
    """Return a line for each dimension that this account may see, layer by layer: quick, since no node is named. Raises FreeRule."""
    _may_count(who)
    here = current(home)
    return tuple(finding.outline(here, one) for one in dimensions(home, who))


def search(home: Home, who: Who, text: str, most: int = 50) -> Found:
    """Return the dimensions and nodes in which all words of a text stand, in either language; see `finding.search`. Raises FreeRule."""
    _may_count(who)
    return finding.search(current(home), dimensions(home, who), labels.Names(home, who), text, most)


def check_tree(home: Home, who: Who) -> Assay:
    """Return which dimensions count on the people of this home, and why the others do not; needs OPERATE."""
    who.need(Permission.OPERATE)
    return assay.assay(current(home), DIMENSIONS)


def owner_of(home: Home, dimension: Dimension) -> Text:
    """Return who answers for a dimension: the unit that it is for, or that of its category, else a function of the brand."""
    if dimension.unit_id is not None:
        for unit in brand.units(home, Who.system("profiles")):
            if unit.number == dimension.unit_id:
                return unit.name
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


def past(home: Home, who: Who, at: int) -> Index:
    """Return the tag index as of a moment (microseconds UTC); needs SEE_PERSONS.

    Raises
    ------
    PastNotMade
        It is not there; from now on it is wanted, and the worker makes it.
    """
    who.need(Permission.SEE_PERSONS)
    try:
        return pasts.current(home, at)
    except PastNotMade:
        store.want(home, at, who.name)
        raise


def make_past(
    home: Home, who: Who, at: int, told: Callable[[Text, int, int], None] = lambda stage, done, of: None
) -> Made:
    """Make the tag index as of a moment, unless it is there; needs SEE_PERSONS. Takes as long as making everything anew.

    `told` hears what is being done, how much of it is done, and of how much.
    """
    who.need(Permission.SEE_PERSONS)
    return pasts.make(home, identity.People(home), at, told)


def pasts_made(home: Home, who: Who) -> list[Made]:
    """Return the tag indexes of earlier moments that are there, the latest moment first; needs SEE_PERSONS."""
    who.need(Permission.SEE_PERSONS)
    return pasts.listed(home)


def of_past(folder: str) -> bool:
    """Say whether the index in a folder is one of an earlier moment."""
    return pasts.is_past(folder)


def states_view(connection: duckdb.DuckDBPyConnection, home: Home, here: Index | None = None) -> int:
    """Make the view `profile_state` (columns of `states.STATES`); return the last batch in it. With `here`, of what that index was made from."""
    if here is not None and pasts.is_past(here.folder):
        pasts.states_view(connection, here)
        return here.batch
    return states.view(connection, home)


def public_ids(home: Home, here: Index, numbers: Sequence[int]) -> dict[int, str]:
    """Return person number -> public id of today; of an earlier moment who is part of somebody else now has an id of then, which leads there."""
    found = identity.public_ids(home, numbers)
    if pasts.is_past(here.folder) and len(found) < len(numbers):
        pairs = here.pairs().sort_by("subject")
        missing = np.array([number for number in numbers if number not in found], np.int64)
        mine = pairs.filter(pa.array(np.isin(pairs.column("number").to_numpy(), missing)))
        for subject, number in zip(
            *(mine.column(name).to_pylist() for name in ("subject", "number")), strict=True
        ):
            found.setdefault(number, home.seal.public_id("p", subject))
    return found


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
    counted = [counting.counted(nodes.get(d.key, {}), d, names, above) for d in dimensions(home, who)]
    return tuple(
        Branch(layer, layer.label, tuple(c for c in counted if c.dimension.layer is layer)) for layer in Layer
    )


def holding(home: Home) -> Rollup:
    """Return what the brand's tables of today say about which node holds which."""
    return rollup.read(home)


def portrait(here: Index, members: Split, *, sample: bool = False) -> Counted:
    """Return how many of an audience are at each node, exactly; or, for a large one, scaled up from a sample, with the error of that."""
    return audiences.sampled(here, members) if sample else audiences.exact(here, members)


def measure(here: Index, dimension: Dimension, members: Split) -> tuple[Measured, Measured]:
    """Return what the numbers of an audience come to, of persons and of visitors; the dimension has numbers."""
    return measuring.measure(here, dimension, members)


def band_edges(home: Home, dimension: Dimension, parts: int) -> tuple[float, ...]:
    """Return where bands over a number begin that have as many persons each as equal numbers allow; see `measuring.edges`."""
    return measuring.edges(current(home), dimension, parts)


def tags_of(home: Home, who: Who, person: int) -> tuple[Tag, ...]:
    """Return the tags of one person or visitor (by number), layer by layer; needs SEE_PERSONS."""
    return portraits_of(home, who, [person], dimensions(home, who))[person]


def portraits_of(
    home: Home, who: Who, numbers: Sequence[int], some: Sequence[Dimension]
) -> dict[int, tuple[Tag, ...]]:
    """Return the tags of each of these persons or visitors (by number) in some dimensions, layer by layer; needs SEE_PERSONS.

    They come from the forward index, all at once; whoever is not in the index has none.
    """
    who.need(Permission.SEE_PERSONS)
    return portraits.of_index(home, who, current(home), numbers, some)


def choose(home: Home, who: Who, wanted: Sequence[str]) -> tuple[Dimension, ...]:
    """Return the dimensions whose key or layer is named, all where nothing is; raises as `dimension`."""
    for key in wanted:
        if key not in portraits.layers():
            dimension(home, key, who)
    return portraits.chosen(dimensions(home, who), wanted)


def profiles_of(
    home: Home,
    who: Who,
    ids: Sequence[str],
    *,
    wanted: Sequence[str] = (),
    as_of: int | None = None,
    dated: bool = False,
) -> Portraits:
    """Return what is known of some persons by public id; needs SEE_PERSONS.

    Parameters
    ----------
    wanted
        Keys of dimensions or of layers; none: every dimension.
    as_of
        A moment, microseconds UTC: what was known then, of whoever an id belonged to then.
    dated
        Whether to say since when each tag is so, which takes some milliseconds a person.

    Raises
    ------
    NoSuchDimension
        A key is neither a dimension nor a layer.
    """
    return asking.profiles_of(
        home, who, current(home), ids, choose(home, who, wanted), as_of=as_of, dated=dated
    )


def node_labels(home: Home, who: Who, dimension: Dimension, nodes: Iterable[str]) -> dict[str, Text]:
    """Return the label of each node; a value that the brand does not know is its own label."""
    return labels.some(home, who, dimension, list(nodes))


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
    pasts.let_go(home)


def forget_pasts(home: Home, subjects: Sequence[int]) -> dict[str, int]:
    """Remove every tag index of an earlier moment, since these subjects may be in it; to be called last, when nothing names them any more."""
    return {"indexes": pasts.let_go(home)}


def _as_of(here: Index) -> datetime:
    return clock.from_micros(here.made_at or 0)
