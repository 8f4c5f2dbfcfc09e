"""From an assignment to a message: only to the treated arm, within consent and limits, once."""

from __future__ import annotations

import io
import json
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import get_type_hints

import numpy as np
import pytest

from tests.core.measurement.town import said
from tests.core.outreach.people import index_of, say, settle
from tests.core.outreach.sending import NOON, SYSTEM, TEMPLATE, Box, assigned, ready, set_policy
from zerodistance.core.identity.store import where_vault
from zerodistance.core.measurement import api as measurement
from zerodistance.core.outreach import answers, api, approving, catalogue, consent, limits, tongues
from zerodistance.core.outreach.channels import opening, setting
from zerodistance.core.outreach.consent import Word
from zerodistance.core.outreach.contracts import (
    ChannelName,
    Handed,
    NoSuchSend,
    NothingToSend,
    Outcome,
    Outgoing,
    SendEnded,
    Sending,
    SendKeyTaken,
    SendState,
)
from zerodistance.core.outreach.policy import Policy
from zerodistance.core.outreach.sends import forgetting, pace, queue, senders, sending, store
from zerodistance.core.outreach.sends.sender import Sender
from zerodistance.core.segments.questions import TooFewToSend
from zerodistance.kernel import bulk, clock
from zerodistance.kernel.access import Role, Who
from zerodistance.kernel.errors import Forbidden, Invalid, StateAway
from zerodistance.kernel.home import Home

HOUR = 3_600_000_000
MARKETER = Who(4, "marketer", Role.MARKETER)


@pytest.fixture(autouse=True)
def noon() -> Iterator[None]:
    with clock.freeze(clock.from_micros(NOON)):
        yield


@pytest.fixture
def box() -> Iterator[Box]:
    made = Box()
    opening.take(ChannelName.EMAIL, lambda home: made)
    yield made
    opening.take(ChannelName.EMAIL, None)


def ask(home: Home, persons: list[int], key: str = "one", who: Who = SYSTEM, **more: object) -> Sending:
    receipt = assigned(home, persons, str(more.pop("experiment", "autumn")))
    return sending.send(home, who, receipt, "autumn", send_key=key, **more)  # type: ignore[arg-type]


def run(home: Home, now: int = NOON) -> Sender:
    made = Sender(home, now=lambda: now)
    made.run_due()
    assert made.stop(5)
    return made


def begun(home: Home) -> int:
    with home.state.write() as tx:
        return senders.begin(tx, "here", 1, NOON)


def states(home: Home) -> Counter[tuple[str, str]]:
    with home.state.read() as tx:
        return Counter(
            (row[0], row[1]) for row in bulk.rows(tx, "select state, reason from outreach_message")
        )


def test_who_may_be_contacted_gets_one_message_and_what_was_sent_is_a_touch(home: Home, box: Box) -> None:
    found = ready(home)
    send = ask(home, list(found), values={"what": "Neue Waschmaschinen"})
    assert send.state is SendState.APPROVED
    assert run(home).sent == send.reach == send.persons
    treated = measurement.treated(home, "autumn")
    assert sorted(one.address for one in box.kept) == sorted(f"p{n}@example.cn" for n in treated)
    one = next(one for one in box.kept if one.address == f"p{treated[0]}@example.cn")
    assert (one.campaign, one.lang, one.subject) == ("autumn", "zh", f"Anna P{treated[0]}，您好")
    assert (
        one.text.startswith("Neue Waschmaschinen") and "示例家电" in one.text and one.opt_out_url in one.text
    )
    table = said(home)
    sent = table.filter(np.array(table["kind"].to_pylist()) == "message.sent")
    assert sorted(sent["subject"].to_pylist()) == sorted(found[n] for n in treated)
    assert set(sent["campaign"].to_pylist()) == {"autumn"} and set(sent["channel"].to_pylist()) == {"email"}
    done = sending.get(home, SYSTEM, send.number)
    assert done.state is SendState.DONE and done.many("sent") == len(treated)


