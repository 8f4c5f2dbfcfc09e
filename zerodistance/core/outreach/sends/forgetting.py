"""What sends keep of people, taken away when somebody is forgotten: their messages."""

from __future__ import annotations

from collections.abc import Sequence

from zerodistance.core.outreach.sends import store
from zerodistance.kernel.home import Home

_AT_ONCE = 10_000


def forget(home: Home, subjects: Sequence[int]) -> dict[str, int]:
    """Remove the messages to these subjects, those on their way too; may be run again."""
    every, gone = sorted(set(subjects)), 0
    for start in range(0, len(every), _AT_ONCE):
        with home.state.write() as tx:
            gone += store.forget(tx, every[start : start + _AT_ONCE])
    return {"outreach_message": gone}
