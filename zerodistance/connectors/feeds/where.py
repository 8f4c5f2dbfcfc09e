"""The table of a feed file that says where data lie: a folder, an SFTP server, a database, an API."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from zerodistance.connectors.feeds import rules, secrets
from zerodistance.connectors.feeds.contracts import (
    Cursor,
    Files,
    Folder,
    Http,
    Paging,
    Secret,
    Sftp,
    Sql,
    Where,
)
from zerodistance.connectors.feeds.cursors import CursorUnfit, checked
from zerodistance.core.touchpoints import toml_values as values
from zerodistance.core.touchpoints.mapping import wrong

_FILES = ("path", "files", "settle", "marker", "move_to")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,100}")
_HOST = re.compile(r"[A-Za-z0-9_.:-]{1,253}")
_PUBLIC = re.compile(r"[a-z0-9@.-]{3,60} [A-Za-z0-9+/]{40,4000}={0,2}( .*)?")
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
_CREDENTIALS = ("authorization", "proxy-authorization", "cookie", "x-api-key", "api-key", "x-auth-token")


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


def _sql(table: dict[str, Any]) -> Where:
    from zerodistance.connectors.feeds.database import parse_url, place_of

    values.known("sql.", table, ("url", "password", "table", "query", "cursor", "rows"))
    try:
        url = parse_url(given := values.string("sql.url", values.need(table, "url", "sql.url")))
    except ValueError as error:
        raise wrong(
            "sql.url",
            f'写作 {error}，或 mysql://…；里面不写密码，用 password = {{ secret = "名称" }}',
            f'write it as {error}, or mysql://...; a password does not stand in it: password = {{ secret = "name" }}',
        ) from None
    if ("table" in table) == ("query" in table):
        raise wrong("sql.table", "写 table 或 query，二选一", "write either a `table` or a `query`")
    return Sql(
        url=given,
        place=place_of(url),
        cursor=_cursor(
            "sql.cursor", values.table("sql.cursor", values.need(table, "cursor", "sql.cursor")), "column"
        ),
        table=values.string("sql.table", table["table"]) if "table" in table else "",
        query=values.string("sql.query", table["query"]) if "query" in table else "",
        password=_secret("sql.password", table["password"]) if "password" in table else None,
        rows=values.whole("sql.rows", table.get("rows", Sql.rows), 1),
    )


def _cursor(key: str, table: dict[str, Any], field: str) -> Cursor:
    values.known(f"{key}.", table, (field, "start", "overlap"))
    name = values.string(f"{key}.{field}", values.need(table, field, f"{key}.{field}"))
    overlap, start = table.get("overlap"), table.get("start")
    if isinstance(overlap, str):
        overlap = timedelta(seconds=span(f"{key}.overlap", overlap))
    elif overlap is not None:
        overlap = values.whole(f"{key}.overlap", overlap, 0)
    try:
        return Cursor(name, None if start is None else checked(name, start), overlap)
    except CursorUnfit:
        raise wrong(f"{key}.start", "写数字、时间或文字", "write a number, a time or a text") from None


def _secret(key: str, given: Any) -> Secret:
    """Return where a credential is; one that stands in clear is refused, and not repeated."""
    if not isinstance(given, dict) or len({"secret", "env"} & given.keys()) != 1:
        raise wrong(
            key,
            '不写明文：{ secret = "名称" }（先 feeds secret set），或 { env = "环境变量" }',
            'not in clear: { secret = "name" } (see feeds secret set), or { env = "VARIABLE" }',
        )
    values.known(f"{key}.", given, ("secret", "env", "prefix"))
    prefix = values.string(f"{key}.prefix", given["prefix"]) if "prefix" in given else ""
    if "secret" in given:
        name = values.string(f"{key}.secret", given["secret"])
        if not secrets.NAME.fullmatch(name):
            raise wrong(f"{key}.secret", "小写字母、数字和 - _ .", "lower-case letters, digits and - _ .")
        return Secret(name, prefix=prefix)
    name = values.string(f"{key}.env", given["env"])
    if not _VARIABLE.fullmatch(name):
        raise wrong(f"{key}.env", "写环境变量的名称", "write the name of an environment variable")
    return Secret(name, env=True, prefix=prefix)


def _sftp(table: dict[str, Any]) -> Where:
    values.known(
        "sftp.", table, ("host", "port", "user", "host_key", "password", "key", "passphrase", *_FILES)
    )
    if not {"password", "key"} & table.keys():
        raise wrong(
            "sftp.password",
            '写 password 或 key，如 key = { secret = "名称" }',
            'write `password` or `key`, such as key = { secret = "name" }',
        )
    host = values.string("sftp.host", values.need(table, "host", "sftp.host"))
    if not _HOST.fullmatch(host):
        raise wrong("sftp.host", "只写主机名或地址", "write the name or address of the host only")
    keys = values.strings("sftp.host_key", table.get("host_key", []))
    for one in keys:
        if not _PUBLIC.fullmatch(one.strip()):
            raise wrong(
                "sftp.host_key",
                "写成 ssh-ed25519 AAAA…，即对方 /etc/ssh/ssh_host_*_key.pub 里的前两段",
                "write it as ssh-ed25519 AAAA..., the first two words of the server's /etc/ssh/ssh_host_*_key.pub",
            )
    credentials = {
        name: _secret(f"sftp.{name}", table[name])
        for name in ("password", "key", "passphrase")
        if name in table
    }
    return Sftp(
        host=host,
        port=values.whole("sftp.port", table.get("port", 22), 1),
        user=values.string("sftp.user", values.need(table, "user", "sftp.user")),
        files=_files("sftp", table),
        host_keys=keys,
        **credentials,
    )


def _http(table: dict[str, Any]) -> Where:
    keys = ("url", "headers", "params", "records", "cursor", "paging", "max_page_bytes", "max_pages")
    values.known("http.", table, keys)
    url = values.string("http.url", values.need(table, "url", "http.url"))
    parts = urlsplit(url)
    try:
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good or parts.username is not None or any(ord(c) <= 32 for c in url):
        raise wrong(
            "http.url",
            "写以 http:// 或 https:// 开头的地址，里面不写用户和密码",
            "write an address that begins with http:// or https:// and holds no user or password",
        )
    headers = values.table("http.headers", table.get("headers", {}))
    cursor = values.table("http.cursor", table["cursor"]) if "cursor" in table else None
    return Http(
        url=url,
        place=f"{parts.scheme}://{parts.netloc}{parts.path}",
        headers={name: _header(name, value) for name, value in headers.items()},
        params={
            name: _param(f"http.params.{name}", value)
            for name, value in values.table("http.params", table.get("params", {})).items()
        },
        records=_path("http.records", table.get("records", "")),
        cursor=None if cursor is None else _cursor_of_api(cursor),
        paging=_paging(values.table("http.paging", table.get("paging", {}))),
        max_page_bytes=values.whole("http.max_page_bytes", table.get("max_page_bytes", 32 << 20), 1_024),
        max_pages=values.whole("http.max_pages", table.get("max_pages", 10_000), 1),
    )


def _header(name: str, value: Any) -> str | Secret:
    key = f"http.headers.{name}"
    if not _HEADER.fullmatch(name):
        raise wrong(key, "这不是 HTTP 头的名称", "this is no name of an HTTP header")
    if name.lower() in _CREDENTIALS or isinstance(value, dict):
        return _secret(key, value)
    said = values.string(key, value)
    if not said.isprintable():
        raise wrong(key, "只能是可打印的字符", "printable characters only")
    return said


def _param(key: str, value: Any) -> str | Secret:
    if isinstance(value, dict):
        return _secret(key, value)
    return str(value) if isinstance(value, int) else values.string(key, value)


def _cursor_of_api(table: dict[str, Any]) -> Cursor:
    own: dict[str, Any] = {name: table[name] for name in ("field", "start", "overlap") if name in table}
    values.known("http.cursor.", table, ("field", "start", "overlap", "param", "format", "ordered"))
    return replace(
        _cursor("http.cursor", own, "field"),
        param=values.string("http.cursor.param", values.need(table, "param", "http.cursor.param")),
        format=values.one_of(
            "http.cursor.format", table.get("format", "iso"), ("iso", "epoch_s", "epoch_ms")
        ),
        ordered=values.boolean("http.cursor.ordered", table.get("ordered", False)),
    )


def _path(key: str, given: Any) -> tuple[str, ...]:
    return tuple(values.string(key, given).split(".")) if given else ()


def _paging(table: dict[str, Any]) -> Paging:
    if not table:
        return Paging()
    values.known(
        "http.paging.",
        table,
        ("page", "offset", "token", "from", "next", "link", "first", "size", "size_param"),
    )
    kinds = [kind for kind in ("page", "offset", "token", "next", "link") if kind in table]
    if len(kinds) != 1:
        raise wrong(
            "http.paging",
            "写 page、offset、token、next、link 之一",
            "write one of `page`, `offset`, `token`, `next`, `link`",
        )
    kind = kinds[0]
    path = (
        _path("http.paging.from", values.need(table, "from", "http.paging.from")) if kind == "token" else ()
    )
    if kind == "next":
        path = _path("http.paging.next", table["next"])
    if kind == "link" and not values.boolean("http.paging.link", table["link"]):
        raise wrong("http.paging.link", "写 link = true，或去掉", "write link = true, or leave it out")
    named = kind in ("page", "offset", "token")
    return Paging(
        kind=kind,
        param=values.string(f"http.paging.{kind}", table[kind]) if named else "",
        path=path,
        first=values.whole("http.paging.first", table.get("first", 0 if kind == "offset" else 1), 0),
        size_param=values.string("http.paging.size_param", table["size_param"])
        if "size_param" in table
        else "",
        size=values.whole("http.paging.size", table.get("size", 0), 0),
    )


WHERE: dict[str, Callable[[dict[str, Any]], Where]] = {
    "folder": _folder,
    "sftp": _sftp,
    "sql": _sql,
    "http": _http,
}
"""Reads the table of each kind of feed."""
