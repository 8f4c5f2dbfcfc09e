"""Verbs of sends: ask for one, decide on it, stop it, say how far it is. There is no other way to a person, and it needs an assignment."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from typing import TextIO

from pyroaring import BitMap
from sqlalchemy import Connection

from zerodistance.core.measurement import api as measurement
from zerodistance.core.measurement import mapped, packing
from zerodistance.core.measurement.contracts import Assignment, Experiment
from zerodistance.core.outreach import approving, catalogue, templates
from zerodistance.core.outreach.channels import opening
from zerodistance.core.outreach.contracts import (
    CHANNELS,
    MESSAGE_STATES,
    SEND_STATES,
    ChannelName,
    MessageState,
    NoSuchSend,
    NothingToSend,
    Purpose,
    SendEnded,
    Sending,
    SendKeyTaken,
    SendState,
    Tally,
    Way,
)
from zerodistance.core.outreach.sends import asking, pausing, queue, reach, size, store
from zerodistance.core.outreach.templates import Template
from zerodistance.core.profiles import bitmaps
from zerodistance.core.segments import released
from zerodistance.core.segments.questions import TooFewToSend
from zerodistance.core.segments.releasing import LEAST_SEND
from zerodistance.kernel import clock
from zerodistance.kernel.access import Permission, Who
from zerodistance.kernel.errors import Invalid
from zerodistance.kernel.home import Home
from zerodistance.kernel.logs import log
from zerodistance.kernel.text import Text

HEAD: Sequence[str] = ("message", "state", "reason", "channel", "handed_at", "code")
"""Columns of the file of messages that were held back or failed."""
_OPEN = (SendState.ASKED, SendState.APPROVED, SendState.QUEUED)


def send(
    home: Home,
    who: Who,
    assignment: Assignment,
    template: str | Sequence[str],
    *,
    send_key: str,
    channels: Sequence[str] | None = None,
    purpose: str = Purpose.MARKETING,
    unit: int | None = None,
    values: Mapping[str, str] | None = None,
    not_before: int | None = None,
    not_after: int | None = None,
    again: bool = False,
    only: BitMap | None = None,
    approval: str | None = None,
) -> Sending:
    """Write to whoever an assignment lets contact, within consent and limits; needs SEND. Asked twice under one key it is asked once.

    The arm is read from measurement: what the receipt says is not taken for it. A send to more persons than `send_approval_size` waits for a second account,
    and so does one that would be too many together with what the account has sent within a day (`size`).

    Parameters
    ----------
    template
        Key of a template, or of several for different channels, the best first: each person is written to by the first that reaches them.
    channels
        Take only the templates of these channels; None: all.
    unit
        Number of the unit that sends; None: that of the experiment.
    values
        What the send says of variables that are given.
    not_before, not_after
        When messages may go, microseconds UTC.
    again
        Whether a message is sent again of which nobody knows whether it went out; service only.
    only
        To these persons of the arm alone, as a step of a campaign goes to those who have not stopped; None: to all of it.
    approval
        What `approving` knows the question by that a second account has answered for all sends of this experiment, as a campaign's is. It
        is looked up; one that was not granted, or for another campaign, or for templates that were changed since, counts for nothing.

    Raises
    ------
    Forbidden, NoSuchExperiment
        The account may not send, or not for this unit.
    NoSuchTemplate, TemplateOff, OtherPurpose, NoChannel, NoSender, Invalid
        It can't be sent like this.
    TooFewToSend
        Fewer than 50 persons are left after consent and limits, and the account sees no persons.
    NothingToSend
        Nobody is.
    SendKeyTaken
        Something else was sent under this key.
    """
    who.need(Permission.SEND)
    found = measurement.experiment(home, who, assignment.experiment)
    whose = found.unit if unit is None else unit
    who.need_unit(found.unit)
    who.need_unit(whose)
    key, used = asking.key_of(send_key), _templates(home, who, template, channels, purpose)
    asking.check(found, purpose, not_before, not_after, again)
    ways = [Way(one.channel, one.key, one.version) for one in used]
    row = {
        "key": key, "experiment": found.key, "assignment": assignment.number,
        "ways": json.dumps([[way.channel, way.template, way.version] for way in ways]),
        "purpose": str(purpose), "unit": whose, "given": json.dumps(catalogue.checked(home, used, asking.checked(used, values or {})), ensure_ascii=False),
        "not_before": not_before, "not_after": not_after, "again": int(again),
    }  # fmt: skip
    with home.state.read() as tx:
        known = store.send_called(tx, key)
    if known is not None:
        return _same(home, who, known, row)
    treated, _ = measurement.arms(home, found.key, assignment.number)
    treated = treated if only is None else treated & only
    reached = reach.of(home, treated, purpose, [way.channel for way in ways])
    _must_be_many(home, who, purpose, reached)
    row |= {"persons": len(treated), "reach": reached.many, "why": ""}
    row |= {"persons_told": _released(home, treated), "reach_told": _released(home, reached.going)}
    waits = size.waits(home, who, row, used, approval)
    state = SendState.ASKED if waits else SendState.APPROVED
    meant = None if only is None else _kept(home, treated)
    row |= {"state": state.value, "made_by": who.name, "made_at": clock.micros(), "meant": meant}
    with home.state.write() as tx:
        known = store.send_called(tx, key)
        if known is None:
            number = store.add_send(tx, row)
            if waits:
                approving.ask(tx, who, _about(key), _told(found, ways, row), reached.many, whose)
    if known is not None:
        return _same(home, who, known, row)
    log("outreach").info("send", who=who.name, send=number, experiment=found.key, state=state.value)
    return get(home, who, number)


def _kept(home: Home, persons: BitMap) -> bytes:
    return packing.pack(mapped.subjects_of(home, bitmaps.to_numbers(persons))[0])


def by_channel(home: Home, numbers: Sequence[int]) -> Mapping[str, int]:
    """Return channel -> messages of some sends that go or went, and may have."""
    with home.state.read() as tx:
        return store.by_channel(tx, numbers)


def not_queued(home: Home, numbers: Sequence[int]) -> int:
    """Return how many messages some sends may put into the queue that have not done so: they wait for a second account, or for the sender."""
    with home.state.read() as tx:
        return store.to_queue(tx, numbers)


def receipt(home: Home, who: Who, experiment: str, number: int | None = None) -> Assignment:
    """Return an assignment as `send` takes it, the latest unless said: for those who only know its number; raises NoSuchExperiment."""
    key = measurement.experiment(home, who, experiment).key
    latest = measurement.experiment(home, Who.system("outreach"), key).assignments
    return measurement.receipt(home, key, latest if number is None else number)


def _about(key: str) -> str:
    return f"send {key}"


def _templates(
    home: Home, who: Who, given: str | Sequence[str], channels: Sequence[str] | None, purpose: str
) -> list[Template]:
    keys = [given] if isinstance(given, str) else list(dict.fromkeys(given))
    found = []
    for key in keys:
        catalogue.show(home, who, key)
        with home.state.read() as tx:
            found.append(catalogue.to_send(tx, key, purpose))
    if channels is not None:
        wanted = [str(one) for one in channels]
        found = [one for name in wanted for one in found if one.channel == name]
        missing = [name for name in wanted if name not in {one.channel for one in found}]
        if missing:
            why = Text("没有这个渠道的模板", "none of the templates is for it")
            raise Invalid(field="channels", given=missing[0], why=why)
    if not found or len({one.channel for one in found}) < len(found):
        why = Text("每个渠道一个模板，至少一个", "one template for each channel, and one at least")
        raise Invalid(field="template", given=", ".join(keys), why=why)
    for one in found:
        if one.channel not in opening.names(home):
            raise opening.NoChannel(channel=CHANNELS[ChannelName(one.channel)])
    sender = catalogue.sender_of(home)
    if any(not sender.name.get(lang) for one in found for lang in one.bodies):
        raise templates.NoSender()
    return found


def _must_be_many(home: Home, who: Who, purpose: str, reached: reach.Reach) -> None:
    """Refuse a send to few; where the line lies hangs on who they are, so that it tells about no single person."""
    if not reached.many:
        raise NothingToSend()
    if who.may(Permission.SEE_PERSONS) or purpose == Purpose.SERVICE:
        return
    mine = bitmaps.to_numbers(reached.going)
    if reached.many < LEAST_SEND + home.seal.draw(mine.tobytes()) % home.settings.released_k:
        raise TooFewToSend(least=LEAST_SEND)


def _same(home: Home, who: Who, known: store.Row, row: Mapping[str, object]) -> Sending:
    if any(known[name] != row[name] for name in ("experiment", "assignment", "purpose")):
        raise SendKeyTaken(key=known["key"])
    return get(home, who, known["number"])


def _told(found: Experiment, ways: Sequence[Way], row: Mapping[str, object]) -> dict[str, object]:
    """Return what the second account reads."""
    by = [{"channel": way.channel, "template": way.template, "version": way.version} for way in ways]
    name = {"zh": found.name.zh, "en": found.name.en}
    return {"send": row["key"], "experiment": found.key, "name": name, "purpose": row["purpose"], "ways": by}


# -- afterwards


def decide(home: Home, who: Who, number: int, grant: bool, why: str = "") -> Sending:
    """Approve a send that waits, or refuse it; needs APPROVE_SENDS, and another account than asked.

    Raises
    ------
    NoSuchSend, SendEnded, NothingToApprove, ApprovedByAsker
        There is none; it does not wait; it is one's own.
    """
    who.need(Permission.APPROVE_SENDS)
    row = _row(home, who, number)
    who.need_unit(row["unit"])
    with home.state.write() as tx:
        asked = approving.of(tx, _about(row["key"]))
        if asked is None:
            raise approving.NothingToApprove(given=row["key"])
        approving.decide(tx, who, asked.number, grant, why)
        if grant:
            done = store.turn(tx, number, of=[SendState.ASKED], state=SendState.APPROVED.value)
        else:
            done = _end(tx, who, number, why, of=[SendState.ASKED])
        if not done:
            raise SendEnded(given=number, state=SEND_STATES[SendState(row["state"])])
    return get(home, who, number)


def stop(home: Home, who: Who, number: int, why: str = "") -> Sending:
    """Stop a send: what waits is held back, what is being handed over still goes; needs SEND; raises NoSuchSend, SendEnded."""
    who.need(Permission.SEND)
    row = _row(home, who, number)
    who.need_unit(row["unit"])
    with home.state.write() as tx:
        if not _end(tx, who, number, why, of=_OPEN):
            raise SendEnded(given=number, state=SEND_STATES[SendState(row["state"])])
        store.hold_all(tx, number, pausing.STOPPED)
    log("outreach").info("send_stopped", who=who.name, send=number)
    return get(home, who, number)


def _end(tx: Connection, who: Who, number: int, why: str, of: Sequence[SendState]) -> bool:
    said = {"ended_at": clock.micros(), "ended_by": who.name, "why": why.strip()[:500], "meant": None}
    return store.turn(tx, number, of=of, state=SendState.STOPPED.value, **said)


def get(home: Home, who: Who, number: int) -> Sending:
    """Return a send and how far it is; needs SEND or APPROVE_SENDS; raises NoSuchSend."""
    return _told_of(home, who, [_row(home, who, number)])[0]


def listed(
    home: Home,
    who: Who,
    *,
    experiment: str | None = None,
    states: Sequence[SendState] = (),
    most: int = 100,
) -> tuple[Sending, ...]:
    """Return the sends of this account's units, the newest first, those in some states only where any are said; needs SEND or APPROVE_SENDS."""
    _may_see(who)
    with home.state.read() as tx:
        rows = store.sends(tx, states=states, experiment=experiment)
    return tuple(_told_of(home, who, [row for row in rows if _sees(who, row)][:most]))


