"""What outreach keeps of people, taken away: when somebody is forgotten, and when an import that said it is undone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from zerodistance.core.outreach import consent
from zerodistance.kernel import bulk
from zerodistance.kernel.home import Home

_AT_ONCE = 10_000
_OWN = ("outreach_consent", "outreach_consent_now", "outreach_contact")
"""Tables that name a subject, whose rows go. An address stays suppressed, under its mark alone: nobody knows any more whose it was."""


def forget(home: Home, subjects: Sequence[int]) -> dict[str, int]:
    """Take away what is kept of these subjects; return rows removed per table; may be run again."""
    done = dict.fromkeys(_OWN, 0)
    every = sorted(set(subjects))
    for start in range(0, len(every), _AT_ONCE):
        some = every[start : start + _AT_ONCE]
        with home.state.write() as tx:
            for table in _OWN:
                done[table] += bulk.run_among(tx, f"delete from {table} where subject in {{values}}", some)
            bulk.run_among(
                tx, "update outreach_suppressed set subject = null where subject in {values}", some
            )
    return done


def undo_counts(home: Home, origin: int, batches: Sequence[int]) -> Mapping[str, int]:
    """Return how many words of consent an import said."""
    with home.state.read() as tx:
        sql = "select count(*) from outreach_consent where origin = ?"
        return {"consents": int(bulk.value(tx, sql, (origin,)) or 0)}


def undo(home: Home, origin: int, batches: Sequence[int]) -> None:
    """Take back what an import said of consent; may be run again."""
    consent.undo(home, origin)
