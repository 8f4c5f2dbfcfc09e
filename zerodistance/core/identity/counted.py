"""How many identifiers of each kind a person has, as facts that other rooms may read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from sqlalchemy import Connection

from zerodistance.core.identity import published
from zerodistance.core.identity.contracts import VISITORS_FROM
from zerodistance.core.identity.rules import RANKS
from zerodistance.kernel import bulk

Ints = npt.NDArray[np.int64]
FACTS: Final = {
    "phone": "phones",
    "email": "emails",
    "device_id": "devices",
    "anonymous_id": "cookies",
    "record": "records",
}
"""Namespace -> the fact that says how many of it a person has; nobody has none."""
_COUNT = (
    "select person, namespace, count(*) from subject where namespace in ({}) and person < {} {{}} group by person, namespace"
).format(", ".join(str(RANKS[name]) for name in FACTS), VISITORS_FROM)


def facts(tx: Connection, numbers: Ints | None) -> Iterator[pa.Table]:
    """Yield a table for each fact, of these persons, None: of everybody; visitors have none."""
    if numbers is None:
        person, namespace, many = bulk.columns(tx, _COUNT.format(""), 3)
    else:
        persons = np.unique(numbers[numbers < VISITORS_FROM]).tolist()
        rows = list(bulk.among(tx, _COUNT.format("and person in {values}"), persons))
        person, namespace, many = np.array(rows, np.int64).reshape(-1, 3).T
    for name, fact in FACTS.items():
        mine = namespace == RANKS[name]
        yield published.column(fact, person[mine], many[mine])
