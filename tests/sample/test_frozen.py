"""A world is frozen per version: whoever changes what it is gives it a new version and tells of it."""

from __future__ import annotations

import pytest

from scripts import sample_frozen
from zerodistance.sample import world

CHANGELOG = " ".join((sample_frozen.ROOT / "CHANGELOG.md").read_text(encoding="utf-8").split())


@pytest.mark.parametrize("name", world.WORLDS)
def test_a_world_is_what_its_version_was_else_raise_the_version_and_run_scripts_sample_frozen(
    name: str,
) -> None:
    version = world.load(name).version
    assert sample_frozen.found(name) == sample_frozen.known()[name][str(version)]


@pytest.mark.parametrize("name", world.WORLDS)
def test_every_version_is_on_the_list_and_in_the_changelog(name: str) -> None:
    wanted = [str(n + 1) for n in range(world.load(name).version)]
    assert sorted(sample_frozen.known()[name], key=int) == wanted
    assert [n for n in wanted if f"world `{name}` version {n}" not in CHANGELOG] == []


def test_another_value_is_another_hash_and_another_origin_is_not() -> None:
    text = world.text_of("base")
    value, origin = "phone_recycled = { value = 0.30", "own; reissued"
    assert value in text and origin in text
    frozen = sample_frozen.settings(text)
    assert sample_frozen.settings(text.replace(value, value + "1")) != frozen
    assert sample_frozen.settings(text.replace(origin, "own: reissued")) == frozen


def test_a_frozen_version_is_never_written_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    before = sample_frozen.LIST.read_bytes()
    other = dict.fromkeys(sample_frozen.KINDS, "0")
    monkeypatch.setattr(sample_frozen, "found", lambda name: other)
    with pytest.raises(SystemExit, match=r"base version .* raise version"):
        sample_frozen.main()
    assert sample_frozen.LIST.read_bytes() == before
