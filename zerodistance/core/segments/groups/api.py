"""The verbs of groups: make, look at, name, assign everybody, say as SQL, remove."""

from __future__ import annotations

import csv
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from pyroaring import BitMap

from zerodistance.core.profiles import api as profiles
from zerodistance.core.segments import rules, saved
from zerodistance.core.segments.contracts import Has, Segment
from zerodistance.core.segments.groups import (
    assigning,
    describing,
    giving,
    kept,
    making,
    spelled,
    store,
    wishes,
)
from zerodistance.core.segments.groups.contracts import (
    Asked,
    Group,
    Grouping,
    GroupingInUse,
    Model,
    NoGroups,
    NoSuchGroup,
    Version,
)
from zerodistance.core.segments.groups.features import Numbers
from zerodistance.core.segments.groups.kmeans import Places
from zerodistance.core.segments.groups.making import Hear, Made
from zerodistance.core.segments.tags import standing
from zerodistance.kernel import clock
from zerodistance.kernel.access import Permission, Who
from zerodistance.kernel.errors import Invalid
from zerodistance.kernel.home import Home
from zerodistance.kernel.logs import log
from zerodistance.kernel.text import Text

__all__ = [
    "groupings",
    "grouping",
    "version",
    "ask",
    "fit",
    "make",
    "assign",
    "rename",
    "as_segment",
    "as_sql",
    "write_sql",
    "remove",
]
KEY = wishes.KEY
_SYSTEM = Who.system("segments")
_ASSIGNING = Text("归群", "assigning")


def _silent(stage: Text, done: int, of: int) -> None:
    """Hear of progress and say nothing."""


def groupings(home: Home, who: Who) -> list[Grouping]:
    """Return the groupings that this account sees, the newest first; needs SEE_PERSONS."""
    who.need(Permission.SEE_PERSONS)
    with home.state.read() as tx:
        rows = [row for row in store.living(tx) if who.sees_unit(row["unit_id"])]
        return [_labelled(home, who, kept.grouping(tx, row, saved.words(home))) for row in rows]


def grouping(home: Home, who: Who, key: str) -> Grouping:
    """Return one grouping, its traits with labels; needs SEE_PERSONS; raises NoSuchGrouping."""
    who.need(Permission.SEE_PERSONS)
    with home.state.read() as tx:
        found = kept.grouping(tx, kept.row_of(tx, who, key), saved.words(home))
    return _labelled(home, who, found)


def version(home: Home, who: Who, key: str, number: int) -> Version:
    """Return one version of a grouping; needs SEE_PERSONS; raises NoSuchGrouping, and Invalid for a version that is not there."""
    who.need(Permission.SEE_PERSONS)
    with home.state.read() as tx:
        row = kept.row_of(tx, who, key)
        found = store.version(tx, row["number"], number)
        if found is None:
            last = store.versions(tx, row["number"])
            why = Text(f"可用 1 到 {last}", f"1 to {last} are there")
            raise Invalid(field=Text("版本", "version"), given=number, why=why)
        return _told(home, who, kept.version(tx, found, saved.words(home)))


def _labelled(home: Home, who: Who, found: Grouping) -> Grouping:
    latest = None if found.latest is None else _told(home, who, found.latest)
    same = found.latest is found.holds
    holds = latest if same else None if found.holds is None else _told(home, who, found.holds)
    return replace(found, latest=latest, holds=holds)


def _told(home: Home, who: Who, found: Version) -> Version:
    groups = [replace(one, traits=describing.labelled(home, who, one.traits)) for one in found.groups]
    return replace(found, groups=tuple(groups))


# -- made


def ask(
    home: Home,
    who: Who,
    key: str,
    asked: Asked | None = None,
    *,
    name: Text | None = None,
    unit: int | None = None,
) -> Grouping:
    """Ask the worker for groups: it makes them within the minute. A grouping of this key gets a new version, else there is one from now on.

    Needs MANAGE_SEGMENTS and SEE_PERSONS; raises Invalid, GroupingCircle, NoSuchDimension and what reading a rule raises.

    Parameters
    ----------
    asked
        What the groups are made of; None: what the last version was made of.
    name
        None: the one it has, or its key.
    """
    wishes.begin(home, who, key, asked, name, unit, by=who.name)
    log("segments").info("groups_asked", who=who.name, grouping=key)
    return grouping(home, who, key)


