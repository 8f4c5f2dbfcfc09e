"""In which language somebody wants to be spoken to, out of what apps, web pages and customer records write."""

from __future__ import annotations

import re
import unicodedata

CODES = frozenset(
    (
        "aa ab ae af ak am an ar as av ay az ba be bg bh bi bm bn bo br bs ca ce ch co cr cs cu cv cy da de dv dz ee el en eo es et eu fa ff fi fj fo fr fy "
        "ga gd gl gn gu gv ha he hi ho hr ht hu hy hz ia id ie ig ii ik io is it iu ja jv ka kg ki kj kk kl km kn ko kr ks ku kv kw ky la lb lg li ln lo lt "
        "lu lv mg mh mi mk ml mn mr ms mt my na nb nd ne ng nl nn no nr nv ny oc oj om or os pa pi pl ps pt qu rm rn ro ru rw sa sc sd se sg si sk sl sm sn "
        "so sq sr ss st su sv sw ta te tg th ti tk tl tn to tr ts tt tw ty ug uk ur uz ve vi vo wa wo xh yi yo za zh zu"
    ).split()
)
"""ISO 639-1."""
_OLD = {"iw": "he", "in": "id", "ji": "yi", "jw": "jv"}  # what older Java and Android write
_LONGER = {
    **dict.fromkeys(("zho", "chi", "cmn", "yue", "wuu", "hak", "nan"), "zh"),
    "eng": "en", "deu": "de", "ger": "de", "fra": "fr", "fre": "fr", "jpn": "ja", "kor": "ko", "rus": "ru", "spa": "es", "fil": "tl",
}  # fmt: skip
_WRITTEN = {
    **dict.fromkeys(
        "中文 汉语 漢語 华语 华文 普通话 国语 粤语 简体 繁体 简体中文 繁体中文 簡體中文 繁體中文 中国語 chinese mandarin cantonese chinesisch chinois".split(),
        "zh",
    ),
    **dict.fromkeys("英语 英文 english englisch anglais inglés 英語".split(), "en"),
    **dict.fromkeys("德语 德文 german deutsch".split(), "de"),
    **dict.fromkeys("法语 法文 french français".split(), "fr"),
    **dict.fromkeys("日语 日文 日本語 japanese".split(), "ja"),
    **dict.fromkeys("韩语 韩文 한국어 korean".split(), "ko"),
    **dict.fromkeys("俄语 俄文 russian русский".split(), "ru"),
    **dict.fromkeys("西班牙语 西班牙文 spanish español".split(), "es"),
}
_TAG = re.compile(r"([a-z]{2,3})(?:[-_.@ (].*)?")


def language(value: str) -> str | None:
    """Return the code of a language, ISO 639-1, from a language tag, a locale, or its name in common use; None if it is none of these.

    Script and country of a tag are left out: of `zh-Hant-TW` and `zh_CN.UTF-8` is kept what somebody reads.

    Examples
    --------
    >>> [language(v) for v in ("zh-Hans-CN", "en_US.UTF-8", " DE ", "cmn", "iw", "中文", "English (US)")]
    ['zh', 'en', 'de', 'zh', 'he', 'zh', 'en']
    >>> [language(v) for v in ("", "C", "POSIX", "xx-CN", "*", "und")]
    [None, None, None, None, None, None]
    """
    text = unicodedata.normalize("NFKC", value).strip().casefold()
    if (written := _WRITTEN.get(re.split(r"[ (_]", text, maxsplit=1)[0])) is not None:
        return written
    found = _TAG.fullmatch(text)
    if found is None:
        return None
    code = _LONGER.get(found[1], _OLD.get(found[1], found[1]))
    return code if code in CODES else None
