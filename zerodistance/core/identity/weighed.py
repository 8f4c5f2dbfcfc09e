"""What crosses the door of identity about pairs that the matcher weighed: who is compared, what agrees, what that weighs, and what was decided."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from zerodistance.core.identity.contracts import Person, Weight
from zerodistance.kernel.text import Text


class Asked(StrEnum):
    """How somebody came to be asked about two subjects; what is estimated from decisions looks at those two ways only.

    `doubt`: the queue of what the matcher left open; `link`: a sample of what it joined; `hand`: nobody asked.
    """

    HAND = "hand"
    DOUBT = "doubt"
    LINK = "link"


@dataclass(frozen=True, slots=True)
class Sign:
    """One character of a value beside another: what may be seen of it, and whether it differs from the other's; empty: only the other has one here."""

    shown: str
    same: bool


Spelled = tuple[Sign, ...]


@dataclass(frozen=True, slots=True)
class Field:
    """One thing that was said of the two, aligned; an empty side said nothing."""

    name: str
    left: Spelled
    right: Spelled


@dataclass(frozen=True, slots=True)
class Review:
    """Two subjects and what is known of them, side by side.

    Attributes
    ----------
    a, b
        The subjects, the left and the right one.
    left, right
        The persons they belong to now; one person where a link is checked.
    weights
        What each comparison says, those that weigh most first.
    bits, probability
        What the matcher found of the pair.
    rest
        Bits beside the comparisons: how seldom any two records are one person's, and whether a common home explains as much.
    older
        What is shown is not all that was compared: the two were also written in ways that the latest ones do not show.
    apart
        What each of them has of its own although a person has one only: they are never joined by themselves.
    revealed
        Whole values are shown; that was written down.
    """

    a: int
    b: int
    left: Person
    right: Person
    fields: tuple[Field, ...]
    weights: tuple[Weight, ...]
    bits: float
    probability: float
    rest: float
    model: str
    older: bool
    apart: tuple[Text, ...] = ()
    revealed: bool = False


@dataclass(frozen=True, slots=True)
class Place:
    """Where a pair stands in its queue."""

    rank: int
    b: int
    a: int


@dataclass(frozen=True, slots=True)
class Reviews:
    """Some of the pairs that wait for somebody.

    Attributes
    ----------
    places
        Of the pairs, in order, to ask for those after or before them.
    left
        How many wait, counted up to `COUNTED`.
    """

    pairs: tuple[Review, ...]
    places: tuple[Place, ...]
    left: int


COUNTED = 1_000
"""Pairs that wait are counted up to here (own value: nobody decides more in a day)."""
