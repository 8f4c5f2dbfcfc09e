"""A process that pulls rows and prints the most memory it ever had, in MB: `python -m tests.connectors.feeds.weigh HOME URL ROWS`."""

from __future__ import annotations

import resource
import sys
from pathlib import Path

from tests.connectors.feeds.places import MAPPING
from zerodistance.connectors.feeds import api
from zerodistance.kernel.access import Who
from zerodistance.kernel.home import create_home
from zerodistance.kernel.settings import load


def main(root: Path, url: str, rows: int) -> None:
    """Pull so many rows into a new home."""
    home, who = create_home(load(home=root)), Who.system("weigh")
    query = f'query = "select * from visit where id <= {rows}"\ncursor = {{ column = "id", overlap = 1000 }}'
    text = f'[feed]\nkind = "sql"\nname = "visits"\n[sql]\nurl = "{url}"\n{query}\nrows = 100_000\n[mapping]\n{MAPPING}'
    api.add_feed(home, who, text)
    assert api.run_feed(home, who, "visits").rows == rows
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
