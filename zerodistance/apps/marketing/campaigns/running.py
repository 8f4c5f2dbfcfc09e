"""What the worker does with running campaigns: lets people enter, decides what a step sends to whom, hands it to outreach.

Each turn may be cut off anywhere and is simply taken up again. Who entered stands in the assignments of the experiment: a cohort is noted for every
assignment that has none. What a step sends, and to whom, is noted in the one transaction in which its cohort goes on; outreach takes such a note once, by
its number. So nobody is sent a step twice, and none is left out.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from pyroaring import BitMap

from zerodistance.apps.marketing.campaigns import (
    audience,
    days,
    handing,
    people,
    rules,
    states,
    stopping,
    store,
)
from zerodistance.apps.marketing.campaigns.contracts import ANYWHERE, Message, Said, State, Stop
from zerodistance.apps.marketing.campaigns.drafts import NOTHING
from zerodistance.core.measurement import api as measurement
from zerodistance.kernel import clock, fault
from zerodistance.kernel.access import Who
from zerodistance.kernel.errors import ZeroDistanceError
from zerodistance.kernel.home import Home
from zerodistance.kernel.logs import log
from zerodistance.kernel.text import Text

_SYSTEM = Who.system("marketing")
_LOOK = 15 * 60 * clock.MICROS_PER_SECOND  # own value: how often a standing campaign takes in who came
_AFTER = (
    3600 * clock.MICROS_PER_SECOND
)  # own value: so long it looks whether something of an ended campaign was handed on meanwhile
_TRUST = 24 * 3600 * clock.MICROS_PER_SECOND  # own value: it looks as often where nothing was told


def advance(home: Home) -> None:
    """Take every running campaign as far as it can go now; a job, may be cut off and run again."""
    with home.state.read() as tx:
        rows = store.in_states(tx, (State.RUNNING,))
        ended = store.ended_since(tx, clock.micros() - _AFTER)
    for row in rows:
        try:
            _Turn(home, row).take()
        except ZeroDistanceError as error:
            if error.retry:
                log("marketing").warning("campaign_waits", campaign=row["key"], why=error.code)
                continue
            _pause(home, row, Text(error.message("zh"), error.message("en")))
    handing.stop(home, ended, states.ENDED)


def _pause(home: Home, row: Mapping[str, Any], why: Text) -> None:
    states.pause(home, _SYSTEM, row["key"], why)


class _Turn:
    """One turn of one campaign."""

    def __init__(self, home: Home, row: Mapping[str, Any]) -> None:
        self._home, self._row, self._zone = home, row, home.settings.tz
        self._number, self._key = int(row["number"]), str(row["key"])
        with home.state.read() as tx:
            self._said = self._read(tx, row["running"])
        self._versions = {int(row["running"]): self._said}
        self._asker = states.asker_of(row)
        self._now = clock.micros()

    def _read(self, tx: Any, version: int) -> Said:
        return rules.read(json.loads(store.said(tx, self._number, version)))

    def take(self) -> None:
        """Hand on what waits, let people enter, take due cohorts on, hand on again; end what is over."""
        self._note_cohorts()  # an assignment that a crash left without one
        self._hand_on()
        calendar = self._said.calendar
        over = rules.over_at(calendar, self._zone)
        if over is not None and self._now >= over:
            return self._end(Text("日历到了最后一天", "its last day is over"))
        if self._now < rules.begins_at(calendar, self._zone):
            return None
        if rules.allowed(calendar, self._now, "", self._zone) == self._now:
            self._enter()
            self._now = clock.micros()  # who has just entered may be due at once
        with self._home.state.read() as tx:
            due = store.due(tx, self._number, self._now)
        for cohort in due:
            if not self._step(cohort):
                return None
        self._hand_on()
        return self._end_when_through()

    # -- who enters

    def _enter(self) -> None:
        at = self._row["look_at"]
        if at is None or at > self._now:
            return
        said, home = self._said, self._home
        if self._row["means"] != audience.means(home, said):
            why = Text(
                "人群的规则或辖区在批准之后改过；看过再送审",
                "the rule of its segment, or the territory, was changed since it was approved; look at it, and send it for approval",
            )
            return _pause(home, self._row, why)
        fits = audience.fits(home, self._asker, said.audience)
        known = measurement.assigned(home, self._key)
        fresh = fits - known
        if not said.standing and not fresh and not known:
            return _pause(home, self._row, Text("人群里现在没有人", "nobody is in its audience now"))
        if said.standing and self._row["present"] is not None:
            fresh -= self._present(fits)
        if fresh:
            if not self._may_enter(audience.size(home, self._asker, fresh).about):
                return
            measurement.assign(home, self._asker, self._key, fresh)
            fault.point("marketing.assigned")
            self._note_cohorts()
        with home.state.write() as tx:
            store.look(tx, self._number, at, self._now + _TRUST if said.standing else None)

    def _may_enter(self, fresh: int) -> bool:
        most = self._row["most"]
        if most is None:
            return True
        with self._home.state.read() as tx:
            before = sum(one["treated"] + one["held"] for one in store.cohorts(tx, self._number))
        if before + fresh <= most:
            return True
        why = Text(
            f"超过 {most:,} 人要另一个账号批准，现在会到 {before + fresh:,} 人；送审后继续",
            f"more than {most:,} persons need a second account's approval, and this makes {before + fresh:,}; it goes on once approved",
        )
        _pause(self._home, self._row, why)
        return False

    def _present(self, fits: BitMap) -> BitMap:
        """Return who was there at the start and never left; who left since may enter later."""
        there = people.persons(self._home, self._row["present"])
        still = there & fits
        if len(still) < len(there):
            with self._home.state.write() as tx:
                store.change(tx, self._number, present=people.kept(self._home, still))
        return still

    def _note_cohorts(self) -> None:
        """Note a cohort for every assignment that has none: they enter by being assigned."""
        made = measurement.experiment(self._home, _SYSTEM, self._key).assignments
        with self._home.state.read() as tx:
            known = {one["number"] for one in store.cohorts(tx, self._number)}
        for number in range(1, made + 1):
            if number in known:
                continue
            one = measurement.receipt(self._home, self._key, number)
            at = one.assigned_at
            step, due = rules.arrive(self._said.steps, 0, at, self._zone)
            with self._home.state.write() as tx:
                store.add_cohort(
                    tx, campaign=self._number, number=number, version=self._row["running"], entered_at=at,
                    treated=len(one.treated), held=len(one.held), step=step, due_at=due,
                )  # fmt: skip

    # -- what a step sends

    def _step(self, cohort: Mapping[str, Any]) -> bool:
        """Take a cohort past the message that is due; return False where the campaign does not go on."""
        said = self._said_of(cohort["version"])
        step = said.steps[cohort["step"]]
        assert isinstance(step, Message)
        treated, _ = measurement.arms(self._home, self._key, cohort["number"])
        earlier = measurement.assigned(
            self._home, self._key, before=cohort["number"]
        )  # merged since: they go on there
        left, off = self._left(said, cohort, treated - earlier)
        parts = self._parts(step, left)
        queued, waiting = self._queued()
        texts = [key for one in said.steps if isinstance(one, Message) for key in one.every]
        more = waiting + sum(len(some) for _, _, some in parts)
        why = rules.exceeded(self._said, queued, more, handing.channels(self._home, texts))
        if why is not None:
            _pause(self._home, self._row, why)
            return False
        at = max([self._now, *(when or 0 for _, when, _ in parts)])
        place, due = rules.arrive(said.steps, cohort["step"] + 1, at, self._zone)
        through = {"through_at": self._now} if place == len(said.steps) else {}
        notes = [
            {
                "campaign": self._number, "cohort": cohort["number"], "step": cohort["step"], "part": n,
                "templates": " ".join(templates), "persons": len(persons),
                "stopped": json.dumps(off if n == 1 else {}), "planned_at": self._now, "not_before": not_before,
                "subjects": people.kept(self._home, persons),
            }
            for n, (templates, not_before, persons) in enumerate(parts, 1)
        ]  # fmt: skip
        with self._home.state.write() as tx:
            if store.advance(
                tx, self._number, cohort["number"], cohort["step"], step=place, due_at=due, **through
            ):
                store.add_sends(tx, notes)
        fault.point("marketing.stepped")
        return True

    def _said_of(self, version: int) -> Said:
        if version not in self._versions:
            with self._home.state.read() as tx:
                self._versions[version] = self._read(tx, version)
        return self._versions[version]

    def _left(self, said: Said, cohort: Mapping[str, Any], treated: BitMap) -> tuple[BitMap, dict[str, int]]:
        """Return who goes on, and how many each reason took off the line; who has several is counted by the first."""
        found = stopping.stopped(self._home, said, self._key, cohort["entered_at"])
        subjects, why = (
            found.column("subject").to_numpy(),
            found.column("reason").to_numpy(zero_copy_only=False),
        )
        left, off = treated, dict[str, int]()
        for reason in Stop:
            gone = left & people.of_subjects(self._home, np.sort(subjects[why == reason.value]))
            if gone:
                off[reason.value] = len(gone)
                left = left - gone
        return left, off

    def _parts(self, step: Message, left: BitMap) -> list[tuple[tuple[str, ...], int | None, BitMap]]:
        """Return templates, the moment from which it may go (None: now) and persons of each part of a message.

        Who lives where no day is left in the calendar is in none.
        """
        parts: dict[tuple[tuple[str, ...], int, int], BitMap] = {}
        variants = frozenset(one for one, _ in step.variants)
        for country, persons in self._by_country(left, variants).items():
            open_ = self._slot(country, step.of(country), self._now)
            if open_ is not None:
                at, ends = open_
                how = (step.of(country), 0 if at == self._now else at, ends or 0)
                parts[how] = parts.get(how, BitMap()) | persons
        return [(some, at or None, persons) for (some, at, _), persons in sorted(parts.items()) if persons]

    def _by_country(self, persons: BitMap, more: frozenset[str] = frozenset()) -> dict[str, BitMap]:
        black = {one.country for one in self._said.calendar.blackouts} - {ANYWHERE}
        return audience.by_country(self._home, persons, more | black)

    def _slot(self, country: str, templates: Sequence[str], at: int) -> tuple[int, int | None] | None:
        """Return from when and until when a message may go to a country; in the brand's own zone it is not quiet for all of that time."""

        def awake(then: int) -> int | None:
            return handing.awake(self._home, templates, then)

        return days.slot(self._said.calendar, at, country, self._zone, awake)

    def _queued(self) -> tuple[Mapping[str, int], int]:
        """Return channel -> messages that are queued or went, and how many more were decided on that do not stand in the queue yet."""
        with self._home.state.read() as tx:
            every = store.sends(tx, self._number)
        numbers = [one["send"] for one in every if one["send"] is not None]
        noted = sum(one["persons"] for one in every if one["sent_at"] is None)
        return handing.queued(self._home, numbers), noted + handing.waiting(self._home, numbers)

    def _hand_on(self) -> None:
        """Hand what steps have decided to outreach; what it has already it does not take twice."""
        with self._home.state.read() as tx:
            waiting = store.waiting_sends(tx, self._number)
        for note in waiting:
            number = self._send(note)
            fault.point("marketing.sent")
            with self._home.state.write() as tx:
                store.sent(tx, note["id"], number, clock.micros())

    def _send(self, note: Mapping[str, Any]) -> int | None:
        some, templates = people.persons(self._home, note["subjects"]), note["templates"].split()
        at = max(self._now, note["not_before"] or 0)
        slots = [self._slot(country, templates, at) for country in self._by_country(some)]
        if not some or None in slots:
            return None  # nobody is left, or no day is
        begins = max(one[0] for one in slots if one is not None)
        ends = min((one[1] for one in slots if one is not None and one[1] is not None), default=None)
        if ends is not None and ends <= begins:  # who lives where has changed since: the later of their days
            ends = max(one[1] or 0 for one in slots if one is not None)
        return handing.send(
            self._home,
            self._asker,
            measurement.receipt(self._home, self._key, note["cohort"]),
            templates,
            only=some,
            unit=self._row["unit_id"],
            not_before=note["not_before"] if begins == at else begins,
            not_after=ends,
            send_key=f"campaign/{self._key}/{note['id']}",
            approval=self._row["approval"],
        )

    # -- the end

    def _end(self, why: Text) -> None:
        states.end(self._home, _SYSTEM, self._key, why)

    def _end_when_through(self) -> None:
        """End a campaign that goes out once, when everybody is through and the window of the goal is over for the last who entered."""
        if self._said.standing:
            return
        with self._home.state.read() as tx:
            cohorts = store.cohorts(tx, self._number)
        if not cohorts and self._row["look_at"] is not None and self._row["look_at"] <= self._now:
            return
        last = max([self._row["started_at"], *(one["entered_at"] for one in cohorts)])
        if (
            all(one["through_at"] for one in cohorts)
            and self._now > last + self._said.goal.window_days * clock.MICROS_PER_DAY
        ):
            self._end(NOTHING)


def heard(home: Home, segment: str) -> None:
    """Have the standing campaigns for a segment that changed look who enters, at the latest in a quarter of an hour."""
    with home.state.read() as tx:
        rows = store.in_states(tx, (State.RUNNING,))
    for row in rows:
        with home.state.read() as tx:
            said = rules.read(json.loads(store.said(tx, row["number"], row["running"])))
        if said.standing and said.audience.segment == segment and row["look_at"] is not None:
            soon = clock.micros() + _LOOK
            if row["look_at"] > soon:
                with home.state.write() as tx:
                    store.look(tx, row["number"], row["look_at"], soon)
