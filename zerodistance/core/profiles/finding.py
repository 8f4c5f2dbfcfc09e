"""Walking and searching the tag tree: a line a dimension, and what a word stands in."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence

from zerodistance.core.profiles import labels, rules
from zerodistance.core.profiles.contracts import Dimension
from zerodistance.core.profiles.figures import Found, FoundNode, Outline
from zerodistance.core.profiles.index import Index


def outline(here: Index, dimension: Dimension) -> Outline:
    """Return a dimension with the number of its nodes in use and of whoever is at one; its nodes are not named."""
    nodes = here.nodes(dimension.key)
    inner = sum(1 for node in nodes if rules.is_inner(node))
    return Outline(dimension, len(nodes) - inner, inner, *here.size(("any", dimension.key, "")))


def search(here: Index, dimensions: Sequence[Dimension], names: labels.Names, text: str, most: int) -> Found:
    """Return the dimensions in whose key, labels or meaning every word of a text stands, and the nodes in whose labels or keys they all stand.

    Parameters
    ----------
    most
        Nodes at most, those with most persons; 0: none is looked at.
    """
    words = text.casefold().split()
    if not words:
        return Found((), (), 0)
    lines = tuple(outline(here, d) for d in dimensions if _stand(words, _said(d)))
    nodes = list(_nodes(here, dimensions, names, words)) if most else []
    top = heapq.nlargest(most, nodes, key=lambda n: (n.persons, n.visitors))
    return Found(lines, tuple(top), len(nodes))


def _stand(words: Sequence[str], said: str) -> bool:
    return all(word in said for word in words)


def _said(dimension: Dimension) -> str:
    texts = (dimension.layer.label, dimension.label, dimension.meaning)
    return " ".join([dimension.key, *(f"{text.zh} {text.en}" for text in texts)]).casefold()


def _nodes(
    here: Index, dimensions: Sequence[Dimension], names: labels.Names, words: Sequence[str]
) -> Iterator[FoundNode]:
    for dimension in dimensions:
        known = names.of_dimension(dimension)
        for node, sizes in here.nodes(dimension.key).items():
            label = labels.label(dimension, node, known)
            if _stand(words, f"{node} {label.zh} {label.en}".casefold()):
                yield FoundNode(dimension, node, label, *sizes)
