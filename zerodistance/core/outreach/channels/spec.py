"""Descriptions of channels: TOML that says by which way messages go. Read strictly; no credential stands in one.

A credential is named: `{ env = "VARIABLE" }` of the process that sends, or `{ file = "/run/secrets/name" }` of its machine.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from zerodistance.core.identity.rules import GIVEN
from zerodistance.core.outreach.channels.described import (
    FIELD,
    FIELDS,
    Description,
    Email,
    Inbox,
    Receipts,
    Replies,
    Secret,
    Sms,
    Webhook,
)
from zerodistance.core.outreach.contracts import NAMESPACES, ChannelName
from zerodistance.core.touchpoints import toml_values as values
from zerodistance.core.touchpoints.toml_values import MappingWrong, wrong
from zerodistance.kernel.errors import ZeroDistanceError
from zerodistance.kernel.text import Text

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,100}")
_HOST = re.compile(r"[A-Za-z0-9_.:-]{1,253}")
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
_MAILBOX = re.compile(r"[A-Za-z0-9.!#$%&'*/=?^_`{|}~+-]{1,40}@[A-Za-z0-9.-]{1,190}")
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
LONGEST = 20_000  # own value: characters of a description


class DescriptionWrong(ZeroDistanceError):
    """A description of a channel says something that can't be followed: which key, what is allowed."""

    code, status = "channel_wrong", 400
    text = Text("渠道说明的 {key}：{zh}", "channel description, {key}: {en}")


def read(name: str, text: str) -> Description:
    """Read the description of a channel.

    Raises
    ------
    DescriptionWrong
        A key is unknown or missing, or a value is not allowed; names the key and what is allowed.
    """
    try:
        if len(text) > LONGEST:
            raise wrong("TOML", f"最长 {LONGEST} 个字符", f"{LONGEST} characters at most")
        try:
            given = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise wrong("TOML", f"读不懂：{error}", f"it can't be read: {error}") from None
        except RecursionError:
            raise wrong("TOML", "嵌套太深", "it is nested too deeply") from None
        return _READ[ChannelName(name)](given)
    except MappingWrong as error:  # the same checks of values, for another file
        raise DescriptionWrong(**error.data) from None


def _email(given: dict[str, Any]) -> Email:
    known = (
        "host", "port", "tls", "from", "name", "return", "user", "password", "reply_to", "folder", "rate", "connections",
        "timeout", "traced", "hello",
    )  # fmt: skip
    values.known("", given, known)
    host = _host("host", values.need(given, "host"))
    tls = values.one_of("tls", given.get("tls", "starttls"), ("none", "starttls", "tls"))
    if tls == "none" and "password" in given and host not in _LOOPBACK:
        raise wrong(
            "tls",
            "带密码时不能明文连接，写 starttls 或 tls",
            "a password does not go over a plain connection: write starttls or tls",
        )
    if ("user" in given) != ("password" in given):
        raise wrong(
            "password", "user 和 password 要么都写，要么都不写", "give both `user` and `password`, or neither"
        )
    sender = _mailbox("from", values.need(given, "from"))
    folder = values.string("folder", given["folder"]) if "folder" in given else ""
    if folder and not Path(folder).is_absolute():
        raise wrong("folder", "写绝对路径", "write an absolute path")
    usual = {"none": 25, "starttls": 587, "tls": 465}[tls]
    return Email(
        host=host,
        port=_port("port", given.get("port", usual)),
        tls=tls,
        sender=sender,
        name=_both("name", values.need(given, "name")),
        returns=_mailbox("return", given.get("return", sender)),
        user=values.string("user", given["user"]) if "user" in given else "",
        password=_secret("password", given["password"]) if "password" in given else None,
        reply_to=_mailbox("reply_to", given["reply_to"]) if "reply_to" in given else "",
        folder=folder,
        rate=_rate(given),
        connections=_between("connections", given.get("connections", 1), 1, 16),
        timeout=_timeout(given, 30.0),
        traced=values.boolean("traced", given.get("traced", True)),
        hello=_host("hello", given["hello"]) if "hello" in given else "",
    )


