"""The door of brand: what the brand sells, where people live, who in the brand answers for what; all with validity.

`at` is a moment in microseconds UTC, None for now. Reading needs no permission; changing needs `manage_brand`.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any, TextIO

from sqlalchemy import Connection, RowMapping

from zerodistance.core.brand import rules, store
from zerodistance.core.brand.contracts import (
    BadCell,
    Category,
    Change,
    Imported,
    Place,
    Product,
    Territory,
    Unit,
)
from zerodistance.core.brand.held import held as held
from zerodistance.kernel import clock
from zerodistance.kernel.access import Permission, Who
from zerodistance.kernel.coordinates import System
from zerodistance.kernel.errors import Invalid, NotFound
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text

KINDS = tuple(rules.KINDS)
"""units, categories, products, places, territories."""


def categories(home: Home, who: Who, *, at: int | None = None) -> list[Category]:
    """Return the categories that hold at `at`, by key."""
    with home.state.read() as tx:
        return [_category(row) for row in store.rows(tx, "categories", _at(at))]


def products(home: Home, who: Who, *, category: str | None = None, at: int | None = None) -> list[Product]:
    """Return the products that hold at `at`, by code; of one category if it is named."""
    with home.state.read() as tx:
        return [_product(row) for row in store.rows(tx, "products", _at(at), category=category)]


def places(
    home: Home, who: Who, *, kind: str | None = None, unit: str | None = None, at: int | None = None
) -> list[Place]:
    """Return the places that hold at `at`, by code; of one kind, or of one unit's territory."""
    with home.state.read() as tx:
        found = [_place(row) for row in store.rows(tx, "places", _at(at), kind=kind)]
        if unit is None:
            return found
        inside = {row["place"] for row in store.rows(tx, "territories", _at(at), unit=unit)}
        return [place for place in found if place.code in inside]


def units(home: Home, who: Who, *, at: int | None = None) -> list[Unit]:
    """Return the units that hold at `at` and that this account sees, by key."""
    with home.state.read() as tx:
        number = store.numbers(tx)
        return [
            _unit(row, number)
            for row in store.rows(tx, "units", _at(at))
            if who.sees_unit(number[row["key"]])
        ]


def territories(home: Home, who: Who, *, unit: str | None = None, at: int | None = None) -> list[Territory]:
    """Return who answers for which place at `at`, for the units that this account sees."""
    with home.state.read() as tx:
        number = store.numbers(tx)
        return [
            Territory(row["unit"], row["place"], row["valid_from"], row["valid_to"])
            for row in store.rows(tx, "territories", _at(at), unit=unit)
            if who.sees_unit(number[row["unit"]])
        ]


def see_unit(home: Home, who: Who, key: str) -> None:
    """Raise NotFound for a unit that there never was, or that this account does not see."""
    with home.state.read() as tx:
        number = store.numbers(tx).get(key)
    if number is None or not who.sees_unit(number):
        raise NotFound(what=Text("小微", "unit"), given=key)


def unit(home: Home, key: str, *, at: int | None = None) -> Unit:
    """Return one unit.

    Raises
    ------
    NotFound
        No unit of this key holds at `at`.
    """
    with home.state.read() as tx:
        return _unit(_one(tx, "units", Text("小微", "unit"), at, key=key), store.numbers(tx))


def category(home: Home, key: str, *, at: int | None = None) -> Category:
    """Return one category; raises NotFound."""
    with home.state.read() as tx:
        return _category(_one(tx, "categories", Text("品类", "category"), at, key=key))


def product(home: Home, code: str, *, at: int | None = None) -> Product:
    """Return one product; raises NotFound."""
    with home.state.read() as tx:
        return _product(_one(tx, "products", Text("产品", "product"), at, code=code))


def place(home: Home, code: str, *, at: int | None = None) -> Place:
    """Return one place; raises NotFound."""
    with home.state.read() as tx:
        return _place(_one(tx, "places", Text("地点", "place"), at, code=code))


def some_products(home: Home, codes: Iterable[str], *, at: int | None = None) -> dict[str, Product]:
    """Return code -> product for the codes that are known at `at`; the others are left out."""
    with home.state.read() as tx:
        return {row["code"]: _product(row) for row in store.some_products(tx, codes, _at(at))}


def some_places(home: Home, codes: Iterable[str], *, at: int | None = None) -> dict[str, Place]:
    """Return code -> place for the codes that are known at `at`; the others are left out."""
    with home.state.read() as tx:
        return {row["code"]: _place(row) for row in store.some_places(tx, codes, _at(at))}


