"""The only file that knows every room: it wires recognition, followers, handlers, jobs, routes and commands.

Everything is imported where it is used, so that `zerodistance --help` loads no room.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zerodistance.doors.parts import Parts, Room
from zerodistance.kernel.text import Text

if TYPE_CHECKING:
    from zerodistance.core.profiles.panels import Panel
    from zerodistance.doors.worker import Work
    from zerodistance.kernel.access import Who
    from zerodistance.kernel.backups import Share
    from zerodistance.kernel.bus import Bus, Event, Handler
    from zerodistance.kernel.findings import Finding
    from zerodistance.kernel.flow import Step
    from zerodistance.kernel.home import Home
    from zerodistance.kernel.jobs import Job
    from zerodistance.kernel.settings import Settings

_CORE = "zerodistance.core"
_APPS = "zerodistance.apps"
_CONNECTORS = "zerodistance.connectors"
_PORTAL = "zerodistance.doors.portal"
ROOMS = (
    Room("brand", f"{_CORE}.brand.cli:app", Text("产品、品类、地点、小微和辖区", "products, categories, places, units, territories")),
    Room("sources", f"{_CORE}.touchpoints.cli:sources", Text("来源：触点从哪里来", "where touches come from")),
    Room("feeds", f"{_CONNECTORS}.feeds.cli:app", Text("取数：定时从文件夹等处取来", "what is fetched from elsewhere by itself")),
    Room("quarantine", f"{_CORE}.touchpoints.quarantine_cli:app", Text("隔离区：被拒的行、原因、修改和重放", "refused rows: why, mend and replay")),
    Room("identity", f"{_CORE}.identity.cli:app", Text("身份：谁是谁，为什么", "who is who, and why")),
    Room("profiles", f"{_CORE}.profiles.cli:app", Text("标签树与画像", "the tag tree and profiles")),
    Room("models", f"{_CORE}.models.cli:app", Text("模型：训练、评估、上任、评分、理由", "models: train, evaluate, promote, score, explain")),
    Room("segments", f"{_CORE}.segments.cli:app", Text("人群：规则、人数、名单", "segments: rules, counts, members")),
    Room("experiments", f"{_CORE}.measurement.cli:app", Text("实验：对照组、分组、提升", "experiments: holdouts, assignments, lift")),
    Room("outreach", f"{_CORE}.outreach.cli:app", Text("触达：同意、频控、模板、发送、渠道", "consent, limits, templates, sends, channels")),
    Room("marketing", f"{_APPS}.marketing.cli:app", Text("营销：地图、活动、打法", "marketing: maps, campaigns, plays")),
    Room("accounts", f"{_PORTAL}.cli:app", Text("门户账号和接口密钥", "accounts of the portal, keys of the API")),
    Room("sample", "zerodistance.sample.cli:app", Text("样例城市：造一座已知真相的城市", "a sample city whose truth is known")),
    Room("evaluate", "zerodistance.evaluate.cli:app", Text("考核：把结果与真相比较", "compare what was said with a truth")),
    Room("alerts", "zerodistance.doors.operations.cli:app", Text("告警：现在的、过去的、试发", "alerts: open and past ones, a test message")),
)  # fmt: skip


def handlers() -> dict[type[Event], list[Handler]]:
    """Return who hears what: every room's `HANDLERS`, in the order of the core's line."""
    from zerodistance.apps.marketing.campaigns import handlers as campaigns

    tables: list[Mapping[type[Event], Handler]] = [campaigns.HANDLERS]
    out: dict[type[Event], list[Handler]] = {}
    for table in tables:
        for event, verb in table.items():
            out.setdefault(event, []).append(verb)
    return out


def bus(home: Home) -> Bus:
    """Return the bus with every handler."""
    from zerodistance.kernel.bus import Bus

    return Bus(home, handlers())


def jobs() -> Sequence[Job]:
    """Return what the worker does again and again."""
    from zerodistance.apps.marketing.campaigns import jobs as campaigns
    from zerodistance.connectors.feeds import keeping as feeds
    from zerodistance.core.identity import jobs as identity
    from zerodistance.core.measurement import jobs as measurement
    from zerodistance.core.models import jobs as models
    from zerodistance.core.outreach import jobs as outreach
    from zerodistance.core.profiles import jobs as profiles
    from zerodistance.core.segments import jobs as segments
    from zerodistance.core.touchpoints import jobs as touchpoints
    from zerodistance.doors.backups import upkeep as backups
    from zerodistance.doors.operations import jobs as operations

    core = [
        *touchpoints.JOBS,
        *identity.JOBS,
        *profiles.JOBS,
        *models.JOBS,
        *segments.JOBS,
        *measurement.JOBS,
        *outreach.JOBS,
    ]
    return [*core, *campaigns.JOBS, *backups.JOBS, *operations.JOBS, *feeds.JOBS]


def panels() -> Sequence[Panel]:
    """Return the panels that rooms declare for the 360-degree page: a room adds its `PANELS` here."""
    from zerodistance.core.models import panels as models
    from zerodistance.core.outreach import panels as outreach

    return [*models.PANELS, *outreach.PANELS]


def shares() -> Sequence[Share]:
    """Return what each room has a backup hold."""
    from zerodistance.core.models import keeping as models
    from zerodistance.core.profiles import keeping as profiles
    from zerodistance.core.touchpoints import keeping as touchpoints

    return [touchpoints.SHARE, profiles.SHARE, models.SHARE]


def forget_again(home: Home, who: Who, found: Sequence[Mapping[str, Any]]) -> int:
    """Ask for those to be forgotten whom a restored backup has brought back; return how many requests that makes."""
    from zerodistance.core.identity import api as identity
    from zerodistance.core.touchpoints import forget

    return forget.ask_again(home, who, found, identity.subjects_with)


def rest(home: Home) -> int:
    """Let feeds rest in a home that was restored; return how many were not paused."""
    from zerodistance.connectors.feeds import api as feeds
    from zerodistance.kernel.access import Who

    return feeds.pause_all(home, Who.system("restore"))


def tombstones(home: Home) -> Mapping[str, Mapping[str, Any]]:
    """Return what stands beside the backups of those who were forgotten since."""
    from zerodistance.core.touchpoints import forget

    forget.let_go(home)
    return forget.tombstones(home)


PLACING_SECONDS, IDLE_SECONDS, ALONE_SECONDS = 0.05, 0.5, 60.0
"""Own values: a mention may wait, a touch should not; a command that does everything by itself places what it took in before it ends."""


def work(home: Home) -> Work:
    """Return the steps of the worker; the home's lock is held."""
    from zerodistance.apps.marketing import api as marketing
    from zerodistance.connectors.feeds import api as feeds
    from zerodistance.core.identity import api as identity
    from zerodistance.core.measurement import api as measurement
    from zerodistance.core.models import appeals as models
    from zerodistance.core.outreach import api as outreach
    from zerodistance.core.outreach.channels import forgetting as channels
    from zerodistance.core.outreach.sends import forgetting as sends
    from zerodistance.core.outreach.sends.sender import Sender
    from zerodistance.core.profiles import api as profiles
    from zerodistance.core.segments import api as segments
    from zerodistance.core.segments.tags import api as tagged
    from zerodistance.core.touchpoints.imports import Feeds
    from zerodistance.core.touchpoints.intake import Intake
    from zerodistance.core.touchpoints.undo import Undoing
    from zerodistance.doors.backups import upkeep
    from zerodistance.doors.worker import Work
    from zerodistance.kernel.jobs import Jobs

    keeper, living, tags = profiles.follower(home), segments.follower(home), tagged.Follower(home)
    recognition = identity.Recognition(home)
    place = identity.placer(home, recognition)
    intake = Intake(
        home,
        outreach.Hearing(home, recognition),
        [keeper],
        feeds=Feeds(),
        everybody=identity.everybody,
        matcher=identity.matcher,
        tokens=identity.tokens_of,
        forgotten=upkeep.after_forgetting,
        rooms={
            "backups": upkeep.forget,
            "feeds": lambda home, subjects: feeds.forget(home, identity.matcher(home, subjects)),
            "profiles": profiles.forget,
            "models": models.forget,
            "sends": sends.forget,
            "channels": channels.forget,
            "marketing": marketing.forget,
            "outreach": outreach.forget,
            "segments": segments.forget,
            "measurement": measurement.forget,  # identity still knows whose subjects they are
            "identity": identity.forget,
            "past": profiles.forget_pasts,  # when nothing names them any more
        },
        undoing=Undoing(
            counts={"identity": identity.undo_counts, "outreach": outreach.undo_counts},
            steps={
                "consents": outreach.undo,
                "states": profiles.undo_states,
                "identity": identity.undo,
                "tags": profiles.undo_tags,
                "sightings": identity.let_go,
            },
        ),
    )

    def seal() -> bool:
        done = intake.seal(True)
        intake.rest()
        keeper.update()  # nobody comes by later to bring the index up to the states
        while tags.catch_up():  # one may stand on another
            keeper.update()
        living.catch_up()
        return done

    def index() -> int:
        if keeper.comes():
            intake.follow(now=True)
        return keeper.catch_up() + tags.catch_up() + living.catch_up()

    def digest(*, large: bool = False) -> int:
        rows = intake.digest(large=large)
        idle = ALONE_SECONDS if large else IDLE_SECONDS
        place(PLACING_SECONDS if rows else idle)  # on this thread: recognition keeps persons in memory
        return rows

    return Work(
        begin=recognition.begin,
        digest=digest,
        digest_large=partial(digest, large=True),
        follow=intake.follow,
        move=intake.move,
        seal=seal,
        seal_large=partial(intake.seal, False, patient=True),
        index=index,
        errands=intake.errands,
        bus=bus(home),
        jobs=Jobs(home, jobs()),
        facts=intake.facts,
        feeds=feeds.Runner(home),
        sending=Sender(home),
    )


