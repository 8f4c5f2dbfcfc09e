"""Bodies of the API before a room reads them: no larger than the settings allow, and of whole letters."""

from __future__ import annotations

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from zerodistance.core.touchpoints.bodies import BodyTooLarge
from zerodistance.core.touchpoints.wire import whole_letters
from zerodistance.doors.portal.gate import SAFE
from zerodistance.kernel.errors import ZeroDistanceError

_JSON = b'{["'
"""What JSON that holds a text begins with."""


class Bodies:
    r"""Reads the body of a call of the API, and hands it on whole.

    JSON may hold half a letter, `\ud83d`, where a client cut a text in the middle of a sign. No store takes that, and no answer can say it: it
    becomes U+FFFD, as in what is collected.

    Parameters
    ----------
    begins
        Which paths are of the API.
    most
        Bytes of a body; more is answered 413 before the rest is read.
    refuse
        Makes the answer.
    """

    def __init__(
        self,
        app: ASGIApp,
        begins: str,
        most: int,
        refuse: Callable[[Request, ZeroDistanceError], Response],
    ) -> None:
        self._app, self._begins, self._most, self._refuse = app, begins, most, refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http" or scope["method"] in SAFE or not scope["path"].startswith(self._begins):
            await self._app(scope, receive, send)
            return
        body, more = bytearray(), True
        while more:
            last = await receive()
            body += last.get("body", b"")
            more = last.get("more_body", False)
            if len(body) > self._most:
                answer = self._refuse(Request(scope), BodyTooLarge(limit=self._most, what="as sent"))
                await answer(scope, receive, send)
                return
        whole = whole_letters(bytes(body)) if body.lstrip()[:1] in _JSON else bytes(body)
        waiting: list[Message] = [{**last, "body": whole} if last["type"] == "http.request" else last]

        async def again() -> Message:
            return waiting.pop() if waiting else await receive()

        await self._app(scope, again, send)
