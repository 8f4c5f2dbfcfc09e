"""Accounts of the portal: who may log in, with a password set through a link that works once."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Sequence
from functools import lru_cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import Connection, RowMapping, delete, insert, select, update
from sqlalchemy import func as sql

from zerodistance.core.brand import api as brand
from zerodistance.doors.portal import store
from zerodistance.doors.portal.contracts import (
    Account,
    LastAdmin,
    NameTaken,
    OnceUsed,
    PasswordIsName,
    PasswordsDiffer,
    PasswordShort,
    TooManyTries,
    WrongLogin,
    WrongOldPassword,
)
from zerodistance.kernel import clock
from zerodistance.kernel.access import Permission, Role, Who
from zerodistance.kernel.errors import Invalid, NotFound
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text

TABLES = tuple(t.name for t in (store.account, store.session, store.once, store.failure, store.api_key))
"""What stays when a home is emptied."""
ONCE_HOURS = 24
PASSWORD_LENGTH = 10  # own value, above the 8 of NIST SP 800-63B
WINDOW = 15 * 60 * clock.MICROS_PER_SECOND  # own value: failures older than this no longer count
LIMITS = {"pair": 5, "address": 30, "account": 100}  # own values: failures within the window
NAME = re.compile(r"[\w.@-]{2,40}")
ROLES = (Role.ADMIN, Role.ANALYST, Role.PLANNER, Role.MARKETER)
_ACCOUNT = Text("账号", "account")
_NAME_ALLOWED = Text(
    "可用 2 到 40 个字母、数字、. @ _ 和 -", "2 to 40 letters, digits, . @ _ or - are allowed"
)


@lru_cache(maxsize=1)
def _hasher() -> PasswordHasher:
    return PasswordHasher()


@lru_cache(maxsize=1)
def _nobody() -> str:
    """Return a hash that no password has, so that an unknown name takes as long as a known one."""
    return _hasher().hash(secrets.token_urlsafe(32))


def digest(secret: str) -> bytes:
    """Return the form in which a session, link or API key is stored."""
    return hashlib.sha256(secret.encode()).digest()


def check_role(role: Role) -> None:
    """Raise `Invalid` for a role that nobody may be given."""
    if role not in ROLES:
        why = Text(
            "可用 admin（管理员）、analyst（分析员）、planner（企划员）、marketer（营销员）",
            "admin, analyst, planner or marketer are allowed",
        )
        raise Invalid(field=Text("角色", "the role"), given=role.value, why=why)


def units_of(held: str | None) -> frozenset[int]:
    """Return the numbers of units as a row holds them; none: every unit."""
    return frozenset(int(number) for number in held.split(",")) if held else frozenset()


def numbers_of(home: Home, units: Sequence[str]) -> str | None:
    """Return units, named by their keys, as a row holds them; raises NotFound for one that there is not."""
    return ",".join(str(n) for n in sorted({brand.unit(home, key).number for key in units})) or None


def account_of_row(row: RowMapping, seen_at: int | None = None) -> Account:
    """Return a row of the table as an account."""
    return Account(
        number=row["number"],
        name=row["name"],
        role=Role(row["role"]),
        units=units_of(row["units"]),
        lang=row["lang"],
        theme=row["theme"],
        created_at=row["created_at"],
        disabled_at=row["disabled_at"],
        has_password=row["password"] is not None,
        seen_at=seen_at,
    )


def _named(tx: Connection, name: str) -> RowMapping | None:
    return tx.execute(select(store.account).where(store.account.c.name == name)).mappings().first()


def _by_number(tx: Connection, number: int) -> RowMapping:
    row = tx.execute(select(store.account).where(store.account.c.number == number)).mappings().first()
    if row is None:
        raise NotFound(what=_ACCOUNT, given=number)
    return row


def accounts(home: Home, who: Who) -> list[Account]:
    """Return every account, the newest session of each as `seen_at`."""
    who.need(Permission.MANAGE_ACCOUNTS)
    latest = select(store.session.c.account, sql.max(store.session.c.created_at)).group_by(
        store.session.c.account
    )
    with home.state.read() as tx:
        seen: dict[int, int] = {row[0]: row[1] for row in tx.execute(latest)}
        rows = tx.execute(select(store.account).order_by(store.account.c.number)).mappings().all()
    return [account_of_row(row, seen.get(row["number"])) for row in rows]


def create(home: Home, who: Who, name: str, role: Role = Role.ANALYST, units: Sequence[str] = ()) -> Account:
    """Create an account without a password; `one_time_login` gives the link that sets one.

    Parameters
    ----------
    units
        Keys of the units to whose rows it is limited; none: every unit.
    """
    who.need(Permission.MANAGE_ACCOUNTS)
    held = numbers_of(home, units)
    if not NAME.fullmatch(name):
        raise Invalid(field=Text("账号名", "the name"), given=name, why=_NAME_ALLOWED)
    check_role(role)
    with home.state.write() as tx:
        if _named(tx, name) is not None:
            raise NameTaken(name=name)
        values = {"name": name, "role": role.value, "units": held, "created_at": clock.micros()}
        tx.execute(insert(store.account).values(values))
        row = _named(tx, name)
    assert row is not None
    return account_of_row(row)


def set_units(home: Home, who: Who, name: str, units: Sequence[str]) -> None:
    """Limit an account to the rows of these units, named by their keys; none: every unit."""
    who.need(Permission.MANAGE_ACCOUNTS)
    held = numbers_of(home, units)
    with home.state.write() as tx:
        if _named(tx, name) is None:
            raise NotFound(what=_ACCOUNT, given=name)
        tx.execute(update(store.account).where(store.account.c.name == name).values(units=held))


def one_time_login(home: Home, who: Who, name: str) -> str:
    """Return a secret that lets the account set a password once within `ONCE_HOURS`; older ones end."""
    who.need(Permission.MANAGE_ACCOUNTS)
    secret = secrets.token_urlsafe(24)
    now = clock.micros()
    with home.state.write() as tx:
        row = _named(tx, name)
        if row is None:
            raise NotFound(what=_ACCOUNT, given=name)
        tx.execute(delete(store.once).where(store.once.c.account == row["number"]))
        expires = now + ONCE_HOURS * 3_600 * clock.MICROS_PER_SECOND
        values = {
            "secret_hash": digest(secret),
            "account": row["number"],
            "created_at": now,
            "expires_at": expires,
        }
        tx.execute(insert(store.once).values(values))
    return secret


def make_one_time_login(home: Home, account: str = "admin") -> str:
    """Return the secret of a one-time login for `account`, made as an admin if it does not exist.

    For `init`, `serve` and `demo`: whoever can read the home's key may do everything in it. The page is `/once/<secret>`.
    """
    who = Who.system("cli")
    with home.state.read() as tx:
        there = _named(tx, account)
    if there is None:
        create(home, who, account, Role.ADMIN)
    return one_time_login(home, who, account)


def has_password(home: Home) -> bool:
    """Say whether anybody can log in yet."""
    with home.state.read() as tx:
        found = tx.execute(
            select(store.account.c.number).where(store.account.c.password.is_not(None)).limit(1)
        )
        return found.first() is not None


def once_account(home: Home, secret: str) -> Account:
    """Return whose one-time link this is, without using it up.

    Raises
    ------
    OnceUsed
        It is unknown, used or too old.
    """
    with home.state.read() as tx:
        return account_of_row(_open_link(tx, secret))


def _open_link(tx: Connection, secret: str) -> RowMapping:
    link = tx.execute(select(store.once).where(store.once.c.secret_hash == digest(secret))).mappings().first()
    if link is None or link["used_at"] is not None or link["expires_at"] < clock.micros():
        raise OnceUsed()
    row = _by_number(tx, link["account"])
    if row["disabled_at"] is not None:
        raise OnceUsed()
    return row


def check_password(password: str, again: str, name: str) -> None:
    """Raise `Invalid` for a password that is too short, the name itself, or typed differently."""
    if len(password) < PASSWORD_LENGTH:
        raise PasswordShort(given=len(password), least=PASSWORD_LENGTH)
    if password.casefold() == name.casefold():
        raise PasswordIsName()
    if password != again:
        raise PasswordsDiffer()


def use_once(home: Home, secret: str, password: str, again: str) -> Account:
    """Set the password of a one-time link's account and use the link up."""
    account = once_account(home, secret)
    check_password(password, again, account.name)
    hashed = _hasher().hash(password)
    with home.state.write() as tx:
        row = _open_link(tx, secret)
        now = clock.micros()
        tx.execute(update(store.once).where(store.once.c.secret_hash == digest(secret)).values(used_at=now))
        tx.execute(
            update(store.account).where(store.account.c.number == row["number"]).values(password=hashed)
        )
        tx.execute(delete(store.session).where(store.session.c.account == row["number"]))
    return account


