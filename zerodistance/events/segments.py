"""What segments says: that persons entered or left a segment that is followed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from zerodistance.kernel.bus import Event


@dataclass(frozen=True)
class SegmentChanged(Event):
    """Persons or visitors entered or left a segment.

    The sets are named, not listed: they are read with `segments.api.changed(home, who, segment, change)`.

    Attributes
    ----------
    segment, segment_version
        Key of the segment, and the version of its rule.
    change
        Number of the change; it ascends for each segment.
    reason
        `people` (touches, days that passed, who is who), or `rule` (its rule is another one, or that of one that it stands on).
    entered_persons, entered_visitors, left_persons, left_visitors
        How many.
    batch
        Last batch of touches that is in it.
    """

    topic: ClassVar[str] = "segments.segment_changed"
    version: ClassVar[int] = 1

    segment: str
    segment_version: int
    change: int
    reason: str
    entered_persons: int
    entered_visitors: int
    left_persons: int
    left_visitors: int
    batch: int
