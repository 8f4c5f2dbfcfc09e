"""Addresses to which nothing is sent, whatever consent says: lists that were imported, addresses that do not exist, complaints, whoever asked for it.

An address is known here by a mark of its own, a keyed hash of its token: so it stays suppressed when its person is forgotten and comes back by another
list, and nobody finds it by anything that is kept elsewhere.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection

from zerodistance.core.identity import api as identity
from zerodistance.core.identity.contracts import NotAnIdentifier
from zerodistance.kernel import bulk, clock
from zerodistance.kernel.bulk import Bulk
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text

Ints = npt.NDArray[np.int64]
REASONS: Mapping[str, Text] = {
    "listed": Text("在导入的禁发名单上", "on a list that was imported"),
    "asked": Text("本人要求不再联系", "asked not to be written to"),
    "bounced": Text("地址不存在（硬退信）", "the address does not exist (hard bounce)"),
    "full": Text("多次退信", "it bounced again and again"),
    "complained": Text("投诉为垃圾信息", "complained of spam"),
    "wrong": Text("号码或邮箱不属于此人", "the address is somebody else's"),
}
"""Why an address is suppressed."""
_NAMESPACES = ("phone", "email", "member_id", "user_id", "openid", "device_id")
_AT_ONCE = 20_000
_MARK = "suppressed"
_UPTO = "suppressed"
_INSERT = Bulk(
    "insert into outreach_suppressed (mark, purpose, reason, namespace, subject, said_at, until_at, source) {rows} "
    "on conflict (mark, purpose, reason) do update set said_at = excluded.said_at, until_at = excluded.until_at, "
    "source = excluded.source, subject = coalesce(excluded.subject, outreach_suppressed.subject)",
    key=("mark", "purpose", "reason"), mark="bytea", purpose="text", reason="text", namespace="text", subject="bigint",
    said_at="bigint", until_at="bigint", source="text",
)  # fmt: skip
_CATCH = Bulk(
    "update outreach_suppressed set subject = {subject} {from} where mark = {mark}",
    subject="bigint",
    mark="bytea",
)
_LIVE = "(until_at is null or until_at > {now})"


@dataclass(frozen=True, slots=True)
class Loaded:
    """What became of a list.

    Attributes
    ----------
    rows, added, known, unreadable
        Lines; addresses that are suppressed by it; those among them that somebody of this home has; lines that are no address.
    """

    rows: int
    added: int
    known: int
    unreadable: int


def mark_of(home: Home, token: bytes) -> bytes:
    """Return how an address is known here, from its token."""
    return home.seal.token(_MARK, token.hex())


def add(
    tx: Connection,
    home: Home,
    subjects: Sequence[int],
    reason: str,
    *,
    at: int,
    purpose: str = "",
    until: int | None = None,
    source: str = "",
) -> int:
    """Suppress addresses that somebody has; return how many. `purpose` empty: whatever for; `until` None: for good."""
    found = identity.tokens_named(tx, list(dict.fromkeys(subjects)))
    _INSERT.run(
        tx,
        [
            (mark_of(home, token), purpose, _known(reason), namespace, subject, at, until, source[:200])
            for subject, (token, namespace) in found.items()
        ],
    )
    return len(found)


def load(
    home: Home,
    lines: Iterable[str],
    namespace: str,
    *,
    source: str,
    reason: str = "listed",
    purpose: str = "",
) -> Loaded:
    """Suppress every address of a list, one a line, whether anybody has it or not."""
    rows = unreadable = added = known = 0
    some: dict[bytes, bytes] = {}

    def write() -> None:
        nonlocal added, known
        with home.state.write() as tx:
            theirs = identity.subjects_named(tx, list(some))
            now = clock.micros()
            rows_ = [
                (m, purpose, _known(reason), namespace, theirs.get(t), now, None, source[:200])
                for t, m in some.items()
            ]
            _INSERT.run(tx, rows_)
        added, known = added + len(some), known + len(theirs)
        some.clear()

    for line in lines:
        value = line.strip().strip('"').strip()
        if not value:
            continue
        rows += 1
        try:
            token = identity.token_of(home, namespace, value)
        except NotAnIdentifier:
            unreadable += 1
            continue
        some[token] = mark_of(home, token)
        if len(some) >= _AT_ONCE:
            write()
    if some:
        write()
    return Loaded(rows, added, known, unreadable)


def lines_of(data: bytes) -> Iterable[str]:
    """Return the lines of a list, whatever its line ends; a byte order mark goes, and a heading is no address."""
    return io.StringIO(data.decode("utf-8-sig", "replace"))


def lift(tx: Connection, home: Home, token: bytes) -> int:
    """Take an address from every list; return how many rows went."""
    return bulk.run(tx, "delete from outreach_suppressed where mark = ?", (mark_of(home, token),))


def catch_up(home: Home) -> int:
    """Note which addresses on the lists somebody has by now; return how many were found. A job does it again and again."""
    found = 0
    while True:
        with home.state.write() as tx:
            if not bulk.value(tx, "select 1 from outreach_suppressed limit 1"):
                return found
            upto = int(bulk.value(tx, "select value from outreach_cursor where key = ?", (_UPTO,)) or 0)
            some = identity.tokens_since(tx, upto, _NAMESPACES, _AT_ONCE)
            if not some:
                return found
            marks = {mark_of(home, token): number for number, token in some}
            listed = bulk.among(
                tx, "select mark from outreach_suppressed where mark in {values}", list(marks)
            )
            mine = [(marks[bytes(row[0])], bytes(row[0])) for row in listed]
            _CATCH.run(tx, mine)
            bulk.run(
                tx,
                "insert into outreach_cursor (key, value) values (?, ?) on conflict (key) do update set value = excluded.value",
                (_UPTO, some[-1][0]),
            )
        found += len(mine)


def holds(tx: Connection, subjects: Ints, purpose: str) -> npt.NDArray[np.bool_]:
    """Say of each address whether it is suppressed, as far as the lists were matched (`catch_up`); the sender asks `why` once more."""
    sql = (
        "select subject from outreach_suppressed where subject is not null and (purpose = '' or purpose = ?) and "
        + _LIVE.format(now=clock.micros())
    )
    (found,) = bulk.columns(tx, sql, 1, (str(purpose),))
    return np.isin(subjects, found)


def why(tx: Connection, home: Home, subjects: Sequence[int], purpose: str) -> dict[int, str]:
    """Return subject -> why it is suppressed, of those that are: asked of every list, also one that came a moment ago."""
    marks = {
        mark_of(home, token): one for one, (token, _) in identity.tokens_named(tx, list(subjects)).items()
    }
    sql = f"select mark, purpose, reason from outreach_suppressed where mark in {{values}} and {_LIVE.format(now=clock.micros())}"
    rows = bulk.among(tx, sql, list(marks))
    return {marks[bytes(mark)]: reason for mark, of, reason in rows if of in ("", purpose)}


def complained(tx: Connection, since: int) -> Ints:
    """Return the addresses that complained after a moment."""
    sql = "select subject from outreach_suppressed where subject is not null and reason = 'complained' and said_at > ?"
    found: Ints = bulk.columns(tx, sql, 1, (since,))[0]
    return found


def counts(tx: Connection) -> dict[str, tuple[int, int]]:
    """Return reason -> addresses that are suppressed, and those among them that somebody has."""
    sql = (
        "select reason, count(*), count(subject) from outreach_suppressed where "
        + _LIVE.format(now=clock.micros())
        + " group by reason"
    )
    return {reason: (int(many), int(known)) for reason, many, known in bulk.rows(tx, sql)}


def of_subjects(tx: Connection, subjects: Sequence[int]) -> list[tuple[int, str, str, int, int | None, str]]:
    """Return (subject, purpose, reason, said_at, until_at, source) of addresses, the latest first."""
    sql = "select subject, purpose, reason, said_at, until_at, source from outreach_suppressed where subject in {values}"
    return sorted((tuple(row) for row in bulk.among(tx, sql, list(subjects))), key=lambda row: -row[3])


def _known(reason: str) -> str:
    if reason not in REASONS:
        raise ValueError(f"no such reason: {reason}")
    return reason
