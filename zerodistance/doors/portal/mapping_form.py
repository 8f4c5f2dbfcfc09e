"""A mapping as a form of a page: what its fields show, and a mapping with what was filled in. What a form can't say stays as it was."""

from __future__ import annotations

from collections.abc import Mapping as Fields
from collections.abc import Sequence
from dataclasses import dataclass, replace

from zerodistance.core.touchpoints.contracts import KINDS_OF_SOURCE, Source
from zerodistance.core.touchpoints.mapping import KindRule, Mapping, SourceSpec, lag_of
from zerodistance.core.touchpoints.mapping_text import lag_text
from zerodistance.core.touchpoints.roles import (
    KIND,
    ROLES,
    kinds_by,
    role_of,
    with_kinds_by,
    with_role,
    with_type,
)
from zerodistance.kernel.text import Text

NEW = "+"
"""Stands for a source that is made by the import."""
SPARE = 2  # own value: empty lines for values of the column that says the kind
MOST_COLUMNS = 200  # own value: columns that the form shows; those after them are mapped in the text
_BETWEEN = " | "


@dataclass(frozen=True)
class Line:
    """One column in the form."""

    name: str
    role: str
    type: str


@dataclass(frozen=True)
class Form:
    """What the fields show.

    Attributes
    ----------
    kind
        The kind of every row; empty where rules say it that the form can't show.
    by
        The column whose values say the kind; None: none does.
    expressions
        What is computed and can only be changed in the text: (place in the mapping, expression).
    """

    lines: tuple[Line, ...]
    kind: str
    by: str | None
    pairs: tuple[tuple[str, str], ...]
    otherwise: str
    source: str
    new_key: str
    new_name: str
    new_kind: str
    format: str
    zone: str
    lag: str
    expressions: tuple[tuple[str, str], ...]


def shown(mapping: Mapping, columns: Sequence[str], sources: Sequence[Source]) -> Form:
    """Return what the form of a mapping shows for these columns of its file."""
    spec, times, by = mapping.source, mapping.times, kinds_by(mapping)
    known = any(source.key == spec.key for source in sources)
    simple = len(mapping.kinds) == 1 and mapping.kinds[0].when is None
    return Form(
        lines=tuple(
            Line(name, role_of(mapping, name), mapping.types.get(name, "")) for name in columns[:MOST_COLUMNS]
        ),
        kind=mapping.kinds[0].key if simple else "",
        by=None if by is None else by[0],
        pairs=() if by is None else by[1],
        otherwise="" if by is None else by[2] or "",
        source=spec.key if known else NEW,
        new_key="" if known else spec.key,
        new_name="" if known or spec.name is None else spec.name.zh,
        new_kind="import" if known else spec.kind,
        format=_BETWEEN.join(times.formats),
        zone=times.zone or "",
        lag="" if times.lag is None else lag_text(times.lag),
        expressions=tuple(_computed(mapping, columns)),
    )


def _computed(mapping: Mapping, columns: Sequence[str]) -> list[tuple[str, str]]:
    out = [
        (f"{table}.{name}", expression)
        for table in ("identifiers", "columns", "facts")
        for name, expression in getattr(mapping, table).items()
        if expression not in columns
    ]
    for name in ("happened_at", "known_at"):
        expression = getattr(mapping.times, name)
        if expression and expression not in columns:
            out.append((f"times.{name}", expression))
    if kinds_by(mapping) is None:
        out += [(f"kind {rule.key}", rule.when) for rule in mapping.kinds if rule.when is not None]
    return out


def filled(mapping: Mapping, columns: Sequence[str], fields: Fields[str, str]) -> Mapping:
    """Return a mapping with what the fields of a form say.

    Raises
    ------
    MappingWrong
        The lag can't be read.
    """
    before = kinds_by(mapping)
    for i, name in enumerate(columns[:MOST_COLUMNS]):
        role = fields.get(f"role-{i}")
        if role is not None and role in ROLES and role != role_of(mapping, name):
            mapping = with_role(mapping, name, role)
        if f"type-{i}" in fields:
            mapping = with_type(mapping, name, fields[f"type-{i}"], "")
    mapping = _kinds(mapping, before, fields)
    return replace(_times(mapping, fields), source=_source(mapping.source, fields))


def _kinds(
    mapping: Mapping,
    before: tuple[str, tuple[tuple[str, str], ...], str | None] | None,
    fields: Fields[str, str],
) -> Mapping:
    by = kinds_by(mapping)
    if by is None:
        simple = len(mapping.kinds) == 1 and mapping.kinds[0].when is None
        return (
            replace(mapping, kinds=(KindRule(fields["kind"]),)) if simple and fields.get("kind") else mapping
        )
    if before is None or before[0] != by[0]:
        return mapping  # the column was just chosen: its values are not on the page yet
    pairs = []
    for i in range(len(by[1]) + SPARE):
        value, key = fields.get(f"kind-value-{i}", "").strip(), fields.get(f"kind-is-{i}", "")
        if value and key:
            pairs.append((value, key))
    return with_kinds_by(mapping, by[0], pairs or [("", by[1][0][1])], fields.get("kind-else") or None)


def _times(mapping: Mapping, fields: Fields[str, str]) -> Mapping:
    times = mapping.times
    if "format" in fields:
        formats = tuple(one.strip() for one in fields["format"].split(_BETWEEN.strip()) if one.strip())
        times = replace(times, formats=formats)
    if "zone" in fields:
        times = replace(times, zone=fields["zone"].strip() or None)
    if times.known_at is None and fields.get("lag", "").strip():
        times = replace(times, lag=lag_of(fields["lag"]))
    return replace(mapping, times=times)


def _source(spec: SourceSpec, fields: Fields[str, str]) -> SourceSpec:
    chosen = fields.get("source", "")
    if chosen and chosen != NEW:
        return spec if spec.key == chosen else SourceSpec(chosen)
    if chosen != NEW or "new-key" not in fields:
        return spec
    key, name = fields["new-key"].strip(), fields.get("new-name", "").strip()
    kind = fields.get("new-kind", "import")
    both = Text(name, name) if name else Text(key, key)
    kept = spec.name if spec.name is not None and spec.name.zh == name else both
    return SourceSpec(key or spec.key, kept, kind if kind in KINDS_OF_SOURCE else "import", spec.unit)


__all__ = ["KIND", "NEW", "SPARE", "Form", "Line", "filled", "shown"]
