"""The ladder on any table: what is found in a file, what is refused and said so, and how it does on tables whose truth is known."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zerodistance.core.models import evaluate_cli
from zerodistance.core.models.contracts import TooFewOutcomes
from zerodistance.core.models.evaluate_cli import plain
from zerodistance.core.models.tables import question, staged, trying
from zerodistance.core.models.tables.contracts import NoData, NothingLeft, Outcome
from zerodistance.core.models.tables.trial import Effort, sample
from zerodistance.core.touchpoints.toml_values import MappingWrong
from zerodistance.kernel.errors import Invalid

CHEAP = Effort(("straight",), draws=20)


def _people(rows: int = 300) -> dict[str, list[object]]:
    luck = np.random.default_rng(5)
    heat, colour = luck.normal(size=rows), luck.integers(0, 3, rows)
    came = luck.random(rows) < 1 / (1 + np.exp(1 - 1.5 * heat - (colour == 2)))
    return {
        "id": [f"u{n:04d}" for n in range(rows)],
        "heat": [f"{one:.3f}" for one in heat],
        "colour": [("red", "green", "blue")[one] for one in colour],
        "since": [f"2024-{1 + n % 12:02d}-{1 + n % 28:02d}" for n in range(rows)],
        "same": ["x"] * rows,
        "left": ["Yes" if one else "No" for one in came],
    }


def _tried(tmp_path: Path, table: dict[str, list[object]], mapping: str, effort: Effort = CHEAP) -> Outcome:
    pa_csv.write_csv(pa.table(table), tmp_path / "table.csv")
    asked = question.parse(f'data = "table.csv"\n{mapping}', tmp_path)
    return trying.evaluate(asked, effort=effort)


def test_types_are_found_and_what_is_no_feature_is_left_out_with_the_reason(tmp_path: Path) -> None:
    found = _tried(tmp_path, _people(), 'task = "chance"\nlabel = "left"', Effort(("points",), draws=20))
    by_name = {one.name: one for one in found.found.features}
    assert [by_name[name].type for name in ("heat", "colour", "since")] == ["number", "word", "date"]
    assert (
        by_name["colour"].used == tuple(f"colour: {word}" for word in ("blue", "green", "red"))
        or len(by_name["colour"].used) == 3
    )
    assert not by_name["id"].used and "an id" in str(by_name["id"].why)
    assert not by_name["same"].used and not by_name["left"].used
    assert found.figures["auc"]["low"] > 0.7
    assert found.weighs[0][0] == "heat"


def test_rows_without_a_label_or_with_another_value_are_refused_and_counted(tmp_path: Path) -> None:
    table = _people()
    table["left"][:7] = [""] * 7
    table["left"][7:10] = ["perhaps"] * 3
    table["heat"][10:14] = ["hot"] * 4
    found = _tried(tmp_path, table, 'task = "chance"\nlabel = "left"\nyes = "yes"\nno = "no"')
    assert {why.en: many for why, many in found.found.refused} == {
        "label is missing": 7,
        "label is neither of the values that count": 3,
    }
    assert found.found.rows == 290
    assert next(one for one in found.found.features if one.name == "heat").odd == 4


def test_scores_are_of_rows_that_no_model_saw_and_are_written_with_their_ids(tmp_path: Path) -> None:
    found = _tried(tmp_path, _people(), 'task = "chance"\nlabel = "left"\nid = "id"')
    trying.write(found, tmp_path / "scores.parquet")
    rows = pq.read_table(tmp_path / "scores.parquet")
    assert rows.column_names == ["row", "id", "chance", "score"]
    assert rows.column("id").to_pylist()[:2] == ["u0000", "u0001"] and rows.column("row").to_pylist()[:2] == [
        1,
        2,
    ]
    assert 0 <= min(rows.column("score").to_pylist()) < max(rows.column("score").to_pylist()) <= 100


def test_a_file_of_any_shape_gives_the_same_rows(tmp_path: Path) -> None:
    table = pa.table(_people(200))
    pq.write_table(table, tmp_path / "a.parquet")
    (tmp_path / "a.ndjson").write_text("\n".join(json.dumps(row) for row in table.to_pylist()))
    text = "\n".join(
        ";".join(map(str, row))
        for row in [table.column_names, *(list(row.values()) for row in table.to_pylist())]
    )
    (tmp_path / "a.csv").write_bytes(text.encode("utf-16"))
    asked = question.parse('task = "chance"\nlabel = "left"')
    found = [trying.evaluate(asked, tmp_path / name, CHEAP) for name in ("a.parquet", "a.ndjson", "a.csv")]
    assert len({json.dumps(one.figures["auc"]) for one in found}) == 1


def test_numbers_with_blanks_between_them_need_no_delimiter(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("\n".join(f' {n}   {n % 7} "a b"  ' for n in range(1, 30)))
    found = staged.stage(
        path, {"csv": {"header": False, "columns": ["n", "seven", "word"]}}, tmp_path / "a.parquet"
    )
    rows = pq.read_table(tmp_path / "a.parquet").to_pylist()
    assert found.rows == 29 and rows[2] == {"row": 3, "n": "3", "seven": "3", "word": "a b"}


def test_names_that_stand_twice_are_told_apart(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("x,x,row\n" + "\n".join(f"{n},{n * 2},{n}" for n in range(50)))
    found = staged.stage(path, {}, tmp_path / "a.parquet")
    assert found.columns == ("x", "x_2", "row_2") and found.rows == 50 and "renamed" in found.notes[0].en


def test_three_outcomes_are_too_few(tmp_path: Path) -> None:
    table = _people()
    table["left"] = ["Yes"] * 3 + ["No"] * 297
    with pytest.raises(TooFewOutcomes):
        _tried(tmp_path, table, 'task = "chance"\nlabel = "left"')


def test_a_feature_that_says_the_outcome_alone_is_called_suspicious(tmp_path: Path) -> None:
    table = _people()
    table["closed"] = ["1" if one == "Yes" else "0" for one in table["left"]]
    found = _tried(tmp_path, table, 'task = "chance"\nlabel = "left"')
    assert any("closed" in one.en and "afterwards" in one.en for one in found.warnings)
    kept = _tried(tmp_path, table, 'task = "chance"\nlabel = "left"\nleave_out = ["closed"]')
    assert not kept.warnings


def test_what_a_mapping_gets_wrong_is_said_with_its_line(tmp_path: Path) -> None:
    for text, says in (
        ('task = "chance"', "label"),
        ('task = "chances"\nlabel = "left"', "task (line 2)"),
        ('task = "chance"\nlabel = "lefts"', "label (line 3)"),
        ('task = "chance"\nlabel = "left"\nleave_out = ["heats"]', "leave_out (line 4)"),
        ('task = "chance"\nlabel = "left"\n[columns]\nhot = "heat > nothing"', "columns.hot (line 5)"),
        ('task = "chance"\nlabel = "left"\n[columns]\nhot = "(select 1)"', "columns.hot (line 5)"),
        ('task = "chance"\nlabel = "colour"', "label (line 3)"),
        ('task = "chance"\nlabel = "left"\nhorizon = 3', "horizon (line 4)"),
    ):
        with pytest.raises(MappingWrong) as caught:
            _tried(tmp_path, _people(80), text)
        assert says in caught.value.message("en")


def test_a_question_without_a_file_is_refused() -> None:
    with pytest.raises(NoData):
        trying.evaluate(question.parse('task = "chance"\nlabel = "left"'))


def test_nothing_left_says_what_of(tmp_path: Path) -> None:
    with pytest.raises(NothingLeft):
        _tried(tmp_path, _people(80), 'task = "chance"\nlabel = "left"\nwhere = "heat > 1000"')


def test_columns_are_made_from_neighbours_and_for_each_of_a_list(tmp_path: Path) -> None:
    table: dict[str, list[object]] = {
        "unit": [n // 10 for n in range(400)], "step": [n % 10 for n in range(400)], "a": [n % 10 * 3.0 for n in range(400)],
        "b": [n * 7 % 11 for n in range(400)],
    }  # fmt: skip
    mapping = """
