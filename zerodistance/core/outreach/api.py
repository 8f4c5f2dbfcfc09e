"""The door of outreach: how the brand may speak to somebody, and the only way out."""

from __future__ import annotations

from zerodistance.core.outreach.contracts import CHANNELS, PURPOSES, ChannelName, Purpose, Settled
from zerodistance.core.outreach.forgetting import forget, undo, undo_counts
from zerodistance.core.outreach.hearing import Hearing

__all__ = [
    # words
    "Purpose",
    "PURPOSES",
    "ChannelName",
    "CHANNELS",
    "Settled",
    # for the worker
    "Hearing",
    "forget",
    "undo",
    "undo_counts",
]
