"""What models does by itself: scores everybody at night, and looks whether champions are still right."""

from __future__ import annotations

from datetime import timedelta

from zerodistance.core.models import api, examining
from zerodistance.kernel.access import Who
from zerodistance.kernel.home import Home
from zerodistance.kernel.jobs import Job
from zerodistance.kernel.text import Text


def score(home: Home) -> None:
    """Score everybody with every champion."""
    api.score(home, Who.system("models"))


def watch(home: Home) -> None:
    """Look at every champion: whether scores, features and outcomes are what they were."""
    examining.night(home)


JOBS = (
    Job(
        "models.score",
        timedelta(days=1),
        score,
        Text("用上任的模型给所有人评分", "score everybody with the models that are champions"),
        at_once=False,
    ),
    Job(
        "models.watch",
        timedelta(days=1),
        watch,
        Text("看上任的模型有没有漂移、准不准", "look whether champions drift, and how right they were"),
        at_once=False,
    ),
)
