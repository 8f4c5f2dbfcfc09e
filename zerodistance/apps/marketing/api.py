"""The door of marketing: the map of a marketer, campaigns, ready-made plays, the broadcast station."""

from __future__ import annotations

from zerodistance.apps.marketing.broadcast import Broadcast, Station, send, station
from zerodistance.apps.marketing.campaigns.api import (
    acts,
    advance,
    approve,
    ask,
    campaign,
    campaigns,
    create,
    end,
    forget,
    pause,
    places,
    read,
    resume,
    save,
    send_back,
    sizes,
    start,
    statistics,
    written,
)
from zerodistance.apps.marketing.maps import KM, Look, cells, chosen, communities, said_in
from zerodistance.apps.marketing.outline import land
from zerodistance.apps.marketing.plays.api import play, plays
from zerodistance.apps.marketing.spots import spot

__all__ = [
    # the map
    "KM",
    "Look",
    "spot",
    "communities",
    "cells",
    "chosen",
    "said_in",
    "land",
    # campaigns
    "read",
    "written",
    "create",
    "save",
    "campaigns",
    "campaign",
    "acts",
    "sizes",
    "ask",
    "approve",
    "send_back",
    "start",
    "pause",
    "resume",
    "end",
    "places",
    "statistics",
    # plays
    "plays",
    "play",
    # the broadcast station
    "Station",
    "Broadcast",
    "station",
    "send",
    # for the worker
    "advance",
    "forget",
]
