"""How many identifiers of each kind a person has, as facts that other rooms may read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection

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
_KINDS = {RANKS[name]: fact for name, fact in FACTS.items()}
_COUNT = "select person, namespace, count(*) from subject where namespace in ({}) and person < {} {{}} group by person, namespace".format(
    ", ".join(map(str, _KINDS)), VISITORS_FROM
)


def facts(tx: Connection, numbers: Ints | None) -> Iterator[tuple[int, str, str]]:
    """Yield (person number, fact, value) of these persons, None: of everybody; visitors have none."""
    if numbers is None:
        for part in bulk.stream(tx, _COUNT.format("")):
            for person, namespace, many in part:
                yield person, _KINDS[namespace], str(many)
        return
    persons = np.unique(numbers[numbers < VISITORS_FROM]).tolist()
    for person, namespace, many in bulk.among(tx, _COUNT.format("and person in {values}"), persons):
        yield person, _KINDS[namespace], str(many)
