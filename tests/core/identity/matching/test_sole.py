"""A name alone: it goes with the only person who has it, and with nobody where something speaks against that."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings

from tests.core.identity.matching.drawn import coded, records
from zerodistance.core.identity.matching import fields, model
from zerodistance.core.identity.matching.columns import columns
from zerodistance.core.identity.matching.score import Scorer
from zerodistance.core.identity.matching.sole import sole

HOMES = ("双桥城4-2-201", "海宁路7号3号楼1单元502")
WEI = {
    "name": "王伟",
    "address": HOMES[0],
    "phone": "+8613812348001",
    "gender": "M",
    "birthday": "1987-03-02",
}
AT_HOME = {"name": "王伟", "address": HOMES[0]}
OTHER = {"name": "王伟", "address": HOMES[1], "phone": "+8613912348002"}
Rows = list[dict[str, str]]


def taken(rows: Rows, group: list[int], codes: list[int] | None = None, most: int = 50) -> dict[int, int]:
    """Return row -> row of the group that it goes with."""
    keys = sorted({key for row in rows for key in row})
    faces = columns(fields.faces({key: [row.get(key) for row in rows] for key in keys}))
    vetoes = [np.array(codes)] if codes else []
    times = np.ones(len(rows), dtype=np.int64)
    a, b, weight = sole(faces, times, np.array(group), vetoes, Scorer(model.default(), 100_000), most)
    assert len(weight) == len(a)
    return dict(zip(a.tolist(), b.tolist(), strict=True))


def test_it_goes_with_the_only_person_who_has_it() -> None:
    rows = [WEI, AT_HOME, {"name": "王伟"}, {"name": "李娜"}]
    assert taken(rows, [0, 0, 2, 3]) in ({2: 0}, {2: 1})


def test_a_phone_that_is_another_speaks_against_nobody() -> None:
    rows = [WEI, AT_HOME, {"name": "王伟", "phone": "+8613912348009"}]
    assert set(taken(rows, [0, 0, 2])) == {2}


def test_of_two_persons_with_the_name_it_goes_with_neither() -> None:
    rows = [WEI, AT_HOME, OTHER, {**OTHER, "gender": "M"}, {"name": "王伟"}]
    assert taken(rows, [0, 0, 2, 2, 4]) == {}


def test_a_slip_that_happens_to_be_somebodys_name_makes_no_second_person() -> None:
    other = {"name": "李娜", "phone": "+8613912348002"}
    rows = [WEI, AT_HOME, other, {**other, "gender": "F"}, {**other, "name": "王伟"}, {"name": "王伟"}]
    assert set(taken(rows, [0, 0, 2, 2, 2, 5])) == {5}


@pytest.mark.parametrize(
    "more",
    [
        {"gender": "F"},
        {"birthday": "1955-11-30"},
        {"phone": "+8613912348009", "address": HOMES[1]},
    ],
)
def test_what_speaks_against_it_leaves_it_alone(more: dict[str, str]) -> None:
    assert taken([WEI, AT_HOME, {"name": "王伟", **more}], [0, 0, 2]) == {}


def test_a_member_is_not_taken_for_another_member() -> None:
    rows = [WEI, AT_HOME, {"name": "王伟"}]
    assert taken(rows, [0, 0, 2], [1, -1, 2]) == {}
    assert set(taken(rows, [0, 0, 2], [1, -1, 1])) == {2}


def test_a_group_that_is_full_takes_nobody() -> None:
    assert taken([WEI, AT_HOME, {"name": "王伟"}], [0, 0, 2], most=2) == {}


@settings(max_examples=40, deadline=None)
@given(records(10))
def test_only_who_stands_alone_is_taken_and_by_a_group_of_that_name(
    given: list[dict[str, str | None]],
) -> None:
    faces = coded(given)
    group = np.arange(faces.rows) // 2 * 2
    group[-2:] = np.arange(faces.rows)[-2:]
    a, b, _ = sole(
        faces, np.ones(faces.rows, dtype=np.int64), group, [], Scorer(model.default(), 100_000), 50
    )
    assert (np.bincount(group)[group[a]] == 1).all() and len(set(a.tolist())) == len(a)
    assert (faces.code["written"][a] == faces.code["written"][b]).all() and (group[a] != group[b]).all()
