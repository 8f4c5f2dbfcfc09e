"""Worlds that tests of undoing compare: the same key and sources, what comes in live and by file, and all that they then hold."""

from __future__ import annotations

import json
import shutil
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Table, select

import zerodistance.compose as compose
from zerodistance.core.identity import api as identity
from zerodistance.core.identity import cleaning, mentions, rules, saying
from zerodistance.core.identity import store as people
from zerodistance.core.identity.turns.store import identity_turn
from zerodistance.core.profiles import api as profiles
from zerodistance.core.segments import api as segments
from zerodistance.core.touchpoints import api, journal, kept, ledger, sources, store, tail
from zerodistance.doors.worker import Work
from zerodistance.kernel import bus, clock
from zerodistance.kernel import home as homes
from zerodistance.kernel.access import Who
from zerodistance.kernel.home import Home
from zerodistance.kernel.settings import load
from zerodistance.kernel.state import metadata
from zerodistance.kernel.text import Text

WHO = Who.system("test")
START = datetime(2026, 11, 1, 8, 0, tzinfo=UTC)
NOW = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
MAPPING = """
kind = "service.called"
source = "calls"
source_id = "ticket"
body = ["note"]
identifiers = { member_id = "member", phone = "phone", anonymous_id = "cookie" }
times = { happened_at = "at", zone = "UTC", lag = "1 day" }
columns = { product = "product", amount = "amount" }
facts = { city = "city", gender = "gender", name = "caller" }
types = { amount = "number" }
"""
COLUMNS = (
    "ticket",
    "at",
    "member",
    "phone",
    "cookie",
    "product",
    "amount",
    "city",
    "gender",
    "caller",
    "note",
)
WRITTEN = ("王伟", "王小明", "female", "Qingdao")  # whatever a law may draw for a name
NAMES = {
    **{f"m{i}": ("member_id", f"M{i:05d}") for i in range(1, 13)},
    **{f"u{i}": ("user_id", f"user-{i}") for i in range(1, 5)},
    **{f"p{i}": ("phone", f"1391234560{i}") for i in range(1, 5)},
    **{f"c{i}": ("anonymous_id", f"cookie-{i}") for i in range(1, 7)},
    **{f"e{i}": ("email", f"mail{i}@example.cn") for i in range(1, 3)},
}
"""Short name -> identifier."""
_WIRE = {"user_id": "userId", "anonymous_id": "anonymousId"}
RULES = ('Has("usage.calls_1y", at_least=1)', 'Has("demo.gender", node="female")')


@dataclass(frozen=True)
class Said:
    """One touch: identifiers by short name, minutes after `START`, what else is on it."""

    ids: Sequence[str]
    at: int = 0
    facts: Mapping[str, str] = field(default_factory=dict)
    bad: bool = False
    id: str = ""


@dataclass(frozen=True)
class Live:
    """Some touches in one request of a client."""

    touches: Sequence[Said]


@dataclass(frozen=True)
class File:
    """A file of touches."""

    name: str
    touches: Sequence[Said]
    mend: bool = False  # the refused rows are mended and replayed afterwards
    source: str = "calls"


Step = Live | File


def template(folder: Path) -> Path:
    """Make an empty home with two sources; worlds are copies of it."""
    home = homes.create_home(load(home=folder / "home"))
    sources.create_source(home, WHO, key="web", name=Text("官网", "web"), kind="web")
    sources.create_source(home, WHO, key="calls", name=Text("呼叫中心", "call centre"), kind="call")
    home.close()
    return folder / "home"


