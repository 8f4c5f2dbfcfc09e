"""What the page of a person says of consent and messages."""

from __future__ import annotations

from tests.core.outreach.people import LONG_AGO, say, settle
from zerodistance.core.outreach import panels, receipts, suppression
from zerodistance.core.outreach.sends import store
from zerodistance.core.profiles.panels import About, Panel, Shown
from zerodistance.core.touchpoints.book import BOOK
from zerodistance.core.touchpoints.log import History
from zerodistance.kernel import clock
from zerodistance.kernel.access import Who
from zerodistance.kernel.home import Home


def shown(home: Home, who: Who, panel: Panel, as_of: int | None = None) -> Shown:
    history = History(BOOK.empty_table())
    found = panel.show(home, who, About(home.seal.public_id("p", 1), 1, history, as_of or clock.micros()))
    assert found is not None
    return found


def test_consent_stands_with_what_shows_it_and_as_it_was_then(home: Home, admin: Who) -> None:
    at = settle(home, {1: [("email", "wang@x.cn")]})["wang@x.cn"]
    assert shown(home, admin, panels.CONSENT).lines == ()
    say(home, at)
    say(home, at, given=False, at=LONG_AGO + 10)
    with home.state.write() as tx:
        suppression.add(tx, home, [at], "complained", at=LONG_AGO, source="a report")
    now = shown(home, admin, panels.CONSENT).lines
    assert [(one.value.en, one.bad) for one in now] == [
        ("complained of spam", True),
        ("withdrew", True),
        ("agreed (before)", False),
    ]
    assert "wang@x.cn" not in str(now) and "#" in now[1].under.en
    then = shown(home, admin, panels.CONSENT, LONG_AGO + 5).lines
    assert [one.value.en for one in then[1:]] == ["agreed"]


def test_messages_say_what_became_of_them_and_why(home: Home, admin: Who) -> None:
    at = settle(home, {1: [("email", "wang@x.cn")]})["wang@x.cn"]
    assert "Nothing was ever sent" in shown(home, admin, panels.MESSAGES).empty.en
    row = {
        "key": "s1", "experiment": "washers", "assignment": 1, "ways": '[["email", "filter-due", 1]]', "purpose": "marketing", "unit": None,
        "given": "{}", "not_before": None, "not_after": None, "again": 0, "state": "queued", "persons": 1, "reach": 1, "made_by": "mei",
        "made_at": 1, "queued_at": 1, "ended_at": None, "ended_by": None, "why": "",
    }  # fmt: skip
    columns = {column.name for column in store.send.columns}
    with home.state.write() as tx:
        number = store.add_send(tx, {name: value for name, value in row.items() if name in columns})
        store.add(tx, [("a" * 24, number, at, 0, "email", 0, LONG_AGO, "queued", "", 0)])
        store.hold(tx, [("cap", "a" * 24)])
    (line,) = shown(home, admin, panels.MESSAGES).lines
    assert (line.label.en, line.value.en, line.under.en) == (
        "E-mail",
        "held back: a cap is reached",
        "washers · filter-due",
    )
    assert line.more == f"/outreach/sends/{number}"
    with home.state.write() as tx:
        message = receipts.sent(tx, "a" * 24)
        assert message is not None
        for what in ("clicked", "delivered"):
            receipts.hear(tx, home, message, what, LONG_AGO + 100)
    (line,) = shown(home, admin, panels.MESSAGES).lines
    assert line.under.en == "washers · filter-due · delivered · clicked"
    (line,) = shown(home, admin, panels.MESSAGES, LONG_AGO + 5).lines
    assert line.under.en == "washers · filter-due"
