"""What crosses the door of segments where they are compared, checked, or counted by place."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from zerodistance.core.profiles.splits import Sizes
from zerodistance.core.segments.contracts import Segment
from zerodistance.kernel.text import Text


@dataclass(frozen=True, slots=True)
class Region:
    """Who is in some segments and in none of the others; `inside` says for each whether it is one of them."""

    inside: tuple[bool, ...]
    sizes: Sizes


@dataclass(frozen=True, slots=True)
class Overlap:
    """How saved segments overlap, exactly and at one moment.

    Attributes
    ----------
    pairs
        Who is in both, a row a segment, a column a segment; on the diagonal how many are in each.
    regions
        Every combination, for at most five segments; none for more.
    outside
        Who is in none of them.
    """

    segments: tuple[Segment, ...]
    pairs: tuple[tuple[Sizes, ...], ...]
    regions: tuple[Region, ...]
    outside: Sizes
    as_of: datetime
    batch: int
    took_ms: float


@dataclass(frozen=True, slots=True)
class Difference:
    """A node at which persons who fit are more often than others, or more seldom.

    Attributes
    ----------
    persons
        How many who fit are at it.
    share, share_others
        Of those who fit, and of the others, 0 to 1.
    low, high
        The interval of the difference of the shares (Newcombe), of all nodes together at 95 %.
    log_odds
        Natural logarithm of the ratio of the odds.
    """

    dimension: str
    label: Text
    node: str
    node_label: Text
    persons: int
    share: float
    share_others: float
    low: float
    high: float
    log_odds: float


@dataclass(frozen=True, slots=True)
class Distinguished:
    """What tells persons who fit from others.

    Attributes
    ----------
    others
        How many they are compared with.
    in_both
        Who fits both rules, left out on both sides; 0 where they are compared with everybody else.
    looked_at
        Nodes that were compared; those of dimensions that a rule asks for are not.
    error
        As of `Portrait`.
    """

    persons: int
    others: int
    in_both: int
    looked_at: int
    differences: tuple[Difference, ...]
    error: float
    as_of: datetime
    batch: int
    took_ms: float


@dataclass(frozen=True, slots=True)
class Checked:
    """What the SQL of a rule found beside the index.

    Attributes
    ----------
    persons, visitors
        Whom the SQL found.
    missing, extra
        How many of them the index lacks, and how many it has beside them; 0 and 0: both say the same.
    moved
        Whether somebody has become another person since the index was written, which explains a difference.
    """

    persons: int
    visitors: int
    missing: int
    extra: int
    moved: bool
    took_ms: float


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A community near a point: its H3 cell of resolution 9, how far it is over ground, the persons who live there and fit, and all of them."""

    code: str
    name: Text
    lat: float
    lon: float
    cell: str
    km: float
    persons: int
    of_persons: int


@dataclass(frozen=True, slots=True)
class Nearby:
    """The communities nearest to a point, the nearest first; those of the brand's table in which nobody lives too."""

    communities: tuple[Neighbour, ...]
    as_of: datetime
    batch: int
    took_ms: float
