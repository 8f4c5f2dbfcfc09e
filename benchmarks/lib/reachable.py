"""A made home of persons who have an e-mail address in the vault and agreed to be written to, as the program's own tables hold them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from pyroaring import BitMap

from zerodistance.core.identity import rules
from zerodistance.core.identity import store as identity
from zerodistance.core.measurement import api as measurement
from zerodistance.core.measurement.contracts import Assignment, Goal
from zerodistance.core.outreach import catalogue
from zerodistance.core.outreach.policy import Policy
from zerodistance.core.profiles import publishing
from zerodistance.core.profiles.index import Index
from zerodistance.core.profiles.parts import Part
from zerodistance.core.profiles.splits import Split
from zerodistance.kernel import bulk, clock
from zerodistance.kernel.access import Who
from zerodistance.kernel.bulk import Bulk
from zerodistance.kernel.home import Home, create_home
from zerodistance.kernel.settings import load
from zerodistance.kernel.text import Text

SYSTEM = Who.system("benchmark")
LONG_AGO = 1_600_000_000_000_000
ADDRESS = "person{n}@example.cn"
TEMPLATE = {
    "name": {"zh": "秋季以旧换新", "en": "Autumn renewal"},
    "channel": "email",
    "purpose": "marketing",
    "bodies": {
        "zh": {"subject": "{name}，新的洗衣机到了", "text": "{name}，您好：\n\n旧洗衣机以旧换新，最高补贴 {sum} 元。\n\nhttps://example.com/washers"},
        "en": {"subject": "{name}, a new washer", "text": "Dear {name},\n\nyour old washer for up to {sum} off.\n\nhttps://example.com/washers"},
    },
    "variables": [
        {"key": "name", "of": "vault.name", "default": {"zh": "顾客", "en": "customer"}},
        {"key": "sum", "of": "given", "default": {"zh": "800", "en": "800"}, "longest": 10},
    ],
}  # fmt: skip
_STEP = 50_000
_SUBJECT = Bulk(
    "insert into subject (number, namespace, token, person, person_from, first_at, live_at, seen_at, shared, batch) {rows}",
    number="bigint", namespace="bigint", token="bytea", person="bigint", person_from="bigint", first_at="bigint",
    live_at="bigint", seen_at="bigint", shared="bigint", batch="bigint",
)  # fmt: skip
_VAULT = Bulk(
    "insert into identity_vault (subject, field, origin, at, value) {rows}",
    subject="bigint", field="text", origin="bigint", at="bigint", value="bytea",
)  # fmt: skip
_CONSENT = Bulk(
    "insert into outreach_consent_now (purpose, channel, subject, state, said_at) {rows}",
    purpose="text", channel="text", subject="bigint", state="text", said_at="bigint",
)  # fmt: skip
_WORD = Bulk(
    "insert into outreach_consent (subject, purpose, channel, state, said_at, place, text_version, source, proof, origin, noted_at) "
    "select {subject}, {purpose}, {channel}, {state}, {said_at}, '', '1', 'import', '', 0, {said_at} {from}",
    subject="bigint", purpose="text", channel="text", state="text", said_at="bigint",
)  # fmt: skip


def make(root: Path, people: int, address: str = ADDRESS, **settings: Any) -> Home:
    """Make a home of `people` persons, the person n with the subject n, an e-mail address and a name."""
    home = create_home(load(home=root, **settings))
    home.state.upgrade(home.seal.name)
    settle(home, people, address)
    set_policy(home, replace(Policy(), quiet=(), minor_age=0, new_days=0))
    catalogue.save(home, SYSTEM, "autumn", TEMPLATE)
    return home


def settle(home: Home, people: int, address: str = ADDRESS) -> None:
    """Let persons live in a home, and publish a tag index that knows them."""
    rank = rules.RANKS["email"]
    for some in _steps(people):
        subjects, vault, consents = [], [], []
        for n in some:
            value = address.format(n=n)
            token = home.seal.token("email", value)
            subjects.append((n, rank, token, n, 0, LONG_AGO, LONG_AGO, LONG_AGO, 0, 1))
            for field, said in (("email", value), ("name", f"Anna Person{n}")):
                sealed = home.seal.seal(said.encode(), identity.where_vault(n, field))
                vault.append((n, field, 0, LONG_AGO, sealed))
            consents.append(("marketing", "email", n, "given", LONG_AGO))
        with home.state.write() as tx:
            _SUBJECT.run(tx, subjects)
            _VAULT.run(tx, vault)
            _CONSENT.run(tx, consents)
            _WORD.run(tx, [(n, purpose, channel, state, at) for purpose, channel, n, state, at in consents])
    with home.state.write() as tx:
        identity.set_numbers(tx, {"subject": people, "person": people})
    everybody = Split.of_sorted(np.arange(1, people + 1, dtype=np.uint32))
    day = clock.now().date().toordinal() - 719_163
    numbers = np.arange(1, people + 1)
    part = Part(
        1, day, 3, "m", clock.micros(), None, everybody, {}, pairs=(numbers, numbers.astype(np.uint32))
    )
    publishing.publish(home.path("index"), Index(), part)


def _steps(many: int) -> Iterator[range]:
    for start in range(1, many + 1, _STEP):
        yield range(start, min(start + _STEP, many + 1))


def set_policy(home: Home, said: Policy) -> None:
    """Let limits be in force."""
    known = replace(said, sender_zh="示例家电", sender_en="Example Appliances")
    with home.state.write() as tx:
        version = int(bulk.value(tx, "select max(version) from outreach_policy") or 0) + 1
        bulk.run(
            tx,
            "insert into outreach_policy values (?, ?, 'benchmark', 1)",
            (version, json.dumps(known.as_dict())),
        )


def assigned(home: Home, key: str, persons: BitMap, share: float = 0.1) -> Assignment:
    """Assign persons to an experiment of that key."""
    goal = Goal("order.line", 28)
    if key not in {one.key for one in measurement.experiments(home, SYSTEM)}:
        measurement.create(home, SYSTEM, key, Text(key, key), goal, share_held=share)
    return measurement.assign(home, SYSTEM, key, persons)
