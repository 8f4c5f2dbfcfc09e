"""Names in Latin, Cyrillic and other alphabets: which words are surname and which are given names, in small Latin letters. Pure.

Which comes first is told by a comma, by capitals, by a patronymic, by particles, and by surnames that many have where the surname comes first. What
a person may leave out stands last: a patronymic, a Vietnamese middle name, a second surname.
"""

from __future__ import annotations

import re

from anyascii import anyascii

Parted = tuple[list[str], list[str], str]
"""Words of the given name, words of the surname, and the sex that a title or a patronymic tells."""

# The surnames of 97 in 100 Chinese by their sound: which of two romanised words is the surname. Other ways of writing it in Hong Kong, Taiwan, Singapore
# are not told apart from Western names.
_SOUNDS = frozenset(
    "wang li zhang liu chen yang zhao huang zhou wu xu sun hu zhu gao lin he guo ma luo liang song zheng xie han tang feng yu dong xiao cheng cao yuan"
    " deng xue fu shen zeng peng lv lu su jiang cai jia ding wei ye yan pan dai xia zhong tian ren fan fang shi yao tan liao zou xiong jin hao kong bai"
    " cui kang mao qiu qin gu hou shao meng long wan duan lei qian yin yi chang wen qiao lai gong pang mo ni zhan niu ji ge ouyang zhuang you ou"
    " xing zhai an shu yue qi tao mu bi che nie jiao mei shan tong ruan xi zuo pu chai ning sheng mi miao pei lang ai ling si hua bao cong zha".split()
)
_SYLLABLES = re.compile(
    "(?:(?:[bpmfdtnlgkhjqxzcsryw]|zh|ch|sh)?(?:iang|iong|uang|ang|eng|ing|ong|ian|iao|uai|uan|van|ai|ei|ao|ou|an|en|in|un|vn|ia|ie|iu|ua|uo|ui|ue|ve|er|a|o|e|i|u|v))+"
)
# Surnames that 9 in 10 Koreans have, each in the spelling that most use first; then those that are no Chinese or English ones.
_KOREAN = {
    spelling: line.split()[0]
    for line in (
        "kim gim, park bak pak, choi choe, jung jeong chung, kang gang, yoon yun, jang, lim im, oh, seo suh, shin sin, kwon gwon, hwang, ahn, yoo ryu ryoo,"
        " hong, jeon jun, ko go, moon mun, son, bae, baek paik, heo hur, nam, shim sim, noh roh, kwak gwak, sung seong, cha, joo ju, woo, koo gu, lee yi rhee"
    ).split(", ")
    for spelling in line.split()
}
_KOREAN_FIRST = frozenset(
    "kim gim park bak choi choe jung jeong yoon seo kwon gwon ahn yoo ryu bae baek heo hur shim noh kwak gwak".split()
)
_KOREAN_GIVEN = re.compile(
    "(?:(?:kk|tt|pp|ss|jj|ch|[gnbdrmsjktphy])?(?:w|y)?(?:ae|eo|oo|ee|eu|oe|ui|[aeiouy])(?:ng|[knlmpt](?![aeiouwy]))?){1,2}"
)
_VIETNAMESE = frozenset("nguyen tran pham huynh hoang phan vu vo dang bui do ngo duong truong dinh trinh doan le ly".split())  # fmt: skip
_VIETNAMESE_ONLY = frozenset("nguyen tran pham huynh phan bui ngo duong truong dinh trinh doan".split())
_VIETNAMESE_MIDDLE = {
    **dict.fromkeys("van huu duc quoc cong".split(), "male"), "thi": "female", **dict.fromkeys("dinh xuan ngoc minh thanh".split(), ""),
}  # fmt: skip
_VIETNAMESE_MARKS = re.compile("[ăâđêôơưĂÂĐÊÔƠƯạảấầẩẫậắằẳẵặẹẻẽếềểễệỉịọỏốồổỗộớờởỡợụủứừửữựỳỵỷỹ]")
_SURNAMES_OF = {"VN": (_VIETNAMESE_ONLY, _VIETNAMESE), "KR": (_KOREAN_FIRST, frozenset(_KOREAN))}
"""Where surnames come first: those that are nothing else, and all that are known."""
_CYRILLIC = re.compile("[\u0400-\u04ff]")
_TWO_SURNAMES = frozenset("ES MX AR CO CL PE VE EC GT CU BO DO HN PY SV NI CR PA UY".split())
_FAMILY_FIRST = frozenset(("HU",))

