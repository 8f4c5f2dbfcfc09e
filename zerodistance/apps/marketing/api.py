"""The door of marketing: the map of a marketer."""

from __future__ import annotations

from zerodistance.apps.marketing.maps import KM, cells, chosen, communities, said_in
from zerodistance.apps.marketing.outline import land
from zerodistance.apps.marketing.spots import spot

__all__ = ["KM", "spot", "communities", "cells", "chosen", "said_in", "land"]
