"""Which record a touch means by the name it gives, in columns. Pure."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from zerodistance.core.identity import rules
from zerodistance.core.identity.cache import RESERVED, Cache
from zerodistance.core.identity.linking import Signs
from zerodistance.core.identity.saying import Names

Ints = npt.NDArray[np.int64]


def meant(signs: Signs, names: Names, touches: int, cache: Cache) -> tuple[Ints, Ints, Ints, Ints]:
    """Return the records that named touches have, and for which touches one has to be made.

    Returns
    -------
    record
        Per touch, the slot of its own record where it gives a name, else 0.
    row, mark, beside
        Touches that give a name and have no record, the mark of the name, the sign with the strongest contact data beside it, where there is none that of
        the account. Who logs in or says who they are speaks of themselves, so theirs are not among them; in a line of a file somebody else may be meant.
    """
    record = np.zeros(touches, dtype=np.int64)
    row, mark = names
    if not len(row):
        return record, row, mark, row
    good = signs.slot >= RESERVED
    rank = np.where(good, cache.rank[signs.slot], len(rules.NAMESPACES))
    own = np.flatnonzero(rank == rules.RECORD)[::-1]
    given, beside = np.zeros(touches, dtype=np.int64), np.full(touches, -1, dtype=np.int64)
    given[signs.row[own]] = signs.slot[own]
    contact = np.flatnonzero(good & rules.IS_CONTACT[np.minimum(rank, len(rules.NAMESPACES) - 1)])[::-1]
    contact = contact[np.argsort(-rank[contact], kind="stable")]
    beside[signs.row[contact]] = contact
    is_account = rank < rules.RECORD
    account = np.flatnonzero(is_account & (beside[signs.row] < 0))[::-1]
    account = account[np.argsort(-rank[account], kind="stable")]
    beside[signs.row[account]] = account
    beside[signs.row[is_account & (signs.rule != rule_code(signs.rules, "row"))]] = -1
    record[row] = given[row]
    made = (given[row] == 0) & (beside[row] >= 0)
    row, mark = row[made], mark[made]
    return record, row, mark, beside[row]


def rule_code(names: list[str], rule: str) -> int:
    """Return the place of a rule among those of a batch, which gets it if it has not."""
    if rule not in names:
        names.append(rule)
    return names.index(rule)