_COURTESY = frozenset(
    "mr mrs ms miss dr prof sir madam mme mlle herr herrn frau frl sr sra srta senor senora senorita signor signora sig m monsieur madame"
    " dipl med rer habil dhr mevr fru g-n g-zha".split()
)
_HER = frozenset("mrs ms miss madam mme mlle frau frl sra srta senora senorita signora madame mevr fru g-zha".split())  # fmt: skip
_HIM = frozenset("mr sir herr herrn sr senor signor monsieur dhr g-n".split())
_AFTER = frozenset("jr sr ii iii iv phd md esq mba msc bsc cpa dds rn".split())
_BORN_AS = frozenset("nee geb geborene epouse".split())
# Small words that belong to the surname that follows.
_PARTICLES = frozenset(
    "van von vom zum zur der den de da di du do la le los las del della dello dei degli dos das bin binti ibn bint abu al el ter ten te zu mac mc st o d"
    " y i e und".split()
)
_JOINS = frozenset("y i e".split())
# The commonest surnames of Spain, after the counts of its statistical office: two of them at the end are father's and mother's.
_SPANISH = frozenset(
    "garcia rodriguez gonzalez fernandez lopez martinez sanchez perez gomez martin jimenez hernandez ruiz diaz moreno munoz alvarez romero gutierrez alonso"
    " navarro torres dominguez ramos vazquez ramirez gil serrano morales molina blanco suarez castro ortega delgado ortiz marin rubio nunez medina sanz"
    " castillo iglesias cortes garrido santos guerrero lozano cano cruz mendez flores prieto herrera pena leon marquez cabrera gallego calvo vidal campos"
    " reyes vega fuentes carrasco diez aguilar caballero nieto santana pascual vargas herrero gimenez hidalgo montero lorenzo santiago benitez duran ibanez"
    " arias mora ferrer carmona vicente rojas soto crespo roman pastor velasco parra saez moya bravo rivera gallardo soler silva mendoza guzman chavez"
    " espinoza salazar contreras rios acosta sosa paredes cardenas mejia valencia rosales figueroa zamora quintero".split()
)
_PATRONYMIC = re.compile(
    "(?:ov|ev|yev|[bcdfghklmnprst]v)(?:ich|na)$|(?:in|n)ichna$|il?ich$|ovych$|yvna$|ivna$"
)
_SLAVIC = re.compile(
    "(?:[oe]v|[oe]va|in|ina|sk[iy]y?|skij|sk[ao]ya|skaja|enko|chuk|yuk|uk|yan|dze|shvili|ich)$"
)


def parted(text: str, country: str = "CN") -> Parted:
    """Return given names, surnames and the sex that is told of a name in an alphabet.

    Parameters
    ----------
    country
        Where the brand is at home: where the surname comes first it does so here.

    Examples
    --------
    >>> parted("Иванов Иван Иванович"), parted("Nguyễn Văn An"), parted("Kim Min-su")
    ((['ivan', 'ivanovich'], ['ivanov'], 'male'), (['an', 'van'], ['nguyen'], 'male'), (['minsu'], ['kim'], ''))
    >>> parted("Prof. Dr. Jürgen von der Müller"), parted("María García López")
    ((['jurgen'], ['von', 'der', 'muller'], ''), (['maria'], ['garcia', 'lopez'], ''))
    """
    latin = _latin(text)
    pieces = [_words(piece) for piece in latin.split(",")]
    pieces = pieces[:1] + [piece for piece in pieces[1:] if any(_plain(word) not in _AFTER for word in piece)]
    turned = len(pieces) == 2
    words, surnames = (pieces[1], pieces[0]) if turned else ([word for piece in pieces for word in piece], [])
    sex = _told({word.lower() for word in (*words, *surnames)})
    words, surnames = _without_titles(words), _without_titles(surnames)
    if not surnames and words:
        words, surnames = _ordered(words, country, text)
    given, family = [_plain(word) for word in words], [_plain(word) for word in surnames]
    for at, word in enumerate(given):
        if at and _PATRONYMIC.search(word):
            sex = sex or ("female" if word.endswith("na") else "male")
    if _is_vietnamese(given, family):
        given, told = _vietnamese(given)
        sex = sex or told
    return *_folded(given, family), sex


