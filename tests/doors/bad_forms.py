"""Forms of pages as a browser would send them, and as nobody should: found by following links, then spoiled field by field."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qsl, urljoin, urlsplit

Get = Callable[[str], str]
"""Address -> the page, or an empty text."""
VALUES: tuple[str | bytes, ...] = (
    *("", " ", "\0", "a\0b", "0", "-1", "1.5", "1e999", "NaN", "-Infinity", "9" * 30, "9" * 400, "true", "null", "[]", "{}", "[[{}]]", "{", '"'),
    *("x", "x" * 300, "x" * 20_000, "姓" * 3_000, "\U0001f600" * 100, "\u202eevil", "<script>alert(1)</script>", "' or 1=1 --", "%s%n", "{{7*7}}"),
    *("../../etc/passwd", "9999-12-31", "0001-01-01", "2026-02-30", "10000-01-01", "2026-11-27T25:00", "p_00000000", "AllOf(", "AllOf()"),
    *(r'{"a":"\ud83d"}', r'Did("order.*", product="\ud83d")', r'"\udc00"', "a = '\\ud83d'", "NaN,1", "1e5", "0x10", "1,000,000,000,000,000"),
    *("[" * 2_000, "(" * 2_000, "AllOf(" * 500, "Ⅷ", "²", "١٢", "\r\n", "１２", "[1,2]", '{"a":1}', '[{"key":1}]', '"text"', "-0", "+1", "1_000"),
    *(b"\xff\xfe", b"\xed\xa0\x80", b"\xc0\x80"),
)  # fmt: skip
"""Values of a field; bytes are no UTF-8: a lone surrogate among them."""
KEPT_OUT = ("/login", "/logout", "/example/remove", "/once/", "/static/")
"""What ends the session, or the world."""


@dataclass(frozen=True)
class Form:
    """One form of a page, or one address with words after `?`.

    Attributes
    ----------
    path
        Where it goes.
    fields
        Names and values that a browser would send at once.
    """

    method: str
    path: str
    fields: tuple[tuple[str, str], ...] = ()
    seen_on: str = field(default="", compare=False)


class _Reader(HTMLParser):
    """Reads forms, links, and what asks by itself."""

    def __init__(self, at: str) -> None:
        super().__init__()
        self.at, self.links, self.found = at, list[str](), list[Form]()
        self._form: tuple[str, str] | None = None
        self._fields: list[tuple[str, str]] = []
        self._loose: list[tuple[str, str]] = []
        self._select = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = {name: value or "" for name, value in attrs}
        if tag == "a" and "href" in said:
            self.links.append(urljoin(self.at, said["href"]))
        if tag == "form":
            self._form, self._fields = (said.get("method", "get").upper(), said.get("action", self.at)), []
        for how in ("hx-post", "hx-get"):
            if how in said:
                more = json.loads(said["hx-vals"]) if said.get("hx-vals", "").startswith("{") else {}
                given = [(name, str(value)) for name, value in more.items()]
                if "name" in said:
                    given.append((said["name"], said.get("value", "")))
                self._loose.append((how, said[how]))
                self.found.append(_form(how[3:].upper(), self.at, said[how], given))
        if "formaction" in said:
            self.found.append(_form("POST", self.at, said["formaction"], self._fields))
        name = said.get("name", "")
        if tag == "select":
            self._select = name
            self._fields.append((name, ""))
        elif (
            tag == "option"
            and self._select
            and ("selected" in said or self._fields[-1] == (self._select, ""))
        ):
            self._fields[-1] = (self._select, said.get("value", ""))
        elif tag == "textarea" and name:
            self._fields.append((name, ""))
        elif (
            tag in ("input", "button")
            and name
            and not (said.get("type") in ("checkbox", "radio") and "checked" not in said)
        ):
            self._fields.append((name, said.get("value", "")))

    def handle_data(self, data: str) -> None:
        if self.lasttag == "textarea" and self._fields and not self._fields[-1][1] and data.strip():
            self._fields[-1] = (self._fields[-1][0], data)

    def handle_endtag(self, tag: str) -> None:
        if tag == "select":
            self._select = ""
        if tag == "form" and self._form:
            method, path = self._form
            self.found.append(_form(method, self.at, path, self._fields))
            # what its parts ask for is sent with all of its fields
            self.found += [_form(how[3:].upper(), self.at, where, self._fields) for how, where in self._loose]
            self._form, self._loose = None, []


def _form(method: str, at: str, path: str, fields: list[tuple[str, str]]) -> Form:
    split = urlsplit(urljoin(at, path or at))
    given = [*parse_qsl(split.query), *fields] if method == "GET" else fields
    where = split.path if method == "GET" or not split.query else f"{split.path}?{split.query}"
    return Form(method, where, tuple(one for one in given if one[0] not in ("", "csrf")), at)


def shape(path: str) -> str:
    """Return a path without what names one thing, so that pages of one kind are told apart from others."""
    return re.sub(r"(?<=/)(\d+|p_\w+|h_\w+|[\w.-]*[-._][\w.-]*)(?=/|$)", "*", path.partition("?")[0])


def crawl(get: Get, start: tuple[str, ...], each: int = 2) -> Iterator[Form]:
    """Yield every form and every address with words after `?` that links lead to from some pages, each once.

    Parameters
    ----------
    each
        How many pages of one kind are opened.
    """
    waiting, opened, kinds, told = list(start), set[str](), dict[str, int](), set[Any]()
    while waiting:
        at = waiting.pop(0)
        kind = shape(at) + "?" + "&".join(sorted({name for name, _ in parse_qsl(urlsplit(at).query)}))
        if at in opened or kinds.get(kind, 0) >= each or at.startswith(KEPT_OUT):
            continue
        opened.add(at)
        kinds[kind] = kinds.get(kind, 0) + 1
        reader = _Reader(at)
        reader.feed(get(at))
        words = parse_qsl(urlsplit(at).query)
        for one in (Form("GET", urlsplit(at).path, tuple(words), at), *reader.found):
            seen = (one.method, shape(one.path), tuple(sorted({name for name, _ in one.fields})))
            if seen not in told and not one.path.startswith(KEPT_OUT):
                told.add(seen)
                yield one
        for link in reader.links:
            split = urlsplit(link)
            if not split.scheme and not split.netloc:
                waiting.append(split.path + (f"?{split.query}" if split.query else ""))


def spoiled(
    form: Form, dice: random.Random, many: int
) -> Iterator[tuple[str, list[tuple[str, str | bytes]]]]:
    """Yield `many` times what was done to a form, and its fields then: one has a bad value, is twice there or not at all; or all of them are empty."""
    fields: list[tuple[str, str | bytes]] = list(form.fields)
    for _ in range(many):
        n = dice.randrange(len(fields) + 1)
        if n == len(fields):
            yield "empty", [(name, "") for name, _ in fields] if dice.random() < 0.5 else []
            continue
        name, others = fields[n][0], fields[:n] + fields[n + 1 :]
        how = dice.random()
        if how < 0.8:
            value = dice.choice(VALUES)
            yield f"{name} = {value[:40]!r}", [*others, (name, value)]
        else:
            yield f"{name} {how:.1f}", others if how < 0.9 else [*fields, fields[n]]


def encoded(fields: list[tuple[str, str | bytes]]) -> bytes:
    """Return the body of a form, of which some values may be no text."""

    def one(value: str | bytes) -> bytes:
        raw = value if isinstance(value, bytes) else value.encode("utf-8", "surrogatepass")
        return b"".join(b"%%%02X" % byte for byte in raw)

    return b"&".join(one(name) + b"=" + one(value) for name, value in fields)
