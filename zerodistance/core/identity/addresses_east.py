"""Japanese and Korean addresses in their own scripts, taken apart; characters by their Chinese reading, the rest in Latin letters. Pure."""

from __future__ import annotations

import re

from zerodistance.core.identity.postal import Abroad, one_word, words

HANGUL = re.compile(r"[\uac00-\ud7a3]")
_KANA = frozenset("〒") | {
    chr(code) for first, last in ((0x3041, 0x3096), (0x30A1, 0x30FA)) for code in range(first, last + 1)
}
_PARTS = re.compile(
    r"(?P<region>東京都|北海道|(?:大阪|京都)府|.{2,3}県)?"
    r"(?P<locality>[^市区町村0-9]{1,7}?市[^市区町村0-9]{1,4}区|[^市区町村0-9]{1,8}?[市区]|[^0-9]{1,4}郡[^0-9]{1,6}?[町村])?"
    r"(?P<street>[^0-9]*)(?P<house>\d+(?:-\d+)*)?(?P<rest>.*)"
)
_BLOCK = re.compile(r"([一二三四五六七八九\d])\s*丁目")
_DIGITS = str.maketrans("一二三四五六七八九", "123456789")
_JAPANESE_CODE = re.compile(r"〒?\s*(\d{3}-?\d{4})(?!\d)")
_KOREAN_CODE = re.compile(r"(?<!\d)(\d{5})(?!\d)")
_PROVINCE = re.compile(
    "(?:시|도)$|^(?:서울|부산|대구|인천|광주|대전|울산|세종|경기|강원|충북|충남|전북|전남|경북|경남|제주)$"
)


def is_japanese(text: str) -> bool:
    """Say whether an address is Japanese by how it is written."""
    return (
        not _KANA.isdisjoint(text)
        or "丁目" in text
        or "番地" in text
        or "県" in text[:4]
        or text.startswith(("東京都", "北海道", "大阪府", "京都府"))
    )


def japanese(text: str) -> Abroad:
    """Return the parts of a Japanese address: prefecture, city and ward, quarter, block numbers, room.

    Examples
    --------
    >>> japanese("東京都千代田区丸の内1-9-1") == japanese("東京都千代田区 丸の内一丁目9番1号")
    True
    """
    code, bare = _without(_JAPANESE_CODE, text)
    bare = re.sub(
        r"[\s,、]", "", re.sub(r"(?<=[号\d])[\s,、]+(?=[^\s丁])", "|", bare.strip())
    )  # a room stands apart
    bare = _BLOCK.sub(lambda found: found[1].translate(_DIGITS) + "-", bare)
    bare = re.sub(r"(?<=\d)(?:番地の|番地|番|号|の)(?=\d)", "-", bare)
    bare = re.sub(r"(?<=\d)(?:番地|番|号)(?!室)", "", bare)
    bare = re.sub("[ー−-]+", "-", bare)
    found = _PARTS.match(bare)
    parts = {name: part or "" for name, part in found.groupdict().items()} if found is not None else {}
    street, house, rest, locality, region = (
        parts.get(name, "") for name in ("street", "house", "rest", "locality", "region")
    )
    return Abroad(
        words(street), words(house.replace("-", " ")), words(rest.replace("号室", "")), words(locality),
        words(re.sub("[都府県]$", "", region)), one_word(code),
    )  # fmt: skip


def korean(text: str) -> Abroad:
    """Return the parts of a Korean address: province, city and ward, road and number, building and room.

    Examples
    --------
    >>> korean("서울특별시 강남구 테헤란로 152 (역삼동)") == korean("서울 강남구 테헤란로 152")
    True
    """
    code, bare = _without(_KOREAN_CODE, text)
    parts: dict[str, list[str]] = {name: [] for name in Abroad._fields}
    for n, token in enumerate(re.sub(r"\([^)]*\)|,", " ", bare).split()):
        if n == 0 and _PROVINCE.search(token):
            parts["region"].append(re.sub("(?:특별자치|특별|광역)?(?:시|도)$", "", token))
        elif re.search("[시군구읍면]$", token) and not parts["street"]:
            parts["locality"].append(token)
        elif re.fullmatch(r"\d+(?:-\d+)?(?:번지)?", token) and parts["street"] and not parts["house"]:
            parts["house"].append(token.removesuffix("번지").replace("-", " "))
        elif not parts["street"] and re.search(r"(?:로|길|동|리|가)\d*$", token) and not token[0].isdigit():
            parts["street"].append(token)
        elif re.search(r"\d", token):
            parts["extra"] += re.findall(r"\d+", token)
    said = {name: words(" ".join(part)) for name, part in parts.items()}
    return Abroad(**said | {"postcode": one_word(code)})


def _without(code: re.Pattern[str], text: str) -> tuple[str, str]:
    """Return the postcode, and the text without it."""
    found = code.search(text)
    return ("", text) if found is None else (found[1], text[: found.start()] + text[found.end() :])