def fit(
    home: Home,
    who: Who,
    key: str,
    asked: Asked | None = None,
    *,
    name: Text | None = None,
    unit: int | None = None,
    hear: Hear = _silent,
) -> Grouping:
    """Make groups here and now, and assign everybody by them; as `ask` in all else. Raises TooFewToGroup.

    Where no number of groups is stable and none was asked for, the version has no groups, and those before stay.
    """
    wishes.begin(home, who, key, asked, name, unit, by=None)
    make(home, who, key, hear)
    found = grouping(home, who, key)
    if found.latest is not None and found.latest.groups:
        assign(home, who, key, hear=hear)
    return grouping(home, who, key)


def make(home: Home, who: Who, key: str, hear: Hear) -> None:
    """Make a version and note it, for `fit` and for the worker; nobody is assigned yet."""
    here, began = profiles.current(home), time.perf_counter()
    with home.state.read() as tx:
        row = kept.row_of(tx, who, key)
        found = kept.grouping(tx, row, saved.words(home))
    persons = wishes.persons(home, found.asked, here)
    known = [  # tags made by users only where they are named
        one
        for one in profiles.dimensions(home, _SYSTEM)
        if profiles.is_shipped(one.key) or one.key in found.asked.dimensions
    ]
    made = making.make(here, found.asked, known, persons, hear)
    before = found.holds if found.holds is not None and found.holds.model is not None else None
    goes_on: Mapping[int, str] = {}
    if before is not None and before.model is not None and len(made.centres):
        goes_on = making.continued(here, made, before.model)
    with home.state.write() as tx:
        number = kept.row_of(tx, who, key)["number"]
        groups = _groups(home, made, goes_on, before, list(store.nodes(tx, number)))
        version = store.versions(tx, number) + 1
        centres = {one.node: tuple(centre.tolist()) for one, centre in zip(groups, made.centres, strict=True)}
        space = made.space
        model = Model(
            space.names,
            tuple(tuple(numbers) for numbers in space.weights.tolist()),
            tuple(space.base.tolist()),
            centres,
            space.explained,
        )
        about = {"grouping": number, "version": version}
        left_out = dict.fromkeys(space.left_out, "same")
        noted = {
            **about,
            "asked": kept.asked_text(found.asked),
            "model": kept.model_text(model) if groups else None,
            "tried": kept.tried_text(made.tried),
            "left_out": kept.json_text(left_out),
            "sample": len(made.sample),
            "persons": len(persons),
            "batch": here.batch,
            "made_by": who.name if row["wanted_by"] is None else row["wanted_by"],
            "made_at": clock.micros(),
        }
        store.add_version(tx, noted, [{**about, **kept.group_row(one, n)} for n, one in enumerate(groups)])
        store.change(tx, number, wanted_by=None, wanted_at=None, trouble_zh=None, trouble_en=None)
    took = round(time.perf_counter() - began, 3)
    log("segments").info("groups_made", grouping=key, version=version, groups=len(groups), took_s=took)


def _groups(
    home: Home, made: Made, goes_on: Mapping[int, str], before: Version | None, taken: Sequence[str]
) -> list[Group]:
    """Return the groups of a version: one that goes on has its node and the name that somebody gave it."""
    old = {} if before is None else {one.node: one for one in before.groups}
    last = max((int(node.removeprefix("g")) for node in taken), default=0)
    stay = [old[goes_on[n]].name if n in goes_on else None for n in range(len(made.centres))]
    traits = [describing.labelled(home, _SYSTEM, some) for some in made.traits]
    new = [n for n, name in enumerate(stay) if name is None]
    called = dict(
        zip(new, describing.names([traits[n] for n in new], [name for name in stay if name]), strict=True)
    )
    found, total = [], sum(made.sizes)
    for n, size in enumerate(made.sizes):
        mine = goes_on.get(n)
        last += mine is None
        found.append(
            Group(
                node=mine or f"g{last}",
                name=called[n] if mine is None else old[mine].name,
                named_by=None if mine is None else old[mine].named_by,
                share=size / total,
                distance=made.distances[n],
                traits=made.traits[n],
            )
        )
    return found


