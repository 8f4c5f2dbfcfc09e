"""What crosses the door of campaigns: what one is, how it stands, what it did."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from zerodistance.core.measurement.contracts import Goal
from zerodistance.core.measurement.figures import Result
from zerodistance.kernel.errors import ZeroDistanceError
from zerodistance.kernel.text import Text

KEY = r"[a-z0-9]([a-z0-9_\-]{0,46}[a-z0-9])?"
"""What the key of a campaign looks like; also a pattern for browsers."""
TAKEN = frozenset("broadcast campaigns export map new plan plays".split())
"""What no key may be: words that stand in its place in addresses."""
CHANNELS = ("email", "sms", "webhook", "inbox")
MOST_STEPS = 20  # own value: of one line
ANYWHERE = "*"
"""In blackout days: of every country."""


class State(StrEnum):
    """How a campaign stands."""

    DRAFT = "draft"
    ASKED = "asked"
    APPROVED = "approved"
    RUNNING = "running"
    PAUSED = "paused"
    ENDED = "ended"


STATES = {
    State.DRAFT: Text("草稿", "draft"),
    State.ASKED: Text("待批准", "to be approved"),
    State.APPROVED: Text("已批准", "approved"),
    State.RUNNING: Text("进行中", "running"),
    State.PAUSED: Text("已暂停", "paused"),
    State.ENDED: Text("已结束", "ended"),
}
OPEN = (State.DRAFT, State.ASKED, State.APPROVED, State.RUNNING, State.PAUSED)


class Stop(StrEnum):
    """What takes somebody off the line of steps, looked at before each message."""

    GOAL = "goal"
    CLICK = "click"
    REFUSED = "refused"
    SERVICE = "service"


STOPS = {
    Stop.GOAL: Text("已经做了目标", "did what the goal asks"),
    Stop.CLICK: Text("点了链接", "clicked a link"),
    Stop.REFUSED: Text("退订", "unsubscribed"),
    Stop.SERVICE: Text("找过客服", "called the service"),
}


@dataclass(frozen=True, slots=True)
class Message:
    """A step that sends.

    Attributes
    ----------
    templates
        Keys of message templates, the best first: each is of one channel, and everybody gets the first by whose channel they can be reached.
    variants
        (country, templates): who lives in that country gets those instead. The language is that of the person, as outreach knows it.
    """

    templates: tuple[str, ...]
    variants: tuple[tuple[str, tuple[str, ...]], ...] = ()

    def of(self, country: str) -> tuple[str, ...]:
        """Return the templates for a country."""
        return dict(self.variants).get(country, self.templates)

    @property
    def every(self) -> tuple[str, ...]:
        """All templates, each once."""
        return tuple(dict.fromkeys([*self.templates, *(key for _, some in self.variants for key in some)]))


@dataclass(frozen=True, slots=True)
class Wait:
    """A step that waits: so many days, then until an hour of the brand's zone; 0 days and no hour is no wait."""

    days: int = 0
    until_hour: int | None = None


Step = Message | Wait


@dataclass(frozen=True, slots=True)
class Audience:
    """Who a campaign is for.

    Attributes
    ----------
    segment
        Key of a saved segment.
    territory
        Key of a unit: only who lives in the communities that it answers for.
    communities, cells
        Only who lives in one of these communities, or H3 cells (resolution 9 or coarser), as chosen on the map.
    present
        Of a standing campaign: whoever is in the segment when it starts enters too; False: only who enters afterwards.
    """

    segment: str
    territory: str | None = None
    communities: tuple[str, ...] = ()
    cells: tuple[str, ...] = ()
    present: bool = True


@dataclass(frozen=True, slots=True)
class Blackout:
    """Days, both included, on which nobody of a country (ISO 3166, `*`: anybody) is written to."""

    country: str
    first: date
    last: date


@dataclass(frozen=True, slots=True)
class Calendar:
    """When a campaign may enter and send, in days of the brand's zone; weekdays are 1 (Monday) to 7."""

    first: date | None = None
    last: date | None = None
    weekdays: tuple[int, ...] = (1, 2, 3, 4, 5, 6, 7)
    blackouts: tuple[Blackout, ...] = ()


@dataclass(frozen=True, slots=True)
class Budget:
    """How many messages a campaign may queue, and what they may cost in the home's currency; None: no limit."""

    messages: int | None = None
    money: float | None = None


@dataclass(frozen=True, slots=True)
class Said:
    """What a campaign is: one version of it.

    Attributes
    ----------
    share_held
        Share of those who enter that gets nothing, by lot; None: the smallest that finds `detect`, as measurement plans it.
    detect
        Relative lift that it has to be able to find, .1 for a tenth more; None: the plan says what it could find.
    stratify
        Dimensions within whose nodes the share is held.
    score
        Dimension whose number orders persons for the uplift curve; None: none.
    prices
        (channel, what a message costs in the home's currency).
    points_goal
        Points that somebody gets for the goal, shown beside costs; 0: none.
    play
        Key of the play it was made from; empty: none.
    """

    name: Text
    kind: str
    audience: Audience
    goal: Goal
    steps: tuple[Step, ...]
    stops: tuple[Stop, ...] = (Stop.GOAL, Stop.REFUSED, Stop.SERVICE)
    share_held: float | None = None
    detect: float | None = None
    stratify: tuple[str, ...] = ()
    score: str | None = None
    calendar: Calendar = Calendar()
    budget: Budget = Budget()
    prices: tuple[tuple[str, float], ...] = ()
    points_goal: int = 0
    play: str = ""

    @property
    def standing(self) -> bool:
        """Whether people go on entering."""
        return self.kind == "standing"

    @property
    def messages(self) -> int:
        """How many messages the line has."""
        return sum(isinstance(step, Message) for step in self.steps)


