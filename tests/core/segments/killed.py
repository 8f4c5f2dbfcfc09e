"""Brings the tag index and followed segments of the home that is named up to now; a test lets it be killed on the way."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.core.segments.test_living import Town
from zerodistance.kernel.home import open_home
from zerodistance.kernel.settings import load


def main() -> None:
    """Do one turn of the worker's index loop."""
    town = Town(open_home(load(home=Path(sys.argv[1]))), subjects=0)
    for pair in sys.argv[2:]:
        subject, number = pair.split(":")
        town.crowd.move(int(subject), int(number))
    town.turn()


if __name__ == "__main__":
    main()
