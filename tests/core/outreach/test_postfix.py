"""With a real mail server: mails arrive, addresses that do not exist are told at once or later, and a server that ends loses nothing."""

from __future__ import annotations

import email
import re
import threading
from collections.abc import Iterator
from email import policy

import pytest
from starlette.testclient import TestClient

from tests import postfix
from tests.core.outreach import handed, sending
from tests.core.outreach.outgoing import message_id, outgoing
from tests.core.outreach.test_smtp import spec
from tests.patience import PATIENCE, until
from zerodistance.core.identity import store as identity
from zerodistance.core.outreach import api, bounces, consent, links, returned, suppression
from zerodistance.core.outreach.channels import setting
from zerodistance.core.outreach.channels.smtp import Smtp
from zerodistance.core.outreach.contracts import Outcome, Settled
from zerodistance.core.outreach.people_http import People
from zerodistance.core.outreach.sends import store as sends
from zerodistance.core.outreach.sends.sender import Sender
from zerodistance.kernel import bulk, clock
from zerodistance.kernel.access import Who
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


def test_a_send_arrives_bounces_are_taken_and_one_click_withdraws(
    server: postfix.Server, home: Home, admin: Who
) -> None:
    """From an assignment to the mailboxes and back, with nothing of the way made up."""
    mine = sending.ready(home, 60)
    addresses = {1: f"li@{postfix.PEOPLE}", 2: f"nobody@{postfix.PEOPLE}", 3: f"x@{postfix.AWAY}"}
    with home.state.write() as tx:
        for person, subject in mine.items():
            there = addresses.get(person, f"li@{postfix.PEOPLE}").encode()
            sealed = home.seal.seal(there, identity.where_vault(subject, "email"))
            bulk.run(
                tx,
                "update identity_vault set value = ? where subject = ? and field = 'email'",
                (sealed, subject),
            )
    said = f'host = "127.0.0.1"\nport = {server.port}\ntls = "none"\nfrom = "news@{postfix.BRAND}"\nname = "Brand"\n'
    said += f'return = "bounces@{postfix.BRAND}"\nfolder = "{server.bounces}"\n'
    setting.set_channel(home, admin, "email", said)
    before = len(server.mails("li"))
    with clock.freeze(clock.from_micros(sending.NOON)):
        receipt = sending.assigned(home, list(mine))
        send = api.send(home, sending.SYSTEM, receipt, "autumn", send_key="one")
        sender = Sender(home, now=lambda: sending.NOON)
        sender.run_due()
        assert sender.stop(PATIENCE)
    treated = send.reach
    with home.state.read() as tx:
        rows = {row["subject"]: row for row in tx.execute(sends.message.select()).mappings()}
    gone = [person for person in (2, 3) if mine[person] in rows]
    arrived = until(lambda: len(mails := server.mails("li")) - before == treated - len(gone) and mails)[
        before:
    ]
    if 3 in gone:
        until(lambda: returned.collect(home) == 1)
    with home.state.read() as tx:
        why = suppression.why(tx, home, list(mine.values()), "marketing")
    assert why == {mine[person]: "bounced" for person in gone}
    letter = email.message_from_bytes(arrived[0], policy=policy.default)
    (url,) = re.findall(r"<(http[^>]+/u/[\w-]+)>", letter["List-Unsubscribe"])
    client = TestClient(People(home), base_url="http://testserver")
    body = letter.get_body(("plain",))
    assert body is not None
    (link,) = re.findall(r"http://\S+/m/[\w-]{32}", body.get_content())
    path = "/" + link.split("/", 3)[3]
    assert client.get(path, follow_redirects=False).headers["location"] == "https://example.com/washers"
    assert client.post("/" + url.split("/", 3)[3], data={"List-Unsubscribe": "One-Click"}).status_code == 200
    with home.state.read() as tx:
        withdrawn = consent.counts(tx)[("marketing", "email", "withdrawn")]
    assert withdrawn == 1
    assert [kind for _, kind, _, _ in handed.said(home)].count("message.sent") == treated - (2 in gone)
