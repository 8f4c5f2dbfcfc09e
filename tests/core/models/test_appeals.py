"""Appeals: somebody else decides, a granted score is not fallen below, and it goes with the person."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from tests.core.identity.steps import subject, take_in, touch
from zerodistance.core.models import api, appeals
from zerodistance.core.models.appeals import NoSuchAppeal, NotAppealable, OwnAppeal
from zerodistance.core.models.contracts import NoSuchCategory
from zerodistance.core.profiles import api as profiles
from zerodistance.kernel import clock
from zerodistance.kernel.access import Role, Who
from zerodistance.kernel.errors import Forbidden, Invalid
from zerodistance.kernel.home import Home, create_home
from zerodistance.kernel.settings import load

AGENT, LEAD = Who(1, "agent", Role.ANALYST), Who(2, "lead", Role.ADMIN)
MODEL = api.model("r2_integrity")


@pytest.fixture
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    home = create_home(load(home=tmp_path_factory.mktemp("town") / "home"))
    take_in(home, *(touch(n, openid=f"o{n}") for n in range(4)))
    profiles.follower(home).update()
    yield home
    home.close()


def test_a_granted_score_is_not_fallen_below_for_its_time(town: Home) -> None:
    here = profiles.current(town)
    who = np.array(here.universe.persons, np.uint32)
    scores = np.array([10.0, 20.0, 30.0, 95.0])[: len(who)]
    number = appeals.file(town, AGENT, MODEL, int(who[1]), "records_wrong")
    assert appeals.raised(town, MODEL, "", who, scores).tolist() == scores.tolist(), "nobody has decided"
    with pytest.raises(Forbidden):
        appeals.decide(town, AGENT, number, 80.0)
    appeals.decide(town, LEAD, number, 80.0, days=30)
    assert appeals.raised(town, MODEL, "", who, scores).tolist() == [10.0, 80.0, 30.0, 95.0][: len(who)]
    assert appeals.raised(town, MODEL, "", who[2:], scores[2:]).tolist() == scores[2:].tolist()
    with clock.freeze(clock.from_micros(clock.micros() + 31 * clock.MICROS_PER_DAY)):
        assert appeals.raised(town, MODEL, "", who, scores).tolist() == scores.tolist()
        assert appeals.listed(town, AGENT)[0].state == "over"
    with pytest.raises(NoSuchAppeal):
        appeals.decide(town, LEAD, number, None)
    other = replace(MODEL, key="r9", appeals=True)
    assert appeals.raised(town, other, "", who, scores).tolist() == scores.tolist(), "of another model"


def test_who_files_does_not_decide_and_bad_appeals_are_refused(town: Home) -> None:
    person = int(next(iter(profiles.current(town).universe.persons)))
    number = appeals.file(town, LEAD, MODEL, person, "good_reason")
    with pytest.raises(OwnAppeal):
        appeals.decide(town, LEAD, number, 50.0)
    chief = Who(3, "chief", Role.ADMIN)
    for least, days in ((101.0, 10), (-1.0, 10), (50.0, 0), (50.0, 4_000)):
        with pytest.raises(Invalid):
            appeals.decide(town, chief, number, least, days)
    assert [one.number for one in appeals.listed(town, LEAD, waiting=True)] == [number]
    appeals.decide(town, chief, number, None)
    assert appeals.listed(town, LEAD, waiting=True) == [] and appeals.listed(town, LEAD)[0].state == "refused"
    with pytest.raises(NotAppealable):
        appeals.file(town, AGENT, api.model("n1"), person, "good_reason", "washer")
    with pytest.raises(NoSuchCategory):
        appeals.file(town, AGENT, MODEL, person, "good_reason", "washer")
    with pytest.raises(Invalid):
        appeals.file(town, AGENT, MODEL, person, "because")
    with pytest.raises(Forbidden):
        appeals.file(town, Who(4, "planner", Role.PLANNER), MODEL, person, "good_reason")


def test_who_is_forgotten_has_no_appeal(town: Home) -> None:
    here = profiles.current(town)
    numbers = dict(
        zip(*(here.pairs().column(name).to_pylist() for name in ("subject", "number")), strict=True)
    )
    mine = subject(town, "openid", "o2")
    appeals.file(town, AGENT, MODEL, numbers[mine], "long_ago")
    assert appeals.listed(town, AGENT)[0].number_of_person == numbers[mine]
    assert appeals.forget(town, [mine, 99]) == {"model_appeal": 1} and appeals.listed(town, AGENT) == []
    assert appeals.forget(town, [mine]) == {"model_appeal": 0}
