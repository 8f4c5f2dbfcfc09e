"""What crosses the door of the sample room."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from zerodistance.kernel.errors import ZeroDistanceError
from zerodistance.kernel.text import Text

FEWEST, MOST = 50, 90_000_000
"""People that a city may have; above it, phone numbers run out."""


class NotEmpty(ZeroDistanceError):
    """The folder for a city holds something already."""

    code, status = "sample_not_empty", 409
    text = Text(
        "{path} 里已有东西，未作改动；换一个 --out，或先清空它",
        "{path} holds something already, nothing was changed; name another --out, or empty it first",
    )


@dataclass(frozen=True)
class FileFact:
    """One file of a city: path within it, rows (a header is none), bytes, SHA-256 of its bytes."""

    path: str
    rows: int
    bytes: int
    sha256: str


@dataclass(frozen=True)
class City:
    """A city that was made; `city.json` holds the same.

    Attributes
    ----------
    until, truth_until
        Local days: the silos end before the one, the truth before the other.
    records
        Rows of all silos.
    """

    world: str
    version: int
    seed: int
    people: int
    households: int
    until: str
    truth_until: str
    zone: str
    records: int
    files: tuple[FileFact, ...]
    made_with: dict[str, str]

    def as_dict(self) -> dict[str, Any]:
        """Return the manifest."""
        out = dict(vars(self))
        out["files"] = [vars(file) for file in self.files]
        return out
