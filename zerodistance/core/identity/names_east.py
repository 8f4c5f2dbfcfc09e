"""Japanese and Korean names in their own scripts: where the surname ends, and how it sounds. Pure."""

from __future__ import annotations

import re
from typing import Final

from anyascii import anyascii

KANA = re.compile(r"[\u3041-\u3096\u30a1-\u30fa]")
HANGUL = re.compile(r"[\uac00-\ud7a3]")
# The commonest Japanese surnames: where a name of four characters is not cut by a space.
_JAPANESE: Final = frozenset(
    "佐藤 鈴木 高橋 田中 渡辺 伊藤 山本 中村 小林 加藤 吉田 山田 佐々木 山口 松本 井上 木村 斎藤 斉藤 清水 山崎 池田 阿部 橋本 山下 石川"
    " 中島 前田 藤田 後藤 小川 岡田 村上 長谷川 近藤 石井 坂本 遠藤 青木 藤井 西村 福田 太田 三浦 藤原 松田 岡本 中川 中野 原田 小野 田村"
    " 竹内 金子 和田 中山 石田 上田 森田 柴田 酒井 工藤 横山 宮崎 宮本 内田 高木 安藤 谷口 大野 丸山 今井 高田 藤本 武田 村田 上野 杉山"
    " 増田 菅原 平野 大塚 千葉 久保 松井 岩崎 桜井 木下 野口 松尾 菊地 野村 新井 佐野 渡部 杉本 大西 古川 浜田 市川 小松 高野 水野 吉川"
    " 山内 西田 菊池 五十嵐 北村 安田 川口 平田 渡邊 渡邉 齋藤 齊藤 小島 久保田 本田 岩田 服部 樋口 大橋 中田".split()
)
_KOREAN_TWO: Final = frozenset("남궁 황보 제갈 사공 선우 독고 서문 동방".split())
_KOREAN: Final = dict(
    pair.split("=")
    for pair in (
        "김=kim 이=lee 리=lee 박=park 최=choi 정=jung 강=kang 조=cho 윤=yoon 장=jang 임=lim 림=lim 한=han 오=oh 서=seo 신=shin"
        " 권=kwon 황=hwang 안=ahn 송=song 류=yoo 유=yoo 홍=hong 전=jeon 고=ko 문=moon 양=yang 손=son 배=bae 백=baek 허=heo 남=nam"
        " 심=shim 노=noh 하=ha 곽=kwak 성=sung 차=cha 주=joo 우=woo 구=koo 민=min 진=jin 지=ji"
    ).split()
)
_HONORIFIC = re.compile("(?:씨|님|선생님?|고객님?)$")


def japanese(text: str, country: str) -> tuple[str, str] | None:
    """Return surname and given name of a Japanese name as they are written; None: it is no name that is known to be Japanese.

    Examples
    --------
    >>> japanese("佐々木 希", "CN"), japanese("山田太郎", "CN"), japanese("やまだ たろう", "CN"), japanese("王小明", "CN")
    (('佐々木', '希'), ('山田', '太郎'), ('やまだ', 'たろう'), None)
    """
    bare = re.sub("(?:様|さん|さま|氏)$", "", text)
    words = bare.split()
    if len(words) == 2 and (
        KANA.search(bare) or country == "JP" or (len(words[0]) > 1 and words[0] in _JAPANESE)
    ):
        return words[0], words[1]
    joined = "".join(words)
    for cut in (3, 2):
        if (
            joined[:cut] in _JAPANESE
            and len(joined) > cut
            and (country == "JP" or len(joined) > 3 or KANA.search(joined))
        ):
            return joined[:cut], joined[cut:]
    if country == "JP" and len(joined) > 2:
        return joined[:2], joined[2:]
    return ("", joined) if KANA.search(joined) else None


def korean(text: str) -> tuple[str, str]:
    """Return surname and given name of a name in Hangul by their sound, the surname as most spell it; both empty: none is there.

    Examples
    --------
    >>> korean("김민수"), korean("남궁 민"), korean("이 영희 님")
    (('kim', 'minsu'), ('namgung', 'min'), ('lee', 'yeonghui'))
    """
    bare = _HONORIFIC.sub("", "".join(re.findall(r"[\uac00-\ud7a3]", text)))
    cut = 2 if bare[:2] in _KOREAN_TWO else 1
    surname, given = bare[:cut], bare[cut:]
    return _KOREAN.get(surname) or _sound(surname), _sound(given)


def _sound(text: str) -> str:
    return re.sub("[^a-z]", "", anyascii(text).lower())


def kana(text: str) -> str:
    """Return kana in small Latin letters."""
    return _sound(text)
