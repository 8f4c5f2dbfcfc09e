"""Cutting a JSON text into the values of an array, or of its lines, while it is read; one that is broken spoils only itself."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from zerodistance.core.touchpoints.csv_lines import KEPT_BYTES, MOST_BYTES, TOO_LONG
from zerodistance.core.touchpoints.json_objects import DECODER, NotARow, fit, read_object
from zerodistance.core.touchpoints.toml_values import near, wrong
from zerodistance.kernel.errors import ZeroDistanceError
from zerodistance.kernel.text import Text as Words

_BLOCK = 1 << 20
_ROWS = 2_000  # own value: rows that are handed on at once
_SPACE = re.compile(r"[ \t\r\n]*")
_OUTSIDE, _INSIDE = re.compile(r'["{}\[\]]'), re.compile(r'["\\]')
_SCALAR_END = re.compile(r"[,\]}\s]")


class JsonBroken(ZeroDistanceError):
    """A JSON file holds no array any more from some row on."""

    code, status = "json_broken", 400
    text = Words(
        "JSON 文件在第 {row} 行之后断了或坏了（{zh}），后面的读不出来",
        "the JSON file breaks off or is broken after row {row} ({en}); what follows can't be read",
    )


@dataclass
class Start:
    """Rows up to this one are only counted; it may change while a file is read."""

    row: int = 0


@dataclass
class Found:
    """Rows in the order of the file.

    Attributes
    ----------
    rows
        Row number, text and object of each good one.
    bad
        Row number, reason and text of the others.
    upto
        Number of the last row.
    """

    rows: list[tuple[int, str, dict[str, Any]]] = field(default_factory=list)
    bad: list[tuple[int, str, str]] = field(default_factory=list)
    upto: int = 0

    def __len__(self) -> int:
        return len(self.rows) + len(self.bad)


class _Text:
    """A stream of UTF-8 as text; bytes that are no UTF-8 are kept as lone surrogates.

    Attributes
    ----------
    held, at
        What has been read, and how far it is used.
    ended
        Nothing follows.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
        self.held, self.at, self.ended = "", 0, False
        self.more()
        self.at = self.held.startswith("\ufeff")

    def more(self) -> None:
        """Read on; what is used is given up."""
        raw = self._stream.read(_BLOCK)
        self.ended = not raw
        self.held = self.held[self.at :] + self._decoder.decode(raw, self.ended)
        self.at = 0

    def next_sign(self) -> str:
        """Skip white space and return the next sign without using it; empty at the end."""
        while True:
            self.at = _end(_SPACE, self.held, self.at)
            if self.at < len(self.held) or self.ended:
                return self.held[self.at : self.at + 1]
            self.more()


def _end(pattern: re.Pattern[str], text: str, at: int) -> int:
    found = pattern.match(text, at)
    return found.end() if found else at


def lines(stream: BinaryIO, start: Start) -> Iterator[Found]:
    """Yield the rows of a file with a JSON value on each line; empty lines are none."""
    text, found = _Text(stream), Found()
    while True:
        end = text.held.find("\n", text.at)
        if end < 0:
            if not text.ended and len(text.held) - text.at <= MOST_BYTES:
                text.more()
                continue
            if not text.ended:
                _line(found, _cut_long(text), start, long=True)
                continue
            end = len(text.held)
        line = text.held[text.at : end]
        text.at = min(end + 1, len(text.held))
        if line and not line.isspace():
            _line(found, line, start)
        elif text.ended and text.at == len(text.held):
            yield found
            return
        if len(found) >= _ROWS or (found.upto <= start.row and found.upto % _ROWS == 0):
            yield found
            found = Found(upto=found.upto)


def _line(found: Found, line: str, start: Start, long: bool = False) -> None:
    found.upto += 1
    if found.upto <= start.row:
        return
    if long or len(line) > MOST_BYTES:
        found.bad.append((found.upto, TOO_LONG, line[:KEPT_BYTES]))
        return
    try:
        found.rows.append((found.upto, line, read_object(line)))
    except NotARow as error:
        found.bad.append((found.upto, str(error), line))


def _cut_long(text: _Text) -> str:
    """Leave a line out that is too long; return its beginning."""
    head = text.held[text.at : text.at + KEPT_BYTES]
    while True:
        end = text.held.find("\n", text.at)
        text.at = end + 1 if end >= 0 else len(text.held)
        if end >= 0 or text.ended:
            return head
        text.more()


def array(stream: BinaryIO, path: tuple[str, ...], start: Start) -> Iterator[Found]:
    """Yield the rows of an array, at the end of a path of keys.

    Raises
    ------
    MappingWrong
        There is no array there.
    JsonBroken
        It does not go on as an array; all rows before have been yielded.
    """
    text, found = _Text(stream), Found()
    for key in path:
        _descend(text, key, path)
    if text.next_sign() != "[":
        raise _no_array(path, text.next_sign())
    text.at += 1
    if text.next_sign() == "]":
        yield found
        return
    while True:
        text.next_sign()
        whole = _element(text, found, start)
        sign = text.next_sign()
        if sign != ",":
            yield found
            if sign == "]" and whole:
                return
            raise _broken(found.upto, sign)
        text.at += 1
        if len(found) >= _ROWS or (found.upto <= start.row and found.upto % _ROWS == 0):
            yield found
            found = Found(upto=found.upto)