def _sms(given: dict[str, Any]) -> Sms:
    known = (
        "url", "method", "content", "headers", "secret", "body", "accepted", "later", "no_such_number", "national", "again_is_once",
        "rate", "timeout", "traced", "from", "receipts", "replies", "answer",
    )  # fmt: skip
    values.known("", given, known)
    accepted = values.table("accepted", given.get("accepted", {}))
    values.known("accepted.", accepted, ("status", "path", "equals", "reference"))
    if ("path" in accepted) != ("equals" in accepted):
        raise wrong("accepted.equals", "path 和 equals 要一起写", "give `path` and `equals` together")
    later = values.table("later", given.get("later", {}))
    values.known("later.", later, ("status", "equals"))
    secret = _secret("secret", given["secret"]) if "secret" in given else None
    headers = {
        _header(name): _filled(f"headers.{name}", text, secret)
        for name, text in values.table("headers", given.get("headers", {})).items()
    }
    body = values.table("body", values.need(given, "body"))
    _every_text("body", body, lambda key, text: _filled(key, text, secret))
    plain: dict[str, Any] = {}
    if "later" in given and "status" in later:
        plain["later_status"] = _statuses("later.status", later["status"])
    return Sms(
        url=_address("url", values.need(given, "url"), bool(secret)),
        body=body,
        method=values.one_of("method", given.get("method", "POST"), ("POST", "PUT", "GET")),
        content=values.one_of("content", given.get("content", "json"), ("json", "form", "query")),
        headers=headers,
        secret=secret,
        status=_statuses("accepted.status", accepted.get("status", [200, 201, 202])),
        path=_path("accepted.path", accepted.get("path", "")),
        equals=_words("accepted.equals", accepted.get("equals", [])),
        reference=_path("accepted.reference", accepted.get("reference", "")),
        later=_words("later.equals", later.get("equals", [])),
        no_such_number=_words("no_such_number", given.get("no_such_number", [])),
        national=values.boolean("national", given.get("national", False)),
        again_is_once=values.boolean("again_is_once", given.get("again_is_once", False)),
        rate=_rate(given),
        timeout=_timeout(given, 20.0),
        traced=values.boolean("traced", given.get("traced", True)),
        sender=values.string("from", given["from"]) if "from" in given else "",
        receipts=_receipts(values.table("receipts", given.get("receipts", {}))),
        replies=_replies(values.table("replies", given.get("replies", {}))),
        answer=values.string("answer", given.get("answer", "ok")),
        **plain,
    )


def _receipts(given: dict[str, Any]) -> Receipts:
    known = ("list", "message", "reference", "state", "delivered", "later", "no_such_number", "detail")
    values.known("receipts.", given, known)
    if given and not given.keys() & {"message", "reference"}:
        raise wrong(
            "receipts.message",
            "写 message（我们的编号在哪）或 reference（对方的编号在哪）",
            "say where our id stands (`message`) or theirs (`reference`)",
        )
    return Receipts(
        listed=_path("receipts.list", given.get("list", "")),
        message=_path("receipts.message", given.get("message", "")),
        reference=_path("receipts.reference", given.get("reference", "")),
        state=_path("receipts.state", given.get("state", "status")),
        delivered=_words("receipts.delivered", given.get("delivered", ["delivered"])),
        later=_words("receipts.later", given.get("later", [])),
        no_such_number=_words("receipts.no_such_number", given.get("no_such_number", [])),
        detail=_path("receipts.detail", given.get("detail", "")),
    )


WITHDRAWING = (
    "td",
    "t",
    "n",
    "r",
    "退",
    "退订",
    "拒收",
    "取消",
    "stop",
    "stopall",
    "unsubscribe",
    "cancel",
    "end",
    "quit",
)
"""What people answer who want no more: the words of CTIA's rules for the United States, and those that Chinese text messages ask for."""


