"""Cleaning of identifiers: one clean spelling for each, and the values that identify nobody. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import phonenumbers
from phonenumbers import NumberParseException, ValidationResult

from zerodistance.core.identity.languages import language
from zerodistance.core.identity.names_east import HANGUL, korean
from zerodistance.core.identity.names_west import plain_words

LONGEST = 512  # characters of an identifier; longer ones are documents, not names (own value)


@dataclass(frozen=True, slots=True)
class Dropped:
    """Why a value identifies nobody: `blocked` (a placeholder) or `invalid` (not what it claims to be)."""

    guard: str


BLOCKED: Final = Dropped("blocked")
INVALID: Final = Dropped("invalid")


def _words(*lines: str) -> frozenset[str]:
    return frozenset(word for line in lines for word in line.split())


# What programs and people write when there is nothing to write; compared without case and surrounding space.
PLACEHOLDERS = _words(
    "null (null) <null> nil none nan n/a na undefined unknown unspecified not_set (not-set) default empty blank false true",
    "anonymous anon guest visitor user username userid user_id unidentified [object-object] {} [] -1 0 - -- .",
    "空 无 没有 未知 匿名 游客 访客 暂无 测试 空值",
) | {"", "[object object]", "not set", "(not set)", "not available"}

# Origins: the IMEI and number pad in their order; the ANDROID_ID that every device of an Android 2.2 series shared; the
# MAC address that iOS answers since version 7.
KNOWN_FAKES = frozenset({
    "012345678912345", "123456789012345", "0123456789", "1234567890", "12345678901", "123456789", "12345678", "1234567", "123456",
    "9774d56d682e549c", "02:00:00:00:00:00", "020000000000",
})  # fmt: skip

# Numbers from manuals, SMS gateways' examples and counter staff who have to fill the field.
TEST_PHONES = frozenset({
    "13800138000", "13800000000", "13900000000", "13912345678", "13812345678", "13612345678", "15012345678",
    "18612345678", "18812345678", "12345678901", "12345678910", "10000000000", "11111111111", "13700000000",
    "15800000000", "18600000000", "18800000000", "13888888888", "18888888888", "13666666666", "13999999999",
    "13111111111", "13333333333", "15555555555", "16666666666", "17777777777", "19999999999", "13000000000",
})  # fmt: skip
TEST_EMAILS = _words(
    "test@test.com test@example.com test@qq.com test@163.com test@gmail.com a@a.com a@b.com aaa@aaa.com abc@abc.com",
    "123@qq.com 123@163.com 123456@qq.com 1@1.com 1@qq.com 11@qq.com 111@qq.com xxx@xxx.com xx@xx.com email@email.com",
    "user@domain.com name@domain.com asdf@asdf.com",
)
NOBODYS_MAILBOX = _words(
    "noreply no-reply donotreply do-not-reply none null na nil undefined unknown anonymous guest noemail no-email nomail"
)

_ZEROS = "0 -_.,:;/|#*+(){}[]<>'\"\\"
_ONE_CHARACTER = re.compile(r"[\W_]*([0-9a-z])(?:[\W_]*\1){10,}[\W_]*", re.ASCII)
_PHONE_NOISE = re.compile(r"[\s\-().·\u2010-\u2015]+")
_MAIL = re.compile(r"[^\s@\"(),:;<>\[\\\]]{1,64}@(?:[\w](?:[\w-]{0,61}[\w])?\.)+[^\W\d_][\w-]{0,61}[^\W_]")

# Mobile numbers of the home country that need no library: country -> (pattern after noise is gone, calling code).
# Source for CN: the numbering plan of the MIIT, 11 digits from 13 to 19.
_MOBILE: dict[str, tuple[re.Pattern[str], str]] = {
    "CN": (re.compile(r"(?:\+?86|0086)?0?(1[3-9]\d{9})", re.ASCII), "+86"),
}

_NOTHING = re.compile(r"(?!)")
Clean = str | Dropped


def blocked(value: str) -> bool:
    """Say whether a value is a placeholder in any namespace.

    Examples
    --------
    >>> [blocked(v) for v in ("NULL", " -1 ", "00000000-0000-0000-0000-000000000000", "u-1")]
    [True, True, True, False]
    """
    low = value.strip().casefold()
    if low in PLACEHOLDERS or low in KNOWN_FAKES or not low.strip(_ZEROS):
        return True
    return low[0] == low[-1] and _ONE_CHARACTER.fullmatch(low) is not None


def plain(value: str) -> Clean:
    """Clean an id that somebody else gave out: never cut or rewritten, only surrounding space goes."""
    trimmed = value.strip()
    if blocked(trimmed):
        return BLOCKED
    if len(trimmed) > LONGEST or not trimmed.isprintable():
        return INVALID
    return trimmed


def email(value: str) -> Clean:
    """Clean an e-mail address: trimmed and lower case.

    Examples
    --------
    >>> email("  Wang.Wei@Example.COM ")
    'wang.wei@example.com'
    """
    low = unicodedata.normalize("NFKC", value).strip().lower().removeprefix("mailto:")
    if low in PLACEHOLDERS or low in TEST_EMAILS or low.partition("@")[0] in NOBODYS_MAILBOX:
        return BLOCKED
    if len(low) > 254 or _MAIL.fullmatch(low) is None or ".." in low or low[0] == "." or ".@" in low:
        return INVALID
    return low


def phone(value: str, country: str = "CN") -> Clean:
    """Clean a phone number to E.164; without a country code it is read as one of `country`.

    Examples
    --------
    >>> phone("0086 138-1234-8001"), phone("(0532) 8893 1234"), phone("+44 20 7946 0958")
    ('+8613812348001', '+8653288931234', '+442079460958')
    """
    mobile, code = _MOBILE.get(country, (_NOTHING, ""))
    found, bare = mobile.fullmatch(value), value  # as most are: there is nothing to take away
    if found is None:
        bare = _PHONE_NOISE.sub("", unicodedata.normalize("NFKC", value))
        found = mobile.fullmatch(bare)
    if found is not None:
        national = found.group(1)
        return BLOCKED if national in TEST_PHONES or _junk(national) else code + national
    if blocked(bare) or bare in TEST_PHONES or _junk(bare.lstrip("+")):
        return BLOCKED
    return _by_library(bare, country)


def _junk(digits: str) -> bool:
    """Say whether somebody only leaned on one key: the last eight digits are all the same."""
    return len(digits) >= 8 and len(set(digits[-8:])) == 1


@lru_cache(maxsize=16_384)
def _by_library(bare: str, country: str) -> Clean:
    if bare.startswith("00"):
        bare = "+" + bare[2:]
    try:
        number = phonenumbers.parse(bare, country)
    except NumberParseException:
        return INVALID
    possible = phonenumbers.is_possible_number_with_reason(number) == ValidationResult.IS_POSSIBLE
    # A number with its country code says itself what it is; one without must be a number of the home country.
    if not possible or not (bare.startswith("+") or phonenumbers.is_valid_number(number)):
        return INVALID
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def cleaner(namespace: str, country: str) -> Callable[[str], Clean]:
    """Return the function that cleans values of `namespace` for a brand at home in `country`.

    Raises
    ------
    KeyError
        There is no such namespace.
    """
    if namespace == "phone":
        return lambda value: phone(value, country)
    return _CLEANERS[namespace]


_CLEANERS: dict[str, Callable[[str], Clean]] = {
    "member_id": plain,
    "user_id": plain,
    "openid": plain,
    "email": email,
    "record": plain,
    "mention": str,  # made here, never given
    "device_id": plain,
    "anonymous_id": plain,
}


def birth_year(value: str) -> str | None:
    """Return the year of a birthday as people write it, None if there is none from 1900 on.

    Examples
    --------
    >>> birth_year("1987-03-02"), birth_year("1987年3月"), birth_year("02/03/1987"), birth_year("soon")
    ('1987', '1987', '1987', None)
    """
    found = re.search(r"(?<!\d)(19\d\d|20\d\d)(?=\d{4}(?!\d)|\D|$)", value)
    return found.group(1) if found else None


# Surnames of two characters, from the list of the Ministry of Public Security's reports and the Hundred Family Surnames.
COMPOUND = frozenset(
    "欧阳 上官 司马 司徒 诸葛 皇甫 尉迟 夏侯 东方 令狐 慕容 公孙 宇文 长孙 端木 百里 南宫 独孤 轩辕 呼延 澹台 公冶 宗政 濮阳 淳于 单于 太叔 申屠"
    " 仲孙 钟离 闾丘 赫连 拓跋 万俟 闻人 第五 西门 东郭 南门 左丘 梁丘 谷梁 段干 宰父 乐正 漆雕 壤驷 公良 巫马 颛孙 亓官 司寇 司空 鲜于 达奚 哥舒 纳兰"
    " 歐陽 司馬 諸葛 尉遲 東方 公孫 長孫 南宮 獨孤 軒轅 呼延 澹臺 濮陽 單于 鍾離 閭丘 赫連 聞人 東郭 左丘 顓孫 鮮于 達奚 納蘭".split()
)
_TITLE = re.compile("(?:先生|女士|小姐|太太|夫人|师傅|老师|阿姨|经理|老板|同志|大姐|大哥)$")
_NAMELESS = _words(
    "test tester testing demo customer sir madam mr mrs ms",
    "测试用户 用户 客户 顾客 散客 会员 本人 收货人 用户本人 业主 住户 同上 不详 先生 女士 小姐",
)
_HAN = re.compile(r"[\u3400-\u9fff]")
_UNSPOKEN = re.compile(r"[\W\d_]+")


@lru_cache(maxsize=65_536)
def name_parts(value: str) -> tuple[str, str]:
    """Return one spelling for a whole name, the same for equal names only, and its surname; empty where a part is not known.

    It tells names under one phone apart as they come in. Names that are written otherwise and sound alike are left to the matcher.

    Examples
    --------
    >>> name_parts("王 伟"), name_parts("王伟先生"), name_parts("欧阳女士"), name_parts("Wei WANG") == name_parts("Wang, Wei")
    (('王伟', '王'), ('王伟', '王'), ('', '欧阳'), True)
    >>> name_parts("Dr. Jürgen Müller") == name_parts("Mueller, Juergen"), name_parts("김민수") == name_parts("Kim Min-su")
    (True, True)
    >>> [name_parts(v) for v in ("王*", "匿名", "Wang", "")]
    [('', '王'), ('', ''), ('', ''), ('', '')]
    """
    text = unicodedata.normalize("NFKC", value).strip().casefold()
    if len(text) > LONGEST or text in _NAMELESS or blocked(text):
        return "", ""
    hidden = "*" in text or "?" in text
    if _HAN.search(text):
        bare = _TITLE.sub("", _UNSPOKEN.sub("", text))
        if not bare or bare in _NAMELESS or blocked(bare):
            return "", ""
        surname = bare[:2] if bare[:2] in COMPOUND else bare[:1]
        return ("" if hidden or len(bare) <= len(surname) else bare), surname
    if _NAMELESS.intersection(_UNSPOKEN.sub(" ", text).split()):
        return "", ""
    words = sorted(korean(text)) if HANGUL.search(text) else sorted(plain_words(text))
    key = "" if hidden or len(words) < 2 or not all(words) else " ".join(words)
    return key, key


_GENDERS = {
    **dict.fromkeys(
        _words(
            "m male man 男 男性 先生 1 mr herr männlich mann homme masculin masculino maschio hombre муж муж. мужской м 남 남자 남성 nam"
        ),
        "male",
    ),
    **dict.fromkeys(
        _words(
            "f female woman 女 女性 女士 小姐 2 mrs ms miss frau weiblich w femme féminin femenino feminino femmina mujer жен жен. женский ж 여 여자 여성 nữ nu"
        ),
        "female",
    ),
}


def gender(value: str) -> str | None:
    """Return `male` or `female`; None if it says neither. `1` and `2` are read as GB/T 2261.1 has them.

    Examples
    --------
    >>> gender("女"), gender("Male"), gender("weiblich"), gender("?")
    ('female', 'male', 'female', None)
    """
    return _GENDERS.get(value.strip().casefold())


def published(field: str, value: str) -> tuple[str, str] | None:
    """Return what other rooms may know of a personal field, as (fact, value); None: it stays in the vault.

    Examples
    --------
    >>> published("birthday", "1987-03-02"), published("city", " 青岛 "), published("name", "王小明"), published("language", "zh-CN")
    (('birth_year', '1987'), ('city', '青岛'), None, ('language', 'zh'))
    """
    if field in ("birthday", "birth_date", "birth_year"):
        year = birth_year(value)
        return ("birth_year", year) if year else None
    if field == "gender":
        sex = gender(value)
        return ("gender", sex) if sex else None
    if field == "language":
        code = language(value)
        return ("language", code) if code else None
    if field in ("area", "city", "country", "community", "place"):
        trimmed = value.strip()
        return (field, trimmed) if trimmed and not blocked(trimmed) else None
    return None
