"""Words that advertising may not use: lists as data, each with its source and date, and what of a text they find.

A list of the law ships with the program under `data/words/`; a home may change it or write its own, and each change is a version. A word that is
`forbidden` stops a template; one to `mind` is shown beside it.
"""

from __future__ import annotations

import json
import re
import tomllib
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any

from sqlalchemy import insert

from zerodistance.core.outreach import store
from zerodistance.core.outreach.contracts import PURPOSES, Purpose
from zerodistance.kernel import bulk, clock
from zerodistance.kernel.access import Permission, Who
from zerodistance.kernel.errors import Invalid, NotFound
from zerodistance.kernel.home import Home
from zerodistance.kernel.text import LANGS, Text

FORBIDDEN, MIND = "forbidden", "mind"
_KEY = re.compile(r"[a-z][a-z0-9_]{0,39}")
_LATIN = re.compile(r"[a-z]")
_GAPS = re.compile(r"[\s\u200b\u00b7*_.\-]+")
_MOST_WORDS = 5_000  # own value
_LONGEST = 60


@dataclass(frozen=True, slots=True)
class Entry:
    """One word.

    Attributes
    ----------
    word
        As it is written; upper and lower case, full and half width, and gaps between Chinese characters make no difference.
    weight
        `forbidden` or `mind`.
    unless
        Longer expressions in which it is meant otherwise.
    why
        What says so, if another than the list's source.
    """

    word: str
    weight: str = FORBIDDEN
    unless: tuple[str, ...] = ()
    why: str = ""


@dataclass(frozen=True, slots=True)
class WordList:
    """A list.

    Attributes
    ----------
    lang
        Of the texts that it reads; empty: of both.
    purposes
        Of the messages that it reads.
    source, as_of
        Where it comes from, and of when it is (ISO date).
    on
        Whether it is used.
    version, made_by, made_at
        0 and nobody: as it ships.
    """

    key: str
    name: Text
    lang: str
    source: str
    as_of: str
    entries: tuple[Entry, ...]
    purposes: tuple[str, ...] = (Purpose.MARKETING, Purpose.RESEARCH)
    on: bool = True
    version: int = 0
    made_by: str = ""
    made_at: int = 0


@dataclass(frozen=True, slots=True)
class Finding:
    """A word that was found.

    Attributes
    ----------
    word, weight, why
        As its entry says.
    source
        Key of the list.
    around
        What stands around it.
    """

    word: str
    weight: str
    why: str
    source: str
    around: str


class NoSuchList(NotFound):
    """There is no list of words with that key."""

    code = "no_such_word_list"
    text = Text("没有词表 {given}；有 {there}", "there is no list of words {given}; there are {there}")


@cache
def shipped() -> Mapping[str, WordList]:
    """Return the lists that ship with the program, by key."""
    folder = files(__package__).joinpath("data/words")
    found = {}
    for file in sorted(folder.iterdir(), key=lambda one: one.name):
        if file.name.endswith(".toml"):
            key = file.name.removesuffix(".toml")
            found[key] = of_dict(key, tomllib.loads(file.read_text(encoding="utf-8")))
    return found


def of_dict(key: str, said: Mapping[str, Any]) -> WordList:
    """Return a list from what TOML or JSON says: `name_zh`, `name_en`, `lang`, `source`, `as_of`, `words`; raises Invalid."""
    if not _KEY.fullmatch(key):
        raise _invalid(
            "key",
            key,
            "小写字母、数字和下划线，以字母开头",
            "lower-case letters, digits and _, a letter first",
        )
    lang = said.get("lang", "")
    if not isinstance(lang, str) or lang not in ("", *LANGS):
        raise _invalid("lang", lang, "zh、en 或空", "zh, en or nothing")
    given = said.get("purposes", [Purpose.MARKETING, Purpose.RESEARCH])
    purposes = tuple(given) if isinstance(given, list | tuple) else (given,)
    if not all(isinstance(one, str) and one in [*PURPOSES] for one in purposes):
        raise _invalid(
            "purposes", purposes, f"可用：{', '.join(PURPOSES)}", f"there are {', '.join(PURPOSES)}"
        )
    words = said.get("words", [])
    if not isinstance(words, list) or len(words) > _MOST_WORDS:
        raise _invalid("words", None, f"至多 {_MOST_WORDS} 个词", f"at most {_MOST_WORDS} words")
    name = Text(str(said.get("name_zh") or key), str(said.get("name_en") or key))
    return WordList(
        key, name, lang, str(said.get("source", ""))[:500], str(said.get("as_of", ""))[:10],
        tuple(_entry(one) for one in words), purposes, said.get("on", True) is not False,
    )  # fmt: skip


