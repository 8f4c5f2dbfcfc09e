"""The map says released counts of the own territory, of regions that stay where they are, and nothing else."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.apps.marketing.conftest import (
    ADMIN,
    CODES,
    EVERYBODY,
    MIDDLE,
    SPOTS,
    district,
    in_need,
    lives,
    marketer,
)
from zerodistance.apps.marketing import api, rules
from zerodistance.apps.marketing.contracts import NowhereToStand
from zerodistance.core.profiles import bitmaps
from zerodistance.core.segments import api as segments
from zerodistance.core.segments import released, releasing
from zerodistance.core.segments.questions import NotApproved, NotClosed, NotYours, Question
from zerodistance.kernel.errors import Invalid, NotFound
from zerodistance.kernel.home import Home


def test_a_spot_is_the_middle_of_a_cell_however_it_is_said(town: Home) -> None:
    who = marketer(town)
    at = api.spot(town, who, lat=MIDDLE[0], lon=MIDDLE[1])
    for lat, lon in ((0.001, 0.001), (-0.002, 0.001)):
        assert api.spot(town, who, lat=at.lat + lat, lon=at.lon + lon) == at
    lat, lon = api.said_in(at, "gcj02")
    assert api.spot(town, who, lat=lat, lon=lon, system="gcj02") == at
    assert api.spot(town, who, cell=at.cell).cell == at.cell
    assert api.spot(town, who, place="C24").name.en == "C24"
    assert api.spot(town, who, place="D0").lat < api.spot(town, who, place="CITY").lat
    assert api.spot(town, who).cell  # where most live
    for wrong in ({"lat": 91.0, "lon": 0.0}, {"lat": 1.0}, {"lon": float("nan"), "lat": 0.0}, {"cell": "8630ac537ffffff"}, {"cell": "x"}):  # fmt: skip
        with pytest.raises(Invalid):
            api.spot(town, who, **wrong)
    with pytest.raises(NotFound):
        api.spot(town, who, place="nowhere")


def test_the_nearest_communities_have_users_coverage_and_needs(town: Home) -> None:
    who = marketer(town)
    at = api.spot(town, who, lat=MIDDLE[0], lon=MIDDLE[1])
    found = api.communities(town, who, at, need="n2_washer", most=len(CODES))
    assert [one.km for one in found.communities] == sorted(one.km for one in found.communities)
    assert {one.key for one in found.needs} == {"n1_washer", "n2_washer"}
    live, first = lives(), in_need(0.5, 8)
    for one in found.communities:
        n = CODES.index(one.code)
        asked = releasing.ask(town, who, Question(place=one.code))
        assert (one.users.persons, one.users.low) == (asked.persons, asked.low)
        assert (
            one.needs["n2_washer"] == releasing.ask(town, who, Question(one.code, need="n2_washer")).persons
        )
        assert one.need is not None
        assert one.need.persons == one.needs["n2_washer"]
        true = int((first & (live == n)).sum())
        if one.need.persons is not None:
            assert abs(one.need.persons - true) < 5 * math.sqrt(15 * true) + 20
        if one.around is not None:
            assert 0 < one.around <= 100
        homes = 500 if n % 2 else None
        assert one.households == homes
        assert one.coverage == (None if homes is None else 100 * (one.users.persons or 0) / homes)
    shown = {one.code for one in found.communities}
    assert found.hidden == sum(
        releasing.ask(town, who, Question(place=code)).persons is None for code in set(CODES) - shown
    )
    few = api.communities(town, who, at, most=3)
    assert [one.code for one in few.communities] == [one.code for one in found.communities[:3]]


def test_cells_add_up_to_about_everybody_who_lives_there(town: Home) -> None:
    who = marketer(town)
    at = api.spot(town, who, lat=MIDDLE[0], lon=MIDDLE[1])
    found = api.cells(town, who, at, km=50)
    assert sum(one.communities for one in found.regions) == len(CODES)
    assert found.total.persons == sum(one.figure.persons or 0 for one in found.regions)
    assert abs((found.total.persons or 0) - len(EVERYBODY)) < 4 * math.sqrt(15 * len(EVERYBODY))
    assert found.total.low <= (found.total.persons or 0) <= (found.total.high or 0)
    assert all(one.figure.persons is None or one.figure.persons >= found.floor for one in found.regions)
    assert all(one.km2 > 0 and len(one.ring) >= 5 for one in found.regions)


@settings(max_examples=25)
@given(lat=st.floats(-0.04, 0.04), lon=st.floats(-0.05, 0.05), km=st.floats(0.5, 6), need=st.sampled_from(["n1_washer", "n2_washer", None]))  # fmt: skip
def test_a_circle_that_moves_shows_other_regions_and_never_another_figure(
    town: Home, lat: float, lon: float, km: float, need: str | None
) -> None:
    who = marketer(town)
    at = api.spot(town, who, lat=MIDDLE[0] + lat, lon=MIDDLE[1] + lon)
    whole = {one.cell: one for one in api.cells(town, who, at, need=need, km=50).regions}
    for one in api.cells(town, who, at, need=need, km=km).regions:
        assert whole[one.cell] == one


def test_a_region_is_the_released_count_of_the_communities_in_it(town: Home) -> None:
    who = marketer(town)
    at = api.spot(town, who, lat=MIDDLE[0], lon=MIDDLE[1])
    some, live = in_need(0.2, 7), lives()
    panel, looked = released.panel(town), 0
    usual = rules.parents(np.array([one.cell for one in SPOTS.values()], np.uint64), rules.USUAL)
    for one in api.cells(town, who, at, need="n1_washer", km=50).regions:
        inside = [n for n, cell in enumerate(usual.tolist()) if f"{cell:x}" == one.cell]
        if one.resolution == rules.USUAL:
            persons = bitmaps.of_sorted(EVERYBODY[some & np.isin(live, inside)])
            assert one.figure.persons == released.figure(town.seal, panel, persons, 20)
            looked += 1
    assert looked


def test_only_the_own_territory_is_seen(town: Home) -> None:
    south = marketer(town, "south")
    at = api.spot(town, south, lat=MIDDLE[0], lon=MIDDLE[1])
    found = api.communities(town, south, at)
    assert {district(CODES.index(one.code)) for one in found.communities} == {0}
    cells = api.cells(town, south, at, km=50)
    assert sum(one.communities for one in cells.regions) == sum(district(n) == 0 for n in range(len(CODES)))
    assert api.spot(town, south).lat < MIDDLE[0] + 0.008
    with pytest.raises(NotYours):
        api.chosen(town, south, ["C48"])
    rule = api.chosen(town, south, ["C00", "C01"], need="n1_washer")
    true = int((in_need(0.2, 7) & np.isin(lives(), [0, 1])).sum())
    assert segments.count(town, ADMIN, rule).persons == true


def test_what_is_not_there_is_refused(town: Home, home: Home) -> None:
    who = marketer(town)
    at = api.spot(town, who)
    for ask in (api.cells, api.communities):
        with pytest.raises(NotClosed):
            ask(town, who, at, need="n1_rocket")
        with pytest.raises(NotApproved):
            ask(town, who, at, audience="nobody")
    for km in (0.0, 51.0, float("nan")):
        with pytest.raises(Invalid):
            api.cells(town, who, at, km=km)
    with pytest.raises(Invalid):
        api.communities(town, who, at, most=0)


def test_an_empty_home_has_nowhere_to_stand(home: Home) -> None:
    with pytest.raises(NowhereToStand):
        api.spot(home, ADMIN)
    at = api.spot(home, ADMIN, lat=36, lon=120)
    assert api.cells(home, ADMIN, at).total.persons is None
    assert api.communities(home, ADMIN, at).communities == ()


def test_land_is_cut_off_round_a_spot(home: Home) -> None:
    coast = api.land(api.spot(home, ADMIN, lat=36.07, lon=120.38))
    assert coast
    assert all(abs(lon - 120.38) < 1.6 and abs(lat - 36.07) < 1.6 for ring in coast for lon, lat in ring)
    assert api.land(api.spot(home, ADMIN, lat=-30, lon=-30)) == []
    (inland,) = api.land(api.spot(home, ADMIN, lat=34.3, lon=108.9))
    assert len(inland) == 4
