"""Whether a send waits for a second account: because it is large, or because a large one would be cut into small ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection

from zerodistance.core.outreach import approving
from zerodistance.core.outreach.sends import store
from zerodistance.core.outreach.templates import Template
from zerodistance.core.segments.releasing import LEAST_SEND
from zerodistance.kernel import bulk, clock
from zerodistance.kernel.access import Permission, Who
from zerodistance.kernel.home import Home


def waits(home: Home, who: Who, row: store.Row, used: Sequence[Template], approval: str | None) -> bool:
    """Say whether a send (a row that is about to be kept) waits for a second account.

    It does where it goes to more persons than `send_approval_size`, alone or with what the same account has sent within 24 hours and nobody else has
    said yes to; steps of a campaign to the same persons count once.

    Parameters
    ----------
    approval
        What `approving` knows the question by that a second account has answered for the whole campaign, with these versions of its templates.
    """
    with home.state.read() as tx:
        if _granted(tx, row["experiment"], used, approval):
            return False
        if approving.needed(home, row["reach"], row["purpose"]):
            return True
        before = _lately(tx, who.name, row["purpose"], clock.micros() - clock.MICROS_PER_DAY)
        agreed = {str(one.said.get("campaign")) for one in approving.granted(tx)} if before else set()
    most = home.settings.send_approval_size
    sees = who.may(Permission.SEE_PERSONS)  # exact sums would count persons for others
    parts: dict[tuple[str, int], int] = {}
    for experiment, assignment, reach, told in (*before, tuple(row[name] for name in _COLUMNS)):
        if reach <= most and experiment not in agreed:
            many = reach if sees else LEAST_SEND if told is None else told
            parts[experiment, assignment] = max(parts.get((experiment, assignment), 0), int(many))
    return len(parts) > 1 and approving.needed(home, sum(parts.values()), row["purpose"])


_COLUMNS = ("experiment", "assignment", "reach", "reach_told")


def _lately(tx: Connection, name: str, purpose: str, since: int) -> list[tuple[Any, ...]]:
    """Return `_COLUMNS` of what an account has asked for since a moment and was not stopped."""
    sql = f"select {', '.join(_COLUMNS)} from outreach_send where made_by = ? and purpose = ? and made_at > ? and state <> 'stopped'"
    return [tuple(one) for one in bulk.rows(tx, sql, (name, str(purpose), since))]


def _granted(tx: Connection, experiment: str, used: Sequence[Template], approval: str | None) -> bool:
    """Say whether a second account has said yes to everything that this experiment sends, in the words that it has now."""
    asked = None if approval is None else approving.of(tx, approval)
    if asked is None or not asked.granted or asked.said.get("campaign") != experiment:
        return False
    read = asked.said.get("templates", {})
    return all(read.get(one.key) == one.version for one in used)
