"""With a real mail server: mails arrive, addresses that do not exist are told at once or later, and a server that ends loses nothing."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator

import pytest

from tests import postfix
from tests.core.outreach.outgoing import message_id, outgoing
from tests.core.outreach.test_smtp import spec
from tests.patience import until
from zerodistance.core.outreach import bounces, links
from zerodistance.core.outreach.channels.smtp import Smtp
from zerodistance.core.outreach.contracts import Outcome, Settled
from zerodistance.kernel.home import Home

pytestmark = [pytest.mark.mail, pytest.mark.slow]


@pytest.fixture(scope="module")
def server() -> Iterator[postfix.Server]:
    made = postfix.Server("li", "wang")
    yield made
    made.remove()


def test_a_mail_arrives_and_an_address_that_does_not_exist_is_told(
    server: postfix.Server, home: Home
) -> None:
    channel = Smtp(spec(server.port))
    assert channel.check() == []
    said = channel.hand(
        [
            outgoing(1, address=f"li@{postfix.PEOPLE}"),
            outgoing(2, address=f"nobody@{postfix.PEOPLE}"),
            outgoing(3, address=f"x@{postfix.AWAY}", return_token=links.return_token(home, message_id(3))),
            outgoing(4, address=f"li@{postfix.PEOPLE}"),
        ]
    )
    channel.close()
    assert [one.outcome for one in said] == ["accepted", "refused", "accepted", "accepted"]
    assert said[1].is_address and said[1].code == "550 5.1.1"
    assert len(until(lambda: len(mails := server.mails("li")) == 2 and mails)) == 2
    raw = until(lambda: server.mails("bounces"))[0]
    found = bounces.read(home.seal, raw)
    assert (found.message, found.state) == (message_id(3), Settled.BOUNCED_HARD)


def test_a_server_that_is_killed_has_each_mail_once_and_none_that_was_to_be_tried_again(
    server: postfix.Server,
) -> None:
    channel, told, before = Smtp(spec(server.port)), dict[int, Outcome](), len(server.mails("wang"))
    for start in range(1, 500, 50):
        batch = [
            outgoing(n, address=f"wang@{postfix.PEOPLE}", subject=f"n{n}") for n in range(start, start + 50)
        ]
        if start in (151, 351):
            killer = threading.Timer(0.02, server.kill)
            killer.start()
        told.update({n: one.outcome for n, one in enumerate(channel.hand(batch), start)})
        if start in (151, 351):
            killer.join()
            assert channel.hand([outgoing(9_999)])[0].outcome is Outcome.LATER
            server.start()
    channel.close()
    assert Outcome.LATER in told.values()
    server.flush()
    sure = {n for n, outcome in told.items() if outcome is Outcome.ACCEPTED}
    found = until(lambda: len(mails := subjects(server)) >= before + len(sure) and mails)
    assert len(set(found)) == len(found)
    assert sure <= set(found)
    assert not {n for n, outcome in told.items() if outcome is Outcome.LATER} & set(found)


def subjects(server: postfix.Server) -> list[int]:
    """Return the numbers in the subjects of what has arrived."""
    return [
        int(found[1]) for mail in server.mails("wang") if (found := re.search(rb"(?m)^Subject: n(\d+)", mail))
    ]
