"""Two values side by side: which characters agree, shown as far as their owner may be recognised by nobody else. Pure."""

from __future__ import annotations

from rapidfuzz.distance import Levenshtein

from zerodistance.core.identity.weighed import Sign, Spelled

HIDDEN, DIFFERS = "•", "◦"
"""What stands for a character that is not shown: one that both have, one in which they differ."""
_OPEN = frozenset(("gender", "language", "city", "province", "country", "district"))
"""Fields that say too little of anybody to be masked; gender, language and places are published facts."""


def visible(field: str, value: str) -> set[int]:
    """Return the places of the characters that a mask leaves to be read, the same that `rules.mask` does; signs between letters and digits stay.

    Examples
    --------
    >>> "".join(c if n in visible("phone", "+8613812348001") else "*" for n, c in enumerate("+8613812348001"))
    '+86138****8001'
    >>> sorted(visible("name", "王小明")), sorted(visible("birthday", "1987-03-02"))
    ([0], [0, 1, 4, 7, 8, 9])
    """
    size = len(value)
    signs = {n for n, character in enumerate(value) if not character.isalnum()}
    if field in _OPEN:
        return set(range(size))
    if field == "phone" and size > 8:
        return signs | set(range(max(1, size - 8))) | set(range(size - 4, size))
    at = value.rfind("@")
    if field == "email" and at > 0:
        return signs | {0} | set(range(at, size))
    if size < 8:
        return signs | ({0} if size > 1 else set())
    return signs | {0, 1, size - 2, size - 1}


def aligned(field: str, x: str, y: str, *, whole: bool = False) -> tuple[Spelled, Spelled]:
    """Return two values character by character, so that places stand under one another.

    Parameters
    ----------
    whole
        Show every character.

    Examples
    --------
    >>> left, right = aligned("name", "王小明", "王晓明")
    >>> [(sign.shown, sign.same) for sign in right]
    [('王', True), ('◦', False), ('•', True)]
    >>> [sign.shown for sign in aligned("name", "王明", "王小明")[0]]
    ['王', '', '•']
    """
    shown = [_shown(field, value, whole) for value in (x, y)]
    if not x or not y:
        left, right = (tuple(Sign(one, same=True) for one in some) for some in shown)
        return left, right
    out: tuple[list[Sign], list[Sign]] = ([], [])
    for step in Levenshtein.opcodes(x, y):
        same = step.tag == "equal"
        mine = shown[0][step.src_start : step.src_end]
        other = shown[1][step.dest_start : step.dest_end]
        for n in range(max(len(mine), len(other))):
            for side, signs in zip(out, (mine, other), strict=True):
                one = signs[n] if n < len(signs) else ""
                side.append(Sign(DIFFERS if one == HIDDEN and not same else one, same))
    return tuple(out[0]), tuple(out[1])


def _shown(field: str, value: str, whole: bool) -> list[str]:
    open_ = set(range(len(value))) if whole else visible(field, value)
    return [character if n in open_ else HIDDEN for n, character in enumerate(value)]
