"""The models that come with the program and ask about a thing of a person: an appliance that reports what it does, a visit."""

from __future__ import annotations

from zerodistance.core.models.contracts import Among, Asked, Family, Model
from zerodistance.core.models.devices import LABELS as DEVICE
from zerodistance.core.models.ladder.points import Points, Steps
from zerodistance.core.models.visits import LABELS as VISIT
from zerodistance.core.profiles.dimensions.families import STANDARD
from zerodistance.kernel.text import Text

_CATEGORIES = tuple(key for key, _, _ in STANDARD)


def _fault() -> Model:
    rules = Points(
        0.0,
        (
            Steps("device.warnings_4w", (0.0, 1.0), (0, 1, 3)),  # engineers: two warnings in four weeks
            Steps("device.energy_12w", (1.2,), (0, 2)),  # engineers: a fifth more energy than when it was new
            Steps("device.age", (1_460.0, 2_555.0), (0, 1, 2)),  # engineers: older than four, seven years
            Steps("device.faults", (0.0,), (0, 1)),
        ),
    )
    more = (
        "age",
        "warnings_4w",
        "warnings_12w",
        "warnings_26w",
        "energy_4w",
        "energy_12w",
        "energy_peers",
        "faults",
        "visits",
        "calls",
        "family_faults",
    )
    less = ("fault_age", "visit_age", "call_age")
    return Model(
        key="d1_fault",
        label=Text("故障", "Fault"),
        meaning=Text(
            "联网家电 30 天内自己报故障的可能；一个人有多台时取最危险的一台",
            "how likely a connected appliance reports a fault within 30 days; of several of somebody, the most endangered one",
        ),
        among=Among.APPLIANCES,
        categories=_CATEGORIES,
        asked=Asked(("device.fault",)),
        horizon_days=30,
        nearer=(7,),
        weeks=(52, 26),
        features=(*DEVICE, "category.{}"),
        rules=rules,
        signs={f"device.{one}": 1 for one in more} | {f"device.{one}": -1 for one in less},
        family=Family.DEVICE,
        guards=(
            Text("用来提前上门和备件；保修和质量责任不因评分而变", "it is for a visit before the fault; warranty and liability do not change with it"),
        ),
        owner="service",
        purpose="service",
    )  # fmt: skip


def _satisfaction() -> Model:
    rules = Points(
        0.0,
        (
            Steps("visit.unfinished", (0.0,), (0, 4)),
            Steps("visit.fault", (0.0,), (0, 2)),
            Steps("visit.again", (0.0,), (0, 1)),
            Steps("visit.low_before", (0.0,), (0, 1)),
            Steps("visit.waited", (7.0,), (0, 1)),
        ),
    )
    more = ("unfinished", "waited", "fault", "again", "same_fault", "calls", "low_before")
    return Model(
        key="d2_satisfaction",
        label=Text("服务后不满", "Unhappy after service"),
        meaning=Text(
            "上门服务之后不满的可能：评分低于 4；没有任何评分时，30 天内为同一产品再来电",
            "how likely somebody is unhappy after a visit: rates it below 4; where nobody rates, calls again for the product within 30 days",
        ),
        among=Among.VISITED,
        asked=Asked(("service.rated", "service.called")),
        horizon_days=30,
        weeks=(260, 52),
        features=tuple(VISIT),
        rules=rules,
        signs={f"visit.{one}": 1 for one in more} | {"visit.rating_before": -1},
        family=Family.DEVICE,
        guards=(
            Text("用来主动回访；不评价技师，也不影响用户的权利", "it is for calling back; it judges no technician and takes no right away"),
        ),
        owner="service",
        purpose="service",
    )  # fmt: skip


THINGS = (_fault(), _satisfaction())
