"""Comparing, weighing and looking for pairs: one record and whole columns give the same."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from xxhash import xxh3_64_intdigest

from tests.core.identity.matching.drawn import coded, records
from zerodistance.core.identity.matching import blocks, compare, model
from zerodistance.core.identity.matching.fields import Face, face
from zerodistance.core.identity.matching.hashed import column_keys, face_keys
from zerodistance.core.identity.matching.score import Scorer, likely


def hashed(part: str, value: str) -> int:
    return xxh3_64_intdigest(f"{part}:{value}".encode())


SCORER = Scorer(model.default(), 100_000)


@settings(max_examples=40)
@given(records())
def test_a_pair_weighs_the_same_alone_and_in_columns(given: list[dict[str, str | None]]) -> None:
    faces = [face(one) for one in given]
    a, b = (side.ravel() for side in np.indices((len(given), len(given))))
    levels = compare.levels_many(coded(given), a, b)
    assert levels.T.tolist() == [list(compare.levels(faces[x], faces[y])) for x, y in zip(a, b, strict=True)]
    votes = SCORER.votes(coded(given), a, b, -2.0)
    judged = [SCORER.judged(faces[x], faces[y], -2.0) for x, y in zip(a, b, strict=True)]
    assert votes == pytest.approx([vote for _, vote in judged], abs=1e-9)
    weights = SCORER.weights(coded(given), a, b)
    assert weights == pytest.approx([weight for weight, _ in judged], abs=1e-9)
    assert weights == pytest.approx(
        [SCORER.pair(faces[x], faces[y]) for x, y in zip(a, b, strict=True)], abs=1e-9
    )


@settings(max_examples=40)
@given(records())
def test_a_pair_weighs_the_same_from_both_sides(given: list[dict[str, str | None]]) -> None:
    faces = [face(one) for one in given]
    for x, y in combinations(faces, 2):
        assert SCORER.pair(x, y) == pytest.approx(SCORER.pair(y, x), abs=1e-9)


@settings(max_examples=40)
@given(records())
def test_the_parts_of_a_weight_add_up_to_it(given: list[dict[str, str | None]]) -> None:
    one, other = face(given[0]), face(given[-1])
    parts = SCORER.parts(one, other)
    same, home = SCORER.evidence(one, other)
    assert (sum(part.same for part in parts), sum(part.home for part in parts)) == pytest.approx(
        (same, home), abs=1e-9
    )


@settings(max_examples=40)
@given(records(12))
def test_keys_of_records_of_columns_and_blocks_find_the_same_pairs(
    given: list[dict[str, str | None]],
) -> None:
    keys = [set(face_keys(face(one), hashed)) for one in given]
    of_columns: list[set[tuple[int, int]]] = [set() for _ in given]
    for n, _, rows, key in column_keys(coded(given), hashed):
        for row, one in zip(rows.tolist(), key.tolist(), strict=True):
            of_columns[row].add((n, one))
    assert of_columns == keys
    a, b = blocks.candidates(coded(given))
    few = [*blocks.slices(coded(given), most=2)]
    assert [pair for some in few for pair in zip(*(side.tolist() for side in some), strict=True)] == [
        *zip(a.tolist(), b.tolist(), strict=True)
    ]
    found = {(x, y) for x, y in combinations(range(len(given)), 2) if keys[x] & keys[y]}
    crowded = {key for key in set().union(*keys) if sum(key in one for one in keys) > 10}
    assert crowded or set(zip(a.tolist(), b.tolist(), strict=True)) == found


@pytest.mark.parametrize(
    ("x", "y", "level"),
    [
        ("王伟", "王伟", "written"), ("王伟", "王玮", "sound"), ("王伟", "Wang Wei", "sound"), ("李小明", "李小红", "near"), ("李小明", "李明", "part"),
        ("王伟", "王芳", "differs"), ("Wang Wei", "Wei Wang", "swapped"), ("John Smith", "Jon Smith", "near"), ("John Smith", "J Smith", "part"),
        ("John Smith", "Smith John", "swapped"), ("李佳", "李住", "looks"), ("王伟平", "王伟干", "looks"), ("王姚平", "王桃干", "differs"),
    ],
)  # fmt: skip
def test_given_names_are_compared_by_character_and_sound(x: str, y: str, level: str) -> None:
    found = {part.comparison: part.level for part in SCORER.parts(face({"name": x}), face({"name": y}))}
    assert found["given"] == level


def test_a_family_of_one_flat_and_one_phone_is_no_person_and_one_name_there_is() -> None:
    home = {"address": "城阳区双山路250号双桥城4号楼2单元201", "phone": "+8613812348001"}
    father, mother = face({"name": "王建国", **home}), face({"name": "李秀英", **home})
    again = face({"name": "王建国", **home})
    assert likely(SCORER.pair(father, again)) > 0.99
    assert likely(SCORER.pair(father, mother)) < 0.01


def test_a_brother_is_another_person() -> None:
    home = {"address": "双桥城4-2-201", "phone": "+8613812348001"}
    assert likely(SCORER.pair(face({"name": "王小明", **home}), face({"name": "王志强", **home}))) < 0.1


def test_a_rare_name_weighs_more_than_a_common_one() -> None:
    home = {"address": "双桥城4-2-201"}
    rare, common = ({"name": name, **home} for name in ("逄澹宁", "王伟"))
    assert SCORER.pair(face(rare), face(rare)) > SCORER.pair(face(common), face(common))


def test_nothing_known_is_as_likely_as_chance_has_it() -> None:
    assert likely(SCORER.pair(Face(), Face())) == pytest.approx(SCORER.model.same / 100_000, rel=0.05)
