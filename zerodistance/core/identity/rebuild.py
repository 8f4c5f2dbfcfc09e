"""The authoritative answer: all active evidence -> persons, and the difference to what is live, as a new epoch."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection

from zerodistance.core.identity import kept, loading, partition, public, renumbering, rules, settling, store
from zerodistance.core.identity.connected import Whole, sizes
from zerodistance.core.identity.contracts import VISITORS_FROM, Rebuilt
from zerodistance.core.identity.naming import Pairs
from zerodistance.core.identity.older import catch_up
from zerodistance.core.identity.partition import Partition, Subjects
from zerodistance.core.identity.renumbering import Renumbered
from zerodistance.core.identity.rules import RuleSet
from zerodistance.core.identity.ruling import versions
from zerodistance.core.identity.ruling.contracts import Epoch
from zerodistance.core.identity.turns import store as turns
from zerodistance.events.identity import PersonsChanged
from zerodistance.kernel import bulk, bus, clock, fault
from zerodistance.kernel.home import Home
from zerodistance.kernel.seal import Seal

Ints = npt.NDArray[np.int64]
_EXAMPLES = 10
_SETTLED = 50_000  # subjects that are settled in one transaction, own value


@dataclass(frozen=True)
class Solved:
    """An answer, and the state it was computed from.

    Attributes
    ----------
    version
        Of the rules: those in force when it was computed, or those that it puts in force.
    change
        Number of the last change of persons then.
    evidence, pairs
        How many pieces of evidence, matches and decisions it was computed from; and these, where they were asked for.
    resting
        Rows of the turns of devices that are shared, see `turns`.
    """

    version: int
    numbers: dict[str, int]
    change: int
    subjects: Subjects
    was_shared: npt.NDArray[np.bool_]
    evidence: int
    pairs: Pairs | None
    partition: Partition
    renumbered: Renumbered
    resting: Ints

    @cached_property
    def moves(self) -> list[tuple[int, int]]:
        """(subject, new person) of those that belong to another person than before."""
        now, before = self.renumbered.person, self.subjects.person
        differs = np.flatnonzero(now != before)
        return list(zip(self.subjects.number[differs].tolist(), now[differs].tolist(), strict=True))

    @cached_property
    def ids(self) -> tuple[Ints, Ints]:
        """Per subject, the one that gives its person the public id, and what new subjects of the person are settled for."""
        return self._ids(self.partition.label, slice(None))

    @cached_property
    def ids_before(self) -> Ints:
        """Per subject, the one that gave its person the public id before."""
        _, first, of = np.unique(self.subjects.person, return_index=True, return_inverse=True)
        return self._ids(first[of], slice(None))[0]

    def id_now(self, row: int) -> int:
        """Return the subject that gives the person of a row the public id."""
        label = self.partition.label
        return self._id(np.flatnonzero(label == label[row]))

    def id_before(self, row: int) -> int:
        """Return the subject that gave the person of a row the public id before."""
        return self._id(np.flatnonzero(self.subjects.person == self.subjects.person[row]))

    def left(self, row: int) -> int:
        """Return a row of a part that left the person of a row and the public id with it."""
        there = np.flatnonzero(self.subjects.person == self.subjects.person[row])
        label, keeps = self.partition.label[there], self.id_before(row)
        parts = np.unique(label, return_index=True)[1]
        return next(int(one) for one in there[parts] if self.id_now(int(one)) != keeps)

    def joined(self, row: int) -> int | None:
        """Return the subject that gave the public id which is gone since the person of a row and others are one; None: none is."""
        label, now = self.partition.label, self.id_now(row)
        there = np.flatnonzero(label == label[row])
        persons, first = np.unique(self.subjects.person[there], return_index=True)
        first = there[
            first[np.argsort(persons != self.subjects.person[row], kind="stable")]
        ]  # its own before
        before = (self.id_before(int(one)) for one in first if self._goes_on(int(one)) == label[row])
        return next((one for one in before if one != now), None)

    def _goes_on(self, row: int) -> int:
        """Return the label of those who were one person with a row, -1 where they are several now."""
        labels = np.unique(self.partition.label[self.subjects.person == self.subjects.person[row]])
        return int(labels[0]) if len(labels) == 1 else -1

    def _id(self, rows: Ints) -> int:
        return self._ids(np.zeros(len(rows), np.int64), rows)[0].item(0)

    def _ids(self, label: Whole, rows: Ints | slice) -> tuple[Ints, Ints]:
        assert self.subjects.settled is not None
        return public.chosen(label, self.subjects.number[rows], self.subjects.settled[rows])

    def unsettled(self) -> Iterator[list[tuple[int, int, int]]]:
        """Yield some at a time (what it is settled for, subject, person) of subjects that are not yet.

        Visitors and whoever is alone never are, nor, where the one that gives the id stands for another, whoever would give it instead.
        """
        subjects, label, person = self.subjects, self.partition.label, self.renumbered.person
        assert subjects.settled is not None
        (gives, stands), number = self.ids, subjects.number
        open_ = (subjects.settled == 0) & (person < VISITORS_FROM) & (sizes(label)[label] > 1)
        open_ &= (stands == gives) | ((number > gives) & (number != stands))
        rows = np.flatnonzero(open_)
        for start in range(0, len(rows), _SETTLED):
            some = rows[start : start + _SETTLED]
            columns = (stands[some], number[some], person[some])
            yield list(zip(*(column.tolist() for column in columns), strict=True))

    def newly(self) -> tuple[list[int], list[int]]:
        """Return the identifiers that stop linking, and those that link again."""
        return self._newly(list(self.partition.shared), self.subjects.rank != rules.TURN)

    def newly_resting(self) -> tuple[list[int], list[int]]:
        """Return the turns that stop linking with their devices, and those that link again."""
        return self._newly(self.resting, self.subjects.rank == rules.TURN)

    def _newly(self, rows: Sequence[int] | Ints, among: npt.NDArray[np.bool_]) -> tuple[list[int], list[int]]:
        is_shared = np.zeros(len(among), dtype=bool)
        is_shared[rows] = True
        number = self.subjects.number
        newly: list[int] = number[among & is_shared & ~self.was_shared].tolist()
        freed: list[int] = number[among & ~is_shared & self.was_shared].tolist()
        return newly, freed


@dataclass(frozen=True)
class Turn:
    """Rules that take the place of those in force with a rebuild, in its one transaction.

    Attributes
    ----------
    links
        Matches by these rules, (a, b, millionths of a bit), and since when others were placed beside them; None: those that are kept.
    write
        Puts them in force and returns their version.
    """

    by: RuleSet
    links: tuple[Ints, int] | None
    write: Callable[[Connection], int]


def rebuild(
    home: Home, *, only: Sequence[int] | None = None, reason: str = "rebuild", turn: Turn | None = None
) -> Rebuilt:
    """Compute persons anew and write what differs in one transaction.

    The answer is computed beside the running digestion. Persons that digestion or placing changed in the meantime stay as they are until
    the next rebuild; if anything else changed (forgetting, another rebuild), it is computed once more with the write lock held.

    Parameters
    ----------
    only
        Subjects to look at; None: all of them, which also begins a new epoch.
    turn
        Rules to compute by and to put in force; None: by those that are.
    """
    began = time.perf_counter()
    catch_up(home)
    with home.state.read() as tx:
        solved = solve(tx, only, turn)
    fault.point("identity.rebuild.solved")
    with home.state.write() as tx:
        now = store.numbers(tx)
        if now["generation"] != solved.numbers["generation"]:
            solved = solve(tx, only, turn)
        elif any(
            now[key] != solved.numbers[key] for key in ("batch", "change")
        ):  # a touch came in, or was placed
            solved = _caught_up(tx, solved, now)
        if turn is not None:
            solved = replace(solved, version=turn.write(tx))
        said = _write(tx, home.seal, solved, whole=only is None, reason=reason, began=began)
    if only is None:
        _settle(home, solved)
    return said


def _settle(home: Home, solved: Solved) -> None:
    """Write down of every subject for which id it stands from now on; whoever has moved meanwhile waits for the next rebuild."""
    for some in solved.unsettled():
        with home.state.write() as tx:
            settling.SETTLE.run(tx, some)
        fault.point("identity.rebuild.settled")


def _caught_up(tx: Connection, solved: Solved, now: dict[str, int]) -> Solved:
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


def solve(
    tx: Connection, only: Sequence[int] | None = None, turn: Turn | None = None, *, keep: bool = False
) -> Solved:
    """Compute the answer by the rules in force, or by others; writes nothing.

    Parameters
    ----------
    keep
        Whether the pairs are wanted, which are large.
    """
    numbers, (version, by) = store.numbers(tx), versions.in_force(tx)
    by, links = (by, None) if turn is None else (turn.by, turn.links)
    if only is None:
        inside, (subjects, was_shared) = None, loading.subjects(tx, None)
    else:
        near = sorted(store.of_subjects(tx, sorted(set(only))))
        inside, (subjects, was_shared) = len(near), loading.subjects(tx, [*near, *loading.around(tx, near)])
    pairs, apart = loading.pairs(tx, subjects.number, whole=only is None, links=links)
    answer = partition.solve(
        subjects, pairs, by, None if only is None else was_shared, inside, apart, store.released(tx)
    )
    subjects, answer = subjects.first(inside), replace(answer, label=answer.label[:inside])
    # where only some are looked at, these are marked as shared, like their devices
    resting = turns.resting(tx, subjects.number, answer.shared) if only is None else np.empty(0, np.int64)
    answer.label[resting] = resting
    renumbered = renumbering.renumber(
        subjects,
        answer.label,
        last_person=numbers["person"],
        last_visitor=numbers["visitor"],
        visitors_from=VISITORS_FROM,
    )
    held = pairs if keep else None
    change, many = store.last_change(tx), len(pairs.a)
    was = was_shared[:inside]
    return Solved(version, numbers, change, subjects, was, many, held, answer, renumbered, resting)


def _write(tx: Connection, seal: Seal, solved: Solved, *, whole: bool, reason: str, began: float) -> Rebuilt:
    numbers, now = store.numbers(tx), clock.micros()
    epoch = numbers["epoch"] + 1 if whole else numbers["epoch"]
    found, moves = solved.renumbered, solved.moves
    first, last = store.move(tx, moves, now, epoch)
    if whole:
        _write_shared(tx, solved, epoch, now)
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
    said = replace(difference(seal, solved, whole=whole), epoch=epoch, seconds=time.perf_counter() - began)
    if moves:
        counts = (len(moves), said.merged, said.split, first, last)
        bus.say(tx, PersonsChanged(reason, epoch, *counts), f"epoch{epoch}")
    if whole:
        kept.keep_figure(tx, "rebuilt", now, asdict(replace(said, merged_ids=(), split_ids=())))
        one = Epoch(epoch, now, solved.version, reason, said.merged, said.split, said.moved)
        versions.note_epoch(tx, one)
    return said


def difference(seal: Seal, solved: Solved, *, whole: bool = True) -> Rebuilt:
    """Return what an answer changes, without the number of its epoch and its time."""
    found = solved.renumbered
    persons = np.unique(found.person)
    crowded, freed = solved.newly() if whole else ([], [])  # only a whole rebuild knows
    return Rebuilt(
        epoch=0,
        subjects=len(solved.subjects.number),
        evidence=solved.evidence,
        persons=int(np.count_nonzero(persons < VISITORS_FROM)),
        visitors=int(np.count_nonzero(persons >= VISITORS_FROM)),
        merged=len(found.merged),
        split=len(found.split),
        moved=len(solved.moves),
        shared=len(crowded),
        freed=len(freed),
        vetoed={
            rules.counter(guard, rules.NAMESPACES[rank].key): times
            for (guard, rank), times in sorted(solved.partition.vetoed.items())
        },
        merged_ids=_examples(seal, solved, found.merged, changed_to=True),
        split_ids=_examples(seal, solved, found.split, changed_to=False),
        seconds=0.0,
        rules=solved.version,
    )


def _write_shared(tx: Connection, solved: Solved, epoch: int, now: int) -> None:
    """Write which identifiers are shared now."""
    number, (newly, freed), turned = solved.subjects.number, solved.newly(), solved.newly_resting()
    crowded = solved.partition.shared
    rows = [(int(number[row]), persons, by, epoch, now) for row, (persons, by) in crowded.items()]
    store.UPSERT_SHARED.run(tx, rows)
    for subjects, shared in ((newly, 1), (freed, 0), (turned[0], 1), (turned[1], 0)):
        store.UPDATE_SHARED.run(tx, [(shared, n) for n in subjects])
    store.DELETE_SHARED.run(tx, [(n,) for n in freed])


def _examples(seal: Seal, solved: Solved, rows: Ints, *, changed_to: bool) -> tuple[tuple[str, str], ...]:
    """Return (id, other id) of some persons: merged -> the id they have now; split -> the id of a part that left."""
    pairs: list[tuple[int, int]] = []
    for row in rows[: 2 * _EXAMPLES].tolist():  # the id of some stays although their number does not
        one = solved.joined(row) if changed_to else solved.id_before(row)
        other = solved.id_now(row if changed_to else solved.left(row))
        if one is not None and len(pairs) < _EXAMPLES and (one, other) not in pairs:
            pairs.append((one, other))
    return tuple((seal.public_id("p", one), seal.public_id("p", other)) for one, other in pairs)
