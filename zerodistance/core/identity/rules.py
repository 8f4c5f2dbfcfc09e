"""The rules of identity as data: namespaces, their strength, guards and masks; and what of it a brand may set otherwise. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from zerodistance.kernel.text import Text

_DAY = 86_400_000_000  # microseconds


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `count`, first seen within any `days` days (None: ever)."""

    count: int
    days: int | None

    @property
    def window(self) -> int | None:
        """The window in microseconds."""
        return None if self.days is None else self.days * _DAY


@dataclass(frozen=True, slots=True)
class Namespace:
    """One kind of identifier.

    Attributes
    ----------
    rank
        Its strength, 0 is the strongest: the touch's subject is the strongest identifier on it.
    anonymous
        Whoever is known only by such identifiers is a visitor.
    kept
        The raw value is kept in the vault; of anonymous ids only the token is.
    limit
        Values on one person; `Limit(1, None)` makes it unique: two of them never merge.
    cap
        Distinct persons at most, counted over the values of one stronger namespace seen together with it, each where the two were first seen
        together; beyond it the identifier is shared, stops linking and is listed.
    records
        Contact data, which a family or a shop may have in common: it joins those `record`s and members that have one name. Distinct names count for
        the cap; this is how many records without a name may stand with it, within the days of the cap. None: no contact data.
    """

    key: str
    label: Text
    rank: int
    anonymous: bool
    kept: bool
    limit: Limit
    cap: Limit
    records: int | None = None

    @property
    def unique(self) -> bool:
        """Whether two values of it never belong to one person."""
        return self.limit == Limit(1, None)


# Strength. Ids that the brand gives out come first; an openid is used by its owner alone; a record is one customer, order or ticket of a source,
# so about one person, while the phone or e-mail address on it may be a family's or a shop's; devices and cookies are anonymous and come last.
# Cap 8: in a measured Chinese CRM, keys shared by more than 8 names were dealers and installers (precision .0016 without
# the cap, .9945 with it). All limits are own values: what one person may plausibly have, so that a robot, a kiosk or a
# bug (one user id on every cookie) stops at the limit; people who change devices for years stay below the windowed ones.
# A source may list one customer many times, so more records without a name fit under one phone: 20, an own value too.
# A cap counts within 3 years, an own value: a number that passes through nine owners in twelve years is no dealer's, while a dealer writes nine
# customers down within weeks.
_CAP = Limit(8, 3 * 365)
NAMESPACES: tuple[Namespace, ...] = (
    Namespace("member_id", Text("会员号", "member id"), 0, False, True, Limit(1, None), _CAP),
    Namespace("user_id", Text("用户号", "user id"), 1, False, True, Limit(1, None), _CAP),
    Namespace("openid", Text("微信 openid", "openid"), 2, False, True, Limit(12, 365), _CAP),
    Namespace("record", Text("来源记录", "source record"), 3, False, True, Limit(500, 365), _CAP),
    Namespace("mention", Text("所写的姓名", "a name as written"), 4, False, False, Limit(500, 365), _CAP),
    Namespace("phone", Text("手机号", "phone"), 5, False, True, Limit(6, 365), _CAP, 20),
    Namespace("email", Text("电子邮箱", "e-mail"), 6, False, True, Limit(6, 365), _CAP, 20),
    Namespace("device_id", Text("设备号", "device id"), 7, True, True, Limit(20, 180), _CAP),
    Namespace("anonymous_id", Text("匿名号", "anonymous id"), 8, True, False, Limit(100, 30), _CAP),
    Namespace("turn", Text("轮流使用", "its turn on a device"), 9, True, False, Limit(100, 30), _CAP),
)
BY_KEY: Mapping[str, Namespace] = {n.key: n for n in NAMESPACES}
MENTION = BY_KEY["mention"].rank
"""The record that a name and contact data beside it make where a touch has none of its own: no identifier that anybody could give."""
TURN = BY_KEY["turn"].rank
"""A device or a cookie while one of several accounts uses it, see `turns`."""
MADE = frozenset((MENTION, TURN))
"""Ranks of what the program makes itself: no identifier."""
GIVEN: Mapping[str, Namespace] = {n.key: n for n in NAMESPACES if n.rank not in MADE}
"""Namespaces that touches, look-ups and people may name."""
RANKS: Mapping[str, int] = {n.key: n.rank for n in NAMESPACES}
RECORD = RANKS["record"]
IS_RECORD = np.array([n.rank in (RECORD, MENTION) for n in NAMESPACES])
"""Rank -> whether it is one that a name stands on: about one person, as far as its name says."""
CONTACT = frozenset(n.rank for n in NAMESPACES if n.records is not None)
"""Ranks of contact data."""
IS_CONTACT = np.array([n.records is not None for n in NAMESPACES])
"""Rank -> whether it is contact data."""
ANONYMOUS_FROM = min(n.rank for n in NAMESPACES if n.anonymous)
ACCOUNTS = frozenset(n.rank for n in NAMESPACES if n.unique)
"""Ranks of accounts: somebody logs in with one, and two of a kind are two persons."""
IS_ACCOUNT = np.array([n.unique for n in NAMESPACES])
"""Rank -> whether it is an account."""
SHIPPED = "default"
"""Name of the weights of the matcher that ship with the program."""

