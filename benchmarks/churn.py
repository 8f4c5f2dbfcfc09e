"""Who leaves: scorecard, additive table and trees on IBM's telephone customers.

Settings are those of the program; none was chosen by what comes out here.
"""

from __future__ import annotations

import numpy as np

from benchmarks.lib import tables
from benchmarks.lib.climbed import climbed
from benchmarks.lib.machine import report


def main() -> None:
    """Say every customer with every seed, and measure."""
    options = tables.options(__doc__).parse_args()
    table, months = tables.telco(options.data)
    table = tables.Table({**table.columns, "months": months}, table.labels)
    # The rule: who may leave any month, the newest first.
    figures = climbed(
        table,
        lambda some: some["Contract: Month-to-month"] - np.minimum(some["months"], 99) / 100,
        options.seeds,
        "additive",
    )
    report("churn", **figures)


if __name__ == "__main__":
    main()
