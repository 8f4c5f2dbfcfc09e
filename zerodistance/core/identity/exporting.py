"""Files with one row a touch, for evaluation outside: whose it is, or which household's."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from zerodistance.core.touchpoints import api as touchpoints
from zerodistance.core.touchpoints.tail import touches_view
from zerodistance.kernel.access import Permission, Who
from zerodistance.kernel.home import Home

SOURCE = r"""k.key as source,
    case when regexp_matches(t.source_id, '^[=+@\t\r-]') then '''' || t.source_id else t.source_id end as source_id"""
"""Columns by which a row is known outside; an id that a spreadsheet would take for a formula has a `'` before it."""


def write(home: Home, who: Who, path: Path, sql: str, **given: pa.RecordBatchReader | pa.Table) -> int:
    """Write what `sql` selects of `touches t` and `source_keys k` as CSV, one row per touch; return the number of rows.

    Parameters
    ----------
    given
        Relations that `sql` reads besides.
    """
    who.need(Permission.SEE_PERSONS)
    sources = touchpoints.list_sources(home, who)
    keys = pa.table({"number": [s.number for s in sources], "key": [s.key for s in sources]})
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    with home.engine.connect() as con:
        touches_view(con, home)
        con.register("source_keys", keys)
        for name, rows in given.items():
            con.register(f"given_{name}", rows)
            con.execute(f"create temp table {name} as select * from given_{name}")
        con.sql(sql).write_csv(str(part), header=True)
        row = con.execute(
            "select count(*) from touches t join source_keys k on k.number = t.source"
        ).fetchone()
    part.replace(path)
    return int(row[0]) if row else 0
