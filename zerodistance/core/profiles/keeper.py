"""Keeps profiles up to date: takes in touches, and recomputes exactly those whose touches, identity, facts or windows changed.

States first, index after: what the index lacks is found from the states and from identity's changes, so nothing is kept in
memory between two turns and a crash anywhere costs a repeated turn.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from random import Random
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from zerodistance.core.profiles import (
    alone,
    bitmaps,
    due,
    evaluate,
    giving,
    index,
    own,
    publishing,
    rollup,
    rules,
    states,
)
from zerodistance.core.profiles.contracts import Dimension, IndexDamaged, IndexOlder, People
from zerodistance.core.profiles.dimensions import INDEXED
from zerodistance.core.profiles.index import Index
from zerodistance.core.profiles.memory import Done, with_memory
from zerodistance.core.profiles.near import Near
from zerodistance.core.profiles.pace import Pace
from zerodistance.core.profiles.parts import Part
from zerodistance.core.profiles.recent import Recent
from zerodistance.core.touchpoints.tail import touches_view
from zerodistance.kernel import clock, fault, spans
from zerodistance.kernel.home import Home
from zerodistance.kernel.logs import log

_DECIDED_SECONDS = 5.0  # own value: how long after that, since it is written down before persons are moved
_SLICE = 1_000_000
_LOOKED_THROUGH = (
    64 << 20
)  # own value: bytes of the index that are checked at a turn, some hundredths of a second
_LOOK_SECONDS = (
    15.0  # own value: how often facts and the day are looked at when no touch came and nobody moved
)
Changed = npt.NDArray[np.int64]
_NOBODY: Changed = np.empty(0, np.int64)


class Keeper:
    """The follower of touchpoints that keeps states and tag index.

    Parameters
    ----------
    people
        Identity's map and facts.
    dimensions
        What to compute; those shipped unless a test says otherwise.
    """

    name = "profiles"

    def __init__(self, home: Home, people: People, dimensions: Sequence[Dimension] = INDEXED) -> None:
        self._home, self._people, self._dimensions = home, people, tuple(dimensions)
        self._folder = home.path("index")
        self._means = rules.fingerprint(dimensions, home.settings.zone, home.settings.currency)
        self._rollup, self._settled = rollup.Rollup(), 0
        self._owned = own.NONE  # the home's own dimensions, as the next turn has them
        self._owned_seen: own.Owned | None = None
        self._looked_after = self._everybody = False
        self._fed, self._recent, self._most = True, Recent(), evaluate.SUBJECTS
        self._pace = Pace(-_LOOK_SECONDS)
        self._looked_at = self._decided_at = -_LOOK_SECONDS
        self._unlooked = True  # whether there are sections of the index that nobody has looked at
        self._version = self._decided = -1  # of identity, when it was last looked at

    def held(self) -> int:
        """Return the last batch in the states; the index follows from them."""
        return states.held(self._home)

    def follow(self, touches: pa.Table, last_batch: int) -> None:
        """Append the states of new touches durably; the index follows by itself, so that nothing waits for it."""
        self._look_after_states()
        held = self.held()
        rows = states.made_from(self._home, touches, held)
        if states.append(self._home, rows, last_batch):
            self._recent.add(rows, held, last_batch)
        fault.point("profiles.states")
        self._fed = True

    def comes(self) -> bool:
        """Say whether a turn of the index may come now: what is committed until then is best followed right before it."""
        return self._pace.comes(time.monotonic(), waited_for=False)

    def catch_up(self) -> int:
        """Update the index when its turn has come and something may be new; return how many were recomputed.

        One thread does this again and again, beside the one that calls `follow`.
        """
        now = time.monotonic()
        if not self._pace.comes(now, waited_for=True):
            return 0
        version, decided = self._people.version(), self._people.decided()
        if decided != self._decided:  # that has to be seen within a second
            self._decided, self._decided_at = decided, now
        waited_for = version != self._version and now - self._decided_at < _DECIDED_SECONDS
        if not self._pace.comes(now, waited_for=waited_for):
            return 0
        due = self._unlooked or now - self._looked_at >= _LOOK_SECONDS
        owned = own.own_dimensions(self._home)
        if not (self._fed or version != self._version or due or owned is not self._owned_seen):
            return 0
        self._fed, self._looked_at, self._version, self._owned_seen = False, now, version, owned
        return self.update()

    def update(self) -> int:
        """Bring the index up to the states, identity and today; return how many were recomputed."""
        return self.retag(_NOBODY)

    def retag(self, subjects: Changed) -> int:
        """Do as `update`, and recompute those to whom these subjects belong or belonged; of them no older file stays."""
        self._look_after_states()
        with states.lock(self._home):
            began = time.monotonic()
            self._look_around()
            day = rules.day_of(clock.micros(), self._home.settings.zone)
            version = self._people.version()
            try:
                before = self._looked_through()
                done = self._with_memory(lambda c: self._retag(c, before, day, version, subjects))
                seen = time.monotonic()
                if done is not None:
                    publishing.join(self._folder)
            except IndexDamaged as damage:
                _tell(damage)
                done = self._with_memory(lambda c: self._retag(c, Index(), day, version, subjects))
                seen = time.monotonic()
            if done is None:
                return 0
            self._pace.took(began, seen, 0 if self._everybody else done)  # a new rule is no traffic
            return done

    def _looked_through(self) -> Index:
        """Return the index, after a look at some sections that nobody has read since it was opened; raises IndexDamaged."""
        found = index.current(self._folder)
        left = _LOOKED_THROUGH
        self._unlooked = False
        for layer in found.layers:
            left -= layer.file.check(left)
            if layer.file.unchecked:
                self._unlooked = True
                break
        return found

    def _retag(
        self,
        connection: duckdb.DuckDBPyConnection,
        before: Index,
        day: int,
        version: int,
        subjects: Changed,
    ) -> int | None:
        """Recompute who has changed, and return how many that were; None: nothing has changed at all."""
        batch = states.view(connection, self._home)
        near = Near(self._home, connection, self._recent, batch)
        ahead = before.batch > batch or before.people > version  # an index of another backup
        whole = ahead or before.mark != self._mark() or before.made_at is None
        at = batch, day, version
        found = None if whole else self._due(connection, before, near, day, version, subjects)
        changed, moved = (None, None) if found is None else found
        self._everybody, brought = changed is None, 0
        if changed is not None:
            before, brought = self._bring(connection, before, day)
        still = (before.batch, before.day, before.people) == (batch, day, version)
        if changed is not None and not len(changed) and still:
            return brought or None
        told = {"first_batch": before.batch + 1, "last_batch": batch}
        with spans.span("index", links=[f"b{batch}"] if batch else (), **told) as span:
            done = self._write(
                connection, before, changed, at, moved=moved, near=near, whole=bool(len(subjects))
            )
            span.set(recomputed=done, whole=changed is None)
        return done + brought

    def _due(
        self,
        connection: duckdb.DuckDBPyConnection,
        before: Index,
        near: Near,
        day: int,
        version: int,
        named: Changed,
    ) -> due.Due | None:
        every = (*self._dimensions, *alone.computed(self._owned, before.day))
        here = self._home, connection, self._people, every, self._owned
        return due.Looking(*here, before, near).due(day, version, named)

    def _bring(self, connection: duckdb.DuckDBPyConnection, before: Index, today: int) -> tuple[Index, int]:
        """Bring an index up to what is said of the home's own dimensions."""

        def evaluated(pairs: pa.Table, facts: pa.Table, dimension: Dimension, day: int) -> evaluate.Tagged:
            zone = self._home.settings.zone
            return evaluate.tag(
                connection, pairs, facts, [dimension], day, self._most, rollup=self._rollup, zone=zone
            )

        here = self._home, connection, self._people, self._owned, self._rollup, today
        return alone.Bringing(*here, evaluated).bring(before)

    def _with_memory(self, work: Callable[[duckdb.DuckDBPyConnection], Done]) -> Done:
        def tried(connection: duckdb.DuckDBPyConnection, most: int) -> Done:
            self._most = most
            return work(connection)

        return with_memory(self._home, tried)

    def _write(
        self,
        connection: duckdb.DuckDBPyConnection,
        before: Index,
        changed: Changed | None,
        at: tuple[int, int, int],
        forgotten: Sequence[int] = (),
        *,
        moved: Changed | None = None,
        near: Near | None = None,
        whole: bool = False,
    ) -> int:
        pairs, facts = self._people.pairs(changed), self._people.facts(changed)
        if forgotten:  # whether identity has let go of them yet or not
            pairs = pairs.filter(
                pc.invert(pc.is_in(pairs.column("subject"), pa.array(forgotten, pa.int64())))
            )
        given = self._owned.marks(at[1]) if changed is None else before.given
        known = None if moved is None else alone.Known(before, bitmaps.of(moved))
        tagged = self._tag(
            connection, pairs, facts, at[1], self._most, None if changed is None else near, given, known
        )
        part = Part(
            *at,
            mark=self._mark() if changed is None else before.mark,
            made_at=clock.micros(),
            changed=None if changed is None else bitmaps.of(changed),
            universe=tagged.universe,
            nodes=tagged.nodes,
            numbers=tagged.numbers,
            pairs=(pairs.column("subject").to_numpy(), pairs.column("number").to_numpy().astype(np.uint32)),
            spots=self._rollup.spots,
            given=given,
        )
        publishing.publish(self._folder, before, part, whole=whole or bool(forgotten))
        return (
            len(tagged.universe.persons) + len(tagged.universe.visitors) if changed is None else len(changed)
        )

    def _mark(self) -> str:
        """Return the fingerprint of what decides tags beside touches and identity; another one means that everybody has to be computed."""
        return f"{self._means}.{self._rollup.mark}.{self._settled}"

    def mark(self) -> str:
        """Return the fingerprint that an index of this moment has."""
        self._look_around()
        return self._mark()

    def _look_around(self) -> None:
        """Read what decides tags beside touches and identity: what the brand says holds what, when households were computed, the home's own dimensions."""
        self._rollup, self._settled = rollup.read(self._home), self._people.settled()
        self._owned = own.own_dimensions(self._home, now=True)

    def _tag(
        self,
        connection: duckdb.DuckDBPyConnection,
        pairs: pa.Table,
        facts: pa.Table,
        day: int,
        most: int = evaluate.SUBJECTS,
        near: Near | None = None,
        given: Mapping[str, Any] | None = None,
        known: alone.Known | None = None,
    ) -> evaluate.Tagged:
        """Return the tags of some, in the home's own dimensions too, as far as they are in `given` (None: all)."""
        zone = self._home.settings.zone
        mine = [one for one in alone.computed(self._owned, day) if given is None or one.key in given]
        found = evaluate.tag(
            connection, pairs, facts, (*self._dimensions, *mine), day, most,
            rollup=self._rollup, zone=zone, near=near,
        )  # fmt: skip
        shown = [one for one in alone.shown(self._owned, day) if given is None or one.own.given.key in given]
        alone.add_given(connection, self._home, shown, found, pairs, day, self._rollup, known)
        return found

    def _look_after_states(self) -> None:
        """Make the states anew, once, where an earlier version of the program wrote them and a column is missing."""
        if self._looked_after:
            return
        with states.lock(self._home):
            if states.outgrown(self._home):
                log("profiles").info("states_outgrown")
                self._remake_states()
        self._looked_after = True

    def rebuild(self, *, touches_too: bool = True) -> int:
        """Make the index anew, and with `touches_too` the states from the log as well; return how many were computed."""
        with states.lock(self._home):
            if touches_too:
                self._remake_states()
            self._look_around()
            before = Index()
            day = rules.day_of(clock.micros(), self._home.settings.zone)
            version = self._people.version()
            done = self._with_memory(
                lambda c: self._write(c, before, None, (states.view(c, self._home), day, version))
            )
        if touches_too:
            states.lay(self._home, anyway=False)
        return done

    def _remake_states(self) -> None:
        held = self.held()
        with self._home.engine.connect() as connection:
            touches_view(connection, self._home)
            ((last,),) = connection.execute("select coalesce(max(batch), 0) from touches").fetchall()
            query = "select * from touches where batch <= $last"
            reader = connection.sql(query, params={"last": last}).to_arrow_reader(_SLICE)
            made = (
                batch
                for some in reader
                for batch in states.made_from(self._home, pa.Table.from_batches([some]), 0).to_batches()
            )
            upto = max(held, last)
            states.replace(self._home, pa.RecordBatchReader.from_batches(states.STATES, made), upto)
        self._home.lake.purge(states.TABLE)

    def remake(self, subjects: Changed) -> None:
        """Make the states of these subjects anew from the log, in one commit; those of all others stay as they are."""
        if not len(subjects):
            return
        self._look_after_states()
        with states.lock(self._home), self._home.engine.connect() as connection:
            held = states.view(connection, self._home)
            if not self._home.lake.exists(states.TABLE):
                return
            touches_view(connection, self._home)
            connection.register("remade", pa.table({"subject": pa.array(subjects)}))
            made = self._remade(connection, held)
            states.replace(self._home, pa.RecordBatchReader.from_batches(states.STATES, made), held)
            self._home.lake.purge(states.TABLE)

    def _remade(self, connection: duckdb.DuckDBPyConnection, held: int) -> Iterator[pa.RecordBatch]:
        columns = ", ".join(states.STATES.names)
        kept = connection.sql(f"select {columns} from profile_state anti join remade using (subject)")
        for batch in kept.to_arrow_reader(_SLICE):
            yield from pa.Table.from_batches([batch]).cast(states.STATES).to_batches()
        query = "select touches.* from touches semi join remade using (subject) where batch <= $held"
        for some in connection.sql(query, params={"held": held}).to_arrow_reader(_SLICE):
            yield from states.made_from(self._home, pa.Table.from_batches([some]), 0).to_batches()

    def audit(self, sample: int, luck: Random) -> list[str]:
        """Recompute some people from the states and return what the index says otherwise, as `dimension: what`; empty is good.

        Somebody whom a touch or a merge has changed since the index was written is left out; so is everybody when the brand's tables or the
        households are others by now, since the index is then made anew.
        """
        here = index.current(self._folder)
        same = here.mark == self.mark()  # which reads the home's own dimensions too
        marks = {key: list(mark) for key, mark in self._owned.marks(here.day).items()}
        if not same or marks != here.given:
            return []
        everybody = here.universe.numbers()
        if not len(everybody):
            return []
        some = np.unique(np.array(luck.choices(range(len(everybody)), k=sample)))
        numbers = everybody[some].astype(np.int64)
        with self._home.engine.connect() as connection:
            states.view(connection, self._home)
            later = states.subjects(connection, "batch > $batch", {"batch": here.batch})
            moved = np.concatenate([self._people.changed(here.people), self._people.numbers_of(later)])
            numbers = np.setdiff1d(numbers, moved)
            pairs = self._people.pairs(numbers)
            tagged = self._tag(connection, pairs, self._people.facts(numbers), here.day)
        wrong = []
        for dimension in (*self._dimensions, *self._owned.dimensions):
            for number in bitmaps.to_numbers(tagged.universe.persons | tagged.universe.visitors).tolist():
                node = here.node_of(dimension, number), tagged.node_of(dimension, number)
                value = (
                    (here.number(dimension, number), tagged.number(dimension, number, here.day))
                    if dimension.numeric
                    else (0, 0)
                )
                if node[0] != node[1] or value[0] != value[1]:
                    wrong.append(f"{dimension.key}: {node[0]} ({value[0]}), should be {node[1]} ({value[1]})")
        return wrong

    def forget(self, subjects: Sequence[int]) -> dict[str, int]:
        """Remove the states, given values and tags of subjects, and every file that still held them; may be run again."""
        values = giving.forget(self._home, subjects)
        with states.lock(self._home):
            removed = states.forget(self._home, subjects)
            self._look_around()
            try:
                gone = self._forget_tags(index.current(self._folder), subjects)
            except IndexDamaged as damage:  # nobody can say any more who was in it
                _tell(damage)
                day = rules.day_of(clock.micros(), self._home.settings.zone)
                version, gone = self._people.version(), len(subjects)
                with self._home.engine.connect() as connection:
                    batch = states.view(connection, self._home)
                    self._write(connection, Index(), None, (batch, day, version), sorted(subjects))
            return {"profile_state": removed, "given_value": values, "tag_index": gone}

    def _forget_tags(self, before: Index, subjects: Sequence[int]) -> int:
        """Leave these subjects out of the index, and no older file; return how many were in it."""
        pairs = before.pairs()
        mine = np.isin(pairs.column("subject").to_numpy(), np.array(sorted(subjects), np.int64))
        if mine.any():
            numbers = np.unique(pairs.column("number").to_numpy()[mine])
            with self._home.engine.connect() as connection:
                states.view(connection, self._home)
                at = (before.batch, before.day, before.people)
                self._write(connection, before, numbers, at, sorted(subjects))
        return int(mine.sum())


def _tell(damage: IndexDamaged) -> None:
    """Log why the index is made anew."""
    if isinstance(damage, IndexOlder):
        log("profiles").info("index_older", path=str(damage.data["path"]))
    else:
        log("profiles").error("index_damaged", path=str(damage.data["path"]), why=damage.data["why"])
