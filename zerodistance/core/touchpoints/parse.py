"""From request bodies of the collection protocol to a batch of touches, column by column."""

from __future__ import annotations

import threading
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from importlib.resources import files

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from zerodistance.core.touchpoints import columns, details, salvage, scrub, times, wire
from zerodistance.core.touchpoints.agreed import Agreed, Breaches
from zerodistance.core.touchpoints.contracts import BUILT, UTC_US, Batch, Facts, Refused
from zerodistance.core.touchpoints.kinds import kind_of
from zerodistance.core.touchpoints.routes import BATCH, EVENT
from zerodistance.core.touchpoints.sent import FEED, Parts, Sent, refusal, take_apart
from zerodistance.core.touchpoints.signs import Signs
from zerodistance.kernel.errors import told
from zerodistance.kernel.logs import log
from zerodistance.kernel.seal import Seal

_SQL = files("zerodistance.core.touchpoints").joinpath("sql/events.sql").read_text()
_ID_SPACE = uuid.UUID(
    "0d8a3a51-5e0b-5a5c-9d3e-7a2f1c4b6e90"
)  # ours: for message ids of events that came without one
_OWN_TYPE = (BATCH, EVENT)
_TYPE_WORDS = ", ".join(sorted(wire.TYPES))


class Parser:
    """Turns accepted requests into batches.

    Parameters
    ----------
    connection
        A DuckDB connection of its own; the shredding of events runs there.
    event_bytes
        Source number -> largest event, bytes of JSON.
    currency
        ISO 4217 code of amounts that come without one.
    agreed
        The schemas that sources have agreed to; None: none are looked at.
    """

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        seal: Seal,
        event_bytes: Callable[[int], int],
        currency: str,
        agreed: Agreed | None = None,
    ) -> None:
        self._connection, self._seal = connection, seal
        self._event_bytes, self._currency, self._agreed = event_bytes, currency, agreed
        self._one = threading.Lock()  # the connection serves one at a time

    def parse(self, rows: Sequence[Sent]) -> Batch:
        """Return the batch of some journal rows; an event that can't become a touch is refused with its reason."""
        with self._one:
            return self._parse(rows)

    def _parse(self, rows: Sequence[Sent]) -> Batch:
        refused: list[Refused] = []
        counts: Counter[tuple[int, str]] = Counter()
        parts = Parts()
        for row in rows:
            take_apart(row, parts, refused, counts)
        try:
            batch = self._batch(parts, refused[:], counts.copy())
        except Exception as error:
            if salvage.no_row_is_to_blame(error):
                raise
            batch = self._without_culprits(rows, error)
        batch.position = rows[-1].id if rows else 0
        return batch

    def _batch(self, parts: Parts, refused: list[Refused], counts: Counter[tuple[int, str]]) -> Batch:
        self._weigh(parts, refused)
        events = self._shred(parts, refused, counts)
        return self._build(parts, events, refused, counts)

    def _without_culprits(self, rows: Sequence[Sent], error: Exception) -> Batch:
        """Set aside the events on which the program fails, and return the batch of the others."""
        refused: list[Refused] = []
        counts: Counter[tuple[int, str]] = Counter()
        parts = Parts()
        for row in rows:
            take_apart(row, parts, refused, counts)

        def works(chosen: Sequence[int]) -> bool:
            try:
                self._batch(parts.only(chosen), [], Counter())
            except Exception as problem:
                if salvage.no_row_is_to_blame(problem):
                    raise
                return False
            return True

        bad = salvage.culprits(len(parts.raw), works)
        if not bad:
            raise error
        for i in bad:
            log("digest").error(
                "unreadable",
                feed=parts.row[i].feed,
                row=parts.row[i].id,
                place=parts.place[i],
                error=told(error),
            )
            refused.append(refusal(parts, i, salvage.UNREADABLE, salvage.said(error)))
        good = np.ones(len(parts.raw), np.bool_)
        good[bad] = False
        parts.keep(good)
        return self._batch(parts, refused, counts)

    def _weigh(self, parts: Parts, refused: list[Refused]) -> None:
        limits = {source: self._event_bytes(source) for source in set(parts.source)}
        if not parts.raw or max(map(len, parts.raw)) <= min(limits.values()):
            return
        good = np.fromiter(
            (len(raw) <= limits[s] for raw, s in zip(parts.raw, parts.source, strict=True)), np.bool_
        )
        for i in np.flatnonzero(~good).tolist():
            detail = f"the event has {len(parts.raw[i])} bytes; this source allows {limits[parts.source[i]]}"
            refused.append(refusal(parts, i, "too_large", detail))
        parts.keep(good)

    def _shred(self, parts: Parts, refused: list[Refused], counts: Counter[tuple[int, str]]) -> pa.Table:
        """Take the events apart; those that are no JSON in UTF-8 are refused."""
        try:
            return self._query(_strings(parts.raw))
        except (duckdb.Error, pa.ArrowInvalid):
            pass
        self._sift(parts, refused, counts)
        return self._query(_strings(parts.raw))

    def _sift(self, parts: Parts, refused: list[Refused], counts: Counter[tuple[int, str]]) -> None:
        """Mend half letters and refuse what is no JSON in UTF-8, with one look at all: a batch may be full of it."""
        for i, raw in enumerate(parts.raw):
            mended = wire.whole_letters(raw)
            if mended is not raw:
                parts.raw[i] = mended
                counts[parts.source[i], "half_letters"] += 1
        texts = [wire.as_text(raw) for raw in parts.raw]
        table = pa.table({"j": pa.array([text or "" for text in texts], pa.large_string())})
        self._connection.register("asked", table)
        valid = self._connection.sql("select json_valid(j) as good from asked").to_arrow_table()
        self._connection.unregister("asked")
        good = valid["good"].to_numpy(zero_copy_only=False).astype(np.bool_)
        for i in np.flatnonzero(~good).tolist():
            refused.append(refusal(parts, i, "not_json", wire.why_not_json(parts.raw[i])))
        parts.keep(good)

    def _query(self, raws: pa.Array) -> pa.Table:
        self._connection.register("sent", pa.table({"place": np.arange(len(raws)), "j": raws}))
        found = self._connection.sql(_SQL).to_arrow_table()
        places = found["place"].to_numpy()
        if len(places) > 1 and not (np.diff(places) > 0).all():
            found = found.take(np.argsort(places))
        return found.combine_chunks()

    def _build(
        self, parts: Parts, found: pa.Table, refused: list[Refused], counts: Counter[tuple[int, str]]
    ) -> Batch:
        said = {name: _flat(found[name]) for name in found.column_names}
        types = _types(parts, said["type"])
        sent_at = pc.coalesce(said["sent_at"], pa.array(parts.sent, pa.string()))
        original, bad_original = times.parse_all(said["original_at"])
        sent, bad_sent = times.parse_all(sent_at)
        bad = _bad(parts, said, types, bad_original, bad_sent)
        breaches = self._judge(parts, said["name"], types, bad)
        for (source, *_), n in breaches.items():
            counts[source, "schema_observed"] += n
        received = np.array(parts.received, np.int64)
        if bad:
            good = np.ones(len(received), np.bool_)
            good[list(bad)] = False
            refused += [refusal(parts, i, reason, detail) for i, (reason, detail) in sorted(bad.items())]
            parts.keep(good)
            mask = pa.array(good)
            said = {name: column.filter(mask) for name, column in said.items()}
            types, received, original, sent = types.filter(mask), received[good], original[good], sent[good]
        happened, ahead = times.happened(received, original, sent)
        for i in np.flatnonzero(ahead).tolist():
            counts[parts.source[i], "clock_ahead"] += 1
        ids = self._ids(parts, said["message_id"])
        signs, facts, texts = _people(said, types)
        typed = columns.typed(said, _kinds(types, said["name"]), self._currency, self._seal.pseudonym)
        bodies, sealed = scrub.bodies(_bodies(types, said))
        touches = pa.table(
            {
                "source": pa.array(np.array(parts.source, np.int32)),
                "source_id": pa.array(ids, pa.string()),
                **typed,
                "happened_at": _time(happened),
                "original_at": _time(original),
                "sent_at": _time(sent),
                "received_at": _time(received),
                "known_at": _time(received),
                "month": _months(received),
                "body": bodies,
            }
        )
        touches = touches.select(BUILT.names).cast(BUILT)
        prints = self._prints(parts.source, ids)
        batch = Batch(
            FEED, 0, touches, prints, signs, facts, texts + sealed, refused, counts, breaches=breaches
        )
        batch.refuse = lambda i, reason, detail: refusal(parts, i, reason, detail)
        return batch

    def look(self) -> None:
        """Read the schemas anew: whoever asks for a replay has just changed one."""
        if self._agreed is not None:
            self._agreed.look(now=True)

    def _judge(
        self, parts: Parts, names: pa.Array, types: pa.Array, bad: dict[int, tuple[str, str]]
    ) -> Breaches:
        """Add the events that break a schema and must not to `bad`; return what is only observed."""
        if self._agreed is None:
            return Counter()
        self._agreed.look()
        places = [i for i in self._agreed.concerned(parts.source) if i not in bad]
        if not places:
            return Counter()
        chosen = pa.array(places)
        said = zip(places, types.take(chosen).to_pylist(), names.take(chosen).to_pylist(), strict=True)
        broken, breaches = self._agreed.judge((parts.source[i], t, n or "", parts.raw[i]) for i, t, n in said)
        for i, reason in broken.items():
            bad[places[i]] = ("schema", reason)
        return breaches

    def _ids(self, parts: Parts, given: pa.Array) -> list[str]:
        ids: list[str] = given.to_pylist()
        for i, known in enumerate(ids):
            if not known:  # made from the row that holds it, so that whoever reads it again makes the same
                row = parts.row[i]
                of = row.id if row.feed == FEED else f"{row.feed}:{row.id}"
                ids[i] = str(uuid.uuid5(_ID_SPACE, f"{self._seal.fingerprint_seed}/{of}/{parts.place[i]}"))
        return ids

    def _prints(self, sources: Sequence[int], ids: Sequence[str]) -> npt.NDArray[np.uint64]:
        seed, digest = self._seal.fingerprint_seed, xxhash.xxh3_64_intdigest
        prints = [digest(f"{s}\0{i}".encode(), seed) or 1 for s, i in zip(sources, ids, strict=True)]
        return np.array(prints, np.uint64)


