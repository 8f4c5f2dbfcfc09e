"""Tags by rule follow the index: after each turn everybody is at the node that the rules say."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest

from tests.core.segments.test_living import RULES, SLOW, SYSTEM, Town, make
from zerodistance.core.profiles import api as profiles
from zerodistance.core.profiles.contracts import VISITORS_FROM
from zerodistance.core.segments import api as segments
from zerodistance.core.segments import living
from zerodistance.core.segments.tags import api
from zerodistance.core.segments.tags.contracts import ByRule
from zerodistance.kernel import clock
from zerodistance.kernel.home import Home

TAGS = {
    "own.buyer": {"often": RULES["often"], "once": 'Did("order.line", at_least=1)'},
    "own.above": {"most": 'Has("own.buyer", node="often")', "rest": 'In("quiet")', "some": "AllOf()"},
    "own.home": {"others": 'OthersAtHome(Has("own.buyer", node="often"))', "rich": 'In("spent")'},
}


class Tagged(Town):
    """A town whose worker keeps tags by rule too."""

    def begin(self) -> None:
        make(self, *RULES)
        for key, nodes in TAGS.items():
            self.save(key, nodes)
        self.again()

    def again(self) -> None:
        self.tags = api.Follower(self.home)
        self.tags._people = self.crowd  # type: ignore[assignment]

    def save(self, key: str, nodes: dict[str, str]) -> None:
        said = {
            "key": key,
            "layer": "value",
            "label": {"zh": key, "en": key},
            "meaning": {"zh": "", "en": ""},
            "how": {"rule": [{"node": node, "rule": rule} for node, rule in nodes.items()]},
        }
        with clock.freeze(self.at):
            api.save(self.home, SYSTEM, api.read(self.home, said))
            self.keeper.update()

    def turns(self) -> list[int]:
        """Let the worker turn until nothing changes; return what each turn gave."""
        given = list[int]()
        while not given or given[-1]:
            self.turn()
            self.tags.watch.looked_at = -1e9
            with clock.freeze(self.at):
                given.append(self.tags.catch_up())
            assert len(given) < 9, "it comes to rest"
        return given

    def right(self) -> None:
        index = profiles.current(self.home)
        for key in TAGS:
            how = api.tag(self.home, SYSTEM, key).said.how
            assert isinstance(how, ByRule)
            left = living.flat(index.universe)
            for node in how.nodes:
                fits = living.flat(segments.answering(self.home, SYSTEM, node.rule).fits(node.rule)) & left
                left -= fits
                assert living.flat(index.split(("node", key, node.key))) == fits, (key, node.key)


@pytest.mark.parametrize("seed", range(100 if SLOW else 1))
def test_everybody_is_at_the_node_that_the_rules_say_whatever_happens(home: Home, seed: int) -> None:
    luck, town = random.Random(seed), Tagged(home)
    town.buy(1, 1, 2, 4)
    town.turn()
    town.begin()
    town.turns()
    town.right()
    for _ in range(12 if SLOW else 6):
        what = luck.randrange(7)
        if what < 3:
            some = luck.choices(range(1, 13), k=luck.randrange(1, 5))
            town.buy(*some, amount=luck.choice([5.0, 10.0, -5.0]))
        elif what == 3:
            town.crowd.move(luck.randrange(1, 13), luck.choice([*range(1, 13), VISITORS_FROM + 4]))
        elif what == 4:
            town.at += timedelta(days=1)
        elif what == 5:
            town.save("own.buyer", {"often": f'Did("order.line", at_least={luck.randrange(1, 4)})'})
        else:
            town.again()
        town.turns()
        town.right()


def test_only_whom_a_turn_touched_is_looked_at_and_only_what_differs_is_given(home: Home) -> None:
    town = Tagged(home)
    town.buy(1, 1, 2, 4)
    town.turn()
    town.begin()
    assert town.turns() == [0]
    town.buy(1, 4)
    assert town.turns() == [1, 1, 0], "4, a visitor, now often, and what stands on it; 1 was"
    town.turns()
    town.right()
