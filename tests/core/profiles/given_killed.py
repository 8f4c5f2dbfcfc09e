"""Gives values in the home that is named and brings the index up to them; a test lets it be killed on the way."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.core.profiles import world
from zerodistance.core.profiles import api
from zerodistance.core.profiles.keeper import Keeper
from zerodistance.kernel import clock
from zerodistance.kernel.home import open_home
from zerodistance.kernel.settings import load


def main() -> None:
    """Give, then take a turn."""
    from tests.core.profiles.test_given import SYSTEM, WORDS, table

    home = open_home(load(home=Path(sys.argv[1])))
    crowd = world.Crowd({int(s): int(n) for s, n in (pair.split(":") for pair in sys.argv[4:])})
    rows = table([(1, "b"), (3, "b")])
    with clock.freeze(clock.from_micros(int(sys.argv[2]))):
        if sys.argv[3] == "wholly":
            api.give(home, SYSTEM, WORDS, rows)
        else:
            api.give_some(home, SYSTEM, WORDS.key, rows)
        Keeper(home, crowd, ()).update()


if __name__ == "__main__":
    main()
