"""What segments does by itself now and then: note how large each saved segment is."""

from __future__ import annotations

from datetime import timedelta

from zerodistance.core.segments import kept
from zerodistance.kernel.jobs import Job
from zerodistance.kernel.text import Text

JOBS = (
    Job(
        "segments.sizes",
        timedelta(hours=1),
        kept.note_sizes,
        Text("记下人群的大小", "note how large segments are"),
    ),
)
