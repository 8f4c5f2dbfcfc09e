"""Feed files: TOML that says where data lie, how often to look, and under which mapping they come in. Read strictly."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from zerodistance.connectors.feeds.contracts import KINDS, Spec
from zerodistance.connectors.feeds.toml_text import document
from zerodistance.connectors.feeds.where import WHERE, span
from zerodistance.core.touchpoints import toml_values as values
from zerodistance.core.touchpoints.mapping import Mapping, MappingWrong, parse, wrong
from zerodistance.kernel.errors import ZeroDistanceError
from zerodistance.kernel.text import Text

_TOP = ("name", "kind", "every", "mapping", "source")
_OFTEN = 10.0  # own value, seconds: nothing is asked more often
_ROWS = ("sql", "http")  # kinds whose rows are written as NDJSON


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
    """Return a feed with its mapping; rows of databases and the like are read as NDJSON, and have to be told apart for ever.

    Raises
    ------
    FeedWrong
        The mapping is for another format, or maps no `source_id`.
    MappingWrong
        It can't be followed.
    """
    if spec.kind in _ROWS:
        with suppress(tomllib.TOMLDecodeError):  # `parse` says it better
            if "format" not in tomllib.loads(text):
                text = f'format = "ndjson"\n{text}'
    mapping = parse(text)
    if spec.kind in _ROWS and mapping.format != "ndjson":
        raise FeedWrong(
            key="mapping.format",
            zh=f'取来的行按 ndjson 读，写 format = "ndjson" 或不写，不能是 {mapping.format!r}',
            en=f'its rows are read as ndjson: write format = "ndjson" or leave it out, not {mapping.format!r}',
        )
    if spec.kind in _ROWS and not mapping.source_id:
        raise FeedWrong(
            key="mapping.source_id",
            zh='同一行会再取到，要凭它自己的编号只收一次：映射一个唯一的列，如 source_id = "id"',
            en='the same row is met again and is taken once by its own id: map what is unique, such as source_id = "id"',
        )
    return Read(replace(spec, mapping=text), mapping)


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
        where=WHERE[kind](values.table(kind, values.need(given, kind))),
        mapping="",
        source=None if source is None else values.key("feed.source", source),
    )
    if isinstance(inline, dict):
        return spec, inline
    return spec, values.string("feed.mapping", inline)
