"""What models says: that persons moved into or out of the highest band of a score, and that a model shows signs of drift."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from zerodistance.kernel.bus import Event


@dataclass(frozen=True)
class BandChanged(Event):
    """Persons entered or left the highest band of a score when everybody was scored anew.

    The set is named, not listed: who is in it is the node of the dimension, in the tag tree after the worker's next turn.

    Attributes
    ----------
    model, model_version
        Who scored.
    dimension, node
        The score and its highest band, `score.n1_washer` and `a`.
    members, entered, left
        How many persons are in it now, and how many of them were not before, or are no longer.
    """

    topic: ClassVar[str] = "models.band_changed"
    version: ClassVar[int] = 1

    model: str
    model_version: int
    dimension: str
    node: str
    members: int
    entered: int
    left: int


@dataclass(frozen=True)
class ModelDrifted(Event):
    """A champion shows a sign of drift that it did not show before.

    Attributes
    ----------
    look
        Number of the look at which it was seen (`zerodistance models watch`).
    signs
        What has drifted: `scores`, `features`, `nulls`, `auc`, `calibration`.
    """

    topic: ClassVar[str] = "models.drifted"
    version: ClassVar[int] = 1

    model: str
    model_version: int
    look: int
    signs: tuple[str, ...]
