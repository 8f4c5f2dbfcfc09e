"""The door of outreach: how the brand may speak to somebody, and the only way out."""

from __future__ import annotations

from zerodistance.core.outreach.contracts import CHANNELS, PURPOSES, ChannelName, Purpose, Settled

__all__ = [
    # words
    "Purpose",
    "PURPOSES",
    "ChannelName",
    "CHANNELS",
    "Settled",
]