def work_here(home: Home) -> None:
    """Do everything that waits in this process: for commands that find no worker running.

    Raises
    ------
    WorkerRunning, WorkerElsewhere
        One has started meanwhile.
    """
    from zerodistance.doors.worker import once
    from zerodistance.kernel import spans

    with home.worked():
        spans.begin(home.settings, home.seal, "command")
        try:
            once(work(home))
        finally:
            spans.end()


def door(home: Home) -> Any:
    """Return the ASGI application: collection, look-up, portal."""
    from zerodistance.doors.portal.registry import name_jobs, take_panels

    name_jobs(jobs())
    take_panels(panels())
    from zerodistance.apps.marketing import acting_http as acting
    from zerodistance.apps.marketing import http as marketing
    from zerodistance.core.identity import http as identity
    from zerodistance.core.identity.ruling import http as ruling
    from zerodistance.core.measurement import http as measurement
    from zerodistance.core.models import http as models
    from zerodistance.core.outreach import http as outreach
    from zerodistance.core.outreach.people_http import People
    from zerodistance.core.profiles import http as profiles
    from zerodistance.core.segments import http as segments
    from zerodistance.core.touchpoints.http import collector
    from zerodistance.doors.http import Answering, create_app
    from zerodistance.doors.operations.http import Probes
    from zerodistance.doors.portal import sessions

    def who_of_key(key: str) -> Who | None:
        return sessions.who_of_key(home, key)

    taking = collector(home)
    quick: list[Answering] = [
        Probes(home, taking, who_of_key),
        identity.Recognise(home, who_of_key),
        People(home),
    ]
    return create_app(
        home,
        taking,
        [
            identity.router,
            ruling.router,
            profiles.router,
            models.router,
            segments.router,
            measurement.router,
            outreach.router,
            marketing.router,
            outreach.inbox_router,
            acting.router,
        ],
        quick,
    )


