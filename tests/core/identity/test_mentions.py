"""What touches said of people is kept for the matcher, sealed, and goes with them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from tests.core.identity.steps import subject, take_in, together
from tests.factory import START, Touch
from zerodistance.core.identity import api, mentions
from zerodistance.kernel.access import Who
from zerodistance.kernel.home import Home

WEI = {"name": "王伟", "address": "香港中路8号3号楼2单元501", "gender": "男"}


def said(home: Home) -> list[dict[str, Any]]:
    """Return every mention without what was not said, and without its time."""
    with home.state.read() as tx:
        tables = [table for _, table in mentions.read(tx, home.seal)]
    rows = [row for table in tables for row in table.to_pylist()]
    return [{k: v for k, v in row.items() if v is not None and k != "at"} for row in rows]


def test_what_a_touch_says_in_words_is_kept_with_its_phone_and_mail(home: Home) -> None:
    take_in(home, Touch({"record": "r1", "phone": "139 1234 8001", "email": "W@example.com"}, 1, facts=WEI))
    expected = {
        "subject": subject(home, "record", "1:r1"),
        **WEI,
        "phone": "139 1234 8001",
        "email": "W@example.com",
    }
    assert said(home) == [expected]


def test_the_same_words_twice_in_a_batch_are_kept_once_and_other_words_beside_them(home: Home) -> None:
    names = ["王伟", "王伟", "王玮"]
    take_in(home, *(Touch({"member_id": "M1"}, n, facts={"name": name}) for n, name in enumerate(names)))
    assert sorted(row["name"] for row in said(home)) == ["王伟", "王玮"]


def test_the_same_words_months_apart_are_kept_once_a_month_whatever_the_batches_are(home: Home) -> None:
    days = (0, 1, 40, 90, 91)
    rows = [Touch({"member_id": "M1"}, START + timedelta(days=day), facts={"name": "王伟"}) for day in days]
    take_in(home, *rows[:2])
    take_in(home, *rows[2:])
    with home.state.read() as tx:
        found = [at for _, table in mentions.read(tx, home.seal) for at in table["at"].to_pylist()]
    assert sorted(found) == [rows[n].happened_at for n in (0, 2, 3)]


def test_a_touch_that_only_names_identifiers_or_nobody_is_not_mentioned(home: Home) -> None:
    take_in(
        home,
        Touch({"phone": "13912348001"}, 1),
        Touch((), 2, facts=WEI),
        Touch({"user_id": "u"}, 3, facts={"nick": "x"}),
    )
    assert said(home) == []


def test_nothing_of_it_is_readable_in_the_state(home: Home) -> None:
    take_in(home, Touch({"record": "r1"}, 1, facts=WEI))
    with home.state.read() as tx:
        (sealed,) = tx.exec_driver_sql("select sealed from identity_mention").scalars()
    assert "王伟".encode() not in bytes(sealed) and b"ARROW" not in bytes(sealed)


def test_forgetting_takes_somebody_out_of_every_batch_and_leaves_the_others(home: Home) -> None:
    take_in(home, Touch({"record": "r1"}, 1, facts=WEI), Touch({"record": "r2"}, 2, facts={"name": "李娜"}))
    take_in(home, Touch({"record": "r1"}, 3, facts={"name": "王大伟"}))
    gone = [subject(home, "record", "1:r1")]
    assert api.forget(home, gone)["identity_mention"] == 2
    assert [row["name"] for row in said(home)] == ["李娜"]
    assert api.forget(home, gone)["identity_mention"] == 0
    with home.state.read() as tx:
        assert tx.exec_driver_sql("select count(*) from identity_mention").scalar() == 1


def test_a_home_of_before_is_named_and_mentioned_from_its_vault_once(home: Home, admin: Who) -> None:
    rows = [
        Touch({"record": f"r{n}", "phone": "13912348001"}, n, facts=facts)
        for n, facts in enumerate((WEI, {"name": "李娜"}, WEI))
    ]
    take_in(home, *rows)
    with home.state.write() as tx:
        tx.exec_driver_sql("delete from identity_mention")
        tx.exec_driver_sql("update subject set named = 0, named_at = 0")
        tx.exec_driver_sql("insert into identity_number (key, value) values ('unnamed', 0)")
    api.rebuild(home, admin)
    assert sorted(row["name"] for row in said(home)) == ["李娜", "王伟", "王伟"]
    assert together(home, ("record", "1:r0"), ("record", "1:r2"))
    assert not together(home, ("record", "1:r0"), ("record", "1:r1"))
    api.rebuild(home, admin)
    assert len(said(home)) == 3


def test_a_home_of_before_is_named_by_the_sound_of_names_once(home: Home, admin: Who) -> None:
    rows = [
        Touch({"record": f"r{n}", "phone": "13912348001"}, n, facts={"name": name})
        for n, name in enumerate(("王伟", "王玮", "李娜"))
    ]
    take_in(home, *rows)
    with home.state.write() as tx:
        tx.exec_driver_sql("update subject set named = number << 43 | number where named <> 0")
        tx.exec_driver_sql("insert into identity_number (key, value) values ('unheard', 0)")
    api.rebuild(home, admin)
    assert together(home, ("record", "1:r0"), ("record", "1:r1"))
    assert not together(home, ("record", "1:r0"), ("record", "1:r2"))
    with home.state.read() as tx:
        assert tx.exec_driver_sql("select count(*) from identity_number where key = 'unheard'").scalar() == 0


def test_a_serial_number_is_kept_and_says_nothing_of_who_somebody_is(home: Home) -> None:
    take_in(home, Touch({"member_id": "M1", "phone": "13912348001"}, 1, facts={"serial": "S1607181602"}))
    (row,) = said(home)
    assert row == {
        "subject": subject(home, "member_id", "M1"),
        "serial": "S1607181602",
        "phone": "13912348001",
    }
    with home.state.read() as tx:
        (table,) = (table for _, table in mentions.read(tx, home.seal))
    assert mentions.in_words(table).num_rows == 0


def test_mentions_of_a_version_that_knew_no_serial_numbers_are_read(home: Home) -> None:
    take_in(home, Touch({"member_id": "M1"}, 1, facts={"name": "王伟"}))
    with home.state.write() as tx:
        table = mentions.of_batch(tx, home.seal, 1)
        tx.exec_driver_sql("delete from identity_mention")
        mentions.write(tx, home.seal, 1, 0, table.drop_columns("serial"))
    assert [(row["name"], "serial" in row) for row in said(home)] == [("王伟", False)]
