"""Whom a send can reach: the one address of each person by the first way that has one, and who is held back although there is one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from pyroaring import BitMap

from zerodistance.core.outreach import consent, limits
from zerodistance.core.outreach.channels import opening
from zerodistance.core.profiles import bitmaps
from zerodistance.kernel.home import Home

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Reach:
    """Who has an address, persons ascending.

    Attributes
    ----------
    person, subject
        The person of today, and the address.
    way
        By which of the ways.
    held
        Place in `reasons` of why nothing goes to them now, -1: something does.
    """

    person: npt.NDArray[np.uint32]
    subject: Ints
    way: npt.NDArray[np.int8]
    held: npt.NDArray[np.int8]
    reasons: tuple[str, ...]

    @property
    def many(self) -> int:
        """How many may be written to."""
        return int((self.held < 0).sum())

    @property
    def going(self) -> BitMap:
        """Who may be written to."""
        return bitmaps.of_sorted(self.person[self.held < 0])


def of(home: Home, persons: BitMap, purpose: str, channels: Sequence[str]) -> Reach:
    """Return whom of some persons the channels reach, the best first."""
    left, found = bitmaps.to_numbers(persons), []
    for way, channel in enumerate(channels):
        with home.state.read() as tx:
            usable = consent.usable(tx, home, left, purpose, channel, opening.namespaces(home, channel))
        person = usable.column("person").to_numpy()
        found.append((person, usable.column("subject").to_numpy(), np.full(len(person), way, np.int8)))
        left = left[~bitmaps.among(left, person)]
    person, subject, way_of = (np.concatenate(column) for column in zip(*found, strict=True))
    order = np.argsort(person, kind="stable")
    person, subject, way_of = person[order], subject[order], way_of[order]
    blocked = limits.not_now(home, purpose)
    held = np.full(len(person), -1, np.int8)
    for place, who in enumerate(blocked.values()):
        held[(held < 0) & bitmaps.among(person, bitmaps.to_numbers(who))] = place
    return Reach(person, subject, way_of, held, tuple(blocked))
