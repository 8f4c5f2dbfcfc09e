"""`zerodistance marketing plays`: ready-made campaigns, listed, shown, started."""

from __future__ import annotations

from typing import Annotated

from cyclopts import App, Parameter
from rich.table import Table

from zerodistance.apps.marketing.campaigns.cli import tell_state
from zerodistance.kernel import command
from zerodistance.kernel.command import words
from zerodistance.kernel.text import Text

app = App(name="plays", help=words("打法：现成的活动", "plays: ready-made campaigns"))
Key = Annotated[str, Parameter(help=words("打法的键", "key of the play"))]
AsJson = Annotated[bool, Parameter("--json", negative="", help=words("以 JSON 输出", "print JSON"))]


@app.command(name="list", help=words("列出打法，各能找到多少人", "list the plays, and how many each is for"))
def list_(*, as_json: AsJson = False) -> None:
    """List the plays with how many persons each is for now, and the campaign that was made of it."""
    from zerodistance.apps.marketing.plays import api

    home, who, lang = command.home(), command.who(), command.lang()
    started = api.started(home, who)
    rows = [(one, api.reach(home, who, one), started.get(one.key)) for one in api.plays()]
    if as_json:
        command.say_json(
            [{"key": p.key, "name": p.name, "persons": n, "campaign": c and c.key} for p, n, c in rows]
        )
        return
    table = Table(box=None)
    for name in (
        Text("键", "key"),
        Text("名称", "name"),
        Text("现在的人数", "persons now"),
        Text("活动", "campaign"),
    ):
        table.add_column(name.get(lang))
    for play, persons, campaign in rows:
        many = "–" if persons is None else f"{persons:,}"
        table.add_row(play.key, play.name.get(lang), many, campaign.key if campaign else "")
    command.show(table)


@app.command(help=words("一个打法：为什么、要什么、怎么走", "a play: why, what it needs, its steps"))
def show(key: Key) -> None:
    """Print why a play works, what it needs, whom it is for and its steps."""
    from zerodistance.apps.marketing.campaigns import wording
    from zerodistance.apps.marketing.plays import api
    from zerodistance.core.segments import api as segments

    home, who, lang = command.home(), command.who(), command.lang()
    found = api.play(key)
    rule = api.rule(home, found)
    for line in (found.name, found.why, found.needs, segments.describe(home, who, rule)):
        command.console.print(line.get(lang), markup=False, highlight=False)
    for step in wording.steps(home, who, api.said(found)):
        command.console.print(f"- {step.get(lang)}", markup=False, highlight=False)
    for name, template in found.templates.items():
        body = template["bodies"][lang if lang in template["bodies"] else "zh"]
        text = " ".join(str(body.get("subject", "")).split()) or " ".join(body["text"].split())
        command.console.print(f"  {name}: {text}", markup=False, highlight=False)


@app.command(
    help=words(
        "开始一个打法：建人群、文案和活动并送审",
        "start a play: make its segment, texts and campaign, send it for approval",
    )
)
def start(
    key: Key,
    *,
    unit: Annotated[int | None, Parameter(help=words("小微的编号", "number of the unit"))] = None,
) -> None:
    """Make everything that a play needs; it runs once approved, a small one at once."""
    from zerodistance.apps.marketing.plays import api

    tell_state(api.start(command.home(), command.who(), key, unit=unit))
