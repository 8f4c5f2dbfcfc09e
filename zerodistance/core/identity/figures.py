"""What crosses the door of identity about its health: how many, how joined, what is kept out, and how right it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from zerodistance.core.identity.contracts import Shared
from zerodistance.core.identity.estimates import Estimates


@dataclass(frozen=True, slots=True)
class Day:
    """One day in the brand's zone, `2026-11-26`: persons that became part of another, and parts that left a person."""

    day: str
    merged: int
    split: int


@dataclass(frozen=True, slots=True)
class Census:
    """What takes a look at every subject, counted at one time.

    Attributes
    ----------
    at
        When; microseconds UTC.
    held, anonymous
        Namespace -> identifiers of persons, and of visitors.
    in_turn
        Devices and cookies that more than one account uses in turn; those that are shared are not among them.
    sizes
        (least, most, persons): how many persons have so many subjects; most 0: no bound.
    days
        The last 30 days, today last.
    links, waiting
        Links of the matcher, and its doubts that nobody has decided, by the bands of `estimates.BANDS`.
    """

    at: int
    persons: int
    visitors: int
    held: dict[str, int]
    anonymous: dict[str, int]
    in_turn: int
    sizes: tuple[tuple[int, int, int], ...]
    days: tuple[Day, ...]
    links: int
    waiting: tuple[int, ...]
    seconds: float


@dataclass(frozen=True, slots=True)
class Large:
    """One of the persons with the most subjects: public id, how many subjects it has now, and a masked name for it."""

    id: str
    subjects: int
    masked: str


@dataclass(frozen=True, slots=True)
class Quarantined:
    """An identifier that stands on too many persons, with its story.

    Attributes
    ----------
    sources
        Source number -> pieces of evidence that it brought with it; the most first.
    evidence
        All of them.
    first_at, last_at
        Earliest and latest of them; microseconds UTC.
    """

    key: Shared
    sources: dict[int, int]
    evidence: int
    first_at: int
    last_at: int


@dataclass(frozen=True, slots=True)
class Released:
    """A shared identifier that somebody released; it links until it is shared again by hand."""

    key: Shared
    why: str
    who: str
    at: int


@dataclass(frozen=True, slots=True)
class Health:
    """The health of identity.

    Attributes
    ----------
    touches, recognised
        Touches of the last 30 days, and those of them that led to a person.
    doubts
        Pairs that wait for a decision, counted up to `weighed.COUNTED`.
    rebuilt, matched
        What the last whole rebuild and the last pass of the matcher found, with `at`; None: there was none yet.
    """

    census: Census
    largest: tuple[Large, ...]
    touches: int
    recognised: int
    quarantined: tuple[Quarantined, ...]
    quarantined_total: int
    released: tuple[Released, ...]
    doubts: int
    estimates: Estimates
    rebuilt: dict[str, Any] | None
    matched: dict[str, Any] | None

    @property
    def anonymous_touches(self) -> float | None:
        """Share of touches that led to nobody but a visitor; None where there was no touch."""
        return 1 - self.recognised / self.touches if self.touches else None

    @property
    def anonymous_subjects(self) -> float | None:
        """Share of identifiers that belong to visitors; None where there is none."""
        visitors, persons = sum(self.census.anonymous.values()), sum(self.census.held.values())
        return visitors / (visitors + persons) if visitors + persons else None