# -- assigned


def assign(home: Home, who: Who, key: str, *, hear: Hear = _silent) -> Grouping:
    """Put every person into the nearest group of the newest version that has groups, and give the tags; needs MANAGE_SEGMENTS.

    Notes sizes, how many are in another group than before, and how far they are from the centres. Raises NoGroups.
    """
    who.need(Permission.MANAGE_SEGMENTS)
    found = grouping(home, who, key)
    holds = found.holds
    if holds is None or holds.model is None:
        raise NoGroups(key=key)
    here = profiles.current(home)
    some = np.frombuffer(wishes.persons(home, holds.asked, here).to_array(), np.uint32)
    places, far = _places(home, here, holds.model, some, hear)
    nodes = [one.node for one in holds.groups]
    order = list(holds.model.centres)
    last = found.runs[-1] if found.runs else None
    before = here if last is not None and last.version == holds.number else None
    known, moved = _moved(before, found.dimension, order, some, places)
    giving.give(home, who, _given(home, found, holds), giving.values(here, some, places, order))
    sizes = np.bincount(places, minlength=len(nodes)).tolist()
    with home.state.write() as tx:
        store.note(
            tx,
            grouping=kept.row_of(tx, who, key)["number"],
            day=here.day,
            version=holds.number,
            persons=len(some),
            sizes=kept.json_text(dict(zip(order, sizes, strict=True))),
            known=known,
            moved=moved,
            distance=far,
            batch=here.batch,
            made_at=clock.micros(),
        )
    log("segments").info(
        "groups_assigned", grouping=key, version=holds.number, persons=len(some), moved=moved
    )
    return grouping(home, who, key)


def _given(home: Home, found: Grouping, holds: Version) -> profiles.Given:
    with home.state.read() as tx:
        ever = store.nodes(tx, kept.row_of(tx, _SYSTEM, found.key)["number"])
    here = {one.node for one in holds.groups}
    gone = {node: Text(*name) for node, name in ever.items() if node not in here}
    return giving.given(found, holds, gone)


def _places(
    home: Home, here: profiles.Index, model: Model, some: Numbers, hear: Hear
) -> tuple[Places, float]:
    """Return the place of the group of each person among the centres, and how far they are from it on average."""
    places, far, done = np.zeros(len(some), np.int8), 0.0, 0
    hear(_ASSIGNING, 0, len(some))
    for block in assigning.assigned(home, here, model, some):
        places[np.searchsorted(some, block.who)] = block.places
        far += float(block.distances.sum())
        done += len(block.who)
        hear(_ASSIGNING, done, len(some))
    return places.astype(np.intp), far / max(len(some), 1)


def _moved(
    here: profiles.Index | None, dimension: str, nodes: Sequence[str], some: Numbers, places: Places
) -> tuple[int, int]:
    """Return how many of these persons had a group before, and how many of them had another one."""
    if here is None:
        return 0, 0
    everybody, known, stayed = BitMap(some), 0, 0
    for n, node in enumerate(nodes):
        old = here.split(("node", dimension, node), keep=False).persons
        known += everybody.intersection_cardinality(old)
        stayed += BitMap(some[places == n]).intersection_cardinality(old)
    return known, known - stayed


# -- named, used, removed


def rename(home: Home, who: Who, key: str, node: str, name: Text) -> Grouping:
    """Name a group; needs MANAGE_SEGMENTS; no two groups have one name. The name stays in later versions as long as the group does.

    Raises NoSuchGroup, NoGroups.
    """
    who.need(Permission.MANAGE_SEGMENTS)
    wishes.check_name(name)
    found = grouping(home, who, key)
    if found.holds is None:
        raise NoGroups(key=key)
    _group(found, node)
    for other in found.holds.groups:
        if other.node != node and (other.name.zh == name.zh or other.name.en == name.en):
            why = Text(f"{other.node} 已经叫这个名字", f"{other.node} has this name")
            raise Invalid(field=Text("名称", "name"), given=name.get(who.lang), why=why)
    with home.state.write() as tx:
        number = kept.row_of(tx, who, key)["number"]
        store.rename(tx, number, found.holds.number, node, name.zh, name.en, who.name)
    after = grouping(home, who, key)
    assert after.holds is not None
    if after.runs:
        profiles.declare(home, who, _given(home, after, after.holds))
    return after


