"""Addresses outside China, as they are written in one line or in columns: street, house, flat, town, region and postcode in small Latin letters. Pure.

A line is cut at its commas; what each piece is says the country's convention (`postal`): where its postcode stands, what its regions are called, whether the
house number leads or follows. Words that people shorten are written out. Nothing is looked up but names of countries and regions.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Final

from zerodistance.core.identity import postal
from zerodistance.core.identity.addresses_east import HANGUL, is_japanese, japanese, korean
from zerodistance.core.identity.postal import LONGEST, Abroad, latin, one_word, words

__all__ = ["columns", "is_japanese", "line", "words"]
_REMEMBERED: Final = 65_536


def _pairs(*lines: str) -> dict[str, str]:
    return {word: full for line in lines for word, _, full in (pair.partition("=") for pair in line.split())}


_ANYWHERE = _pairs(
    "str=strasse st=street rd=road ave=avenue av=avenue dr=drive ln=lane ct=court crt=court pl=place cres=crescent cr=crescent blvd=boulevard",
    "bd=boulevard boul=boulevard hwy=highway pde=parade tce=terrace ter=terrace cct=circuit sq=square cl=close pkwy=parkway pky=parkway ste=sainte",
)
"""What people shorten a word of a street to that is not its first -> the word."""
_FIRST = _pairs(
    "r=rue av=avenue ave=avenue bd=boulevard bld=boulevard blvd=boulevard boul=boulevard pl=place imp=impasse rte=route ch=chemin chem=chemin all=allee",
    "sq=square fbg=faubourg c=calle cl=calle avda=avenida avd=avenida pza=plaza plz=plaza ps=paseo pso=paseo ctra=carretera cno=camino",
    "v=via vle=viale cso=corso pzza=piazza lgo=largo trav=travessa st=saint",
    "ul= ulitsa= ulica= pr=prospekt prt=prospekt prosp=prospekt per=pereulok nab=naberezhnaya sh=shosse br=bulvar duong= so= pho=",
)
"""The same for the first word, which says the kind of street in Romance and Slavic languages; nothing: it is left out as often as not."""
_ROMANCE = frozenset(
    "rue avenue boulevard place impasse route chemin allee square faubourg quai calle avenida plaza paseo carretera camino ronda via viale corso piazza"
    " largo rua travessa praca".split()
)
"""Kinds of streets behind which small words come and go."""
_LEFT_OUT = frozenset("ul ulitsa ulica".split())
_SMALL = frozenset("de la le les du des d l del los las el da do dos das di della dello delle".split())
_UNIT = re.compile(
    r"(?<!\w)(?:apartment|apto|apt|appartement|appt|app|unit|flat|suite|ste|room|rm|wohnung|whg|top|puerta|pta|depto|dpto|interno|int|lokal|lok|m(?=\. ?\d)"
    r"|квартира|кв|офис|оф|căn hộ|căn|phòng|#|№)[.:]?\s*([A-Za-z]?-?\d+[A-Za-z]?)(?!\w)",
    re.IGNORECASE,
)
_FLOOR = re.compile(  # Spain: 3º B
    r"(?<!\w)(\d{1,2})\s?(?:[°o](?:\s?(izq|dcha|der|[A-Z])(?![a-z])\.?)|°)(?!\w)|(?<!\w)(bajo|ático)\s?([A-Z])?(?!\w)",
    re.IGNORECASE,
)
_NUMBER = r"\d{1,5}(?:\s?(?:bis|ter|quater)\b|[A-Za-z]\b)?(?:\s?[-/]\s?\d{1,4}[A-Za-z]?)*"
_NO = r"(?:(?:n[º°o]?|nr|д|дом|số)(?:\.\s?|\s))?"
_LEADS = re.compile(rf"{_NO}({_NUMBER})(?:\s*,\s*|\s+)(?=\D|\d+(?:st|nd|rd|th)\b)", re.IGNORECASE)
_FOLLOWS = re.compile(rf"(?<=\D)[\s,]+{_NO}({_NUMBER}(?:\s[A-Za-z])?)$", re.IGNORECASE)
_ALONE = re.compile(rf"{_NO}({_NUMBER}(?:\s[A-Za-z])?)", re.IGNORECASE)
_KINDS_EN = re.compile(
    r"\b(?:street|st|road|rd|avenue|ave|drive|dr|lane|ln|court|ct|place|pl|boulevard|blvd|way|terrace|close|square|highway|hwy)\b\.?\s+(?=[A-Z])",
    re.IGNORECASE,
)
# What a piece says itself to be, in Russian, Vietnamese, Spanish, Polish.
_SAYS = (
    (
        "locality",
        r"(?:г\.?|гор\.?|город|пос\.?|пгт|с\.|дер\.|quận|quan(?=\s\d)|huyện|huyen|q\.|district)\s+(?=\S)|^q\.?(?=\d)",
    ),
    ("town", r"(?:tp\.?|t\.p\.?|thành phố|thanh pho|tỉnh)\s*(?=\S)"),
    (
        "ward",
        r"(?:p\.\s*|phường\s|phuong\s(?=\d)|xã\s|р-н\s|мкр\.?\s|микрорайон\s)(?=\S)|\S+\s(?:р-н|район)$",
    ),
    ("building", r"(?:к|корп|корпус|стр|строение)\.?\s*(?=\d)"),
)
_SAID = tuple((part, re.compile(form, re.IGNORECASE)) for part, form in _SAYS)
_OBLAST = re.compile(r"(?:обл|область|край|респ|республика|ао)\b", re.IGNORECASE)


@lru_cache(maxsize=_REMEMBERED)
def line(address: str, country: str = "CN") -> Abroad:
    """Return the parts of an address in one line.

    Parameters
    ----------
    country
        ISO 3166 code of the country whose conventions hold where the address names none.

    Examples
    --------
    >>> line("Hauptstr. 5a, 10115 Berlin", "DE")
    Abroad(street='hauptstrasse', house='5a', extra='', locality='berlin', region='', postcode='10115')
    >>> line("12 Main St Apt 4B, Springfield, Illinois 62701, USA") == line("12 Main Street #4b, Springfield IL 62701", "US")
    True
    """
    text = unicodedata.normalize(
        "NFKC", address[:LONGEST].replace("\n", ",").replace(";", ",").replace("º", "°").replace("ª", "°")
    )
    if is_japanese(text):
        return japanese(text)
    if HANGUL.search(text):
        return korean(text)
    return _cut(text.replace(" - ", ","), country)


def columns(
    street: str, house: str, extra: str, locality: str, region: str, postcode: str, country: str = "CN"
) -> Abroad:
    """Return the parts of an address that stands in columns, cleaned as those of a line.

    Examples
    --------
    >>> columns("Rue de la Paix 12 bis", "", "", "Paris", "", "75002", "FR") == line("12 bis, rue de la Paix, 75002 Paris", "FR")
    True
    """
    if street and not house:
        street, house = _housed(street)
    elif house:
        street = "" if one_word(street) == one_word(house) else street
    return Abroad(
        _street(street), _house(house), words(extra), _town(locality), postal.region(region, country) if region else "",
        one_word(_PLUS_FOUR.sub("", postcode.removesuffix(".0"))),
    )  # fmt: skip


_PLUS_FOUR = re.compile(r"(?<=^\d{5})-\d{4}$")  # the United States


def _house(number: str) -> str:
    """Return a house number: 12 bis and 12bis are one, 12-14 and 1214 are not."""
    return re.sub(r"(?<=\d) (?=[a-z])", "", words(number.removesuffix(".0"))).lstrip("0")


def _town(text: str) -> str:
    return " ".join(_folded(word) for word in words(text).split())


def _folded(word: str) -> str:
    """Return a word with ae, oe and ue as ä, ö and ü are written without marks: Köln, Koeln."""
    return re.sub("(?:(?<=[ao])|(?<=[^aeiouqg]u))e(?=[bcdfghklmnprstvwxz])", "", word)


def _street(text: str) -> str:
    first, *rest = words(
        re.sub(
            r"(?<=\b[cv])/|º|°|(?<=[a-z])[-.](?=[a-z]{1,2}\b)",
            lambda m: " " if m[0] == "/" else "",
            latin(text),
        )
    ).split() or [""]
    if not rest and first:
        return _compound(_folded(first))
    kind = _FIRST.get(first, first)
    said = [kind, *(_ANYWHERE.get(word, word) for word in rest)]
    small = _SMALL | _LEFT_OUT if kind in _ROMANCE else _LEFT_OUT
    return " ".join(_compound(_folded(word)) for word in said if word and word not in small)


def _compound(word: str) -> str:
    """Return a German word for a street written out: Hauptstr, Schlosspl."""
    return word + "asse" if len(word) > 5 and word.endswith("str") else word


def _housed(street: str) -> tuple[str, str]:
    """Return a street and its house number, which leads or follows."""
    text = street.strip(" ,")
    if (led := _LEADS.match(text)) is not None:
        return text[led.end() :], led[1]
    if (follows := _FOLLOWS.search(text)) is not None:
        return text[: follows.start()], follows[1]
    return text, ""


def _cut(text: str, country: str) -> Abroad:
    extra, text = _flat(text)
    pieces = [piece.strip(" .") for piece in text.split(",") if piece.strip(" .")]
    if len(pieces) > 1 and (code := postal.named(pieces[-1])):
        country = code
        pieces.pop()
    found: dict[str, str] = {"extra": extra}
    pieces = [piece for piece in pieces if not _says_itself(piece, found)]
    postcode, at, before, after = _postcode(pieces, country)
    if at is not None:
        town = after or before
        rest = [before] if after and before and at == 0 else []
        pieces[at : at + 1] = [*rest, town] if town else []
    street, pieces = _line_of_street(pieces, found, country)
    return columns(
        street, found.get("house", ""), found["extra"], *_where(pieces, found, country), postcode, country
    )


def _flat(text: str) -> tuple[str, str]:
    """Return the flat, and the text without it."""
    for form in (_UNIT, _FLOOR):
        if (found := form.search(text)) is not None and found.start() > 0:
            return " ".join(part for part in found.groups() if part), text[: found.start()] + "," + text[
                found.end() :
            ]
    led = re.match(
        r"(?:flat|apt|apartment|unit|suite)\.?\s+([A-Za-z]?\d+[A-Za-z]?)[\s,]+(?=\d)", text, re.IGNORECASE
    )
    return ("", text) if led is None else (led[1], text[led.end() :])


def _says_itself(piece: str, found: dict[str, str]) -> bool:
    """Keep a piece that says what it is, and say whether it did."""
    if _OBLAST.search(piece):
        found.setdefault("region", piece)
        return True
    for part, form in _SAID:
        if (led := form.match(piece)) is not None:
            if part != "ward":
                found.setdefault(part, piece[led.end() :])
            return True
    return False


def _postcode(pieces: list[str], country: str) -> tuple[str, int | None, str, str]:
    """Return the postcode, the piece that it stands in, and what stands there before and behind it."""
    for form in postal.postcodes(country):
        for at in range(len(pieces) - 1, -1, -1):
            found = list(form.finditer(pieces[at]))
            if found and (at > 0 or found[-1].start() > 0 or len(found[-1][1]) > 5):
                one = found[-1]
                return (
                    one[1],
                    at,
                    pieces[at][: one.start()].strip(" ,-("),
                    pieces[at][one.end() :].strip(" ,-"),
                )
    return "", None, "", ""


def _line_of_street(pieces: list[str], found: dict[str, str], country: str) -> tuple[str, list[str]]:
    """Return the piece with the street, its number put into `found`, and the pieces behind it."""
    if not pieces:
        return "", []
    street, rest = pieces[0], pieces[1:]
    if rest and _ALONE.fullmatch(street):
        found["house"], street, rest = _number(street), rest[0], rest[1:]
    elif rest and (alone := _ALONE.fullmatch(rest[0])) is not None:
        found["house"], rest = alone[1], rest[1:]
    elif (
        rest
        and (at := next((n for n, piece in enumerate(pieces) if n and _is_street(piece)), 0))
        and not _housed(street)[1]
    ):
        street, rest = pieces[at], pieces[:at] + pieces[at + 1 :]  # the town stands first
        if len(rest) > at and (alone := _ALONE.fullmatch(rest[at])) is not None:
            found["house"] = alone[1]
            rest.pop(at)
    elif (
        rest
        and not _housed(street)[1]
        and _KINDS_EN.search(rest[0] + " X")
        and not _KINDS_EN.search(street + " X")
    ):
        found["extra"], street, rest = found.get("extra") or street, rest[0], rest[1:]  # a house with a name
    elif not rest and (kind := list(_KINDS_EN.finditer(street))):
        street, rest = street[: kind[-1].end()], [street[kind[-1].end() :]]
    if not found.get("house"):
        street, found["house"] = _housed(street)
    if country == "RU" and not found["extra"] and (flat := re.fullmatch(r"(\d+\w?)-(\d+)", found["house"])):
        found["house"], found["extra"] = flat.groups()
    if found.get("building"):
        found["house"] += " " + found["building"]
    return street, rest


def _number(text: str) -> str:
    alone = _ALONE.fullmatch(text)
    return alone[1] if alone is not None else ""


def _is_street(piece: str) -> bool:
    return _STREET_RU.match(piece) is not None


_KINDS_RU = "ул|улица|пр-?т|просп|проспект|пер|переулок|наб|ш|шоссе|б-р|бульвар|пл|площадь"
_STREET_RU = re.compile(rf"(?:{_KINDS_RU})\b|\S+ (?:{_KINDS_RU})\b", re.IGNORECASE)


def _where(pieces: list[str], found: dict[str, str], country: str) -> tuple[str, str]:
    """Return locality and region of the pieces behind the street."""
    aside = [
        said
        for piece in pieces
        for said in re.findall(r"\(([^)]*)\)", piece)
        if postal.is_region(said, country)
    ]
    pieces = [bare for piece in pieces if (bare := re.sub(r"\s*\([^)]*\)?", "", piece).strip())]
    region, locality, town = (found.get(part, "") for part in ("region", "locality", "town"))
    if aside and len(aside[0]) < 4:  # Milano (MI)
        region = region or aside[0]
    if town:  # in Vietnam a district goes before it
        region, locality = (region or town, locality) if locality else (region, town)
    if pieces and not region:
        *ahead, last = pieces[-1].rsplit(" ", 1)
        for one in (pieces[-1], *(" ".join(pieces[-1].split()[-n:]) for n in (3, 2))):
            if any(postal.is_region(one, code) for code in (country, "US", "AU", "CA")) and (
                len(pieces) > 1 or one != pieces[-1]
            ):
                region, pieces = one, [*pieces[:-1], *filter(None, [pieces[-1].removesuffix(one).strip()])]
                break
        else:
            if (
                ahead
                and last.isupper()
                and len(last) < 4
                and any(postal.is_region(last, code) for code in (country, "US", "AU", "CA", "IT"))
            ):
                region, pieces = last, [*pieces[:-1], ahead[0]]
            elif len(pieces) > 1:
                region, pieces = pieces[-1], pieces[:-1]
    return locality or (pieces[0] if pieces else ""), region
