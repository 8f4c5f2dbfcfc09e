"""Whether every acknowledged event is among the touches exactly once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.lib.load import Outcome
from benchmarks.lib.traffic import EVENTS, REPEATED, Requests
from zerodistance.core.touchpoints import tail
from zerodistance.kernel import settings
from zerodistance.kernel.home import open_home


@dataclass(frozen=True)
class Exact:
    """What was found: distinct ids acknowledged, touches, ids acknowledged without a touch, ids with more than one."""

    acknowledged: int
    touches: int
    lost: int
    doubled: int


def exact(root: Path, source: int, requests: Requests, outcome: Outcome) -> Exact:
    """Compare the touches of a source with the batches that were answered 200. The program must not run."""
    answered = outcome.marks == 1
    wanted = np.zeros((requests.count, EVENTS), bool)
    wanted[answered] = True
    repeats = requests.repeats()
    wanted[:, EVENTS - REPEATED :][repeats >= 0] = (
        False  # these places were filled with ids of earlier batches ...
    )
    again = repeats[answered]
    wanted.reshape(-1)[again[again >= 0]] = True  # ... which are acknowledged by this
    times = np.zeros(requests.count * EVENTS, np.int64)
    home = open_home(settings.load(home=root))
    try:
        with home.engine.connect() as connection:
            tail.touches_view(connection, home)
            found = connection.sql(
                "select cast(substr(source_id, 1, 8) as bigint) * 100 + cast(substr(source_id, 10, 2) as bigint) as id "
                "from touches where source = ?",
                params=[source],
            ).to_arrow_reader(1_000_000)
            for part in found or ():
                times += np.bincount(part.column(0).to_numpy(), minlength=len(times))
    finally:
        home.close()
    asked = wanted.reshape(-1)
    return Exact(
        int(asked.sum()), int(times.sum()), int((asked & (times == 0)).sum()), int((times > 1).sum())
    )
