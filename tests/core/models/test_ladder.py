"""The ladder: tables say the same as SQL and as the trees they were made of, signs that are demanded hold, and what is kept is read again."""

from __future__ import annotations

import json
import math
from functools import cache
from typing import Any

import duckdb
import msgspec
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.lib import tables as public
from zerodistance.core.models import measures
from zerodistance.core.models.contracts import TooFewOutcomes
from zerodistance.core.models.ladder import calibration, folds, hazard, kept, lifetime, scorecard, trees
from zerodistance.core.models.ladder.calibration import Calibration
from zerodistance.core.models.ladder.points import Points, Steps

NUMBER = st.floats(-1e6, 1e6, width=32)
ENGINE = duckdb.connect(config={"threads": 1})


@st.composite
def tables(draw: Any) -> Points:
    """Draw a table of points over up to three features."""
    steps = []
    for name in ("a", "b", 'c "d"')[: draw(st.integers(1, 3))]:
        edges = sorted(draw(st.sets(NUMBER, max_size=4)))
        points = draw(st.lists(NUMBER, min_size=len(edges) + 1, max_size=len(edges) + 1))
        steps.append(Steps(name, tuple(edges), tuple(points), draw(NUMBER), draw(NUMBER)))
    return Points(draw(NUMBER), tuple(steps))


@settings(max_examples=40)
@given(table=tables(), data=st.data())
def test_a_table_and_its_sql_say_the_same(table: Points, data: st.DataObject) -> None:
    edges = [edge for one in table.steps for edge in one.edges]
    value = st.one_of(st.just(math.nan), NUMBER, st.sampled_from(edges or [0.0]))
    columns = {one.name: np.array(data.draw(st.lists(value, min_size=5, max_size=5))) for one in table.steps}
    rows = pa.table(columns)
    with ENGINE.cursor() as connection:
        connection.register("rows", rows)
        (said,) = connection.execute(f"select list({table.sql()}) from rows").fetchone() or ([],)
    assert said == pytest.approx(table.scores(columns).tolist(), abs=1e-6)


@settings(max_examples=30)
@given(table=tables(), seed=st.integers(0, 9))
def test_reasons_are_what_adds_most_beyond_what_is_usual(table: Points, seed: int) -> None:
    luck = np.random.default_rng(seed)
    columns = {one.name: luck.normal(0, 1e5, 6) for one in table.steps}
    which, much = table.reasons(columns)
    for row in range(6):
        added = [float(one.of(columns[one.name])[row]) - one.usual for one in table.steps]
        wanted = sorted((one for one in added if one > 0), reverse=True)[:3]
        assert much[row][: len(wanted)].tolist() == pytest.approx(wanted)
        assert [added[n] for n in which[row] if n >= 0] == pytest.approx(wanted)
        assert (which[row] >= 0).sum() == len(wanted)


@st.composite
def lines(draw: Any) -> Calibration:
    """Draw a line that never falls."""
    at = sorted(draw(st.sets(st.integers(-50, 50), min_size=1, max_size=5)))
    odds = sorted(draw(st.lists(st.floats(-8, 8), min_size=len(at), max_size=len(at))))
    return Calibration(tuple(one / 10 for one in at), tuple(odds), draw(st.floats(0, 3)))


@settings(max_examples=40)
@given(line=lines(), scores=st.lists(st.floats(-9, 9), min_size=2, max_size=9))
def test_a_calibration_and_its_sql_say_the_same_and_never_fall(
    line: Calibration, scores: list[float]
) -> None:
    ordered = np.array(sorted(scores))
    with ENGINE.cursor() as connection:
        connection.register("rows", pa.table({"score": ordered}))
        (said,) = connection.execute(f"select list({line.sql('score')}) from rows").fetchone() or ([],)
    assert said == pytest.approx(line.chances(ordered).tolist(), abs=1e-6)
    assert (np.diff(line.of(ordered)) >= -1e-9).all()


def town(rows: int = 1_500, seed: int = 1) -> tuple[dict[str, Any], Any]:
    """Return columns, with holes, and what came of them."""
    luck = np.random.default_rng(seed)
    age, visits, noise = (
        luck.uniform(0, 15, rows),
        luck.poisson(2, rows).astype(float),
        luck.normal(size=rows),
    )
    chance = 1 / (1 + np.exp(-(0.3 * (age - 9) + 0.5 * (visits > 2) * (age > 5))))
    age[luck.random(rows) < 0.1] = np.nan
    return {"age": age, "visits": visits, "noise": noise}, (luck.random(rows) < chance).astype(float)


