"""Whom a campaign is for: its rule, how many fit, and what an account that may not see persons may not ask for."""

from __future__ import annotations

from dataclasses import dataclass

from pyroaring import BitMap

from zerodistance.apps.marketing.campaigns.contracts import Audience, NotOpenToYou, Said
from zerodistance.core.brand import api as brand
from zerodistance.core.profiles import api as profiles
from zerodistance.core.profiles import bitmaps
from zerodistance.core.segments import api as segments
from zerodistance.core.segments import audiences, living, released, releasing, saved
from zerodistance.core.segments.contracts import AllOf, AnyOf, Lives, Rule, Within
from zerodistance.core.segments.questions import Question
from zerodistance.kernel.access import Permission, Who
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text

_SYSTEM = Who.system("marketing")
_COUNTRY = "geo.country"


@dataclass(frozen=True, slots=True)
class Size:
    """How many persons a campaign is for.

    Attributes
    ----------
    persons
        Exactly; for an account that may not see persons a released count, None: too few to be said.
    low, high
        Between what the true count lies, 95 times of a hundred.
    released
        Whether it is a released count.
    """

    persons: int | None
    low: int
    high: int | None
    released: bool

    @property
    def about(self) -> int:
        """The figure, 0 where none is said."""
        return self.persons or 0


def rule(home: Home, who: Who, audience: Audience) -> Rule:
    """Return the rule of everybody whom a campaign is for.

    Raises
    ------
    NoSuchSegment, NotApproved, NotYours, NotOpenToYou
        The segment is not there, or no approved audience; a place is outside the account's territory; cells are for accounts that see persons.
    """
    sees = who.may(Permission.SEE_PERSONS)
    if not sees:
        _must_be_open(home, who, audience)
    found = segments.segment(home, who, audience.segment)
    terms: list[Rule] = [found.asks]
    if audience.territory is not None:
        brand.see_unit(home, who, audience.territory)
        terms.append(Lives(territory=audience.territory))
    places: list[Rule] = [Lives(community=code) for code in audience.communities]
    if audience.cells:
        places.append(Within(cells=audience.cells))
    if places:
        terms.append(places[0] if len(places) == 1 else AnyOf(tuple(places)))
    made = AllOf(tuple(terms))
    return segments.read_rule(segments.rule_json(made), home) if audience.cells else made


def _must_be_open(home: Home, who: Who, audience: Audience) -> None:
    """Raise what is wrong with an audience for an account that may not see persons: it chooses of approved ones, within its own territory."""
    audiences.approved(home, who, audience.segment)
    if audience.cells:
        raise NotOpenToYou(why=Text("按小区选，不按格子选", "choose communities, not cells"))
    own = {one.key for one in brand.units(home, who) if one.number in who.units}
    if who.units and audience.territory not in own:
        some = ", ".join(sorted(own)) or "–"
        raise NotOpenToYou(why=Text(f"只能发给自己的辖区：{some}", f"its own territory alone: {some}"))
    for code in audience.communities:
        releasing.ask(home, who, Question(place=code))


def fits(home: Home, who: Who, audience: Audience) -> BitMap:
    """Return the numbers of the persons whom a campaign is for now, as the tag index has it."""
    return audiences.answered(home).fits(rule(home, who, audience)).persons


def size(home: Home, who: Who, persons: BitMap) -> Size:
    """Return what an account may know of how many persons are in a set."""
    if who.may(Permission.SEE_PERSONS):
        return Size(len(persons), len(persons), len(persons), False)
    k = home.settings.released_k
    found = released.figure(home.seal, released.panel(home), persons, k)
    low, high = (0, None) if found is None else released.span(found, k)
    return Size(found, low, high, True)


def must_be_many(home: Home, who: Who, persons: BitMap, about: Size) -> None:
    """Raise TooFewToSend where an account that may not see persons asks for so few that they would be persons, not an audience.

    No count of them may be released, or they are fewer than 50 and a few more, by a draw that hangs on who they are: so the line tells about no single person.
    """
    if not who.may(Permission.SEE_PERSONS):
        more = home.seal.draw(bitmaps.to_numbers(persons).astype("<u4").tobytes()) % home.settings.released_k
        releasing.must_be_many(len(persons) - more)
        releasing.must_be_many(about.about)


def means(home: Home, said: Said) -> str:
    """Return the fingerprint of whom an audience holds: another one says that its segment, or the territory, was changed since."""
    found = segments.segment(home, _SYSTEM, said.audience.segment)
    at = found.kept.at if found.kept is not None and found.frozen else ""
    asked = rule(home, _SYSTEM, said.audience)
    return f"{living.meaning(home, asked, saved.rule_of(home, _SYSTEM))}{at}"


def by_country(home: Home, persons: BitMap, countries: frozenset[str]) -> dict[str, BitMap]:
    """Return persons by the country that they registered, of those countries; the rest, and whoever registered none, stand under an empty one."""
    index = profiles.current(home)
    rest = BitMap(persons)
    found: dict[str, BitMap] = {}
    for country in sorted(countries):
        some = rest & index.split(("node", _COUNTRY, country)).persons
        if some:
            found[country] = some
            rest -= some
    if rest or not found:
        found[""] = rest
    return found
