"""Who lives where is what a slow reader finds, however many parts of the index say so."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from h3.api import basic_int as h3
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.core.profiles.test_index import NUMBERS, check, sizes, split
from zerodistance.core.profiles import areas, bitmaps, cells, homes, index, publishing
from zerodistance.core.profiles.cells import Spot, spot
from zerodistance.core.profiles.contracts import VISITORS_FROM, IndexDamaged
from zerodistance.core.profiles.index import Index
from zerodistance.core.profiles.parts import Part

SPOTS = {f"c{n}": spot(36.0 + 0.004 * n, 120.3 + 0.011 * (n % 3)) for n in range(7)}
CODES = (*SPOTS, "nowhere")
HOLDER = "^city"
Living = dict[int, str | None]
living = st.dictionaries(st.sampled_from(NUMBERS), st.none() | st.sampled_from(CODES))
changes = st.lists(st.tuples(living, st.sets(st.sampled_from(NUMBERS))), max_size=4)
HERE = (36.01, 120.31)


def haversine(lat: float, lon: float, other_lat: float, other_lon: float) -> float:
    """Return the distance over ground in km, the way that the books have it."""
    a, b = math.radians(lat), math.radians(other_lat)
    half = (
        math.sin((b - a) / 2) ** 2
        + math.cos(a) * math.cos(b) * math.sin(math.radians(other_lon - lon) / 2) ** 2
    )
    return 2 * cells.EARTH * math.asin(math.sqrt(half))


def middle(one: Spot) -> tuple[float, float]:
    return tuple(cells.centres(np.array([one.cell], np.uint64))[0].tolist())  # type: ignore[return-value]


def part(known: Living, changed: set[int] | None) -> Part:
    nodes = {code: split(n for n, at in known.items() if at == code) for code in CODES}
    inner = {HOLDER: split(n for n, at in known.items() if at is not None)}
    gone = None if changed is None else bitmaps.of(np.array(sorted(changed), np.int64))
    every = {
        homes.DIMENSION: {k: v for k, v in (inner | nodes).items() if v},
        "a": {"x": split(n for n in known if n % 2)},
    }
    return Part(1, 2, 3, "m", 4, gone, split(known), every, spots=SPOTS)


def held(found: Index, known: Living) -> None:
    """Hold what an index says of places against a slow reader."""
    tags: dict[int, set[tuple[str, str]]] = {}
    for number, code in known.items():
        lives = set() if code is None else {(homes.DIMENSION, code), (homes.DIMENSION, HOLDER)}
        tags[number] = lives | ({("a", "x")} if number % 2 else set())
    check(found, tags, [("a", "x"), *((homes.DIMENSION, node) for node in (HOLDER, *CODES))])
    ground = found.ground
    odd = split(n for n in known if n % 2)
    asked: dict[str, tuple[Any, Any]] = {
        "near": (ground.near(*HERE, 2.5), lambda one: haversine(*HERE, *middle(one)) <= 2.5),
        "inside": (
            ground.inside([(120.29, 35.99), (120.315, 35.99), (120.315, 36.03)]),
            lambda one: (
                120.29 <= middle(one)[1] <= 120.315
                and middle(one)[0] - 35.99 <= (middle(one)[1] - 120.29) * 1.6
            ),
        ),
    }
    for mask, fits in asked.values():
        codes = {code for code, one in SPOTS.items() if fits(one)}
        assert {ground.codes[n] for n in np.flatnonzero(mask)} == codes
        wanted = {n for n, code in known.items() if code in codes}
        assert set(areas.living(found, mask).numbers().tolist()) == wanted
        assert ground.size(mask) == sizes(wanted)
        both = {n for n in wanted if n % 2}
        assert set(areas.at_home(found, mask, odd).numbers().tolist()) == both
        assert (
            areas.count_at_home(found, mask, odd)
            == areas.count_at_home(found, mask, ("node", "a", "x"))
            == sizes(both)
        )
    for code in CODES:
        assert found.size(("node", homes.DIMENSION, code)) == ground.size(ground.of([code]))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(first=living, later=changes, listed=st.booleans())
def test_parts_on_top_of_one_another_say_where_everybody_lives(
    tmp_path_factory: pytest.TempPathFactory, first: Living, later: Any, listed: bool
) -> None:
    folder: Path = tmp_path_factory.mktemp("index")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(homes, "_SPARSE", 0 if listed else 1 << 20)
        patch.setattr(homes, "_NEAR", 0)
        patch.setattr(areas, "_FEWER", 0 if listed else 1 << 20)
        known = dict(first)
        here = publishing.publish(folder, Index(), part(known, None))
        held(here, known)
        for fresh, also in later:
            changed = {*fresh, *also}
            known = {n: code for n, code in known.items() if n not in changed} | fresh
            here = publishing.publish(folder, here, part(fresh, changed))
            held(here, known)
        together = publishing.publish(folder, here, part({}, set()), whole=True)
        held(together, known)
        index.forget(folder)
        held(index.current(folder), known)


def test_communities_stand_in_the_order_of_their_cells(tmp_path: Path) -> None:
    known: Living = dict(zip(NUMBERS, [*CODES, None, *CODES], strict=False))
    found = publishing.publish(tmp_path, Index(), part(known, None)).ground
    assert sorted(found.cells.tolist()) == found.cells.tolist()
    assert found.codes[0] == "nowhere"
    assert [SPOTS[code].cell for code in found.codes[1:]] == found.cells[1:].tolist()


def test_the_nearest_communities_come_with_their_distance(tmp_path: Path) -> None:
    found = publishing.publish(tmp_path, Index(), part({1: "c0", VISITORS_FROM: "nowhere"}, None)).ground
    places, km = found.nearest(*HERE, 5)
    wanted = sorted(SPOTS, key=lambda code: haversine(*HERE, *SPOTS[code][1:]))[:5]
    assert [found.codes[n] for n in places.tolist()] == wanted
    np.testing.assert_allclose(km, [haversine(*HERE, *SPOTS[code][1:]) for code in wanted])
    assert len(found.nearest(-36.0, -60.0, 100)[0]) == len(SPOTS)


def test_a_cell_covers_what_lies_in_it() -> None:
    some = np.array([0, *(one.cell for one in SPOTS.values())], np.uint64)
    assert not cells.covered(some, ["8930ac534bbffff"]).any()
    for resolution in (0, 5, 8, 9):
        parents = [h3.cell_to_parent(one.cell, resolution) for one in SPOTS.values()]
        mine = cells.covered(some, [h3.int_to_str(parents[0])])
        assert mine.tolist() == [False, *(parent == parents[0] for parent in parents)]
    one = f"{SPOTS['c3'].cell:x}"
    assert (
        np.flatnonzero(cells.covered(some, [one])).tolist()
        == np.flatnonzero(some == SPOTS["c3"].cell).tolist()
    )
    assert cells.is_cell(one)
    assert not any(map(cells.is_cell, ("", "x", one.upper(), "8a30ac534b87fff", "0")))


@pytest.mark.parametrize("what", ["codes", "cells", "points", "begins", "lives", "homes"])
def test_a_damaged_section_is_found_before_it_is_used(tmp_path: Path, what: str) -> None:
    found = publishing.publish(tmp_path, Index(), part(dict.fromkeys(NUMBERS, "c1"), None))
    (path,) = tmp_path.glob("tags-*.part")
    section = found.layers[0].file.sections["place", homes.DIMENSION, what, 0]
    with open(path, "r+b") as file:
        file.seek(section.place)
        first = file.read(1)
        file.seek(section.place)
        file.write(bytes([first[0] ^ 1]))
    index.forget(tmp_path)
    with pytest.raises(IndexDamaged):
        again = index.current(tmp_path)
        areas.living(again, again.ground.near(*HERE, 50))
        again.nodes_of(1)