SIGNS = {"age": 1, "visits": 1, "noise": -1}
FITS = {"scorecard": scorecard.fit, "additive": trees.fit_additive, "together": trees.fit_together}


@cache
def fitted(name: str) -> Any:
    """Return a model of the town whose signs are demanded."""
    columns, labels = town()
    return FITS[name](columns, labels, monotone=SIGNS, **({} if name == "scorecard" else {"parts": 2}))


@cache
def lasting() -> Any:
    """Return a hazard of something that wears out, the sooner the rougher it is used."""
    luck = np.random.default_rng(3)
    rough, seen = luck.uniform(0, 1, 2_000), luck.uniform(2, 12, 2_000)
    ends = 8 * luck.weibull(3, 2_000) * (1.3 - 0.6 * rough)
    times, ended = np.ceil(np.minimum(ends, seen)), (ends < seen).astype(float)
    model = hazard.fit(
        {"rough": rough}, times, ended, edges=np.arange(1.0, 13.0), ahead=2.0, monotone={"rough": 1}, parts=2
    )
    return model, {"rough": rough}, times, ended


def test_an_additive_table_is_the_trees_that_it_is_made_of() -> None:
    columns, labels = town()
    grown = trees.grow(columns, labels, {**trees.ADDITIVE, "parts": 2})
    table = trees._as_points(grown.trees, columns)
    assert table.scores(columns) == pytest.approx(grown.trees.scores(columns), abs=1e-9)
    assert table.contributions(columns).sum(axis=1) + table.base == pytest.approx(
        table.scores(columns), abs=1e-9
    )
    assert measures.auc(grown.held_out, labels) > 0.75


def test_an_additive_table_stays_one_whatever_settings_are_given() -> None:
    columns, labels = town(600)
    assert trees.fit_additive(columns, labels, parts=2, max_leaf_nodes=9) == trees.fit_additive(
        columns, labels, parts=2
    )


def test_trees_that_are_grown_once_more_are_fewer_and_hardly_worse() -> None:
    columns, labels = town()
    once = trees.fit_together(columns, labels, parts=2, once=True, monotone=SIGNS)
    assert len(once.trees) < len(fitted("together").trees)
    new, came = town(3_000, seed=9)
    assert measures.auc(once.scores(new), came) > measures.auc(fitted("together").scores(new), came) - 0.02


@pytest.mark.parametrize("name", ["scorecard", "additive", "together"])
def test_what_each_feature_adds_is_all_that_there_is(name: str) -> None:
    model, (columns, _) = fitted(name), town()
    assert model.contributions(columns).sum(axis=1) + model.base == pytest.approx(
        model.scores(columns), abs=1e-9
    )
    which, much = model.reasons(columns)
    assert ((which >= 0) == (much > 0)).all()
    assert (np.diff(much, axis=1) <= 0).all()


def test_trees_are_followed_as_they_read() -> None:
    model, (columns, _) = fitted("together"), town()
    for row in range(0, 1_500, 100):
        said = model.base
        for tree in model.trees:
            node = 0
            while tree.feature[node] >= 0:
                value = columns[model.names[tree.feature[node]]][row]
                left = tree.lost[node] if math.isnan(value) else value <= tree.edge[node]
                node = tree.left[node] if left else tree.right[node]
            said += tree.value[node]
        assert said == pytest.approx(float(model.scores(columns)[row]), abs=1e-9)


@pytest.mark.parametrize("name", ["scorecard", "additive", "together", "hazard"])
@settings(max_examples=12)
@given(data=st.data())
def test_a_sign_that_is_demanded_holds_between_any_two(name: str, data: st.DataObject) -> None:
    seed = data.draw(st.integers(0, 2**32))
    luck = np.random.default_rng(seed)
    if name == "hazard":
        model, signs = lasting()[0], {"rough": 1}
        one = {"rough": luck.uniform(-0.2, 1.2, 400), "lasted": luck.uniform(0, 12, 400)}
    else:
        model, signs = fitted(name), SIGNS
        one = {
            "age": luck.uniform(-1, 17, 9_000),
            "visits": luck.poisson(3, 9_000) / 1.0,
            "noise": luck.normal(size=9_000),
        }
    feature = data.draw(st.sampled_from(sorted(signs)))
    other = {**one, feature: one[feature] + signs[feature] * luck.exponential(2, len(one[feature]))}
    assert (model.chances(other) >= model.chances(one) - 1e-12).all()


def test_a_feature_that_says_the_opposite_of_what_is_demanded_is_not_used() -> None:
    columns, labels = town()
    table = scorecard.fit(columns, labels, monotone={"age": -1})
    assert "age" not in table.names


