"""`zerodistance evaluate identity` on very many records: processor seconds and the most memory, in one process.

Records of four systems are made from a seed, thirty a person, three persons a household; the answers split a tenth of the records off and join
persons of one in fifty.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from pathlib import Path

import duckdb

from benchmarks.lib.machine import arguments, report, say, workspace

SHARES = {"crm": 0.1, "club": 0.15, "web": 0.6, "telemetry": 0.15}
_PER_PERSON = 30  # as in the sample city


def main() -> None:
    """Make truth and answers, compare them, and print what it took."""
    parser = arguments(__doc__)
    parser.add_argument("--records", type=int, default=30_000_000)
    options = parser.parse_args()
    with workspace(options.folder) as root:
        say(f"making {options.records:,} records")
        _make(root, options.records)
        say("comparing")
        words = ["evaluate", "identity", "--truth", str(root), "--said", str(root / "persons.csv"), "--json"]
        began = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-m", "zerodistance", *words], capture_output=True, text=True, check=True
        )
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        report(
            "evaluate",
            records=options.records,
            total_s=time.perf_counter() - began,
            cpu_s=used.ru_utime + used.ru_stime,
            peak_rss_mb=used.ru_maxrss * 1024 / 1e6,
            f1=json.loads(done.stdout)["tables"]["by_part"][0]["pairs_f1"]["value"],
        )


def _make(root: Path, records: int) -> None:
    folder = root / "truth" / "records"
    folder.mkdir(parents=True)
    persons = max(1, records // _PER_PERSON)
    with duckdb.connect() as con:
        con.execute("set threads = 2; set memory_limit = '2GB'")
        for n, (silo, share) in enumerate(SHARES.items()):
            person = f"cast(hash(i * 4 + {n}) % {persons} as bigint)"
            con.execute(
                f"""copy (select i as row, '{silo}-' || i as record, {person} as person, {person} // 3 as household
                    from range({int(records * share)}) t(i)) to '{folder / silo}.parquet'"""
            )
        parts = " union all ".join(
            f"select '{silo}' as source, * from '{folder / silo}.parquet'" for silo in SHARES
        )
        con.execute(
            f"""copy (select source, record as source_id, 'p' || case when row % 10 = 0 then {persons} + person * 7 + row % 7
                when person % 50 = 0 then person // 100 * 100 else person end as person_id from ({parts})) to '{root / "persons.csv"}'"""
        )


if __name__ == "__main__":
    main()
