"""`zerodistance profiles`: the tag tree, one person's tags, making the index anew."""

from __future__ import annotations

import dataclasses
from typing import Annotated

from cyclopts import App, Parameter
from rich.table import Table

from zerodistance.core.profiles.contracts import Layer
from zerodistance.kernel import command
from zerodistance.kernel.command import words
from zerodistance.kernel.text import Text

app = App(name="profiles", help=words("标签树与画像", "the tag tree and profiles"))

AsJson = Annotated[bool, Parameter("--json", negative="", help=words("以 JSON 输出", "print JSON"))]


@app.command(
    help=words(
        "七层标签树：全部维度、一个维度的节点，或搜索",
        "the tag tree of seven layers: all dimensions, the nodes of one, or a search",
    )
)
def tree(
    word: Annotated[
        str | None,
        Parameter(
            help=words(
                "维度的键（列出它的节点）、层的键，或要搜索的词",
                "key of a dimension (its nodes are listed) or of a layer, or words to search",
            )
        ),
    ] = None,
    *,
    check: Annotated[
        bool,
        Parameter(
            "--check",
            negative="",
            help=words("哪些维度算数，别的为什么不算", "which dimensions count, and why the others do not"),
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Print the tag tree with counts of persons and visitors."""
    from zerodistance.core.profiles import api, printing

    home, who, lang = command.home(), command.who(), command.lang()
    if check:
        found = api.check_tree(home, who)
        printing.assay(found, lang, as_json=as_json)
    elif word in {one.key for one in api.dimensions(who)}:
        printing.nodes(
            api.counted(home, who, word), api.owner_of(home, api.dimension(word)), lang, as_json=as_json
        )
    elif word is None or word in {layer.value for layer in Layer}:
        lines = [line for line in api.outlines(home, who) if word in (None, line.dimension.layer.value)]
        printing.outlines(lines, lang, as_json=as_json)
    else:
        printing.found(api.search(home, who, word), lang, as_json=as_json)
    if not as_json:
        state = api.state(home)
        said = Text("{p} 位用户，{v} 位访客，截至 {at}", "{p} persons, {v} visitors, as of {at}")
        at = state.as_of.astimezone(command.settings().tz)
        command.tell(said, p=f"{state.persons:,}", v=f"{state.visitors:,}", at=f"{at:%Y-%m-%d %H:%M:%S}")


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
