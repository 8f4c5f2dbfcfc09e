"""Parts of a batch, and batches as bytes: what is set aside to be digested another time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import compress
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from zerodistance.core.touchpoints.contracts import BUILT, Batch, Facts, Refuse, Refused, widened
from zerodistance.core.touchpoints.signs import Signs

Mask = npt.NDArray[np.bool_]


def take(batch: Batch, keep: Mask) -> None:
    """Keep only the touches of `keep` in a batch, with what belongs to them."""
    batch.touches = batch.touches.filter(pa.array(keep))
    batch.fingerprints = batch.fingerprints[keep]
    if batch.subjects is not None:
        batch.subjects = batch.subjects[keep]
    place = np.cumsum(keep) - 1
    old, new = keep.tolist(), place.tolist()
    signs, facts = batch.signs, batch.facts
    batch.signs = signs.keep(keep, place)
    rows, kept = _moved(facts.row, keep, place)
    batch.facts = Facts(rows, *(list(compress(column, kept)) for column in (facts.field, facts.value)))
    batch.texts = [(new[row], raw) for row, raw in batch.texts if old[row]]
    batch.refuse = _moved_refuse(batch.refuse, np.flatnonzero(keep))


def _moved_refuse(refuse: Refuse | None, before: npt.NDArray[np.int64]) -> Refuse | None:
    return None if refuse is None else lambda i, *said: refuse(int(before[i]), *said)


def refuse(batch: Batch, rows: Sequence[int], as_refused: Sequence[Refused]) -> None:
    """Move touches of a batch to those that are refused."""
    for refused in as_refused:
        batch.refused.append(refused)
        batch.counts[refused.source, "accepted"] -= 1
        batch.counts[refused.source, "refused"] += 1
    keep = np.ones(batch.touches.num_rows, np.bool_)
    keep[rows] = False
    take(batch, keep)


def part(batch: Batch, keep: Mask) -> Batch:
    """Return the touches of `keep` as a batch of their own, without refused rows and counts; the batch stays as it is."""
    some = Batch(batch.feed, batch.position, batch.touches, batch.fingerprints)
    some = replace(some, signs=batch.signs, facts=batch.facts, texts=batch.texts)
    some = replace(some, forever=batch.forever, origin=batch.origin)
    take(some, keep)
    return some


def _moved(rows: list[int], keep: Mask, place: npt.NDArray[np.int64]) -> tuple[list[int], list[bool]]:
    """Return the new places of the rows that are kept, and which were."""
    at = np.array(rows, np.int64)
    kept = keep[at]
    return place[at[kept]].tolist(), kept.tolist()


class _Rest(msgspec.Struct, array_like=True):
    """What is not in the table of touches."""

    signs: tuple[list[int], list[str], list[str], list[str]]
    facts: tuple[list[int], list[str], list[str]]
    texts: list[tuple[int, bytes]]
    forever: bool
    touches: bytes


def pack(batch: Batch) -> bytes:
    """Return the touches of a batch, and what belongs to them, as bytes to be sealed."""
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with pa.ipc.new_stream(sink, BUILT, options=options) as writer:
        writer.write_table(batch.touches.select(BUILT.names).cast(BUILT))
    signs, facts = batch.signs, batch.facts
    rest = _Rest(
        signs.lists(),
        (facts.row, facts.field, facts.value),
        batch.texts,
        batch.forever,
        sink.getvalue().to_pybytes(),
    )
    return msgspec.msgpack.encode(rest)


def unpack(raw: bytes, prints: npt.NDArray[np.uint64], *, feed: str, position: int, origin: int) -> Batch:
    """Return the batch that was packed, for another feed."""
    rest = msgspec.msgpack.decode(raw, type=_Rest)
    touches = widened(pa.ipc.open_stream(rest.touches).read_all(), BUILT)
    more: dict[str, Any] = {"texts": rest.texts, "forever": rest.forever, "origin": origin}
    return Batch(feed, position, touches, prints, Signs.of(*rest.signs), Facts(*rest.facts), **more)
