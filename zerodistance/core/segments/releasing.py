"""Released counts: the one way in which an account that may not see persons learns how many there are. What a figure is stands in `released.py`."""

from __future__ import annotations

from collections.abc import Sequence

from zerodistance.core.brand import api as brand
from zerodistance.core.brand.contracts import Category, Place
from zerodistance.core.profiles import api as profiles
from zerodistance.core.profiles.api import Split
from zerodistance.core.profiles.contracts import INNER, Bands, Dimension
from zerodistance.core.segments import answer, api, audiences, released
from zerodistance.core.segments.contracts import AllOf, AnyOf, Did, Has, Rule
from zerodistance.core.segments.questions import (
    Choices,
    Need,
    NotClosed,
    NotYours,
    Option,
    Question,
    Released,
    TooFewToSend,
)
from zerodistance.kernel import clock
from zerodistance.kernel.access import Who
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text

LEAST_SEND = audiences.LEAST
_COMMUNITY = "geo.community"
_HAVE = ("order.completed", "order.line", "product.registered", "device.bound")
_MODELS = {"n1": Text("想换{}", "want a new {}"), "n2": Text("想买第一台{}", "want a first {}")}
_HIGHEST = ("a", "b")  # of the five bands of a score: the highest fifth
_NEAR = 10  # places that a refusal names


def ask(home: Home, who: Who, question: Question) -> Released:
    """Answer a closed question with a released count; needs no permission, and gives whoever asks the same.

    Raises
    ------
    NotYours
        The place is not in the territory of the account's units.
    NotApproved
        The segment is no approved audience, or was changed since.
    NotFound
        There is no such category.
    NoSuchDimension, Forbidden, NotClosed
        There is no such dimension, it is sensitive, or it has no closed list of nodes with this one.
    """
    rule = _rule(home, who, question)
    here = audiences.answered(home)
    persons = _inside(home, who, question.place, here)
    if rule is not None:
        persons = persons & here.fits(rule)
    k = home.settings.released_k
    found = released.figure(home.seal, released.panel(home), persons.persons, k)
    low, high = (0, None) if found is None else released.span(found, k)
    return Released(
        question=question,
        text=_text(home, who, question),
        persons=found,
        low=low,
        high=high,
        k=k,
        floor=released.floor(k),
        as_of=clock.from_micros(here.index.made_at or 0),
    )


def may_send(home: Home, who: Who, rule: Rule) -> None:
    """Say nothing if a message may go to everybody who fits a rule; raises TooFewToSend for fewer than `LEAST_SEND` persons.

    Outreach asks this of the set that is left after consent and limits, before anything is assigned or sent.
    """
    must_be_many(len(audiences.answered(home).fits(rule).persons))


def must_be_many(persons: int) -> None:
    """Raise TooFewToSend for fewer persons than `LEAST_SEND`."""
    if persons < LEAST_SEND:
        raise TooFewToSend(least=LEAST_SEND)


def choices(home: Home, who: Who) -> Choices:
    """Return everything that this account may put into a question."""
    places = {place.code: place for place in brand.places(home, who)}
    mine = _territories(home, who)
    shown = [places[code] for code in mine if code in places] if who.units else []
    inside = [p for p in places.values() if p not in shown and _is_mine(p, mine, places, who)]
    whole = (
        Text("自己的全部辖区", "all of one's own territory")
        if who.units
        else Text("全品牌", "the whole brand")
    )
    return Choices(
        whole=whole,
        places=tuple(Option(p.code, p.name) for p in (*shown, *sorted(inside, key=lambda p: p.code))),
        audiences=approved(home, who),
        categories=tuple(Option(c.key, c.name) for c in brand.categories(home, who)),
        bands=tuple(
            (layer_label, tuple(Option(d.key, d.label) for d in some))
            for layer_label, some in _closed_dimensions(who)
        ),
        needs=needs(home, who),
    )


def approved(home: Home, who: Who) -> tuple[Option, ...]:
    """Return the audiences that may be asked for."""
    return tuple(Option(one.key, one.name) for one in audiences.approvals(home, who) if one.holds)


def needs(home: Home, who: Who) -> tuple[Need, ...]:
    """Return the needs that may be asked for, by model and category; none before a model of need gives scores."""
    names = {one.key: one.name for one in brand.categories(home, who)}
    known = {one.key for one in profiles.dimensions(home)}
    found = []
    for model, text in _MODELS.items():
        for category, name in sorted(names.items()):
            if f"score.{model}_{category}" in known:
                label = Text(text.zh.format(name.zh), text.en.format(name.en.lower()))
                found.append(Need(f"{model}_{category}", model, category, label))
    return tuple(found)


def need(home: Home, who: Who, key: str) -> Need:
    """Return one of the needs that may be asked for; raises NotClosed."""
    return one_of(needs(home, who), key)


def one_of(every: Sequence[Need], key: str) -> Need:
    """Return the one of some needs that has a key; raises NotClosed."""
    found = next((one for one in every if one.key == key), None)
    if found is None:
        keys = ", ".join(one.key for one in every) or "–"
        raise NotClosed(given=key, why=Text(f"可用的需求有 {keys}", f"the needs are {keys}"))
    return found


def need_rule(asked: Need) -> Rule:
    """Return the rule of who has a need."""
    return AnyOf(tuple(Has(f"score.{asked.key}", node) for node in _HIGHEST))


def rule_of(home: Home, who: Who, question: Question) -> Rule:
    """Return everything that a question asks but its place, as one rule; raises what `ask` raises."""
    return _rule(home, who, question) or AllOf(())


def nodes(who: Who, dimension: str) -> tuple[Option, ...]:
    """Return the bands of a dimension that may be asked for, inner ones before those they hold; raises NotClosed."""
    found = profiles.dimension(None, dimension, who)
    return tuple(Option(key, label) for key, label in _nodes(found))


