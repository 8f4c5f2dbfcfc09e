"""`/healthz`, `/readyz` and `/metrics`: for load balancers, service managers and Prometheus. Bare ASGI: no cookie, no page, no gate."""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Callable
from typing import Any

import msgspec
from starlette.types import Receive, Scope, Send

from zerodistance.doors.operations import exposition
from zerodistance.doors.operations.metrics import Meter, Taking
from zerodistance.doors.operations.stages import digest_lag
from zerodistance.doors.portal.gate import SECURE
from zerodistance.kernel.access import Who
from zerodistance.kernel.errors import ZeroDistanceError, frames, told
from zerodistance.kernel.home import Home
from zerodistance.kernel.locks import worker_pid
from zerodistance.kernel.logs import log
from zerodistance.kernel.text import Text
from zerodistance.kernel.web import NotSignedIn

ALIVE, READY, METRICS = "/healthz", "/readyz", "/metrics"
PATHS = frozenset((ALIVE, READY, METRICS))
_JSON = "application/json"
_SECURE = [(name.lower().encode(), value.encode()) for name, value in SECURE.items()]
_FORWARDED = (b"x-forwarded-for", b"forwarded", b"x-real-ip", b"via")
"""Headers of a request that came through another machine or program: then a loopback address says nothing."""


class MetricsOff(ZeroDistanceError):
    """Metrics are switched off."""

    code, status = "metrics_off", 404
    text = Text("没有开启 /metrics；见设置 metrics", "/metrics is switched off; see the setting `metrics`")


class MetricsLocal(ZeroDistanceError):
    """Metrics are for programs on this machine only."""

    code, status = "metrics_local", 403
    text = Text(
        "/metrics 只给本机读；要从别处读，请设置 metrics = \"key\" 并带上接口密钥",
        "/metrics is for programs on this machine; to read it from elsewhere, set `metrics = \"key\"` and send an API key",
    )  # fmt: skip


class ReadOnly(ZeroDistanceError):
    """A path that is only read was asked otherwise."""

    code, status = "read_only", 405
    text = Text("{path} 只接受 GET 和 HEAD", "{path} takes GET and HEAD only")


class Probes:
    """Answers what machines ask about the door.

    Parameters
    ----------
    who_of_key
        API key -> who asks, None if the key is unknown.
    """

    def __init__(self, home: Home, taking: Taking, who_of_key: Callable[[str], Who | None]) -> None:
        self._home, self._taking, self._who_of_key = home, taking, who_of_key
        self._meter = Meter(home, taking)

    @staticmethod
    def handles(scope: Scope) -> bool:
        """Say whether a request is one of these."""
        return scope["path"] in PATHS

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        headers: dict[bytes, bytes] = dict(scope["headers"])
        more: list[tuple[bytes, bytes]] = []
        try:
            if scope["method"] not in ("GET", "HEAD"):
                more = [(b"allow", b"GET, HEAD")]
                raise ReadOnly(path=scope["path"])
            if scope["path"] == ALIVE:
                status, kind, body = 200, _JSON, b'{"status":"ok"}'
            elif scope["path"] == READY:
                status, said = await asyncio.to_thread(self._ready)
                kind, body = _JSON, msgspec.json.encode(said)
                more = [(b"retry-after", b"5")] if status == 503 else []
            else:
                self._may_measure(scope, headers)
                kind = exposition.wanted(headers.get(b"accept", b"").decode("latin-1"))
                status, body = 200, (await asyncio.to_thread(self._measured, kind)).encode()
        except ZeroDistanceError as error:
            lang = "zh" if headers.get(b"accept-language", b"")[:2].lower() == b"zh" else "en"
            status, kind, body = error.status, _JSON, msgspec.json.encode(error.as_dict(lang))
            if error.status == 401:
                more = [(b"www-authenticate", b"Bearer")]
        except Exception as problem:
            log("probes").error("failed", path=scope["path"], error=told(problem), trace=frames(problem))
            status, kind, body = 500, _JSON, msgspec.json.encode(ZeroDistanceError().as_dict("en"))
        out = [
            (b"content-type", kind.encode()),
            (b"content-length", b"%d" % len(body)),
            (b"cache-control", b"no-store"),
            *_SECURE,
            *more,
        ]
        await send({"type": "http.response.start", "status": status, "headers": out})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})

    def _ready(self) -> tuple[int, dict[str, Any]]:
        """Return whether requests can be taken, and beside it how digestion is: that does not make a door unready."""
        trouble = self._taking.trouble()
        try:
            lag: float | None = round(digest_lag(self._home, Who.system("ready")), 3)
        except Exception as error:  # digestion's state can't be read: the journal may well be written still
            log("probes").error("digestion_unknown", error=type(error).__name__)
            lag = None
        running = worker_pid(self._home.lock_path) is not None
        late = lag is not None and lag > self._home.settings.alert_lag_seconds
        said: dict[str, Any] = {
            "status": "ready" if trouble is None else "not_ready",
            "reason": trouble,
            "digestion": {
                "status": "down" if not running else "unknown" if lag is None else "late" if late else "ok",
                "worker": "running" if running else "not_running",
                "lag_seconds": lag,
            },
        }
        return (200 if trouble is None else 503), said

    def _may_measure(self, scope: Scope, headers: dict[bytes, bytes]) -> None:
        allowed = self._home.settings.metrics
        if allowed == "off":
            raise MetricsOff
        if allowed == "loopback":
            if not _is_local(scope, headers):
                raise MetricsLocal
            return
        scheme, _, key = headers.get(b"authorization", b"").decode("latin-1").partition(" ")
        if scheme.lower() != "bearer" or self._who_of_key(key.strip()) is None:
            raise NotSignedIn

    def _measured(self, kind: str) -> str:
        return exposition.text(self._meter.read(), kind)


def _is_local(scope: Scope, headers: dict[bytes, bytes]) -> bool:
    client = scope.get("client")
    if client is None or any(name in headers for name in _FORWARDED):
        return False
    try:
        return ipaddress.ip_address(client[0]).is_loopback
    except ValueError:
        return False
