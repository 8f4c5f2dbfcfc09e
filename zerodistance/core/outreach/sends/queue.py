"""The queue: messages are put into it, claimed with the limits booked in one transaction, and marked with what became of them in another.

Nothing is sent twice. A message is claimed before it is handed over; whatever stands claimed by a sender that is no more may have gone out, so it is not
handed over again (a service message is, where its send says so). See decision 45.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from sqlalchemy import Connection

from zerodistance.core.identity import api as identity
from zerodistance.core.measurement import api as measurement
from zerodistance.core.measurement import mapped, packing
from zerodistance.core.outreach import catalogue, limits, receipts, suppression, tongues
from zerodistance.core.outreach.channels import store as channels
from zerodistance.core.outreach.contracts import Handed, MessageState, Outcome, Purpose, SendState, Way
from zerodistance.core.outreach.sends import forgetting, pace, pausing, reach, senders, store
from zerodistance.core.profiles import bitmaps
from zerodistance.core.segments import released
from zerodistance.core.touchpoints import own
from zerodistance.kernel import clock, fault, locks
from zerodistance.kernel.home import Home
from zerodistance.kernel.logs import log
from zerodistance.kernel.seal import Seal
from zerodistance.kernel.text import Text

REASONS: Mapping[str, Text] = {
    **limits.REASONS,
    pausing.STOPPED: Text("发送已停止", "the send was stopped"),
    "withdrawn": Text("模板已停用", "the template was withdrawn"),
    "window": Text("发送时段已过", "its time was over"),
    "held_out": Text("在对照组", "held out for comparison"),
    "twice": Text("同一次发送里本人已有一条", "the person has one of the same send"),
    "no_address": Text("地址不存在", "nobody has the address"),
    "refused": Text("对方拒收", "the other side refused it"),
    "gave_up": Text("多次未能交出", "it could not be handed over, often tried"),
    "bounced": Text("退信", "it came back"),
    "broken": Text("正文不能生成", "its text could not be made"),
}
"""Why a message is held back or failed."""
SENT = "message.sent"
_SLICE = 20_000  # own value: messages that one transaction queues, so that nobody waits long for it
TRIES = 8  # own value: over about four hours
_FIRST, _LONGEST = (
    60,
    7_200,
)  # own values, seconds: pause before the second try, doubled each time; the longest
Row = store.Row


def message_id(seal: Seal, send: int, subject: int) -> str:
    """Return the id of the message of a send to an address: queued twice is once."""
    return seal.token("outreach.message", f"{send}:{subject}").hex()[:24]


def ways_of(send: Row) -> tuple[Way, ...]:
    """Return the ways of a send, the best first."""
    return tuple(Way(*one) for one in json.loads(send["ways"]))


# -- in


def fill(home: Home, number: int) -> int:
    """Put the messages of an approved send into the queue; return how many may go, 0 too while another process is at it.

    Begun and interrupted it is begun again: nothing is doubled.
    """
    try:
        with locks.sole(home.path("runs", f"send-{number}.lock"), _Busy()):
            return _fill(home, number)
    except _Busy:
        return 0


class _Busy(Exception):
    """Another process fills the queue with this send."""


def _fill(home: Home, number: int) -> int:
    with home.state.read() as tx:
        send = store.send_of(tx, number)
    if send is None or send["state"] != SendState.APPROVED:
        return 0
    ways, urgent = ways_of(send), int(send["purpose"] == Purpose.SERVICE)
    treated, _ = measurement.arms(home, send["experiment"], send["assignment"])
    if send["meant"] is not None:
        whose = np.unique(mapped.numbers_of(home, packing.unpack(send["meant"])))
        treated = treated & bitmaps.of_sorted(whose[whose > 0].astype(np.uint32))
    found = reach.of(home, treated, send["purpose"], [way.channel for way in ways])
    due = max(clock.micros(), send["not_before"] or 0)
    held = [*found.reasons, ""]  # -1 is the last
    panel = released.panel(home).of(bitmaps.of_sorted(found.person))
    shown = bitmaps.among(found.person, bitmaps.to_numbers(panel))
    seal, by = home.seal, [way.channel for way in ways]
    rows = [
        (
            message_id(seal, number, subject), number, subject, way, by[way], urgent, due,
            MessageState.HELD.value if why >= 0 else MessageState.QUEUED.value, held[why], int(told),
        )
        for subject, way, why, told in zip(
            found.subject.tolist(), found.way.tolist(), found.held.tolist(), shown.tolist(), strict=True
        )
    ]  # fmt: skip
    for start in range(0, len(rows), _SLICE):
        with home.state.write() as tx:
            now = store.send_of(tx, number)
            if now is None or now["state"] != SendState.APPROVED:
                return 0
            first = pausing.at_first(tx, send["experiment"])
            store.add(tx, [_first(row, *first) for row in rows[start : start + _SLICE]])
        fault.point("outreach.queued")
    with home.state.write() as tx:
        store.turn(
            tx,
            number,
            of=[SendState.APPROVED],
            state=SendState.QUEUED.value,
            queued_at=clock.micros(),
            meant=None,
        )
    log("outreach").info("queued", send=number, messages=found.many)
    home.path("runs", f"send-{number}.lock").unlink(missing_ok=True)  # nobody asks for it again
    return found.many


def _first(row: tuple[Any, ...], state: str, reason: str) -> tuple[Any, ...]:
    """Return a message as it comes into the queue: one that would go, in the state and with the reason that its experiment has."""
    return row if row[7] != MessageState.QUEUED else (*row[:7], state, reason, *row[9:])


# -- out


@dataclass(frozen=True)
class Claimed:
    """Messages that a sender has claimed, and may hand over now.

    Attributes
    ----------
    rows
        As `store.CLAIMED`, with `person` and `lang`.
    sends
        Number -> the send.
    """

    rows: tuple[Row, ...]
    sends: Mapping[int, Row]


class TakenForDead(Exception):
    """A sender was silent for so long that others have taken up what it had; it begins anew, under another number."""


@dataclass(frozen=True)
class Looked:
    """What a look into the queue found.

    Attributes
    ----------
    claimed
        None: nothing may go.
    met
        How many messages were looked at.
    wait
        Seconds until the rate of the channel lets one go.
    """

    claimed: Claimed | None
    met: int
    wait: float = 0.0


def claim(home: Home, who: int, channel: str, most: int, rate: float, now: int) -> Looked:
    """Claim messages of a channel that are due: whoever may be written to now is booked and marked, in one transaction; the others wait or are held back.

    Parameters
    ----------
    who
        The number of the sender.
    rate
        Messages a second of all senders together; 0: no limit.

    Raises
    ------
    TakenForDead
        It is registered no more.
    """
    seen = limits.look(home)  # before the transaction: others wait for that
    with home.state.write() as tx:
        if not senders.beat(tx, [who], clock.micros()):
            raise TakenForDead
        left = pace.tokens(tx, channel, rate, now) if rate else float(most)
        if left < 1:
            return Looked(None, 0, wait=(1 - left) / rate)
        rows = store.due(tx, channel, now, min(most, int(left)))
        met = len(rows)
        sends = {n: store.send_of(tx, n) for n in {row["send"] for row in rows}}
        rows = pausing.set_aside(tx, rows, sends)
        if not rows:
            return Looked(None, met)
        going, langs = _may(tx, home, rows, {n: s for n, s in sends.items() if s is not None}, now, seen)
        store.claim(tx, who, [row["id"] for row in going], now)
        if rate:
            pace.set_tokens(tx, channel, left - len(going), now)
        fault.point("outreach.claim")
    fault.point("outreach.claimed")
    if not going:
        return Looked(None, met)
    with_lang = tuple({**row, "lang": langs[row["id"]]} for row in going)
    return Looked(Claimed(with_lang, {n: s for n, s in sends.items() if s is not None}), met)


def _may(
    tx: Connection, home: Home, rows: Sequence[Row], sends: Mapping[int, Row], now: int, seen: limits.Look
) -> tuple[list[Row], dict[str, str]]:
    """Return the messages that may go now, booked, and the language of each; hold the others back, or let them wait."""
    subjects = np.array([row["subject"] for row in rows], np.int64)
    persons = identity.person_of(tx, subjects)
    rows = [{**row, "person": int(person)} for row, person in zip(rows, persons, strict=True)]
    held = _over(tx, rows, sends, now)
    _hold_arms(home, rows, sends, held)
    _hold_twice(tx, rows, held)
    asked = [row for row in rows if row["id"] not in held]
    verdicts = limits.book(tx, home, _asked(asked, sends), now, seen)
    going, later = [], []
    for row, said in zip(asked, verdicts, strict=True):
        until = sends[row["send"]]["not_after"]
        if said.may:
            going.append(row)
        elif said.due_at is None:
            held[row["id"]] = said.reason
        elif until is not None and said.due_at > until:
            held[row["id"]] = "window"
        else:
            later.append((said.due_at, row["id"]))
    forgetting.drop_queued(tx, rows, held)
    store.hold(tx, [(reason, one) for one, reason in held.items()])
    store.delay(tx, later)
    who = np.array([row["person"] for row in going], np.int64)
    langs = tongues.of(seen.index, who, [where.country for where in seen.clocks.of(who)])
    return going, dict(zip([row["id"] for row in going], langs, strict=True))


def _over(tx: Connection, rows: Sequence[Row], sends: Mapping[int, Row], now: int) -> dict[str, str]:
    """Return id -> why it does not go, where the send itself says so."""
    off: dict[tuple[int, int], bool] = {}
    held = {}
    for row in rows:
        send = sends.get(row["send"])
        if send is None or send["state"] == SendState.STOPPED:
            held[row["id"]] = pausing.STOPPED
        elif send["not_after"] is not None and now > send["not_after"]:
            held[row["id"]] = "window"
        else:
            way = row["send"], row["way"]
            if way not in off:
                off[way] = catalogue.of(tx, ways_of(send)[row["way"]].template).off
            if off[way]:
                held[row["id"]] = "withdrawn"
    return held


def _hold_arms(home: Home, rows: Sequence[Row], sends: Mapping[int, Row], held: dict[str, str]) -> None:
    """Hold back whoever is not in the arm that may be contacted, as it stands now: persons may have been merged since."""
    by_experiment: dict[str, list[Row]] = {}
    for row in rows:
        if row["id"] not in held and row["person"] > 0:
            by_experiment.setdefault(sends[row["send"]]["experiment"], []).append(row)
    for key, mine in by_experiment.items():
        numbers = np.unique(np.array([row["person"] for row in mine], np.uint32))
        may = dict(zip(numbers.tolist(), measurement.may_contact(home, key, numbers).tolist(), strict=True))
        held.update((row["id"], "held_out") for row in mine if not may[row["person"]])


def _hold_twice(tx: Connection, rows: Sequence[Row], held: dict[str, str]) -> None:
    """Hold back a second message of the same send to the same person of today: two may have become one."""
    mine = [row for row in rows if row["id"] not in held and row["person"] > 0]
    if not mine:
        return
    subjects, theirs = identity.subjects_of_all(tx, np.array([row["person"] for row in mine], np.int64))
    whose = dict(zip(subjects.tolist(), theirs.tolist(), strict=True))
    had = {
        (send, whose[subject])
        for _, send, subject in store.to_same(tx, list(whose), sorted({row["send"] for row in mine}))
    }
    for row in mine:
        key = row["send"], row["person"]
        if key in had:
            held[row["id"]] = "twice"
        had.add(key)


def _asked(rows: Sequence[Row], sends: Mapping[int, Row]) -> pa.Table:
    return pa.table(
        [
            [row["id"] for row in rows],
            [row["subject"] for row in rows],
            [row["channel"] for row in rows],
            [sends[row["send"]]["purpose"] for row in rows],
            [sends[row["send"]]["unit"] for row in rows],
        ],
        schema=limits.ROWS,
    )


# -- what became of them


def settle(
    home: Home,
    who: int,
    claimed: Claimed,
    handed: Sequence[Handed],
    now: int,
    gone: Set[str] = frozenset(),
) -> None:
    """Mark messages with what the channel has answered, and say what was sent, in one transaction.

    What somebody else has taken for lost meanwhile is known now. Of who was forgotten meanwhile nothing is left to be marked.

    Parameters
    ----------
    gone
        Messages whose address is not known any more.
    """
    rows = {row["id"]: row for row in claimed.rows}
    with home.state.write() as tx:
        mine = store.still_mine(tx, who, list(rows))
        marks = [(MessageState.HELD.value, "gone", "", now, one, who) for one in gone]
        back, none, sent = list(gone), list[int](), list[Row]()
        for one in handed:
            row = rows[one.message_id]
            state, reason, due = _became(one, row, claimed.sends[row["send"]], now)
            if one.message_id not in mine:
                if one.outcome is Outcome.ACCEPTED:
                    sent += (
                        [row] if store.settled(tx, one.message_id, MessageState.SENT, "", one.code) else []
                    )
                elif store.taken_back(tx, who, one.message_id, state.value, reason, one.code, due):
                    back.append(one.message_id)
                continue
            marks.append((state.value, reason, one.code, due, one.message_id, who))
            if one.outcome in (Outcome.LATER, Outcome.REFUSED):
                back.append(one.message_id)
            if one.is_address:
                none.append(row["subject"])
            if state is MessageState.SENT:
                sent.append(row)
        store.mark(tx, marks)
        limits.unbook(tx, back)
        if none:
            suppression.add(tx, home, none, "bounced", at=now, source="channel")
        own.say(tx, said(sent, claimed.sends, now))
        named = list(_named(handed, rows, mine, now))
        channels.refer(tx, named)
        receipts.hear_early(tx, home, named)
        fault.point("outreach.settle")
    fault.point("outreach.settled")


def _named(
    handed: Sequence[Handed], rows: Mapping[str, Row], mine: Mapping[str, int], now: int
) -> Iterator[Row]:
    """Yield what the other side calls messages, a row each."""
    for one in handed:
        if one.reference and one.message_id in mine:
            of = {"message": one.message_id, "subject": mine[one.message_id], "kept_at": now}
            yield {"channel": rows[one.message_id]["channel"], "reference": one.reference, **of}


def _became(one: Handed, row: Row, send: Row, now: int) -> tuple[MessageState, str, int]:
    """Return the state, the reason and when it is due: again, where it may be tried again."""
    tries = row["tries"] + 1
    then = now + min(_LONGEST, _FIRST << min(tries - 1, 20)) * clock.MICROS_PER_SECOND
    over = send["not_after"] is not None and then > send["not_after"]
    match one.outcome:
        case Outcome.ACCEPTED:
            return MessageState.SENT, "", now
        case Outcome.REFUSED:
            return MessageState.FAILED, "no_address" if one.is_address else "refused", now
        case Outcome.LATER if tries >= TRIES:
            return MessageState.FAILED, "gave_up", now
        case Outcome.LATER if over:
            return MessageState.HELD, "window", now
        case Outcome.LATER:
            return MessageState.QUEUED, "", then
        case _ if send["again"] and tries < TRIES:
            return MessageState.QUEUED, "", then
        case _:
            return MessageState.UNKNOWN, "", now


def said(rows: Sequence[Row], sends: Mapping[int, Row], now: int) -> pa.Table:
    """Return what is said of messages that went out, a touch each."""
    return pa.table(
        {
            "subject": pa.array([row["subject"] for row in rows], pa.int64()),
            "kind": pa.array([SENT] * len(rows), pa.string()),
            "happened_at": pa.array([now] * len(rows), pa.int64()),
            "message_id": pa.array([f"{row['id']}:sent" for row in rows], pa.string()),
            "campaign": pa.array([sends[row["send"]]["experiment"] for row in rows], pa.string()),
            "channel": pa.array([row["channel"] for row in rows], pa.string()),
        }
    )


def recover(home: Home, now: int, dead: Sequence[int]) -> dict[str, int]:
    """Take up what senders left that are no more; return state -> messages. Nobody knows of these whether they went out."""
    with home.state.write() as tx:
        left = store.left_by(tx, [*dead, *store.handing_of_none(tx)])
        sends = {n: store.send_of(tx, n) for n in {row["send"] for row in left}}
        again = [
            row["id"]
            for row in left
            if (send := sends[row["send"]]) is not None and send["again"] and row["tries"] < TRIES
        ]
        lost = [row["id"] for row in left if row["id"] not in set(again)]
        found = {
            MessageState.QUEUED.value: store.turn_handing(tx, again, MessageState.QUEUED),
            MessageState.UNKNOWN.value: store.turn_handing(tx, lost, MessageState.UNKNOWN),
        }
        senders.end(tx, dead)
    if left:
        log("outreach").warning("senders_lost", senders=len(dead), **found)
    return found
