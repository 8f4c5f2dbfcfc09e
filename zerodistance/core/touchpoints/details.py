"""What stands beside a refused row: one sentence without anything raw, kept in English and shown in the reader's language."""

from __future__ import annotations

import re
from functools import lru_cache

from zerodistance.kernel.text import Text

SHOWN = 40  # own value: signs of a value whose form is shown
SENTENCES: tuple[Text, ...] = (
    Text(
        "{detail}；只留下 {size} 字节中的前 {held} 字节",
        "{detail}; only the first {held} of {size} bytes are kept",
    ),
    Text(
        "{count} 个事件，{first} 到 {last}；第一个：{detail}",
        "{count} events, {first} to {last}; the first: {detail}",
    ),
    Text("程序处理它时出错：{error}", "the program failed on it: {error}"),
    Text("嵌套太深", "nested too deeply"),
    Text("不是 UTF-8", "not UTF-8"),
    Text("不合 RFC 8259 的 JSON", "no JSON by RFC 8259"),
    Text("不是 JSON：第 {byte} 字节起读不懂", "JSON is malformed: {why} (byte {byte})"),
    Text("不完整的 JSON", "Input data was truncated"),
    Text("{place} 应是 {wanted}，给的是 {given}", "Expected `{wanted}`, got `{given}` - at `{place}`"),
    Text("应是 {wanted}，给的是 {given}", "Expected `{wanted}`, got `{given}`"),
    Text("缺少 {field}", "Object missing required field `{field}`"),
    Text("日志里的这一行已损坏，原样保留", "the journal's row is damaged; it is kept as it stood there"),
    Text(
        "这个事件有 {size} 字节，这个来源最多收 {most}",
        "the event has {size} bytes; this source allows {most}",
    ),
    Text("这个事件不是 JSON 对象", "the event is not a JSON object"),
    Text("这个事件没有 type；可用 {allowed}", "the event has no type; allowed are {allowed}"),
    Text("type 写成 {form} 这样的形式；可用 {allowed}", "type has the form {form}; allowed are {allowed}"),
    Text(
        "{field} 是对象或列表；可用文字和数字",
        "{field} is an object or a list; allowed are text and numbers",
    ),
    Text(
        "userId 和 anonymousId 都没有；至少要有一个",
        "neither userId nor anonymousId is given; one of them is needed",
    ),
    Text(
        "{field} 写成 {form} 这样的形式；可用 ISO 8601，或 1970 年以来的秒或毫秒数",
        "{field} has the form {form}; allowed are ISO 8601 and seconds or milliseconds since 1970",
    ),
    # whole bodies
    Text("正文不是 JSON：{why}", "the body is not JSON: {why}"),
    Text("正文应是一个 JSON 对象：{why}", "the body should be a JSON object: {why}"),
    Text("正文里应有 batch，一个事件列表：{why}", "the body should have `batch`, a list of events: {why}"),
    Text(
        "正文无法解压（{why}）；可用：{allowed}", "the body can't be unpacked ({why}); allowed are {allowed}"
    ),
    Text("采集的门读不懂它", "the door could not read it"),
    # schemas
    Text("{path} 读不出来，没法按约定检查", "{path} can't be read by its schema"),
    Text("{path} 缺少 {field}", "{path} lacks {field}, which is required"),
    Text("{path}：{rule} 应是 {allowed}", "{path} breaks the rule {rule}, which is {allowed}"),
    # imports
    Text(
        "{key}：不是 1970 年以后的时间；可用 {allowed}",
        "{key}: not a time from 1970 on; allowed is {allowed}",
    ),
    Text("列 {column}：不是 {kind} 类型", "column {column}: not of the type {kind}"),
    Text(
        "columns.currency：不是 ISO 4217 的三个大写字母代码",
        "columns.currency: not an ISO 4217 code of three capital letters",
    ),
    Text(
        "{key}：不是有限的数，或表达式在它上面算不出来",
        "{key}: the value is not a finite number, or the expression fails on it",
    ),
    Text("{key}：必需的值没有给", "{key}: the value is missing, and it is required"),
    Text(
        "{key}：没有一个可用的标识；至少要有一个：{allowed}",
        "{key}: the row has none that can be used; one of these is needed: {allowed}",
    ),
    Text("{key}：不合映射的要求：{condition}", "{key}: the row is not as the mapping asks: {condition}"),
    Text("kind：映射里没有一条规则适用于这一行", "kind: no rule of the mapping holds for the row"),
    Text(
        "{key}：超过来源允许的 {most} 字节",
        "{key}: larger than the {most} bytes that the source allows",
    ),
    Text("引号开了没有关", "a quote is opened and never closed"),
    Text("这一行有 {given} 列，文件有 {wanted} 列", "the row has {given} columns, the file has {wanted}"),
    Text("这一行读不懂：{why}", "the row can't be read: {why}"),
    Text("列 {column} 不是 {encoding}", "column {column} is not {encoding}"),
    Text(
        "这一行长过 {most} 字节，只留下开头的 {kept}",
        "the row is longer than {most} bytes; its first {kept} are kept",
    ),
    Text("这一行有 NUL 符号", "the row holds the sign NUL"),
    Text("键 {key} 在一个对象里出现两次", "the key {key} stands twice in one object"),
    Text("{name} 不是 JSON 的数", "{name} is no JSON number"),
    Text("不是 JSON：第 {place} 个字符起读不懂", "it is not JSON: {why}, character {place}"),
    Text("不是 JSON：{why}", "it is not JSON: {why}"),
    Text("嵌套太深", "it is nested too deeply"),
    Text("不是 JSON 对象，而是{kind}", "it is not a JSON object but {kind}"),
    Text("不是 UTF-8", "it is not utf-8"),
    Text("一段文字里有 NUL 符号", "a text holds the sign NUL"),
    Text(
        "一段文字里有半个字符：缺了另一半的代理项", "a text holds half a sign: a surrogate without its other"
    ),
    Text("单元格 {cell} 读不出来（{why}）", "cell {cell} can't be read ({why})"),
    Text("单元格 {cell} 是错误 {error}", "cell {cell} holds the error {error}"),
    Text("有一格里有 NUL 符号", "a cell holds the sign NUL"),
    Text("有一格长过单元格的上限", "a cell is longer than a cell can be"),
    Text("导入 {number} 已经没有记录", "the import {number} is not known any more"),
    Text("文件没有列 {column}", "the file has no column {column}"),
    Text("这一行是空的；{forms}", "the row holds nothing; {forms}"),
    Text("这一行不是约定形式的 JSON；{forms}", "the row is not JSON of our form; {forms}"),
    Text("这一行不是 {encoding}", "the row is not {encoding}"),
)
"""Every sentence in both languages; the English one, with its fields filled in, is what is stored."""


