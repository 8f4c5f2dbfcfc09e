"""What a campaign did so far: how many it is for, where they stand, what went out, and what came of it beside the holdout."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping

from pyroaring import BitMap

from zerodistance.apps.marketing.campaigns import audience, drafts, handing, store
from zerodistance.apps.marketing.campaigns.contracts import Campaign, Figure, Message, Place, Statistics
from zerodistance.core.measurement import api as measurement
from zerodistance.core.measurement.figures import rows as result_rows
from zerodistance.kernel import clock
from zerodistance.kernel.access import Permission, Who
from zerodistance.kernel.home import Home


def statistics(home: Home, who: Who, key: str) -> Statistics:
    """Return the figures of a campaign as of now.

    An account that may not see persons gets released counts of who is where, and of what came of it what measurement releases: rates with intervals of
    arms of at least 50 persons. What the queue holds it is not told, since a message stands for a person there.
    """
    found = drafts.campaign(home, who, key)
    sees = who.may(Permission.SEE_PERSONS)
    number = int(drafts.row_of(home, who, key)["number"])
    with home.state.read() as tx:
        sends, cohorts = store.sends(tx, number), store.cohorts(tx, number)
    result = measurement.result(home, who, found.experiment) if found.experiment and cohorts else None
    queue = _queue(home, sends) if sees else {}
    stopped = Counter[str]()
    for send in sends if sees else ():
        stopped.update(json.loads(send["stopped"]))
    standing = places(home, who, found)
    now = (
        audience.size(home, who, audience.fits(home, Who.system("marketing"), found.said.audience))
        if found.started_at is None
        else None
    )
    figures = [
        *([Figure("audience", "persons", now.persons, now.low, now.high)] if now is not None else []),
        *(Figure("step", str(place.step + 1), place.persons, None, None) for place in standing),
        *(Figure("queue", name, many, None, None) for name, many in queue.items()),
        *(Figure("stopped", name, many, None, None) for name, many in sorted(stopped.items())),
        *(Figure(*row) for row in (result_rows(result) if result is not None else ())),
    ]
    if found.said.points_goal and result is not None and result.effect is not None:
        figures.append(Figure("money", "points", found.said.points_goal * result.treated.reached, None, None))
    return Statistics(clock.micros(), tuple(figures), standing, queue, dict(stopped), result)


def _queue(home: Home, sends: list[dict[str, object]]) -> Mapping[str, int]:
    """Return state of a message -> how many messages of the campaign stand so."""
    found = Counter[str]()
    for send in sends:
        if send["send"] is not None:
            found.update(handing.states(home, int(str(send["send"]))))
    return dict(found)


def places(home: Home, who: Who, found: Campaign) -> tuple[Place, ...]:
    """Return where the treated stand, one for each message, and one for those who are through; none before anybody entered.

    Counts are those of when they entered, exactly; for accounts that may not see persons released counts, of today's persons, and of a campaign that goes on
    neither how many cohorts there are nor when one is due: a cohort may be one person.
    """
    number = int(drafts.row_of(home, who, found.key)["number"])
    with home.state.read() as tx:
        cohorts = store.cohorts(tx, number)
    if not cohorts:
        return ()
    places_ = []
    messages = [n for n, step in enumerate(found.said.steps) if isinstance(step, Message)]
    for step in [*messages, len(found.said.steps)]:
        here = [one for one in cohorts if one["step"] == step]
        persons: int | None = sum(one["treated"] for one in here)
        if not who.may(Permission.SEE_PERSONS) and found.experiment is not None:
            arms = (measurement.arms(home, found.experiment, one["number"])[0] for one in here)
            persons = audience.size(home, who, BitMap.union(BitMap(), *arms)).persons if here else 0
        due = min((one["due_at"] for one in here if one["through_at"] is None), default=None)
        if found.said.standing and not who.may(Permission.SEE_PERSONS):  # a cohort may be one person
            places_.append(Place(step, 0, persons, None))
        else:
            places_.append(Place(step, len(here), persons, due))
    return tuple(places_)
