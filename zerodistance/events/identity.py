"""What identity says: that subjects moved from one person to another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from zerodistance.kernel.bus import Event


@dataclass(frozen=True)
class PersonsChanged(Event):
    """Subjects belong to other persons than before.

    The set is named, not listed: rows `first_change` to `last_change` of the table `identity_change`, read with
    `identity.api.changes_since`.

    Attributes
    ----------
    reason
        `digest` (touches joined persons), `rebuild` (a new epoch), `revoke` (evidence was revoked or restored), `undo` (an
        import was undone; a new epoch too).
    epoch
        The epoch that the change belongs to.
    subjects
        How many subjects moved.
    merged
        Persons and visitors that became part of another one.
    split
        Persons that gave away a part.
    """

    topic: ClassVar[str] = "identity.persons_changed"
    version: ClassVar[int] = 1

    reason: str
    epoch: int
    subjects: int
    merged: int
    split: int
    first_change: int
    last_change: int