@dataclass(frozen=True, slots=True)
class Act:
    """What was done to a campaign, by whom and when (microseconds UTC); `why` is said by people or the program, empty for most."""

    act: str
    version: int
    by: str
    at: int
    why: Text


ACTS = {
    "made": Text("做成", "made"),
    "changed": Text("修改", "changed"),
    "asked": Text("送审", "sent for approval"),
    "approved": Text("批准", "approved"),
    "returned": Text("退回", "sent back"),
    "started": Text("开始", "started"),
    "paused": Text("暂停", "paused"),
    "resumed": Text("继续", "resumed"),
    "ended": Text("结束", "ended"),
}


@dataclass(frozen=True, slots=True)
class Campaign:
    """A campaign as it stands; times are microseconds UTC, None: not yet.

    Attributes
    ----------
    version, versions
        The newest version, and how many there are.
    unit
        Number of the unit it belongs to; None: everybody's.
    experiment
        Key of the experiment that measures it; None: it has not started.
    why
        Why it is paused or was sent back.
    starts
        It starts as soon as it is approved.
    """

    key: str
    said: Said
    version: int
    versions: int
    unit: int | None
    state: State
    why: Text
    experiment: str | None
    starts: bool
    made_by: str
    made_at: int
    changed_by: str
    changed_at: int
    asked_by: str | None
    asked_at: int | None
    approved_by: str | None
    approved_at: int | None
    started_at: int | None
    ended_at: int | None


@dataclass(frozen=True, slots=True)
class Place:
    """Where people stand: how many cohorts and persons of the treated arm wait for a step, and when the first of them is due.

    Attributes
    ----------
    step
        Index of the message they wait for; the number of steps: they are through.
    persons
        None: too few to be said.
    """

    step: int
    cohorts: int
    persons: int | None
    due_at: int | None


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of a campaign, a row of its table; `low` and `high` are its 95 % interval, where it has one.

    Attributes
    ----------
    part
        `audience`, `step` (who waits for which message), `queue` (messages by state), `stopped` (by what), or a part of the result as measurement has
        it: `treated`, `held`, `effect`, `money`, ...
    value
        None: too few to be said.
    """

    part: str
    name: str
    value: object
    low: object
    high: object


@dataclass(frozen=True, slots=True)
class Statistics:
    """What a campaign did up to a moment, microseconds UTC.

    Attributes
    ----------
    queue
        State of a message -> how many of the campaign's; empty for accounts that see no persons.
    stopped
        What took somebody off the line -> how many.
    result
        What came of it; None before anybody entered.
    """

    at: int
    figures: tuple[Figure, ...]
    places: tuple[Place, ...]
    queue: Mapping[str, int]
    stopped: Mapping[str, int]
    result: Result | None


class WrongCampaign(ZeroDistanceError):
    """A campaign can't be read; `at` is the path of what is wrong, such as `steps[1].wait.days`."""

    code, status = "wrong_campaign", 400
    text = Text("活动的 {at} 处：{why}", "the campaign at {at}: {why}")


class NoSuchCampaign(ZeroDistanceError):
    """There is no campaign with this key that the account sees."""

    code, status = "no_such_campaign", 404
    text = Text("没有活动 {key}；现有：{near}", "there is no campaign {key}; there are: {near}")


class CampaignExists(ZeroDistanceError):
    """A campaign with this key is there already."""

    code, status = "campaign_exists", 409
    text = Text("活动 {key} 已存在；换一个标识", "a campaign {key} exists; take another key")


class CampaignElsewhere(ZeroDistanceError):
    """What is asked can't be done to a campaign in this state."""

    code, status = "campaign_state", 409
    text = Text(
        "活动 {key} 现在是“{state}”，不能{act}；{can}的才可以",
        "the campaign {key} is {state} and can't be {act}; that takes one that is {can}",
    )


class ApprovedByWriter(ZeroDistanceError):
    """An account would approve what it wrote itself."""

    code, status = "approved_by_writer", 403
    text = Text(
        "活动 {key} 的这一版是 {who} 写的，要另一个账号批准",
        "{who} wrote this version of the campaign {key}; another account has to approve it",
    )


class TextChanged(ZeroDistanceError):
    """A template of a campaign was changed after it was sent for approval."""

    code, status = "campaign_text_changed", 409
    text = Text(
        "活动 {key} 送审之后，模板 {template} 改过；退回，看过再送审",
        "the template {template} was changed since the campaign {key} was sent for approval; send it back, and have it asked for anew",
    )


class NotOpenToYou(ZeroDistanceError):
    """An account that may not see persons asks for more than the broadcast station lets it."""

    code, status = "not_open_to_you", 403
    text = Text(
        "看不到用户的账号不能这样发：{why}", "an account that may not see persons can't do that: {why}"
    )


class VersionChanged(ZeroDistanceError):
    """Another version of a campaign was looked at than there is by now."""

    code, status = "campaign_changed", 409
    text = Text(
        "活动 {key} 现在是第 {now} 版，不是第 {given} 版；看过再来",
        "the campaign {key} is at version {now} by now, not {given}; look at it first",
    )
