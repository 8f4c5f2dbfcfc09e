"""`zerodistance sources schema`: what a source has agreed to send; set it, try it, see what breaks it."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from cyclopts import App, Parameter

from zerodistance.kernel import clock, command
from zerodistance.kernel.command import words
from zerodistance.kernel.text import Text

schema = App(
    name="schema",
    help=words(
        "来源的约定（JSON Schema）：设置、试用、查看",
        "what a source agreed to send (JSON Schema): set, try, show",
    ),
)

_Key = Annotated[str, Parameter(help=words("来源的标识", "key of the source"))]
_Type = Annotated[
    Literal["track", "identify", "page", "screen", "group", "alias"],
    Parameter(help=words("哪种调用", "which call it is for")),
]
_Name = Annotated[
    str,
    Parameter(help=words("事件或页面的名称，空为其余各名", "event or page name; empty: every other name")),
]
_File = Annotated[Path | None, Parameter(help=words("文件，- 为标准输入", "file, - for standard input"))]
_AsJson = Annotated[bool, Parameter("--json", negative="", help=words("以 JSON 输出", "print JSON"))]


@schema.command(
    name="set", help=words("设置约定；不给文件则只改模式", "set a schema; without a file only its mode")
)
def set_(
    key: _Key,
    type: _Type,
    file: _File = None,
    *,
    name: _Name = "",
    mode: Annotated[
        Literal["off", "observe", "quarantine"],
        Parameter(
            help=words(
                "off 不检查；observe 只计数并记原因；quarantine 不合约的进隔离区",
                "off; observe: count and keep the reasons; quarantine: refuse what breaks it",
            )
        ),
    ] = "observe",
) -> None:
    """Set a schema of a source."""
    from zerodistance.core.touchpoints import api

    text = None if file is None else _read(file).decode("utf-8")
    made = api.set_schema(command.home(), command.who(), key, type=type, name=name, mode=mode, text=text)
    command.tell(
        Text("来源 {key} 的约定已设：{what}，{mode}", "the source {key} has a schema for {what}: {mode}"),
        key=key,
        what=f"{type} {name}".strip(),
        mode=api.MODES[made.mode].get(command.lang()),
    )


@schema.command(help=words("查看约定和观察到的不合约", "show the schemas and what broke them"))
def show(
    key: _Key,
    *,
    text: Annotated[
        bool, Parameter(negative="", help=words("也打印约定本身", "print the schemas themselves too"))
    ] = False,
    as_json: _AsJson = False,
) -> None:
    """Show the schemas of a source."""
    from zerodistance.core.touchpoints import api

    found = api.list_schemas(command.home(), command.who(), key)
    if as_json:
        command.say_json([dataclasses.asdict(one) for one in found])
        return
    if not found:
        command.tell(Text("来源 {key} 没有约定", "the source {key} has no schema"), key=key)
        return
    for one in found:
        mode = api.MODES[one.mode].get(command.lang())
        _line(f"{one.type} {one.name}".strip(), mode, _moment(one.set_at), one.set_by)
        for breach in one.breaches:
            _line(f"{breach.count:>9,}", api.detail_words(breach.reason).get(command.lang()))
        if text:
            _line(one.text)


@schema.command(help=words("去掉约定", "take a schema away"))
def remove(key: _Key, type: _Type, *, name: _Name = "") -> None:
    """Remove a schema."""
    from zerodistance.core.touchpoints import api

    api.remove_schema(command.home(), command.who(), key, type=type, name=name)
    command.tell(
        Text("来源 {key} 的约定 {what} 已去掉", "the schema for {what} of the source {key} is gone"),
        key=key,
        what=f"{type} {name}".strip(),
    )


@schema.command(
    name="try",
    help=words(
        "用事件试约定，什么也不留下；有不合约的则以 1 退出",
        "try schemas on events and keep nothing; ends with 1 if one breaks",
    ),
)
def try_(
    key: _Key,
    events: Annotated[
        Path,
        Parameter(
            help=words(
                "事件：一个 JSON、一批、列表，或每行一个；- 为标准输入",
                "events: one as JSON, a batch, a list, or one a line; - for standard input",
            )
        ),
    ],
    *,
    schema: Annotated[
        Path | None,
        Parameter(help=words("试这个还没设的约定", "try this schema, which is not set yet")),
    ] = None,
    type: Annotated[str, Parameter(help=words("它用于哪种调用", "which call it is for"))] = "track",
    name: _Name = "",
    as_json: _AsJson = False,
) -> int:
    """Try the schemas of a source, or one that is not set yet, on events of a file."""
    from zerodistance.core.touchpoints import api

    text = None if schema is None else _read(schema).decode("utf-8")
    given = {"type": type, "name": name, "text": text} if text is not None else {}
    found = api.try_schemas(command.home(), command.who(), key, _events(_read(events)), **given)
    broken = sum(verdict.reason is not None for verdict in found)
    if as_json:
        command.say_json([_plain(verdict) for verdict in found])
        return 1 if broken else 0
    for place, verdict in enumerate(found, start=1):
        fine = words("没有约定", "no schema") if verdict.schema is None else words("合约", "holds")
        reason = verdict.reason and api.detail_words(verdict.reason).get(command.lang())
        _line(f"{place:>6}", f"{verdict.type} {verdict.name}".strip(), reason or fine)
    command.tell(
        Text("{n} 个事件，{broken} 个不合约", "{n} events, {broken} break their schema"),
        n=len(found),
        broken=broken,
    )
    return 1 if broken else 0


def _plain(verdict: Any) -> dict[str, Any]:
    found = verdict.schema
    return {
        "type": verdict.type,
        "name": verdict.name,
        "schema": None if found is None else {"type": found.type, "name": found.name, "mode": found.mode},
        "reason": verdict.reason,
    }


def _read(path: Path) -> bytes:
    return sys.stdin.buffer.read() if str(path) == "-" else path.read_bytes()


def _events(content: bytes) -> Iterator[bytes]:
    """Yield the events of a file as they stand in it."""
    try:
        whole = msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        yield from (line for line in content.splitlines() if line.strip())
        return
    if isinstance(whole, dict) and isinstance(whole.get("batch"), list):
        whole = whole["batch"]
    for event in whole if isinstance(whole, list) else [whole]:
        yield msgspec.json.encode(event)


def _line(*parts: str) -> None:
    """Print one line, never cut or wrapped: a reason is to be read whole."""
    command.console.out("  ".join(parts), highlight=False)


def _moment(at: int) -> str:
    return clock.from_micros(at).astimezone(command.settings().tz).isoformat(timespec="seconds")
