"""Models for people: the list, the card, the workshop, what would change a score; as pages and as an API, over one small town."""

from __future__ import annotations

import io
import json
import random
import socket
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import uvicorn
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from tests.core.identity.steps import subject, take_in, touch
from tests.core.models.test_city import DAY, NOW, WASHER, WHO, _append, _story
from tests.doors import world
from tests.doors.chromium import Browser
from tests.doors.conftest import CHEAP, Visitor
from tests.doors.test_pages import _Server
from tests.patience import PATIENCE, until
from zerodistance import compose
from zerodistance.core.models import (
    api,
    appeals,
    card,
    features,
    parity,
    persons,
    registry,
    training,
    trying,
    watching,
    whatif,
    workshop,
)
from zerodistance.core.models.catalogue import MODELS
from zerodistance.core.models.contracts import RULES, ModelOutdated, NoSuchCategory, NotScored, Version
from zerodistance.core.models.ladder.columns import Columns
from zerodistance.core.models.ladder.points import Points, Steps
from zerodistance.core.profiles import api as profiles
from zerodistance.core.profiles.asked import PastNotMade
from zerodistance.core.profiles.dimensions import INDEXED
from zerodistance.core.segments import api as segments
from zerodistance.core.segments import expecting
from zerodistance.core.segments.contracts import Has
from zerodistance.doors.portal import accounts, rules_form, sessions
from zerodistance.doors.portal.pages import models as pages
from zerodistance.kernel import clock
from zerodistance.kernel.access import Role, Who
from zerodistance.kernel.errors import Forbidden
from zerodistance.kernel.home import Home, create_home
from zerodistance.kernel.settings import load
from zerodistance.kernel.state import metadata
from zerodistance.kernel.text import Text

PEOPLE = 120
Shop = tuple[Home, Visitor, Version]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """A town whose rules for replacement are the champion, and an admin with a browser."""
    home = create_home(load(home=tmp_path_factory.mktemp("town") / "home"))
    metadata.create_all(home.state.engine)
    with clock.freeze(NOW - 4_100 * DAY):
        take_in(home, *(touch(n, openid=f"o{n}") for n in range(PEOPLE)))
        subjects = [subject(home, "openid", f"o{n}") for n in range(PEOPLE)]
    with clock.freeze(NOW), pytest.MonkeyPatch.context() as patch:
        _append(home, _story(random.Random(3), subjects), 1)
        version = api.train(home, WHO, "n1", kind=RULES)
        api.promote(home, WHO, "n1", version.number)
        patch.setattr(accounts, "_hasher", lambda: CHEAP)
        world.people(home)
        with TestClient(compose.door(home), base_url="http://testserver") as client:
            visitor = Visitor(client)
            assert visitor.log_in().status_code == 303
            yield home, visitor, version
    home.close()


def _best(home: Home) -> tuple[int, str]:
    """Return the number and the public id of somebody who looked at washers."""
    here = profiles.current(home)
    who = features.among(features.View(home, here), api.model("n1"), WASHER)
    found = persons.scores_of(home, WHO, who.tolist(), ["n1"])
    best = max(found, key=lambda one: found[one][0].score)
    return best, profiles.public_ids(home, here, [best])[best]


@contextmanager
def serving(app: Any) -> Iterator[str]:
    """Serve an application on a free port of this machine; yield its address."""
    with socket.socket() as opened:
        opened.bind(("127.0.0.1", 0))
        opened.listen(16)
        server = _Server(uvicorn.Config(app, log_level="warning", access_log=False, lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [opened]})
        thread.start()
        until(lambda: server.started)
        try:
            yield f"http://127.0.0.1:{opened.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(PATIENCE)


# -- what pages and API say


