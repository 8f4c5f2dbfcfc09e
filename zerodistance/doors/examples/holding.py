"""Which example a home holds: a small file says so, written before anything of it comes in."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from zerodistance.core.touchpoints import sources
from zerodistance.core.touchpoints.contracts import Source
from zerodistance.doors.examples.contracts import Held, NoExample, OtherHome
from zerodistance.kernel import clock, emptying
from zerodistance.kernel.access import Permission, Who
from zerodistance.kernel.files import replace_file
from zerodistance.kernel.home import Home
from zerodistance.kernel.settings import Settings
from zerodistance.kernel.text import Text

FILE = "example.json"
FOLDER = "example"
"""Where a sample city lies in the home."""


def held(home: Home) -> Held | None:
    """Return which example the home holds; None: it is somebody's own."""
    return _read(home.settings)


def must_fit(settings: Settings, key: str, people: int, seed: int) -> bool:
    """Say whether the home in the folder holds this example already; False: there is none yet.

    Raises
    ------
    OtherHome
        It holds something else.
    """
    here = _read(settings)
    if here is not None and (here.key, here.people, here.seed) == (key, people, seed):
        return (settings.home / "key").exists()
    if here is not None or (settings.home / "key").exists():
        raise OtherHome(path=settings.home.resolve(), example=key)
    return False


def hold(settings: Settings, key: str, name: Text, people: int, seed: int, folder: str) -> None:
    """Write down that the folder is going to hold an example."""
    _write(settings, Held(key, name, people, seed, clock.micros(), folder=folder))


def came(home: Home, **found: Any) -> None:
    """Write down what came with the example: its touchpoints, the person who browsed."""
    here = held(home)
    if here is not None:
        _write(home.settings, dataclasses.replace(here, **found))


def take_away(home: Home, who: Who) -> None:
    """Ask for the home to be emptied; whoever serves it does that within seconds, and goes on serving. Accounts stay.

    Raises
    ------
    Forbidden
        The account may not both operate and forget.
    NoExample
        The home holds no example.
    """
    who.need(Permission.OPERATE)
    who.need(Permission.FORGET)
    if held(home) is None:
        raise NoExample(path=home.root)
    emptying.ask(home, who.name)


def own(home: Home, who: Who) -> list[Source]:
    """Return the touchpoints that did not come with the example; they would go with it."""
    here = held(home)
    if here is None:
        return []
    return [source for source in sources.list_sources(home, who) if source.key not in here.sources]


def _read(settings: Settings) -> Held | None:
    try:
        said = json.loads((settings.home / FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return Held(**{**said, "name": Text(*said["name"]), "sources": tuple(said["sources"])})


def _write(settings: Settings, here: Held) -> None:
    said = {**vars(here), "name": [here.name.zh, here.name.en]}
    replace_file(settings.home / FILE, json.dumps(said, ensure_ascii=False).encode())
