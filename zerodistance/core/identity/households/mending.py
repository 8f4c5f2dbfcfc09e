"""Parts of addresses that stick together, taken apart with the words that other addresses have by themselves. Pure.

`市南大沙路` is the district 市南 and the road 大沙路, where others write both; `城阳文昌新村` is an estate in 城阳. Without a map of the
country nothing but the addresses themselves tells that.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from zerodistance.core.identity import addresses
from zerodistance.core.identity.households.places import Where
from zerodistance.core.identity.matching.fields import core

_KNOWN = 3
"""Addresses in which a word has to stand by itself before it is taken off another one; own value."""
_WORDS = ("区", "县", "市", "旗")


def mended(wheres: Sequence[Where], many: Sequence[int]) -> list[Where]:
    """Return the places that are meant, one for each.

    Parameters
    ----------
    many
        How many addresses have each.
    """
    whole = [_estate_not_district(_town_not_road(one)) for one in wheres]
    known = _Words(whole, many)
    return [known.parted(one) for one in whole]


def _estate_not_district(one: Where) -> Where:
    """西山小区 is no district 西山小."""
    if not one.district.endswith("小") or len(one.district) < 3:
        return one
    estate = one.district + "区"
    return one._replace(district="", estate=one.estate or estate, core=one.core or core(estate))


def _town_not_road(one: Where) -> Where:
    """镇北街道 is no road 镇北街 with something behind it."""
    if not one.road.endswith("街") or one.number or not one.estate.startswith("道") or len(one.estate) < 2:
        return one
    rest = addresses.address(one.estate[1:])
    if rest is None:
        return one
    return Where(one.district, one.road + "道", rest.road, rest.number, rest.estate, core(rest.estate))


class _Words:
    """Districts, roads and estates that stand by themselves."""

    def __init__(self, wheres: Sequence[Where], many: Sequence[int]) -> None:
        counts: dict[str, Counter[str]] = {
            name: Counter() for name in ("district", "town", "road", "estate", "core")
        }
        for one, times in zip(wheres, many, strict=True):
            for name, count in counts.items():
                count[getattr(one, name)] += times
        self._of = {
            name: {word for word, times in count.items() if word and times >= _KNOWN}
            for name, count in counts.items()
        }
        self._districts = sorted(
            (word for word in self._of["district"] if len(word) > 1), key=len, reverse=True
        )

    def parted(self, one: Where) -> Where:
        """Return a place without the district before its town, road or estate."""
        if not one.road.isascii() or one.estate or one.town:
            for name in ("town", "road", "estate"):
                word = getattr(one, name)
                found = self._before(word, name) if word else None
                if found is not None:
                    district, rest = found
                    one = one._replace(district=district, **{name: rest})
        return one._replace(core=core(one.estate)) if one.estate else one

    def _before(self, word: str, name: str) -> tuple[str, str] | None:
        for district in self._districts:
            if not word.startswith(district):
                continue
            rest = word[len(district) :]
            if rest[:1] in _WORDS and len(rest) > 2:
                return district, rest[1:]
            if rest in self._of[name] or (name == "estate" and rest in self._of["core"]):
                return district, rest
        return None
