"""Webhooks against a real receiver: signed, once, again after errors and timeouts, and never elsewhere."""

from __future__ import annotations

import hashlib
import hmac
import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from tests.doors.operations.conftest import Receiver
from zerodistance.doors.operations import store, webhook
from zerodistance.doors.operations.alerts import Desk, alerts
from zerodistance.doors.operations.conditions import Condition, Verdict
from zerodistance.doors.operations.watch import Watch
from zerodistance.doors.operations.webhook import NotDelivered, NoWebhook
from zerodistance.kernel import clock
from zerodistance.kernel.access import Who
from zerodistance.kernel.errors import WrongSetting
from zerodistance.kernel.home import Home
from zerodistance.kernel.settings import load

START = datetime(2026, 11, 20, 10, tzinfo=UTC)
BAD, GOOD = Verdict.BAD, Verdict.GOOD


def point(home: Home, url: str, secret: str = "") -> None:
    settings = load(home=home.root, alert_webhook=url, alert_secret=secret)
    object.__setattr__(home, "settings", settings)


@pytest.fixture
def told(home: Home, receiver: Receiver) -> Iterator[Home]:
    """A home whose alerts go to the receiver."""
    point(home, f"{receiver.url}/hook?token=t", "a secret")
    yield home


def fail(desk: Desk, job: str, verdict: Verdict = BAD, at: float = 0) -> None:
    with clock.freeze(START + timedelta(seconds=at)):
        desk.judge(
            "job_failing", [Condition("job_failing", job, verdict, figures={"job": job, "error": "E"})]
        )


def deliver(home: Home, at: float) -> int:
    with clock.freeze(START + timedelta(seconds=at)):
        return webhook.deliver(home)


def test_an_opening_is_sent_once_signed_and_in_both_languages(told: Home, receiver: Receiver) -> None:
    fail(Desk(told, sends=True), "a.b")
    assert (deliver(told, 1), deliver(told, 2), deliver(told, 9_999)) == (1, 0, 0)
    ((path, headers, said),) = receiver.got
    assert path == "/hook?token=t"
    (one,) = said["alerts"]
    assert (one["change"], one["kind"], one["about"], one["severity"]) == (
        "opened",
        "job_failing",
        "a.b",
        "warn",
    )
    assert set(one["text"]) == {"zh", "en"}
    assert said["text"].startswith("[opened] ")
    right = hmac.new(
        b"a secret", headers["X-ZeroDistance-Timestamp"].encode() + b"." + receiver.raw[0], hashlib.sha256
    )
    assert headers["X-ZeroDistance-Signature"] == f"v1={right.hexdigest()}"
    assert headers["X-ZeroDistance-Timestamp"] == str(int(START.timestamp()) + 1)
    (alert,) = alerts(told, Who.system())
    assert (alert.waiting, alert.tries, alert.error) == (0, 1, None)


def test_without_a_secret_nothing_is_signed(home: Home, receiver: Receiver) -> None:
    point(home, receiver.url)
    webhook.send_test(home.settings, home)
    ((path, headers, said),) = receiver.got
    assert (path, said["test"]) == ("/", True)
    assert "X-ZeroDistance-Signature" not in headers


def test_a_receiver_that_fails_is_asked_again_later_and_later(told: Home, receiver: Receiver) -> None:
    receiver.answers = [500, 503, 404, 200]
    fail(Desk(told, sends=True), "a")
    moments = [0, 5, 10, 20, 30, 50, 70, 200]
    assert [deliver(told, at) for at in moments] == [0, 0, 0, 0, 0, 0, 1, 0]
    assert len(receiver.got) == 4  # at 0, 10, 30, 70
    names = {headers["X-ZeroDistance-Delivery"] for _, headers, _ in receiver.got}
    assert len(names) == 1  # a receiver can tell that it is the same