def test_scores_of_many_are_those_that_are_explained_one_by_one(shop: Shop) -> None:
    home, _, version = shop
    here = profiles.current(home)
    who = features.among(features.View(home, here), api.model("n1"), WASHER)[:20]
    found = persons.scores_of(home, WHO, who.tolist(), ["n1"])
    for number in who.tolist():
        (mine,), one = found[number], api.explain(home, WHO, "n1", number, WASHER)
        assert mine.score == pytest.approx(one.score) and mine.chance == pytest.approx(one.chance)
        assert [r.points for r in mine.reasons] == [r.points for r in one.reasons]
        assert mine.version == version.number and mine.band in "abcde"
    assert persons.scores_of(home, WHO, [1 << 30]) == {1 << 30: []}
    with pytest.raises(Forbidden):
        persons.scores_of(home, Who(9, "planner", Role.PLANNER), [1])


def test_what_would_change_a_score_is_what_the_model_says_of_such_a_row(shop: Shop) -> None:
    home, _, _ = shop
    number, _ = _best(home)
    found = whatif.what_if(home, WHO, "n1", number, WASHER)
    version, kept = registry.champion(home, "n1")
    model, some = api.model("n1"), np.array([number], np.uint32)
    view = features.View(home, profiles.current(home), some)
    columns: Columns = features.columns(view, some, model, WASHER)
    assert found.changes and found.after is None
    for one in found.changes:
        if one.field.feature == "needs.age":
            continue
        row = {**columns, one.field.feature: np.array([one.to])}
        told = training.said(model, kept, row)
        assert one.score == pytest.approx(training.score(model, told, version.population[WASHER])[0])
        assert one.adds == pytest.approx(one.score - found.now.score)
    named = {one.feature for one in found.fields}
    assert {"interest.looks", "usage.served"} <= named
    assert not {"life", "demo.household", "category.washer", "brand.tenure"} & named
    looks = [whatif.what_if(home, WHO, "n1", number, WASHER, {"interest.looks": n}).after for n in (0.0, 9.0)]
    assert looks[0] and looks[1] and looks[0].score < looks[1].score
    old = whatif.what_if(home, WHO, "n1", number, WASHER, {"needs.age": 365.0 * 20}).after
    new = whatif.what_if(home, WHO, "n1", number, WASHER, {"needs.age": 10.0}).after
    assert old and new and old.score > new.score, "the share of its life follows the age"
    with pytest.raises(whatif.NoSuchFeature):
        whatif.what_if(home, WHO, "n1", number, WASHER, {"demo.household": 3.0})
    with pytest.raises(NotScored):
        whatif.what_if(home, WHO, "n1", 1 << 30, WASHER)
    with pytest.raises(NoSuchCategory):
        whatif.what_if(home, WHO, "n1", number, "spaceship")


def test_the_card_says_how_right_it_was_and_its_bands_add_up(shop: Shop) -> None:
    home, _, version = shop
    found = card.card(home, WHO, "n1")
    assert found.version == version and found.champion == version and found.crowned[-1].who == WHO.name
    assert [one.key for one in found.measures][:2] == ["auc", "auc_within"] and found.measures[0].rules
    assert version.picture is not None
    assert sum(one.many for one in version.picture.bins) == version.evaluated_rows
    assert sum(row[2] for row in card.total(found)) == version.evaluated_rows
    assert sum(row[4] for row in card.total(found)) == version.evaluated_came
    assert {one.feature for one in found.prices} == set(api.model("n1").rules.names)
    assert json.loads(json.dumps(card.finite(card.plain(found))))["version"]["sha256"] == version.fingerprint
    none = card.card(home, WHO, "n2")
    assert none.version is None and none.measures == () and none.limits
    assert sum(one[2] for one in card.band_rows(found)) == version.evaluated_rows