def _strings(raws: Sequence[bytes]) -> pa.Array:
    offsets = np.zeros(len(raws) + 1, np.int64)
    np.cumsum(np.fromiter(map(len, raws), np.int64, len(raws)), out=offsets[1:])
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(b"".join(raws))]
    return pa.LargeBinaryArray.from_buffers(pa.large_binary(), len(raws), buffers).cast(pa.large_string())


def _flat(column: pa.ChunkedArray) -> pa.Array:
    flat = column.combine_chunks()
    if isinstance(flat, pa.ChunkedArray):
        flat = flat.chunk(0) if flat.num_chunks else pa.array([], column.type)
    return (
        flat.cast(pa.string()) if pa.types.is_large_string(flat.type) or pa.types.is_null(flat.type) else flat
    )


def _types(parts: Parts, given: pa.Array) -> pa.Array:
    """Return the type of each event: the route's for single calls, the event's own in a batch."""
    if set(parts.route) <= set(_OWN_TYPE):
        return given
    return pa.array(
        [t if r in _OWN_TYPE else r for r, t in zip(parts.route, given.to_pylist(), strict=True)], pa.string()
    )


def _bad(
    parts: Parts,
    said: dict[str, pa.Array],
    types: pa.Array,
    bad_original: Iterable[int],
    bad_sent: Iterable[int],
) -> dict[int, tuple[str, str]]:
    """Return place -> (reason, detail) of the events that can't become touches; the first reason found stands."""
    bad: dict[int, tuple[str, str]] = {}

    def where(mask: pa.Array) -> list[int]:
        places: list[int] = np.flatnonzero(mask.fill_null(False).to_numpy(zero_copy_only=False)).tolist()
        return places

    for i in where(pc.invert(pc.is_in(types, value_set=pa.array(sorted(wire.TYPES))))):
        given = types[i].as_py()
        if bytes(parts.raw[i]).lstrip()[:1] != b"{":
            bad[i] = ("not_an_object", "the event is not a JSON object")
        elif given is None:
            bad[i] = ("no_type", f"the event has no type; allowed are {_TYPE_WORDS}")
        else:
            bad[i] = ("unknown_type", f"type has the form {details.shown(given)}; allowed are {_TYPE_WORDS}")
    for name, shown in (
        ("user_id", "userId"),
        ("anonymous_id", "anonymousId"),
        ("message_id", "messageId"),
        ("previous_id", "previousId"),
    ):
        numbers: dict[int, str] = {}
        for i in where(pc.match_substring_regex(said[name], _DOUBTFUL)):
            value = columns.as_sent(parts.raw[i], shown)
            if value[:1] in (b"{", b"["):
                bad.setdefault(
                    i, ("bad_type", f"{shown} is an object or a list; allowed are text and numbers")
                )
            elif value[:1] != b'"':
                numbers[i] = value.decode()
        if numbers:
            said[name] = columns.replaced(said[name], numbers)
    for i in where(pc.and_(pc.is_null(said["user_id"]), pc.is_null(said["anonymous_id"]))):
        bad.setdefault(i, ("no_identifier", "neither userId nor anonymousId is given; one of them is needed"))
    allowed = "allowed are ISO 8601 and seconds or milliseconds since 1970"
    for name, places in (("original_at", bad_original), ("sent_at", bad_sent)):
        for i in places:
            given = details.shown(said[name][i].as_py() or parts.sent[i] or "")
            bad.setdefault(
                i,
                (
                    "bad_timestamp",
                    f"{'timestamp' if name == 'original_at' else 'sentAt'} has the form {given}; {allowed}",
                ),
            )
    return bad


