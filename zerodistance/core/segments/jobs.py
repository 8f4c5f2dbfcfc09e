"""What segments does by itself now and then: note how large each saved segment is; the record of exact counts expires."""

from __future__ import annotations

from datetime import timedelta

from zerodistance.core.segments import audit, kept
from zerodistance.core.segments.groups import jobs as groups
from zerodistance.core.segments.tags import api as tags
from zerodistance.kernel.home import Home
from zerodistance.kernel.jobs import Job
from zerodistance.kernel.text import Text


def expire(home: Home) -> None:
    """Remove old lines of the record of exact counts."""
    audit.expire(home)


JOBS = (
    Job(
        "segments.sizes",
        timedelta(hours=1),
        kept.note_sizes,
        Text("记下人群的大小", "note how large segments are"),
    ),
    Job(
        "segments.expire",
        timedelta(days=1),
        expire,
        Text("清理精确计数的旧记录", "remove old records of exact counts"),
        at_once=False,
    ),
    Job(
        "segments.groups",
        timedelta(minutes=1),
        groups.wanted,
        Text("做要分的群", "make the groups that were asked for"),
        at_once=False,
    ),
    Job(
        "segments.assign",
        timedelta(days=1),
        groups.nightly,
        Text("把所有人重新归群", "assign everybody to groups anew"),
        at_once=False,
    ),
    Job(
        "segments.make_tags",
        timedelta(minutes=1),
        tags.wanted,
        Text("计算刚保存的自建标签", "make the tags that were saved"),
        at_once=False,
    ),
    Job(
        "segments.tags",
        timedelta(days=1),
        tags.nightly,
        Text("重新计算自建标签", "make the tags of users anew"),
        at_once=False,
    ),
)
