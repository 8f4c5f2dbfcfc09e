"""Asking one host over HTTP: within bounds of size and time, no faster than it wants, and nobody else."""

from __future__ import annotations

import http.client
import ssl
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from urllib.parse import urljoin, urlsplit, urlunsplit

from zerodistance.connectors.feeds.contracts import Http
from zerodistance.kernel import clock
from zerodistance.kernel.errors import ZeroDistanceError
from zerodistance.kernel.text import Text

_ANSWER, _WHOLE = (
    30.0,
    300.0,
)  # own values, seconds: until something comes, and until all of an answer is there
_TRIES, _FIRST_WAIT = (
    4,
    1.0,
)  # own values: how often a page is asked for, and the seconds before the second time
_WAIT_MOST = 60.0  # own value, seconds: a longer `Retry-After` ends the run
_REDIRECTS = 3  # own value
_BLOCK = 65_536
_AGAIN = (408, 429, 500, 502, 503, 504)


class ApiAway(ZeroDistanceError):
    """An API does not answer, or asks us to come later."""

    code, status, retry = "api_away", 502, True
    text = Text("接口 {place}：{why}", "the API {place}: {why}")

    def __init__(self, place: str, why: Text, after: float = 0.0) -> None:
        self.after = after
        super().__init__(place=place, why=why)


class ApiRefused(ZeroDistanceError):
    """An API answers what can't be followed."""

    code, status = "api_refused", 502
    text = Text("接口 {place}：{why}", "the API {place}: {why}")

    def __init__(self, place: str, zh: str, en: str) -> None:
        super().__init__(place=place, why=Text(zh, en))


