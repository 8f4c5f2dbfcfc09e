"""What models shows on the 360-degree page: every score of a person, its band, why, and where to ask what would change it."""

from __future__ import annotations

from zerodistance.core.models import persons, registry
from zerodistance.core.models.catalogue import MODELS
from zerodistance.core.models.contracts import Family
from zerodistance.core.models.persons import Scored
from zerodistance.core.profiles import api as profiles
from zerodistance.core.profiles.contracts import VISITORS_FROM
from zerodistance.core.profiles.panels import About, Line, Panel, Shown
from zerodistance.kernel import clock
from zerodistance.kernel.access import Permission, Who
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text

_EARLIER = 5 * 60 * clock.MICROS_PER_SECOND  # own value: a page of an older moment is one of the past


def _scores(home: Home, who: Who, about: About) -> Shown | None:
    crowned = any(registry.history(home, key) for key in MODELS)
    if not crowned or about.number >= VISITORS_FROM or not who.may(Permission.SEE_PERSONS):
        return None
    if about.as_of < clock.micros() - _EARLIER:
        return Shown(
            (),
            Text("评分是今天的", "Scores are of today"),
            Text(
                "评分不留历史；看今天的页面就有。", "No history is kept of them; the page of today has them."
            ),
        )
    found = persons.scores_of(home, who, [about.number])[about.number]
    found.sort(key=lambda one: (one.model.family is Family.NEED, -one.score))
    made = profiles.state(home).made_at
    at = None if made is None else clock.to_micros(made)
    return Shown(
        tuple(_line(home, one, about.person, at) for one in found),
        Text("还没有评分", "No score yet"),
        Text(
            "上任的模型都不给这个人评分：比如一年没有来过，也没有买过。",
            "No model that has a champion is about this person: nothing was bought, say, and nobody came for a year.",
        ),
    )


def _line(home: Home, one: Scored, person: str, at: int | None) -> Line:
    units = persons.units(home, one.model, one.category, [reason.feature for reason in one.reasons])
    why = [persons.stated(reason, units[reason.feature]) for reason in one.reasons]
    score, chance = f"{one.score:.0f}", f"{one.chance:.1%}"
    band = Text(one.band.upper(), one.band.upper()) if len(one.band) == 1 else one.label
    return Line(
        one.called,
        Text(
            f"{band.zh} · {score} 分 · 可能性 {chance}", f"{band.en} · {score} points · a chance of {chance}"
        ),
        at,
        one.score / 100,
        under=Text("；".join(text.zh for text in why), "; ".join(text.en for text in why)),
        more=f"/models/{one.model.key}/whatif?person={person}&category={one.category}",
        note=Text(f"第 {one.version} 版", f"version {one.version}"),
    )


SCORES = Panel(
    "scores",
    Text("评分", "Scores"),
    "models",
    Text(
        "由上任的模型按此刻的标签算出：0 到 100 是在人群中的位置，可能性是期限内真的发生的机会，下面是加分最多的三条理由。标签里的评分是夜里给的，可能差一点。",
        "Worked out by the champions from the tags of now: 0 to 100 is the place in the population, the chance is that of what is asked within the horizon,"
        " and below stands what adds most. Scores among the tags were given at night, and may differ a little.",
    ),
    5,
    _scores,
)
PANELS = (SCORES,)
