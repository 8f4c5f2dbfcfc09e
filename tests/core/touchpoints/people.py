"""A recogniser small enough to check by eye: each distinct identifier is a subject of its own."""

from __future__ import annotations

from collections import Counter

import numpy as np
from sqlalchemy import Connection

from zerodistance.core.touchpoints.contracts import Batch, Recognised


class EachIdentifier:
    """The last identifier of a touch is its subject; nothing is written."""

    def __init__(self) -> None:
        self.numbers: dict[tuple[str, str], int] = {}
        self.resets = 0
        self.fail_in_write = False

    def recognise(self, batch: Batch) -> Recognised:
        subjects = np.zeros(batch.touches.num_rows, np.int64)
        for row, space, value in zip(*batch.signs.lists()[:3], strict=True):
            subjects[row] = self.numbers.setdefault((space, value), len(self.numbers) + 1)
        return Recognised(subjects, subjects > 0, Counter())

    def write(self, tx: Connection, found: Recognised, batch: int) -> None:
        if self.fail_in_write:
            raise OSError("the disk is full")

    def reset(self) -> None:
        self.resets += 1
