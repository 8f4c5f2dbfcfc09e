"""Forgetting reaches every file, is certified, and may be interrupted anywhere."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Integer, select
from sqlalchemy import Text as Text_

import zerodistance.compose as compose
from scripts.reference import load_everything
from tests.patience import PATIENCE
from tests.postgres import stored
from zerodistance.core.identity import api as identity
from zerodistance.core.touchpoints import forget, import_jobs, journal, sources, store, tail
from zerodistance.doors.worker import Work, once
from zerodistance.kernel import clock
from zerodistance.kernel.access import Who
from zerodistance.kernel.errors import Forbidden, Invalid
from zerodistance.kernel.home import Home
from zerodistance.kernel.jobs import Job
from zerodistance.kernel.state import metadata
from zerodistance.kernel.text import Text

NOBODY = {
    *("backup", "category", "product", "place", "unit", "unit_number", "territory"),
    *("source", "feed", "batch", "tail", "seen", "source_hour", "source_last", "import_job", "outbox", "job"),
    *("source_schema", "schema_breach"),  # no value of an event and no name it brings stands in a reason
    "import_draft",  # emptied whenever somebody is forgotten
    *("quarantine", "set_aside"),  # sealed rows: looked through by the matcher, see the tests around
    *("undo_request", "remapping"),
    "own_touch",  # touches of apps, a table in each row: rewritten without the person, see test_own.py
    *("source_feed", "feed_file", "feed_secret"),  # where files and rows are fetched from, not what they hold
    *("identity_guard", "identity_number"),
    "identity_figure",  # of its rows one lists large persons: taken out with them, see tests/core/identity/test_health.py
    *("identity_rules", "identity_epoch"),
    "identity_model",  # sealed: how frequent names are that many people have, see tests/core/identity/ruling
    "household_alias",  # old numbers of households, which nobody is told
    "identity_mention",  # sealed tables: rewritten without the person, see tests/core/identity/test_mentions.py
    *("segment", "segment_version", "segment_size", "state_note"),
    "model_look",  # figures of models
    *("own_dimension", "tag", "tag_version"),  # what tags are and who made them; their values are in the lake
    *(
        "segment_kept",
        "segment_change",
    ),  # bitmaps: rewritten without the person, see tests/core/segments/test_living.py
    "profile_past",  # moments that somebody who works here waits for
    "segment_approval",
    "segment_exact",  # rules name nodes and codes, and how many fit
    *("grouping", "grouping_version", "grouping_group", "grouping_run"),  # kinds of persons, and how many
    *("outreach_channel", "outreach_link"),  # ways out, and where links lead for everybody
    *(
        "outreach_policy",
        "outreach_template",
        "outreach_word_list",
        "outreach_approval",
        "outreach_cursor",
    ),  # what the brand says
    *("outreach_send", "outreach_sender", "outreach_pace"),  # what is sent, by which process, how fast
    "outreach_pause",  # experiments of which nothing goes
    "outreach_early",  # what a gateway says of a name of its own, for a day at most
    *("experiment", "experiment_look", "experiment_cost"),  # what is asked, how many, how much
    *("experiment_assignment", "experiment_arm"),  # subjects as bitmaps: rewritten without the person
    *(
        "campaign",
        "campaign_version",
        "campaign_cohort",
        "campaign_act",
    ),  # what is written, how many; see tests/apps/marketing
    *("store_size", "alert", "alert_delivery"),  # stores, jobs and sources
    *("account", "api_key", "portal_failure", "portal_once", "portal_session"),  # those who work here
}
"""Tables that name no person, subject or token."""
VISITS = """
kind = "store.visited"
source = { key = "visits", name = "Visits", kind = "store" }
[times]
happened_at = "at"
zone = "UTC"
lag = "1 day"
[identifiers]
user_id = "user"
"""
NAME, MAIL, PHONE, ORDER = "Zhang Weiguo", "weiguo.zhang@example.cn", "13912345678", "order-4711-of-weiguo"


@pytest.fixture
def work(home: Home) -> Iterator[Work]:
    sources.create_source(home, Who.system(), key="web", name=Text("官网", "web"), kind="web")
    yield compose.work(home)


def send(home: Home, *events: dict[str, Any]) -> None:
    """Put events into the journal as the door does."""
    connection = journal.connect(home.path("journal.db"))
    body = json.dumps({"batch": list(events)}).encode()
    at = clock.micros()
    sealed = home.seal.seal(body, journal.where(1, "batch", at))
    connection.execute(
        "insert into row (source, route, received_at, events, encoding, body) values (1, 'batch', ?, ?, '', ?)",
        (at, len(events), sealed),
    )
    connection.close()


def wei(n: int, **said: Any) -> dict[str, Any]:
    return {"type": "track", "event": "Order Completed", "messageId": f"w{n}", "userId": "wei", **said}


def li(n: int) -> dict[str, Any]:
    return {
        "type": "track",
        "event": "Order Completed",
        "messageId": f"l{n}",
        "userId": "li",
        "properties": {"total": 5},
    }


def a_full_home(home: Home, work: Work) -> identity.Person:
    send(
        home,
        {"type": "identify", "messageId": "w0", "userId": "wei", "anonymousId": "cookie-of-wei",
         "traits": {"name": NAME, "email": MAIL, "phone": PHONE}},
        wei(1, properties={"order_id": ORDER, "total": 10, "note": f"deliver to {NAME}"}),
        wei(2, timestamp="never"),
        li(1),
    )  # fmt: skip
    once(work)
    send(home, wei(3, properties={"order_id": ORDER}), li(2))
    work.digest()
    return identity.lookup(home, Who.system(), "user_id", "wei")


def subjects_of(home: Home, person: identity.Person) -> list[int]:
    with home.state.read() as tx:
        return identity.subjects_of(tx, person.number)


def ids_in_view(home: Home) -> list[str]:
    with home.engine.connect() as connection:
        tail.touches_view(connection, home)
        return [row[0] for row in connection.execute("select source_id from touches order by 1").fetchall()]


def files_with(root: Path, secret: bytes) -> list[str]:
    return [str(p.relative_to(root)) for p in root.rglob("*") if p.is_file() and secret in p.read_bytes()]


def test_a_forgotten_person_is_in_no_store(home: Home, work: Work, admin: Who) -> None:
    person = a_full_home(home, work)
    subjects = subjects_of(home, person)
    asked = forget.ask(home, admin, person.id, subjects, "asked by the person")
    once(work)
    done = forget.get(home, admin, asked.id)
    assert ids_in_view(home) == ["l1", "l2"]
    with pytest.raises(identity.NoSuchPerson):
        identity.lookup(home, admin, "user_id", "wei")
    assert identity.lookup(home, admin, "user_id", "li").id
    assert done.certificate is not None and forget.verify(home, done.certificate)
    assert done.certificate["removed"]["touches"] == 3 and done.certificate["removed"]["quarantine"] == 1
    with home.state.read() as tx:
        assert tx.execute(select(store.sealed_text)).all() == []
        assert tx.execute(select(store.forget_request.c.subjects)).scalars().all() == [None]


def test_no_file_holds_what_was_forgotten(home: Home, work: Work, admin: Who) -> None:
    person = a_full_home(home, work)
    once(work)
    assert files_with(home.root, b"w3"), "the log held it"
    token = home.seal.token("user_id", "wei")
    assert token in stored(home)
    forget.ask(home, admin, person.id, subjects_of(home, person), "asked by the person")
    once(work)
    secrets = [token, home.seal.token("email", MAIL), NAME.encode(), MAIL.encode(), PHONE.encode()]
    for secret in (*secrets, b"wei"):
        assert files_with(home.root, secret) == []
    held = stored(home)  # the words of PostgreSQL's own catalogue among it
    assert [secret for secret in secrets if secret in held] == []
    work.jobs.run_due()


def test_a_certificate_that_was_changed_is_not_ours(home: Home, work: Work, admin: Who) -> None:
    person = a_full_home(home, work)
    asked = forget.ask(home, admin, person.id, subjects_of(home, person), "case 12")
    once(work)
    certificate = forget.get(home, admin, asked.id).certificate
    assert certificate is not None
    assert not forget.verify(home, {**certificate, "subjects": 99})


def test_what_the_person_gained_since_asking_is_forgotten_too(home: Home, work: Work, admin: Who) -> None:
    person = a_full_home(home, work)
    forget.ask(home, admin, person.id, subjects_of(home, person), "asked by the person")
    send(
        home,
        {"type": "track", "event": "x", "messageId": "w9", "userId": "wei", "anonymousId": "second-cookie"},
    )
    once(work)
    assert ids_in_view(home) == ["l1", "l2"]
    with pytest.raises(identity.NoSuchPerson):
        identity.lookup(home, admin, "anonymous_id", "second-cookie")


def test_the_rows_of_an_import_under_way_are_forgotten_too(
    home: Home, work: Work, admin: Who, tmp_path: Path
) -> None:
    person = a_full_home(home, work)
    file = tmp_path / "visits.csv"
    file.write_text(
        "at,user\n" + "".join(f"2026-01-{1 + n:02},{'wei' if n % 2 else 'li'}\n" for n in range(20))
    )
    import_jobs.create(home, admin, file, VISITS)
    forget.ask(home, admin, person.id, subjects_of(home, person), "asked by the person")
    work.alone()
    assert not import_jobs.open_ones(home)
    once(work)
    with pytest.raises(identity.NoSuchPerson):
        identity.lookup(home, admin, "user_id", "wei")
    assert len(ids_in_view(home)) == 2 + 10


def test_nothing_is_forgotten_while_a_job_is_under_way(home: Home, work: Work, admin: Who) -> None:
    """A job that has read what would be removed may write it down again after the certificate."""
    person = a_full_home(home, work)
    asked = forget.ask(home, admin, person.id, subjects_of(home, person), "asked by the person")
    begun, go_on = threading.Event(), threading.Event()

    def hold(_: Home) -> None:
        begun.set()
        assert go_on.wait(PATIENCE)

    job = Job("hold", timedelta(days=1), hold, Text("占住", "hold"))
    thread = threading.Thread(target=work.jobs.run, args=(job,))
    thread.start()
    assert begun.wait(PATIENCE)
    assert not work.alone() and forget.get(home, admin, asked.id).done_at is None
    go_on.set()
    thread.join()
    assert work.alone() and forget.get(home, admin, asked.id).done_at is not None


def test_no_table_names_anybody_after_forgetting(home: Home, work: Work, admin: Who) -> None:
    """A new table that names a person, subject or token needs a share in `forget`; one that names nobody is listed here."""
    load_everything()
    person = a_full_home(home, work)
    subjects = subjects_of(home, person)
    tokens = [
        home.seal.token("user_id", "wei"),
        home.seal.token("email", MAIL),
        home.seal.token("phone", PHONE),
    ]
    naming = [
        (table.name, column.name)
        for table in metadata.tables.values()
        for column in table.columns
        if column.name in ("subject", "subjects", "token", "person", "old_person", "new_person", "a", "b")
        or (table.name, column.name) == ("subject", "number")
    ]
    rows = identity.People(home).pairs(None)
    number = dict(zip(rows["subject"].to_pylist(), rows["number"].to_pylist(), strict=True))[subjects[0]]
    names = {"token": tokens, "person": [number, person.id], "old_person": [number], "new_person": [number]}
    names["subjects"] = [json.dumps(sorted(subjects))]
    identity.reveal(home, admin, person.id, "phone", "to ring back", "case 1")
    assert _named(home, naming, names, subjects) >= {
        ("subject", "number"), ("subject", "token"), ("evidence", "a"), ("identity_vault", "subject"), ("sealed_text", "subject"),
        ("identity_reveal", "person"),
    }  # fmt: skip
    forget.ask(home, admin, person.id, subjects, "asked by the person")
    assert ("forget_request", "subjects") in _named(home, naming, names, subjects)
    once(work)
    assert _named(home, naming, names, subjects) == set()
    unlike = {table.name for table in metadata.tables.values()} - {table for table, _ in naming} - NOBODY
    assert unlike == set(), (
        "say in NOBODY that the table names nobody, or give it a column that this test looks at"
    )


def _named(
    home: Home, columns: list[tuple[str, str]], names: dict[str, list[Any]], subjects: list[int]
) -> set[tuple[str, str]]:
    found = set()
    with home.state.read() as tx:
        for table, column in columns:
            there = metadata.tables[table].c[column]
            wanted = names.get(column, subjects)
            kind = (
                int if isinstance(there.type, Integer) else (str if isinstance(there.type, Text_) else bytes)
            )
            wanted = [value for value in wanted if isinstance(value, kind)]
            if tx.execute(select(there).where(there.in_(wanted)).limit(1)).first():
                found.add((table, column))
    return found


def test_who_comes_back_is_somebody_new(home: Home, work: Work, admin: Who) -> None:
    person = a_full_home(home, work)
    forget.ask(home, admin, person.id, subjects_of(home, person), "asked by the person")
    once(work)
    send(home, wei(20))
    once(work)
    assert identity.lookup(home, admin, "user_id", "wei").id != person.id


def test_forgetting_needs_the_right_and_a_purpose(home: Home, work: Work, admin: Who, analyst: Who) -> None:
    person = a_full_home(home, work)
    with pytest.raises(Forbidden):
        forget.ask(home, analyst, person.id, [1], "why not")
    with pytest.raises(Invalid, match="say why"):
        forget.ask(home, admin, person.id, [1], "  ")