def test_what_may_be_expected_of_a_segment_is_the_sum_of_its_chances(shop: Shop) -> None:
    home, visitor, _ = shop
    rule = Has("interest.looks.washer", at_least=1)
    found = expecting.expect(home, WHO, rule, "n1", WASHER)
    here = profiles.current(home)
    who = features.among(features.View(home, here), api.model("n1"), WASHER)
    looked = here.numbers(next(one for one in INDEXED if one.key == "interest.looks.washer"), who) >= 1
    said = [one[0] for one in persons.scores_of(home, WHO, who[looked].tolist(), ["n1"]).values()]
    assert found.persons == len(said) > 10
    assert found.expected == pytest.approx(sum(one.chance for one in said))
    assert found.low < found.expected < found.high and found.held
    assert {b.node: b.persons for b in found.bands if b.persons} == Counter(one.band for one in said)
    segments.create(home, WHO, "lookers", Text("看过", "Looked"), rule)
    part = visitor.get("/segments/lookers/expected?of=n1:washer&lang=en").text
    assert "expected of" in part and "Came then" in part
    assert visitor.get("/segments/lookers/expected.csv").text.count("\n") == 6
    assert visitor.get("/segments/lookers/expected?of=n1:tank").status_code == 404
    with pytest.raises(NoSuchCategory):
        expecting.expect(home, WHO, rule, "n1")
    with pytest.raises(Forbidden):
        expecting.expect(home, Who(9, "planner", Role.PLANNER), rule, "n1", WASHER)


# -- the workshop


def test_a_table_is_tried_on_outcomes_and_on_everybody_of_today(shop: Shop) -> None:
    home, _, _ = shop
    bench = workshop.bench(home, WHO, "n1")
    assert workshop.bench(home, WHO, "n1").rows is bench.rows, "kept in memory"
    same = trying.tried(home, WHO, bench, bench.present)
    assert same.moved.changed == 0 and same.own == same.present and same.moved.rows == same.moved.of
    looks = Points(0.0, (Steps("interest.looks", (0.0, 2.0), (0.0, 3.0, 9.0)),))
    found = trying.tried(home, WHO, bench, looks)
    assert found.moved.changed > 0 and found.moved.up <= found.moved.changed
    (part,) = found.parts
    assert sum(s.many for s in (*part.steps, part.missing)) == found.rows
    assert sum(s.came for s in (*part.steps, part.missing)) == found.came
    assert part.lost == pytest.approx(found.own.precision - found.mean), (
        "without it nobody is told from another"
    )
    exact = trying.exact(home, WHO, bench, looks)
    assert exact.moved == found.moved and exact.own.value == pytest.approx(found.own.precision)
    assert exact.own.low <= exact.own.value <= exact.own.high
    few = trying.moved(home, bench, looks, 40)
    assert few.rows <= 40 < few.of == found.moved.of


@pytest.mark.parametrize(
    "steps",
    [
        (),
        (Steps("no.such", (), (1.0,)),),
        (Steps("usage.served", (1.0, 1.0), (0.0, 1.0, 2.0)),),
        (Steps("usage.served", (), (float("nan"),)),),
        (Steps("interest.looks", (1.0,), (5.0, 1.0)),),  # more looks may only add
        (Steps("usage.served", (), (1.0,)), Steps("usage.served", (), (1.0,))),
    ],
)
def test_a_table_that_can_not_be_one_says_where_and_why(steps: tuple[Steps, ...]) -> None:
    with pytest.raises(workshop.BadRules) as error:
        workshop.checked(api.model("n1"), Points(0.0, steps))
    assert error.value.message("zh") and error.value.message("en")


def test_rows_in_memory_go_when_the_past_index_goes(shop: Shop) -> None:
    home, _, _ = shop
    workshop.bench(home, WHO, "n1")
    assert any(key[0] == str(home.root) for key in workshop._benches)
    profiles.forget_pasts(home, [1])
    with pytest.raises(PastNotMade):
        workshop.bench(home, WHO, "n1")
    assert not any(key[0] == str(home.root) for key in workshop._benches)
    workshop.prepare(home, WHO, "n1")
    before = profiles.times_gone(home)
    workshop._benches[str(home.root), "of things", 1] = (
        (before - 1, None),
        workshop.bench(home, WHO, "n1").rows,
    )
    workshop.bench(home, WHO, "n1")
    assert (str(home.root), "of things", 1) not in workshop._benches, "kept before somebody was forgotten"
    assert workshop.bench(home, WHO, "n1").rows.who.size


numbers = st.floats(-900, 900).map(lambda x: round(x, 3))


