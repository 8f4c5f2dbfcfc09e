"""Names of people as they are written, cleaned into parts that can be compared: surname and given name by their sound. Pure.

Chinese names are split at the surname and read as toneless pinyin, so that 王伟, 王玮 and `Wang Wei` sound alike; Western ones are turned into given name
and surname (`names_west`); Japanese and Korean ones are cut where the surname ends (`names_east`). What is no person's name (a test value, a shop) is None.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from anyascii import anyascii
from pypinyin import lazy_pinyin

from zerodistance.core.identity.cleaning import COMPOUND
from zerodistance.core.identity.names_east import HANGUL, KANA, japanese, korean
from zerodistance.core.identity.names_west import parted

LONGEST: Final = 80  # characters; longer ones are texts, not names (own value)


@dataclass(frozen=True, slots=True)
class PersonName:
    """A name in parts.

    Attributes
    ----------
    written
        As it is written, without titles and spaces in it (Chinese), or in small letters (others); empty where only a surname is known.
    surname, given
        Their sound in small Latin letters without marks; empty: not known.
    sex
        `female` or `male` if a title or a patronymic says so; empty: none does.
    cut
        Characters of the surname in `written`, where it stands before the given name.
    """

    written: str
    surname: str
    given: str
    sex: str = ""
    cut: int = 0

    @property
    def whole(self) -> bool:
        """Whether surname and given name are known."""
        return bool(self.surname and self.given)


_FEMALE = ("女士", "小姐", "太太", "阿姨", "大姐", "大妈", "夫人")
_MALE = ("先生", "师傅", "大哥", "大爷", "叔叔", "大叔")
TITLES = (*_FEMALE, *_MALE, "老师", "经理", "医生", "大夫", "老板", "主任", "同志", "总")
"""Words after a name that are no part of it."""
_NOBODY = frozenset(
    "测试 测试用户 测试员 无 无名 没有 未知 不详 匿名 顾客 客户 用户 散客 会员 本人 收货人 用户本人 同上 业主 住户 张三 李四 王五 某某"
    " test tester testing demo none null nan n/a na unknown anonymous guest user customer nobody asdf abc aaa xxx".split()
)
_FIRMS = re.compile(
    "公司|有限|商店|商场|商行|电器|家电|门市|专卖|超市|酒店|宾馆|中心|学校|医院|物业|工厂|代理|经销|维修|服务部"
)
# Characters that sound otherwise as a surname.
_AS_SURNAME = {
    "单": "shan", "曾": "zeng", "解": "xie", "查": "zha", "仇": "qiu", "区": "ou", "朴": "piao", "任": "ren", "华": "hua", "盖": "ge", "乐": "yue",
    "尉": "wei", "缪": "miao", "员": "yun", "召": "shao", "秘": "bi", "折": "she", "黑": "he", "重": "chong", "种": "chong", "繁": "po", "翟": "zhai",
    "覃": "qin", "宁": "ning", "洗": "xian", "冼": "xian", "逄": "pang", "牟": "mu", "葛": "ge", "哈": "ha", "尉迟": "yuchi", "单于": "chanyu",
    "万俟": "moqi", "澹台": "tantai", "鲜于": "xianyu", "令狐": "linghu", "长孙": "zhangsun", "亓官": "qiguan", "闾丘": "lvqiu", "吕": "lv",
}  # fmt: skip
_SPACE = re.compile(r"\s+")
_ASIDE = re.compile(r"[(（\[【<《].*?[)）\]】>》]")
_NOISE = re.compile(r"[0-9+#_=|/\\:;!?。，、！？：；~～^$%&@\"“”]+")
_HAN_CLASS = r"\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff\u3007\u3005"  # with 〇 and 々
_HAN = re.compile(f"[{_HAN_CLASS}]")
_HAN_ONLY = re.compile(rf"[{_HAN_CLASS}·*?]+")
_DOTS = dict.fromkeys(map(ord, "•・‧∙⋅．.｡"), "·")


def person_name(value: str, country: str = "CN") -> PersonName | None:
    """Return the parts of a name; None if it names no person.

    Parameters
    ----------
    country
        ISO 3166 code of the brand's home: where surnames come first they do so in alphabets too.

    Examples
    --------
    >>> person_name("欧阳娜娜女士")
    PersonName(written='欧阳娜娜', surname='ouyang', given='nana', sex='female', cut=2)
    >>> person_name("WANG Wei") == person_name("Wei WANG"), person_name("王 伟") == person_name("王伟"), person_name("王先生")
    (True, True, PersonName(written='', surname='wang', given='', sex='male', cut=0))
    >>> person_name("Dr. María-José  García"), person_name("测试")
    (PersonName(written='mariajose garcia', surname='garcia', given='mariajose', sex='', cut=0), None)
    """
    text = unicodedata.normalize("NFKC", value)
    if len(text) > LONGEST:
        return None
    if text.strip().casefold() in _NOBODY:
        return None
    text = _SPACE.sub(" ", _NOISE.sub(" ", _ASIDE.sub(" ", text))).strip(" -*'.,·")
    if not text or text.casefold() in _NOBODY:
        return None
    if KANA.search(text) or _HAN.search(text):
        found = japanese(text, country)
        return _chinese(text) if found is None else _east(*found)
    return _other(text, country)


# -- Chinese


def _chinese(text: str) -> PersonName | None:
    joined = _SPACE.sub("", text).translate(_DOTS)
    han = "".join(_HAN_ONLY.findall(joined))
    if not han or _FIRMS.search(joined):
        return None
    bare, sex = _without_title(han)
    if not bare or bare in _NOBODY:
        return None
    if "·" in bare:  # names of other peoples, written in characters: given name first, no surname
        return PersonName(bare, "", sound(bare.replace("·", "")), sex)
    if len(bare) > 6:
        return None
    if len(bare) == 2 and bare[0] in "老小阿" and han == bare:
        return PersonName("", surname_sound(bare[1]), "", sex)
    cut = 2 if bare[:2] in COMPOUND and len(bare) > 2 else 1
    surname, given = bare[:cut], bare[cut:].strip("*?")
    hidden = "*" in bare or "?" in bare  # masked, or written in an alphabet that lacks the character
    if bare in COMPOUND:
        surname, given = bare, ""
    written = bare if given and not hidden else ""
    return PersonName(
        written, surname_sound(surname), "" if hidden else sound(given), sex, cut if written else 0
    )


def _without_title(han: str) -> tuple[str, str]:
    """Return a name without the title behind it, and the sex that the title tells."""
    for title in TITLES:
        if han.endswith(title) and (len(han) > len(title) or title != "总"):
            return han.removesuffix(title), "female" if title in _FEMALE else "male" if title in _MALE else ""
    return han, ""


@lru_cache(maxsize=65_536)
def sound(text: str) -> str:
    """Return characters as toneless pinyin in one word; what has none in Latin letters."""
    return re.sub("[^a-z]", "", anyascii("".join(lazy_pinyin(text))).lower().replace("ü", "v"))


@lru_cache(maxsize=8_192)
def surname_sound(text: str) -> str:
    """Return a surname as toneless pinyin."""
    return _AS_SURNAME.get(text) or sound(text)


# -- others


def _east(surname: str, given: str) -> PersonName:
    """Return a Japanese name: characters by their Chinese reading, kana by their own."""
    return PersonName(surname + given, sound(surname), sound(given), cut=len(surname))


def _other(text: str, country: str) -> PersonName | None:
    if HANGUL.search(text):
        surname, given = korean(text)
        return PersonName(f"{given} {surname}".strip(), surname, given) if surname else None
    given_, family, sex = parted(text, country)
    if not given_ and not family:
        return None
    return PersonName(" ".join([*given_, *family]), "".join(family), "".join(given_), sex)