def log_in(home: Home, name: str, password: str, address: str) -> Account:
    """Return the account of a name and password.

    Raises
    ------
    WrongLogin, TooManyTries
        With the tries left, or the minutes to wait.
    """
    keys = {kind: home.seal.token(f"login.{kind}", value) for kind, value in _keys(name, address).items()}
    left = _tries_left(home, keys)
    with home.state.read() as tx:
        row = _named(tx, name)
    stored = row["password"] if row is not None and row["disabled_at"] is None else None
    right = _matches(stored or _nobody(), password) and stored is not None
    if row is None or not right:
        with home.state.write() as tx:
            tx.execute(insert(store.failure), [{"key": key, "at": clock.micros()} for key in keys.values()])
        raise WrongLogin(left=left - 1)
    with home.state.write() as tx:
        tx.execute(delete(store.failure).where(store.failure.c.key == keys["pair"]))
        tx.execute(delete(store.failure).where(store.failure.c.at < clock.micros() - WINDOW))
        if _hasher().check_needs_rehash(row["password"]):
            change = update(store.account).where(store.account.c.number == row["number"])
            tx.execute(change.values(password=_hasher().hash(password)))
    return account_of_row(row)


def _keys(name: str, address: str) -> dict[str, str]:
    return {"pair": f"{name}\0{address}", "address": address, "account": name}