_FIELD = re.compile(
    r"(?P<field>[\w.$/\[\]-]{1,100}) (?:has the form|is an object or a list|breaks the rule|can't be read by)"
    r"|(?P<path>[^ ]{0,100}) lacks (?P<lacking>.{1,100}?), which is required"
    r"|Object missing required field `(?P<missing>[^`]{1,100})`"
    r"|(?P<key>(?:types|columns|identifiers|facts|times|kind|checks)[\w. ]{0,60}): "
    r"|column (?P<column>.{1,100}?)(?:: not of the type| is not )"
    r"|Expected .{1,200} - at `\$?\.?(?P<place>[^`]{1,100})`",
    re.DOTALL,
)
"""Where in the row a stored sentence says that it is wrong."""
_BUNDLE = re.compile(r"\A\d+ events, .{1,60}?; the first: ")


def field_of(detail: str) -> str:
    """Return the field, column or key of the mapping that a stored sentence is about; nothing if it is about the whole row.

    Examples
    --------
    >>> field_of("timestamp has the form 'aaaa'; allowed are ISO 8601"), field_of("columns.quantity: the value is not")
    ('timestamp', 'columns.quantity')
    >>> field_of("not UTF-8")
    ''
    """
    found = _FIELD.match(_BUNDLE.sub("", detail, count=1))
    if found is None:
        return ""
    if found["lacking"]:
        return f"{found['path']}/{found['lacking']}"
    return next((value for value in found.groupdict().values() if value), "")


_PARTS = {
    "an array": "数组",
    "a text": "文字",
    "a number": "数",
    "true or false": "真假值",
    "null": "null",
    "a value": "别的值",
}
"""What may stand in a field and is no name."""


def words(detail: str) -> Text:
    """Return a stored sentence in both languages; one that is not in `SENTENCES` is shown as it is.

    Examples
    --------
    >>> words("the row has 3 columns, the file has 8").zh
    '这一行有 3 列，文件有 8 列'
    """
    for pattern, sentence in _patterns():
        if found := pattern.fullmatch(detail):
            return Text(
                sentence.zh.format(**{k: _PARTS.get(v, v) for k, v in found.groupdict().items()}), detail
            )
    return Text(detail, detail)


@lru_cache(maxsize=1)
def _patterns() -> tuple[tuple[re.Pattern[str], Text], ...]:
    def pattern(sentence: Text) -> re.Pattern[str]:
        parts = re.split(r"\{(\w+)\}", sentence.en)
        fixed = [re.escape(part.replace("{{", "{").replace("}}", "}")) for part in parts[::2]]
        names = [f"(?P<{name}>.+?)" for name in parts[1::2]]
        return re.compile("".join(a + b for a, b in zip(fixed, [*names, ""], strict=True)), re.DOTALL)

    return tuple((pattern(sentence), sentence) for sentence in SENTENCES)


def form(value: str) -> str:
    """Return the form of a text without its content: letters as `a`, digits as `9`, other scripts as `字`.

    Examples
    --------
    >>> form("Tue, 3 März 1999"), form("王伟")
    ('Aaa, 9 A字aa 9999', '字字')
    """
    return "".join(_sign(c) for c in value)


def _sign(sign: str) -> str:
    if sign.isdigit():
        return "9"
    if sign.isascii() and sign.isalpha():
        return "A" if sign.isupper() else "a"
    return "字" if sign.isalpha() else sign


def shown(value: str) -> str:
    """Return the form of a value as it stands in a sentence, its beginning only.

    Examples
    --------
    >>> shown("x" * 50)
    "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'..."
    """
    return repr(form(value[:SHOWN])) + ("..." if len(value) > SHOWN else "")
