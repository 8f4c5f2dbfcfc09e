"""E-mail: each message has an honest answer, whatever the server does."""

from __future__ import annotations

import email
import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email import policy
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.core.outreach.outgoing import URL, message_id, outgoing
from tests.core.outreach.smtp_server import MailServer
from zerodistance.core.outreach.channels import mail, smtp
from zerodistance.core.outreach.channels.described import Email
from zerodistance.core.outreach.channels.smtp import Smtp
from zerodistance.core.outreach.contracts import Outcome
from zerodistance.kernel.text import Text

SPEC = Email(
    host="127.0.0.1", port=1, tls="none", sender="news@brand.example", name=Text("海信", "Brand"),
    returns="bounces@brand.example", timeout=10,
)  # fmt: skip
LINES = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=200)


def spec(port: int, connections: int = 1) -> Email:
    return Email(
        **{**{f: getattr(SPEC, f) for f in Email.__slots__}, "port": port, "connections": connections}
    )


@contextmanager
def server(
    answers: Callable[[str, str], str | None] = lambda c, g: None, **given: bool
) -> Iterator[MailServer]:
    made = MailServer(answers, **given)
    yield made
    made.close()


@settings(max_examples=30)
@given(subject=LINES, text=LINES, html=st.none() | LINES)
def test_a_mail_reads_back_as_it_was_written(subject: str, text: str, html: str | None) -> None:
    one = outgoing(subject=subject, text=text, html=html)
    raw = mail.compose(SPEC, one, "li@example.com", 1_800_000_000)
    assert b"\n" not in raw.replace(b"\r\n", b"") and max(map(len, raw.split(b"\r\n"))) < 998
    read = email.message_from_bytes(raw, policy=policy.default)
    assert read.defects == []
    assert " ".join(str(read["Subject"] or "").split()) == " ".join(subject.split())
    assert read["To"] == "li@example.com"
    assert "".join(read["From"].addresses[0].display_name.split()) == "海信"
    body = read.get_body(("plain",))
    assert body is not None
    ends = text.replace("\r\n", "\n").replace("\r", "\n")
    assert body.get_content().replace("\r\n", "\n") == (ends if ends.endswith("\n") else f"{ends}\n")
    assert (read.get_body(("html",)) is None) == (html is None)


