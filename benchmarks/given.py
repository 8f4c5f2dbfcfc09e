"""Giving profiles a dimension: how long a million values take to be kept, to be in the index, and what ten of them cost a turn.

    python -m benchmarks.given [--people 1000000] [--given 10] [--turned 1000]

Persons have one subject and one touch each; the index holds three dimensions of touches beside those that are given.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from zerodistance.core.profiles import api as profiles
from zerodistance.core.profiles import states
from zerodistance.core.profiles.contracts import Layer, Values
from zerodistance.core.profiles.keeper import Keeper
from zerodistance.kernel import clock
from zerodistance.kernel.access import Who
from zerodistance.kernel.home import Home, create_home
from zerodistance.kernel.settings import load
from zerodistance.kernel.text import Text

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
WHO, NAME = Who.system("benchmark"), Text("试", "test")
NODES = [f"n{n}" for n in range(12)]
DIMENSIONS = [
    profiles.dimension(None, key) for key in ("value.spend_total", "value.orders_total", "usage.repairs_2y")
]
Ints = npt.NDArray[np.int64]
_SLICE = 250_000


class Everybody:
    """Identity in which subject n is person n."""

    def __init__(self, people: int) -> None:
        self._all = np.arange(1, people + 1, dtype=np.int64)

    def version(self) -> int:
        return 0

    def decided(self) -> int:
        return 0

    def settled(self) -> int:
        return 0

    def changed(self, since: int) -> Ints:
        return self._all[:0]

    def numbers_of(self, subjects: Ints) -> Ints:
        return subjects

    def then(self, at: int, subject: int | None = None) -> pa.Table:
        raise NotImplementedError  # nobody asks here who was who

    def pairs(self, numbers: Ints | None) -> pa.Table:
        mine = self._all if numbers is None else numbers
        return pa.table({"subject": mine, "number": mine})

    def facts(self, numbers: Ints | None) -> pa.Table:
        return pa.table(
            {
                "number": pa.array([], pa.int64()),
                "fact": pa.array([], pa.string()),
                "value": pa.array([], pa.string()),
            }
        )


def rows(some: Ints, batch: int, at: datetime) -> pa.Table:
    """Return states of one touch each."""
    micros, many = clock.to_micros(at), len(some)
    said = {
        "batch": batch,
        "family": "order",
        "day": (at - datetime(1970, 1, 1, tzinfo=UTC)).days,
        "kind": "order.line",
    }
    said |= {"n": 1, "amount": 100_000, "amounts": 1, "largest": 100_000, "quantities": 0, "durations": 0}
    said |= {"first_at": micros, "last_at": micros}
    columns = [
        pa.array(some) if f.name == "subject" else pa.repeat(pa.scalar(said.get(f.name), f.type), many)
        for f in states.STATES
    ]
    return pa.table(columns, schema=states.STATES)


def values(people: int, seed: int) -> Iterator[pa.Table]:
    """Yield a node for everybody, in no order."""
    luck = np.random.default_rng(seed)
    everybody = luck.permutation(np.arange(1, people + 1, dtype=np.int64))
    for at in range(0, people, _SLICE):
        some = everybody[at : at + _SLICE]
        nodes = pa.DictionaryArray.from_arrays(
            luck.integers(0, len(NODES), len(some)).astype(np.int32), NODES
        )
        yield pa.table({"subject": some, "value": nodes.dictionary_decode()})


def turns(
    home: Home, keeper: Keeper, people: int, turned: int, batch: int, many: int = 5
) -> tuple[float, int]:
    """Return how long a turn takes in which so many persons have a new touch."""
    luck, took = np.random.default_rng(batch), []
    for _ in range(many):
        batch += 1
        at = START + timedelta(minutes=batch)
        some = np.sort(luck.choice(people, turned, replace=False).astype(np.int64) + 1)
        states.append(home, rows(some, batch, at), batch)
        with clock.freeze(at):
            began = time.perf_counter()
            keeper.update()
            took.append(time.perf_counter() - began)
    return statistics.median(took), batch


def run(folder: Path, people: int, given: int, turned: int) -> dict[str, float]:
    """Return the figures."""
    home = create_home(load(home=folder / "home"))
    keeper = Keeper(home, Everybody(people), DIMENSIONS)
    states.append(home, rows(np.arange(1, people + 1, dtype=np.int64), 1, START), 1)
    with clock.freeze(START):
        keeper.update()
        states.lay(home)
    none_s, batch = turns(home, keeper, people, turned, 1)
    gave, brought = [], []
    for n in range(given):
        with clock.freeze(START + timedelta(minutes=batch, seconds=n + 1)):
            one = profiles.Given(
                f"own.d{n}", Layer.VALUE, NAME, NAME, Values(labels=dict.fromkeys(NODES, NAME))
            )
            began = time.perf_counter()
            profiles.give(home, WHO, one, values(people, n))
            gave.append(time.perf_counter() - began)
            began = time.perf_counter()
            keeper.update()
            brought.append(time.perf_counter() - began)
    with_s, batch = turns(home, keeper, people, turned, batch + 1)
    some = np.arange(1, turned + 1, dtype=np.int64)
    with clock.freeze(START + timedelta(minutes=batch + 1)):
        began = time.perf_counter()
        profiles.give_some(
            home, WHO, "own.d0", [pa.table({"subject": some, "value": pa.repeat("n1", turned)})]
        )
        keeper.update()
        some_s = time.perf_counter() - began
    home.close()
    return {
        "people": people,
        "given": given,
        "turned": turned,
        "give_s": round(statistics.median(gave), 2),
        "in_index_s": round(statistics.median(brought), 2),
        "give_some_s": round(some_s, 2),
        "turn_without_s": round(none_s, 3),
        "turn_with_s": round(with_s, 3),
        "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


def main() -> None:
    """Print the figures as one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=1_000_000)
    parser.add_argument("--given", type=int, default=10)
    parser.add_argument("--turned", type=int, default=1_000)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(run(Path(folder), asked.people, asked.given, asked.turned)))


if __name__ == "__main__":
    main()
