"""Tables of channels, links, receipts and the inbox, and their queries. Private to the room. Times are microseconds UTC."""

from __future__ import annotations