def test_a_link_for_a_name_is_sent_to_nobody_and_kept_nowhere(home: Home, box: Box) -> None:
    found = ready(home)
    named = sorted(found)[::2]
    with home.state.write() as tx:
        for n in named:
            value = home.seal.seal(b"http://evil.example", where_vault(found[n], "name"))
            sql = "update identity_vault set value = ? where subject = ? and field = 'name'"
            bulk.run(tx, sql, (value, found[n]))
    ask(home, list(found))
    run(home)
    assert len(box.kept) > 30
    assert not any("evil" in f"{one.subject}{one.text}{one.html}{one.values}" for one in box.kept)
    assert sum(one.subject.startswith("顾客") for one in box.kept) >= 20
    with home.state.read() as tx:
        assert [row[0] for row in bulk.rows(tx, "select url from outreach_link")] == [
            "https://example.com/washers"
        ]


def test_an_address_that_can_t_be_read_keeps_no_other_message_from_going(home: Home, box: Box) -> None:
    found = ready(home)
    send = ask(home, list(found))
    broken = found[measurement.treated(home, "autumn")[0]]
    with home.state.write() as tx:
        bulk.run(tx, "update identity_vault set value = ? where subject = ?", (b"no seal", broken))
    run(home)
    assert len(box.kept) == send.reach - 1
    assert states(home) == {("sent", ""): send.reach - 1, ("queued", ""): 1}


@pytest.mark.slow
def test_asked_twice_under_one_key_is_asked_once(home: Home, box: Box) -> None:
    found = ready(home)
    first = ask(home, list(found))
    assert ask(home, list(found)).number == first.number
    run(home)
    assert ask(home, list(found)).number == first.number
    run(home)
    assert len(box.kept) == first.reach
    with pytest.raises(SendKeyTaken):
        ask(home, list(found), experiment="winter")


@pytest.mark.slow
def test_a_queue_that_was_filled_halfway_is_filled_without_doubles(home: Home, box: Box) -> None:
    send = ask(home, list(ready(home)))
    assert queue.fill(home, send.number) == send.reach
    with home.state.write() as tx:
        store.turn(tx, send.number, of=[SendState.QUEUED], state="approved")
    queue.fill(home, send.number)
    run(home)
    assert len(box.kept) == send.reach


@pytest.mark.slow
def test_a_receipt_that_was_made_up_reaches_nobody_of_the_control_group(home: Home, box: Box) -> None:
    found = ready(home)
    receipt = assigned(home, list(found), share=0.3)
    forged = replace(receipt, treated=receipt.held, held=receipt.treated)
    sending.send(home, SYSTEM, forged, "autumn", send_key="one")
    run(home)
    assert {one.address for one in box.kept} == {f"p{n}@example.cn" for n in receipt.treated}


def test_who_is_merged_with_somebody_held_out_before_it_goes_is_held_out(home: Home, box: Box) -> None:
    found = ready(home)
    receipt = assigned(home, list(found), share=0.3)
    send = sending.send(home, SYSTEM, receipt, "autumn", send_key="one")
    queue.fill(home, send.number)
    treated, held = receipt.treated[0], receipt.held[0]
    with home.state.write() as tx:
        bulk.run(tx, "update subject set person = ? where person = ?", (held, treated))
    run(home)
    assert f"p{treated}@example.cn" not in {one.address for one in box.kept}
    assert states(home)["held", "held_out"] == 1


def test_two_persons_who_become_one_get_one_message(home: Home, box: Box) -> None:
    found = ready(home)
    receipt = assigned(home, list(found))
    send = sending.send(home, SYSTEM, receipt, "autumn", send_key="one")
    queue.fill(home, send.number)
    a, b = receipt.treated[0], receipt.treated[1]
    with home.state.write() as tx:
        bulk.run(tx, "update subject set person = ? where person = ?", (a, b))
    run(home)
    mine = [one.address for one in box.kept if one.address in (f"p{a}@example.cn", f"p{b}@example.cn")]
    assert len(mine) == 1 and states(home)["held", "twice"] == 1


def test_consent_and_caps_hold_at_the_last_moment_and_the_reason_is_kept(
    home: Home, box: Box, admin: Who
) -> None:
    found = ready(home)
    send = ask(home, list(found))
    queue.fill(home, send.number)
    gone = measurement.treated(home, "autumn")[3]
    say(home, found[gone], given=False, at=NOON)
    run(home)
    assert f"p{gone}@example.cn" not in {one.address for one in box.kept}
    again = ask(home, list(found), key="two")
    assert again.reach == send.reach - 1
    run(home)
    assert states(home) == {
        ("sent", ""): send.reach - 1,
        ("held", "no_consent"): 1,
        ("held", "cap"): send.reach - 1,
    }
    written = io.StringIO()
    assert sending.export(home, admin, again.number, written) == send.reach - 1
    assert written.getvalue().splitlines()[1].split(",")[1:4] == ["held", "cap", "email"]
    assert "@" not in written.getvalue()


