"""Homes of the tests begin with a copy of a state that the migrations have made once: they take a tenth of a second, each time alike."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from pathlib import Path

from zerodistance.kernel import home as homes
from zerodistance.kernel.home import Home
from zerodistance.kernel.settings import Settings
from zerodistance.kernel.state import State


def make_old(home: Home) -> None:
    """Let a home have been made a year ago: what tidies up by the hour and the night is due."""
    then = time.time() - 365 * 86_400
    os.utime(home.seal.path, (then, then))


class Prepared:
    """Lets `create_home` find its tables there already; what migrations do is tried on states that are made without it."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="zd-prepared-")
        self._state = Path(self._folder.name) / "state.db"

    def take_over(self) -> None:
        """Let every new home with a state in a file have the copy, from now on."""
        create = homes.create_home

        def create_home(settings: Settings) -> Home:
            root = settings.home.resolve()
            if not settings.state_url and not (root / "key").exists() and not (root / "state.db").exists():
                root.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(self._made(), root / "state.db")
            return create(settings)

        homes.create_home = create_home

    def remove(self) -> None:
        """Remove the folder."""
        self._folder.cleanup()

    def _made(self) -> Path:
        if not self._state.exists():
            state = State(self._state)
            state.upgrade()
            state.close()
        return self._state
