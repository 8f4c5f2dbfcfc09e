"""Numbers that look like chance and are not: seeds of each part of a city, ids scattered by a bijection, hexadecimal text. Vectorised."""

from __future__ import annotations

import base64
import zlib
from functools import cache
from importlib import resources
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Ints = NDArray[np.int64]

_ROOM = 36  # bits of an id that a system gives out: 68 billion, 11 digits
_MASK = np.uint64((1 << _ROOM) - 1)
PER_BLOCK = 1 << 21  # ids of one kind that a block may give out
_STAGES = (
    "plan", "homes", "people", "contacts", "appliances", "traits", "crm", "club", "pos", "shop", "service", "web", "social",
    "devices", "messages", "texts", "ids", "missed",
)  # fmt: skip


def luck(seed: int, world: int, block: int, stage: str) -> np.random.Generator:
    """Return the chance of one stage of one block: a new draw in one stage moves no other."""
    parts = np.random.SeedSequence((seed, world, block + 1, _STAGES.index(stage)))
    return np.random.Generator(np.random.PCG64(parts))


def mixed(value: NDArray[Any], salt: int) -> NDArray[np.uint64]:
    """Return 64 bits that follow from each number and look like chance (splitmix64).

    References
    ----------
    Steele, Lea, Flood: Fast splittable pseudorandom number generators, OOPSLA 2014.
    """
    with np.errstate(over="ignore"):
        z = value.astype(np.uint64) + np.uint64((salt * 0x9E3779B97F4A7C15) & 0xFFFFFFFFFFFFFFFF)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))


def scattered(value: NDArray[Any], seed: int, kind: int) -> Ints:
    """Return a number below 2^36 for each number below 2^36, never the same for two: ids that say nothing of their order."""
    key = mixed(np.arange(4, dtype=np.uint64) + np.uint64(kind * 8), seed + 1)
    with np.errstate(over="ignore"):
        x = value.astype(np.uint64) & _MASK
        for turn in range(4):
            x = (x * (key[turn] | np.uint64(1))) & _MASK
            x = (x ^ (x >> np.uint64(17))) & _MASK
            x = (x + (key[turn] >> np.uint64(7))) & _MASK
    return x.astype(np.int64)


_HEX = np.frombuffer(b"".join(b"%02x" % n for n in range(256)), dtype="S2")


def hexed(*words: NDArray[np.uint64]) -> pa.Array:
    """Return 16 hexadecimal digits for each word, joined."""
    rows = len(words[0])
    whole = np.ascontiguousarray(np.stack(words, axis=1).astype(">u8"))
    digits = _HEX[whole.view(np.uint8).reshape(rows, 8 * len(words))]
    return _fixed(np.ascontiguousarray(digits).tobytes(), rows, 16 * len(words))


def _fixed(raw: bytes, rows: int, width: int) -> pa.Array:
    offsets = np.arange(rows + 1, dtype=np.int32) * width
    return pa.Array.from_buffers(
        pa.string(), rows, [None, pa.py_buffer(offsets.tobytes()), pa.py_buffer(raw)]
    )


def digits(value: NDArray[Any], width: int) -> pa.Array:
    """Return each number in decimal, filled with zeros to a width that it must fit in."""
    rest = value.astype(np.int64)
    out = np.empty((len(rest), width), dtype=np.uint8)
    for place in range(width - 1, -1, -1):
        rest, digit = np.divmod(rest, 10)
        out[:, place] = digit + 48
    return _fixed(out.tobytes(), len(out), width)


@cache
def _free_segments() -> Ints:
    prefixes, packed = (resources.files(__package__) / "data" / "segments.txt").read_text().splitlines()[:2]
    bits = np.unpackbits(
        np.frombuffer(zlib.decompress(base64.b64decode(packed)), dtype=np.uint8), bitorder="little"
    )
    starts = np.array([int(prefix) * 10_000 for prefix in prefixes.split()], dtype=np.int64)
    every = (starts[:, None] + np.arange(10_000)).reshape(-1)
    return np.compress(bits.astype(bool), every)


def phones(counter: Ints, seed: int) -> Ints:
    """Return a mobile number in a segment that nobody held in December 2023, another one for each counter."""
    free = _free_segments()
    room = len(free) * 10_000
    step = (int(mixed(np.array([seed]), 77)[0]) % room) | 1
    while np.gcd(step, room) != 1:
        step += 2
    begin = int(mixed(np.array([seed]), 78)[0]) % room
    where = (counter * step + begin) % room  # below 2^63: both factors are below 2^31
    number: Ints = free[where // 10_000] * 10_000 + where % 10_000
    return number
