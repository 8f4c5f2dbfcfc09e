"""Evidence as a large brand would have it, made from a seed in columns: records on phones, e-mail addresses, accounts, members, devices and cookies.

Shares are near those in the state of a sample city of 20,000 people: three of ten pairs with contact data stand where there are several names (families,
numbers given to others, names spelled otherwise; in the city four), three pairs in a hundred belong to persons that break a limit (in the city one).
Records come in order of time and so do numbers of subjects: what was seen before has a low number, anywhere in the past.
`python -m benchmarks.lib.evidence RECORDS SEED FOLDER` writes them.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from zerodistance.core.identity import naming, partition, rules

Ints = npt.NDArray[np.int64]
Rows = npt.NDArray[np.int32]
COLUMNS = ("number", "rank", "first_at", "person", "named", "a", "b", "at", "tier")
_YEARS = 15 * 365 * 86_400_000_000
_BEGAN = 1_262_304_000_000_000  # 2010
_RECORDS_EACH = 3.4  # records of a person, as in the city
_HOME = 3  # persons of a household
_NAMELESS, _LOOSE, _SLIP = (
    0.02,
    0.05,
    0.04,
)  # records without a name, or with a surname at most (calls and visits, which have no account), or a name spelled otherwise


@dataclass(frozen=True)
class _Key:
    """One kind of identifier on records: its namespace, which value each record has (-1: none), and whom it stands with: the record, or the account."""

    rank: int
    value: Rows
    on_account: bool


def token(rows: Ints) -> list[bytes]:
    """Return a token for each row, the same whenever it is asked for."""
    with np.errstate(over="ignore"):
        mixed = _hashed(rows.astype(np.uint64)), _hashed(~rows.astype(np.uint64))
    return [x.tobytes() + y.tobytes() for x, y in zip(*mixed, strict=True)]


def _hashed(values: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Return 64 bits for each value (splitmix64)."""
    with np.errstate(over="ignore"):
        z = values + np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return np.asarray(z ^ (z >> np.uint64(31)))


