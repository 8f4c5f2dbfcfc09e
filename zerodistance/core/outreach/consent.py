"""Consent: who may be written to, what for and how, with what shows it. It belongs to an address, a purpose and a channel; a merge never widens it.

What was said is kept word by word; the latest said holds, and of two of one moment the withdrawal. Service messages need no consent, since they are about
what somebody bought or asked for; a withdrawal holds for them too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from sqlalchemy import Connection

from zerodistance.core.identity import api as identity
from zerodistance.core.outreach import suppression
from zerodistance.core.outreach.contracts import NAMESPACES, ChannelName, Purpose
from zerodistance.kernel import bulk
from zerodistance.kernel.bulk import Bulk
from zerodistance.kernel.home import Home

Ints = npt.NDArray[np.int64]
GIVEN, WITHDRAWN = "given", "withdrawn"
NEEDED = frozenset((Purpose.MARKETING, Purpose.RESEARCH))
"""Purposes for which somebody must have said yes."""
USABLE = pa.schema([("person", pa.uint32()), ("subject", pa.int64())])
"""One row per person who may be written to: the one address of theirs that it goes to."""
_MANY = (
    20_000  # own value: of so many addresses all words of a purpose and channel are read, of fewer their own
)
_INSERT = Bulk(
    "insert into outreach_consent (subject, purpose, channel, state, said_at, place, text_version, source, proof, origin, noted_at) {rows}",
    subject="bigint", purpose="text", channel="text", state="text", said_at="bigint", place="text", text_version="text",
    source="text", proof="text", origin="bigint", noted_at="bigint",
)  # fmt: skip
_NOW = Bulk(
    "insert into outreach_consent_now (purpose, channel, subject, state, said_at) {rows} on conflict (purpose, channel, subject) "
    "do update set state = excluded.state, said_at = excluded.said_at where excluded.said_at > outreach_consent_now.said_at "
    "or (excluded.said_at = outreach_consent_now.said_at and excluded.state = 'withdrawn')",
    key=("purpose", "channel", "subject"), purpose="text", channel="text", subject="bigint", state="text", said_at="bigint",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Word:
    """That consent was given or withdrawn.

    Attributes
    ----------
    subject
        The address.
    at
        When it was said, microseconds UTC.
    place
        Where: a page, a form, a store.
    text_version
        Which text was agreed to.
    source
        How it came: `touch`, `link`, `import`, `account`, `complaint`.
    proof
        What shows it: a touch, a ticket, an account.
    origin
        The import that said it, whose undoing takes it back; 0: none.
    """

    subject: int
    purpose: str
    channel: str
    given: bool
    at: int
    place: str = ""
    text_version: str = ""
    source: str = "account"
    proof: str = ""
    origin: int = 0


def keep(tx: Connection, words: Iterable[Word], now: int) -> int:
    """Keep words of consent; return how many are new. What was said before with the same proof is not kept again."""
    every = list(dict.fromkeys(words))
    sql = "select subject, purpose, channel, state, said_at, proof, origin from outreach_consent where subject in {values}"
    there = {tuple(row) for row in bulk.among(tx, sql, sorted({one.subject for one in every}))}
    fresh = [one for one in every if _key(one) not in there]
    _INSERT.run(
        tx,
        [
            (
                one.subject, one.purpose, one.channel, _state(one), one.at, one.place[:200], one.text_version[:100],
                one.source, one.proof[:200], one.origin, now,
            )
            for one in fresh
        ],
    )  # fmt: skip
    _NOW.run(tx, [(one.purpose, one.channel, one.subject, _state(one), one.at) for one in fresh])
    return len(fresh)


def _key(one: Word) -> tuple[object, ...]:
    return one.subject, one.purpose, one.channel, _state(one), one.at, one.proof[:200], one.origin


def _state(one: Word) -> str:
    return GIVEN if one.given else WITHDRAWN


def withdraw(
    tx: Connection,
    subjects: Sequence[int],
    *,
    now: int,
    at: int | None = None,
    purposes: Sequence[str] = (Purpose.MARKETING, Purpose.RESEARCH),
    channels: Sequence[str] = tuple(ChannelName),
    place: str = "",
    source: str = "link",
    proof: str = "",
) -> int:
    """Withdraw consent of addresses, whatever it was given by; return how many words that makes. For one click, and for whoever asks for it."""
    words = [
        Word(subject, str(purpose), str(channel), False, now if at is None else at, place, "", source, proof)
        for subject in dict.fromkeys(subjects)
        for purpose in purposes
        for channel in channels
    ]
    return keep(tx, words, now)


def usable(
    tx: Connection,
    home: Home,
    persons: npt.NDArray[np.uint32],
    purpose: str,
    channel: str,
    namespaces: Sequence[str] | None = None,
) -> pa.Table:
    """Return the one address of each person that a message may go to, a table of `USABLE` in order of persons.

    Consent was given for it (service: not withdrawn), nothing suppresses it, and not too many persons share it; of several the one that was seen last.
    Who has none is left out.

    Parameters
    ----------
    namespaces
        Of what the channel writes to, the best first; None: as `contracts.NAMESPACES` says.
    """
    keys = NAMESPACES[ChannelName(channel)] if namespaces is None else namespaces
    found = identity.contacts(tx, persons.astype(np.int64), keys)
    person, subject, namespace, seen = (
        found.column(name).to_numpy() for name in ("person", "subject", "namespace", "seen_at")
    )
    may = allowed(tx, subject, purpose, channel) & ~suppression.holds(tx, subject, purpose)
    person, subject, namespace, seen = (column[may] for column in (person, subject, namespace, seen))
    order = np.lexsort((subject, -seen, namespace, person))
    first = np.ones(len(order), np.bool_)
    first[1:] = person[order][1:] != person[order][:-1]
    chosen = order[first]
    return pa.table([pa.array(person[chosen]), pa.array(subject[chosen])], schema=USABLE)


def allowed(tx: Connection, subjects: Ints, purpose: str, channel: str) -> npt.NDArray[np.bool_]:
    """Say of each address whether consent lets it be written to: it was given, or, where none is needed, not withdrawn."""
    needed = purpose in NEEDED
    mine = said(tx, subjects, purpose, channel, GIVEN if needed else WITHDRAWN)
    return mine if needed else ~mine


def said(tx: Connection, subjects: Ints, purpose: str, channel: str, state: str) -> npt.NDArray[np.bool_]:
    """Say of each address whether this is what holds of it."""
    if len(subjects) >= _MANY:
        last = int(subjects.max())
        holds_now = f"purpose = '{Purpose(purpose).value}' and channel = '{ChannelName(channel).value}' and state = '{state}'"
        sql = f"select subject from outreach_consent_now where {holds_now} and subject between ? and ?"
        (holds,) = bulk.spans(tx, sql, {"subject": np.int64}, last)
        return np.isin(subjects, holds)
    sql = "select subject, purpose, channel, state from outreach_consent_now where subject in {values}"
    wanted = (str(purpose), str(channel), state)
    rows = [row[0] for row in bulk.among(tx, sql, np.unique(subjects).tolist()) if tuple(row[1:]) == wanted]
    return np.isin(subjects, np.array(rows, np.int64))


def of_subjects(tx: Connection, subjects: Sequence[int]) -> list[tuple[int, Word]]:
    """Return what was ever said of addresses with when it was noted, the latest first."""
    sql = (
        "select subject, purpose, channel, state, said_at, place, text_version, source, proof, origin, noted_at, number "
        "from outreach_consent where subject in {values}"
    )
    rows = sorted(bulk.among(tx, sql, list(subjects)), key=lambda row: (-row[4], -row[11]))
    return [(row[10], Word(row[0], row[1], row[2], row[3] == GIVEN, *row[4:10])) for row in rows]


def counts(tx: Connection) -> Mapping[tuple[str, str, str], int]:
    """Return (purpose, channel, state) -> addresses of which that holds."""
    rows = bulk.rows(
        tx, "select purpose, channel, state, count(*) from outreach_consent_now group by 1, 2, 3"
    )
    return {(purpose, channel, state): int(many) for purpose, channel, state, many in rows}


def undo(home: Home, origin: int) -> int:
    """Take back what an import said; return how many words went. May be run again."""
    with home.state.write() as tx:
        rows = bulk.rows(tx, "select distinct subject from outreach_consent where origin = ?", (origin,))
        gone = bulk.run(tx, "delete from outreach_consent where origin = ?", (origin,))
        settle(tx, [row[0] for row in rows])
    return gone


def settle(tx: Connection, subjects: Sequence[int]) -> None:
    """Work out anew what holds of addresses, from what is kept of them."""
    bulk.run_among(tx, "delete from outreach_consent_now where subject in {values}", subjects)
    sql = "select purpose, channel, subject, state, said_at from outreach_consent where subject in {values}"
    _NOW.run(tx, [tuple(row) for row in bulk.among(tx, sql, list(subjects))])
