"""People in other countries: who is one, who is not, and how many are found when nothing is set but a mapping."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from benchmarks.lib import abroad
from zerodistance.core.identity.matching import batch, fields, train
from zerodistance.core.identity.matching.columns import columns
from zerodistance.core.identity.matching.compare import COMPARISONS, levels
from zerodistance.core.identity.matching.fields import face
from zerodistance.core.identity.matching.score import Scorer

ONE = (
    ("DE", {"name": "Jürgen Müller", "address": "Hauptstr. 5a, 10115 Berlin"}, {"name": "Mueller, Juergen", "address": "Hauptstraße 5 a, D-10115 Berlin"}),
    ("DE", {"name": "Prof. Dr. Eva von der Heydt"}, {"given_name": "Eva", "surname": "von der Heydt"}),
    ("FR", {"name": "DUPONT Jean-Pierre", "address": "12 bis, rue de la Paix, 75002 Paris"},
     {"name": "Jean Pierre Dupont", "address": "12bis r. de la Paix 75002 PARIS"}),
    ("ES", {"name": "García López, María José"}, {"name": "MARIA JOSE GARCIA LOPEZ"}),
    ("RU", {"name": "Фёдоров Пётр Иванович"}, {"name": "Петр Иванович Федоров"}),
    ("RU", {"name": "Иванов Иван"}, {"name": "Ivan Ivanov"}),
    ("VN", {"name": "Nguyễn Văn An"}, {"name": "NGUYEN VAN AN"}),
    ("KR", {"name": "김민수"}, {"name": "Kim Min-su"}),
    ("JP", {"name": "山田 太郎", "address": "東京都千代田区丸の内1-9-1"}, {"name": "山田太郎様", "address": "〒100-0005 東京都千代田区丸の内一丁目9番1号"}),
    ("US", {"name": "Smith, John", "address": "12 Main St Apt 4B, Springfield, IL 62701"},
     {"name": "John SMITH", "address": "12 Main Street #4b, Springfield, Illinois 62701-1234"}),
)  # fmt: skip
TWO = (
    ("DE", "Hans Müller", "Hans Möller"),
    ("ES", "Juan García López", "Juan García Pérez"),
    ("RU", "Иванов Иван Иванович", "Иванов Иван Петрович"),
    ("VN", "Nguyễn Văn An", "Nguyễn Văn Anh"),
    ("KR", "김민수", "김민호"),
    ("JP", "山田太郎", "山田次郎"),
    ("HU", "Nagy István", "Kis István"),
)


def level(country: str, key: str, one: dict[str, str], other: dict[str, str]) -> str:
    """Return what a comparison says of two records."""
    at = [comparison.key for comparison in COMPARISONS].index(key)
    found = levels(face(one, country), face(other, country))[at]
    return ("", *COMPARISONS[at].levels)[found]


@pytest.mark.parametrize(("country", "one", "other"), ONE, ids=lambda value: str(value)[:30])
def test_one_person_written_in_two_ways_has_one_name_and_one_home(
    country: str, one: dict[str, str], other: dict[str, str]
) -> None:
    assert level(country, "surname", one, other) == "equal"
    assert level(country, "given", one, other) == "written"
    assert {level(country, part, one, other) for part in ("street", "house", "extra", "locality")} <= {"equal", ""}  # fmt: skip


@pytest.mark.parametrize(("country", "one", "other"), TWO)
def test_two_persons_do_not_have_one_name(country: str, one: str, other: str) -> None:
    names = {"name": one}, {"name": other}
    assert (level(country, "surname", *names), level(country, "given", *names)) != ("equal", "written")


@pytest.mark.parametrize(
    ("country", "short", "long"),
    [("ES", "Juan García", "Juan García López"), ("DE", "Eva Müller", "Eva Müller-Schmidt")],
)
def test_a_second_surname_may_be_left_out(country: str, short: str, long: str) -> None:
    assert level(country, "surname", {"name": short}, {"name": long}) == "near"


@pytest.mark.parametrize(
    ("country", "short", "long"),
    [
        ("RU", "Иванов Иван", "Иванов Иван Иванович"),
        ("RU", "Сретлана Андреева", "Андреева Светлана Александровна"),
        ("VN", "An Nguyễn", "Nguyễn Văn An"),
        ("FR", "Jean Dupont", "Jean-Pierre Dupont"),
        ("US", "J. Smith", "John Smith"),
    ],
)
def test_a_patronymic_or_a_middle_name_may_be_left_out(country: str, short: str, long: str) -> None:
    assert level(country, "given", {"name": short}, {"name": long}) == "part"


def test_whoever_has_moved_is_not_charged_once_more_for_house_and_town() -> None:
    one = {"address": "Hauptstr. 5, 10115 Berlin"}
    other = {"address": "Goethestr. 12, 80331 München"}
    assert level("DE", "street", one, other) != "equal"
    assert level("DE", "postcode", one, other) == "differs"
    assert {level("DE", part, one, other) for part in ("house", "locality")} == {""}


@pytest.mark.slow
@pytest.mark.parametrize(("language", "least"), [("german", 0.94), ("spanish", 0.94), ("russian", 0.92), ("vietnamese", 0.88)])  # fmt: skip
def test_people_are_found_with_slips_at_the_rates_of_febrl_and_no_labels(
    language: str, least: float, tmp_path: Path
) -> None:
    abroad.of_language(language, tmp_path / "rows.parquet")
    rows = pq.read_table(tmp_path / "rows.parquet")
    table = fields.faces({key: rows[key] for key in rows.column_names}, abroad.country(language))
    weights = train.train(table)
    label = batch.match(table, weights)
    person = np.array([int(record.split("-")[1]) for record in rows["record"].to_pylist()])
    assert Scorer(weights, len(person)).records == columns(table).rows
    assert f1(label, person) >= least


def f1(label: np.ndarray, person: np.ndarray) -> float:
    """Return F1 of pairs of records."""

    def pairs(*codes: np.ndarray) -> int:
        many = np.unique(np.stack(codes), axis=1, return_counts=True)[1]
        return int((many * (many - 1) // 2).sum())

    return 2 * pairs(label, person) / (pairs(label) + pairs(person))
