"""What sends keep of people, taken away when somebody is forgotten: their messages, and whom a send is about to go to."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sqlalchemy import Connection

from zerodistance.core.identity import api as identity
from zerodistance.core.measurement import packing
from zerodistance.core.outreach.sends import store
from zerodistance.kernel import bulk
from zerodistance.kernel.home import Home

_AT_ONCE = 10_000


def forget(home: Home, subjects: Sequence[int]) -> dict[str, int]:
    """Remove the messages to these subjects, those on their way too; may be run again."""
    every, gone = sorted(set(subjects)), 0
    for start in range(0, len(every), _AT_ONCE):
        with home.state.write() as tx:
            gone += store.forget(tx, every[start : start + _AT_ONCE])
    meant = 0
    with home.state.write() as tx:
        for number, held in store.with_meant(tx):
            body, went = packing.without(held, np.array(every, np.int64))
            if went:
                store.rewrite_meant(tx, number, body)
            meant += went
    return {"outreach_message": gone, "outreach_meant": meant}


def drop_queued(tx: Connection, rows: Sequence[store.Row], held: dict[str, str]) -> None:
    """Take messages out that were queued while their person was being forgotten: nothing of them is kept."""
    mine = {row["id"]: row["subject"] for row in rows if held.get(row["id"]) == "gone"}
    there = identity.tokens_named(tx, sorted(set(mine.values()))) if mine else {}
    forgotten = [one for one, subject in mine.items() if subject not in there]
    bulk.run_among(tx, "delete from outreach_message where id in {values}", forgotten)
    for one in forgotten:
        del held[one]
