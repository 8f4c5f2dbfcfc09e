"""Calling a web address: one host, a kept connection, an answer within a time, and the truth about whether the call was heard."""

from __future__ import annotations

import http.client
import select
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from zerodistance.kernel.text import Text

_AWAY = (
    OSError,
    ValueError,
    http.client.HTTPException,
)  # a name or a header that can't be written is a ValueError
LONG = 30.0
"""Own value, seconds: what a batch has not handed over by then goes back into the queue, and is asked about once more."""
TOO_SLOW = "it took too long"
_MOST = 1 << 20  # own value: bytes of an answer that are read


class NotHeard(Exception):
    """The call was certainly not heard: there was no connection, or not all of it was sent."""


class NotAnswered(Exception):
    """The call was sent, and no answer came: nobody knows whether it was heard."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered."""

    status: int
    body: bytes
    retry_after: str


class Line:
    """One host."""

    def __init__(self, url: str, timeout: float) -> None:
        parts = urlsplit(url)
        self._host, self._port, self._secure = parts.hostname or "", parts.port, parts.scheme == "https"
        self.target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        """Path and query of the address."""
        self._timeout = timeout
        self._open: http.client.HTTPConnection | None = None

    def call(self, method: str, target: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Call, and return the answer; redirects are not followed.

        Raises
        ------
        NotHeard, NotAnswered
            It did not come to one.
        """
        try:
            connection = self._connected()
        except _AWAY as error:
            raise NotHeard(reason(error)) from None
        try:
            connection.request(method, target, body, dict(headers))
        except _AWAY as error:  # not all of it is sent: nobody acts on a part
            self.close()
            raise NotHeard(reason(error)) from None
        try:
            response = connection.getresponse()
            read = response.read(_MOST)
            whole = not response.read(1)
        except _AWAY as error:
            self.close()
            raise NotAnswered(reason(error)) from None
        if response.will_close or not whole:
            self.close()
        return Answer(response.status, read, response.headers.get("Retry-After", ""))

    def connect(self) -> Text | None:
        """Open a connection; return why that can't be done."""
        try:
            self._connected()
        except _AWAY as error:
            said = reason(error)
            where = f"{self._host}:{self._port or (443 if self._secure else 80)}"
            return Text(f"{where} 连不上：{said}", f"{where} can't be reached: {said}")
        return None

    def close(self) -> None:
        """Give the connection back."""
        if self._open is not None:
            self._open.close()
        self._open = None

    def _connected(self) -> http.client.HTTPConnection:
        """Return a connection that the other side has not closed: what is said on such a one is lost, and nobody would know."""
        if self._open is not None and (
            self._open.sock is None or select.select([self._open.sock], [], [], 0)[0]
        ):
            self.close()
        if self._open is None:
            made: http.client.HTTPConnection
            if self._secure:
                context = ssl.create_default_context()
                made = http.client.HTTPSConnection(
                    self._host, self._port, timeout=self._timeout, context=context
                )
            else:
                made = http.client.HTTPConnection(self._host, self._port, timeout=self._timeout)
            made.connect()
            self._open = made
        return self._open


def reason(error: Exception) -> str:
    """Return why, in a word that holds nothing of what was sent."""
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, ConnectionRefusedError):
        return "the connection is refused"
    if isinstance(error, ssl.SSLCertVerificationError):
        return "its certificate can't be trusted"
    return type(error).__name__
