"""Panels of the 360-degree page: a room declares, compose collects, the page draws. No panel stands there that nobody has declared."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from zerodistance.core.touchpoints.log import History
from zerodistance.kernel.access import Who
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text

NOTHING = Text("", "")


@dataclass(frozen=True, slots=True)
class About:
    """Whose page it is.

    Attributes
    ----------
    person, number
        Public id and person number of today.
    history
        Everything that they did and that was known at `as_of`, read once.
    as_of
        The moment the page is of, microseconds UTC.
    """

    person: str
    number: int
    history: History
    as_of: int


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a panel.

    Attributes
    ----------
    at
        When it was said, microseconds UTC; None: that is not known.
    share
        How much of its bar is filled, 0 to 1, as of a score; None: it has no bar.
    bad
        Whether it is drawn as something to mind.
    under
        What stands small below it, such as why.
    more
        Path of a page that says more of it; empty: there is none.
    note
        What stands small at its end, such as who said it.
    """

    label: Text
    value: Text
    at: int | None = None
    share: float | None = None
    bad: bool = False
    under: Text = NOTHING
    more: str = ""
    note: Text = NOTHING


@dataclass(frozen=True, slots=True)
class Shown:
    """What a panel says of somebody; without lines, `empty` says why and `hint` what would fill it."""

    lines: tuple[Line, ...]
    empty: Text = Text("没有记录", "Nothing is recorded")
    hint: Text = NOTHING


@dataclass(frozen=True, slots=True)
class Panel:
    """A panel.

    Attributes
    ----------
    key
        Of the page's parts; distinct.
    icon
        Name in the portal's icon sprite, for the empty state.
    how
        How its figures are made, for the foot.
    order
        The smaller stands higher.
    show
        What it says of somebody; None: it has nothing to do with them, and is not drawn.
    shown
        Lines that are seen at once; the others are folded away.
    """

    key: str
    title: Text
    icon: str
    how: Text
    order: int
    show: Callable[[Home, Who, About], Shown | None]
    shown: int = 8
