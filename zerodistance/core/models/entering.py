"""Who enters and leaves the highest band of a score when everybody is scored anew: told as a set, never a row each."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from zerodistance.core.models.contracts import Version
from zerodistance.core.models.ladder.columns import Floats
from zerodistance.core.profiles.api import Index
from zerodistance.core.profiles.contracts import Bands
from zerodistance.core.profiles.splits import Split, Who
from zerodistance.events.models import BandChanged
from zerodistance.kernel import bus
from zerodistance.kernel.home import Home


class Highest:
    """Hears scores on their way, and keeps who is in the highest band: a twentieth of them, four bytes each."""

    def __init__(self, bands: Bands) -> None:
        self._edge, self.node, _ = max(bands.bands)
        self._found: list[Who] = []

    def hear(self, some: Iterator[tuple[Who, Floats]]) -> Iterator[tuple[Who, Floats]]:
        """Yield persons and their scores as they come."""
        for who, scores in some:
            self._found.append(who[scores >= self._edge])
            yield who, scores

    def tell(self, home: Home, here: Index, version: Version, dimension: str) -> BandChanged | None:
        """Say how many entered and left since what a tag index knows; None, and nothing is said, where nobody did."""
        now = np.unique(np.concatenate(self._found)) if self._found else np.zeros(0, np.uint32)
        before = here.split(("node", dimension, self.node)).persons
        stayed = Split.of_sorted(now).persons.intersection_cardinality(before)
        event = BandChanged(
            version.model,
            version.number,
            dimension,
            self.node,
            len(now),
            len(now) - stayed,
            len(before) - stayed,
        )
        if not event.entered and not event.left:
            return None
        with home.state.write() as tx:
            bus.say(tx, event)
        return event
