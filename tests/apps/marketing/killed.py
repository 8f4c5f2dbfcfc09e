"""Takes the campaigns of the home that is named on, so many days after it began; a test lets it be killed on the way."""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path

from tests.core.outreach.sending import NOON, Box
from zerodistance.apps.marketing.campaigns import running
from zerodistance.core.outreach.channels import opening
from zerodistance.core.outreach.contracts import ChannelName
from zerodistance.kernel import clock
from zerodistance.kernel.home import open_home
from zerodistance.kernel.settings import load


def main() -> None:
    """Do one turn of the worker's job."""
    opening.take(ChannelName.EMAIL, lambda home: Box())
    with clock.freeze(clock.from_micros(NOON) + timedelta(days=float(sys.argv[2]))):
        running.advance(open_home(load(home=Path(sys.argv[1]))))


if __name__ == "__main__":
    main()
