"""`zerodistance profiles`: the tag tree, one person's tags, making the index anew."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any

from cyclopts import App, Parameter
from rich.table import Table

from zerodistance.kernel import command
from zerodistance.kernel.command import words
from zerodistance.kernel.text import Text

app = App(name="profiles", help=words("标签树与画像", "the tag tree and profiles"))

AsJson = Annotated[bool, Parameter("--json", negative="", help=words("以 JSON 输出", "print JSON"))]
_MOST_NODES = 12


@app.command(help=words("七层标签树，每个节点的人数", "the tag tree of seven layers, with counts"))
def tree(
    dimension: Annotated[
        str | None, Parameter(help=words("只看一个维度，列全部节点", "one dimension only, all its nodes"))
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Print how many persons and visitors carry each node."""
    from zerodistance.core.profiles import api

    if dimension is not None:
        api.dimension(dimension)
    found = api.tree(command.home(), command.who())
    lang = command.lang()
    shown = [
        counted
        for branch in found.branches
        for counted in branch.dimensions
        if dimension is None or counted.dimension.key == dimension
    ]
    if as_json:
        command.say_json(
            {
                "as_of": found.as_of.isoformat(),
                "batch": found.batch,
                "persons": found.persons,
                "visitors": found.visitors,
                "dimensions": [_counted(counted, lang) for counted in shown],
            }
        )
        return
    table = Table(box=None)
    for name in (
        Text("层", "layer"),
        Text("维度", "dimension"),
        Text("节点", "node"),
        Text("用户", "persons"),
        Text("访客", "visitors"),
    ):
        table.add_column(name.get(lang), justify="right" if name.en in ("persons", "visitors") else "left")
    for counted in shown:
        nodes = [n for n in counted.nodes if n.persons or n.visitors]
        for i, node in enumerate(nodes if dimension else nodes[:_MOST_NODES]):
            head = (
                (counted.dimension.layer.label.get(lang), counted.dimension.label.get(lang))
                if i == 0
                else ("", "")
            )
            table.add_row(*head, node.label.get(lang), f"{node.persons:,}", f"{node.visitors:,}")
    command.show(table)
    said = Text("{p} 位用户，{v} 位访客，截至 {at}", "{p} persons, {v} visitors, as of {at}")
    at = found.as_of.astimezone(command.settings().tz)
    command.tell(said, p=f"{found.persons:,}", v=f"{found.visitors:,}", at=f"{at:%Y-%m-%d %H:%M:%S}")


@app.command(help=words("一个人的全部标签", "all tags of one person"))
def show(
    person: Annotated[str, Parameter(help=words("用户号，如 p_7Q2K9F3A", "public id, like p_7Q2K9F3A"))],
    *,
    as_json: AsJson = False,
) -> None:
    """Print the tags of one person, layer by layer."""
    from zerodistance.core.identity import api as identity
    from zerodistance.core.profiles import api

    home, who, lang = command.home(), command.who(), command.lang()
    found = api.tags_of(home, who, identity.show(home, who, person).number)
    if as_json:
        command.say_json(
            [
                {**{f.name: getattr(tag, f.name) for f in dataclasses.fields(tag)}, "label": tag.label.get(lang),
                 "node_label": tag.node_label.get(lang), "unit": tag.unit.get(lang)}
                for tag in found
            ]
        )  # fmt: skip
        return
    table = Table(box=None, show_header=False)
    layer = None
    for tag in found:
        value = f"{_number(tag.value)} {tag.unit.get(lang)}" if isinstance(tag.value, float) else ""
        table.add_row(
            tag.layer.label.get(lang) if tag.layer != layer else "",
            tag.label.get(lang),
            tag.node_label.get(lang),
            value,
        )
        layer = tag.layer
    command.show(table)


@app.command(
    help=words(
        "从交互日志重建画像状态与标签索引（先停下服务）",
        "make states and index anew from the log (stop the service first)",
    )
)
def rebuild() -> None:
    """Rebuild everything this room keeps; refused while a worker runs."""
    from zerodistance.core.profiles import api
    from zerodistance.kernel.locks import worker_lock

    home = command.home()
    with worker_lock(home.lock_path):
        found = api.rebuild(home, command.who())
    said = Text(
        "已重建：{p} 位用户，{v} 位访客，到第 {b} 批", "rebuilt: {p} persons, {v} visitors, up to batch {b}"
    )
    command.tell(said, p=f"{found.persons:,}", v=f"{found.visitors:,}", b=found.batch)


def _number(value: float) -> str:
    """Return a number for people; a year has no thousands."""
    return f"{round(value, 2):,.10g}" if abs(value) >= 10_000 else f"{round(value, 2):.10g}"


def _counted(counted: Any, lang: str) -> dict[str, Any]:
    return {
        "key": counted.dimension.key,
        "layer": counted.dimension.layer.value,
        "label": counted.dimension.label.get(lang),
        "persons": counted.persons,
        "visitors": counted.visitors,
        "nodes": [
            {"node": n.node, "label": n.label.get(lang), "persons": n.persons, "visitors": n.visitors}
            for n in counted.nodes
        ],
    }
