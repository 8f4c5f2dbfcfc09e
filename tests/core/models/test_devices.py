"""Connected appliances: what is known of one at a moment, whatever comes later; and from their weeks to faults that are said, scored and explained."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.core.identity.steps import subject, take_in, touch
from tests.core.profiles import world
from tests.core.profiles.test_then import store_batches
from zerodistance.core.identity import api as identity
from zerodistance.core.identity.then import everybody_then
from zerodistance.core.models import api, devices, features, persons, registry, things
from zerodistance.core.models.contracts import Model, NotScored
from zerodistance.core.models.features import View
from zerodistance.core.profiles import api as profiles
from zerodistance.kernel import clock
from zerodistance.kernel.access import Who
from zerodistance.kernel.home import Home, create_home
from zerodistance.kernel.settings import load

NOW = datetime(2026, 11, 1, 16, tzinfo=UTC)
DAY = timedelta(days=1)
WEEK = 7 * DAY
WHO = Who.system("test")
KEY = "d1_fault"
APPLIANCES, WEEKS = 40, 50


def _known(at: datetime, known: datetime) -> dict[str, Any]:
    return {"known_at": known, "received_at": known, "month": f"{known:%Y-%m}"} | {"happened_at": at}


def _week(
    row: int, of: int, at: datetime, energy: float | None, warnings: float | None, **more: Any
) -> dict[str, Any]:
    said = {"product": "W1", "category": "washer", "quantity": 4.0, "duration": 14_400.0}
    one = world.touch(1, row, of, "device.used", at, energy=energy, warnings=warnings, **(said | more))
    return one | _known(at, at + WEEK)


def _fault(
    row: int, of: int, at: datetime, code: str = "E1", late: timedelta = timedelta(0), **more: Any
) -> dict[str, Any]:
    said = {"product": "W1", "category": "washer"}
    return world.touch(1, row, of, "device.fault", at, fault=code, **(said | more)) | _known(at, at + late)


def _append(home: Home, touches: list[dict[str, Any]], batch: int) -> None:
    rows = world.table([{**one, "batch": batch} for one in touches])
    home.lake.append("touches", rows, app="touches", version=batch, partition_by="month")


def _at(moment: datetime) -> int:
    return clock.to_micros(moment)


def _only(found: things.Things) -> dict[str, float]:
    assert len(found) == 1
    return {name: float(values[0]) for name, values in found.columns.items()}


def test_an_appliance_is_measured_by_its_own_first_weeks(home: Home) -> None:
    weeks = [
        _week(n, 7, NOW - (20 - n) * WEEK, 2.0 if n < 12 else 3.0, 1.0 if n >= 18 else 0.0) for n in range(20)
    ]
    _append(home, [*weeks, _fault(90, 7, NOW - 30 * DAY), _fault(91, 7, NOW - 3 * DAY, late=5 * DAY)], 1)
    found = _only(devices.fleet(home, [_at(NOW)]))
    assert found["device.reports"] == 20 and found["device.heard_4w"] == 4
    assert found["device.warnings_4w"] == found["device.warnings_26w"] == 2
    assert found["device.energy_4w"] == pytest.approx(1.5)
    assert found["device.energy_12w"] == pytest.approx((4 * 2 + 8 * 3) / 12 / 2)
    assert found["device.energy_use"] == pytest.approx((4 * 2 + 8 * 3) / 12 / 2)
    assert found["device.hours_use"] == pytest.approx(1.0) and found["device.uses_4w"] == pytest.approx(1.0)
    assert found["device.faults"] == 1 and found["device.fault_age"] == pytest.approx(30), (
        "the other was not known yet"
    )
    assert found["device.silence"] == pytest.approx(7)
    assert np.isnan(found["device.visit_age"]) and found["device.visits"] == 0
    early = _only(devices.fleet(home, [_at(NOW - 15 * WEEK)]))
    assert early["device.reports"] == 5 and np.isnan(early["device.energy_12w"]), "no baseline yet"
    assert len(devices.fleet(home, [_at(NOW + 60 * DAY)])) == 0, "nothing was heard of it for eight weeks"


def test_without_energy_and_warnings_there_is_nothing_to_say_of_them(home: Home) -> None:
    _append(home, [_week(n, 7, NOW - (20 - n) * WEEK, None, None) for n in range(20)], 1)
    found = _only(devices.fleet(home, [_at(NOW)]))
    nothing = {name for name, value in found.items() if np.isnan(value)}
    assert {n for n in found if "warnings" in n or "energy" in n} <= nothing


_TOLD = st.tuples(
    st.sampled_from((7, 8, 9)),
    st.integers(-200, 200),
    st.integers(0, 120),
    st.sampled_from((None, 1.0, 2.5)),
    st.sampled_from(("used", "used", "device.fault", "service.visited", "order.line")),
    st.sampled_from(("W1", "W2", None)),
)
_EVER = 1 << 62


def _whose() -> pa.Table:
    """Three appliances with an owner each; one owner's record becomes another's between the moments."""
    turn = _at(NOW - 20 * DAY)
    rows = [(7, 1, -_EVER, _EVER), (8, 2, -_EVER, _EVER), (9, 3, -_EVER, _EVER), (107, 1, -_EVER, _EVER), (108, 2, -_EVER, turn),
            (108, 1, turn, _EVER), (109, 3, -_EVER, _EVER)]  # fmt: skip
    subject, person, since, until = zip(*rows, strict=True)
    return pa.table(
        {"subject": subject, "person": person, "since": things.times(since), "until": things.times(until)}
    )


@given(st.lists(_TOLD, min_size=1, max_size=25), st.integers(0, 2**30))
@settings(max_examples=8, deadline=None)
def test_nothing_that_becomes_known_later_changes_a_feature(told: list[Any], seed: int) -> None:
    """Whatever happened, told after the moment it changes nothing; what happened by then is no outcome."""
    touches = []
    for n, (of, day, later, energy, kind, product) in enumerate(told):
        at = NOW + day * DAY
        made = _week(n, of, at, energy, energy, product=product)
        if kind != "used":
            of = of if kind == "device.fault" else of + 100
            made = world.touch(1, n, of, kind, at, product=product, category="washer", fault="E1")
        touches.append(made | _known(at, at + later * DAY))
    known = [one for one in touches if one["known_at"] <= NOW]
    every = touches.copy()
    random.Random(seed).shuffle(every)
    moments = [_at(NOW - 35 * DAY), _at(NOW)]
    found = []
    for some in (known, every):
        with duckdb.connect(config={"threads": 1}) as connection:
            connection.register("touches", world.table(some))
            connection.register("whose", _whose())
            found.append(devices.joined(connection, moments, 30))
    before, after = found
    assert before.subject.tolist() == after.subject.tolist() and before.as_of.tolist() == after.as_of.tolist()
    for name, values in before.columns.items():
        assert np.array_equal(values, after.columns[name], equal_nan=True), name
    faults = [(one["subject"], _at(one["happened_at"])) for one in touches if one["kind"] == "device.fault"]
    came = {(of, m) for m in moments for of, at in faults if m < at <= m + 30 * clock.MICROS_PER_DAY}
    rows = zip(after.subject.tolist(), after.as_of.tolist(), strict=True)
    assert [row in came for row in rows] == after.came.astype(bool).tolist()


def test_the_as_of_join_says_what_its_spark_form_says(home: Home) -> None:
    luck = random.Random(5)
    touches = [
        _week(n, luck.randint(1, 6), NOW - luck.randint(0, 400) * DAY, luck.random(), luck.randint(0, 3))
        for n in range(300)
    ]
    _append(home, [*touches, *(_fault(1_000 + n, 1 + n % 6, NOW - n * 9 * DAY) for n in range(40))], 1)
    with home.engine.connect() as connection:
        things.log_of(connection, home, None)
        for name in ("device_told", "device_state"):
            connection.execute(f"create temp table {name} as {(things.SQL / f'{name}.sql').read_text()}")
        asked = [(n, n % 4, 1 + n % 7, NOW - luck.randint(-10, 420) * DAY) for n in range(200)]
        columns = list(zip(*asked, strict=True))
        look = pa.table(
            {
                "spine_row": columns[0],
                "look": columns[1],
                "subject": columns[2],
                "moment": things.times([_at(m) for m in columns[3]]),
            }
        )
        connection.register("device_look", look)
        ours, theirs = (
            things.asked(connection, name).sort_by("spine_row")
            for name in ("device_as_of.sql", "device_as_of_spark.sql")
        )
    assert ours.equals(theirs) and 20 < ours.column("reports").null_count < 180


def test_who_was_who_at_every_moment_is_told_at_once(home: Home) -> None:
    steps = [NOW - n * DAY for n in (50, 40, 30, 20, 10)]
    with clock.freeze(steps[0]):
        take_in(
            home,
            touch(0, device_id="d1"),
            touch(1, user_id="u1"),
            touch(2, phone="13957104482"),
            touch(3, device_id="d2"),
        )
    with clock.freeze(steps[2]):
        take_in(home, touch(4, device_id="d1", user_id="u1"))
    with clock.freeze(steps[3]):
        take_in(
            home, touch(5, phone="13957104482", user_id="u1"), touch(6, phone="13957104499", device_id="d2")
        )
    spans = identity.spans(home)
    for moment in (*steps, NOW, NOW - 45 * DAY, NOW - 25 * DAY, NOW - 900 * DAY):
        said = {one["subject"]: one["number"] for one in _spans_at(spans, _at(moment))}
        assert said == {
            one["subject"]: one["number"] for one in everybody_then(home, _at(moment)).to_pylist()
        }, moment


def _spans_at(spans: pa.Table, at: int) -> list[dict[str, Any]]:
    since, until = (spans.column(name).cast(pa.int64()).to_numpy() for name in ("since", "until"))
    return spans.filter(pa.array((since <= at) & (at < until))).select(["subject", "number"]).to_pylist()


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """Appliances of as many persons; whoever's warns has a fault within the next weeks, mostly. The first person has two."""
    home = create_home(load(home=tmp_path_factory.mktemp("fleet") / "home"))
    with clock.freeze(NOW - 900 * DAY):
        take_in(home, *(touch(n, device_id=f"d{n}", user_id=f"u{max(n, 1)}") for n in range(APPLIANCES)))
        subjects = [subject(home, "device_id", f"d{n}") for n in range(APPLIANCES)]
    luck, touches = random.Random(3), list[dict[str, Any]]()
    for place, of in enumerate(subjects):
        weary = 0.0
        for n in range(WEEKS):
            at = NOW - (WEEKS - n) * WEEK
            weary = max(weary - 1, 0) if luck.random() > 0.06 else 4.0
            warned = float(luck.random() < 0.9) if weary or place == 1 else 0.0
            touches.append(_week(len(touches), of, at, 2.0 + 0.3 * (weary > 0), warned))
            if weary and luck.random() < 0.4:
                fault = at + WEEK + luck.random() * 20 * DAY
                if fault < NOW:
                    touches.append(_fault(len(touches), of, fault, luck.choice(("E1", "E1", "E2"))))
    with clock.freeze(NOW):
        _append(home, touches, 1)
        store_batches(home, 1)
        keeper = profiles.follower(home)
        keeper.follow(world.table(touches), 1)
        keeper.update()
        yield home
    home.close()


