"""Settings of worlds, scattered ids, numbers and names."""

from __future__ import annotations

from importlib import resources

import numpy as np
import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zerodistance.sample import calendar, names, scatter, texts, world


def text(name: str) -> str:
    return (resources.files("zerodistance.sample") / "worlds" / f"{name}.toml").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", world.WORLDS)
def test_a_world_that_ships_is_whole_and_its_shares_add_up(name: str) -> None:
    found = world.load(name)
    assert found.name == name
    shares = (
        found.city.district_share, found.household.size, found.person.temperament, found.silo.pos_share, found.silo.post_tone,
        found.dirt.typing_kind, found.dirt.digits,
    )  # fmt: skip
    assert [sum(share) for share in shares] == pytest.approx([1.0] * len(shares))
    assert len({len(value) for key, value in vars(found.appliance).items() if isinstance(value, tuple)}) == 1
    assert len({len(value) for key, value in vars(found.city).items() if isinstance(value, tuple)}) == 1


def test_the_worlds_share_no_luck() -> None:
    assert len({world.load(name).number for name in world.WORLDS}) == len(world.WORLDS)


@pytest.mark.parametrize(
    ("was", "now", "named"),
    [
        ("renovation = { value = 0.06", "renovations = { value = 0.06", "household.renovation"),
        ("renovation = { value = 0.06", 'renovation = { value = "often"', "household.renovation"),
        ('rare_name = { value = 0.008, origin = "own; press speaks of 60 M people, B" }', "rare_name = { value = 0.008 }", "person.rare_name"),
    ],
)  # fmt: skip
def test_a_setting_that_is_unknown_wrong_or_without_origin_is_named(was: str, now: str, named: str) -> None:
    assert was in text("base")
    with pytest.raises(world.WorldWrong, match=named):
        world.parse(text("base").replace(was, now))


@given(st.integers(0, 1000), st.integers(0, 60), st.integers(0, 2**35))
def test_scattered_ids_are_never_the_same_for_two(seed: int, kind: int, start: int) -> None:
    found = scatter.scattered(np.arange(start, start + 500), seed, kind)
    assert len(set(found.tolist())) == 500 and (found >= 0).all() and (found < 2**36).all()


def test_phones_lie_in_segments_that_nobody_held_and_are_valid_and_different() -> None:
    found = scatter.phones(np.arange(20_000), 7)
    assert len(set(found.tolist())) == 20_000
    assert {str(number)[:3] for number in found} == {"190", "192", "196", "197", "162"}
    assert all(phonenumbers.is_valid_number(phonenumbers.parse(str(number), "CN")) for number in found[:300])


def test_numbers_become_hexadecimal_and_decimal_text() -> None:
    words = np.array([0, 255, 2**64 - 1], dtype=np.uint64)
    assert scatter.hexed(words).to_pylist() == ["0" * 16, "0" * 14 + "ff", "f" * 16]
    assert scatter.digits(np.array([0, 42, 99_999_999_999]), 11).to_pylist() == [
        "00000000000",
        "00000000042",
        "99999999999",
    ]


def test_names_are_written_mistyped_and_romanised() -> None:
    luck = np.random.default_rng(1)
    many = 4_000
    family, (given_names, rare) = (
        names.families(luck, many),
        names.given_names(luck, luck.random(many) < 0.5, luck.random(many) < 0.3, 0.14, 0.01),
    )
    whole = np.concatenate([family, given_names], axis=1)
    written = names.written(whole)
    slipped, which = names.mistyped(luck, whole, 1.0, (1.0, 0.0, 0.0))
    assert 0.95 < which.mean() <= 1.0
    wrong = names.written(slipped)
    assert all(
        (a != b) == changed
        for a, b, changed in zip(written.to_pylist(), wrong.to_pylist(), which.tolist(), strict=True)
    )
    latin = names.romanised(whole, np.zeros(many))
    assert all(name.replace(" ", "").isascii() and name.istitle() for name in latin.to_pylist())
    cannot = [name.encode("gbk", "replace") != name.encode("gb18030") for name in written.to_pylist()]
    assert cannot == rare.tolist()


def test_every_sentence_is_of_a_group_and_has_its_places_filled() -> None:
    at = texts.grammar()
    luck, categories = np.random.default_rng(1), world.load("base").appliance.categories
    for number, name in enumerate(at.groups):
        kinds, leak = luck.integers(0, 12, 40), texts.pick(["漏水"], np.zeros(40))
        said = texts.say(
            luck, np.full(40, number), tuple(at.groups), kinds, categories, leak, 1.0
        ).to_pylist()
        assert all(text and not set(text) & set('{}",\\\t\n') for text in said), name


def test_a_part_of_the_sentences_is_never_said_in_the_world_that_models_learn_from() -> None:
    at, luck, names = texts.grammar(), np.random.default_rng(1), ("post_complaint",)
    assert world.load("base").silo.sentences < world.load("shifted").silo.sentences == 1.0
    places, zeros = np.zeros(2_000, dtype=np.int64), texts.pick(["漏水"], np.zeros(2_000))
    kinds = world.load("base").appliance.categories
    last = at.parts[2][int(at.groups[names[0]].sentences[-1])].as_py()
    said = {
        share: sum(
            last in text for text in texts.say(luck, places, names, places, kinds, zeros, share).to_pylist()
        )
        for share in (0.75, 1.0)
    }
    assert last and said[0.75] == 0 < said[1.0]


def test_times_stay_on_their_day_and_in_their_order() -> None:
    seconds = np.sort(np.random.default_rng(1).integers(calendar.BEGIN, calendar.UNTIL, 2_000))
    awake = calendar.waking(seconds)
    assert (np.diff(awake) >= 0).all() and (awake // calendar.DAY == seconds // calendar.DAY).all()
    night = (awake % calendar.DAY) < 6 * calendar.HOUR
    assert night.mean() < 0.06
