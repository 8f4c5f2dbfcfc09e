"""A process that runs a feed in forked children, kills each at a crash point, and says what the next one leaves.

Started by `test_feeds.py` with a folder, the address of a database or `-` for files, and the points; it imports everything once and
forks, so that a round takes a moment.
"""

from __future__ import annotations

import importlib
import pkgutil
import shutil
import signal
import sys
from os import WIFSIGNALED, WTERMSIG
from pathlib import Path

import zerodistance
import zerodistance.compose as compose
from tests.connectors.feeds.places import MAPPING, visits
from tests.crash.undoing import child
from zerodistance.connectors.feeds import api
from zerodistance.core.touchpoints import tail
from zerodistance.doors.worker import once
from zerodistance.kernel.access import Who
from zerodistance.kernel.findings import Level
from zerodistance.kernel.home import Home, create_home, open_home
from zerodistance.kernel.settings import load

WHO = Who.system("crash")
ROWS = {"a.csv": range(20), "b.csv": range(20, 50), "c.csv": range(50, 60)}


def main(folder: Path, url: str, points: list[str]) -> None:
    """Play one round a point."""
    for found in pkgutil.walk_packages(zerodistance.__path__, "zerodistance."):
        if not found.name.endswith("__main__"):
            importlib.import_module(found.name)
    assert child(lambda: prepare(folder, url)) == 0
    for point in points:
        drop, home = folder / "drop", folder / "round"
        shutil.copytree(folder / "made", home)
        drop.mkdir()
        for name, rows in ROWS.items():
            (drop / name).write_text(visits(rows))
        name, _, times = point.partition(":")
        status = child(lambda home=home: fetch(open_home(load(home=home))), name, int(times or 1))  # type: ignore[misc]
        died = WIFSIGNALED(status) and WTERMSIG(status) == signal.SIGKILL
        good = died and child(lambda home=home, drop=drop: judge(home, drop, url)) == 0  # type: ignore[misc]
        sys.stdout.write(
            f"{point}: {'died' if died else 'lived'}, {'then each row once' if good else 'trouble'}\n"
        )
        sys.stdout.flush()
        shutil.rmtree(home)
        shutil.rmtree(drop)


def prepare(folder: Path, url: str) -> None:
    """Make a home with a feed."""
    home = create_home(load(home=folder / "made"))
    if url != "-":
        where = f'url = "{url}"\ntable = "visit"\ncursor = {{ column = "seen", overlap = 5 }}\nrows = 10\n'
        api.add_feed(home, WHO, f'[feed]\nkind = "sql"\nname = "visits"\n[sql]\n{where}[mapping]\n{MAPPING}')
        home.close()
        return
    text = f'[feed]\nkind = "folder"\nname = "visits"\n[folder]\npath = "{folder / "drop"}"\nsettle = "0s"\nmove_to = "done"\n'
    api.add_feed(home, WHO, text + "[mapping]\n" + MAPPING)
    home.close()


def fetch(home: Home) -> None:
    """Run what is due, as a worker does, and take in what it brought."""
    work = compose.work(home)
    assert work.feeds is not None
    work.feeds.run_due()
    once(work)


def judge(root: Path, drop: Path, url: str) -> None:
    """Start again after the crash: every row is there once, every file was moved, nothing is left lying."""
    home = open_home(load(home=root))
    fetch(home)
    with home.engine.connect() as connection:
        tail.touches_view(connection, home)
        found = sorted(int(row[0]) for row in connection.execute("select source_id from touches").fetchall())
    assert found == list(range(60)), found
    if url == "-":
        assert sorted(p.name for p in drop.rglob("*.csv")) == sorted(ROWS), list(drop.rglob("*"))
        assert sorted(p.name for p in (drop / "done").iterdir()) == sorted(ROWS)
    assert [p.name for p in home.path("imports").glob("*.sealed")] == []
    trouble = [f.text.en for f in compose.checks(home) if f.level is Level.DAMAGE]
    assert trouble == [], trouble


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3:])