def make(records: int, seed: int, folder: Path) -> tuple[int, int]:
    """Write the columns of `Subjects` and `Pairs` as one .npy each; return how many subjects and pairs there are."""
    rng = np.random.default_rng(seed)
    persons = int(records / _RECORDS_EACH)
    who = rng.integers(0, persons, records, dtype=np.int32)
    how = rng.random(records, dtype=np.float32)
    keys = _keys(rng, who, persons, how < _LOOSE)
    number, first, rank = _numbered(records, keys)
    count = len(rank)
    at = _BEGAN + (np.arange(records, dtype=np.int64) * (_YEARS // records))
    first_at = at[first]
    del first
    named = np.zeros(count, dtype=np.int64)
    named[number[0]] = _names(rng, who, persons, how)
    edges = _edges(rng, who, keys, number)
    del keys, number, who
    _save(folder, "number", np.arange(1, count + 1, dtype=np.int64))
    _save(folder, "rank", rank)
    _save(folder, "named", named)
    _save(folder, "person", np.arange(1, count + 1, dtype=np.uint32))
    b, a, tier = (edges >> 29) & ((1 << 29) - 1), edges & ((1 << 29) - 1), 1 + (edges >> 58)
    del edges
    order = np.lexsort((a, b)) if (b[1:] < b[:-1]).any() else slice(None)
    a, b, tier = a[order].astype(np.int32), b[order].astype(np.int32), tier[order].astype(np.int8)
    _save(folder, "a", a)
    _save(folder, "b", b)
    _save(folder, "tier", tier)
    stood = np.maximum(first_at[a], first_at[b])
    matched = tier == naming.MATCHED
    stood[matched] = partition.match_orders(rng.integers(1, 30_000_000, int(matched.sum())))
    _save(folder, "at", stood)
    _save(folder, "first_at", first_at)
    return count, len(a)


def _save(folder: Path, name: str, column: npt.NDArray[np.generic]) -> None:
    np.save(folder / f"{name}.npy", column)


def _keys(rng: np.random.Generator, who: Rows, persons: int, loose: npt.NDArray[np.bool_]) -> list[_Key]:
    """Return the identifiers of records; accounts come first, since others stand with them."""
    records = len(who)
    late = np.arange(records, dtype=np.float32) / records
    rank = rules.RANKS

    def some(share: float, value: npt.NDArray[np.integer]) -> Rows:
        return np.where(rng.random(records, dtype=np.float32) < share, value, -1).astype(np.int32)

    def of_persons(share: float) -> npt.NDArray[np.bool_]:
        return rng.random(persons, dtype=np.float32) < share

    relative = who - who % _HOME + rng.integers(0, _HOME, records, dtype=np.int32)
    relative = np.minimum(relative, persons - 1)
    orders = np.where(rng.random(records, dtype=np.float32) < 0.02, relative, who)
    user = some(0.58, np.where(of_persons(0.003)[orders] & (late > 0.5), orders + persons, orders))
    member = some(
        0.15, np.where(of_persons(0.001)[orders] & (rng.random(records) < 0.5), orders + persons, orders)
    )
    user[loose], member[loose] = -1, -1
    moved = rng.random(persons, dtype=np.float32) * 2  # when somebody's number becomes another one
    given_on = rng.permutation(persons).astype(np.int32)
    other = np.where(of_persons(0.1)[who], given_on[who], who + persons)
    phone = np.where(late < moved[who], who, other)
    family = rng.random(records, dtype=np.float32) < 0.3
    phone = np.where(family, 2 * persons + who // _HOME, phone)
    dealer = rng.random(records, dtype=np.float32) < 0.002
    dealers = max(1, records // 20_000)
    phone = np.where(dealer, 3 * persons + rng.integers(0, dealers, records), phone)
    email = some(0.3, np.where(rng.random(records, dtype=np.float32) < 0.1, relative, who))
    device = some(0.4, who * 2 + (rng.random(records, dtype=np.float32) < late))
    kiosk = rng.random(records, dtype=np.float32) < 0.001
    device = np.where(kiosk, 2 * persons + rng.integers(0, dealers, records), device).astype(np.int32)
    cookie = some(0.5, np.arange(records, dtype=np.int32))
    none = user < 0
    device[none], cookie[none] = -1, -1
    return [
        _Key(rank["member_id"], member, False),
        _Key(rank["user_id"], user, False),
        _Key(rank["phone"], some(0.95, phone), False),
        _Key(rank["email"], email, False),
        _Key(rank["device_id"], device, True),
        _Key(rank["anonymous_id"], cookie, True),
    ]


def _numbered(records: int, keys: list[_Key]) -> tuple[list[Rows], Rows, npt.NDArray[np.int8]]:
    """Return the row of each record and of each value of each kind; per row the record with which it came, and its rank."""
    firsts, new = [], np.ones(records, dtype=np.int32)
    for key in keys:
        first = np.full(int(key.value.max()) + 1, -1, dtype=np.int32)
        there = np.flatnonzero(key.value >= 0)[::-1]
        first[key.value[there]] = there  # the last one written is the first that came
        new += np.bincount(first[first >= 0], minlength=records).astype(np.int32)
        firsts.append(first)
    place = (np.cumsum(new, dtype=np.int64) - new).astype(np.int32)
    count = int(new.sum())
    came, rank = np.empty(count, dtype=np.int32), np.full(count, rules.RECORD, dtype=np.int8)
    came[place] = np.arange(records, dtype=np.int32)
    rows, free = [place], place + 1
    for key, first in zip(keys, firsts, strict=True):
        row, seen = np.full(len(first), -1, dtype=np.int32), np.flatnonzero(first >= 0)
        row[seen] = free[first[seen]]
        free[first[seen]] += 1
        came[row[seen]], rank[row[seen]] = first[seen], key.rank
        rows.append(row)
    return rows, came, rank


def _names(rng: np.random.Generator, who: Rows, persons: int, how: npt.NDArray[np.float32]) -> Ints:
    """Return the mark of the name on each record: of 100 four are spelled otherwise, three have a surname only, two have none."""
    with np.errstate(over="ignore"):
        home = np.arange(persons, dtype=np.uint64) // np.uint64(_HOME)
        own = np.arange(persons, dtype=np.uint64) % np.uint64(_HOME) == 0
        family = _hashed(np.where(own, home + np.uint64(1 << 40), home)) % np.uint64(400) + np.uint64(1)
        given = _hashed(np.arange(persons, dtype=np.uint64)) % np.uint64(200_000)
        whole = _hashed(family * np.uint64(1 << 20) + given) & np.uint64(naming.LOW)
    mark = (family.astype(np.int64) << 43) | np.maximum(whole.astype(np.int64), 1)
    out = mark[who]
    out[how < _LOOSE] &= ~np.int64(naming.LOW)
    out[how < _NAMELESS] = 0
    slip = how > 1 - _SLIP
    out[slip] ^= rng.integers(1, 5, int(slip.sum()))
    return out


def _edges(rng: np.random.Generator, who: Rows, keys: list[_Key], number: list[Rows]) -> Ints:
    """Return the pairs, each once, as numbers that order them: tier, row of the weaker end, row of the stronger."""
    record, member, user = number[0], keys[0].value, keys[1].value
    parts = []
    for key, rows in zip(keys, number[1:], strict=True):
        there = np.flatnonzero(key.value >= 0)
        found, mine = rows[key.value[there]], record[there]
        if key.on_account:
            parts.append(_packed(number[2][user[there]], found))
        elif key.rank < rules.RECORD:
            parts.append(_packed(found, mine))
        else:
            parts.append(_packed(mine, found))
    both = np.flatnonzero((member >= 0) & (user >= 0))
    parts.append(_packed(number[1][member[both]], number[2][user[both]]))
    phones = number[3]
    own = np.flatnonzero((user >= 0) & (rng.random(len(who), dtype=np.float32) < 0.4))
    said = user[own]
    known = (said < len(phones)) & (phones[np.minimum(said, len(phones) - 1)] >= 0)
    parts.append(_packed(number[2][said[known]], phones[said[known]]))  # what the account says of itself
    first = np.full(int(who.max()) + 1, -1, dtype=np.int32)
    first[who[::-1]] = np.arange(len(who) - 1, -1, -1, dtype=np.int32)
    alike = np.flatnonzero(
        (rng.random(len(who), dtype=np.float32) < 0.08) & (first[who] != np.arange(len(who)))
    )
    seen = np.concatenate(parts)
    del parts
    seen.sort()
    seen = seen[np.r_[True, seen[1:] != seen[:-1]]]
    matched = _packed(record[first[who[alike]]], record[alike]) | (1 << 58)
    return np.concatenate([seen, np.sort(matched)])


def _packed(a: Rows, b: Rows) -> Ints:
    return (b.astype(np.int64) << 29) | a


if __name__ == "__main__":
    make(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
