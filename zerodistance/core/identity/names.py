"""Names of people as they are written, cleaned into parts that can be compared: surname and given name by their sound. Pure.

Chinese names are split at the surname and read as toneless pinyin, so that 王伟, 王玮 and `Wang Wei` sound alike; Western ones are turned
into given name and surname; other scripts are written in Latin letters. What is no person's name (a test value, a shop) is None.
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
        `female` or `male` if a title says so; empty: none does.
    """

    written: str
    surname: str
    given: str
    sex: str = ""

    @property
    def whole(self) -> bool:
        """Whether surname and given name are known."""
        return bool(self.surname and self.given)


_FEMALE = ("女士", "小姐", "太太", "阿姨", "大姐", "大妈", "夫人")
_MALE = ("先生", "师傅", "大哥", "大爷", "叔叔", "大叔")
_TITLES = (*_FEMALE, *_MALE, "老师", "经理", "医生", "大夫", "老板", "主任", "同志", "总")
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
# The surnames of 97 in 100 Chinese by their sound: which of two romanised words is the surname. Other ways of writing it in Hong Kong, Taiwan, Singapore
# are not told apart from Western names.
_SOUNDS = frozenset(
    "wang li zhang liu chen yang zhao huang zhou wu xu sun hu zhu gao lin he guo ma luo liang song zheng xie han tang feng yu dong xiao cheng cao yuan"
    " deng xue fu shen zeng peng lv lu su jiang cai jia ding wei ye yan pan dai xia zhong tian ren fan fang shi yao tan liao zou xiong jin hao kong bai"
    " cui kang mao qiu qin gu hou shao meng long wan duan lei qian yin yi chang wen qiao lai gong pang mo ni zhan niu ji ge ouyang zhuang you ou"
    " xing zhai an shu yue qi tao mu bi che nie jiao mei shan tong ruan xi zuo pu chai ning sheng mi miao pei lang ai ling si hua bao cong zha".split()
)
_COURTESY = frozenset("mr mrs ms miss dr prof sir madam mme herr frau sr sra m monsieur madame".split())
_HER = frozenset("mrs ms miss madam mme frau sra madame".split())
_HIM = frozenset("mr sir herr sr monsieur".split())
_AFTER = frozenset("jr sr ii iii iv phd md esq".split())
# Small words that belong to the surname that follows.
_PARTICLES = frozenset("van von der den de da di du la le los las del della dos das bin binti ibn al el ter ten zu zur mac mc st o".split())  # fmt: skip

_SPACE = re.compile(r"\s+")
_ASIDE = re.compile(r"[(（\[【<《].*?[)）\]】>》]")
_NOISE = re.compile(r"[0-9+#_=|/\\:;!?。，、！？：；~～^$%&@\"“”]+")
_HAN = re.compile(r"[㐀-鿿豈-﫿\U00020000-\U0003ffff〇]")
_HAN_ONLY = re.compile(r"[㐀-鿿豈-﫿\U00020000-\U0003ffff〇·*?]+")
_DOTS = dict.fromkeys(map(ord, "•・‧∙⋅．.｡"), "·")


def person_name(value: str) -> PersonName | None:
    """Return the parts of a name; None if it names no person.

    Examples
    --------
    >>> person_name("王 伟"), person_name("欧阳娜娜女士")
    (PersonName(written='王伟', surname='wang', given='wei', sex=''), PersonName(written='欧阳娜娜', surname='ouyang', given='nana', sex='female'))
    >>> person_name("WANG Wei") == person_name("Wei WANG"), person_name("王先生")
    (True, PersonName(written='', surname='wang', given='', sex='male'))
    >>> person_name("Dr. María-José  García"), person_name("测试")
    (PersonName(written='maria jose garcia', surname='garcia', given='mariajose', sex=''), None)
    """
    text = unicodedata.normalize("NFKC", value)
    if len(text) > LONGEST:
        return None
    if text.strip().casefold() in _NOBODY:
        return None
    text = _SPACE.sub(" ", _NOISE.sub(" ", _ASIDE.sub(" ", text))).strip(" -*'.,·")
    if not text or text.casefold() in _NOBODY:
        return None
    return _chinese(text) if _HAN.search(text) else _other(text)


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
    return PersonName(written, surname_sound(surname), "" if hidden else sound(given), sex)


def _without_title(han: str) -> tuple[str, str]:
    """Return a name without the title behind it, and the sex that the title tells."""
    for title in _TITLES:
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


def _other(text: str) -> PersonName | None:
    latin = text if text.isascii() else anyascii(text)
    turned = latin.count(",") == 1
    last, _, first = latin.partition(",") if turned else ("", "", latin)
    words, surnames = _words(first), _words(last)
    sex = (
        "female" if _HER & {w.lower() for w in words} else "male" if _HIM & {w.lower() for w in words} else ""
    )
    words = [w for w in words if w.lower() not in _COURTESY]
    while len(words) > 1 and words[-1].lower() in _AFTER:
        words.pop()
    if not words and not surnames:
        return None
    if not surnames:
        words, surnames = _parted(words)
    return PersonName(_written([*words, *surnames]), _one(surnames), _one(words), sex)


def _words(text: str) -> list[str]:
    return [word for word in re.split(r"[\s.·]+", text) if re.search("[A-Za-z]", word)]


def _one(words: list[str]) -> str:
    return re.sub("[^a-z]", "", "".join(words).lower())


def _written(words: list[str]) -> str:
    return re.sub("[^a-z]+", " ", " ".join(words).lower()).strip()


def _parted(words: list[str]) -> tuple[list[str], list[str]]:
    """Return given names and surname of a name whose words come in either order."""
    if len(words) == 1:
        return [], words
    shouted = [word.isupper() and len(word) > 1 for word in words]
    if shouted[0] and not any(shouted[1:]):
        return words[1:], words[:1]
    if shouted[-1] and not any(shouted[:-1]):
        return words[:-1], words[-1:]
    small = [re.sub("[^a-z]", "", word.lower()) for word in words]
    if len(words) <= 3 and small[0] in _SOUNDS and all(_is_pinyin(word) for word in small):
        return words[1:], words[
            :1
        ]  # where both may be one, the first is: who compares tries the other order too
    at = len(words) - 1
    while at > 1 and small[at - 1] in _PARTICLES:
        at -= 1
    return words[:at], words[at:]


_SYLLABLES = re.compile(
    "(?:(?:[bpmfdtnlgkhjqxzcsryw]|zh|ch|sh)?(?:iang|iong|uang|ang|eng|ing|ong|ian|iao|uai|uan|van|ai|ei|ao|ou|an|en|in|un|vn|ia|ie|iu|ua|uo|ui|ue|ve|er|a|o|e|i|u|v))+"
)


def _is_pinyin(word: str) -> bool:
    return _SYLLABLES.fullmatch(word) is not None