def begin(home: Home, who: Who) -> None:
    """Fill a home that was just made: the default brand."""
    from zerodistance.core.brand import api as brand

    brand.load_default(home, who)


def empty(settings: Settings) -> None:
    """Empty the home that the settings name, if somebody asked for it: it begins anew, with the accounts that were there."""
    from zerodistance.doors.portal import accounts
    from zerodistance.kernel import emptying
    from zerodistance.kernel.access import Who

    emptying.empty(settings, accounts.TABLES, lambda home: begin(home, Who.system("emptying")))


def city(people: int, seed: int, out: Path, tell: Callable[[Text, int, int], None]) -> Mapping[str, Any]:
    """Make the sample city in a folder; return what its manifest says."""
    from zerodistance.sample import api

    return api.generate(people, seed, "base", out, tell=tell).as_dict()


def invite(home: Home, always: bool) -> str | None:
    """Return the path of a one-time login for the first admin; unless `always`, only if nobody can log in yet."""
    from zerodistance.doors.portal import accounts

    if not always and accounts.has_password(home):
        return None
    return f"/once/{accounts.make_one_time_login(home)}"


def figures(home: Home, who: Who) -> Mapping[str, Any]:
    """Return what each room says of itself, for `status`."""
    from zerodistance.core.profiles import api as profiles
    from zerodistance.core.touchpoints import figures as touchpoints

    held = profiles.state(home)
    index = {"batch": held.batch, "states_batch": held.states_batch, "bytes": held.bytes}
    people = {"persons": held.persons, "visitors": held.visitors}
    return {**touchpoints.figures(home, who), "index": {**index, "made_at": held.made_at}, "people": people}