@settings(max_examples=25)
@given(st.lists(numbers, min_size=1, max_size=4, unique=True), st.data())
def test_a_table_is_read_from_its_fields_as_it_was(edges: list[float], data: st.DataObject) -> None:
    points = data.draw(st.lists(numbers, min_size=len(edges) + 1, max_size=len(edges) + 1))
    rules = Points(
        data.draw(numbers), (Steps("usage.served", tuple(sorted(edges)), tuple(points), data.draw(numbers)),)
    )
    shown = rules_form.shown(rules)
    one = shown.conditions[0]
    form = {"base": shown.base, "f-0": one.feature, "m-0": one.missing}
    form |= {f"e-0-{n}": text for n, text in enumerate(one.edges)}
    form |= {f"p-0-{n}": text for n, text in enumerate(one.points)}
    assert rules_form.typed(form) == shown
    assert rules_form.read(api.model("n1"), shown) == rules


# -- pages


def test_every_page_of_models_says_what_there_is(shop: Shop) -> None:
    home, visitor, _ = shop
    _, person = _best(home)
    for lang, word in (("en", "Replacement"), ("zh", "换新")):
        for path in (
            "/models",
            "/models/n1",
            "/models/n2",
            f"/models/n1/whatif?person={person}&category=washer",
            "/models/n1/rules",
        ):
            found = visitor.get(f"{path}{'&' if '?' in path else '?'}lang={lang}")
            assert found.status_code == 200, path
            assert word in found.text or path == "/models/n2"
    assert all(kind in pages.KINDS for model in MODELS.values() for kind in model.kinds)
    assert "the rules themselves" in visitor.get("/models?lang=en").text, "not 0 % ahead of themselves"
    assert "it is the rules of thumb themselves that score" in visitor.get("/models/n1?lang=en").text
    for key, model in MODELS.items():
        found = visitor.get(f"/models/{key}?lang=en")
        assert found.status_code == 200 and model.label.en in found.text, key
    assert visitor.get("/models/n9").status_code == 404
    assert visitor.get("/models/n1?version=77").status_code == 404
    assert visitor.get("/models/r3_value/rules").status_code == 400
    shown = visitor.get(f"/people/{person}?lang=en").text
    assert "Replacement: washing machine" in shown and "/models/n1/whatif?person=" in shown
    asked = visitor.post(f"/models/n1/whatif?person={person}&category=washer", **{"v-interest.looks": "0"})
    assert (asked.status_code == 200 and "Work it out" in asked.text) or "算一算" in asked.text
    wrong = visitor.post(f"/models/n1/whatif?person={person}&category=washer", **{"v-interest.looks": "many"})
    assert wrong.status_code == 400 and "aria-invalid" in wrong.text


def test_a_card_is_exported_as_json_and_as_tables(shop: Shop) -> None:
    _, visitor, version = shop
    assert json.loads(visitor.get("/models/n1/card.json").text)["version"]["number"] == version.number
    for name in ("card", "calibration", "bands"):
        text = visitor.get(f"/models/n1/{name}.csv").text
        assert len(io.StringIO(text).readlines()) > 3, name
    assert "n1," in visitor.get("/models.csv").text