def _replies(given: dict[str, Any]) -> Replies:
    values.known("replies.", given, ("list", "phone", "text", "words"))
    return Replies(
        listed=_path("replies.list", given.get("list", "")),
        phone=_path("replies.phone", given.get("phone", "phone")),
        text=_path("replies.text", given.get("text", "text")),
        words=tuple(w.casefold() for w in _words("replies.words", given.get("words", list(WITHDRAWING)))),
    )


def _webhook(given: dict[str, Any]) -> Webhook:
    values.known("", given, ("url", "namespaces", "secret", "rate", "timeout", "traced"))
    return Webhook(
        url=_address("url", values.need(given, "url"), True),
        namespaces=_namespaces(given.get("namespaces", list(NAMESPACES[ChannelName.WEBHOOK]))),
        secret=_secret("secret", values.need(given, "secret")),
        rate=_rate(given),
        timeout=_timeout(given, 20.0),
        traced=values.boolean("traced", given.get("traced", True)),
    )


def _inbox(given: dict[str, Any]) -> Inbox:
    values.known("", given, ("namespaces", "days", "rate", "traced"))
    return Inbox(
        namespaces=_namespaces(given.get("namespaces", list(NAMESPACES[ChannelName.INBOX]))),
        days=_between("days", given.get("days", 180), 1, 3_650),
        rate=_rate(given),
        traced=values.boolean("traced", given.get("traced", True)),
    )


_READ: Mapping[ChannelName, Callable[[dict[str, Any]], Description]] = {
    ChannelName.EMAIL: _email,
    ChannelName.SMS: _sms,
    ChannelName.WEBHOOK: _webhook,
    ChannelName.INBOX: _inbox,
}


# -- values


def _host(key: str, given: Any) -> str:
    found = values.string(key, given)
    if not _HOST.fullmatch(found):
        raise wrong(key, "写主机名或 IP 地址", "write the name of a host or an IP address")
    return found


def _port(key: str, given: Any) -> int:
    return _between(key, given, 1, 65_535)


def _between(key: str, given: Any, least: int, most: int) -> int:
    found = values.whole(key, given, least)
    if found > most:
        raise wrong(key, f"最多 {most}", f"{most} at most")
    return found


def _rate(given: dict[str, Any]) -> float:
    return _decimal("rate", given.get("rate", 0), 0.0, 100_000.0)


def _timeout(given: dict[str, Any], usual: float) -> float:
    return _decimal("timeout", given.get("timeout", usual), 0.5, 300.0)


def _decimal(key: str, given: Any, least: float, most: float) -> float:
    if isinstance(given, bool) or not isinstance(given, int | float) or not least <= given <= most:
        raise wrong(key, f"应是 {least:g} 到 {most:g} 的数", f"a number from {least:g} to {most:g} is needed")
    return float(given)


def _mailbox(key: str, given: Any) -> str:
    found = values.string(key, given)
    if not _MAILBOX.fullmatch(found):
        raise wrong(
            key,
            "写一个邮箱地址，如 news@example.com；@ 前最多 40 个字符",
            "write a mail address such as news@example.com; 40 characters at most before the @",
        )
    return found


def _both(key: str, given: Any) -> Text:
    if isinstance(given, str):
        found = values.string(key, given)
        said = Text(found, found)
    else:
        table = values.table(key, given)
        values.known(f"{key}.", table, ("zh", "en"))
        said = Text(
            *(
                values.string(f"{key}.{lang}", values.need(table, lang, f"{key}.{lang}"))
                for lang in ("zh", "en")
            )
        )
    if any(c in part for part in (said.zh, said.en) for c in "\r\n\0"):
        raise wrong(key, "不能换行", "it has to stand on one line")
    return said


