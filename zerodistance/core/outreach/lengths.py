"""How long a message is by its channel: parts of a text message in GSM-7 or UCS-2, characters of everything else. Pure.

References
----------
3GPP TS 23.038, 6.2.1: the default alphabet and its extension, whose characters take two places; TS 23.040, 9.2.3.24: a part of several holds 153 or 67.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from zerodistance.core.outreach.contracts import ChannelName

_PLAIN = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED = frozenset("\f^{}\\[~]|€")


@dataclass(frozen=True, slots=True)
class Parts:
    """What a text message is sent as.

    Attributes
    ----------
    alphabet
        `GSM-7` or `UCS-2`.
    units
        Places that it takes.
    parts
        Messages that it is sent, and paid, as.
    left
        Places that are left in the last of them.
    """

    alphabet: str
    units: int
    parts: int
    left: int


def parts(text: str) -> Parts:
    """Return what a text message is sent as.

    Examples
    --------
    >>> parts("a" * 161).parts, parts("洗" * 70).parts, parts("洗" * 71).parts
    (2, 1, 2)
    """
    if all(c in _PLAIN or c in _EXTENDED for c in text):
        alphabet, one, several = "GSM-7", 160, 153
        sizes = [2 if c in _EXTENDED else 1 for c in text]
    else:
        alphabet, one, several = "UCS-2", 70, 67
        sizes = [2 if ord(c) > 0xFFFF else 1 for c in text]
    units = sum(sizes)
    if units <= one:
        return Parts(alphabet, units, 1, one - units)
    many, used = 1, 0
    for size in sizes:  # no character is cut in two
        if used + size > several:
            many, used = many + 1, 0
        used += size
    return Parts(alphabet, units, many, several - used)


@dataclass(frozen=True, slots=True)
class Limits:
    """How long subject and text of a channel may be at most; all own values.

    Attributes
    ----------
    subject, text
        Characters; None: it has no subject.
    parts
        Of a text message; None: it is none.
    """

    subject: int | None
    text: int
    parts: int | None = None


LIMITS: Mapping[ChannelName, Limits] = {
    ChannelName.EMAIL: Limits(100, 50_000),  # RFC 5322 recommends lines of 78; most clients show about 60
    ChannelName.SMS: Limits(None, 500, 3),
    ChannelName.WEBHOOK: Limits(60, 2_000),
    ChannelName.INBOX: Limits(60, 5_000),
}
