"""What somebody owns: products that were bought, registered or bound, with their age, faults, service and warranty, out of the states of their touches."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta

import pyarrow as pa

from zerodistance.core.brand import api as brand
from zerodistance.core.brand.contracts import Category, Product
from zerodistance.core.profiles.states import QUANTITY
from zerodistance.kernel.access import Who
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text

BOUGHT, REGISTERED, BOUND = "order.line", "product.registered", "device.bound"
RETURNED, FAULT, CALLED, VISITED, USED = (
    "order.returned", "device.fault", "service.called", "service.visited", "device.used",
)  # fmt: skip
KINDS = (BOUGHT, REGISTERED, BOUND, RETURNED, FAULT, CALLED, VISITED, USED)
_BEGINS = (BOUGHT, REGISTERED, BOUND)
_EPOCH = date(1970, 1, 1)
_YEAR = 365.25
_DEEP = 12  # own value: no brand has lines above one another so often


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault code that was reported, by the appliance or on the phone; days are local."""

    code: str
    times: int
    last: date


@dataclass(frozen=True, slots=True)
class Appliance:
    """A product of somebody, or what is known of a category where no touch names the product.

    Attributes
    ----------
    product
        Code; empty: only the category is known.
    began
        First day it was bought, else registered, else bound; None: it is known by its faults, service or use alone.
    how
        Kind of touch that `began` comes from, empty without one.
    pieces
        Bought less returned; 0: all of it went back. None: nothing says that it was bought.
    years
        Age as of the day that was asked for, None without a beginning.
    lifetime_years
        Years of use until a replacement is likely, as the brand says; None: it does not.
    warranty_until
        Last day of the warranty on a whole appliance; None: the beginning or its length is not known.
    visits, last_visit
        Service visits.
    last_used
        Last day on which the appliance itself said that it was used.
    """

    product: str
    name: Text
    category: str
    category_name: Text
    began: date | None
    how: str
    pieces: float | None
    years: float | None
    lifetime_years: float | None
    warranty_months: int | None
    warranty_until: date | None
    in_warranty: bool | None
    faults: tuple[Fault, ...]
    calls: int
    visits: int
    last_visit: date | None
    last_used: date | None


def owned(home: Home, who: Who, states: pa.Table, day: int) -> tuple[Appliance, ...]:
    """Return what somebody owns as of a day, the latest first; what went back stands last.

    Parameters
    ----------
    states
        Of one person or one household: the columns of `STATES`.
    day
        Days since 1970-01-01; later states are left out.
    """
    rows = [row for row in states.select(_READ).to_pylist() if row["kind"] in KINDS and row["day"] <= day]
    lines = {one.key: one for one in brand.categories(home, who)}
    products = brand.some_products(home, {row["product"] for row in rows if row["product"]})
    groups: dict[tuple[str, str], list[dict[str, object]]] = defaultdict(list)
    for row in rows:
        known = products.get(row["product"] or "")
        category = row["category"] or (known.category if known else "")
        if row["product"] or category:
            groups[category, row["product"] or ""].append(row)
    _joined(groups)
    found = [_appliance(key, some, lines, products, day) for key, some in groups.items()]
    return tuple(
        sorted(found, key=lambda a: (a.pieces == 0, -(a.began or _EPOCH).toordinal(), a.category, a.product))
    )


_READ = ["product", "category", "kind", "day", "fault", "n", "quantity"]
_Groups = dict[tuple[str, str], list[dict[str, object]]]


def _joined(groups: _Groups) -> None:
    """Give what names a category alone to the product of it, where somebody has a single one."""
    for category in [category for category, product in groups if not product]:
        mine = [key for key in groups if key[0] == category and key[1]]
        if len(mine) == 1:
            groups[mine[0]] += groups.pop((category, ""))


def _appliance(
    key: tuple[str, str],
    rows: list[dict[str, object]],
    lines: Mapping[str, Category],
    products: Mapping[str, Product],
    day: int,
) -> Appliance:
    category, product = key
    by: dict[str, list[dict[str, object]]] = defaultdict(list)
    for row in rows:
        by[str(row["kind"])].append(row)
    how = next((kind for kind in _BEGINS if by[kind]), "")
    began = min(map(_day, by[how])) if how else None
    months = _months(products.get(product), category, lines)
    until = None if began is None or months is None else _months_later(began, months) - timedelta(days=1)
    today, line = _EPOCH + timedelta(days=day), lines.get(category)
    named = Text(category, category) if line is None else line.name
    known = products.get(product)
    return Appliance(
        product=product,
        name=known.name if known else Text(product, product) if product else named,
        category=category,
        category_name=named,
        began=began,
        how=how,
        pieces=_pieces(by[BOUGHT]) - abs(_pieces(by[RETURNED])) if by[BOUGHT] else None,
        years=None if began is None else (today - began).days / _YEAR,
        lifetime_years=None if line is None else line.lifetime_years,
        warranty_months=months,
        warranty_until=until,
        in_warranty=None if until is None else today <= until,
        faults=_faults([*by[FAULT], *by[CALLED], *by[VISITED]]),
        calls=sum(int(str(row["n"])) for row in by[CALLED]),
        visits=sum(int(str(row["n"])) for row in by[VISITED]),
        last_visit=_last(by[VISITED]),
        last_used=_last(by[USED]),
    )


def _pieces(rows: list[dict[str, object]]) -> float:
    """Return how many pieces lines are of; a line that does not say is one."""
    return sum(
        int(str(row["n"])) if row["quantity"] is None else int(str(row["quantity"])) / QUANTITY
        for row in rows
    )


def _faults(rows: list[dict[str, object]]) -> tuple[Fault, ...]:
    found: dict[str, Fault] = {}
    for row in rows:
        if row["fault"]:
            code, day, times = str(row["fault"]), _day(row), int(str(row["n"]))
            before = found.get(code)
            found[code] = (
                replace(before, times=before.times + times, last=max(before.last, day))
                if before
                else Fault(code, times, day)
            )
    return tuple(sorted(found.values(), key=lambda fault: (fault.last, fault.code), reverse=True))


def _day(row: Mapping[str, object]) -> date:
    return _EPOCH + timedelta(days=int(str(row["day"])))


def _last(rows: list[dict[str, object]]) -> date | None:
    return max(map(_day, rows)) if rows else None


def _months(product: Product | None, category: str, lines: Mapping[str, Category]) -> int | None:
    """Return the months of warranty: of the product, else of its category, else of the line above it."""
    if product is not None and product.warranty_months is not None:
        return product.warranty_months
    here: str | None = category
    for _ in range(_DEEP):
        line = lines.get(here or "")
        if line is None:
            return None
        if line.warranty_months is not None:
            return line.warranty_months
        here = line.parent
    return None


def _months_later(day: date, months: int) -> date:
    """Return the same day so many months later, or the last of that month.

    Examples
    --------
    >>> _months_later(date(2024, 2, 29), 12), _months_later(date(2025, 12, 31), 2)
    (datetime.date(2025, 2, 28), datetime.date(2026, 2, 28))
    """
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    for last in (day.day, 30, 29, 28):
        if last <= day.day:
            try:
                return date(year, month + 1, last)
            except ValueError:
                continue
    raise AssertionError
