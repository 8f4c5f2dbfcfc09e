"""Taking somebody out of what campaigns keep by subject: who was there at the start, and whom a step is about to send to."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from zerodistance.apps.marketing.campaigns import store
from zerodistance.core.measurement import packing
from zerodistance.kernel.home import Home


def forget(home: Home, subjects: Sequence[int]) -> dict[str, int]:
    """Take these subjects out; worker only, may be run again. Who was in a campaign stands in the arms that measurement keeps."""
    gone, removed = np.array(sorted(subjects), np.int64), 0
    with home.state.write() as tx:
        for table, number, held in store.with_subjects(tx):
            body, went = packing.without(held, gone)
            if went:
                store.rewrite(tx, table, number, body)
            removed += went
    return {"campaign_subjects": removed}
