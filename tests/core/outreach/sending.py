"""A home from which something can be sent: persons with addresses, consent, a template, an experiment; and a channel that keeps what it is given."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from pyroaring import BitMap

from tests.core.outreach.people import index_of, settle
from zerodistance.core.identity import store as identity
from zerodistance.core.measurement import api as measurement
from zerodistance.core.measurement.contracts import Assignment, Goal
from zerodistance.core.outreach import catalogue, consent, limits
from zerodistance.core.outreach.consent import Word
from zerodistance.core.outreach.contracts import Handed, Outcome, Outgoing
from zerodistance.core.outreach.policy import Policy
from zerodistance.kernel import bulk, clock
from zerodistance.kernel.access import Who
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text

NOON = clock.to_micros(datetime(2026, 11, 27, 4, 0, tzinfo=UTC))  # in Shanghai
SYSTEM = Who.system("test")
LONG_AGO = 1_600_000_000_000_000
TEMPLATE = {
    "name": {"zh": "秋季", "en": "Autumn"},
    "channel": "email",
    "purpose": "marketing",
    "bodies": {
        "zh": {"subject": "{name}，您好", "text": "{what} https://example.com/washers"},
        "en": {"subject": "Dear {name}", "text": "{what} https://example.com/washers"},
    },
    "variables": [
        {"key": "name", "of": "vault.name", "default": {"zh": "顾客", "en": "customer"}},
        {"key": "what", "of": "given", "default": {"zh": "看看", "en": "look"}, "longest": 40},
    ],
}


class Box:
    """A channel that keeps what it is given and answers as it is told to."""

    name, rate = "email", 0.0

    def __init__(self, answer: Callable[[Outgoing], Handed] | None = None) -> None:
        self.kept: list[Outgoing] = []
        self._answer = answer or (lambda one: Handed(one.message_id, Outcome.ACCEPTED, "250"))

    def hand(self, batch: Sequence[Outgoing]) -> Sequence[Handed]:
        self.kept += batch
        return [self._answer(one) for one in batch]

    def check(self) -> Sequence[Text]:
        return []

    def close(self) -> None:
        pass


def set_policy(home: Home, said: Policy) -> None:
    limits._looks.clear()
    with home.state.write() as tx:
        bulk.run(tx, "delete from outreach_policy")
        bulk.run(tx, "insert into outreach_policy values (1, ?, 'test', 1)", (json.dumps(said.as_dict()),))


def people(home: Home, many: int, *, agreed: bool = True, first: int = 1) -> dict[int, int]:
    """Let persons have an e-mail address that stands in the vault, and agree to be written to; return person -> subject."""
    persons = range(first, first + many)
    found = settle(home, {n: [("email", f"p{n}@example.cn")] for n in persons})
    mine = {n: found[f"p{n}@example.cn"] for n in persons}
    rows = []
    for n, subject in mine.items():
        for field, value in (("email", f"p{n}@example.cn"), ("name", f"Anna P{n}")):
            where = identity.where_vault(subject, field)
            rows.append((subject, field, 0, 1, home.seal.seal(value.encode(), where)))
    with home.state.write() as tx:
        for row in rows:
            bulk.run(
                tx,
                "insert into identity_vault (subject, field, origin, at, value) values (?, ?, ?, ?, ?)",
                row,
            )
        if agreed:
            words = [Word(s, "marketing", "email", True, LONG_AGO) for s in mine.values()]
            consent.keep(tx, words, LONG_AGO)
    return mine


def ready(home: Home, many: int = 60, policy: Policy | None = None) -> dict[int, int]:
    """Make a home from which something can be sent to so many persons."""
    found = people(home, many)
    index_of(home, list(found), {})
    set_policy(home, replace(policy or Policy(), sender_zh="示例家电", sender_en="Example", minor_age=0))
    catalogue.save(home, SYSTEM, "autumn", TEMPLATE)
    return found


def assigned(
    home: Home, persons: Sequence[int], key: str = "autumn", *, share: float = 0.0, purpose: str = "marketing"
) -> Assignment:
    """Assign persons to an experiment, made if there is none; of service nobody is held out."""
    goal = Goal("order.line", 28)
    if key not in {one.key for one in measurement.experiments(home, SYSTEM)}:
        held = None if purpose == "service" else max(share, 0.01)
        measurement.create(home, SYSTEM, key, Text("秋季", "Autumn"), goal, share_held=held, purpose=purpose)
    if purpose == "service":
        return measurement.without_holdout(home, SYSTEM, key, BitMap(persons), "a recall")
    return measurement.assign(home, SYSTEM, key, BitMap(persons))
