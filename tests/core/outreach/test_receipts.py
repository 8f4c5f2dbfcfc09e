"""What is heard of a message counts once, and what has to follow follows in the same moment."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.core.outreach.handed import AT, hand_over, said, states
from tests.core.outreach.outgoing import message_id, outgoing
from tests.core.outreach.people import say, settle
from tests.core.outreach.sending import set_policy
from tests.core.outreach.test_bounces import COMPLAINT, MAIL, POSTFIX
from zerodistance.core.outreach import answers, consent, links, receipts, returned, suppression
from zerodistance.core.outreach.bounces import What
from zerodistance.core.outreach.channels import forgetting, opening, setting
from zerodistance.core.outreach.contracts import Settled
from zerodistance.core.outreach.policy import Policy
from zerodistance.core.outreach.sends import forgetting as sends_forgetting
from zerodistance.kernel import bulk, clock
from zerodistance.kernel.access import Who
from zerodistance.kernel.home import Home

DAY = 86_400_000_000
SMS = """
url = "https://sms.example.com/send"
[body]
to = "{to}"
text = "{text}"
[receipts]
list = "reports"
reference = "id"
state = "status"
delivered = ["DELIVRD"]
later = ["ENROUTE"]
no_such_number = ["UNDELIV"]
[replies]
list = "replies"
phone = "mobile"
text = "content"
"""
EMAIL = """
host = "127.0.0.1"
tls = "none"
from = "news@brand.example"
name = "Brand"
return = "bounces@brand.example"
folder = "{folder}"
"""


def settled(home: Home, message: str, state: Settled, at: int = AT) -> bool:
    with home.state.write() as tx:
        return receipts.settle(tx, home, message, state, at, "why", code="5.1.1")


def suppressed(home: Home, *subjects: int) -> dict[int, str]:
    with home.state.read() as tx:
        return suppression.why(tx, home, subjects, "marketing")


def words(home: Home, subject: int) -> list[tuple[str, str, bool]]:
    with home.state.read() as tx:
        return sorted((w.purpose, w.channel, w.given) for _, w in consent.of_subjects(tx, [subject]))


def test_an_address_that_does_not_exist_is_suppressed_and_its_message_failed(home: Home) -> None:
    at = settle(home, {1: [("email", "a@x.cn")]})
    one = hand_over(home, at["a@x.cn"])
    assert settled(home, one, Settled.BOUNCED_HARD) and not settled(home, one, Settled.BOUNCED_HARD)
    assert suppressed(home, at["a@x.cn"]) == {at["a@x.cn"]: "bounced"}
    assert states(home)[one] == ("failed", "no_address")
    assert [(r.what, r.times, r.code) for r in receipts.of_message(home, one)] == [
        ("bounced_hard", 2, "5.1.1")
    ]


def test_a_complaint_withdraws_and_is_a_touch(home: Home) -> None:
    at = settle(home, {1: [("email", "a@x.cn")]})
    say(home, at["a@x.cn"])
    one = hand_over(home, at["a@x.cn"])
    settled(home, one, Settled.COMPLAINED)
    assert suppressed(home, at["a@x.cn"]) == {at["a@x.cn"]: "complained"}
    assert words(home, at["a@x.cn"]) == [
        ("marketing", "email", False), ("marketing", "email", True), ("research", "email", False),
    ]  # fmt: skip
    assert said(home) == [(at["a@x.cn"], "message.refused", f"{one}:complained", "email")]


def test_what_bounces_again_and_again_rests_and_comes_back(home: Home) -> None:
    at = settle(home, {1: [("email", "a@x.cn")]})
    mine = at["a@x.cn"]
    for number in (1, 2):
        settled(home, hand_over(home, mine, number), Settled.BOUNCED_SOFT, AT + number * DAY)
    assert suppressed(home, mine) == {}
    with home.state.write() as tx:
        message = hand_message(home, tx, mine)
        receipts.hear(tx, home, message, Settled.BOUNCED_SOFT, 1_900_000_000_000_000)
    assert suppressed(home, mine) == {}  # too far from the others
    settled(home, hand_over(home, mine, 4), Settled.BOUNCED_SOFT, 1_900_000_000_000_000)
    settled(home, hand_over(home, mine, 5), Settled.BOUNCED_SOFT, 1_900_000_000_000_000)
    assert suppressed(home, mine) == {mine: "full"}


def test_how_often_a_message_may_come_back_is_what_the_limits_say(home: Home) -> None:
    at = settle(home, {1: [("email", "a@x.cn")]})["a@x.cn"]
    set_policy(home, replace(Policy(), soft_bounces=2))
    settled(home, hand_over(home, at, 1), Settled.BOUNCED_SOFT, 1_900_000_000_000_000)
    assert suppressed(home, at) == {}
    settled(home, hand_over(home, at, 2), Settled.BOUNCED_SOFT, 1_900_000_000_000_000 + DAY)
    assert suppressed(home, at) == {at: "full"}


def hand_message(home: Home, tx: object, subject: int) -> receipts.Sent:
    return receipts.Sent(message_id(99), subject, "email", "marketing", "filters", "sent")


def test_a_message_of_which_nobody_knew_has_gone_when_it_is_heard_of(home: Home) -> None:
    at = settle(home, {1: [("email", "a@x.cn")]})
    one = hand_over(home, at["a@x.cn"], state="unknown")
    settled(home, one, Settled.DELIVERED)
    assert states(home)[one][0] == "sent"
    assert [kind for _, kind, _, _ in said(home)] == ["message.sent"]


def test_a_receipt_of_a_message_that_is_not_there_is_passed_over(home: Home) -> None:
    assert not settled(home, message_id(5), Settled.BOUNCED_HARD)


def test_a_mail_that_comes_back_says_so_once(home: Home) -> None:
    at = settle(home, {1: [("email", "a@x.cn")], 2: [("email", "b@x.cn")], 3: [("email", "c@x.cn")]})
    ones = [hand_over(home, at[f"{who}@x.cn"], n) for n, who in enumerate("abc", 1)]
    mails = [
        POSTFIX.format(
            token=links.return_token(home, ones[0]), action="failed", status="5.1.1", said="smtp; 550 x"
        ),
        COMPLAINT.format(token=links.return_token(home, ones[1]), kind="abuse"),
        MAIL.format(token=links.return_token(home, ones[2]), subject="unsubscribe", more="", text=""),
    ]
    for mail in [*mails, *mails]:
        answers.take_mail(home, mail.replace("\n", "\r\n").encode())
    assert suppressed(home, *at.values()) == {at["a@x.cn"]: "bounced", at["b@x.cn"]: "complained"}
    assert words(home, at["c@x.cn"]) == [("marketing", "email", False), ("research", "email", False)]
    assert len(said(home)) == 2


@pytest.mark.parametrize("kind", ["maildir", "mbox"])
def test_the_folder_of_bounces_is_emptied_of_what_is_ours(
    home: Home, admin: Who, tmp_path: Path, kind: str
) -> None:
    at = settle(home, {1: [("email", "a@x.cn")]})
    one = hand_over(home, at["a@x.cn"])
    ours = POSTFIX.format(token=links.return_token(home, one), action="failed", status="5.1.1", said="")
    other = MAIL.format(token="x" * 32, subject="hello", more="", text="hi")
    folder = tmp_path / "bounces"
    if kind == "maildir":
        (folder / "new").mkdir(parents=True)
        (folder / "new" / "1").write_text(ours)
        (folder / "new" / "2").write_text(other)
    else:
        folder.write_text("".join(f"From x Fri Nov 27 19:16:55 2026\n{mail}\n" for mail in (ours, other)))
    setting.set_channel(home, admin, "email", EMAIL.format(folder=folder))
    assert [returned.collect(home), returned.collect(home)] == [1, 0]
    assert suppressed(home, at["a@x.cn"]) == {at["a@x.cn"]: "bounced"}
    if kind == "maildir":
        assert not list((folder / "new").iterdir()) and [p.name for p in (folder / "cur").iterdir()] == [
            "2:2,S"
        ]
    else:
        assert "hello" in folder.read_text() and "Final-Recipient" not in folder.read_text()


def test_a_gateway_posts_receipts_by_its_own_ids_and_answers_by_number(home: Home, admin: Who) -> None:
    setting.set_channel(home, admin, "sms", SMS)
    at = settle(home, {n: [("phone", f"+861390000000{n}")] for n in (1, 2, 3)})
    ones = [hand_over(home, at[f"+861390000000{n}"], n, channel="sms") for n in (1, 2, 3)]
    with home.state.write() as tx:
        receipts.refer(tx, "sms", [(f"g{n}", one, at[f"+861390000000{n}"]) for n, one in enumerate(ones, 1)])
    taken = answers.take_call(
        home,
        "sms",
        b'{"reports": [{"id": "g1", "status": "DELIVRD"}, {"id": "g2", "status": "UNDELIV"}, {"id": "g3", "status": "ENROUTE"},'
        b' {"id": "g9", "status": "DELIVRD"}]}',
    )
    assert (taken.receipts, taken.passed_over) == (2, 1)
    assert suppressed(home, *at.values()) == {at["+8613900000002"]: "bounced"}
    taken = answers.take_call(
        home,
        "sms",
        '{"replies": [{"mobile": "13900000001", "content": "退订。"}, {"mobile": "13900000003", "content": "几点开门"}]}'.encode(),
    )
    assert (taken.replies, taken.passed_over) == (2, 0)
    assert words(home, at["+8613900000001"]) == [("marketing", "sms", False), ("research", "sms", False)]
    assert words(home, at["+8613900000003"]) == []
    assert [(kind, channel) for _, kind, _, channel in said(home)] == [
        ("message.refused", "sms"), ("message.replied", "sms"),
    ]  # fmt: skip


def test_who_stops_what_is_about_service_is_not_sold_to_either(home: Home, admin: Who) -> None:
    setting.set_channel(home, admin, "sms", SMS)
    mine = settle(home, {1: [("phone", "+8613900000001")]})["+8613900000001"]
    say(home, mine, channel="sms")
    hand_over(home, mine, 1, channel="sms", purpose="service")
    answers.take_call(
        home, "sms", '{"replies": [{"mobile": "13900000001", "content": "请退订谢谢"}]}'.encode()
    )
    with home.state.read() as tx:
        for purpose in ("marketing", "research", "service"):
            assert not consent.allowed(tx, np.array([mine]), purpose, "sms")[0]


def test_a_yes_of_before_that_comes_in_late_does_not_undo_a_later_click(home: Home) -> None:
    mine = settle(home, {1: [("email", "a@example.cn")]})["a@example.cn"]
    first, second = hand_over(home, mine, 1), hand_over(home, mine, 2)
    with clock.freeze(clock.from_micros(AT)):
        answers.withdraw(home, links.opt_out_url(home, first).rpartition("/")[2])
    with clock.freeze(clock.from_micros(AT + 10 * DAY)):
        answers.withdraw(home, links.opt_out_url(home, second).rpartition("/")[2])
    say(home, mine, at=AT + 5 * DAY)  # a form of five days before, typed in afterwards
    with home.state.read() as tx:
        assert not consent.allowed(tx, np.array([mine]), "marketing", "email")[0]


def test_reading_a_mail_says_what_it_was(home: Home) -> None:
    assert answers.take_mail(home, b"Subject: hello\r\n\r\nhi").what is What.REPLIED


def test_who_is_forgotten_leaves_no_receipt_reference_or_letter(home: Home) -> None:
    at = settle(home, {1: [("email", "a@x.cn")], 2: [("email", "b@x.cn")]})
    channel = opening.open_channel(home, "inbox")
    for number, who in enumerate(("a@x.cn", "b@x.cn"), 1):
        one = hand_over(home, at[who], number)
        settled(home, one, Settled.DELIVERED)
        with home.state.write() as tx:
            receipts.refer(tx, "sms", [(f"g{number}", one, at[who])])
        channel.hand([outgoing(number, address=str(at[who]))])
    assert forgetting.forget(home, [at["a@x.cn"]]) == {"outreach_receipt": 1, "outreach_inbox": 1}
    with home.state.read() as tx:
        left = [bulk.rows(tx, f"select subject from {table}") for table in TABLES]
    assert left == [[(at["b@x.cn"],)]] * len(TABLES)
    sends_forgetting.forget(home, [at["a@x.cn"]])
    channel.hand([outgoing(1, address=str(at["a@x.cn"]))])  # it was claimed before
    with home.state.read() as tx:
        assert bulk.rows(tx, "select subject from outreach_inbox") == [(at["b@x.cn"],)]


TABLES = ("outreach_receipt", "outreach_reference", "outreach_inbox")