def test_a_mail_says_how_one_withdraws_and_where_it_comes_back_to() -> None:
    raw = mail.compose(SPEC, outgoing(), "li@example.com", 1_800_000_000)
    read = email.message_from_bytes(raw, policy=policy.default)
    token = outgoing().return_token
    assert f"<{URL}>" in read["List-Unsubscribe"]
    assert f"<mailto:bounces+{token}@brand.example?subject=unsubscribe>" in read["List-Unsubscribe"]
    assert read["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert read["Message-ID"] == f"<{token}@brand.example>"
    service = mail.compose(SPEC, outgoing(opt_out_url=None), "li@example.com", 1_800_000_000)
    assert b"List-Unsubscribe" not in service


@settings(max_examples=50)
@given(st.text(st.sampled_from("ab.@>< \r\n\0ü+"), max_size=12))
def test_no_address_can_say_anything_to_the_server(address: str) -> None:
    found = mail.recipient(address)
    assert found is None or not set(found) & set("\r\n <>\0")


@pytest.mark.parametrize("pipelining", [True, False])
def test_each_message_has_its_own_answer(pipelining: bool) -> None:
    def answers(command: str, given: str) -> str | None:
        if command == "RCPT":
            return {
                "somebody2@": "550 5.1.1 <somebody2@example.com>: no such user",
                "somebody3@": "451 4.7.1 greylisted, try again",
                "somebody4@": "550 5.7.1 not wanted here",
                "somebody5@": "550 no such user",
            }.get(given.partition("<")[2].partition("example")[0])
        if command == ".":
            return {"somebody6@": "554 5.6.0 it looks like spam", "somebody7@": "452 4.3.1 disk full"}.get(
                given.partition("<")[2].partition("example")[0]
            )
        return None

    with server(answers, pipelining=pipelining) as there:
        channel = Smtp(spec(there.port))
        batch = [outgoing(n) for n in range(1, 10)]
        batch[7] = outgoing(8, address="no address")
        said = channel.hand(batch)
        again = channel.hand([outgoing(20)])
        channel.close()
    assert [one.message_id for one in said] == [message_id(n) for n in range(1, 10)]
    R, L, A = Outcome.REFUSED, Outcome.LATER, Outcome.ACCEPTED
    assert [one.outcome for one in said] == [A, R, L, R, R, R, L, R, A]
    assert [one.is_address for one in said] == [False, True, False, False, True, False, False, True, False]
    assert said[1].code == "550 5.1.1" and "@" not in said[1].detail
    assert again[0].outcome is A
    assert there.connections == 1
    assert [to for _, to, _ in there.mails] == [f"TO:<somebody{n}@example.com>" for n in (1, 9, 20)]


@pytest.mark.parametrize("pipelining", [True, False])
def test_a_server_that_wants_a_text_for_nobody_gets_none(pipelining: bool) -> None:
    def answers(command: str, given: str) -> str | None:
        if command == "RCPT" and "somebody1@" in given:
            return "550 5.1.1 no"
        return None

    with server(answers, pipelining=pipelining, lax=True) as there:
        channel = Smtp(spec(there.port))
        said = channel.hand([outgoing(1), outgoing(2)])
        channel.close()
    assert [one.outcome for one in said] == [Outcome.REFUSED, Outcome.ACCEPTED]
    assert len(there.mails) == 1


def test_a_message_whose_answer_was_lost_is_unknown_and_not_sent_again() -> None:
    def answers(command: str, given: str) -> str | None:
        return "" if command == "." and "somebody2@" in given else None

    with server(answers) as there:
        channel = Smtp(spec(there.port))
        said = channel.hand([outgoing(n) for n in range(1, 5)])
        channel.close()
    assert [one.outcome for one in said] == ["accepted", "unknown", "accepted", "accepted"]
    assert [to.partition("@")[0][-1] for _, to, _ in there.mails] == ["1", "3", "4"]


def test_what_broke_before_its_text_is_tried_again_and_then_waits() -> None:
    seen: list[str] = []

    def answers(command: str, given: str) -> str | None:
        seen.append(command)
        return "" if command == "MAIL" and seen.count("MAIL") == 2 else None

    with server(answers) as there:
        channel = Smtp(spec(there.port))
        said = channel.hand([outgoing(n) for n in range(1, 4)])
        channel.close()
    assert [one.outcome for one in said] == [Outcome.ACCEPTED] * 3
    with server(lambda command, given: "" if command == "MAIL" else None) as there:
        channel = Smtp(spec(there.port))
        said = channel.hand([outgoing(n) for n in range(1, 4)])
        channel.close()
    assert [one.outcome for one in said] == [Outcome.LATER] * 3


@pytest.mark.parametrize("pipelining", [False, True])
def test_what_a_slow_server_has_not_got_in_time_waits(
    pipelining: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(smtp, "time", SimpleNamespace(monotonic=itertools.count(0, 12).__next__))
    with server(pipelining=pipelining) as there:
        channel = Smtp(spec(there.port))
        said = channel.hand([outgoing(n) for n in range(1, 6)])
        channel.close()
    assert [one.outcome for one in said] == [Outcome.ACCEPTED] * 3 + [Outcome.LATER] * 2
    assert len(there.mails) == 3


def test_a_server_that_closes_is_waited_for() -> None:
    def answers(command: str, given: str) -> str | None:
        return "421 4.3.2 shutting down" if command == "." else None

    with server(answers) as there:
        channel = Smtp(spec(there.port))
        said = channel.hand([outgoing(1), outgoing(2)])
        channel.close()
    assert [one.outcome for one in said] == [Outcome.LATER] * 2
    away = Smtp(spec(there.port))
    assert [one.outcome for one in away.hand([outgoing(1)])] == [Outcome.LATER]
    assert "can't be used" in away.check()[0].en


def test_several_connections_answer_in_the_order_of_the_messages() -> None:
    with server() as there:
        channel = Smtp(spec(there.port, connections=3))
        batch = [outgoing(n) for n in range(1, 20)]
        said = channel.hand(batch)
        assert channel.check() == []
        channel.close()
    assert [one.message_id for one in said] == [one.message_id for one in batch]
    assert {one.outcome for one in said} == {Outcome.ACCEPTED}
    assert len(there.mails) == 19


def test_lines_that_begin_with_a_dot_arrive_as_they_are() -> None:
    with server() as there:
        channel = Smtp(spec(there.port))
        channel.hand([outgoing(text=".\r\n..\nend", subject="dots")])
        channel.close()
    assert there.mails[0][2].endswith(b"\r\n\r\n.\r\n..\r\nend\r\n")
