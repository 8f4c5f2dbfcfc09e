"""Makes states and index anew in the home that is named; a test lets it be killed on the way."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.core.profiles import world
from zerodistance.core.profiles import index, states
from zerodistance.core.profiles.keeper import Keeper
from zerodistance.kernel import clock
from zerodistance.kernel.home import open_home
from zerodistance.kernel.settings import load


def main() -> None:
    """Merge the states, then rebuild everything."""
    home = open_home(load(home=Path(sys.argv[1])))
    crowd = world.Crowd({int(s): int(n) for s, n in (pair.split(":") for pair in sys.argv[3:])})
    with clock.freeze(clock.from_micros(int(sys.argv[2]))):
        states.merge(home, index.current(home.path("index")).batch, most_files=0)
        Keeper(home, crowd).rebuild()


if __name__ == "__main__":
    main()
