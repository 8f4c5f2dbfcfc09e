"""The door of outreach: how the brand may speak to somebody, and the only way out."""

from __future__ import annotations

from zerodistance.core.outreach.approving import Approval
from zerodistance.core.outreach.catalogue import listed as templates
from zerodistance.core.outreach.catalogue import preview, problems_of
from zerodistance.core.outreach.catalogue import save as save_template
from zerodistance.core.outreach.catalogue import show as template
from zerodistance.core.outreach.catalogue import versions as template_versions
from zerodistance.core.outreach.catalogue import withdraw as withdraw_template
from zerodistance.core.outreach.contracts import CHANNELS, PURPOSES, ChannelName, Purpose, Settled
from zerodistance.core.outreach.desk import (
    complained,
    figures,
    lift,
    limits_history,
    limits_shown,
    of_person,
    say,
    set_limits,
    suppress,
    suppress_list,
)
from zerodistance.core.outreach.forgetting import forget, undo, undo_counts
from zerodistance.core.outreach.hearing import Hearing
from zerodistance.core.outreach.limits import not_now

__all__ = [
    # words
    "Purpose",
    "PURPOSES",
    "ChannelName",
    "CHANNELS",
    "Settled",
    # with what
    "templates",
    "template",
    "template_versions",
    "save_template",
    "withdraw_template",
    "preview",
    "problems_of",
    "Approval",
    # to whom, how often, when
    "limits_shown",
    "limits_history",
    "set_limits",
    "say",
    "figures",
    "of_person",
    "suppress",
    "suppress_list",
    "lift",
    "complained",
    "not_now",
    # for the worker
    "Hearing",
    "forget",
    "undo",
    "undo_counts",
]
