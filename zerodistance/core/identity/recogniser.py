"""Recognition: the touches of a batch -> subjects and persons, from memory where possible, written in the batch's commit."""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection

from zerodistance.core.identity import cleaning, mentions, rules, saying, store
from zerodistance.core.identity.cache import (
    KNOWN,
    NEVER,
    RESERVED,
    Cache,
    dropped_counter,
    dropped_slot,
)
from zerodistance.core.identity.contracts import VISITORS_FROM, StaleRecognition
from zerodistance.core.identity.known import Knowing
from zerodistance.core.identity.linking import Signs, as_they_came, hold, join_new, new_links, rows_of
from zerodistance.core.identity.live import Group, Joined
from zerodistance.core.identity.meaning import meant, rule_code
from zerodistance.core.identity.pending import Pending
from zerodistance.core.identity.turns.noticing import Turned, notice
from zerodistance.core.identity.turns.standing import New, Stands
from zerodistance.core.touchpoints.contracts import Batch, Recognised
from zerodistance.events.identity import PersonsChanged
from zerodistance.kernel import bulk, bus, clock, fault
from zerodistance.kernel.home import Home

Ints = npt.NDArray[np.int64]
_Wanted = dict[bytes, tuple[int, str]]
"""Token -> rank, clean value; in the order in which they came."""
_SEEN_STEPS = 18  # a visitor's last visit is written down that often within the days it lives (own value)


