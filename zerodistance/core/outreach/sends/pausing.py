"""Pauses: what is queued of an experiment waits until it is lifted, or goes no more.

A pause is one row, written in the transaction of whoever asks for it. The sender reads it in the transaction in which it claims, so from that commit on
nothing of the experiment is claimed, however much is queued. Its messages are set aside afterwards, slice by slice, so that they stand in nobody's way.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import BigInteger, Column, Connection, SmallInteger, Table, Text, delete, select, update

from zerodistance.core.outreach.contracts import MessageState, SendState
from zerodistance.core.outreach.sends import store
from zerodistance.core.outreach.sends.store import message
from zerodistance.kernel import bulk, clock, fault
from zerodistance.kernel.bulk import Bulk
from zerodistance.kernel.home import Home
from zerodistance.kernel.state import metadata, upsert

pause_of = Table(
    "outreach_pause",
    metadata,
    Column("experiment", Text, primary_key=True),
    Column("ends", SmallInteger, nullable=False),  # 1: for good, what is queued of it is held back
    Column("made_by", Text, nullable=False),
    Column("made_at", BigInteger, nullable=False),
)
STOPPED = "stopped"
"""Why a message is held back of which nothing is to go any more."""
_SLICE = 20_000  # own value: messages that one transaction sets aside, so that nobody waits long for it
_QUEUED, _PAUSED, _HELD = MessageState.QUEUED.value, MessageState.PAUSED.value, MessageState.HELD.value

_SET_ASIDE = Bulk(
    "update outreach_message set state = 'paused' {from} where id = {id} and state = 'queued'", id="text"
)


def pause(tx: Connection, experiment: str, by: str, *, ends: bool = False) -> None:
    """Let nothing of an experiment be claimed from this transaction on; with `ends` for good. What is being handed over still goes."""
    row = {"experiment": experiment, "ends": int(ends), "made_by": by, "made_at": clock.micros()}
    again = upsert(pause_of).values(row)
    if ends:
        tx.execute(again.on_conflict_do_update(index_elements=["experiment"], set_=row))
    else:
        tx.execute(again.on_conflict_do_nothing(index_elements=["experiment"]))


def lift(tx: Connection, experiment: str) -> bool:
    """Let an experiment go on that is paused; what ended for good stays so. Say whether it was paused."""
    p = pause_of.c
    return tx.execute(delete(pause_of).where(p.experiment == experiment, p.ends == 0)).rowcount == 1


def of(tx: Connection, experiments: Iterable[str]) -> dict[str, bool]:
    """Return experiment -> whether for good, of those that are paused."""
    sql = "select experiment, ends from outreach_pause where experiment in {values}"
    return {str(row[0]): bool(row[1]) for row in bulk.among(tx, sql, sorted(set(experiments)))}


def at_first(tx: Connection, experiment: str) -> tuple[str, str]:
    """Return state and reason with which messages of an experiment come into the queue now."""
    return _should(of(tx, [experiment]).get(experiment))


def _should(ends: bool | None) -> tuple[str, str]:
    """Return state and reason of a message that would be queued: None, its experiment is not paused; True, it is for good."""
    return (_QUEUED, "") if ends is None else (_HELD, STOPPED) if ends else (_PAUSED, "")


def set_aside(
    tx: Connection, rows: Sequence[store.Row], sends: dict[int, store.Row | None]
) -> list[store.Row]:
    """Return those of some queued messages that are not paused, and set the others aside."""
    paused = of(tx, (send["experiment"] for send in sends.values() if send is not None))
    if not paused:
        return list(rows)
    by = {n: paused.get(send["experiment"]) for n, send in sends.items() if send is not None}
    store.hold(tx, [(STOPPED, row["id"]) for row in rows if by.get(row["send"])])
    _SET_ASIDE.run(tx, [(row["id"],) for row in rows if by.get(row["send"]) is False])
    return [row for row in rows if by.get(row["send"]) is None]


def seen(tallies: dict[tuple[str, str], store.Many], paused: bool) -> dict[tuple[str, str], store.Many]:
    """Return the tallies of a send as they stand: what is queued of a paused one waits, what was set aside of one that goes on is queued."""
    here, there = (_PAUSED, _QUEUED) if paused else (_QUEUED, _PAUSED)
    found = {key: many for key, many in tallies.items() if key[0] != there}
    for (state, reason), many in tallies.items():
        if state == there:
            had = found.get((here, reason), store.Many(0, 0))
            found[here, reason] = store.Many(had.all + many.all, had.panel + many.panel)
    return found


def carry_out(home: Home) -> int:
    """Set aside what is queued of paused experiments, and queue again what was of others; return how many messages. Cut off anywhere, the next call goes on."""
    with home.state.read() as tx:
        running = store.sends(tx, states=[SendState.QUEUED])
        paused = of(tx, (send["experiment"] for send in running))
        wrong = [one["number"] for one in running if _wrong(tx, one["number"], paused.get(one["experiment"]))]
    moved = 0
    for number in wrong:
        while some := _slice(home, number):
            moved += some
            fault.point("outreach.paused")
    return moved


def _wrong(tx: Connection, number: int, ends: bool | None) -> str | None:
    """Return the state in which messages of a send are that should not be, None: all is well."""
    m, should = message.c, _should(ends)[0]
    for state in (_QUEUED, _PAUSED):
        here = select(m.id).where(m.send == number, m.state == state).limit(1)
        if state != should and tx.execute(here).first() is not None:
            return state
    return None


def _slice(home: Home, number: int) -> int:
    with home.state.write() as tx:
        send = store.send_of(tx, number)
        if send is None or send["state"] != SendState.QUEUED:
            return 0
        ends = of(tx, [send["experiment"]]).get(send["experiment"])
        before = _wrong(tx, number, ends)
        if before is None:
            return 0
        m, (state, reason) = message.c, _should(ends)
        some = select(m.id).where(m.send == number, m.state == before).limit(_SLICE)
        changed = update(message).where(m.id.in_(some.scalar_subquery()))
        return tx.execute(changed.values(state=state, reason=reason)).rowcount
