"""`zerodistance marketing campaigns`: write, approve, run, look."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter
from rich.table import Table

from zerodistance.kernel import clock, command
from zerodistance.kernel.command import words
from zerodistance.kernel.text import Text

if TYPE_CHECKING:
    from zerodistance.apps.marketing.campaigns.contracts import Campaign

app = App(
    name="campaigns", help=words("活动：写、批准、运行、看结果", "campaigns: write, approve, run, look")
)
Key = Annotated[str, Parameter(help=words("活动的键", "key of the campaign"))]
File = Annotated[Path, Parameter(help=words("TOML 或 JSON 文件", "a TOML or JSON file"))]
AsJson = Annotated[bool, Parameter("--json", negative="", help=words("以 JSON 输出", "print JSON"))]
Why = Annotated[str, Parameter(help=words("原因", "why"))]


@app.command(name="list", help=words("列出活动", "list the campaigns"))
def list_(*, as_json: AsJson = False) -> None:
    """List the campaigns, last changed first."""
    from zerodistance.apps.marketing.campaigns import api
    from zerodistance.apps.marketing.campaigns.contracts import STATES

    found, lang = api.campaigns(command.home(), command.who()), command.lang()
    if as_json:
        command.say_json([_plain(one) for one in found])
        return
    table = Table(box=None)
    for name in (
        Text("键", "key"),
        Text("名称", "name"),
        Text("状态", "state"),
        Text("版本", "version"),
        Text("改于", "changed"),
    ):
        table.add_column(name.get(lang))
    for one in found:
        state = STATES[one.state].get(lang)
        table.add_row(one.key, one.said.name.get(lang), state, str(one.version), _when(one.changed_at))
    command.show(table)


@app.command(help=words("一个活动：状态、人群、步骤", "a campaign: state, audience, steps"))
def show(key: Key, *, as_json: AsJson = False) -> None:
    """Print one campaign."""
    from zerodistance.apps.marketing.campaigns import api, wording

    home, who, lang = command.home(), command.who(), command.lang()
    found = api.campaign(home, who, key)
    if as_json:
        command.say_json({**_plain(found), "said": api.written(found.said)})
        return
    tell_state(found)
    for line in wording.lines(home, who, found.said):
        command.console.print(f"- {line.get(lang)}", markup=False, highlight=False)


@app.command(help=words("从文件建一个活动（草稿）", "make a campaign from a file, as a draft"))
def create(
    file: File,
    *,
    key: Annotated[str | None, Parameter(help=words("活动的键", "key of the campaign"))] = None,
    unit: Annotated[int | None, Parameter(help=words("小微的编号", "number of the unit"))] = None,
) -> None:
    """Save a new campaign."""
    from zerodistance.apps.marketing.campaigns import api

    tell_state(api.create(command.home(), command.who(), key, api.read(_read(file)), unit=unit))


@app.command(help=words("存新版本：又是草稿", "save a new version: it is a draft again"))
def save(key: Key, file: File) -> None:
    """Save a new version."""
    from zerodistance.apps.marketing.campaigns import api

    tell_state(api.save(command.home(), command.who(), key, api.read(_read(file))))


@app.command(help=words("有多少人，能看出多大的提升", "how many it is for, and what lift it could find"))
def plan(key: Key) -> None:
    """Print how many persons a campaign is for, and what it could find of them."""
    from zerodistance.apps.marketing.campaigns import api, wording

    home, who = command.home(), command.who()
    size, found = api.sizes(home, who, api.campaign(home, who, key).said)
    for line in wording.planned(size, found):
        command.console.print(line.get(command.lang()), markup=False, highlight=False)


@app.command(help=words("送审；人少的直接批准", "send for approval; a small one is approved by that"))
def ask(key: Key) -> None:
    """Send the newest version for approval."""
    from zerodistance.apps.marketing.campaigns import api

    home, who = command.home(), command.who()
    tell_state(api.ask(home, who, key, api.campaign(home, who, key).version))


@app.command(help=words("批准别人送审的活动", "approve a campaign that somebody else asked for"))
def approve(key: Key) -> None:
    """Approve the newest version."""
    from zerodistance.apps.marketing.campaigns import api

    home, who = command.home(), command.who()
    tell_state(api.approve(home, who, key, api.campaign(home, who, key).version))


@app.command(name="return", help=words("退回送审的活动", "send a campaign back"))
def send_back(key: Key, why: Why = "") -> None:
    """Send a campaign back to who asked."""
    from zerodistance.apps.marketing.campaigns import api

    tell_state(api.send_back(command.home(), command.who(), key, why))


@app.command(help=words("开始已批准的活动", "start an approved campaign"))
def start(key: Key) -> None:
    """Start an approved campaign."""
    from zerodistance.apps.marketing.campaigns import api

    tell_state(api.start(command.home(), command.who(), key))


@app.command(help=words("暂停", "pause a running campaign"))
def pause(key: Key, why: Why = "") -> None:
    """Stop a running campaign where it is."""
    from zerodistance.apps.marketing.campaigns import api

    tell_state(api.pause(command.home(), command.who(), key, Text(why, why)))


@app.command(help=words("继续", "let a paused campaign go on"))
def resume(key: Key) -> None:
    """Let a paused campaign go on."""
    from zerodistance.apps.marketing.campaigns import api

    tell_state(api.resume(command.home(), command.who(), key))


@app.command(help=words("结束，不再继续", "end a campaign for good"))
def end(key: Key, why: Why = "") -> None:
    """End a campaign for good."""
    from zerodistance.apps.marketing.campaigns import api

    tell_state(api.end(command.home(), command.who(), key, Text(why, why)))


@app.command(help=words("谁在什么时候做过什么", "what was done to it, by whom, when"))
def acts(key: Key) -> None:
    """Print the record of a campaign, the latest first."""
    from zerodistance.apps.marketing.campaigns import api
    from zerodistance.apps.marketing.campaigns.contracts import ACTS

    lang, table = command.lang(), Table(box=None, show_header=False)
    for act in api.acts(command.home(), command.who(), key):
        table.add_row(_when(act.at), act.by, ACTS[act.act].get(lang), f"v{act.version}", act.why.get(lang))
    command.show(table)


@app.command(
    help=words("现在的数字：人数、消息、提升、成本", "its figures now: persons, messages, lift, costs")
)
def statistics(
    key: Key,
    *,
    to: Annotated[Path | None, Parameter(help=words("写成 CSV", "write them as CSV"))] = None,
) -> None:
    """Print the figures of a campaign, or write them to a file."""
    from zerodistance.apps.marketing.campaigns import api, wording

    found = api.statistics(command.home(), command.who(), key)
    if to is not None:
        to.write_text(wording.csv_of(found), encoding="utf-8")
        command.tell(Text("已写入 {file}", "written to {file}"), file=to)
        return
    table = Table(box=None, show_header=False)
    for one in found.figures:
        high = "…" if one.high in (None, "") else f"{one.high:,.4g}"
        span = "" if one.low in (None, "") else f"{one.low:,.4g} – {high}"
        value = f"{one.value:,.6g}" if isinstance(one.value, int | float) else str(one.value or "–")
        table.add_row(one.part, one.name, value, span)
    command.show(table)


def tell_state(found: Campaign) -> None:
    """Print how a campaign stands."""
    from zerodistance.apps.marketing.campaigns.contracts import STATES

    said = Text("活动 {key}（{name}）：{state} {why}", "campaign {key} ({name}): {state} {why}")
    why = found.why.get(command.lang())
    command.tell(
        said, key=found.key, name=found.said.name, state=STATES[found.state], why=f"({why})" if why else ""
    )


def _read(file: Path) -> Any:
    text = file.read_text(encoding="utf-8")
    return json.loads(text) if file.suffix == ".json" else tomllib.loads(text)


def _when(at: int) -> str:
    return f"{clock.from_micros(at).astimezone(command.settings().tz):%Y-%m-%d %H:%M}"


def _plain(found: Campaign) -> dict[str, Any]:
    return {
        "key": found.key,
        "name": found.said.name,
        "state": found.state.value,
        "why": found.why,
        "version": found.version,
        "experiment": found.experiment,
        "made_by": found.made_by,
        "approved_by": found.approved_by,
    }
