"""What models does by itself: scores everybody at night."""

from __future__ import annotations

from datetime import timedelta

from zerodistance.core.models import api
from zerodistance.kernel.access import Who
from zerodistance.kernel.home import Home
from zerodistance.kernel.jobs import Job
from zerodistance.kernel.text import Text


def score(home: Home) -> None:
    """Score everybody with every champion."""
    api.score(home, Who.system("models"))


JOBS = (
    Job(
        "models.score",
        timedelta(days=1),
        score,
        Text("用上任的模型给所有人评分", "score everybody with the models that are champions"),
        at_once=False,
    ),
)
