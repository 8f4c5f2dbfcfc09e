"""The entry of the command line: `zerodistance`, `zd` and `python -m zerodistance`."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line and exit with its code."""
    from zerodistance.compose import PARTS
    from zerodistance.doors.cli import main as run

    sys.exit(run(PARTS))


if __name__ == "__main__":
    main()
