"""The authoritative answer: all active evidence -> persons, and the difference to what is live, as a new epoch."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection

from zerodistance.core.identity import kept, loading, partition, rules, store
from zerodistance.core.identity.contracts import VISITORS_FROM, Rebuilt
from zerodistance.core.identity.older import catch_up
from zerodistance.core.identity.partition import Partition, Renumbered, Subjects
from zerodistance.core.identity.rules import RuleSet
from zerodistance.events.identity import PersonsChanged
from zerodistance.kernel import bulk, bus, clock, fault
from zerodistance.kernel.home import Home
from zerodistance.kernel.seal import Seal

Ints = npt.NDArray[np.int64]
_EXAMPLES = 10


@dataclass(frozen=True)
class _Solved:
    """An answer, and the state it was computed from."""

    numbers: dict[str, int]
    change: int
    subjects: Subjects
    was_shared: npt.NDArray[np.bool_]
    pairs: int
    partition: Partition
    renumbered: Renumbered


def rebuild(home: Home, *, only: Sequence[int] | None = None, reason: str = "rebuild") -> Rebuilt:
    """Compute persons anew and write what differs in one transaction.

    The answer is computed beside the running digestion. Persons that digestion changed in the meantime stay as they are until
    the next rebuild; if anything else changed (forgetting, another rebuild), it is computed once more with the write lock held.

    Parameters
    ----------
    only
        Subjects to look at; None: all of them, which also begins a new epoch.
    """
    began = time.perf_counter()
    catch_up(home)
    with home.state.read() as tx:
        solved = _solve(tx, only)
    fault.point("identity.rebuild.solved")
    with home.state.write() as tx:
        now = store.numbers(tx)
        if now["generation"] != solved.numbers["generation"]:
            solved = _solve(tx, only)
        elif now["batch"] != solved.numbers["batch"]:
            solved = _caught_up(tx, solved, now)
        return _write(tx, home.seal, solved, whole=only is None, reason=reason, began=began)


def _caught_up(tx: Connection, solved: _Solved, now: dict[str, int]) -> _Solved:
    """Return the answer without those persons that digestion has changed since; what is left fits the state of now."""
    before, found, old = solved.numbers, solved.renumbered, solved.subjects.person
    changed = bulk.columns(
        tx, "select old_person, new_person from identity_change where number > ?", 2, (solved.change,)
    )
    grown = bulk.columns(tx, "select distinct person from subject where number > ?", 1, (before["subject"],))
    busy = np.unique(np.concatenate([changed.reshape(-1), grown.reshape(-1)]))
    person = found.person.copy()
    for kind, low, high in (("person", 0, VISITORS_FROM), ("visitor", VISITORS_FROM, 1 << 32)):
        last = max(before[kind], low - 1)
        person[(found.person > last) & (found.person < high) & (found.person >= low)] += (
            max(now[kind], low - 1) - last
        )
    stays = np.isin(old, busy) | np.isin(person, busy)
    person[stays] = old[stays]
    last_person, last_visitor = (
        max(now["person"], int(person[person < VISITORS_FROM].max(initial=0))),
        max(now["visitor"], int(person.max(initial=0))),
    )
    return replace(
        solved, renumbered=replace(found, person=person, last_person=last_person, last_visitor=last_visitor)
    )


def _solve(tx: Connection, only: Sequence[int] | None) -> _Solved:
    numbers, by = store.numbers(tx), RuleSet()
    if only is None:
        inside, (subjects, was_shared) = None, loading.subjects(tx, None)
    else:
        near = sorted(store.of_subjects(tx, sorted(set(only))))
        inside, (subjects, was_shared) = len(near), loading.subjects(tx, [*near, *loading.around(tx, near)])
    pairs, apart = loading.pairs(tx, subjects.number, whole=only is None)
    answer = partition.solve(
        subjects, pairs, by, None if only is None else was_shared, inside, apart, store.released(tx)
    )
    subjects, answer = subjects.first(inside), replace(answer, label=answer.label[:inside])
    renumbered = partition.renumber(
        subjects,
        answer.label,
        last_person=numbers["person"],
        last_visitor=numbers["visitor"],
        visitors_from=VISITORS_FROM,
    )
    return _Solved(
        numbers, store.last_change(tx), subjects, was_shared[:inside], len(pairs.a), answer, renumbered
    )


def _write(tx: Connection, seal: Seal, solved: _Solved, *, whole: bool, reason: str, began: float) -> Rebuilt:
    numbers, now = store.numbers(tx), clock.micros()
    epoch = numbers["epoch"] + 1 if whole else numbers["epoch"]
    found, subjects = solved.renumbered, solved.subjects
    differs = np.flatnonzero(found.person != subjects.person)
    moves = list(zip(subjects.number[differs].tolist(), found.person[differs].tolist(), strict=True))
    first, last = store.move(tx, moves, now, epoch)
    crowded, freed = _write_shared(tx, solved, epoch, now, whole=whole)
    fault.point("identity.rebuild.moved")
    store.set_numbers(
        tx,
        {
            "person": found.last_person,
            "visitor": found.last_visitor,
            "epoch": epoch,
            "generation": numbers["generation"] + 1,
        },
    )
    merged, split = len(found.merged), len(found.split)
    if moves:
        bus.say(tx, PersonsChanged(reason, epoch, len(moves), merged, split, first, last), f"epoch{epoch}")
    persons = np.unique(found.person)
    said = Rebuilt(
        epoch=epoch,
        subjects=len(subjects.number),
        evidence=solved.pairs,
        persons=int(np.count_nonzero(persons < VISITORS_FROM)),
        visitors=int(np.count_nonzero(persons >= VISITORS_FROM)),
        merged=merged,
        split=split,
        moved=len(moves),
        shared=crowded,
        freed=freed,
        vetoed={
            rules.counter(guard, rules.NAMESPACES[rank].key): times
            for (guard, rank), times in sorted(solved.partition.vetoed.items())
        },
        merged_ids=_examples(seal, solved, found.merged, changed_to=True),
        split_ids=_examples(seal, solved, found.split, changed_to=False),
        seconds=time.perf_counter() - began,
    )
    if whole:
        kept.keep_figure(tx, "rebuilt", now, asdict(replace(said, merged_ids=(), split_ids=())))
    return said


def _write_shared(tx: Connection, solved: _Solved, epoch: int, now: int, *, whole: bool) -> tuple[int, int]:
    """Write which identifiers are shared now; return how many newly are and how many no longer. Only a whole rebuild knows."""
    if not whole:
        return 0, 0
    number, crowded = solved.subjects.number, solved.partition.shared
    is_shared = np.zeros(len(number), dtype=bool)
    is_shared[list(crowded)] = True
    newly = number[is_shared & ~solved.was_shared].tolist()
    freed = number[~is_shared & solved.was_shared].tolist()
    rows = [(int(number[row]), persons, by, epoch, now) for row, (persons, by) in crowded.items()]
    store.UPSERT_SHARED.run(tx, rows)
    store.UPDATE_SHARED.run(tx, [(1, n) for n in newly] + [(0, n) for n in freed])
    store.DELETE_SHARED.run(tx, [(n,) for n in freed])
    return len(newly), len(freed)


def _examples(seal: Seal, solved: _Solved, rows: Ints, *, changed_to: bool) -> tuple[tuple[str, str], ...]:
    """Return (id, other id) of some persons: merged -> the id they have now; split -> the id of a part that left."""
    number, label, person = solved.subjects.number, solved.partition.label, solved.subjects.person
    pairs = []
    for row in rows[:_EXAMPLES].tolist():
        if changed_to:
            other = label[row]
        else:
            parts = label[person == person[row]]
            other = parts[parts != label[row]][0]
        pairs.append((seal.public_id("p", int(number[row])), seal.public_id("p", int(number[other]))))
    return tuple(pairs)
