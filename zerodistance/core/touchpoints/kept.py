"""How refused rows are kept: packed, bounded, sealed; very many of one request as one row."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from isal import isal_zlib

from zerodistance.core.touchpoints.contracts import Refused
from zerodistance.kernel.seal import Seal

WHERE = b"quarantine"
"""What the seal of a refused row is bound to."""

MOST_BYTES = (
    1 << 20
)  # own value: packed bytes kept of one refused row; what is beyond is cut off, and `detail` says so
SINGLE = 1_000  # own value: refused events of one request and reason that are rows of their own; the rest is bundled
BUNDLE_BYTES = 8 << 20  # own value: bytes of events in one bundle
_SMALL = 200  # own value: less is not packed
_MARK = b"\0zd1"  # no JSON and no text begins with it; what does is always packed


def pack(raw: bytes) -> tuple[bytes, int]:
    """Return a row as it is kept, and how many bytes of it that holds: all, unless it is too large even when packed."""
    if len(raw) < _SMALL and not raw.startswith(_MARK):
        return raw, len(raw)
    packed = _MARK + isal_zlib.compress(raw, 1)
    if len(packed) <= MOST_BYTES:
        return packed, len(raw)
    return _MARK + isal_zlib.compress(raw[: MOST_BYTES // 2], 1), MOST_BYTES // 2


def unpack(kept: bytes, limit: int = -1) -> bytes:
    """Return a row as it came; only its first `limit` bytes if one is given."""
    if not kept.startswith(_MARK):
        return kept if limit < 0 else kept[:limit]
    return zlib.decompressobj().decompress(kept[len(_MARK) :], max(limit, 0))


def seal(to: Seal, refused: Refused) -> tuple[bytes, str]:
    """Return what is stored of a refused row, and its detail, which says when something was cut off."""
    kept, held = pack(refused.raw)
    cut = "" if held == len(refused.raw) else f"; only the first {held} of {len(refused.raw)} bytes are kept"
    return to.seal(kept, WHERE), refused.detail.replace("\0", "\N{REPLACEMENT CHARACTER}") + cut


def open(by: Seal, sealed: bytes, limit: int = -1) -> bytes:
    """Return a refused row as it came, or its first `limit` bytes."""
    return unpack(by.open(sealed, WHERE), limit)


def bundled(refused: Sequence[Refused]) -> Iterator[Refused]:
    """Yield refused rows as they are stored: of the very many events of one request, the rest as batches again.

    A batch of a hundred thousand refused events takes a few kilobytes on the wire; as rows of their own they would take a
    hundred megabytes.
    """
    if len(refused) <= SINGLE:
        yield from refused
        return
    met: Counter[tuple[int | None, str]] = Counter()
    rest: dict[tuple[int | None, str], list[Refused]] = {}
    for one in refused:
        key = one.row, one.reason
        met[key] += 1
        if one.row is None or met[key] <= SINGLE or not one.place.startswith("message "):
            yield one
        else:
            rest.setdefault(key, []).append(one)
    for group in rest.values():
        yield from _batches(group)


def _batches(group: list[Refused]) -> Iterator[Refused]:
    part: list[Refused] = []
    size = 0
    for one in group:
        if part and size + len(one.raw) > BUNDLE_BYTES:
            yield _batch(part)
            part, size = [], 0
        part.append(one)
        size += len(one.raw) + 1
    yield _batch(part)


def _batch(part: Iterable[Refused]) -> Refused:
    events = list(part)
    raw = b'{"batch":[' + b",".join(one.raw for one in events) + b"]}"
    detail = f"{len(events)} events, {events[0].place} to {events[-1].place}; the first: {events[0].detail}"
    return replace(events[0], raw=raw, place="body", detail=detail)
