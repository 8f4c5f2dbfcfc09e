"""What crosses the door of released counts: closed questions, their answers, approved audiences, and why something is refused."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from zerodistance.kernel.errors import ZeroDistanceError
from zerodistance.kernel.text import Text


@dataclass(frozen=True, slots=True)
class Question:
    """A closed question: how many live in one's territory, are in an audience, have a category, and are in a band.

    Attributes
    ----------
    place
        Code of a place of one's own territory, or of a community that lies in one; None: the whole of it.
    audience
        Key of an approved audience; None: everybody.
    category
        Key of a category: who bought, registered or bound a product of it; None: any and none.
    dimension, node
        A band: a node, or inner node, of a dimension with a closed list of nodes; both or neither.
    need
        A need, `n1_washer`: who is in the two highest bands of that score (`releasing.needs`); None: any and none.
    """

    place: str | None = None
    audience: str | None = None
    category: str | None = None
    dimension: str | None = None
    node: str | None = None
    need: str | None = None


@dataclass(frozen=True, slots=True)
class Need:
    """A need that may be asked for: the two highest bands of a score of a model of need.

    Attributes
    ----------
    key
        `n1_washer`.
    model
        `n1`: will buy another one; `n2`: will buy a first one.
    """

    key: str
    model: str
    category: str
    label: Text


@dataclass(frozen=True, slots=True)
class Released:
    """A released count.

    Attributes
    ----------
    persons
        A multiple of `k`; None: hidden, because too few fit.
    low, high
        Between what the true count lies, 95 times of a hundred; of a hidden one 0 and None.
    k
        The setting `released_k`: groups of fewer persons are always hidden.
    floor
        The smallest figure that is ever said.
    as_of
        The moment of the tag index that was asked.
    """

    question: Question
    text: Text
    persons: int | None
    low: int
    high: int | None
    k: int
    floor: int
    as_of: datetime


@dataclass(frozen=True, slots=True)
class Approval:
    """That a version of a segment may be asked about by accounts that may not see persons.

    Attributes
    ----------
    holds
        False: the rule, or that of a segment in it, is another one since; it has to be approved anew.
    """

    key: str
    name: Text
    version: int
    approved_by: str
    approved_at: int
    holds: bool


@dataclass(frozen=True, slots=True)
class Option:
    """Something a question may be asked about."""

    key: str
    label: Text


@dataclass(frozen=True, slots=True)
class Choices:
    """Everything that an account may put into a closed question.

    Attributes
    ----------
    whole
        What "the whole of it" is called: the brand, or the territory of the account's units.
    places
        Territories of the account's units, then the communities in them; without units, every place.
    bands
        Dimensions with a closed list of nodes.
    needs
        Needs of categories, where models give scores of them.
    """

    whole: Text
    places: tuple[Option, ...]
    audiences: tuple[Option, ...]
    categories: tuple[Option, ...]
    bands: tuple[tuple[Text, tuple[Option, ...]], ...]
    needs: tuple[Need, ...] = ()


@dataclass(frozen=True, slots=True)
class Exact:
    """A line of the record of exact counts: who was told what, how many times within a second or so."""

    said_at: int
    who: str
    verb: str
    rule: str
    persons: int
    visitors: int
    times: int


class NotApproved(ZeroDistanceError):
    """A segment is asked about that is not approved for released counts."""

    code, status = "not_approved", 403
    text = Text(
        "人群 {key} 没有获准用于发布计数{why}；可用的：{near}。由保存者以外、能看用户的账号在人群页上批准",
        "segment {key} is not approved for released counts{why}; those that are: {near}. "
        "Somebody who may see persons, and did not save it, approves it on its page",
    )


class NotYours(ZeroDistanceError):
    """A place is asked about that is not in the account's territory."""

    code, status = "not_your_territory", 403
    text = Text(
        "{place} 不在这个账号的辖区里；可用的：{near}",
        "{place} is not in the territory of this account; allowed are {near}",
    )


class NotClosed(ZeroDistanceError):
    """A band is asked for that is no node of a closed list."""

    code, status = "not_closed", 400
    text = Text(
        "{given} 不能用作档位：{why}",
        "{given} can't be asked as a band: {why}",
    )


class ApprovedBySaver(ZeroDistanceError):
    """Who saved a version wants to approve it."""

    code, status = "approved_by_saver", 403
    text = Text(
        "{key} 第 {version} 版是 {who} 自己保存的；要由另一个账号批准",
        "version {version} of {key} was saved by {who}; another account has to approve it",
    )


class NoAudience(ZeroDistanceError):
    """A segment can't be approved, because of whom it singles out."""

    code, status = "no_audience", 400
    text = Text("{key} 不能批准用于发布计数：{why}", "{key} can't be approved for released counts: {why}")


class TooFewToSend(ZeroDistanceError):
    """A message would go to so few that its receipts would tell about single persons."""

    code, status = "too_few_to_send", 403
    text = Text(
        "要发给的人少于 {least} 位，不发：回执和转化会变成单个人的信息；把人群放宽到 {least} 人以上，或由能看用户的账号逐个联系",
        "it would go to fewer than {least} persons and is not sent: receipts and conversions would tell about single persons; "
        "widen the segment to {least} and more, or let somebody who may see persons contact them one by one",
    )
