"""The closed set of aggregates: what a dimension may ask of touches and facts, written as `verb(of)`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar

from zerodistance.kernel.errors import Invalid
from zerodistance.kernel.text import Text

COLUMNS = ("category", "product", "place", "channel", "fault", "kind")
"""Texts on a touch."""
CALENDAR = ("month", "year", "season", "weekday")
"""Texts of the local day of a touch: `2026-11`, `2026`, the month of any year `11`, and `1` (Monday) to `7`."""
MEASURES = ("quantity", "amount", "duration")
TOUCHES_WITH = {"quantity": "quantities", "amount": "amounts", "duration": "durations"}
"""A measure -> the column of the states that says how many touches have it."""
_WORDS = (*COLUMNS, *CALENDAR)
_EDGES = ("first", "last")
_FORM = re.compile(r"(\w+)\(([^()]+)\)")
_NAME = re.compile(r"\w[\w.]*")
EITHER = "|"
"""Between texts of which one has to stand on a touch, in `Input.where`."""
PAIR = "+"
"""Between the two columns of a pair; between their words stands `BETWEEN`."""
BETWEEN = ":"


@dataclass(frozen=True, slots=True)
class Value:
    """A parsed aggregate: `count(*)` is `Value("count", "*")`.

    The set is closed, and every member can be computed from states that were added up in any order. A *word* is one of
    `COLUMNS`, of `CALENDAR`, or a pair of two of them, `category+fault`, whose words are `washer:E1`.

    `count(*)`; `sum(measure)`; `mean(measure)` over the touches that have it; `max(amount)`; `days(*)` (different days);
    `span(*)` (days from the first to the last); `gap(median)`, `gap(longest)` (days between two days with touches, one after the other);
    `trend(*)` (touches of the later half of the window less those of the earlier, per cent of both); `distinct(word)`; `first(word)`,
    `last(word)`, `most(word)`; `focus(word)` (per cent of the touches with a word that have the most frequent one); `usual(hour)`
    (the hour, `00` to `23`, at which most days with touches begin); `year(first)`, `year(last)`; `age(first)`, `age(last)` (days);
    `share(KIND)`, `share(word=TEXT)` (per cent of touches); `lag(KIND)` (days from the first touch of the kind to the first of the others
    on that day or later). For facts `fact(field)`, a text, and `number(field)`. For values that a room above gave `given(text)` and `given(number)`.
    """

    verb: str
    of: str

    COLUMNS: ClassVar[tuple[str, ...]] = COLUMNS
    MEASURES: ClassVar[tuple[str, ...]] = MEASURES
    VERBS: ClassVar[dict[str, tuple[str, ...] | None]] = {
        "count": ("*",),
        "days": ("*",),
        "span": ("*",),
        "trend": ("*",),
        "sum": MEASURES,
        "mean": MEASURES,
        "max": ("amount",),
        "gap": ("median", "longest"),
        "usual": ("hour",),
        "distinct": _WORDS,
        "first": _WORDS,
        "last": _WORDS,
        "most": _WORDS,
        "focus": _WORDS,
        "year": _EDGES,
        "age": _EDGES,
        "share": None,
        "lag": None,
        "fact": None,
        "number": None,
        "given": ("text", "number"),
    }
    """Verb -> what it takes; None: a kind or a field, see the class."""
    TEXTUAL: ClassVar[tuple[str, ...]] = ("first", "last", "most", "usual", "fact")
    PAIRED: ClassVar[tuple[str, ...]] = ("distinct", "first", "last", "most", "focus")

    @classmethod
    def parse(cls, text: str) -> Value:
        """Read an aggregate.

        Raises
        ------
        Invalid
            It is not in the closed set; says what is.
        """
        found = _FORM.fullmatch(text.strip())
        if found is None or found[1] not in cls.VERBS:
            verbs = ", ".join(f"{v}(...)" for v in cls.VERBS)
            raise Invalid(field="value", given=text, why=Text(f"可用 {verbs}", f"allowed are {verbs}"))
        verb, of = found[1], found[2]
        if not _takes(verb, of, cls.VERBS[verb], paired=verb in cls.PAIRED):
            takes = ", ".join(cls.VERBS[verb] or ("KIND", f"{'|'.join(_WORDS)}=TEXT"))
            raise Invalid(
                field="value", given=text, why=Text(f"{verb} 只收 {takes}", f"{verb} takes {takes}")
            )
        return cls(verb, of)

    @property
    def textual(self) -> bool:
        """Whether the result is a text; all others are numbers."""
        return self.verb in self.TEXTUAL or (self.verb, self.of) == ("given", "text")

    @property
    def counting(self) -> bool:
        """Whether somebody without any touch has the value 0, and not no value."""
        return self.verb in ("count", "days", "sum", "distinct")

    @property
    def ageing(self) -> bool:
        """Whether the value grows by one each day: the index keeps the day it counts from."""
        return self.verb == "age"

    @property
    def reads(self) -> frozenset[str]:
        """The columns of the states that it reads beyond those that are always there."""
        match self.verb:
            case "sum":
                return frozenset((self.of,))
            case "mean":
                return frozenset((self.of, TOUCHES_WITH[self.of]))
            case "max":
                return frozenset(("largest",))
            case "share" if "=" in self.of:
                return frozenset((self.of.partition("=")[0],)) & {*COLUMNS}
            case _:
                return frozenset(self.of.split(PAIR)) & {*COLUMNS}


def _takes(verb: str, of: str, allowed: tuple[str, ...] | None, *, paired: bool) -> bool:
    if allowed is not None:
        words = of.split(PAIR) if paired else [of]
        return len(words) <= 2 and len(set(words)) == len(words) and all(word in allowed for word in words)
    word, equals, text = of.partition("=")
    if verb == "share" and equals:
        return word in _WORDS and bool(text)
    return _NAME.fullmatch(of) is not None
