"""What nodes are called: by the dimension itself, by the brand's tables, or by the value."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from zerodistance.core.brand import api as brand
from zerodistance.core.profiles import rules
from zerodistance.core.profiles.contracts import INNER, Bands, Dimension, Values
from zerodistance.core.profiles.values import BETWEEN
from zerodistance.kernel.access import Who
from zerodistance.kernel.errors import NotFound
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text

FEW = 20  # own value: up to here names are looked up one by one


class Names:
    """The brand's names, each table read once, when it is first asked for."""

    def __init__(self, home: Home, who: Who) -> None:
        self._home, self._who = home, who
        self._read: dict[str, dict[str, Text]] = {}

    def of(self, source: str) -> dict[str, Text]:
        """Return what the keys of a source are called, those above them included."""
        if source not in self._read:
            self._read[source] = held(self._home, self._who, source)
        return self._read[source]

    def of_dimension(self, dimension: Dimension) -> dict[str, Text]:
        """Return what the keys of the source of a dimension are called."""
        return self.of(dimension.nodes.names) if isinstance(dimension.nodes, Values) else {}


def held(home: Home, who: Who, source: str) -> dict[str, Text]:
    """Return what the keys of a source are called; kept in this process until the brand's tables are others. What is kept is not to be changed."""
    return brand.held(home, f"names of {source}", lambda: _names(home, who, source))


def some(home: Home, who: Who, dimension: Dimension, nodes: list[str]) -> dict[str, Text]:
    """Return the label of each of these nodes."""
    source = dimension.nodes.names if isinstance(dimension.nodes, Values) else ""
    if len(nodes) > FEW:
        known = Names(home, who).of(source)
    else:
        known = _looked_up(
            home, source, {part for node in nodes for part in node.removeprefix(INNER).split(BETWEEN)}
        )
    return {node: label(dimension, node, known) for node in nodes}


def label(dimension: Dimension, node: str, known: dict[str, Text]) -> Text:
    """Return the label of a node; a value that the brand does not know is its own label.

    Parameters
    ----------
    known
        What `Names` says of the source of the dimension.
    """
    nodes = dimension.nodes
    if isinstance(nodes, Bands):
        bare = node.removeprefix(INNER)
        named = nodes.groups if rules.is_inner(node) else nodes.bands
        return next((text for _, key, text in named if key == bare), Text(node, node))
    bare = node.removeprefix(INNER)
    found = nodes.labels.get(bare) or known.get(bare)
    if found is None and nodes.path == BETWEEN and BETWEEN in bare:
        first, _, second = bare.partition(BETWEEN)
        one, other = known.get(first) or Text(first, first), nodes.labels.get(second) or Text(second, second)
        found = Text(f"{one.zh} {other.zh}", f"{one.en} {other.en}")
    return found or Text(bare, bare)


def _looked_up(home: Home, source: str, keys: Iterable[str]) -> dict[str, Text]:
    named: dict[str, tuple[Callable[[str], Text], ...]] = {
        "category": (lambda key: brand.category(home, key).name,),
        "place": (lambda key: brand.place(home, key).name,),
        "product": (lambda key: brand.product(home, key).name, lambda key: brand.category(home, key).name),
    }
    if source == "area":
        return held(home, Who.system("profiles"), source)
    found: dict[str, Text] = {}
    for key in keys:
        for name in named.get(source, ()):
            try:
                found[key] = name(key)
                break
            except NotFound:
                continue
    return found


def _names(home: Home, who: Who, source: str) -> dict[str, Text]:
    match source:
        case "category":
            return {c.key: c.name for c in brand.categories(home, who)}
        case "place":
            return {p.code: p.name for p in brand.places(home, who)}
        case "area":
            areas = [p for p in brand.places(home, who) if p.kind in ("city", "district")]
            return {p.area: p.name for p in sorted(areas, key=lambda p: p.kind == "city")}
        case "product":
            lines = {c.key: c.name for c in brand.categories(home, who)}
            return lines | {p.code: p.name for p in brand.products(home, who)}
        case _:
            return {}
