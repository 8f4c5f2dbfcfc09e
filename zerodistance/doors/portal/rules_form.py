"""A table of points as fields of a form, and back: what was typed is shown again as it was typed, and said where it is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from zerodistance.core.models import workshop
from zerodistance.core.models.contracts import Model
from zerodistance.core.models.ladder.points import Points, Steps
from zerodistance.core.models.workshop import BadRules
from zerodistance.doors.portal import numbers
from zerodistance.kernel.text import Text


@dataclass(frozen=True)
class Condition:
    """One condition as it was typed: edges, one more points than edges, and what no value adds."""

    feature: str
    edges: tuple[str, ...]
    points: tuple[str, ...]
    missing: str = "0"


@dataclass(frozen=True)
class Typed:
    """The table as it was typed; `base` is added to every score."""

    base: str = "0"
    conditions: tuple[Condition, ...] = field(default=())


def shown(rules: Points) -> Typed:
    """Return a table as its fields."""
    return Typed(
        _said(rules.base),
        tuple(
            Condition(
                one.name, tuple(map(_said, one.edges)), tuple(map(_said, one.points)), _said(one.missing)
            )
            for one in rules.steps
        ),
    )


def typed(form: Mapping[str, str]) -> Typed:
    """Return what somebody typed: `f-0` the feature of the first condition, `e-0-0` its first edge, `p-0-0` the points up to it, `m-0` of no value."""
    found = []
    for n in range(workshop.MOST_STEPS + 1):
        if f"f-{n}" not in form:
            break
        points = tuple(_row(form, f"p-{n}-"))
        edges = tuple(_row(form, f"e-{n}-"))[: max(0, len(points) - 1)]
        found.append(Condition(form[f"f-{n}"], edges, points, form.get(f"m-{n}", "0").strip()))
    return Typed(form.get("base", "0").strip(), tuple(found))


def _row(form: Mapping[str, str], start: str) -> list[str]:
    found = []
    for n in range(workshop.MOST_EDGES + 2):
        if f"{start}{n}" not in form:
            break
        found.append(form[f"{start}{n}"].strip()[:24])
    return found


def changed(given: Typed, operation: str, model: Model, feature: str = "") -> Typed:
    """Return the table after `add` (a condition about a feature), `drop:N`, `edge:N` (one more edge above) or `unedge:N:K`; of another it stays as it is.

    Examples
    --------
    >>> looks = Condition("interest.looks", ("0",), ("0", "2"))
    >>> after = changed(Typed("0", (looks,)), "edge:0", None)
    >>> after.conditions[0].edges, after.conditions[0].points
    (('0', '1'), ('0', '2', '2'))
    >>> changed(after, "unedge:0:0", None).conditions[0]
    Condition(feature='interest.looks', edges=('1',), points=('2', '2'), missing='0')
    >>> changed(after, "drop:0", None).conditions
    ()
    """
    what, _, where = operation.partition(":")
    some = list(given.conditions)
    if what == "add" and feature in workshop.choices(model) and feature not in {one.feature for one in some}:
        return replace(given, conditions=(*some, Condition(feature, ("0",), ("0", "1"))))
    places = [int(one) if one.isdecimal() and len(one) < 4 else -1 for one in where.split(":")]
    n = places[0]
    if not 0 <= n < len(some):
        return given
    one = some[n]
    if what == "drop":
        del some[n]
    elif what == "edge" and len(one.edges) < workshop.MOST_EDGES:
        last = numbers.read(one.edges[-1]) if one.edges else None
        more = _said(0.0 if last is None else last + 1)
        some[n] = replace(one, edges=(*one.edges, more), points=(*one.points, one.points[-1]))
    elif what == "unedge" and len(places) == 2 and 0 <= places[1] < len(one.edges):
        k = places[1]
        some[n] = replace(
            one, edges=(*one.edges[:k], *one.edges[k + 1 :]), points=(*one.points[:k], *one.points[k + 1 :])
        )
    return replace(given, conditions=tuple(some))


def read(model: Model, given: Typed) -> Points:
    """Return the table; raises BadRules, which says where and why."""
    steps = []
    for one in given.conditions:
        where: str | Text = one.feature
        if one.feature in workshop.choices(model):
            where = workshop.called(model, one.feature)
        numbers_ = [_number(where, text) for text in (*one.edges, *one.points, one.missing or "0")]
        edges, points = numbers_[: len(one.edges)], numbers_[len(one.edges) : -1]
        steps.append(Steps(one.feature, tuple(edges), tuple(points), numbers_[-1]))
    base = _number(Text("起点", "the base"), given.base or "0")
    return workshop.checked(model, Points(base, tuple(steps)))


def _number(where: str | Text, text: str) -> float:
    found = numbers.read(text)
    if found is None:
        why = (
            Text(f"“{text}”不是数字", f"“{text}” is no number") if text else Text("空着", "a field is empty")
        )
        raise BadRules(where=where, why=why)
    return found


def _said(value: float) -> str:
    return f"{value:.12g}"
