"""Posts on five platforms: praise and complaints, questions, jokes, other brands, other things, and spam."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from zerodistance.sample import names, scatter, texts
from zerodistance.sample.calendar import DAY, HOUR, UNTIL, start_of, waking
from zerodistance.sample.digital import adults, handle_text
from zerodistance.sample.render import Rows, join, objects, pick, quoted, where, whole, zoned
from zerodistance.sample.scatter import Ints
from zerodistance.sample.silos.service import Texts, topics
from zerodistance.sample.town import Town

PLATFORMS = ("microblog", "short_video", "notes", "forum", "answers")
GROUPS = (
    "post_praise", "post_complaint", "post_plain", "post_joke", "post_irony", "post_rival", "post_other", "post_spam",
)  # fmt: skip
PRAISE, COMPLAINT, PLAIN, JOKE, IRONY, RIVAL, OTHER, SPAM = range(8)
_TOPICS = ("praise", "not_working", "question", "none", "not_working", "none", "none", "none")
_MONTH = 30.44 * DAY


@dataclass(frozen=True)
class Posts:
    """One row per post. `person` -1: a spammer; `fault` the place among the block's faults, -1: none."""

    person: Ints
    at: Ints
    group: Ints
    category: Ints
    fault: Ints


def post(town: Town) -> tuple[Rows, Texts, Ints]:
    """Return the posts of a block, what they are about, and the platform of each."""
    chance = town.luck("social")
    posts = _posts(town, chance)
    many, categories = len(posts.person), town.world.appliance.categories
    author = np.where(posts.person < 0, 0, posts.person)
    # most write on one platform, some on a second
    home = (scatter.mixed(author, town.seed + town.number + 31) % np.uint64(5)).astype(np.int64)
    platform = np.where(chance.random(many) < 0.8, home, (home + 2) % 5)
    spammer = chance.integers(0, max(3, town.city_people // 5_000), many)
    handle = where(
        posts.person >= 0, handle_text(town, author, platform), join("s", scatter.digits(scatter.scattered(spammer, town.seed, 60), 11))
    )  # fmt: skip
    shown = posts.fault
    symptoms = [np.flatnonzero(town.fault_codes.category == c) for c in range(len(categories))]
    width = max(len(one) for one in symptoms)
    grid = np.stack([np.resize(one, width) for one in symptoms])
    code = grid[posts.category, chance.integers(0, width, many)]
    code = np.where(shown >= 0, town.fault_code[shown], code)
    symptom = pick(town.fault_codes.symptom, code)
    text = texts.say(
        chance, posts.group, GROUPS, posts.category, categories, symptom, town.world.silo.sentences
    )
    known = posts.at + chance.integers(300, 20 * HOUR, many)
    record = town.coded("social", "P", many)
    likes = np.floor(chance.pareto(1.1, many) * 2).astype(np.int64)
    author_text = objects(
        id=quoted(handle), nick=quoted(_nick(town, chance, posts.person, spammer)),
        city=where(chance.random(many) < 0.4, quoted(pick([town.world.city.city], np.zeros(many))), "null"),
    )  # fmt: skip
    line = objects(
        post_id=quoted(record), platform=quoted(pick(PLATFORMS, platform)), author=author_text, published_at=quoted(zoned(posts.at)),
        crawled_at=quoted(zoned(known)), text=quoted(text), likes=whole(likes), reposts=whole(likes // 7), comments=whole(likes // 4),
        url=quoted(join("https://", pick(PLATFORMS, platform), ".example/p/", record)),
    )  # fmt: skip
    kept = np.flatnonzero(known < UNTIL)
    about = _about(town, posts, code, record, kept)
    return Rows("social", known, posts.person, record, {"line": line}).before(UNTIL), about, platform[kept]


def _about(town: Town, posts: Posts, code: NDArray[np.int64], record: pa.Array, kept: Ints) -> Texts:
    group = posts.group[kept]
    with_symptom = np.isin(group, (COMPLAINT, IRONY))
    by_fault = topics(town, posts.fault[kept], list(_TOPICS), group)
    topic = where(with_symptom, pick(town.fault_codes.topic, code[kept]), by_fault)
    return Texts(
        "social",
        pick(record, kept),
        posts.person[kept],
        topic,
        texts.sentiment(GROUPS, group),
        texts.fact(GROUPS, group, "about"),
        texts.fact(GROUPS, group, "nature"),
        where(
            np.isin(group, (OTHER, SPAM)), None, pick(town.world.appliance.categories, posts.category[kept])
        ),
        posts.fault[kept],
    )


def _posts(town: Town, chance: np.random.Generator) -> Posts:
    settings, start, people = town.world.silo, start_of(town.world.silo.social_from), town.people
    poster = np.flatnonzero(adults(town, start) & (chance.random(len(people)) < settings.poster))
    months = (UNTIL - start) / _MONTH
    rate = settings.posts * months * (0.3 + people.engagement[poster] * 2.1)
    own = np.repeat(poster, chance.poisson(rate))
    own_at = start + (chance.random(len(own)) * (UNTIL - start)).astype(np.int64)
    share = np.array([settings.post_spam, settings.post_off_topic, settings.post_competitor])
    kind = chance.choice(4, size=len(own), p=np.append(share, 1 - share.sum()))
    tone = np.array(settings.post_tone)[None, :] * np.stack(
        [np.ones(len(own)), 1 + people.warmth[own], 1 - people.warmth[own], np.ones(len(own))], axis=1
    )
    drawn = chance.random(len(own)) * tone.sum(axis=1)
    toned = (drawn[:, None] >= np.cumsum(tone, axis=1)).sum(axis=1)
    toned = np.choose(np.minimum(toned, 3), (PLAIN, PRAISE, COMPLAINT, JOKE))
    group = np.choose(kind, (SPAM, OTHER, RIVAL, toned))
    category = chance.integers(0, len(town.world.appliance.categories), len(own))
    faults, units = town.lives.faults, town.lives.units
    cried = np.flatnonzero(
        units["ours"][faults["unit"]]
        & (faults["at"] >= start)
        & (faults["at"] < UNTIL)
        & (chance.random(len(faults["at"])) < settings.complaint_post)
    )
    angry = town.decider[faults["unit"][cried]]
    return Posts(
        np.concatenate([np.where(group == SPAM, -1, own), angry]),
        np.concatenate([waking(own_at), faults["at"][cried] + chance.integers(HOUR, 5 * DAY, len(cried))]),
        np.concatenate([group, np.where(chance.random(len(cried)) < 0.15, IRONY, COMPLAINT)]),
        np.concatenate([category, town.category[faults["unit"][cried]]]),
        np.concatenate([np.full(len(own), -1), cried]),
    )


def _nick(town: Town, chance: np.random.Generator, person: Ints, spammer: Ints) -> pa.Array:
    """Return nicknames, the same for everything that somebody writes."""
    who = np.maximum(person, 0)
    fate = scatter.mixed(who, town.seed + town.number * 17 + 41)
    style = (fate % np.uint64(10)).astype(np.int64)
    number = (fate >> np.uint64(20)).astype(np.int64) % 10_000
    latin = join(names.romanised(town.people.names[who], np.full(len(who), 3)), whole(number % 100))
    funny = join(
        pick(("海边的", "爱吃鱼的", "小", "会飞的", "一只", "今天也", "胶东", "隔壁"), number % 8),
        pick(("猫", "土豆", "柠檬", "阿姨", "老王", "兔子", "橘子", "星星", "馒头"), number % 9),
        where(style < 7, whole(number), ""),
    )
    nick = where(style < 3, latin, funny)
    return where(person >= 0, nick, join("家电福利", whole(spammer)))
