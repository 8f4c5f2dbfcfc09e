"""What crosses the door of marketing: where somebody stands, what a map says of what is around, and ready-made plays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from zerodistance.core.segments.questions import Need
from zerodistance.kernel.errors import ZeroDistanceError
from zerodistance.kernel.text import Text


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a map is looked at from: the middle of an H3 cell of resolution 8 (edges of half a kilometre), never a point.

    Attributes
    ----------
    lat, lon
        The middle of the cell, degrees, WGS-84.
    name
        The place that was asked for, or the community nearest to the middle.
    """

    cell: str
    lat: float
    lon: float
    name: Text


@dataclass(frozen=True, slots=True)
class Figure:
    """A released count: a multiple of k, or None where it is hidden; the true count lies between `low` and `high` 95 times of a hundred."""

    persons: int | None
    low: int
    high: int | None


@dataclass(frozen=True, slots=True)
class Community:
    """A community near a spot.

    Attributes
    ----------
    users
        Persons who live there.
    households
        As the brand's table of places says it; None: not known.
    coverage
        Users per 100 households, of the released count; None where that or the households are not known.
    need
        Those of them who have the need that was asked for; None where none was.
    around
        Of 100 users in the community's region, so many have the need; told where the community's own figure is hidden too.
    needs
        Key of each need -> persons; None: hidden.
    """

    code: str
    name: Text
    lat: float
    lon: float
    km: float
    grade: str | None
    users: Figure
    households: int | None
    coverage: float | None
    need: Figure | None
    around: float | None
    needs: Mapping[str, int | None]


@dataclass(frozen=True, slots=True)
class Communities:
    """The communities nearest to a spot of which a released count of users is said, the nearest first.

    Attributes
    ----------
    hidden
        Communities that lie nearer than the last of them, and whose users are too few to be shown.
    """

    spot: Spot
    communities: tuple[Community, ...]
    hidden: int
    need: Need | None
    needs: tuple[Need, ...]
    k: int
    floor: int
    as_of: datetime
    took_ms: float


@dataclass(frozen=True, slots=True)
class Region:
    """An H3 cell with a released count of those in it who are in no finer region; or one whose people are too few in every larger cell too.

    Attributes
    ----------
    cell
        Of resolution 9 where many live, 8, or coarser where few do.
    communities
        How many communities are counted in it.
    ring
        Corners of the cell as (longitude, latitude).
    km2
        Its area in km2, less that of the finer regions in it.
    """

    cell: str
    resolution: int
    figure: Figure
    communities: int
    ring: tuple[tuple[float, float], ...]
    km2: float

    @property
    def persons_km2(self) -> float:
        """The released count per km2; 0 where it is hidden."""
        return (self.figure.persons or 0) / self.km2


@dataclass(frozen=True, slots=True)
class Cells:
    """The regions with a community within so many km of a spot; each is whole, wherever the circle cuts it.

    Attributes
    ----------
    total
        All that is shown of them together; who is in a hidden one is not in it.
    hidden
        How many regions are hidden.
    """

    spot: Spot
    km: float
    need: Need | None
    regions: tuple[Region, ...]
    total: Figure
    hidden: int
    k: int
    floor: int
    as_of: datetime
    took_ms: float


class NowhereToStand(ZeroDistanceError):
    """A map is asked for where no community of the territory lies on a map yet."""

    code, status = "nowhere_to_stand", 409
    text = Text(
        "辖区里还没有带经纬度、住着用户的小区：先导入地点（zerodistance brand import places），用户有了住址才会出现在地图上",
        "no community of the territory that has coordinates has users yet: import places (zerodistance brand import places); "
        "users are on the map once their home community is known",
    )


@dataclass(frozen=True, slots=True)
class Play:
    """A ready-made campaign.

    Attributes
    ----------
    why, needs
        Why it works and how it aims; what data it needs.
    segment
        Key of the segment that it makes, with its name.
    rules
        Text forms of the rule, the best first: the first that this home can read is taken.
    templates
        Key of a message template -> what it says, as outreach reads it.
    campaign
        What the campaign is beside its name and audience, as `campaigns.rules.read` takes it.
    """

    key: str
    order: int
    icon: str
    name: Text
    why: Text
    needs: Text
    segment: str
    segment_name: Text
    rules: tuple[str, ...]
    templates: Mapping[str, Mapping[str, Any]]
    campaign: Mapping[str, Any]

    @property
    def standing(self) -> bool:
        """Whether people go on entering."""
        return self.campaign.get("kind") == "standing"


class NoSuchPlay(ZeroDistanceError):
    """There is no play with this key."""

    code, status = "no_such_play", 404
    text = Text("没有打法 {key}；现有：{near}", "there is no play {key}; there are: {near}")


class PlayUnreadable(ZeroDistanceError):
    """None of the rules of a play can be read in this home."""

    code, status = "play_unreadable", 409
    text = Text(
        "打法 {key} 的人群在这里读不懂：{why}", "the segment of the play {key} can't be read here: {why}"
    )