class World:
    """A home in which touches come in."""

    def __init__(self, home: Home) -> None:
        self.home, self.requests = home, 0
        self.work: Work = compose.work(home)

    @classmethod
    @contextmanager
    def copy_of(cls, made: Path, to: Path) -> Iterator[World]:
        """Open a copy of a home; it goes afterwards."""
        shutil.copytree(made, to)
        home = homes.open_home(load(home=to))
        try:
            with clock.freeze(NOW):
                yield cls(home)
        finally:
            home.close()
            shutil.rmtree(to)

    def take(self, *steps: Step) -> None:
        """Take in one step after the other."""
        for step in steps:
            if isinstance(step, Live):
                self.send(step)
            else:
                self.load(step)

    def drain(self) -> None:
        """Do what waits, without sealing and jobs."""
        while self.work.errands() or self.work.digest():
            pass

    def send(self, step: Live) -> None:
        """Put a request into the journal as the door does, and digest it."""
        self.requests += 1
        events = [_event(said, f"live-{self.requests}-{i}") for i, said in enumerate(step.touches)]
        at, body = clock.micros(), json.dumps({"batch": events}).encode()
        sealed = self.home.seal.seal(body, journal.where(1, "batch", at))
        connection = journal.connect(self.home.path("journal.db"))
        sql = "insert into row (source, route, received_at, events, encoding, body) values (1, 'batch', ?, ?, '', ?)"
        connection.execute(sql, (at, len(events), sealed))
        connection.close()
        self.drain()

    def load(self, step: File, *, drain: bool = True) -> int:
        """Import a file; return the number of the import."""
        path = self.home.root.with_name(f"{step.name}.csv")
        rows = [_row(said, f"{step.name}-{i}") for i, said in enumerate(step.touches)]
        path.write_text("\n".join([",".join(COLUMNS), *rows]) + "\n")
        number = api.create_import(self.home, WHO, path, MAPPING, step.source).job.number
        if drain:
            self.drain()
        if step.mend:
            self.mend(f"import:{number}")
        return number

    def mend(self, feed: str) -> None:
        """Mend every refused row of a feed and replay it."""
        for row in api.quarantine_rows(self.home, WHO, reveal=True):
            if row.feed == feed:
                values = {**row.content["values"], "at": "2026-11-02"}
                api.mend_row(self.home, WHO, row.id, json.dumps({"values": values}).encode())
                api.replay_rows(self.home, WHO, ids=[row.id])
        self.drain()

    def undo(self, number: int) -> api.Undo:
        """Undo an import."""
        asked = api.undo_import(self.home, WHO, number, "wrong file")
        self.drain()
        done = api.undo_of(self.home, WHO, number)
        assert done is not None and done.id == asked.id and done.done_at is not None
        return done

    def settle(self) -> None:
        """Place who is not placed yet, which takes its time beside other work, decide persons anew and bring the tags up to now."""
        while mentions.any_waits(self.home):
            self.work.digest()
            time.sleep(0.01)
        identity.rebuild(self.home, WHO)
        self.work.seal()


def _event(said: Said, message: str) -> dict[str, Any]:
    at = (START + timedelta(minutes=said.at)).isoformat()
    event: dict[str, Any] = {
        "type": "identify",
        "messageId": said.id or message,
        "timestamp": "never" if said.bad else at,
    }
    traits = dict(said.facts)
    for namespace, value in (NAMES[name] for name in said.ids):
        if namespace in _WIRE:
            event[_WIRE[namespace]] = value
        else:
            traits[namespace] = value
    return {**event, "traits": traits}


def _row(said: Said, ticket: str) -> str:
    given = {NAMES[name][0]: NAMES[name][1] for name in said.ids}
    cells = {
        "ticket": said.id or ticket,
        "at": "never" if said.bad else (START + timedelta(minutes=said.at)).isoformat(),
        "member": given.get("member_id", ""),
        "phone": given.get("phone", ""),
        "cookie": given.get("anonymous_id", ""),
        "product": "W1",
        "amount": "10",
        "city": said.facts.get("city", ""),
        "gender": said.facts.get("gender", ""),
        "caller": said.facts.get("name", ""),
        "note": f"ring {said.at}",
    }
    return ",".join(cells[name] for name in COLUMNS)


# -- what a world holds


def held(home: Home) -> dict[str, Any]:
    """Return everything a home knows, by names instead of numbers that are given in order of acceptance."""
    with home.state.read() as tx:
        names = _names(home, [row.token for row in tx.execute(select(people.subject))])
        files = {row.number: row.file_name for row in tx.execute(select(store.import_job))}
    return {
        **_log(home, names, files),
        **_identity(home, names, files),
        **_profiles(home, names),
    }


def _names(home: Home, tokens: Sequence[bytes]) -> dict[bytes, str]:
    known = {}
    for name, (namespace, value) in NAMES.items():
        clean = cleaning.cleaner(namespace, "CN")(value)
        assert isinstance(clean, str)
        known[home.seal.token(namespace, clean)] = name
    for name, (namespace, value) in NAMES.items():
        for written in (
            WRITTEN if namespace != "anonymous_id" else ()
        ):  # beside an account too, where a line has no contact data
            mark, clean = saying.name_mark(home.seal, written), cleaning.cleaner(namespace, "CN")(value)
            made = saying.record_key(home.seal, mark, f"{namespace}:{clean}")
            known[home.seal.token("mention", made)] = f"{written} {name}"
    given = [(token, name) for token, name in known.items() if name[0] in "cmu" and name in NAMES]
    for device, cookie in given:
        for account, name in given:
            known[home.seal.token("turn", f"{device.hex()} {account.hex()}")] = (
                f"{cookie} in the turn of {name}"
            )
    return {token: known[token] for token in tokens}


