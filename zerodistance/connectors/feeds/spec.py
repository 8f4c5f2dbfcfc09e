"""Feed files: TOML that says where data lie, how often to look, and under which mapping they come in. Read strictly."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from zerodistance.connectors.feeds import rules
from zerodistance.connectors.feeds.contracts import KINDS, Files, Folder, Spec, Where
from zerodistance.connectors.feeds.toml_text import document
from zerodistance.core.touchpoints import toml_values as values
from zerodistance.core.touchpoints.mapping import Mapping, MappingWrong, parse, wrong
from zerodistance.kernel.errors import ZeroDistanceError
from zerodistance.kernel.text import Text

_TOP = ("name", "kind", "every", "mapping", "source")
_FILES = ("path", "files", "settle", "marker", "move_to")
_OFTEN = 10.0  # own value, seconds: nothing is asked more often
_ROWS = ()  # kinds whose rows are written as NDJSON


class FeedWrong(ZeroDistanceError):
    """A feed file says something that can't be followed: which key, what is allowed."""

    code, status = "feed_wrong", 400
    text = Text("取数文件的 {key}：{zh}", "feed file, {key}: {en}")


@dataclass(frozen=True)
class Read:
    """A feed file, read: what it says, and its mapping."""

    spec: Spec
    mapping: Mapping


def read_feed(text: str, *, name: str = "", beside: Callable[[str], str] | None = None) -> Read:
    """Read a feed file.

    Parameters
    ----------
    name
        What the feed is called where the file doesn't say.
    beside
        Returns the text of a mapping file that the feed file names; None: it can't name one.

    Raises
    ------
    FeedWrong
        A key is unknown or missing, or a value is not allowed; names the key and what is allowed.
    MappingWrong
        The same of its mapping.
    """
    try:
        given = _toml(text)
        spec, inline = _spec(given, name)
    except MappingWrong as error:  # the same checks of values, for another file
        raise FeedWrong(**error.data) from None
    mapping_text = document(inline) if isinstance(inline, dict) else _named(inline, beside)
    return with_mapping(spec, mapping_text)


def again(text: str, name: str, mapping: str) -> Read:
    """Read a feed that was read before and is kept: its name and mapping are known."""
    given = _toml(text)
    spec, _ = _spec(given, name)
    return with_mapping(replace(spec, name=name), mapping)


def with_mapping(spec: Spec, text: str) -> Read:
    """Return a feed with its mapping, whose rows the kind of the feed decides."""
    return Read(replace(spec, mapping=text), parse(text))


def _toml(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise wrong("TOML", f"读不懂：{error}", f"it can't be read: {error}") from None


def _named(name: str, beside: Callable[[str], str] | None) -> str:
    if beside is None:
        raise FeedWrong(
            key="feed.mapping",
            zh="这里只能写内联的 [mapping] 表",
            en="only a table [mapping] inside the file can stand here",
        )
    return beside(name)


def _spec(given: dict[str, Any], name: str) -> tuple[Spec, str | dict[str, Any]]:
    head = values.table("feed", values.need(given, "feed"))
    values.known("feed.", head, _TOP)
    kind = values.one_of("feed.kind", values.need(head, "kind", "feed.kind"), tuple(KINDS))
    values.known("", given, ("feed", "mapping", kind))
    if ("mapping" in head) == ("mapping" in given):
        raise wrong(
            "feed.mapping",
            '写 mapping = "文件.toml"，或写一张内联的表 [mapping]，二选一',
            'write either mapping = "file.toml", or a table [mapping] in this file',
        )
    inline = given.get("mapping", head.get("mapping"))
    every = span("feed.every", head.get("every", "15m"))
    if every < _OFTEN:
        raise wrong("feed.every", f"至少 {_OFTEN:g} 秒", f"at least {_OFTEN:g} seconds")
    source = head.get("source")
    spec = Spec(
        name=values.key("feed.name", head.get("name", name)),
        kind=kind,
        every=every,
        where=_WHERE[kind](values.table(kind, values.need(given, kind))),
        mapping="",
        source=None if source is None else values.key("feed.source", source),
    )
    if isinstance(inline, dict):
        return spec, inline
    return spec, values.string("feed.mapping", inline)


def span(key: str, given: Any) -> float:
    """Return the seconds of a span of time."""
    found = rules.seconds(values.string(key, given))
    if found is None:
        raise wrong(key, "写成 30s、15m、6h 或 1d", "write it as 30s, 15m, 6h or 1d")
    return found


def _folder(table: dict[str, Any]) -> Where:
    values.known("folder.", table, _FILES)
    files = _files("folder", table)
    if not Path(files.path).is_absolute():
        raise wrong(
            "folder.path",
            "写绝对路径：处理进程的当前目录可能是别处",
            "write an absolute path: the worker may run elsewhere",
        )
    return Folder(files)


def _files(kind: str, table: dict[str, Any]) -> Files:
    patterns = values.strings(f"{kind}.files", table.get("files", "*"))
    for pattern in patterns:
        _below(f"{kind}.files", pattern)
    marker, move_to = table.get("marker", ""), table.get("move_to", "")
    if marker:
        _ending(f"{kind}.marker", values.string(f"{kind}.marker", marker))
    if move_to:
        _below(f"{kind}.move_to", values.string(f"{kind}.move_to", move_to))
    return Files(
        path=values.string(f"{kind}.path", values.need(table, "path", f"{kind}.path")),
        patterns=patterns,
        settle=span(f"{kind}.settle", table.get("settle", "10s")),
        marker=marker,
        move_to=move_to.strip("/"),
    )


def _below(key: str, path: str) -> None:
    if path.startswith("/") or "\\" in path or ".." in path.split("/") or "\0" in path:
        raise wrong(
            key,
            f"{path!r} 要在文件夹之内，用 / 分隔，不能有 ..",
            f"{path!r} has to lie below the folder: parts with / between them, without ..",
        )


def _ending(key: str, ending: str) -> None:
    if "/" in ending or "*" in ending:
        raise wrong(key, "写名称的结尾，如 .done", "write the ending of a name, such as .done")


_WHERE: dict[str, Callable[[dict[str, Any]], Where]] = {"folder": _folder}
