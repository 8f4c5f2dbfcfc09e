"""Which subject gives whom the public id, as the state has it; see `public`."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from zerodistance.core.identity import public
from zerodistance.kernel import bulk
from zerodistance.kernel.bulk import Bulk

SETTLE = Bulk(
    "update subject set settled = {settled} {from} where number = {number} and person = {person} and subject.settled = 0",
    settled="bigint", number="bigint", person="bigint",
)  # fmt: skip
_COUNTED = (
    "select person, settled, count(*), min(number), max(case when number = settled then 1 else 0 end) from subject where person in {} "
    "group by person, settled"
)
_RENAMED = (
    "(select person from subject group by person having max(settled) > 0 and (max(settled) <> min(number) or "
    "min(nullif(settled, 0)) <> min(number) or max(case when number = settled then 1 else 0 end) = 0))"
)


def named(tx: Connection, persons: Sequence[int]) -> dict[int, int]:
    """Return person -> the subject that gives it the public id, for those that exist."""
    counts = bulk.among(tx, _COUNTED.format("{values}"), list(dict.fromkeys(persons)))
    return dict(public.counted((r[0], r[1], r[2], r[3], r[4]) for r in counts))


def renamed(tx: Connection) -> dict[int, int]:
    """Return person -> the subject that gives it the public id, where that may not be its earliest."""
    counts = bulk.rows(tx, _COUNTED.format(_RENAMED))
    return dict(public.counted((r[0], r[1], r[2], r[3], r[4]) for r in counts))


def unsettle(tx: Connection, subjects: Sequence[int]) -> None:
    """Let nobody stand for the ids of these subjects any more."""
    bulk.run_among(tx, "update subject set settled = 0 where settled in {values}", subjects)