def called(home: Home, who: Who, key: str) -> Sending | None:
    """Return the send that was asked for under a key, None where nobody did."""
    _may_see(who)
    with home.state.read() as tx:
        row = store.send_called(tx, key)
    return _told_of(home, who, [row])[0] if row is not None and _sees(who, row) else None


def held(home: Home, who: Who, number: int) -> list[tuple[str, str, str, str, str, str]]:
    """Return the messages of a send that were held back, failed or of unknown outcome: rows of `HEAD`.

    Needs SEE_PERSONS: a message is a person's, although no row says whose.
    """
    who.need(Permission.SEE_PERSONS)
    _row(home, who, number)
    with home.state.read() as tx:
        rows = store.held_back(tx, number)
    return [
        (
            row["id"], row["state"], row["reason"], row["channel"],
            "" if row["handed_at"] is None else clock.from_micros(row["handed_at"]).isoformat(), row["code"],
        )
        for row in rows
    ]  # fmt: skip


def export(home: Home, who: Who, number: int, to: TextIO) -> int:
    """Write what `held` returns as CSV, columns `HEAD`; return how many rows."""
    rows = held(home, who, number)
    out = csv.writer(to, lineterminator="\n")
    out.writerow(HEAD)
    out.writerows(rows)
    return len(rows)


