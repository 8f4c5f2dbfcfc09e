"""What a check of a home finds, with what to do about it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from zerodistance.kernel.text import Text

NOTHING = Text("", "")


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
        journal, state, tail, lake, index, imports, quarantine, identity, key, disk, settings.
    text
        What was found.
    advice
        What to do; empty when there is nothing to do.
    repair
        Mends it without losing anything that is not lost already, and moves what it replaces into `damaged/`; None where nothing can or a
        person must decide. The worker's lock is held.
    code
        Names the kind of finding for programs and the documentation, `tail.missing`; empty where all is well.
    holds, lost
        What can be relied on all the same, and what is gone, as far as that can be told.
    """

    level: Level
    store: str
    text: Text
    advice: Text = NOTHING
    repair: Callable[[], None] | None = None
    code: str = ""
    holds: Text = NOTHING
    lost: Text = NOTHING


def good(store: str, zh: str, en: str) -> Finding:
    """Return that something was looked at and is right."""
    return Finding(Level.GOOD, store, Text(zh, en))


def unlooked(store: str, error: Exception) -> Finding:
    """Return that a check ended before it had looked at everything."""
    where = getattr(error, "filename", None) or type(error).__name__
    text = Text(f"没能检查完：{where}", f"it could not be looked at: {where}")
    advice = Text("先修好其他发现，再运行一次", "mend what else is found, then run it again")
    return Finding(Level.DAMAGE, store, text, advice, None, "check.ended")
