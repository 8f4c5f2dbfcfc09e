"""Who is who, from files: what is compared, what is left out, and what is refused in words that help."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.evaluate.cases import write_records, write_said
from zerodistance import compose
from zerodistance.core.identity import api as identity_room
from zerodistance.core.touchpoints import import_jobs
from zerodistance.evaluate import api
from zerodistance.evaluate.contracts import (
    MissingColumn,
    NoSaid,
    NothingToCompare,
    NotReadable,
    NoTruth,
    Repeated,
    Report,
    UnknownIds,
)
from zerodistance.kernel.access import Who
from zerodistance.kernel.errors import ZeroDistanceError
from zerodistance.kernel.home import Home

CRM = [10, 10, 11, 12, 12, 13, None]
WEB = [10, 11, 11, 12]
HEAD = "source,source_id,person_id"
RIGHT = [("crm", f"crm-{n}", f"p_{p}") for n, p in enumerate(CRM)] + [
    ("web", f"web-{n}", f"p_{p}") for n, p in enumerate(WEB)
]


@pytest.fixture
def truth(tmp_path: Path) -> Path:
    root = tmp_path / "truth"
    write_records(root, "crm", CRM)
    write_records(root, "web", WEB)
    return root


def asked(truth: Path, rows: list[Any], head: str = HEAD, **more: Any) -> Report:
    return api.identity(truth, write_said(truth.parent / "said.csv", head, rows), **more)


def value(report: Report, part: str, name: str) -> float | None:
    (row,) = [row for row in report.tables["by_part"] if row["part"] == part]
    return row[name].value  # type: ignore[union-attr]


def test_a_perfect_answer_is_1_in_every_part_and_silo(truth: Path) -> None:
    found = asked(truth, RIGHT)
    for row in [*found.tables["by_part"], *found.tables["by_silo"]]:
        assert {cell.value for cell in row.values() if isinstance(cell, api.Figure)} <= {1.0, None}
    assert (
        found.counts | {"records": 10, "nobody": 1, "nobody_joined": 0, "said": 4, "true": 4} == found.counts
    )
    assert found.tables["wrongly_joined"] == found.tables["not_joined"] == []


def test_the_folder_of_a_city_is_as_good_as_its_truth(truth: Path) -> None:
    assert asked(truth, RIGHT).as_dict() == api.identity(truth.parent, truth.parent / "said.csv").as_dict()


def test_parquet_is_read_as_csv_is(truth: Path, tmp_path: Path) -> None:
    columns = dict(zip(HEAD.split(","), zip(*RIGHT, strict=True), strict=True))
    pq.write_table(
        pa.table({name: list(cells) for name, cells in columns.items()}), tmp_path / "said.parquet"
    )
    assert api.identity(truth, tmp_path / "said.parquet") == asked(truth, RIGHT)


def test_a_record_without_an_answer_stands_alone(truth: Path) -> None:
    rows = [row if row[1] != "crm-1" else (*row[:2], "") for row in RIGHT if row[1] != "crm-4"]
    found = asked(truth, rows)
    assert found.counts["unsaid"] == 2 and found.counts["records"] == 10
    assert value(found, "all", "pairs_precision") == 1.0
    assert value(found, "all", "pairs_recall") == (0 + 1 + 3 + 1) / (3 + 3 + 3)
    assert found.tables["not_joined"][0]["examples"] in ("crm:crm-0, web:web-0 | crm:crm-1", "crm:crm-3, web:web-3 | crm:crm-4")  # fmt: skip


def test_who_was_joined_wrongly_is_shown_by_records_and_named_are_parted_from_unnamed(truth: Path) -> None:
    found = asked(truth, [(s, r, "p_10" if p == "p_12" and s == "web" else p) for s, r, p in RIGHT])
    assert found.tables["wrongly_joined"] == [{"records": 4, "parts": 2, "examples": "crm:crm-0, crm:crm-1, web:web-0 | web:web-3"}]  # fmt: skip
    assert value(found, "named", "pairs_f1") == 1.0 and value(found, "unnamed", "pairs_precision") == 0.5
    (mixed,) = [
        row for row in found.tables["by_pair"] if (row["first"], row["second"]) == ("named", "unnamed")
    ]
    assert (mixed["pairs_true"], mixed["pairs_said"], mixed["pairs_both"]) == (6, 6, 4)


def test_calls_and_visits_come_in_as_service_and_a_column_says_otherwise(truth: Path) -> None:
    write_records(truth, "calls", [10])
    write_records(truth, "visits", [10])
    write_records(truth, "letters", [10], source=["post"], unnamed=[True])
    rows = [
        *RIGHT,
        ("service", "calls-0", "p_10"),
        ("service", "visits-0", "p_10"),
        ("post", "letters-0", "p_10"),
    ]
    found = asked(truth, rows)
    assert found.counts["unsaid"] == 0 and value(found, "all", "clusters_f1") == 1.0
    assert {row["part"]: row["records"] for row in found.tables["by_part"]} == {
        "all": 13,
        "named": 8,
        "unnamed": 5,
    }


def test_an_id_that_a_spreadsheet_would_compute_is_found_without_its_apostrophe(tmp_path: Path) -> None:
    write_records(tmp_path / "truth", "crm", [10, 10])
    table = pq.read_table(tmp_path / "truth/records/crm.parquet").set_column(
        1, "record", pa.array(["=1", "b"])
    )
    pq.write_table(table, tmp_path / "truth/records/crm.parquet")
    found = asked(tmp_path / "truth", [("crm", "'=1", "p"), ("crm", "b", "p")])
    assert found.counts["unsaid"] == 0 and value(found, "all", "pairs_recall") == 1.0


def test_a_spammer_who_was_joined_to_somebody_is_counted_and_not_compared(truth: Path) -> None:
    found = asked(truth, [(s, r, "p_10" if p == "p_None" else p) for s, r, p in RIGHT])
    assert (found.counts["nobody"], found.counts["nobody_joined"]) == (1, 1)
    assert value(found, "all", "pairs_precision") == 1.0


def test_sources_that_the_truth_does_not_know_are_counted_and_records_only_where_it_is_a_part(
    truth: Path,
) -> None:
    rows = [*RIGHT, ("demo", "1", "p_1")]
    assert asked(truth, rows).counts["other_sources"] == 1
    found = asked(truth, [*rows, ("crm", "x", "p_10")], partial=True)
    assert found.counts["not_in_truth"] == 1 and value(found, "all", "pairs_f1") == 1.0


def test_the_same_row_twice_is_one_answer(truth: Path) -> None:
    assert asked(truth, RIGHT + RIGHT).counts == asked(truth, RIGHT).counts


REFUSED: list[tuple[type[ZeroDistanceError], str, list[Any], str, str]] = [
    (MissingColumn, "source,record,person_id", [("crm", "crm-0", "p")], "source_id", "source_id"),
    (Repeated, HEAD, [*RIGHT, ("crm", "crm-0", "p_other")], "more than once, such as crm:crm-0", "只能有一行"),
    (UnknownIds, HEAD, [*RIGHT, ("crm", "crm-99", "p_1")], "crm:crm-99", "--partial"),
    (NothingToCompare, HEAD, [("demo", "1", "p_1")], "no row", "没有一行"),
    (NothingToCompare, HEAD, [], "no row", "没有一行"),
    (NotReadable, HEAD, [("crm", '"torn', "p")], "CSV in UTF-8", "UTF-8"),
]  # fmt: skip


@pytest.mark.parametrize(("error", "head", "rows", "en", "zh"), REFUSED)
def test_what_can_not_be_compared_is_refused_in_both_languages(
    truth: Path, error: type[ZeroDistanceError], head: str, rows: list[Any], en: str, zh: str
) -> None:
    with pytest.raises(error) as raised:
        asked(truth, rows, head)
    assert en in raised.value.message("en") and zh in raised.value.message("zh")


def test_missing_files_are_named(truth: Path, tmp_path: Path) -> None:
    with pytest.raises(NoSaid, match="nobody\\.csv"):
        api.identity(truth, tmp_path / "nobody.csv")
    with pytest.raises(NoTruth, match="The sample city"):
        api.identity(tmp_path / "elsewhere", tmp_path / "said.csv")
    (tmp_path / "bytes.csv").write_bytes(b"\xff\xfe\x00source")
    with pytest.raises(NotReadable):
        api.identity(truth, tmp_path / "bytes.csv")


def test_a_record_twice_in_the_truth_is_refused(truth: Path) -> None:
    write_records(truth, "calls", [10])
    write_records(truth, "visits", [10])
    table = pq.read_table(truth / "records/visits.parquet").set_column(1, "record", pa.array(["calls-0"]))
    pq.write_table(table, truth / "records/visits.parquet")
    with pytest.raises(Repeated, match="truth/records"):
        asked(truth, RIGHT)


def test_a_home_is_examined_through_its_export_and_leaves_no_file(home: Home, tmp_path: Path) -> None:
    rows = [
        "no,day,name,phone",
        *(f"crm-{n},2026-01-05,{name},{phone}" for n, (name, phone) in enumerate(PEOPLE)),
    ]
    (tmp_path / "crm.csv").write_text("\n".join(rows), encoding="utf-8")
    write_records(tmp_path / "truth", "crm", [10, 10, 11, 11, 12])
    import_jobs.create(home, WHO, tmp_path / "crm.csv", MAPPING)
    compose.work_here(home)
    found = api.identity_of_home(home, WHO, tmp_path / "truth")
    assert value(found, "all", "pairs_precision") == 1.0 and value(found, "all", "pairs_recall") == 0.5
    identity_room.export(home, WHO, tmp_path / "persons.csv")
    assert api.identity(tmp_path / "truth", tmp_path / "persons.csv") == found
    json.dumps(found.as_dict())


WHO = Who.system("test")
PEOPLE = [
    ("王伟", "19012345678"),
    ("王伟", "19012345678"),
    ("李娜", "19087654321"),
    ("李娜", ""),
    ("张敏", "19055556666"),
]
MAPPING = """
format = "csv"
source = { key = "crm", name = { zh = "客户档案", en = "Customer file" }, kind = "import" }
kind = "profile.updated"
source_id = "no"
times = { happened_at = "day", format = "%Y-%m-%d", zone = "Asia/Shanghai", known_at = "day" }
identifiers = { phone = "phone" }
facts = { name = "name" }
"""
