"""Free text of calls, technicians and posts, made from sentences with places to fill; and what each text is really about."""

from __future__ import annotations

import math
import re
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from zerodistance.sample.people import Bools
from zerodistance.sample.render import join, pick, where
from zerodistance.sample.scatter import Ints

NOUNS = {
    "fridge": ("冰箱", "冰柜", "双门冰箱", "对开门"), "freezer": ("冷柜", "冰柜"), "washer": ("洗衣机", "滚筒", "波轮洗衣机"),
    "dryer": ("干衣机", "烘干机"), "air_conditioner": ("空调", "挂机", "柜机", "卧室空调"), "air_purifier": ("净化器", "空气净化器"),
    "water_heater": ("热水器", "电热水器"), "water_purifier": ("净水器", "净水机"), "range_hood": ("油烟机", "抽油烟机"),
    "stove": ("燃气灶", "灶具", "煤气灶"), "dishwasher": ("洗碗机",), "tv": ("电视", "电视机"),
}  # fmt: skip
"""What people call an appliance, by category."""

_TEMPLATE = re.compile(r"^([^{]*)(?:(\{p\})([^{]*))?(?:(\{s\})([^{]*))?$")


@dataclass(frozen=True)
class Group:
    """Sentences of one purpose: where they stand among all, and what they say of the brand."""

    sentences: Ints
    openers: Ints
    closers: Ints
    sentiment: int
    nature: str
    about: str


@dataclass(frozen=True)
class Grammar:
    """All sentences, cut where something is filled in."""

    groups: dict[str, Group]
    parts: tuple[pa.Array, pa.Array, pa.Array]
    with_noun: Bools
    with_symptom: Bools
    around: pa.Array


@cache
def grammar() -> Grammar:
    """Return the grammar that ships, read once."""
    given = tomllib.loads((resources.files(__package__) / "data" / "texts.toml").read_text(encoding="utf-8"))
    cut: list[tuple[str, str | None, str, str | None, str]] = []
    around: list[str] = []
    groups: dict[str, Group] = {}
    for name, group in given.items():
        places: list[Ints] = []
        for kind in ("openers", "closers"):
            places.append(np.arange(len(group[kind])) + len(around))
            around += group[kind]
        first = len(cut)
        for sentence in group["sentences"]:
            found = _TEMPLATE.match(sentence)
            if found is None:
                raise ValueError(sentence)
            cut.append((found[1], found[2], found[3] or "", found[4], found[5] or ""))
        openers, closers = places
        groups[name] = Group(
            np.arange(first, len(cut)), openers, closers, group["sentiment"], group.get("nature", "earnest"), group.get("about", "brand")
        )  # fmt: skip
    return Grammar(
        groups,
        (pa.array([c[0] for c in cut]), pa.array([c[2] for c in cut]), pa.array([c[4] for c in cut])),
        np.array([c[1] is not None for c in cut]),
        np.array([c[3] is not None for c in cut]),
        pa.array(around),
    )


def say(
    chance: np.random.Generator,
    group: NDArray[Any],
    names: tuple[str, ...],
    category: Ints,
    categories: tuple[str, ...],
    symptom: pa.Array,
    share: float,
) -> pa.Array:
    """Return a text for each row.

    Parameters
    ----------
    group
        Place of each row's group in `names`.
    symptom
        What the appliance shows, null where nothing.
    share
        How many of the sentences of a group are said in this world, of 1.
    """
    at, many = grammar(), len(group)
    picks = {part: np.zeros(many, dtype=np.int64) for part in ("openers", "sentences", "closers")}
    for place, name in enumerate(names):
        rows = np.flatnonzero(group == place)
        for part, out in picks.items():
            every = getattr(at.groups[name], part)
            said = every[: math.ceil(len(every) * share)] if part == "sentences" else every
            out[rows] = chance.choice(said, size=len(rows))
    noun = np.zeros(many, dtype=np.int64)
    words = [word for kind in categories for word in NOUNS[kind]]
    behind = np.cumsum([len(NOUNS[kind]) for kind in categories])
    count = np.array([len(NOUNS[kind]) for kind in categories])[category]
    noun = behind[category] - count + (chance.random(many) ** 1.5 * count).astype(np.int64)
    sentence = picks["sentences"]
    first, middle, last = (pick(part, sentence) for part in at.parts)
    return join(
        pick(at.around, picks["openers"]),
        first,
        where(at.with_noun[sentence], pick(words, noun), ""),
        middle,
        where(at.with_symptom[sentence], symptom, ""),
        last,
        pick(at.around, picks["closers"]),
    )


def sentiment(names: tuple[str, ...], group: NDArray[Any]) -> NDArray[np.int8]:
    """Return what each text says of the brand: -1, 0 or 1."""
    said = np.array([grammar().groups[name].sentiment for name in names])
    return np.take(said, group).astype(np.int8)


def fact(names: tuple[str, ...], group: NDArray[Any], what: str) -> pa.Array:
    """Return `nature` or `about` of each text."""
    return pick([getattr(grammar().groups[name], what) for name in names], group)