def checks(home: Home, deep: bool = False) -> Iterator[Finding]:
    """Yield what each room finds when it checks its stores, for `doctor`; with `deep` every page of the lake is read."""
    from zerodistance.core.identity import checks as identity
    from zerodistance.core.profiles import checks as profiles
    from zerodistance.core.touchpoints import checks as touchpoints
    from zerodistance.kernel.findings import unlooked

    for name, room in (("touchpoints", touchpoints), ("identity", identity), ("profiles", profiles)):
        try:
            yield from room.checks(home, deep)
        except (
            Exception
        ) as error:  # so damaged that the check itself ends: the others go on, and what was found is told
            yield unlooked(name, error)


def trace(home: Home, who: Who, given: str) -> Sequence[Step]:
    """Return the flow behind an id: request or import, batch, touches, and the persons they are about."""
    from zerodistance.core.identity import flow as identity
    from zerodistance.core.touchpoints import flow

    head, _, rest = given.partition(":")
    if head.isdigit() and rest.isdigit():
        steps = flow.of_touch(home, who, int(head), int(rest))
    elif head == "import" and rest.isdigit():
        steps = flow.of_import(home, who, int(rest))
    elif given[:1] == "b" and given[1:].isdigit():
        steps = flow.of_batch(home, who, int(given[1:]))
    elif head == "subject" and rest.isdigit():
        steps = flow.of_subjects(home, who, [int(rest)])
    elif given.lower().startswith("p_"):
        steps = flow.of_subjects(home, who, identity.subjects_behind(home, who, given))
    else:
        steps = flow.of_message(home, who, given)
    return identity.with_persons(home, who, steps)


PARTS = Parts(
    rooms=ROOMS,
    work=work,
    door=door,
    bus=bus,
    jobs=jobs,
    begin=begin,
    empty=empty,
    city=city,
    invite=invite,
    figures=figures,
    checks=checks,
    trace=trace,
    work_here=work_here,
    shares=shares,
    tombstones=tombstones,
    forget_again=forget_again,
    rest=rest,
)
