"""The model: a file that is read as it was written, and chances that are learned without labels."""

from __future__ import annotations

import json

import numpy as np
import pytest

from zerodistance.core.identity.matching import fields, model, train
from zerodistance.core.identity.matching.columns import columns
from zerodistance.core.identity.matching.compare import COMPARISONS, GIVEN
from zerodistance.core.identity.matching.fields import Face
from zerodistance.core.identity.matching.score import Scorer


def test_a_model_is_read_as_it_was_written() -> None:
    shipped = model.default()
    assert model.loaded(model.dumped(shipped)) == shipped


def test_the_shipped_model_says_what_it_was_learned_from_and_what_it_reached() -> None:
    shipped = model.default()
    assert shipped.trained["seeds"] == [1, 2, 3] and shipped.trained["labels"] is False
    assert shipped.evaluation["seed"] not in shipped.trained["seeds"] and shipped.evaluation["f1"] > 0.965


@pytest.mark.parametrize("text", ["", "[]", '{"form": 0}', json.dumps({"form": model.FORM, "levels": {}})])
def test_what_is_no_model_is_not_read(text: str) -> None:
    with pytest.raises(model.NotAModel):
        model.loaded(text)


def test_weights_that_were_learned_before_looks_were_compared_count_them_as_near() -> None:
    written = json.loads(model.dumped(model.default()))
    del written["levels"]["given"]["looks"]
    levels = dict(zip(GIVEN.levels, model.loaded(json.dumps(written)).levels["given"], strict=True))
    assert levels["looks"] == levels["near"] != levels["part"]


def test_every_chance_of_the_shipped_model_is_one() -> None:
    for comparison in COMPARISONS:
        chances = model.default().levels[comparison.key]
        for kind in ("same", "home", "other"):
            values = [getattr(one, kind) for one in chances]
            assert all(0 < value < 1 for value in values)
            assert sum(values) == pytest.approx(1, abs=0.02)


def drawn(people: int, seed: int) -> tuple[dict[str, list[str | None]], np.ndarray]:
    """Return records of people, three each, whose phone is another in a fifth of them and whose given name is mistyped in a tenth; and whose they are."""
    luck = np.random.default_rng(seed)
    letters = np.array(list("abcdefghijklmnopqrstuvwxyz"))
    words = ["".join(luck.choice(letters, 7)) for _ in range(900)]
    given, surname = luck.choice(words[:600], people), luck.choice(words[600:], people)
    phone = luck.integers(10_000_000, 99_999_999, people)
    who = np.repeat(np.arange(people), 3)
    slips = luck.random(len(who)) < 0.1
    first = [
        name[:3] + "zz" + name[3:] if slip else str(name)
        for name, slip in zip(given[who], slips, strict=True)
    ]
    other = luck.random(len(who)) < 0.2
    number = np.where(other, luck.integers(10_000_000, 99_999_999, len(who)), phone[who])
    rows = {
        "given_name": first,
        "surname": surname[who].tolist(),
        "phone": [f"+86138{n}" for n in number],
        "id_number": None,
    }
    return {key: value for key, value in rows.items() if value is not None}, who


def test_chances_that_records_were_drawn_with_are_learned_without_labels() -> None:
    rows, who = drawn(1_500, 1)
    found = train.train(fields.faces(rows))
    assert found.same == pytest.approx(2, abs=0.25)  # those that share neither phone nor name are in no block
    assert found.levels["surname"][0].same == pytest.approx(1, abs=0.01)
    phone = {
        level: chances.same
        for level, chances in zip(("equal", "near", "differs"), found.levels["phone"], strict=True)
    }
    assert phone["equal"] == pytest.approx(0.64, abs=0.04)
    assert found.levels["given"][0].same == pytest.approx(
        0.87, abs=0.04
    )  # a slip is found if the phone is the same
    assert len(who) == found.records


def test_where_everybody_has_the_same_every_chance_is_one_still() -> None:
    rows, _ = drawn(400, 3)
    found = train.train(fields.faces({**rows, "state": ["shandong"] * len(rows["phone"])}))
    assert all(0 < chances.other < 1 for chances in found.levels["region"])
    parts = Scorer(found, 1_200).parts(Face(region="shandong"), Face(region="henan"))
    assert all(np.isfinite(one.same) for one in parts)


def test_what_was_told_is_learned_as_it_was_told() -> None:
    rows, who = drawn(400, 2)
    table = columns(fields.faces(rows))
    a, b = (side.astype(np.int64) for side in np.triu_indices(len(who), 1))
    near = np.flatnonzero((who[a] == who[b]) | (np.arange(len(a)) % 50 == 0))
    a, b = a[near], b[near]
    found = train.taught(table, a, b, np.where(who[a] == who[b], 0, 2).astype(np.int8))
    assert found.levels["phone"][0].same == pytest.approx(0.64, abs=0.05)
    assert found.trained["labels"] is True


def test_too_little_to_learn_from_leaves_the_chances_where_they_began() -> None:
    few = train.train(fields.faces({"name": ["王伟", "王玮", "李秀英"]}))
    assert few.levels["email"][0].same == pytest.approx(0.75)