def _group(found: Grouping, node: str) -> Group:
    groups = () if found.holds is None else found.holds.groups
    for one in groups:
        if one.node == node:
            return one
    raise NoSuchGroup(key=found.key, given=node, near=", ".join(one.node for one in groups) or "–")


def as_segment(home: Home, who: Who, key: str, node: str) -> Segment:
    """Save the persons of a group as a segment, under the name of the group; needs MANAGE_SEGMENTS. It goes on as the group does."""
    found = grouping(home, who, key)
    one = _group(found, node)
    return saved.create(home, who, None, one.name, Has(found.dimension, one.node), unit=found.unit)


def as_sql(home: Home, who: Who, key: str) -> str:
    """Return the assignment as one statement of SQL over `feature`; see `spelled`. Raises NoGroups."""
    return assigning.statement(_model(home, who, key)[1])


def write_sql(home: Home, who: Who, key: str, folder: Path) -> int:
    """Write the statement, where each person stands (`feature.parquet`) and what each node adds (`weights.csv`) into a folder; return how many persons.

    Numbers of persons, nothing raw; needs SEE_PERSONS and MANAGE_SEGMENTS.
    """
    who.need(Permission.MANAGE_SEGMENTS)
    found, model = _model(home, who, key)
    here = profiles.current(home)
    asked = found.asked if found.holds is None else found.holds.asked
    some = np.frombuffer(wishes.persons(home, asked, here).to_array(), np.uint32)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "groups.sql").write_text(
        f"create view feature as select * from 'feature.parquet';\n{assigning.statement(model).rstrip()};\n",
        encoding="utf-8",
    )
    reader = assigning.feature(here, model, some)
    with pq.ParquetWriter(folder / "feature.parquet", reader.schema) as out:
        for batch in reader:
            out.write_batch(batch)
    with open(folder / "weights.csv", "w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["dimension", "node", *spelled.columns(len(model.base))])
        rows.writerow(["", "", *model.base])
        rows.writerows([*name, *numbers] for name, numbers in zip(model.names, model.weights, strict=True))
    log("segments").info("groups_exported", who=who.name, grouping=key, persons=len(some))
    return len(some)


def _model(home: Home, who: Who, key: str) -> tuple[Grouping, Model]:
    found = grouping(home, who, key)
    if found.holds is None or found.holds.model is None:
        raise NoGroups(key=key)
    return found, found.holds.model


def _users(home: Home, dimension: str) -> list[str]:
    """Return the segments and groupings that ask for a dimension, in any version, since each of them can be read as long as it is there; and tags that do."""
    found = []
    for one in saved.segments(home, _SYSTEM):
        every = (saved.segment(home, _SYSTEM, one.key, n).rule for n in range(one.versions, 0, -1))
        terms = (term for rule in every for term in rules.terms(rule))
        if any(isinstance(term, Has) and term.dimension == dimension for term in terms):
            found.append(one.key)
    with home.state.read() as tx:
        return [*found, *store.asking(tx, dimension), *(key for key, _ in _tags(home, dimension))]


def _tags(home: Home, dimension: str) -> list[tuple[str, int | None]]:
    with home.state.read() as tx:
        return list(standing.on_dimension(tx, saved.words(home), dimension))


def remove(home: Home, who: Who, key: str) -> None:
    """Remove a grouping with its tags; needs MANAGE_SEGMENTS; raises GroupingInUse where segments, tags or other groupings ask for its groups."""
    who.need(Permission.MANAGE_SEGMENTS)
    found = grouping(home, who, key)
    if by := _users(home, found.dimension):
        seen = {one.key for one in saved.segments(home, who)} | {one.key for one in groupings(home, who)}
        seen |= {key for key, unit in _tags(home, found.dimension) if who.sees_unit(unit)}
        raise GroupingInUse(key=key, by=", ".join(one for one in by if one in seen) or "–")
    if found.runs:
        profiles.withdraw(home, who, found.dimension)
    with home.state.write() as tx:
        store.change(
            tx, kept.row_of(tx, who, key)["number"], deleted_at=clock.micros(), wanted_by=None, wanted_at=None
        )
    log("segments").info("groups_removed", who=who.name, grouping=key)
