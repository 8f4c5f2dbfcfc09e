"""Who may be written to now: asked once more by the sender right before it hands a message over, and booked in the same transaction.

There is one budget across all apps: whatever is sent is booked by the address that it goes to, and counted over all addresses of the person of today, so
that a merge never gives anybody more messages.
"""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyroaring import BitMap
from sqlalchemy import Connection

from zerodistance.core.brand import api as brand
from zerodistance.core.identity import api as identity
from zerodistance.core.outreach import consent, quiet, suppression
from zerodistance.core.outreach.contracts import Purpose
from zerodistance.core.outreach.policy import EACH, Policy, counts_for, of_dict
from zerodistance.core.outreach.zones import Clocks
from zerodistance.core.profiles import api as profiles
from zerodistance.core.segments.behaviour import whole_map
from zerodistance.kernel import bulk, clock
from zerodistance.kernel.access import Who
from zerodistance.kernel.bulk import Bulk
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text

Ints = npt.NDArray[np.int64]
ROWS = pa.schema(
    [
        ("message_id", pa.string()),
        ("subject", pa.int64()),  # the address
        ("channel", pa.string()),
        ("purpose", pa.string()),
        ("unit", pa.int64()),  # number of the unit that sends; null: none
    ]
)
"""What `book` is asked: one row per message."""
REASONS: Mapping[str, Text] = {
    "no_consent": Text("没有同意，或已撤回", "consent was not given, or withdrawn"),
    "suppressed": Text("在禁发名单上", "the address is suppressed"),
    "gone": Text("地址已不属于任何人", "the address is nobody's any more"),
    "shared": Text("太多人共用的地址", "too many people share the address"),
    "minor": Text("可能未成年", "may be a minor"),
    "cool_down": Text("投诉后的冷静期", "complained not long ago"),
    "open_case": Text("有未了的服务请求：先修好再谈别的", "waits for service: mend before you sell"),
    "new": Text("地址刚认识不久", "the address is not known for long enough"),
    "cap": Text("达到频次上限", "a cap is reached"),
    "quiet": Text("免打扰时段", "quiet hours"),
}
"""Why a message is held back."""
_YEAR = "demo.birth_decade"
_SYSTEM = Who.system("limits")
_SECONDS = 10.0  # own value: who waits for service is worked out anew that often at most
_LONGEST = 30  # days that a cap may count
_BOOK = Bulk(
    "insert into outreach_contact (message, subject, channel, purpose, unit, day, booked_at) {rows}",
    message="text", subject="bigint", channel="text", purpose="text", unit="bigint", day="bigint", booked_at="bigint",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is said of one message.

    Attributes
    ----------
    may
        It was booked and is to be handed over now.
    reason
        Why not, a key of `REASONS`.
    due_at
        When it may be asked again, microseconds UTC; None: it is held for good.
    """

    message_id: str
    may: bool
    reason: str = ""
    due_at: int | None = None


@dataclass(frozen=True)
class Look:
    """What the tag index says of who is not to be sold to, and of where people live; some seconds old at most."""

    policy: Policy
    index: profiles.Index
    blocked: Mapping[str, BitMap]
    clocks: Clocks
    units: Mapping[str, int]
    at: int


def in_force(tx: Connection) -> tuple[int, Policy]:
    """Return the limits that hold and their version; 0: as they ship."""
    rows = bulk.rows(tx, "select version, said from outreach_policy order by version desc limit 1")
    return (rows[0][0], of_dict(json.loads(rows[0][1]))) if rows else (0, Policy())


_looks: dict[str, tuple[tuple[object, ...], Look]] = {}
_lock = threading.Lock()


def look(home: Home) -> Look:
    """Return what has to be read of the tag index before messages are booked; to be called before the transaction, so that nobody waits for it."""
    with home.state.read() as tx:
        version, policy = in_force(tx)
    key, now = str(home.root), clock.micros()
    with _lock:
        kept = _looks.get(key)
        if (
            kept is not None
            and kept[0] == (version,)
            and abs(now - kept[1].at) < _SECONDS * clock.MICROS_PER_SECOND
        ):
            return kept[1]
    index = profiles.current(home)
    before = None if kept is None or kept[0] != (version,) else kept[1]
    units = {one.key: one.number for one in brand.units(home, _SYSTEM)}
    blocked = _blocked(home, policy, index, now, before)
    found = Look(policy, index, blocked, Clocks(home, index, policy.zones), units, now)
    with _lock:
        _looks[key] = ((version,), found)
    return found


def not_now(home: Home, purpose: str) -> Mapping[str, BitMap]:
    """Return reason -> the persons who hear of nothing but service now: `minor`, `cool_down`, `open_case`. Service passes."""
    return {} if purpose == Purpose.SERVICE else look(home).blocked


def _blocked(
    home: Home, policy: Policy, index: profiles.Index, now: int, before: Look | None
) -> dict[str, BitMap]:
    found: dict[str, BitMap] = {}
    same = before is not None and (before.index.stamp, before.index.day) == (index.stamp, index.day)
    if before is not None and same:  # what the index says is as it was
        found = {reason: who for reason, who in before.blocked.items() if reason != "cool_down"}
    else:
        if policy.minor_age:
            year = clock.from_micros(now).astimezone(home.settings.tz).year
            born = index.between(profiles.dimension(None, _YEAR), year - policy.minor_age, 9_999)
            found["minor"] = born.persons
        if policy.open_case:
            found["open_case"] = _waiting(home, policy, index)
    since = now - policy.cool_down_days * clock.MICROS_PER_DAY
    with home.state.read() as tx:
        complained = identity.person_of(tx, suppression.complained(tx, since))
    return {**found, "cool_down": BitMap(complained[complained > 0].astype(np.uint32))}


def _waiting(home: Home, policy: Policy, index: profiles.Index) -> BitMap:
    """Return who asked for service and was not served since."""
    text = files(__package__).joinpath("sql/open_case.sql").read_text(encoding="utf-8")
    values = {"since": index.day - policy.case_days + 1, "batch": index.batch}
    with home.engine.connect() as connection:
        profiles.states_view(connection, home, index)
        connection.register("person_map", whole_map(index))
        numbers = connection.execute(text, values).fetchnumpy()["number"]
    return BitMap(np.asarray(numbers).astype(np.uint32)) & index.universe.persons


def book(tx: Connection, home: Home, rows: pa.Table, now: int, seen: Look | None = None) -> list[Verdict]:
    """Say of each message whether it may be handed over now, and book those that may, in the transaction of the sender.

    Everything is asked once more: consent, suppression, whose the address is today, caps and quiet hours. Whoever asks again for a message that was booked
    gets the same answer without a second contact, as long as consent and hours allow it.

    Parameters
    ----------
    rows
        A table of `ROWS`, in the order in which they count.
    now
        Microseconds UTC.
    seen
        What `look` gave before the transaction; None: it is asked now.
    """
    if not len(rows):
        return []
    seen = look(home) if seen is None else seen
    said = rows.to_pydict()
    subjects = np.array(said["subject"], np.int64)
    persons = identity.person_of(tx, subjects)
    refused = _refused(tx, home, said, subjects, persons, seen, now)
    ledger = Ledger(tx, home, persons, now, seen)
    where = seen.clocks.of(persons)
    verdicts, booked = [], []
    for n, (message, channel, purpose, unit) in enumerate(
        zip(said["message_id"], said["channel"], said["purpose"], said["unit"], strict=True)
    ):
        reason, due = refused[n], now
        if not reason:
            then = quiet.due(seen.policy, purpose, channel, where[n], now)
            if then is None or then > now:  # caps are those of the day on which it goes
                verdicts.append(Verdict(message, False, "quiet", then))
                continue
            again = ledger.has(message)
            if not again and ledger.over(int(persons[n]), purpose, channel, unit or 0):
                reason = "cap"
            elif not again:
                ledger.add(int(persons[n]), purpose, channel, unit or 0, message)
                booked.append((message, int(subjects[n]), channel, purpose, unit or 0, ledger.today, due))
        verdicts.append(Verdict(message, not reason, reason))
    _BOOK.run(tx, booked)
    return verdicts


def unbook(tx: Connection, messages: Sequence[str]) -> int:
    """Take back what was booked for messages that certainly reached nobody; return how many were booked."""
    return bulk.run_among(tx, "delete from outreach_contact where message in {values}", list(messages))


def expire(home: Home) -> int:
    """Let contacts go that no cap can count any more; return how many."""
    before = day_of(home, clock.micros()) - 2 * _LONGEST
    with home.state.write() as tx:
        return bulk.run(tx, "delete from outreach_contact where day < ?", (before,))


def _refused(
    tx: Connection,
    home: Home,
    said: Mapping[str, list[str]],
    subjects: Ints,
    persons: Ints,
    seen: Look,
    now: int,
) -> list[str]:
    """Return why each message is held for good, empty where it is not, but for caps and hours."""
    out = ["" if person > 0 else "gone" for person in persons.tolist()]
    # who these were when the index of `seen` was made
    were = identity.were_since(tx, seen.index.people, persons[persons > 0].tolist())
    kinds = sorted(set(zip(said["purpose"], said["channel"], strict=True)))
    for purpose, channel in kinds:
        mine = [
            n
            for n, one in enumerate(zip(said["purpose"], said["channel"], strict=True))
            if one == (purpose, channel)
        ]
        theirs = subjects[mine]
        allowed = consent.allowed(tx, theirs, purpose, channel)
        suppressed = suppression.why(tx, home, theirs.tolist(), purpose)
        first, shared = identity.known_since(tx, theirs.tolist())
        for n, may in zip(mine, allowed.tolist(), strict=True):
            subject = int(subjects[n])
            if out[n]:
                continue
            if not may:
                out[n] = "no_consent"
            elif subject in suppressed:
                out[n] = "suppressed"
            elif subject in shared:
                out[n] = "shared"
            elif purpose != Purpose.SERVICE:
                person = int(persons[n])
                out[n] = _not_sold({person, *were.get(person, ())}, first.get(subject, now), seen, now)
    return out


def _not_sold(persons: set[int], first_at: int, seen: Look, now: int) -> str:
    for reason, who in seen.blocked.items():
        if any(person in who for person in persons):
            return reason
    return "new" if first_at > now - seen.policy.new_days * clock.MICROS_PER_DAY else ""


class Ledger:
    """What some persons were sent within the days that caps count, by whatever address of theirs."""

    def __init__(self, tx: Connection, home: Home, persons: Ints, now: int, seen: Look) -> None:
        self._policy, self._units = seen.policy, seen.units
        self.today = day_of(home, now)
        subjects, theirs = identity.subjects_of_all(tx, persons[persons > 0])
        whose = dict(zip(subjects.tolist(), theirs.tolist(), strict=True))
        sql = "select subject, purpose, channel, unit, day, message from outreach_contact where subject in {values}"
        self._held: set[str] = set()
        self._sent: dict[int, Counter[tuple[str, str, int, int]]] = {}
        for subject, purpose, channel, unit, day, message in bulk.among(tx, sql, list(whose)):
            if day > self.today - _LONGEST:
                self._count(whose[subject], purpose, channel, unit, day)
                self._held.add(message)

    def _count(self, person: int, purpose: str, channel: str, unit: int, day: int) -> None:
        self._sent.setdefault(person, Counter())[purpose, channel, unit, day] += 1

    def has(self, message: str) -> bool:
        """Say whether a message was booked before."""
        return message in self._held

    def add(self, person: int, purpose: str, channel: str, unit: int, message: str) -> None:
        """Count one more."""
        self._count(person, purpose, channel, unit, self.today)
        self._held.add(message)

    def over(self, person: int, purpose: str, channel: str, unit: int) -> bool:
        """Say whether one more would be over a cap."""
        sent = self._sent.get(person)
        keys = {number: key for key, number in self._units.items()}
        for cap in self._policy.caps:
            if not counts_for(cap, purpose, channel, keys.get(unit, "")):
                continue
            if cap.unit == EACH and not unit:
                continue
            many = (
                0
                if sent is None
                else sum(
                    times
                    for (of, by, whose, day), times in sent.items()
                    if day > self.today - cap.days
                    and counts_for(cap, of, by, keys.get(whose, ""))
                    and (cap.unit != EACH or whose == unit)
                )
            )
            if many >= cap.most:
                return True
        return False


def day_of(home: Home, at: int) -> int:
    """Return the day of the brand's zone that a moment lies in, days since 1970-01-01."""
    return clock.from_micros(at).astimezone(home.settings.tz).date().toordinal() - 719_163
