"""What campaigns hear."""

from __future__ import annotations

from collections.abc import Mapping

from zerodistance.apps.marketing.campaigns import running
from zerodistance.events.segments import SegmentChanged
from zerodistance.kernel.bus import Event, Handler
from zerodistance.kernel.home import Home


def segment_changed(home: Home, event: Event, _: str) -> None:
    """Have standing campaigns look soon who enters, where persons entered their segment."""
    assert isinstance(event, SegmentChanged)
    if event.entered_persons:
        running.heard(home, event.segment)


HANDLERS: Mapping[type[Event], Handler] = {SegmentChanged: segment_changed}
