"""Somebody with a marketer's account who wants to know something about single people, and asks everything that the account may ask over HTTP.

A made town in a real home: communities on a map, sexes, how often people bought, and a score of need. The attacker knows everything about everybody (where
they live, what they are at, who has the need) but one bit of each target, which is attacked by itself: whether that person has the need. Half of the
targets have it. What a score has to be the attacker learns in other towns, where everything is told: of two targets of one town, one that is told says of
the other what the attacker must not know, since the sums around it are known with the other's bit.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from h3.api import basic_int as h3
from starlette.testclient import TestClient

from benchmarks.lib.spying import threshold
from zerodistance import compose
from zerodistance.core.brand import api as brand
from zerodistance.core.brand.contracts import Change
from zerodistance.core.measurement import api as measurement
from zerodistance.core.measurement import rounded
from zerodistance.core.measurement.contracts import Goal
from zerodistance.core.measurement.outcomes import People
from zerodistance.core.measurement.standing import TREATED
from zerodistance.core.profiles import api as profiles
from zerodistance.core.profiles import publishing
from zerodistance.core.profiles.cells import spot
from zerodistance.core.profiles.contracts import Layer, Values
from zerodistance.core.profiles.index import Index
from zerodistance.core.profiles.parts import Part
from zerodistance.core.profiles.splits import Split
from zerodistance.core.segments import api as segments
from zerodistance.core.segments import audiences
from zerodistance.core.segments.contracts import AnyOf, Has, NoneOf, Rule
from zerodistance.doors.portal import accounts, sessions
from zerodistance.kernel import clock
from zerodistance.kernel.access import Role, Who
from zerodistance.kernel.home import Home, create_home
from zerodistance.kernel.settings import load
from zerodistance.kernel.state import metadata
from zerodistance.kernel.text import Text

Numbers = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
SIDE = 6
_NEVER = int(np.iinfo(np.int64).max)
NEED, SHARE = "score.n1_washer", 0.3
MIDDLE = (36.07, 120.38)
_ADMIN, _ANALYST = Who(1, "admin", Role.ADMIN), Who(2, "analyst", Role.ANALYST)
_WOMEN, _BUYERS = Has("demo.gender", "female"), Has("value.orders_total", "often")
AUDIENCES: Mapping[str, Rule] = {
    "women": _WOMEN,
    "not-women": NoneOf((_WOMEN,)),
    "buyers": _BUYERS,
    "women-or-buyers": AnyOf((_WOMEN, _BUYERS)),
}


@dataclass
class Town:
    """The town, its home, and a marketer's account who asks it.

    Attributes
    ----------
    lives, women, often, need
        Community, and what each person is at; persons are numbered from 1 in this order.
    targets
        Rows of persons whose need is attacked, shape (2, many): those who have it, and those who have not.
    asked
        How many requests were made.
    """

    folder: Path
    people: int
    many: int
    luck: np.random.Generator
    asked: int = 0
    said: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Make the town and its home."""
        luck, many = self.luck, self.people
        self.codes = [f"C{n:03}" for n in range(SIDE * SIDE)]
        self.spots = {
            code: spot(MIDDLE[0] + 0.013 * (n // SIDE - 2.5), MIDDLE[1] + 0.016 * (n % SIDE - 2.5))
            for n, code in enumerate(self.codes)
        }
        share = 1 / (1 + np.arange(SIDE * SIDE) % 11)
        self.lives = luck.choice(SIDE * SIDE, many, p=share / share.sum())
        self.women, self.often = luck.random(many) < 0.5, luck.random(many) < 0.4
        self.need = luck.random(many) < SHARE
        self.targets = luck.choice(many, 2 * self.many, replace=False).reshape(2, -1)
        self.need[self.targets[0]], self.need[self.targets[1]] = True, False
        self.home = self._home()
        self.publish(1, self.need)
        for key, rule in AUDIENCES.items():
            segments.create(self.home, _ADMIN, key, Text(key, key), rule)
            audiences.approve(self.home, _ANALYST, key, 1)
        goal = Goal("order.*", 7)
        self.experiment = measurement.create(
            self.home, _ADMIN, "sold", Text("卖", "Sold"), goal, purpose="service", share_held=0.0
        )
        accounts.create(self.home, Who.system(), "marketer", Role.MARKETER, [])
        key = sessions.create_key(self.home, Who.system(), "marketer", Role.MARKETER)
        self.client = TestClient(compose.door(self.home), headers={"Authorization": f"Bearer {key}"})
        self.client.__enter__()

    def close(self) -> None:
        """Let go of the home."""
        self.client.__exit__(None, None, None)
        self.home.close()

    def _home(self) -> Home:
        home = create_home(load(home=self.folder / "home"))
        metadata.create_all(home.state.engine)

        def rows(kind: str, key: str, *some: dict[str, Any]) -> None:
            changes = [Change((one.pop(key),), one, None, None, 0) for one in some]
            if brand.upsert(home, _ADMIN, kind, changes).bad:
                raise AssertionError(kind)

        plain = {"parent": None, "lifetime_years": None, "origin": "made", "unit": None}
        rows("categories", "key", {"key": "washer", "name_zh": "洗衣机", "name_en": "Washer", **plain})
        rest = {"kind": "community", "area": "370202", "grade": None, "households": None}
        named = [
            (code, {"name_zh": code, "name_en": code, "lat": at.lat, "lon": at.lon, **rest})
            for code, at in self.spots.items()
        ]
        rows("places", "code", *({"code": code, **one} for code, one in named))
        nodes = Values(labels={node: Text(node, node) for node in "abcde"}, closed=True)
        word = Text(NEED, NEED)
        profiles.give(home, _ADMIN, profiles.Given(NEED, Layer.NEEDS, word, word, nodes), [])
        return home

    def publish(self, day: int, need: Mask) -> None:
        """Make the tag index of a day, on which these have the need."""
        numbers = np.arange(1, self.people + 1, dtype=np.uint32)

        def who(some: Mask) -> Split:
            return Split.of_sorted(numbers[some])

        nodes = {
            "geo.community": {code: who(self.lives == n) for n, code in enumerate(self.codes)},
            "demo.gender": {"female": who(self.women), "male": who(~self.women)},
            "value.orders_total": {"often": who(self.often)},
            NEED: {"a": who(need)},
        }
        part = Part(day, 2, 3, "m", day, None, Split.of_sorted(numbers), nodes, spots=self.spots)
        publishing.publish(self.home.path("index"), Index(), part)
        self.need, self.said = need, {}

    def ask(self, path: str, **said: Any) -> Any:
        """Return what the product answers, as JSON; None where it refuses. The same question is asked once a day."""
        key = f"{path} {sorted(said.items())}"
        if key not in self.said:
            self.asked += 1
            post = path.startswith("POST ")
            answer = self.client.post(path[5:], json=said) if post else self.client.get(path, params=said)
            is_json = "json" in answer.headers["content-type"]
            self.said[key] = None if answer.status_code != 200 else answer.json() if is_json else answer.text
        return self.said[key]

    def closed(self, place: str | None = None, **said: Any) -> float | None:
        """Return the released count of a closed question."""
        found = self.ask("POST /v1/segments/released", place=place, **said)
        return None if found is None or found["persons"] is None else float(found["persons"])

    def within(self, audience: str | None) -> Mask:
        """Say of each person whether they are in an audience."""
        return {
            None: np.ones(self.people, np.bool_),
            "women": self.women,
            "not-women": ~self.women,
            "buyers": self.often,
            "women-or-buyers": self.women | self.often,
        }[audience]

    def came_of(self, some: Mask) -> tuple[float, float | None]:
        """Return what a marketer's account is told of an experiment about some people: how many reached the goal, and their share."""
        self.asked += 1
        many = int(some.sum())
        no, zero = np.zeros(many, np.bool_), np.zeros(many)
        people = People(
            numbers=np.flatnonzero(some).astype(np.uint32) + np.uint32(1), arm=np.full(many, TREATED, np.int8), stratum=zero.astype(np.int32),
            band=zero.astype(np.int8), at=zero.astype(np.int64), window=np.full(many, 8 * clock.MICROS_PER_DAY), first=np.where(self.need[some], 1, _NEVER),
            amount=zero, before=zero, reached_before=no, points=zero, sent=~no, opened=no, clicked=no, both=no, messages={}, strata=("",),
        )  # fmt: skip
        found = rounded.told(self.home, self.experiment, 1, people, 8 * clock.MICROS_PER_DAY)
        rate = found.treated.rate
        return float(found.treated.reached), None if rate is None else rate.value

    def map_of(self, audience: str | None) -> list[dict[str, Any]]:
        """Return the whole map."""
        at = f"{h3.latlng_to_cell(*MIDDLE, 8):x}"
        said = {"audience": audience} if audience else {}
        regions: list[dict[str, Any]] = self.ask(
            "/v1/marketing/map/cells", cell=at, need="n1_washer", km=50, **said
        )["regions"]
        return regions

    def regions(self, audience: str | None) -> tuple[npt.NDArray[np.int64], list[float | None]]:
        """Return the region of each community on the whole map, and the figure of each region, as an attacker reads them."""
        found = self.map_of(audience)
        cells = {one["cell"]: n for n, one in enumerate(found)}
        fine = sorted({one["resolution"] for one in found}, reverse=True)
        of = np.full(len(self.codes), -1, np.int64)
        for n, code in enumerate(self.codes):
            for resolution in fine:
                cell = f"{h3.cell_to_parent(self.spots[code].cell, resolution):x}"
                if cell in cells:
                    of[n] = cells[cell]
                    break
        return of, [one["figure"]["persons"] for one in found]


Attack = Callable[[Town, int], list[float]]
"""Features of one target: how much more is said than there would be without it."""


def _more(said: float | None, known: float, typical: float = 40.0) -> float:
    """Return by how much an answer is above what is known without the target; what is hidden is taken to be `typical` at most."""
    return (min(known, typical) if said is None else said) - known


def _without(town: Town, target: int, some: Mask) -> float:
    """Return how many of some people have the need, the target left out."""
    return float((some & town.need).sum() - (some & town.need)[target])


def moving_circles(town: Town, target: int) -> list[float]:
    """Look from many spots and as far as one likes: sums of circles that hold the target's cell, less those that do not."""
    home = town.codes[town.lives[target]]
    of, figures = town.regions(None)
    mine = of[town.lives[target]]
    found = [_more(figures[mine], _without(town, target, of[town.lives] == mine), 1e9)]
    base = town.spots[home]
    inside, outside = list[float](), list[float]()
    for n in range(6):
        lat, lon = base.lat + 0.012 * np.cos(n), base.lon + 0.015 * np.sin(n)
        cell = f"{h3.latlng_to_cell(lat, lon, 8):x}"
        for km in (1.0, 2.5):
            seen = town.ask("/v1/marketing/map/cells", cell=cell, need="n1_washer", km=km)
            regions = {one["cell"] for one in seen["regions"] if one["figure"]["persons"] is not None}
            rows = [n for n, one in enumerate(town.map_of(None)) if one["cell"] in regions]
            known = _without(town, target, np.isin(of[town.lives], rows))
            (inside if mine in rows else outside).append(float(seen["total"]["persons"] or 0) - known)
    return [*found, float(np.mean(inside or [0])), float(np.mean(inside or [0]) - np.mean(outside or [0]))]


def shifted_audiences(town: Town, target: int) -> list[float]:
    """Ask of every audience in which the target is, and of those in which it is not."""
    place, home = town.codes[town.lives[target]], town.lives == town.lives[target]
    found = []
    for audience in AUDIENCES:
        some = town.within(audience)
        above = _more(
            town.closed(place, audience=audience, need="n1_washer"), _without(town, target, some & home)
        )
        of, figures = town.regions(audience)
        mine = of[town.lives[target]]
        known = _without(town, target, some & (of[town.lives] == mine))
        region = _more(figures[mine], known, 1e9) if mine >= 0 else 0.0
        found += [above, region] if some[target] else [-above, -region]
    return [*found, float(np.sum(found))]


def repeated_questions(town: Town, target: int) -> list[float]:
    """Ask one thing in every way there is: as a closed question, on the map, by the two bands of the score, of all women and all others."""
    place, home = town.codes[town.lives[target]], town.lives == town.lives[target]
    known = _without(town, target, home)
    said = [town.closed(place, need="n1_washer")]
    near = town.ask("/v1/marketing/map/communities", place=place, most=100)
    said.append(
        next((one["needs"]["n1_washer"] for one in near["communities"] if one["code"] == place), None)
    )
    said += [town.closed(place, dimension="score.n1_washer", node=node) for node in ("a", "b")][:1]
    sexes = [
        town.closed(place, dimension="demo.gender", node=node, need="n1_washer")
        for node in ("female", "male")
    ]
    parts = [
        _more(one, _without(town, target, home & some))
        for one, some in zip(sexes, (town.women, ~town.women), strict=True)
    ]
    return [_more(one, known) for one in said] + parts + [sum(parts)]


def with_and_without(town: Town, target: int) -> list[float]:
    """Take from a whole the part in which the target is not: what is left above what is known."""
    place, home = town.codes[town.lives[target]], town.lives == town.lives[target]
    whole = town.closed(place, need="n1_washer")
    found = []
    for audience in AUDIENCES:
        some = town.within(audience)
        if not some[target] and whole is not None:
            part = town.closed(place, audience=audience, need="n1_washer")
            found.append(whole - (part or 40.0) - _without(town, target, home & ~some))
    everywhere = town.closed(None, need="n1_washer")
    rest = [
        town.closed(code, need="n1_washer") for n, code in enumerate(town.codes) if n != town.lives[target]
    ]
    total = (everywhere or 0) - sum(one or 40.0 for one in rest)
    return [float(np.mean(found or [0])), total]


def exports(town: Town, target: int) -> list[float]:
    """Read the files of the map."""
    place = town.codes[town.lives[target]]
    known = _without(town, target, town.lives == town.lives[target])
    text = town.ask("/marketing/map/communities.csv", place=place, need="n1_washer")
    rows = list(csv.DictReader(io.StringIO(text[1:])))
    said = [float(row["n1_washer"]) if row["n1_washer"] else None for row in rows if row["code"] == place]
    cells = town.ask("/marketing/map/cells.csv", place=place, need="n1_washer")
    listed = {row["cell"]: row["persons"] for row in csv.DictReader(io.StringIO(cells[1:]))}
    of, _ = town.regions(None)
    at = f"{h3.cell_to_parent(town.spots[place].cell, 8):x}"
    seen = float(listed[at]) if listed.get(at) else 0.0
    near = of[town.lives] == of[town.lives[target]]
    return [_more(one, known) for one in said] + [0.0] * (not said) + [seen - _without(town, target, near)]


def crafted_calls(town: Town, target: int) -> list[float]:
    """Ask what no page of the account asks: free rules, members, exports, exact counts, other fields; the number in an answer, if there is one."""
    place = town.codes[town.lives[target]]
    sex = "female" if town.women[target] else "male"
    rule = f'AllOf(Lives(community="{place}"), Has("demo.gender", node="{sex}"), Has("{NEED}", node="a"))'
    found = 0.0
    for path, said in _crafted(place, rule, target):
        answer = town.ask(path, **said)
        found += 0.0 if answer is None else _numbers(answer)
    return [found]


def _crafted(place: str, rule: str, target: int) -> Iterator[tuple[str, dict[str, Any]]]:
    yield "POST /v1/segments/count", {"rule": rule}
    yield "POST /v1/segments/profile", {"rule": rule}
    yield "POST /v1/segments/nearest", {"lat": MIDDLE[0], "lon": MIDDLE[1], "rule": rule}
    yield "POST /v1/segments/distinguish", {"rule": rule}
    yield "POST /v1/segments/overlap", {"segments": ["women", "buyers"]}
    yield "POST /v1/segments/released", {"place": place, "rule": rule}
    yield "POST /v1/segments/released", {"place": place, "dimension": "geo.community", "node": place}
    yield "POST /v1/profiles", {"ids": [f"p_{target}"]}
    yield "POST /v1/profiles/find", {"namespace": "phone", "value": f"1380000{target:04}"}
    yield "POST /v1/models/scores", {"ids": [f"p_{target}"], "models": ["n1"]}
    yield "/v1/segments/women/members", {"limit": 1_000}
    yield "/v1/segments/women/growth", {}
    yield "/v1/segments/women/sql", {}
    yield "/v1/segments/exact", {}
    yield "/segments/women/members.csv", {}
    yield "/v1/marketing/map/cells", {"place": place, "need": "n1_washer", "km": 0.5, "rule": rule, "k": 1}
    yield "/v1/marketing/map/cells", {"place": place, "need": f"n1_washer' or '{target}"}
    yield "/v1/marketing/map/communities", {"place": place, "audience": f"p_{target}"}


def _numbers(said: Any) -> float:
    """Return the sum of the counts in an answer that are none of the map's: of released ones nothing is to be learned here."""
    if isinstance(said, dict):
        if "regions" in said or "communities" in said or "floor" in said:
            return 0.0
        return sum(_numbers(one) for one in said.values())
    if isinstance(said, list):
        return sum(_numbers(one) for one in said)
    return float(said) if isinstance(said, int) and not isinstance(said, bool) else 0.0


def campaign_statistics(town: Town, target: int) -> list[float]:
    """Make experiments about the same people with and without the target, whose goal only who has the need reaches: what came of them."""
    found = [0.0, 0.0, 0.0]
    for audience in (None, "women-or-buyers", "women" if town.women[target] else "not-women"):
        some = town.within(audience).copy()
        results = []
        for inside in (True, False):
            some[target] = inside
            results.append(town.came_of(some))
        (mine, rate), (others, without) = results
        found[0] += mine - others
        found[1] += abs(mine - others) > 0
        found[2] += (rate - without) * some.sum() if rate is not None and without is not None else 0.0
    return found


ATTACKS: dict[str, Attack] = {
    "campaign_statistics": campaign_statistics,
    "moving_circles": moving_circles,
    "shifted_audiences": shifted_audiences,
    "repeated_questions": repeated_questions,
    "with_and_without": with_and_without,
    "exports": exports,
    "crafted_calls": crafted_calls,
}


def attacked(town: Town) -> dict[str, Numbers]:
    """Return attack -> what it learns about each target, shape (2, many, features); `together` is everything that was learned."""
    told: dict[str, Numbers] = {}
    for name, attack in ATTACKS.items():
        told[name] = np.array([[attack(town, int(t)) for t in some] for some in town.targets])
    told["coming_and_going"] = _days(town)
    return {**told, "together": np.concatenate(list(told.values()), axis=2)}


def points(towns: Sequence[Mapping[str, Numbers]]) -> dict[str, list[float]]:
    """Return attack -> points over the base rate of one half in each town, by what was learned in the others."""
    found = {}
    for name in towns[0]:
        every = [town[name] for town in towns]
        found[name] = [
            _points(np.concatenate([*every[:n], *every[n + 1 :]], axis=1), every[n])
            for n in range(len(every))
        ]
    return found


def _days(town: Town) -> Numbers:
    """Watch all that is said of the target's place from one day to the next; the attacker knows on which the target may have come by the need."""
    before = [_all_of(town, int(t)) for some in town.targets for t in some]
    flipped = town.luck.random(town.people) < 0.0005
    flipped[town.targets.reshape(-1)] = False
    need = town.need ^ flipped
    need[town.targets[0]] = False  # half of them lose what the others never had
    town.publish(2, need)
    after = [_all_of(town, int(t)) for some in town.targets for t in some]
    found = np.array(before, np.float64) - np.array(after, np.float64)
    whole = np.stack([*found.T, np.abs(found).sum(axis=1), (found != 0).sum(axis=1)], axis=1)
    return whole.reshape(2, len(town.targets[0]), -1)


def _all_of(town: Town, target: int) -> list[float]:
    """Return everything that is said of a target's place, less what is known without the target."""
    return [
        *moving_circles(town, target)[:1],
        *shifted_audiences(town, target),
        *repeated_questions(town, target),
    ]


def _points(told: Numbers, asked: Numbers) -> float:
    """Return how many points over one half targets are guessed, by what was learned of those that were told; shapes (2, targets, features)."""
    flat = told.reshape(-1, told.shape[2])
    scale = np.where(flat.std(axis=0) > 0, flat.std(axis=0), 1.0)
    centre = flat.mean(axis=0)

    def shaped(some: Numbers) -> Numbers:
        ready: Numbers = np.clip((some - centre) / scale, -4, 4)
        return ready

    known, wanted = shaped(flat), np.repeat([1.0, -1.0], told.shape[1])
    ridge = known.T @ known + 0.2 * told.shape[1] * np.eye(known.shape[1])
    weights = np.linalg.solve(ridge, known.T @ wanted)
    edge, sign = threshold(shaped(told) @ weights)
    scores = sign * (shaped(asked) @ weights)
    right = (scores[0] > edge).mean() + (scores[1] <= edge).mean()
    return float(100 * (right / 2 - 0.5))