def test_rules_are_edited_tried_and_published_with_a_reason(shop: Shop) -> None:
    home, visitor, version = shop
    shown = rules_form.shown(api.model("n1").rules)
    form: dict[str, str] = {"base": shown.base}
    for i, one in enumerate(shown.conditions):
        form |= {f"f-{i}": one.feature, f"m-{i}": one.missing}
        form |= {f"e-{i}-{n}": text for n, text in enumerate(one.edges)}
        form |= {f"p-{i}-{n}": text for n, text in enumerate(one.points)}
    at = "/models/n1/rules"
    more = visitor.post(f"{at}/draft", at, **form, op="add", feature="usage.repairs_2y")
    assert more.status_code == 200 and 'value="usage.repairs_2y"' in more.text
    less = visitor.post(f"{at}/draft", at, **form, op="drop:0")
    assert 'name="f-4"' not in less.text
    wrong = visitor.post(f"{at}/try", at, **{**form, "p-0-0": "lots"})
    assert wrong.status_code == 200 and 'role="alert"' in wrong.text
    form["p-1-2"] = "9"
    tried = visitor.post(f"{at}/try", at, **form)
    assert tried.status_code == 200 and f"{at}/exact" in tried.text
    exact = visitor.post(f"{at}/exact", at, **form)
    assert exact.status_code == 200 and "95%" in exact.text
    assert "interest.looks" in visitor.post(f"{at}/parts.csv", at, **form).text
    assert visitor.post(f"{at}/publish", at, **form, why=" ").status_code == 400
    made = visitor.post(f"{at}/publish", at, **form, why="looks weigh more")
    assert made.status_code == 303
    work = made.headers["location"]
    until(lambda: visitor.get(work).status_code == 303)
    newest = registry.versions(home, "n1")[0]
    assert (
        newest.number > version.number and newest.kind == RULES and newest.note == "admin: looks weigh more"
    )
    assert "looks weigh more" in visitor.get("/models/n1").text
    assert workshop.present(home, api.model("n1"))[0].steps[1].points[2] == 9.0
    assert visitor.post("/models/n1/promote", "/models/n1", version=str(newest.number)).status_code == 303
    assert visitor.post("/models/n1/rollback", "/models/n1").status_code == 303
    assert registry.champion(home, "n1")[0].number == version.number
    refused = visitor.post("/models/n2/rollback", "/models/n1")
    assert refused.status_code == 409 and 'role="alert"' in refused.text


def test_an_analyst_may_publish_rules_but_neither_train_nor_promote(shop: Shop) -> None:
    home, admin, _ = shop
    visitor = Visitor(TestClient(admin.client.app, base_url="http://testserver"))
    assert visitor.log_in("analyst").status_code == 303
    assert visitor.get("/models").status_code == visitor.get("/models/n1/rules").status_code == 200
    assert visitor.post("/models/n1/train", kind="rules").status_code == 403
    assert visitor.post("/models/n1/promote", version="1").status_code == 403
    assert visitor.post("/models/n1/rollback").status_code == 403
    assert "Promote" not in visitor.get("/models/n1?lang=en").text
    planner = Who(3, "planner", Role.PLANNER)
    for verb in (
        lambda: card.card(home, planner, "n1"),
        lambda: workshop.bench(home, planner, "n1"),
        lambda: whatif.what_if(home, planner, "n1", 1, WASHER),
        lambda: workshop.publish(home, planner, "n1", api.model("n1").rules, "so"),
    ):
        with pytest.raises(Forbidden):
            verb()


def test_a_champion_of_another_release_scores_nobody_and_says_why(shop: Shop) -> None:
    home, visitor, version = shop
    old = Points(0.0, (Steps("demo.records", (1.0,), (0.0, 1.0)),))
    registry.crown(home, "n1", registry.add(home, version, old).number, "test")
    number, person = next(iter(profiles.public_ids(home, profiles.current(home), [1, 2, 3]).items()))
    try:
        assert persons.scores_of(home, WHO, [number]) == {number: []} and api.score(home, WHO) == {}
        assert visitor.get(f"/people/{person}").status_code == 200
        assert visitor.get(f"/models/n1/whatif?person={person}&category=washer").status_code == 409
        assert "which is there no more" in visitor.get("/models/n1?lang=en").text
        assert workshop.bench(home, WHO, "n1").champion is None
        with pytest.raises(ModelOutdated):
            api.score(home, WHO, ["n1"])
        found = api.train(home, WHO, "n1", kind=RULES)
        assert api.promote(home, WHO, "n1", found.number).number == found.number, (
            "nothing to be compared with"
        )
    finally:
        registry.crown(home, "n1", version.number, "test")


# -- the API


