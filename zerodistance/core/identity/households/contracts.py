"""What crosses the door about households."""

from __future__ import annotations

from dataclasses import dataclass

from zerodistance.kernel.errors import ZeroDistanceError
from zerodistance.kernel.text import Text


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody of a household.

    Attributes
    ----------
    person
        Public id of today.
    number
        Person number; inside the program only.
    since
        When they were first known to be of it; microseconds UTC.
    until
        From when on they were of another; None: they still are of it.
    """

    person: str
    number: int
    since: int
    until: int | None


@dataclass(frozen=True, slots=True)
class Residence:
    """A home of a household, as far as it may be shown.

    Attributes
    ----------
    district, estate
        As most write them; empty where nobody did. What flat it is stays sealed.
    since, until
        As of a member; None: they still live there, as far as is known.
    """

    district: str
    estate: str
    since: int
    until: int | None


@dataclass(frozen=True, slots=True)
class Household:
    """People who share a home.

    Attributes
    ----------
    id
        The public id of today, `h_...`.
    number
        Stable, inside the program only.
    asked
        The id that was asked for, where it is an old one.
    members
        The earliest first; those who left too.
    homes
        In the order in which they lived there; empty where only a phone or a device tells that they belong together.
    """

    id: str
    number: int
    members: tuple[Member, ...]
    homes: tuple[Residence, ...]
    asked: str | None = None


@dataclass(frozen=True, slots=True)
class Settled:
    """What a rebuild of households found and changed.

    Attributes
    ----------
    households, members
        How many there are; people who belong to one now.
    several
        Households of more than one person now.
    homes
        Homes that are known by now.
    unclear
        Mentions of a flat that several places or units fit.
    crowded
        Addresses with too many people to be a home.
    joined, left
        Rows of members that are new, and that are gone.
    merged
        Households that became part of another.
    seconds
        How long it took.
    """

    households: int
    members: int
    several: int
    homes: int
    unclear: int
    crowded: int
    joined: int
    left: int
    merged: int
    seconds: float


class NoSuchHousehold(ZeroDistanceError):
    """No household has that id (any more)."""

    code, status = "no_such_household", 404
    text = Text(
        "没有这样的家庭：{given}；家庭编号形如 h_7Q2K9F3A，列在用户页上",
        "there is no household {given}; an id looks like h_7Q2K9F3A and stands on the page of a person",
    )
