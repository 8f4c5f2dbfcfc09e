"""From an accepted request to a forgotten person, with commands only."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from zerodistance.compose import PARTS
from zerodistance.core.touchpoints import journal
from zerodistance.doors.cli import main
from zerodistance.kernel import clock, command

EVENTS = [
    {"type": "page", "messageId": "m-1", "anonymousId": "cookie-1", "name": "Home"},
    {
        "type": "identify",
        "messageId": "m-2",
        "anonymousId": "cookie-1",
        "userId": "u-1",
        "traits": {"email": "li@example.com", "gender": "女士", "birthday": "1987-03-02"},
    },
    {"type": "track", "messageId": "m-3", "anonymousId": "cookie-2", "event": "Product Viewed"},
    {"type": "nonsense", "messageId": "m-4", "anonymousId": "cookie-2"},
]


class Shell:
    """Runs commands on one home and gives back what they print."""

    def __init__(self, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.home, self._capsys, self.code = home, capsys, 0

    def __call__(self, *words: str) -> str:
        self.code = main(PARTS, [f"--home={self.home}", "--lang=en", *words])
        printed = self._capsys.readouterr()
        return printed.out + printed.err


@pytest.fixture
def shell(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Shell]:
    monkeypatch.chdir(tmp_path)
    made = Shell(tmp_path / "home", capsys)
    made("init")
    made("sources", "create", "web", "--kind", "web")
    accept(EVENTS)
    yield made
    command.close()


def accept(events: list[dict[str, object]]) -> None:
    """Put a request into the journal as the door does."""
    home, now = command.home(), clock.micros()
    connection = journal.connect(home.path("journal.db"))
    sealed = home.seal.seal(json.dumps({"batch": events}).encode(), journal.where(1, "batch", now))
    insert = "insert into row (source, route, received_at, events, encoding, body) values (1, 'batch', ?, ?, '', ?)"
    connection.execute(insert, (now, len(events), sealed))
    connection.close()


def test_a_request_is_traced_from_the_journal_to_the_person(shell: Shell) -> None:
    assert "accepted and on disk, waits to be digested" in shell("trace", "m-1")
    assert json.loads(shell("status", "--json"))["journal"]["events"] == 4
    assert "took in 4 rows" in shell("run")
    traced = shell("trace", "m-1")
    person = re.search(r"p_\w+", traced)
    assert person is not None
    assert "page.viewed Home, source web, its id there m-1, in the lake" in traced
    assert "m-2" in shell("trace", person[0])
    assert "m-3" not in shell("trace", person[0])
    assert "in the quarantine" in shell("trace", "m-4")
    assert [step["id"] for step in json.loads(shell("trace", "b1", "--json"))][:2] == ["b1", "1:0"]


def test_status_counts_persons_visitors_and_refusals(shell: Shell) -> None:
    shell("run")
    said = json.loads(shell("status", "--json"))
    assert (said["people"]["persons"], said["people"]["visitors"]) == (1, 1)
    assert said["batches"]["touches"] == said["lake"]["touches"] == 3
    assert sum(said["quarantine"].values()) == 1
    assert said["sources"][0]["today"]["came"] == 3
    assert all(job["last_error"] is None for job in said["jobs"])
    assert "1 persons, 1 visitors" in shell("status")


@pytest.mark.parametrize(
    ("rule", "persons"),
    [
        ('Has("demo.gender", node="female")', 1),
        ('Has("demo.gender", node="male")', 0),
        ('Has("demo.birth_decade", node="1980s")', 1),
    ],
)
def test_what_somebody_told_is_counted_under_the_words_of_the_rules(
    shell: Shell, rule: str, persons: int
) -> None:
    shell("run")
    assert json.loads(shell("segments", "count", rule, "--json"))["persons"] == persons


def test_a_subject_that_never_was_is_not_certified(shell: Shell) -> None:
    shell("run")
    assert "[not_found]" in shell("forget", "subject:999999999", "--purpose", "asked by mail")
    assert shell.code == 1
    assert "[not_found]" not in shell("forget", "subject:1", "--purpose", "asked by mail")


def test_a_forgotten_person_is_gone_and_the_home_still_sound(shell: Shell) -> None:
    shell("run")
    person = re.search(r"p_\w+", shell("trace", "m-2"))
    assert person is not None
    said = json.loads(shell("forget", person[0], "--purpose", "asked by mail").partition("\n")[2])
    assert said["removed"]["touches"] == 2
    assert shell.code == 0
    assert "[not_found]" in shell("trace", "m-1")
    assert "[no_such_person]" in shell("trace", person[0])
    shell("doctor")
    assert shell.code == 0
