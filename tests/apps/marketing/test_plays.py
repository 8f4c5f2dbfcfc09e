"""Ready-made plays: each can be read, says what outreach lets out, and starts with one verb."""

from __future__ import annotations

import pytest

from tests.apps.marketing.town import ADMIN, ANALYST, Outreach, Town, days
from zerodistance.apps.marketing.campaigns import api, running, wording
from zerodistance.apps.marketing.campaigns.contracts import CampaignExists, Message, State
from zerodistance.apps.marketing.contracts import NoSuchPlay
from zerodistance.apps.marketing.plays import api as plays
from zerodistance.core.measurement import api as measurement
from zerodistance.core.outreach import catalogue, templates
from zerodistance.core.segments import api as segments
from zerodistance.kernel.home import Home


def test_the_plays_are_the_six_of_the_guide() -> None:
    wanted = [
        "washer_replacement",
        "renovation_suite",
        "filter_due",
        "win_back",
        "new_parents_purifier",
        "welcome",
    ]
    assert wanted == [one.key for one in plays.plays()]
    with pytest.raises(NoSuchPlay):
        plays.play("nothing")


def test_a_play_can_be_read_and_outreach_lets_its_texts_out(home: Home) -> None:
    for play in plays.plays():
        said = plays.said(play)
        assert plays.rule(home, play) == segments.read_rule(
            play.rules[-1], home
        )  # before a model gives scores
        used = {one for step in said.steps if isinstance(step, Message) for one in step.every}
        assert used == set(play.templates)
        for name, template in play.templates.items():
            made = templates.of_dict(name, template)
            assert set(made.bodies) == {"zh", "en"}
            assert [one.why.en for one in catalogue.problems_of(home, made)] == []
        assert all(line.zh and line.en for line in wording.lines(home, ADMIN, said))
        assert plays.reach(home, ANALYST, play) == 0


def test_a_play_starts_with_one_verb_and_once(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    town, outreach = Town(home), Outreach(monkeypatch)
    play = plays.play("welcome")
    town.segment(play.segment)  # what somebody made of it is used
    with days(0):
        made = plays.start(home, ANALYST, "welcome")
        assert (made.key, made.state, made.said.play) == ("welcome", State.RUNNING, "welcome")
        with pytest.raises(CampaignExists):
            plays.start(home, ANALYST, "welcome")
    with days(0.01):
        running.advance(home)
        assert len(measurement.assigned(home, "welcome")) == 200
        assert {template for template, _ in outreach.whom} == {"play-welcome-inbox"}
        api.end(home, ANALYST, "welcome")
        assert plays.start(home, ANALYST, "welcome").key == "welcome-2"
        assert plays.started(home, ANALYST)["welcome"].key == "welcome-2"
