"""Forgetting: a request is kept durably, carried out by the worker through every store, and certified.

A room plugs its share in as a `Forget` callable; each is idempotent, so that a request interrupted anywhere is run again whole.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from sqlalchemy import Connection, delete, func, insert, select, update

from zerodistance.core.touchpoints import bodies, book, drafts, kept, own, repeats, store, tail, wire
from zerodistance.core.touchpoints.contracts import Forget
from zerodistance.kernel import backups, clock, fault
from zerodistance.kernel.access import Permission, Who
from zerodistance.kernel.errors import Invalid, NotFound, ZeroDistanceError
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text

STORES = (
    *(
        "journal",
        "imports",
        "uploads",
        "feeds",
        "quarantine",
        "set_aside",
        "own_touch",
        "texts",
        "identifiers",
        "evidence",
        "vault",
        "facts",
    ),
    *("tail", "lake", "states", "index"),
)
"""Where a person is looked for: what a certificate lists."""
Match = Callable[[bytes], bool]
"""Says whether raw bytes hold one of the identifiers that are to be forgotten."""

Tokens = Callable[[Home, Sequence[int]], Sequence[bytes]]
"""Returns the tokens of subjects: under them they are found again in a restored backup, whatever their numbers are there."""

_TOMBSTONE = b"tombstone"


@dataclass(frozen=True)
class Request:
    """A wish to be forgotten, and its certificate once it is done. Times in microseconds UTC."""

    id: int
    what: str
    purpose: str
    asked_by: str
    asked_at: int
    done_at: int | None
    certificate: dict[str, Any] | None


def ask(home: Home, who: Who, what: str, subjects: Sequence[int], purpose: str) -> Request:
    """Ask for the subjects of a person (or one subject) to be forgotten; the worker does it at its next step.

    Parameters
    ----------
    what
        The public id of the person, or `subject <number>`: it stands on the certificate.

    Raises
    ------
    Forbidden
        The account may not forget.
    Invalid
        No purpose is given, or nothing is to be forgotten.
    """
    who.need(Permission.FORGET)
    if not purpose.strip():
        raise Invalid(
            field=Text("原因", "the purpose"),
            given=purpose,
            why=Text(
                "要写明原因，会进证书：本人要求、工单号",
                "say why, for the certificate: a request by the person, a case number",
            ),
        )
    if not subjects:
        raise NotFound(what=Text("用户", "person"), given=what)
    with home.state.write() as tx:
        made = tx.execute(
            insert(store.forget_request).values(
                subjects=json.dumps(sorted(subjects)), what=what, purpose=purpose.strip(), asked_by=who.name,
                asked_at=clock.micros(),
            )
        )  # fmt: skip
        key = made.inserted_primary_key
    assert key is not None
    return get(home, who, int(key[0]))


def get(home: Home, who: Who, number: int) -> Request:
    """Return one request."""
    who.need(Permission.FORGET)
    return _one(home, number)


def requests(home: Home, who: Who) -> list[Request]:
    """Return all requests, newest first."""
    who.need(Permission.FORGET)
    with home.state.read() as tx:
        numbers = (
            tx.execute(select(store.forget_request.c.id).order_by(store.forget_request.c.id.desc()))
            .scalars()
            .all()
        )
    return [_one(home, number) for number in numbers]


def _one(home: Home, number: int) -> Request:
    t = store.forget_request
    with home.state.read() as tx:
        row = tx.execute(select(t).where(t.c.id == number)).mappings().first()
    if row is None:
        raise NotFound(what=Text("忘记的请求", "request to forget"), given=number)
    certificate = json.loads(row["certificate"]) if row["certificate"] else None
    return Request(
        row["id"], row["what"], row["purpose"], row["asked_by"], row["asked_at"], row["done_at"], certificate
    )


def is_on_touches(home: Home, subject: int) -> bool:
    """Say whether a touch names this subject."""
    with home.engine.connect() as connection:
        tail.touches_view(connection, home)
        found = connection.execute(
            "select 1 from touches where subject = $subject limit 1", {"subject": subject}
        )
        return found.fetchone() is not None


def is_person(home: Home, number: int) -> bool:
    """Say whether a whole person is asked for, with whatever belongs to it by now, or single subjects."""
    return _one(home, number).what.startswith("p_")


def waiting(home: Home) -> list[tuple[int, list[int]]]:
    """Return the requests that are not done: number and subjects."""
    t = store.forget_request
    with home.state.read() as tx:
        rows = tx.execute(select(t.c.id, t.c.subjects).where(t.c.done_at.is_(None)).order_by(t.c.id)).all()
    return [(number, json.loads(subjects or "[]")) for number, subjects in rows]


def carry_out(
    home: Home,
    number: int,
    subjects: Sequence[int],
    *,
    matcher: Callable[[Home, Sequence[int]], Match],
    tokens: Tokens,
    rooms: Mapping[str, Forget],
) -> Request:
    """Forget the subjects in every store and write the certificate. The worker calls it with journal and tail empty.

    Parameters
    ----------
    matcher
        Makes the test for raw rows of the quarantine; it is asked before anything is removed.
    tokens
        Asked before anything is removed too.
    rooms
        Name -> share, the room that knows the identifiers last.
    """
    removed: dict[str, int] = {}
    _bury(home, number, tokens(home, subjects))
    matches = matcher(home, subjects)
    removed["import_draft"] = drafts.forget(home)
    removed["quarantine"] = _forget_quarantine(home, matches)
    removed["set_aside"] = repeats.forget(home, matches)
    removed["touches"] = _count_touches(home, number, subjects)
    removed["texts"] = _forget_touches(home, subjects)
    for name, share in rooms.items():
        fault.point("forget." + name)
        for what, n in share(home, subjects).items():
            removed[f"{name}.{what}"] = n
    removed["own_touch"] = own.forget(
        home, subjects
    )  # last: until their rooms forgot, apps might still say something
    home.state.scrub(_tables(removed))
    return _certify(home, number, len(subjects), removed)


def _bury(home: Home, number: int, tokens: Sequence[bytes]) -> None:
    """Keep the tokens, sealed: a backup made before now brings their owner back, and whoever restores it must know."""
    t = store.forget_request
    with home.state.write() as tx:
        kept = tx.execute(select(t.c.tombstone).where(t.c.id == number)).scalar()
        before = json.loads(home.seal.open(kept, _TOMBSTONE))["tokens"] if kept else []
        what = tx.execute(select(t.c.what).where(t.c.id == number)).scalar_one()
        said = {"what": what, "tokens": sorted({*before, *(token.hex() for token in tokens)})}
        sealed = home.seal.seal(json.dumps(said).encode(), _TOMBSTONE)
        tx.execute(update(t).where(t.c.id == number).values(tombstone=sealed))


def tombstones(home: Home) -> dict[str, dict[str, Any]]:
    """Return what a repository of backups keeps of those who were forgotten: request -> `request`, `done_at`, `sealed`."""
    t = store.forget_request
    query = select(t.c.id, t.c.asked_at, t.c.done_at, t.c.tombstone)
    with home.state.read() as tx:
        rows = tx.execute(query.where(t.c.done_at.is_not(None), t.c.tombstone.is_not(None))).all()
    return {
        f"{number}-{asked_at}": {
            "request": f"{number}-{asked_at}",
            "done_at": done_at,
            "sealed": base64.b64encode(sealed).decode(),
        }
        for number, asked_at, done_at, sealed in rows
    }


def let_go(home: Home) -> int:
    """Remove the tombstones that no backup could call for any more; return how many."""
    t = store.forget_request
    with home.state.write() as tx:
        oldest = min((one.begun_at for one in backups.begun(tx)), default=None)
        old = t.c.done_at.is_not(None) if oldest is None else t.c.done_at < oldest
        where = (t.c.tombstone.is_not(None), old)
        return tx.execute(update(t).where(*where).values(tombstone=None)).rowcount


def ask_again(
    home: Home,
    who: Who,
    found: Iterable[Mapping[str, Any]],
    subjects_of: Callable[[Home, Sequence[bytes]], Sequence[int]],
) -> int:
    """Ask for everybody to be forgotten whom a restored backup has brought back; return how many requests that makes.

    Parameters
    ----------
    found
        Tombstones of the repository.
    subjects_of
        Tokens -> the subjects that have them here.
    """
    asked = 0
    for stone in found:
        said = json.loads(home.seal.open(base64.b64decode(stone["sealed"]), _TOMBSTONE))
        subjects = subjects_of(home, [bytes.fromhex(token) for token in said["tokens"]])
        if subjects:
            day = clock.from_micros(stone["done_at"]).date().isoformat()
            ask(home, who, said["what"], subjects, f"restored from a backup; forgotten on {day} before")
            asked += 1
    return asked


def _chunks(subjects: Sequence[int], size: int = 500) -> Iterable[list[int]]:
    for start in range(0, len(subjects), size):
        yield list(subjects[start : start + size])


def _count_touches(home: Home, number: int, subjects: Sequence[int]) -> int:
    """Write down, once, how many touches will go: what was committed must stay accountable wherever we are interrupted."""
    t = store.forget_request
    with home.state.read() as tx:
        known: int | None = tx.execute(select(t.c.touches).where(t.c.id == number)).scalar()
    if known is not None:
        return known
    with home.engine.connect() as connection:
        tail.touches_view(connection, home)
        connection.register("gone", pa.table({"subject": pa.array(subjects, pa.int64())}))
        row = connection.execute("select count(*) from touches semi join gone using (subject)").fetchone()
    assert row is not None
    with home.state.write() as tx:
        tx.execute(update(t).where(t.c.id == number).values(touches=row[0]))
    fault.point("forget.counted")
    return int(row[0])


def forgotten_touches(tx: Connection) -> tuple[int, int]:
    """Return how many committed touches were forgotten, and how many more may be gone of requests under way."""
    t = store.forget_request
    done = tx.execute(select(func.sum(t.c.touches)).where(t.c.done_at.is_not(None))).scalar()
    under_way = tx.execute(select(func.sum(t.c.touches)).where(t.c.done_at.is_(None))).scalar()
    return done or 0, under_way or 0


def _forget_touches(home: Home, subjects: Sequence[int]) -> int:
    texts = 0
    for some in _chunks(subjects):
        home.lake.delete_where(tail.TABLE, f"subject in ({', '.join(str(int(s)) for s in some)})")
        book.forget(home, some)
        with home.state.write() as tx:
            texts += tx.execute(
                delete(store.sealed_text).where(store.sealed_text.c.subject.in_(some))
            ).rowcount
    return texts


def _forget_quarantine(home: Home, matches: Match) -> int:
    t, gone, last = store.quarantine, 0, 0
    while True:
        with home.state.read() as tx:
            query = select(t.c.id, t.c.place, t.c.raw, t.c.came).where(t.c.id > last)
            rows = tx.execute(query.order_by(t.c.id).limit(100)).all()
        if not rows:
            return gone
        last = rows[-1][0]
        hits = [
            number for number, place, *held in rows if any(_names(home, place, one, matches) for one in held)
        ]
        if hits:
            with home.state.write() as tx:
                gone += tx.execute(delete(t).where(t.c.id.in_(hits))).rowcount


def _names(home: Home, place: str, sealed: bytes | None, matches: Match) -> bool:
    """Say whether a refused row names somebody who is forgotten, or may: of one that is no text nobody can tell."""
    if sealed is None:
        return False
    raw = kept.open(home.seal, sealed)
    if place == "body" or place in wire.TYPES:
        try:
            raw = bodies.unpack(raw, bodies.encoding_of(raw), home.settings.max_body_bytes)
            raw.decode()
        except (ZeroDistanceError, UnicodeDecodeError):
            return True
    return matches(raw)


def _tables(removed: Mapping[str, int]) -> list[str]:
    """Return the tables in which something may have been removed, now or before an interruption."""
    return [store.sealed_text.name, *(name.rpartition(".")[2] for name in removed)]


def _certify(home: Home, number: int, subjects: int, removed: Mapping[str, int]) -> Request:
    fault.point("forget.certify")
    request = _one(home, number)
    with home.state.read() as tx:
        kept = backups.begun(tx)
    said: dict[str, Any] = {
        "request": number,
        "what": request.what,
        "purpose": request.purpose,
        "asked_by": request.asked_by,
        "asked_at": clock.from_micros(request.asked_at).isoformat(),
        "done_at": clock.now().isoformat(),
        "subjects": subjects,
        "removed": dict(removed),
        "stores": list(STORES),
        "backups": _backups(kept),
        "copies": "copies of the home folder made by other means before done_at are not reached; delete or re-forget them",
    }
    body = json.dumps(said, sort_keys=True, ensure_ascii=False)
    said["seal"] = hmac.digest(home.seal.token("certificate", body), body.encode(), hashlib.sha256).hex()
    with home.state.write() as tx:
        tx.execute(
            update(store.forget_request)
            .where(store.forget_request.c.id == number)
            .values(done_at=clock.micros(), subjects=None, certificate=json.dumps(said, ensure_ascii=False))
        )
        if not kept:
            tx.execute(
                update(store.forget_request).where(store.forget_request.c.id == number).values(tombstone=None)
            )
    home.state.scrub([store.forget_request.name])
    return _one(home, number)


def _backups(kept: Sequence[backups.Begun]) -> dict[str, Any]:
    """Return what the certificate says of backups: how many still hold what was removed, and the day the last of them expires."""
    if not kept:
        return {"kept": 0, "last_expires_on": None}
    last = clock.from_micros(max(one.expires_at for one in kept))
    return {
        "kept": len(kept),
        "last_expires_on": last.date().isoformat(),
        "folders": sorted({one.folder for one in kept}),
        "restored": "whoever restores one of them forgets again: the tombstones lie beside them",
    }


def verify(home: Home, certificate: Mapping[str, Any]) -> bool:
    """Say whether this home made the certificate and nobody changed it."""
    said = {k: v for k, v in certificate.items() if k != "seal"}
    body = json.dumps(said, sort_keys=True, ensure_ascii=False)
    expected = hmac.digest(home.seal.token("certificate", body), body.encode(), hashlib.sha256).hex()
    return hmac.compare_digest(expected, str(certificate.get("seal", "")))