def _tries_left(home: Home, keys: dict[str, bytes]) -> int:
    since, left = clock.micros() - WINDOW, LIMITS["pair"]
    with home.state.read() as tx:
        for kind, key in keys.items():
            times = select(store.failure.c.at).where(store.failure.c.key == key, store.failure.c.at > since)
            at = list(tx.execute(times.order_by(store.failure.c.at)).scalars())
            if len(at) >= LIMITS[kind]:
                wait = at[-LIMITS[kind]] + WINDOW - clock.micros()
                raise TooManyTries(minutes=max(1, -(-wait // (60 * clock.MICROS_PER_SECOND))))
            left = min(left, LIMITS[kind] - len(at))
    return left


def _matches(hashed: str, password: str) -> bool:
    try:
        return _hasher().verify(hashed, password)
    except (VerificationError, InvalidHashError):
        return False


def change_password(home: Home, who: Who, old: str, new: str, again: str) -> None:
    """Change one's own password; every session of the account ends."""
    with home.state.read() as tx:
        row = _by_number(tx, who.account or 0)
    if not _matches(row["password"] or _nobody(), old):
        raise WrongOldPassword()
    check_password(new, again, row["name"])
    hashed = _hasher().hash(new)
    with home.state.write() as tx:
        tx.execute(
            update(store.account).where(store.account.c.number == row["number"]).values(password=hashed)
        )
        tx.execute(delete(store.session).where(store.session.c.account == row["number"]))


def set_look(home: Home, who: Who, *, lang: str | None = None, theme: str | None = None) -> None:
    """Keep one's own language and theme."""
    values: dict[str, str | None] = {}
    if lang in ("zh", "en"):
        values["lang"] = lang
    if theme in ("light", "dark", "system"):
        values["theme"] = None if theme == "system" else theme
    if values and who.account is not None:
        with home.state.write() as tx:
            tx.execute(update(store.account).where(store.account.c.number == who.account).values(values))


def disable(home: Home, who: Who, number: int, *, off: bool = True) -> None:
    """Switch an account off (its sessions and links end) or on again."""
    who.need(Permission.MANAGE_ACCOUNTS)
    with home.state.write() as tx:
        row = _by_number(tx, number)
        if off:
            others = select(sql.count()).where(
                store.account.c.role == Role.ADMIN.value,
                store.account.c.disabled_at.is_(None),
                store.account.c.number != number,
            )
            if row["role"] == Role.ADMIN.value and not tx.execute(others).scalar_one():
                raise LastAdmin()
            tx.execute(delete(store.session).where(store.session.c.account == number))
            tx.execute(delete(store.once).where(store.once.c.account == number))
        at = clock.micros() if off else None
        tx.execute(update(store.account).where(store.account.c.number == number).values(disabled_at=at))
