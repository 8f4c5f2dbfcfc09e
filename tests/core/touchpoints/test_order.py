"""Touches of one person keep the order in which they were accepted, through journal, batches of any size and replay."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.core.touchpoints.doors import SYSTEM, make_source, opened
from tests.core.touchpoints.people import EachIdentifier
from zerodistance.core.touchpoints import quarantine, tail
from zerodistance.core.touchpoints.digest import Digest
from zerodistance.core.touchpoints.imports import Feeds
from zerodistance.core.touchpoints.intake import JournalFeed
from zerodistance.core.touchpoints.journal import Journal
from zerodistance.core.touchpoints.parse import Parser
from zerodistance.kernel.home import Home, create_home
from zerodistance.kernel.settings import load
from zerodistance.kernel.state import metadata

PEOPLE = ("ann", "bo")
call = st.tuples(st.sampled_from(PEOPLE), st.booleans())
requests = st.lists(st.lists(call, min_size=1, max_size=6), min_size=1, max_size=12)


def _fresh(folder: Any) -> Home:
    made = create_home(load(home=folder / "home"))
    metadata.create_all(made.state.engine)
    return made


def _event(number: int, who: str, is_good: bool) -> dict[str, Any]:
    good = {"type": "track", "event": "e", "messageId": f"{number:04d}", "userId": who}
    return good if is_good else {**good, "timestamp": "soon"}


def _digest(home: Home, most: int) -> list[tuple[str, str]]:
    """Digest all that waits in batches of about `most`; mend what was refused, ask for it again; return person and id in order."""
    with home.engine.connect() as connection:
        parser = Parser(connection, home.seal, lambda source: 32_768, "CNY")
        journal, feeds = JournalFeed(home, Journal.of(home), parser), Feeds()
        object.__setattr__(home, "settings", home.settings.model_copy(update={"micro_batch_events": most}))
        digest = Digest(home, EachIdentifier(), lambda: [journal, *feeds(home, parser)])
        while digest.step():
            pass
        for row in quarantine.rows(home, SYSTEM, reveal=True, limit=1_000):
            mended = {**row.content, "timestamp": "2026-11-21T00:00:00Z"}
            quarantine.mend(home, SYSTEM, row.id, json.dumps(mended).encode())
        quarantine.replay(home, SYSTEM)
        while digest.step():
            pass
        return _kept(home, connection)


def _kept(home: Home, connection: duckdb.DuckDBPyConnection) -> list[tuple[str, str]]:
    tail.touches_view(connection, home)
    query = "select subject::varchar, source_id from touches order by batch, row"
    return [(row[0], row[1]) for row in connection.execute(query).fetchall()]


@settings(max_examples=8)
@given(sent=requests, most=st.integers(1, 12), single=st.booleans())
def test_touches_of_a_person_stand_in_the_order_of_acceptance_whatever_the_batch(
    tmp_path_factory: pytest.TempPathFactory, sent: list[list[tuple[str, bool]]], most: int, single: bool
) -> None:
    home = _fresh(tmp_path_factory.mktemp("order"))
    source, number = make_source(home), 0
    good: dict[str, list[str]] = defaultdict(list)
    late: dict[str, list[str]] = defaultdict(list)
    with opened(home) as door:
        for request in sent:
            events = []
            for who, is_good in request:
                number += 1
                events.append(_event(number, who, is_good))
                (good if is_good else late)[who].append(f"{number:04d}")
            bodies = events if single else [{"batch": events}]
            path = "/v1/track" if single else "/v1/batch"
            assert {door.post(path, body, key=source.write_key).status for body in bodies} == {200}
    kept: dict[str, list[str]] = defaultdict(list)
    owner = {id: who for table in (good, late) for who, ids in table.items() for id in ids}
    subjects: dict[str, set[str]] = defaultdict(set)
    for subject, id in _digest(home, most):
        kept[owner[id]].append(id)
        subjects[owner[id]].add(subject)
    home.close()
    assert kept == {who: good[who] + late[who] for who in {*good, *late}}
    assert all(len(of) == 1 for of in subjects.values())