@pytest.mark.slow
def test_at_night_messages_wait_for_the_morning_or_are_held_if_that_is_too_late(home: Home, box: Box) -> None:
    found = list(ready(home))
    late = NOON + 10 * HOUR
    send = ask(home, found)
    run(home, now=late)
    assert box.kept == [] and states(home) == {("queued", ""): send.reach}
    run(home, now=NOON + 21 * HOUR)
    assert len(box.kept) == send.reach
    third = ask(home, found, key="three", not_after=NOON + 60 * HOUR)
    run(home, now=NOON + 59 * HOUR)
    assert (
        states(home) == {("sent", ""): send.reach, ("held", "window"): third.reach}
        and len(box.kept) == send.reach
    )


def test_what_the_other_side_says_is_what_becomes_of_a_message(home: Home) -> None:
    answers = {
        "p1@": (Outcome.REFUSED, True),
        "p2@": (Outcome.REFUSED, False),
        "p3@": (Outcome.LATER, False),
        "p4@": (Outcome.UNKNOWN, False),
    }

    def answer(one: Outgoing) -> Handed:
        outcome, none = next(
            (a for k, a in answers.items() if one.address.startswith(k)), (Outcome.ACCEPTED, False)
        )
        return Handed(one.message_id, outcome, "550", is_address=none)

    box = Box(answer)
    opening.take(ChannelName.EMAIL, lambda home: box)
    try:
        found = ready(home, policy=replace(Policy(), caps=()))
        send = ask(home, list(found))
        treated = {n for n in measurement.treated(home, "autumn") if n > 4}
        few = {n for n in (1, 2, 3, 4) if n in measurement.treated(home, "autumn")}
        run(home)
        expected = {("sent", ""): len(treated)}
        expected |= {("failed", "no_address"): 1} if 1 in few else {}
        expected |= {("failed", "refused"): 1} if 2 in few else {}
        expected |= {("queued", ""): 1} if 3 in few else {}
        expected |= {("unknown", ""): 1} if 4 in few else {}
        assert states(home) == expected
        with home.state.read() as tx:  # what certainly reached nobody is no contact
            booked = bulk.value(tx, "select count(*) from outreach_contact")
            suppressed = bulk.rows(tx, "select subject from outreach_suppressed")
        assert booked == len(treated) + (4 in few)
        assert suppressed == ([(found[1],)] if 1 in few else [])
        answers.clear()
        run(home, now=NOON + 61_000_000)
        assert states(home)["sent", ""] == len(treated) + (3 in few)
        addresses = Counter(one.address for one in box.kept)
        assert (
            addresses["p4@example.cn"] <= 1 and sending.get(home, SYSTEM, send.number).state is SendState.DONE
        )
    finally:
        opening.take(ChannelName.EMAIL, None)


def test_what_a_dead_sender_was_handing_over_is_not_sent_again_but_service_may_be(
    home: Home, box: Box
) -> None:
    found = ready(home)
    settled = {**TEMPLATE, "purpose": "service"}
    catalogue.save(home, SYSTEM, "recall", settled)
    service = assigned(home, list(found), "recall", purpose="service")
    again = sending.send(home, SYSTEM, service, "recall", send_key="recall", purpose="service", again=True)
    send = ask(home, list(found))
    for number in (send.number, again.number):
        queue.fill(home, number)
    with home.state.write() as tx:
        dead = senders.begin(tx, "elsewhere", 1, NOON - HOUR)
    queue.claim(home, dead, "email", 200, 0, NOON)
    assert states(home) == {("handing", ""): send.reach + again.reach}
    with home.state.write() as tx:
        senders.beat(tx, [dead], NOON - HOUR)
    run(home)
    assert states(home) == {("unknown", ""): send.reach, ("sent", ""): again.reach}
    assert {one.campaign for one in box.kept} == {"recall"}