def communities_of(home: Home, unit: str, *, at: int | None = None) -> list[str]:
    """Return the codes of the communities that a unit answers for at `at`: those of its territory, and those that lie in a district or city of it."""
    with home.state.read() as tx:
        return store.communities_of(tx, unit, _at(at))


def resolve_categories(home: Home, codes: Iterable[str], *, at: int | None = None) -> dict[str, str]:
    """Return product code -> category key for the codes that are known at `at`; the others are left out."""
    with home.state.read() as tx:
        return store.categories_of(tx, codes, _at(at))


def owner(home: Home, category_key: str, *, at: int | None = None) -> str | None:
    """Return the key of the unit that owns a category: its own, or that of the line above it; None: nobody."""
    with home.state.read() as tx:
        lines = {row["key"]: row for row in store.rows(tx, "categories", _at(at))}
    here: str | None = category_key
    while here is not None and here in lines:
        if lines[here]["unit"]:
            return str(lines[here]["unit"])
        here = lines[here]["parent"]
    return None


def upsert(home: Home, who: Who, kind: str, changes: Sequence[Change], *, partial: bool = False) -> Imported:
    """Take in new versions of one kind, all of them or, with `partial`, those that are right; old versions stay.

    Saying again what already holds changes nothing.
    """
    who.need(Permission.MANAGE_BRAND)
    return _take(home, rules.KINDS[_known(kind)], changes, [], partial=partial, dry_run=False)


def import_file(
    home: Home,
    who: Who,
    kind: str,
    path: Path,
    *,
    partial: bool = False,
    dry_run: bool = False,
    coordinates: System = "wgs84",
) -> Imported:
    """Take in a CSV file with a header (UTF-8, or GB 18030 as Excel in China writes it).

    One wrong cell keeps the whole file out, and every wrong cell is reported; with `partial` the right rows go in. `coordinates` says in which
    system `lat` and `lon` of places are; they are kept in WGS-84.
    """
    who.need(Permission.MANAGE_BRAND)
    spec = rules.KINDS[_known(kind)]
    changes, bad = rules.read_file(
        spec, io.StringIO(_decoded(path.read_bytes()), newline=""), home.settings.tz
    )
    changes = rules.converted(changes, coordinates)
    return _take(home, spec, changes, bad, partial=partial, dry_run=dry_run)


def export(
    home: Home, who: Who, kind: str, to: TextIO, *, at: int | None = None, history: bool = False
) -> int:
    """Write one kind as CSV that `import_file` takes, every version with `history`; return the number of rows."""
    spec = rules.KINDS[_known(kind)]
    with home.state.read() as tx:
        number = store.numbers(tx)
        found = store.rows(tx, kind, None if history else _at(at))
    out = csv.writer(to, lineterminator="\n")
    out.writerow(spec.header)
    seen = [row for row in found if kind != "territories" or who.sees_unit(number[row["unit"]])]
    for row in seen:
        cells = ["" if row[column.name] is None else row[column.name] for column in spec.columns]
        cells = [f"{cell:g}" if isinstance(cell, float) and cell.is_integer() else cell for cell in cells]
        out.writerow([*cells, rules.write_moment(row["valid_from"]), rules.write_moment(row["valid_to"])])
    return len(seen)


def load_default(home: Home, who: Who) -> list[Imported]:
    """Load the small brand that comes with the program; saying it twice changes nothing."""
    folder = files("zerodistance.core.brand") / "default"
    done = []
    for kind, spec in rules.KINDS.items():
        text = (folder / f"{kind}.csv").read_text(encoding="utf-8")
        changes, bad = rules.read_file(spec, io.StringIO(text, newline=""), home.settings.tz)
        done.append(_take(home, spec, changes, bad, partial=False, dry_run=False))
    return done


def _take(
    home: Home,
    spec: rules.Kind,
    changes: Sequence[Change],
    bad: list[BadCell],
    *,
    partial: bool,
    dry_run: bool,
) -> Imported:
    lines = {change.line or number for number, change in enumerate(changes, 1)} | {cell.line for cell in bad}
    now = clock.micros()
    with home.state.write() as tx:
        held = store.histories(tx, spec.name)
        changes = [_whole(spec, change, held.get(change.key, ()), now) for change in changes]
        good, complaints = list(changes), list[BadCell]()
        while more := _dangling(tx, spec, good):  # a refused row may have been what another one refers to
            complaints += more.values()
            good = [change for index, change in enumerate(good) if index not in more]
        after = {key: list(versions) for key, versions in held.items()}
        taken: list[Change] = []
        for change in good:
            try:
                after[change.key] = rules.placed(after.get(change.key, []), change, now)
                taken.append(change)
            except rules.Wrong as wrong:
                given = rules.write_moment(change.valid_to)
                complaints.append(BadCell(change.line, "valid_to", given, wrong.allowed))
        changed = {key: after[key] for key in {c.key: None for c in taken} if after[key] != held.get(key)}
        every = tuple(sorted([*bad, *complaints], key=lambda cell: cell.line))
        written = not dry_run and (partial or not every)
        if written:
            store.write(tx, spec.name, changed)
    new = sum(key not in held for key in changed)
    same = len(taken) - sum(change.key in changed for change in taken)
    return Imported(spec.name, len(lines), new, len(taken) - same - new, same, every, written)


