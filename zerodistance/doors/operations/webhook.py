"""Sending alerts to a webhook: one signed POST for all that is due, tried again with longer and longer pauses, never twice at once.

What was decided stands in the state (`alert_delivery`), so a door that ends loses nothing. A delivery is taken by moving its next try into
the future before it is sent: two doors do not send it at the same moment, and one that dies meanwhile leaves it to be tried again.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import ssl
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import select, update

import zerodistance
from zerodistance.doors.operations import store
from zerodistance.doors.operations.alerts import OPENED, Alert, of_row
from zerodistance.kernel import clock
from zerodistance.kernel.errors import ZeroDistanceError
from zerodistance.kernel.home import Home
from zerodistance.kernel.logs import log
from zerodistance.kernel.settings import Settings
from zerodistance.kernel.text import Text

SECONDS = 10.0  # own value: how long one answer may take
FIRST, MOST = 10.0, 3_600.0  # own values, seconds: pause after the first failure, and at most
GIVE_UP_DAYS = 3  # own value: what could not be sent for so long is not news any more
AT_ONCE = 50  # own value: changes in one request
VERSION = 1


class NoWebhook(ZeroDistanceError):
    """Nobody said where alerts go."""

    code, status = "no_webhook", 409
    text = Text(
        "没有设置 alert_webhook，告警只会显示", "the setting alert_webhook is empty: alerts are only shown"
    )


class NotDelivered(ZeroDistanceError):
    """The receiver of alerts did not take them."""

    code, status, retry = "not_delivered", 502, True
    text = Text("{place} 没有收下：{why}", "{place} did not take it: {why}")


@dataclass(frozen=True)
class Change:
    """One opening or closing that is to be sent."""

    id: int
    change: str
    tries: int
    made_at: int
    alert: Alert


def place(url: str) -> str:
    """Return scheme and host of an address: its path may be a secret.

    Examples
    --------
    >>> place("https://hooks.example.com/T123/secret?x=1")
    'https://hooks.example.com'
    """
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """Return the value of `X-ZeroDistance-Signature`: HMAC-SHA256 of `<timestamp>.<body>`.

    Examples
    --------
    >>> signature("key", "1700000000", b"{}")[:12]
    'v1=9d713ed40'
    """
    return "v1=" + hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def message(home: Home, changes: Sequence[Change]) -> dict[str, Any]:
    """Return what is sent: numbers and words, nothing about a person."""
    said = [_said(one) for one in changes]
    lang = home.settings.lang
    return {
        "version": VERSION,
        "home": home.root.name,
        "text": "\n".join(f"[{one['change']}] {one['text'][lang]}" for one in said),
        "alerts": said,
    }


def _said(one: Change) -> dict[str, Any]:
    alert = one.alert
    text = (
        alert.text if one.change == OPENED else Text(f"已恢复：{alert.title.zh}", f"over: {alert.title.en}")
    )
    return {
        "id": alert.id,
        "change": one.change,
        "kind": alert.kind,
        "about": alert.about,
        "severity": alert.severity,
        "opened_at": _iso(alert.opened_at),
        "closed_at": None if one.change == OPENED else _iso(alert.closed_at),
        "text": {"zh": text.zh, "en": text.en},
        "figures": dict(alert.figures),
    }


def _iso(at: int | None) -> str | None:
    return None if at is None else clock.from_micros(at).isoformat()


def post(settings: Settings, said: Mapping[str, Any], delivery: str) -> None:
    """Send one message; redirects are not followed.

    Raises
    ------
    NoWebhook
        There is no receiver.
    NotDelivered
        It answered anything but 2xx, or not in time.
    """
    url = settings.alert_webhook
    if not url:
        raise NoWebhook
    body = json.dumps(said, ensure_ascii=False).encode()
    timestamp = str(clock.micros() // clock.MICROS_PER_SECOND)
    headers = {
        "Content-Type": "application/json",
        "User-Agent": f"zerodistance/{zerodistance.__version__}",
        "X-ZeroDistance-Timestamp": timestamp,
        "X-ZeroDistance-Delivery": delivery,
    }
    secret = settings.alert_secret.get_secret_value()
    if secret:
        headers["X-ZeroDistance-Signature"] = signature(secret, timestamp, body)
    status = _status(url, body, headers)
    if not 200 <= status < 300:
        raise NotDelivered(place=place(url), why=Text(f"回答 {status}", f"it answered {status}"))


def _status(url: str, body: bytes, headers: Mapping[str, str]) -> int:
    parts = urlsplit(url)
    host, path = parts.hostname or "", (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    connection: http.client.HTTPConnection
    if parts.scheme == "https":
        context = ssl.create_default_context()
        connection = http.client.HTTPSConnection(host, parts.port, timeout=SECONDS, context=context)
    else:
        connection = http.client.HTTPConnection(host, parts.port, timeout=SECONDS)
    try:
        connection.request("POST", path, body, dict(headers))
        return connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        why = Text("超时", "no answer in time") if isinstance(error, TimeoutError) else type(error).__name__
        raise NotDelivered(place=place(url), why=why) from None
    finally:
        connection.close()


def deliver(home: Home) -> int:
    """Send every change that is due in one request; return how many were taken.

    Whatever fails waits: 10 seconds, then twice as long each time, at most an hour, for three days.
    """
    due = _take(home)
    if not due:
        return 0
    name = f"{home.root.name}-{due[0].id}-{due[-1].id}"
    try:
        post(home.settings, message(home, due), name)
    except ZeroDistanceError as error:
        _failed(home, due, error.message("en"))
        return 0
    now = clock.micros()
    d = store.delivery
    with home.state.write() as tx:
        for one in due:
            tx.execute(
                update(d)
                .where(d.c.id == one.id)
                .values(delivered_at=now, next_at=None, last_error=None, tries=one.tries + 1)
            )
    log("alerts").info("delivered", changes=len(due))
    return len(due)


def _take(home: Home) -> list[Change]:
    """Return what is due, and move its next try behind the time that sending may take."""
    now = clock.micros()
    d, a = store.delivery, store.alert
    with home.state.read() as tx:  # nothing is due nearly always: no write for that
        if tx.execute(select(d.c.id).where(d.c.next_at <= now).limit(1)).first() is None:
            return []
    with home.state.write() as tx:
        named = select(d.c.alert).where(d.c.next_at <= now).order_by(d.c.id).limit(AT_ONCE)
        about = set(
            tx.execute(named).scalars()
        )  # an opening that waits longer must not come after its closing
        waiting = select(d).where(d.c.alert.in_(about), d.c.next_at.is_not(None)).order_by(d.c.id)
        rows = tx.execute(waiting).mappings().all()
        found = tx.execute(select(a).where(a.c.id.in_([row["alert"] for row in rows]))).mappings()
        alerts = {row["id"]: of_row(row) for row in found}
        hold = now + int(6 * SECONDS * clock.MICROS_PER_SECOND)
        tx.execute(update(d).where(d.c.id.in_([row["id"] for row in rows])).values(next_at=hold))
    return [
        Change(row["id"], row["change"], row["tries"], row["made_at"], alerts[row["alert"]])
        for row in rows
        if row["alert"] in alerts
    ]


def _failed(home: Home, due: Sequence[Change], why: str) -> None:
    now = clock.micros()
    d = store.delivery
    with home.state.write() as tx:
        for one in due:
            pause = min(MOST, FIRST * 2 ** min(one.tries, 20))
            old = now - one.made_at > GIVE_UP_DAYS * clock.MICROS_PER_DAY
            again = None if old else now + int(pause * clock.MICROS_PER_SECOND)
            values = {"tries": one.tries + 1, "last_error": why[:300], "next_at": again}
            tx.execute(update(d).where(d.c.id == one.id).values(values))
    log("alerts").error("not_delivered", changes=len(due), tries=max(one.tries for one in due) + 1, why=why)


def send_test(settings: Settings, home: Home) -> float:
    """Send a message that says it is a test; return the seconds it took.

    Raises
    ------
    NoWebhook, NotDelivered
        It went nowhere.
    """
    began = time.monotonic()
    text = Text("这是一次测试：告警能送到", "this is a test: alerts arrive here")
    said = {
        "version": VERSION,
        "home": home.root.name,
        "test": True,
        "text": text.get(settings.lang),
        "alerts": [],
    }
    post(settings, said, f"{home.root.name}-test-{clock.micros()}")
    return time.monotonic() - began
