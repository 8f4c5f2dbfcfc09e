"""A town for campaigns: persons with addresses, a tag index, segments, message templates, consents; who bought is said outright."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
from pyroaring import BitMap

from tests.core.outreach import people
from zerodistance.apps.marketing.campaigns import handing
from zerodistance.core.brand import api as brand
from zerodistance.core.brand.contracts import Change
from zerodistance.core.outreach import catalogue
from zerodistance.core.segments import api as segments
from zerodistance.core.segments import audiences
from zerodistance.core.segments.contracts import Has, Rule
from zerodistance.core.touchpoints.contracts import TOUCHES
from zerodistance.kernel import clock
from zerodistance.kernel.access import Role, Who
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text

NOW = datetime(2026, 11, 2, 2, tzinfo=UTC)  # a Monday morning in Shanghai
ADMIN, ANALYST, OTHER = (
    Who(1, "admin", Role.ADMIN),
    Who(2, "analyst", Role.ANALYST),
    Who(3, "other", Role.ANALYST),
)
EMAIL = {
    "name": {"zh": "焕新", "en": "Renewal"},
    "channel": "email",
    "bodies": {
        "zh": {"subject": "焕新", "text": "看看新的"},
        "en": {"subject": "Renewal", "text": "Have a look"},
    },
}
SMS = {
    "name": {"zh": "焕新短信", "en": "Renewal by text"},
    "channel": "sms",
    "bodies": {"zh": {"text": "看看新的"}, "en": {"text": "Have a look"}},
}
PLAIN: dict[str, Any] = {
    "name": {"zh": "焕新", "en": "Renewal"},
    "audience": {"segment": "old"},
    "goal": {"kind": "order.line", "window_days": 14},
    "share_held": 0.2,
    "steps": [
        {"message": {"templates": ["mail"]}},
        {"wait": {"days": 3}},
        {"message": {"templates": ["again"]}},
    ],
}


def days(many: float) -> Any:
    """Stop the clock so many days after `NOW`."""
    return clock.freeze(NOW + timedelta(days=many))


class Town:
    """Persons 1 to `many`, each with an e-mail address, whose subject is the person's number; the tag index says who is where."""

    def __init__(self, home: Home, many: int = 400) -> None:
        self.home, self.many, self.batch = home, many, 0
        people.settle(home, {n: [("email", f"p{n}@example.com")] for n in range(1, many + 1)})
        self.index({"demo.gender": {"female": range(1, many + 1, 2)}, "geo.country": {"HK": range(1, 41)}})

    def index(self, nodes: dict[str, dict[str, Iterable[int]]]) -> None:
        """Publish a tag index."""
        made = {d: {n: list(who) for n, who in some.items()} for d, some in nodes.items()}
        people.index_of(self.home, range(1, self.many + 1), made)

    def segment(self, key: str = "old", rule: Rule = Has("demo.gender", node="female")) -> None:
        """Save a segment."""
        segments.create(self.home, ANALYST, key, Text(key, key), rule)

    def approve(self, key: str = "old") -> None:
        """Approve a segment as an audience."""
        audiences.approve(self.home, ADMIN, key, 1)

    def templates(self, **more: dict[str, Any]) -> None:
        """Save message templates."""
        for key, said in ({"mail": EMAIL, "again": EMAIL, "text": SMS} | more).items():
            catalogue.save(self.home, ADMIN, key, said)

    def places(self) -> None:
        """Add a city of two communities, which `north` and `south` answer for."""
        for kind, rows in (
            ("units", [({"key": k}, {"name_zh": k, "name_en": k, "parent": None}) for k in ("north", "south")]),
            ("places", [({"code": f"C{n}"}, _place(f"C{n}", f"37020{n}")) for n in (1, 2)]),
            ("territories", [({"unit": "north", "place": "C1"}, {}), ({"unit": "south", "place": "C2"}, {})]),
        ):  # fmt: skip
            changes = [Change(tuple(key.values()), values, None, None, 0) for key, values in rows]
            assert not brand.upsert(self.home, ADMIN, kind, changes).bad

    def did(self, kind: str, persons: Iterable[int], at: datetime, **more: Any) -> None:
        """Let persons have done something."""
        self.batch += 1
        rows = []
        for n, person in enumerate(persons):
            times = dict.fromkeys(("happened_at", "original_at", "received_at", "known_at"), at)
            own = {
                "batch": self.batch,
                "row": n,
                "source": 1,
                "source_id": f"{self.batch}-{n}",
                "month": f"{at:%Y-%m}",
            }
            rows.append(dict.fromkeys(TOUCHES.names) | times | own | {"subject": person, "kind": kind} | more)
        table = pa.Table.from_pylist(rows, schema=TOUCHES)
        self.home.lake.append("touches", table, app="touches", version=self.batch, partition_by="month")


def _place(code: str, area: str) -> dict[str, Any]:
    return {
        "name_zh": code, "name_en": code, "kind": "community", "address": None, "lat": None, "lon": None, "grade": None,
        "area": area,
    }  # fmt: skip


class Outreach:
    """Stands for outreach: keeps each send once by its key, as the real one does."""

    def __init__(self, monkeypatch: Any) -> None:
        self.sends: dict[str, tuple[str, BitMap, int | None]] = {}
        monkeypatch.setattr(handing, "send", self.send)
        monkeypatch.setattr(
            handing, "queued", lambda home, numbers: {"email": sum(len(self.of(n)) for n in numbers)}
        )
        monkeypatch.setattr(handing, "stop", lambda home, numbers, why: len(numbers))
        monkeypatch.setattr(handing, "states", lambda home, number: {"queued": len(self.of(number))})

    def send(self, home: Home, who: Who, assignment: Any, templates: Sequence[str], **more: Any) -> int:
        """Keep a send."""
        self.sends.setdefault(more["send_key"], (templates[0], BitMap(more["only"]), more["not_before"]))
        return list(self.sends).index(more["send_key"]) + 1

    def of(self, number: int) -> BitMap:
        """Return whom a send goes to."""
        return list(self.sends.values())[number - 1][1]

    @property
    def whom(self) -> list[tuple[str, list[int]]]:
        """Template and persons of each send, in order."""
        return [(template, list(some)) for template, some, _ in self.sends.values()]


def ascending(some: Sequence[int] | BitMap) -> np.ndarray[Any, Any]:
    """Return persons as an array."""
    return np.array(sorted(some), np.int64)
