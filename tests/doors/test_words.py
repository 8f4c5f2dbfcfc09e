"""Whatever the program counts has a name in both languages."""

from __future__ import annotations

from zerodistance.core.identity.rules import GUARDS
from zerodistance.core.identity.saying import UNCLAIMED
from zerodistance.doors.portal import evidence


def test_a_guard_and_what_it_guards_are_called_by_words() -> None:
    _, guard, kind = UNCLAIMED.split(".")
    assert guard in GUARDS
    assert evidence.label(kind).en == "personal field" and evidence.label("other").zh == "其他"
