"""Evidence in the state of a home, and what the nightly rebuild takes to read it and to number persons, as processes that can be measured.

`python -m benchmarks.lib.reading fill FOLDER HOME` puts the columns of `benchmarks.lib.evidence` into a new home, one row of evidence a pair;
`python -m benchmarks.lib.reading read HOME SAID.json` reads, solves and numbers them, and writes the processor seconds of each.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.lib import evidence
from zerodistance.core.identity import loading, partition, renumbering
from zerodistance.core.identity.contracts import VISITORS_FROM
from zerodistance.core.identity.naming import MATCHED
from zerodistance.core.identity.rules import RuleSet
from zerodistance.kernel import bulk
from zerodistance.kernel.home import create_home, open_home
from zerodistance.kernel.settings import load

_STEP = 20_000
_SUBJECT = (
    "insert into subject (number, namespace, token, person, person_from, first_at, seen_at, shared, named, named_at, batch) "
    "values (?, ?, ?, ?, 0, ?, 0, 0, ?, 0, 1)"
)
_EVIDENCE = "insert into evidence (b, a, rule, at, origin, source, batch) values (?, ?, 'row', ?, 1, 1, 1)"
_MATCH = "insert into identity_match (b, a, bits, linked, model, at) values (?, ?, ?, 1, 'default', 1)"


def fill(folder: Path, root: Path) -> None:
    """Make a home whose state holds the columns; every subject is a person of its own."""
    create_home(load(home=root)).close()
    home = open_home(load(home=root))
    number, rank, first_at, _, named, a, b, at, tier = (
        np.load(folder / f"{name}.npy") for name in evidence.COLUMNS
    )
    with home.state.write() as tx:
        for part in _parts(len(number)):
            columns = (number[part], rank[part], number[part], first_at[part], named[part])
            plain = [column.tolist() for column in columns]
            tokens = evidence.token(np.arange(part.start, min(part.stop, len(number))))
            plain.insert(2, tokens)
            tx.exec_driver_sql(_SUBJECT, list(zip(*plain, strict=True)))
        for sql, mine, value in (
            (_EVIDENCE, tier != MATCHED, at),
            (_MATCH, tier == MATCHED, partition.match_orders(at)),
        ):
            rows = np.flatnonzero(mine)
            for part in _parts(len(rows)):
                some = rows[part]
                tx.exec_driver_sql(sql, _rows(number[b[some]], number[a[some]], value[some]))
    home.close()


def _parts(count: int) -> Iterator[slice]:
    for start in range(0, count, _STEP):
        yield slice(start, start + _STEP)


def _rows(*columns: npt.NDArray[Any]) -> list[tuple[Any, ...]]:
    return list(zip(*(column.tolist() for column in columns), strict=True))


def read(root: Path, said: Path) -> None:
    """Read, solve, number."""
    home = open_home(load(home=root))
    marks = [time.process_time()]
    with home.state.read() as tx:
        subjects, _ = loading.subjects(tx, None)
        marks.append(time.process_time())
        pairs, apart = loading.pairs(tx, subjects.number, whole=True)
        marks.append(time.process_time())
        found = partition.solve(subjects, pairs, RuleSet(), apart=apart)
        marks.append(time.process_time())
        last = int(bulk.value(tx, "select max(number) from subject"))
    renumbering.renumber(
        subjects, found.label, last_person=last, last_visitor=VISITORS_FROM, visitors_from=VISITORS_FROM
    )
    marks.append(time.process_time())
    home.close()
    took = dict(zip(("subjects", "evidence", "solve", "numbers"), np.diff(marks).tolist(), strict=True))
    said.write_text(json.dumps({"identifiers": len(subjects.number), "rows": len(pairs.a), "seconds": took}))


if __name__ == "__main__":
    {"fill": fill, "read": read}[sys.argv[1]](Path(sys.argv[2]), Path(sys.argv[3]))
