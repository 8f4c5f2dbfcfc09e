"""What comes back by mail is read whatever it looks like, and counts only if it names a message of ours."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.core.outreach.outgoing import message_id
from zerodistance.core.outreach import bounces, links
from zerodistance.core.outreach.bounces import What
from zerodistance.core.outreach.contracts import Settled
from zerodistance.kernel.seal import Seal

POSTFIX = """\
From: Mail Delivery System <MAILER-DAEMON@mail.test>
To: bounces+{token}@brand.example
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/plain

I'm sorry
--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mail.test

Final-Recipient: rfc822; li@example.com
Action: {action}
Status: {status}
Diagnostic-Code: {said}

--b
Content-Type: text/rfc822-headers

Message-ID: <{token}@brand.example>
--b--
"""
COMPLAINT = """\
From: <fbl@provider.example>
To: abuse@brand.example
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary="b"

--b
Content-Type: text/plain

This is an abuse report
--b
Content-Type: message/feedback-report

Feedback-Type: {kind}
User-Agent: Provider/1.0
Version: 1

--b
Content-Type: message/rfc822

From: news@brand.example
Message-ID: <{token}@brand.example>

hello
--b--
"""
QMAIL = """\
From: MAILER-DAEMON@old.example
To: bounces+{token}@brand.example
Subject: failure notice

Hi. This is the qmail-send program at old.example.

<li@example.com>:
192.0.2.1 does not like recipient.
Remote host said: {said}
Giving up on 192.0.2.1.
"""
MAIL = """\
From: Li <li@example.com>
To: bounces+{token}@brand.example
Subject: {subject}
{more}
{text}
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """As much of a home as is needed: its key."""
    path: Path = tmp_path_factory.mktemp("seal") / "key"
    Seal.make(path)
    return SimpleNamespace(seal=Seal(path))


def token(home: SimpleNamespace, number: int = 7) -> str:
    return links.return_token(home, message_id(number))


def read(home: SimpleNamespace, mail: str, **given: str) -> bounces.Back:
    said = {"token": token(home), "more": "", "text": "hello", **given}
    return bounces.read(home.seal, mail.format(**said).replace("\n", "\r\n").encode())


@pytest.mark.parametrize(
    ("action", "status", "said", "state"),
    [
        ("failed", "5.1.1", "smtp; 550 5.1.1 <li@example.com>: unknown", Settled.BOUNCED_HARD),
        ("failed", "5.0.0", "smtp; 550 No such user", Settled.BOUNCED_HARD),
        ("failed", "5.0.0", "smtp; 550 5.1.1 gone", Settled.BOUNCED_HARD),
        ("failed", "5.0.0", "smtp; 550 it looks like spam", Settled.BOUNCED_SOFT),
        ("failed", "5.2.2", "smtp; 552 5.2.2 mailbox full", Settled.BOUNCED_SOFT),
        ("failed", "5.7.1", "smtp; 550 5.7.1 blocked", Settled.BOUNCED_SOFT),
        ("failed", "4.4.7", "smtp; 421 timeout", Settled.BOUNCED_SOFT),
        ("failed", "5.4.4", "X-Postfix; host or domain name not found", Settled.BOUNCED_HARD),
        ("delivered", "2.0.0", "", Settled.DELIVERED),
        ("delayed", "4.4.1", "", None),
    ],
)
def test_reports_of_delivery(
    home: SimpleNamespace, action: str, status: str, said: str, state: Settled | None
) -> None:
    found = read(home, POSTFIX, action=action, status=status, said=said)
    assert (found.message, found.state) == (message_id(7), state)
    assert (found.what is What.IGNORED) == (state is None)
    assert "@" not in found.detail


def test_a_report_of_an_old_server_is_read_by_its_words(home: SimpleNamespace) -> None:
    assert read(home, QMAIL, said="550 5.1.1 user unknown").state is Settled.BOUNCED_HARD
    assert (
        read(home, QMAIL, said="550 sorry, no mailbox here by that name: user unknown").state
        is Settled.BOUNCED_HARD
    )
    assert read(home, QMAIL, said="552 quota exceeded").state is Settled.BOUNCED_SOFT


@pytest.mark.parametrize(
    ("kind", "what"), [("abuse", What.SETTLED), ("opt-out", What.OPT_OUT), ("not-spam", What.IGNORED)]
)
def test_complaints(home: SimpleNamespace, kind: str, what: What) -> None:
    found = read(home, COMPLAINT, kind=kind)
    assert (found.message, found.what) == (message_id(7), what)
    assert (found.state is Settled.COMPLAINED) == (kind == "abuse")


@pytest.mark.parametrize(
    ("subject", "more", "text", "what"),
    [
        ("unsubscribe", "", "", What.OPT_OUT),
        ("Re: filters", "", "退订\n", What.OPT_OUT),
        ("Re: filters", "", "Stop it, please", What.OPT_OUT),
        ("Re: filters", "", "When does the store open?", What.REPLIED),
        ("Out of office", "Auto-Submitted: auto-replied", "I am away. unsubscribe", What.IGNORED),
        ("Out of office", "X-Autoreply: yes", "I am away", What.IGNORED),
    ],
)
def test_answers_of_people_and_of_programs(
    home: SimpleNamespace, subject: str, more: str, text: str, what: What
) -> None:
    found = read(home, MAIL, subject=subject, more=more + "\n" if more else "", text=text)
    assert (found.message, found.what) == (message_id(7), what)


def test_what_another_home_has_sent_is_none_of_ours(home: SimpleNamespace) -> None:
    made_up = token(home)[:-1] + ("a" if token(home)[-1] != "a" else "b")
    found = read(home, POSTFIX, token=made_up, action="failed", status="5.1.1", said="")
    assert found.message is None


@settings(max_examples=60)
@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_nothing_that_arrives_breaks_the_reader(home: SimpleNamespace, raw: bytes) -> None:
    head = b"Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\n"
    assert bounces.read(home.seal, raw).message is None
    assert bounces.read(home.seal, head + raw).message is None
