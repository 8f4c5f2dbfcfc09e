"""What crosses the door when profiles of persons are asked for, of today or as of an earlier moment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from zerodistance.core.profiles.contracts import Tag
from zerodistance.kernel.errors import ZeroDistanceError
from zerodistance.kernel.text import Text


@dataclass(frozen=True, slots=True)
class PersonTags:
    """What is known of one person.

    Attributes
    ----------
    asked
        The public id that was asked for.
    id
        The public id of today.
    tags
        Layer by layer.
    """

    asked: str
    id: str
    tags: tuple[Tag, ...]


@dataclass(frozen=True, slots=True)
class Portraits:
    """What is known of some persons, in the order in which they were asked for.

    Attributes
    ----------
    batch
        Last batch of touches in it; 0 of an earlier moment.
    unknown
        Ids that belong to nobody, or to somebody who was forgotten.
    not_then
        Ids of persons of whom nothing was known yet at the moment asked for.
    """

    as_of: datetime
    batch: int
    persons: tuple[PersonTags, ...]
    unknown: tuple[str, ...]
    not_then: tuple[str, ...]


class NotThen(ZeroDistanceError):
    """Nothing was known of somebody yet at the moment that was asked for."""

    code, status = "not_known_then", 404
    text = Text("到 {at} 为止还不知道这个人", "nothing was known of this person at {at}")


class PastNotMade(ZeroDistanceError):
    """The tag index of an earlier moment is asked for, and is not there."""

    code, status, retry = "past_not_made", 409, True
    text = Text(
        "{at} 的标签索引还没有做好；已排队，服务里的后台进程会做，几分钟后再问，或用 `zerodistance profiles past {day}` 现在做",
        "the tag index as of {at} is not made yet; it is queued and the worker makes it: ask again in some minutes, or make it now with "
        "`zerodistance profiles past {day}`",
    )
