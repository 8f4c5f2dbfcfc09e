"""What channels keep of people, taken away when somebody is forgotten: receipts, references of gateways, the inbox."""

from __future__ import annotations

from collections.abc import Sequence

from zerodistance.core.outreach.channels import store
from zerodistance.kernel.home import Home

_AT_ONCE = 10_000


def forget(home: Home, subjects: Sequence[int]) -> dict[str, int]:
    """Remove what stands of these subjects; may be run again."""
    every, receipts, letters = sorted(set(subjects)), 0, 0
    for start in range(0, len(every), _AT_ONCE):
        with home.state.write() as tx:
            some = store.forget(tx, every[start : start + _AT_ONCE])
        receipts, letters = receipts + some[0], letters + some[1]
    return {"outreach_receipt": receipts, "outreach_inbox": letters}