_DOUBTFUL = r"^(?:[\[{]|-?[0-9]+[.eE][-+0-9.eE]*$)"
"""Ids that may have been an object, a list or a number: the event itself tells. One UUID of ten begins like `1234e567`, and is neither."""


@lru_cache(maxsize=10_000)
def _kind(type_: str, name: str | None) -> str:
    return kind_of(type_, name or "")


def _kinds(types: pa.Array, names: pa.Array) -> pa.Array:
    """Return the kind of each touch; only distinct pairs of type and name are looked up."""
    pair = pc.binary_join_element_wise(types, pc.fill_null(names, ""), "\0")
    coded = pair.dictionary_encode()
    keys = pa.array([_kind(*value.split("\0", 1)) for value in coded.dictionary.to_pylist()], pa.string())
    return keys.take(coded.indices)


def _people(said: dict[str, pa.Array], types: pa.Array) -> tuple[Signs, Facts, list[tuple[int, bytes]]]:
    """Return the identifiers, the vault's fields and the sealed texts, in the order of the touches."""
    signs = Signs()
    for name in ("user_id", "anonymous_id", "device_id"):
        signs.extend(name, said[name], "login")
    facts, texts = Facts(), list[tuple[int, bytes]]()
    for i in np.flatnonzero(
        pc.is_in(types, value_set=pa.array(["identify", "alias"])).to_numpy(zero_copy_only=False)
    ).tolist():
        if types[i].as_py() == "identify":
            columns.identify(
                i,
                [said["traits"][i].as_py(), said["context_traits"][i].as_py()],
                said["locale"][i].as_py(),
                signs,
                facts,
                texts,
            )
        elif said["previous_id"][i].is_valid:
            signs.add(i, "anonymous_id", said["previous_id"][i].as_py(), "alias")
    return signs, facts, texts


def _bodies(types: pa.Array, said: dict[str, pa.Array]) -> pa.Array:
    """Return what is kept as JSON: properties; of a group its id and traits; of an identify nothing, the vault has it."""
    group = pc.equal(types, "group")
    bodies = pc.if_else(pc.equal(types, "identify"), pa.scalar(None, pa.string()), said["properties"])
    if pc.any(group).as_py():
        traits = pc.fill_null(said["traits"], "null")
        quoted = columns.quoted(said["group_id"])
        merged = pc.binary_join_element_wise('{"groupId":', quoted, ',"traits":', traits, "}", "")
        bodies = pc.if_else(group, merged, bodies)
    return bodies


def _time(values: npt.NDArray[np.int64]) -> pa.Array:
    return pa.array(values, pa.int64(), mask=values == times.NONE).cast(UTC_US)


def _months(received: npt.NDArray[np.int64]) -> pa.Array:
    months = received.astype("datetime64[us]").astype("datetime64[M]")
    distinct, place = np.unique(months, return_inverse=True)
    return pa.array(distinct.astype(str), pa.string()).take(pa.array(place, pa.int32()))
