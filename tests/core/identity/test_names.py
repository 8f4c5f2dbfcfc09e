"""Names in parts: laws that hold for any text, and how people really write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zerodistance.core.identity.cleaning import name_parts
from zerodistance.core.identity.names import COMPOUND, PersonName, person_name

SAME = (
    (
        "王伟",
        "王 伟",
        "王伟先生",
        "王玮",
        "Wang Wei",
        "WANG WEI",
        "Wei WANG",
        "Wang, Wei",
        "王伟(本人)",
        "王伟1",
    ),
    ("欧阳娜娜", "欧阳 娜娜", "欧阳娜娜女士", "Ouyang Nana", "OUYANG Nana"),
    ("吕布", "呂布", "Lv Bu"),
    ("曾国", "Zeng Guo"),
    ("María José García", "García, María José", "Maria Jose GARCIA", "Mrs. María José García"),
    ("John van der Berg", "van der Berg, John", "Mr John van der Berg Jr."),
)


@pytest.mark.parametrize("spellings", SAME, ids=lambda s: s[0])
def test_spellings_of_one_name_have_one_sound(spellings: tuple[str, ...]) -> None:
    sounds = {(n.surname, n.given) if (n := person_name(s)) else None for s in spellings}
    assert len(sounds) == 1, {s: person_name(s) for s in spellings}


@pytest.mark.parametrize(
    "value", ["测试", "顾客", " 先生 ", "13800138000", "", "n/a", "青岛海平电器有限公司", "----", "x" * 100]
)
def test_what_names_nobody_is_none(value: str) -> None:
    assert person_name(value) is None


@pytest.mark.parametrize(
    ("value", "surname", "sex"),
    [
        ("王先生", "wang", "male"),
        ("李女士", "li", "female"),
        ("老张", "zhang", ""),
        ("王*", "wang", ""),
        ("田?", "tian", ""),
    ],
)
def test_a_surname_alone_is_no_whole_name(value: str, surname: str, sex: str) -> None:
    assert person_name(value) == PersonName("", surname, "", sex)


@given(st.text())
def test_any_text_is_a_name_in_small_latin_sounds_or_none(text: str) -> None:
    found = person_name(text)
    if found is not None:
        assert (found.surname + found.given).isascii() and (found.surname + found.given) == (
            found.surname + found.given
        ).lower()


HAN = st.text(st.characters(min_codepoint=0x4E00, max_codepoint=0x9FA5), min_size=2, max_size=3)


@given(HAN)
def test_space_and_a_second_cleaning_change_nothing(name: str) -> None:
    found = person_name(name)
    assert person_name(f" {name[0]} {name[1:]} ") == found
    if found is not None and found.written:
        again = person_name(found.written)
        assert again is None or (again.surname, again.given) == (found.surname, found.given) or found.sex


@pytest.mark.parametrize("surname", sorted(COMPOUND))
def test_a_compound_surname_is_kept_whole(surname: str) -> None:
    found, alone = person_name(surname + "明"), person_name(surname)
    assert found is not None and alone is not None
    assert found.surname == alone.surname and found.given == "ming" and alone.given == ""


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Dr. Jürgen Müller", "MUELLER, Juergen"),
        ("김민수", "Kim Min-su"),
        ("María García López", "García López, María"),
        ("Иванов Пётр", "Петр Иванов"),
    ],
)
def test_what_tells_names_under_one_phone_apart_knows_one_name_in_two_spellings(one: str, other: str) -> None:
    assert name_parts(one) == name_parts(other) != ("", "")


def test_what_tells_names_under_one_phone_apart_keeps_two_names_two() -> None:
    assert len({name_parts(name) for name in ("Hans Müller", "Hans Möller", "김민수", "김민호", "Wang Wei", "Li Wei")}) == 6  # fmt: skip
