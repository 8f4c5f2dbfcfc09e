"""Whether log, profiles and tag index hold everything that was committed."""

from __future__ import annotations

from typing import Any

from benchmarks.lib.house import House
from zerodistance.core.profiles import api as profiles
from zerodistance.kernel import settings
from zerodistance.kernel.home import open_home


def held(house: House) -> dict[str, Any]:
    """Return what the stores hold, or end if one of them holds less than another. The program must not run."""
    committed, batch = house.ask("select coalesce(sum(touches), 0), coalesce(max(number), 0) from batch")[0]
    home = open_home(settings.load(home=house.home))
    try:
        touches, sealed = home.lake.count("touches"), home.lake.held("touches", "touches")
        kept = profiles.follower(home).held()
        index = profiles.state(home)
    finally:
        home.close()
    persons = house.ask("select count(distinct person) from subject where person < 2147483648")[0][0]
    behind = {
        "lake": touches != committed or sealed != batch,
        "profiles": kept != batch,
        "index": index.made_at is None or index.batch != batch,
    }
    if any(behind.values()):
        raise SystemExit(
            f"not everything holds all {committed:,} touches of {batch} batches: {behind}, {index}"
        )
    return {"touches": touches, "batches": batch, "persons": persons}
