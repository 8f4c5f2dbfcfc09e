"""A process that undoes an import in forked children, kills each at a crash point, and says what the next one leaves.

Started by `test_undo.py` with a folder and the points; it imports everything once and forks, so that a round takes a second.
"""

from __future__ import annotations

import importlib
import os
import pickle
import pkgutil
import shutil
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

import zerodistance
import zerodistance.compose as compose
from tests.core.touchpoints.undoing import NOW, WHO, File, Live, Said, World, held, template
from zerodistance.core.touchpoints import api
from zerodistance.kernel import clock, fault
from zerodistance.kernel.findings import Level
from zerodistance.kernel.home import open_home
from zerodistance.kernel.settings import load

BEFORE = Live([Said(("u1", "p1", "c1"), 5, {"city": "Jinan"}), Said(("c2",), 6)])
UNDONE = File(
    "undone", [Said(("m1", "p1", "c2"), 3, {"city": "Qingdao"}), Said(("m2",), bad=True), Said(("m3",))], True
)
AFTER = Live([Said(("u1", "c3"), 8), Said(("c1",), 9)])


def main(folder: Path, points: list[str]) -> None:
    """Play one round a point; the first lines of trouble go to standard error."""
    for found in pkgutil.walk_packages(zerodistance.__path__, "zerodistance."):
        if not found.name.endswith("__main__"):
            importlib.import_module(found.name)
    assert child(lambda: prepare(folder)) == 0
    for point in points:
        home = folder / "round"
        shutil.copytree(folder / "asked", home)
        name, _, times = point.partition(":")
        status = child(lambda home=home: drain(home), name, int(times or 1))  # type: ignore[misc]
        died = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
        good = died and child(lambda home=home: judge(home, folder)) == 0  # type: ignore[misc]
        sys.stdout.write(
            f"{point}: {'died' if died else 'lived'}, {'then as without it' if good else 'trouble'}\n"
        )
        sys.stdout.flush()
        shutil.rmtree(home)


def child(life: Callable[[], None], point: str = "", times: int = 1) -> int:
    """Live `life` in a fork that dies at the crash point `point`; return how it ended."""
    pid = os.fork()
    if pid:
        return os.waitpid(pid, 0)[1]
    code = 1
    try:
        fault._wanted, fault._left = point, times
        life()
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def prepare(folder: Path) -> None:
    """Make a home in which an undo was asked for, and what must be left of it."""
    made = template(folder / "made")
    with World.copy_of(made, folder / "without") as world:
        world.take(BEFORE, AFTER)
        world.settle()
        (folder / "expected").write_bytes(pickle.dumps(held(world.home)))
    home = open_home(load(home=made))
    with clock.freeze(NOW):
        world = World(home)
        world.take(BEFORE)
        number = world.load(UNDONE)
        world.take(AFTER)
        world.work.seal()
        api.undo_import(home, WHO, number, "crash test")
    home.close()
    made.rename(folder / "asked")


def drain(root: Path) -> None:
    """Work as a worker does after its start."""
    with clock.freeze(NOW):
        World(open_home(load(home=root))).drain()


def judge(root: Path, folder: Path) -> None:
    """Start again after the crash, and compare."""
    home = open_home(load(home=root))
    with clock.freeze(NOW):
        world = World(home)
        world.drain()
        world.settle()
        found, expected = held(home), pickle.loads((folder / "expected").read_bytes())
    for what, value in expected.items():
        assert found[what] == value, (what, found[what], value)
    trouble = [f.text.en for f in compose.checks(home) if f.level is Level.DAMAGE]
    assert trouble == [], trouble
    undo = api.undo_of(home, WHO, 1)
    assert undo is not None and undo.report is not None
    assert undo.report["removed"]["touches"] == 3 and undo.report["removed"]["quarantine"] == 1
    with home.state.read() as tx:
        counted = tx.exec_driver_sql("select value from source_hour where counter = 'undone'").all()
    assert counted == [(3,)]


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
