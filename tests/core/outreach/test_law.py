"""The law of sends: in whatever order things happen, wherever a sender is killed, no cap, quiet hour, consent or holdout is broken, and nothing comes twice."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.core.outreach.people import index_of, say
from tests.core.outreach.sending import NOON, SYSTEM, TEMPLATE, Box, assigned, people, set_policy
from zerodistance.core.identity import api as identity
from zerodistance.core.measurement import api as measurement
from zerodistance.core.outreach import catalogue, consent, limits
from zerodistance.core.outreach.channels import opening
from zerodistance.core.outreach.contracts import ChannelName, Handed, Outcome, Outgoing
from zerodistance.core.outreach.policy import Policy
from zerodistance.core.outreach.sends import pausing, queue, senders, sending, store
from zerodistance.core.outreach.sends.writing import Writer
from zerodistance.kernel import bulk, clock, fault
from zerodistance.kernel import home as homes
from zerodistance.kernel.home import Home
from zerodistance.kernel.settings import load
from zerodistance.kernel.state import metadata

SLOW = os.environ.get("ZERODISTANCE_TEST_SLOW") == "1"
PERSONS, HOUR = 12, 3_600_000_000
POLICY = replace(Policy(), minor_age=0, sender_zh="示例家电", sender_en="Example")
KEYS = ("autumn", "winter", "spring")
POINTS = (
    *("outreach.claim", "outreach.claimed", "outreach.hand", "halfway", "outreach.handed"),
    *("outreach.settle", "outreach.settled", "outreach.queued"),
)
ACTS = st.one_of(
    st.tuples(st.just("send"), st.sampled_from(KEYS), st.integers(0, 3)),
    st.tuples(st.just("work"), st.none() | st.sampled_from(POINTS), st.integers(1, 9)),
    st.tuples(st.just("wait"), st.sampled_from((1, 5, 14, 30)), st.just(0)),
    st.tuples(st.just("merge"), st.integers(1, PERSONS), st.integers(1, PERSONS)),
    st.tuples(st.just("withdraw"), st.integers(1, PERSONS), st.integers(0, 1)),
    st.tuples(st.just("pause"), st.sampled_from(KEYS), st.integers(0, 4)),
    st.tuples(st.just("lift"), st.sampled_from(KEYS), st.just(0)),
    st.tuples(st.just("agree"), st.integers(1, PERSONS), st.integers(0, 1)),
)


class Killed(BaseException):
    """The process ends here, as by SIGKILL: nothing after it is done."""


@dataclass
class World:
    """A home, what time it is, and every message that arrived: when, the send, and the address."""

    home: Home
    subject: dict[str, int]
    now: int = NOON
    kill: str | None = None
    arrived: list[tuple[int, str, int]] = field(default_factory=list)
    paused: set[str] = field(default_factory=set)
    ended: set[str] = field(default_factory=set)

    def persons(self, subjects: Sequence[int]) -> list[int]:
        with self.home.state.read() as tx:
            return [int(n) for n in identity.person_of(tx, np.array(subjects, np.int64))]

    def point(self, name: str) -> None:
        if name == self.kill:
            raise Killed

    # -- what may happen

    def send(self, key: str, n: int) -> None:
        receipt = assigned(self.home, range(1 + n, PERSONS + 1), key, share=0.3)
        number = None
        try:
            number = sending.send(self.home, SYSTEM, receipt, "autumn", send_key=f"{key}-{n}").number
            queue.fill(self.home, number)
        except (sending.NothingToSend, sending.SendKeyTaken):
            return

    def work(self, kill: str | None, many: int) -> None:
        """Let a sender do a chunk; perhaps it is killed on the way, and another one looks after what it left."""
        with self.home.state.write() as tx:
            who = senders.begin(tx, "here", 1, self.now)
        self.kill = kill
        try:
            found = queue.claim(self.home, who, "email", many, 0, self.now).claimed
            if found is not None:
                written, failed, gone = Writer(self.home, "email").write(found)
                self.point("outreach.hand")
                handed = [*self.hand(written), *failed]
                self.point("outreach.handed")
                queue.settle(self.home, who, found, handed, self.now, gone)
        except Killed:
            pass
        self.kill = None
        queue.recover(self.home, self.now, [who])

    def hand(self, batch: Sequence[Outgoing]) -> list[Handed]:
        found = []
        for n, one in enumerate(batch):
            if n >= len(batch) // 2:
                self.point("halfway")
            self.check(one)
            found.append(Handed(one.message_id, Outcome.ACCEPTED))
        return found

    def pause(self, key: str, n: int) -> None:
        """Pause what an experiment sends, one time in five for good; what was set aside before is looked after by a sender."""
        with self.home.state.write() as tx:
            pausing.pause(tx, key, "test", ends=n == 4)
        self.paused.add(key)
        self.ended |= {key} if n == 4 else set()
        if n % 2:
            pausing.carry_out(self.home)

    def lift(self, key: str) -> None:
        with self.home.state.write() as tx:
            pausing.lift(tx, key)
        self.paused -= {key} - self.ended
        pausing.carry_out(self.home)

    # -- the law

    def check(self, one: Outgoing) -> None:
        """Look, at the moment in which a message arrives, whether it may."""
        subject = self.subject[one.address]
        (person,) = self.persons([subject])
        with self.home.state.read() as tx:
            row = store.one(tx, one.message_id)
            assert row is not None
            send = store.send_of(tx, row["send"])
            assert send is not None
            assert consent.allowed(tx, np.array([subject]), "marketing", "email")[0]
        key = send["experiment"]
        assert measurement.may_contact(self.home, key, np.array([person], np.uint32))[0], "held out"
        assert key not in self.paused, "paused"
        hour = clock.from_micros(self.now).astimezone(ZoneInfo("Asia/Shanghai")).hour
        assert 9 <= hour < 21, "quiet hours"
        self.arrived.append((self.now, send["key"], subject))
        whose = self.persons([s for *_, s in self.arrived])
        mine = [arrived for arrived, who in zip(self.arrived, whose, strict=True) if who == person]
        times = [at for at, _, _ in mine]
        today = limits.day_of(self.home, self.now)
        days = Counter(limits.day_of(self.home, at) for at in times)
        for most, of in ((1, 1), (3, 7), (8, 30)):
            assert sum(n for day, n in days.items() if day > today - of) <= most, f"cap of {of} days"
        assert [key for _, key, _ in mine].count(send["key"]) == 1, "twice"


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home to be copied: making one takes longer than all else."""
    root = tmp_path_factory.mktemp("law") / "home"
    made = homes.create_home(load(home=root))
    metadata.create_all(made.state.engine)
    people(made, PERSONS)
    index_of(made, range(1, PERSONS + 1), {})
    set_policy(made, POLICY)
    catalogue.save(made, SYSTEM, "autumn", TEMPLATE)
    made.close()
    return root


