"""Who logged in on a shared device when: the table and its queries. Private to identity. Times are microseconds UTC."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

import numpy as np
import numpy.typing as npt
from sqlalchemy import BigInteger, Column, Connection, Integer, Table

from zerodistance.core.identity import rules
from zerodistance.core.identity.turns.history import Login
from zerodistance.kernel import bulk
from zerodistance.kernel.bulk import Bulk
from zerodistance.kernel.state import metadata

Ints = npt.NDArray[np.int64]
identity_turn = Table(
    "identity_turn",
    metadata,
    Column("subject", BigInteger, primary_key=True, autoincrement=False),  # the device or cookie
    Column("at", BigInteger, primary_key=True, autoincrement=False),  # happened_at of the login
    Column("account", BigInteger, primary_key=True, autoincrement=False, index=True),  # who logged in
    Column("origin", Integer, primary_key=True, autoincrement=False),  # 0: live; else the import that said it
    Column(
        "turn", BigInteger, nullable=False, index=True
    ),  # the subject that stands for the device since then; 0: itself
    sqlite_with_rowid=False,
)

INSERT = Bulk(
    "insert into identity_turn (subject, at, account, origin, turn) {rows} on conflict do nothing",
    subject="bigint", at="bigint", account="bigint", origin="bigint", turn="bigint",
)  # fmt: skip
DELETE = Bulk(
    "delete from identity_turn {using} where subject = {number} and at = {when} and account = {who} and origin = {said_by}",
    number="bigint", when="bigint", who="bigint", said_by="bigint",
)  # fmt: skip
MARK = Bulk("update subject set turned = 1 {from} where number = {number}", number="bigint")
OWN = (("identity_turn", "subject"), ("identity_turn", "account"), ("identity_turn", "turn"))
"""The columns that name a subject: what `forget` and expiry empty."""
_ACCOUNTS = ", ".join(map(str, sorted(rules.ACCOUNTS)))
_KEPT = "select subject, at, account, turn, origin from identity_turn where subject in {values}"
_ON = (
    "select e.b, e.at, e.a, e.origin, e.revoked_at, s.namespace from evidence e join subject s on s.number = e.a "
    f"where s.namespace in ({_ACCOUNTS}) and e.b in {{values}}"
)
_PAIRS = (
    "select e.a, e.b, e.at, e.origin, e.revoked_at, x.namespace, y.namespace from evidence e join subject x on x.number = e.a "
    f"join subject y on y.number = e.b where x.namespace in ({_ACCOUNTS}) and y.namespace in ({_ACCOUNTS}) and e."
)


def kept(tx: Connection, subjects: Sequence[int], origins: Collection[int]) -> dict[int, list[Login]]:
    """Return the logins that are kept of subjects, as these origins say."""
    found: dict[int, list[Login]] = {}
    for subject, *login in bulk.among(tx, _KEPT, list(subjects)):
        if login[3] in origins:
            found.setdefault(subject, []).append(Login(*login))
    return found


def accounts_on(
    tx: Connection, subjects: Sequence[int], origins: Collection[int], kinds: dict[int, int]
) -> dict[int, list[Login]]:
    """Return the accounts that evidence of these origins has seen with subjects, each where one of them first did; `kinds` learns what they are."""
    earliest: dict[tuple[int, int, int], int] = {}
    revoked: set[tuple[int, int]] = set()
    for b, at, a, origin, revoked_at, rank in bulk.among(tx, _ON, list(subjects)):
        if revoked_at is not None:
            revoked.add((b, a))
        if origin in origins:
            earliest[b, a, origin] = min(at, earliest.get((b, a, origin), at))
            kinds[a] = rank
    found: dict[int, list[Login]] = {}
    for (b, a, origin), at in earliest.items():
        if (b, a) not in revoked:
            found.setdefault(b, []).append(Login(at, a, 0, origin))
    return found


def kinds(tx: Connection, accounts: Iterable[int]) -> dict[int, int]:
    """Return account -> rank."""
    sql = "select number, namespace from subject where number in {values}"
    return dict(bulk.among(tx, sql, sorted(accounts)))


def pairs_of(
    tx: Connection, accounts: Sequence[int], origins: Collection[int], kinds: dict[int, int]
) -> list[tuple[int, int, int]]:
    """Return (account, account, time) of those that stood on one touch with one of `accounts`; `kinds` learns what they are."""
    found: dict[tuple[int, int], int] = {}
    revoked: set[tuple[int, int]] = set()
    for side in "ab":
        for a, b, at, origin, revoked_at, *ranks in bulk.among(
            tx, _PAIRS + f"{side} in {{values}}", accounts
        ):
            if revoked_at is not None:
                revoked.add((a, b))
            if origin in origins:
                found[a, b] = min(at, found.get((a, b), at))
                kinds[a], kinds[b] = ranks
    return [(a, b, at) for (a, b), at in found.items() if (a, b) not in revoked]


def resting(tx: Connection, number: Ints, shared: Iterable[int]) -> Ints:
    """Return the rows of what stands for devices that are shared: a device that too many use is nobody's, and neither are its turns.

    Parameters
    ----------
    number
        All subjects, ascending.
    shared
        Rows of those that are shared.
    """
    devices = number[list(shared)].tolist()
    sql = "select distinct turn from identity_turn where turn <> 0 and subject in {values}"
    turns = np.array(sorted(row[0] for row in bulk.among(tx, sql, devices)), np.int64)
    rows = np.searchsorted(number, turns)
    return rows[number[np.minimum(rows, max(0, len(number) - 1))] == turns] if len(turns) else rows


def devices(tx: Connection, turns: Sequence[int]) -> dict[int, int]:
    """Return turn -> the device or cookie it is of."""
    sql = "select distinct turn, subject from identity_turn where turn in {values}"
    return dict(bulk.among(tx, sql, list(turns)))


def share(tx: Connection, subjects: Sequence[int], shared: int) -> None:
    """Mark what stands for devices as shared or not, as they themselves are."""
    sql = f"update subject set shared = {int(shared)} where number in (select turn from identity_turn where subject in {{values}})"
    bulk.run_among(tx, sql, list(subjects))


def take_back(tx: Connection, origin: int, subjects: Sequence[int]) -> None:
    """Remove what an import said about who logged in on subjects."""
    sql = f"delete from identity_turn where origin = {int(origin)} and subject in {{values}}"
    if bulk.run_among(tx, sql, list(subjects)):
        bulk.run_among(
            tx,
            "update subject set turned = 0 where turned = 1 and number in {values} and not exists "
            "(select 1 from identity_turn t where t.subject = subject.number)",
            list(subjects),
        )
