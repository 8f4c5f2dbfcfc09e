"""`zerodistance bus`: who hears what."""

from __future__ import annotations

import importlib
import pkgutil

from cyclopts import App
from rich.table import Table

from zerodistance import events
from zerodistance.doors import parts as handed
from zerodistance.kernel import command
from zerodistance.kernel.bus import Event
from zerodistance.kernel.command import words
from zerodistance.kernel.text import Text

app = App(name="bus", help=words("谁听到什么消息", "who hears what"))


@app.command(help=words("列出每种消息和听到它的动作", "list every message and the verbs that hear it"))
def hears() -> None:
    """List every message and the verbs that hear it."""
    lang = command.lang()
    heard: dict[tuple[str, int], list[str]] = {(kind.topic, kind.version): [] for kind in _kinds()}
    for topic, version, handler in handed.parts().bus(command.home()).hears():
        heard.setdefault((topic, version), []).append(handler)
    table = Table(box=None)
    for head in (Text("消息", "message"), Text("版本", "version"), Text("谁听到", "heard by")):
        table.add_column(head.get(lang))
    for (topic, version), handlers in sorted(heard.items()):
        table.add_row(topic, str(version), ", ".join(handlers) or Text("暂无", "nobody yet").get(lang))
    command.show(table)


def _kinds() -> list[type[Event]]:
    """Return every message that rooms say to each other."""
    for module in pkgutil.iter_modules(events.__path__, f"{events.__name__}."):
        importlib.import_module(module.name)
    return Event.__subclasses__()
