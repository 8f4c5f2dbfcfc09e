"""What the health of identity says is what there is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.identity.steps import subject, take_in, touch
from tests.core.identity.test_reviewing import doubtful, match_of
from zerodistance.core.identity import api, health, kept
from zerodistance.core.identity.contracts import Verdict
from zerodistance.core.identity.estimates import estimates, share
from zerodistance.core.identity.weighed import Asked
from zerodistance.kernel.access import Role, Who
from zerodistance.kernel.errors import Forbidden
from zerodistance.kernel.home import Home

M1, M2 = ("member_id", "M1"), ("member_id", "M2")


def town(home: Home) -> None:
    """A member with a phone, another one alone, and two visitors, one of them with a device."""
    take_in(
        home,
        touch(0, member_id="M1", phone="13912348001"),
        touch(1, member_id="M2"),
        touch(2, anonymous_id="c1"),
        touch(3, anonymous_id="c2", device_id="d"),
    )


def test_persons_visitors_and_what_they_are_known_by_are_counted(home: Home, admin: Who) -> None:
    town(home)
    found = api.health(home, admin)
    assert (found.census.persons, found.census.visitors) == (2, 2)
    assert found.census.held == {"member_id": 2, "phone": 1}
    assert found.census.anonymous == {"anonymous_id": 2, "device_id": 1}
    assert found.anonymous_subjects == 0.5 and found.anonymous_touches is None
    assert found.census.sizes[:2] == ((1, 1, 1), (2, 2, 1))
    assert [(one.subjects, one.masked) for one in found.largest] == [(2, "M*")]
    assert found.rebuilt is None and found.matched is None


def test_merges_and_splits_stand_on_their_day(home: Home, admin: Who) -> None:
    town(home)
    pair = subject(home, *M1), subject(home, *M2)
    api.decide(home, admin, *pair, Verdict.SAME)
    api.decide(home, admin, *pair, Verdict.DIFFERENT)
    days = api.health(home, admin).census.days
    assert len(days) == 30 and (days[-1].merged, days[-1].split) == (1, 1)
    assert sum(day.merged + day.split for day in days[:-1]) == 0


def test_in_a_large_home_the_counts_of_last_night_are_good_enough(
    home: Home, admin: Who, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "_SMALL", 0)
    town(home)
    counted = health.count(home)
    take_in(home, touch(9, member_id="M3", phone="13912348009"))
    api.rebuild(home, admin)
    found = api.health(home, admin)
    assert found.census == counted and found.rebuilt is not None and found.rebuilt["persons"] == 3
    assert [one.subjects for one in found.largest] == [2]
    assert api.health(home, admin, fresh=True).census.persons == 3
    api.forget(home, [subject(home, *M1)])
    with home.state.read() as tx:
        assert kept.figure(tx, "largest") is None


def test_how_right_the_matcher_is_comes_from_what_it_asked_about_alone(home: Home, admin: Who) -> None:
    doubtful(home)
    pairs = api.reviews(home, admin, limit=2).pairs
    api.judge(home, admin, pairs[0].a, pairs[0].b, Verdict.DIFFERENT, Asked.DOUBT)
    api.decide(home, admin, pairs[1].a, pairs[1].b, Verdict.SAME)
    found = api.health(home, admin).estimates
    assert [(band.found.same, band.found.decided, band.waiting) for band in found.bands] == [
        (0, 1, 0),
        (0, 0, 0),
        (0, 0, 0),
    ]
    assert found.precision.share is None and found.recall is None


def test_a_checked_sample_of_links_gives_precision_and_recall(home: Home, admin: Who) -> None:
    doubtful(home)
    match_of(home, ("record", "1:r0"), ("record", "1:r1"), 9.0, linked=1)
    api.rebuild(home, admin)
    (pair,) = api.reviews(home, admin, limit=5, asked=Asked.LINK).pairs
    api.judge(home, admin, pair.a, pair.b, Verdict.SAME, Asked.LINK)
    found = api.health(home, admin).estimates
    assert (found.links, found.precision.share) == (1, 1.0) and found.precision.low < 0.3
    assert found.recall is None and found.recall_high == 1.0 and 0 < found.recall_low < 0.5


def test_recall_counts_what_waits_in_each_band_as_far_as_its_decisions_say() -> None:
    said = {
        ("link", 0, "same"): 98,
        ("link", 0, "different"): 2,
        ("doubt", 1, "same"): 5,
        ("doubt", 1, "different"): 5,
    }
    found = estimates(1_000, {1: 40}, said)
    assert found.precision.share == 0.98 and found.recall == pytest.approx(980 / (980 + 20))
    assert found.recall_low < found.recall < found.recall_high


@given(st.integers(0, 200), st.integers(0, 200))
def test_a_share_lies_in_its_interval(same: int, different: int) -> None:
    found = share(same, same + different)
    assert 0 <= found.low <= found.high <= 1
    assert found.share is None or found.low - 1e-12 <= found.share <= found.high + 1e-12


def test_only_whoever_operates_sees_it(home: Home) -> None:
    with pytest.raises(Forbidden):
        api.health(home, Who(2, "analyst", Role.ANALYST))
