"""One step of a flow, as `trace` prints it: from the request that came in to the events it caused."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from zerodistance.kernel.text import Text


@dataclass(frozen=True)
class Step:
    """What happened, where it can be found, and when.

    Attributes
    ----------
    kind
        journal, batch, touch, quarantine, import, subject, person, event.
    id
        Under which `trace` finds it again: `b12`, `12:0`, `import:3`, `p_...`, `e7`.
    at
        Microseconds UTC; None where there is no one time.
    depth
        How far it is from the beginning, for the indent.
    """

    kind: str
    id: str
    text: Text
    at: int | None = None
    depth: int = 0
    more: dict[str, Any] = field(default_factory=dict)
