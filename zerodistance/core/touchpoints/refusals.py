"""Why the door refuses a request: what its client hears, besides what `bodies`, `limits` and `writer` find."""

from __future__ import annotations

from zerodistance.kernel.errors import ZeroDistanceError
from zerodistance.kernel.text import Text


class UnknownKey(ZeroDistanceError):
    """No source has the write key that a request names, or it names none."""

    code, status = "unknown_key", 401
    text = Text(
        "写入密钥不存在；可放在 Basic 用户名、正文 writeKey、X-Write-Key 或 ?writeKey=",
        "no source has this write key; give it as the Basic user, `writeKey` in the body, X-Write-Key or ?writeKey=",
    )


class SourceOff(ZeroDistanceError):
    """The source is switched off."""

    code, status = "source_off", 401
    text = Text("来源 {source} 已停用", "the source {source} is switched off")


class OriginNotAllowed(ZeroDistanceError):
    """A browser page of this origin may not send to the source."""

    code, status = "origin_not_allowed", 403
    text = Text(
        "来源 {source} 不接受网页 {origin}；可在来源的允许网页里加上它",
        "the source {source} does not take touches from pages of {origin}; add it to the source's origins",
    )


class InMemoryShort(ZeroDistanceError):
    """More request bytes are on their way than memory is set aside for."""

    code, status, retry = "busy", 429, True
    text = Text("请求太多，请稍后再发", "too much is coming in at once; send again later")


class TooSlow(ZeroDistanceError):
    """A body did not come to its end in time."""

    code, status, retry = "too_slow", 408, True
    text = Text("正文在 {seconds} 秒内没有发完", "the body did not end within {seconds} seconds")


class NoSuchPath(ZeroDistanceError):
    """Nothing is collected under this path."""

    code, status = "no_such_path", 404
    text = Text("没有这个地址：{path}", "there is nothing at {path}")


class WrongMethod(ZeroDistanceError):
    """A path was asked with a method it does not have."""

    code, status = "wrong_method", 405
    text = Text(
        "{path} 不接受 {method}；可用：{allowed}", "{path} does not take {method}; allowed are {allowed}"
    )