@contextmanager
def _without_collector() -> Iterator[None]:
    """Keep the cycle collector away from a burst of small tuples: nothing here makes a cycle, and it doubles the time."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


class Recognition:
    """Says who a touch is about: the `Recogniser` of touchpoints.

    `recognise` and `write` alternate. Everything in memory can be read again from the state: after a failed commit call
    `reset`; when another process changed persons, the next batch notices by itself.
    """

    def __init__(self, home: Home) -> None:
        self._home = home
        country = home.settings.country
        self._cleaners: dict[str, Callable[[str], cleaning.Clean]] = {
            n.key: cleaning.cleaner(n.key, country) for n in rules.NAMESPACES if n.rank != rules.TURN
        }
        self._knowing = Knowing(home)
        self._seen_step = home.settings.visitor_days * clock.MICROS_PER_DAY // _SEEN_STEPS
        self.reset()

    def begin(self) -> None:
        """Begin to read what the first batch would wait for."""
        self._knowing.begin()

    def reset(self) -> None:
        """Forget what was kept in memory."""
        self._cache = Cache(self._home.settings.cache_ids)
        self._numbers: dict[str, int] = {}

    def moved(self, moves: Sequence[tuple[int, int]]) -> None:
        """Take in who was moved by the same process between two batches: (subject, new person)."""
        before = self._numbers
        self._numbers = {}  # whatever fails from here on, everything is read again
        if not before:
            return
        with self._home.state.read() as tx:
            numbers = store.numbers(tx)
        if numbers["generation"] != before["generation"]:
            self.reset()
            return
        self._numbers = {**numbers, "visitor": max(numbers["visitor"], VISITORS_FROM - 1)}
        self._cache.moved(moves)

    def recognise(self, batch: Batch) -> Recognised:
        """Look up or number the subjects of a batch; writes nothing."""
        with _without_collector():
            return self._recognise(batch)

    def _recognise(self, batch: Batch) -> Recognised:
        touches = batch.touches.num_rows
        counts: Counter[tuple[int, str]] = Counter()
        with self._home.state.read() as tx:
            self._refresh(tx)
            numbers, origin = self._numbers, batch.origin
            pending = Pending(origin, numbers["generation"], numbers["epoch"], numbers, clock.micros())
            self._cache.turn_to(origin)
            new, first_new = New(), self._numbers["subject"] + 1
            names = saying.names(batch, self._home.seal)
            signs, record = self._with_named(
                tx, batch, self._signs(tx, batch, pending, new), names, pending, new
            )
            self._count_dropped(signs, counts)
            hub = whose = self._strongest(signs, touches)
            turned = self._in_turn(tx, batch, signs, hub, pending, new)
            seen = signs
            if turned is not None:
                whose = hub.copy()
                whose[turned.touch] = turned.slot
                signs = self._with(batch, signs, turned.login, turned.begun, "turn")
                seen = self._with(batch, signs, turned.touch, turned.slot, "turn")
            self._note_times(seen, pending, new)
            meant = self._cache.subject[np.where(record > 0, record, whose)]
            said = saying.latest(batch, meant, counts)
            pending.named = self._note_names(batch, np.where(record > 0, record, hub), names)
            links, slots = new_links(self._cache, signs, hub, record, origin)
            joined = join_new(tx, self._cache, links, slots, first_new, origin)
        pending.evidence = [(k.b, k.a, k.rule, k.at, k.source, origin) for k in joined.links]
        pending.confirming = [(k.b, k.a, k.rule, k.at, k.source, origin) for k in joined.confirming]
        self._number(new, joined, pending)
        for (source, guard, rank), times in joined.vetoed.items():
            counts[source, rules.counter(guard, rules.NAMESPACES[rank].key)] += times
        self._finish_new(new, joined, pending)
        subjects = self._cache.subject[whose]
        self._facts(said, pending)
        pending.mentions = mentions.mentioned(batch, meant)
        persons = self._cache.person[whose]
        known = (persons > 0) & (persons < VISITORS_FROM)
        pending.numbers = dict(self._numbers)
        return Recognised(subjects=subjects, known=known, counts=counts, pending=pending)

    def _refresh(self, tx: Connection) -> None:
        if self._numbers.get("generation") != store.generation(tx):
            self.reset()
        if not self._numbers:
            self._numbers = store.numbers(tx)
            hold(tx, self._cache)
            self._numbers["visitor"] = max(self._numbers["visitor"], VISITORS_FROM - 1)
        self._cache.make_room()

    # -- identifiers -> slots

    def _signs(self, tx: Connection, batch: Batch, pending: Pending, new: New) -> Signs:
        row, keys, key = batch.signs.rows, batch.signs.keys, batch.signs.key
        sources = batch.touches["source"].to_numpy().astype(np.int64)[row]
        times = batch.touches["happened_at"].cast("int64").to_numpy()[row]
        if any(namespace in ("record", "mention") for namespace, _ in keys):
            keys, key = saying.own_records(keys, key, sources)
        found = self._cache.find(keys)
        missing = np.flatnonzero(found < 0)
        if len(missing):
            asked = [keys[i] for i in as_they_came(key, found < 0).tolist()]
            self._resolve(tx, list(dict.fromkeys(asked)), pending, new)
            found[missing] = self._cache.find([keys[i] for i in missing.tolist()])
        return Signs(row, found[key], times, sources, batch.signs.rule, batch.signs.rules)

    def _with_named(
        self, tx: Connection, batch: Batch, signs: Signs, names: saying.Names, pending: Pending, new: New
    ) -> tuple[Signs, Ints]:
        """Return the signs with a record for each touch that gives a whole name, and per touch the slot of that record, 0 for none.

        What a line says in words, and the contact data beside it, are about whom it names: not the account that ordered for somebody, nor the phone of the
        dealer who wrote it down. A line that has no record of its own gets one for the name and the phone or e-mail address beside it.
        """
        record, row, mark, beside = meant(signs, names, batch.touches.num_rows, self._cache)
        if not len(row):
            return signs, record
        cache = self._cache
        made = {
            (name, at): ("mention", self._mention(name, *batch.signs.keys[at]))
            for name, at in dict.fromkeys(zip(mark.tolist(), batch.signs.key[beside].tolist(), strict=True))
        }
        keys = [made[pair] for pair in zip(mark.tolist(), batch.signs.key[beside].tolist(), strict=True)]
        distinct = list(dict.fromkeys(keys))
        missing = [key for key, slot in zip(distinct, cache.find(distinct).tolist(), strict=True) if slot < 0]
        if missing:
            self._resolve(tx, missing, pending, new)
        record[row] = cache.find(keys)
        row = np.unique(row)
        return self._with(batch, signs, row, record[row], "row"), record

    def _with(
        self, batch: Batch, signs: Signs, rows: npt.ArrayLike, slots: npt.ArrayLike, rule: str
    ) -> Signs:
        """Return the signs with further ones, each on a touch."""
        row, slot = np.asarray(rows, np.int64), np.asarray(slots, np.int64)
        times = batch.touches["happened_at"].cast("int64").to_numpy()[row]
        sources = batch.touches["source"].to_numpy().astype(np.int64)[row]
        added = (row, slot, times, sources, np.full(len(row), rule_code(signs.rules, rule), np.int64))
        before = (signs.row, signs.slot, signs.at, signs.source, signs.rule)
        columns = [np.concatenate(pair) for pair in zip(before, added, strict=True)]
        return Signs(columns[0], columns[1], columns[2], columns[3], columns[4], signs.rules)

    def _mention(self, name: int, namespace: str, contact: str) -> str:
        return saying.record_key(self._home.seal, name, f"{namespace}:{self._cleaners[namespace](contact)}")

    def _resolve(self, tx: Connection, keys: list[tuple[str, str]], pending: Pending, new: New) -> None:
        """Clean identifiers that are not in memory, find their subjects by token, number those never seen."""
        cache, token_of = self._cache, self._home.seal.token
        wanted: _Wanted = {}
        good: list[tuple[str, str]] = []
        tokens: list[bytes] = []
        for key in keys:
            namespace, value = key
            cleaner = self._cleaners.get(namespace)
            if cleaner is None:
                cache.keep([key], [dropped_slot("unknown", len(rules.NAMESPACES))])
                continue
            clean = cleaner(value)
            rank = rules.RANKS[namespace]
            if isinstance(clean, cleaning.Dropped):
                cache.keep([key], [dropped_slot(clean.guard, rank)])
                continue
            token = token_of(namespace, clean)
            good.append(key)
            tokens.append(token)
            wanted[token] = rank, clean
        slot_of = self._slots_of(tx, wanted, pending, new)
        cache.keep(good, map(slot_of.__getitem__, tokens))

    def _slots_of(self, tx: Connection, wanted: _Wanted, pending: Pending, new: New) -> dict[bytes, int]:
        """Return the slots of tokens; number those that were never seen."""
        known = self._knowing.tokens(tx)
        # in their order, as the index has them: neighbours are on one page
        sql = f"select token, {KNOWN} from subject where token in {{values}}"
        found = list(bulk.among(tx, sql, sorted(known.perhaps(list(wanted)))))
        slots = self._cache.add([row[1:] for row in found])
        slot_of = dict(zip((row[0] for row in found), slots, strict=True))
        fresh = [token for token in wanted if token not in slot_of] if slot_of else list(wanted)
        known.add(fresh)
        self._new_subjects(fresh, wanted, pending, new)
        slot_of.update(zip(fresh, new.slots[len(new.slots) - len(fresh) :], strict=True))
        return slot_of

    # -- devices that several accounts use in turn

    def _in_turn(
        self, tx: Connection, batch: Batch, signs: Signs, hub: Ints, pending: Pending, new: New
    ) -> Turned | None:
        """Return what logins on devices that several accounts use in turn mean for the batch; None: it has no such device."""

        def slots(tokens: Sequence[bytes]) -> list[int]:
            found = self._slots_of(tx, dict.fromkeys(tokens, (rules.TURN, "")), pending, new)
            return [found[token] for token in tokens]

        stands = Stands(tx, self._home.seal, self._cache, new, slots)
        times = batch.touches["happened_at"].cast("int64").to_numpy()
        turned = notice(tx, self._cache, signs, hub, times, pending.origin, stands)
        if turned is not None:
            pending.take(turned, self._cache)
        return turned

    def _new_subjects(self, fresh: list[bytes], wanted: _Wanted, pending: Pending, new: New) -> None:
        """Give numbers to tokens that were never seen, in the order they came; seal what the vault keeps."""
        first = self._numbers["subject"] + 1
        self._numbers["subject"] += len(fresh)
        seen_at = 0 if pending.origin else pending.at
        slot = self._cache.add_new(first, [wanted[token][0] for token in fresh], seen_at)
        new.slots += range(slot, slot + len(fresh))
        new.tokens += fresh
        kept: list[tuple[int, str, int, str]] = []
        for number, token in enumerate(fresh, start=first):
            rank, clean = wanted[token]
            namespace = rules.NAMESPACES[rank]
            if namespace.kept:
                kept.append((number, namespace.key, pending.at, clean))
        pending.vault += saying.sealed(self._home.seal, kept, 0)

    def _count_dropped(self, signs: Signs, counts: Counter[tuple[int, str]]) -> None:
        dropped = np.flatnonzero(signs.slot < RESERVED)
        if len(dropped):
            met = Counter(zip(signs.source[dropped].tolist(), signs.slot[dropped].tolist(), strict=True))
            for (source, slot), times in met.items():
                counts[source, dropped_counter(slot)] += times

    def _strongest(self, signs: Signs, touches: int) -> Ints:
        """Return per touch the slot of its strongest identifier, the first of equals; 0 where there is none."""
        hub = np.zeros(touches, dtype=np.int64)
        good = np.flatnonzero(signs.slot >= RESERVED)
        key = signs.row[good] * 16 + self._cache.rank[signs.slot[good]]
        order = good[np.argsort(key, kind="stable")][::-1]
        hub[signs.row[order]] = signs.slot[order]
        return hub

    def _note_times(self, signs: Signs, pending: Pending, new: New) -> None:
        """Keep the earliest time of each subject, in all and of this origin, and now and then when a visitor was last here."""
        cache = self._cache
        good = signs.slot >= RESERVED
        slots, where = np.unique(signs.slot[good], return_inverse=True)
        earliest = np.full(len(slots), NEVER, dtype=np.int64)
        np.minimum.at(earliest, where, signs.at[good])
        fresh = cache.person[slots] == 0
        earlier = earliest < cache.first_at[slots]
        cache.first_at[slots[earlier]] = earliest[earlier]
        own = cache.origin_at if pending.origin else cache.live_at
        mine = earliest < own[slots]
        own[slots[mine]] = earliest[mine]
        if pending.origin:
            pending.firsts = rows_of(earliest[earlier & ~fresh], cache.subject[slots[earlier & ~fresh]])
            rows = rows_of(earliest[mine], cache.subject[slots[mine]])
            pending.sightings = [(pending.origin, number, at, pending.at) for at, number in rows]
            return
        pending.lives = rows_of(earliest[mine & ~fresh], cache.subject[slots[mine & ~fresh]])
        seen_at = cache.seen_at[slots]
        visits = (cache.person[slots] >= VISITORS_FROM) & (pending.at - seen_at > self._seen_step)
        late = visits | (seen_at == 0)  # 0: so far only an import knows it
        if late.any():
            cache.seen_at[slots[late]] = pending.at
            pending.seen += [(pending.at, number) for number in cache.subject[slots[late]].tolist()]

    def _note_names(self, batch: Batch, meant: Ints, names: saying.Names) -> list[tuple[int, int, int]]:
        """Keep the latest name of each record, and of each account by its own word; return those to be written for subjects that the state knows."""
        row, mark = names
        slot, cache = meant[row], self._cache
        times = batch.touches["happened_at"].cast("int64").to_numpy()[row]
        order = np.lexsort((mark, times, slot))
        last = order[np.r_[slot[order][1:] != slot[order][:-1], True][: len(order)]]
        last = last[(slot[last] >= RESERVED) & (cache.rank[slot[last]] <= rules.MENTION)]
        slot, mark, times = slot[last], mark[last], times[last]
        had, had_at = cache.named[slot], cache.named_at[slot]
        late = (had == 0) | (times > had_at) | ((times == had_at) & (mark > had))
        cache.named[slot[late]], cache.named_at[slot[late]] = mark[late], times[late]
        old = late & (cache.person[slot] > 0)
        columns = (mark[old], times[old], cache.subject[slot[old]])
        return list(zip(*(column.tolist() for column in columns), strict=True))

    # -- persons

    def _number(self, new: New, joined: Joined, pending: Pending) -> None:
        """Give persons their numbers in the order in which their first subject came; note who moves."""
        cache, groups = self._cache, joined.groups
        target: dict[int, int] = {}
        slots = np.array(new.slots, np.int64)
        ranks, first = cache.rank[slots].tolist(), int(cache.subject[slots[0]]) if new.slots else 0
        persons, star, of_hub = [], joined.star, {}
        for number, rank in enumerate(ranks, start=first):
            hub, group = star.get(number, 0), groups.get(number)
            if group is not None:
                persons.append(self._target(group, target))
            elif hub:
                if hub not in of_hub:
                    of_hub[hub] = self._next(ranks[hub - first] < rules.ANONYMOUS_FROM)
                persons.append(of_hub[hub])
            else:
                persons.append(self._next(rank < rules.ANONYMOUS_FROM))
        cache.person[slots] = persons
        for group in {id(g): g for g in groups.values()}.values():
            to = self._target(group, target)
            gone = [number for number, _ in group.persons if number != to]
            pending.merged += len(gone)
            for number in gone:
                pending.moves += [(member, to) for member in joined.members[number]]
        cache.moved(pending.moves)

    def _target(self, group: Group, target: dict[int, int]) -> int:
        found = target.get(id(group))
        if found is None:
            found = target[id(group)] = group.keeps() or self._next(group.named)
        return found

    def _next(self, named: bool) -> int:
        kind = "person" if named else "visitor"
        self._numbers[kind] += 1
        return self._numbers[kind]

    def _finish_new(self, new: New, joined: Joined, pending: Pending) -> None:
        cache, at = self._cache, pending.at
        for subject, (persons, by) in joined.shared.items():
            pending.shared.append((subject, persons, by, pending.epoch, at))
        slots = np.array(new.slots, dtype=np.int64)
        names = ("subject", "rank", "person", "first_at", "shared", "turned", "named", "named_at")
        number, rank, person, first, shared, turned, named, named_at = (
            getattr(cache, name)[slots].tolist() for name in names
        )
        live, seen_at = not pending.origin, 0 if pending.origin else at
        pending.subjects = [
            (n, r, t, p, at, f, f if live else None, seen_at, int(s), int(several), name, name_at)
            for n, r, t, p, f, s, several, name, name_at in zip(
                number, rank, new.tokens, person, first, shared, turned, named, named_at, strict=True
            )
        ]

    def _facts(self, said: saying.Latest, pending: Pending) -> None:
        """Seal personal fields; publish what others may know."""
        for (subject, name), (at, value) in said.items():
            fact = cleaning.published(name, value)
            if fact is not None:
                pending.facts.append((subject, fact[0], pending.origin, at, fact[1]))
        every = [(*key, *value) for key, value in said.items()]
        pending.vault += saying.sealed(self._home.seal, every, pending.origin)

    # -- commit

    def write(self, tx: Connection, found: Recognised, batch: int) -> None:
        """Write new subjects, evidence, vault entries and persons inside the commit.

        Raises
        ------
        StaleRecognition
            Somebody else changed persons since `recognise`; call `reset` and recognise the batch again.
        """
        with _without_collector():
            self._write(tx, found, found.pending, batch)

    def _write(self, tx: Connection, found: Recognised, todo: Pending, batch: int) -> None:
        now = store.generation(tx)
        if now != todo.generation:
            raise StaleRecognition(had=todo.generation, now=now)
        fault.point("identity.write")
        todo.write(tx, self._home.seal, batch)
        totals: Counter[str] = Counter()
        for (_, name), times in found.counts.items():
            totals[name] += times
        store.count_guards(tx, totals.items(), todo.at)
        given = {key: todo.numbers[key] for key in ("subject", "person", "visitor")}
        store.set_numbers(tx, {**given, "batch": batch})
        if todo.moves:
            first, last = store.move(tx, todo.moves, todo.at, todo.epoch)
            bus.say(
                tx,
                PersonsChanged("digest", todo.epoch, len(todo.moves), todo.merged, 0, first, last),
                f"b{batch}",
            )
        fault.point("identity.written")
