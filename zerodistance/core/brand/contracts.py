"""What crosses the door of brand: categories, products, places, units, territories, and what an import did."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from zerodistance.kernel.text import Text

ALWAYS = 0
"""`valid_from` of what has been so for as long as anybody knows (microseconds UTC)."""


@dataclass(frozen=True, slots=True)
class Category:
    """A kind of product.

    Attributes
    ----------
    key
        Lower-case path, `fridge`; what touches, tags and needs name.
    parent
        The product line above it, None at the top.
    lifetime_years
        Years of use until a replacement is likely; None: not replaced, or nobody knows.
    origin
        Where the lifetime comes from; `own value` where we chose it.
    unit
        Key of the unit that owns the line, None: that of the parent.
    warranty_months
        Months of warranty on a whole appliance, from the day it was bought; None: that of the parent.
    valid_from, valid_to
        Half-open, microseconds UTC; `valid_to` None: until further notice.
    """

    key: str
    parent: str | None
    name: Text
    lifetime_years: float | None
    origin: str
    unit: str | None
    warranty_months: int | None
    valid_from: int
    valid_to: int | None


@dataclass(frozen=True, slots=True)
class Product:
    """A model that is sold, under the code that stands on it; `warranty_months` None: that of its category."""

    code: str
    name: Text
    category: str
    warranty_months: int | None
    valid_from: int
    valid_to: int | None


@dataclass(frozen=True, slots=True)
class Place:
    """A residential community, or an area that holds some.

    Attributes
    ----------
    kind
        community, district, city, country.
    lat, lon
        Degrees, WGS-84 (not GCJ-02 as on most Chinese maps); of a community always given.
    area
        Administrative area code it lies in.
    grade
        A to D for a community by the price of its homes, A the highest; None: not graded.
    households
        How many homes a community has; None: not known.
    """

    code: str
    name: Text
    kind: str
    lat: float | None
    lon: float | None
    area: str
    grade: str | None
    households: int | None
    valid_from: int
    valid_to: int | None


@dataclass(frozen=True, slots=True)
class Unit:
    """A micro-enterprise: the team that owns a product line or a territory. `number` never changes (`Who.units`)."""

    key: str
    number: int
    name: Text
    parent: str | None
    valid_from: int
    valid_to: int | None


@dataclass(frozen=True, slots=True)
class Territory:
    """That a unit answers for a place, for as long as it does."""

    unit: str
    place: str
    valid_from: int
    valid_to: int | None


@dataclass(frozen=True, slots=True)
class BadCell:
    """One thing wrong in an imported file.

    Attributes
    ----------
    line
        Line of the file, the header is line 1.
    column
        Name of the column; empty: the whole row.
    given
        What stands there.
    allowed
        What may stand there.
    """

    line: int
    column: str
    given: str
    allowed: Text

    @property
    def text(self) -> Text:
        """The whole complaint as one sentence."""
        return Text(
            f"第 {self.line} 行 {self.column or '整行'}：{self.given!r}；允许：{self.allowed.zh}",
            f"line {self.line} {self.column or 'whole row'}: {self.given!r}; allowed: {self.allowed.en}",
        )


@dataclass(frozen=True)
class Change:
    """One version to be valid from a moment on.

    Attributes
    ----------
    key
        Values of the key columns.
    values
        Values of the other columns, as the store names them.
    valid_from
        None: always if the key is new, from now on if not.
    valid_to
        None: until the next version.
    line
        Where it stood in a file, 0 if in none.
    """

    key: tuple[str, ...]
    values: dict[str, Any]
    valid_from: int | None = None
    valid_to: int | None = None
    line: int = 0


@dataclass(frozen=True)
class Imported:
    """What an import did: rows that were new, changed something or said what was known, and every bad cell."""

    kind: str
    rows: int
    new: int = 0
    changed: int = 0
    same: int = 0
    bad: tuple[BadCell, ...] = ()
    written: bool = True
    notes: tuple[Text, ...] = field(default=())

    @property
    def refused(self) -> int:
        """Rows with at least one bad cell."""
        return len({cell.line for cell in self.bad})
