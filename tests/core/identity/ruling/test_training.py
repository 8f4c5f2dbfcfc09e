"""Weights that a home learns from what it holds."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.core.identity.matching.test_model import drawn
from tests.core.identity.steps import subject, take_in
from tests.factory import Touch
from zerodistance.core.identity import api
from zerodistance.core.identity.contracts import Verdict
from zerodistance.core.identity.matching.model import default
from zerodistance.core.identity.recogniser import Recognition
from zerodistance.core.identity.ruling import models, store, training
from zerodistance.core.identity.ruling.contracts import ModelTooOld, TooFewFaces
from zerodistance.kernel import bulk
from zerodistance.kernel.access import Role, Who
from zerodistance.kernel.errors import Forbidden
from zerodistance.kernel.home import Home, create_home, open_home
from zerodistance.kernel.settings import load

PEOPLE = 800


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with three records of each of many people, half of whom are members; a name that many have, one that one alone has often."""
    path = tmp_path_factory.mktemp("said") / "home"
    home = create_home(load(home=path))
    rows, who = drawn(PEOPLE, 1)
    given, surname, phone = rows["given_name"], rows["surname"], rows["phone"]
    surname[: 3 * 40] = ["smith"] * 3 * 40
    touches = []
    for n, person in enumerate(who.tolist()):
        ids = {"record": f"r{n}", "phone": str(phone[n])} | (
            {"member_id": f"M{person}"} if person % 2 else {}
        )
        facts = {
            "name": f"{given[n]} {surname[n]}",
            "first_name": str(given[n]),
            "last_name": str(surname[n]),
        }
        touches.append(Touch(ids, n, facts=facts))
    alone = {"name": "rarest lonely", "first_name": "rarest", "last_name": "lonely"}
    touches += [Touch({"record": f"q{n}", "phone": "13912348001"}, n, facts=alone) for n in range(12)]
    recognition = Recognition(home)
    for start in range(0, len(touches), 500):
        take_in(home, *touches[start : start + 500], with_=recognition)
    home.close()
    return path


@pytest.fixture
def said(made: Path, tmp_path: Path) -> Iterator[Home]:
    """A copy of that home."""
    shutil.copytree(made, tmp_path / "home")
    home = open_home(load(home=tmp_path / "home"))
    yield home
    home.close()


def test_weights_are_learned_named_examined_and_used_by_nobody(said: Home, admin: Who) -> None:
    api.decide(said, admin, subject(said, "record", "1:r0"), subject(said, "record", "1:r1"), Verdict.SAME)
    stages: list[str] = []
    found = api.train(said, admin, told=lambda stage, done, of: stages.append(stage.en))
    assert found.name.startswith("home-") and found.name.endswith("-1") and not found.used
    assert found.about["trained"]["labels"] is False
    assert found.about["trained"]["faces"] == found.about["trained"]["sample"] == found.faces > 1_000
    assert found.about["trained"]["program"] and found.about["trained"]["seconds"] >= 0
    reached = found.about["evaluation"]
    assert reached["against"] == "default"
    assert reached["decisions"]["learned"]["same"] == 1
    ours, theirs = reached["members"]["learned"], reached["members"]["in_force"]
    assert ours["same"] == theirs["same"] > 100
    assert ours["same_joined"] > 0.9 and ours["loss_bits"] < 1
    looked = reached["pairs"]
    assert looked["looked_at"] >= looked["both"] + looked["only_learned"] + looked["only_in_force"] > 0
    assert list(dict.fromkeys(stages)) == ["reading", "learning", "examining"]
    again = api.train(said, admin)
    assert again.name.endswith("-2")
    assert again.about["weights"] == found.about["weights"]  # the same seed
    assert [(one.name, one.used) for one in api.models(said, admin)] == [
        (again.name, False),
        (found.name, False),
        ("default", True),
    ]


def test_the_file_is_sealed_and_knows_no_name_that_few_have(said: Home, admin: Who) -> None:
    name = api.train(said, admin).name
    with said.state.read() as tx:
        sealed = bulk.value(tx, "select sealed from identity_model where name = ?", (name,))
        about = bulk.value(tx, "select about from identity_model where name = ?", (name,))
        found = models.of_name(said.seal, tx, name)
    assert b"frequency" not in sealed
    kept = [value for shares in found.frequency.values() for value in shares]
    assert "smith" in kept and not {"rarest", "lonely"} & set(kept)
    assert found.frequency.keys() == found.floor.keys()
    assert not any(word in about for word in kept)


def test_weights_are_tried_applied_and_undone_as_any_rule(said: Home, admin: Who) -> None:
    api.match(said, admin)
    name = api.train(said, admin).name
    tried = api.rules_try(said, admin, [f"model={name}"])
    assert tried.matched and [one.key for one in tried.changes] == ["match.model"]
    done = api.rules_apply(said, admin, [f"model={name}"], "ours")
    assert (done.merged, done.split, done.moved) == (
        tried.rebuilt.merged, tried.rebuilt.split, tried.rebuilt.moved,
    )  # fmt: skip
    assert [one.used for one in api.models(said, admin)] == [True, False]
    with said.state.read() as tx:
        names = {row[0] for row in bulk.rows(tx, "select distinct model from identity_match")}
        assert names == {models.of_name(said.seal, tx, name).name} != {default().name}
    api.rules_undo(said, admin)
    with said.state.read() as tx:
        names = {row[0] for row in bulk.rows(tx, "select distinct model from identity_match")}
    assert names == {default().name}


def test_a_sample_is_learned_from_where_more_was_said(
    said: Home, admin: Who, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = api.train(said, admin)
    monkeypatch.setattr(training, "MOST_FACES", 1_250)
    found = api.train(said, admin)
    assert found.about["trained"]["sample"] == 1_250 < found.faces
    assert found.about["evaluation"]["members"]["learned"]["same_joined"] > 0.9
    with said.state.read() as tx:
        mine, all_ = (models.of_name(said.seal, tx, one.name) for one in (found, whole))
    assert mine.same == pytest.approx(all_.same, rel=0.2)


def test_a_home_that_knows_little_learns_nothing_and_says_so(home: Home, admin: Who) -> None:
    with pytest.raises(TooFewFaces, match="0 ways of writing"):
        api.train(home, admin)
    with pytest.raises(Forbidden):
        api.train(home, Who(2, "analyst", Role.ANALYST))


def test_weights_of_another_form_say_what_to_do(said: Home, admin: Who) -> None:
    name = api.train(said, admin).name
    old = said.seal.seal(json.dumps({"form": 0}).encode(), store.where_model(name))
    with said.state.write() as tx:
        bulk.run(tx, "update identity_model set sealed = ? where name = ?", (old, name))
    with pytest.raises(ModelTooOld, match="identity train"):
        api.rules_try(said, admin, [f"model={name}"])