PUBLISHED = ("birth_year", "gender", "language", "area", "city", "country", "community", "place")
"""Facts that other rooms may read; every other fact stays in the vault."""

GUARDS: Mapping[str, Text] = {
    "blocked": Text("无效占位值，不用于识别", "placeholder values that identify nobody"),
    "invalid": Text("格式不对的值，不用于识别", "values that can't be read as what they claim to be"),
    "unknown": Text("未知的标识种类", "identifiers of an unknown kind"),
    "unique": Text("两个不同的会员号或用户号，不合并", "two different members or users, kept apart"),
    "limit": Text(
        "一人之下此类标识过多，不再连接", "too many identifiers of a kind on one person, not linked"
    ),
    "shared": Text("多人共用的标识，不再连接", "identifiers shared by too many persons, not linked"),
    "decided": Text("有人判定不是同一个人，分开", "somebody decided that they are two persons, kept apart"),
    "name": Text("同一号码下的不同姓名，分开", "different names under one number or address, kept apart"),
    "unclaimed": Text(
        "没有标识的行里的个人信息，不保存", "personal fields of rows without an identifier, not kept"
    ),
}
"""What a guard is called; its counters are `identity.<guard>.<namespace>`."""


def counter(guard: str, namespace: str) -> str:
    """Return the name of the counter that shows when a guard bites.

    Examples
    --------
    >>> counter("shared", "phone")
    'identity.shared.phone'
    """
    return f"identity.{guard}.{namespace}"