@pytest.mark.slow
def test_a_sender_that_was_taken_for_dead_still_tells_what_it_has_sent(home: Home, box: Box) -> None:
    send = ask(home, list(ready(home)))
    queue.fill(home, send.number)
    with home.state.write() as tx:
        mine = senders.begin(tx, "here", 1, NOON)
    claimed = queue.claim(home, mine, "email", 10, 0, NOON).claimed
    assert claimed is not None
    queue.recover(home, NOON, [mine])
    handed = [Handed(row["id"], Outcome.ACCEPTED) for row in claimed.rows]
    queue.settle(home, mine, claimed, handed, NOON)
    assert states(home)["sent", ""] == 10
    queue.settle(home, mine, claimed, handed, NOON)
    table = said(home)
    assert table["kind"].to_pylist().count("message.sent") == 10


def test_a_sender_that_slept_begins_anew_and_knows_what_did_not_go(home: Home) -> None:
    slept: list[int] = []

    def answer(one: Outgoing) -> Handed:
        if not slept:  # the machine sleeps while the first message is handed over; another process looks
            with home.state.read() as tx:
                slept.extend(row["number"] for row in senders.living(tx))
            queue.recover(home, NOON, slept)
            return Handed(one.message_id, Outcome.LATER, "451", "busy")
        return Handed(one.message_id, Outcome.ACCEPTED)

    box = Box(answer)
    opening.take(ChannelName.EMAIL, lambda home: box)
    send = ask(home, list(ready(home)))
    try:
        made = Sender(home, chunk=20, now=lambda: NOON)
        made.run_due()
        with home.state.read() as tx:
            (living,) = senders.living(tx)
            assert living["number"] not in slept and not store.handing_of_none(tx)
        assert made.stop(5)
        assert states(home) == {("sent", ""): send.reach - 1, ("queued", ""): 1}
    finally:
        opening.take(ChannelName.EMAIL, None)


def test_a_clock_that_is_set_back_stalls_nothing(home: Home, box: Box) -> None:
    send = ask(home, list(ready(home)))
    queue.fill(home, send.number)
    with home.state.write() as tx:
        gone = senders.begin(tx, "elsewhere", 1, NOON + HOUR)  # it died before the clock was set back
        senders.beat(tx, [gone], NOON + HOUR)
        pace.set_tokens(tx, "email", 0.0, NOON + HOUR)
        assert pace.tokens(tx, "email", 10.0, NOON) == 10.0
        assert pace.tokens(tx, "email", 10.0, NOON + HOUR - 1_000_000) == 0.0  # clocks differ a little
    sender = Sender(home, now=lambda: NOON)
    with home.state.read() as tx:
        assert [sender._is_dead(one) for one in senders.living(tx)] == [True]


def test_what_was_claimed_without_the_sender_hearing_so_is_queued_again_and_is_no_contact(
    home: Home, box: Box
) -> None:
    send = ask(home, list(ready(home)))
    queue.fill(home, send.number)
    made = Sender(home, now=lambda: NOON)
    made._numbers["email"] = mine = begun(home)
    assert queue.claim(home, mine, "email", 200, 0, NOON).met == send.reach  # the answer to this is lost
    assert made.run_due() == send.reach == len(box.kept)
    with home.state.read() as tx:
        assert bulk.value(tx, "select count(*) from outreach_contact") == send.reach
    assert made.stop(5)


