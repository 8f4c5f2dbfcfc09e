"""What a check of a home finds, with what to do about it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from zerodistance.kernel.text import Text


class Level(StrEnum):
    """How bad a finding is: `good` (checked, nothing wrong), `note` (worth knowing), `damage` (data are missing or wrong)."""

    GOOD = "good"
    NOTE = "note"
    DAMAGE = "damage"


@dataclass(frozen=True)
class Finding:
    """One thing that a check looked at.

    Attributes
    ----------
    store
        journal, state, tail, lake, index, key, disk, settings.
    text
        What was found.
    advice
        What to do; empty when there is nothing to do.
    repair
        Mends it without losing anything; None where nothing can or a person must decide.
    """

    level: Level
    store: str
    text: Text
    advice: Text = Text("", "")
    repair: Callable[[], None] | None = None


def good(store: str, zh: str, en: str) -> Finding:
    """Return that something was looked at and is right."""
    return Finding(Level.GOOD, store, Text(zh, en))