@pytest.mark.slow
def test_a_fault_is_said_better_than_by_rules_scored_and_explained(
    town: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = replace(api.model(KEY), weeks=(12, 8))
    monkeypatch.setitem(cast(dict[str, Model], api.MODELS), KEY, model)
    version = api.train(town, WHO, KEY, until=NOW.date())
    assert (version.rows, version.evaluated_rows) == (12 * APPLIANCES, 8 * APPLIANCES)
    assert version.trained_as_of == version.evaluated_as_of - (30 + 7 * 7) * clock.MICROS_PER_DAY
    figures = version.figures
    assert {"auc_7d", "average_precision_7d", "ece_7d", "rules_average_precision"} <= figures.keys()
    assert figures["auc"]["value"] > 0.6
    registry.crown(town, KEY, version.number, "test")
    assert api.score(town, WHO, [KEY]) == {KEY: APPLIANCES - 1}
    first = identity.People(town).numbers_of(np.array([subject(town, "device_id", "d1")]))[0]
    view = View(town, profiles.current(town)).scored_by(model, registry.champion(town, KEY)[1])
    who = features.among(view, model, "washer")
    whole = features.columns(view, who, model, "washer")
    few = np.array([first], np.uint32)
    alone = View(town, profiles.current(town), few).scored_by(model, registry.champion(town, KEY)[1])
    mine = features.columns(alone, few, model, "washer")
    for name, values in mine.items():
        assert np.allclose(values, whole[name][who == first], atol=1e-4, equal_nan=True), name
    assert whole["device.warnings_26w"][who == first] > 15, (
        "of two appliances the one that warns speaks for the person"
    )
    said = api.explain(town, WHO, KEY, int(first), "washer")
    assert [one.label.en for one in said.about][:2] == ["which one", "chance within 7 days"]
    assert [one.label.en for one in said.about][2:] == ["chance of fault E1", "chance of fault E2"]
    assert said.about[0].said.en == "W1" and said.reasons
    scores = persons.scores_of(town, WHO, [int(first)], [KEY])[int(first)]
    assert [round(one.score, 6) for one in scores] == [round(said.score, 6)]
    with pytest.raises(NotScored), clock.freeze(NOW + 90 * DAY):
        api.explain(town, WHO, KEY, int(first), "washer")


def test_codes_that_are_seldom_stand_together(town: Home) -> None:
    shares = devices.codes(town, _at(NOW))["washer"]
    assert list(shares) == ["E1", "E2"] and sum(shares.values()) == pytest.approx(1)
    early = devices.codes(town, _at(NOW - WEEKS * WEEK + 30 * DAY)).get("washer", {devices.REST: 1.0})
    assert devices.REST in early


def test_what_an_appliance_says_it_is_counts_from_then_on(home: Home) -> None:
    at = NOW - 21 * DAY
    silent = [_week(n, 7, at - (6 - n) * WEEK, 2.0, 0.0, product=None, category=None) for n in range(6)]
    _append(home, [*silent, _week(9, 7, NOW - 14 * DAY, 2.0, 0.0)], 1)
    found = devices.fleet(home, [_at(NOW - 10 * DAY), _at(NOW)])
    assert found.product.tolist() == [None, "W1"] and found.category.tolist() == [None, "washer"]
