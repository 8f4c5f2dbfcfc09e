"""Households as they would be if every person were recognised rightly: what is missed then is missed by households, the rest by identity."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa

from zerodistance.core.identity.contracts import VISITORS_FROM
from zerodistance.core.identity.households.gathering import gather
from zerodistance.core.identity.households.solving import solve
from zerodistance.core.identity.people import subject_map
from zerodistance.core.touchpoints import api as touchpoints
from zerodistance.core.touchpoints.tail import touches_view
from zerodistance.evaluate.reading import Truth, desk
from zerodistance.kernel.access import Who
from zerodistance.kernel.home import Home


def with_true_persons(home: Home, city: Path, said: Path) -> None:
    """Write the household of every touch, computed from the persons of the truth: a subject is whoever most of its touches are about."""
    subject = subject_map(home)["subject"].to_numpy()
    with desk() as con:
        sources = touchpoints.list_sources(home, Who.system())
        con.register(
            "source_keys", pa.table({"number": [s.number for s in sources], "key": [s.key for s in sources]})
        )
        with home.engine.connect() as lake:
            touches_view(lake, home)
            columns = "source as number, source_id, subject, epoch_us(happened_at) as at_"
            con.register("told", lake.sql(f"select {columns} from touches").to_arrow_table())
        con.execute(
            "create table touch as select k.key as source, t.source_id, t.subject, t.at_ from told t join source_keys k using (number)"
        )
        Truth.of(city).records(con)
        con.execute(
            "create table about as select t.subject, mode(r.person) as true_person from touch t join records r on r.source = t.source "
            "and r.record = t.source_id where t.subject > 0 and r.person is not null group by 1"
        )
        found = con.execute("select subject, true_person from about").fetchnumpy()
        person = VISITORS_FROM + subject
        person[np.searchsorted(subject, found["subject"])] = (
            1 + np.unique(found["true_person"], return_inverse=True)[1]
        )
        _carried(home, subject, person)
        con.register("mapped", pa.table({"subject": subject, "person": person}))
        con.register("member", _members(home, subject, person))
        con.execute(
            "copy (select t.source, t.source_id, coalesce('h' || m.household, 'p' || p.person) as household_id from touch t "
            "left join mapped p on p.subject = t.subject asof left join member m on m.person = p.person and t.at_ >= m.since) "
            f"to '{said}' (format parquet)"
        )


def _carried(
    home: Home,
    subject: np.ndarray[tuple[int], np.dtype[np.int64]],
    person: np.ndarray[tuple[int], np.dtype[np.int64]],
) -> None:
    """Give an identifier that no touch names as its subject to whoever stands before it."""
    with home.state.read() as tx:
        rows = tx.exec_driver_sql("select b, min(a) from evidence where a > 0 group by b").all()
    weaker, stronger = (np.searchsorted(subject, [row[n] for row in rows]) for n in (0, 1))
    loose = person[weaker] >= VISITORS_FROM
    person[weaker[loose]] = person[stronger[loose]]


def _members(
    home: Home,
    subject: np.ndarray[tuple[int], np.dtype[np.int64]],
    person: np.ndarray[tuple[int], np.dtype[np.int64]],
) -> pa.Table:
    with home.state.read() as tx:
        gathered = gather(tx, home.seal, home.settings.country, subject, person)
    number = person[np.searchsorted(subject, gathered.first)]
    told = sorted(
        (int(number[one.person]), one.since, one.household) for one in solve(gathered.known).members
    )
    first = [n == 0 or told[n - 1][0] != row[0] for n, row in enumerate(told)]
    since = [-(1 << 62) if one else row[1] for one, row in zip(first, told, strict=True)]
    return pa.table(
        {"person": [row[0] for row in told], "since": since, "household": [row[2] for row in told]}
    )
