"""`zerodistance sample`: make a city."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from zerodistance.kernel import command
from zerodistance.kernel.command import words
from zerodistance.kernel.text import Text

app = App(
    name="sample",
    help=words("造一座已知真相的样例城市", "make a sample city whose truth is known"),
)


@app.default
def sample(
    *,
    people: Annotated[int, Parameter(help=words("多少人", "how many people"))],
    out: Annotated[Path, Parameter(help=words("写到哪个文件夹", "folder to write to"))],
    seed: Annotated[
        int, Parameter(help=words("种子；另一个种子是另一座城市", "seed; another seed is another city"))
    ] = 1,
    world: Annotated[str, Parameter(help=words("世界：base 或 shifted", "world: base or shifted"))] = "base",
    processes: Annotated[
        int, Parameter(help=words("用几个进程；结果相同", "in how many processes; the result is the same"))
    ] = 2,
    as_json: Annotated[
        bool, Parameter("--json", negative="", help=words("以 JSON 输出", "print JSON"))
    ] = False,
) -> None:
    """Make a city: what ten systems of a made-up brand export, and beside it the truth."""
    from zerodistance.sample import api

    with command.stages(Text("{stage}", "{stage}")) as tell:
        city = api.generate(people, seed, world, out, processes=processes, tell=tell)
    if as_json:
        command.say_json(city.as_dict())
        return
    done = Text(
        "世界 {world} 第 {version} 版，种子 {seed}：{people:,} 人，{households:,} 户，{records:,} 行，写在 {out}",
        "world {world} version {version}, seed {seed}: {people:,} people, {households:,} households, {records:,} rows, in {out}",
    )
    command.tell(done, **{**vars(city), "out": out})