def _by_number(home: Home, names: Mapping[bytes, str]) -> dict[int, str]:
    with home.state.read() as tx:
        return {row.number: names[row.token] for row in tx.execute(select(people.subject))}


def _log(home: Home, names: Mapping[bytes, str], files: Mapping[int, str]) -> dict[str, Any]:
    by_number = _by_number(home, names)
    with home.engine.connect() as connection:
        tail.touches_view(connection, home)
        rows = connection.execute(
            "select source, source_id, kind, name, subject, happened_at::varchar, received_at::varchar, known_at::varchar, month, "
            "product, amount, body from touches"
        ).fetchall()
    touches = sorted((*row[:4], by_number.get(row[4], row[4]), *row[5:]) for row in rows)
    with home.state.read() as tx:
        refused = [
            (
                *(q.source, _feed(q.feed, files), q.place, q.reason, q.detail),
                q.replayed_at,
                kept.open(home.seal, q.raw),
            )
            for q in tx.execute(select(store.quarantine))
        ]
        texts = [
            (by_number.get(t.subject, t.subject), home.seal.open(t.raw, ledger.TEXT))
            for t in tx.execute(select(store.sealed_text))
        ]
        prints = [
            bytes(row.fingerprints[i : i + 8])
            for row in tx.execute(select(store.seen))
            for i in range(0, 8 * row.count, 8)
        ]
        last = sorted(tuple(row) for row in tx.execute(select(store.source_last)))
        aside = [
            (a.origin and files[a.origin], bytes(a.fingerprints[i : i + 8]), a.due)
            for a in tx.execute(select(store.set_aside))
            for i in range(0, 8 * a.touches, 8)
        ]
        staged = [path.name for path in home.path("imports").iterdir()]
    return {
        "touches": touches,
        "quarantine": sorted(map(str, refused)),
        "texts": sorted(map(str, texts)),
        "seen": sorted(prints),
        "source_last": last,
        "staged": staged,
        "set_aside": sorted(map(str, aside)),
    }


def _feed(feed: str, files: Mapping[int, str]) -> str:
    kind, _, number = feed.partition(":")
    return files[int(number)] if kind == "import" else feed


def _identity(home: Home, names: Mapping[bytes, str], files: Mapping[int, str]) -> dict[str, Any]:
    by_number, origin = _by_number(home, names), {0: "live", **files}
    evidence: dict[tuple[Any, ...], int] = {}
    with home.state.read() as tx:
        subjects = tx.execute(select(people.subject).order_by(people.subject.c.number)).all()
        for e in tx.execute(select(people.evidence)):
            ends = sorted((by_number[e.a], by_number[e.b]))
            key = (*ends, e.rule, origin[e.origin], e.revoked_at)
            evidence[key] = min(e.at, evidence.get(key, e.at))
        vault = {
            (by_number[v.subject], v.field, origin[v.origin]): (
                v.at,
                home.seal.open(v.value, people.where_vault(v.subject, v.field)),
            )
            for v in tx.execute(select(people.identity_vault))
        }
        facts = {
            (by_number[f.subject], f.fact, origin[f.origin]): (f.at, f.value)
            for f in tx.execute(select(people.identity_fact))
        }
        shared = {by_number[s.subject]: (s.persons, s.by) for s in tx.execute(select(people.identity_shared))}
        sightings = {
            (origin[s.origin], by_number[s.subject]): s.first_at
            for s in tx.execute(select(people.identity_sighting))
        }
        turns = {
            (by_number[t.subject], t.at, by_number[t.account], origin[t.origin], by_number[t.turn])
            for t in tx.execute(select(identity_turn))
        }
    persons: dict[int, list[Any]] = defaultdict(list)
    for s in subjects:
        persons[s.person].append(s)
    return {
        "subjects": {
            by_number[s.number]: (s.first_at, s.live_at, s.seen_at, s.shared, s.turned) for s in subjects
        },
        "persons": {frozenset(by_number[s.number] for s in some) for some in persons.values()},
        "visitors": {
            frozenset(by_number[s.number] for s in some)
            for n, some in persons.items()
            if n >= identity_visitors()
        },
        "evidence": evidence,
        "vault": vault,
        "facts": facts,
        "shared": shared,
        "sightings": sightings,
        "turns": turns,
    }


