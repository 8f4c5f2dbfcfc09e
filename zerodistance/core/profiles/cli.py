"""`zerodistance profiles`: the tag tree, one person's tags, making the index anew."""

from __future__ import annotations

from typing import Annotated

from cyclopts import App, Parameter

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
    elif word in {one.key for one in api.dimensions(home, who)}:
        printing.nodes(
            api.counted(home, who, word), api.owner_of(home, api.dimension(home, word)), lang, as_json=as_json
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


@app.command(
    help=words(
        "一个人的标签：全部或所选，现在的或当时的",
        "tags of one person: all or chosen ones, of today or of then",
    )
)
def show(
    person: Annotated[str, Parameter(help=words("用户号，如 p_7Q2K9F3A", "public id, like p_7Q2K9F3A"))],
    *,
    dimensions: Annotated[
        list[str] | None,
        Parameter(
            "--dimensions",
            consume_multiple=True,
            help=words(
                "只要这些维度或层，如 value geo.place",
                "these dimensions or layers only, like value geo.place",
            ),
        ),
    ] = None,
    as_of: Annotated[
        str | None,
        Parameter(
            "--as-of",
            help=words(
                "一天（其结束时）或一个时刻：当时所知", "a day (its end) or a moment: what was known then"
            ),
        ),
    ] = None,
    since: Annotated[
        bool, Parameter("--since", negative="", help=words("说明从哪天起", "say since which day"))
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Print the tags of one person, layer by layer."""
    from zerodistance.core.profiles import api, printing

    home, who = command.home(), command.who()
    at = None if as_of is None else api.moment(home, as_of)
    found = api.profiles_of(home, who, [person], wanted=dimensions or (), as_of=at, dated=since)
    printing.person(found, home.settings.tz, command.lang(), as_json=as_json)


@app.command(
    help=words(
        "往日的标签索引：列出，或按某天某时所知做一个",
        "tag indexes of earlier moments: list them, or make one by what was known then",
    )
)
def past(
    as_of: Annotated[
        str | None,
        Parameter(help=words("一天（其结束时）或一个时刻", "a day (its end) or a moment")),
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """List the tag indexes of earlier moments, and make one first if a moment is named."""
    from zerodistance.core.profiles import moments

    moments.made(command.home(), command.who(), as_of)
    moments.show(command.home(), command.who(), as_json=as_json)


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