def letters(given: str, surname: str) -> tuple[str, str]:
    """Return given name and surname, which stand in columns of their own, in small Latin letters without marks, titles and space.

    Examples
    --------
    >>> letters("Dr. Hans-Jürgen", "Müller"), letters("Hans Juergen", "Mueller"), letters("伟", "王")
    (('hansjurgen', 'muller'), ('hansjurgen', 'muller'), ('wei', 'wang'))
    """
    first, last = (
        [_plain(word) for word in _without_titles(_words(_latin(text)))] for text in (given, surname)
    )
    if _is_vietnamese(first, last):
        first = _vietnamese(first)[0]
    first, last = _folded(first, last)
    return "".join(first), "".join(last)


def plain_words(text: str) -> list[str]:
    """Return the words of a name in small Latin letters, without titles; which of them is the surname is left open.

    Examples
    --------
    >>> plain_words("Dr. Jürgen Müller"), plain_words("Wang Wei")
    (['jurgen', 'muller'], ['wang', 'wei'])
    """
    words = [
        plain for word in _without_titles(_words(_latin(text.replace(",", " ")))) if (plain := _plain(word))
    ]
    if len(words) == 2 and not {*words} & {*_SOUNDS}:
        for family, given in (words, words[::-1]):
            if family in _KOREAN and _KOREAN_GIVEN.fullmatch(given):
                return [given, _KOREAN[family]]
    if all(map(is_pinyin, words)) and {*words} & {*_SOUNDS}:
        return words
    return [_fold(word) for word in words]


def _latin(text: str) -> str:
    bare = _LV.sub(r"\1v", text.replace("Ё", "Е").replace("ё", "е"))
    return bare if bare.isascii() else anyascii(bare)


_LV = re.compile(r"\b([LlNn])[üÜ](?=\b|er\b)")  # 吕 and 女 in pinyin


def _words(text: str) -> list[str]:
    return [word for word in re.split(r"[\s.·]+", text) if re.search("[A-Za-z]", word)]


def _plain(word: str) -> str:
    return re.sub("[^a-z]", "", word.lower())


def _told(words: set[str]) -> str:
    her, him = bool(_HER & words), bool(_HIM & words)
    return "" if her == him else "female" if her else "male"


def _without_titles(words: list[str]) -> list[str]:
    kept = [word for word in words if word.lower() not in _COURTESY and word[0] != "-"]  # Dipl.-Ing.
    kept = kept or words[-1:]  # it may be all that is known: Ms
    for at, word in enumerate(kept):
        if at and _plain(word) in _BORN_AS:
            kept = kept[:at]
            break
    while len(kept) > 1 and _plain(kept[-1]) in _AFTER:
        kept.pop()
    return [] if len(kept) == 1 and kept[0].lower() in _COURTESY else kept


