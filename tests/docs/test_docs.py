"""The documentation names everything that exists, and nothing that does not."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from scripts import reference, shots
from zerodistance.core.touchpoints import routes
from zerodistance.kernel.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"


@cache
def pages() -> dict[str, str]:
    return {
        str(page.relative_to(DOCS)): page.read_text(encoding="utf-8") for page in sorted(DOCS.rglob("*.md"))
    }


def navigation(entry: Any) -> Iterator[str]:
    if isinstance(entry, str):
        yield entry
    elif isinstance(entry, dict):
        for value in entry.values():
            yield from navigation(value)
    else:
        for value in entry:
            yield from navigation(value)


def test_every_page_is_in_the_navigation_and_every_entry_has_its_page() -> None:
    config = tomllib.loads((ROOT / "zensical.toml").read_text(encoding="utf-8"))
    listed = list(navigation(config["project"]["nav"]))
    assert sorted(listed) == sorted(pages())


def test_every_guide_exists_in_chinese_too() -> None:
    guides = {name for name in pages() if "/" not in name} - {"rooms.md"}
    assert guides == {name.removeprefix("zh/") for name in pages() if name.startswith("zh/")}


@pytest.mark.parametrize("name", sorted(reference.PAGES))
def test_the_reference_page_is_what_the_program_says(name: str) -> None:
    assert pages()[f"reference/{name}.md"] == reference.fresh()[name], (
        "run `make docs` and commit docs/reference"
    )


def test_operations_says_every_setting_in_chinese_too() -> None:
    told = set(re.findall(r"^\| `(\w+)` \|", pages()["zh/operations.md"], re.MULTILINE))
    assert told == set(Settings.model_fields)


@pytest.mark.parametrize("page", ["protocol.md", "zh/protocol.md"])
def test_every_route_of_collection_is_in_the_protocol(page: str) -> None:
    written = pages()[page]
    missing = [path for path, _ in routes.table() if not re.search(rf"[`\s]{re.escape(path)}`", written)]
    assert missing == []


def test_every_command_is_in_the_reference() -> None:
    written = pages()["reference/commands.md"]
    missing = [
        " ".join(path)
        for path, _ in reference.command_tree()
        if f"`zerodistance {' '.join(path)}`" not in written
    ]
    assert missing == []


def test_every_event_topic_is_in_the_reference() -> None:
    reference.load_everything()
    written = pages()["reference/events.md"]
    assert [kind.topic for kind in reference.event_kinds() if f"`{kind.topic}`" not in written] == []


def test_every_dimension_is_in_the_reference() -> None:
    written = pages()["reference/dimensions.md"]
    keys = [dimension.key for dimension in reference.dimension_list()]
    assert len(keys) >= 12
    assert [key for key in keys if f"`{key}`" not in written] == []


@pytest.mark.parametrize("page", ["protocol.md", "zh/protocol.md"])
def test_every_reason_of_the_quarantine_is_on_the_page_of_the_protocol(page: str) -> None:
    from zerodistance.core.touchpoints.rules import REASONS

    assert [reason for reason in REASONS if f"`{reason}`" not in pages()[page]] == []


@pytest.mark.parametrize("page", ["identity.md", "zh/identity.md"])
def test_every_namespace_and_guard_is_on_the_page_of_identity(page: str) -> None:
    from zerodistance.core.identity.rules import BY_KEY, GUARDS

    assert [name for name in (*BY_KEY, *GUARDS) if f"`{name}`" not in pages()[page]] == []


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", pages()[page], re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("page", ["segments.md", "zh/segments.md"])
def test_the_rule_on_the_page_is_read_and_its_two_forms_are_the_same(page: str) -> None:
    from zerodistance.core.segments import api

    (text,), (json_form,) = blocks(page, "python"), blocks(page, "json")
    assert api.rule_json(api.read_rule(text)) == json.loads(json_form)
    (shown,) = re.findall(r"segments count '(.*)'", pages()[page])
    assert api.read_rule(shown)


@pytest.mark.parametrize("page", ["mapping.md", "zh/mapping.md"])
def test_the_mapping_on_the_page_is_read(page: str) -> None:
    from zerodistance.core.touchpoints import mapping

    (text,) = blocks(page, "toml")
    assert mapping.parse(text).kinds[0].key == "service.called"


@pytest.mark.parametrize("page", ["feeds.md", "zh/feeds.md"])
def test_the_feeds_on_the_page_are_read(page: str) -> None:
    from zerodistance.connectors.feeds import api
    from zerodistance.connectors.feeds.spec import read_feed

    mapping = 'kind = "order.line"\nsource = "shop"\nsource_id = "id"\ntimes = { happened_at = "paid", lag = "1 h" }'
    specs = [read_feed(text, name="orders", beside=lambda _: mapping).spec for text in blocks(page, "toml")]
    assert {spec.kind for spec in specs} == set(api.KINDS)


@pytest.mark.parametrize("page", ["profiles.md", "zh/profiles.md"])
def test_the_dimension_on_the_page_is_the_one_that_is_shipped(page: str) -> None:
    from zerodistance.core.profiles import contracts
    from zerodistance.kernel.text import Text

    (text,) = blocks(page, "python")
    shown = eval(text, {**vars(contracts), "Text": Text, "timedelta": timedelta})
    assert next(d for d in reference.dimension_list() if d.key == shown.key) == shown


def test_commands_that_the_pages_show_exist() -> None:
    known = {path for path, _ in reference.command_tree()}
    begun = {path[:n] for path in known for n in range(1, len(path) + 1)}
    shown = re.compile(r"^ {4}(?:\$ )?(?:zerodistance|zd)((?: [a-z-]+){1,3})", re.MULTILINE)
    wrong = []
    for name, text in [*pages().items(), ("README.md", (ROOT / "README.md").read_text(encoding="utf-8"))]:
        for words in map(str.split, shown.findall(text)):
            named = max((n for n in range(1, len(words) + 1) if tuple(words[:n]) in begun), default=0)
            is_whole = tuple(words[:named]) in known or named == len(words)
            if not (named and is_whole):
                wrong.append(f"{name}: {' '.join(words)}")
    assert wrong == []


def test_every_picture_that_a_page_shows_is_there_and_small() -> None:
    written = {
        **{DOCS / name: text for name, text in pages().items()},
        ROOT / "README.md": (ROOT / "README.md").read_text("utf-8"),
    }
    shown = {
        (page.parent / src).resolve()
        for page, text in written.items()
        for src in re.findall(r"!\[[^]]+\]\(([^)]+)\)", text)
    }
    assert len(shown) >= 4, "README.md has pictures"
    assert [str(path) for path in shown if not path.is_file()] == []
    assert [path.name for path in shown if path.stat().st_size > shots.LARGEST] == []
    assert shown == set((DOCS / "assets").iterdir()), "none that no page shows"


def test_nothing_names_a_registry_or_a_path_of_somebodys_machine() -> None:
    tokens = ["/ro" + "ot/", "/ho" + "me/", "py" + "pi.org", "npm" + "js.org"]
    files = [*DOCS.rglob("*.md"), *(ROOT / "requirements").glob("*.txt"), ROOT / "README.md"]
    assert [
        f"{file.name}: {token}"
        for file in files
        for token in tokens
        if token in file.read_text(encoding="utf-8")
    ] == []


@pytest.mark.parametrize("page", ["operations.md", "zh/operations.md"])
def test_every_code_of_doctor_is_on_the_page_of_operations(page: str) -> None:
    shape = re.compile(
        r'"((?:files|key|state|journal|tail|lake|states|index|evidence|identity|imports|quarantine)\.[a-z]+)"'
    )
    checked = [*(ROOT / "zerodistance").rglob("*checks.py"), ROOT / "zerodistance/doors/doctor.py"]
    codes = {code for path in checked for code in shape.findall(path.read_text(encoding="utf-8"))}
    codes -= {"journal.db", "state.db", "quarantine.jsonl"}
    assert len(codes) > 20
    assert [code for code in sorted(codes) if f"`{code}`" not in pages()[page]] == []
