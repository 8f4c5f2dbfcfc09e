"""Who asks: every verb of a room takes a `Who` and applies its permissions and units itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from zerodistance.kernel.errors import Forbidden


class Permission(StrEnum):
    """What an account may be allowed to do."""

    SEE_PERSONS = "see_persons"
    REVEAL = "reveal"
    MANAGE_SOURCES = "manage_sources"
    IMPORT = "import"
    MANAGE_SEGMENTS = "manage_segments"
    APPROVE_AUDIENCES = "approve_audiences"
    SEND = "send"
    APPROVE_SENDS = "approve_sends"
    MANAGE_OUTREACH = "manage_outreach"
    MANAGE_BRAND = "manage_brand"
    MANAGE_ACCOUNTS = "manage_accounts"
    FORGET = "forget"
    OPERATE = "operate"


class Role(StrEnum):
    """What an account is for."""

    ADMIN = "admin"
    ANALYST = "analyst"
    PLANNER = "planner"
    MARKETER = "marketer"
    SYSTEM = "system"


_MAY: dict[Role, frozenset[Permission]] = {
    Role.ADMIN: frozenset(Permission),
    Role.SYSTEM: frozenset(Permission),
    Role.ANALYST: frozenset(
        {
            Permission.SEE_PERSONS,
            Permission.MANAGE_SEGMENTS,
            Permission.APPROVE_AUDIENCES,
            Permission.SEND,
            Permission.APPROVE_SENDS,
        }
    ),
    Role.PLANNER: frozenset(),
    Role.MARKETER: frozenset({Permission.SEND}),  # to people whom it can reach and not see
}


@dataclass(frozen=True, slots=True)
class Who:
    """The account on whose behalf a verb runs.

    `units` empty means every unit of the brand.
    """

    account: int | None
    name: str
    role: Role
    units: frozenset[int] = field(default_factory=frozenset)
    lang: str = "zh"

    @classmethod
    def system(cls, name: str = "system") -> Who:
        """Return the program itself: jobs, the worker, the command line of the person who owns the home."""
        return cls(None, name, Role.SYSTEM)

    def may(self, permission: Permission) -> bool:
        """Say whether this account has `permission`."""
        return permission in _MAY[self.role]

    def need(self, permission: Permission) -> None:
        """Raise `Forbidden` unless this account has `permission`."""
        if not self.may(permission):
            raise Forbidden(who=self.name, permission=permission.value)

    def sees_unit(self, unit: int | None) -> bool:
        """Say whether rows of `unit` are inside this account's right; rows without a unit are everybody's."""
        return unit is None or not self.units or unit in self.units

    def need_unit(self, unit: int | None) -> None:
        """Raise `Forbidden` unless this account may change rows of `unit`: those of the whole brand are not changed by an account of units, which sees them."""
        if self.units and unit not in self.units:
            raise Forbidden(who=self.name, permission="the whole brand" if unit is None else f"unit {unit}")
