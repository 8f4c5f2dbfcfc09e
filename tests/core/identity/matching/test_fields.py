"""Cleaning: golden records, and a record and a column say the same."""

from __future__ import annotations

from dataclasses import asdict

import pytest
from hypothesis import given, settings

from tests.core.identity.matching.drawn import records, table
from zerodistance.core.identity.matching.fields import PARTS, Face, face, faces

GOLDEN = (
    (
        {"name": "王伟先生", "birthday": "1987年3月2日", "address": "青岛市城阳区双山路250号双桥城4号楼2单元201室", "phone": "+8613812348001"},
        Face(
            "伟", "wang", "wei", "male", "1987-03-02", "青岛", "城阳", "", "双山路", "250", "双桥城", "双桥", "4", "2", "201", phone="+8613812348001"
        ),
    ),
    ({"name": "欧阳 娜娜", "gender": "女"}, Face("娜娜", "ouyang", "nana", "female")),
    ({"name": "王*"}, Face("", "wang", "")),
    (
        {
            "given_name": "Elton", "surname": "O'Brien", "house_number": "3", "street": "light st", "unit": "pinehill", "suburb": "Windermere",
            "postcode": "3212.0", "state": "VIC", "birth_date": "19651013", "id_number": "1551941",
        },
        Face(
            "elton", "obrien", "elton", "", "1965-10-13", street="light street", house="3", extra="pinehill", locality="windermere", region="vic",
            postcode="3212", id_number="1551941",
        ),
    ),
    (
        {"name": "García, María José", "address": "12 Main St Apt 4B, Springfield, IL 62701"},
        Face("mariajose", "garcia", "mariajose", street="main street", house="12", extra="4b", locality="springfield", region="il", postcode="62701"),
    ),
    ({"name": "测试", "address": "无", "birthday": "1900-01-01", "id_number": "0000"}, Face(estate="无", core="无")),
)  # fmt: skip


@pytest.mark.parametrize(("fields", "expected"), GOLDEN, ids=[next(iter(f.values())) for f, _ in GOLDEN])
def test_a_record_is_cleaned_into_its_face(fields: dict[str, str | None], expected: Face) -> None:
    assert face(fields) == expected


@settings(max_examples=40)
@given(records())
def test_a_column_is_cleaned_as_each_of_its_records(given: list[dict[str, str | None]]) -> None:
    rows = table(given).to_pylist()
    assert [{part: row[part] or "" for part in PARTS} for row in rows] == [asdict(face(one)) for one in given]


@pytest.mark.parametrize(
    ("city", "found"),
    [
        ("李沧区", ("", "李沧")),
        ("青岛市李沧区", ("青岛", "李沧")),
        ("北京市", ("北京", "")),
        ("青岛", ("青岛", "")),
    ],
)
def test_a_district_in_the_column_of_the_city_is_no_city(city: str, found: tuple[str, str]) -> None:
    said = face({"address": "双山路250号双桥城4号楼201", "city": city})
    assert (said.city, said.district) == found


def test_a_date_that_begins_with_the_month_is_read_by_the_country() -> None:
    assert face({"birthday": "03/02/1987"}, "US").born == "1987-03-02"
    assert face({"birthday": "03/02/1987"}, "DE").born == "1987-02-03"


def test_a_table_without_a_column_that_is_known_has_rows_of_nothing() -> None:
    assert faces({"shoe": ["42", "43"]}).num_rows == 2
