"""What crosses the door of profiles about the tree as a whole: its outline, what a word stands in, and which dimensions count."""

from __future__ import annotations

from dataclasses import dataclass

from zerodistance.core.profiles.contracts import Dimension
from zerodistance.kernel.text import Text


@dataclass(frozen=True, slots=True)
class Outline:
    """A dimension on one line.

    Attributes
    ----------
    nodes, inner
        Nodes that somebody is at, and inner nodes.
    persons, visitors
        Who is at any node.
    """

    dimension: Dimension
    nodes: int
    inner: int
    persons: int
    visitors: int


@dataclass(frozen=True, slots=True)
class FoundNode:
    """A node in whose label or key the words stand that were searched."""

    dimension: Dimension
    node: str
    label: Text
    persons: int
    visitors: int


@dataclass(frozen=True, slots=True)
class Found:
    """What a word stands in.

    Attributes
    ----------
    nodes
        Those with most persons.
    nodes_total
        How many there are with those that are not listed.
    """

    dimensions: tuple[Outline, ...]
    nodes: tuple[FoundNode, ...]
    nodes_total: int


@dataclass(frozen=True, slots=True)
class Assayed:
    """Whether one dimension counts.

    Attributes
    ----------
    large
        Nodes, no inner ones, that hold enough persons.
    like, likeness
        The counting dimension that says most of it, and how much (Cramér's V, 0 to 1).
    why_not
        `small`: fewer than two nodes are large; `same`: another one says the same; `unread`: nothing known reads it; empty: it counts.
    """

    key: str
    large: int
    like: str
    likeness: float
    why_not: str

    @property
    def counts(self) -> bool:
        """Whether it counts."""
        return not self.why_not


@dataclass(frozen=True, slots=True)
class Assay:
    """Which dimensions of a home count.

    Attributes
    ----------
    least
        Persons that a node has to hold to be large.
    sample
        Persons by whom dimensions were compared.
    nodes, inner
        Nodes that at least one person is at, and how many of them are inner nodes.
    """

    persons: int
    least: int
    sample: int
    nodes: int
    inner: int
    dimensions: tuple[Assayed, ...]

    @property
    def counting(self) -> int:
        """How many dimensions count."""
        return sum(one.counts for one in self.dimensions)
