"""The worker is killed with SIGKILL while it takes campaigns on: nobody enters twice, no step is doubled or left out."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.apps.marketing.test_handing import at, begin, shop
from tests.core.outreach.sending import Box
from zerodistance.apps.marketing.campaigns import running
from zerodistance.core.measurement import api as measurement
from zerodistance.core.outreach.channels import opening
from zerodistance.core.outreach.contracts import ChannelName
from zerodistance.core.outreach.sends import sending
from zerodistance.core.outreach.sends.sender import Sender
from zerodistance.kernel.access import Who
from zerodistance.kernel.home import Home

pytestmark = pytest.mark.slow
SYSTEM = Who.system("test")
POINTS = ("marketing.assigned", "measurement.assign", "marketing.stepped", "marketing.sent")


@pytest.fixture
def box() -> Iterator[Box]:
    made = Box()
    opening.take(ChannelName.EMAIL, lambda home: made)
    yield made
    opening.take(ChannelName.EMAIL, None)


def kill(home: Home, point: str, days: float) -> int:
    """Let another process take campaigns on, which is killed at a point; return how it ended."""
    asked = [sys.executable, "-m", "tests.apps.marketing.killed", str(home.root), str(days)]
    return subprocess.run(asked, env={**os.environ, "ZERODISTANCE_FAULT": point}, check=False).returncode


@pytest.mark.parametrize("point", POINTS)
def test_a_worker_that_is_killed_leaves_nothing_doubled_and_nothing_out(
    home: Home, box: Box, point: str
) -> None:
    shop(home)
    home = begin(home)
    ended = [kill(home, point, 0.01), kill(home, point, 0.02)]
    assert -signal.SIGKILL in ended
    for days in (0.03, 8.2):
        kill(home, point, days)
        with at(days + 0.01):
            running.advance(home)
            running.advance(home)
            Sender(home).run_due()
    treated, held = measurement.arms(home, "autumn-washers", 1)
    assert sorted(treated | held) == list(range(1, 101))
    assert measurement.experiment(home, SYSTEM, "autumn-washers").assignments == 1
    addresses = [one.address for one in box.kept]
    assert sorted(addresses) == sorted([f"p{n}@example.cn" for n in treated] * 2)
    assert len(sending.listed(home, SYSTEM)) == 2
