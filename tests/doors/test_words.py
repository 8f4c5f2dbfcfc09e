"""Whatever the program counts has a name in both languages."""

from __future__ import annotations

from zerodistance.core.identity.rules import GUARDS
from zerodistance.core.identity.saying import UNCLAIMED
from zerodistance.core.touchpoints.log import LoggedTouch
from zerodistance.doors.portal import evidence
from zerodistance.doors.portal.readings import touch_words


def test_a_guard_and_what_it_guards_are_called_by_words() -> None:
    _, guard, kind = UNCLAIMED.split(".")
    assert guard in GUARDS
    assert evidence.label(kind).en == "personal field" and evidence.label("other").zh == "其他"


def test_what_somebody_agreed_to_is_said_in_the_words_of_who_reads() -> None:
    fields = dict.fromkeys(LoggedTouch.__dataclass_fields__, None)
    for kind, word in (
        ("consent.given", "marketing"),
        ("consent.withdrawn", "research"),
        ("order.line", "washer"),
    ):
        touch = LoggedTouch(**{**fields, "kind": kind, "category": word})  # type: ignore[arg-type]
        assert word not in touch_words(touch, "zh", {"washer": "洗衣机"})
