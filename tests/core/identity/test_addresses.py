"""Addresses in parts: how one flat is written, and laws for any text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zerodistance.core.identity.addresses import address

FLAT = ("双桥城", "4", "2", "201")
WRITTEN = (
    "山东省青岛市城阳区上马台街道双山路250号双桥城4号楼2单元201室",
    "青岛市城阳区双山路250号双桥城4栋2单元201",
    "城阳双桥城4幢2单元201户".removeprefix("城阳"),
    "双桥城4#2单元201",
    "双桥城4-2-201",
    "双桥城4-2单元201室",
    "双桥城 4号楼2-201",
    "双桥城四号楼二单元201",
    "城阳区双桥城（北门）4号楼2单元201",
)


@pytest.mark.parametrize("text", WRITTEN)
def test_one_flat_is_one_home_however_it_is_written(text: str) -> None:
    found = address(text)
    assert found is not None and found.home == FLAT


@pytest.mark.parametrize(
    ("text", "home"),
    [
        ("双山路250号5-602", ("双山路250", "5", "", "602")),
        ("城阳区双山路250号6号楼1单元102室", ("双山路250", "6", "1", "102")),
        ("山东省青岛市双桥城4幢401", ("双桥城", "4", "", "401")),
        ("双桥城", None),
        ("自提", None),
    ],
)
def test_what_stands_there_is_the_home_and_nothing_else(text: str, home: tuple[str, ...] | None) -> None:
    found = address(text)
    assert found is not None and found.home == home


@given(st.text(st.sampled_from("山东省青岛市区路街道号楼单元室栋幢-#0123456789一十二 ") | st.characters()))
def test_any_text_is_taken_apart_without_an_error_and_nothing_is_made_up(text: str) -> None:
    found = address(text)
    if found is not None:
        assert all(part == "" or part.isdigit() or len(part) <= len(text) * 20 for part in vars_of(found))


def vars_of(found: object) -> list[str]:
    return [getattr(found, name) for name in found.__slots__]  # type: ignore[attr-defined]
