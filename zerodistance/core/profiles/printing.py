"""The tag tree as `zerodistance profiles tree` prints it."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from datetime import tzinfo
from typing import Any

from rich.table import Table

from zerodistance.core.identity.api import NoSuchPerson
from zerodistance.core.profiles import lineage
from zerodistance.core.profiles.asked import NotThen, Portraits
from zerodistance.core.profiles.contracts import DimensionCount
from zerodistance.core.profiles.figures import Assay, Found, Outline
from zerodistance.kernel import command
from zerodistance.kernel.text import Text

_LAYER, _KEY, _NAME = Text("层", "layer"), Text("维度", "dimension"), Text("名称", "name")
_NODE, _NODES = Text("节点", "node"), Text("节点数", "nodes")
_PERSONS, _VISITORS = Text("用户", "persons"), Text("访客", "visitors")
_NUMBERS = (_NODES, _PERSONS, _VISITORS)
WHY_NOT = {
    "small": Text("不足两个节点达到下限", "fewer than two nodes hold enough"),
    "same": Text("与另一个维度说的一样", "another one says the same"),
    "unread": Text("没有什么读它", "nothing reads it"),
}


def _table(lang: str, *names: Text) -> Table:
    table = Table(box=None)
    for name in names:
        table.add_column(name.get(lang), justify="right" if name in _NUMBERS else "left")
    return table


def outlines(lines: Sequence[Outline], lang: str, *, as_json: bool) -> None:
    """Print a line for each dimension."""
    if as_json:
        command.say_json({"dimensions": [_outline(line, lang) for line in lines]})
        return
    table, layer = _table(lang, _LAYER, _KEY, _NAME, *_NUMBERS), None
    for line in lines:
        one = line.dimension
        head = one.layer.label.get(lang) if one.layer != layer else ""
        numbers = (f"{n:,}" for n in (line.nodes + line.inner, line.persons, line.visitors))
        table.add_row(head, one.key, one.label.get(lang), *numbers)
        layer = one.layer
    command.show(table)


def nodes(counted: DimensionCount, owner: Text, lang: str, *, as_json: bool) -> None:
    """Print a dimension, how it is made, and its nodes, each below the one that holds it."""
    one = counted.dimension
    if as_json:
        command.say_json(
            {
                **_outline(Outline(one, len(counted.leaves), len(counted.nodes) - len(counted.leaves), counted.persons, counted.visitors), lang),
                "owner": owner.get(lang),
                "nodes": [
                    {"node": n.node, "label": n.label.get(lang), "parent": n.parent, "persons": n.persons, "visitors": n.visitors}
                    for n in counted.nodes
                ],
            }
        )  # fmt: skip
        return
    for text in (one.label, one.meaning, lineage.said(one)):
        command.tell(text)
    table = _table(lang, _NODE, _NAME, _PERSONS, _VISITORS)
    for n in counted.nodes:
        if n.persons or n.visitors:
            table.add_row("  " * n.depth + n.node, n.label.get(lang), f"{n.persons:,}", f"{n.visitors:,}")
    command.show(table)


def found(some: Found, lang: str, *, as_json: bool) -> None:
    """Print what a word stands in."""
    if as_json:
        listed = [
            {"dimension": n.dimension.key, "node": n.node, "label": n.label.get(lang), "persons": n.persons, "visitors": n.visitors}
            for n in some.nodes
        ]  # fmt: skip
        dimensions = [_outline(line, lang) for line in some.dimensions]
        command.say_json({"dimensions": dimensions, "nodes": listed, "nodes_total": some.nodes_total})
        return
    if not some.dimensions and not some.nodes:
        command.tell(Text("没有找到", "nothing was found"))
        return
    if some.dimensions:
        outlines(some.dimensions, lang, as_json=False)
    if some.nodes:
        table = _table(lang, _KEY, _NODE, _NAME, _PERSONS, _VISITORS)
        for n in some.nodes:
            table.add_row(n.dimension.key, n.node, n.label.get(lang), f"{n.persons:,}", f"{n.visitors:,}")
        command.show(table)


def assay(some: Assay, lang: str, *, as_json: bool) -> None:
    """Print how many dimensions count, and of each other one why not."""
    others = [one for one in some.dimensions if not one.counts]
    if as_json:
        command.say_json(figures(some))
        return
    table = _table(
        lang, _KEY, Text("为什么不算", "why it does not count"), Text("最像", "most like"), Text("V", "V")
    )
    for one in others:
        table.add_row(one.key, WHY_NOT[one.why_not].get(lang), one.like, f"{one.likeness:.3f}")
    command.show(table)
    said = Text(
        "{d} 个维度，{c} 个算数；{n} 个节点有人（其中 {i} 个内部节点）；下限 {least} 人，用 {sample} 人比较",
        "{d} dimensions, {c} of them count; {n} nodes in use, {i} of them inner; a node needs {least} persons, {sample} were compared",
    )
    command.tell(
        said, d=len(some.dimensions), c=some.counting, n=f"{some.nodes:,}", i=f"{some.inner:,}",
        least=f"{some.least:,}", sample=f"{some.sample:,}",
    )  # fmt: skip


def figures(some: Assay) -> dict[str, Any]:
    """Return the check as one JSON object."""
    return {
        "persons": some.persons,
        "least": some.least,
        "compared": some.sample,
        "dimensions": len(some.dimensions),
        "counting": some.counting,
        "nodes": some.nodes,
        "inner": some.inner,
        "others": {
            one.key: {"why": one.why_not, "large": one.large, "like": one.like, "v": one.likeness}
            for one in some.dimensions
            if not one.counts
        },
    }


def _outline(line: Outline, lang: str) -> dict[str, Any]:
    one = line.dimension
    return {
        "key": one.key,
        "layer": one.layer.value,
        "label": one.label.get(lang),
        "meaning": one.meaning.get(lang),
        "expression": lineage.expression(one),
        "nodes_used": line.nodes,
        "inner_used": line.inner,
        "persons": line.persons,
        "visitors": line.visitors,
    }


def person(found: Portraits, zone: tzinfo, lang: str, *, as_json: bool) -> None:
    """Print the tags of one person; raises NoSuchPerson, NotThen."""
    if found.unknown:
        raise NoSuchPerson(given=found.unknown[0])
    at = found.as_of.astimezone(zone)
    if found.not_then:
        raise NotThen(at=at.isoformat(" ", "seconds"))
    (mine,) = found.persons
    if as_json:
        command.say_json(
            [
                {**{f.name: getattr(tag, f.name) for f in dataclasses.fields(tag)}, "label": tag.label.get(lang),
                 "node_label": tag.node_label.get(lang), "unit": tag.unit.get(lang)}
                for tag in mine.tags
            ]
        )  # fmt: skip
        return
    table, layer = Table(box=None, show_header=False), None
    for tag in mine.tags:
        value = f"{_number(tag.value)} {tag.unit.get(lang)}" if isinstance(tag.value, float) else ""
        since = "" if tag.since is None else _SINCE.format(day=tag.since).get(lang)
        today = "" if tag.dated else _TODAY.get(lang)
        name = tag.layer.label.get(lang) if tag.layer != layer else ""
        table.add_row(name, tag.label.get(lang), tag.node_label.get(lang), value, since or today)
        layer = tag.layer
    command.show(table)
    command.tell(_AS_OF, id=mine.id, n=len(mine.tags), at=f"{at:%Y-%m-%d %H:%M:%S}")


_SINCE = Text("自 {day} 起", "since {day}")
_TODAY = Text("今天的事实", "a fact of today")
_AS_OF = Text("{id}：{n} 个标签，截至 {at}", "{id}: {n} tags, as of {at}")


def _number(value: float) -> str:
    """Return a number for people; a year has no thousands."""
    return f"{round(value, 2):,.10g}" if abs(value) >= 10_000 else f"{round(value, 2):.10g}"
