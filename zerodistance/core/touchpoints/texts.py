"""Encodings of text files: their names, reading them as UTF-8 in large blocks, guessing which one a file has."""

from __future__ import annotations

import codecs
import io
from typing import BinaryIO, cast

from zerodistance.core.touchpoints.toml_values import wrong

ENCODINGS: dict[str, tuple[str, ...]] = {
    "utf-8": ("utf8", "utf-8-sig", "unicode-1-1-utf-8"),
    "gb18030": ("gbk", "gb2312", "cp936", "ms936", "euc-cn", "windows-936"),
    "big5": ("big5-tw", "cp950", "ms950", "windows-950"),
    "big5-hkscs": ("big5hkscs",),
    "utf-16": ("utf16", "unicode"),
    "utf-16-le": ("utf-16le",),
    "utf-16-be": ("utf-16be",),
    "shift-jis": ("sjis", "cp932", "ms932", "windows-31j"),
    "euc-jp": ("eucjp",),
    "euc-kr": ("euckr", "cp949", "ms949", "uhc"),
    "latin-1": ("iso-8859-1", "latin1", "l1"),
    "iso-8859-15": ("latin-9",),
    "windows-1250": ("cp1250",),
    "windows-1251": ("cp1251",),
    "windows-1252": ("cp1252", "ansi"),
    "koi8-r": (),
}
"""Our name of each encoding -> other names it is known by. GBK is read as GB18030, which holds all of it."""

_CODECS = {
    "big5": "cp950", "shift-jis": "cp932", "euc-kr": "cp949", "windows-1250": "cp1250", "windows-1251": "cp1251",
    "windows-1252": "cp1252", "big5-hkscs": "big5hkscs", "euc-jp": "euc_jp", "koi8-r": "koi8_r", "iso-8859-15": "iso8859_15",
}  # fmt: skip
_NAMES = {other: name for name, others in ENCODINGS.items() for other in (name, *others)}
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_BLOCK = 1 << 20
_USUAL = {
    "gb18030": ((0xA1, 0xA3), (0xB0, 0xD7)),
    "big5": ((0xA1, 0xC6),),
    "shift-jis": ((0x81, 0x83), (0x88, 0x97)),
}
"""Encodings that are told apart by where their usual signs stand: first bytes of punctuation, kana and the first level of characters."""
_ENOUGH = 2_000  # own value: signs looked at


def encoding_named(given: str) -> str | None:
    """Return our name of an encoding, None if it is not read.

    Examples
    --------
    >>> encoding_named("GBK"), encoding_named("utf_8"), encoding_named("ebcdic")
    ('gb18030', 'utf-8', None)
    """
    return _NAMES.get(given.strip().lower().replace("_", "-").replace(" ", "-"))


class AsUtf8(io.RawIOBase):
    """Reads a text in some encoding as UTF-8; bytes that are no text come out as no UTF-8, so that only their row is refused.

    Attributes
    ----------
    sample
        The first bytes that were read, as they are in the file.
    """

    def __init__(self, stream: BinaryIO, encoding: str) -> None:
        super().__init__()
        self._stream, self._decoder = stream, _decoder(encoding)
        self._end = False
        self.sample = b""

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Return what the next `size` bytes or so say; nothing only at the end."""
        while not self._end:
            raw = self._stream.read(size)
            self._end = not raw
            self.sample = self.sample or raw
            try:
                text = self._decoder.decode(raw, self._end)
            except (
                UnicodeError
            ):  # what single bytes are wrong is said of their row; this is about the whole file
                raise wrong(
                    "encoding",
                    "文件开头没有字节序标记，不能按 utf-16 读；写 utf-16-le 或 utf-16-be",
                    "the file has no byte order mark and can't be read as utf-16; write utf-16-le or utf-16-be",
                ) from None
            if text:
                return text.encode("utf-8", "surrogatepass")
        return b""


def _decoder(encoding: str) -> codecs.IncrementalDecoder:
    return codecs.getincrementaldecoder(codec(encoding))(_errors(encoding))


def codec(encoding: str) -> str:
    """Return Python's name of an encoding."""
    return _CODECS.get(encoding, encoding)


def _errors(encoding: str) -> str:
    return "surrogatepass" if encoding.startswith("utf-16") else "surrogateescape"


def as_utf8(stream: BinaryIO, encoding: str) -> BinaryIO:
    """Return a stream of UTF-8; what it holds in place of bytes that are no text, `original` turns back."""
    return stream if encoding == "utf-8" else cast(BinaryIO, AsUtf8(stream, encoding))


def original(line: bytes, encoding: str) -> bytes:
    """Return the bytes that a line had in the file, where it is not UTF-8; else the line as it is."""
    if encoding == "utf-8":
        return line
    try:
        line.decode()
        return line
    except UnicodeDecodeError:
        name = "utf-16-le" if encoding == "utf-16" else codec(encoding)
        return line.decode("utf-8", "surrogatepass").encode(name, _errors(encoding))


def guess_encoding(sample: bytes, whole: bool = False) -> str | None:
    """Return the likeliest encoding of a text by its beginning; None if none fits.

    Parameters
    ----------
    whole
        The sample is the whole file, so its last sign is not cut.
    """
    for mark, name in _BOMS:
        if sample.startswith(mark):
            return name
    zeros = sample[:4_000]
    if zeros.count(0) > len(zeros) // 5:
        return "utf-16-le" if zeros[1::2].count(0) > zeros[0::2].count(0) else "utf-16-be"
    if decoded(sample, "utf-8", whole) is not None:
        return "utf-8"
    scored = []
    for place, name in enumerate(_USUAL):
        text = decoded(sample, name, whole)
        if text is not None:
            scored.append((_usual(text, name), -place, name))
    if scored and max(scored)[0] > 0.4:
        return max(scored)[2]
    if decoded(sample, "windows-1252", whole) is not None:
        return "windows-1252"
    return "latin-1" if not scored else max(scored)[2]


def decoded(sample: bytes, encoding: str, whole: bool) -> str | None:
    """Return a sample as text; None if it is not in this encoding."""
    decoder = codecs.getincrementaldecoder(codec(encoding))("strict")
    try:
        return decoder.decode(sample, whole)
    except (UnicodeDecodeError, UnicodeError):
        return None


def _usual(text: str, encoding: str) -> float:
    """Return which share of the signs beyond ASCII stands where an encoding keeps its usual ones."""
    signs = "".join([c for c in text if ord(c) > 127][:_ENOUGH])
    usual = _USUAL[encoding]
    leads = [sign.encode(codec(encoding))[0] for sign in signs]
    return sum(any(a <= lead <= b for a, b in usual) for lead in leads) / len(leads) if leads else 0.0
