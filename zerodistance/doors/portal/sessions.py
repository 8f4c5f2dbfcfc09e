"""Sessions of people and keys of programs: how a request says who asks."""

from __future__ import annotations

import secrets
from collections.abc import Sequence

from sqlalchemy import delete, insert, select, update

from zerodistance.doors.portal import store
from zerodistance.doors.portal.accounts import account_of_row, check_role, digest, numbers_of, units_of
from zerodistance.doors.portal.contracts import Account, ApiKey, NameTaken
from zerodistance.kernel import clock
from zerodistance.kernel.access import Permission, Role, Who
from zerodistance.kernel.errors import Invalid
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import Text

KEY_PREFIX = "zd_"
KEY_SECONDS = 5  # own value: how long an API key that was found is believed without another look
_found: dict[bytes, tuple[int, Who | None]] = {}


def open_session(home: Home, account: Account) -> str:
    """Begin a session and return what its cookie holds; sessions that ended are swept."""
    secret, now = secrets.token_urlsafe(32), clock.micros()
    expires = now + home.settings.session_hours * 3_600 * clock.MICROS_PER_SECOND
    with home.state.write() as tx:
        tx.execute(delete(store.session).where(store.session.c.expires_at < now))
        values = {
            "secret_hash": digest(secret),
            "account": account.number,
            "created_at": now,
            "expires_at": expires,
        }
        tx.execute(insert(store.session).values(values))
    return secret


def close_session(home: Home, secret: str) -> None:
    """End a session."""
    with home.state.write() as tx:
        tx.execute(delete(store.session).where(store.session.c.secret_hash == digest(secret)))


def account_of(home: Home, secret: str) -> Account | None:
    """Return whose session this is, None if it ended or the account is switched off."""
    found = (
        select(store.account)
        .join(store.session, store.session.c.account == store.account.c.number)
        .where(
            store.session.c.secret_hash == digest(secret),
            store.session.c.expires_at > clock.micros(),
            store.account.c.disabled_at.is_(None),
        )
    )
    with home.state.read() as tx:
        row = tx.execute(found).mappings().first()
    return None if row is None else account_of_row(row)


def create_key(home: Home, who: Who, name: str, role: Role = Role.ANALYST, units: Sequence[str] = ()) -> str:
    """Make an API key and return its secret, which is shown this once; `units` as for an account."""
    who.need(Permission.MANAGE_ACCOUNTS)
    held = numbers_of(home, units)
    if not name.strip() or len(name) > 60:
        why = Text("可用 1 到 60 个字符", "1 to 60 characters are allowed")
        raise Invalid(field=Text("密钥的名称", "the name of the key"), given=name, why=why)
    check_role(role)
    secret = KEY_PREFIX + secrets.token_urlsafe(30)
    values = {
        "name": name.strip(),
        "role": role.value,
        "units": held,
        "secret_hash": digest(secret),
        "created_by": who.name,
        "created_at": clock.micros(),
    }
    with home.state.write() as tx:
        if tx.execute(select(store.api_key.c.number).where(store.api_key.c.name == name.strip())).first():
            raise NameTaken(name=name)
        tx.execute(insert(store.api_key).values(values))
    return secret


def keys(home: Home, who: Who) -> list[ApiKey]:
    """Return every API key, without its secret."""
    who.need(Permission.MANAGE_ACCOUNTS)
    columns = [c for c in store.api_key.c if c.name != "secret_hash"]
    with home.state.read() as tx:
        rows = tx.execute(select(*columns).order_by(store.api_key.c.number)).mappings().all()
    return [ApiKey(**{**row, "role": Role(row["role"]), "units": units_of(row["units"])}) for row in rows]


def switch_key_off(home: Home, who: Who, number: int) -> None:
    """End an API key."""
    who.need(Permission.MANAGE_ACCOUNTS)
    with home.state.write() as tx:
        tx.execute(
            update(store.api_key).where(store.api_key.c.number == number).values(off_at=clock.micros())
        )
    _found.clear()


def who_of_key(home: Home, secret: str) -> Who | None:
    """Return the program behind an API key, None if there is none; believed for `KEY_SECONDS`."""
    hashed, now = digest(secret), clock.micros()
    known = _found.get(hashed)
    if known is not None and now - known[0] < KEY_SECONDS * clock.MICROS_PER_SECOND:
        return known[1]
    with home.state.read() as tx:
        row = (
            tx.execute(
                select(store.api_key).where(
                    store.api_key.c.secret_hash == hashed, store.api_key.c.off_at.is_(None)
                )
            )
            .mappings()
            .first()
        )
    who = None if row is None else Who(None, f"key:{row['name']}", Role(row["role"]), units_of(row["units"]))
    if len(_found) > 10_000:
        _found.clear()
    _found[hashed] = (now, who)
    return who
