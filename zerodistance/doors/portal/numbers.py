"""Numbers as people type them: with thousands marks, in full width, with an ordinary or a typographic minus."""

from __future__ import annotations

import re
import unicodedata

_GROUPS = re.compile(r"[+-]?(\d{1,3}([, ']\d{3})+|\d+)?(\.\d+)?")
_MARKS = str.maketrans({"，": ",", "、": ",", "。": ".", "−": "-", "–": "-", "’": "'", "٫": ".", "٬": ","})


def read(given: str) -> float | None:
    """Return the number that was typed, None if it can't be read; nothing is guessed.

    Examples
    --------
    >>> [read(text) for text in ("10,000", "１２，５００．５", "1 234", "-3", ".5")]
    [10000.0, 12500.5, 1234.0, -3.0, 0.5]
    >>> [read(text) for text in ("1,5", "30天", "1e9", "nan", "", "1,0000")]
    [None, None, None, None, None, None]
    """
    text = unicodedata.normalize("NFKC", given.translate(_MARKS)).strip()
    digits = text.translate(str.maketrans("", "", ", '"))
    if not _GROUPS.fullmatch(text) or not any(c.isdigit() for c in digits):
        return None
    return float(digits) if len(digits) <= 18 else None
