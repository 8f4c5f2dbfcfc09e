"""Joining weighed pairs: laws of the function, and the attacks that a matcher has to withstand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.core.identity.matching.drawn import records, table
from zerodistance.core.identity.matching import batch, fields, model
from zerodistance.core.identity.matching.clusters import cluster, within
from zerodistance.core.identity.matching.columns import columns

NONE = np.empty(0, dtype=np.int64)
WEIGHTS = st.one_of(st.floats(-30, 30), st.sampled_from((-5.0, 0.0, 5.0, 12.0)))
EDGES = st.dictionaries(
    st.tuples(st.integers(0, 9), st.integers(0, 9)).filter(lambda pair: pair[0] < pair[1]),
    WEIGHTS,
    max_size=30,
)


def joined(edges: dict[tuple[int, int], float], order: list[tuple[int, int]], **more: object) -> list[int]:
    a, b = (np.array([pair[side] for pair in order], dtype=np.int64) for side in (0, 1))
    return cluster(10, a, b, np.array([edges[pair] for pair in order]), **more).tolist()  # type: ignore[arg-type]


@given(EDGES, st.randoms())
def test_the_order_of_pairs_changes_nothing(edges: dict[tuple[int, int], float], random: object) -> None:
    order = list(edges)
    turned = [*order]
    random.shuffle(turned)  # type: ignore[attr-defined]
    assert joined(edges, order) == joined(edges, turned)


@given(EDGES, st.lists(st.integers(-1, 2), min_size=10, max_size=10))
def test_nobody_has_two_codes_of_a_veto_and_more_records_than_the_most(
    edges: dict[tuple[int, int], float], codes: list[int]
) -> None:
    label = joined(edges, list(edges), vetoes=[np.array(codes)], most=4)
    for one in set(label):
        members = [n for n in range(10) if label[n] == one]
        assert one == min(members) and len(members) <= 4
        assert len({codes[n] for n in members} - {-1}) <= 1


@given(EDGES)
def test_two_groups_that_were_left_apart_have_nothing_that_speaks_for_joining_them(
    edges: dict[tuple[int, int], float],
) -> None:
    label = joined(edges, list(edges))
    between: dict[tuple[int, int], float] = {}
    for (x, y), weight in edges.items():
        pair = (min(label[x], label[y]), max(label[x], label[y]))
        between[pair] = between.get(pair, 0.0) + weight
    assert all(weight < 1e-5 for (x, y), weight in between.items() if x != y)


def test_a_wrong_pair_does_not_make_two_persons_one() -> None:
    edges = {(0, 1): 12.0, (2, 3): 12.0, (1, 2): 7.0, (0, 2): -9.0, (0, 3): -9.0, (1, 3): -9.0}
    assert joined(edges, list(edges))[:4] == [0, 0, 2, 2]


def test_what_must_be_one_person_is_whatever_else_is_said() -> None:
    sure = (np.array([0]), np.array([1]))
    assert joined({(0, 1): -50.0}, [(0, 1)], must=sure)[1] == 0


@given(st.lists(st.integers(0, 5), max_size=12))
def test_within_gives_every_pair_of_a_component_once(label: list[int]) -> None:
    a, b = within(np.array(label, dtype=np.int64))
    pairs = list(zip(a.tolist(), b.tolist(), strict=True))
    assert len(pairs) == len(set(pairs))
    assert set(pairs) == {(x, y) for y in range(len(label)) for x in range(y) if label[x] == label[y]}


# -- whole tables

HOME = "城阳区双山路250号双桥城4号楼2单元201"
OTHER = "市北区海宁路7号海棠花园11号楼1单元302"


def matched(rows: list[dict[str, str | None]], members: list[int] | None = None) -> list[int]:
    keys = sorted({key for row in rows for key in row})
    faces = fields.faces({key: [row.get(key) for row in rows] for key in keys})
    return batch.match(faces, model.default(), vetoes=[np.array(members)] if members else []).tolist()


def person(name: str | None, address: str | None = None, **more: str) -> dict[str, str | None]:
    return {"name": name, "address": address, **more}


@settings(max_examples=40)
@given(records(10))
def test_any_table_is_matched_and_a_second_row_of_everything_changes_nobody(
    given: list[dict[str, str | None]],
) -> None:
    label = batch.match(table(given), model.default())
    assert all(label[n] <= n and label[label[n]] == label[n] for n in range(len(given)))


def test_one_person_is_found_by_name_and_home_however_they_are_written() -> None:
    rows = [
        person("王建国", HOME),
        person("Wang Jianguo", "双桥城4-2-201"),
        person("王建國先生", "城阳区双桥4栋2单元201室"),
    ]
    assert matched(rows) == [0, 0, 0]


def test_a_dealers_phone_on_many_records_makes_nobody_one() -> None:
    surnames, given_names = "王李张刘陈杨赵黄周吴", "建国 秀英 志强 桂兰 晓东 丽华 文博 海燕".split()
    rows = [person(s + g, phone="+8613812348001") for s in surnames for g in given_names]
    assert matched(rows) == list(range(80))


def test_twins_in_one_flat_stay_two() -> None:
    twin = {"birthday": "2001-05-06", "phone": "+8613812348001"}
    rows = [
        person("王小明", HOME, **twin),
        person("王小亮", HOME, **twin),
        person("王小明", HOME),
        person("王小亮", HOME),
    ]
    assert matched(rows) == [0, 1, 0, 1]


def test_father_and_son_of_one_name_are_two_by_their_birthdays() -> None:
    rows = [
        person("王建国", HOME, birthday="1950-03-02", phone="+8613812348001"), person("王建国", HOME, birthday="1981-11-20", phone="+8613912348002"),
    ]  # fmt: skip
    assert matched(rows) == [0, 1]
    assert matched([{**row, "phone": None} for row in rows]) == [0, 1]


def test_a_recycled_phone_number_does_not_make_two_persons_one() -> None:
    phone = "+8613812348001"
    rows = [
        person("王建国", HOME, phone=phone),
        person("王建国", HOME),
        person("李秀英", OTHER, phone=phone),
        person("李秀英", OTHER),
    ]
    assert matched(rows) == [0, 0, 2, 2]


def test_two_verified_members_who_share_phone_and_name_are_two() -> None:
    rows = [person("王伟", HOME, phone="+8613812348001"), person("王伟", HOME, phone="+8613812348001")]
    assert matched(rows, [7, 8]) == [0, 1]
    assert matched(rows, [7, -1]) == [0, 0]


def test_a_marriage_with_a_new_name_is_one_person_by_birthday_phone_and_mail() -> None:
    known = {"birthday": "1990-05-06", "phone": "+8613812348001", "email": "anna@mail.example"}
    assert matched([person("Anna Miller", **known), person("Anna Schneider", **known)]) == [0, 0]


def test_a_divorce_leaves_two_where_two_were() -> None:
    phone = "+8613812348001"
    rows = [
        person("王建国", HOME, phone=phone), person("李秀英", HOME, phone=phone), person("李秀英", OTHER, phone="+8613912348002"), person("李秀英", OTHER),
        person("王建国", HOME),
    ]  # fmt: skip
    assert matched(rows) == [0, 1, 1, 1, 0]


def test_a_family_phone_joins_no_family() -> None:
    phone = "+8613812348001"
    rows = [
        person(name, HOME, phone=phone)
        for name in ("王建国", "李秀英", "王小明", "王建国", "李秀英", "王小明")
    ]
    assert matched(rows) == [0, 1, 2, 0, 1, 2]


def test_records_that_say_nothing_are_nobody_together() -> None:
    assert matched([person(None), person(None), person("测试"), person("王先生")]) == [0, 1, 2, 3]


@pytest.mark.parametrize("seed", [1, 2])
def test_the_order_of_records_changes_no_person(seed: int) -> None:
    rows = [
        person(s + g, a)
        for s in "王李张"
        for g in ("建国", "秀英", "志强")
        for a in (HOME, OTHER, "双桥城4-2-201", None)
    ]
    turned = np.random.default_rng(seed).permutation(len(rows))
    plain, again = matched(rows), matched([rows[n] for n in turned])
    groups = {frozenset(n for n, one in enumerate(plain) if one == label) for label in plain}
    assert groups == {
        frozenset(int(turned[n]) for n, one in enumerate(again) if one == label) for label in again
    }


@settings(max_examples=30, deadline=None)
@given(records(14), st.integers(1, 40))
def test_how_many_pairs_are_judged_at_a_time_changes_nothing(
    given: list[dict[str, str | None]], pairs: int
) -> None:
    every, weights = columns(table(given)), model.default()
    whole = batch.weigh(every, weights, doubt=-3.0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(batch, "_PAIRS", pairs)
        parted = batch.weigh(every, weights, doubt=-3.0)
    assert whole.label.tolist() == parted.label.tolist()
    assert told(whole) == told(parted)


def told(found: batch.Weighed) -> list[tuple[int, int, float]]:
    return sorted(zip(found.a.tolist(), found.b.tolist(), found.weight.tolist(), strict=True))