def test_a_receiver_that_does_not_answer_is_given_up_in_time(
    told: Home, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook, "SECONDS", 0.1)
    receiver.answers = [0.4]
    fail(Desk(told, sends=True), "a")
    assert deliver(told, 0) == 0
    assert "in time" in (alerts(told, Who.system())[0].error or "")
    assert deliver(told, 10) == 1


def test_a_redirect_is_not_followed(told: Home, receiver: Receiver) -> None:
    receiver.answers = [302, 307]
    for _ in range(2):
        with pytest.raises(NotDelivered, match="it answered 30"):
            webhook.send_test(told.settings, told)
    assert [path for path, _, _ in receiver.got] == ["/hook?token=t"] * 2


def test_an_error_names_the_host_and_never_the_secret_in_the_path(home: Home) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    point(home, f"http://127.0.0.1:{port}/secret-token")
    with pytest.raises(NotDelivered) as refused:
        webhook.send_test(home.settings, home)
    assert f"http://127.0.0.1:{port} did not take it" in refused.value.message("en")
    assert "secret-token" not in refused.value.message("en") + refused.value.message("zh")


def test_many_at_once_are_one_request_in_order(told: Home, receiver: Receiver) -> None:
    desk = Desk(told, sends=True)
    figures = [
        Condition("job_failing", f"j{n}", BAD, figures={"job": f"j{n}", "error": "E"}) for n in range(30)
    ]
    with clock.freeze(START):
        desk.judge("job_failing", figures)
    assert deliver(told, 1) == 30
    (only,) = receiver.got
    assert [one["about"] for one in only[2]["alerts"]] == [f"j{n}" for n in range(30)]


def test_an_opening_that_waits_is_sent_before_its_closing(told: Home, receiver: Receiver) -> None:
    receiver.answers = [500] * 5
    desk = Desk(told, sends=True)
    fail(desk, "a")
    for at in (0, 10, 30, 70, 150):
        deliver(told, at)
    fail(desk, "a", GOOD, 155)
    fail(desk, "a", GOOD, 220)
    assert deliver(told, 221) == 2
    assert [one["change"] for one in receiver.got[-1][2]["alerts"]] == ["opened", "closed"]
    assert receiver.got[-1][2]["alerts"][1]["closed_at"] is not None


def test_a_door_that_dies_while_sending_leaves_it_to_be_sent_again(told: Home, receiver: Receiver) -> None:
    fail(Desk(told, sends=True), "a")
    with clock.freeze(START):
        assert len(webhook._take(told)) == 1  # taken, and then nothing
    assert (deliver(told, 1), deliver(told, 59), deliver(told, 61)) == (0, 0, 1)


def test_what_could_not_be_sent_for_days_is_given_up_and_stays_to_be_seen(
    told: Home, receiver: Receiver
) -> None:
    receiver.answers = [500] * 3
    fail(Desk(told, sends=True), "a")
    deliver(told, 0)
    deliver(told, 86_400 * 4)
    assert deliver(told, 86_400 * 9) == 0
    assert len(receiver.got) == 2
    with told.state.read() as tx:
        (row,) = tx.execute(select(store.delivery)).all()
    assert (row.next_at, row.delivered_at, row.tries) == (None, None, 2)


def test_the_watch_sends_what_it_finds_and_nothing_without_a_receiver(home: Home, receiver: Receiver) -> None:
    with pytest.raises(NoWebhook):
        webhook.send_test(home.settings, home)
    point(home, receiver.url)
    watch = Watch(home)
    fail(watch._desk, "a")
    assert watch.send() == 1


@pytest.mark.parametrize(
    "url", ["ftp://x/y", "file:///etc/passwd", "example.com/hook", "https://", "http://user:pw@host/", "http://a b/", "http://h:99999/"]
)  # fmt: skip
def test_only_web_addresses_are_taken(url: str) -> None:
    with pytest.raises(WrongSetting, match="allowed are addresses"):
        load(alert_webhook=url)


def test_the_secret_does_not_show_itself() -> None:
    assert "a secret" not in repr(load(alert_secret="a secret"))
