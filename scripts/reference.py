"""Write the reference pages below `docs/reference/` from the program itself: `python -m scripts.reference`.

The pages are committed, so that they can be read without building anything; a test fails when they are old.
"""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import json
import os
import pkgutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, get_origin

from cyclopts import App
from pydantic.fields import FieldInfo

import zerodistance
from zerodistance.kernel.bus import Event
from zerodistance.kernel.errors import ZeroDistanceError
from zerodistance.kernel.settings import Settings

T = TypeVar("T")
DOCS = Path(__file__).resolve().parent.parent / "docs"
FOLDER = DOCS / "reference"
MADE = "<!-- Made by `make docs` from the program; do not edit. -->\n\n"


def load_everything() -> None:
    """Import every module of the package, so that every error, event and table is known."""
    for module in pkgutil.walk_packages(zerodistance.__path__, "zerodistance."):
        if not module.name.startswith("zerodistance.migrations.versions") and not module.name.endswith(
            "__main__"
        ):
            importlib.import_module(module.name)


def cell(text: object) -> str:
    """Return a text that can stand in a table."""
    return str(text).replace("\n", " ").replace("|", "\\|").replace("<", "&lt;")


def table(head: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """Return a Markdown table."""
    names = list(head)
    lines = ["| " + " | ".join(names) + " |", "|" + "---|" * len(names)]
    lines += ["| " + " | ".join(cell(value) for value in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def subclasses(kind: type[T]) -> Iterator[type[T]]:
    """Yield every subclass of a class, whatever its depth."""
    for child in kind.__subclasses__():
        yield child
        yield from subclasses(child)


def _allowed(field: FieldInfo) -> str:
    parts = []
    for rule in field.metadata:
        for word, sign in (("ge", "≥"), ("gt", ">"), ("le", "≤"), ("lt", "<")):
            if (limit := getattr(rule, word, None)) is not None:
                parts.append(f"{sign} {limit:,}")
        if pattern := getattr(rule, "pattern", None):
            parts.append(f"`{pattern}`")
    choices = getattr(field.annotation, "__args__", ())
    if choices and all(isinstance(choice, str) for choice in choices):
        parts.append(", ".join(f"`{choice}`" for choice in choices))
    return ", ".join(parts)


def settings() -> str:
    """Return the page of settings: one row a setting."""
    rows = [
        (f"`{name}`", f"`{field.default}`", _allowed(field), field.description or "")
        for name, field in Settings.model_fields.items()
    ]
    return (
        "# Settings\n\n"
        "A setting `port` is written `port = 8420` in `zerodistance.toml` (in the home folder, or else where the program is started), "
        "`ZERODISTANCE_PORT=8420` in the environment, or as a flag where a command has it. Flags win over the environment, the environment "
        "over the file. A wrong value is named with what is allowed before anything starts.\n\n"
        + table(("setting", "default", "allowed", "what it is"), rows)
    )


def errors() -> str:
    """Return the page of errors: one row a stable code."""
    found = {
        error.code: error
        for error in subclasses(ZeroDistanceError)
        if error.__module__.startswith("zerodistance.")
    }
    rows = [
        (f"`{code}`", error.status, "yes" if error.retry else "no", error.text.en, error.text.zh)
        for code, error in sorted(found.items())
    ]
    return (
        "# Errors\n\n"
        "Every error has a code that does not change, the HTTP status it is answered with, and says whether trying again can help. "
        "Fields in braces are filled with what was given.\n\n"
        + table(("code", "status", "retry", "in English", "中文"), rows)
    )


def kinds() -> str:
    """Return the page of touch kinds: one row a kind."""
    from zerodistance.core.touchpoints.kinds import KINDS

    rows = [
        (f"`{kind.key}`", kind.text.en, kind.text.zh, ", ".join(kind.columns), ", ".join(kind.events))
        for kind in KINDS.values()
    ]
    return (
        "# Touch kinds\n\n"
        "Each touch has a kind, and the typed columns that a kind usually fills. A `track` call whose event has one of these names becomes that "
        "kind; names are compared without regard to case, spaces, `_`, `-` and `.`. Any other event is `custom`: it is kept and counted too.\n\n"
        + table(("kind", "in English", "中文", "typed columns", "event names"), rows)
    )


def event_kinds() -> list[type[Event]]:
    """Return every message that rooms say to each other, by topic."""
    found = [kind for kind in subclasses(Event) if kind.__module__.startswith("zerodistance.events")]
    return sorted(found, key=lambda kind: (kind.topic, kind.version))


def events() -> str:
    """Return the page of messages: who hears what, and what each message carries."""
    from zerodistance import compose

    heard: dict[type[Event], list[str]] = {
        event: [f"`{verb.__module__.removeprefix('zerodistance.')}.{verb.__qualname__}`" for verb in verbs]
        for event, verbs in compose.handlers().items()
    }
    rows = [
        (
            f"`{kind.topic}`",
            kind.version,
            (inspect.getdoc(kind) or "").partition("\n\n")[0],
            ", ".join(f"`{field.name}`" for field in dataclasses.fields(kind)),
            ", ".join(heard.get(kind, [])) or "nobody yet",
        )
        for kind in event_kinds()
    ]
    return (
        "# Who hears what\n\n"
        "Every message that rooms say to each other. It is put into the outbox inside the transaction of what it tells, and delivered at least "
        "once and in order. `zerodistance trace` follows one message to its causes and effects.\n\n"
        + table(("message", "version", "what it tells", "fields", "heard by"), rows)
    )


def jobs() -> str:
    """Return the page of what the worker does by itself."""
    from zerodistance import compose

    def often(seconds: float) -> str:
        for unit, word in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
            if seconds >= unit:
                return f"every {word}" if seconds == unit else f"every {seconds / unit:g} {word}s"
        return f"every {seconds:g} seconds"

    rows = [
        (
            f"`{j.key}`",
            j.text.en,
            j.text.zh,
            often(j.every.total_seconds()),
            "at once" if j.at_once else "later",
        )
        for j in compose.jobs()
    ]
    return (
        "# Jobs\n\n"
        "What the worker does again and again besides digesting, sealing and delivering. When each last ran and how it ended is kept in the state and "
        "shown by `zerodistance status`; a job that was due while nothing ran is done at the next start. In a new home a job has its first turn "
        "at once, or, where it tidies up what is not there yet, that long after the home was made (later).\n\n"
        + table(("job", "what it does", "中文", "how often", "first turn"), rows)
    )


def dimension_list() -> tuple[Any, ...]:
    """Return every dimension that is shipped."""
    from zerodistance.core.profiles import api

    return tuple(api.dimensions(None))


def _nodes(dimension: Any) -> str:
    nodes = dimension.nodes
    bands = getattr(nodes, "bands", None)
    if bands is not None:
        keys, inner = [key for _, key, _ in bands], [key for _, key, _ in nodes.groups]
        return _listed(keys) + (f"; inner {', '.join(f'`^{key}`' for key in inner)}" if inner else "")
    above = list(dict.fromkeys(nodes.parents.values()))
    known = [] if nodes.path else [key for key in nodes.labels if key not in above]
    if known:
        return _listed(known) + (f"; inner {', '.join(f'`^{key}`' for key in above)}" if above else "")
    path = f"; inner: what stands before `{nodes.path}`" if nodes.path else ""
    roll = (
        ", those above it in the brand's tables"
        if nodes.names in ("place", "product", "category", "area")
        else ""
    )
    return f"one per {nodes.names or 'value'}{path}{roll}"


def _listed(keys: list[str], most: int = 14) -> str:
    """Return keys of nodes; of very many the first, the last and how many."""
    if len(keys) <= most:
        return ", ".join(f"`{key}`" for key in keys)
    return f"{', '.join(f'`{key}`' for key in keys[:3])}, ... `{keys[-1]}` ({len(keys)})"


def _input(dimension: Any) -> str:
    from zerodistance.core.profiles import lineage

    line = lineage.expression(dimension).replace("|", "\\|")
    return f"facts: `{line}`" if dimension.of.name == "facts" else f"`{line}`"


def dimensions() -> str:
    """Return the page of dimensions: a table a layer."""
    parts = [
        "# Dimensions\n\n"
        "The tag tree as it is shipped: layers, dimensions, nodes. A person carries at most one node of a dimension, and with it the inner nodes that hold it; "
        "the key of an inner node begins with `^`. Limits of bands without a source are our own values. A window counts whole days of the home's time zone, "
        "today included. `zerodistance profiles tree KEY` lists all nodes with their counts.\n\n"
        "*For*: the purpose for which it may be used. *Owner*: the function of the brand that answers for it; what is about one category is its unit's. "
        "*Read by*: models of the catalogue (N need, R relation, D device and voice), pages and apps. "
        "A dimension follows each touch; one that is *guessed* is inferred from behaviour, one that is *kept* is shown only to who may see persons.\n"
    ]
    found = dimension_list()
    parts.append(f"\n{len(found)} dimensions.\n")
    for layer in dict.fromkeys(dimension.layer for dimension in found):
        rows = [
            (
                f"`{d.key}`",
                f"{d.label.en} {d.label.zh}",
                d.meaning.en + (" *guessed*" if d.inferred else "") + (" *kept*" if d.sensitive else ""),
                _input(d),
                _nodes(d),
                d.unit.en,
                d.purpose,
                d.owner,
                ", ".join(d.read_by),
            )
            for d in found
            if d.layer == layer
        ]
        parts.append(f"\n## {layer.label.en} {layer.label.zh}\n\n")
        parts.append(
            table(
                ("dimension", "name", "meaning", "counted from", "nodes", "unit", "for", "owner", "read by"),
                rows,
            )
        )
    return "".join(parts)


def worlds() -> str:
    """Return the page of the settings of the sample city's worlds."""
    from zerodistance.sample import world

    texts = {name: tomllib.loads(world.text_of(name)) for name in world.WORLDS}
    parts = [
        "# Worlds of the sample city\n\n"
        "Every setting of a world, and where it comes from. [The sample city](../sample.md) says what they do. `own` is our own value: nothing was found. "
        "The letters say how sure an origin is: A official or peer-reviewed, B press, vendor or secondary copy, C weak, k known and not read again; "
        "`shifted` is set apart where it differs.\n\n"
        + ", ".join(f"`{name}` version {text['version']}" for name, text in texts.items())
        + "\n"
    ]
    for section, settings in texts["base"].items():
        if not isinstance(settings, dict):
            continue
        rows = []
        for key, base in settings.items():
            other = texts["shifted"][section][key]
            differs = other["value"] != base["value"]
            rows.append(
                (
                    f"`{key}`",
                    _plain_value(base["value"]),
                    _plain_value(other["value"]) if differs else "",
                    base["origin"],
                )
            )
        parts += [f"\n## {section}\n\n", table(("setting", "base", "shifted", "origin"), rows)]
    return "".join(parts)


def _plain_value(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def command_line() -> App:
    """Return the whole command line, as `zerodistance` builds it."""
    from zerodistance import compose
    from zerodistance.doors import cli

    return cli.build(compose.PARTS)


def command_tree(app: App | None = None, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], App]]:
    """Yield every command that can be run, with its words."""
    app = app or command_line()
    if path and app.default_command is not None:
        yield path, app
    for name, child in sorted(app.resolved_commands().items()):
        if not name.startswith("-") and child.show:
            yield from command_tree(child, (*path, name))


def _choices(hint: object) -> str:
    if get_origin(hint) is Literal:
        return "(" + ", ".join(f"`{choice}`" for choice in get_args(hint)) + ")"
    return next(filter(None, map(_choices, get_args(hint))), "")


def _arguments(app: App) -> list[tuple[str, str, str]]:
    rows = []
    for argument in app.assemble_argument_collection():
        if not argument.show:
            continue
        name = argument.names[0]
        if argument.index is not None and argument.required:
            name = name.removeprefix("--").upper()
        fallback = argument.field_info.default
        default = (
            "needed"
            if argument.required
            else ""
            if fallback in (None, False, "", (), inspect.Parameter.empty)
            else f"`{fallback}`"
        )
        rows.append(
            (f"`{name}`", default, " ".join(filter(None, (argument.parameter.help, _choices(argument.hint)))))
        )
    return rows


def commands() -> str:
    """Return the page of commands: one section a command."""
    app = command_line()
    parts = [
        "# Commands\n\n"
        "`zerodistance`, or `zd` for short. Every command answers `--help`. Its words are Chinese or English, after `--lang`, the setting `lang`, "
        "or `ZERODISTANCE_LANG`. Exit codes: 0 done, 1 an error in one readable line, 2 wrong usage.\n\n"
        "## For every command\n\n",
        table(("flag", "default", "what it is"), _arguments(app.meta)),
    ]
    for path, command in command_tree(app):
        parts.append(f"\n## `zerodistance {' '.join(path)}`\n\n")
        said = str(command.help or "").strip()
        parts.append(said[:1].upper() + said[1:].rstrip(".") + ".\n")
        rows = _arguments(command)
        if rows:
            parts.append("\n" + table(("argument", "default", "what it is"), rows))
    return "".join(parts)


def metrics() -> str:
    """Return the page of measures: one row a measure of `/metrics`."""
    from zerodistance.doors.operations.metrics import METRICS

    rows = [
        (f"`{m.written}`", m.kind, ", ".join(f"`{name}`" for name in m.labels), m.unit, m.help.en, m.help.zh)
        for m in METRICS.values()
    ]
    return (
        "# Measures\n\n"
        "What `/metrics` tells, in OpenMetrics or the older text format of Prometheus, as the client asks. The setting `metrics` says who may read it. "
        "What is counted by source comes from the state and goes on over restarts; what is said of a process begins anew with it. A histogram has "
        "the endings `_bucket`, `_count` and `_sum`. Sizes of lake and stores are up to 15 seconds old, those of the worker two.\n\n"
        + table(("measure", "type", "labels", "unit", "what it is", "中文"), rows)
    )


MAKERS: dict[str, Callable[[], str]] = {
    "settings": settings,
    "commands": commands,
    "events": events,
    "jobs": jobs,
    "metrics": metrics,
    "kinds": kinds,
    "dimensions": dimensions,
    "errors": errors,
    "worlds": worlds,
}
PAGES = tuple(MAKERS)


def made() -> dict[str, str]:
    """Return every page by name."""
    load_everything()
    return {name: MADE + make() for name, make in MAKERS.items()}


@cache
def fresh() -> dict[str, str]:
    """Return every page as a new process with English help makes it: words of commands are chosen when they are imported."""
    told = subprocess.run(
        [sys.executable, "-m", "scripts.reference", "--json"],
        cwd=DOCS.parent,
        env={**os.environ, "ZERODISTANCE_LANG": "en"},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    pages: dict[str, str] = json.loads(told.stdout)
    return pages


def main() -> None:
    """Write the pages, or print them as JSON with `--json`."""
    if "--json" in sys.argv:
        print(json.dumps(made(), ensure_ascii=False))
        return
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, text in fresh().items():
        file = FOLDER / f"{name}.md"
        if not file.exists() or file.read_text(encoding="utf-8") != text:
            file.write_text(text, encoding="utf-8")
            print(f"docs/reference/{name}.md")


if __name__ == "__main__":
    main()