@pytest.fixture
def made(template: Path, tmp_path: Path) -> Iterator[World]:
    home = homes.open_home(load(home=template))
    yield World(home, {f"p{n}@example.cn": n for n in range(1, PERSONS + 1)})
    home.close()


TABLES = (
    *("outreach_send", "outreach_message", "outreach_sender", "outreach_pause", "outreach_contact", "outreach_consent", "outreach_consent_now"),
    *("experiment_arm", "experiment_assignment", "experiment_look", "experiment_cost", "experiment", "own_touch"),
)  # fmt: skip


def emptied(world: World) -> World:
    """Return the world as it was made, for the next example."""
    from zerodistance.core.measurement import standing

    with world.home.state.write() as tx:
        for table in TABLES:
            bulk.run(tx, f"delete from {table}")
        bulk.run(tx, "update subject set person = number")
    for subject in world.subject.values():
        say(world.home, subject)
    standing.let_go(world.home)
    limits._looks.clear()
    return World(world.home, world.subject)


@settings(max_examples=200 if SLOW else 2)
@given(acts=st.lists(ACTS, min_size=6, max_size=40 if SLOW else 20))
def test_no_limit_is_ever_broken_and_nobody_gets_it_twice(
    made: World, acts: list[tuple[str, object, int]]
) -> None:
    world = emptied(made)
    before = fault.point
    fault.point = world.point
    opening.take(ChannelName.EMAIL, lambda home: Box())
    try:
        for act, what, n in [("send", "autumn", 0), *acts, ("work", None, 200)]:
            world.now += 60_000_000
            with clock.freeze(clock.from_micros(world.now)):
                match act:
                    case "send":
                        world.kill = "outreach.queued" if n == 3 else None
                        try:
                            world.send(str(what), n)
                        except Killed:  # filled again by whoever looks next
                            world.kill = None
                            with world.home.state.read() as tx:
                                left = store.sends(tx, states=["approved"])
                            for one in left:
                                queue.fill(world.home, one["number"])
                        world.kill = None
                    case "work":
                        world.work(what, n)  # type: ignore[arg-type]
                    case "wait":
                        world.now += int(str(what)) * HOUR
                    case "pause":
                        world.pause(str(what), n)
                    case "lift":
                        world.lift(str(what))
                    case "merge":
                        with world.home.state.write() as tx:
                            a, b = sorted((int(str(what)), n))
                            bulk.run(tx, "update subject set person = ? where person = ?", (a, b))
                    case "withdraw" | "agree":
                        subject = world.subject[f"p{what}@example.cn"]
                        say(world.home, subject, given=act == "agree", at=world.now)
        with clock.freeze(clock.from_micros(world.now)):
            pausing.carry_out(world.home)
            with world.home.state.read() as tx:
                for row in bulk.rows(
                    tx,
                    "select distinct s.experiment, m.state from outreach_message m join outreach_send s on s.number = m.send",
                ):
                    assert (row[0] in world.paused - world.ended) or row[1] != "paused"
                    assert row[0] not in world.paused or row[1] != "queued"
                assert not bulk.rows(tx, "select id from outreach_message where state = 'handing'")
                sent = {
                    row[0]
                    for row in bulk.rows(tx, "select subject from outreach_message where state = 'sent'")
                }
            assert sent <= {subject for *_, subject in world.arrived}
    finally:
        fault.point = before
        opening.take(ChannelName.EMAIL, None)
