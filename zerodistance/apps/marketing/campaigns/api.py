"""The door of campaigns: write one, have it approved, run it, see what came of it."""

from __future__ import annotations

from zerodistance.apps.marketing.campaigns.audience import Size
from zerodistance.apps.marketing.campaigns.drafts import (
    acts,
    campaign,
    campaigns,
    create,
    read,
    save,
    written,
)
from zerodistance.apps.marketing.campaigns.forgetting import forget
from zerodistance.apps.marketing.campaigns.running import advance, heard
from zerodistance.apps.marketing.campaigns.states import (
    approve,
    ask,
    end,
    pause,
    paused_themselves,
    resume,
    send_back,
    sizes,
    start,
)
from zerodistance.apps.marketing.campaigns.statistics import places, statistics

__all__ = [
    # written
    "read",
    "written",
    "create",
    "save",
    "campaigns",
    "campaign",
    "acts",
    # before it runs
    "Size",
    "sizes",
    "ask",
    "approve",
    "send_back",
    # under way
    "start",
    "pause",
    "paused_themselves",
    "resume",
    "end",
    "places",
    "statistics",
    # for the worker
    "advance",
    "heard",
    "forget",
]
