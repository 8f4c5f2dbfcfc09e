"""Keep a home as today's program makes it, for the programs to come: python -m tests.homes.make

Writes `tests/homes/<revision>.tar.xz`: a few touches in lake, tail and journal, one refused row, somebody forgotten. One is made for
each release whose tables are new, and never changed again. `0001.tar.xz` was made so by the first version.
"""

from __future__ import annotations

import sqlite3
import subprocess
import tempfile
from contextlib import closing
from pathlib import Path

import zerodistance.compose as compose
from tests.doors.backups import world
from zerodistance import migrations
from zerodistance.core.identity import api as identity
from zerodistance.core.touchpoints import forget, sources
from zerodistance.doors.worker import once
from zerodistance.kernel.home import Home, create_home
from zerodistance.kernel.settings import load
from zerodistance.kernel.text import Text

HERE = Path(__file__).parent


def main() -> None:
    """Make a home and keep it."""
    with tempfile.TemporaryDirectory() as folder:
        home = create_home(load(home=Path(folder) / "home"))
        fill(home)
        home.close()
        for name in ("state.db", "journal.db"):
            with closing(sqlite3.connect(home.path(name))) as connection:
                connection.execute("pragma wal_checkpoint(truncate)").fetchone()
        target = HERE / f"{migrations.revisions()[-1]}.tar.xz"
        words = ["tar", "--sort=name", "--owner=0", "--group=0", "--exclude=./runs", "--exclude=./spill"]
        subprocess.run([*words, "--exclude=*.lock", "-C", home.root, "-cJf", target, "."], check=True)
        print(target)


def fill(home: Home) -> None:
    """Lake, tail and journal hold something of Wei and Li; somebody called `gone` was forgotten."""
    world.hand_over()
    compose.begin(home, world.ME)
    sources.create_source(home, world.ME, key="web", name=Text("官网", "web"), kind="web")
    work = compose.work(home)
    known = {"traits": {"email": "wei@example.cn", "name": "Wei"}, "anonymousId": "cookie"}
    refused = {**world.bought("wei", 9), "timestamp": "never"}
    world.accept(home, {"type": "identify", "messageId": "wei-0", "userId": "wei", **known})
    world.accept(home, world.bought("wei", 1), world.bought("li", 1), world.bought("gone", 1), refused)
    once(work)
    person = identity.lookup(home, world.ME, "user_id", "gone")
    with home.state.read() as tx:
        subjects = identity.subjects_of(tx, person.number)
    forget.ask(home, world.ME, person.id, subjects, "asked by the person")
    once(work)
    world.accept(home, world.bought("wei", 2), world.bought("li", 2))
    work.digest()
    world.accept(home, world.bought("wei", 3))


if __name__ == "__main__":
    main()
