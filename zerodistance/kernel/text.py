"""Text that a person reads, always in Chinese and in English."""

from __future__ import annotations

import re
from dataclasses import dataclass

LANGS: tuple[str, ...] = ("zh", "en")


@dataclass(frozen=True, slots=True)
class Text:
    """One sentence or label in both languages.

    Examples
    --------
    >>> Text("触点", "touchpoint").get("en")
    'touchpoint'
    >>> Text("{n} 行", "{n} rows").format(n=3).get("zh")
    '3 行'
    """

    zh: str
    en: str

    def get(self, lang: str) -> str:
        """Return the text in `lang`; anything that is not English is read in Chinese."""
        return self.en if lang.startswith("en") else self.zh

    def format(self, **values: object) -> Text:
        """Return the text with `{fields}` filled in both languages; a value may be a `Text` itself."""
        return Text(self.zh.format(**_in("zh", values)), self.en.format(**_in("en", values)))


def singular(unit: Text) -> Text:
    """Return a unit as it stands after a one; Chinese has one form.

    Examples
    --------
    >>> [singular(Text("", word)).en for word in ("people", "categories", "addresses", "visits", "hour")]
    ['person', 'category', 'address', 'visit', 'hour']
    """
    return Text(unit.zh, _ONE.get(unit.en) or _ENDS.sub(lambda end: _SINGLE[end[0]], unit.en))


_ONE = {"people": "person"}
_SINGLE = {"ies": "y", "sses": "ss", "s": ""}
_ENDS = re.compile(r"(ies|sses|(?<!s)s)$")


def _in(lang: str, values: dict[str, object]) -> dict[str, object]:
    return {name: value.get(lang) if isinstance(value, Text) else value for name, value in values.items()}