def test_a_champion_is_looked_at_from_its_card(shop: Shop) -> None:
    _, visitor, _ = shop
    assert "Nobody looked yet" in visitor.get("/models/n1?lang=en").text
    assert visitor.post("/models/n1/watch", "/models").status_code == 303
    shown = visitor.get("/models/n1?lang=en").text
    assert "PSI of scores" in shown and ("steady" in shown or "drift" in shown)
    assert visitor.get("/models/n1/watched.csv").text.count("psi") > 3
    assert "steady" in visitor.get("/models?lang=en").text or "drift" in visitor.get("/models?lang=en").text
    assert visitor.post("/models/n2/examine", "/models").status_code == 409, "nobody scores"


@pytest.mark.slow
def test_how_right_a_champion_is_by_now_is_looked_at_in_the_background(shop: Shop) -> None:
    _, visitor, _ = shop
    begun = visitor.post("/models/n1/examine", "/models")
    until(lambda: visitor.get(begun.headers["location"]).headers.get("location") == "/models/n1#watched")
    assert "When trained" in visitor.get("/models/n1?lang=en").text


def test_an_appeal_is_filed_for_a_person_and_decided_by_somebody_else(shop: Shop) -> None:
    home, visitor, version = shop
    number, person = _best(home)
    at = "/models/r2_integrity"
    for page in ("en", "zh"):
        assert "appeals" in visitor.get(f"{at}?lang={page}").text
    other = Who(7, "ann", Role.ADMIN)
    mine = appeals.file(home, other, api.model("r2_integrity"), number, "good_reason")
    assert person in visitor.get(at).text
    assert visitor.post(f"{at}/appeals/{mine}", at, verdict="grant", least="high").status_code == 400
    assert visitor.post(f"{at}/appeals/{mine}", at, verdict="grant", least="80").status_code == 303
    done = visitor.post(f"{at}/appeals", at, person=person, ground="long_ago")
    assert done.status_code == 303
    own = appeals.listed(home, WHO)[0]
    assert appeals.waiting(home, WHO) == {"r2_integrity": (1, own.filed_at)}
    assert "appeals against Integrity" in visitor.get("/?lang=en").text
    assert (own.ground, own.state, own.filed_by) == ("long_ago", "open", "admin")
    assert visitor.post(f"{at}/appeals/{own.number}", at, verdict="refuse").status_code == 403, "one's own"
    assert visitor.post("/models/n1/appeals", at, person=person, ground="long_ago").status_code == 422
    assert visitor.get(f"{at}/parity.csv").status_code == 200
    assert parity.parity(home, WHO, "r2_integrity") is None, "nobody has a score yet"
    assert version.number


def test_the_share_of_each_group_in_the_high_bands_is_counted_exactly(shop: Shop) -> None:
    home, _, _ = shop
    api.score(home, WHO, ["n1"])
    profiles.follower(home).update()
    found = parity.parity(home, WHO, "n1", WASHER)
    assert found is not None and found.persons == PEOPLE
    every = [one[0] for one in persons.scores_of(home, WHO, range(1, PEOPLE + 1), ["n1"]).values() if one]
    assert found.high == sum(one.band in "ab" for one in every) > 0
    for one in found.groups:
        assert one.low <= one.share <= one.upper and one.high <= one.persons <= PEOPLE
    with pytest.raises(NoSuchCategory):
        parity.parity(home, WHO, "n1")


