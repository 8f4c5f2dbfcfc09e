"""Addresses in messages: they lead to this door first, name nobody, and can't be guessed; one of them withdraws by one click.

A token is the id of the message, the number of the link and a keyed hash of both: whoever has it was sent it, nobody counts upwards from it, and nothing has
to be looked up to tell a made-up one.

References
----------
RFC 8058: one click; RFC 2369: `List-Unsubscribe`. VERP: an answer to a message comes back to an address of its own.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import html as html_text
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from sqlalchemy import Connection

from zerodistance.core.outreach.channels import store
from zerodistance.kernel import clock
from zerodistance.kernel.home import Home
from zerodistance.kernel.seal import Seal

ID_BYTES, LINK_BYTES = 12, 3
_HASH, _RETURN_HASH = 9, 8  # own values: 72 and 64 bits that nobody guesses over the network
OPENED, CLICKED, OPT_OUT, RETURNED = "o", "m", "u", "r"
_URL = re.compile(r"https?://[^\s<>\"'`，。；！？、（）《》【】]+", re.IGNORECASE)
_HREF = re.compile(r"(<a\s[^>]*?href=\")(https?://[^\"]+)(\")", re.IGNORECASE)
_TRAILING = ".,;:!?)]}'\""
LONGEST_URL = 2_000  # own value: what browsers and gateways take for sure
_known: dict[tuple[Path, str], int] = {}
_KNOWN_MOST = 20_000  # own value: links that a process remembers


@dataclass(frozen=True, slots=True)
class Token:
    """What a token says: which message, and of a click which link."""

    message: str
    link: int = 0


def base(home: Home) -> str:
    """Return the address under which people reach this door, without a slash at its end."""
    given = home.settings.public_url.rstrip("/")
    host = home.settings.host if ":" not in home.settings.host else f"[{home.settings.host}]"
    return given or f"http://{host}:{home.settings.port}"


def opt_out_url(home: Home, message_id: str) -> str:
    """Return where one click withdraws from what a message is for, on its channel."""
    return f"{base(home)}/u/{_written(home.seal, OPT_OUT, bytes.fromhex(message_id))}"


def opened_url(home: Home, message_id: str) -> str:
    """Return the address of the picture that says that a message was looked at."""
    return f"{base(home)}/m/{_written(home.seal, OPENED, bytes.fromhex(message_id))}.gif"


def click_url(home: Home, message_id: str, link: int) -> str:
    """Return the address that leads to a link by way of this door."""
    data = bytes.fromhex(message_id) + link.to_bytes(LINK_BYTES, "big")
    return f"{base(home)}/m/{_written(home.seal, CLICKED, data)}"


def return_token(home: Home, message_id: str) -> str:
    """Return what an answer to a message is known by: 32 lower-case letters and digits, as may stand in an address."""
    data = bytes.fromhex(message_id)
    signed = data + _hash(home.seal, RETURNED, data)[:_RETURN_HASH]
    return base64.b32encode(signed).decode().lower()


def read(seal: Seal, kind: str, token: str) -> Token | None:
    """Return what a token says; None: this home did not make it, or made it for something else."""
    if kind == RETURNED:
        return _returned(seal, token)
    try:
        raw = base64.b64decode(token, altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    data, signed = raw[:-_HASH], raw[-_HASH:]
    size = ID_BYTES + (LINK_BYTES if kind == CLICKED else 0)
    if len(data) != size or not hmac.compare_digest(signed, _hash(seal, kind, data)[:_HASH]):
        return None
    return Token(data[:ID_BYTES].hex(), int.from_bytes(data[ID_BYTES:], "big"))


def _returned(seal: Seal, token: str) -> Token | None:
    try:
        raw = base64.b32decode(token.upper())
    except (binascii.Error, ValueError):
        return None
    data, signed = raw[:ID_BYTES], raw[ID_BYTES:]
    if len(data) != ID_BYTES or not hmac.compare_digest(signed, _hash(seal, RETURNED, data)[:_RETURN_HASH]):
        return None
    return Token(data.hex())


def traced(
    home: Home, message_id: str, text: str, html: str | None = None, tx: Connection | None = None
) -> tuple[str, str | None]:
    """Return a text and its HTML form with every web address leading by way of this door; the HTML with the picture that says it was opened.

    Addresses of the door itself stay as they are. An address that was never met is kept in the state: give the transaction if one is open.
    """
    own = base(home) + "/"

    def led(url: str) -> str:
        if url.startswith(own) or len(url) > LONGEST_URL or not _leads_somewhere(url):
            return url
        return click_url(home, message_id, _number(home, url, tx))

    def in_text(found: re.Match[str]) -> str:
        url = found[0].rstrip(_TRAILING)
        return led(url) + found[0][len(url) :]

    def in_html(found: re.Match[str]) -> str:
        return found[1] + html_text.escape(led(html_text.unescape(found[2]))) + found[3]

    told = _URL.sub(in_text, text)
    if html is None:
        return told, None
    picture = f'<img src="{opened_url(home, message_id)}" width="1" height="1" alt="">'
    marked = _HREF.sub(in_html, html)
    body = marked.lower().rfind("</body>")
    return told, marked + picture if body < 0 else marked[:body] + picture + marked[body:]


def url_of(home: Home, number: int) -> str | None:
    """Return the address that a link leads to."""
    with home.state.read() as tx:
        return store.url_of(tx, number)


def _leads_somewhere(url: str) -> bool:
    try:
        return bool(urlsplit(url).hostname)
    except ValueError:
        return False


def _number(home: Home, url: str, tx: Connection | None) -> int:
    known = _known.get((home.root, url))
    if known is not None:
        return known
    digest = hashlib.sha256(url.encode()).digest()[:16]
    if tx is not None:
        return store.add_link(tx, digest, url, clock.micros())  # not remembered: it may be rolled back
    with home.state.write() as mine:
        number = store.add_link(mine, digest, url, clock.micros())
    if len(_known) >= _KNOWN_MOST:
        _known.clear()
    _known[home.root, url] = number
    return number


def _hash(seal: Seal, kind: str, data: bytes) -> bytes:
    return seal.token(f"outreach.link.{kind}", data.hex())


def _written(seal: Seal, kind: str, data: bytes) -> str:
    return base64.urlsafe_b64encode(data + _hash(seal, kind, data)[:_HASH]).decode()
