"""Writing an e-mail: headers that mail providers ask of whoever writes to many, the text, and beside it the same as HTML.

References
----------
RFC 5322, 2045, 2047: form; RFC 2369, 8058: `List-Unsubscribe`, by one click; RFC 3834: nobody's out-of-office answers it.
"""

from __future__ import annotations

import base64
import hashlib
import re
from email.utils import formatdate
from functools import lru_cache

from zerodistance.core.outreach.channels.described import Email
from zerodistance.core.outreach.contracts import Outgoing

_LOCAL = re.compile(r"[^\s<>\"(),:;\\@\[\]\x00-\x1f\x7f]{1,64}")
_DOMAIN = re.compile(
    r"([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", re.IGNORECASE
)
_PLAIN = re.compile(r"[A-Za-z0-9 !#$%&'*+/=?^_`{|}~-]*")
_ENDS = re.compile(r"\r\n|\r|\n")
_WORD_BYTES = 45  # an encoded word has 75 characters at most (RFC 2047, 2): 12 stand around the base64
_LINE = 900  # a line has 998 characters at most (RFC 5322, 2.1.1)


def recipient(address: str) -> str | None:
    r"""Return an address as it stands in an envelope, its domain in ASCII; None: it is none that can be written to.

    Examples
    --------
    >>> recipient("Li@bücher.example"), recipient("a b@example.com"), recipient("x@example.com>\r\nDATA")
    ('Li@xn--bcher-kva.example', None, None)
    """
    local, sign, domain = address.rpartition("@")
    if not sign or not _LOCAL.fullmatch(local) or ".." in local or local[0] == "." or local[-1] == ".":
        return None
    if not domain.isascii():
        try:
            domain = domain.encode("idna").decode()
        except UnicodeError:
            return None
    if len(domain) > 253 or not _DOMAIN.fullmatch(domain):
        return None
    return f"{local}@{domain}"


def return_path(spec: Email, token: str) -> str:
    """Return where what comes back of one message goes: `bounces+TOKEN@example.com`."""
    local, _, domain = spec.returns.rpartition("@")
    return f"{local}+{token}@{domain}"


def compose(spec: Email, one: Outgoing, to: str, seconds: float) -> bytes:
    """Return a message with lines that end in CRLF.

    Parameters
    ----------
    to
        Its recipient, as `recipient` returned it.
    seconds
        Now, in seconds since 1970-01-01 UTC.
    """
    back = return_path(spec, one.return_token)
    head = [
        f"From: {_mailbox(spec.name.get(one.lang), spec.sender)}",
        f"To: {to}",
        f"Subject: {encoded(_one_line(one.subject), 9)}",
        f"Date: {formatdate(int(seconds)).replace('-0000', '+0000')}",
        f"Message-ID: <{one.return_token}@{spec.sender.rpartition('@')[2]}>",
        "MIME-Version: 1.0",
        "Auto-Submitted: auto-generated",
    ]
    if spec.reply_to:
        head.append(f"Reply-To: {spec.reply_to}")
    if one.opt_out_url:
        head.append(f"List-Unsubscribe: <{one.opt_out_url}>,\r\n <mailto:{back}?subject=unsubscribe>")
        if one.opt_out_url.startswith("https://"):  # RFC 8058 allows nothing else
            head.append("List-Unsubscribe-Post: List-Unsubscribe=One-Click")
    if one.html is None:
        body = _part("plain", one.text)
    else:
        mark = hashlib.sha256(one.return_token.encode()).hexdigest()[:24]
        parts = [_part("plain", one.text), _part("html", one.html)]
        inner = "".join(f"--={mark}\r\n{part}\r\n" for part in parts)
        body = f'Content-Type: multipart/alternative; boundary="={mark}"\r\n\r\n{inner}--={mark}--\r\n'
    return ("\r\n".join(head) + "\r\n" + body).encode()


def _part(subtype: str, text: str) -> str:
    lines = _ENDS.sub("\r\n", text)
    if not lines.endswith("\r\n"):
        lines += "\r\n"
    if lines.isascii() and "\0" not in lines and max(map(len, lines.split("\r\n"))) < _LINE:
        return f"Content-Type: text/{subtype}; charset=us-ascii\r\n\r\n{lines}"
    packed = base64.encodebytes(lines.encode("utf-8", "replace")).decode().replace("\n", "\r\n")
    return f"Content-Type: text/{subtype}; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n{packed}"


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _mailbox(name: str, address: str) -> str:
    return f"{encoded(name, 6)} <{address}>" if name else address


@lru_cache(maxsize=1_000)
def encoded(text: str, begun: int) -> str:
    """Return a text as it may stand in a header: as it is, or in encoded words on lines of their own.

    Parameters
    ----------
    begun
        How many characters of the first line stand before it.

    Examples
    --------
    >>> encoded("Your filter is due", 9), encoded("滤芯", 9)
    ('Your filter is due', '=?utf-8?b?5ruk6Iqv?=')
    """
    if _PLAIN.fullmatch(text) and len(text) + begun < 76 and not text.startswith("=?"):
        return text
    words: list[bytes] = [b""]
    for sign in text:
        raw = sign.encode("utf-8", "replace")
        if len(words[-1]) + len(raw) > (_WORD_BYTES if len(words) > 1 else _WORD_BYTES - begun):
            words.append(b"")
        words[-1] += raw
    return "\r\n ".join(f"=?utf-8?b?{base64.b64encode(word).decode()}?=" for word in words)