def _entry(said: Any) -> Entry:
    given = {"word": said} if isinstance(said, str) else said
    if (
        not isinstance(given, Mapping)
        or set(given) - set(Entry.__slots__)
        or not isinstance(given.get("word"), str)
    ):
        there = ", ".join(Entry.__slots__)
        raise _invalid("words", None, f"每个词写成文字，或 {{{there}}}", f"each is a text, or says {there}")
    word, weight = given["word"].strip(), given.get("weight", FORBIDDEN)
    unless = given.get("unless", [])
    if not isinstance(unless, list | tuple) or not all(
        isinstance(one, str) and folded(one) for one in unless
    ):
        raise _invalid("unless", None, "一组文字", "a list of texts")
    if not folded(word) or len(word) > _LONGEST:
        raise _invalid("word", word, f"1 至 {_LONGEST} 个字", f"1 to {_LONGEST} characters")
    if weight not in (FORBIDDEN, MIND):
        raise _invalid("weight", weight, "forbidden 或 mind", "forbidden or mind")
    return Entry(word, weight, tuple(unless), str(given.get("why", ""))[:200])


def as_dict(one: WordList) -> dict[str, Any]:
    """Return a list as `of_dict` reads it."""
    said = {
        "name_zh": one.name.zh,
        "name_en": one.name.en,
        "lang": one.lang,
        "source": one.source,
        "as_of": one.as_of,
    }
    return {
        **said,
        "purposes": list(one.purposes),
        "on": one.on,
        "words": [asdict(entry) for entry in one.entries],
    }


def lists(home: Home) -> tuple[WordList, ...]:
    """Return every list that there is, those of the home in the place of those shipped, by key."""
    sql = (
        "select key, version, said, made_by, made_at from outreach_word_list l where version = "
        "(select max(version) from outreach_word_list m where m.key = l.key)"
    )
    found = dict(shipped())
    with home.state.read() as tx:
        for key, version, said, made_by, made_at in bulk.rows(tx, sql):
            found[key] = _versioned(key, version, said, made_by, made_at)
    return tuple(found[key] for key in sorted(found))


@lru_cache(64)
def _versioned(key: str, version: int, said: str, made_by: str, made_at: int) -> WordList:
    one = of_dict(key, json.loads(said))
    return WordList(
        key,
        one.name,
        one.lang,
        one.source,
        one.as_of,
        one.entries,
        one.purposes,
        one.on,
        version,
        made_by,
        made_at,
    )


def show(home: Home, key: str) -> WordList:
    """Return one list; raises NoSuchList."""
    found = {one.key: one for one in lists(home)}
    if key not in found:
        raise NoSuchList(given=key, there=", ".join(found))
    return found[key]


def save(home: Home, who: Who, key: str, said: Mapping[str, Any]) -> WordList:
    """Save a list, or a new version of one; needs MANAGE_OUTREACH.

    Raises
    ------
    Invalid
        Names what is wrong with it.
    """
    who.need(Permission.MANAGE_OUTREACH)
    made = of_dict(key, said)
    with home.state.write() as tx:
        last = bulk.value(tx, "select max(version) from outreach_word_list where key = ?", (key,)) or 0
        row = {"key": key, "version": last + 1, "said": json.dumps(as_dict(made), ensure_ascii=False)}
        tx.execute(insert(store.word_list).values(**row, made_by=who.name, made_at=clock.micros()))
    return show(home, key)


def folded(text: str) -> str:
    """Return a text without what makes no difference.

    Examples
    --------
    >>> folded("最 佳"), folded("ＢＥＳＴ  buy")
    ('最佳', 'best buy')
    """
    plain = unicodedata.normalize("NFKC", text).casefold().strip()
    return re.sub(r"\s+", " ", plain) if _LATIN.search(plain) else _GAPS.sub("", plain)


@lru_cache(16_384)
def _pattern(word: str) -> re.Pattern[str]:
    plain = folded(word)
    if _LATIN.search(plain):
        body = r"\s+".join(map(re.escape, plain.split()))
        return re.compile(
            rf"(?<![a-z0-9]){body}(?![a-z0-9])" if plain[-1].isalnum() else rf"(?<![a-z0-9]){body}"
        )
    return re.compile(_GAPS.pattern.replace("+", "*").join(map(re.escape, plain)))


def find(text: str, lists: Sequence[WordList], lang: str, purpose: str) -> list[Finding]:
    """Return the words of some lists that a text uses, the forbidden first."""
    plain = "".join(
        c for c in unicodedata.normalize("NFKC", text).casefold() if unicodedata.category(c) != "Cf"
    )
    found = []
    for one in lists:
        if not one.on or one.lang not in ("", lang) or purpose not in one.purposes:
            continue
        for entry in one.entries:
            spared = [hit.span() for other in entry.unless for hit in _pattern(other).finditer(plain)]
            for hit in _pattern(entry.word).finditer(plain):
                if not any(low <= hit.start() and hit.end() <= high for low, high in spared):
                    around = plain[max(0, hit.start() - 10) : hit.end() + 10].replace("\n", " ")
                    found.append(Finding(entry.word, entry.weight, entry.why or one.source, one.key, around))
                    break
    return sorted(found, key=lambda one: one.weight != FORBIDDEN)


def _invalid(name: str, given: object, zh: str, en: str) -> Invalid:
    return Invalid(field=name, given=given, why=Text(zh, en))
