"""Credentials of feeds: sealed under the home's key, set and used, never shown; or in the environment of whoever runs the feed."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass

from sqlalchemy import delete, select

from zerodistance.connectors.feeds import store
from zerodistance.connectors.feeds.contracts import Secret
from zerodistance.kernel import clock
from zerodistance.kernel.access import Permission, Who
from zerodistance.kernel.errors import Invalid, ZeroDistanceError
from zerodistance.kernel.home import Home
from zerodistance.kernel.logs import log
from zerodistance.kernel.state import upsert
from zerodistance.kernel.text import Text

NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,62}")
_LONGEST = 65_536  # own value: a private key has some thousand characters


class NoSecret(ZeroDistanceError):
    """A feed names a credential that is not there."""

    code, status = "no_secret", 404
    text = Text(
        "没有密文 {name}；用 `zerodistance feeds secret set {name}` 写入",
        "there is no secret {name}; set it with `zerodistance feeds secret set {name}`",
    )


class NoVariable(ZeroDistanceError):
    """A feed names an environment variable that the process does not have."""

    code, status = "no_variable", 404
    text = Text(
        "环境变量 {name} 没有设置；运行取数的进程（serve）启动时要带上它，或改用 `zerodistance feeds secret set`",
        "the environment variable {name} is not set; start the process that runs the feed (serve) with it, or use "
        "`zerodistance feeds secret set`",
    )


@dataclass(frozen=True)
class Kept:
    """That a secret is kept; what it is, nobody is told."""

    name: str
    set_by: str
    set_at: int


def _where(name: str) -> bytes:
    return b"feed-secret/" + name.encode()


def set_secret(home: Home, who: Who, name: str, value: str) -> Kept:
    """Keep a credential, sealed; one of the same name is replaced.

    Raises
    ------
    Forbidden
        The account may not manage sources.
    Invalid
        The name or the value can't be one.
    """
    who.need(Permission.MANAGE_SOURCES)
    if not NAME.fullmatch(name):
        why = Text("小写字母、数字和 - _ . ，最多 63 个", "lower-case letters, digits and - _ . , 63 at most")
        raise Invalid(field=Text("密文的名称", "the name of a secret"), given=name, why=why)
    if not value or len(value) > _LONGEST or "\0" in value:
        why = Text(f"需要 1 到 {_LONGEST} 个字符", f"it needs 1 to {_LONGEST} characters")
        raise Invalid(field=Text("密文", "the secret"), given="…", why=why)
    sealed = home.seal.seal(value.encode(), _where(name))
    now = clock.micros()
    values = {"sealed": sealed, "set_by": who.name, "set_at": now}
    made = upsert(store.feed_secret).values(name=name, **values)
    with home.state.write() as tx:
        tx.execute(made.on_conflict_do_update(index_elements=["name"], set_=values))
    home.state.scrub([store.feed_secret.name])
    log("feeds").warning("secret_set", secret=name, who=who.name)
    return Kept(name, who.name, now)


def list_secrets(home: Home, who: Who) -> list[Kept]:
    """Return which secrets are kept, by name."""
    who.need(Permission.MANAGE_SOURCES)
    s = store.feed_secret
    with home.state.read() as tx:
        rows = tx.execute(select(s.c.name, s.c.set_by, s.c.set_at).order_by(s.c.name)).all()
    return [Kept(*row) for row in rows]


def remove_secret(home: Home, who: Who, name: str) -> None:
    """Remove a secret, and leave no trace of it in the state.

    Raises
    ------
    NoSecret
        There is none of this name.
    """
    who.need(Permission.MANAGE_SOURCES)
    with home.state.write() as tx:
        gone = tx.execute(delete(store.feed_secret).where(store.feed_secret.c.name == name)).rowcount
    if not gone:
        raise NoSecret(name=name)
    home.state.scrub([store.feed_secret.name])
    log("feeds").warning("secret_removed", secret=name, who=who.name)


def is_kept(home: Home, secret: Secret) -> bool:
    """Say whether what a reference names is there; of the environment only whoever runs the feed can tell."""
    if secret.env:
        return True
    s = store.feed_secret
    with home.state.read() as tx:
        return tx.execute(select(s.c.name).where(s.c.name == secret.name)).first() is not None


def reveal(home: Home, secret: Secret) -> str:
    """Return a credential, for the run that needs it.

    Raises
    ------
    NoSecret, NoVariable
        It is not there.
    WrongKey
        It was sealed under another key.
    """
    if secret.env:
        found = os.environ.get(secret.name)
        if not found:
            raise NoVariable(name=secret.name)
        return secret.prefix + found
    s = store.feed_secret
    with home.state.read() as tx:
        sealed = tx.execute(select(s.c.sealed).where(s.c.name == secret.name)).scalar()
    if sealed is None:
        raise NoSecret(name=secret.name)
    return secret.prefix + home.seal.open(sealed, _where(secret.name)).decode()
