"""Pages register themselves here: their routes, and their place in the menu."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable
from dataclasses import dataclass

from fastapi import APIRouter

from zerodistance.core.profiles.panels import Panel
from zerodistance.kernel.access import Permission, Who
from zerodistance.kernel.jobs import Job
from zerodistance.kernel.text import Text


@dataclass(frozen=True)
class Menu:
    """A page's place in the menu.

    Attributes
    ----------
    order
        Left or top first; pages of one `group` stand together.
    tab
        Also in the bottom bar of a phone.
    need
        The permission without which it is not shown.
    """

    key: str
    path: str
    icon: str
    text: Text
    order: int
    group: int = 0
    tab: bool = False
    need: Permission | None = None


_menus: dict[str, Menu] = {}
_routers: dict[str, APIRouter] = {}


_jobs: dict[str, Text] = {}


def name_jobs(jobs: Iterable[Job]) -> None:
    """Keep what recurring work is called; compose knows it."""
    _jobs.update({job.key: Text(job.text.zh, job.text.en[:1].upper() + job.text.en[1:]) for job in jobs})


def job_name(key: str) -> Text:
    """Return what recurring work is called; work of another version of the program has its key only."""
    return _jobs.get(key, Text(key, key))


_panels: list[Panel] = []


def take_panels(panels: Iterable[Panel]) -> None:
    """Keep the panels of the 360-degree page that rooms declare; compose collects them."""
    _panels[:] = sorted(panels, key=lambda panel: panel.order)


def panels() -> tuple[Panel, ...]:
    """Return the panels of the 360-degree page, from the top."""
    return tuple(_panels)


def register(name: str, router: APIRouter, menu: Menu | None = None) -> None:
    """Add a page module's routes and, if it has one, its menu entry."""
    _routers[name] = router
    if menu is not None:
        _menus[menu.key] = menu


def menus(who: Who) -> list[Menu]:
    """Return the menu entries that this account may open, in order."""
    allowed = (m for m in _menus.values() if m.need is None or who.may(m.need))
    return sorted(allowed, key=lambda m: (m.group, m.order))


def routers() -> list[APIRouter]:
    """Import every page module and return the routers they registered."""
    from zerodistance.doors.portal import pages

    for found in pkgutil.iter_modules(pages.__path__):
        importlib.import_module(f"{pages.__name__}.{found.name}")
    return [_routers[name] for name in sorted(_routers)]
