"""What crosses between the portal's accounts and its pages: accounts, API keys, and what can be wrong with a login."""

from __future__ import annotations

from dataclasses import dataclass

from zerodistance.kernel.access import Role, Who
from zerodistance.kernel.errors import ZeroDistanceError
from zerodistance.kernel.text import Text


class WrongLogin(ZeroDistanceError):
    """The name or the password is wrong; which of the two is not said."""

    code, status = "wrong_login", 401
    text = Text(
        "账号或密码不对；再错 {left} 次后要等 15 分钟",
        "name or password is wrong; {left} tries are left before a wait of 15 minutes",
    )


class TooManyTries(ZeroDistanceError):
    """Too many failed logins."""

    code, status, retry = "too_many_tries", 429, True
    text = Text(
        "错的次数太多，请过 {minutes} 分钟再试", "too many failed tries; try again in {minutes} minutes"
    )


class OnceUsed(ZeroDistanceError):
    """A one-time link is unknown, used or older than a day."""

    code, status = "once_used", 410
    text = Text(
        "这个链接只能用一次、24 小时内有效，现在已经不能用了；请管理员再给一个，或运行 `zerodistance accounts login-link`",
        "this link works once and for 24 hours, and no longer does; ask an admin for another, or run `zerodistance accounts login-link`",
    )


class NameTaken(ZeroDistanceError):
    """An account or API key of this name exists."""

    code, status = "name_taken", 409
    text = Text("已经有叫“{name}”的了", "the name {name} is taken")


class LastAdmin(ZeroDistanceError):
    """The last admin can't be switched off."""

    code, status = "last_admin", 409
    text = Text("这是最后一个管理员，不能停用", "this is the last admin and can't be switched off")


@dataclass(frozen=True)
class Account:
    """Somebody who may log in."""

    number: int
    name: str
    role: Role
    lang: str | None
    theme: str | None
    created_at: int
    disabled_at: int | None
    has_password: bool
    seen_at: int | None = None
    units: frozenset[int] = frozenset()

    def who(self, lang: str) -> Who:
        """Return the account as every verb asks for it."""
        return Who(self.number, self.name, self.role, self.units, lang)


@dataclass(frozen=True)
class ApiKey:
    """A key with which a program asks the API."""

    number: int
    name: str
    role: Role
    created_by: str
    created_at: int
    off_at: int | None
    units: frozenset[int] = frozenset()


class PasswordShort(ZeroDistanceError):
    """A password is too short."""

    code, status = "password_short", 400
    text = Text(
        "给了 {given} 个字符，至少要 {least} 个", "{given} characters given; at least {least} are needed"
    )


class PasswordIsName(ZeroDistanceError):
    """A password is the account's name."""

    code, status = "password_is_name", 400
    text = Text("密码不能与账号名相同", "the password can't be the account's name")


class PasswordsDiffer(ZeroDistanceError):
    """Two entries of a new password differ."""

    code, status = "passwords_differ", 400
    text = Text("两次输入不一样", "the two entries differ")


class WrongOldPassword(ZeroDistanceError):
    """The present password was not given rightly."""

    code, status = "wrong_old_password", 400
    text = Text("现在的密码不对", "the present password is wrong")