task = "number"
label = "max(step) over (partition by unit) - step"
group = "unit"
features = ["mean_{s}", "twice"]
[each]
s = ["a", "b"]
[columns]
"mean_{s}" = "avg({s}) over (partition by unit order by step rows between 2 preceding and current row)"
twice = "mean_a * 2"
"""
    found = _tried(tmp_path, table, mapping)
    assert [one.name for one in found.found.features] == ["mean_a", "mean_b", "twice"]
    assert found.figures["rmse"]["value"] < 0.6 < found.steps["mean"]["rmse"]["value"]


def test_rows_of_a_group_are_never_parted_and_a_day_parts_the_rest(tmp_path: Path) -> None:
    table = _people()
    found = _tried(
        tmp_path, table, 'task = "chance"\nlabel = "left"\ntime = "since"\ntrain_before = 2024-07-01'
    )
    assert found.said is not None and 0 < found.said.num_rows < 300
    assert "2024-07-01" in found.protocol.en


@given(st.lists(st.integers(0, 30), min_size=1, max_size=200), st.integers(1, 100), st.integers(0, 5))
@settings(max_examples=40, deadline=None)
def test_a_sample_keeps_groups_whole(groups: list[int], most: int, seed: int) -> None:
    of, rows = np.array(groups), np.arange(len(groups))
    taken = sample(rows, of, most, seed)
    assert set(of[taken]).isdisjoint(of[np.setdiff1d(rows, taken)])


def test_when_something_ends_is_said_of_who_was_lost_sight_of_too(tmp_path: Path) -> None:
    luck = np.random.default_rng(2)
    risk = luck.normal(size=500)
    lasts = np.ceil(luck.exponential(np.exp(2 - risk)))
    table: dict[str, list[object]] = {
        "risk": risk.round(3).tolist(), "noise": luck.normal(size=500).tolist(),
        "days": np.minimum(lasts, 12).tolist(), "over": (lasts <= 12).astype(int).tolist(),
    }  # fmt: skip
    found = _tried(tmp_path, table, 'task = "when"\nduration = "days"\nended = "over"')
    assert (
        found.figures["c_index"]["low"] > 0.65
        and found.figures["ibs"]["value"] < found.steps["nobody"]["ibs"]["value"]
    )


def test_purchases_become_customers_and_what_is_no_purchase_is_counted(tmp_path: Path) -> None:
    luck = np.random.default_rng(3)
    who = luck.integers(0, 200, 3_000)
    day = [f"2023-{1 + int(n) // 28 % 12:02d}-{1 + int(n) % 28:02d}" for n in luck.integers(0, 336, 3_000)]
    table: dict[str, list[object]] = {
        "who": [f"c{n}" for n in who],
        "day": day,
        "paid": luck.integers(5, 50, 3_000).tolist(),
    }
    table["who"][:5] = [""] * 5
    found = _tried(
        tmp_path, table, 'task = "value"\ncustomer = "who"\ndate = "day"\namount = "paid"\nuntil = 2023-09-01'
    )
    assert [(why.en, many) for why, many in found.found.refused] == [("customer is missing", 5)]
    assert abs(found.figures["count_error"]["value"]) < 0.15
    assert found.said is not None and found.said.column_names == ["id", "times", "value", "score"]


def test_an_outcome_is_plain_json(tmp_path: Path) -> None:
    told = plain(
        _tried(
            tmp_path,
            _people(),
            'task = "chance"\nlabel = "left"\n[[rules]]\ncolumn = "heat"\nedges = [0]\npoints = [0, 1]',
        )
    )
    assert json.loads(json.dumps(told))["auc"]["value"] > told["steps"]["rules"]["auc"]["value"] > 0.6
    assert {"lift_top10", "average_precision", "ece", "refused", "features", "weighs"} <= told.keys()


def test_a_first_mapping_is_guessed_and_can_be_read(tmp_path: Path) -> None:
    pa_csv.write_csv(pa.table({**_people(60), "Churn": _people(60)["left"]}), tmp_path / "table.csv")
    text = trying.guessed(tmp_path / "table.csv", "en")
    asked = question.parse(text)
    assert (asked.task, asked.columns["label"], asked.yes) == ("chance", "Churn", ("Yes",))


def test_columns_about_trials_are_guessed(tmp_path: Path) -> None:
    rows = 90
    table = {
        "segment": ["a", "b", "c"] * 30,
        "treatment": ["none", "mail", "call"] * 30,
        "visit": [n % 2 for n in range(rows)],
        "spend": [n % 5 for n in range(rows)],
    }
    pa_csv.write_csv(pa.table(table), tmp_path / "table.csv")
    asked = question.parse(trying.guessed(tmp_path / "table.csv", "zh"))
    assert (asked.task, asked.control_is, asked.leave_out) == ("uplift", ("none",), ("spend",))


def test_the_command_prints_figures_and_writes_scores(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pa_csv.write_csv(pa.table(_people(120)), tmp_path / "table.csv")
    mapping = tmp_path / "table.toml"
    mapping.write_text('task = "chance"\ndata = "table.csv"\nlabel = "left"\nid = "id"')
    scores = tmp_path / "scores.csv"
    evaluate_cli.evaluate_table(mapping, None, ("straight",), 1, 200_000, scores, as_json=False)
    said = capsys.readouterr().out
    assert "AUC" in said and "heat" in said and scores.read_text().startswith('"row","id","chance","score"')
    evaluate_cli.evaluate_table(mapping, None, ("straight",), 1, 200_000, None, as_json=True)
    assert json.loads(capsys.readouterr().out)["best"] == "straight"
    evaluate_cli.guess_table(tmp_path / "table.csv")
    assert question.parse(capsys.readouterr().out).columns["label"] == "left"
    for kinds, seeds in ((("x",), 1), ((), 0)):
        with pytest.raises(Invalid):
            evaluate_cli.evaluate_table(mapping, None, kinds, seeds, 200_000, None, as_json=True)
