"""What came of an experiment: figures of both arms put together, exactly."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from zerodistance.core.measurement import costs, estimates, experiments, sequential, store
from zerodistance.core.measurement.contracts import Experiment, Value
from zerodistance.core.measurement.estimates import Arm, Interval, Uptake
from zerodistance.core.measurement.figures import (
    ArmFigures,
    Check,
    Day,
    Effect,
    Group,
    Look,
    Naive,
    Result,
    Uplift,
)
from zerodistance.core.measurement.outcomes import People
from zerodistance.core.models import measures
from zerodistance.core.profiles import api as profiles
from zerodistance.kernel import clock
from zerodistance.kernel.access import Who
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text

Bools = npt.NDArray[np.bool_]
BASE = 0.02
"""Own value: what an unplanned experiment is expected to find; it makes its intervals narrow there, and wrong nowhere."""
_LEAST_CURVE = 500  # own value: persons of an arm below which nothing is said about whom contact changes
_LEAST_CAME = 20  # own value: of them, who reached the goal
_LEAST_GROUP = 50  # own value: persons of an arm of a group
_SUSPECT, _UNLIKE = (
    0.001,
    0.01,
)  # own values: below which luck is no explanation of uneven arms, of unlike ones
_SURE = 1.96
WARNING = Text(
    "这不是效果：收到、看过消息的人本来就更想买。只信两组之间的差",
    "This is no effect: those who get and read messages wanted it more to begin with. Only the difference of the two arms tells what contact did",
)


def told(home: Home, who: Who, found: Experiment, number: int, people: People, end: int) -> Result:
    """Return everything, for an account that sees persons."""
    treated, held = people.treated, people.held
    mine, theirs = _arm(people, treated), _arm(people, held)
    both = bool(mine.persons and theirs.persons)
    changed = effect(mine, theirs) if both else None
    amounts = _amounts(found, people) if both else None
    groups = tuple(_groups(home, who, found, people)) if both else ()
    earned = None
    if amounts is not None:
        earned = Interval(*(None if edge is None else edge * mine.persons for edge in amounts.adjusted))  # type: ignore[arg-type]
    return Result(
        experiment=found,
        as_of=clock.from_micros(end),
        complete=complete(found, people),
        treated=_figures(people, treated),
        held=_figures(people, held) if theirs.persons else None,
        effect=changed,
        always=always(found, mine, theirs) if both else None,
        weighed=_weighed(people) if both else None,
        complier=estimates.complier(_uptake(people, treated), _uptake(people, held)) if both else None,
        amounts=amounts,
        naive=_naive(people),
        groups=groups,
        uplift=_uplift(found, people),
        checks=tuple(_checks(found, people)) if both else (),
        days=tuple(_days(found, people)) if both else (),
        looks=_looks(home, found, number, end),
        money=costs.money(home, found, number, people.messages, changed.more if changed else None, earned),
        both=int(people.both.sum()),
        crossed=int((people.sent & held).sum()),
        notes=tuple(notes(people, len(groups), complete(found, people))),
    )


def _arm(people: People, some: Bools) -> Arm:
    return Arm(int(some.sum()), int((people.reached & some).sum()))


def effect(mine: Arm, theirs: Arm) -> Effect:
    """Return what contact changed, by the arms alone."""
    difference = estimates.difference(mine, theirs)
    many = mine.persons
    assert difference.value is not None and difference.high is not None
    more = Interval(difference.value * many, difference.low * many, difference.high * many)
    return Effect(difference, estimates.lift(mine, theirs), more, estimates.p_value(mine, theirs))


def _figures(people: People, some: Bools) -> ArmFigures:
    arm = _arm(people, some)
    return ArmFigures(
        persons=arm.persons,
        reached=arm.reached,
        rate=estimates.rate(arm) if arm.persons else None,
        amount=float(people.amount[some].sum()),
        sent=int((people.sent & some).sum()),
        opened=int((people.opened & some).sum()),
        clicked=int((people.clicked & some).sum()),
        points=float(people.points[some].sum()),
    )


def complete(found: Experiment, people: People) -> float:
    """Return the share of the persons whose window is over."""
    if not len(people.numbers):
        return 0.0
    return float((people.window >= found.goal.window_days * clock.MICROS_PER_DAY).mean())


def expected(found: Experiment, persons: int) -> tuple[float, tuple[float, float]]:
    """Return the rate and the arms that an experiment was planned for, or what stands for them where nobody planned."""
    many = found.plan.audience if found.plan is not None else max(persons, 2)
    base = found.plan.base_rate if found.plan is not None else BASE
    share = found.share_held or 0.5
    return min(max(base, 1e-5), 0.5), (many * (1 - share), many * share)


def always(found: Experiment, mine: Arm, theirs: Arm) -> Interval:
    """Return the difference of shares with the interval that holds at all looks together."""
    base, arms = expected(found, mine.persons + theirs.persons)
    given = (np.array([float(x)]) for x in (mine.persons, mine.reached, theirs.persons, theirs.reached))
    value, low, high = sequential.differences(*given, base_rate=base, expected=arms, alpha=_alpha(found))
    return Interval(float(value[0]), float(low[0]), float(high[0]))


def _alpha(found: Experiment) -> float:
    return found.plan.alpha if found.plan is not None else experiments.ALPHA


def _looks(home: Home, found: Experiment, number: int, end: int) -> tuple[Look, ...]:
    with home.state.read() as tx:
        rows = [
            row
            for row in store.looks(tx, number)
            if row["looked_at"] <= end and row["treated"] and row["held"]
        ]
    if not rows:
        return ()
    given = [
        np.array([float(row[name]) for row in rows])
        for name in ("treated", "treated_reached", "held", "held_reached")
    ]
    base, arms = expected(found, int(given[0][-1] + given[2][-1]))
    edges = sequential.differences(*given, base_rate=base, expected=arms, alpha=_alpha(found))
    return tuple(
        Look(row["looked_at"], Interval(*(float(edge[n]) for edge in edges))) for n, row in enumerate(rows)
    )


def _weighed(people: People) -> Interval | None:
    if len(people.strata) < 2:
        return None
    found = estimates.stratified(
        [
            (
                _arm(people, people.treated & (people.stratum == n)),
                _arm(people, people.held & (people.stratum == n)),
            )
            for n in range(len(people.strata))
        ]
    )
    return None if found is None else found.effect


def _uptake(people: People, some: Bools) -> Uptake:
    arm = _arm(people, some)
    return Uptake(arm.persons, int((people.sent & some).sum()), arm.reached)


def _amounts(found: Experiment, people: People) -> estimates.Adjusted | None:
    if found.goal.value is not Value.AMOUNT:
        return None
    treated, held = people.treated, people.held
    return estimates.amounts(
        people.amount[treated], people.amount[held], people.before[treated], people.before[held]
    )


def _naive(people: People) -> Naive | None:
    """Return those who opened a message, or where nobody did to whom one was sent, beside the rest of the treated arm."""
    treated = people.treated
    saw = (people.opened | people.clicked) & treated
    exposed = saw if saw.any() else people.sent & treated
    if not exposed.any() or not (treated & ~exposed).any():
        return None
    mine, others = _arm(people, exposed), _arm(people, treated & ~exposed)
    times = mine.rate / others.rate if others.reached else None
    return Naive(mine, others, times, WARNING)


def _groups(home: Home, who: Who, found: Experiment, people: People) -> Iterator[Group]:
    arms = [
        (
            n,
            _arm(people, people.treated & (people.stratum == n)),
            _arm(people, people.held & (people.stratum == n)),
        )
        for n in range(len(people.strata))
    ]
    large = [one for one in arms if min(one[1].persons, one[2].persons) >= _LEAST_GROUP]
    if len(people.strata) < 2 or not large:
        return
    p = estimates.holm([estimates.p_value(mine, theirs) for _, mine, theirs in large])
    names = _names(home, who, found, people.strata)
    for (n, mine, theirs), one in zip(large, p, strict=True):
        lift = estimates.lift(mine, theirs, questions=len(large))
        yield Group(names[n], mine, theirs, lift, one)


def _names(home: Home, who: Who, found: Experiment, strata: tuple[str, ...]) -> list[Text]:
    """Return what strata are called: the labels of their nodes."""
    labels: list[dict[str, Text]] = []
    for place, key in enumerate(found.stratify):
        nodes = {one.split("|")[place] for one in strata if one} - {"-"}
        dimension = profiles.dimension(home, key)
        labels.append(profiles.node_labels(home, who, dimension, nodes) | {"-": Text("未知", "unknown")})
    parts = [
        [labels[place].get(node, Text(node, node)) for place, node in enumerate(one.split("|"))]
        if one
        else []
        for one in strata
    ]
    return [
        Text("，".join(t.zh for t in some) or "全部", ", ".join(t.en for t in some) or "all")
        for some in parts
    ]


def _uplift(found: Experiment, people: People) -> Uplift | None:
    if found.score is None or not len(people.numbers):
        return None
    arms = (_arm(people, people.treated), _arm(people, people.held))
    if min(a.persons for a in arms) < _LEAST_CURVE or min(a.reached for a in arms) < _LEAST_CAME:
        return None
    scores, reached = -people.band.astype(np.float64), people.reached.astype(np.float64)
    curve = measures.uplift_curve(scores, people.treated, reached)
    return Uplift(
        tuple(curve.share.tolist()),
        tuple(curve.gain.tolist()),
        measures.qini(scores, people.treated, reached),
    )


def _checks(found: Experiment, people: People) -> Iterator[Check]:
    mine, theirs = _arm(people, people.treated), _arm(people, people.held)
    fits = estimates.ratio_fits(mine.persons, theirs.persons, found.share_held)
    part = 100 * theirs.persons / (mine.persons + theirs.persons)
    yield Check(
        "ratio",
        fits >= _SUSPECT,
        Text(f"分组比例 {100 - part:.2f} : {part:.2f}", f"Arms of {100 - part:.2f} : {part:.2f}"),
        Text(f"偏差检验 p = {fits:.2g}", f"as uneven by luck: p = {fits:.2g}"),
    )
    days = found.goal.window_days
    before = [
        Arm(a.persons, int((people.reached_before & some).sum()))
        for a, some in ((mine, people.treated), (theirs, people.held))
    ]
    alike = estimates.p_value(*before)
    points = 100 * (before[0].rate - before[1].rate)
    yield Check(
        "before",
        alike >= _UNLIKE,
        Text(f"分组前 {days} 天两组一样", f"Alike in the {days} days before")
        if alike >= _UNLIKE
        else Text(f"分组前 {days} 天两组就不一样", f"Unlike already in the {days} days before"),
        Text(
            f"相差 {points:+.3f} 个百分点，p = {alike:.2g}", f"apart by {points:+.3f} points, p = {alike:.2g}"
        ),
    )
    crossed = int((people.sent & people.held).sum())
    yield Check(
        "crossed",
        crossed == 0,
        Text(
            f"{crossed:,} 个对照组的人也收到了", f"{crossed:,} of those held out got a message all the same"
        ),
        Text("按原分组算", "they count as held out"),
    )
    both = int(people.both.sum())
    yield Check(
        "merged",
        both <= (mine.persons + theirs.persons) // 100,
        Text(f"{both:,} 人合并后属于两组", f"{both:,} persons have parts in both arms"),
        Text("按最先的分组算", "they count as first assigned"),
    )


def _days(found: Experiment, people: People) -> Iterator[Day]:
    """Yield the shares that had reached the goal day by day, of those who have been in for so long."""
    day = clock.MICROS_PER_DAY
    for n in range(1, found.goal.window_days + 1):
        there = people.window >= n * day
        came = people.first <= n * day
        arms = [
            Arm(int((there & some).sum()), int((there & some & came).sum()))
            for some in (people.treated, people.held)
        ]
        if not all(arm.persons for arm in arms):
            return
        yield Day(n, *(estimates.rate(arm) for arm in arms))


def notes(people: People, groups: int, over: float) -> Iterator[Text]:
    """Yield what somebody who reads the figures has to know; `over` is the share of the persons whose window is over."""
    if not len(people.numbers):
        yield Text("还没有人分过组", "nobody has been assigned yet")
        return
    if groups > 1:
        yield Text(
            f"{groups} 组同看，区间已放宽",
            f"{groups} groups are looked at together; their intervals are widened for it",
        )
    if over < 1:
        yield Text(
            f"{100 * over:.0f}% 的人窗口已满；现在就看要看随时有效的区间",
            f"the windows of {100 * over:.0f}% of the persons are over; whoever looks now reads the interval that holds at any look",
        )
    if not people.held.any():
        yield Text("没有对照组，说不出效果", "nobody is held out, so nothing is known of an effect")
