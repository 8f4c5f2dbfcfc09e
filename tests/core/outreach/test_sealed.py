"""Nobody outside the room ever receives an address: no verb returns one, nothing else knows the word for it."""

from __future__ import annotations

import inspect
import re
import typing
from pathlib import Path

from tests.core.outreach.outgoing import outgoing
from zerodistance.core.outreach import api

ROOT = Path(__file__).resolve().parents[3] / "zerodistance"
ROOM = ROOT / "core" / "outreach"


def knows(path: Path) -> bool:
    """Say whether a module names it."""
    return re.search(r"\bOutgoing\b", path.read_text(encoding="utf-8")) is not None


def test_nothing_outside_the_room_knows_a_message_on_its_way_out() -> None:
    outside = [path for path in ROOT.rglob("*.py") if not path.is_relative_to(ROOM)]
    assert [path for path in outside if knows(path)] == []


def test_inside_only_the_sender_and_the_channels_do() -> None:
    inside = {str(path.relative_to(ROOM)) for path in ROOM.rglob("*.py") if knows(path)}
    assert {path for path in inside if not path.startswith(("channels/", "sends/"))} == {"contracts.py"}
    assert {path for path in inside if path.startswith("sends/")} <= {
        "sends/sender.py",
        "sends/writing.py",
        "sends/queue.py",
    }


def test_no_verb_of_the_door_returns_one() -> None:
    for name in api.__all__:
        verb = getattr(api, name)
        if inspect.isfunction(verb):
            said = str(typing.get_type_hints(verb).get("return"))
            assert "Outgoing" not in said, name


def test_a_message_shows_nothing_of_its_reader() -> None:
    shown = repr(outgoing(address="li@example.com", text="Dear Li", subject="Li", values={"name": "Li"}))
    assert "li@" not in shown and "Li" not in shown
