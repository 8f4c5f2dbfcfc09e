"""Versions of every kind, from touches to scores: rules, hazards, value, uplift; and what activity adds up."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest

from tests.core.identity.steps import subject, take_in, touch
from tests.core.models.test_city import DAY, NOW, WASHER, WHO, _append
from tests.core.profiles import world
from zerodistance.core.identity import api as identity
from zerodistance.core.models import (
    activity,
    api,
    appeals,
    card,
    examining,
    features,
    labels,
    registry,
    training,
)
from zerodistance.core.models.contracts import RULES, NotPromoted
from zerodistance.core.models.features import View
from zerodistance.core.models.ladder import amount, kept, trees, uplift
from zerodistance.core.models.ladder.hazard import Hazard
from zerodistance.core.models.ladder.lifetime import Value
from zerodistance.core.models.ladder.points import Points, Steps
from zerodistance.core.models.ladder.uplift import Uplift
from zerodistance.core.profiles import api as profiles
from zerodistance.core.profiles.asked import PastNotMade
from zerodistance.core.profiles.contracts import Input
from zerodistance.core.profiles.rules import is_of
from zerodistance.core.touchpoints import forget
from zerodistance.kernel import clock
from zerodistance.kernel.errors import Invalid
from zerodistance.kernel.home import Home, create_home
from zerodistance.kernel.settings import load

PEOPLE, YEARS = 240, 9


def _story(luck: random.Random, subjects: list[int]) -> list[dict[str, Any]]:
    """Who buys buys at a rate of their own; a message moves those who look; the old washer goes in its tenth year."""
    touches: list[dict[str, Any]] = []

    def add(who: int, kind: str, at: datetime, **more: Any) -> None:
        said = {"category": "washer", "month": f"{at:%Y-%m}", "currency": "CNY", **more}
        touches.append(world.touch(1, len(touches), who, kind, at, **said))

    for place, who in enumerate(subjects):
        rate, day = luck.gammavariate(1.0, 1 / (600 if place % 4 else 3_000)), luck.uniform(0, 200)
        while day < YEARS * 365:
            at = NOW - (YEARS * 365 - day) * DAY
            add(who, "order.line", at, amount=luck.uniform(500, 4_000), product="w1")
            if luck.random() < 0.2:
                add(who, "order.returned", at + 5 * DAY, product="w1")
            day += luck.expovariate(rate) + 1
        for month in range(24 if place % 4 else 14):
            at = NOW - (24 - month) * 30 * DAY
            looks = luck.random() < 0.5
            if looks:
                add(
                    who,
                    "product.viewed",
                    at - 5 * DAY,
                    duration=40.0,
                    channel="our-app" if place % 2 else "our-web",
                )
            if luck.random() < 0.6:
                kind = "message.sent" if luck.random() < 0.5 else "message.held_out"
                add(who, kind, at, channel="sms", campaign=f"c{month}")
                if luck.random() < (0.6 if looks and kind == "message.sent" else 0.2):
                    add(who, "order.line", at + 3 * DAY, amount=900.0, product="w1")
    return touches


@pytest.fixture(scope="module")
def story() -> list[dict[str, Any]]:
    return []


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory, story: list[dict[str, Any]]) -> Iterator[Home]:
    home = create_home(load(home=tmp_path_factory.mktemp("town") / "home"))
    with clock.freeze(NOW - (YEARS * 365 + 20) * DAY):
        take_in(home, *(touch(n, openid=f"o{n}") for n in range(PEOPLE)))
        subjects = [subject(home, "openid", f"o{n}") for n in range(PEOPLE)]
    with clock.freeze(NOW):
        story += _story(random.Random(5), subjects)
        _append(home, story, 1)
        yield home
    home.close()


def test_activity_is_touches_by_channel_and_grade_that_fade(town: Home, story: list[dict[str, Any]]) -> None:
    here = profiles.current(town)
    who = np.array(here.universe.persons, np.uint32)
    numbers = dict(
        zip(*(here.pairs().column(name).to_pylist() for name in ("subject", "number")), strict=True)
    )
    wanted = dict.fromkeys(who.tolist(), 0.0)
    for one in story:
        grades = [n for n, kinds in enumerate(activity.GRADES) if is_of(one["kind"], Input("touches", kinds))]
        if not grades:
            continue
        age = (
            here.day
            - (one["happened_at"].astimezone(town.settings.tz).date() - datetime(1970, 1, 1).date()).days
        )
        weight = 1.5 if one["channel"] == "our-app" else 1.0
        wanted[numbers[one["subject"]]] += (
            activity.POINTS[grades[0]] * weight * 0.5 ** (age / activity.HALF_LIFE)
        )
    found = activity.Activity(town, here).of(who)
    assert np.allclose(found, [wanted[n] for n in who.tolist()], rtol=1e-9)
    some = who[3:5]
    assert np.allclose(View(town, here, some).activity.of(some), found[3:5], rtol=1e-12), "asked of two alone"
    assert activity.Activity(town, here).of(np.array([1 << 30], np.uint32)).tolist() == [0.0]


def test_a_table_that_a_person_wrote_is_a_version_whose_chances_are_learned(town: Home) -> None:
    mine = Points(0.0, (Steps("interest.looks", (0.0, 2.0), (0.0, 1.0, 5.0)),))
    found = api.train(town, WHO, "n1", kind=RULES, rules=mine, note="looks alone")
    version, model = registry.read(town, "n1", found.number)
    assert isinstance(model, Points) and model.steps == mine.steps and version.note == "looks alone"
    assert version.figures["ece"]["value"] < 0.15 and version.against == 0
    assert api.promote(town, WHO, "n1", found.number).number == found.number, "rules need not beat themselves"
    with pytest.raises(Invalid):
        api.train(town, WHO, "r1_activity", kind="trees")
    shipped = api.train(town, WHO, "r1_activity")
    api.promote(town, WHO, "r1_activity", shipped.number)
    assert shipped.of_rules and not version.of_rules
    assert not {"ahead"} & {one.key for one in card.card(town, WHO, "r1_activity").measures}
    assert shipped.kind == RULES and api.score(town, WHO, ["r1_activity"]) == {"r1_activity": PEOPLE}


@pytest.mark.slow
def test_a_hazard_says_three_horizons_that_rise(town: Home) -> None:
    found = api.train(town, WHO, "n1", kind="hazard")
    version, model = registry.read(town, "n1", found.number)
    assert isinstance(model, Hazard) and set(version.longer) == {365, 730}
    assert {"auc", "auc_12m", "auc_24m"} <= version.figures.keys() and version.figures["auc_24m"][
        "value"
    ] > 0.55
    view = View(town, profiles.current(town))
    asked = api.model("n1")
    who = features.among(view, asked, WASHER)
    columns = training.asked(asked, model, features.columns(view, who, asked, WASHER))
    half, whole = model.chances(columns), registry.replace(model, ahead=365.0).chances(columns)
    assert (whole >= half).all() and (half > 0).all()
    assert kept.read(kept.plain(model)).chances(columns).tobytes() == half.tobytes()


@pytest.mark.slow
def test_value_is_in_money_and_ordered_like_what_came(town: Home) -> None:
    found = api.train(town, WHO, "r3_value", kind="value")
    version, model = registry.read(town, "r3_value", found.number)
    assert isinstance(model, Value) and version.figures["rank"]["value"] > 0.1
    assert version.evaluated_rows <= PEOPLE and abs(version.figures["count_error"]["value"]) < 1
    look = examining.examine(town, WHO, "r3_value", found.number)
    assert all(0 <= one["came"] <= 1 for one in look.said["calibration"]), (
        "whether they bought, not for how much"
    )
    view = View(town, profiles.past(town, WHO, version.evaluated_as_of))
    rows = training.rows(view, api.model("r3_value"), version.evaluated_as_of, kind="value")
    assert kept.read(kept.plain(model)).values(rows.columns).tobytes() == model.values(rows.columns).tobytes()  # type: ignore[union-attr]
    assert rows.came.sum() > 0 and ((rows.more["times"] > 0) == (rows.came > 0)).all()


@pytest.mark.slow
def test_uplift_is_learned_from_those_who_were_held_out_by_lot(
    town: Home, story: list[dict[str, Any]]
) -> None:
    at = clock.to_micros(NOW - timedelta(days=365))
    profiles.make_past(town, WHO, at)
    here = profiles.past(town, WHO, at)
    drawn = labels.drawn(town, here, at, 365)
    assert set(drawn) == {"sms"}
    numbers = dict(
        zip(*(here.pairs().column(name).to_pylist() for name in ("subject", "number")), strict=True)
    )
    late = at + 335 * clock.MICROS_PER_DAY
    lots = sorted(
        (numbers[one["subject"]], one["happened_at"], one["kind"] == "message.sent")
        for one in story
        if one["kind"].startswith("message.") and at < clock.to_micros(one["happened_at"]) <= late
    )
    found = zip(drawn["sms"].who.tolist(), drawn["sms"].sent.tolist(), strict=True)
    assert list(found) == [(n, sent) for n, _, sent in lots], "each campaign drew anew"
    trained = api.train(town, WHO, "n5")
    version, model = registry.read(town, "n5", trained.number)
    assert isinstance(model, Uplift) and {"qini", "effect", "ahead"} <= version.figures.keys()
    assert version.figures["effect"]["value"] > 0.05
    past = View(town, profiles.past(town, WHO, version.evaluated_as_of))
    some = training.rows(past, api.model("n5"), version.evaluated_as_of, seed=1, kind="uplift")
    again = training.figures(api.model("n5"), model, some, champion=model, rival=training.response(some))
    assert set(again["ahead_of_champion"].values()) == {0.0}, "as good as itself, on the same rows"
    if not version.beats_rules:
        with pytest.raises(NotPromoted):
            api.promote(town, WHO, "n5", trained.number)


def test_an_uplift_that_is_kept_says_the_same_and_its_parts_add_up() -> None:
    luck = np.random.default_rng(2)
    columns = {"x": luck.normal(size=1_000), "y": luck.integers(0, 4, 1_000).astype(np.float64)}
    treated = luck.random(1_000) < 0.5
    came = (luck.random(1_000) < 0.2 + 0.4 * treated * (columns["x"] > 0)).astype(np.float64)
    found = uplift.fit_kept(columns, treated, came, None)
    assert (
        found.scores(columns)[columns["x"] > 0.3].mean()
        > found.scores(columns)[columns["x"] < -0.3].mean() + 0.2
    )
    same = uplift.fit_crossed(columns, treated, came, None, uplift.additive())(columns)
    assert np.allclose(found.scores(columns), same)
    again = kept.read(kept.plain(found))
    assert again.scores(columns).tobytes() == found.scores(columns).tobytes()
    bases = (1 - found.share) * found.of_contacted.base + found.share * found.of_left.base
    assert np.allclose(found.contributions(columns).sum(axis=1) + bases, found.scores(columns))
    assert trees.ADDITIVE and found.reasons(columns)[0].shape == (1_000, 3)


@pytest.mark.slow
def test_an_amount_that_is_kept_says_the_same_and_is_right_in_the_mean() -> None:
    luck = np.random.default_rng(4)
    columns = {"x": luck.normal(size=1_500), "y": luck.normal(size=1_500)}
    spent = np.where(luck.random(1_500) < 0.3 + 0.2 * (columns["x"] > 0), np.exp(6 + columns["y"]), 0.0)
    found = amount.fit(columns, spent)
    assert abs(found.values(columns).sum() / spent.sum() - 1) < 0.1
    again = kept.read(kept.plain(found))
    assert isinstance(again, amount.Amount)
    assert again.values(columns).tobytes() == found.values(columns).tobytes()


def test_a_score_is_a_place_among_all_who_are_scored_not_among_those_who_had_an_occasion(town: Home) -> None:
    version = api.train(town, WHO, "r2_integrity")
    model, at = api.model("r2_integrity"), version.evaluated_as_of
    view = View(town, profiles.past(town, WHO, at))
    everybody = training.rows(view, model, at, occasion=False)
    assert version.evaluated_rows == len(training.rows(view, model, at).who) < 0.9 * len(everybody.who)
    _, kept_ = registry.read(town, "r2_integrity", version.number)
    said = training.said(model, kept_, everybody.columns)
    assert version.population == training.population(model, said, everybody)


def test_points_that_say_nothing_of_what_comes_still_order_persons(town: Home) -> None:
    at = clock.to_micros(NOW - timedelta(days=365))
    profiles.make_past(town, WHO, at)
    rows = training.rows(View(town, profiles.past(town, WHO, at)), api.model("n3_repeat"), at)
    upside_down = Points(0.0, (Steps("value.orders_total", (1.0, 2.0, 3.0, 5.0), (4.0, 3.0, 2.0, 1.0, 0.0)),))
    found = training.fit(api.model("n3_repeat"), rows, RULES, upside_down)
    points, chances = upside_down.scores(rows.columns), found.chances(rows.columns)
    order = np.argsort(points, kind="stable")
    assert (np.diff(chances[order])[np.diff(points[order]) > 0] > 0).all()


def test_whoever_is_forgotten_is_in_no_training_set_afterwards(
    town: Home, story: list[dict[str, Any]]
) -> None:
    at = clock.to_micros(NOW - timedelta(days=365))
    profiles.make_past(town, WHO, at)
    before = training.rows(View(town, profiles.past(town, WHO, at)), api.model("r3_value"), at, kind="value")
    gone = subject(town, "openid", "o7")
    mine = (one for one in story if one["subject"] == gone and one["kind"] == "order.line")
    spent = sum(
        one["amount"] for one in mine if at < clock.to_micros(one["happened_at"]) <= clock.to_micros(NOW)
    )
    asked = forget.ask(town, WHO, f"subject {gone}", [gone], "asked for")
    forget.carry_out(
        town, asked.id, [gone], matcher=identity.matcher, tokens=identity.tokens_of,
        rooms={"profiles": profiles.forget, "models": appeals.forget, "identity": identity.forget, "past": profiles.forget_pasts},
    )  # fmt: skip
    with pytest.raises(PastNotMade):
        profiles.past(town, WHO, at)
    profiles.make_past(town, WHO, at)
    after = training.rows(View(town, profiles.past(town, WHO, at)), api.model("r3_value"), at, kind="value")
    assert len(after.who) == len(before.who) - 1
    assert after.came.sum() == pytest.approx(before.came.sum() - spent)