@dataclass(frozen=True)
class RuleSet:
    """What identity is computed by; as it ships, or as a brand has set it.

    Attributes
    ----------
    namespaces
        In order of their ranks. Limits, caps and records of them may be set; everything else is as in `NAMESPACES`.
    join
        Bits from which on the matcher joins a pair, when what identifiers say comes first: likelier than not. Chosen on the training seeds of the
        sample city: precision .996 there; from -2 bits on .994, and F1 is no better.
    doubt
        Bits from which on a pair that does not join is shown to somebody: two of three such pairs were one person there.
    most
        Records of one person that differ, at most, own value: more is a shop, a kiosk or a mistake.
    model
        Name of the weights, see `models`.
    """

    namespaces: tuple[Namespace, ...] = NAMESPACES
    join: float = 0.0
    doubt: float = -3.0
    most: int = 50
    model: str = SHIPPED

    @cached_property
    def limits(self) -> tuple[Limit, ...]:
        """Rank -> values on one person."""
        return tuple(n.limit for n in self.namespaces)

    @cached_property
    def counts(self) -> npt.NDArray[np.int64]:
        """Rank -> values on one person, whenever they were seen."""
        return np.array([n.limit.count for n in self.namespaces], dtype=np.int64)

    @cached_property
    def caps(self) -> npt.NDArray[np.int64]:
        """Rank -> distinct persons with one value, within `windows`."""
        return np.array([n.cap.count for n in self.namespaces], dtype=np.int64)

    @cached_property
    def windows(self) -> npt.NDArray[np.int64]:
        """Rank -> microseconds within which persons are counted; longer than any time where they are counted for ever."""
        return np.array(
            [EVER if n.cap.window is None else n.cap.window for n in self.namespaces], dtype=np.int64
        )

    @cached_property
    def nameless(self) -> npt.NDArray[np.int64]:
        """Rank -> records without a name that may stand with one value of contact data; 0 for what is none."""
        return np.array([n.records or 0 for n in self.namespaces], dtype=np.int64)

    @cached_property
    def lowest_cap(self) -> int:
        """The lowest of all caps: what stands with no more than that is not shared."""
        return min(n.cap.count if n.records is None else min(n.cap.count, n.records) for n in self.namespaces)

    @cached_property
    def star(self) -> int:
        """The lowest limit of what is not unique: fewer values break none."""
        return min((n.limit.count for n in self.namespaces if not n.unique), default=1)

    @cached_property
    def unique(self) -> frozenset[int]:
        """The ranks of which two values never belong to one person."""
        return frozenset(n.rank for n in self.namespaces if n.unique)

    def too_many(self, rank: int, times: Iterable[int]) -> bool:
        """Say whether values of the namespace with `rank`, first seen at `times`, are more than one person may have."""
        limit = self.limits[rank]
        ordered = sorted(times)
        if len(ordered) <= limit.count:
            return False
        if limit.window is None:
            return True
        return any(
            last - first < limit.window for first, last in zip(ordered, ordered[limit.count :], strict=False)
        )

    def veto(self, x: Mapping[int, list[int]], y: Mapping[int, list[int]]) -> int | None:
        """Return the rank of the namespace that forbids two sets of subjects to become one, None if none does.

        Parameters
        ----------
        x, y
            Rank -> times at which each value of that namespace was first seen.
        """
        if len(y) < len(x):
            x, y = y, x
        for rank in sorted(x):
            if (
                rank in y
                and len(x[rank]) + len(y[rank]) > self.limits[rank].count
                and self.too_many(rank, x[rank] + y[rank])
            ):
                return rank
        return None

    def guard_of(self, rank: int) -> str:
        """Return what the guard is called that a veto by this namespace stands for."""
        return "unique" if self.namespaces[rank].unique else "limit"


EVER = 1 << 61
"""Microseconds: a window that holds every time."""


def most_within(times: Iterable[int], window: int) -> int:
    """Return how many of `times` lie within any one window at most: from one of them to less than `window` microseconds later.

    Examples
    --------
    >>> most_within([50, 0, 1, 2, 51], 10), most_within([0, 10], 10), most_within([], 10)
    (3, 1, 0)
    """
    ordered: Sequence[int] = sorted(times)
    most = first = 0
    for last, at in enumerate(ordered):
        while at - ordered[first] >= window:
            first += 1
        most = max(most, last - first + 1)
    return most


def strength(weak: int, strong: int) -> int:
    """Return which evidence on an identifier of rank `weak` comes first, by the rank of the stronger end: the lowest.

    On devices and cookies all accounts are alike, so that the first to log in has what came before, whatever kind of account it is.

    Examples
    --------
    >>> strength(RANKS["phone"], RANKS["user_id"]), strength(RANKS["device_id"], RANKS["user_id"])
    (1, 0)
    """
    return 0 if weak >= ANONYMOUS_FROM and strong in ACCOUNTS else strong


def mask(namespace: str, value: str) -> str:
    """Return a value so that its owner knows it again and nobody else can use it.

    Examples
    --------
    >>> mask("phone", "+8613812348001"), mask("email", "wang.wei@example.com"), mask("member_id", "M20001234")
    ('+86138****8001', 'w***@example.com', 'M2****34')
    >>> mask("name", "王小明"), mask("user_id", "u7")
    ('王**', 'u*')
    """
    if namespace == "phone" and len(value) > 8:
        return value[: max(1, len(value) - 8)] + "****" + value[-4:]
    local, _, domain = value.rpartition("@")
    if namespace == "email" and local:
        return f"{local[:1]}***@{domain}"
    source, colon, key = value.partition(":")
    if namespace == "record" and colon and source.isdecimal():
        return f"{source}:{mask('', key)}"
    if len(value) < 8:
        return value[: len(value) > 1] + "*" * max(1, len(value) - 1)
    return value[:2] + "****" + value[-2:]
