"""The examiner reads what the city writes; whoever answers with the truth itself is right in everything."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from zerodistance.compose import PARTS
from zerodistance.doors.cli import main
from zerodistance.evaluate import api, words
from zerodistance.kernel import command
from zerodistance.sample import api as sample

RECORDS = """(select case when silo in ('calls', 'visits') then 'service' else silo end as source, record as source_id, person, household
    from (select *, regexp_extract(filename, '([a-z_]+)\\.parquet', 1) as silo from read_parquet('{root}/records/*.parquet', filename = true)))"""
ANSWERS = {
    "identity": "select source, source_id, person as person_id from {records}",
    "households": "select source, source_id, household as household_id from {records}",
    "need": """select person, category, date '2026-05-01' as as_of, bool_or(coalesce(u.bought > date '2026-05-01'
        and u.bought <= date '2026-11-01', false)) as score from '{root}/persons.parquet' p
        join '{root}/units.parquet' u using (household) group by all""",
    "activity": "select person, engagement * 7 as score from '{root}/persons.parquet'",
    "sentiment": """select case when silo in ('calls', 'visits') then 'service' else silo end as source, record as source_id,
        sentiment, topic, about, nature from '{root}/texts.parquet'""",
    "lift": "select campaign, person, p_with - p_without as score from '{root}/outcomes.parquet'",
}


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("city") / "tiny"
    sample.generate(120, 6, "base", root, processes=1)
    return root


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    yield
    command.close()


def answer(city: Path, what: str, path: Path) -> Path:
    root = city / "truth"
    sql = ANSWERS[what].format(root=root, records=RECORDS.format(root=root))
    with duckdb.connect() as con:
        con.execute(f"copy ({sql}) to '{path}'")
    return path


def values(rows: list[Any], *names: str) -> set[float | None]:
    return {round(row[name].value, 9) for row in rows for name in names if row[name].value is not None}


def test_the_truth_as_an_answer_is_right_in_everything(city: Path, tmp_path: Path) -> None:
    said = {what: answer(city, what, tmp_path / f"{what}.parquet") for what in ANSWERS}
    for what in ("identity", "households"):
        (found, *_) = getattr(api, what)(city, said[what]).tables["by_part"]
        assert values([found], "pairs_f1", "clusters_f1", "b3_f1") == {1.0}
    (six, *_) = api.need(city, said["need"]).tables["forecast"]
    assert six["months"] == 6 and values([six], "auc", "average_precision") == {1.0}
    assert values(api.sentiment(city, said["sentiment"]).tables["agreement"], "accuracy", "macro_f1") == {1.0}
    assert values(api.activity(city, said["activity"]).tables["agreement"], "spearman") == {1.0}
    lift = api.lift(city, said["lift"]).tables["targeting"]
    assert values(lift[1:], "qini_share") == {1.0}


@pytest.mark.parametrize(("what", "en", "zh"), [("identity", "pairs: precision", "记录对 准确率"), ("need", "AUC", "平均准确率 AP")])  # fmt: skip
def test_a_command_prints_tables_in_both_languages(
    city: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], what: str, en: str, zh: str
) -> None:
    said = answer(city, what, tmp_path / "said.parquet")
    for lang, word in (("en", en), ("zh", zh)):
        assert main(PARTS, [f"--lang={lang}", "evaluate", what, f"--truth={city}", f"--said={said}"]) == 0
        assert word in capsys.readouterr().out


@pytest.mark.parametrize("what", [what for what in ANSWERS if what != "identity"])
def test_a_home_that_says_nothing_yet_is_told_so_with_the_columns_of_a_file(
    city: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], what: str
) -> None:
    for lang, word in (("en", "give a file with --said"), ("zh", "用 --said")):
        home = f"--home={tmp_path / 'home'}"
        assert main(PARTS, [home, f"--lang={lang}", "evaluate", what, f"--truth={city}"]) != 0
        assert word in capsys.readouterr().err


def test_json_is_the_report_and_every_name_in_one_has_words(
    city: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for what in ANSWERS:
        said = answer(city, what, tmp_path / f"{what}.parquet")
        assert main(PARTS, ["evaluate", what, f"--truth={city}", f"--said={said}", "--json"]) == 0
        printed = json.loads(capsys.readouterr().out)
        assert set(printed["counts"]) <= set(words.COUNTS) and set(printed["tables"]) <= set(words.TABLES)
        assert {name for rows in printed["tables"].values() for row in rows for name in row} <= set(
            words.COLUMNS
        )
    assert printed == json.loads(json.dumps(api.lift(city, said).as_dict()))
