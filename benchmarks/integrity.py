"""Who keeps to what was agreed: scorecard, additive table and trees on holders of credit cards, who stand in for integrity.

Settings are those of the program; none was chosen by what comes out here.
"""

from __future__ import annotations

from benchmarks.lib import tables
from benchmarks.lib.climbed import climbed
from benchmarks.lib.machine import report


def main() -> None:
    """Say every holder with every seed, and measure."""
    options = tables.options(__doc__).parse_args()
    # The rule: how many months the last payment is late.
    report(
        "integrity", **climbed(tables.credit(options.data), lambda some: some["PAY_1"], options.seeds, "full")
    )


if __name__ == "__main__":
    main()