def _ordered(words: list[str], country: str, text: str) -> tuple[list[str], list[str]]:
    """Return given names and surnames of a name whose words come in either order."""
    if len(words) == 1:
        return [], words
    small = [_plain(word) for word in words]
    shouted = [word.isupper() and len(word) > 1 for word in words]
    if shouted[0] and not any(shouted[1:]):
        return words[1:], words[:1]
    if shouted[-1] and not any(shouted[:-1]):
        at = len(words) - 1
        return words[:at], words[at:]
    if len(words) <= 3 and small[0] in _SOUNDS and all(map(is_pinyin, small)):
        return words[1:], words[
            :1
        ]  # where both may be one, the first is: who compares tries the other order too
    marks, cyrillic = (form.search(text) is not None for form in (_VIETNAMESE_MARKS, _CYRILLIC))
    if _leads(small, country, marks, cyrillic=cyrillic, hyphen=len(words) == 2 and "-" in words[1]):
        return words[1:], words[:1]
    if len(words) == 3 and _PATRONYMIC.search(small[1]):
        return words[:2], words[2:]
    at = len(words) - 1
    if at > 1 and small[at - 1] in _SPANISH and (small[at] in _SPANISH or country in _TWO_SURNAMES):
        at -= 1
    elif at > 2 and small[at - 1] in _JOINS:
        at -= 2
    while at > 1 and small[at - 1] in _PARTICLES:
        at -= 1
    return words[:at], words[at:]


def _leads(small: list[str], country: str, vietnamese: bool, *, cyrillic: bool, hyphen: bool) -> bool:
    """Say whether the first of several words is the surname."""
    first, rest = small[0], small[1:]
    if len(small) == 3 and _PATRONYMIC.search(small[2]) and not _PATRONYMIC.search(small[1]):
        return True
    if (
        cyrillic
        and len(small) == 2
        and _SLAVIC.search(first)
        and len(first) > 4
        and not _SLAVIC.search(rest[0])
    ):
        return first[-2:] not in ("in", "uk")
    if first in _VIETNAMESE and rest[-1] not in _VIETNAMESE_ONLY:
        told = (
            vietnamese
            or country == "VN"
            or (len(small) > 2 and (first in _VIETNAMESE_ONLY or rest[0] in ("van", "thi")))
        )
        if told:
            return True
    if first in _KOREAN and hyphen and _KOREAN_GIVEN.fullmatch(rest[0]):
        return True
    if first in _KOREAN_FIRST and rest[-1] not in _KOREAN_FIRST and _KOREAN_GIVEN.fullmatch("".join(rest)):
        return True
    if country in _SURNAMES_OF:
        surest, all_ = _SURNAMES_OF[country]
        return first in surest or rest[-1] not in all_
    return country in _FAMILY_FIRST and first not in _PARTICLES


def _is_vietnamese(given: list[str], family: list[str]) -> bool:
    middle = bool(given) and given[0] in ("van", "thi")
    return bool(family) and family[0] in (_VIETNAMESE if middle else _VIETNAMESE_ONLY)


def _vietnamese(given: list[str]) -> tuple[list[str], str]:
    """Return given names with the one that somebody is called by before the middle ones, and the sex that those tell."""
    told = next((sex for word in given if (sex := _VIETNAMESE_MIDDLE.get(word))), "")
    if len(given) > 1 and given[0] in _VIETNAMESE_MIDDLE:
        given = [given[-1], *given[:-1]]
    return given, told


def _folded(given: list[str], family: list[str]) -> tuple[list[str], list[str]]:
    """Return words with vowels that are written in two ways written in one: Müller, Mueller; a Chinese or Korean name keeps its own."""
    if family and family[0] in _SOUNDS and all(map(is_pinyin, given)):
        return given, family
    if family and family[0] in _KOREAN and given and _KOREAN_GIVEN.fullmatch("".join(given)):
        return ["".join(given)], [_KOREAN[family[0]]]
    return [_fold(word) for word in given], [_fold(word) for word in family]


def _fold(word: str) -> str:
    """Return a word with ae, oe, ue as a, o, u, as ä, ö, ü are."""
    return re.sub("(?:(?<=[ao])|(?<=[^aeiouqgy]u))e(?=[bcdfghklmnprstvwxz])", "", word)


def is_pinyin(word: str) -> bool:
    """Say whether a word may be Chinese by its syllables."""
    return _SYLLABLES.fullmatch(word) is not None
