"""`zerodistance identity households`: rebuild, show, export."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from zerodistance.kernel import command
from zerodistance.kernel.command import words
from zerodistance.kernel.text import Text

app = App(name="households", help=words("家庭：谁住在一起", "households: who shares a home"))
_AsJson = Annotated[bool, Parameter("--json", negative="", help=words("以 JSON 输出", "print JSON"))]


@app.command(help=words("重算家庭，列出差异", "compute all households anew and print the difference"))
def rebuild(*, as_json: _AsJson = False) -> None:
    """Rebuild households."""
    from zerodistance.core.identity import api

    found = api.rebuild_households(command.home(), command.who())
    if as_json:
        command.say_json(asdict(found))
        return
    command.tell(
        Text(
            "{households} 个家庭（{several} 个不止一人），{members} 人，{homes} 处住址；用时 {seconds:.1f} 秒",
            "{households} households ({several} of more than one person), {members} people, {homes} homes; {seconds:.1f} s",
        ),
        **asdict(found),
    )
    command.tell(
        Text(
            "新成员关系 {joined} 条，消失 {left} 条，并入别家 {merged} 个；{crowded} 处住址人太多，不算家；{unclear} 次提到的住址不止一处相符",
            "{joined} memberships are new, {left} are gone, {merged} households became part of another; {crowded} addresses have too many "
            "people to be a home; {unclear} mentions of a flat fit several",
        ),
        **asdict(found),
    )


@app.command(help=words("显示一个家庭：成员和住址（脱敏）", "show a household: members and homes, masked"))
def show(
    household: Annotated[
        str,
        Parameter(
            help=words("家庭号 h_…，或用户号 p_…", "a household id h_..., or a public id p_... of a person")
        ),
    ],
    *,
    as_json: _AsJson = False,
) -> None:
    """Show a household, or those of a person."""
    from zerodistance.core.identity import api

    home, who = command.home(), command.who()
    of_person = household.lower().startswith("p_")
    found = (
        api.households_of_person(home, who, household)
        if of_person
        else (api.show_household(home, who, household),)
    )
    if as_json:
        command.say_json([asdict(one) for one in found])
        return
    if not found:
        command.tell(Text("{id} 还不属于已知的家庭", "{id} is in no household that is known"), id=household)
    for one in found:
        _shown(one)


def _shown(one: object) -> None:
    from zerodistance.core.identity.api import Household

    assert isinstance(one, Household)
    command.tell(Text("家庭 {id}", "household {id}"), id=one.id)
    if one.asked:
        command.tell(Text("原家庭号 {old}，已并入", "{old} is an earlier id of it"), old=one.asked)
    _table(words("成员", "member"), [(m.person, m.since, m.until) for m in one.members])
    _table(words("住址", "home"), [(f"{h.district} {h.estate}".strip(), h.since, h.until) for h in one.homes])


def _table(title: str, rows: list[tuple[str, int, int | None]]) -> None:
    from rich.table import Table

    from zerodistance.kernel import clock

    def day(at: int | None) -> str:
        return (
            "" if at is None else clock.from_micros(at).astimezone(command.settings().tz).strftime("%Y-%m-%d")
        )

    table = Table(box=None)
    for column in (title, words("起", "since"), words("止", "until")):
        table.add_column(column)
    for said, since, until in rows:
        table.add_row(said, day(since), day(until))
    command.show(table)


@app.command(help=words("导出每次交互属于哪个家庭", "write which household each touch is of"))
def export(file: Annotated[Path, Parameter(help=words("CSV 文件", "a CSV file"))]) -> None:
    """Write `source,source_id,household_id`."""
    from zerodistance.core.identity import api

    rows = api.export_households(command.home(), command.who(), file)
    command.tell(Text("{rows} 行写入 {file}", "{rows} rows written to {file}"), rows=rows, file=file)
