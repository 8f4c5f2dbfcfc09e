"""People with addresses, put into a home without touches: what limits and consent look at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa

from zerodistance.core.identity import rules
from zerodistance.core.outreach import consent
from zerodistance.core.outreach.consent import Word
from zerodistance.core.outreach.limits import ROWS
from zerodistance.core.profiles import publishing
from zerodistance.core.profiles.index import Index
from zerodistance.core.profiles.parts import Part
from zerodistance.core.profiles.splits import Split
from zerodistance.kernel import bulk, clock
from zerodistance.kernel.home import Home

LONG_AGO = 1_600_000_000_000_000


def settle(home: Home, people: Mapping[int, Sequence[tuple[str, str]]], at: int = LONG_AGO) -> dict[str, int]:
    """Let persons have identifiers (namespace, clean value), first seen at a moment; return value -> subject, numbered from 1 on."""
    found: dict[str, int] = {}
    sql = (
        "insert into subject (number, namespace, token, person, person_from, first_at, live_at, seen_at, shared, batch) "
        "values (?, ?, ?, ?, 0, ?, ?, ?, 0, 1)"
    )
    with home.state.write() as tx:
        last = int(bulk.value(tx, "select max(number) from subject") or 0)
        for person, identifiers in people.items():
            for namespace, value in identifiers:
                last += 1
                token = home.seal.token(namespace, value)
                bulk.run(tx, sql, (last, rules.RANKS[namespace], token, person, at, at, at + last))
                found[value] = last
    return found


def say(
    home: Home,
    subject: int,
    purpose: str = "marketing",
    channel: str = "email",
    *,
    given: bool = True,
    at: int = LONG_AGO,
) -> None:
    """Let consent be given or withdrawn."""
    with home.state.write() as tx:
        consent.keep(tx, [Word(subject, purpose, channel, given, at)], clock.micros())


def index_of(home: Home, persons: Sequence[int], nodes: Mapping[str, Mapping[str, Sequence[int]]]) -> None:
    """Publish a tag index in which persons are at nodes."""
    made = {
        dimension: {node: Split.of_sorted(np.array(sorted(who), np.uint32)) for node, who in some.items()}
        for dimension, some in nodes.items()
    }
    everybody = Split.of_sorted(np.array(sorted(persons), np.uint32))
    publishing.publish(home.path("index"), Index(), Part(1, 20_000, 3, "m", 4, None, everybody, made))


def messages(
    *rows: tuple[str, int], channel: str = "email", purpose: str = "marketing", unit: int | None = None
) -> pa.Table:
    """Return what `limits.book` is asked, of (message id, subject)."""
    return pa.Table.from_pylist(
        [
            {"message_id": m, "subject": s, "channel": channel, "purpose": purpose, "unit": unit}
            for m, s in rows
        ],
        schema=ROWS,
    )