def test_programs_read_models_cards_scores_and_what_would_change_them(shop: Shop) -> None:
    home, visitor, version = shop
    number, person = _best(home)
    client = visitor.client
    key = sessions.create_key(home, WHO, "reader", Role.ANALYST)
    head = {"Authorization": f"Bearer {key}"}

    def post(path: str, **body: object):  # type: ignore[no-untyped-def]
        return client.post(f"/v1/models{path}", json=body, headers=head)

    listed = {one["key"]: one for one in client.get("/v1/models", headers=head).json()["models"]}
    assert listed["n1"]["champion"] == version.number and listed["n2"]["champion"] is None
    assert client.get("/v1/models/n1", headers=head).json()["version"]["sha256"] == version.fingerprint
    assert client.get("/v1/models/n9", headers=head).status_code == 404
    assert version.number in [
        one["number"] for one in client.get("/v1/models/n1/versions", headers=head).json()["versions"]
    ]
    by_id = post("/scores", ids=[person, "p_00000000"], models=["n1"]).json()
    assert by_id["unknown"] == ["p_00000000"] and by_id["persons"][0]["id"] == person
    mine = by_id["persons"][0]["scores"][0]
    said = api.explain(home, WHO, "n1", number, WASHER)
    assert mine["score"] == pytest.approx(said.score) and mine["category"] == WASHER and mine["reasons"]
    found = post("/scores", namespace="openid", value="o7", reasons=0).json()["persons"][0]
    assert found["scores"] and found["scores"][0]["reasons"] == []
    asked = {"rule": 'Has("interest.looks.washer", at_least=1)', "model": "n1", "category": WASHER}
    told = client.post("/v1/segments/expect", json=asked, headers=head).json()
    assert told["low"] < told["expected"] < told["high"] and [b["band"] for b in told["bands"]] == list(
        "abcde"
    )
    changed = post("/n1/whatif", id=person, category=WASHER, values={"interest.looks": 0}).json()
    assert changed["after"]["score"] < changed["now"]["score"] and changed["changes"]
    assert post("/n1/whatif", id=person, category=WASHER, values={"demo.household": 1}).status_code == 400
    assert post("/n1/whatif", id=person, category=WASHER, values={"interest.looks": True}).status_code == 400
    assert post("/n2/whatif", id=person, category=WASHER).status_code == 409
    assert post("/scores", ids=[person] * 1001).status_code == 400
    assert post("/scores", namespace="openid").status_code == post("/scores").status_code == 400


# -- in a browser


@pytest.mark.slow
@pytest.mark.chromium
def test_the_workshop_answers_while_somebody_types(shop: Shop, tmp_path: Path) -> None:
    home, admin, _ = shop
    workshop.prepare(home, WHO, "n1")
    with serving(admin.client.app) as origin:
        browser = Browser(tmp_path / "profile", origin)
        try:
            tab = browser.tab()
            tab.shape(1280, 900, "light")
            tab.open(f"{origin}/login?lang=en")
            tab.fill("#name", "admin")
            tab.fill("#password", world.PASSWORD)
            tab.press("Enter")
            tab.until("location.pathname === '/'")
            tab.open(f"{origin}/models/n1/rules?lang=en")
            assert "the rules are as they stand" in tab.text("#tried")
            tab.fill('[name="p-1-2"]', "9")
            tab.until("document.querySelector('#exact')?.textContent.includes('95%')")
            assert "the rules as they stand" in tab.text("#tried")
            tab.fill('[name="p-1-0"]', "99")
            tab.until("document.querySelector('#tried [role=alert]')")
            tab.fill('[name="p-1-0"]', "0")
            tab.until("!document.querySelector('#tried [role=alert]')")
            before = tab.run("document.querySelectorAll('.condition').length")
            tab.run("document.querySelector('#feature').value = 'usage.repairs_2y'")
            tab.click("button[value='add']")
            tab.until(f"document.querySelectorAll('.condition').length === {before + 1}")
            tab.until("document.querySelector('#parts').textContent.includes('Repairs in two years')")
            tab.click("[data-open='publish']")
            tab.fill("#why", "repairs count")
            tab.click("#publish .btn.main")
            tab.until("location.search.includes('done=trained')")
            assert "repairs count" in tab.text("main")
            assert tab.problems == []
        finally:
            browser.close()


def test_programs_read_the_looks_at_a_champion(shop: Shop) -> None:
    home, visitor, version = shop
    (looked,) = watching.look(home, WHO, ["n1"])
    head = {"Authorization": f"Bearer {sessions.create_key(home, WHO, 'watcher', Role.ANALYST)}"}

    def looks(query: str):  # type: ignore[no-untyped-def]
        return visitor.client.get(f"/v1/models/{query}", headers=head)

    (told,) = looks("n1/looks?limit=1").json()["looks"]
    assert (told["number"], told["version"]) == (looked.number, version.number)
    assert told["said"]["persons"] == PEOPLE
    assert looks("n9/looks").status_code == 404 and looks("n1/looks?about=all").status_code in (400, 422)
