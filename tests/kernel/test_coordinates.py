"""Coordinates of Chinese maps come in as WGS-84: known points, and the way back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zerodistance.kernel import coordinates
from zerodistance.kernel.coordinates import System

KNOWN = [
    # WGS-84, GCJ-02: test points of eviltransform and coordtransform
    ((31.1774276, 121.5272106), (31.17530398364597, 121.531541859215)),
    ((39.911954, 116.377817), (39.91334545536069, 116.38404722455657)),
    ((39.915, 116.404), (39.91640428150164, 116.41024449916938)),
]
ELSEWHERE = {
    "Hong Kong": (22.28, 114.16),
    "Macao": (22.19, 113.54),
    "Taipei": (25.03, 121.56),
    "Seoul": (37.56, 126.97),
    "Hanoi": (21.03, 105.85),
    "Vladivostok": (43.1, 131.9),
    "Paris": (48.86, 2.29),
}
MAINLAND = {
    "Qingdao": (36.0, 120.3),
    "Shenzhen": (22.54, 114.06),
    "Zhuhai": (22.27, 113.57),
    "Zhoushan": (30.0, 122.1),
    "Sanya": (18.25, 109.5),
    "Kashgar": (39.47, 75.99),
    "Heihe": (50.24, 127.5),
    "Lhasa": (29.65, 91.1),
}


@pytest.mark.parametrize(("wgs", "gcj"), KNOWN)
def test_known_points(wgs: tuple[float, float], gcj: tuple[float, float]) -> None:
    assert coordinates.from_wgs84(*wgs, "gcj02") == pytest.approx(gcj, abs=1e-9)
    assert coordinates.to_wgs84(*gcj, "gcj02") == pytest.approx(wgs, abs=1e-8)


def test_a_known_point_of_baidus() -> None:
    here = coordinates.to_wgs84(39.915, 116.404, "gcj02")
    found = coordinates.from_wgs84(*here, "bd09")
    assert found == pytest.approx((39.92133699351021, 116.41036949371029), abs=1e-8)
    assert coordinates.to_wgs84(*found, "bd09") == pytest.approx(here, abs=1e-8)


def test_only_the_mainland_is_moved() -> None:
    for places, inside in ((ELSEWHERE, False), (MAINLAND, True)):
        points = np.array(list(places.values()))
        said = dict(zip(places, coordinates.in_china(points).tolist(), strict=True))
        assert said == dict.fromkeys(places, inside)
        for system in coordinates.SYSTEMS[1:]:
            moved = np.abs(coordinates.many_from_wgs84(points, system) - points).max(axis=1) > 0
            assert moved.tolist() == [inside] * len(points)


@settings(max_examples=60)
@given(lat=st.floats(-90, 90), lon=st.floats(-180, 180), system=st.sampled_from(coordinates.SYSTEMS))
def test_there_and_back_is_where_one_was(lat: float, lon: float, system: System) -> None:
    there = coordinates.from_wgs84(lat, lon, system)
    back = coordinates.to_wgs84(*there, system)
    if coordinates.in_china(np.array([[lat, lon], back])).all() or system == "wgs84":
        assert back == pytest.approx((lat, lon), abs=1e-7)
    assert np.hypot(back[0] - lat, back[1] - lon) < 0.03


@settings(max_examples=60)
@given(lat=st.floats(24, 42), lon=st.floats(100, 118))
def test_in_the_middle_of_china_the_way_back_is_exact(lat: float, lon: float) -> None:
    for system in coordinates.SYSTEMS:
        back = coordinates.to_wgs84(*coordinates.from_wgs84(lat, lon, system), system)
        assert back == pytest.approx((lat, lon), abs=1e-8)
