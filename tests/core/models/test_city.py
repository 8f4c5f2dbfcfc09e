"""From touches to scores: features are of then, outcomes come after, a version is kept as it was, and scores are tags."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from tests.core.identity.steps import subject, take_in, touch
from tests.core.profiles import world
from tests.core.profiles.test_then import store_batches
from zerodistance.core.identity import api as identity
from zerodistance.core.models import (
    api,
    drift,
    examining,
    features,
    labels,
    registry,
    scoring,
    training,
    watching,
)
from zerodistance.core.models.catalogue import MODELS
from zerodistance.core.models.contracts import (
    ModelDamaged,
    NoChampion,
    NoSuchCategory,
    NoSuchModel,
    NotAFeature,
    NotPromoted,
    Version,
)
from zerodistance.core.models.features import View
from zerodistance.core.profiles import api as profiles
from zerodistance.core.profiles.own import own_dimensions
from zerodistance.doors.operations import conditions
from zerodistance.kernel import bus, clock, fault
from zerodistance.kernel.access import Role, Who
from zerodistance.kernel.errors import Forbidden, Invalid
from zerodistance.kernel.home import Home, create_home
from zerodistance.kernel.settings import load

PEOPLE = 500
NOW = datetime(2026, 11, 1, 2, tzinfo=UTC)
DAY = timedelta(days=1)
WHO = Who.system("test")
KEY, WASHER = "n1", "washer"


def _story(luck: random.Random, subjects: list[int]) -> list[dict[str, Any]]:
    """Everybody has an old washer; whoever looks at washers in one half year buys one in the next, mostly."""
    touches: list[dict[str, Any]] = []

    def add(who: int, kind: str, at: datetime, **more: Any) -> None:
        touches.append(
            world.touch(1, len(touches), who, kind, at, category="washer", month=f"{at:%Y-%m}", **more)
        )

    for who in subjects:
        add(who, "order.line", NOW - luck.uniform(2_000, 4_000) * DAY, product="w1", amount=3_000.0)
        for first in (365 + 182, 365, 182):
            looks = luck.choice([0, 0, 0, 1, 3, 6])
            for _ in range(looks):
                add(
                    who,
                    "product.viewed",
                    NOW - luck.uniform(first - 182, first) * DAY,
                    product="w2",
                    duration=luck.uniform(5, 90),
                )
            if luck.random() < (0.05, 0.3, 0.0, 0.55, 0.0, 0.0, 0.85)[looks] and first > 182:
                add(
                    who,
                    "order.line",
                    NOW - luck.uniform(first - 364, first - 182) * DAY,
                    product="w2",
                    amount=3_500.0,
                )
    return touches


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    home = create_home(load(home=tmp_path_factory.mktemp("town") / "home"))
    began = NOW - 4_100 * DAY
    with clock.freeze(began):
        take_in(home, *(touch(n, openid=f"o{n}") for n in range(PEOPLE)))
        subjects = [subject(home, "openid", f"o{n}") for n in range(PEOPLE)]
    with clock.freeze(NOW):
        _append(home, _story(random.Random(3), subjects), 1)
        yield home
    home.close()


def _append(home: Home, touches: list[dict[str, Any]], batch: int) -> None:
    fresh = [{**one, "batch": batch} for one in touches]
    home.lake.append("touches", world.table(fresh), app="touches", version=batch, partition_by="month")
    store_batches(home, batch)
    keeper = profiles.follower(home)
    keeper.follow(world.table(fresh), batch)
    keeper.update()


@pytest.fixture(scope="module")
def trained(town: Home) -> Version:
    return api.train(town, WHO, KEY)


def test_a_model_is_better_than_the_rules_of_thumb_and_says_how_sure_that_is(trained: Version) -> None:
    assert (trained.number, trained.kind, trained.rows, trained.evaluated_rows) == (
        1,
        "points",
        PEOPLE,
        PEOPLE,
    )
    assert 20 < trained.came < 300 and 20 < trained.evaluated_came < 300
    auc = trained.figures["auc"]
    assert auc["low"] < auc["value"] < auc["high"] and auc["low"] > 0.6
    assert {"rules_auc", "ahead", "ece", "log_loss", "lift_top10"} <= trained.figures.keys()
    assert trained.evaluated_as_of - trained.trained_as_of == 182 * clock.MICROS_PER_DAY


def test_what_is_known_later_changes_no_feature_and_what_came_before_is_no_outcome(town: Home) -> None:
    at = clock.to_micros(NOW - 200 * DAY)
    model = api.model(KEY)
    profiles.make_past(town, WHO, at)
    here = profiles.past(town, WHO, at)
    before = training.rows(View(town, here), model, at)
    luck, row = random.Random(8), 0
    later = []
    for who in before.who.tolist()[:50]:
        for known, happened in ((100, 300), (10, 150)):  # told late of what was long ago, and what came after
            when = {"known_at": NOW - known * DAY, "received_at": NOW - known * DAY}
            one = world.touch(
                2,
                row,
                who,
                "product.viewed",
                NOW - happened * DAY,
                category="washer",
                product="w2",
                duration=9.0,
            )
            later.append({**one, **when, "month": f"{one['happened_at']:%Y-%m}"})
            row += 1
    luck.shuffle(later)
    _append(town, later, 2)
    profiles.make_past(town, WHO, at)
    after = training.rows(View(town, profiles.past(town, WHO, at)), model, at)
    assert np.array_equal(before.who, after.who) and np.array_equal(before.came, after.came)
    for key in before.columns:
        assert np.array_equal(before.columns[key], after.columns[key], equal_nan=True), key
    early = labels.Came(town, here, model.asked, clock.to_micros(NOW), model.horizon_days).of(
        before.who, WASHER
    )
    assert not early.any(), "nothing has come after today"


def test_an_outcome_belongs_to_whoever_somebody_turned_out_to_be(town: Home) -> None:
    at = clock.to_micros(NOW - 90 * DAY)
    profiles.make_past(town, WHO, at)
    here = profiles.past(town, WHO, at)
    with clock.freeze(NOW - 30 * DAY):
        take_in(town, touch(0, phone="13957104482"))
        fresh = subject(town, "phone", "13957104482")
    _append(
        town,
        [
            world.touch(
                3, 0, fresh, "order.line", NOW - 20 * DAY, category="washer", product="w2", month="2026-10"
            )
        ],
        3,
    )
    who = features.among(View(town, here), api.model(KEY), WASHER)
    came = labels.Came(town, here, api.model(KEY).asked, at, api.model(KEY).horizon_days).of(who, WASHER)
    with clock.freeze(NOW):
        take_in(town, touch(1, phone="13957104482", openid="o7"))
    number = identity.People(town).numbers_of(np.array([subject(town, "openid", "o7")]))[0]
    now = labels.Came(town, here, api.model(KEY).asked, at, api.model(KEY).horizon_days).of(who, WASHER)
    then = here.pairs().to_pylist()
    mine = next(one["number"] for one in then if one["subject"] == subject(town, "openid", "o7"))
    assert number > 0 and now[who == mine].tolist() == [1.0]
    assert now.sum() - came.sum() in (0.0, 1.0)


def test_a_message_is_that_of_whoever_it_reached_by_whatever_identifier(town: Home) -> None:
    at = clock.to_micros(NOW - 90 * DAY)
    profiles.make_past(town, WHO, at)
    here = profiles.past(town, WHO, at)
    with clock.freeze(NOW - 40 * DAY):
        take_in(town, touch(0, phone="13957104483", openid="o9"), touch(0, phone="13957104484", openid="o11"))
    kinds = {"13957104483": "message.sent", "13957104484": "message.held_out"}
    _append(
        town,
        [
            world.touch(
                4, n, subject(town, "phone", phone), kind, NOW - 60 * DAY, channel="sms", campaign="c", month="2026-09"
            )
            for n, (phone, kind) in enumerate(kinds.items())
        ],
        4,
    )  # fmt: skip
    found = labels.drawn(town, here, at, 90)["sms"]
    mine = {one["subject"]: one["number"] for one in here.pairs().to_pylist()}
    wanted = {mine[subject(town, "openid", "o9")]: True, mine[subject(town, "openid", "o11")]: False}
    assert dict(zip(found.who.tolist(), found.sent.tolist(), strict=True)) == wanted


def test_only_what_beats_the_rules_is_promoted_and_a_champion_can_go_back(
    town: Home, trained: Version
) -> None:
    with pytest.raises(NoChampion):
        registry.champion(town, "n2")
    worse = {"value": -0.2, "low": -0.3, "high": -0.1}
    _, kept = registry.read(town, KEY, 1)
    second, third, fourth, fifth = (
        registry.add(town, replace(trained, **changes), kept)
        for changes in (
            {"beats_rules": True},
            {"beats_rules": True, "against": 2},
            {"beats_rules": False, "against": 2},
            {"beats_rules": True, "against": 3, "figures": {**trained.figures, "ahead_of_champion": worse}},
        )
    )
    assert [one.number for one in (second, third, fourth, fifth)] == [2, 3, 4, 5]
    with pytest.raises(NotPromoted):
        api.promote(town, WHO, KEY, fourth.number)
    with pytest.raises(NotPromoted):
        api.roll_back(town, WHO, KEY)
    api.promote(town, WHO, KEY, 2)
    api.promote(town, WHO, KEY, 3)
    assert registry.champion(town, KEY)[0].number == 3
    with pytest.raises(NotPromoted):  # behind the champion on the same rows
        api.promote(town, WHO, KEY, fifth.number)
    with pytest.raises(NotPromoted):  # never held against this champion
        api.promote(town, WHO, KEY, registry.add(town, replace(trained, beats_rules=True), kept).number)
    assert api.roll_back(town, WHO, KEY).number == 2
    assert [one["number"] for one in registry.history(town, KEY)] == [2, 3, 2]
    assert next(one for one in api.models(town, WHO) if one.model.key == KEY).champion == second
    with pytest.raises(NoSuchModel):
        api.promote(town, WHO, KEY, 99)
    with pytest.raises(NoSuchModel):
        api.promote(town, WHO, "n9", 1)


def test_what_is_kept_scores_the_same_to_the_bit_and_a_changed_file_is_refused(
    town: Home, trained: Version
) -> None:
    here = profiles.current(town)
    who = features.among(View(town, here), api.model(KEY), WASHER)
    once = [
        registry.read(town, KEY, 1)[1].chances(
            features.columns(View(town, here), who, api.model(KEY), WASHER)
        )
        for _ in range(2)
    ]
    assert once[0].tobytes() == once[1].tobytes()
    path = town.path("models", KEY, "0001.json")
    text = path.read_text()
    path.write_text(text.replace('"sha256": "', '"sha256": "0'))
    with pytest.raises(ModelDamaged):
        registry.read(town, KEY, 1)
    path.write_text(json.dumps({"body": "{}"}))
    with pytest.raises(ModelDamaged):
        registry.versions(town, KEY)
    path.write_text(text)
    assert registry.read(town, KEY, 1)[0] == trained


def test_scores_that_a_new_champion_does_not_give_are_withdrawn(town: Home, trained: Version) -> None:
    model, (_, kept) = api.model(KEY), registry.read(town, KEY, 1)
    number = registry.add(town, replace(trained, beats_rules=True), kept).number
    for days in (0, 365, 730):
        profiles.give(town, WHO, scoring.given(model, trained, WASHER, days), [])
    registry.crown(town, KEY, number, "test")  # so that the next one may follow
    following = registry.add(town, replace(trained, beats_rules=True, against=number), kept).number
    assert api.promote(town, WHO, KEY, following).number == following
    there = own_dimensions(town, now=True).by_key.keys()
    assert (
        model.dimension(WASHER) in there and not {model.longer(days, WASHER) for days in (365, 730)} & there
    )


def test_scores_are_tags_and_have_reasons(town: Home, trained: Version) -> None:
    _, kept = registry.read(town, KEY, 1)
    registry.crown(town, KEY, registry.add(town, trained, kept).number, "test")
    profiles.follower(town).update()
    done = api.score(town, WHO, [KEY])
    profiles.follower(town).update()
    here, own = (
        profiles.current(town),
        own_dimensions(town, now=True).by_key[f"score.{KEY}_{WASHER}"].dimension,
    )
    who = features.among(View(town, here), api.model(KEY), WASHER)
    assert done == {KEY: len(who)} and here.tagged(own).sizes == (len(who), 0)
    scores = here.numbers(own, who)
    version, champion = registry.champion(town, KEY)
    wanted = np.concatenate(
        [
            found
            for _, found in scoring.scored(View(town, here), who, api.model(KEY), WASHER, version, champion)
        ]
    )
    assert np.allclose(scores, wanted, atol=1e-3) and scores.min() >= 0 and scores.max() <= 100
    assert (
        here.has(own, "a").persons == {int(n) for n in who[scores >= 95]}
        or here.has(own, "a").sizes[0] == (scores >= 95).sum()
    )
    best = int(who[np.argmax(scores)])
    said = api.explain(town, WHO, KEY, best, WASHER)
    assert said.score == pytest.approx(scores.max(), abs=1e-3) and 0 <= said.chance <= 1
    assert said.reasons and said.reasons[0].points >= said.reasons[-1].points
    with pytest.raises(NoSuchCategory):
        api.explain(town, WHO, KEY, best)
    public = profiles.public_ids(town, here, [best])[best]
    assert api.number_of(town, WHO, public) == best


def test_nobody_trains_or_scores_who_may_not(town: Home, analyst: Who) -> None:
    for verb in (
        lambda: api.train(town, analyst, KEY),
        lambda: api.score(town, analyst),
        lambda: api.promote(town, analyst, KEY, 1),
    ):
        with pytest.raises(Forbidden):
            verb()
    with pytest.raises(Forbidden):
        api.models(town, Who(3, "planner", Role.PLANNER))
    with pytest.raises(Invalid):
        api.train(town, WHO, KEY, kind="oracle")


def test_a_version_that_is_cut_short_has_never_been(
    town: Home, trained: Version, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, (_, kept) = registry.versions(town, KEY), registry.read(town, KEY, 1)

    def killed(name: str) -> None:
        raise KeyboardInterrupt(name)

    with monkeypatch.context() as patch:
        patch.setattr(fault, "point", killed)
        with pytest.raises(KeyboardInterrupt):
            registry.add(town, trained, kept)
    assert registry.versions(town, KEY) == before
    assert registry.add(town, trained, kept).number == before[0].number + 1


def test_no_feature_is_made_of_facts_which_are_those_of_today_at_every_moment(town: Home) -> None:
    """A record that came with a purchase was counted among the records of the time before it: the AUC that this gave was never reached."""
    view = View(town, profiles.current(town))
    some = np.array([1], np.uint32)
    with pytest.raises(NotAFeature):
        view.of("demo.records", some)
    for one in MODELS.values():
        for target in one.targets:
            assert set(features.columns(view, some, one, target)), one.key


def _told(home: Home, topic: str) -> list[dict[str, Any]]:
    with home.state.read() as tx:
        return [one.body for one in bus.said(tx, "1 = 1", limit=1_000) if one.topic == topic]


def test_who_enters_the_highest_band_is_told_as_a_set(town: Home, trained: Version) -> None:
    dimension = f"score.{KEY}_{WASHER}"
    _, kept = registry.read(town, KEY, 1)
    registry.crown(town, KEY, registry.add(town, trained, kept).number, "test")
    api.score(town, WHO, [KEY])
    profiles.follower(town).update()
    told = [one for one in _told(town, "models.band_changed") if one["dimension"] == dimension]
    members = len(profiles.current(town).split(("node", dimension, "a")).persons)
    assert members > 0 and told[-1]["members"] == members
    assert sum(one["entered"] - one["left"] for one in told) == members and told[0]["entered"] > 0
    api.score(town, WHO, [KEY])
    assert len(_told(town, "models.band_changed")) == len([*told, *_others(town, dimension)]), "nobody moved"


def _others(home: Home, dimension: str) -> list[dict[str, Any]]:
    return [one for one in _told(home, "models.band_changed") if one["dimension"] != dimension]


def test_a_champion_is_looked_at_and_drift_is_told_once(
    town: Home, trained: Version, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, kept = registry.read(town, KEY, 1)
    fresh = registry.add(town, trained, kept)
    registry.crown(town, KEY, fresh.number, "test")
    moment = clock.to_micros(NOW - 182 * DAY)
    profiles.make_past(town, WHO, moment)
    before = training.rows(View(town, profiles.past(town, WHO, moment)), api.model(KEY), moment)
    watching.keep_base(town, fresh, kept, before.columns)
    (calm,) = watching.look(town, WHO, [KEY])
    assert calm.said["persons"] == PEOPLE and set(calm.said["features"]) <= set(kept.names)
    assert sum(one["now"] for one in calm.said["bands"].values()) == pytest.approx(1)
    told = len(_told(town, "models.drifted"))
    monkeypatch.setattr(watching, "bounds", lambda home: drift.Bounds(-1.0, 0.1, 0.05))
    moved, again = (watching.look(town, WHO, [KEY])[0] for _ in range(2))
    assert moved.signs == again.signs and "scores" in moved.signs
    fresh_signs = _told(town, "models.drifted")[told:]
    assert [one["look"] for one in fresh_signs] == [moved.number]
    (mine,) = (one for one in watching.watched(town, WHO) if one.model.key == KEY)
    assert (mine.version, mine.signs) == (fresh.number, again.signs)
    assert [one.number for one in watching.history(town, WHO, KEY)][:3] == [
        again.number,
        moved.number,
        calm.number,
    ]
    (alert,) = (one for one in conditions.model_drifted(town, WHO) if one.about == KEY)
    assert alert.verdict is conditions.Verdict.BAD


def test_a_version_is_looked_at_by_the_outcomes_known_by_now(town: Home, trained: Version) -> None:
    found = examining.examine(town, WHO, KEY, 1)
    assert found.about == "outcomes" and found.said["as_of"] == trained.evaluated_as_of
    assert found.said["rows"] == trained.evaluated_rows
    assert (
        set(found.said["cohorts"]) == {"known", "target"}
        and found.said["cohorts"]["known"]["old"]["rows"] >= PEOPLE - 1
    )
    assert json.loads(json.dumps(watching.finite(found.said)))["figures"]["auc"]["value"] > 0.6
    with pytest.raises(NoSuchModel):
        examining.examine(town, WHO, "n9")


def test_a_night_looks_at_champions_and_waits_for_outcomes(town: Home, trained: Version) -> None:
    looked = len(watching.history(town, WHO, KEY))
    examining.night(town)
    assert len(watching.history(town, WHO, KEY)) == looked + 1
    outcomes = len(watching.history(town, WHO, KEY, "outcomes"))
    with clock.freeze(NOW + 30 * DAY):
        examining.night(town)
        examining.night(town)
        assert len(watching.history(town, WHO, KEY, "outcomes")) == outcomes + 1