def test_chances_come_true_as_often_as_they_say() -> None:
    columns, labels = town(4_000, seed=2)
    for name in FITS:
        said = fitted(name).chances(columns)
        assert measures.ece(said, labels, groups=5) < 0.05
        assert abs(said.mean() - labels.mean()) < 0.03


def test_a_calibration_mends_scores_that_are_too_sure() -> None:
    luck = np.random.default_rng(5)
    odds = luck.normal(0, 1.5, 6_000)
    labels = (luck.random(6_000) < 1 / (1 + np.exp(-odds))).astype(float)
    parts = luck.integers(0, 5, 6_000)
    assert calibration.fit(odds, labels, parts) == calibration.AS_THEY_ARE
    sure = calibration.fit(3 * odds + 1, labels, parts)
    assert measures.ece(sure.chances(3 * odds + 1), labels) < 0.02
    assert sure.slope == pytest.approx(1 / 3, rel=0.1)
    bent = calibration.fit(np.sign(odds) * odds**2, labels, parts)
    assert len(bent.at) > 10
    assert measures.ece(bent.chances(np.sign(odds) * odds**2), labels) < 0.02


def test_weights_count_as_so_many_rows() -> None:
    columns, labels = town(900)
    many = np.random.default_rng(1).integers(1, 4, 900)
    line, longer = (
        calibration.straight(columns["visits"], labels, many.astype(float)),
        calibration.straight(np.repeat(columns["visits"], many), np.repeat(labels, many)),
    )
    assert (line.odds[0], line.slope) == pytest.approx((longer.odds[0], longer.slope))


def test_numbers_are_learned_too() -> None:
    columns, _ = town(800)
    wanted = np.nan_to_num(columns["age"], nan=20.0) * (columns["visits"] > 1) - 40 + columns["noise"]
    model = trees.fit_number(columns, wanted, parts=2, learning_rate=0.3)
    assert measures.rmse(model.scores(columns), wanted) < 2


def test_what_has_no_value_or_only_one_is_borne() -> None:
    columns, labels = town(600)
    columns |= {
        "empty": np.full(600, np.nan),
        "same": np.ones(600),
        "once": np.where(np.arange(600) == 7, 1.0, np.nan),
    }
    for fit in FITS.values():
        model = fit(columns, labels)
        assert measures.auc(model.scores(columns), labels) > 0.7
        assert np.isfinite(model.scores({name: np.full(3, np.nan) for name in columns})).all()


def test_too_few_outcomes_are_an_error_that_says_how_many_are_needed() -> None:
    columns, _ = town(300)
    labels = (np.arange(300) < 9).astype(float)
    for fit in FITS.values():
        with pytest.raises(TooFewOutcomes, match="at least 10 rows"):
            fit(columns, labels)


@settings(max_examples=20)
@given(seed=st.integers(0, 99), many=st.integers(2, 6))
def test_households_stay_together_and_outcomes_are_spread(seed: int, many: int) -> None:
    luck = np.random.default_rng(seed)
    homes = luck.integers(0, 150, 600)
    labels = (luck.random(600) < 0.2).astype(float)
    parts = folds.parts(labels, homes, many, seed)
    for home in np.unique(homes):
        assert len(np.unique(parts[homes == home])) == 1
    alone = folds.parts(labels, None, many, seed)
    came = np.bincount(alone, labels, many)
    assert came.max() - came.min() <= 2
    assert (folds.parts(labels, homes, many, seed) == parts).all()


def test_the_same_seed_gives_the_same_model_and_what_is_kept_says_the_same() -> None:
    columns, labels = town()
    assert trees.fit_together(columns, labels, seed=3, parts=2) == trees.fit_together(
        columns, labels, seed=3, parts=2
    )
    for model, some in [
        *((fitted(name), columns) for name in FITS),
        (lasting()[0], {**lasting()[1], "lasted": lasting()[2]}),
    ]:
        again = kept.read(json.loads(json.dumps(kept.plain(model), allow_nan=False)))
        assert again == model
        assert (again.scores(some) == model.scores(some)).all()
        assert (again.chances(some) == model.chances(some)).all()