def _whole(spec: rules.Kind, change: Change, history: Sequence[rules.Version], now: int) -> Change:
    """Return a change with every column: one that it says nothing of stays as it is now, or as it was last."""
    before = next(
        (v for v in history if v.valid_from <= now and (v.valid_to is None or now < v.valid_to)), None
    )
    known = before or (history[-1] if history else None)
    kept = {
        column.name: known.values[column.name] if known else "" if column.name == "origin" else None
        for column in spec.columns
        if not column.required
    }
    return replace(change, values={**kept, **change.values})


def _dangling(tx: Connection, spec: rules.Kind, changes: Sequence[Change]) -> dict[int, BadCell]:
    """Return the changes, by position, that name what does not exist, or a parent that leads back to itself."""
    bad: dict[int, BadCell] = {}
    for column in (column for column in spec.columns if column.refers_to):
        known = {key[0] for key in store.histories(tx, str(column.refers_to))}
        if column.refers_to == spec.name:
            known |= {change.key[0] for change in changes}
        what = rules.KINDS[str(column.refers_to)].text
        allowed = Text(f"已有的{what.zh}之一", f"one of the {what.en} that exist")
        for index, change in enumerate(changes):
            given = {**change.values, **dict(zip(spec.keys, change.key, strict=True))}[column.name]
            if given and given not in known:
                bad[index] = BadCell(change.line, column.name, given, allowed)
    if any(column.name == "parent" for column in spec.columns):
        parents = {
            key[0]: versions[-1].values["parent"] for key, versions in store.histories(tx, spec.name).items()
        }
        parents.update({change.key[0]: change.values["parent"] for change in changes})
        allowed = Text("不绕成圈的上级", "a parent that does not lead back here")
        for index, change in enumerate(changes):
            if rules.circle(parents, change.key[0]):
                bad[index] = BadCell(change.line, "parent", str(change.values["parent"]), allowed)
    return bad


def _known(kind: str) -> str:
    if kind not in rules.KINDS:
        kinds = ", ".join(rules.KINDS)
        raise Invalid(field="kind", given=kind, why=Text(f"可用 {kinds}", f"allowed are {kinds}"))
    return kind


def _decoded(data: bytes) -> str:
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    why = Text("要 UTF-8 或 GB 18030 的文本", "UTF-8 or GB 18030 text is allowed")
    raise Invalid(field=Text("文件", "the file"), given="…", why=why)


def _at(at: int | None) -> int:
    return clock.micros() if at is None else at


def _one(tx: Connection, kind: str, what: Text, at: int | None, **key: str) -> RowMapping:
    found = store.rows(tx, kind, _at(at), **key)
    if not found:
        raise NotFound(what=what, given=next(iter(key.values())))
    return found[0]


def _name(row: RowMapping) -> Text:
    return Text(row["name_zh"], row["name_en"])


def _category(row: RowMapping) -> Category:
    names = ("lifetime_years", "origin", "unit", "warranty_months", "valid_from", "valid_to")
    rest = {name: row[name] for name in names}
    return Category(key=row["key"], parent=row["parent"], name=_name(row), **rest)


def _product(row: RowMapping) -> Product:
    rest = {name: row[name] for name in ("category", "warranty_months", "valid_from", "valid_to")}
    return Product(row["code"], _name(row), **rest)


def _place(row: RowMapping) -> Place:
    rest: dict[str, Any] = {
        name: row[name]
        for name in ("kind", "lat", "lon", "area", "grade", "households", "valid_from", "valid_to")
    }
    return Place(code=row["code"], name=_name(row), **rest)


def _unit(row: RowMapping, number: dict[str, int]) -> Unit:
    return Unit(row["key"], number[row["key"]], _name(row), row["parent"], row["valid_from"], row["valid_to"])


Lister = Callable[..., Sequence[Category | Product | Place | Unit | Territory]]
LISTERS: dict[str, Lister] = {
    "units": units,
    "categories": categories,
    "products": products,
    "places": places,
    "territories": territories,
}
"""The verb that lists each kind."""