def _secret(key: str, given: Any) -> Secret:
    """Return where a credential is; one that stands in clear is refused, and not repeated."""
    if not isinstance(given, dict) or len({"env", "file"} & given.keys()) != 1:
        raise wrong(
            key,
            '不写明文：{ env = "环境变量" } 或 { file = "/路径" }',
            'not in clear: { env = "VARIABLE" } or { file = "/path" }',
        )
    values.known(f"{key}.", given, ("env", "file"))
    if "env" in given:
        name = values.string(f"{key}.env", given["env"])
        if not _VARIABLE.fullmatch(name):
            raise wrong(f"{key}.env", "写环境变量的名称", "write the name of a variable")
        return Secret(env=name)
    path = values.string(f"{key}.file", given["file"])
    if not Path(path).is_absolute():
        raise wrong(f"{key}.file", "写绝对路径", "write an absolute path")
    return Secret(file=path)


def _address(key: str, given: Any, carries_secret: bool) -> str:
    url = values.string(key, given)
    try:
        parts = urlsplit(url)
        good = (
            parts.scheme in ("http", "https")
            and parts.hostname
            and parts.port != 0
            and parts.username is None
        )
    except ValueError:
        good = False
    if not good or any(c.isspace() or c in '"<>' for c in url):
        raise wrong(
            key,
            "写以 http:// 或 https:// 开头的地址，不带用户和密码",
            "write an address that begins with http:// or https://, without user and password",
        )
    if carries_secret and parts.scheme == "http" and parts.hostname not in _LOOPBACK:
        raise wrong(
            key,
            "消息和凭证不走明文，写 https://",
            "messages and credentials do not go over a plain connection: write https://",
        )
    return url


def _header(name: str) -> str:
    if not _HEADER.fullmatch(name) or name.lower() in ("host", "content-length", "content-type"):
        raise wrong(f"headers.{name}"[:80], "不能设这个头", "this header can't be set")
    return name


def _filled(key: str, given: Any, secret: Secret | None) -> str:
    text = values.string(key, given)
    for name in FIELD.findall(text):
        if name.startswith("values."):
            continue
        if name not in FIELDS:
            hint = values.near(name, FIELDS)
            raise wrong(key, f"没有 {{{name}}}；{hint.zh}", f"there is no {{{name}}}; {hint.en}")
        if name == "secret" and secret is None:
            raise wrong(key, "{secret} 要先写 secret = { env = … }", "{secret} needs a key `secret`")
    return text


def _every_text(key: str, given: Any, look: Callable[[str, str], object]) -> None:
    if isinstance(given, dict):
        for name, value in given.items():
            _every_text(f"{key}.{name}", value, look)
    elif isinstance(given, list):
        for number, value in enumerate(given):
            _every_text(f"{key}[{number}]", value, look)
    elif isinstance(given, str):
        if given:
            look(key, given)
    elif not isinstance(given, bool | int | float):
        raise wrong(
            key,
            "写文字、数字、true、false、表或列表",
            "write a text, a number, true, false, a table or a list",
        )


def _path(key: str, given: Any) -> str:
    if given == "":
        return ""
    found = values.string(key, given)
    if not re.fullmatch(r"[^.\s]{1,100}(\.[^.\s]{1,100}){0,9}", found):
        raise wrong(key, "写成 data.id 这样的路径", "write a path such as data.id")
    return found


def _words(key: str, given: Any) -> tuple[str, ...]:
    listed = given if isinstance(given, list) else [given]
    if not all(isinstance(one, str | int) and not isinstance(one, bool) for one in listed):
        raise wrong(key, "写文字或整数的列表", "write a list of texts or whole numbers")
    return tuple(str(one) for one in listed)


def _statuses(key: str, given: Any) -> tuple[int, ...]:
    listed = given if isinstance(given, list) else [given]
    return tuple(_between(key, one, 100, 599) for one in listed)


def _namespaces(given: Any) -> tuple[str, ...]:
    found = values.strings("namespaces", given)
    if not found:
        raise wrong("namespaces", "至少写一个", "name one at least")
    return tuple(values.one_of("namespaces", one, tuple(sorted(GIVEN))) for one in found)