def test_a_sender_outlives_that_the_state_is_away(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    made, stop, seen = Sender(home), threading.Event(), list[int]()

    def away() -> int:
        seen.append(1)
        if len(seen) == 1:
            raise StateAway(where="postgres", why="gone")
        stop.set()
        return 0

    monkeypatch.setattr(made, "start_due", away)
    made.run(stop, 0)
    assert len(seen) == 2


def test_a_receipt_that_is_quicker_than_the_sender_is_heard(home: Home) -> None:
    def answer(
        one: Outgoing,
    ) -> Handed:  # the gateway has delivered, or not, before its answer is written down
        state = {"id": f"g{one.message_id}", "status": "bad" if not gone else "delivered"}
        gone.append(one.message_id)
        assert answers.take_call(home, "sms", json.dumps(state).encode()).passed_over == 1
        return Handed(one.message_id, Outcome.ACCEPTED, reference=f"g{one.message_id}")

    gone: list[str] = []
    receipts_of = """url = "https://sms.example.com"
[body]
to = "{to}"
[receipts]
reference = "id"
no_such_number = ["bad"]
"""
    found = list(settle(home, {n: [("phone", f"+8613900000{n:03d}")] for n in range(1, 61)}).values())
    index_of(home, range(1, 61), {})
    with home.state.write() as tx:
        consent.keep(tx, [Word(one, "marketing", "sms", True, 1) for one in found], 1)
    set_policy(home, replace(Policy(), sender_zh="示例", sender_en="Example", minor_age=0))
    setting.set_channel(home, SYSTEM, "sms", receipts_of)
    catalogue.save(
        home,
        SYSTEM,
        "text",
        {**TEMPLATE, "channel": "sms", "bodies": {"zh": {"text": "看看"}}, "variables": []},
    )
    with home.state.write() as tx:
        for subject in found:
            where = where_vault(subject, "phone")
            sql = (
                "insert into identity_vault (subject, field, origin, at, value) values (?, 'phone', 0, 1, ?)"
            )
            bulk.run(tx, sql, (subject, home.seal.seal(b"+8613900000001", where)))
    box = Box(answer)
    box.name = "sms"
    opening.take(ChannelName.SMS, lambda home: box)
    try:
        send = sending.send(home, SYSTEM, assigned(home, list(range(1, 61))), "text", send_key="one")
        run(home)
    finally:
        opening.take(ChannelName.SMS, None)
    assert states(home) == {("sent", ""): send.reach - 1, ("failed", "no_address"): 1}
    with home.state.read() as tx:
        assert bulk.rows(tx, "select what, count(*) from outreach_receipt group by 1 order by 1") == [
            ("bounced_hard", 1), ("delivered", send.reach - 1),
        ]  # fmt: skip
        assert not bulk.rows(tx, "select reference from outreach_early")
        assert len(bulk.rows(tx, "select mark from outreach_suppressed")) == 1


@pytest.mark.slow
def test_two_senders_share_the_rate_of_a_channel(home: Home, box: Box) -> None:
    send = ask(home, list(ready(home)))
    queue.fill(home, send.number)
    with home.state.write() as tx:
        a, b = senders.begin(tx, "here", 1, NOON), senders.begin(tx, "here", 2, NOON)
    got = [
        len(found.claimed.rows)
        if (found := queue.claim(home, who, "email", 200, 10, NOON + at)).claimed
        else 0
        for who, at in ((a, 0), (b, 0), (a, 500_000), (b, 500_000), (b, 550_000))
    ]
    assert got == [10, 0, 5, 0, 0]


@pytest.mark.slow
def test_a_large_send_waits_for_another_account(home: Home, box: Box) -> None:
    found = ready(home)
    object.__setattr__(home.settings, "send_approval_size", 20)
    analyst, other = Who(7, "li", Role.ANALYST), Who(8, "wang", Role.ANALYST)
    send = ask(home, list(found), who=analyst)
    assert send.state is SendState.ASKED and send.approval is not None
    run(home)
    assert box.kept == []
    with pytest.raises(Exception, match="another account"):
        sending.decide(home, analyst, send.number, True)
    assert sending.decide(home, other, send.number, True).state is SendState.APPROVED
    run(home)
    assert len(box.kept) == send.reach
    refused = sending.decide(home, other, ask(home, list(found), key="two", who=analyst).number, False, "no")
    assert (refused.state, refused.why, refused.ended_by) == (SendState.STOPPED, "no", "wang")


def test_a_large_send_in_small_parts_waits_as_a_whole(home: Home, box: Box) -> None:
    found = list(ready(home))
    object.__setattr__(home.settings, "send_approval_size", 45)
    mine, other = Who(7, "li", Role.ANALYST), Who(8, "wang", Role.ANALYST)

    def part(n: int, who: Who = mine) -> SendState:
        return ask(home, found[20 * n : 20 * n + 20], key=f"part {n}", who=who, experiment=f"e{n}").state

    assert [part(0), part(1), part(2)] == [SendState.APPROVED, SendState.APPROVED, SendState.ASKED]
    with clock.freeze(clock.from_micros(NOON + 25 * HOUR)):
        assert (
            ask(home, found, key="later", who=mine, experiment="e0").state is SendState.ASKED
        )  # large alone
        assert ask(home, found[:5], key="few", who=mine, experiment="e1").state is SendState.APPROVED
    assert ask(home, found[40:], key="another", who=other, experiment="e2").state is SendState.APPROVED
    for one in approving.listed(home, MARKETER):
        assert one.size is None  # exact


@pytest.mark.slow
def test_a_send_that_was_stopped_goes_no_further(home: Home, box: Box) -> None:
    send = ask(home, list(ready(home)))
    queue.fill(home, send.number)
    stopped = sending.stop(home, SYSTEM, send.number, "a wrong price")
    run(home)
    assert box.kept == [] and stopped.many("held") == send.reach
    with pytest.raises(SendEnded):
        sending.stop(home, SYSTEM, send.number)


@pytest.mark.slow
def test_a_marketer_sends_to_many_and_sees_rounded_figures(home: Home, box: Box) -> None:
    found = ready(home, 90)
    with pytest.raises(TooFewToSend):
        ask(home, list(found)[:45], who=MARKETER, experiment="few")
    send = ask(home, list(found), who=MARKETER)
    run(home)
    shown = sending.get(home, MARKETER, send.number)
    k = home.settings.released_k
    assert shown.rounded and all(one.many is None or one.many % k == 0 for one in shown.tallies)
    assert shown.persons is None or shown.persons % k == 0
    told = [sending._step(home, store.Many(many, 70), "1:sent") for many in (900, 1_000, 1_001)]
    assert told[0] is not None and len(set(told)) == 1  # who is not of the panel leaves no trace
    assert sending._step(home, store.Many(19, 19), "1:sent") is None
    with pytest.raises(Forbidden):
        sending.export(home, MARKETER, send.number, io.StringIO())


@pytest.mark.slow
def test_what_can_t_be_sent_is_refused_with_its_reason(home: Home, box: Box) -> None:
    found = list(ready(home))
    with pytest.raises(Invalid, match="what"):
        ask(home, found, values={"wath": "x"})
    with pytest.raises(Invalid, match="not_after"):
        ask(home, found, not_after=NOON - 1)
    with pytest.raises(Invalid, match="twice"):
        ask(home, found, again=True)
    with pytest.raises(Forbidden):
        ask(home, found, who=Who(9, "planner", Role.PLANNER))
    nobody = settle(home, {900: [("phone", "+8613912345678")]})
    assert nobody
    with pytest.raises(NothingToSend):
        ask(home, [900], experiment="none")
    with pytest.raises(NoSuchSend):
        sending.get(home, SYSTEM, 77)
    assert sending.listed(home, SYSTEM) == ()


def test_a_small_send_of_somebody_else_is_seen_by_who_sees_persons_alone(home: Home, box: Box) -> None:
    found = list(ready(home, 90))
    send = ask(home, found[:5])
    mine = ask(home, found, key="mine", experiment="own", who=MARKETER)
    assert [one.number for one in sending.listed(home, MARKETER)] == [mine.number]
    assert sending.called(home, MARKETER, "one") is None
    with pytest.raises(NoSuchSend):
        sending.get(home, MARKETER, send.number)


@pytest.mark.slow
def test_a_unit_sees_its_own_sends_only(home: Home, box: Box) -> None:
    send = ask(home, list(ready(home)), unit=5)
    assert sending.listed(home, Who(1, "a", Role.ANALYST, frozenset({5})))[0].number == send.number
    other = Who(2, "b", Role.ANALYST, frozenset({6}))
    assert sending.listed(home, other) == ()
    with pytest.raises(NoSuchSend):
        sending.stop(home, other, send.number)


@pytest.mark.slow
def test_who_is_forgotten_while_a_message_is_on_its_way_leaves_nothing(home: Home, box: Box) -> None:
    found = ready(home)
    send = ask(home, list(found))
    queue.fill(home, send.number)
    with home.state.write() as tx:
        mine = senders.begin(tx, "here", 1, NOON)
    claimed = queue.claim(home, mine, "email", 200, 0, NOON).claimed
    assert claimed is not None
    gone = claimed.rows[0]["subject"]
    assert forgetting.forget(home, [gone])["outreach_message"] == 1
    queue.settle(home, mine, claimed, [Handed(r["id"], Outcome.ACCEPTED) for r in claimed.rows], NOON)
    table = said(home)
    sent = table.filter(np.array(table["kind"].to_pylist()) == "message.sent")
    assert gone not in sent["subject"].to_pylist() and len(sent) == send.reach - 1
    assert ("held", "gone") not in states(home)


def test_what_was_queued_while_somebody_was_forgotten_goes_with_them(home: Home, box: Box) -> None:
    found = ready(home)
    send = ask(home, list(found))
    queue.fill(home, send.number)
    mine = found[measurement.treated(home, "autumn")[0]]
    with home.state.write() as tx:
        bulk.run(tx, "delete from subject where number = ?", (mine,))
    run(home)
    assert len(box.kept) == send.reach - 1
    with home.state.read() as tx:
        assert not store.of_subjects(tx, [mine], 10)


@pytest.mark.slow
def test_an_address_that_went_from_the_vault_is_held_and_is_no_contact(home: Home, box: Box) -> None:
    found = ready(home)
    send = ask(home, list(found))
    queue.fill(home, send.number)
    gone = measurement.treated(home, "autumn")[0]
    with home.state.write() as tx:
        bulk.run(tx, "delete from identity_vault where subject = ?", (found[gone],))
    run(home)
    assert states(home) == {("sent", ""): send.reach - 1, ("held", "gone"): 1}
    with home.state.read() as tx:
        assert bulk.value(tx, "select count(*) from outreach_contact") == send.reach - 1


@pytest.mark.slow
def test_a_channel_that_takes_nothing_rests_and_loses_nothing(home: Home) -> None:
    box = Box(lambda one: Handed(one.message_id, Outcome.LATER, "421"))
    opening.take(ChannelName.EMAIL, lambda home: box)
    try:
        send = ask(home, list(ready(home))[:20])
        made = Sender(home, now=lambda: NOON)
        made.run_due()
        assert made.start_due() == 0 and len(box.kept) == send.reach  # it rests
        assert states(home) == {("queued", ""): send.reach}
        with home.state.read() as tx:
            assert not bulk.rows(tx, "select message from outreach_contact")
        for day in range(1, queue.TRIES + 1):
            run(home, now=NOON + day * 24 * HOUR)
        assert states(home) == {("failed", "gave_up"): send.reach}
        assert len(box.kept) == queue.TRIES * send.reach
    finally:
        opening.take(ChannelName.EMAIL, None)


@pytest.mark.slow
def test_a_channel_that_breaks_leaves_nobody_knowing(home: Home) -> None:
    class Broken(Box):
        def hand(self, batch: Sequence[Outgoing]) -> Sequence[Handed]:
            raise ValueError("no channel may do so")

    opening.take(ChannelName.EMAIL, lambda home: Broken())
    try:
        send = ask(home, list(ready(home))[:20])
        run(home)
        assert states(home) == {("unknown", ""): send.reach}
    finally:
        opening.take(ChannelName.EMAIL, None)


def test_no_verb_of_the_room_returns_an_address() -> None:
    for name in api.__all__:
        verb = getattr(api, name)
        if callable(verb) and not isinstance(verb, type):
            assert "Outgoing" not in str(get_type_hints(verb).get("return")), name
    assert not {"Outgoing", "Writer", "addresses"} & set(api.__all__)


def test_the_language_that_somebody_has_set_goes_before_that_of_their_country(home: Home) -> None:
    nodes = {"geo.country": {"DE": [3, 4, 5]}, "demo.language": {"zh": [3], "de": [2], "en": [4]}}
    index_of(home, range(1, 6), nodes)
    seen, who = limits.look(home), np.array([5, 1, 2, 3, 4, 3])
    countries = [where.country for where in seen.clocks.of(who)]
    assert tongues.of(seen.index, who, countries) == ["en", "zh", "en", "zh", "en", "zh"]


@pytest.mark.slow
def test_people_abroad_are_written_to_in_english(home: Home, box: Box) -> None:
    found = ready(home)
    index_of(home, list(found), {"geo.country": {"de": list(found)[:30]}})
    ask(home, list(found))
    run(home, now=NOON + 5 * HOUR)  # 10:00 in Berlin, 17:00 in Shanghai
    by = {one.address: one.lang for one in box.kept}
    assert {by[f"p{n}@example.cn"] for n in measurement.treated(home, "autumn") if n <= 30} == {"en"}
    assert Counter(by.values())["zh"] > 20