def identity_visitors() -> int:
    """Return the number from which on persons are visitors."""
    from zerodistance.core.identity.contracts import VISITORS_FROM

    return VISITORS_FROM


def _profiles(home: Home, names: Mapping[bytes, str]) -> dict[str, Any]:
    by_number, here = _by_number(home, names), profiles.current(home)
    members: dict[int, set[str]] = defaultdict(set)
    for row in here.pairs().to_pylist():
        members[row["number"]].add(by_number.get(row["subject"], f"gone {row['subject']}"))
    tags = {
        (frozenset(some), d.key): (here.node_of(d, number), here.number(d, number) if d.numeric else None)
        for number, some in members.items()
        for d in profiles.dimensions(None)
        if here.node_of(d, number) is not None
    }
    counts = {rule: segments.count(home, WHO, segments.read_rule(rule)).persons for rule in RULES}
    with home.engine.connect() as connection:
        profiles.states_view(connection, home)
        summed = connection.execute(
            "select subject, day, kind, category, product, place, channel, fault, sum(n), sum(quantity), sum(amount), "
            "sum(duration), min(first_at), max(last_at) from profile_state group by all"
        ).fetchall()
    states = sorted(str((by_number.get(row[0], f"gone {row[0]}"), *row[1:])) for row in summed)
    sizes = (len(here.universe.persons), len(here.universe.visitors))
    return {"tags": tags, "segments": counts, "states": states, "universe": sizes}


def public_ids_follow_the_rule(home: Home) -> bool:
    """Say whether everybody's public id is one for which as many of their subjects stand as for any; where none does, that of the earliest accepted."""
    with home.state.read() as tx:
        persons: dict[int, dict[int, list[int]]] = defaultdict(lambda: defaultdict(list))
        for s in tx.execute(select(people.subject)):
            persons[s.person][s.settled].append(s.number)
    found = identity.public_ids(home, sorted(persons))
    return all(_by_the_rule(home.seal.number_of(found[p]), stands) for p, stands in persons.items())


def _by_the_rule(gives: int, stands: Mapping[int, list[int]]) -> bool:
    known = [numbers for settled, numbers in stands.items() if settled]
    most = max(map(len, known), default=0)
    return any(gives in numbers for numbers in known if len(numbers) == most) or gives == min(stands[0])


EXCEPT: Mapping[str, tuple[str, ...] | None] = {
    "batch": None,  # what was committed is never denied: it stays accountable
    "feed": None,  # positions never go back, but for the import's own
    "tail": None,  # what was hot is in the lake now
    "import_job": None,  # the job stays on record, as undone
    "undo_request": None,  # who undid it, why and when
    "source_hour": None,  # counters are never lowered; `undone` counts against them
    "identity_guard": None,  # counters of how often a guard bit
    "identity_figure": None,  # what the last rebuild did
    "identity_epoch": None,  # a rebuild begins a new one
    "identity_number": None,  # numbers that were given are not given again
    "identity_change": None,  # what was believed meanwhile, for questions about that time
    "outbox": None,  # what was said was said
    "job": None,
    "segment_exact": None,  # who counted what is written down a moment later: here the test itself
    # a part that left and came back may have another inner number; for which id who stands is never taken back
    "subject": ("person", "person_from", "settled"),
    "identity_shared": ("epoch",),  # a rebuild begins a new epoch
}
"""Tables of the state store that may differ from before after an undo, or only some of their columns, and why."""


def tables(home: Home) -> dict[str, list[str]]:
    """Return the rows of every table of the state store, without what may differ."""
    assert bus.outbox.name in EXCEPT and rules.NAMESPACES
    return {
        name: _rows_of(home, table, EXCEPT.get(name, ()) or ())
        for name, table in sorted(metadata.tables.items())
        if EXCEPT.get(name, ()) is not None
    }


def _rows_of(home: Home, table: Table, without: Sequence[str]) -> list[str]:
    with home.state.read() as tx:
        rows = tx.execute(select(*(c for c in table.c if c.name not in without))).all()
    return sorted(str(tuple(row)) for row in rows)