def heard(home: Home, who: Who, number: int) -> Mapping[str, int | None]:
    """Return what was heard of a send after it went -> of how many messages; a released count for accounts that see no persons, None: too few."""
    _row(home, who, number)
    with home.state.read() as tx:
        found = store.heard(tx, number)
    if who.may(Permission.SEE_PERSONS):
        return {what: many.all for what, many in found.items()}
    return {what: _step(home, many, f"{number}:{what}") for what, many in found.items()}


def _may_see(who: Who) -> None:
    if not who.may(Permission.APPROVE_SENDS):
        who.need(Permission.SEND)


def _row(home: Home, who: Who, number: int) -> store.Row:
    _may_see(who)
    with home.state.read() as tx:
        row = store.send_of(tx, number)
    if row is None or not _sees(who, row):
        raise NoSuchSend(given=number)
    return row


def _sees(who: Who, row: store.Row) -> bool:
    """Say whether an account sees a send: one that sees no persons sees of others only such to many, since a small one says that somebody entered."""
    mine = who.may(Permission.SEE_PERSONS) or row["made_by"] == who.name
    return who.sees_unit(row["unit"]) and (mine or row["persons_told"] is not None)


def _told_of(home: Home, who: Who, rows: Sequence[store.Row]) -> list[Sending]:
    with home.state.read() as tx:
        tallies = store.tallies(tx, [row["number"] for row in rows])
        asked = {row["number"]: approving.of(tx, _about(row["key"])) for row in rows}
        paused = {
            key for key, ends in pausing.of(tx, (row["experiment"] for row in rows)).items() if not ends
        }
    plain = who.may(Permission.SEE_PERSONS)
    found = []
    for row in rows:
        number = row["number"]

        def told(many: store.Many, of: str, number: int = number) -> int | None:
            return many.all if plain else _step(home, many, f"{number}:{of}")

        waits = row["experiment"] in paused and row["state"] not in (SendState.DONE, SendState.STOPPED)
        stands = pausing.seen(tallies.get(number, {}), waits)
        counts = tuple(
            Tally(MessageState(state), reason, told(many, f"{state}:{reason}"))
            for (state, reason), many in sorted(stands.items(), key=_order)
        )
        approval = asked[number]
        kept = {name: row[name] for name in _KEPT}
        found.append(
            Sending(
                **kept, ways=queue.ways_of(row), values=json.loads(row["given"]), again=bool(row["again"]),
                state=SendState(row["state"]), persons=row["persons" if plain else "persons_told"], reach=row["reach" if plain else "reach_told"],
                approval=None if approval is None else approval.number, tallies=counts, rounded=not plain, paused=waits,
            )
        )  # fmt: skip
    return found


_KEPT = (
    *("number", "key", "experiment", "assignment", "purpose", "unit", "not_before", "not_after"),
    *("made_by", "made_at", "queued_at", "ended_at", "ended_by", "why"),
)
_STATES = list(MESSAGE_STATES)


def _order(one: tuple[tuple[str, str], store.Many]) -> tuple[int, int]:
    (state, _), many = one
    return _STATES.index(MessageState(state)), -many.all


def _released(home: Home, persons: BitMap) -> int | None:
    return released.figure(home.seal, released.panel(home), persons, home.settings.released_k)


def _step(home: Home, many: store.Many, of: str) -> int | None:
    """Return a released count of messages: what those of the panel stand for, in steps of k; None: too few."""
    k = home.settings.released_k
    if many.all < k or many.panel < released.least(k):
        return None
    draw = home.seal.draw(f"{of}:{many.panel}".encode())
    return (many.panel * released.ONE_IN + draw % k) // k * k
