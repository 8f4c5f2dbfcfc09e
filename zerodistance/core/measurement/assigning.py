"""Verbs of assignment: who is in which arm. It is written, and said as touches, in one transaction; nobody is assigned twice."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pyroaring import BitMap

from zerodistance.core.measurement import experiments, mapped, packing, rules, standing, store, strata
from zerodistance.core.measurement.contracts import (
    ASSIGNED,
    HELD_OUT,
    MARKETING,
    PURPOSES,
    SERVICE,
    Assignment,
    Experiment,
    ExperimentEnded,
    NeedsHoldout,
    NoGlobalHoldout,
    NoSuchExperiment,
)
from zerodistance.core.measurement.standing import ASIDE, HELD, NOBODY, TREATED, Arms
from zerodistance.core.profiles import bitmaps
from zerodistance.core.touchpoints import own
from zerodistance.kernel import clock, fault
from zerodistance.kernel.access import Permission, Who
from zerodistance.kernel.home import Home
from zerodistance.kernel.logs import log

Ints = npt.NDArray[np.int64]
Numbers = npt.NDArray[np.uint32]
_SYSTEM = Who.system("measurement")
_LUCK = float(1 << 64)


def assign(home: Home, who: Who, key: str, persons: BitMap) -> Assignment:
    """Put persons (numbers of today) into the arms of an experiment; needs SEND; raises NoSuchExperiment, ExperimentEnded.

    Asked again it answers the same: who is assigned keeps the arm. For marketing, who is in the global holdout is held.
    """
    return _assign(home, who, key, persons, None)


def without_holdout(home: Home, who: Who, key: str, persons: BitMap, reason: str) -> Assignment:
    """Put all of these persons into the treated arm of a service experiment, and keep why; raises NeedsHoldout for any other purpose."""
    found = experiments.experiment(home, who, key)
    if found.purpose != SERVICE:
        words = PURPOSES[found.purpose]
        raise NeedsHoldout(key=key, purpose=words.en, purpose_zh=words.zh)
    return _assign(home, who, key, persons, reason)


def _assign(home: Home, who: Who, key: str, persons: BitMap, reason: str | None) -> Assignment:
    who.need(Permission.SEND)
    found = experiments.experiment(home, who, key)
    who.need_unit(found.unit)
    if found.ended:
        raise ExperimentEnded(key=key)
    numbers = bitmaps.to_numbers(persons)
    pairs = mapped.subjects_of(home, numbers)
    numbers = numbers[bitmaps.among(numbers, mapped.distinct(pairs[1]))]  # others are somebody else by now
    gone = _held_everywhere(home, found, numbers, pairs, enrol=True)
    done = None
    while done is None:  # somebody else may have assigned meanwhile: then who is fresh is looked at again
        done = _attempt(home, who, found, numbers, pairs, gone, reason)
        if done is None and experiments.experiment(home, _SYSTEM, key).ended:
            raise ExperimentEnded(key=key)
    return done


def _attempt(
    home: Home,
    who: Who,
    found: Experiment,
    numbers: Numbers,
    pairs: tuple[Ints, Ints],
    gone: npt.NDArray[np.bool_],
    reason: str | None,
) -> Assignment | None:
    """Assign whoever was not; None: it was changed meanwhile."""
    number = _number(home, found.key)
    before = standing.read(home, number)
    stood = standing.of_persons(before, numbers, pairs)
    arms = stood.arms(before)
    fresh = arms == NOBODY
    asked = home.seal.draw(numbers.astype("<u4").tobytes() + (reason or "").encode()) >> 1
    with home.state.read() as tx:
        same = store.assignments(tx, number, asked=asked)
    if same and not fresh.any():
        return _receipt(
            found,
            same[0],
            numbers,
            arms,
            gone,
            again=int((before.order[stood.first] != same[0]["number"]).sum()),
        )
    which, now = before.upto + 1, clock.micros()
    layers = strata.of(home, numbers[fresh], found.stratify, found.score)
    arms[fresh] = _drawn(home, found, numbers[fresh], gone[fresh], layers, which, reason)
    subjects, whose = pairs
    place = mapped.places(numbers, whose)
    anchors = _anchors(len(numbers), subjects, place)
    row = {
        "experiment": number,
        "number": which,
        "assigned_at": now,
        "assigned_by": who.name,
        "asked": asked,
        "again": packing.pack(np.sort(anchors[~fresh])),
        "persons": int(fresh.sum()),
        "held": int((fresh & (arms != TREATED)).sum()),
        "reason": reason,
    }
    mine = fresh[place]
    among_fresh = (np.cumsum(fresh) - 1)[place[mine]]
    parts = _parts(number, which, subjects[mine], among_fresh, arms[fresh], layers)
    said = _said(found, anchors[fresh], arms[fresh], now)
    with home.state.write() as tx:
        if store.last(tx, number) != before.upto or store.found(tx, found.key)[0]["ended_at"] is not None:
            return None
        store.add_assignment(tx, row, parts)
        own.say(tx, said)
        fault.point("measurement.assign")
    log("measurement").info(
        "assigned", who=who.name, experiment=found.key, number=which, persons=row["persons"], held=row["held"]
    )
    return _receipt(found, row, numbers, arms, gone, again=int((~fresh).sum()))


def _receipt(
    found: Experiment,
    row: Mapping[str, Any],
    numbers: Numbers,
    arms: Arms,
    gone: npt.NDArray[np.bool_],
    again: int,
) -> Assignment:
    treated = (arms == TREATED) & ~gone
    return Assignment(
        found.key, row["number"], bitmaps.of_sorted(numbers[treated]), bitmaps.of_sorted(numbers[~treated]),
        row["assigned_at"], again, int((gone | (arms == ASIDE)).sum()), row["reason"],
    )  # fmt: skip


def _number(home: Home, key: str) -> int:
    with home.state.read() as tx:
        return int(experiments.row_of(tx, _SYSTEM, key)["number"])


def _held_everywhere(
    home: Home, found: Experiment, numbers: Numbers, pairs: tuple[Ints, Ints], *, enrol: bool
) -> npt.NDArray[np.bool_]:
    """Say of each person whether it is in the global holdout; who draws the lot for it only now is enrolled."""
    nobody = np.zeros(len(numbers), np.bool_)
    if found.purpose != MARKETING or found.everywhere:
        return nobody
    try:
        everywhere = experiments.global_one(home)
    except NoGlobalHoldout:
        return nobody
    if enrol:
        try:
            receipt = _assign(home, _SYSTEM, everywhere.key, bitmaps.of_sorted(numbers), None)
        except (ExperimentEnded, NoSuchExperiment):  # another global holdout has begun just now
            return _held_everywhere(home, found, numbers, pairs, enrol=enrol)
        return bitmaps.among(numbers, bitmaps.to_numbers(receipt.held))
    there = standing.read(home, _number(home, everywhere.key))
    return np.asarray(standing.of_persons(there, numbers, pairs).arms(there) == HELD, np.bool_)


def _drawn(
    home: Home,
    found: Experiment,
    numbers: Numbers,
    gone: npt.NDArray[np.bool_],
    layers: strata.Strata,
    which: int,
    reason: str | None,
) -> Arms:
    """Return the arm that each person draws."""
    arms = np.full(len(numbers), TREATED, np.int8)
    if reason is None and found.share_held > 0:
        mine = numbers[~gone]
        lots = rules.lots(home.seal.stream, home.seal.mark("experiment", found.key), mine)
        if found.stratify:
            held = rules.lowest(
                lots, layers.codes[~gone], found.share_held,
                lambda code: home.seal.draw(f"{found.key}\0{which}\0{layers.names[code]}".encode()) / _LUCK,
            )  # fmt: skip
        else:
            held = rules.below(lots, found.share_held)
        arms[np.flatnonzero(~gone)[held]] = HELD
    arms[gone] = ASIDE
    return arms


def _anchors(many: int, subjects: Ints, place: Ints) -> Ints:
    """Return the earliest subject of each person, out of which person each subject (ascending) is of."""
    found = np.full(many, -1, np.int64)
    found[place[::-1]] = subjects[::-1]  # of several that are written to a place the last stays
    return found


def _parts(
    number: int, which: int, subjects: Ints, place: Ints, arms: Arms, layers: strata.Strata
) -> list[dict[str, Any]]:
    """Return the rows of the arms: subjects (ascending), and the place of the person of each in arms and layers."""
    groups = layers.codes[place] * 16 + layers.bands[place] + 1
    parts = []
    for group in np.flatnonzero(np.bincount(groups)).tolist():
        mine = groups == group
        some, arm = subjects[mine], arms[place[mine]]
        blobs = {
            name: packing.pack(some[arm == code])
            for name, code in zip(store.BLOBS, (TREATED, HELD, ASIDE), strict=True)
        }
        parts.append(
            {
                "experiment": number,
                "number": which,
                "stratum": layers.names[group // 16],
                "band": group % 16 - 1,
                **blobs,
            }
        )
    return parts


def _said(found: Experiment, anchors: Ints, arms: Arms, now: int) -> pa.Table:
    """Return what is said of those who were assigned: of those who may be contacted, and of those held out of this."""
    mine = arms != ASIDE
    subjects, many = pa.array(anchors[mine]), int(mine.sum())
    ids = pc.binary_join_element_wise(found.key, subjects.cast(pa.string()), "assigned", ":")
    return pa.table(
        {
            "subject": subjects,
            "kind": pc.if_else(pa.array(arms[mine] == HELD), HELD_OUT, ASSIGNED),
            "happened_at": pa.array(np.full(many, now, np.int64)),
            "message_id": ids,
            "campaign": pa.array([found.key], pa.string()).take(pa.array(np.zeros(many, np.int64))),
            "channel": pa.array([found.channel], pa.string()).take(pa.array(np.zeros(many, np.int64))),
            "category": pa.array([found.goal.category], pa.string()).take(pa.array(np.zeros(many, np.int64))),
        }
    )


def arms(home: Home, key: str, number: int) -> tuple[BitMap, BitMap]:
    """Return who may be contacted and who must not be, of those who were given for an assignment: by the persons of today.

    Who was assigned before keeps the arm, of merged persons the first counts, and who is in the global holdout by now is held. Raises
    NoSuchExperiment where there is no such assignment.
    """
    found = experiments.experiment(home, _SYSTEM, key)
    which = _number(home, key)
    with home.state.read() as tx:
        rows = store.assignments(tx, which, which=number)
    if not rows:
        raise NoSuchExperiment(key=f"{key}/{number}", near=f"{key}/{found.assignments}")
    there = standing.read(home, which)
    subjects, again = there.subject[there.order == number], packing.unpack(rows[0]["again"])
    subjects = np.union1d(subjects, again) if len(again) else subjects
    return _now(home, found, there, mapped.distinct(mapped.numbers_of(home, subjects)))


def receipt(home: Home, key: str, number: int) -> Assignment:
    """Return the receipt of an assignment as its arms are today; raises NoSuchExperiment where there is none."""
    with home.state.read() as tx:
        rows = store.assignments(tx, _number(home, key), which=number)
    may, held = arms(home, key, number)
    return Assignment(key, number, may, held, rows[0]["assigned_at"], reason=rows[0]["reason"])


def assigned(home: Home, key: str, *, before: int | None = None) -> BitMap:
    """Return everybody of today who was assigned, to whichever arm; with `before` by the assignments before that one alone."""
    there = standing.read(home, _number(home, key))
    some = there.subject if before is None else there.subject[there.order < before]
    return bitmaps.of_sorted(mapped.distinct(mapped.numbers_of(home, some)))


def treated(home: Home, key: str) -> BitMap:
    """Return everybody of today who may be contacted by an experiment, whenever it was assigned."""
    found = experiments.experiment(home, _SYSTEM, key)
    there = standing.read(home, _number(home, key))
    return _now(home, found, there, standing.of_everybody(home, there).numbers)[0]


def may_contact(home: Home, key: str, numbers: Numbers) -> npt.NDArray[np.bool_]:
    """Say of some persons of today (ascending) whether an experiment may contact them: what a sender asks right before it does.

    False as well for who was never assigned to it, and for who is in the global holdout by now.
    """
    found = experiments.experiment(home, _SYSTEM, key)
    there, pairs = standing.read(home, _number(home, key)), mapped.subjects_of(home, numbers)
    may: npt.NDArray[np.bool_] = standing.of_persons(there, numbers, pairs).arms(there) == TREATED
    return may & ~_held_everywhere(home, found, numbers, pairs, enrol=False)


def _now(home: Home, found: Experiment, there: standing.Standing, numbers: Numbers) -> tuple[BitMap, BitMap]:
    pairs = mapped.subjects_of(home, numbers)
    may = standing.of_persons(there, numbers, pairs).arms(there) == TREATED
    may &= ~_held_everywhere(home, found, numbers, pairs, enrol=False)
    return bitmaps.of_sorted(numbers[may]), bitmaps.of_sorted(numbers[~may])


def forget(home: Home, subjects: Any) -> dict[str, int]:
    """Take these subjects out of all arms; worker only, may be run again."""
    gone, removed = np.array(sorted(subjects), np.int64), 0
    with home.state.write() as tx:
        for key in store.every_arm(tx):
            row, fresh = store.arm(tx, key), dict[str, bytes]()
            for name in store.BLOBS:
                body, went = packing.without(row[name], gone)
                removed += went
                if went:
                    fresh[name] = body
            if fresh:
                store.rewrite(tx, key, fresh)
        for number, which, again in store.every_again(tx):
            body, went = packing.without(again, gone)
            removed += went
            if went:
                store.rewrite_again(tx, number, which, body)
    standing.let_go(home)
    return {"experiment_arms": removed}