@dataclass(frozen=True)
class Answer:
    """What an API said: body unpacked, names of headers in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Api:
    """One host, asked over one connection.

    Parameters
    ----------
    headers
        Sent with every question; they may hold a credential, and so go to this host only.
    wait
        Waits some seconds.
    """

    def __init__(self, spec: Http, headers: Mapping[str, str], wait: Callable[[float], None]) -> None:
        self._spec, self._headers, self._wait = spec, dict(headers), wait
        self._origin = origin(spec.url)
        self._connection: http.client.HTTPConnection | None = None

    def close(self) -> None:
        """Give the connection back."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def get(self, url: str) -> Answer:
        """Ask for one page, again where that can help.

        Raises
        ------
        ApiAway
            It does not answer, or wants us to come later than can be waited for.
        ApiRefused
            It leads elsewhere, says more than is allowed, or refuses.
        """
        for left in range(_TRIES - 1, -1, -1):
            pause = _FIRST_WAIT * 2 ** (_TRIES - 1 - left)
            try:
                answer = self._followed(url)
            except ApiAway:
                if not left:
                    raise
                self._wait(pause)
                continue
            if answer.status == 200:
                return answer
            if answer.status not in _AGAIN:
                said = f"回答 {answer.status}", f"it answers {answer.status}"
                raise ApiRefused(self._spec.place, *said)
            asked = retry_after(answer.headers.get("retry-after"))
            why = Text(f"回答 {answer.status}", f"it answers {answer.status}")
            if not left or asked > _WAIT_MOST:
                raise ApiAway(self._spec.place, why, asked)
            self._wait(max(pause, asked))
        raise AssertionError  # the last time has returned or raised

    def _followed(self, url: str) -> Answer:
        for _ in range(_REDIRECTS + 1):
            answer = self._ask(url)
            if answer.status not in (301, 302, 303, 307, 308):
                return answer
            url = self.inside(urljoin(url, answer.headers.get("location", "")))
        raise ApiRefused(self._spec.place, "一再重定向", "it redirects again and again")

    def inside(self, url: str) -> str:
        """Return an address that the API has named, if it is one of its own: no other host is asked, nor told a credential."""
        if origin(url) != self._origin:
            where = urlsplit(url)
            shown = f"{where.scheme}://{where.netloc}"[:200]
            raise ApiRefused(
                self._spec.place,
                f"指向另一个主机 {shown}，没有跟去",
                f"it leads to another host, {shown}; nobody went there",
            )
        return url

    def _ask(self, url: str) -> Answer:
        parts = urlsplit(url)
        target = urlunsplit(("", "", parts.path or "/", parts.query, ""))
        began = time.monotonic()
        try:
            connection = self._open()
            connection.request("GET", target, headers=self._headers)
            response = connection.getresponse()
            headers = {name.lower(): value for name, value in response.getheaders()}
            body = b"".join(self._body(response, headers, began + _WHOLE))
            response.close()  # read to its end; the connection stays
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise ApiAway(self._spec.place, _reason(error)) from None
        except BaseException:
            self.close()  # what was not read of the answer must not be taken for the next one
            raise
        if response.will_close:
            self.close()
        return Answer(response.status, headers, body)

    def _open(self) -> http.client.HTTPConnection:
        if self._connection is None:
            scheme, host, port = self._origin
            if scheme == "https":
                context = ssl.create_default_context()
                self._connection = http.client.HTTPSConnection(host, port, timeout=_ANSWER, context=context)
            else:
                self._connection = http.client.HTTPConnection(host, port, timeout=_ANSWER)
        return self._connection

    def _body(
        self, response: http.client.HTTPResponse, headers: Mapping[str, str], until: float
    ) -> Iterator[bytes]:
        most, size = self._spec.max_page_bytes, 0
        packing = headers.get("content-encoding", "identity").lower()
        if packing not in ("identity", "gzip", ""):
            raise ApiRefused(
                self._spec.place,
                f"压缩方式 {packing[:40]} 不认识",
                f"it packs by {packing[:40]}, which nobody asked for",
            )
        unpack = zlib.decompressobj(wbits=31) if packing == "gzip" else None
        while data := response.read1(_BLOCK):
            self._wait(0)
            if time.monotonic() > until:
                raise TimeoutError
            while data:
                try:
                    plain = data if unpack is None else unpack.decompress(data, _BLOCK)
                except zlib.error:
                    raise ApiRefused(self._spec.place, "gzip 损坏", "its gzip is damaged") from None
                data = b"" if unpack is None else unpack.unconsumed_tail
                size += len(plain)
                if size > most:
                    raise ApiRefused(
                        self._spec.place,
                        f"一页超过 {most} 字节（max_page_bytes）",
                        f"a page is over {most} bytes (max_page_bytes)",
                    )
                yield plain
        if unpack is not None and not unpack.eof:
            raise ApiRefused(self._spec.place, "gzip 不完整", "its gzip is cut off")


def origin(url: str) -> tuple[str, str, int]:
    """Return scheme, host and port of an address; no scheme but http and https has one."""
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        port = -1
    usual = {"http": 80, "https": 443}.get(parts.scheme, -1)
    return parts.scheme, (parts.hostname or "").lower(), usual if port is None else port


def retry_after(given: str | None) -> float:
    """Return the seconds that `Retry-After` names, 0 if it names none.

    Examples
    --------
    >>> retry_after("7"), retry_after(None), retry_after("later")
    (7.0, 0.0, 0.0)
    """
    if not given:
        return 0.0
    if given.strip().isdigit():
        return float(given)
    try:
        at = parsedate_to_datetime(given)
    except ValueError:
        return 0.0
    return max(0.0, (at - clock.now()).total_seconds()) if at.tzinfo else 0.0


def _reason(error: Exception) -> Text:
    if isinstance(error, TimeoutError):
        return Text("没有及时回答", "no answer in time")
    if isinstance(error, ConnectionRefusedError):
        return Text("拒绝连接", "the connection is refused")
    if isinstance(error, ssl.SSLCertVerificationError):
        return Text("证书不可信", "its certificate can't be trusted")
    return Text(type(error).__name__, type(error).__name__)
