"""Messages on their way out, as the sender gives them to a channel."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from zerodistance.core.outreach.contracts import Outgoing

URL = "https://hello.example.com/u/abc"


def message_id(number: int) -> str:
    """Return the id of the n-th message."""
    return f"{number:024x}"


def outgoing(number: int = 1, **given: Any) -> Outgoing:
    """Return a message with some of its fields changed."""
    usual = Outgoing(
        message_id=message_id(number),
        channel="email",
        address=f"somebody{number}@example.com",
        lang="zh",
        subject="您的滤芯该换了",
        text="您好：\n滤芯已用 12 个月。\n退订：https://hello.example.com/u/abc",
        html=None,
        opt_out_url=URL,
        return_token=f"{number:032x}".replace("0", "a"),
        campaign="filters",
    )
    return replace(usual, **given)