def _broken(row: int, sign: str) -> JsonBroken:
    if not sign:
        return JsonBroken(row=row, zh="文件到头了，数组没有结束", en="the file ends, the array does not")
    return JsonBroken(
        row=row, zh=f"遇到 {sign!r}，应是逗号或 ]", en=f"{sign!r} stands where a comma or ] should"
    )


def _element(text: _Text, found: Found, start: Start) -> bool:
    """Take one value of an array; return False if the file ends inside it, and then nothing is taken."""
    while True:
        reason, end = _decode(text, found.upto + 1, found, start)
        if end is None:
            closer = _Closer()
            end = closer.end(text.held, text.at)
            if end is None and not text.ended and len(text.held) - text.at <= MOST_BYTES:
                text.more()
                continue
            if end is None:
                return _skip_long(text, closer, found, start)
            if end == len(text.held) and not text.ended:
                text.more()
                continue
            if found.upto >= start.row:
                found.bad.append((found.upto + 1, reason, text.held[text.at : end][:MOST_BYTES]))
        found.upto += 1
        text.at = end
        return True


def _decode(text: _Text, number: int, found: Found, start: Start) -> tuple[str, int | None]:
    """Decode the value that begins here; return where it ends, or why it is no row and None."""
    try:
        value, end = DECODER.raw_decode(text.held, text.at)
        if end == len(text.held) and not text.ended:  # a number may go on
            return "", None
        if number <= start.row:
            return "", end
        if end - text.at > MOST_BYTES:
            found.bad.append((number, TOO_LONG, text.held[text.at : text.at + KEPT_BYTES]))
            return "", end
        raw = text.held[text.at : end]
        found.rows.append((number, raw, fit(value, raw)))
        return "", end
    except NotARow as error:
        return str(error), None
    except RecursionError:
        return "it is nested too deeply", None
    except ValueError as error:
        return f"it is not JSON: {getattr(error, 'msg', error)}", None


def _skip_long(text: _Text, closer: _Closer, found: Found, start: Start) -> bool:
    head = text.held[text.at : text.at + KEPT_BYTES]
    end: int | None = None
    while end is None:
        if text.ended:
            text.at = len(text.held)
            return False
        text.at = len(text.held)
        text.more()
        end = closer.end(text.held, 0)
    found.upto += 1
    if found.upto > start.row:
        found.bad.append((found.upto, TOO_LONG, head))
    text.at = end
    return True


class _Closer:
    """Finds where a JSON value ends, whatever is wrong inside it, over several pieces of text."""

    def __init__(self) -> None:
        self._depth, self._inside, self._escaped, self._begun, self._scalar = 0, False, False, False, False

    def end(self, text: str, at: int) -> int | None:
        """Return the place after the value; None if it goes on after this text."""
        if not self._begun and at < len(text):
            self._begun = True
            self._scalar = text[at] not in '{["'
        if self._scalar:
            found = _SCALAR_END.search(text, at)
            return found.start() if found else None
        while at < len(text):
            if self._escaped:
                self._escaped, at = False, at + 1
                continue
            found = (_INSIDE if self._inside else _OUTSIDE).search(text, at)
            if found is None:
                return None
            at, sign = found.end(), found[0]
            if sign == "\\":
                self._escaped = True
            elif sign == '"':
                self._inside = not self._inside
            else:
                self._depth += 1 if sign in "{[" else -1
            if not self._inside and not self._escaped and self._depth <= 0:
                return at
        return None


def _descend(text: _Text, key: str, path: tuple[str, ...]) -> None:
    """Go to the value of a key of the object that begins here."""
    sign, seen = text.next_sign(), list[str]()
    if sign != "{":
        raise _no_array(path, sign)
    while True:
        text.at += 1
        if text.next_sign() != '"':
            raise _no_array(path, text.next_sign(), key, seen)
        name = _key(text, path)
        seen.append(name)
        if text.next_sign() != ":":
            raise _no_array(path, text.next_sign())
        text.at += 1
        text.next_sign()
        if name == key:
            return
        _skip_value(text)
        if text.next_sign() != ",":
            raise _no_array(path, text.next_sign(), key, seen)


def _key(text: _Text, path: tuple[str, ...]) -> str:
    while True:
        try:
            name, text.at = DECODER.raw_decode(text.held, text.at)
            return str(name)
        except ValueError:
            if text.ended or len(text.held) - text.at > MOST_BYTES:
                raise _no_array(path, '"') from None
            text.more()


def _skip_value(text: _Text) -> None:
    closer = _Closer()
    while (end := closer.end(text.held, text.at)) is None and not text.ended:
        text.at = len(text.held)
        text.more()
    text.at = len(text.held) if end is None else end


def _no_array(path: tuple[str, ...], sign: str, key: str = "", seen: list[str] | None = None) -> Exception:
    if seen:
        hint = near(key, seen)
        return wrong("json.path", f"没有键 {key}；{hint.zh}", f"there is no key {key}; {hint.en}")
    where = ".".join(path)
    return wrong(
        "json.path",
        f'{where or "文件开头"} 不是数组（遇到 {sign!r}）；一行一个对象的文件写 format = "ndjson"，数组在对象里面就写 path',
        f"{where or 'the file'} is not an array but begins with {sign!r}; a file with an object on each line is "
        'format = "ndjson", and an array inside an object needs its path',
    )
