"""The door of outreach: how the brand may speak to somebody, and the only way out."""

from __future__ import annotations

from zerodistance.core.outreach.approving import Approval
from zerodistance.core.outreach.catalogue import listed as templates
from zerodistance.core.outreach.catalogue import preview, problems_of, sender_of
from zerodistance.core.outreach.catalogue import save as save_template
from zerodistance.core.outreach.catalogue import show as template
from zerodistance.core.outreach.catalogue import versions as template_versions
from zerodistance.core.outreach.catalogue import withdraw as withdraw_template
from zerodistance.core.outreach.contracts import (
    CHANNELS,
    MESSAGE_STATES,
    PURPOSES,
    SEND_STATES,
    ChannelName,
    MessageState,
    Purpose,
    Sending,
    SendState,
    Settled,
    Tally,
    Way,
)
from zerodistance.core.outreach.desk import (
    complained,
    figures,
    lift,
    limits_history,
    limits_shown,
    may_look,
    of_person,
    say,
    set_limits,
    suppress,
    suppress_list,
)
from zerodistance.core.outreach.forgetting import forget, undo, undo_counts
from zerodistance.core.outreach.hearing import Hearing
from zerodistance.core.outreach.limits import not_now
from zerodistance.core.outreach.receipts import HEARD, Receipt
from zerodistance.core.outreach.receipts import of_message as receipts_of
from zerodistance.core.outreach.sends.queue import REASONS
from zerodistance.core.outreach.sends.sending import called as send_called
from zerodistance.core.outreach.sends.sending import decide as decide_send
from zerodistance.core.outreach.sends.sending import export as export_send
from zerodistance.core.outreach.sends.sending import get as get_send
from zerodistance.core.outreach.sends.sending import heard as heard_of_send
from zerodistance.core.outreach.sends.sending import held as held_messages
from zerodistance.core.outreach.sends.sending import listed as list_sends
from zerodistance.core.outreach.sends.sending import send
from zerodistance.core.outreach.sends.sending import stop as stop_send

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
    "sender_of",
    "may_look",
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
    "SendState",
    "SEND_STATES",
    "MessageState",
    "MESSAGE_STATES",
    "REASONS",
    # sends
    "send",
    "decide_send",
    "stop_send",
    "get_send",
    "send_called",
    "list_sends",
    "export_send",
    "held_messages",
    "heard_of_send",
    "Sending",
    "Tally",
    "Way",
    # what was heard of messages
    "HEARD",
    "Receipt",
    "receipts_of",
    # for the worker
    "Hearing",
    "forget",
    "undo",
    "undo_counts",
]
