"""What compose hands to the doors, which do not know the rooms by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zerodistance.kernel.text import Text

if TYPE_CHECKING:
    from zerodistance.doors.worker import Work
    from zerodistance.kernel.access import Who
    from zerodistance.kernel.backups import Share
    from zerodistance.kernel.bus import Bus
    from zerodistance.kernel.findings import Finding
    from zerodistance.kernel.home import Home
    from zerodistance.kernel.jobs import Job
    from zerodistance.kernel.settings import Settings


@dataclass(frozen=True)
class Room:
    """A room's own commands, loaded only when they are used.

    Attributes
    ----------
    name
        The first word of its commands, `brand`.
    app
        Where they are: `module:App`.
    """

    name: str
    app: str
    text: Text


@dataclass(frozen=True)
class Parts:
    """Everything the doors start, show and check.

    Attributes
    ----------
    rooms
        Commands of the rooms, in the order of the help.
    work
        The steps of the worker, for a home whose lock is held.
    door
        The ASGI application.
    bus, jobs
        Who hears what; what recurs.
    begin
        Fills a home that `init` has just made.
    empty
        Empties the home that the settings name, if somebody asked for it; accounts stay.
    city
        Makes the sample city in a folder: people, seed, folder, and who hears (stage, done, of).
    invite
        Returns the path of a one-time login, `/once/...`; with False only if nobody has a password yet, else None.
    figures
        Section -> figures of each room, for `status`.
    checks
        The findings of each room, for `doctor`; with True every page of the lake is read.
    trace
        Returns the flow of one id, step by step.
    work_here
        Does everything that waits, for a command that finds no worker running.
    shares
        What each room has a backup hold besides state and lake.
    tombstones, forget_again
        What stands beside the backups of those who were forgotten since; asks for them to be forgotten in a restored home.
    rest
        Lets what fetches by itself rest in a restored home; returns how many do that did not before.
    """

    rooms: Sequence[Room]
    work: Callable[[Home], Work]
    door: Callable[[Home], Any]
    bus: Callable[[Home], Bus]
    jobs: Callable[[], Sequence[Job]]
    begin: Callable[[Home, Who], None]
    empty: Callable[[Settings], None]
    city: Callable[[int, int, Path, Callable[[Text, int, int], None]], Mapping[str, Any]]
    invite: Callable[[Home, bool], str | None]
    figures: Callable[[Home, Who], Mapping[str, Any]]
    checks: Callable[[Home, bool], Iterator[Finding]]
    trace: Callable[[Home, Who, str], Sequence[Any]]
    work_here: Callable[[Home], None]
    shares: Callable[[], Sequence[Share]]
    tombstones: Callable[[Home], Mapping[str, Mapping[str, Any]]]
    forget_again: Callable[[Home, Who, Sequence[Mapping[str, Any]]], int]
    rest: Callable[[Home], int]


_given: list[Parts] = []


def use(parts: Parts) -> None:
    """Keep what compose hands in."""
    _given[:] = [parts]


def parts() -> Parts:
    """Return what compose handed in."""
    return _given[0]