def test_what_is_no_model_is_not_read() -> None:
    good = kept.plain(fitted("together"))
    tree = good["trees"][0]
    for bad in (
        {"kind": "oracle"},
        {**kept.plain(fitted("additive")), "steps": [{"name": "age", "edges": [1.0], "points": [0.0]}]},
        {**good, "trees": [{**tree, "left": tuple(0 for _ in tree["left"])}]},
        {**good, "trees": [{**tree, "feature": tuple(9 for _ in tree["feature"])}]},
        {**good, "trees": [{**tree, "right": tuple(999 for _ in tree["right"])}]},
        {**good, "trees": [{**tree, "value": tree["value"][1:]}]},
        {"kind": "hazard", "clock": "lasted", "edges": [1.0], "ahead": 1.0},
        {"kind": "hazard", "clock": "lasted", "edges": [1.0], "ahead": 1.0, "of": {"kind": "hazard"}},
    ):
        with pytest.raises(msgspec.ValidationError):
            kept.read(bad)


def test_every_period_that_was_lived_through_is_a_row() -> None:
    times, ended, entered = (
        np.array([2.0, 3.0, 2.5, 0.0, 9.0]),
        np.array([1.0, 0, 0, 1, 1]),
        np.array([0.0, 0, 0, 0, 1]),
    )
    rows, labels, row = hazard.periods(
        {"n": np.arange(5.0)}, times, ended, np.arange(1.0, 5), "lasted", entered
    )
    assert list(zip(row.tolist(), rows["lasted"].tolist(), labels.tolist(), strict=True)) == [
        (0, 1, 0), (0, 2, 1), (1, 1, 0), (1, 2, 0), (1, 3, 0), (2, 1, 0), (2, 2, 0), (4, 2, 0), (4, 3, 0), (4, 4, 0),
    ]  # fmt: skip
    assert (rows["n"] == row).all()


def test_a_hazard_knows_how_long_things_last() -> None:
    model, columns, times, ended = lasting()
    fresh = {**columns, "lasted": np.zeros(len(times))}
    lasts = model.survival(fresh)
    alone = measures.kept(times, ended > 0, np.array(model.edges))
    assert lasts.mean(axis=0)[:9] == pytest.approx(alone[:9], abs=0.05)
    assert measures.c_index(-model.expected(fresh), times, ended > 0) > 0.62
    assert model.chances(fresh) == pytest.approx(1 - lasts[:, 1])  # two periods ahead from the beginning
    assert model.expected(fresh) == pytest.approx((1 + lasts[:, -1]) / 2 + lasts[:, :-1].sum(axis=1))
    assert (
        model.chances({**columns, "lasted": np.full(len(times), 7.0)}) >= model.chances(fresh)
    ).mean() > 0.95
    which, much = model.reasons({**columns, "lasted": times})
    assert {model.names[n] for n in np.unique(which[much > 0])} == {"rough", "lasted"}


@pytest.mark.slow
@pytest.mark.skipif(public.folder() is None, reason="the public tables are not beside the project")
def test_public_figures_are_met() -> None:
    folder = public.folder()
    assert folder
    table = public.credit(folder)
    parts = folds.parts(table.labels, seed=1)
    rest, here = (
        {name: values[some] for name, values in table.columns.items()} for some in (parts != 0, parts == 0)
    )
    for fit, least in ((scorecard.fit, 0.755), (trees.fit_additive, 0.765), (trees.fit_together, 0.77)):
        model = fit(rest, table.labels[parts != 0])
        assert measures.auc(model.scores(here), table.labels[parts == 0]) > least
        assert measures.ece(model.chances(here), table.labels[parts == 0]) < 0.025


def test_buyers_made_by_the_model_are_found_again() -> None:
    truth, luck, many = lifetime.Again(0.8, 6.0, 0.7, 2.5), np.random.default_rng(4), 20_000
    rate, stops = luck.gamma(truth.r, 1 / truth.alpha, many), luck.beta(truth.a, truth.b, many)
    known = luck.uniform(20, 60, many)
    again, last, now = np.zeros(many), np.zeros(many), luck.exponential(1 / rate)
    alive = luck.random(many) >= 0  # everybody still buys after the first time
    while (buys := alive & (now < known)).any():
        again[buys] += 1
        last[buys] = now[buys]
        alive &= ~(buys & (luck.random(many) < stops))
        now = now + luck.exponential(1 / rate)
    rows = lifetime.Buying(again, last, known)
    found = lifetime.fit_again(rows)
    assert found.log_likelihood(rows) >= truth.log_likelihood(rows)
    assert found.r / found.alpha == pytest.approx(truth.r / truth.alpha, rel=0.05)
    assert found.a / (found.a + found.b) == pytest.approx(truth.a / (truth.a + truth.b), rel=0.1)
    assert found.alive(rows).mean() == pytest.approx(alive.mean(), abs=0.02)