def _closed_dimensions(who: Who) -> list[tuple[Text, list[Dimension]]]:
    shown: dict[str, tuple[Text, list[Dimension]]] = {}
    for one in profiles.dimensions(None, who):
        if not one.sensitive and _is_closed(one):
            shown.setdefault(one.layer.value, (one.layer.label, []))[1].append(one)
    return list(shown.values())


def _is_closed(dimension: Dimension) -> bool:
    return isinstance(dimension.nodes, Bands) or dimension.nodes.closed


def _nodes(dimension: Dimension) -> list[tuple[str, Text]]:
    if not _is_closed(dimension) or dimension.sensitive:
        raise NotClosed(
            given=dimension.key,
            why=Text(
                "只有档位固定、不敏感的维度可以问",
                "only dimensions with a fixed list of nodes that are not sensitive are asked",
            ),
        )
    some = dimension.nodes
    if isinstance(some, Bands):
        return [
            *((INNER + key, label) for _, key, label in some.groups),
            *((key, label) for _, key, label in some.bands),
        ]
    inner = set(some.parents.values())
    return [(INNER + key if key in inner else key, label) for key, label in some.labels.items()]


def _rule(home: Home, who: Who, question: Question) -> Rule | None:
    """Return audience, category and band as one rule; None: everybody."""
    terms: list[Rule] = []
    if question.audience is not None:
        terms.append(audiences.approved(home, who, question.audience).asks)
    if question.category is not None:
        terms.append(_has_category(home, who, question.category))
    if question.dimension is not None or question.node is not None:
        terms.append(_band(who, question))
    if question.need is not None:
        terms.append(need_rule(need(home, who, question.need)))
    return AllOf(tuple(terms)) if terms else None


def _band(who: Who, question: Question) -> Has:
    if question.dimension is None or question.node is None:
        given = question.dimension or question.node
        why = Text("维度和节点要一起给", "give dimension and node together")
        raise NotClosed(given=given, why=why)
    known = dict(_nodes(profiles.dimension(None, question.dimension, who)))
    node = question.node if question.node in known else INNER + question.node
    if node not in known:
        allowed = ", ".join(known)
        why = Text(
            f"{question.dimension} 的节点有 {allowed}", f"the nodes of {question.dimension} are {allowed}"
        )
        raise NotClosed(given=question.node, why=why)
    return Has(question.dimension, node)


def _has_category(home: Home, who: Who, key: str) -> Rule:
    """Return the rule of those who bought, registered or bound a product of a category, or of one below it."""
    brand.category(home, key)
    every: Sequence[Category] = brand.categories(home, who)
    wanted, more = {key}, True
    while more:
        below = {c.key for c in every if c.parent in wanted} - wanted
        wanted |= below
        more = bool(below)
    ages = {d.key for d in profiles.dimensions(None)}
    terms: list[Rule] = []
    for one in sorted(wanted):
        if f"needs.age.{one}" in ages:
            terms.append(Has(f"needs.age.{one}"))
        else:
            terms += [Did(kind, category=one) for kind in _HAVE]
    return AnyOf(tuple(terms))


def _territories(home: Home, who: Who) -> list[str]:
    """Return the codes of the places that the account's units answer for; none for an account of the whole brand."""
    if not who.units:
        return []
    return list(dict.fromkeys(one.place for one in brand.territories(home, who)))


def _is_mine(place: Place, mine: Sequence[str], places: dict[str, Place], who: Who) -> bool:
    """Say whether a place is, or lies in, a territory of the account."""
    if not who.units:
        return True
    return any(place.code == code or (code in places and _lies_in(place, places[code])) for code in mine)


def _lies_in(place: Place, other: Place) -> bool:
    """Say whether a place lies in a larger one, by their area codes."""
    if other.kind == "district":
        return place.kind == "community" and place.area == other.area
    return (
        other.kind == "city" and place.kind in ("community", "district") and place.area[:4] == other.area[:4]
    )


def _inside(home: Home, who: Who, place: str | None, here: answer.Answer) -> Split:
    """Return who lives in a place of the account's territory, or in all of that."""
    mine = _territories(home, who)
    if place is None:
        if not who.units:
            return here.index.universe
        return _living_in(here, mine)
    places = {one.code: one for one in brand.places(home, who)}
    if place not in places or not _is_mine(places[place], mine, places, who):
        raise NotYours(place=place, near=", ".join(mine[:_NEAR] or list(places)[:_NEAR]) or "–")
    return _living_in(here, [place])


def _living_in(here: answer.Answer, codes: Sequence[str]) -> Split:
    return profiles.union(
        here.index.split(("node", _COMMUNITY, node)) for code in codes for node in (code, INNER + code)
    )


def _text(home: Home, who: Who, question: Question) -> Text:
    """Return the question in words."""
    whole = (
        Text("自己的全部辖区", "all of one's own territory")
        if who.units
        else Text("全品牌", "the whole brand")
    )
    said = [whole if question.place is None else brand.place(home, question.place).name]
    if question.audience is not None:
        said.append(api.segment(home, who, question.audience).name)
    if question.category is not None:
        name = brand.category(home, question.category).name
        said.append(Text(f"有{name.zh}", f"has: {name.en}"))
    if question.dimension is not None and question.node is not None:
        dimension = profiles.dimension(None, question.dimension, who)
        band = _band(who, question)
        label = dict(_nodes(dimension))[str(band.node)]
        said.append(Text(f"{dimension.label.zh}：{label.zh}", f"{dimension.label.en}: {label.en}"))
    if question.need is not None:
        said.append(need(home, who, question.need).label)
    return Text(" · ".join(one.zh for one in said), " · ".join(one.en for one in said))
