"""A process that backs up and restores in forked children and kills them at a crash point.

It reads JSON lines {"do": "backup" | "restore", "home", "folder", "fault": "point:n" or null} and answers each with the exit
status of the child: -9 when the crash point was met.
"""

from __future__ import annotations

import importlib
import json
import os
import pkgutil
import sys
import traceback
from pathlib import Path
from typing import Any

import zerodistance
from tests.doors.backups import world
from zerodistance.doors.backups import making, restoring
from zerodistance.kernel import fault
from zerodistance.kernel.home import open_home
from zerodistance.kernel.settings import load


def main() -> None:
    """Play until standard input ends."""
    for found in pkgutil.walk_packages(zerodistance.__path__, "zerodistance."):
        if not found.name.endswith("__main__"):
            importlib.import_module(found.name)
    world.hand_over()
    for line in sys.stdin:
        sys.stdout.write(json.dumps(play(json.loads(line))) + "\n")
        sys.stdout.flush()


def play(asked: dict[str, Any]) -> int:
    """Do one thing in a child; return how it ended."""
    pid = os.fork()
    if not pid:
        try:
            name, _, count = (asked["fault"] or "").partition(":")
            fault._wanted, fault._left = name, int(count or 1)
            do(asked["do"], load(home=Path(asked["home"])), Path(asked["folder"]))
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def do(what: str, settings: Any, folder: Path) -> None:
    if what == "backup":
        making.make(open_home(settings), world.ME, folder, with_key=True)
    else:
        restoring.restore(settings, world.ME, folder)


if __name__ == "__main__":
    main()
