"""Flows are visible: every message has its file, every handler is wired, and the page "who hears what" says so."""

from __future__ import annotations

import importlib
import inspect
from pathlib import Path

from scripts import reference
from zerodistance import compose

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "zerodistance"


def handler_tables() -> dict[str, dict[type, object]]:
    """Return module -> its HANDLERS."""
    found = [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in PACKAGE.rglob("handlers.py")]
    return {name: importlib.import_module(name).HANDLERS for name in sorted(found)}


def test_compose_wires_every_rooms_handlers() -> None:
    wired = {(event, verb) for event, verbs in compose.handlers().items() for verb in verbs}
    declared = {(event, verb) for table in handler_tables().values() for event, verb in table.items()}
    assert wired == declared


def test_a_handler_takes_home_event_and_cause() -> None:
    wrong = [
        verb.__qualname__
        for verbs in compose.handlers().values()
        for verb in verbs
        if len(inspect.signature(verb).parameters) != 3
    ]
    assert wrong == []


def test_topics_are_unique_and_named_after_the_file_they_stand_in() -> None:
    reference.load_everything()
    kinds = reference.event_kinds()
    assert kinds != []
    assert len({(kind.topic, kind.version) for kind in kinds}) == len(kinds)
    assert [
        kind.topic for kind in kinds if kind.topic.partition(".")[0] != kind.__module__.rpartition(".")[2]
    ] == []


def test_the_page_who_hears_what_names_every_message_and_every_handler() -> None:
    page = (ROOT / "docs" / "reference" / "events.md").read_text(encoding="utf-8")
    lines = {line.split("|")[1].strip(): line for line in page.splitlines() if line.startswith("| `")}
    for kind in reference.event_kinds():
        assert f"`{kind.topic}`" in lines
    for event, verbs in compose.handlers().items():
        missing = [
            verb
            for verb in verbs
            if f"{verb.__module__.removeprefix('zerodistance.')}.{verb.__qualname__}"
            not in lines[f"`{event.topic}`"]
        ]
        assert missing == []
