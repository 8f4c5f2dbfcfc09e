"""Earlier moments at the command line: what somebody names, with the tag index of it made first, with a bar."""

from __future__ import annotations

from rich.table import Table

from zerodistance.core.profiles import api
from zerodistance.kernel import clock, command
from zerodistance.kernel.access import Who
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text

_BAR = Text("{stage}", "{stage}")


def made(home: Home, who: Who, given: str | None) -> int | None:
    """Return the moment that was named, microseconds UTC, once the tag index of it is there; None: none was named."""
    if given is None:
        return None
    at = api.moment(home, given)
    with command.stages(_BAR) as told:
        api.make_past(home, who, at, told)
    return at


def show(home: Home, who: Who, *, as_json: bool) -> None:
    """Print which tag indexes of earlier moments are there."""
    found = api.pasts_made(home, who)
    if as_json:
        command.say_json(
            [
                {
                    "as_of": clock.from_micros(one.at).isoformat(),
                    "made_at": clock.from_micros(one.made_at).isoformat(),
                    "batch": one.batch,
                    "persons": one.persons,
                    "visitors": one.visitors,
                }
                for one in found
            ]
        )
        return
    if not found:
        said = Text(
            "还没有往日的标签索引；`profiles past 2026-10-01` 做一个",
            "none is there; `profiles past 2026-10-01` makes one",
        )
        command.tell(said)
        return
    table, lang, zone = Table(box=None), command.lang(), home.settings.tz
    for name in (
        Text("截至", "as of"), Text("做于", "made at"), Text("用户", "persons"), Text("访客", "visitors"), Text("批", "batch"),
    ):  # fmt: skip
        table.add_column(name.get(lang))
    for one in found:
        moments = (clock.from_micros(at).astimezone(zone) for at in (one.at, one.made_at))
        cells = (f"{at:%Y-%m-%d %H:%M:%S}" for at in moments)
        table.add_row(*cells, f"{one.persons:,}", f"{one.visitors:,}", str(one.batch))
    command.show(table)
