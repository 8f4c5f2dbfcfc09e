"""The small world with one of everything in it: saved segments, tags and groups of users, an experiment, messages, campaigns, feeds, channels."""

from __future__ import annotations

import re
from pathlib import Path

from tests.doors import world
from zerodistance.core.segments import api as segments
from zerodistance.core.segments.contracts import AllOf, AnyOf, Did, NoneOf
from zerodistance.doors.examples import holding
from zerodistance.kernel.access import Who
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text

QUIET = Did("order.*", at_most=0)
RULE = AllOf(
    (
        Did("order.completed", within_days=365),
        AnyOf((Did("product.viewed"), Did("service.called"))),
        NoneOf((Did("device.fault"),)),
    )
)

NAMES = (
    (r"(/v1)?/experiments/", "autumn"), (r"(/v1/marketing|/marketing)/campaigns/", "quiet-twice"), (r"(/v1/marketing|/marketing)/plays/", "welcome"),
    (r"(/v1)?/outreach/templates/", "filter-due"), (r"(/v1)?/outreach/words/", "cn_advertising_law"), (r"(/v1)?/outreach/channels/", "email"),
    (r"(/v1)?/segments/groups/", "types"), (r"(/v1/segments)?/tags/", "own.vip"), (r"(/v1)?/models/", "n1"), (r"/profiles/", "demo.gender"),
    (r"/touchpoints/", "web"), (r"/people/", "demo.gender"), (r"", "quiet"),
)  # fmt: skip
"""Beginning of a path -> what the full world has there."""


def named(path: str, person: str) -> str:
    """Return the path of a route in which every name in braces is one that the full world has."""
    key = next(name for begins, name in NAMES if re.match(begins, path))
    fill = {
        "key": key,
        "id": person,
        "person_id": person,
        "node": "g1",
        "name": "email",
        "act": "pause",
        "namespace": "phone",
    }
    return re.sub(r"\{(\w+)[^}]*\}", lambda found: fill.get(found[1], "1"), path)


def fill(home: Home, folder: Path) -> None:
    """Make the whole small world, with everything that it can have; folders of its feeds are made in `folder`."""
    who = Who.system()
    world.lookalikes(home, world.fill(home))
    world.files(home)
    segments.create(
        home, who, "bought", Text("一年内买过、没有故障的人", "Bought in a year, without a fault"), RULE
    )
    segments.create(home, who, "quiet", Text("没买过的人", "Bought nothing"), QUIET)
    segments.follow(home, who, "bought")
    world.sizes(home, "bought")
    world.groups_of(home)
    world.tags_of(home)
    world.experiment_of(home)
    world.outreach_of(home)
    world.sends_of(home)
    world.campaigns_of(home)
    segments.create(home, who, "lately", Text("最近来过的人", "Seen lately"), QUIET)
    segments.follow(home, who, "lately")
    segments.save(home, who, "lately", RULE)
    assert segments.follower(home).catch_up() == 1
    world.feeds(home, folder)
    world.channels(home)
    name = Text("样例城市的家电品牌“潮屿”", "the appliance brand Chaoyu of the sample city")
    holding.hold(home.settings, "city", name, 20_000, 7, holding.FOLDER)
